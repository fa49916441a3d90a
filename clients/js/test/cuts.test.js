/**
 * Connections are cut at random while bytes go both ways: each byte arrives once, in order, and the
 * end is believed. RUNNEL_TEST_CUTS and RUNNEL_TEST_SEED make it longer, or another.
 */

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { connect } from "../src/index.js";
import { cuttingProxy, name, needsServer, random, server, until } from "./helpers.js";

const COUNT = Number(process.env.RUNNEL_TEST_CUTS || 20);
const SEED = Number(process.env.RUNNEL_TEST_SEED || 20_261_130);
const SPREAD = 150_000;

const closing = [];

after(async () => {
  for (const one of closing) {
    await one.close();
  }
});

async function cut(next) {
  const cuts = Array.from({ length: COUNT }, (_, i) => ({
    // The first connection is there for as long as it takes to say what is to be run.
    bytes: (i === 0 ? 4_096 : 1) + next(next(4) === 0 ? 600 : SPREAD),
    manner: ["close", "close", "reset", "reset", "silence"][next(5)],
  }));
  const proxy = await cuttingProxy(server, cuts);
  closing.push(proxy);
  const client = await connect(proxy.address, { heartbeatMs: 100, lingerMs: 30_000 });
  closing.push(client);
  return { proxy, client };
}

/** Numbered lines until all cuts were made. */
async function* numbers(proxy, counted) {
  for (let i = 0; proxy.cuts < COUNT; i += 1_000) {
    let text = "";
    for (let k = i; k < i + 1_000; k++) {
      text += `${k}\n`;
    }
    counted.lines = i + 1_000;
    yield text;
  }
}

test(`${COUNT} cuts lose nothing, and double nothing (seed ${SEED})`, needsServer, async () => {
  const next = random(SEED);
  const { proxy, client } = await cut(next);
  const counted = [{ lines: 0 }, { lines: 0 }];
  const jobs = await Promise.all(
    counted.map((one, i) =>
      client.start(i === 0 ? "cat; exit 5" : "cat >&2; exit 6", {
        input: numbers(proxy, one),
        window: 65_536,
        job: name("cuts"),
      }),
    ),
  );
  const ends = await Promise.all(
    jobs.map(async (job, i) => {
      let line = 0;
      let begun = "";
      for await (const { stream, data } of job.output()) {
        assert.equal(stream, i === 0 ? "stdout" : "stderr");
        const lines = (begun + Buffer.from(data)).split("\n");
        begun = lines.pop();
        for (const text of lines) {
          assert.equal(text, String(line++));
        }
      }
      assert.equal(begun, "");
      assert.equal(line, counted[i].lines);
      return job.wait();
    }),
  );
  assert.deepEqual(ends.map((end) => end.exitCode), [5, 6]);
  assert.ok(proxy.cuts >= COUNT && proxy.connections > COUNT, `${proxy.cuts} cuts`);
});

test("a consumer that does not read is cut often, and misses nothing", needsServer, async () => {
  const proxy = await cuttingProxy(server, []);
  closing.push(proxy);
  const client = await connect(proxy.address, { heartbeatMs: 0, lingerMs: 30_000 });
  closing.push(client);
  const job = await client.start("seq 1000000", { window: 65_536 });
  const reader = job.output();
  let text = Buffer.from((await reader.next()).value.data).toString("latin1");
  for (let i = 0; i < 5; i++) {
    await until(() => proxy.connections === i + 1);
    await until(async () => (await client.status(job.id).catch(() => undefined)) !== undefined);
    proxy.cutAll();
    await until(() => proxy.connections === i + 2);
  }
  let line = 0;
  for await (const { data } of reader) {
    const lines = (text + Buffer.from(data)).split("\n");
    text = lines.pop();
    lines.forEach((one) => assert.equal(one, String(++line)));
  }
  assert.equal(line, 1_000_000);
  assert.equal((await job.wait()).exitCode, 0);
});

test("what is asked while there is no connection waits for the next one", needsServer, async () => {
  const proxy = await cuttingProxy(server, []);
  closing.push(proxy);
  const client = await connect(proxy.address, { heartbeatMs: 0 });
  closing.push(client);
  const held = await client.start("sleep 60", { job: name() });
  proxy.cutAll();
  await until(() => proxy.connections === 2);
  assert.equal((await client.run("echo here")).stdout, "here\n");
  await held.cancel({ graceMs: 0 });
  assert.equal((await held.wait()).outcome, "canceled");
  // With nothing to follow, a connection is made when it is needed.
  proxy.cutAll();
  await until(() => client.server === undefined);
  assert.equal((await client.run("echo again")).stdout, "again\n");
});
