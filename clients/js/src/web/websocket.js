/**
 * The stream of frames over a WebSocket: binary messages whose boundaries mean nothing. Anything
 * that has the interface of WHATWG's WebSocket will do.
 */

import { UnreachableError } from "../core/errors.js";

/** Where a server takes them, unless the URL has a path. */
const PATH = "/v1/frames";

/** How often it is asked whether what was sent went out, in milliseconds: there is no event. */
const LOOK_MS = 20;

const NORMAL_CLOSURE = 1_000;

export class WebSocketTransport {
  /**
   * @param {string} url `ws://…` or `wss://…`; without a path it is `/v1/frames`
   * @param {new (url: string) => WebSocket} Implementation
   * @param {() => Promise<void>} [check] before each connection: rejects if there is to be none
   */
  constructor(url, Implementation, check = async () => {}) {
    const where = new URL(url);
    if (where.pathname === "/") {
      where.pathname = PATH;
    }
    this.name = where.href;
    this.Implementation = Implementation;
    this.check = check;
  }

  /**
   * @param {{data(chunk: Uint8Array): void, drain(): void, closed(why: string): void}} events
   * @param {AbortSignal} signal
   * @returns {Promise<WebSocketLink>}
   */
  async open(events, signal) {
    await this.check();
    return this.#open(events, signal);
  }

  #open(events, signal) {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const socket = new this.Implementation(this.name);
      socket.binaryType = "arraybuffer";
      const link = new WebSocketLink(socket, events);
      const giveUp = () => {
        link.close();
        reject(signal.reason);
      };
      signal.addEventListener("abort", giveUp, { once: true });
      socket.onopen = () => {
        signal.removeEventListener("abort", giveUp);
        resolve(link);
      };
      socket.onmessage = ({ data }) => {
        if (data instanceof ArrayBuffer) {
          events.data(new Uint8Array(data));
        } else {
          events.closed("a message that is not binary came");
          link.close();
        }
      };
      // Why, no browser says.
      socket.onclose = ({ code, reason }) => {
        signal.removeEventListener("abort", giveUp);
        const why = reason || (code === NORMAL_CLOSURE ? "" : `code ${code}`);
        reject(new UnreachableError(`cannot reach ${this.name}${why ? `: ${why}` : ""}`));
        link.stop();
        events.closed(why);
      };
    });
  }
}

function joined(parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

class WebSocketLink {
  constructor(socket, events) {
    this.socket = socket;
    this.events = events;
    this.looking = undefined;
  }

  get buffered() {
    return this.socket.bufferedAmount;
  }

  /**
   * As one message: of two small ones the second might wait until the other side confirms the first.
   *
   * @param {Uint8Array[]} parts of one frame
   */
  send(parts) {
    this.socket.send(parts.length === 1 ? parts[0] : joined(parts));
    if (this.looking === undefined && this.buffered > 0) {
      this.looking = setInterval(() => {
        if (this.buffered === 0) {
          this.stop();
          this.events.drain();
        }
      }, LOOK_MS);
    }
  }

  defer(action) {
    queueMicrotask(action);
  }

  stop() {
    clearInterval(this.looking);
    this.looking = undefined;
  }

  close() {
    this.stop();
    this.socket.close();
  }
}
