// What the claims in this folder share. The SDK itself reads TRIGGER_API_URL and TRIGGER_SECRET_KEY.

import { randomUUID } from "node:crypto";

export const url = process.env.TRIGGER_API_URL;

/** Ada's key; `cleo` is the key of another environment. */
export const ada = process.env.TRIGGER_SECRET_KEY;
export const cleo = process.env.KEY_OF_ANOTHER_ENVIRONMENT;

/** A text that no other claim uses, because all of them share one server. */
export const unique = (word) => `${word}-${randomUUID().slice(0, 8)}`;

export const seconds = (count) => count * 1000;
export const minutes = (count) => seconds(count * 60);
export const hours = (count) => minutes(count * 60);

export const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** All items of something that can be iterated over with `for await`. */
export async function collect(items) {
  const found = [];
  for await (const item of items) found.push(item);
  return found;
}

/** Ask until the answer satisfies, for at most ten seconds. */
export async function until(satisfies, ask) {
  const deadline = Date.now() + seconds(10);
  let answer = await ask();
  while (!satisfies(answer) && Date.now() < deadline) {
    await sleep(50);
    answer = await ask();
  }
  return answer;
}

/** True when an instant lies as far after another as promised, give or take two seconds. */
export const isAfter = (later, earlier, milliseconds) =>
  Math.abs(later.getTime() - earlier.getTime() - milliseconds) < seconds(2);
