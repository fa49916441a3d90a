/**
 * Headers of a server as events: PROTOCOL.md, section 4. What a header has to have is checked once,
 * here; keys and types that are not known are ignored, as the protocol wants it.
 */

import { DamagedError } from "./errors.js";
import { isWellFormed, utf8 } from "./text.js";

const STATES = ["starting", "running", "draining", "ended"];
const STREAMS = ["stdout", "stderr"];
const REASONS = ["asked", "replaced"];
const STEPS = ["exec", "cwd", "limits", "user"];
const OUTCOMES = [
  "exited",
  "signaled",
  "timed_out",
  "canceled",
  "start_failed",
  "lost",
  "shutdown",
  "abandoned",
];
const FINAL = new Set(["end", "detached", "ok", "hello", "pong", "status", "error"]);
const NOT_FINAL = new Set([
  "started",
  "output",
  "gap",
  "stdin_ack",
  "stdin_closed",
  "exited",
  "resized",
  "ping",
]);
const MAX_ID_BYTES = 64;
const MAX_CRC = 0xffffffff;
const MAX_EXIT_CODE = 255;
const MAX_SIGNAL = 64;
const SIGNAL = /^[A-Z][A-Z0-9+-]{0,15}$/;

function wrong(key, value, expected) {
  const shown = value === undefined ? "missing" : JSON.stringify(value instanceof Object ? String(value) : value);
  return new DamagedError(`${key}: ${shown} (expected: ${expected})`);
}

function string(header, key) {
  const value = header[key];
  if (typeof value !== "string") {
    throw wrong(key, value, "a string");
  }
  return value;
}

function optionalString(header, key) {
  return header[key] === undefined ? undefined : string(header, key);
}

function number(header, key, max = Number.MAX_SAFE_INTEGER) {
  const value = header[key];
  if (typeof value !== "number" || value < 0 || value > max) {
    throw wrong(key, value, `an integer from 0 to ${max}`);
  }
  return value;
}

function optionalNumber(header, key, max) {
  return header[key] === undefined ? undefined : number(header, key, max);
}

function strings(header, key) {
  const value = header[key] ?? {};
  if (typeof value !== "object" || Object.values(value).some((text) => typeof text !== "string")) {
    throw wrong(key, value, "an object of strings");
  }
  return { ...value };
}

function names(header, key) {
  const value = header[key] ?? [];
  if (!Array.isArray(value) || value.some((name) => typeof name !== "string")) {
    throw wrong(key, value, "an array of strings");
  }
  return value;
}

function terminalSize(header) {
  if (header.pty === undefined) {
    return undefined;
  }
  if (header.pty === null || typeof header.pty !== "object") {
    throw wrong("pty", header.pty, "an object");
  }
  return sizeOf(header.pty);
}

function sizeOf(header) {
  return { rows: number(header, "rows"), cols: number(header, "cols") };
}

function flag(header, key) {
  const value = header[key];
  if (value !== undefined && typeof value !== "boolean") {
    throw wrong(key, value, "true or false");
  }
  return value === true;
}

function oneOf(header, key, values) {
  const value = header[key];
  if (!values.includes(value)) {
    throw wrong(key, value, values.join(", "));
  }
  return value;
}

/**
 * @param {object} header as it was read
 * @returns {object} the event: `type`, `id` (undefined without), `final`, and what the type has;
 *     type is "" for one that is not known and may be ignored
 * @throws {DamagedError}
 */
export function readEvent(header) {
  const type = string(header, "type");
  const id = header.id === undefined ? undefined : idOf(header);
  const final = header.final;
  if (typeof final !== "boolean") {
    throw wrong("final", final, "true or false");
  }
  if ((final && NOT_FINAL.has(type)) || (!final && FINAL.has(type))) {
    throw wrong(`${type}: final`, final, !final);
  }
  const found = event(header, type, id, final);
  if (header.total_size > 0 && type !== "output" && type !== "jobs" && found.type !== "") {
    throw wrong("total_size", header.total_size, `no body of ${type}`);
  }
  return found;
}

// PROTOCOL.md, section 1: at most 64 bytes of UTF-8, and no half of a surrogate pair.
function idOf(header) {
  const id = string(header, "id");
  if (id.length > MAX_ID_BYTES || utf8(id).length > MAX_ID_BYTES || !isWellFormed(id)) {
    throw wrong("id", id, `text of at most ${MAX_ID_BYTES} bytes`);
  }
  return id;
}

function event(header, type, id, final) {
  switch (type) {
    case "output":
      return {
        type,
        id,
        final,
        job: string(header, "job"),
        stream: oneOf(header, "stream", STREAMS),
        offset: number(header, "offset"),
        bytes: header.total_size,
      };
    case "started":
      return {
        type,
        id,
        final,
        job: string(header, "job"),
        node: string(header, "node"),
        boot: string(header, "boot"),
        pid: optionalNumber(header, "pid"),
        state: oneOf(header, "state", STATES.slice(1)),
        stdinWindow: optionalNumber(header, "stdin_window"),
        existing: flag(header, "existing"),
        next: number(header, "next"),
        terminalSize: terminalSize(header),
      };
    case "gap": {
      const from = number(header, "from");
      const to = number(header, "to");
      if (to <= from) {
        throw wrong("to", to, `> ${from}`);
      }
      return { type, id, final, job: string(header, "job"), from, to };
    }
    case "stdin_ack":
      return {
        type,
        id,
        final,
        job: string(header, "job"),
        offset: number(header, "offset"),
        eof: flag(header, "eof"),
      };
    case "stdin_closed":
      return { type, id, final, job: string(header, "job") };
    case "resized":
      return { type, id, final, job: string(header, "job"), size: sizeOf(header) };
    case "exited":
      return { type, id, final, job: string(header, "job"), status: waitStatus(header, true) };
    case "end":
      return {
        type,
        id,
        final,
        job: string(header, "job"),
        gapBytes: optionalNumber(header, "gap_bytes") ?? 0,
        end: endOf(header),
      };
    case "detached":
      return { type, id, final, reason: oneOf(header, "reason", REASONS) };
    case "ok":
      return { type, id, final, state: oneOf(header, "state", STATES) };
    case "hello":
      return hello(header, id);
    case "status":
      return { type, id, final, status: statusOf(header) };
    case "error":
      return {
        type,
        id,
        final,
        code: string(header, "code"),
        message: string(header, "message"),
        job: optionalString(header, "job"),
        retryAfterMs: optionalNumber(header, "retry_after_ms"),
        close: flag(header, "close"),
      };
    case "jobs":
      return {
        type,
        id,
        final,
        gone: names(header, "gone"),
        reset: flag(header, "reset"),
        listed: flag(header, "listed"),
      };
    case "ping":
    case "pong":
      return { type, id, final };
    default:
      if (final) {
        throw wrong("type", type, "a final frame of version 1");
      }
      return { type: "", id, final };
  }
}

function hello(header, id) {
  const features = header.features;
  if (!Array.isArray(features)) {
    throw wrong("features", features, "an array");
  }
  return {
    type: "hello",
    id,
    final: true,
    version: number(header, "version"),
    software: string(header, "software"),
    node: string(header, "node"),
    boot: string(header, "boot"),
    maxHeader: number(header, "max_header"),
    maxBody: number(header, "max_body"),
    features: features.map(String),
  };
}

// Never both, never 128 + n.
function waitStatus(header, required) {
  if (header.exit_code !== undefined && header.signal !== undefined) {
    throw wrong("signal", header.signal, "no exit_code beside it");
  }
  if (header.signal !== undefined) {
    const signal = string(header, "signal");
    const n = Number(signal);
    if (!SIGNAL.test(signal) && !(Number.isInteger(n) && n > 0 && n <= MAX_SIGNAL)) {
      throw wrong("signal", signal, "a name such as TERM, or a number");
    }
    return { signal };
  }
  if (header.exit_code === undefined && !required) {
    return undefined;
  }
  return { exitCode: number(header, "exit_code", MAX_EXIT_CODE) };
}

function endOf(header) {
  const outcome = oneOf(header, "outcome", OUTCOMES);
  const status = waitStatus(header, false);
  checkStatus(outcome, status);
  // Of what there never was, or what nobody watched, nothing needs to have been counted.
  const counted = outcome !== "start_failed" && outcome !== "lost";
  const failure =
    outcome === "start_failed"
      ? {
          errno: string(header, "errno"),
          at: oneOf(header, "at", STEPS),
          message: string(header, "message"),
        }
      : {};
  return {
    job: string(header, "job"),
    outcome,
    ...status,
    ...failure,
    stdout: total(header, "stdout", counted),
    stderr: total(header, "stderr", counted),
    outputBytes: counted ? number(header, "output_bytes") : (optionalNumber(header, "output_bytes") ?? 0),
    drained: header.drained === undefined || flag(header, "drained"),
    leftovers: leftovers(header),
    leftoversTotal: optionalNumber(header, "leftovers_total") ?? 0,
    oom: flag(header, "oom"),
    startedAtMs: optionalNumber(header, "started_at_ms"),
    durationMs: optionalNumber(header, "duration_ms"),
    cpuMs: optionalNumber(header, "cpu_ms"),
  };
}

function checkStatus(outcome, status) {
  const contradicts =
    outcome === "exited"
      ? status?.signal !== undefined
      : outcome === "signaled"
        ? status?.exitCode !== undefined
        : outcome === "start_failed" && status !== undefined;
  if (contradicts) {
    throw wrong("outcome", outcome, `the outcome of ${JSON.stringify(status)}`);
  }
}

function total(header, key, required) {
  const value = header[key];
  if (value === undefined && !required) {
    return { bytes: 0, crc32: 0 };
  }
  if (value === null || typeof value !== "object") {
    throw wrong(key, value, "an object");
  }
  return { bytes: number(value, "bytes"), crc32: number(value, "crc32", MAX_CRC) };
}

function leftovers(header) {
  const list = header.leftovers ?? [];
  if (!Array.isArray(list)) {
    throw wrong("leftovers", list, "an array");
  }
  return list.map((one) => ({
    pid: number(one, "pid"),
    command: string(one, "command"),
    ended: flag(one, "ended"),
  }));
}

/**
 * @param {object} header of a `status`, or an element of a `jobs` frame's array
 * @throws {DamagedError}
 */
export function statusOf(header) {
  if (header === null || typeof header !== "object") {
    throw wrong("status", header, "an object");
  }
  return {
    job: string(header, "job"),
    state: oneOf(header, "state", STATES),
    principal: string(header, "principal"),
    command: string(header, "command"),
    labels: strings(header, "labels"),
    pid: optionalNumber(header, "pid"),
    outputBytes: optionalNumber(header, "output_bytes") ?? 0,
    followers: optionalNumber(header, "followers") ?? 0,
    retain: optionalNumber(header, "retain"),
    terminalSize: terminalSize(header),
    startedAtMs: optionalNumber(header, "started_at_ms"),
    end: header.outcome === undefined ? undefined : endOf(header),
  };
}
