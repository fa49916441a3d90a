/**
 * One connection: frames in and out, answers to those who asked. PROTOCOL.md, sections 1 and 2.
 * It ends once, by `lost`, whatever ended it.
 */

import { DamagedError, OutcomeUnknownError, RefusedError, UnreachableError } from "./errors.js";
import { readEvent } from "./events.js";
import { encodeHeader, FrameDecoder } from "./frames.js";

/** So much that the transport has not taken is enough for what can wait. */
const MUCH_UNSENT_BYTES = 262_144;

/** Beats without a byte after which the connection counts as lost: PROTOCOL.md, section 2. */
const MAX_SILENT_BEATS = 3;

/** The range of `heartbeat_ms`, in milliseconds. */
const MIN_BEAT_MS = 1_000;
const MAX_BEAT_MS = 3_600_000;

const PING_ID = "ping";

/**
 * @typedef {object} Asker who waits for an answer
 * @property {(event: object, body: Uint8Array[] | undefined) => void} take
 * @property {(event: object) => void} [outputBegins] an output frame begins
 * @property {(stream: string, data: Uint8Array) => void} [outputData]
 * @property {(why: Error) => void} [refused] no answer comes, as the connection ended
 */

export class Connection {
  /**
   * @param {{token?: string, heartbeatMs: number}} options
   * @param {(connection: Connection, why: Error) => void} lost called once, if it had been opened
   */
  constructor(options, lost) {
    this.options = options;
    this.onLost = lost;
    this.link = undefined;
    this.hello = undefined;
    this.askers = new Map();
    this.ids = 0;
    this.decoder = new FrameDecoder(this);
    this.reads = 0;
    this.ended = undefined;
    this.beat = undefined;
    this.later = new Set();
    this.isDeferred = false;
    // Of the frame that is under way.
    this.event = undefined;
    this.asker = undefined;
    this.body = undefined;
  }

  /**
   * Connects and says hello.
   *
   * @param {{open(events: object, signal: AbortSignal): Promise<object>}} transport
   * @param {number} timeoutMs for all of it, in milliseconds
   * @returns {Promise<Connection>}
   * @throws {UnreachableError | RefusedError | DamagedError}
   */
  async open(transport, timeoutMs) {
    const tooLong = new AbortController();
    const timer = setTimeout(() => {
      const why = new UnreachableError(`${transport.name}: no answer within ${timeoutMs} ms`);
      tooLong.abort(why);
      this.end(why);
    }, timeoutMs);
    try {
      this.link = await transport.open(this, tooLong.signal);
      if (this.ended) {
        this.link.close();
        throw this.ended;
      }
      this.hello = await this.greet();
      this.watch();
      return this;
    } catch (e) {
      this.end(e);
      throw e;
    } finally {
      clearTimeout(timer);
    }
  }

  greet() {
    const header = { type: "hello", id: "hello", version: 1 };
    if (this.options.token !== undefined) {
      header.token = this.options.token;
    }
    if (this.options.heartbeatMs > 0) {
      header.heartbeat_ms = Math.min(MAX_BEAT_MS, Math.max(MIN_BEAT_MS, Math.round(this.options.heartbeatMs)));
    }
    return new Promise((resolve, reject) => {
      this.askers.set("hello", {
        take: (event) => {
          if (event.type === "hello" && event.version === 1) {
            resolve(event);
          } else if (event.type === "error") {
            reject(new RefusedError(event.code, `${event.code}: ${event.message}`, event));
          } else {
            reject(new DamagedError(`hello was answered with ${event.type} ${event.version ?? ""}`));
          }
        },
        refused: reject,
      });
      this.send(header);
    });
  }

  // --- out ----------------------------------------------------------------------------------------

  /**
   * Sends a request.
   *
   * @param {object} header without `id` and `total_size`
   * @param {Uint8Array | undefined} body
   * @param {Asker} asker
   * @returns {string} its id
   */
  request(header, body, asker) {
    const id = (this.ids++).toString(36);
    // The type first, for people who read along.
    const { type, ...keys } = header;
    const frame = encodeHeader({ type, id, ...keys }, body?.length);
    this.askers.set(id, asker);
    this.sendFrame(frame, body);
    return id;
  }

  /** Sends a frame that gets no answer, or one that is awaited otherwise. */
  send(header, body) {
    this.sendFrame(encodeHeader(header, body?.length), body);
  }

  sendFrame(frame, body) {
    if (this.ended === undefined && this.link !== undefined) {
      this.link.send(body === undefined ? [frame] : [frame, body]);
    }
  }

  /**
   * Calls it when what is being read was handed on and the transport can take more, once however
   * often it was asked for until then.
   */
  defer(action) {
    this.later.add(action);
    if (!this.isDeferred && this.ended === undefined) {
      this.isDeferred = true;
      this.link.defer(() => this.runDeferred());
    }
  }

  runDeferred() {
    this.isDeferred = false;
    if (this.ended !== undefined || this.link.buffered > MUCH_UNSENT_BYTES) {
      return; // drain() comes back to it.
    }
    const actions = [...this.later];
    this.later.clear();
    for (const action of actions) {
      action();
    }
  }

  // --- in, from the transport ---------------------------------------------------------------------

  data(chunk) {
    if (this.ended !== undefined) {
      return;
    }
    this.reads++;
    try {
      this.decoder.push(chunk);
    } catch (e) {
      this.end(e instanceof DamagedError ? e : new DamagedError(`a frame could not be read: ${e.message}`, { cause: e }));
    }
  }

  drain() {
    if (this.later.size > 0 && !this.isDeferred && this.ended === undefined) {
      this.runDeferred();
    }
  }

  /** @param {string} why */
  closed(why) {
    const cut = this.decoder.isBetweenFrames ? "" : " in the middle of a frame";
    this.end(new UnreachableError(`the connection ended${cut}${why ? `: ${why}` : ""}`));
  }

  // --- in, from the decoder -----------------------------------------------------------------------

  frameHeader(header) {
    const event = readEvent(header);
    this.event = event;
    this.asker = event.id === undefined ? undefined : this.askers.get(event.id);
    if (this.asker === undefined && event.type !== "" && event.type !== "ping") {
      if (event.type !== "error" || event.id !== undefined) {
        throw new DamagedError(`${event.type}: an answer to ${JSON.stringify(event.id) ?? "a request without id"}, which is not asked`);
      }
    }
    if (event.type === "output") {
      if (this.asker.outputBegins === undefined) {
        throw new DamagedError("output of what was not to be followed");
      }
      this.asker.outputBegins(event);
    } else if (event.type === "jobs") {
      this.body = [];
    }
  }

  frameBody(piece) {
    if (this.event.type === "output") {
      this.asker.outputData(this.event.stream, piece);
    } else if (this.body !== undefined) {
      this.body.push(piece);
    }
  }

  frameEnd() {
    const { event, asker, body } = this;
    this.event = this.asker = this.body = undefined;
    if (event.type === "output" || event.type === "") {
      return;
    }
    if (event.type === "ping") {
      // One that does not read gets no pile of answers.
      if (this.link.buffered < MUCH_UNSENT_BYTES) {
        this.send({ type: "pong" });
      }
      return;
    }
    if (asker !== undefined) {
      // Forgotten afterwards: if it does not believe this, it is told of the end of it all.
      asker.take(event, body);
      if (event.final) {
        this.askers.delete(event.id);
      }
    }
    if (event.type === "error" && (event.close || event.id === undefined)) {
      this.end(new RefusedError(event.code, `${event.code}: ${event.message}`, event));
    }
  }

  // --- the end ------------------------------------------------------------------------------------

  // What says nothing for three beats is gone. Counted in beats, not in time: while this process is
  // stopped, or busy, none passes.
  watch() {
    const every = this.options.heartbeatMs;
    if (!(every > 0)) {
      return;
    }
    let reads = -1;
    let silent = 0;
    this.beat = setInterval(() => {
      silent = this.reads === reads ? silent + 1 : 0;
      reads = this.reads;
      if (silent >= MAX_SILENT_BEATS) {
        this.end(new UnreachableError(`nothing was heard for ${MAX_SILENT_BEATS * every} ms`));
      } else if (silent > 0 && !this.askers.has(PING_ID)) {
        this.askers.set(PING_ID, { take() {} });
        this.send({ type: "ping", id: PING_ID });
      }
    }, every);
    this.beat.unref?.();
  }

  /** Ends it, for that reason; all who wait are told. */
  end(why) {
    if (this.ended !== undefined) {
      return;
    }
    this.ended = why;
    this.decoder.stopped = true;
    clearInterval(this.beat);
    this.later.clear();
    this.link?.close();
    const askers = [...this.askers.values()];
    this.askers.clear();
    for (const asker of askers) {
      asker.refused?.(why);
    }
    if (this.hello !== undefined) {
      this.onLost(this, why);
    }
  }

  /**
   * Asks for one thing, whose answer is one frame or, as of `jobs`, many.
   *
   * @param {object} header
   * @param {string} expected the type of the answer
   * @param {number} timeoutMs without a frame, in milliseconds
   * @param {(body: Uint8Array[]) => void} [part] takes each body of `jobs`
   * @returns {Promise<object>} the last event
   */
  ask(header, expected, timeoutMs, part) {
    return new Promise((resolve, reject) => {
      let timer;
      const wait = () => {
        clearTimeout(timer);
        timer = setTimeout(() => {
          this.end(new UnreachableError(`no answer to ${header.type} within ${timeoutMs} ms`));
        }, timeoutMs);
      };
      wait();
      this.request(header, undefined, {
        take: (event, body) => {
          if (event.type === "error") {
            clearTimeout(timer);
            reject(new RefusedError(event.code, `${event.code}: ${event.message}`, event));
            return;
          }
          if (event.type !== expected) {
            throw new DamagedError(`${header.type} was answered with ${event.type}`);
          }
          part?.(body);
          if (event.final) {
            clearTimeout(timer);
            resolve(event);
          } else {
            wait();
          }
        },
        refused: (why) => {
          clearTimeout(timer);
          reject(why instanceof DamagedError ? why : unanswered(header, why));
        },
      });
    });
  }
}

function unanswered({ type, job }, why) {
  return new OutcomeUnknownError(`${type}: no answer came: ${why.message}`, { job, cause: why });
}
