// wait.forToken runs inside a task only. The SDK's own test harness stands in for the task, and this
// server's long poll for the machinery that would wake it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { runInMockTaskContext } from "@trigger.dev/core/v3/test";
import { WaitpointTimeoutError, wait } from "@trigger.dev/sdk";
import { ada, sleep, url } from "./support.mjs";

const runtimeManager = {
  disable() {},
  async waitForWaitpoint({ waitpointFriendlyId }) {
    const address = `${url}/api/v1/waitpoints/tokens/${waitpointFriendlyId}/wait?timeout=10s`;
    const answer = await fetch(address, { headers: { authorization: `Bearer ${ada}` } });
    const { output, outputType, outputIsError } = await answer.json();
    return { ok: !outputIsError, output, outputType };
  },
};

const inTask = (run) => runInMockTaskContext(run, { runtimeManager, ctx: { run: { id: "run_contract" } } });

test("a task gets the answer that comes while it waits", async () => {
  const token = await wait.createToken({ timeout: "1m" });

  const [result] = await Promise.all([
    inTask(() => wait.forToken(token)),
    sleep(200).then(() => wait.completeToken(token, { approved: true })),
  ]);

  assert.deepEqual(result, { ok: true, output: { approved: true } });
});

test("a task gets the answer that came before it waited", async () => {
  const token = await wait.createToken();
  await wait.completeToken(token, "early");

  assert.equal(await inTask(() => wait.forToken(token.id).unwrap()), "early");
});

test("a task is told that nobody answered", async () => {
  const token = await wait.createToken({ timeout: "1s" });

  const result = await inTask(() => wait.forToken(token));

  assert.equal(result.ok, false);
  assert.ok(result.error instanceof WaitpointTimeoutError);
  await assert.rejects(inTask(() => wait.forToken(token).unwrap()), WaitpointTimeoutError);
});

test("waiting for an unknown token is refused", async () => {
  await assert.rejects(inTask(() => wait.forToken("waitpoint_doesnotexist")), { status: 404 });
});
