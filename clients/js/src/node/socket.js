/** TCP, TLS over TCP, and Unix sockets. PROTOCOL.md, section 2. */

import { lookup } from "node:dns/promises";
import { BlockList, connect as connectPlain, isIP, isIPv4 } from "node:net";
import { connect as connectTls } from "node:tls";

import { RunnelError, UnreachableError } from "../core/errors.js";
import { showAddress } from "./address.js";
import { strangerAt } from "./listeners.js";

/** After so much silence a peer is asked whether it is still there, in milliseconds. */
const KEEPALIVE_MS = 30_000;

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/** @param {string} address of IPv4 or IPv6 */
export function isLoopback(address) {
  return loopback.check(address, isIPv4(address) ? "ipv4" : "ipv6");
}

export class SocketTransport {
  /**
   * @param {{path: string} | {host: string, port: number}} address
   * @param {import("node:tls").ConnectionOptions | undefined} tls undefined: without
   * @param {boolean} hasToken whether a token is to go over it
   */
  constructor(address, tls, hasToken) {
    this.address = address;
    this.tls = tls;
    this.hasToken = hasToken;
    this.name = showAddress(address);
    /** On this machine only a death ends a connection, and it ends the job. */
    this.lingerMs = address.path === undefined ? undefined : 0;
  }

  /**
   * @param {{data(chunk: Uint8Array): void, drain(): void, closed(why: string): void}} events
   * @param {AbortSignal} signal
   * @returns {Promise<SocketLink>}
   */
  async open(events, signal) {
    const { path, host } = this.address;
    if (path !== undefined) {
      return this.#open({ path }, events, signal);
    }
    let first;
    for (const address of await this.#addresses(host)) {
      signal.throwIfAborted();
      try {
        return await this.#openTcp(address, events, signal);
      } catch (e) {
        if (e instanceof RunnelError && !(e instanceof UnreachableError)) {
          throw e;
        }
        first ??= e;
      }
    }
    throw first;
  }

  async #addresses(host) {
    if (isIP(host)) {
      return [host];
    }
    try {
      return (await lookup(host, { all: true, verbatim: true })).map((one) => one.address);
    } catch (e) {
      throw new UnreachableError(`cannot reach ${this.name}: no such host`, { cause: e });
    }
  }

  // By the address that is about to be used: whose name it is, others may decide.
  async #openTcp(address, events, signal) {
    const inClear = this.hasToken && this.tls === undefined;
    if (inClear) {
      await checkClear(this.name, address, this.address.port);
    }
    return this.#open({ host: address, port: this.address.port }, events, signal);
  }

  #open(where, events, signal) {
    return new Promise((resolve, reject) => {
      const options = { ...where, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEPALIVE_MS };
      const socket = this.tls === undefined ? connectPlain(options) : connectTls({ ...options, ...this.#tlsOptions() });
      const giveUp = () => {
        reject(signal.reason);
        socket.destroy();
      };
      signal.addEventListener("abort", giveUp, { once: true });
      socket.once(this.tls === undefined ? "connect" : "secureConnect", () => {
        signal.removeEventListener("abort", giveUp);
        resolve(new SocketLink(socket, events));
      });
      let why = "";
      socket.on("error", (e) => {
        why = reason(e);
        reject(new UnreachableError(`cannot reach ${this.name}: ${why}`, { cause: e }));
      });
      socket.once("close", () => {
        signal.removeEventListener("abort", giveUp);
        reject(new UnreachableError(`cannot reach ${this.name}: it closed the connection`));
        events.closed(why);
      });
    });
  }

  #tlsOptions() {
    const { host } = this.address;
    const name = this.tls.servername ?? (isIP(host) ? undefined : host);
    return {
      minVersion: "TLSv1.2",
      ...this.tls,
      ...(name === undefined ? {} : { servername: name }),
    };
  }
}

/**
 * A token goes in clear to a listener of our own user or of root on this machine, and nowhere else.
 *
 * @throws {RunnelError}
 */
export async function checkClear(name, address, port) {
  if (!isLoopback(address)) {
    throw new RunnelError(`the token would go to ${name} in clear (expected: tls, or no token)`);
  }
  const stranger = await strangerAt(address, port);
  if (stranger !== undefined) {
    throw new UnreachableError(
      `cannot reach ${name}: ${stranger}: the token is not sent (expected: us or root, or tls, or unix:PATH)`,
    );
  }
}

function reason(e) {
  switch (e.code) {
    case "ECONNREFUSED":
      return "connection refused: no server listens there";
    case "ENOENT":
      return "there is no such socket";
    default:
      return e.message;
  }
}

class SocketLink {
  constructor(socket, events) {
    this.socket = socket;
    socket.on("data", (chunk) => events.data(chunk));
    socket.on("drain", () => events.drain());
  }

  get buffered() {
    return this.socket.writableLength;
  }

  /** @param {Uint8Array[]} parts of one frame */
  send(parts) {
    const { socket } = this;
    if (parts.length === 1) {
      socket.write(parts[0]);
      return;
    }
    socket.cork();
    for (const part of parts) {
      socket.write(part);
    }
    socket.uncork();
  }

  defer(action) {
    setImmediate(action);
  }

  close() {
    this.socket.destroy();
  }
}
