/**
 * A client: many jobs over one connection, and over the next one when that is lost.
 */

import { Connection } from "./connection.js";
import {
  CommandFailedError,
  DamagedError,
  NotRunError,
  OutputLimitError,
  RefusedError,
  UnreachableError,
} from "./errors.js";
import { statusOf } from "./events.js";
import { Follow } from "./follow.js";
import { parseBody } from "./frames.js";
import { asyncDispose, Job, resultOf } from "./job.js";
import { checkOptions, DEFAULT_WINDOW, runOptions, runRequest } from "./requests.js";
import { concat, utf8 } from "./text.js";
import { JobChanges } from "./watch.js";

const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;
const DEFAULT_LINGER_MS = 60_000;
const DEFAULT_HEARTBEAT_MS = 10_000;
const DEFAULT_MAX_OUTPUT_BYTES = 67_108_864;

// Between attempts to connect again, in milliseconds; with jitter.
const FIRST_PAUSE_MS = 50;
const MAX_PAUSE_MS = 5_000;
const MOMENT_MS = 1_000;

/** What a list of jobs may hold, unless it is asked for less, and the longest element. */
const MAX_JOBS = 100_000;
const MAX_STATUS_BYTES = 4_096;

/** How long close() waits for the server to hear that its jobs are to end, in milliseconds. */
const PARTING_MS = 1_000;

/** Of what the server says of a connection, that another attempt may go better. */
const PASSING = new Set(["busy", "unavailable", "too_slow", "too_many_connections", "too_many_failures"]);

const RUN_OPTIONS = runOptions("check", "input", "encoding", "maxOutputBytes");
const START_OPTIONS = runOptions("input");
const FOLLOW_OPTIONS = ["from", "window", "boot", "signal", "onGap"];

/**
 * @typedef {object} Platform what a runtime has to offer
 * @property {(data: Uint8Array, before?: number) => number} crc32
 * @property {(bytes: Uint8Array) => Uint8Array} random fills it
 */

export class Client {
  #transport;
  #connection;
  #opening;
  #follows = new Set();
  #isClosed = false;
  #reconnecting;
  #outage;
  #pauseMs = 0;
  #since = 0;
  #progressBefore = 0;

  /**
   * @param {Platform} platform
   * @param {object} transport
   * @param {{token?: string, lingerMs: number, heartbeatMs: number, connectTimeoutMs: number,
   *     onFault?: (error: Error) => void}} options
   */
  constructor(platform, transport, options) {
    this.platform = platform;
    this.#transport = transport;
    this.options = options;
    /** Bytes of output that came, of all jobs; for a connection's worth. */
    this.progress = 0;
  }

  /**
   * @returns {Promise<Client>}
   * @throws {UnreachableError | RefusedError | DamagedError}
   */
  static async connect(platform, transport, options) {
    const client = new Client(platform, transport, {
      token: options.token,
      lingerMs: options.lingerMs ?? transport.lingerMs ?? DEFAULT_LINGER_MS,
      heartbeatMs: options.heartbeatMs ?? DEFAULT_HEARTBEAT_MS,
      connectTimeoutMs: options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS,
      onFault: options.onFault,
    });
    await client.#connected();
    return client;
  }

  /** What the server said of itself: PROTOCOL.md, section 2; undefined without a connection. */
  get server() {
    return this.#connection?.hello;
  }

  // --- running ------------------------------------------------------------------------------------

  /**
   * Starts a command and follows it. Done when there is a process.
   *
   * @param {string | Uint8Array | (string | Uint8Array)[]} command a line for /bin/sh, or a program
   *     and its arguments
   * @param {object} [options] see index.d.ts, StartOptions
   * @returns {Promise<Job>}
   * @throws {NotRunError | StartFailedError | OutcomeUnknownError | DamagedError}
   */
  async start(command, options = {}) {
    checkOptions(options, START_OPTIONS);
    const follow = this.#plan(command, options);
    this.#begin(follow);
    if (options.input !== undefined) {
      void this.#feed(follow, options.input);
    }
    await follow.started.promise;
    return new Job(follow);
  }

  #plan(command, options) {
    const { signal } = options;
    signal?.throwIfAborted();
    const linger = options.lingerMs ?? this.options.lingerMs;
    const { header, body } = runRequest(
      command,
      { ...options, stdin: options.stdin || options.input !== undefined },
      linger,
    );
    // By its name a job can be fed and canceled before it is heard of.
    header.job ??= `js-${this.#random(10)}`;
    const patienceMs = linger === "forever" ? Infinity : linger;
    if (patienceMs > 0) {
      header.once ??= this.#random(16);
    }
    return new Follow(this, {
      kind: "run",
      header,
      body,
      patienceMs,
      isRunner: true,
      onGap: options.onGap,
      signal,
    });
  }

  #random(bytes) {
    return [...this.platform.random(new Uint8Array(bytes))]
      .map((byte) => byte.toString(16).padStart(2, "0"))
      .join("");
  }

  #begin(follow) {
    this.#follows.add(follow);
    this.#connected().then(
      (connection) => follow.connection === undefined && follow.open(connection),
      (e) => follow.fail(notRun(e)),
    );
  }

  // A source that fails cancels the job: it must not take a part for the whole.
  async #feed(follow, input) {
    try {
      if (typeof input === "string" || input instanceof Uint8Array) {
        await follow.stdin.write(typeof input === "string" ? utf8(input) : input);
      } else {
        for await (const chunk of chunks(input)) {
          await follow.stdin.write(typeof chunk === "string" ? utf8(chunk) : chunk);
        }
      }
      await follow.stdin.end();
    } catch (e) {
      if (follow.stdin.closed !== e) {
        follow.loss ??= e;
        follow.cancel().catch(() => {});
      }
    }
  }

  /**
   * Runs a command to its end and collects its output.
   *
   * @param {string | Uint8Array | (string | Uint8Array)[]} command
   * @param {object} [options] see index.d.ts, RunOptions
   * @returns {Promise<object>} the result: `exitCode`, `signal`, `outcome`, `stdout`, `stderr`, …
   * @throws {NotRunError | StartFailedError | OutcomeUnknownError | DamagedError |
   *     CommandFailedError | OutputLimitError}
   */
  async run(command, options = {}) {
    checkOptions(options, RUN_OPTIONS);
    const { encoding = "utf8", maxOutputBytes = DEFAULT_MAX_OUTPUT_BYTES } = options;
    if (encoding !== "utf8" && encoding !== null) {
      throw new TypeError(`encoding: ${encoding} (expected: "utf8" or null, for bytes)`);
    }
    const follow = this.#plan(command, options);
    const reader = follow.output.open("both");
    this.#begin(follow);
    if (options.input !== undefined) {
      void this.#feed(follow, options.input);
    }
    const parts = { stdout: [], stderr: [] };
    let bytes = 0;
    try {
      for (;;) {
        const { done, value } = await reader.next();
        if (done) {
          break;
        }
        bytes += value.data.length;
        if (bytes > maxOutputBytes) {
          throw new OutputLimitError(
            `more than ${maxOutputBytes} bytes of output (see maxOutputBytes); the job was canceled`,
          );
        }
        parts[value.stream].push(value.data);
      }
    } catch (e) {
      // What is wrong is told at the end, with the end.
      reader.cancel();
      follow.loss ??= e;
      if (e instanceof OutputLimitError) {
        follow.cancel().catch(() => {});
      }
    }
    const end = await follow.ended.promise;
    const result = resultOf(end, false);
    result.stdout = collected(parts.stdout, encoding);
    result.stderr = collected(parts.stderr, encoding);
    if (options.check && result.exitCode !== 0) {
      throw new CommandFailedError(result);
    }
    return result;
  }

  // --- following ----------------------------------------------------------------------------------

  /**
   * Takes a job's seat: its output from that offset on, and its stdin.
   *
   * @param {string} job
   * @param {object} [options] see index.d.ts, FollowOptions
   * @returns {Promise<Job>}
   * @throws {RefusedError | OutcomeUnknownError | DamagedError}
   */
  attach(job, options = {}) {
    return this.#attach(job, options, true);
  }

  /** The same without the seat: the job does not wait for a watcher. */
  watch(job, options = {}) {
    return this.#attach(job, options, false);
  }

  async #attach(job, options, isRunner) {
    checkOptions(options, FOLLOW_OPTIONS);
    options.signal?.throwIfAborted();
    const header = { type: "attach", job };
    if (options.boot !== undefined) {
      header.boot = options.boot;
    }
    if (options.from !== undefined) {
      header.from = options.from;
    }
    header.window = options.window ?? Math.min(DEFAULT_WINDOW, (await this.status(job)).retain ?? DEFAULT_WINDOW);
    if (isRunner) {
      header.runner = true;
    }
    const follow = new Follow(this, {
      kind: "attach",
      header,
      patienceMs: this.options.lingerMs,
      isRunner,
      onGap: options.onGap,
      signal: options.signal,
    });
    this.#begin(follow);
    await follow.started.promise;
    return new Job(follow);
  }

  // --- asking -------------------------------------------------------------------------------------

  /**
   * How a job stands: PROTOCOL.md, section 4, `status`.
   *
   * @param {string} job
   */
  async status(job) {
    return (await this.ask({ type: "status", job }, "status")).status;
  }

  /**
   * The jobs that this principal may see, in the order of their names.
   *
   * @param {{prefix?: string, state?: string, labels?: Record<string, string>, limit?: number}} [options]
   * @returns {Promise<object[]>}
   */
  async jobs(options = {}) {
    checkOptions(options, ["prefix", "state", "labels", "limit"]);
    const { limit = MAX_JOBS } = options;
    const found = [];
    let bytes = 0;
    const take = (body) => {
      bytes += body.reduce((sum, part) => sum + part.length, 0);
      const list = body.length === 0 ? [] : parseBody(concat(body));
      if (!Array.isArray(list) || found.length + list.length > limit || bytes > (limit + 1) * MAX_STATUS_BYTES) {
        throw new DamagedError(`jobs: not an array of at most ${limit} statuses`);
      }
      found.push(...list.map(statusOf));
    };
    await this.ask({ type: "jobs", ...options }, "jobs", take);
    return found;
  }

  /**
   * What becomes of the jobs that this principal may see: first all there are, then what changes.
   * However often a job changes between two reads, it is there once. After a lost connection the
   * list begins anew. PROTOCOL.md, section 3, `jobs`.
   *
   * @param {{prefix?: string, state?: string, labels?: Record<string, string>}} [options]
   * @returns {AsyncGenerator<{jobs: object[], gone: string[], reset: boolean, listed: boolean}>}
   */
  async *watchJobs(options = {}) {
    checkOptions(options, ["prefix", "state", "labels"]);
    for (let isFirst = true; ; isFirst = false) {
      const connection = await this.#connected();
      const changes = new JobChanges(!isFirst);
      const id = connection.request({ type: "jobs", ...options, watch: true }, undefined, changes);
      try {
        for (;;) {
          yield await changes.next();
        }
      } catch (e) {
        if (this.#isClosed || connection.ended === undefined || e !== connection.ended) {
          throw e;
        }
      } finally {
        if (connection.ended === undefined && !changes.isOver) {
          connection.ask({ type: "detach", follow: id }, "ok", this.options.connectTimeoutMs).catch(() => {});
        }
      }
    }
  }

  /** Signals a job's process group: PROTOCOL.md, section 3, `signal`. */
  async signal(job, name) {
    return (await this.ask({ type: "signal", job, signal: name })).state;
  }

  /** Ends a job: PROTOCOL.md, section 3, `cancel`. */
  async cancel(job, { graceMs } = {}) {
    const header = { type: "cancel", job };
    if (graceMs !== undefined) {
      header.grace_ms = graceMs;
    }
    return (await this.ask(header)).state;
  }

  /** @returns {Promise<number>} how long the answer took, in milliseconds */
  async ping() {
    const begun = performance.now();
    await this.ask({ type: "ping" }, "pong");
    return performance.now() - begun;
  }

  /**
   * Asks for one thing.
   *
   * @param {object} header
   * @param {string} [expected] the type of its answer
   * @param {(body: Uint8Array[]) => void} [part] takes each body of `jobs`
   * @returns {Promise<object>} the last event
   */
  async ask(header, expected = "ok", part) {
    const connection = await this.#connected();
    return connection.ask(header, expected, this.options.connectTimeoutMs, part);
  }

  // --- connections --------------------------------------------------------------------------------

  async #connected() {
    if (this.#isClosed) {
      throw new UnreachableError("the client was closed");
    }
    if (this.#connection !== undefined) {
      return this.#connection;
    }
    if (this.#reconnecting !== undefined) {
      const timeoutMs = this.options.connectTimeoutMs;
      let timer;
      const tooLong = new Promise((_, reject) => {
        timer = setTimeout(
          () => reject(new UnreachableError(`${this.#transport.name}: no connection within ${timeoutMs} ms`)),
          timeoutMs,
        );
      });
      await Promise.race([this.#reconnecting, tooLong]).finally(() => clearTimeout(timer));
      return this.#connected();
    }
    this.#opening ??= this.#open(this.options.connectTimeoutMs).finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #open(timeoutMs) {
    const connection = new Connection(this.options, (lost, why) => this.#lost(lost, why));
    await connection.open(this.#transport, timeoutMs);
    if (this.#isClosed) {
      connection.end(new UnreachableError("the client was closed"));
      throw connection.ended;
    }
    if (connection.ended !== undefined) {
      throw connection.ended;
    }
    this.#connection = connection;
    this.#since = performance.now();
    return connection;
  }

  // What follows was told by then, one by one.
  #lost(connection, why) {
    if (this.#connection !== connection) {
      return;
    }
    this.#connection = undefined;
    if (why instanceof DamagedError) {
      this.options.onFault?.(why);
    }
    if (this.#isClosed || this.#follows.size === 0) {
      return;
    }
    const now = performance.now();
    const lasted = now - this.#since;
    const further = this.#outage === undefined || this.progress > this.#progressBefore;
    // One that was soon lost and brought nothing is no reason to hurry again, nor to have patience
    // for as long again: a server may hang up whenever it is asked.
    if (further || lasted > MAX_PAUSE_MS) {
      this.#pauseMs = 0;
    }
    if (further || lasted > MOMENT_MS) {
      this.#outage = now;
    }
    this.#progressBefore = this.progress;
    this.#reconnecting = this.#reconnect(why).finally(() => {
      this.#reconnecting = undefined;
    });
  }

  /** How much longer whoever has so much patience waits, in milliseconds. */
  outageLeftMs(patienceMs) {
    return Math.max(0, patienceMs - (performance.now() - (this.#outage ?? performance.now())));
  }

  /** A job is followed again. */
  progressed() {
    this.progress++;
  }

  async #reconnect(why) {
    // Not on the stack of what came last.
    await Promise.resolve();
    let reason = why;
    let leastMs = 0;
    for (;;) {
      this.#giveUp(reason);
      if (this.#follows.size === 0 || this.#isClosed) {
        return;
      }
      const most = Math.max(...[...this.#follows].map((follow) => this.outageLeftMs(follow.plan.patienceMs)));
      await sleep(Math.min(most, Math.max(leastMs, this.#nextPause())));
      const left = Math.max(1, Math.min(this.options.connectTimeoutMs, most));
      try {
        if (this.#isClosed) {
          return;
        }
        const connection = await this.#open(left);
        this.#followAgain(connection);
        return;
      } catch (e) {
        reason = e;
        leastMs = e.retryAfterMs ?? 0;
        if (e instanceof DamagedError || (e instanceof RefusedError && !PASSING.has(e.code))) {
          [...this.#follows].forEach((follow) => follow.fail(follow.lost(e)));
        }
      }
    }
  }

  #followAgain(connection) {
    for (const follow of [...this.#follows]) {
      if (connection.ended === undefined && follow.connection === undefined) {
        follow.open(connection);
      }
    }
  }

  #giveUp(reason) {
    for (const follow of [...this.#follows]) {
      if (this.outageLeftMs(follow.plan.patienceMs) <= 0) {
        follow.fail(follow.lost(reason));
      }
    }
  }

  #nextPause() {
    const most = this.#pauseMs;
    this.#pauseMs = Math.min(MAX_PAUSE_MS, Math.max(FIRST_PAUSE_MS, 2 * most));
    // Never the same as others: the clients of a server that was gone should not all come at once.
    return most / 2 + (Math.random() * most) / 2;
  }

  /** That job is over. */
  forget(follow) {
    this.#follows.delete(follow);
  }

  /**
   * Ends the connection. Jobs that were started here and still run are canceled; to leave one
   * running, detach() first.
   */
  async close() {
    if (this.#isClosed) {
      return;
    }
    this.#isClosed = true;
    const connection = this.#connection;
    const follows = [...this.#follows];
    if (connection !== undefined) {
      const canceled = follows.filter((follow) => follow.isRunner && follow.wasSent).map((follow) => follow.cancel());
      await Promise.race([Promise.allSettled(canceled), sleep(canceled.length > 0 ? PARTING_MS : 0)]);
      connection.end(new UnreachableError("the client was closed"));
    }
    const why = new UnreachableError("the client was closed");
    [...this.#follows].forEach((follow) => follow.fail(follow.lost(why)));
  }

  [asyncDispose]() {
    return this.close();
  }
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function notRun(e) {
  if (e instanceof RefusedError) {
    return new NotRunError(e.code, e.message, { retryAfterMs: e.retryAfterMs, cause: e });
  }
  return e instanceof DamagedError ? e : new NotRunError("unreachable", e.message, { cause: e });
}

function collected(parts, encoding) {
  const bytes = parts.length === 1 ? parts[0] : concat(parts);
  return encoding === null ? bytes : new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

// Browsers that can't iterate over a stream have its reader.
async function* chunks(source) {
  if (typeof source?.getReader !== "function" || source[Symbol.asyncIterator]) {
    yield* source;
    return;
  }
  const reader = source.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        return;
      }
      yield value;
    }
  } finally {
    reader.releaseLock();
  }
}
