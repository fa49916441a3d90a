/**
 * A strict reader of JSON, as PROTOCOL.md, section 1, wants headers read: JSON.parse takes a key
 * that stands twice, and `6.0` where an integer is expected.
 */

const MAX_DEPTH = 32;
const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;

/** A number that is no integer in the protocol's sense; its text is what it was. */
export class OtherNumber {
  constructor(text) {
    this.text = text;
  }

  toString() {
    return this.text;
  }
}

/**
 * Reads one value and nothing else. Objects have no prototype, so that any key may be asked for.
 *
 * @param {string} text
 * @throws {SyntaxError}
 */
export function parseJson(text) {
  const reader = new Reader(text);
  const value = reader.value(1);
  reader.space();
  if (reader.at < text.length) {
    reader.fail();
  }
  return value;
}

class Reader {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  fail() {
    const found = this.at < this.text.length ? JSON.stringify(this.text[this.at]) : "the end";
    throw new SyntaxError(`not JSON: ${found} at character ${this.at}`);
  }

  space() {
    for (;;) {
      const c = this.text.charCodeAt(this.at);
      if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) {
        return;
      }
      this.at++;
    }
  }

  value(depth) {
    this.space();
    switch (this.text.charCodeAt(this.at)) {
      case 0x7b:
        return this.object(depth);
      case 0x5b:
        return this.array(depth);
      case 0x22:
        return this.string();
      case 0x74:
        return this.word("true", true);
      case 0x66:
        return this.word("false", false);
      case 0x6e:
        return this.word("null", null);
      default:
        return this.number();
    }
  }

  word(text, value) {
    if (!this.text.startsWith(text, this.at)) {
      this.fail();
    }
    this.at += text.length;
    return value;
  }

  number() {
    NUMBER.lastIndex = this.at;
    const found = NUMBER.exec(this.text);
    if (found === null) {
      this.fail();
    }
    this.at = NUMBER.lastIndex;
    const number = Number(found[0]);
    const isInteger = found[1] === undefined && found[2] === undefined && found[0] !== "-0";
    return isInteger && Number.isSafeInteger(number) ? number : new OtherNumber(found[0]);
  }

  string() {
    const begin = this.at + 1;
    let escaped = false;
    for (let i = begin; ; i++) {
      const c = this.text.charCodeAt(i);
      if (c === 0x22) {
        this.at = i + 1;
        return escaped ? this.unescape(begin - 1, i + 1) : this.text.slice(begin, i);
      }
      if (c === 0x5c) {
        escaped = true;
        i++;
      } else if (!(c >= 0x20)) {
        this.at = i;
        this.fail();
      }
    }
  }

  unescape(from, to) {
    try {
      return JSON.parse(this.text.slice(from, to));
    } catch {
      this.at = from;
      return this.fail();
    }
  }

  array(depth) {
    this.enter(depth);
    const values = [];
    this.space();
    if (this.text.charCodeAt(this.at) === 0x5d) {
      this.at++;
      return values;
    }
    for (;;) {
      values.push(this.value(depth + 1));
      if (this.goesOn(0x5d)) {
        continue;
      }
      return values;
    }
  }

  object(depth) {
    this.enter(depth);
    const object = Object.create(null);
    this.space();
    if (this.text.charCodeAt(this.at) === 0x7d) {
      this.at++;
      return object;
    }
    for (;;) {
      this.space();
      if (this.text.charCodeAt(this.at) !== 0x22) {
        this.fail();
      }
      const key = this.string();
      if (key in object) {
        throw new SyntaxError(`the key ${JSON.stringify(key)} stands twice`);
      }
      this.space();
      if (this.text.charCodeAt(this.at) !== 0x3a) {
        this.fail();
      }
      this.at++;
      object[key] = this.value(depth + 1);
      if (!this.goesOn(0x7d)) {
        return object;
      }
    }
  }

  enter(depth) {
    if (depth > MAX_DEPTH) {
      throw new SyntaxError(`more than ${MAX_DEPTH} levels`);
    }
    this.at++;
  }

  // After a value: whether another one follows, or the end of what it is in.
  goesOn(close) {
    this.space();
    const c = this.text.charCodeAt(this.at);
    if (c !== 0x2c && c !== close) {
      this.fail();
    }
    this.at++;
    return c === 0x2c;
  }
}
