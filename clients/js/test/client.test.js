import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import {
  CommandFailedError,
  connect,
  DetachedError,
  NotRunError,
  OutputLimitError,
  RefusedError,
  StartFailedError,
} from "../src/index.js";
import { name, needsServer, server, until, webSockets } from "./helpers.js";
import { SmallWebSocket } from "./websocket-support.js";

// Over the server's WebSockets, or over TCP.
const overWebSockets = process.env.RUNNEL_TEST_OVER_WEBSOCKETS !== undefined;
const address = overWebSockets ? `ws://${webSockets}` : server;
const options = overWebSockets ? { WebSocket: globalThis.WebSocket ?? SmallWebSocket } : {};
let client;

before(async () => {
  client = server && (await connect(address, options));
});

after(() => client?.close());

async function text(stream) {
  let all = "";
  const decoder = new TextDecoder();
  for await (const piece of stream) {
    all += decoder.decode(piece, { stream: true });
  }
  return all;
}

test("a line runs by a shell, arguments run without one", needsServer, async () => {
  const line = await client.run("echo out; echo err >&2; exit 3");
  assert.deepEqual([line.exitCode, line.signal, line.stdout, line.stderr], [3, null, "out\n", "err\n"]);
  const argv = await client.run(["printf", "%s|", "a b", "$HOME", "größer", ""]);
  assert.equal(argv.stdout, "a b|$HOME|größer||");
  assert.equal(argv.outcome, "exited");
  assert.ok(argv.durationMs >= 0);
});

test("arguments may be any bytes, and long", needsServer, async () => {
  const bytes = await client.run(["printf", "%s", Uint8Array.of(0xff, 0xfe)], { encoding: null });
  assert.deepEqual([...bytes.stdout], [0xff, 0xfe]);
  const long = await client.run(["printf", "%s", "x".repeat(100_000)]);
  assert.equal(long.stdout.length, 100_000);
  const secret = await client.run(["sh", "-c", 'printf "$1$S"', "sh", Uint8Array.of(0xff)], {
    secrets: { S: "x" },
    encoding: null,
  });
  assert.deepEqual([...secret.stdout], [0xff, 0x78]);
});

test("environment, secrets, folder and limits reach the command", needsServer, async () => {
  const ran = await client.run('echo "$A,${B-none},$C,$PWD"; ulimit -n; printf "%s" "$D" | od -An -tx1', {
    env: { A: "ä", B: null, D: Uint8Array.of(0xe9) },
    secrets: { C: "s3cret" },
    cwd: "/tmp",
    limits: { openFiles: 77 },
    merge: true,
    extra: { "x-trace": { span: [1, 2.5, null] } },
  });
  assert.equal(ran.stdout, "ä,none,s3cret,/tmp\n77\n e9\n");
  const there = await client.run("pwd", { cwd: Buffer.from("/usr") });
  assert.equal(there.stdout, "/usr\n");
});

test("input comes whole from text, bytes, an iterator and a stream", needsServer, async () => {
  const big = Buffer.alloc(1_000_000, "0123456789");
  async function* pieces() {
    for (let i = 0; i < big.length; i += 77_777) {
      yield big.subarray(i, i + 77_777);
    }
  }
  const stream = () =>
    new ReadableStream({
      start(controller) {
        controller.enqueue(big);
        controller.close();
      },
    });
  for (const input of [big.toString(), big, pieces(), stream()]) {
    const ran = await client.run("cat", { input, encoding: null });
    assert.ok(big.equals(ran.stdout));
  }
  assert.equal((await client.run("cat", { input: "" })).stdout, "");
});

test("a source that fails cancels its job and is what is told", needsServer, async () => {
  async function* broken() {
    yield "part";
    throw new Error("source is broken");
  }
  await assert.rejects(client.run("cat", { input: broken() }), /source is broken/);
});

test("input that the command does not want is no error", needsServer, async () => {
  const ran = await client.run("head -c 3; exec <&-; echo done", { input: Buffer.alloc(3_000_000, "x") });
  assert.equal(ran.stdout, "xxxdone\n");
});

test("stdin is written piece by piece, and its end is seen", needsServer, async () => {
  const job = await client.start("while read -r line; do echo got $line; done; echo end", { stdin: true });
  const lines = job.lines();
  await job.stdin.write("one\n");
  assert.equal((await lines.next()).value, "got one");
  await job.stdin.write("two\n");
  assert.equal((await lines.next()).value, "got two");
  await job.stdin.close();
  assert.equal((await lines.next()).value, "end");
  assert.equal((await lines.next()).done, true);
  assert.equal((await job.wait()).exitCode, 0);
});

test("stdin and stdout are web streams", needsServer, async () => {
  const job = await client.start(["tr", "a-z", "A-Z"], { stdin: true });
  const source = new ReadableStream({
    start(controller) {
      for (let i = 0; i < 50; i++) {
        controller.enqueue(Buffer.from("abcdefghij".repeat(1_000)));
      }
      controller.close();
    },
  });
  const [out] = await Promise.all([text(job.stdout), source.pipeTo(job.stdin.writable)]);
  assert.equal(out, "ABCDEFGHIJ".repeat(50_000));
  assert.equal((await job.wait()).exitCode, 0);
});

test("output comes in order of arrival, each piece with its offset", needsServer, async () => {
  const job = await client.start("echo 1; sleep 0.1; echo 2 >&2; sleep 0.1; echo 3");
  let next = 0;
  let seen = "";
  for await (const { stream, offset, data } of job.output()) {
    assert.equal(offset, next);
    next += data.length;
    seen += `${stream}:${Buffer.from(data)}`;
  }
  assert.equal(seen, "stdout:1\nstderr:2\nstdout:3\n");
});

test("each stream is read by itself, also one alone", needsServer, async () => {
  const both = await client.start("echo out; echo err >&2");
  assert.deepEqual(await Promise.all([text(both.stdout), text(both.stderr)]), ["out\n", "err\n"]);
  // Some 14 MB of stderr that nobody reads, while stdout is read.
  const one = await client.start("seq 2000000 >&2; echo out");
  assert.equal(await text(one.stdout), "out\n");
  assert.throws(() => one.stderr, /discarded/);
  assert.equal((await one.wait()).totals.stderr.bytes, 14_888_896);
});

test("lines come as lines, the last one without its end too", needsServer, async () => {
  const job = await client.start("printf 'a\\r\\n\\nb\\303'; sleep 0.05; printf '\\274\\nlast'");
  const lines = [];
  for await (const line of job.lines()) {
    lines.push(line);
  }
  assert.deepEqual(lines, ["a", "", "bü", "last"]);
  const many = await client.start("seq 200000");
  let n = 0;
  for await (const line of many.lines("stdout")) {
    assert.equal(line, String(++n));
  }
  assert.equal(n, 200_000);
  const long = await client.start("head -c 2000000 /dev/zero");
  await assert.rejects(long.lines().next(), OutputLimitError);
  await long.cancel({ graceMs: 0 });
});

test("a job ends though nobody reads what it prints", needsServer, async () => {
  const job = await client.start("seq 2000000");
  const end = await job.wait();
  assert.equal(end.totals.stdout.bytes, 14_888_896);
  assert.throws(() => job.output(), /discarded/);
  const short = await client.start("echo short");
  assert.equal((await short.wait()).exitCode, 0);
  assert.equal(await text(short.stdout), "short\n");
});

test("a reader that stops early lets the rest go, and the job ends", needsServer, async () => {
  const job = await client.start("seq 1000000; echo $?");
  for await (const { offset } of job.output()) {
    if (offset > 100_000) {
      break;
    }
  }
  assert.equal((await job.wait()).exitCode, 0);
  const other = await client.start("seq 1000000");
  const reader = other.stdout.getReader();
  await reader.read();
  await reader.cancel();
  assert.equal((await other.wait()).exitCode, 0);
});

test("a consumer that does not read holds its own job only", needsServer, async () => {
  const held = await client.start("seq 10000000", { window: 65_536 });
  const first = held.output()[Symbol.asyncIterator]();
  await first.next();
  for (let i = 0; i < 20; i++) {
    assert.equal((await client.run("seq 20000 | wc -l")).stdout.trim(), "20000");
  }
  const status = await client.status(held.id);
  assert.equal(status.state, "running");
  assert.ok(status.outputBytes <= 2 * 1_048_576 + 65_536 * 2, `log: ${status.outputBytes}`);
  await held.cancel({ graceMs: 0 });
  await first.return();
  assert.equal((await held.wait()).outcome, "canceled");
});

test("many jobs share one connection", needsServer, async () => {
  const ran = await Promise.all(
    Array.from({ length: 50 }, (_, i) => client.run(`echo ${i}; seq 5000; exit ${i}`)),
  );
  ran.forEach((one, i) => {
    assert.equal(one.exitCode, i);
    assert.equal(one.stdout.split("\n")[0], String(i));
    assert.equal(one.totals.stdout.bytes, one.stdout.length);
  });
});

test("a nonzero exit is no error unless it is to be one", needsServer, async () => {
  assert.equal((await client.run("exit 7")).exitCode, 7);
  await assert.rejects(client.run("echo why; exit 7", { check: true }), (e) => {
    assert.ok(e instanceof CommandFailedError);
    assert.equal(e.exitCode, 7);
    assert.equal(e.result.stdout, "why\n");
    return true;
  });
  const killed = await client.run("kill -KILL $$");
  assert.deepEqual([killed.exitCode, killed.signal, killed.outcome], [null, "KILL", "signaled"]);
  await assert.rejects(client.run("kill -KILL $$", { check: true }), /signal KILL/);
  const job = await client.start("exit 2");
  await assert.rejects(job.wait({ check: true }), { name: "CommandFailedError" });
});

test("an exit code of a job that did not end by itself is no success", needsServer, async () => {
  const ran = await client.run("trap 'exit 0' TERM; echo up; while :; do sleep 0.05; done", { timeoutMs: 300 });
  assert.equal(ran.outcome, "timed_out");
  assert.equal(ran.exitCode, null);
  assert.equal(ran.status.exitCode, 0);
});

test("what could not be started says why", needsServer, async () => {
  await assert.rejects(client.run(["/nonesuch/program"]), (e) => {
    assert.ok(e instanceof StartFailedError);
    assert.deepEqual([e.errno, e.at], ["ENOENT", "exec"]);
    return true;
  });
  await assert.rejects(client.start("true", { cwd: "/nonesuch" }), { name: "StartFailedError", at: "cwd" });
});

test("what was refused did not run", needsServer, async () => {
  await assert.rejects(client.run("true", { timeoutMs: 0 }), (e) => {
    assert.ok(e instanceof NotRunError);
    assert.equal(e.code, "bad_request");
    return true;
  });
  const job = name();
  await client.run("true", { job });
  await assert.rejects(client.run("true", { job }), { code: "job_exists" });
  await assert.rejects(client.run("true", { boot: "another" }), { code: "stale" });
});

test("mistyped options are refused here", needsServer, async () => {
  await assert.rejects(client.run("true", { timeout: 5 }), TypeError);
  await assert.rejects(client.run("true", { timeoutMs: "5" }), TypeError);
  await assert.rejects(client.run("true", { limits: { cpu: 1 } }), TypeError);
  await assert.rejects(client.run("", {}), TypeError);
  await assert.rejects(client.run([], {}), TypeError);
  await assert.rejects(connect(server, { tokn: "x" }), TypeError);
});

test("an aborted signal cancels the job and tells its reason", needsServer, async () => {
  const job = name();
  const abort = new AbortController();
  const running = client.run("echo up; sleep 60", { job, signal: abort.signal });
  await until(async () => (await client.status(job).catch(() => ({}))).state === "running");
  abort.abort(new Error("enough"));
  await assert.rejects(running, /enough/);
  assert.equal((await client.status(job)).end.outcome, "canceled");
  await assert.rejects(client.run("true", { signal: AbortSignal.abort() }), { name: "AbortError" });
  await assert.rejects(client.run("sleep 60", { signal: AbortSignal.timeout(50) }), { name: "TimeoutError" });
});

test("aborted right after it was asked for, a job ends too", needsServer, async () => {
  const job = name();
  const abort = new AbortController();
  const running = client.run("sleep 60", { job, signal: abort.signal });
  abort.abort();
  await assert.rejects(running, { name: "AbortError" });
  await until(async () => {
    const status = await client.status(job).catch((e) => e);
    return status.code === "unknown_job" || status.state === "ended";
  });
});

test("signals and cancel reach the job", needsServer, async () => {
  const job = await client.start("trap 'echo hup' HUP; echo up; while :; do sleep 0.02; done");
  const lines = job.lines();
  assert.equal((await lines.next()).value, "up");
  assert.equal(await job.signal("HUP"), "running");
  assert.equal((await lines.next()).value, "hup");
  assert.ok(["running", "draining", "ended"].includes(await job.cancel()));
  assert.equal((await job.wait()).outcome, "canceled");
  assert.equal(await job.cancel(), "ended");
});

test("a terminal has the size that it was given", needsServer, async () => {
  const job = await client.start("stty size; read x; stty size", { pty: { rows: 30, cols: 90 }, stdin: true });
  const lines = job.lines();
  assert.equal((await lines.next()).value, "30 90");
  await job.resize(40, 100);
  await job.stdin.write("\n");
  await lines.next();
  assert.equal((await lines.next()).value, "40 100");
  await job.wait();
  const plain = await client.start("sleep 5");
  await assert.rejects(plain.resize(1, 1), { code: "bad_request" });
  await plain.cancel({ graceMs: 0 });
});

test("a job that was left goes on, and is taken up again at any byte", needsServer, async () => {
  const job = await client.start("read x; echo got $x; read y; echo and $y", { stdin: true, job: name() });
  await job.stdin.write("one\n");
  const first = job.lines();
  assert.equal((await first.next()).value, "got one");
  await job.detach();
  await assert.rejects(job.wait(), (e) => e instanceof DetachedError && e.reason === "asked");
  const again = await client.attach(job.id, { from: 4 });
  assert.ok(again.existing);
  const lines = again.lines();
  assert.equal((await lines.next()).value, "one");
  await again.stdin.write("two\n");
  await again.stdin.close();
  assert.equal((await lines.next()).value, "and two");
  assert.equal((await again.wait()).exitCode, 0);
});

test("who loses the seat is told", needsServer, async () => {
  const job = await client.start("sleep 60", { job: name() });
  const other = await client.attach(job.id);
  await assert.rejects(job.wait(), (e) => e instanceof DetachedError && e.reason === "replaced");
  await other.cancel({ graceMs: 0 });
  assert.equal((await other.wait()).outcome, "canceled");
});

test("a watcher sees what there was, and what comes", needsServer, async () => {
  const job = await client.start("echo one; read x; echo two", { stdin: true, job: name() });
  job.discardOutput();
  await until(async () => (await client.status(job.id)).outputBytes === 4);
  const watched = await client.watch(job.id);
  const late = await client.watch(job.id, { from: "end" });
  const seen = Promise.all([text(watched.stdout), text(late.stdout)]);
  await job.stdin.write("\n");
  assert.deepEqual(await seen, ["one\ntwo\n", "two\n"]);
  assert.equal((await watched.wait()).exitCode, 0);
  const after = await client.watch(job.id);
  assert.equal(await text(after.stdout), "one\ntwo\n");
  assert.throws(() => after.stdin, /stdin/);
  await assert.rejects(client.watch("nonesuch"), (e) => e instanceof RefusedError && e.code === "unknown_job");
});

test("a gap is told to who asked for it, and damages the job for who did not", needsServer, async () => {
  const options = { retain: 65_536, window: 65_536, job: name() };
  const job = await client.start("seq 100000", options);
  job.discardOutput();
  await job.wait();
  const gaps = [];
  const told = await client.watch(options.job, { onGap: (gap) => gaps.push(gap), window: 65_536 });
  const rest = await text(told.stdout);
  assert.equal((await told.wait()).exitCode, 0);
  assert.equal(gaps.length, 1);
  assert.equal(gaps[0].from, 0);
  assert.equal(gaps[0].to + rest.length, 588_895);
  const untold = await client.watch(options.job, { window: 65_536 });
  await assert.rejects(text(untold.stdout), { name: "GapError", from: 0 });
  await assert.rejects(untold.wait(), (e) => e.name === "GapError" && e.end.exitCode === 0);
});

test("jobs are listed, asked about and ended by their names", needsServer, async () => {
  const prefix = name("list");
  const job = await client.start("sleep 60", { job: `${prefix}-a` });
  await client.run("exit 4", { job: `${prefix}-b` });
  const listed = await client.jobs({ prefix });
  assert.deepEqual(listed.map((one) => [one.job, one.state]), [[`${prefix}-a`, "running"], [`${prefix}-b`, "ended"]]);
  assert.equal(listed[1].end.exitCode, 4);
  assert.equal((await client.jobs({ prefix, state: "running", limit: 10 })).length, 1);
  await client.cancel(job.id, { graceMs: 0 });
  assert.equal((await job.wait()).outcome, "canceled");
  await assert.rejects(client.signal("nonesuch", "TERM"), { code: "unknown_job" });
  assert.ok((await client.ping()) >= 0);
});

test("run holds no more output than it was told to", needsServer, async () => {
  await assert.rejects(client.run("seq 1000000", { maxOutputBytes: 10_000 }), OutputLimitError);
});

test("a client that is closed, and a job that goes out of scope, leave nothing behind", needsServer, async () => {
  const own = await connect(server);
  const job = await own.start("sleep 60", { job: name() });
  const id = job.id;
  await own.close();
  await assert.rejects(job.wait(), { name: "RunnelError" }).catch(() => {});
  await until(async () => (await client.status(id)).state === "ended");
  await assert.rejects(own.run("true"), { name: "NotRunError" });
  const dropped = await client.start("sleep 60");
  await dropped[Symbol.asyncDispose]();
  assert.equal((await client.status(dropped.id)).end.outcome, "canceled");
});

test("every key of run is accepted by the server", needsServer, async () => {
  const ran = await client.run(["true"], {
    job: name(), once: "o", boot: client.server.boot, node: client.server.node, env: { A: "1" }, merge: true, timeoutMs: 60_000, graceMs: 500,
    drainMs: 250, drainMaxMs: 5_000, lingerMs: 60_000, keepMs: 60_000, window: 65_536, retain: 262_144,
    onFull: "drop", leftovers: "keep", limits: { cpuS: 60, memoryBytes: 4_294_967_296, openFiles: 64, fileBytes: 1_048_576 },
    stdin: true, labels: { app: "shop" },
    trace: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", extra: { "x-a": 1 },
  });
  assert.equal(ran.exitCode, 0);
  assert.equal((await client.run("true", { lingerMs: "forever" })).exitCode, 0);
  await assert.rejects(client.run("true", { envFrom: ["A"] }), { code: "forbidden" });
  await assert.rejects(client.run("true", { onFull: "spool", spoolBytes: 1 }), { code: "unsupported" });
  await assert.rejects(client.run("true", { user: "no-such-user" }), { name: "StartFailedError", at: "user" });
});

test("a list that is watched tells what there is and what becomes of it", needsServer, async () => {
  const prefix = name();
  await client.run("true", { job: `${prefix}-a` });
  const known = new Map();
  const changes = client.watchJobs({ prefix });
  const until = async (holds) => {
    while (!holds()) {
      const { value } = await changes.next();
      value.jobs.forEach((job) => known.set(job.job, job.state));
      value.gone.forEach((job) => known.delete(job));
    }
  };
  await until(() => known.get(`${prefix}-a`) === "ended");
  const job = await client.start("read x", { stdin: true, job: `${prefix}-b` });
  await until(() => known.get(`${prefix}-b`) === "running");
  await job.stdin.close();
  await until(() => known.get(`${prefix}-b`) === "ended");
  await changes.return();
  await assert.rejects(client.watchJobs({ state: "none" }).next(), { code: "bad_request" });
});

test("a watcher sees the size of a terminal", needsServer, async () => {
  const job = await client.start("read x", { pty: { rows: 30, cols: 100 }, stdin: true, job: name() });
  const watcher = await client.watch(job.id);
  assert.deepEqual(watcher.terminalSize, { rows: 30, cols: 100 });
  assert.deepEqual((await client.status(job.id)).terminalSize, { rows: 30, cols: 100 });
  await job.resize(50, 132);
  await until(() => watcher.terminalSize.rows === 50);
  assert.deepEqual(watcher.terminalSize, { rows: 50, cols: 132 });
  await job.cancel({ graceMs: 0 });
  assert.equal((await job.wait()).outcome, "canceled");
});

test("jobs are found by their labels", needsServer, async () => {
  const labels = { app: name(), stage: "test/1" };
  await client.run("true", { labels });
  const found = await client.jobs({ labels: { app: labels.app } });
  assert.deepEqual(found.map((status) => status.labels), [labels]);
  assert.deepEqual(await client.jobs({ labels: { ...labels, stage: "test/2" } }), []);
});

test("stdin that another client ended is at its end, and one that is written at once goes on where it was", needsServer, async () => {
  const job = await client.start("cat; sleep 60", { stdin: true, job: name() });
  await job.stdin.write("one");
  await until(async () => (await client.status(job.id)).outputBytes === 3);
  const second = await client.attach(job.id);
  await second.stdin.write("two");
  await second.stdin.close();
  await until(async () => (await client.status(job.id)).outputBytes === 6);
  const third = await client.attach(job.id);
  const reader = third.output();
  let seen = "";
  while (seen.length < 6) {
    seen += Buffer.from((await reader.next()).value.data);
  }
  assert.equal(seen, "onetwo");
  await assert.rejects(third.stdin.write("more"), { name: "StdinClosedError" });
  await third.cancel({ graceMs: 0 });
  await third.wait();
});
