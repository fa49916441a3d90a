/**
 * What a command reads, within its credit. What the server did not acknowledge is kept, and sent
 * again over another connection. PROTOCOL.md, sections 3 (`stdin`) and 6 ("stdin").
 */

import { DamagedError, StdinClosedError } from "./errors.js";

const FRAME_BYTES = 65_536;

/** More than this is not kept, whatever a server would take. */
const MAX_KEPT_BYTES = 1_048_576;

/** Until `started` says otherwise: PROTOCOL.md, section 6. */
const FIRST_WINDOW = 65_536;

export class StdinSender {
  /**
   * @param {(offset: number, eof: boolean, data: Uint8Array | undefined) => void} send
   * @param {boolean} isOurs from the job's first byte on; else the first acknowledgement says where
   *     another client stopped
   */
  constructor(send, isOurs) {
    this.send = send;
    this.isPlaced = isOurs;
    this.window = FIRST_WINDOW;
    // From taken to filled, as a ring.
    this.ring = new Uint8Array(0);
    this.taken = 0;
    this.sent = 0;
    this.filled = 0;
    this.ended = false;
    this.endSent = false;
    /** What it is closed by; undefined: it is not. */
    this.closed = undefined;
    /** Whether there is a connection, and the place to go on at is known. */
    this.ready = false;
    this.waiting = [];
  }

  /** Sends from the first byte on, at once. */
  start() {
    this.ready = true;
    this.flush();
  }

  /** The connection is lost, or is another: waits for the first acknowledgement. */
  pause() {
    this.ready = false;
    this.endSent = false;
  }

  /** As `started` says. */
  setWindow(window) {
    this.window = window;
  }

  /**
   * The pipe has taken all below that offset.
   *
   * @param {boolean} isFirst of this connection
   */
  acknowledge(offset, eof, isFirst) {
    if (!this.isPlaced) {
      this.isPlaced = true;
      this.taken = this.sent = this.filled = offset;
      if (eof) {
        this.close(new StdinClosedError("stdin was closed by another client"));
        return;
      }
    }
    if (offset > this.filled || (eof && (!this.ended || offset !== this.filled))) {
      throw new DamagedError(`stdin_ack: offset ${offset}${eof ? " and eof" : ""} (sent: ${this.filled})`);
    }
    this.taken = Math.max(this.taken, offset);
    if (isFirst && !this.ready) {
      this.ready = true;
      this.sent = this.taken;
    }
    this.sent = Math.max(this.sent, this.taken);
    if (eof) {
      this.close(new StdinClosedError("stdin was closed"));
      return;
    }
    this.flush();
    this.fill();
  }

  /** @param {Error} why */
  close(why) {
    if (this.closed === undefined) {
      this.closed = why;
      this.ring = new Uint8Array(0);
      this.waiting.splice(0).forEach((one) => (one.end ? one.resolve() : one.reject(why)));
    }
  }

  /**
   * @param {Uint8Array} data copied: it is the caller's when the write is done
   * @returns {Promise<void>} done when all of it is within the credit
   */
  write(data) {
    if (this.closed !== undefined || this.ended) {
      return Promise.reject(this.closed ?? new StdinClosedError("stdin was closed"));
    }
    return new Promise((resolve, reject) => {
      this.waiting.push({ data, at: 0, end: false, resolve, reject });
      this.fill();
    });
  }

  /** Nothing follows; done when all that was written is within the credit. */
  end() {
    if (this.closed !== undefined || this.ended) {
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      this.waiting.push({ data: undefined, at: 0, end: true, resolve, reject });
      this.fill();
    });
  }

  // Into the ring goes what there is room for.
  fill() {
    const keeps = Math.min(this.window, MAX_KEPT_BYTES);
    while (this.isPlaced && this.waiting.length > 0 && this.closed === undefined) {
      const one = this.waiting[0];
      if (one.end) {
        this.ended = true;
        this.waiting.splice(0).forEach((w) =>
          w.end ? w.resolve() : w.reject(new StdinClosedError("stdin was closed")),
        );
        break;
      }
      this.grow(keeps, one.data.length - one.at);
      const room = Math.min(keeps, this.ring.length) - (this.filled - this.taken);
      const length = Math.min(room, one.data.length - one.at);
      this.copy(one.data.subarray(one.at, one.at + length));
      one.at += length;
      if (one.at < one.data.length) {
        break;
      }
      this.waiting.shift();
      one.resolve();
    }
    this.flush();
  }

  // Most commands read little or nothing.
  grow(keeps, wanted) {
    const kept = this.filled - this.taken;
    if (this.ring.length >= keeps || this.ring.length >= kept + wanted) {
      return;
    }
    const ring = new Uint8Array(Math.min(keeps, Math.max(4_096, 2 * (kept + wanted))));
    for (let at = this.taken; at < this.filled; ) {
      const from = at % this.ring.length;
      const length = Math.min(this.filled - at, this.ring.length - from, ring.length - (at % ring.length));
      ring.set(this.ring.subarray(from, from + length), at % ring.length);
      at += length;
    }
    this.ring = ring;
  }

  copy(data) {
    for (let at = 0; at < data.length; ) {
      const to = this.filled % this.ring.length;
      const length = Math.min(data.length - at, this.ring.length - to);
      this.ring.set(data.subarray(at, at + length), to);
      this.filled += length;
      at += length;
    }
  }

  flush() {
    if (!this.ready || this.closed !== undefined) {
      return;
    }
    const end = Math.min(this.filled, this.taken + this.window);
    while (this.sent < end) {
      const from = this.sent % this.ring.length;
      const length = Math.min(end - this.sent, this.ring.length - from, FRAME_BYTES);
      const offset = this.sent;
      this.sent += length;
      const isLast = this.ended && this.sent === this.filled;
      this.endSent ||= isLast;
      // A copy: the transport may hold it for longer than the ring does, if the connection is lost.
      this.send(offset, isLast, this.ring.slice(from, from + length));
    }
    if (this.ended && !this.endSent && this.sent === this.filled) {
      this.endSent = true;
      this.send(this.sent, true, undefined);
    }
  }
}
