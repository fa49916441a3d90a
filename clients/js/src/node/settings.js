/**
 * What is not said in the call: the environment of the command line (RUNNEL_HOST and others), and
 * the server of this user on this machine. The command line's config.yaml is not read.
 */

import { readFile, realpath, stat } from "node:fs/promises";
import { dirname, join } from "node:path";

import { RunnelError } from "../core/errors.js";

const OTHERS_MAY_WRITE = 0o022;
const NAME = "runnel";
const SOCKET = "runneld.sock";

function variable(env, name) {
  const value = env[name];
  return value === undefined || value === "" ? undefined : value;
}

/**
 * @param {{token?: string, tls?: boolean | object}} options as they were given
 * @param {Record<string, string | undefined>} env
 * @returns {Promise<{token: string | undefined, tls: object | undefined}>}
 */
export async function settings(options, env) {
  return { token: options.token ?? (await presetToken(env)), tls: await tlsOptions(options.tls, env) };
}

async function presetToken(env) {
  const token = variable(env, "RUNNEL_TOKEN")?.trim();
  if (token) {
    return token;
  }
  const file = variable(env, "RUNNEL_TOKEN_FILE");
  if (file === undefined) {
    return undefined;
  }
  const first = (await read("RUNNEL_TOKEN_FILE", file)).toString("utf8").split("\n")[0].trim();
  if (first === "") {
    throw new RunnelError(`RUNNEL_TOKEN_FILE: the first line of ${file} is empty`);
  }
  return first;
}

// As with the command line, a CA or a certificate of our own asks for TLS by itself.
async function tlsOptions(given, env) {
  if (given === false || (given === undefined && isOn(env) === false)) {
    return undefined;
  }
  const files = { ca: variable(env, "RUNNEL_CA"), cert: variable(env, "RUNNEL_CERT"), key: variable(env, "RUNNEL_KEY") };
  const preset = Object.keys(files).filter((key) => files[key] !== undefined);
  if (given === undefined && isOn(env) === undefined && files.ca === undefined && files.cert === undefined) {
    return undefined;
  }
  const tls = typeof given === "object" ? { ...given } : {};
  for (const key of preset) {
    tls[key] ??= await read(`RUNNEL_${key.toUpperCase()}`, files[key]);
  }
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    throw new TypeError(`tls.${tls.cert === undefined ? "cert" : "key"}: missing (expected: both or none)`);
  }
  if (tls.rejectUnauthorized === false) {
    throw new TypeError("tls.rejectUnauthorized: false (expected: ca, with the server's certificate)");
  }
  return tls;
}

function isOn(env) {
  const text = variable(env, "RUNNEL_TLS");
  if (text !== undefined && text !== "true" && text !== "false") {
    throw new TypeError(`RUNNEL_TLS: ${text} (expected: true or false)`);
  }
  return text === undefined ? undefined : text === "true";
}

async function read(name, file) {
  try {
    return await readFile(file);
  } catch (e) {
    throw new RunnelError(`${name}: cannot read ${file}: ${e.code ?? e.message}`, { cause: e });
  }
}

/**
 * The address of whoever does not name one.
 *
 * @returns {Promise<string>}
 */
export async function defaultAddress(env) {
  const preset = variable(env, "RUNNEL_HOST");
  if (preset !== undefined) {
    return preset;
  }
  for (const socket of possibleSockets(env)) {
    if (await isOurs(socket)) {
      return `unix:${socket}`;
    }
  }
  throw new RunnelError("no server runs on this machine: start one with runnel serve, or name one");
}

// As the daemon chooses: a login session has XDG_RUNTIME_DIR, a unit or a cron job has none.
function possibleSockets(env) {
  const uid = process.geteuid?.() ?? "";
  const given = variable(env, "XDG_RUNTIME_DIR");
  const folders = [`/run/user/${uid}/${NAME}`, `/run/${NAME}`, `/tmp/${NAME}-${uid}`];
  if (given?.startsWith("/")) {
    const chosen = given !== `/run/user/${uid}`;
    return (chosen ? [join(given, NAME)] : [join(given, NAME), ...folders]).map((one) => join(one, SOCKET));
  }
  return folders.map((one) => join(one, SOCKET));
}

/** Whether nobody but this user and root can have put the socket where it is. */
async function isOurs(socket) {
  try {
    await stat(socket);
    const folder = await stat(await realpath(dirname(socket)));
    const isOwned = folder.uid === 0 || folder.uid === process.geteuid?.();
    return isOwned && (folder.mode & OTHERS_MAY_WRITE) === 0;
  } catch {
    return false;
  }
}
