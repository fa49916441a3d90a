"""Bytes to lines, within a bound. No I/O."""

from __future__ import annotations

from typing import List


class LineSplitter:
    """Lines, each with its line feed; one longer than ``most`` bytes comes in pieces.

    Raises:
        ValueError: ``most`` is less than 1.
    """

    def __init__(self, most: int) -> None:
        if most < 1:
            raise ValueError(f"max_line_bytes: {most} (expected: >= 1)")
        self._most = most
        self._rest = b""

    def feed(self, data: bytes) -> List[bytes]:
        """The lines that are whole with that; what is left waits for more."""
        parts = (self._rest + data).split(b"\n")
        self._rest = parts.pop()
        lines = [part + b"\n" for part in parts]
        if len(self._rest) < self._most and all(len(line) <= self._most for line in lines):
            return lines
        pieces = [piece for line in lines for piece in self._pieces(line)]
        rest = self._pieces(self._rest)
        self._rest = rest.pop() if rest and len(rest[-1]) < self._most else b""
        return pieces + rest

    def rest(self) -> bytes:
        """What has no line feed after all."""
        rest, self._rest = self._rest, b""
        return rest

    def _pieces(self, line: bytes) -> List[bytes]:
        return [line[at : at + self._most] for at in range(0, len(line), self._most)]
