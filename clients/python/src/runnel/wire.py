"""Frames: bytes to headers and bodies, and back. No I/O. PROTOCOL.md, section 1.

What a server sends is held against the rules for frames before memory is taken for it; whatever is
wrong with it raises :class:`~runnel.errors.ProtocolError`.
"""

from __future__ import annotations

import json
import struct
from typing import Any, Callable, Dict, List, Optional, Tuple

from .errors import ProtocolError

MAX_HEADER = 65_536
MAX_BODY = 131_072
MAX_LEVELS = 32
MAX_INTEGER = (1 << 53) - 1
MAX_ID_BYTES = 64

Header = Dict[str, Any]

_LENGTH = struct.Struct("<I")


def encode(header: Header, body: bytes = b"") -> bytes:
    """One frame; ``total_size`` is added.

    Raises:
        ValueError: a string cannot be UTF-8, or one of the lengths is beyond its limit.
    """
    header["total_size"] = len(body)
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    if len(text) > MAX_HEADER:
        raise ValueError(f"header: {len(text)} bytes (limit: {MAX_HEADER})")
    if len(body) > MAX_BODY:
        raise ValueError(f"body: {len(body)} bytes (limit: {MAX_BODY})")
    return _LENGTH.pack(len(text)) + text + body


def _object(pairs: List[Tuple[str, Any]]) -> Header:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in an object")
    return found


def _integer(digits: str) -> Any:
    # Numbers that are not read may be any; as a float it is none where an integer is expected.
    return float(digits) if digits == "-0" or len(digits) > 20 else int(digits)


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


# A hook for each number costs as much as all the rest: it is for headers that may need it.
_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)
_CAREFUL = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer, parse_constant=_constant)
_LONG_HEADER = 2_048
_NO_BRACKETS = bytes(set(range(256)) - set(b"[{"))


def _levels(text: str) -> int:
    deepest = level = 0
    inside = escaped = False
    for char in text:
        if inside:
            if escaped:
                escaped = False
            elif char == "\\":
                escaped = True
            elif char == '"':
                inside = False
        elif char == '"':
            inside = True
        elif char in "[{":
            level += 1
            deepest = max(deepest, level)
        elif char in "]}":
            level -= 1
    return deepest


def decode_json(raw: bytes) -> Any:
    """Strict JSON: UTF-8, no key twice, at most 32 levels.

    Raises:
        ProtocolError: it is none.
    """
    try:
        text = raw.decode()
        if len(raw.translate(None, _NO_BRACKETS)) > MAX_LEVELS and _levels(text) > MAX_LEVELS:
            raise ValueError(f"more than {MAX_LEVELS} levels")
        careful = b"-0" in raw or len(raw) > _LONG_HEADER
        return (_CAREFUL if careful else _DECODER).decode(text)
    except ValueError as e:
        raise ProtocolError(f"what came is no JSON: {e}") from None


def decode_header(raw: bytes) -> Header:
    """A frame's header, with a ``total_size`` within its bounds, and an ``id`` that may be one.

    Raises:
        ProtocolError: it is wrong in the sense of PROTOCOL.md, section 1.
    """
    header = decode_json(raw)
    if type(header) is not dict:
        raise ProtocolError("a header is not one JSON object")
    size = integer(header, "total_size")
    if size > MAX_BODY:
        raise ProtocolError(f"body: {size} bytes (limit: {MAX_BODY})")
    if "id" in header and len(string(header, "id").encode()) > MAX_ID_BYTES:
        raise ProtocolError("an id is longer than 64 bytes")
    return header


def integer(header: Header, key: str, lowest: int = 0) -> int:
    """The integer of that key. Raises ProtocolError: there is none."""
    value = header.get(key)
    if type(value) is not int or not lowest <= value <= MAX_INTEGER:
        raise ProtocolError(f"{key}: {_shown(value)} (expected: an integer >= {lowest})")
    return value


def optional_integer(header: Header, key: str, lowest: int = 0) -> Optional[int]:
    """The same for a key that may be absent."""
    return integer(header, key, lowest) if key in header else None


def strings(header: Header, key: str) -> Dict[str, str]:
    """The strings under the names of that key's object; none: the key is absent."""
    value = header.get(key, {})
    if type(value) is not dict or not all(type(text) is str for text in value.values()):
        raise ProtocolError(f"{key}: {_shown(value)} (expected: an object of strings)")
    return dict(value)


def string(header: Header, key: str) -> str:
    """The string of that key. Raises ProtocolError: there is none."""
    value = header.get(key)
    if type(value) is not str:
        raise ProtocolError(f"{key}: {_shown(value)} (expected: a string)")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ProtocolError(f"{key}: half of a surrogate pair") from None
    return value


def optional_string(header: Header, key: str) -> Optional[str]:
    """The same for a key that may be absent."""
    return string(header, key) if key in header else None


def words(header: Header, key: str) -> str:
    """A string for people, without what would control their terminal."""
    text = string(header, key)
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)


def flag(header: Header, key: str) -> bool:
    """True or false; absent is false. Raises ProtocolError: it is neither."""
    value = header.get(key, False)
    if type(value) is not bool:
        raise ProtocolError(f"{key}: {_shown(value)} (expected: true or false)")
    return value


def _shown(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= 80 else text[:77] + "..."


class FrameDecoder:
    """Bytes to frames, in a buffer of a fixed size that a socket is read into.

    Args:
        take: called with each frame; the body is valid during the call alone.
    """

    CAPACITY = 512 * 1024
    _LEAST_FREE = 128 * 1024

    def __init__(self, take: Callable[[Header, memoryview], None]) -> None:
        self._take = take
        self._view = memoryview(bytearray(self.CAPACITY))
        self._start = 0
        self._end = 0
        self._header: Optional[Header] = None
        self._size = 0

    def buffer(self) -> memoryview:
        """Where the next bytes go; never empty."""
        if self.CAPACITY - self._end < self._LEAST_FREE:
            # A frame and less is left: what is moved is bounded, and was paid for by as many bytes.
            rest = self._end - self._start
            self._view[:rest] = self._view[self._start : self._end]
            self._start, self._end = 0, rest
        return self._view[self._end :]

    def received(self, count: int) -> None:
        """So many bytes were put there. Raises ProtocolError: they are no frames."""
        view, start, end = self._view, self._start, self._end + count
        self._end = end
        while True:
            if self._header is None:
                if end - start < 4:
                    break
                (length,) = _LENGTH.unpack_from(view, start)
                if not 2 <= length <= MAX_HEADER:
                    raise ProtocolError(f"header: {length} bytes (expected: 2 to {MAX_HEADER})")
                body = start + 4 + length
                if end < body:
                    break
                self._header = decode_header(bytes(view[start + 4 : body]))
                self._size = self._header["total_size"]
                start = self._start = body
            if end - start < self._size:
                break
            header, self._header = self._header, None
            body = start
            start = self._start = start + self._size
            self._take(header, view[body:start])
        if start == end:
            self._start = self._end = 0

    def is_between_frames(self) -> bool:
        """Whether nothing of a frame is there that is not whole."""
        return self._header is None and self._start == self._end
