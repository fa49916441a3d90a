/**
 * One job that is run or followed, over as many connections as it takes, until its one end. What it
 * believes is decided here; PROTOCOL.md, sections 3, 4 and 6, and "A client that does more".
 */

import {
  DamagedError,
  DetachedError,
  GapError,
  NotRunError,
  OutcomeUnknownError,
  RefusedError,
  StdinClosedError,
  StartFailedError,
  UnreachableError,
} from "./errors.js";
import { OutputQueue } from "./output.js";
import { StdinSender } from "./stdin.js";

/** Refusals that another attempt may get around, once the job was there. */
const PASSING = new Set(["busy", "unavailable", "too_slow", "too_many_connections", "too_many_failures"]);

/** What a refusal means once the job was there. */
const FORGOTTEN = {
  stale: "the server was started anew; what became of the job is not known",
  unknown_job: "the server does not know the job any more; its end is not known",
};

/** So long a request of a lost connection may come late, in milliseconds. */
const GHOST_MS = 3_000;

const DEFAULT_GRACE_MS = 2_000;
const RETRY_MS = 200;

/** A promise with its ends; a rejection that nobody waits for is none of the process's business. */
export function deferred() {
  const one = {};
  one.promise = new Promise((resolve, reject) => {
    one.resolve = resolve;
    one.reject = reject;
  });
  one.promise.catch(() => {});
  return one;
}

export class Follow {
  /** Beyond its grace, so long an aborted job may take to end, in milliseconds. Tests shorten it. */
  static ABORT_MS = 15_000;

  /**
   * @param {object} client
   * @param {object} plan
   * @param {"run" | "attach"} plan.kind
   * @param {object} plan.header of the first request, without `id`
   * @param {Uint8Array} [plan.body]
   * @param {number} plan.patienceMs how long a lost connection is made anew; 0: not at all
   * @param {boolean} plan.isRunner
   * @param {(gap: {from: number, to: number}) => void} [plan.onGap]
   * @param {AbortSignal} [plan.signal]
   */
  constructor(client, plan) {
    this.client = client;
    this.plan = plan;
    this.window = plan.header.window;
    this.job = plan.header.job;
    this.boot = plan.header.boot;
    this.connection = undefined;
    this.id = undefined;
    this.firstConnection = undefined;
    /** When it was asked for over this connection, in milliseconds of performance.now(). */
    this.openedAt = 0;
    /** The connection on which the seat was taken back from a request of our own. */
    this.ghostOf = undefined;
    this.wasSent = false;
    /** Whether this connection is another than the first. */
    this.isRetry = false;
    this.begun = undefined;
    this.first = 0;
    this.exited = undefined;
    /** This connection's: whether it has brought us back, and what it did not send. */
    this.resumed = false;
    this.gapBytes = 0;
    /** All that was ever missed; with it checksums say nothing. */
    this.missed = 0;
    this.loss = undefined;
    this.isOver = false;
    this.started = deferred();
    this.ended = deferred();
    this.output = new OutputQueue(this.window, client.platform.crc32, () => this.progress());
    this.acknowledge = () => this.sendAck();
    this.stdin = undefined;
    this.stdinAcked = false;
    this.detaching = undefined;
    this.canceling = undefined;
    this.retryTimer = undefined;
    this.abortTimer = undefined;
    this.patienceTimer = undefined;
    if (plan.header.stdin) {
      this.makeStdin();
    }
    this.listen();
  }

  get isRunner() {
    return this.plan.isRunner;
  }

  // --- connections --------------------------------------------------------------------------------

  /** Over that connection, which nothing was said about it on. */
  open(connection) {
    if (this.isOver) {
      return;
    }
    if (this.boot !== undefined && this.wasSent && this.boot !== connection.hello.boot) {
      // What spools may be found by the next run of the server.
      if (this.begun === undefined || this.plan.header.on_full !== "spool") {
        this.fail(this.unknown(FORGOTTEN.stale));
        return;
      }
      this.boot = connection.hello.boot;
    }
    this.firstConnection ??= connection;
    this.openedAt = performance.now();
    this.connection = connection;
    this.isRetry = this.wasSent;
    this.resumed = false;
    this.stdinAcked = false;
    this.gapBytes = 0;
    const { header, body } = this.begun === undefined ? this.opening() : this.resuming();
    try {
      this.id = connection.request(header, body, this);
    } catch (e) {
      this.fail(e);
      return;
    }
    if (this.stdin !== undefined && this.plan.kind === "run" && !this.wasSent) {
      this.stdin.start();
    }
    if (this.isRetry) {
      this.limitPatience();
    }
    this.wasSent = true;
    if (this.canceling !== undefined && !this.canceling.answered) {
      this.sendCancel();
    }
  }

  // One that lets us in and says nothing of the job is as good as none.
  limitPatience() {
    clearTimeout(this.patienceTimer);
    const left = this.client.outageLeftMs(this.plan.patienceMs);
    if (Number.isFinite(left)) {
      this.patienceTimer = setTimeout(() => {
        this.abandon(this.lost(new UnreachableError("the server does not say what became of the job")));
      }, left);
    }
  }

  opening() {
    const { kind, header, body, patienceMs } = this.plan;
    if (kind === "run" && patienceMs > 0) {
      // Sent twice, it must not run twice: nor in another run of the server.
      this.boot ??= this.connection.hello.boot;
      header.boot = this.boot;
    }
    return { header, body };
  }

  resuming() {
    const header = {
      type: "attach",
      job: this.job,
      boot: this.boot,
      from: this.output.next,
      window: this.window,
    };
    if (this.isRunner) {
      header.runner = true;
    }
    return { header };
  }

  /** @param {Error} why */
  refused(why) {
    if (this.isOver) {
      return;
    }
    this.connection = undefined;
    this.stdin?.pause();
    this.detaching?.reject(this.unknown(`detach: no answer came: ${why.message}`, why));
    this.detaching = undefined;
    this.output.cut();
    if (why instanceof DamagedError) {
      this.fail(new DamagedError(why.message, { job: this.job, cause: why }));
    } else if (why instanceof RefusedError && !PASSING.has(why.code)) {
      this.fail(this.wasSent ? this.unknown(why.message, why) : new NotRunError(why.code, why.message, why));
    } else if (!(this.plan.patienceMs > 0)) {
      this.fail(this.lost(why));
    }
  }

  /** @param {Error} why there is no connection, and none came about in time */
  lost(why) {
    if (!this.wasSent) {
      return new NotRunError("unreachable", why.message, { job: this.job, cause: why });
    }
    return this.unknown(
      this.begun === undefined
        ? `${why.message}; whether the command ran is not known`
        : `${why.message}, at offset ${this.output.next} of the output; the job's end is not known`,
      why,
    );
  }

  unknown(message, cause) {
    return new OutcomeUnknownError(message, { job: this.job, cause });
  }

  // --- what comes ---------------------------------------------------------------------------------

  take(event) {
    switch (event.type) {
      case "started":
        this.start(event);
        return;
      case "gap":
        this.checkJob(event);
        this.gap(event);
        return;
      case "stdin_ack":
        this.checkJob(event);
        this.takeStdinAck(event);
        return;
      case "stdin_closed":
        this.checkJob(event);
        this.stdin?.close(new StdinClosedError("the command reads no more"));
        return;
      case "resized":
        this.checkJob(event);
        if (this.begun === undefined) {
          throw this.contradiction("resized a command that it had not started");
        }
        this.begun = { ...this.begun, terminalSize: event.size };
        return;
      case "exited":
        this.checkJob(event);
        this.takeStatus(event.status);
        return;
      case "end":
        this.checkJob(event);
        this.takeEnd(event);
        return;
      case "detached":
        if (event.reason === "replaced" && this.isGhost()) {
          this.open(this.connection);
          return;
        }
        this.fail(new DetachedError(event.reason, this.job));
        return;
      case "error":
        this.refuse(event);
        return;
      default:
        throw this.contradiction(`answered with ${event.type}`);
    }
  }

  // What was sent over the lost connection may be read after what came over this one, and take the
  // seat from us; another client that did so would hardly have come in the same moment. Once.
  isGhost() {
    const isSoon = performance.now() - this.openedAt < GHOST_MS;
    const isFirst = this.ghostOf !== this.connection;
    this.ghostOf = this.connection;
    return this.isRunner && this.connection !== this.firstConnection && isSoon && isFirst;
  }

  start(event) {
    const again = this.begun !== undefined;
    if (this.resumed) {
      throw this.contradiction("started the job twice");
    }
    this.checkJob(event);
    const { boot } = this.connection.hello;
    if (event.boot !== boot) {
      throw this.contradiction(`is run ${event.boot} of the server instead of ${boot}`);
    }
    const { kind, header } = this.plan;
    const asked = again ? this.output.next : kind === "run" ? 0 : (header.from ?? 0);
    if (asked !== "end" && event.next !== asked) {
      throw this.contradiction(`began the output at offset ${event.next} instead of ${asked}`);
    }
    this.resumed = true;
    clearTimeout(this.patienceTimer);
    this.client.progressed();
    this.output.begin(event.next);
    if (!again) {
      this.first = event.next;
      this.job = event.job;
      this.boot = event.boot;
      this.begun = event;
      if (this.isRunner && event.stdinWindow !== undefined && this.stdin === undefined) {
        this.makeStdin();
      }
      this.started.resolve();
    }
    if (event.stdinWindow !== undefined) {
      this.stdin?.setWindow(event.stdinWindow);
    }
  }

  /** An output frame begins. */
  outputBegins(event) {
    this.checkJob(event);
    if (!this.resumed) {
      throw this.contradiction("sent output of a job that it had not started");
    }
    if (event.offset !== this.output.next) {
      throw this.contradiction(`sent output at offset ${event.offset} instead of ${this.output.next}`);
    }
    if (!this.output.hasCredit(event.bytes)) {
      throw this.contradiction(`sent more than the window of ${this.window} bytes beyond what was acknowledged`);
    }
  }

  outputData(stream, data) {
    this.client.progress += data.length;
    this.output.push(stream, data);
  }

  gap({ from, to }) {
    if (!this.resumed || from !== this.output.next) {
      throw this.contradiction(`left out output from offset ${from} on instead of ${this.output.next}`);
    }
    this.gapBytes += to - from;
    this.missed += to - from;
    const { onGap } = this.plan;
    if (onGap === undefined) {
      this.loss ??= new GapError(from, to, { job: this.job });
    }
    this.output.gap(from, to, onGap !== undefined);
    onGap?.({ from, to });
  }

  takeStdinAck({ offset, eof }) {
    if (this.stdin === undefined) {
      throw this.contradiction("acknowledged stdin of a job that has none");
    }
    const isFirst = !this.stdinAcked;
    this.stdinAcked = true;
    this.stdin.acknowledge(offset, eof, isFirst);
  }

  takeStatus(status) {
    if (this.exited !== undefined && !sameStatus(this.exited, status)) {
      throw this.contradiction("told of two ways in which the command ended");
    }
    this.exited = status;
  }

  checkJob({ job }) {
    if (this.job !== undefined && job !== this.job) {
      throw this.contradiction(`told of job ${job} instead of ${this.job}`);
    }
  }

  contradiction(what) {
    return new DamagedError(`the server contradicted itself: it ${what}`, { job: this.job });
  }

  // --- the end ------------------------------------------------------------------------------------

  takeEnd({ end, gapBytes }) {
    const ran = end.outcome === "exited" || end.outcome === "signaled";
    const isAttach = this.plan.kind === "attach" && end.startedAtMs === undefined;
    if (this.begun === undefined && ran && !isAttach) {
      throw this.contradiction("told of an end and of no start");
    }
    if (this.begun !== undefined && end.outcome === "start_failed") {
      throw this.contradiction("told of a start, and then that it failed");
    }
    if (this.exited !== undefined && !sameStatus(this.exited, end)) {
      throw this.contradiction("told of two ways in which the command ended");
    }
    this.job = end.job;
    this.exitStatus = end;
    if (end.outcome === "start_failed") {
      this.fail(new StartFailedError(end));
      return;
    }
    const damage = this.damage(end, gapBytes);
    if (damage !== undefined) {
      if (damage instanceof DamagedError) {
        damage.end = end;
      }
      this.fail(damage);
    } else if (end.outcome === "lost" || (ran && end.exitCode === undefined && end.signal === undefined)) {
      const message = "the server does not know how the job ended";
      this.fail(new OutcomeUnknownError(message, { job: this.job, end }));
    } else {
      this.succeed(end);
    }
  }

  // What of it is not as the server counted it.
  damage(end, gapBytes) {
    if (this.loss !== undefined) {
      return this.loss;
    }
    const what = this.difference(end, gapBytes);
    return what === undefined ? undefined : new DamagedError(what, { kind: "checksum", job: this.job });
  }

  difference(end, gapBytes) {
    if (gapBytes !== this.gapBytes) {
      return `gap_bytes: ${gapBytes} (told of: ${this.gapBytes})`;
    }
    if (end.outcome === "lost") {
      return undefined;
    }
    if (end.stdout.bytes + end.stderr.bytes !== end.outputBytes) {
      return `output_bytes: ${end.outputBytes} (both streams: ${end.stdout.bytes + end.stderr.bytes})`;
    }
    if (this.output.next !== end.outputBytes && this.begun !== undefined) {
      return `the output ended at offset ${this.output.next} of ${end.outputBytes}`;
    }
    if (this.first > 0 || this.begun === undefined) {
      return undefined;
    }
    const totals = this.output.totals();
    for (const name of ["stdout", "stderr"]) {
      const { bytes, crc32 } = totals[name];
      if (bytes > end[name].bytes || (this.missed === 0 && bytes !== end[name].bytes)) {
        return `${name}: ${bytes} bytes arrived, but ${end[name].bytes} were written`;
      }
      if (this.missed === 0 && crc32 !== end[name].crc32) {
        return `${name}: what arrived is not what was written (CRC-32 differs)`;
      }
    }
    return undefined;
  }

  refuse(event) {
    const { code } = event;
    const message = `${code}: ${event.message}`;
    const again = this.begun !== undefined || this.isRetry;
    if (event.close && PASSING.has(code)) {
      return; // The connection ends, and tells.
    }
    if (again && PASSING.has(code) && this.plan.patienceMs > 0) {
      this.retryLater(event.retryAfterMs ?? RETRY_MS);
    } else if (again) {
      this.fail(this.unknown(FORGOTTEN[code] ?? message, new RefusedError(code, message, event)));
    } else if (this.plan.kind === "run") {
      this.fail(new NotRunError(code, message, event));
    } else {
      this.fail(new RefusedError(code, message, event));
    }
  }

  retryLater(ms) {
    const connection = this.connection;
    this.id = undefined;
    this.retryTimer = setTimeout(() => {
      if (this.connection === connection) {
        this.open(connection);
      }
    }, ms);
  }

  succeed(end) {
    this.settle(undefined);
    if (this.plan.signal?.aborted) {
      this.ended.reject(this.plan.signal.reason);
    } else {
      this.ended.resolve(end);
    }
  }

  /** @param {Error} why */
  fail(why) {
    if (this.isOver) {
      return;
    }
    const error = this.plan.signal?.aborted ? this.plan.signal.reason : why;
    this.started.reject(error);
    this.ended.reject(error);
    this.settle(error);
  }

  settle(error) {
    this.isOver = true;
    clearTimeout(this.retryTimer);
    clearTimeout(this.abortTimer);
    clearTimeout(this.patienceTimer);
    this.started.resolve();
    this.plan.signal?.removeEventListener("abort", this.onAbort);
    this.stdin?.close(new StdinClosedError("the command reads no more"));
    this.detaching?.resolve();
    if (error === undefined) {
      this.canceling?.done.resolve("ended");
    } else {
      this.canceling?.done.reject(error);
    }
    this.client.forget(this);
    this.output.finish(error);
  }

  /** Nothing is to be heard of it any more, whatever the server still says. */
  abandon(error) {
    const { connection, id } = this;
    this.fail(error);
    if (connection !== undefined && connection.askers.get(id) === this) {
      connection.askers.set(id, { take() {}, outputBegins() {}, outputData() {} });
    }
  }

  // --- from the caller ----------------------------------------------------------------------------

  progress() {
    this.connection?.defer(this.acknowledge);
  }

  sendAck() {
    if (!this.isOver && this.connection !== undefined && this.resumed) {
      const offset = this.output.acknowledge();
      if (offset !== undefined) {
        this.connection.send({ type: "ack", follow: this.id, offset });
      }
    }
  }

  makeStdin() {
    this.stdin = new StdinSender((offset, eof, data) => {
      const header = { type: "stdin", job: this.job, offset };
      if (eof) {
        header.eof = true;
      }
      this.connection?.send(header, data);
    }, this.plan.kind === "run");
  }

  listen() {
    const { signal } = this.plan;
    if (signal === undefined) {
      return;
    }
    this.onAbort = () => {
      if (!this.wasSent) {
        this.fail(signal.reason);
        return;
      }
      if (this.isRunner) {
        const grace = this.plan.header.grace_ms ?? DEFAULT_GRACE_MS;
        this.abortTimer = setTimeout(() => this.abandon(signal.reason), grace + Follow.ABORT_MS);
        this.cancel().catch(() => {});
      } else {
        this.detach().catch(() => {});
        this.abandon(signal.reason);
      }
    };
    signal.addEventListener("abort", this.onAbort, { once: true });
  }

  /** @returns {Promise<string>} the job's state */
  cancel(graceMs) {
    this.canceling = { graceMs, answered: false, done: deferred() };
    if (this.connection !== undefined) {
      this.sendCancel();
    }
    return this.canceling.done.promise;
  }

  // Sent again over another connection until it was answered: a job that was to end has to.
  sendCancel() {
    const { canceling, connection } = this;
    const header = { type: "cancel", job: this.job };
    if (canceling.graceMs !== undefined) {
      header.grace_ms = canceling.graceMs;
    }
    connection.ask(header, "ok", this.client.options.connectTimeoutMs).then(
      (event) => {
        canceling.answered = true;
        canceling.done.resolve(event.state);
      },
      (e) => {
        if (e instanceof RefusedError) {
          canceling.answered = true;
          canceling.done.reject(e);
        } else if (this.isOver) {
          canceling.done.reject(e);
        }
      },
    );
  }

  /** @returns {Promise<void>} the job goes on, and is followed no longer */
  detach() {
    if (this.isOver) {
      return Promise.resolve();
    }
    if (this.connection === undefined) {
      return Promise.reject(this.unknown("detach: there is no connection at present"));
    }
    if (this.detaching === undefined) {
      this.detaching = deferred();
      this.connection
        .ask({ type: "detach", follow: this.id }, "ok", this.client.options.connectTimeoutMs)
        .catch((e) => this.detaching?.reject(e));
    }
    return this.detaching.promise;
  }
}

function sameStatus(a, b) {
  return a.exitCode === b.exitCode && a.signal === b.signal;
}
