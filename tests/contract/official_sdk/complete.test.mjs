import assert from "node:assert/strict";
import { test } from "node:test";
import { auth, wait } from "@trigger.dev/sdk";
import { ada } from "./support.mjs";

const outputs = {
  "an object": { status: "approved", comment: "Looks good to me!", nested: { list: [1, 2, { three: 3 }] } },
  "a list": [1, "two", null],
  "a text": "yes",
  "an empty text": "",
  "a number": 0,
  "a large number": 9007199254740991,
  "a truth": true,
  "a falsehood": false,
  "null": null,
  "other scripts and quotes": 'ünï "日本" \u2028 🎉 \\ \n',
};

for (const [name, output] of Object.entries(outputs)) {
  test(`a token is completed with ${name}, and gives it back unchanged`, async () => {
    const token = await wait.createToken();

    const answer = await wait.completeToken(token, output);

    assert.equal(answer.success, true);
    const found = await wait.retrieveToken(token);
    assert.equal(found.status, "COMPLETED");
    assert.deepEqual(found.output, output);
    assert.equal(found.error, undefined);
    assert.ok(found.completedAt >= found.createdAt);
  });
}

test("a token is completed by its id, and with nothing", async () => {
  const token = await wait.createToken();

  await wait.completeToken(token.id);

  const found = await wait.retrieveToken(token.id);
  assert.equal(found.status, "COMPLETED");
  assert.equal(found.output, undefined);
});

test("a second answer succeeds and changes nothing", async () => {
  const token = await wait.createToken();
  await wait.completeToken(token, { answer: "first" });
  const before = await wait.retrieveToken(token);

  const answer = await wait.completeToken(token, { answer: "second" });

  assert.equal(answer.success, true);
  assert.deepEqual(await wait.retrieveToken(token), before);
});

test("the public access token completes its token", async () => {
  const token = await wait.createToken();

  await auth.withAuth({ accessToken: token.publicAccessToken }, () => wait.completeToken(token, { by: "Ben" }));

  assert.deepEqual((await wait.retrieveToken(token)).output, { by: "Ben" });
});

test("a public access token does not complete another token, and not even tells whether it exists", async () => {
  const bens = await wait.createToken();
  const other = await wait.createToken();

  for (const id of [other.id, "waitpoint_doesnotexist"]) {
    const attempt = auth.withAuth({ accessToken: bens.publicAccessToken }, () => wait.completeToken(id, {}));
    await assert.rejects(attempt, { status: 403, code: "unauthorized", param: "access_token", type: "authorization" });
  }

  assert.equal((await wait.retrieveToken(other)).status, "WAITING");
});

test("the callback URL completes the token with whatever is posted", async () => {
  const token = await wait.createToken();

  const answer = await fetch(token.url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ status: "succeeded", output: ["https://example.com/cat.png"] }),
  });

  assert.equal(answer.status, 200);
  const found = await wait.retrieveToken(token);
  assert.deepEqual(found.output, { status: "succeeded", output: ["https://example.com/cat.png"] });
});

test("an instance configured in code does the same as one configured by the environment", async () => {
  auth.configure({ baseURL: process.env.TRIGGER_API_URL, accessToken: ada });
  const token = await wait.createToken();

  assert.equal((await wait.completeToken(token, 1)).success, true);
});
