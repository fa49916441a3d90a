"""A job as a client follows it: its output, its stdin, its end. On the event loop's thread.

What comes is held against what came before and against the end's counts and checksums; nothing
that does not fit is handed on as success. PROTOCOL.md, sections 4 and 6.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections import deque
from typing import (
    TYPE_CHECKING,
    AsyncIterator,
    Callable,
    Deque,
    Dict,
    List,
    Optional,
    Tuple,
    Union,
    overload,
)

from . import errors, model, wire
from .errors import ProtocolError
from .model import STREAMS, Chunk, End, Gap
from .spec import Opening
from .stdin import Stdin

if TYPE_CHECKING:
    from .link import Link

_LOG = logging.getLogger("runnel")

#: However large the window: a server short of memory promises a log no more than 64 KiB.
_MAX_UNACKED = 32 * 1024

#: Small pieces are joined while they wait, so that each does not take an object of its own.
_JOIN_BELOW = 4096
_JOINED_MAX = 65_536

_UNREAD_SECONDS = 10.0
_MAX_GAPS = 64

OnGap = Callable[[Gap], None]
Sink = Callable[[memoryview], None]


class _Stream:
    """One of a job's streams: what came and was not consumed, and the counts of what was."""

    __slots__ = ("queue", "bytes", "crc32", "position", "sink")

    def __init__(self) -> None:
        self.queue: Deque[List[Union[int, bytes, bytearray]]] = deque()
        self.bytes = 0
        self.crc32 = 0
        #: The log offset after the last byte of this stream that was consumed.
        self.position = 0
        self.sink: Optional[Sink] = None

    def count(self, data: Union[bytes, memoryview], offset: int) -> None:
        self.bytes += len(data)
        self.crc32 = zlib.crc32(data, self.crc32)
        self.position = offset + len(data)

    def total(self) -> model.StreamTotal:
        """What was consumed, and what waits to be."""
        count, crc = self.bytes, self.crc32
        for entry in self.queue:
            count += len(entry[1])  # type: ignore[arg-type]
            crc = zlib.crc32(entry[1], crc)  # type: ignore[arg-type]
        return model.StreamTotal(count, crc)


def _ignore(_: memoryview) -> None:
    pass


class Job:
    """One running of a command, followed over a connection and over the next when that is lost.

    Output that is not read holds this job (its process waits once ``window`` bytes are unread), and
    no other job of the connection.
    """

    def __init__(self, link: Link, opening: Opening, on_gap: Optional[OnGap]) -> None:
        self._link = link
        self._opening = opening
        self._on_gap = on_gap
        self._streams: Dict[str, _Stream] = {name: _Stream() for name in STREAMS}
        self._name = opening.job
        self._node: Optional[str] = None
        self._boot: Optional[str] = None
        self._boot_asked: Optional[str] = None
        self._pid: Optional[int] = None
        self._existing = False
        self._stdin: Optional[Stdin] = Stdin(self._send_stdin) if opening.stdin else None
        if self._stdin is not None and not opening.is_run:
            self._stdin.hold()
        self._begun = False
        self._following = False
        self._whole = opening.start == 0
        self._received = opening.start or 0
        self._acked = self._received
        self._queued = 0
        self._gap_bytes = 0
        self._gaps: Deque[Tuple[int, int]] = deque()
        self._gap_told = 0
        self._exited: Optional[Tuple[Optional[int], Optional[str]]] = None
        self._end: Optional[End] = None
        self._error: Optional[Exception] = None
        self._started_event = asyncio.Event()
        self._over_event = asyncio.Event()
        self._waiting: List[asyncio.Future[None]] = []
        self._flushing = False
        self._unread_watch: Optional[asyncio.TimerHandle] = None
        self._warned = False
        #: The id of the request by which it is followed now.
        self.follow_id = ""
        #: Whether nobody waits for it any more: it is followed only until its end.
        self.dismissed = False
        #: How often its connection was lost.
        self.cuts = 0
        #: When the outage that goes on began to count, in the loop's seconds; None: there is none.
        self.outage_since: Optional[float] = None
        #: How far it had come when the connection was lost last.
        self.reached_before = -1

    # --- what it is

    @property
    def name(self) -> str:
        """The job's name, by which others attach to it."""
        return self._name

    @property
    def node(self) -> Optional[str]:
        """The server's name; None: it has not started."""
        return self._node

    @property
    def boot(self) -> Optional[str]:
        """The run of the server that has the job; None: it has not started."""
        return self._boot

    @property
    def pid(self) -> Optional[int]:
        """The process's number on the server; None: it has not started."""
        return self._pid

    @property
    def existing(self) -> bool:
        """Whether the job was there before it was asked for."""
        return self._existing

    @property
    def offset(self) -> int:
        """The log offset after the last byte that was read, where an ``attach`` would go on."""
        return self._consumed()

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes of it: it ended, or it is followed no longer."""
        return self._over_event.is_set()

    @property
    def stdin(self) -> Stdin:
        """What the process reads.

        Raises:
            ValueError: it has no stdin, or it is not ours (``stdin=True`` and the seat give it one).
        """
        if self._stdin is None:
            raise ValueError("the job has no stdin that is ours (expected: stdin=True, or attach)")
        return self._stdin

    # --- reading

    def output(self) -> Output:
        """Both streams as they came: ``async for chunk in job.output()``.

        The iteration ends after the last output. It raises what :meth:`wait` raises if output may be
        missing: :class:`Damaged`, :class:`OutcomeUnknown`, :class:`Detached`.
        """
        return Output(self, STREAMS)

    def chunks(self, stream: str) -> Output:
        """The same of one stream. The other one is to be read as well, merged, or discarded."""
        return Output(self, (checked_stream(stream),))

    @overload
    def lines(self, stream: str = ..., *, max_line_bytes: int = ...) -> AsyncIterator[bytes]: ...

    @overload
    def lines(
        self, stream: str = ..., *, encoding: str, errors: str = ..., max_line_bytes: int = ...
    ) -> AsyncIterator[str]: ...

    def lines(
        self,
        stream: str = "stdout",
        *,
        encoding: Optional[str] = None,
        errors: str = "replace",
        max_line_bytes: int = 1_048_576,
    ) -> Union[AsyncIterator[bytes], AsyncIterator[str]]:
        """The lines of one stream, each with its line feed; the last one may have none.

        A line longer than ``max_line_bytes`` comes in pieces, of which only the last has a line
        feed. The other stream is to be read as well, or discarded: ``job.discard("stderr")``.

        Args:
            stream: ``stdout`` or ``stderr``.
            encoding: text instead of bytes.
            errors: what happens to bytes that are none: ``bytes.decode``.
            max_line_bytes: a bound of the memory that a line may take.
        """
        raw = _lines(self.chunks(stream), max_line_bytes)
        return raw if encoding is None else _decoded(raw, encoding, errors)

    def discard(self, stream: Optional[str] = None) -> None:
        """Reads and checks a stream (None: both), and throws it away from now on."""
        for name in STREAMS if stream is None else (checked_stream(stream),):
            if self._streams[name].sink is None:
                self._sink(name, _ignore)
        self._flush_soon()

    async def wait(self) -> End:
        """Waits until the command has ended and all output is here; what is unread stays readable.

        Output that nobody reads makes the process wait, and this with it, once ``window`` bytes are
        unread: read it meanwhile, or :meth:`discard` it.

        Returns:
            the end of a command that ended by itself, with whatever code or signal.

        Raises:
            Refused: the server did not run it.
            StartFailed: its process could not be made.
            Ended: it was ended: TimedOut, Canceled, Shutdown, Abandoned.
            OutcomeUnknown: it may have run; how it ended cannot be told any more.
            Detached: this client follows it no longer.
            Damaged: what came is not what the process wrote.
        """
        await self._over_event.wait()
        if self._error is not None:
            raise self._error
        assert self._end is not None
        wrong = errors.of_end(self._end)
        if wrong is not None:
            raise wrong
        return self._end

    # --- control

    async def signal(self, signal: str) -> str:
        """Signals the job's process group: ``TERM``, ``INT``, … Returns the job's state."""
        return await self._link.state({"type": "signal", "job": self._name, "signal": signal})

    async def cancel(self, *, grace_ms: Optional[int] = None) -> str:
        """Ends the job: TERM, and KILL after ``grace_ms``. A second call kills at once.

        Returns the job's state. :meth:`wait` raises :class:`Canceled` then.
        """
        header: wire.Header = {"type": "cancel", "job": self._name}
        if grace_ms is not None:
            header["grace_ms"] = grace_ms
        return await self._link.state(header)

    async def resize(self, rows: int, cols: int) -> str:
        """Gives the job's terminal another size. Returns the job's state."""
        header = {"type": "resize", "job": self._name, "rows": rows, "cols": cols}
        return await self._link.state(header)

    async def status(self) -> model.Status:
        """How the job stands."""
        answer = await self._link.ask({"type": "status", "job": self._name}, "status")
        return model.decode_status(answer)

    async def detach(self) -> int:
        """Leaves the job to itself: it goes on without a time limit.

        Returns:
            the log offset where an ``attach`` would go on.
        """
        offset = self._consumed()
        if self.is_over:
            return offset
        await self._link.detach(self)
        self._fail(errors.Detached("asked", job=self._name))
        return offset

    # --- what the client tells it

    async def started(self) -> Job:
        """Waits for the process. Raises what :meth:`wait` raises if there will be none."""
        await self._started_event.wait()
        if not self._begun:
            await self.wait()
        return self

    def collect(self, stream: str, sink: Sink) -> None:
        """Hands a stream to a function, instead of readers. For ``run``, before anything came."""
        self._sink(stream, sink)

    def dismiss(self) -> None:
        """Nobody waits for it any more. Idempotent."""
        if not self.dismissed and not self.is_over:
            self.dismissed = True
            self.discard()
            if self._stdin is not None:
                self._stdin.fail(ValueError("the job was left"))

    def reached(self) -> int:
        """How far output and stdin came; grows as they do."""
        taken = self._stdin.taken_bytes if self._stdin is not None else 0
        return self._received + taken + self._begun

    def follow(self, follow_id: str, boot: str) -> Tuple[wire.Header, bytes]:
        """What to send over another connection to follow it, from what was consumed on."""
        opening = self._opening
        self.follow_id = follow_id
        self._following = False
        self._gap_bytes = 0
        self._gaps.clear()
        if not self._begun:
            header = dict(opening.header)
            if opening.is_run:
                header["boot"] = header.get("boot", boot)
                self._boot_asked = boot
            return header, opening.body
        # What is unread comes again: so cuts never leave more of it than the window.
        self._received = self._acked = self._consumed()
        for stream in self._streams.values():
            stream.queue.clear()
        self._queued = 0
        header = {
            "type": "attach",
            "job": self._name,
            "from": self._received,
            "window": opening.window,
        }
        if self._boot == boot:
            header["boot"] = boot
        if opening.runner:
            header["runner"] = True
        return header, b""

    def cut(self) -> None:
        """The connection is lost; another may come."""
        self.cuts += 1
        self._following = False
        if self._stdin is not None:
            self._stdin.hold()

    def can_resume(self, boot: str) -> bool:
        """Whether a server with that boot may know the job."""
        mine = self._boot or self._boot_asked
        return mine is None or mine == boot or (self._begun and self._opening.spools)

    @property
    def opening(self) -> Opening:
        """The request by which it is followed."""
        return self._opening

    @property
    def has_begun(self) -> bool:
        """Whether the server told of its start."""
        return self._begun

    def take(self, kind: str, header: wire.Header, body: memoryview) -> bool:
        """Takes a frame of the answer; says whether it was the last one.

        Raises:
            ProtocolError: it contradicts what was asked, or what came before.
        """
        if kind == "output":
            self._take_output(header, body)
            return False
        if len(body):
            raise ProtocolError(f"{kind}: a body of {len(body)} bytes (expected: none)")
        if kind == "error":
            return True
        if kind == "detached":
            reason = wire.string(header, "reason")
            self._fail(errors.Detached(reason, job=self._name))
            return True
        if wire.string(header, "job") != self._name:
            raise ProtocolError(f"it told of job {header['job'][:64]!a} instead of {self._name}")
        if kind == "started":
            self._take_started(header)
        elif kind == "gap":
            self._take_gap(header)
        elif kind == "stdin_ack":
            if self._stdin is None:
                raise ProtocolError("stdin_ack: there is no stdin")
            self._stdin.taken(wire.integer(header, "offset"), wire.flag(header, "eof"))
        elif kind == "stdin_closed":
            if self._stdin is not None:
                self._stdin.fail(BrokenPipeError("the process reads its stdin no more"))
        elif kind == "exited":
            self._take_exited(model.decode_exit(header))
        elif kind == "end":
            self._take_end(header)
            return True
        else:
            raise ProtocolError(f"{kind} is no answer to {self._opening.header['type']}")
        return False

    def fail(self, error: Exception) -> None:
        """Nothing more is known of it. Idempotent."""
        self._fail(error)

    # --- frames

    def _take_started(self, header: wire.Header) -> None:
        if self._following:
            raise ProtocolError("started came twice")
        following = wire.integer(header, "next")
        expected = self._received if self._begun or self._opening.start is not None else following
        if following != expected:
            raise ProtocolError(f"output begins at offset {following} (expected: {expected})")
        model.decode_state(header)
        boot = wire.string(header, "boot")
        self._node = wire.string(header, "node")
        self._pid = wire.optional_integer(header, "pid")
        window = wire.optional_integer(header, "stdin_window")
        self._received = self._acked = following
        self._following = True
        if not self._begun:
            self._begun = True
            self._existing = wire.flag(header, "existing")
            for stream in self._streams.values():
                stream.position = following
            if self._stdin is not None and window is None and not self._opening.is_run:
                self._stdin = None
            self._started_event.set()
        self._boot = boot
        if self._stdin is not None and window is not None:
            self._stdin.started(window)

    def _take_output(self, header: wire.Header, body: memoryview) -> None:
        if not self._following:
            raise ProtocolError("output came before started")
        if header.get("job") != self._name:
            raise ProtocolError(f"it told of another job than {self._name}")
        name = header.get("stream")
        stream = self._streams.get(name) if type(name) is str else None
        if stream is None:
            raise ProtocolError("stream: neither stdout nor stderr")
        offset = wire.integer(header, "offset")
        if offset != self._received:
            raise ProtocolError(f"output at offset {offset} (expected: {self._received})")
        size = len(body)
        self._received = offset + size
        unacked = self._received - self._acked - sum(gap[1] for gap in self._gaps)
        window = self._opening.window
        if unacked > window or self._received > wire.MAX_INTEGER:
            raise ProtocolError(f"output beyond the credit: {unacked} bytes (limit: {window})")
        if offset < stream.position:
            # It was consumed before the connection was lost, and the other stream was not.
            body = body[min(size, stream.position - offset) :]
            offset = self._received - len(body)
        if not len(body):
            self._flush_soon()
            return
        if stream.sink is not None:
            stream.count(body, offset)
            stream.sink(body)
            self._flush_soon()
            return
        self._queued += len(body)
        self._enqueue(stream, offset, body)
        if self._waiting:
            self._wake()
        elif self._queued >= window // 2 and self._unread_watch is None and not self._warned:
            self._watch_unread()

    @staticmethod
    def _enqueue(stream: _Stream, offset: int, body: memoryview) -> None:
        if stream.queue and len(body) < _JOIN_BELOW:
            last = stream.queue[-1]
            at, data = last
            assert isinstance(at, int) and not isinstance(data, int)
            if at + len(data) == offset and len(data) < _JOINED_MAX:
                if isinstance(data, bytes):
                    last[1] = data = bytearray(data)
                data += body
                return
        stream.queue.append([offset, bytes(body)])

    def _take_gap(self, header: wire.Header) -> None:
        start, stop = wire.integer(header, "from"), wire.integer(header, "to")
        if not self._following or start != self._received or stop <= start:
            raise ProtocolError(f"gap: {start} to {stop} (expected: from {self._received} on)")
        if self._on_gap is None and not self.dismissed:
            raise errors.OutputLost(start, stop, job=self._name)
        self._received = stop
        self._whole = False
        self._gap_bytes += stop - start
        if len(self._gaps) == _MAX_GAPS:
            _, size = self._gaps.pop()
            self._gaps.append((stop, size + stop - start))
        else:
            self._gaps.append((stop, stop - start))
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

    def _take_end(self, header: wire.Header) -> None:
        end = model.decode_end(header)
        ran = end.outcome in ("exited", "signaled")
        # Of a job of an earlier run of the server there may be no record of its start.
        unrecorded = not self._opening.is_run and end.started_at_ms is None
        if ran and not self._begun and not unrecorded:
            raise ProtocolError("it told of an end and of no start")
        if end.outcome == "start_failed" and self._begun:
            raise ProtocolError("it told of a start, and then that it failed")
        if self._exited is not None and self._exited != (end.exit_code, end.signal):
            raise ProtocolError("it told of two ways in which the command ended")
        wrong = self._damage(end)
        if wrong is not None:
            raise errors.ChecksumMismatch(wrong, job=self._name)
        self._end = end
        self._over()

    def _damage(self, end: End) -> Optional[str]:
        if end.gap_bytes != self._gap_bytes:
            return f"{self._gap_bytes} bytes of gaps came (the server counted: {end.gap_bytes})"
        if self._received != end.output_bytes and (not self._whole or end.outcome != "lost"):
            return f"output ended at offset {self._received} (the server counted: {end.output_bytes})"
        for name in STREAMS if self._whole else ():
            mine, theirs = self._streams[name].total(), end.total(name)
            if mine != theirs:
                return (
                    f"{name}: {mine.bytes} bytes, CRC-32 {mine.crc32}"
                    f" (the server counted: {theirs.bytes}, {theirs.crc32})"
                )
        return None

    # --- consuming

    def pop(self, streams: Tuple[str, ...]) -> Optional[Chunk]:
        """The next of what came; it is consumed with that. For readers."""
        found: Optional[str] = None
        least = -1
        for name in streams:
            queue = self._streams[name].queue
            if queue and (found is None or queue[0][0] < least):  # type: ignore[operator]
                found, least = name, queue[0][0]  # type: ignore[assignment]
        if found is None:
            return None
        stream = self._streams[found]
        _, data = stream.queue.popleft()
        raw = bytes(data)
        self._queued -= len(raw)
        stream.count(raw, least)
        self._flush_soon()
        return Chunk(found, raw, least)

    async def next_chunks(self, streams: Tuple[str, ...]) -> List[Chunk]:
        """All that is there of those streams, at least one; empty: there is no more."""
        chunks = []
        chunk = await self.next_chunk(streams)
        while chunk is not None:
            chunks.append(chunk)
            chunk = self.pop(streams)
        return chunks

    async def next_chunk(self, streams: Tuple[str, ...]) -> Optional[Chunk]:
        """The next of those streams; None: there is no more. Raises the job's error."""
        while True:
            chunk = self.pop(streams)
            if chunk is not None:
                return chunk
            if self._over_event.is_set():
                if self._error is not None:
                    raise self._error
                if self._end is not None and self._end.outcome == "lost":
                    await self.wait()
                return None
            future = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            try:
                await future
            finally:
                if not future.done() or future.cancelled():
                    self._waiting = [other for other in self._waiting if other is not future]

    def _sink(self, name: str, sink: Sink) -> None:
        stream = self._streams[name]
        stream.sink = sink
        while stream.queue:
            offset, data = stream.queue.popleft()
            assert isinstance(offset, int) and not isinstance(data, int)
            self._queued -= len(data)
            stream.count(memoryview(data), offset)
            sink(memoryview(data))

    def _consumed(self) -> int:
        least = self._received
        for stream in self._streams.values():
            if stream.queue and stream.queue[0][0] < least:  # type: ignore[operator]
                least = stream.queue[0][0]  # type: ignore[assignment]
        return least

    # Once a turn of the loop, however many chunks were read in it.
    def _flush_soon(self) -> None:
        if not self._flushing and not self._over_event.is_set():
            self._flushing = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        if self._over_event.is_set() or not self._following:
            return
        consumed = self._consumed()
        if consumed - self._acked >= min(_MAX_UNACKED, self._opening.window // 4):
            self._acked = consumed
            while self._gaps and self._gaps[0][0] <= consumed:
                self._gaps.popleft()
            self._link.send_ack(self.follow_id, consumed)

    # --- the end

    def _over(self) -> None:
        self._over_event.set()
        self._started_event.set()
        if self._unread_watch is not None:
            self._unread_watch.cancel()
        if self._stdin is not None:
            self._stdin.fail(ValueError("the job has ended"))
        self._wake()

    def _fail(self, error: Exception) -> None:
        if not self._over_event.is_set():
            self._error = error
            self._over()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def _send_stdin(self, offset: int, data: bytes, eof: bool) -> None:
        self._link.send_stdin(self._name, offset, data, eof)

    # A command that waits because one stream is read to its end before the other would do so in
    # silence for ever. It is the contract, and rarely what was meant.
    def _watch_unread(self) -> None:
        loop = asyncio.get_running_loop()
        self._unread_watch = loop.call_later(
            _UNREAD_SECONDS, self._look_at_unread, self._received, self._queued
        )

    def _look_at_unread(self, received: int, queued: int) -> None:
        self._unread_watch = None
        if self._over_event.is_set():
            return
        if (received, queued) != (self._received, self._queued):
            if self._queued >= self._opening.window // 2:
                self._watch_unread()
            return
        self._warned = True
        _LOG.warning(
            "output unread, and the command waits job=%s bytes=%d seconds=%d"
            " (read both streams at once, or output(), or say discard())",
            self._name,
            self._queued,
            _UNREAD_SECONDS,
        )


class Output:
    """An iteration over a job's chunks. Several may go on at once; each chunk goes to one of them."""

    def __init__(self, job: Job, streams: Tuple[str, ...]) -> None:
        self._job = job
        self._streams = streams

    def __aiter__(self) -> Output:
        return self

    async def __anext__(self) -> Chunk:
        chunk = await self._job.next_chunk(self._streams)
        if chunk is None:
            raise StopAsyncIteration
        return chunk


def checked_stream(stream: str) -> str:
    """The name of a stream. Raises ValueError: it is none."""
    if stream not in STREAMS:
        raise ValueError(f"{stream!r} (expected: stdout or stderr)")
    return stream


class LineSplitter:
    """Bytes to lines, each with its line feed; one that is too long comes in pieces."""

    def __init__(self, most: int) -> None:
        if most < 1:
            raise ValueError(f"max_line_bytes: {most} (expected: >= 1)")
        self._most = most
        self._rest = b""

    def feed(self, data: bytes) -> List[bytes]:
        """The lines that are whole with that; what is left waits for more."""
        lines = _split(self._rest + data)
        self._rest = lines.pop()
        if len(self._rest) < self._most and all(len(line) <= self._most for line in lines):
            return lines
        pieces = [piece for line in lines for piece in _pieces(line, self._most)]
        rest = _pieces(self._rest, self._most)
        self._rest = rest.pop() if rest and len(rest[-1]) < self._most else b""
        return pieces + rest

    def rest(self) -> bytes:
        """What has no line feed after all."""
        rest, self._rest = self._rest, b""
        return rest


def _split(data: bytes) -> List[bytes]:
    parts = data.split(b"\n")
    last = parts.pop()
    lines = [part + b"\n" for part in parts]
    lines.append(last)
    return lines


def _pieces(line: bytes, most: int) -> List[bytes]:
    return [line[at : at + most] for at in range(0, len(line), most)]


async def _lines(chunks: Output, most: int) -> AsyncIterator[bytes]:
    splitter = LineSplitter(most)
    async for chunk in chunks:
        for line in splitter.feed(chunk.data):
            yield line
    rest = splitter.rest()
    if rest:
        yield rest


async def _decoded(lines: AsyncIterator[bytes], encoding: str, errors: str) -> AsyncIterator[str]:
    async for line in lines:
        yield line.decode(encoding, errors)
