/**
 * A job's output on its way from the connection to whoever reads it: a queue that holds what the
 * credit allows, in slices of what came. PROTOCOL.md, section 6, "Credit".
 */

import { GapError, RunnelError } from "./errors.js";

/** A client should acknowledge so many bytes at the latest: PROTOCOL.md, section 6. */
const ACK_BYTES = 32_768;

/** Pieces below this are put together: each alone would hold a whole packet in memory. */
const SMALL_BYTES = 2_048;

const STORE_BYTES = 16_384;

/** Pieces in order of arrival. */
class Fifo {
  constructor() {
    this.pieces = [];
    this.head = 0;
    this.bytes = 0;
  }

  get isEmpty() {
    return this.head === this.pieces.length;
  }

  first() {
    return this.pieces[this.head];
  }

  push(piece) {
    const last = this.isEmpty ? undefined : this.pieces[this.pieces.length - 1];
    this.bytes += piece.data.length;
    if (piece.data.length >= SMALL_BYTES || piece.gap) {
      this.pieces.push(piece);
    } else if (!appended(last, piece)) {
      piece.data = piece.data.slice();
      this.pieces.push(piece);
    }
  }

  shift() {
    const piece = this.pieces[this.head];
    this.pieces[this.head++] = undefined;
    this.bytes -= piece.data.length;
    if (this.head === this.pieces.length) {
      this.pieces.length = this.head = 0;
    } else if (this.head >= 1_024) {
      this.pieces.splice(0, this.head);
      this.head = 0;
    }
    return piece;
  }

  /** What is in it, the first one first. */
  *[Symbol.iterator]() {
    for (let i = this.head; i < this.pieces.length; i++) {
      yield this.pieces[i];
    }
  }

  /** Takes what lies at that offset of the log, or behind it, out again. */
  cut(offset) {
    while (!this.isEmpty && this.pieces[this.pieces.length - 1].offset >= offset) {
      this.bytes -= this.pieces.pop().data.length;
    }
  }
}

// Whether it went behind the bytes of the one before it, in memory of our own.
function appended(last, piece) {
  if (!last || last.gap || last.stream !== piece.stream || last.offset + last.data.length !== piece.offset) {
    return false;
  }
  const length = last.data.length + piece.data.length;
  if (length > STORE_BYTES || last.data.length >= SMALL_BYTES * 4) {
    return false;
  }
  if (!last.own || last.own.length < length) {
    const own = new Uint8Array(Math.min(STORE_BYTES, 2 * length));
    own.set(last.data);
    last.own = own;
  }
  last.own.set(piece.data, last.data.length);
  last.data = last.own.subarray(0, length);
  return true;
}

/** What one reader reads. */
class Lane {
  constructor(name) {
    this.name = name;
    this.fifo = new Fifo();
    this.asked = false;
    /** What comes is counted, and not kept. */
    this.dropped = false;
    /** That was not the reader's wish. */
    this.overflowed = false;
    this.waiters = [];
  }
}

const NOTHING = new Uint8Array(0);
const DONE = { done: true, value: undefined };

export class OutputQueue {
  /**
   * @param {number} window in bytes
   * @param {(data: Uint8Array, before: number) => number} crc32
   * @param {() => void} progress called when there is something to acknowledge
   */
  constructor(window, crc32, progress) {
    this.window = window;
    this.crc32 = crc32;
    this.progress = progress;
    this.ackBytes = Math.min(ACK_BYTES, window >> 1);
    /** The offset of what comes next. */
    this.next = 0;
    /** How many bytes came; gaps are none. */
    this.received = 0;
    /** The acknowledgement that was sent last: an offset, and how many bytes had come below it. */
    this.acked = { offset: 0, at: 0 };
    this.all = new Lane("output");
    /** Null: nobody has asked; both, split, or discard. */
    this.mode = null;
    this.lanes = { stdout: this.all, stderr: this.all };
    this.waited = false;
    this.sums = { stdout: { bytes: 0, crc32: 0 }, stderr: { bytes: 0, crc32: 0 } };
    /** The end of what was counted of each stream; what comes again below it is not. */
    this.counted = { stdout: 0, stderr: 0 };
    this.over = false;
    this.error = undefined;
  }

  // --- from the connection ------------------------------------------------------------------------

  /** Where a follower begins. */
  begin(offset) {
    this.next = offset;
    this.acked = { offset, at: this.received };
  }

  /** Whether the server may send so many bytes now. */
  hasCredit(bytes) {
    return this.received + bytes - this.acked.at <= this.window;
  }

  /** Output, as it came; the bytes belong to the queue. */
  push(stream, data) {
    let offset = this.next;
    let at = this.received;
    this.next += data.length;
    this.received += data.length;
    const again = Math.min(this.counted[stream] - offset, data.length);
    if (again > 0) {
      data = data.subarray(again);
      offset += again;
      at += again;
    }
    if (data.length > 0) {
      this.route({ stream, offset, at, data, own: undefined, gap: undefined });
    }
    this.advance();
  }

  route(piece) {
    const lane = this.lanes[piece.stream];
    if (lane.dropped) {
      this.count(piece);
    } else if (lane.waiters.length > 0) {
      this.count(piece);
      lane.waiters.shift().resolve({ done: false, value: outside(piece) });
    } else {
      lane.fifo.push(piece);
      this.bound(lane);
    }
  }

  // What nobody has asked for does not hold the job back for ever, if something else was asked for.
  bound(lane) {
    const unasked = this.mode === "split" && !lane.asked && lane.fifo.bytes > this.window;
    const unread = this.mode === null && this.waited && lane.fifo.bytes > this.window >> 1;
    if (unasked || unread) {
      this.drop(lane);
      lane.overflowed = true;
    }
  }

  drop(lane) {
    lane.dropped = true;
    while (!lane.fifo.isEmpty) {
      this.count(lane.fifo.shift());
    }
  }

  /** Output that will not come, in the order of what does. */
  gap(from, to, isHandled) {
    this.next = to;
    if (!isHandled) {
      for (const lane of new Set(Object.values(this.lanes))) {
        const piece = { stream: lane.name, offset: from, at: this.received, data: NOTHING, gap: to };
        if (!lane.dropped && lane.waiters.length > 0) {
          this.drop(lane);
          lane.waiters.splice(0).forEach((w, i) => (i ? w.resolve(DONE) : w.reject(new GapError(from, to))));
        } else if (!lane.dropped) {
          lane.fifo.push(piece);
        }
      }
    }
    this.advance();
  }

  /**
   * The connection is lost: what another one brings comes on top of what is here, so no more than a
   * window stays.
   */
  cut() {
    const pieces = [...new Set(Object.values(this.lanes))].flatMap((lane) => [...lane.fifo]);
    pieces.sort((a, b) => a.offset - b.offset);
    let bytes = 0;
    for (const piece of pieces) {
      bytes += piece.data.length;
      if (bytes > this.window) {
        new Set(Object.values(this.lanes)).forEach((lane) => lane.fifo.cut(piece.offset));
        this.next = piece.offset;
        this.received = piece.at;
        break;
      }
    }
    this.begin(this.next);
  }

  /** Nothing comes any more; readers get what is here, and then this. */
  finish(error) {
    if (this.over) {
      return;
    }
    this.over = true;
    this.error = error;
    for (const lane of new Set(Object.values(this.lanes))) {
      lane.waiters.splice(0).forEach((w) => (error ? w.reject(error) : w.resolve(DONE)));
    }
  }

  // --- accounts -----------------------------------------------------------------------------------

  count(piece) {
    if (piece.gap !== undefined) {
      return;
    }
    const sum = this.sums[piece.stream];
    sum.bytes += piece.data.length;
    sum.crc32 = this.crc32(piece.data, sum.crc32);
    this.counted[piece.stream] = piece.offset + piece.data.length;
  }

  /** What came of both streams, whether or not it was read. */
  totals() {
    const totals = { stdout: { ...this.sums.stdout }, stderr: { ...this.sums.stderr } };
    for (const lane of new Set(Object.values(this.lanes))) {
      for (const piece of lane.fifo) {
        if (piece.gap === undefined) {
          const sum = totals[piece.stream];
          sum.bytes += piece.data.length;
          sum.crc32 = this.crc32(piece.data, sum.crc32);
        }
      }
    }
    return totals;
  }

  /** Below what all is consumed. */
  consumed() {
    let offset = this.next;
    let at = this.received;
    for (const lane of this.mode === "split" ? Object.values(this.lanes) : [this.all]) {
      const first = lane.asked || this.mode !== "split" ? lane.fifo.first() : undefined;
      if (first !== undefined && first.offset < offset) {
        offset = first.offset;
        at = first.at;
      }
    }
    return { offset, at };
  }

  advance() {
    if (this.received - this.acked.at >= this.ackBytes && !this.over) {
      if (this.consumed().at - this.acked.at >= this.ackBytes) {
        this.progress();
      }
    }
  }

  /**
   * What is to be acknowledged, from now on as if it had been.
   *
   * @returns {number | undefined} an offset; undefined: nothing
   */
  acknowledge() {
    const consumed = this.consumed();
    if (consumed.at - this.acked.at < this.ackBytes) {
      return undefined;
    }
    this.acked = consumed;
    return consumed.offset;
  }

  // --- for readers --------------------------------------------------------------------------------

  /**
   * @param {"both" | "stdout" | "stderr"} what
   * @returns {OutputReader}
   * @throws {RunnelError} if it is read already, or was discarded
   */
  open(what) {
    if (this.all.overflowed || this.mode === "discard") {
      throw new RunnelError("the output was discarded, as nobody read it (expected: ask for it before wait())");
    }
    if (this.mode === null) {
      this.mode = what === "both" ? "both" : "split";
      if (what !== "both") {
        this.split();
      }
    } else if (this.mode === "both" || what === "both") {
      throw new RunnelError(`${what}: the output is read already, by ${this.mode === "both" ? "output()" : "stream"}`);
    }
    const lane = what === "both" ? this.all : this.lanes[what];
    if (lane.asked) {
      throw new RunnelError(`${what}: it is read already`);
    }
    if (lane.overflowed) {
      throw new RunnelError(`${what}: it was discarded, as more than ${this.window} bytes came before it was asked for`);
    }
    lane.asked = true;
    this.advance();
    return new OutputReader(this, lane);
  }

  split() {
    this.lanes = { stdout: new Lane("stdout"), stderr: new Lane("stderr") };
    while (!this.all.fifo.isEmpty) {
      const piece = this.all.fifo.shift();
      if (piece.gap === undefined) {
        this.lanes[piece.stream].fifo.push(piece);
      } else {
        Object.values(this.lanes).forEach((lane) => lane.fifo.push({ ...piece, stream: lane.name }));
      }
    }
  }

  /** Nobody may ever read it, but somebody waits for the end. */
  wait() {
    this.waited = true;
    this.bound(this.all);
    this.advance();
  }

  /** Nobody will: it is counted as it comes, and holds the command back no more. */
  discard() {
    for (const lane of new Set(Object.values(this.lanes))) {
      if (!lane.asked) {
        this.drop(lane);
        lane.overflowed = true;
      }
    }
    this.mode ??= "discard";
    this.advance();
  }
}

function outside(piece) {
  return { stream: piece.stream, offset: piece.offset, data: piece.data };
}

/** One reader, as an async iterator of `{stream, offset, data}`. */
class OutputReader {
  constructor(queue, lane) {
    this.queue = queue;
    this.lane = lane;
  }

  next() {
    const { queue, lane } = this;
    if (!lane.fifo.isEmpty) {
      const piece = lane.fifo.shift();
      if (piece.gap !== undefined) {
        this.cancel();
        return Promise.reject(new GapError(piece.offset, piece.gap));
      }
      queue.count(piece);
      queue.advance();
      return Promise.resolve({ done: false, value: outside(piece) });
    }
    if (lane.dropped) {
      return Promise.resolve(DONE);
    }
    if (queue.over) {
      return queue.error ? Promise.reject(queue.error) : Promise.resolve(DONE);
    }
    return new Promise((resolve, reject) => lane.waiters.push({ resolve, reject }));
  }

  return() {
    this.cancel();
    return Promise.resolve(DONE);
  }

  /** Reads no more: what comes is counted, and holds the command back no more. */
  cancel() {
    this.queue.drop(this.lane);
    this.lane.waiters.splice(0).forEach((w) => w.resolve(DONE));
    this.queue.advance();
  }

  [Symbol.asyncIterator]() {
    return this;
  }
}
