import assert from "node:assert/strict";
import { test } from "node:test";
import * as zlib from "node:zlib";

import { crc32 } from "../src/core/crc32.js";
import { encodeHeader, FrameDecoder } from "../src/core/frames.js";
import { OtherNumber, parseJson } from "../src/core/json.js";
import { frame, random } from "./helpers.js";

function decodeAll(chunks) {
  const seen = [];
  let bodies = [];
  const decoder = new FrameDecoder({
    frameHeader: (header) => {
      seen.push({ ...header });
      bodies = [];
    },
    frameBody: (piece) => bodies.push(Buffer.from(piece)),
    frameEnd: () => (seen[seen.length - 1].body = Buffer.concat(bodies).toString()),
  });
  chunks.forEach((chunk) => decoder.push(chunk));
  return { seen, decoder };
}

const stream = Buffer.concat([
  frame({ type: "a" }, "x".repeat(300)),
  frame({ type: "bé" }),
  frame({ type: "c" }, "yz"),
]);

test("frames are the same whatever the chunking", () => {
  const whole = decodeAll([stream]).seen;
  assert.equal(whole.length, 3);
  assert.equal(whole[0].body, "x".repeat(300));
  for (let size = 1; size <= stream.length; size++) {
    const chunks = [];
    for (let i = 0; i < stream.length; i += size) {
      chunks.push(stream.subarray(i, i + size));
    }
    const { seen, decoder } = decodeAll(chunks);
    assert.deepEqual(seen, whole, `chunks of ${size}`);
    assert.ok(decoder.isBetweenFrames);
  }
});

test("an end of the stream in the middle of a frame is noticed at every byte", () => {
  const one = frame({ type: "a" }, "12");
  for (let i = 1; i < one.length; i++) {
    assert.ok(!decodeAll([one.subarray(0, i)]).decoder.isBetweenFrames, `after ${i} bytes`);
  }
});

test("lengths are checked before anything is kept", () => {
  for (const length of [0, 1, 65_537, 0x7fffffff, 0xffffffff]) {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(length);
    assert.throws(() => decodeAll([bytes]), { name: "DamagedError" }, `length ${length}`);
  }
  for (const size of ["-1", "131073", "9007199254740992", "1.0", "1e1", "-0", '"1"', "null"]) {
    assert.throws(() => decodeAll([frame(`{"total_size":${size}}`)]), { name: "DamagedError" }, size);
  }
  assert.throws(() => decodeAll([frame(`{"type":"x"}`)]), { name: "DamagedError" });
});

test("a header is written as short as it may be, and never too long", () => {
  assert.equal(Buffer.from(encodeHeader({}, 6)).toString("latin1", 4), '{"total_size":6}');
  assert.equal(Buffer.from(encodeHeader({ type: "ping" })).toString("latin1", 4), '{"type":"ping","total_size":0}');
  assert.throws(() => encodeHeader({ x: "x".repeat(65_536) }), RangeError);
  assert.throws(() => encodeHeader({}, 131_073), RangeError);
});

test("JSON is read strictly", () => {
  for (const text of [
    "", "{", "{}x", "[1,]", "{,}", '{"a":1,}', '{"a"1}', "{a:1}", "01", "+1", ".5", "1.", "1e", "nul", "tru",
    "'a'", '"a', '"\n"', '"\\x"', '"\\u12"', "[", "[1 2]", '{"a":1,"a":2}', '{"a":1,"\\u0061":2}',
    "\ufeff{}", "NaN", "Infinity", "undefined", '{"a":{"b":1,"b":1}}',
  ]) {
    assert.throws(() => parseJson(text), SyntaxError, text);
  }
  assert.throws(() => parseJson("[".repeat(33) + "]".repeat(33)), SyntaxError);
  parseJson("[".repeat(32) + "]".repeat(32));
});

test("JSON is read as JSON.parse reads it", () => {
  for (const text of [
    "{}", "[]", ' { "a" : [ 1 , -2 , true , false , null , "x\\n\\u00e9\\ud83d\\ude00" ] } ', '"\\"\\\\\\/"', "0",
    '{"__proto__":1,"constructor":{"toString":[]}}',
  ]) {
    assert.equal(JSON.stringify(parseJson(text)), JSON.stringify(JSON.parse(text)));
  }
});

test("a number that is no integer of the protocol is none", () => {
  for (const text of ["1.0", "1e0", "-0", "9007199254740992", "-9007199254740992", "1e400"]) {
    assert.ok(parseJson(text) instanceof OtherNumber, text);
  }
  assert.equal(parseJson("9007199254740991"), Number.MAX_SAFE_INTEGER);
});

test("our checksum is zlib's, at every length and in every piece", { skip: !zlib.crc32 && "no zlib.crc32" }, () => {
  const next = random(7);
  for (let length = 0; length < 100; length++) {
    const data = Buffer.from(Array.from({ length }, () => next(256)));
    assert.equal(crc32(data), zlib.crc32(data));
    const cut = next(length + 1);
    assert.equal(crc32(data.subarray(cut), crc32(data.subarray(0, cut))), zlib.crc32(data));
  }
  assert.equal(crc32(Buffer.from("123456789")), 0xcbf43926);
});

test("random bytes never do anything but end the stream", () => {
  const next = random(11);
  for (let i = 0; i < 2_000; i++) {
    const bytes = Buffer.from(stream);
    for (let n = next(4) + 1; n > 0; n--) {
      bytes[next(bytes.length)] = next(256);
    }
    try {
      decodeAll([bytes]);
    } catch (e) {
      assert.equal(e.name, "DamagedError", e.stack);
    }
  }
});
