// The task of benchmarks/moderation.py as a Restate service: node moderation.mjs PORT NOTES
import { openSync, writeSync } from "node:fs";
import * as restate from "@restatedev/restate-sdk";

const [port, path] = process.argv.slice(2);
const notes = openSync(path, "a");

function note(what, id) {
  writeSync(notes, `${what} ${id} ${(performance.timeOrigin + performance.now()) / 1000}\n`);
}

const moderation = restate.service({
  name: "Moderation",
  handlers: {
    moderate: async (ctx, _content) => {
      const { id, promise } = ctx.awakeable();
      await ctx.run("tell a moderator", () => note("told", id));
      await promise;
      note("resumed", id);
      return "done";
    },
  },
});

restate.serve({ services: [moderation], port: Number(port) });
