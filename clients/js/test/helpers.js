/** What the tests share: a real server's address, servers that lie, a proxy that cuts. */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createServer, connect as connectSocket } from "node:net";

/** Where a real runneld listens that needs no token, as HOST:PORT; the tests do not start one. */
export const server = process.env.RUNNEL_TEST_SERVER;

/** Where the same server takes WebSockets, as HOST:PORT. */
export const webSockets = process.env.RUNNEL_TEST_WEBSOCKETS;

/** For tests that need it. */
export const needsWebSockets = webSockets ? {} : { skip: "RUNNEL_TEST_WEBSOCKETS is not set" };

/** For tests that need it. */
export const needsServer = server ? {} : { skip: "RUNNEL_TEST_SERVER is not set" };

// What a developer has set is not the tests'.
for (const name of Object.keys(process.env)) {
  if (/^RUNNEL_(?!TEST_)/.test(name)) {
    delete process.env[name];
  }
}

/** Polls until it is true, for 30 s at most. */
export async function until(condition, what = String(condition)) {
  for (let i = 0; i < 3_000; i++) {
    if (await condition()) {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail(`still not so after 30 s: ${what}`);
}

/** A job's name that nobody else has. */
export function name(prefix = "test") {
  return `${prefix}-${randomBytes(8).toString("hex")}`;
}

/** A frame, as bytes; a header that is no object is taken as its text. */
export function frame(header, body = "") {
  const bytes = Buffer.from(body);
  const text =
    typeof header === "string" ? header : JSON.stringify({ ...header, total_size: header.total_size ?? bytes.length });
  const head = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(head.length);
  return Buffer.concat([length, head, bytes]);
}

/** Takes frames apart, in the plainest way; shares no code with the client. */
export class Frames {
  constructor(take) {
    this.take = take;
    this.bytes = Buffer.alloc(0);
  }

  push(chunk) {
    this.bytes = Buffer.concat([this.bytes, chunk]);
    while (this.bytes.length >= 4) {
      const length = this.bytes.readUInt32LE();
      if (this.bytes.length < 4 + length) {
        return;
      }
      const header = JSON.parse(this.bytes.subarray(4, 4 + length).toString());
      const end = 4 + length + header.total_size;
      if (this.bytes.length < end) {
        return;
      }
      const body = this.bytes.subarray(4 + length, end);
      this.bytes = this.bytes.subarray(end);
      this.take(header, body);
    }
  }
}

export const BOOT = "boot-1";

/** The answer to a hello. */
export function hello(request, more = {}) {
  return frame({
    type: "hello",
    id: request.id,
    final: true,
    version: 1,
    software: "liar",
    node: "n",
    boot: BOOT,
    max_header: 65_536,
    max_body: 131_072,
    features: [],
    ...more,
  });
}

/**
 * A server that answers as it is told.
 *
 * @param {(peer: {send(...frames: Buffer[]): void, end(): void, socket: object, number: number},
 *     header: object, body: Buffer) => void} answer each request but hello, which is answered here
 * @param {{hello?: object | null}} [options] what its hello has besides; null: answer decides
 */
export async function liar(answer, options = {}) {
  const sockets = new Set();
  let number = 0;
  const listener = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    const peer = {
      socket,
      number: ++number,
      send: (...frames) => socket.write(Buffer.concat(frames)),
      end: () => socket.end(),
    };
    const frames = new Frames((header, body) => {
      if (header.type === "hello" && options.hello !== null) {
        peer.send(hello(header, options.hello));
      } else {
        answer(peer, header, body);
      }
    });
    socket.on("data", (chunk) => frames.push(chunk));
  });
  await new Promise((resolve) => listener.listen(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${listener.address().port}`,
    sockets,
    get connections() {
      return number;
    },
    async close() {
      sockets.forEach((socket) => socket.destroy());
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}

/** A generator of numbers that a seed decides: mulberry32. */
export function random(seed) {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/**
 * Stands between one client and a server, and cuts each connection after so many bytes of both
 * directions together; what follows the last cut is only passed on.
 *
 * @param {string} target HOST:PORT
 * @param {{bytes: number, manner: "close" | "reset" | "silence"}[]} cuts
 */
export async function cuttingProxy(target, cuts) {
  const [host, port] = target.split(":");
  const open = new Set();
  const proxy = { cuts: 0, connections: 0, cutAll: () => open.forEach((one) => one.cut("reset")) };
  const listener = createServer((client) => {
    const fate = cuts[proxy.connections++] ?? { bytes: Infinity, manner: "close" };
    let left = fate.bytes;
    const remote = connectSocket(Number(port), host);
    const pair = {
      cut(manner) {
        open.delete(pair);
        for (const socket of [client, remote]) {
          if (manner === "reset") {
            socket.resetAndDestroy();
          } else if (manner === "close") {
            socket.destroy();
          }
        }
      },
    };
    open.add(pair);
    let silent = false;
    const pass = (from, to) => {
      from.setNoDelay(true);
      from.on("error", () => {});
      from.on("close", () => silent || to.destroy());
      from.on("data", (chunk) => {
        if (silent) {
          return;
        }
        const part = chunk.subarray(0, Math.min(left, chunk.length));
        left -= part.length;
        if (part.length > 0 && !to.write(part)) {
          from.pause();
          to.once("drain", () => from.resume());
        }
        if (left === 0) {
          proxy.cuts++;
          silent = fate.manner === "silence";
          pair.cut(fate.manner);
        }
      });
    };
    pass(client, remote);
    pass(remote, client);
  });
  await new Promise((resolve) => listener.listen(0, "127.0.0.1", resolve));
  proxy.address = `127.0.0.1:${listener.address().port}`;
  proxy.close = async () => {
    open.forEach((one) => one.cut("close"));
    listener.closeAllConnections?.();
    await new Promise((resolve) => {
      listener.close(resolve);
      open.forEach((one) => one.cut("close"));
    });
  };
  return proxy;
}
