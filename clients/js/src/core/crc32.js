/** zlib's CRC-32 where the platform has none: 16 bytes a step by tables. */

const POLYNOMIAL = 0xedb88320;
const STEP = 16;
let tables;

function makeTables() {
  const all = new Int32Array(STEP * 256);
  for (let n = 0; n < 256; n++) {
    let c = n;
    for (let k = 0; k < 8; k++) {
      c = c & 1 ? (c >>> 1) ^ POLYNOMIAL : c >>> 1;
    }
    all[n] = c;
  }
  for (let i = 256; i < STEP * 256; i++) {
    const before = all[i - 256];
    all[i] = (before >>> 8) ^ all[before & 0xff];
  }
  return all;
}

/**
 * @param {Uint8Array} data
 * @param {number} [before] of all that came before; 0 at first
 * @returns {number} unsigned
 */
export function crc32(data, before = 0) {
  const t = (tables ??= makeTables());
  let c = ~before;
  let i = 0;
  for (const last = data.length - STEP; i <= last; i += STEP) {
    c ^= data[i] | (data[i + 1] << 8) | (data[i + 2] << 16) | (data[i + 3] << 24);
    c =
      t[3840 + (c & 0xff)] ^
      t[3584 + ((c >>> 8) & 0xff)] ^
      t[3328 + ((c >>> 16) & 0xff)] ^
      t[3072 + (c >>> 24)] ^
      t[2816 + data[i + 4]] ^
      t[2560 + data[i + 5]] ^
      t[2304 + data[i + 6]] ^
      t[2048 + data[i + 7]] ^
      t[1792 + data[i + 8]] ^
      t[1536 + data[i + 9]] ^
      t[1280 + data[i + 10]] ^
      t[1024 + data[i + 11]] ^
      t[768 + data[i + 12]] ^
      t[512 + data[i + 13]] ^
      t[256 + data[i + 14]] ^
      t[data[i + 15]];
  }
  for (; i < data.length; i++) {
    c = (c >>> 8) ^ t[(c ^ data[i]) & 0xff];
  }
  return ~c >>> 0;
}
