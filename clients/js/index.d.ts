/** Runnel's client for Node: TCP, TLS, Unix sockets and WebSockets. README.md, PROTOCOL.md. */

import type { ConnectionOptions as TlsOptions } from "node:tls";

import type { Client, ConnectOptions as WebOptions } from "./browser.js";

export * from "./browser.js";

export interface ConnectOptions extends WebOptions {
  /**
   * TLS: `true` trusts the authorities of Node, `ca` those in it (PEM); `cert` and `key` are our own;
   * `servername` is the name in the server's certificate if it is not the host's. `false`: none,
   * whatever the environment says.
   */
  tls?: boolean | Pick<TlsOptions, "ca" | "cert" | "key" | "passphrase" | "servername" | "minVersion">;
}

/**
 * Connects to a server. Done when it has let us in.
 *
 * @param address `host[:port]`, `[v6]:port`, `unix:PATH`, `ws://…` or `wss://…`; absent: RUNNEL_HOST,
 *     else this user's server on this machine
 * @param options what they leave open is taken from RUNNEL_TOKEN, RUNNEL_TOKEN_FILE, RUNNEL_TLS,
 *     RUNNEL_CA, RUNNEL_CERT and RUNNEL_KEY
 * @throws UnreachableError, RefusedError, DamagedError; RunnelError if a token would cross a network
 *     in clear (PROTOCOL.md, section 2)
 */
export function connect(address?: string, options?: ConnectOptions): Promise<Client>;
