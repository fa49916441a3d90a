/**
 * What can go wrong, in classes that tell apart what a caller has to tell apart: whether the command
 * ran, and whether its end is known. A nonzero exit is not an error, unless `check` makes it one.
 */

/** The base of all errors of this client. Its message is for people, its class for programs. */
export class RunnelError extends Error {
  constructor(message, options) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The server answered `error`: PROTOCOL.md, section 5. */
export class RefusedError extends RunnelError {
  /**
   * @param {string} code one of PROTOCOL.md, section 5
   * @param {string} message
   * @param {{retryAfterMs?: number, job?: string, cause?: unknown}} [details] retryAfterMs: in
   *     milliseconds; after that long another attempt may succeed
   */
  constructor(code, message, details = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.retryAfterMs = details.retryAfterMs;
    this.job = details.job;
  }
}

/** Nothing was run: the server refused it, or was not reached (`code` is `unreachable` then). */
export class NotRunError extends RefusedError {}

/** There never was a process: `end` with the outcome `start_failed`. */
export class StartFailedError extends RunnelError {
  constructor(end) {
    super(`cannot start: ${end.message} (${end.errno})`);
    this.end = end;
    /** The error's name, such as `ENOENT`. */
    this.errno = end.errno;
    /** The step: `exec`, `cwd`, `limits` or `user`. */
    this.at = end.at;
  }
}

/** The command may have run, and may run still; how it ended is not known. */
export class OutcomeUnknownError extends RunnelError {
  /** @param {{job?: string, end?: object, cause?: unknown}} [details] */
  constructor(message, details = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.job = details.job;
    this.end = details.end;
  }
}

/** The job is followed no longer, and goes on. */
export class DetachedError extends RunnelError {
  /** @param {"asked" | "replaced"} reason `replaced`: another client took the seat */
  constructor(reason, job) {
    super(
      reason === "asked"
        ? `job ${job}: it was left, and goes on`
        : `job ${job}: another client took it over, and it goes on there`,
    );
    this.reason = reason;
    this.job = job;
  }
}

/**
 * What came is not what the command wrote, or contradicts itself: output is missing, a count or a
 * checksum differs, a frame is malformed. No success can be made of it.
 */
export class DamagedError extends RunnelError {
  /**
   * @param {{kind?: "gap" | "checksum" | "protocol", job?: string, end?: object, cause?: unknown}}
   *     [details]
   */
  constructor(message, details = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    /**
     * `gap`: output is missing, and the server said so; `checksum`: a count or a checksum of the end
     * differs; `protocol`: all else.
     */
    this.kind = details.kind ?? "protocol";
    this.job = details.job;
    this.end = details.end;
  }
}

/** Output that will not come, and nobody asked to be told of gaps. */
export class GapError extends DamagedError {
  constructor(from, to, details) {
    super(`${to - from} bytes of output were not sent: the server no longer had them`, { ...details, kind: "gap" });
    /** Offsets of the job's log, in bytes. */
    this.from = from;
    this.to = to;
  }
}

/** With `check`: the command ended in another way than by exiting with 0. */
export class CommandFailedError extends RunnelError {
  constructor(result) {
    super(describe(result));
    this.result = result;
    this.exitCode = result.exitCode;
    this.signal = result.signal;
  }
}

function describe(result) {
  switch (result.outcome) {
    case "exited":
      return `the command exited with ${result.exitCode}`;
    case "signaled":
      return `the command was ended by signal ${result.signal}`;
    case "timed_out":
      return "the command was ended because its time was up";
    default:
      return `the job ended otherwise than by itself: ${result.outcome}`;
  }
}

/** More came than the caller wants to hold in memory. */
export class OutputLimitError extends RunnelError {}

/** The command reads no more of its stdin, or stdin was closed. */
export class StdinClosedError extends RunnelError {}

/** There is no connection, and none came about. */
export class UnreachableError extends RunnelError {}
