// Needs a server that allows ten requests a second.

import assert from "node:assert/strict";
import { test } from "node:test";
import { wait } from "@trigger.dev/sdk";
import { ada, collect, unique, url } from "./support.mjs";

test("a program that asks too often is told when to come back, and the SDK does", async () => {
  const tags = unique("crowd");

  const tokens = await Promise.all(Array.from({ length: 14 }, () => wait.createToken({ tags })));

  assert.equal(new Set(tokens.map((token) => token.id)).size, 14);
  assert.equal((await collect(wait.listTokens({ tags }))).length, 14);
});

test("the limit is told in headers that the SDK understands", async () => {
  const ask = () => fetch(`${url}/api/v1/waitpoints/tokens`, { headers: { authorization: `Bearer ${ada}` } });

  const answers = await Promise.all(Array.from({ length: 30 }, ask));
  const refused = answers.find((answer) => answer.status === 429);

  assert.ok(refused, "one of thirty at once");
  assert.equal(refused.headers.get("x-ratelimit-limit"), "10");
  assert.equal(refused.headers.get("x-ratelimit-remaining"), "0");
  const reset = Number(refused.headers.get("x-ratelimit-reset"));
  assert.ok(reset > Date.now() - 2_000 && reset < Date.now() + 5_000, "Unix milliseconds, soon");
  assert.equal(typeof (await refused.json()).error, "string");
});
