"""What came of a job's output and waits to be read; whether it is what the process wrote. No I/O.

PROTOCOL.md, sections 4 and 6.
"""

from __future__ import annotations

import zlib
from collections import deque
from typing import Callable, Deque, Dict, List, Optional, Tuple, Union

from . import wire
from .errors import ProtocolError
from .model import STREAMS, Chunk, End, StreamTotal

#: However large the window: a server short of memory promises a log no more than 64 KiB.
_MAX_UNACKED = 32 * 1024

#: Small pieces are joined while they wait, so that each does not take an object of its own.
_JOIN_BELOW = 4096
_JOINED_MAX = 65_536

_MAX_GAPS = 64

Sink = Callable[[memoryview], None]


class _Piece:
    """Bytes that wait, and where the first of them stands in the log."""

    __slots__ = ("offset", "data")

    def __init__(self, offset: int, data: Union[bytes, bytearray]) -> None:
        self.offset = offset
        self.data = data


class _Stream:
    """One of a job's streams: what waits, and the counts of what was consumed."""

    __slots__ = ("pieces", "bytes", "crc32", "position", "sink")

    def __init__(self) -> None:
        self.pieces: Deque[_Piece] = deque()
        self.bytes = 0
        self.crc32 = 0
        #: The log offset after the last byte of this stream that was consumed.
        self.position = 0
        self.sink: Optional[Sink] = None

    def consume(self, data: Union[bytes, bytearray, memoryview], offset: int) -> None:
        self.bytes += len(data)
        self.crc32 = zlib.crc32(data, self.crc32)
        self.position = offset + len(data)

    def enqueue(self, offset: int, body: memoryview) -> None:
        if self.pieces and len(body) < _JOIN_BELOW:
            last = self.pieces[-1]
            if last.offset + len(last.data) == offset and len(last.data) < _JOINED_MAX:
                if isinstance(last.data, bytes):
                    last.data = bytearray(last.data)
                last.data += body
                return
        self.pieces.append(_Piece(offset, bytes(body)))

    def total(self) -> StreamTotal:
        """What was consumed, and what waits to be."""
        count, crc = self.bytes, self.crc32
        for piece in self.pieces:
            count += len(piece.data)
            crc = zlib.crc32(piece.data, crc)
        return StreamTotal(count, crc)


class OutputBuffer:
    """A job's output within a credit.

    Args:
        start: the log offset at which it begins.
        window: how many bytes beyond the last acknowledgement may come.
    """

    def __init__(self, start: int, window: int) -> None:
        self._streams: Dict[str, _Stream] = {name: _Stream() for name in STREAMS}
        self._window = window
        self._whole = start == 0
        self._acked = start
        self._gap_bytes = 0
        # Those above what was acknowledged: where each ends, and how long it is.
        self._gaps: Deque[Tuple[int, int]] = deque()
        #: The log offset after the last byte or gap that came.
        self.received = start
        #: How many bytes wait.
        self.unread = 0

    def begin(self, offset: int) -> None:
        """Output begins there, for the first time."""
        self._whole = offset == 0
        self.received = self._acked = offset
        for stream in self._streams.values():
            stream.position = offset

    def rewind(self) -> int:
        """Drops what waits, as it comes again over another connection; returns from where on.

        So cuts never leave more waiting than the window.
        """
        self.received = self._acked = self.consumed()
        for stream in self._streams.values():
            stream.pieces.clear()
        self.unread = 0
        self._gap_bytes = 0
        self._gaps.clear()
        return self.received

    def add(self, name: object, offset: int, body: memoryview) -> bool:
        """Takes what came; says whether it waits for a reader. Raises ProtocolError: it lies."""
        stream = self._streams.get(name) if isinstance(name, str) else None
        if stream is None:
            raise ProtocolError("stream: neither stdout nor stderr")
        if offset != self.received:
            raise ProtocolError(f"output at offset {offset} (expected: {self.received})")
        size = len(body)
        self.received = offset + size
        unacked = self.received - self._acked - sum(gap[1] for gap in self._gaps)
        if unacked > self._window or self.received > wire.MAX_INTEGER:
            raise ProtocolError(
                f"output beyond the credit: {unacked} bytes (limit: {self._window})"
            )
        if offset < stream.position:
            # Consumed before the connection was lost, while the other stream was not.
            body = body[min(size, stream.position - offset) :]
            offset = self.received - len(body)
        if not len(body):
            return False
        if stream.sink is not None:
            stream.consume(body, offset)
            stream.sink(body)
            return False
        self.unread += len(body)
        stream.enqueue(offset, body)
        return True

    def skip(self, start: int, stop: int) -> None:
        """Takes note of a gap. Raises ProtocolError: there can be none."""
        if start != self.received or stop <= start:
            raise ProtocolError(f"gap: {start} to {stop} (expected: from {self.received} on)")
        self.received = stop
        self._whole = False
        self._gap_bytes += stop - start
        size = stop - start
        if len(self._gaps) == _MAX_GAPS:
            size += self._gaps.pop()[1]
        self._gaps.append((stop, size))

    def pop(self, streams: Tuple[str, ...]) -> Optional[Chunk]:
        """The first of what waits of those streams; it is consumed with that."""
        name = first = None
        for candidate in streams:
            pieces = self._streams[candidate].pieces
            if pieces and (first is None or pieces[0].offset < first.offset):
                name, first = candidate, pieces[0]
        if name is None or first is None:
            return None
        stream = self._streams[name]
        stream.pieces.popleft()
        self.unread -= len(first.data)
        stream.consume(first.data, first.offset)
        return Chunk(name, bytes(first.data), first.offset)

    def hand_to(self, name: str, sink: Sink) -> None:
        """What waits of that stream, and what comes, is consumed by a function."""
        stream = self._streams[name]
        stream.sink = sink
        while stream.pieces:
            piece = stream.pieces.popleft()
            self.unread -= len(piece.data)
            stream.consume(piece.data, piece.offset)
            sink(memoryview(piece.data))

    def consumed(self) -> int:
        """The log offset below which all was consumed."""
        waiting = [s.pieces[0].offset for s in self._streams.values() if s.pieces]
        return min(waiting) if waiting else self.received

    def next_ack(self) -> Optional[int]:
        """The offset to acknowledge now, if there is enough to acknowledge."""
        consumed = self.consumed()
        if consumed - self._acked < min(_MAX_UNACKED, self._window // 4):
            return None
        self._acked = consumed
        while self._gaps and self._gaps[0][0] <= consumed:
            self._gaps.popleft()
        return consumed

    def damage(self, end: End) -> Optional[str]:
        """In what all this differs from what the end counts; None: in nothing.

        Checksums are over whole streams: of a part only offsets can be compared.
        """
        if end.gap_bytes != self._gap_bytes:
            return f"{self._gap_bytes} bytes of gaps came (the server counted: {end.gap_bytes})"
        if self.received != end.output_bytes and (not self._whole or end.outcome != "lost"):
            return (
                f"output ended at offset {self.received} (the server counted: {end.output_bytes})"
            )
        differences: List[str] = []
        for name in STREAMS if self._whole else ():
            mine, theirs = self._streams[name].total(), end.total(name)
            if mine != theirs:
                differences.append(
                    f"{name}: {mine.bytes} bytes, CRC-32 {mine.crc32}"
                    f" (the server counted: {theirs.bytes}, {theirs.crc32})"
                )
        return "; ".join(differences) or None
