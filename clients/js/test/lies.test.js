import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import {
  connect,
  DamagedError,
  DetachedError,
  NotRunError,
  OutcomeUnknownError,
  RefusedError,
  StartFailedError,
  UnreachableError,
} from "../src/index.js";
import { BOOT, frame, hello, liar, until } from "./helpers.js";

const closing = [];

afterEach(async () => {
  for (const one of closing.splice(0).reverse()) {
    await one.close();
  }
});

async function lying(answer, options, clientOptions = {}) {
  const server = await liar(answer, options);
  closing.push(server);
  const client = await connect(server.address, { lingerMs: 0, heartbeatMs: 0, ...clientOptions });
  closing.push(client);
  return { server, client };
}

const OUTPUT = "123456";
const CRC = 158520161;

/** A whole and true answer to a run, frame by frame. */
function truth({ id, job }) {
  const begin = { id, final: false, job };
  return {
    started: { type: "started", ...begin, node: "n", boot: BOOT, pid: 7, state: "running", next: 0 },
    output: { type: "output", ...begin, stream: "stdout", offset: 0 },
    exited: { type: "exited", ...begin, exit_code: 0 },
    end: {
      type: "end",
      id,
      final: true,
      job,
      outcome: "exited",
      exit_code: 0,
      stdout: { bytes: 6, crc32: CRC },
      stderr: { bytes: 0, crc32: 0 },
      output_bytes: 6,
      gap_bytes: 0,
      started_at_ms: 1700000000000,
      drained: true,
      leftovers_total: 0,
    },
  };
}

function encode(frames) {
  return Buffer.concat(
    Object.entries(frames)
      .filter(([, header]) => header !== undefined)
      .map(([name, header]) => frame(header, name.startsWith("output") ? (header.body ?? OUTPUT) : "")),
  );
}

/** What a client makes of an answer: its result, or the error. */
async function told(change, end = true) {
  const { client } = await lying((peer, header) => {
    if (header.type === "run") {
      const frames = truth(header);
      peer.send(Buffer.isBuffer(change) ? change : encode(change(frames, header) ?? frames));
      if (end) {
        peer.end();
      }
    }
  });
  return client.run(["x"]).then(
    (result) => ({ result }),
    (error) => ({ error }),
  );
}

test("the truth is believed", async () => {
  const { result } = await told(() => {});
  assert.deepEqual([result.exitCode, result.stdout], [0, OUTPUT]);
  const unknown = await told((frames) => ({
    started: frames.started,
    news: { type: "news", id: frames.end.id, final: false, x: 1 },
    output: { ...frames.output, "x-new": [1.5] },
    exited: frames.exited,
    end: { ...frames.end, more: { a: 1e3 } },
  }));
  assert.equal(unknown.result.exitCode, 0);
});

/** Every way we know in which one frame can contradict the rest. */
const LIES = {
  started: [
    ["missing", undefined],
    ["of another job", { job: "k" }],
    ["of no job", { job: undefined }],
    ["final", { final: true }],
    ["without final", { final: undefined }],
    ["from another offset", { next: 3 }],
    ["from an offset below 0", { next: -1 }],
    ["from no offset", { next: undefined }],
    ["in a state that there is not", { state: "asleep" }],
    ["of another run of the server", { boot: "boot-2" }],
  ],
  output: [
    ["missing", undefined],
    ["of another job", { job: "k" }],
    ["of no job", { job: undefined }],
    ["final", { final: true }],
    ["behind its offset", { offset: 1 }],
    ["of the other stream", { stream: "stderr" }],
    ["of no stream", { stream: "stdin" }],
    ["with a byte too few", { body: "12345" }],
    ["with a byte too many", { body: "1234567" }],
    ["with another byte", { body: "123457" }],
  ],
  exited: [
    ["of another job", { job: "k" }],
    ["final", { final: true }],
    ["with another code", { exit_code: 1 }],
    ["by a signal", { exit_code: undefined, signal: "KILL" }],
    ["twice over", { signal: "KILL" }],
  ],
  end: [
    ["of another job", { job: "k" }],
    ["of no job", { job: undefined }],
    ["not final", { final: false }],
    ["without final", { final: undefined }],
    ["by a signal that there was not", { outcome: "signaled" }],
    ["of a start that failed", { outcome: "start_failed" }],
    ["as there is none", { outcome: "well" }],
    ["without a code", { exit_code: undefined }],
    ["with a code of 256", { exit_code: 256 }],
    ["with a code below 0", { exit_code: -1 }],
    ["with a code that is no integer", { exit_code: 0.5 }],
    ["with another code than before", { exit_code: 137 }],
    ["with code and signal", { signal: "KILL" }],
    ["with a signal only", { outcome: "signaled", exit_code: undefined, signal: "KILL" }],
    ["without its length", { output_bytes: undefined }],
    ["without stdout", { stdout: undefined }],
    ["without stderr", { stderr: undefined }],
    ["with another checksum", { stdout: { bytes: 6, crc32: CRC + 1 } }],
    ["with bytes of stderr", { stderr: { bytes: 1, crc32: 0 } }],
    ["with a checksum of stderr", { stderr: { bytes: 0, crc32: 1 } }],
    ["with a gap", { gap_bytes: 1 }],
    ...[0, 5, 7, -6].flatMap((wrong) => [
      [`with a length of ${wrong}`, { output_bytes: wrong }],
      [`with ${wrong} bytes`, { stdout: { bytes: wrong, crc32: CRC } }],
      [`with ${wrong} bytes, twice over`, { output_bytes: wrong, stdout: { bytes: wrong, crc32: CRC } }],
    ]),
  ],
};

for (const [frameName, lies] of Object.entries(LIES)) {
  for (const [what, change] of lies) {
    test(`a lie is told: ${frameName} ${what}`, async () => {
      const { error } = await told((frames) => {
        frames[frameName] = change && { ...frames[frameName], ...change };
        return frames;
      });
      assert.ok(error instanceof DamagedError, String(error?.stack ?? error));
    });
  }
}

test("an end that does not come is no success", async () => {
  const { error } = await told((frames) => ({ ...frames, end: undefined }));
  assert.ok(error instanceof OutcomeUnknownError, String(error));
});

test("an end that comes twice is told to all who rely on that server", async () => {
  const faults = [];
  const { client } = await lying(
    (peer, header) => {
      const frames = truth(header);
      if (header.argv[0] === "other") {
        peer.send(frame(frames.started));
      } else {
        peer.send(encode(frames), frame(frames.end));
      }
    },
    {},
    { onFault: (e) => faults.push(e) },
  );
  const other = await client.start(["other"]);
  assert.equal((await client.run(["x"])).exitCode, 0);
  await assert.rejects(other.wait(), DamagedError);
  assert.match(faults[0].message, /not asked/);
});

test("what comes after the end, or of nobody's, damages the connection", async () => {
  for (const stray of [
    (h) => ({ type: "output", id: h.id, final: false, job: h.job, stream: "stdout", offset: 6 }),
    () => ({ type: "ok", id: "none", final: true, state: "ended" }),
    () => ({ type: "end", final: true, job: "j", outcome: "exited" }),
    (h) => ({ type: "jobs", id: h.id, final: true }),
    (h) => ({ type: "ok", id: h.id, final: true, state: "ended" }),
    (h) => ({ type: "unknown", id: h.id, final: true }),
  ]) {
    const { client } = await lying((peer, header) => {
      peer.send(frame(truth(header).started), frame(stray(header)));
    });
    await assert.rejects(client.run(["x"]), DamagedError, stray.toString());
  }
});

test("bytes beyond the credit are not taken", async () => {
  const { client, server } = await lying((peer, header) => {
    const { started, output } = truth(header);
    peer.send(frame(started));
    let offset = 0;
    const pump = () => {
      for (; offset < 50_000_000; offset += 100_000) {
        if (peer.socket.destroyed) {
          return;
        }
        if (!peer.socket.write(frame({ ...output, offset }, Buffer.alloc(100_000)))) {
          offset += 100_000;
          peer.socket.once("drain", pump);
          return;
        }
      }
    };
    pump();
  });
  const job = await client.start(["x"], { window: 1_048_576, retain: 1_048_576 });
  await assert.rejects(job.wait().then((r) => r), /window/);
  await until(() => server.sockets.size === 0);
});

test("bytes beyond the credit are not taken from who does not read either", async () => {
  const { client } = await lying((peer, header) => {
    const { started, output } = truth(header);
    peer.send(frame(started), frame({ ...output }, "x".repeat(1_024)), frame({ ...output, offset: 1_024 }, "x"));
  });
  const job = await client.start(["x"], { window: 1_024 });
  const reader = job.output();
  // What came before it is still there.
  await assert.rejects(async () => {
    for await (const { data } of reader) {
      assert.equal(data.length, 1_024);
    }
  }, /window of 1024/);
});

test("small pieces that nobody reads take memory by their bytes", async () => {
  let sent = false;
  const { client } = await lying((peer, header) => {
    const { started, output } = truth(header);
    peer.send(frame(started));
    for (let i = 0; i < 200; i++) {
      peer.send(Buffer.concat(Array.from({ length: 500 }, (_, k) => frame({ ...output, offset: i * 500 + k }, "x"))));
    }
    sent = true;
  });
  const job = await client.start(["x"]);
  await until(() => sent);
  const reader = job.output();
  let pieces = 0;
  for (let bytes = 0; bytes < 100_000; pieces++) {
    bytes += (await reader.next()).value.data.length;
  }
  assert.ok(pieces < 1_000, `${pieces} pieces`);
});

test("a flood of pings does not pile up pongs", async () => {
  let flood = 0;
  const { client } = await lying((peer, header) => {
    peer.send(frame(truth(header).started));
    peer.socket.pause();
    const pings = Buffer.concat(Array(10_000).fill(frame({ type: "ping", final: false })));
    const more = () => {
      while (flood < 100 && !peer.socket.destroyed) {
        flood++;
        if (!peer.socket.write(pings)) {
          peer.socket.once("drain", more);
          return;
        }
      }
    };
    more();
  });
  const before = process.memoryUsage().arrayBuffers;
  await client.start(["x"]);
  await until(() => flood === 100);
  assert.ok(process.memoryUsage().arrayBuffers - before < 64_000_000);
});

test("a list of jobs without an end takes no memory without an end", async () => {
  const one = { job: "j", state: "running", principal: "p", command: "c", output_bytes: 0, followers: 0 };
  const { client } = await lying((peer, header) => {
    const part = frame({ type: "jobs", id: header.id, final: false }, JSON.stringify(Array(100).fill(one)));
    for (let i = 0; i < 20; i++) {
      peer.send(part);
    }
  });
  await assert.rejects(client.jobs({ limit: 1_000 }), DamagedError);
  const { client: other } = await lying((peer, header) => {
    peer.send(frame({ type: "jobs", id: header.id, final: true }, '{"a":1}'));
  });
  await assert.rejects(other.jobs(), DamagedError);
});

test("acknowledgements of stdin that was not sent are told", async () => {
  for (const ack of [{ offset: 6 }, { offset: 4, eof: true }, { offset: -1 }, { offset: "1" }]) {
    const { client } = await lying((peer, header) => {
      if (header.type === "stdin" && !header.eof) {
        peer.send(frame({ type: "stdin_ack", id: peer.run.id, final: false, job: peer.run.job, ...ack }));
      } else if (header.type === "run") {
        peer.run = header;
        peer.send(frame({ ...truth(header).started, stdin_window: 65_536 }));
      }
    });
    const job = await client.start(["x"], { stdin: true });
    await job.stdin.write("12345");
    await assert.rejects(job.wait(), DamagedError, JSON.stringify(ack));
  }
});

test("no more stdin is sent than there is credit for", async () => {
  let sent = 0;
  let eof = false;
  let run;
  const { client } = await lying((peer, header, body) => {
    if (header.type === "run") {
      run = { peer, header };
      peer.send(frame({ ...truth(header).started, stdin_window: 1_000 }));
    } else if (header.type === "stdin") {
      assert.equal(header.offset, sent);
      sent += body.length;
      eof ||= header.eof === true;
    }
  });
  const job = await client.start(["x"], { stdin: true });
  const writing = job.stdin.write(Buffer.alloc(70_000)).then(() => job.stdin.close());
  let acked = 0;
  while (!eof) {
    await until(() => sent === Math.min(70_000, acked + 1_000) || eof, "what there is credit for is sent");
    assert.ok(sent <= acked + 1_000, `${sent} after ${acked}`);
    acked = sent;
    run.peer.send(frame({ type: "stdin_ack", id: run.header.id, final: false, job: run.header.job, offset: acked }));
  }
  await writing;
  assert.equal(sent, 70_000);
});

test("silence is noticed by heartbeats", async () => {
  const quiet = { heartbeatMs: 100 };
  const { client } = await lying((peer, header) => {
    if (header.type === "run") {
      peer.send(frame(truth(header).started));
    }
  }, {}, quiet);
  await assert.rejects(client.run(["x"]), (e) => e instanceof OutcomeUnknownError && /nothing was heard/.test(e.message));
  const { client: mute } = await lying(() => {}, {}, quiet);
  await assert.rejects(mute.run(["x"]), OutcomeUnknownError);
});

test("a server that says nothing to a hello, or to a question, is not waited for", async () => {
  const silent = await liar(() => {}, { hello: null });
  closing.push(silent);
  await assert.rejects(connect(silent.address, { connectTimeoutMs: 200 }), UnreachableError);
  const { client } = await lying(() => {}, {}, { connectTimeoutMs: 200 });
  await assert.rejects(client.status("j"), OutcomeUnknownError);
});

test("a server that is none is told from one", async () => {
  for (const [answer, expected] of [
    ["HTTP/1.1 400 Bad Request\r\n\r\n", DamagedError],
    [frame({ type: "ok", id: "hello", final: true, state: "ended" }), DamagedError],
    [frame({ type: "hello", id: "hello", final: true, version: 2 }), DamagedError],
    [frame({ type: "error", final: true, code: "unauthenticated", message: "no", close: true }), RefusedError],
    [frame({ type: "error", id: "hello", final: true, code: "internal", message: "no" }), RefusedError],
    [frame('{"type":"hello","type":"hello","total_size":0}'), DamagedError],
    ["", UnreachableError],
  ]) {
    const server = await liar(
      (peer) => {
        peer.send(Buffer.from(answer));
        peer.end();
      },
      { hello: null },
    );
    closing.push(server);
    await assert.rejects(connect(server.address), expected, String(answer));
  }
  await assert.rejects(connect("127.0.0.1:1"), UnreachableError);
  await assert.rejects(connect("unix:/nonesuch"), UnreachableError);
});

test("refusals say whether to come again", async () => {
  const { client } = await lying((peer, { id, type, job }) => {
    const code = type === "run" ? "busy" : "unknown_job";
    peer.send(frame({ type: "error", id, final: true, code, message: "no", job, retry_after_ms: 70 }));
  });
  await assert.rejects(
    client.run(["x"]),
    (e) => e instanceof NotRunError && e.code === "busy" && e.retryAfterMs === 70,
  );
  await assert.rejects(client.status("j"), (e) => !(e instanceof NotRunError) && e instanceof RefusedError);
});

test("ends that are none of the command's are told apart", async () => {
  const none = { exit_code: undefined, stdout: { bytes: 0, crc32: 0 }, output_bytes: 0 };
  const failed = { ...none, outcome: "start_failed", errno: "EACCES", at: "cwd", message: "m", started_at_ms: undefined };
  const { error } = await told(({ end }) => ({ end: { ...end, ...failed } }));
  assert.ok(error instanceof StartFailedError && error.errno === "EACCES" && error.at === "cwd");
  const lost = await told((f) => ({ ...f, exited: undefined, end: { ...f.end, outcome: "lost", exit_code: undefined } }));
  assert.ok(lost.error instanceof OutcomeUnknownError, String(lost.error));
  assert.equal(lost.error.end.outcome, "lost");
  const replaced = await told(({ started, end: { id } }) => ({
    started,
    end: { type: "detached", id, final: true, reason: "replaced" },
  }));
  assert.ok(replaced.error instanceof DetachedError && replaced.error.reason === "replaced");
  const canceled = await told(({ end }) => ({ end: { ...end, ...none, outcome: "canceled" } }));
  assert.deepEqual([canceled.result.outcome, canceled.result.exitCode], ["canceled", null]);
});

test("a cancel that nothing comes of is not waited for without end", async () => {
  const { client } = await lying((peer, header) => {
    if (header.type === "run") {
      peer.send(frame(truth(header).started));
    } else if (header.type === "cancel") {
      peer.send(frame({ type: "ok", id: header.id, final: true, state: "running" }));
    }
  });
  const { Follow } = await import("../src/core/follow.js");
  const patience = Follow.ABORT_MS;
  Follow.ABORT_MS = 100;
  try {
    await assert.rejects(client.run(["x"], { graceMs: 0, signal: AbortSignal.timeout(50) }), { name: "TimeoutError" });
  } finally {
    Follow.ABORT_MS = patience;
  }
});

// --- after a lost connection ----------------------------------------------------------------------

/** A server whose job goes on: each connection is answered by the next of the answers. */
async function resumable(answers, clientOptions = {}) {
  return lying(
    (peer, header, body) => answers[Math.min(peer.number, answers.length) - 1](peer, header, body),
    {},
    { lingerMs: 5_000, ...clientOptions },
  );
}

function cutAfter(peer, ...frames) {
  peer.socket.write(Buffer.concat(frames), () => peer.socket.destroy());
}

test("after a cut the job is followed again, from the byte where it was", async () => {
  const asked = [];
  const { client, server } = await resumable([
    (peer, header) => {
      asked.push(header);
      const { started, output } = truth(header);
      cutAfter(peer, frame(started), frame({ ...output }, "123"));
    },
    (peer, header) => {
      asked.push(header);
      const { started, output, end } = truth(header);
      peer.send(frame({ ...started, existing: true, next: 3 }), frame({ ...output, offset: 3 }, "456"), frame(end));
    },
  ]);
  const result = await client.run(["x"]);
  assert.deepEqual([result.exitCode, result.stdout], [0, OUTPUT]);
  const [run, attach] = asked;
  assert.equal(run.boot, BOOT);
  assert.ok(run.once.length >= 16 && run.linger_ms === 5_000);
  assert.deepEqual(
    [attach.type, attach.job, attach.boot, attach.from, attach.runner],
    ["attach", run.job, BOOT, 3, true],
  );
  assert.equal(server.connections, 2);
});

test("a run whose start nobody heard of is asked for again, under the same name", async () => {
  const asked = [];
  const { client } = await resumable([
    (peer, header) => {
      asked.push(header);
      peer.socket.destroy();
    },
    (peer, header) => {
      asked.push(header);
      peer.send(encode(truth(header)));
    },
  ]);
  assert.equal((await client.run(["x"])).exitCode, 0);
  assert.deepEqual(asked[1], { ...asked[0], id: asked[1].id });
});

test("a server that was started anew does not run it again", async () => {
  let runs = 0;
  const server = await liar(
    (peer, header) => {
      if (header.type === "hello") {
        peer.send(hello(header, { boot: `boot-${peer.number}` }));
      } else {
        runs++;
        peer.socket.destroy();
      }
    },
    { hello: null },
  );
  closing.push(server);
  const client = await connect(server.address, { lingerMs: 5_000, heartbeatMs: 0 });
  closing.push(client);
  await assert.rejects(client.run(["x"]), (e) => e instanceof OutcomeUnknownError && /anew/.test(e.message));
  assert.equal(runs, 1);
});

test("lies after a cut are told as well", async () => {
  const cut = (peer, header) => {
    const { started, output } = truth(header);
    cutAfter(peer, frame(started), frame({ ...output }, "123"));
  };
  for (const [what, expected] of [
    [(t) => [frame({ ...t.started, next: 0 })], DamagedError],
    [(t) => [frame({ ...t.started, next: 3, job: "k" })], DamagedError],
    [(t) => [frame({ ...t.started, next: 3, boot: "other" })], DamagedError],
    [(t) => [frame({ ...t.started, next: 3 }), frame({ ...t.output }, "123")], DamagedError],
    [(t) => [frame({ ...t.started, next: 3 }), frame({ ...t.output, offset: 3 }, "45"), frame(t.end)], DamagedError],
    [(t) => [frame({ ...t.started, next: 3 }), frame({ ...t.output, offset: 3 }, "457"), frame(t.end)], DamagedError],
    [(t) => [frame({ type: "error", id: t.end.id, final: true, code: "unknown_job", message: "" })], OutcomeUnknownError],
    [(t) => [frame({ type: "error", id: t.end.id, final: true, code: "stale", message: "" })], OutcomeUnknownError],
    [
      (t) => [
        frame({ ...t.started, next: 3 }),
        frame({ type: "gap", id: t.end.id, final: false, job: t.end.job, from: 3, to: 6 }),
        frame({ ...t.end, gap_bytes: 3 }),
      ],
      DamagedError,
    ],
  ]) {
    const { client } = await resumable([cut, (peer, header) => peer.send(...what(truth(header)))]);
    await assert.rejects(client.run(["x"]), expected, what.toString());
  }
});

test("a server that hangs up whenever it is asked is given up in time, and not asked without a pause", async () => {
  let asked = 0;
  const { client } = await resumable([
    (peer, header) => {
      asked++;
      if (header.type === "run") {
        cutAfter(peer, frame(truth(header).started));
      } else {
        peer.socket.destroy();
      }
    },
  ], { lingerMs: 1_000 });
  await assert.rejects(client.run(["x"]), OutcomeUnknownError);
  assert.ok(asked > 2 && asked < 40, `asked ${asked} times`);
});

test("a server that says nothing of the job after a cut is given up in time", async () => {
  const { client } = await resumable(
    [(peer, header) => cutAfter(peer, frame(truth(header).started)), () => {}],
    { lingerMs: 300 },
  );
  await assert.rejects(client.run(["x"]), (e) => e instanceof OutcomeUnknownError);
});

test("stdin goes on where the pipe's end is, whatever was sent before", async () => {
  const got = [];
  const sentSoFar = { first: 0 };
  const { client } = await resumable([
    (peer, header, body) => {
      if (header.type === "run") {
        peer.run = header;
        peer.send(frame({ ...truth(header).started, stdin_window: 65_536 }));
      } else if (header.type === "stdin") {
        sentSoFar.first += body.length;
        if (sentSoFar.first === 10) {
          cutAfter(peer, frame({ type: "stdin_ack", id: peer.run.id, final: false, job: peer.run.job, offset: 4 }));
        }
      }
    },
    (peer, header, body) => {
      if (header.type === "attach") {
        peer.run = header;
        const { started } = truth(header);
        peer.send(
          frame({ ...started, stdin_window: 65_536, existing: true }),
          frame({ type: "stdin_ack", id: header.id, final: false, job: header.job, offset: 6 }),
        );
      } else if (header.type === "stdin") {
        got.push([header.offset, body.toString(), header.eof]);
        if (header.eof) {
          const { output, end } = truth({ ...peer.run });
          peer.send(frame(output, OUTPUT), frame(end));
        }
      }
    },
  ]);
  const job = await client.start(["x"], { stdin: true });
  await job.stdin.write("0123456789");
  await until(() => got.length > 0);
  await job.stdin.write("ab");
  await job.stdin.close();
  assert.equal((await job.wait()).exitCode, 0);
  assert.equal(got.map(([, text]) => text).join(""), "6789ab");
  assert.equal(got[0][0], 6);
});

test("a seat that a late request of our own took is taken back, once", async () => {
  const seen = [];
  const replaced = ({ id }) => frame({ type: "detached", id, final: true, reason: "replaced" });
  const { client } = await resumable([
    (peer, header) => cutAfter(peer, frame(truth(header).started)),
    (peer, header) => {
      seen.push(header.type);
      peer.send(frame({ ...truth(header).started, existing: true }), replaced(header));
    },
  ]);
  const started = await client.start(["x"]);
  await assert.rejects(started.wait(), (e) => e instanceof DetachedError && e.reason === "replaced");
  assert.deepEqual(seen, ["attach", "attach"]);
});

test("a job that was aborted while there was no connection is canceled over the next one", async () => {
  const seen = [];
  let second;
  const abort = new AbortController();
  const { client } = await resumable([
    (peer, header) => {
      peer.socket.write(frame(truth(header).started), () => {
        peer.socket.destroy();
        abort.abort();
      });
    },
    (peer, header) => {
      seen.push(header.type);
      if (header.type === "attach") {
        second = header;
        peer.send(frame(truth(header).started));
      } else if (header.type === "cancel") {
        const { end } = truth(second);
        peer.send(
          frame({ type: "ok", id: header.id, final: true, state: "running" }),
          frame({ ...end, outcome: "canceled", stdout: { bytes: 0, crc32: 0 }, output_bytes: 0 }),
        );
      }
    },
  ]);
  await assert.rejects(client.run(["x"], { signal: abort.signal }), { name: "AbortError" });
  assert.ok(seen.includes("cancel"));
});
