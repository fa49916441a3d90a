/**
 * A bridge from WebSockets to TCP, a reverse proxy, and a WebSocket for a Node that has none; RFC
 * 6455.
 */

import { createHash, randomBytes } from "node:crypto";
import { createServer, request } from "node:http";
import { connect } from "node:net";

const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

function encode(opcode, payload, mask) {
  const { length } = payload;
  const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const head = Buffer.alloc(2 + extended + (mask ? 4 : 0));
  head[0] = 0x80 | opcode;
  head[1] = (mask ? 0x80 : 0) | (extended === 0 ? length : extended === 2 ? 126 : 127);
  if (extended === 2) {
    head.writeUInt16BE(length, 2);
  } else if (extended === 8) {
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  if (!mask) {
    return Buffer.concat([head, payload]);
  }
  const key = randomBytes(4);
  key.copy(head, 2 + extended);
  return Buffer.concat([head, payload.map((byte, i) => byte ^ key[i & 3])]);
}

/** Calls take(opcode, payload) for each frame; fragments are taken as they are. */
function decoder(take) {
  let kept = Buffer.alloc(0);
  return (chunk) => {
    kept = Buffer.concat([kept, chunk]);
    for (;;) {
      if (kept.length < 2) {
        return;
      }
      const short = kept[1] & 0x7f;
      const extended = short < 126 ? 0 : short === 126 ? 2 : 8;
      const masked = (kept[1] & 0x80) !== 0;
      const begin = 2 + extended + (masked ? 4 : 0);
      if (kept.length < begin) {
        return;
      }
      const length = extended === 0 ? short : extended === 2 ? kept.readUInt16BE(2) : Number(kept.readBigUInt64BE(2));
      if (kept.length < begin + length) {
        return;
      }
      const key = masked ? kept.subarray(2 + extended, begin) : undefined;
      let payload = Buffer.from(kept.subarray(begin, begin + length));
      if (key) {
        payload = payload.map((byte, i) => byte ^ key[i & 3]);
      }
      const opcode = kept[0] & 0x0f;
      kept = kept.subarray(begin + length);
      take(opcode, payload);
    }
  };
}

function accept(key) {
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}

/**
 * Listens at /v1/frames, and passes on to a server on TCP, in messages of other sizes than came.
 *
 * @param {string} target HOST:PORT
 * @param {number} messageBytes the longest message to the client
 */
export async function bridge(target, messageBytes = 1_000) {
  const [host, port] = target.split(":");
  const open = new Set();
  const paths = [];
  const http = createServer((_, response) => response.writeHead(404).end());
  http.on("upgrade", (incoming, socket) => {
    paths.push(incoming.url);
    socket.write(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        `Sec-WebSocket-Accept: ${accept(incoming.headers["sec-websocket-key"])}\r\n\r\n`,
    );
    const server = connect(Number(port), host);
    open.add(socket).add(server);
    const end = () => {
      socket.end(encode(CLOSE, Buffer.from([0x03, 0xe8]), false));
      server.destroy();
    };
    socket.on("error", end).on("close", end);
    server.on("error", end).on("close", end);
    socket.on(
      "data",
      decoder((opcode, payload) => {
        if (opcode === CLOSE) {
          end();
        } else if (opcode === PING) {
          socket.write(encode(PONG, payload, false));
        } else if (opcode <= BINARY) {
          server.write(payload);
        }
      }),
    );
    server.on("data", (chunk) => {
      for (let i = 0; i < chunk.length; i += messageBytes) {
        socket.write(encode(BINARY, chunk.subarray(i, i + messageBytes), false));
      }
    });
  });
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  return {
    paths,
    url: `ws://127.0.0.1:${http.address().port}`,
    cutAll: () => open.forEach((socket) => socket.destroy()),
    async close() {
      open.forEach((socket) => socket.destroy());
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

/**
 * Passes on to a server's WebSockets, as a reverse proxy does that has the server below a path of
 * its own.
 *
 * @param {string} target HOST:PORT of its HTTP listener
 * @param {string} path which is stripped
 */
export async function reverseProxy(target, path) {
  const [host, port] = target.split(":");
  const open = new Set();
  const paths = [];
  const http = createServer((_, response) => response.writeHead(404).end());
  http.on("upgrade", (incoming, socket, head) => {
    paths.push(incoming.url);
    const server = connect(Number(port), host);
    open.add(socket).add(server);
    const lines = [`GET ${incoming.url.slice(path.length)} HTTP/1.1`];
    for (let i = 0; i < incoming.rawHeaders.length; i += 2) {
      lines.push(`${incoming.rawHeaders[i]}: ${incoming.rawHeaders[i + 1]}`);
    }
    server.write(`${lines.join("\r\n")}\r\n\r\n`);
    server.write(head);
    socket.pipe(server).pipe(socket);
    const end = () => [socket, server].forEach((each) => each.destroy());
    socket.on("error", end).on("close", end);
    server.on("error", end).on("close", end);
  });
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  return {
    paths,
    url: `ws://127.0.0.1:${http.address().port}${path}/v1/frames`,
    cutAll: () => open.forEach((socket) => socket.destroy()),
    async close() {
      open.forEach((socket) => socket.destroy());
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

/** As much of WHATWG's WebSocket as a client of frames needs. */
export class SmallWebSocket {
  #socket;
  #isClosed = false;

  constructor(url) {
    this.binaryType = "blob";
    const { hostname, port, pathname } = new URL(url);
    const upgrade = request({
      hostname,
      port,
      path: pathname,
      headers: {
        Connection: "Upgrade",
        Upgrade: "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": randomBytes(16).toString("base64"),
      },
    });
    upgrade.on("upgrade", (_, socket, head) => {
      this.#socket = socket;
      const take = decoder((opcode, payload) => {
        if (opcode === CLOSE) {
          this.close();
        } else if (opcode <= BINARY) {
          const data = payload.buffer.slice(payload.byteOffset, payload.byteOffset + payload.length);
          this.onmessage({ data });
        }
      });
      socket.on("data", take).on("error", () => {});
      socket.on("close", () => this.#closed(1006));
      this.onopen();
      take(head);
    });
    upgrade.on("response", () => this.#closed(1002));
    upgrade.on("error", () => this.#closed(1006));
    upgrade.end();
  }

  get bufferedAmount() {
    return this.#socket?.writableLength ?? 0;
  }

  send(data) {
    this.#socket.write(encode(BINARY, Buffer.from(data), true));
  }

  close() {
    if (this.#socket !== undefined) {
      this.#socket.end(encode(CLOSE, Buffer.from([0x03, 0xe8]), true));
      this.#socket.destroy();
    }
    this.#closed(1000);
  }

  #closed(code) {
    if (!this.#isClosed) {
      this.#isClosed = true;
      setImmediate(() => this.onclose?.({ code, reason: "" }));
    }
  }
}
