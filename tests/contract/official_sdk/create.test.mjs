import assert from "node:assert/strict";
import { test } from "node:test";
import { wait } from "@trigger.dev/sdk";
import { hours, isAfter, minutes, seconds, unique, url } from "./support.mjs";

test("a token is created without any option, and waits ten minutes", async () => {
  const token = await wait.createToken();

  assert.match(token.id, /^waitpoint_/);
  assert.equal(token.isCached, false);
  assert.ok(token.url.startsWith(`${url}/api/v1/waitpoints/tokens/${token.id}/callback/`), token.url);
  const found = await wait.retrieveToken(token);
  assert.equal(found.status, "WAITING");
  assert.ok(isAfter(found.timeoutAt, found.createdAt, minutes(10)));
});

test("the public access token is made by the server, and opens this token only", async () => {
  const token = await wait.createToken();

  const [header, claims] = token.publicAccessToken
    .split(".")
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, "base64url")));
  assert.equal(header.alg, "HS256");
  assert.deepEqual(claims.scopes, [`write:waitpoints:${token.id}`]);
  assert.equal(claims.pub, true);
  assert.equal(claims.iss, "https://id.trigger.dev");
  assert.equal(claims.aud, "https://api.trigger.dev");
  assert.equal(claims.exp - claims.iat, 86_400);
});

for (const [timeout, lasts] of [
  ["30s", seconds(30)],
  ["1m", minutes(1)],
  ["2h", hours(2)],
  ["3d", hours(72)],
  ["4w", hours(672)],
  ["1d12h", hours(36)],
]) {
  test(`a timeout of "${timeout}" is that long`, async () => {
    const token = await wait.createToken({ timeout });

    const found = await wait.retrieveToken(token.id);
    assert.ok(isAfter(found.timeoutAt, found.createdAt, lasts), found.timeoutAt.toISOString());
  });
}

test("a timeout may be a Date", async () => {
  const moment = new Date(Date.now() + hours(5));

  const token = await wait.createToken({ timeout: moment });

  assert.equal((await wait.retrieveToken(token)).timeoutAt.getTime(), moment.getTime());
});

test("tags are one string or several, in the order given", async () => {
  const one = await wait.createToken({ tags: "alone" });
  const several = await wait.createToken({ tags: ["zebra", "user:1", "apple"] });

  assert.deepEqual((await wait.retrieveToken(one)).tags, ["alone"]);
  assert.deepEqual((await wait.retrieveToken(several)).tags, ["zebra", "user:1", "apple"]);
});

test("the same idempotency key gives the same token, whatever its status", async () => {
  const idempotencyKey = unique("order");

  const first = await wait.createToken({ idempotencyKey, tags: "first" });
  const second = await wait.createToken({ idempotencyKey, tags: "ignored" });
  await wait.completeToken(first, { approved: true });
  const third = await wait.createToken({ idempotencyKey });

  assert.equal(first.isCached, false);
  assert.deepEqual([second.id, second.isCached], [first.id, true]);
  assert.deepEqual([third.id, third.isCached], [first.id, true]);
  assert.equal(second.url, first.url);
  assert.ok(second.publicAccessToken);
  const found = await wait.retrieveToken(third);
  assert.deepEqual(found.tags, ["first"]);
  assert.equal(found.idempotencyKey, idempotencyKey);
  assert.ok(isAfter(found.idempotencyKeyExpiresAt, found.createdAt, hours(1)));
});

test("an idempotency key lives as long as its TTL, and is then used afresh", async () => {
  const idempotencyKey = unique("short");
  const first = await wait.createToken({ idempotencyKey, idempotencyKeyTTL: "1s" });
  const found = await wait.retrieveToken(first);
  assert.ok(isAfter(found.idempotencyKeyExpiresAt, found.createdAt, seconds(1)));

  await new Promise((resolve) => setTimeout(resolve, 1_100));
  const second = await wait.createToken({ idempotencyKey });

  assert.notEqual(second.id, first.id);
  assert.equal(second.isCached, false);
});

test("of many first uses of a key at once, one creates the token", async () => {
  const idempotencyKey = unique("rush");

  const tokens = await Promise.all(Array.from({ length: 16 }, () => wait.createToken({ idempotencyKey })));

  assert.equal(new Set(tokens.map((token) => token.id)).size, 1);
  assert.equal(tokens.filter((token) => !token.isCached).length, 1);
});
