import assert from "node:assert/strict";
import { test } from "node:test";
import { wait } from "@trigger.dev/sdk";
import { seconds, unique, until } from "./support.mjs";

test("a waiting token has no answer, and nothing that it does not have is there", async () => {
  const token = await wait.createToken({ timeout: "1h", tags: ["plain"] });

  const found = await wait.retrieveToken(token);

  assert.equal(found.id, token.id);
  assert.equal(found.url, token.url);
  assert.equal(found.status, "WAITING");
  assert.ok(found.createdAt instanceof Date && found.timeoutAt instanceof Date);
  for (const absent of ["completedAt", "idempotencyKey", "idempotencyKeyExpiresAt", "output", "error"]) {
    assert.equal(found[absent], undefined, absent);
  }
});

test("a completed token has its output and its moment", async () => {
  const token = await wait.createToken({ idempotencyKey: unique("key") });
  await wait.completeToken(token, { approved: true });

  const found = await wait.retrieveToken(token);

  assert.equal(found.status, "COMPLETED");
  assert.deepEqual(found.output, { approved: true });
  assert.ok(found.completedAt <= new Date(Date.now() + seconds(1)));
  assert.ok(found.idempotencyKeyExpiresAt > found.createdAt);
});

test("a token that timed out has an error, and its deadline as the moment", async () => {
  const token = await wait.createToken({ timeout: "1s" });

  const found = await until(
    (seen) => seen.status !== "WAITING",
    () => wait.retrieveToken(token),
  );

  assert.equal(found.status, "TIMED_OUT");
  assert.equal(found.error.name, "WaitpointTimeoutError");
  assert.equal(found.error.message, `Waitpoint timed out at ${found.timeoutAt.toISOString()}`);
  assert.equal(found.output, undefined);
  assert.deepEqual(found.completedAt, found.timeoutAt);
  assert.ok(Date.now() >= found.timeoutAt.getTime(), "never early");
});

test("an answer after the deadline succeeds, and changes nothing", async () => {
  const token = await wait.createToken({ timeout: "1s" });
  const before = await until(
    (seen) => seen.status !== "WAITING",
    () => wait.retrieveToken(token),
  );

  assert.equal((await wait.completeToken(token, "late")).success, true);

  assert.deepEqual(await wait.retrieveToken(token), before);
});
