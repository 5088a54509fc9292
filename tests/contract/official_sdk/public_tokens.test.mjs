import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiClient } from "@trigger.dev/core/v3";
import { auth, wait } from "@trigger.dev/sdk";
import { ada, url } from "./support.mjs";

const claimsOf = (jwt) => JSON.parse(Buffer.from(jwt.split(".")[1], "base64url"));
const as = (accessToken, ask) => auth.withAuth({ accessToken }, ask);

test("a public token may complete what it names", async () => {
  const [named, other] = [await wait.createToken(), await wait.createToken()];

  const publicToken = await auth.createPublicToken({ scopes: { write: { waitpoints: named.id } } });

  assert.deepEqual(claimsOf(publicToken).scopes, [`write:waitpoints:${named.id}`]);
  await as(publicToken, () => wait.completeToken(named, "yes"));
  await assert.rejects(as(publicToken, () => wait.completeToken(other, "yes")), { status: 403 });
  assert.equal((await wait.retrieveToken(named)).output, "yes");
  assert.equal((await wait.retrieveToken(other)).status, "WAITING");
});

test("a public token may be for several tokens, or for all", async () => {
  const tokens = [await wait.createToken(), await wait.createToken(), await wait.createToken()];

  const forTwo = await auth.createPublicToken({ scopes: { write: { waitpoints: [tokens[0].id, tokens[1].id] } } });
  const forAll = await auth.createPublicToken({ scopes: { write: { waitpoints: true } } });

  await as(forTwo, () => wait.completeToken(tokens[0], 0));
  await as(forTwo, () => wait.completeToken(tokens[1], 1));
  await assert.rejects(as(forTwo, () => wait.completeToken(tokens[2], 2)), { status: 403 });
  await as(forAll, () => wait.completeToken(tokens[2], 2));
});

test("a public token that may read does not complete", async () => {
  const token = await wait.createToken();

  const publicToken = await auth.createPublicToken({ scopes: { read: { waitpoints: token.id } } });

  assert.equal((await as(publicToken, () => wait.retrieveToken(token))).status, "WAITING");
  await assert.rejects(as(publicToken, () => wait.completeToken(token, {})), { status: 403 });
});

test("withPublicToken does it in one step", async () => {
  const token = await wait.createToken();

  await auth.withPublicToken({ scopes: { write: { waitpoints: token.id } } }, () => wait.completeToken(token, 1));

  assert.equal((await wait.retrieveToken(token)).output, 1);
});

test("a public token ends when it is told to: a duration, a Date, a number", async () => {
  const scopes = { write: { waitpoints: "waitpoint_any" } };
  const inAnHour = Math.floor(Date.now() / 1000) + 3600;

  for (const expirationTime of ["1h", new Date(inAnHour * 1000), inAnHour]) {
    const { exp } = claimsOf(await auth.createPublicToken({ scopes, expirationTime }));
    assert.ok(Math.abs(exp - inAnHour) <= 2, `${expirationTime}`);
  }
});

test("a public token that has ended is refused", async () => {
  const token = await wait.createToken();
  const publicToken = await auth.createPublicToken({
    scopes: { write: { waitpoints: token.id } },
    expirationTime: "1s",
  });

  await new Promise((resolve) => setTimeout(resolve, 2_100));

  await assert.rejects(as(publicToken, () => wait.completeToken(token, {})), { status: 401 });
});

test("a public token cannot end in the past, or after more than thirty days", async () => {
  const scopes = { write: { waitpoints: "waitpoint_any" } };

  await assert.rejects(auth.createPublicToken({ scopes, expirationTime: new Date(0) }), { status: 400 });
  await assert.rejects(auth.createPublicToken({ scopes, expirationTime: "31d" }), { status: 400 });
});

test("a public token cannot make another", async () => {
  const { publicAccessToken } = await wait.createToken();
  const client = new ApiClient(url, publicAccessToken);

  await assert.rejects(client.createPublicToken({ scopes: ["write:all"] }), { status: 401 });
  await assert.rejects(client.generateJWTClaims(), { status: 401 });
});

test("the claims of the environment are told to its keys", async () => {
  const claims = await new ApiClient(url, ada).generateJWTClaims();

  const { publicAccessToken } = await wait.createToken();
  assert.equal(claims.pub, true);
  assert.equal(claims.sub, claimsOf(publicAccessToken).sub);
});
