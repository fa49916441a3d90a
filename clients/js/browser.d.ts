/// <reference lib="esnext.disposable" />
/** Runnel's client for browsers, over WebSockets; and what it has in common with the one for Node. */

export interface ConnectOptions {
  /** A secret: PROTOCOL.md, section 2. Not sent in clear but to this machine. */
  token?: string;
  /**
   * How long, in milliseconds, a lost connection is made anew, and a job that says nothing else goes
   * on without us; 0: its loss is the job's end. Default: 60,000; over a Unix socket 0.
   */
  lingerMs?: number;
  /**
   * How often, in milliseconds, either side hears of the other at least; three silent ones are a
   * lost connection. 0: the system tells. Default: 10,000.
   */
  heartbeatMs?: number;
  /**
   * How long, in milliseconds, one attempt to connect may take, and the answer to anything but a
   * run. Default: 10,000.
   */
  connectTimeoutMs?: number;
  /** Told when a server breaks the protocol and a connection ends by it, besides those concerned. */
  onFault?: (error: DamagedError) => void;
  /** What to use in place of `globalThis.WebSocket`. */
  WebSocket?: new (url: string) => any;
}

/**
 * Connects to a server. Done when it has let us in.
 *
 * @param url `ws://…` or `wss://…`; without a path it is `/v1/frames`
 */
export function connect(url: string, options?: ConnectOptions): Promise<Client>;

/** A line for /bin/sh, or a program and its arguments; bytes are passed on as they are. */
export type Command = string | Uint8Array | readonly (string | Uint8Array)[];

export type Input =
  | string
  | Uint8Array
  | AsyncIterable<string | Uint8Array>
  | Iterable<Uint8Array>
  | ReadableStream<Uint8Array>;

export type StreamName = "stdout" | "stderr";
export type JobState = "starting" | "running" | "draining" | "ended";
export type Outcome = "exited" | "signaled" | "timed_out" | "canceled" | "shutdown" | "abandoned";

/** From `from` on, up to before `to`: offsets of the job's log, in bytes. */
export interface Gap {
  from: number;
  to: number;
}

export interface Terminal {
  rows?: number;
  cols?: number;
  term?: string;
  /** The names of RFC 4254, section 8, in small letters. */
  modes?: Record<string, number | boolean>;
}

/** The keys of `run`: PROTOCOL.md, section 3. All times in milliseconds, all sizes in bytes. */
export interface StartOptions {
  /** Whether the command reads what `job.stdin` is given; else it reads /dev/null. */
  stdin?: boolean;
  /** All that the command reads. A source that fails cancels the job. */
  input?: Input;
  cwd?: string | Uint8Array;
  /** Null removes a name. */
  env?: Record<string, string | Uint8Array | null | undefined>;
  /** More of the environment, which the server keeps out of logs, statuses and errors. */
  secrets?: Record<string, string | Uint8Array>;
  /** Names whose values the server has. */
  envFrom?: readonly string[];
  /** stderr goes into stdout's pipe. */
  merge?: boolean;
  pty?: boolean | Terminal;
  limits?: { cpuS?: number; memoryBytes?: number; openFiles?: number; fileBytes?: number };
  user?: string;
  /** The job's name; one is made up without it. */
  job?: string;
  /** Made anew for each execution that is meant; one is made up without it. */
  once?: string;
  /** The run of the server that this is meant for. */
  boot?: string;
  timeoutMs?: number;
  graceMs?: number;
  drainMs?: number;
  drainMaxMs?: number;
  /** As in ConnectOptions, for this job. */
  lingerMs?: number | "forever";
  keepMs?: number;
  /** What may come ahead of what was read, and is held here. Default: 1,048,576, or `retain`. */
  window?: number;
  retain?: number;
  onFull?: "block" | "drop" | "spool";
  spoolBytes?: number;
  leftovers?: "kill" | "keep";
  /** Names and values to find the job by; at most 16. */
  labels?: Record<string, string>;
  /** A W3C traceparent: what the run is a part of. The command gets it as TRACEPARENT. */
  trace?: string;
  /** Of a cluster: a node by its name, or "any": one that has room. */
  node?: string;
  /** Of a cluster: labels that the node has, all of them; one of those that has room. */
  where?: Record<string, string>;
  /** Keys that begin with `x-`, with anything in them. */
  extra?: Record<`x-${string}`, unknown>;
  /** Aborted, it cancels the job; what waits for it rejects with the reason when the job has ended. */
  signal?: AbortSignal;
  /** Told of output that will not come. Without it a gap fails the job. */
  onGap?: (gap: Gap) => void;
}

export interface RunOptions extends StartOptions {
  /** Rejects with a CommandFailedError unless the command exits with 0. */
  check?: boolean;
  /** Null: stdout and stderr are bytes. */
  encoding?: "utf8" | null;
  /** Of both streams; with more the job is canceled. Default: 67,108,864. */
  maxOutputBytes?: number;
}

export interface FollowOptions {
  /** Where to begin, an offset of the job's log in bytes; `end`: from now on. Default: 0. */
  from?: number | "end";
  /** As in StartOptions; at most the job's `retain`. */
  window?: number;
  boot?: string;
  signal?: AbortSignal;
  onGap?: (gap: Gap) => void;
}

export interface StreamTotal {
  bytes: number;
  crc32: number;
}

/** How a job ended: PROTOCOL.md, section 4, `end`. */
export interface End {
  job: string;
  outcome: Outcome;
  /** Of a command that exited by itself; null for every other outcome. */
  exitCode: number | null;
  /** The name, without SIG, of what ended the command; null for every outcome but `signaled`. */
  signal: string | null;
  /** The wait status, whatever the outcome: 0 is no success of a job that was canceled. */
  status: { exitCode: number | null; signal: string | null };
  /** All that the command wrote. */
  totals: { stdout: StreamTotal; stderr: StreamTotal };
  outputBytes: number;
  /** False: others still held the pipes when the server stopped waiting. */
  drained: boolean;
  leftovers: { pid: number; command: string; ended: boolean }[];
  leftoversTotal: number;
  /** The kernel killed it for want of memory. */
  oom: boolean;
  startedAtMs?: number;
  durationMs?: number;
  cpuMs?: number;
}

export interface Result<Text = string> extends End {
  stdout: Text;
  stderr: Text;
}

/** The end as the server sent it, in an error. */
export interface RawEnd {
  job: string;
  outcome: Outcome | "start_failed" | "lost";
  exitCode?: number;
  signal?: string;
  stdout: StreamTotal;
  stderr: StreamTotal;
  outputBytes: number;
  [key: string]: unknown;
}

export interface TerminalSize {
  rows: number;
  cols: number;
}

export interface Status {
  job: string;
  state: JobState;
  principal: string;
  command: string;
  /** By which it is found. */
  labels: Record<string, string>;
  pid?: number;
  outputBytes: number;
  followers: number;
  retain?: number;
  terminalSize?: TerminalSize;
  startedAtMs?: number;
  end?: RawEnd;
}

/** What changed in a list of jobs. */
export interface JobsChange {
  /** New ones, and those that are another than they were. */
  jobs: Status[];
  /** Names of those that fit no longer, or are not known any more. */
  gone: string[];
  /** What was told before is void. */
  reset: boolean;
  /** With this one, all jobs that there are were told. */
  listed: boolean;
}

export interface ServerInfo {
  version: number;
  software: string;
  node: string;
  boot: string;
  maxHeader: number;
  maxBody: number;
  features: string[];
}

export interface OutputPiece {
  stream: StreamName;
  /** Its position in the job's log, in bytes. */
  offset: number;
  data: Uint8Array;
}

/** Many jobs over one connection, and over the next one when that is lost. */
export class Client {
  private constructor();
  /** What the server said of itself; undefined while there is no connection. */
  readonly server: ServerInfo | undefined;

  /** Runs a command to its end and collects its output. */
  run(command: Command, options: RunOptions & { encoding: null }): Promise<Result<Uint8Array>>;
  run(command: Command, options?: RunOptions): Promise<Result>;

  /** Starts a command and follows it; done when there is a process. */
  start(command: Command, options?: StartOptions): Promise<Job>;

  /** Takes a job's seat: its output, and its stdin. */
  attach(job: string, options?: FollowOptions): Promise<Job>;

  /** Follows a job that does not wait for us. */
  watch(job: string, options?: FollowOptions): Promise<Job>;

  status(job: string): Promise<Status>;
  jobs(options?: { prefix?: string; state?: JobState; labels?: Record<string, string>; limit?: number }): Promise<Status[]>;
  /** All there are, then what changes; after a lost connection the list begins anew. */
  watchJobs(options?: {
    prefix?: string;
    state?: JobState;
    labels?: Record<string, string>;
  }): AsyncGenerator<JobsChange, void, void>;
  signal(job: string, name: string): Promise<JobState>;
  cancel(job: string, options?: { graceMs?: number }): Promise<JobState>;
  /** Milliseconds that the answer took. */
  ping(): Promise<number>;

  /** Ends the connection, and cancels jobs of ours that were not left by `detach()`. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A job that is run or followed. Output that is not read holds its own command back. */
export class Job {
  private constructor();
  readonly id: string;
  readonly boot: string;
  /** Undefined if there never was a process. */
  readonly pid: number | undefined;
  /** Of its terminal, as the runner set it last; undefined: it has none. */
  readonly terminalSize: TerminalSize | undefined;
  /** Whether it was there before it was asked for. */
  readonly existing: boolean;
  /** Throws a RunnelError if there is none of ours. */
  readonly stdin: JobStdin;
  readonly stdout: ReadableStream<Uint8Array>;
  readonly stderr: ReadableStream<Uint8Array>;

  /** Both streams in order of arrival, instead of one by one. */
  output(): AsyncIterableIterator<OutputPiece>;
  /** One stream's lines, without their ends; throws an OutputLimitError of a line beyond maxBytes. */
  lines(stream?: StreamName, options?: { maxBytes?: number }): AsyncGenerator<string, void, void>;
  /** Lets all output go that was not asked for by now. */
  discardOutput(): void;

  /** Its end; rejects for anything that is no true end. */
  wait(options?: { check?: boolean }): Promise<End>;
  signal(name: string): Promise<JobState>;
  /** TERM, and KILL after the grace (milliseconds), or at once when it is asked for again. */
  cancel(options?: { graceMs?: number }): Promise<JobState>;
  resize(rows: number, cols: number): Promise<JobState>;
  /** The job goes on; wait() rejects with a DetachedError. */
  detach(): Promise<void>;
  /** Cancels a job of ours that has not ended, and waits for its end. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface JobStdin {
  /** Done when all of it is within the credit; rejects with a StdinClosedError. */
  write(data: string | Uint8Array): Promise<void>;
  close(): Promise<void>;
  readonly writable: WritableStream<string | Uint8Array>;
}

export class RunnelError extends Error {}

/** The server answered `error`: PROTOCOL.md, section 5. */
export class RefusedError extends RunnelError {
  readonly code: string;
  /** After so many milliseconds another attempt may succeed. */
  readonly retryAfterMs: number | undefined;
  readonly job: string | undefined;
}

/** Nothing was run. `code` is `unreachable` if the server was not reached. */
export class NotRunError extends RefusedError {}

/** There is no connection, and none came about. */
export class UnreachableError extends RunnelError {}

/** There never was a process. */
export class StartFailedError extends RunnelError {
  readonly end: RawEnd;
  readonly errno: string;
  readonly at: "exec" | "cwd" | "limits" | "user";
}

/** The command may have run, and may run still. */
export class OutcomeUnknownError extends RunnelError {
  readonly job: string | undefined;
  readonly end: RawEnd | undefined;
}

/** The job is followed no longer, and goes on. */
export class DetachedError extends RunnelError {
  readonly reason: "asked" | "replaced";
  readonly job: string;
}

/** What came is not what the command wrote, or contradicts itself. */
export class DamagedError extends RunnelError {
  readonly kind: "gap" | "checksum" | "protocol";
  readonly job: string | undefined;
  readonly end: RawEnd | undefined;
}

/** Output that will not come, without an `onGap`. */
export class GapError extends DamagedError {
  readonly from: number;
  readonly to: number;
}

/** With `check`: the command ended otherwise than by exiting with 0. */
export class CommandFailedError extends RunnelError {
  readonly result: End;
  readonly exitCode: number | null;
  readonly signal: string | null;
}

export class OutputLimitError extends RunnelError {}
export class StdinClosedError extends RunnelError {}
