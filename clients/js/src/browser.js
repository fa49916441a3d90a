/** The client where there are WebSockets only: browsers, and whatever is like them. */

import { Client } from "./core/client.js";
import { crc32 } from "./core/crc32.js";
import { RunnelError } from "./core/errors.js";
import { checkOptions } from "./core/requests.js";
import { WebSocketTransport } from "./web/websocket.js";

export * from "./core/errors.js";
export { Client } from "./core/client.js";
export { Job } from "./core/job.js";

const OPTIONS = ["token", "lingerMs", "heartbeatMs", "connectTimeoutMs", "onFault", "WebSocket"];
const LOOPBACK = /^(localhost|127(\.[0-9]+){3}|\[::1\])$/;

const platform = {
  crc32,
  random: (bytes) => globalThis.crypto.getRandomValues(bytes),
};

/**
 * Connects to a server.
 *
 * @param {string} url `wss://host[:port][/path]`, or `ws://…`; without a path it is `/v1/frames`
 * @param {object} [options] see index.d.ts, ConnectOptions
 * @returns {Promise<Client>}
 * @throws {RunnelError} the token would cross a network in clear: PROTOCOL.md, section 2
 */
export async function connect(url, options = {}) {
  checkOptions(options, OPTIONS);
  const { protocol, hostname } = new URL(url);
  if (protocol !== "ws:" && protocol !== "wss:") {
    throw new TypeError(`${url} (expected: ws://… or wss://…)`);
  }
  if (options.token !== undefined && protocol === "ws:" && !LOOPBACK.test(hostname)) {
    throw new RunnelError(`the token would go to ${url} in clear (expected: wss://…, or no token)`);
  }
  const transport = new WebSocketTransport(url, options.WebSocket ?? globalThis.WebSocket);
  return Client.connect(platform, transport, options);
}
