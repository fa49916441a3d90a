// One command on many hosts, a few at a time: each line with its host's name, and every host that
// failed, or did not answer, by name at the end.
//
//   node fan-out.js 'uname -r' build-1 build-2 unix:/run/runnel/runneld.sock

import { connect } from "runnel";

const AT_ONCE = 16;
const [, , line, ...hosts] = process.argv;
const failed = [];

async function one(host) {
  let client;
  try {
    client = await connect(host, { connectTimeoutMs: 5_000 });
    const job = await client.start(line, { merge: true, timeoutMs: 60_000 });
    for await (const text of job.lines()) {
      console.log(`${host}: ${text}`);
    }
    await job.wait({ check: true });
  } catch (e) {
    failed.push(`${host}: ${e.message}`);
  } finally {
    await client?.close();
  }
}

const waiting = [...hosts];
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    for (let host; (host = waiting.shift()) !== undefined; ) {
      await one(host);
    }
  }),
);
for (const what of failed.sort()) {
  console.error(what);
}
process.exitCode = failed.length > 0 ? 1 : 0;
