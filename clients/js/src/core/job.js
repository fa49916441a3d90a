/** A job as its caller sees it. */

import { CommandFailedError, OutputLimitError, RunnelError } from "./errors.js";
import { utf8 } from "./text.js";

const MAX_LINE_BYTES = 1_048_576;
const LINE_FEED = 0x0a;

/** What `await using` looks for, also where it is not known yet. */
export const asyncDispose = Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose");

/**
 * A job that is run or followed. Output that is not read holds the command back, and no other job;
 * of a job that is only watched it holds back nobody.
 */
export class Job {
  #follow;
  #stdin;
  #streams = {};

  constructor(follow) {
    this.#follow = follow;
    if (follow.stdin !== undefined) {
      this.#stdin = new JobStdin(follow.stdin);
    }
  }

  /** The job's name. */
  get id() {
    return this.#follow.job;
  }

  /** The run of the server that has it. */
  get boot() {
    return this.#follow.boot;
  }

  /** Rows and columns of its terminal, as the runner set them last; undefined: it has none. */
  get terminalSize() {
    return this.#follow.begun?.terminalSize;
  }

  /** The process's id on its machine; undefined if there never was a process. */
  get pid() {
    return this.#follow.begun?.pid;
  }

  /** Whether the job was there before it was asked for. */
  get existing() {
    return this.#follow.begun?.existing === true;
  }

  /**
   * What the command reads.
   *
   * @throws {RunnelError} if it has no stdin, or the job is only watched
   */
  get stdin() {
    if (this.#stdin === undefined) {
      throw new RunnelError("the job has no stdin of ours (expected: start with stdin: true)");
    }
    return this.#stdin;
  }

  /**
   * Both streams in order of arrival, as `{stream, offset, data}`: offset is a position in the job's
   * log, in bytes; data is a Uint8Array. Ends with the job; throws what wait() rejects with. Leaving
   * the loop early lets the rest of the output go.
   *
   * @returns {AsyncIterableIterator<{stream: "stdout" | "stderr", offset: number, data: Uint8Array}>}
   */
  output() {
    return this.#follow.output.open("both");
  }

  /** What it writes to stdout, as a ReadableStream of Uint8Array. */
  get stdout() {
    return (this.#streams.stdout ??= this.#stream("stdout"));
  }

  /** What it writes to stderr, as a ReadableStream of Uint8Array; empty with `merge`. */
  get stderr() {
    return (this.#streams.stderr ??= this.#stream("stderr"));
  }

  #stream(name) {
    const reader = this.#follow.output.open(name);
    return new ReadableStream(
      {
        async pull(controller) {
          const { done, value } = await reader.next();
          if (done) {
            controller.close();
          } else {
            controller.enqueue(value.data);
          }
        },
        cancel() {
          reader.cancel();
        },
      },
      { highWaterMark: 0 },
    );
  }

  /**
   * One stream's lines, as text without their ends (`\n` or `\r\n`). Bytes that are not UTF-8 become
   * U+FFFD.
   *
   * @param {"stdout" | "stderr"} [stream]
   * @param {{maxBytes?: number}} [options] the longest line, in bytes
   * @returns {AsyncGenerator<string, void, void>}
   * @throws {OutputLimitError} of a longer one
   */
  lines(stream = "stdout", { maxBytes = MAX_LINE_BYTES } = {}) {
    return lines(this.#follow.output.open(stream), maxBytes);
  }

  /** Lets all output go that was not asked for by now: it is counted, and not kept. */
  discardOutput() {
    this.#follow.output.discard();
  }

  /**
   * How it ended: PROTOCOL.md, section 4, `end`. Output that nobody has asked for does not keep it
   * from ending.
   *
   * @param {{check?: boolean}} [options]
   * @returns {Promise<object>}
   */
  async wait({ check = false } = {}) {
    this.#follow.output.wait();
    const end = await this.#follow.ended.promise;
    return resultOf(end, check);
  }

  /**
   * Signals the job's process group.
   *
   * @param {string} name without SIG, such as `TERM`
   * @returns {Promise<string>} the job's state
   */
  signal(name) {
    return this.#ask({ type: "signal", signal: name });
  }

  /**
   * Ends it with its whole tree: TERM, and KILL after its grace, or at once when it is asked for the
   * second time. Done when that has begun.
   *
   * @param {{graceMs?: number}} [options] in milliseconds; 0: KILL at once
   * @returns {Promise<string>} the job's state
   */
  cancel({ graceMs } = {}) {
    if (this.#follow.isOver) {
      return this.#ask({ type: "cancel", ...(graceMs === undefined ? {} : { grace_ms: graceMs }) });
    }
    return this.#follow.cancel(graceMs);
  }

  /**
   * Its terminal has another size now.
   *
   * @returns {Promise<string>} the job's state
   */
  resize(rows, cols) {
    return this.#ask({ type: "resize", rows, cols });
  }

  /** Follows it no longer: the job goes on, and wait() rejects with a DetachedError. */
  detach() {
    return this.#follow.detach();
  }

  async #ask(header) {
    return (await this.#follow.client.ask({ ...header, job: this.id })).state;
  }

  /** Cancels a job of ours that has not ended, and waits for its end; leaves any other. */
  async [asyncDispose]() {
    const follow = this.#follow;
    if (follow.isOver) {
      return;
    }
    if (follow.isRunner) {
      this.discardOutput();
      await follow.cancel().catch(() => {});
      await follow.ended.promise.catch(() => {});
    } else {
      await follow.detach().catch(() => {});
    }
  }
}

async function* lines(reader, maxBytes) {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  // The beginning of a line, decoded but for a character that is cut.
  let begun = "";
  let bytes = 0;
  for await (const { data } of reader) {
    const end = data.lastIndexOf(LINE_FEED) + 1;
    if (end === 0) {
      bytes += data.length;
      checkLine(bytes, maxBytes);
      begun += decoder.decode(data, { stream: true });
      continue;
    }
    checkLine(bytes + data.indexOf(LINE_FEED), maxBytes);
    const all = (begun + decoder.decode(data.subarray(0, end))).split("\n");
    bytes = data.length - end;
    begun = decoder.decode(data.subarray(end), { stream: true });
    all.pop();
    for (const line of all) {
      checkLine(line.length, maxBytes);
      yield line.endsWith("\r") ? line.slice(0, -1) : line;
    }
  }
  if (bytes > 0) {
    begun += decoder.decode();
    yield begun.endsWith("\r") ? begun.slice(0, -1) : begun;
  }
}

function checkLine(bytes, maxBytes) {
  if (bytes > maxBytes) {
    throw new OutputLimitError(`a line of more than ${maxBytes} bytes (see maxBytes)`);
  }
}

/**
 * An end as callers get it. `exitCode` is that of a command which exited by itself, and null
 * otherwise: an exit code is no success of a job that was canceled. `status` is the wait status,
 * whatever the outcome.
 */
export function resultOf(end, check) {
  const { exitCode, signal, ...rest } = end;
  const result = {
    ...rest,
    exitCode: end.outcome === "exited" ? exitCode : null,
    signal: end.outcome === "signaled" ? signal : null,
    status: { exitCode: exitCode ?? null, signal: signal ?? null },
    totals: { stdout: end.stdout, stderr: end.stderr },
  };
  delete result.stdout;
  delete result.stderr;
  if (check && result.exitCode !== 0) {
    throw new CommandFailedError(result);
  }
  return result;
}

/** A command's stdin. Bounded by credit: what is written ahead of the command waits. */
class JobStdin {
  #sender;
  #writable;

  constructor(sender) {
    this.#sender = sender;
  }

  /**
   * @param {string | Uint8Array} data copied
   * @returns {Promise<void>} done when all of it is within the credit; rejects with a
   *     StdinClosedError if the command reads no more
   */
  write(data) {
    return this.#sender.write(typeof data === "string" ? utf8(data) : data);
  }

  /** Nothing follows: the command sees the end of its stdin. */
  close() {
    return this.#sender.end();
  }

  /**
   * The same as a WritableStream, for pipeTo. If it is aborted, as by a source that fails, the
   * command does not see an end of its stdin: a cut upload must not look complete.
   */
  get writable() {
    return (this.#writable ??= new WritableStream({
      write: (chunk) => this.write(chunk),
      close: () => this.close(),
    }));
  }
}
