/** The client for Node: TCP, TLS and Unix sockets, and WebSockets where there are any. */

import { webcrypto } from "node:crypto";
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import * as zlib from "node:zlib";

import { Client } from "./core/client.js";
import { crc32 } from "./core/crc32.js";
import { RunnelError } from "./core/errors.js";
import { checkOptions } from "./core/requests.js";
import { parseAddress } from "./node/address.js";
import { defaultAddress, settings } from "./node/settings.js";
import { checkClear, SocketTransport } from "./node/socket.js";
import { WebSocketTransport } from "./web/websocket.js";

export * from "./core/errors.js";
export { Client } from "./core/client.js";
export { Job } from "./core/job.js";

const OPTIONS = ["token", "tls", "lingerMs", "heartbeatMs", "connectTimeoutMs", "onFault", "WebSocket"];

const platform = {
  // Since Node 22.2 and 20.15.
  crc32: zlib.crc32 ?? crc32,
  random: (bytes) => webcrypto.getRandomValues(bytes),
};

/**
 * Connects to a server.
 *
 * @param {string} [address] `host[:port]`, `[v6]:port`, `unix:PATH`, `ws://…` or `wss://…`; absent:
 *     RUNNEL_HOST, else this user's server on this machine
 * @param {object} [options] see index.d.ts, ConnectOptions; what they leave open is taken from
 *     RUNNEL_TOKEN, RUNNEL_TOKEN_FILE, RUNNEL_TLS, RUNNEL_CA, RUNNEL_CERT and RUNNEL_KEY
 * @returns {Promise<Client>}
 * @throws {RunnelError} see index.d.ts
 */
export async function connect(address, options = {}) {
  checkOptions(options, OPTIONS);
  const source = address === undefined ? "RUNNEL_HOST" : "address";
  const text = address ?? (await defaultAddress(process.env));
  const { token, tls } = await settings(options, process.env);
  const transport = /^wss?:\/\//.test(text)
    ? webSocket(text, token, options.WebSocket ?? globalThis.WebSocket)
    : socket(parseAddress(text, source), tls, token);
  return Client.connect(platform, transport, { ...options, token });
}

function socket(where, tls, token) {
  return new SocketTransport(where, where.path === undefined ? tls : undefined, token !== undefined);
}

function webSocket(url, token, Implementation) {
  if (Implementation === undefined) {
    throw new RunnelError(`${url}: this Node has no WebSocket (expected: Node 22, or the option WebSocket)`);
  }
  const isClear = new URL(url).protocol === "ws:" && token !== undefined;
  return new WebSocketTransport(url, Implementation, isClear ? () => checkWebSocket(url) : undefined);
}

async function checkWebSocket(url) {
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, "");
  const { address } = isIP(host) ? { address: host } : await lookup(host);
  await checkClear(url, address, Number(port || 80));
}
