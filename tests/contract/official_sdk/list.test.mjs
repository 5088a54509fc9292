import assert from "node:assert/strict";
import { before, test } from "node:test";
import { wait } from "@trigger.dev/sdk";
import { collect, hours, sleep, unique, until } from "./support.mjs";

const tag = unique("list");
const other = unique("other");
const key = unique("key");
const tokens = [];
let middle;

// Seven tokens, oldest first: 0 completed, 1 timed out, 2 … 6 waiting; 5 has a second tag, 6 only the other tag.
before(async () => {
  tokens.push(await wait.createToken({ tags: tag }));
  tokens.push(await wait.createToken({ tags: tag, timeout: "1s" }));
  tokens.push(await wait.createToken({ tags: tag, idempotencyKey: key }));
  tokens.push(await wait.createToken({ tags: tag }));
  await sleep(20);
  middle = new Date();
  await sleep(20);
  tokens.push(await wait.createToken({ tags: tag }));
  tokens.push(await wait.createToken({ tags: [tag, other] }));
  tokens.push(await wait.createToken({ tags: other }));
  await wait.completeToken(tokens[0], "done");
  await until(
    (seen) => seen.status === "TIMED_OUT",
    () => wait.retrieveToken(tokens[1]),
  );
});

/** Which of the tokens are listed, and in which order. */
const listed = async (params) =>
  (await collect(wait.listTokens(params))).map((item) => tokens.findIndex((token) => token.id === item.id));

test("everything is listed, newest first", async () => {
  const page = await wait.listTokens();

  assert.ok(page.data.length <= 25);
  assert.ok(page.data.some((item) => item.id === tokens[6].id));
  const moments = page.data.map((item) => item.createdAt.getTime());
  assert.deepEqual(moments, moments.toSorted((one, another) => another - one));
});

test("an item says what retrieve says, except the output", async () => {
  const items = await collect(wait.listTokens({ tags: tag }));

  for (const item of items) {
    const { output, error, ...found } = await wait.retrieveToken(item.id);
    const { completedAfter, ...said } = item;
    assert.deepEqual(said, Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined)));
    assert.deepEqual(completedAfter, item.timeoutAt);
  }
});

test("by tags: any of them, exactly", async () => {
  assert.deepEqual(await listed({ tags: tag }), [5, 4, 3, 2, 1, 0]);
  assert.deepEqual(await listed({ tags: [tag, other] }), [6, 5, 4, 3, 2, 1, 0]);
  assert.deepEqual(await listed({ tags: [other] }), [6, 5]);
  assert.deepEqual(await listed({ tags: tag.slice(0, -1) }), []);
  assert.deepEqual(await listed({ tags: tag.toUpperCase() }), []);
});

test("by status: one or several", async () => {
  assert.deepEqual(await listed({ tags: tag, status: "WAITING" }), [5, 4, 3, 2]);
  assert.deepEqual(await listed({ tags: tag, status: "COMPLETED" }), [0]);
  assert.deepEqual(await listed({ tags: tag, status: ["COMPLETED", "TIMED_OUT"] }), [1, 0]);
  assert.deepEqual(await listed({ tags: tag, status: ["WAITING", "COMPLETED", "TIMED_OUT"] }), [5, 4, 3, 2, 1, 0]);
});

test("by idempotency key", async () => {
  assert.deepEqual(await listed({ idempotencyKey: key }), [2]);
  assert.deepEqual(await listed({ idempotencyKey: unique("unused") }), []);
});

test("by period", async () => {
  for (const period of ["1h", "24h", "1d", "7d", "1w", "1h30m"]) {
    assert.deepEqual(await listed({ tags: tag, period }), [5, 4, 3, 2, 1, 0], period);
  }
});

test("by moments, as Dates and as numbers", async () => {
  assert.deepEqual(await listed({ tags: tag, from: middle }), [5, 4]);
  assert.deepEqual(await listed({ tags: tag, to: middle }), [3, 2, 1, 0]);
  assert.deepEqual(await listed({ tags: tag, from: middle.getTime() }), [5, 4]);
  assert.deepEqual(await listed({ tags: tag, from: new Date(Date.now() - hours(1)), to: middle }), [3, 2, 1, 0]);
  const { createdAt } = await wait.retrieveToken(tokens[3]);
  assert.deepEqual((await listed({ tags: tag, from: createdAt, to: createdAt })).includes(3), true, "inclusive");
});

test("filters narrow each other", async () => {
  assert.deepEqual(await listed({ tags: [tag, other], status: "WAITING", from: middle, period: "1h" }), [6, 5, 4]);
  assert.deepEqual(await listed({ tags: other, status: "COMPLETED" }), []);
});

test("for await walks through all pages", async () => {
  for (const limit of [1, 2, 5, 6, 100]) {
    assert.deepEqual(await listed({ tags: tag, limit }), [5, 4, 3, 2, 1, 0], `${limit} a page`);
  }
});

test("pages are turned forward and back", async () => {
  const ids = (page) => page.data.map((item) => tokens.findIndex((token) => token.id === item.id));

  const first = await wait.listTokens({ tags: tag, limit: 2 });
  const second = await first.getNextPage();
  const third = await second.getNextPage();
  const secondAgain = await third.getPreviousPage();
  const firstAgain = await secondAgain.getPreviousPage();

  assert.deepEqual([first, second, third, secondAgain, firstAgain].map(ids), [[5, 4], [3, 2], [1, 0], [3, 2], [5, 4]]);
  assert.deepEqual([first.hasPreviousPage(), first.hasNextPage()], [false, true]);
  assert.deepEqual([second.hasPreviousPage(), second.hasNextPage()], [true, true]);
  assert.deepEqual([third.hasPreviousPage(), third.hasNextPage()], [true, false]);
  assert.deepEqual([firstAgain.hasPreviousPage(), firstAgain.hasNextPage()], [false, true]);
});

test("cursors can be kept and used later", async () => {
  const first = await wait.listTokens({ tags: tag, limit: 3 });

  const after = await wait.listTokens({ tags: tag, limit: 3, after: first.pagination.next });
  const back = await wait.listTokens({ tags: tag, limit: 3, before: after.pagination.previous });

  assert.deepEqual(after.data.map((item) => item.id), [tokens[2].id, tokens[1].id, tokens[0].id]);
  assert.deepEqual(back.data, first.data);
});

test("iterPages gives pages", async () => {
  const sizes = [];
  for await (const page of (await wait.listTokens({ tags: tag, limit: 4 })).iterPages()) sizes.push(page.data.length);

  assert.deepEqual(sizes, [4, 2]);
});
