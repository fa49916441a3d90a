"""Answers that are no job's: one frame, or a list's several. PROTOCOL.md, sections 1, 4 and 5."""

from __future__ import annotations

import asyncio
from typing import List

from . import model, wire
from .errors import ProtocolError, Refused

#: What ends an answer, and what does not. PROTOCOL.md, section 4.
FINAL = {
    "started": False,
    "output": False,
    "gap": False,
    "stdin_ack": False,
    "stdin_closed": False,
    "exited": False,
    "resized": False,
    "end": True,
    "detached": True,
    "ok": True,
    "hello": True,
    "pong": True,
    "status": True,
    "error": True,
}


class Answer:
    """An answer of one frame, or a list's of several."""

    def __init__(self, expected: str, most: int = 0) -> None:
        self.expected = expected
        self.most = most
        self.statuses: List[model.Status] = []
        self.frames = 0
        self.future: "asyncio.Future[wire.Header]" = asyncio.get_running_loop().create_future()

    def take(self, kind: str, header: wire.Header, body: memoryview) -> bool:
        """Takes a frame; says whether it was the last. Raises ProtocolError: it is no answer."""
        if kind == "error":
            self.fail(refusal(header))
            return True
        if kind != self.expected:
            raise ProtocolError(f"{kind} is no answer (expected: {self.expected})")
        self.frames += 1
        if kind == "jobs":
            self.statuses += model.decode_statuses(bytes(body))
            if len(self.statuses) > self.most:
                raise ProtocolError(f"more than {self.most} statuses came")
        elif len(body):
            raise ProtocolError(f"{kind}: a body of {len(body)} bytes (expected: none)")
        final = bool(header["final"])
        if final and not self.future.done():
            self.future.set_result(header)
        return final

    def fail(self, error: Exception) -> None:
        """No answer comes any more."""
        if not self.future.done():
            self.future.set_exception(error)
            self.future.exception()  # It may be that nobody waits.


class Ignored:
    """An answer that nobody waits for: it is read to its end, and takes no memory."""

    def take(self, kind: str, header: wire.Header, body: memoryview) -> bool:
        """Takes a frame; says whether it was the last one."""
        return bool(header["final"])

    def fail(self, error: Exception) -> None:
        """No answer comes any more."""


def refusal(header: wire.Header) -> Refused:
    """The exception for an ``error`` frame."""
    return Refused(
        wire.string(header, "code"),
        wire.words(header, "message"),
        retry_after_ms=wire.optional_integer(header, "retry_after_ms"),
        job=wire.optional_string(header, "job"),
    )
