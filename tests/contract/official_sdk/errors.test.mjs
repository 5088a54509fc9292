import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError, AuthenticationError, BadRequestError, NotFoundError, UnprocessableEntityError, auth, wait } from "@trigger.dev/sdk";
import { cleo, unique } from "./support.mjs";

const as = (accessToken, ask) => auth.withAuth({ accessToken }, ask);
const unknownKey = "tr_dev_sk_NobodyHasThisKeyAtAll000";

test("an unknown token is not found", async () => {
  await assert.rejects(wait.retrieveToken("waitpoint_doesnotexist"), NotFoundError);
  await assert.rejects(wait.completeToken("waitpoint_doesnotexist", {}), (error) => {
    assert.ok(error instanceof NotFoundError);
    assert.equal(error.status, 404);
    assert.equal(error.message, "Waitpoint not found");
    return true;
  });
});

test("another environment's token is not found, in the same words", async () => {
  const token = await wait.createToken({ tags: unique("adas") });

  const words = async (ask) => ask.then(assert.fail, ({ status, message }) => ({ status, message }));
  const unknown = await words(wait.completeToken("waitpoint_doesnotexist", {}));
  assert.deepEqual(await words(as(cleo, () => wait.completeToken(token, {}))), unknown);
  await assert.rejects(as(cleo, () => wait.retrieveToken(token)), NotFoundError);

  assert.equal((await wait.retrieveToken(token)).status, "WAITING");
});

test("another environment lists its own tokens, and its idempotency keys are its own", async () => {
  const [tags, idempotencyKey] = [unique("tag"), unique("key")];
  const adas = await wait.createToken({ tags, idempotencyKey });

  const cleos = await as(cleo, () => wait.createToken({ tags, idempotencyKey }));
  const page = await as(cleo, () => wait.listTokens({ tags }));

  assert.notEqual(cleos.id, adas.id);
  assert.equal(cleos.isCached, false);
  assert.deepEqual(page.data.map((item) => item.id), [cleos.id]);
});

for (const [who, key] of [["an unknown key", unknownKey], ["no key at all", "nonsense"], ["a broken token", "e.y.J"]]) {
  test(`${who} is refused everywhere`, async () => {
    const token = await wait.createToken();

    for (const ask of [
      () => wait.createToken(),
      () => wait.listTokens(),
      () => wait.retrieveToken(token),
      () => wait.completeToken(token, {}),
    ]) {
      await assert.rejects(as(key, ask), (error) => error instanceof AuthenticationError && error.status === 401);
    }
  });
}

test("a public access token creates, lists and retrieves nothing", async () => {
  const token = await wait.createToken();

  await assert.rejects(as(token.publicAccessToken, () => wait.createToken()), AuthenticationError);
  await assert.rejects(as(token.publicAccessToken, () => wait.listTokens()), AuthenticationError);
  await assert.rejects(as(token.publicAccessToken, () => wait.retrieveToken(token)), ({ status }) => [401, 403].includes(status));
});

test("what cannot be understood is said in words", async () => {
  const eleven = Array.from({ length: 11 }, (_, number) => `tag-${number}`);

  await assert.rejects(wait.createToken({ timeout: "tomorrow" }), BadRequestError);
  await assert.rejects(wait.createToken({ timeout: "0s" }), BadRequestError);
  await assert.rejects(wait.createToken({ timeout: new Date(0) }), BadRequestError);
  await assert.rejects(wait.createToken({ tags: "x".repeat(129) }), BadRequestError);
  await assert.rejects(wait.createToken({ idempotencyKey: "x".repeat(2049) }), BadRequestError);
  await assert.rejects(wait.createToken({ tags: eleven }), (error) => {
    assert.ok(error instanceof UnprocessableEntityError);
    assert.equal(error.message, "Waitpoints can only have 10 tags, you're trying to set 11.");
    return true;
  });
  await assert.rejects(wait.listTokens({ status: "SLEEPING" }), (error) => {
    assert.ok(error instanceof BadRequestError && error instanceof ApiError);
    assert.equal(error.message, "Query Error");
    return true;
  });
  await assert.rejects(wait.listTokens({ limit: 1000 }), BadRequestError);
  await assert.rejects(wait.listTokens({ after: "not a cursor" }), BadRequestError);
});
