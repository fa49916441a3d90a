// The tool of an agent: it asks for commands one after the other, each gets a bounded answer, and
// none runs for longer than a minute or leaves anything behind.
//
//   RUNNEL_HOST=sandbox-1 node agent-tool.js <calls.txt      # a shell line a line

import { createInterface } from "node:readline";

import { CommandFailedError, connect, NotRunError, OutputLimitError, RunnelError } from "runnel";

const MAX_OUTPUT_BYTES = 20_000;

/** What the model is told of one call. */
async function tool(client, line, signal) {
  try {
    const result = await client.run(line, {
      timeoutMs: 60_000,
      limits: { memoryBytes: 2 ** 31 },
      maxOutputBytes: MAX_OUTPUT_BYTES,
      signal,
    });
    const how = result.exitCode ?? `${result.outcome} ${result.signal ?? ""}`.trim();
    return `exit: ${how}\n${result.stdout}${result.stderr}`;
  } catch (e) {
    if (e instanceof OutputLimitError) {
      return `it printed more than ${MAX_OUTPUT_BYTES} bytes: filter it`;
    }
    if (e instanceof NotRunError) {
      return `it was not run: ${e.message}`;
    }
    if (e instanceof RunnelError && !(e instanceof CommandFailedError)) {
      return `do not rely on it: ${e.message}`;
    }
    throw e;
  }
}

const client = await connect();
const stop = new AbortController();
process.once("SIGINT", () => stop.abort());
for await (const line of createInterface({ input: process.stdin })) {
  console.log(await tool(client, line, stop.signal));
}
await client.close();
