"""How a job is followed: over a connection, and over the next one when that is lost.

What comes is held against what was asked, what came before, and the end's counts; nothing that does
not fit is handed on as success. On the event loop's thread. PROTOCOL.md, sections 4 and 6.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Callable, List, Optional, Protocol, Tuple

from . import errors, model, wire
from .errors import ProtocolError
from .model import STREAMS, Chunk, End, Gap
from .output import OutputBuffer, Sink
from .spec import Opening
from .stdin import Stdin

_LOG = logging.getLogger("runnel")

#: After so long a consumer that reads nothing may have been forgotten.
_UNREAD_SECONDS = 10.0

#: So long a request may have been under way over a connection that was lost.
_LATE_SECONDS = 10.0

OnGap = Callable[[Gap], None]


class Notices(Protocol):
    """What a follow sends meanwhile; it is dropped while there is no connection."""

    def send_ack(self, follow_id: str, offset: int) -> None:
        """All output below that offset was consumed."""

    def send_stdin(self, job: str, offset: int, data: bytes, eof: bool) -> None:
        """Bytes for the process."""


def _ignore(_: memoryview) -> None:
    pass


class Follow:
    """One follower of one job. Owned by its link, which tells it what comes."""

    def __init__(self, notices: Notices, opening: Opening, on_gap: Optional[OnGap]) -> None:
        self._notices = notices
        self._on_gap = on_gap
        self._output = OutputBuffer(opening.start or 0, opening.window)
        self._following = False
        self._boot_asked: Optional[str] = None
        self._gap_told = 0
        self._stdin_is_shared = False
        self._came_back: Optional[float] = None
        self._exited: Optional[Tuple[Optional[int], Optional[str]]] = None
        self._started_event = asyncio.Event()
        self._over_event = asyncio.Event()
        self._waiting: List[asyncio.Future[None]] = []
        self._flushing = False
        self._unread_watch: Optional[asyncio.TimerHandle] = None
        self._warned = False
        self.opening = opening
        self.name = opening.job
        self.node: Optional[str] = None
        self.boot: Optional[str] = None
        self.pid: Optional[int] = None
        self.terminal_size: Optional[Tuple[int, int]] = None
        self.existing = False
        #: Whether the server told of the job's start.
        self.has_begun = False
        self.stdin: Optional[Stdin] = None
        if opening.stdin:
            self.stdin = Stdin(self._send_stdin, is_ours=opening.is_run)
        self.end: Optional[End] = None
        self.error: Optional[Exception] = None
        #: The id of the request by which it is followed now.
        self.request_id = ""
        #: Whether nobody waits for it any more: it is followed only until its end.
        self.dismissed = False
        #: How often its connection was lost.
        self.cuts = 0
        #: When the outage that goes on began to count, in the loop's seconds; None: there is none.
        self.outage_since: Optional[float] = None
        #: How far it had come when the connection was lost last.
        self.reached_before = -1

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes of it."""
        return self._over_event.is_set()

    # --- for its job

    async def started(self) -> None:
        """Waits for the start, or for what comes instead."""
        await self._started_event.wait()

    async def over(self) -> None:
        """Waits until nothing more comes."""
        await self._over_event.wait()

    def consumed(self) -> int:
        """The log offset below which all was consumed."""
        return self._output.consumed()

    def pop(self, streams: Tuple[str, ...]) -> Optional[Chunk]:
        """The first of what waits of those streams; it is consumed with that."""
        chunk = self._output.pop(streams)
        if chunk is not None:
            self._flush_soon()
        return chunk

    async def more(self) -> None:
        """Waits until there may be more to read."""
        future: "asyncio.Future[None]" = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            await future
        finally:
            if future.cancelled():
                self._waiting = [other for other in self._waiting if other is not future]

    def hand_to(self, stream: str, sink: Sink) -> None:
        """A stream is consumed by a function as it comes."""
        self._output.hand_to(stream, sink)
        self._flush_soon()

    def discard(self, streams: Tuple[str, ...]) -> None:
        """Streams are checked, and thrown away."""
        for stream in streams:
            self.hand_to(stream, _ignore)

    # --- for its link

    def dismiss(self) -> None:
        """Nobody waits for it any more. Idempotent."""
        if not self.dismissed and not self.is_over:
            self.dismissed = True
            self.discard(STREAMS)
            if self.stdin is not None:
                self.stdin.fail(ValueError("the job was left"))

    def fail(self, error: Exception) -> None:
        """Nothing more is known of it. Idempotent."""
        if not self.is_over:
            self.error = error
            self._finish()

    def reached(self) -> int:
        """How far output and stdin came; grows as they do."""
        taken = self.stdin.taken_bytes if self.stdin is not None else 0
        return self._output.received + taken + self.has_begun

    def cut(self) -> None:
        """The connection is lost; another may come."""
        self.cuts += 1
        self.pause()

    def pause(self) -> None:
        """It is followed no longer, and will be again."""
        self._following = False
        if self.stdin is not None:
            self.stdin.hold()

    def can_resume(self, boot: str) -> bool:
        """Whether a run of the server with that boot may know the job."""
        mine = self.boot or self._boot_asked
        return mine is None or mine == boot or (self.has_begun and self.opening.spools)

    def came_back(self, now: float) -> None:
        """It was asked for again after a cut, at that time of the loop."""
        self._came_back = now

    def may_come_back_again(self, now: float) -> bool:
        """Whether what replaced it may be its own request of before a cut, which came late. Once."""
        soon = self._came_back is not None and now - self._came_back < _LATE_SECONDS
        self._came_back = None
        return soon

    def request(self, request_id: str, boot: str) -> Tuple[wire.Header, bytes]:
        """What to send to follow it over a connection to a server with that boot."""
        opening = self.opening
        self.request_id = request_id
        self._following = False
        if not self.has_begun:
            header = dict(opening.header)
            if opening.is_run:
                header.setdefault("boot", boot)
                self._boot_asked = boot
            return header, opening.body
        header = {
            "type": "attach",
            "job": self.name,
            "from": self._output.rewind(),
            "window": opening.window,
        }
        if self.boot == boot:
            header["boot"] = boot
        if opening.runner:
            header["runner"] = True
        return header, b""

    def take(self, kind: str, header: wire.Header, body: memoryview) -> bool:
        """Takes a frame of the answer; says whether it was the last one.

        Raises:
            Damaged: it contradicts what was asked or what came before, or output is lost.
        """
        if kind == "output":
            self._take_output(header, body)
            return False
        if len(body):
            raise ProtocolError(f"{kind}: a body of {len(body)} bytes (expected: none)")
        if kind == "error":
            return True
        if kind == "detached":
            self.fail(errors.Detached(wire.string(header, "reason"), job=self.name))
            return True
        if wire.string(header, "job") != self.name:
            raise ProtocolError(f"it told of job {header['job'][:64]!a} instead of {self.name}")
        if kind == "started":
            self._take_started(header)
        elif kind == "gap":
            self._take_gap(wire.integer(header, "from"), wire.integer(header, "to"))
        elif kind == "stdin_ack":
            if self.stdin is None:
                raise ProtocolError("stdin_ack: there is no stdin")
            offset, eof = wire.integer(header, "offset"), wire.flag(header, "eof")
            if self._stdin_is_shared:
                self._stdin_is_shared = False
                self.stdin.taken_before(offset, eof)
            else:
                self.stdin.taken(offset, eof)
        elif kind == "stdin_closed":
            if self.stdin is not None:
                self.stdin.fail(BrokenPipeError("the process reads its stdin no more"))
        elif kind == "exited":
            self._take_exited(model.decode_exit(header))
        elif kind == "resized":
            self.terminal_size = model.decode_size(header)
        elif kind == "end":
            self._take_end(model.decode_end(header))
            return True
        else:
            raise ProtocolError(f"{kind} is no answer to {self.opening.header['type']}")
        return False

    # --- frames

    def _take_started(self, header: wire.Header) -> None:
        if self._following:
            raise ProtocolError("started came twice")
        following = wire.integer(header, "next")
        known = self.has_begun or self.opening.start is not None
        if known and following != self._output.received:
            raise ProtocolError(
                f"output begins at offset {following} (expected: {self._output.received})"
            )
        model.decode_state(header)
        self.boot = wire.string(header, "boot")
        self.node = wire.string(header, "node")
        self.pid = wire.optional_integer(header, "pid")
        self.terminal_size = model.decode_pty(header)
        window = wire.optional_integer(header, "stdin_window")
        self._following = True
        if not self.has_begun:
            self.has_begun = True
            self.existing = wire.flag(header, "existing")
            # The same run may have been made by another process, which fed it.
            self._stdin_is_shared = self.existing and self.opening.is_run and not self.cuts
            self._output.begin(following)
            if window is None and not self.opening.is_run:
                self.stdin = None
            self._started_event.set()
        if self.stdin is not None and window is not None:
            self.stdin.started(window)

    def _take_output(self, header: wire.Header, body: memoryview) -> None:
        if not self._following:
            raise ProtocolError("output came before started")
        if header.get("job") != self.name:
            raise ProtocolError(f"it told of another job than {self.name}")
        if not self._output.add(header.get("stream"), wire.integer(header, "offset"), body):
            self._flush_soon()
        elif self._waiting:
            self._wake()
        elif self._unread_watch is None and not self._warned:
            self._watch_unread()

    def _take_gap(self, start: int, stop: int) -> None:
        if not self._following:
            raise ProtocolError("a gap came before started")
        if self._on_gap is None and not self.dismissed:
            raise errors.OutputLost(start, stop, job=self.name)
        self._output.skip(start, stop)
        # After a cut the same may come again.
        if stop > self._gap_told and self._on_gap is not None and not self.dismissed:
            gap = Gap(max(start, self._gap_told), stop)
            self._gap_told = stop
            self._on_gap(gap)
        self._flush_soon()

    def _take_exited(self, how: Tuple[Optional[int], Optional[str]]) -> None:
        if how == (None, None):
            raise ProtocolError("exited: neither an exit code nor a signal")
        if self._exited is not None and self._exited != how:
            raise ProtocolError("it told of two ways in which the command ended")
        self._exited = how

    def _take_end(self, end: End) -> None:
        ran = end.outcome in ("exited", "signaled")
        # Of a job of an earlier run of the server there may be no record of its start.
        unrecorded = not self.opening.is_run and end.started_at_ms is None
        if ran and not self.has_begun and not unrecorded:
            raise ProtocolError("it told of an end and of no start")
        if end.outcome == "start_failed" and self.has_begun:
            raise ProtocolError("it told of a start, and then that it failed")
        if self._exited is not None and self._exited != (end.exit_code, end.signal):
            raise ProtocolError("it told of two ways in which the command ended")
        wrong = self._output.damage(end)
        if wrong is not None:
            raise errors.ChecksumMismatch(wrong, job=self.name)
        self.end = end
        self._finish()

    # --- inside

    # Once a turn of the loop, however many chunks were read in it.
    def _flush_soon(self) -> None:
        if not self._flushing and not self.is_over:
            self._flushing = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        if self._following and not self.is_over:
            offset = self._output.next_ack()
            if offset is not None:
                self._notices.send_ack(self.request_id, offset)

    def _send_stdin(self, offset: int, data: bytes, eof: bool) -> None:
        self._notices.send_stdin(self.name, offset, data, eof)

    def _finish(self) -> None:
        self._over_event.set()
        self._started_event.set()
        if self._unread_watch is not None:
            self._unread_watch.cancel()
        if self.stdin is not None:
            self.stdin.fail(ValueError("the job has ended"))
        self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    # A command that waits because one stream is read to its end before the other would do so in
    # silence for ever. It is the contract, and rarely what was meant.
    def _watch_unread(self) -> None:
        if self._output.unread >= self.opening.window // 2:
            self._unread_watch = asyncio.get_running_loop().call_later(
                _UNREAD_SECONDS, self._look_at_unread, self._output.received, self._output.unread
            )

    def _look_at_unread(self, received: int, unread: int) -> None:
        self._unread_watch = None
        if self.is_over:
            return
        if (received, unread) != (self._output.received, self._output.unread):
            self._watch_unread()
            return
        self._warned = True
        _LOG.warning(
            "output unread, and the command waits job=%s bytes=%d seconds=%d"
            " (read both streams at once, or output(), or say discard())",
            self.name,
            unread,
            _UNREAD_SECONDS,
        )
