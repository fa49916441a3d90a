/** The scenarios and vectors of ../../conformance, which all clients share; its README says how. */

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { test } from "node:test";

import * as runnel from "../src/index.js";
import { crc32 } from "../src/core/crc32.js";
import { readEvent } from "../src/core/events.js";
import { encodeHeader, FrameDecoder } from "../src/core/frames.js";
import { runRequest } from "../src/core/requests.js";
import { frame, Frames } from "./helpers.js";

const folder = new URL("../../conformance/", import.meta.url);
const FILES = ["answers", "output", "frames", "credit", "silence", "cuts"];
const MAX_MS = 10_000;
const IS_LONG = Number(process.env.RUNNEL_TEST_CUTS) > 20;
const HEADER_BYTES = 65_536;
const PASSED_OVER = new Set(["ack", "pong", "stdin", "cancel", "detach"]);

function read(name) {
  return JSON.parse(readFileSync(new URL(`${name}.json`, folder), "utf8"));
}

const isThere = existsSync(folder);
const templates = isThere ? read("templates") : {};

// --- the server -----------------------------------------------------------------------------------

/** One connection, and what its steps know. */
class Peer {
  constructor(socket, scenario, variant, shared, cutAt) {
    Object.assign(this, { socket, scenario, variant, shared, cutAt });
    this.known = { variant };
    this.offset = 0;
    this.sent = 0;
    this.counted = false;
    this.inbox = [];
    this.waiting = undefined;
    this.closed = new Promise((resolve) => socket.on("close", resolve));
    this.isClosed = false;
    void this.closed.then(() => {
      this.isClosed = true;
      this.waiting?.(undefined);
    });
    const frames = new Frames((header, body) => {
      this.inbox.push({ header, body });
      this.waiting?.();
    });
    socket.on("data", (chunk) => frames.push(chunk));
    socket.on("error", () => {});
  }

  async next() {
    while (this.inbox.length === 0 && !this.isClosed) {
      await new Promise((resolve) => (this.waiting = resolve));
    }
    return this.inbox.shift();
  }

  async read(type) {
    for (;;) {
      const one = await this.next();
      if (one === undefined) {
        return undefined;
      }
      const found = one.header.type ?? "run";
      if (type === found || type === "any") {
        this.known.id = one.header.id ?? this.known.id;
        this.known.job = one.header.job ?? this.known.job;
        if (found === "run") {
          this.shared.once ??= one.header.once;
        }
        return one;
      }
      if (found === "hello") {
        this.write(this.bytes({ send: "hello" }, one.header.id), false);
      } else if (found === "ping") {
        this.write(this.bytes({ send: "pong" }, one.header.id), false);
      } else if (!PASSED_OVER.has(found)) {
        throw new Error(`the client sent ${found} instead of ${type}`);
      }
    }
  }

  /** What begins after the hello counts for cuts. */
  write(bytes, counts = true) {
    if (!counts || this.cutAt === undefined) {
      return this.socket.write(bytes);
    }
    const left = this.cutAt - this.sent;
    this.sent += bytes.length;
    if (bytes.length <= left) {
      return this.socket.write(bytes);
    }
    if (left >= 0) {
      this.socket.end(bytes.subarray(0, left));
      this.isCut = true;
    }
    return true;
  }

  fill(value) {
    if (typeof value === "string" && value.startsWith("$")) {
      const name = value.slice(1);
      return name === "once" ? this.shared.once : name === "offset" ? this.offset : name === "pad" ? value : this.known[name];
    }
    if (Array.isArray(value)) {
      return value.map((one) => this.fill(one));
    }
    if (value !== null && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, this.fill(one)]));
    }
    return value;
  }

  bytes(step, id = this.known.id) {
    const old = this.known.id;
    this.known.id = id;
    const template = typeof step.send === "string" ? templates[step.send] : this.fill(step.send);
    const more = this.fill(step.with ?? {});
    const header = this.fill({ ...template, ...more });
    this.known.id = old;
    for (const [key, value] of Object.entries(header)) {
      if (value === undefined || (value === null && key in more && more[key] === null)) {
        delete header[key];
      }
    }
    const body =
      step.body_hex !== undefined
        ? Buffer.from(step.body_hex, "hex")
        : step.body_size !== undefined
          ? Buffer.alloc(step.body_size, "x")
          : Buffer.from(this.fill(step.body ?? ""));
    header.total_size ??= body.length;
    const padded = Object.keys(header).find((key) => header[key] === "$pad");
    if (padded) {
      header[padded] = "";
      header[padded] = "x".repeat(HEADER_BYTES - Buffer.byteLength(JSON.stringify(header)));
    }
    if (header.type === "output") {
      this.offset += body.length;
    }
    return frame(JSON.stringify(header), body);
  }

  async send(step) {
    const list = Array.isArray(step.send) ? step.send.map((one) => ({ ...step, send: one })) : [step];
    for (let i = 0; i < (step.times ?? 1); i++) {
      for (const one of list) {
        if (!this.write(this.bytes(one))) {
          await Promise.race([new Promise((resolve) => this.socket.once("drain", resolve)), this.closed]);
        }
        if (this.isClosed) {
          return;
        }
      }
      await this.yield();
    }
  }

  // The client is in this process, and is to have its turn.
  async yield() {
    this.turns = (this.turns ?? 0) + 1;
    if (this.turns % 50 === 0) {
      await new Promise(setImmediate);
    }
  }

  async flood(step) {
    const { flood: send, ...body } = step;
    for (let bytes = 0; bytes < step.most && !this.isClosed; bytes += step.body_size ?? step.body.length) {
      await this.send({ ...body, send });
    }
  }

  async serve() {
    const one = await this.next();
    if (one === undefined) {
      return;
    }
    const { header } = one;
    if (header.type === "hello") {
      this.write(this.bytes({ send: "hello" }, header.id), false);
      return this.serve();
    }
    if (header.type !== "run" && header.type !== "attach") {
      return this.serve();
    }
    this.known.id = header.id;
    this.known.job = header.job ?? "j1";
    const from = header.from ?? 0;
    const existing = this.shared.served ? { existing: true } : {};
    this.shared.served = true;
    this.write(this.bytes({ send: "started", with: { next: from, ...existing } }));
    const sums = { stdout: { bytes: 0, crc32: 0 }, stderr: { bytes: 0, crc32: 0 } };
    let at = 0;
    for (const [stream, text] of this.scenario.log) {
      const data = Buffer.from(text);
      sums[stream] = { bytes: sums[stream].bytes + data.length, crc32: crc32(data, sums[stream].crc32) };
      const rest = data.subarray(Math.max(0, Math.min(data.length, from - at)));
      if (rest.length > 0) {
        const offset = at + data.length - rest.length;
        this.write(this.bytes({ send: "output", with: { stream, offset }, body_hex: rest.toString("hex") }));
      }
      at += data.length;
    }
    this.write(this.bytes({ send: "end", with: { ...sums, output_bytes: at } }));
  }

  async step(step) {
    if (step.read !== undefined) {
      let one = await this.read(step.read);
      // What lies below was acknowledged as well.
      while (step.read === "ack" && one !== undefined && one.header.offset < step.expect?.offset) {
        one = await this.read("ack");
      }
      if (one === undefined) {
        throw new Error(`the client closed the connection instead of sending ${step.read}`);
      }
      if (step.body !== undefined) {
        assert.equal(one.body.toString(), step.body);
      }
      for (const [key, value] of Object.entries(this.fill(step.expect ?? {}))) {
        if (value === null) {
          assert.ok(!(key in one.header), `${step.read} has ${key}`);
        } else {
          assert.deepEqual(one.header[key], value, `${step.read}: ${key}`);
        }
      }
      if (step.read === "run") {
        this.known.job ??= "j1";
      }
    } else if (step.send !== undefined) {
      await this.send(step);
    } else if (step.send_header !== undefined) {
      this.write(frame(this.fill(step.send_header)));
    } else if (step.send_hex !== undefined) {
      this.write(Buffer.from(this.fill(step.send_hex), "hex"));
    } else if (step.flood !== undefined) {
      await this.flood(step);
    } else if (step.serve) {
      await this.serve();
    } else if (step.close) {
      this.socket.end();
    }
  }

  async run(steps) {
    for (const step of steps) {
      if (this.isClosed) {
        return;
      }
      await this.step(step);
      if (step.close || step.silence) {
        break;
      }
    }
    // Heartbeats are answered for as long as nothing else is wanted.
    if (!steps.some((step) => step.silence) && !this.isCut) {
      await this.read("nothing that is ever sent").catch(() => {});
    }
  }
}

async function play(scenario, variant, cutAt) {
  const shared = {};
  const faults = [];
  const peers = [];
  let number = 0;
  const server = createServer({ noDelay: true }, (socket) => {
    const steps = scenario.connections[number++];
    if (number >= scenario.connections.length) {
      server.close();
    }
    if (steps === undefined) {
      socket.destroy();
      return;
    }
    const peer = new Peer(socket, scenario, variant, shared, number === 1 ? cutAt : undefined);
    peers.push(peer);
    peer.run(steps).catch((e) => faults.push(e));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { client: setup = {}, ask } = scenario;
  let client;
  const outcome = await (async () => {
    client = await runnel.connect(`127.0.0.1:${server.address().port}`, {
      lingerMs: setup.linger_ms ?? 0,
      heartbeatMs: setup.heartbeat_ms ?? 0,
      connectTimeoutMs: setup.connect_timeout_ms ?? 5_000,
    });
    return asked(client, ask);
  })().catch(reported);
  const closes = scenario.expect.connection === "closed" && peers.length > 0;
  let isOpen = false;
  if (closes) {
    isOpen = await Promise.race([
      peers[peers.length - 1].closed.then(() => false),
      new Promise((resolve) => setTimeout(() => resolve(true), 2_000).unref()),
    ]);
  }
  const bytes = peers[0]?.sent;
  await client?.close();
  peers.forEach((peer) => peer.socket.destroy());
  server.close();
  if (!outcome.result?.startsWith?.("damaged") && faults.length > 0 && outcome.result === scenario.expect.result) {
    throw faults[0];
  }
  return { outcome, isOpen, bytes, faults };
}

// --- the client -----------------------------------------------------------------------------------

async function asked(client, ask) {
  const gaps = [];
  const follow = ask.gaps ? { onGap: ({ from, to }) => gaps.push([from, to]) } : {};
  if (ask.run) {
    const { stdin: input, job, on_full: onFull } = ask;
    const result = await client.run(ask.run, {
      window: ask.window ?? 65_536,
      ...(input === undefined ? {} : { input }),
      ...(job === undefined ? {} : { job }),
      ...(onFull === undefined ? {} : { onFull }),
      ...follow,
    });
    return ended(result, result.stdout, result.stderr, gaps);
  }
  if (ask.status) {
    await client.status(ask.status);
    return { result: "answered" };
  }
  if (ask.jobs) {
    return { result: "answered", count: (await client.jobs({ limit: ask.jobs })).length };
  }
  if (ask.ping) {
    await client.ping();
    return { result: "answered" };
  }
  const options = { window: ask.window ?? 65_536, ...follow };
  const job = await (ask.start
    ? client.start(ask.start, options)
    : ask.attach
      ? client.attach(ask.attach, { ...options, from: ask.from })
      : client.watch(ask.watch, { ...options, from: ask.from }));
  const texts = { stdout: "", stderr: "" };
  const reader = job.output();
  if (ask.read !== false) {
    for await (const { stream, data } of reader) {
      texts[stream] += Buffer.from(data).toString();
    }
  }
  return ended(await job.wait(), texts.stdout, texts.stderr, gaps);
}

function ended({ outcome, exitCode, signal }, stdout, stderr, gaps) {
  const result = outcome === "signaled" ? "exited" : outcome;
  return { result, exit_code: exitCode, signal, stdout, stderr, gaps };
}

function reported(e) {
  const code = e.code ?? e.cause?.code;
  switch (e.name) {
    case "NotRunError":
    case "RefusedError":
      return { result: e.code === "unreachable" ? "unreachable" : "refused", code, retry_after_ms: e.retryAfterMs };
    case "UnreachableError":
      return { result: "unreachable" };
    case "StartFailedError":
      return { result: "start_failed", errno: e.errno, at: e.at };
    case "OutcomeUnknownError":
      return { result: "outcome_unknown", code };
    case "DetachedError":
      return { result: "detached", reason: e.reason };
    case "DamagedError":
    case "GapError":
      return { result: "damaged", kind: e.kind, message: e.message };
    default:
      return { result: `failed: ${e.stack}` };
  }
}

function check({ outcome, isOpen, faults }, expect, variant) {
  const { result, connection, ...rest } = expect;
  const results = [].concat(result).map((one) => (one === "$variant" ? variant : one));
  const shown = `${JSON.stringify(outcome)} ${faults.join()}`;
  assert.ok(results.includes(outcome.result), shown);
  for (const [key, value] of Object.entries(rest)) {
    assert.deepEqual(outcome[key], value === "$variant" ? variant : value, shown);
  }
  if (connection === "closed") {
    assert.ok(!isOpen, "the client left the connection open");
  }
}

async function within(ms, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the client hangs, after ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

for (const file of isThere ? FILES : []) {
  for (const scenario of read(file)) {
    const { name, means, cut, variants = { "": undefined }, expect } = scenario;
    test(`${file}: ${name}: ${means}`, async () => {
      for (const [which, variant] of Object.entries(variants)) {
        try {
          const whole = await within(
            scenario.max_ms ?? MAX_MS,
            play(scenario, variant, cut ? Infinity : undefined),
          );
          if (!cut) {
            check(whole, expect, variant);
            continue;
          }
          // One that is made anew costs more, and is cut at each byte in the long form alone.
          const step = scenario.client?.linger_ms && !IS_LONG ? 7 : 1;
          for (let at = 0; at < whole.bytes; at += step) {
            check(await within(MAX_MS, play(scenario, variant, at)), expect, variant);
          }
        } catch (e) {
          e.message = `${which} ${e.message}`;
          throw e;
        }
      }
    });
  }
}

// --- vectors --------------------------------------------------------------------------------------

function decoded(hex) {
  const seen = [];
  const decoder = new FrameDecoder({
    frameHeader: (header) => seen.push({ header, body: [] }),
    frameBody: (piece) => seen[0].body.push(piece),
    frameEnd: () => (seen[0].body = Buffer.concat(seen[0].body)),
  });
  decoder.push(Buffer.from(hex, "hex"));
  return seen[0];
}

test("the server's vectors are decoded", { skip: !isThere }, () => {
  const vectors = read("vectors").filter((one) => one.sender === "server");
  assert.ok(vectors.length > 15);
  for (const { name, hex, text } of vectors) {
    const { header } = decoded(hex);
    assert.deepEqual(JSON.parse(JSON.stringify(header)), JSON.parse(text), name);
    assert.equal(readEvent(header).type, JSON.parse(text).type, name);
  }
});

test("what is asked for is encoded as the client's vectors are", { skip: !isThere }, () => {
  const vectors = Object.fromEntries(read("vectors").map((one) => [one.name, one]));
  const argv = (command, options, lingerMs = 0) => runRequest(command, options, lingerMs);
  const asked = {
    "smallest-run": argv("ls -la", {}),
    "shell-line-of-any-bytes": argv(Buffer.from("6563686f20ffc0", "hex"), {}),
    "argv-run": argv(["printf", "%s", "größer"], {}),
    "argv-body-run": argv(["cat", Buffer.from("fffe20", "hex"), ""], {}),
    "secret-environment": argv(["deploy"], { secrets: { TOKEN: "s3cret", GREETING: "grüße" } }),
    "environment-from-the-server": argv(["deploy"], { envFrom: ["DB_PASSWORD"] }),
    "every-key-of-run": argv(
      ["make", "all"],
      {
        job: "build.7", once: "1f6c", boot: "b-1", cwd: "/src", env: { LANG: "C.UTF-8", DEBUG: null }, merge: true,
        stdin: true, timeoutMs: 60_000, graceMs: 500, drainMs: 250, drainMaxMs: 5_000, keepMs: 3_600_000,
        window: 65_536, retain: 262_144, onFull: "spool", spoolBytes: 1_073_741_824, leftovers: "keep",
        extra: { "x-trace": { span: [1, 2.5, null] } },
      },
      60_000,
    ),
    "run-on-a-terminal": argv(["vi"], {
      stdin: true,
      pty: { rows: 24, cols: 80, term: "xterm-256color" },
      limits: { cpuS: 60, memoryBytes: 1_073_741_824, openFiles: 64, fileBytes: 1_048_576 },
      user: "build",
    }),
    "run-with-labels": argv(["make"], { labels: { app: "shop", stage: "test/1" } }),
    "terminal-with-modes": argv(["vi"], {
      pty: { rows: 24, cols: 80, term: "xterm", modes: { intr: 11, erase: 8, ixon: false, speed: 9600 } },
    }),
  };
  for (const [name, { header, body }] of Object.entries(asked)) {
    const expected = decoded(vectors[name].hex);
    const bytes = Buffer.concat([encodeHeader(header, body?.length), body ?? Buffer.alloc(0)]);
    const got = decoded(bytes.toString("hex"));
    // What we always say, and what the connection adds.
    for (const key of ["type", "id", "window"]) {
      if (!(key === "window" && name === "every-key-of-run")) {
        delete got.header[key];
        delete expected.header[key];
      }
    }
    assert.deepEqual(got, expected, name);
  }
});
