import assert from "node:assert/strict";
import { createServer, request } from "node:http";
import { test } from "node:test";
import { auth, wait } from "@trigger.dev/sdk";
import { ada, collect, unique, url } from "./support.mjs";

/** Between SDK and server: hands every request on, and loses the answer to the first one. */
async function losingTheFirstAnswer(use) {
  let seen = 0;
  const proxy = createServer((incoming, outgoing) => {
    const isLost = ++seen === 1;
    const { method, headers } = incoming;
    const onward = request(new URL(incoming.url, url), { method, headers }, (answer) => {
      if (isLost) {
        answer.resume().on("end", () => incoming.socket.destroy());
      } else {
        outgoing.writeHead(answer.statusCode, answer.headers);
        answer.pipe(outgoing);
      }
    });
    incoming.pipe(onward);
  });
  await new Promise((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const { port } = proxy.address();
  try {
    const result = await auth.withAuth({ baseURL: `http://127.0.0.1:${port}`, accessToken: ada }, use);
    return { result, seen };
  } finally {
    proxy.closeAllConnections();
    proxy.close();
  }
}

test("a create whose answer was lost is retried, and makes one token", async () => {
  const tags = unique("lost");

  const { result, seen } = await losingTheFirstAnswer(() => wait.createToken({ tags }));

  assert.equal(seen, 2);
  const made = await collect(wait.listTokens({ tags }));
  assert.deepEqual(made.map((item) => item.id), [result.id]);
});

test("a completion whose answer was lost is retried, and keeps its output", async () => {
  const token = await wait.createToken();

  const { result, seen } = await losingTheFirstAnswer(() => wait.completeToken(token, { approved: true }));

  assert.equal(seen, 2);
  assert.equal(result.success, true);
  assert.deepEqual((await wait.retrieveToken(token)).output, { approved: true });
});
