import assert from "node:assert/strict";
import { test } from "node:test";
import { runs, tasks } from "@trigger.dev/sdk";
import { collect, unique } from "./support.mjs";

test("a task is triggered with its payload, tags and key, and its run is read", async () => {
  const key = unique("key");
  const handle = await tasks.trigger("moderation", { content: "hello" }, { tags: ["one", "two"], idempotencyKey: key });
  const again = await tasks.trigger("moderation", { content: "other" }, { idempotencyKey: key });

  const run = await runs.retrieve(handle.id);

  assert.equal(again.id, handle.id);
  assert.equal(run.status, "QUEUED");
  assert.equal(run.taskIdentifier, "moderation");
  assert.deepEqual(run.payload, { content: "hello" });
  assert.deepEqual(run.tags, ["one", "two"]);
  assert.ok(run.isQueued && !run.isCompleted && run.createdAt instanceof Date);
});

test("a rich payload arrives as plain JSON, a delayed run says until when it waits", async () => {
  const handle = await tasks.trigger("moderation", { at: new Date(0), all: [1, null] }, { delay: "1h" });

  const run = await runs.retrieve(handle.id);

  assert.deepEqual(run.payload, { at: "1970-01-01T00:00:00.000Z", all: [1, null] });
  assert.ok(run.delayedUntil > run.createdAt);
});

test("runs are listed by tag, task and status, over several pages", async () => {
  const tag = unique("tag");
  const ids = [];
  for (let number = 0; number < 5; number += 1) {
    ids.unshift((await tasks.trigger("moderation", {}, { tags: [tag] })).id);
  }

  const found = await collect(runs.list({ tag, limit: 2, status: ["QUEUED"], taskIdentifier: "moderation" }));

  assert.deepEqual(found.map((run) => run.id), ids);
});

test("a run is cancelled", async () => {
  const handle = await tasks.trigger("moderation", {});
  await runs.cancel(handle.id);

  const run = await runs.retrieve(handle.id);

  assert.equal(run.status, "CANCELED");
  assert.ok(run.isCancelled && run.finishedAt instanceof Date);
});

test("an unknown run is not found", async () => {
  await assert.rejects(runs.retrieve("run_unknown"), { status: 404 });
});
