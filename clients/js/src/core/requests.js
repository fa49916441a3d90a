/** What a caller asks for, as headers and bodies: PROTOCOL.md, section 3. */

import { base64, concat, isWellFormed, utf8 } from "./text.js";

/** The credit of a run that says nothing of it, in bytes: all that its log holds by default. */
export const DEFAULT_WINDOW = 1_048_576;

const MIN_WINDOW = 1_024;
const ARGV_IN_HEADER = 32_768;

/** Options that are a key of `run` under another spelling, and what they have to be. */
const KEYS = {
  merge: ["merge", "boolean"],
  user: ["user", "string"],
  job: ["job", "string"],
  once: ["once", "string"],
  boot: ["boot", "string"],
  timeoutMs: ["timeout_ms", "number"],
  graceMs: ["grace_ms", "number"],
  drainMs: ["drain_ms", "number"],
  drainMaxMs: ["drain_max_ms", "number"],
  keepMs: ["keep_ms", "number"],
  window: ["window", "number"],
  retain: ["retain", "number"],
  onFull: ["on_full", "string"],
  spoolBytes: ["spool_bytes", "number"],
  leftovers: ["leftovers", "string"],
  trace: ["trace", "string"],
  node: ["node", "string"],
};

const LIMITS = {
  cpuS: "cpu_s",
  memoryBytes: "memory_bytes",
  openFiles: "open_files",
  fileBytes: "file_bytes",
};

const PTY = ["rows", "cols", "term", "modes"];
const OTHER = ["stdin", "cwd", "env", "labels", "where", "secrets", "envFrom", "limits", "pty", "lingerMs", "extra"];

/** Options of a run that stay here. */
const OURS = ["signal", "onGap"];

/**
 * Refuses options that nobody would read: a mistyped `timeout` must not mean "no limit".
 *
 * @param {object} options
 * @param {string[]} known
 */
export function checkOptions(options, known) {
  if (options === null || typeof options !== "object") {
    throw new TypeError(`options: ${options} (expected: an object)`);
  }
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) {
      throw new TypeError(`${key}: unknown option (expected: ${known.join(", ")})`);
    }
  }
}

/** The names of the options of `run`, and those given. */
export function runOptions(...more) {
  return [...Object.keys(KEYS), ...OTHER, ...OURS, ...more];
}

function typed(option, value, type) {
  if (typeof value !== type || (type === "number" && !Number.isSafeInteger(value))) {
    throw new TypeError(`${option}: ${value} (expected: ${type === "number" ? "an integer" : `a ${type}`})`);
  }
  return value;
}

/**
 * A `run` without its id.
 *
 * @param {string | Uint8Array | (string | Uint8Array)[]} command a shell line, or arguments
 * @param {object} options see index.d.ts, RunOptions
 * @param {number | "forever"} lingerMs in milliseconds
 * @returns {{header: object, body: Uint8Array | undefined}}
 */
export function runRequest(command, options, lingerMs) {
  const header = { type: "run" };
  for (const [option, [key, type]] of Object.entries(KEYS)) {
    if (options[option] !== undefined) {
      header[key] = typed(option, options[option], type);
    }
  }
  header.window = options.window ?? Math.min(options.retain ?? DEFAULT_WINDOW, DEFAULT_WINDOW);
  if (header.window < MIN_WINDOW) {
    throw new RangeError(`window: ${header.window} (expected: >= ${MIN_WINDOW})`);
  }
  if (lingerMs !== 0) {
    header.linger_ms = lingerMs === "forever" ? lingerMs : typed("lingerMs", lingerMs, "number");
  }
  if (options.stdin) {
    header.stdin = true;
  }
  placeAndEnvironment(header, options);
  restrictions(header, options);
  for (const key of ["labels", "where"]) {
    if (options[key] !== undefined) {
      header[key] = typed(key, options[key], "object");
    }
  }
  for (const [key, value] of Object.entries(options.extra ?? {})) {
    if (!key.startsWith("x-")) {
      throw new TypeError(`extra: ${key} (expected: x-…)`);
    }
    header[key] = value;
  }
  const secrets = options.secrets && entries(options.secrets);
  return { header, body: what(header, command, secrets) };
}

// The body is the secrets', or the command's.
function what(header, command, secrets) {
  if (!Array.isArray(command)) {
    if (secrets) {
      // The line is an argument of the shell's then, as the server would have made it.
      return what(header, ["/bin/sh", "-c", command], secrets);
    }
    const line = bytes("command", command);
    if (line.length === 0) {
      throw new TypeError("command: empty (expected: a line, or arguments)");
    }
    return line;
  }
  if (command.length === 0) {
    throw new TypeError("command: no argument (expected: at least a program)");
  }
  const isText = command.every((one) => typeof one === "string" && isWellFormed(one));
  const long = command.reduce((sum, one) => sum + one.length, 0) > ARGV_IN_HEADER;
  if (isText && (!long || secrets)) {
    header.argv = command;
  } else if (secrets) {
    header.argv_b64 = command.map((one) => base64(bytes("command", one)));
  } else {
    header.argv_body = true;
    return join(command.map((one) => bytes("command", one)));
  }
  if (secrets) {
    header.env_body = true;
    return join(secrets);
  }
  return undefined;
}

function placeAndEnvironment(header, options) {
  if (options.cwd instanceof Uint8Array) {
    header.cwd_b64 = base64(options.cwd);
  } else if (options.cwd !== undefined) {
    header.cwd = typed("cwd", options.cwd, "string");
  }
  const text = {};
  const raw = [];
  for (const [name, value] of Object.entries(options.env ?? {})) {
    if (value instanceof Uint8Array) {
      raw.push(base64(concat([utf8(`${name}=`), value])));
    } else if (value !== undefined) {
      text[name] = value === null ? null : typed(`env.${name}`, value, "string");
    }
  }
  if (Object.keys(text).length > 0) {
    header.env = text;
  }
  if (raw.length > 0) {
    header.env_b64 = raw;
  }
  if (options.envFrom !== undefined) {
    header.env_from = [...options.envFrom];
  }
}

function restrictions(header, options) {
  if (options.limits !== undefined) {
    checkOptions(options.limits, Object.keys(LIMITS));
    header.limits = {};
    for (const [option, key] of Object.entries(LIMITS)) {
      if (options.limits[option] !== undefined) {
        header.limits[key] = typed(`limits.${option}`, options.limits[option], "number");
      }
    }
  }
  if (options.pty) {
    const pty = options.pty === true ? {} : options.pty;
    checkOptions(pty, PTY);
    header.pty = { ...pty };
  }
}

// Entries of env_body, without their NULs.
function entries(secrets) {
  return Object.entries(secrets).map(([name, value]) =>
    concat([utf8(`${name}=`), bytes(`secrets.${name}`, value)]),
  );
}

function bytes(option, value) {
  if (value instanceof Uint8Array) {
    return value;
  }
  return utf8(typed(option, value, "string"));
}

function join(parts) {
  const nul = new Uint8Array(1);
  return concat(
    parts.flatMap((part) => {
      if (part.includes(0)) {
        throw new TypeError("command or secret: it holds NUL");
      }
      return [part, nul];
    }),
  );
}
