// A step of a CI job: prints what the command prints, and ends as it ends. Nothing but a true end is
// green: a lost connection, missing output or a wrong checksum throws.
//
//   RUNNEL_HOST=build-1 RUNNEL_TOKEN=… node ci-step.js make test

import { connect, StartFailedError } from "runnel";

const [, , ...command] = process.argv;
const client = await connect();
try {
  const job = await client.start(command, { timeoutMs: 30 * 60_000, lingerMs: 5 * 60_000 });
  for await (const { stream, data } of job.output()) {
    if (!process[stream].write(data)) {
      await new Promise((resolve) => process[stream].once("drain", resolve));
    }
  }
  const end = await job.wait();
  if (end.outcome !== "exited") {
    console.error(`the step did not end by itself: ${end.outcome} ${end.signal ?? ""}`);
  }
  process.exitCode = end.exitCode ?? 1;
} catch (e) {
  console.error(e.message);
  process.exitCode = e instanceof StartFailedError ? 127 : 255;
} finally {
  await client.close();
}
