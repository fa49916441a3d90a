/** Bytes to frames and back, without I/O: PROTOCOL.md, section 1. */

import { DamagedError } from "./errors.js";
import { parseJson } from "./json.js";
import { utf8 } from "./text.js";

/** The longest header, in bytes. */
export const MAX_HEADER = 65_536;

/** The longest body, in bytes. */
export const MAX_BODY = 131_072;

const PREFIX = 4;
// A byte order mark is to be seen, and refused.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const EMPTY = new Uint8Array(0);

/**
 * A frame's length and header; the body is sent after it.
 *
 * @param {object} header without `total_size`
 * @param {number} bodyBytes
 * @returns {Uint8Array}
 * @throws {RangeError} if it is longer than a frame may be
 */
export function encodeHeader(header, bodyBytes = 0) {
  // By hand, as JSON.stringify of a copy would cost each acknowledgement twice.
  const keys = JSON.stringify(header);
  const size = `"total_size":${bodyBytes}}`;
  const text = keys === "{}" ? `{${size}` : `${keys.slice(0, -1)},${size}`;
  const bytes = utf8(text);
  if (bytes.length > MAX_HEADER) {
    throw new RangeError(`header: ${bytes.length} bytes (limit: ${MAX_HEADER})`);
  }
  if (bodyBytes > MAX_BODY) {
    throw new RangeError(`body: ${bodyBytes} bytes (limit: ${MAX_BODY})`);
  }
  const frame = new Uint8Array(PREFIX + bytes.length);
  new DataView(frame.buffer).setUint32(0, bytes.length, true);
  frame.set(bytes, PREFIX);
  return frame;
}

/**
 * Takes a stream of bytes apart, in pieces of any size. Bodies are handed on in slices of what
 * came, as it comes: nothing is put together here, and nothing but a header is kept.
 */
export class FrameDecoder {
  /**
   * @param {{
   *   frameHeader(header: object): void,
   *   frameBody(piece: Uint8Array): void,
   *   frameEnd(): void,
   * }} frames a frame begins, brings a part of its body, ends
   */
  constructor(frames) {
    this.frames = frames;
    // What has come of a length, or of a header, that is not whole.
    this.partial = EMPTY;
    this.headerBytes = -1;
    this.bodyLeft = -1;
    /** Set by whoever takes the frames: what follows is not looked at. */
    this.stopped = false;
  }

  /** Whether the stream may end here. */
  get isBetweenFrames() {
    return this.headerBytes < 0 && this.bodyLeft < 0 && this.partial.length === 0;
  }

  /**
   * @param {Uint8Array} chunk belongs to the decoder
   * @throws {DamagedError} what came is no frame
   */
  push(chunk) {
    let at = 0;
    const length = chunk.length;
    while (!this.stopped) {
      if (this.bodyLeft > 0) {
        const end = Math.min(length, at + this.bodyLeft);
        if (end === at) {
          return;
        }
        this.bodyLeft -= end - at;
        this.frames.frameBody(at === 0 && end === length ? chunk : chunk.subarray(at, end));
        at = end;
        if (this.bodyLeft > 0) {
          return;
        }
      }
      if (this.bodyLeft === 0) {
        this.bodyLeft = -1;
        this.frames.frameEnd();
        continue;
      }
      const wanted = this.headerBytes < 0 ? PREFIX : this.headerBytes;
      const missing = wanted - this.partial.length;
      if (length - at < missing) {
        this.keep(chunk.subarray(at), wanted);
        return;
      }
      let bytes = chunk.subarray(at, at + missing);
      at += missing;
      if (this.partial.length > 0) {
        this.keep(bytes, wanted);
        bytes = this.partial;
        this.partial = EMPTY;
      }
      if (this.headerBytes < 0) {
        this.headerBytes = lengthOf(bytes);
      } else {
        this.headerBytes = -1;
        const header = headerOf(bytes);
        this.bodyLeft = header.total_size;
        this.frames.frameHeader(header);
      }
    }
  }

  // Grows with what came, not with what was declared.
  keep(bytes, wanted) {
    if (bytes.length === 0) {
      return;
    }
    const old = this.partial;
    const kept = old.length + bytes.length;
    const room = old.buffer.byteLength >= kept ? old.buffer : new ArrayBuffer(Math.min(wanted, 2 * kept));
    const all = new Uint8Array(room, 0, kept);
    if (room !== old.buffer) {
      all.set(old);
    }
    all.set(bytes, old.length);
    this.partial = all;
  }
}

function lengthOf(bytes) {
  const length = (bytes[0] | (bytes[1] << 8) | (bytes[2] << 16) | (bytes[3] << 24)) >>> 0;
  if (length < 2 || length > MAX_HEADER) {
    throw new DamagedError(`header: ${length} bytes (expected: from 2 to ${MAX_HEADER})`);
  }
  return length;
}

function headerOf(bytes) {
  let header;
  try {
    header = parseJson(decoder.decode(bytes));
  } catch (e) {
    throw new DamagedError(`header: ${e.message}`, { cause: e });
  }
  if (header === null || typeof header !== "object" || Array.isArray(header)) {
    throw new DamagedError("header: not a JSON object");
  }
  const size = header.total_size;
  if (typeof size !== "number" || size < 0 || size > MAX_BODY) {
    throw new DamagedError(`total_size: ${size} (expected: from 0 to ${MAX_BODY})`);
  }
  return header;
}

/**
 * A body that is text: the array of a `jobs` frame.
 *
 * @param {Uint8Array} bytes
 */
export function parseBody(bytes) {
  try {
    return parseJson(decoder.decode(bytes));
  } catch (e) {
    throw new DamagedError(`body: ${e.message}`, { cause: e });
  }
}
