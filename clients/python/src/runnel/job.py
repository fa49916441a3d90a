"""A job as an application sees it: its output, its stdin, its end. On the event loop's thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, AsyncIterator, List, Optional, Tuple, Union, overload

from . import errors as _errors
from . import model, wire
from .follow import Follow
from .lines import LineSplitter
from .model import STREAMS, Chunk, End
from .stdin import Stdin

if TYPE_CHECKING:
    from .link import Link


class Job:
    """One running of a command, followed over a connection and over the next when that is lost.

    Output that is not read holds this job (its process waits once ``window`` bytes are unread), and
    no other job of the connection.
    """

    def __init__(self, link: Link, follow: Follow) -> None:
        self._link = link
        self._follow = follow

    # --- what it is

    @property
    def name(self) -> str:
        """The job's name, by which others attach to it."""
        return self._follow.name

    @property
    def node(self) -> Optional[str]:
        """The server's name; None: it has not started."""
        return self._follow.node

    @property
    def boot(self) -> Optional[str]:
        """The run of the server that has the job; None: it has not started."""
        return self._follow.boot

    @property
    def terminal_size(self) -> Optional[Tuple[int, int]]:
        """Rows and columns of its terminal, as the runner set them last; None: it has none."""
        return self._follow.terminal_size

    @property
    def pid(self) -> Optional[int]:
        """The process's number on the server; None: it has not started."""
        return self._follow.pid

    @property
    def existing(self) -> bool:
        """Whether the job was there before it was asked for."""
        return self._follow.existing

    @property
    def offset(self) -> int:
        """The log offset after the last byte that was read, where an ``attach`` would go on."""
        return self._follow.consumed()

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes of it: it ended, or it is followed no longer."""
        return self._follow.is_over

    @property
    def stdin(self) -> Stdin:
        """What the process reads.

        Raises:
            ValueError: it has no stdin, or it is not ours (``stdin=True``, and the seat, give one).
        """
        stdin = self._follow.stdin
        if stdin is None:
            raise ValueError("the job has no stdin that is ours (expected: stdin=True, or attach)")
        return stdin

    # --- reading

    def output(self) -> Output:
        """Both streams as they came: ``async for chunk in job.output()``.

        The iteration ends after the last output. It raises what :meth:`wait` raises if output may
        be missing: :class:`Damaged`, :class:`OutcomeUnknown`, :class:`Detached`.
        """
        return Output(self, STREAMS)

    def chunks(self, stream: str) -> Output:
        """The same of one stream. The other one is to be read as well, merged, or discarded."""
        return Output(self, (checked_stream(stream),))

    @overload
    def lines(self, stream: str = ..., *, max_line_bytes: int = ...) -> AsyncIterator[bytes]:
        ...

    @overload
    def lines(
        self, stream: str = ..., *, encoding: str, errors: str = ..., max_line_bytes: int = ...
    ) -> AsyncIterator[str]:
        ...

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
        self._follow.discard(STREAMS if stream is None else (checked_stream(stream),))

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
        await self._follow.over()
        if self._follow.error is not None:
            raise self._follow.error
        end = self._follow.end
        assert end is not None
        wrong = _errors.of_end(end)
        if wrong is not None:
            raise wrong
        return end

    # --- control

    async def signal(self, signal: str) -> str:
        """Signals the job's process group: ``TERM``, ``INT``, … Returns the job's state."""
        return await self._link.state({"type": "signal", "job": self.name, "signal": signal})

    async def cancel(self, *, grace_ms: Optional[int] = None) -> str:
        """Ends the job: TERM, and KILL after ``grace_ms``. A second call kills at once.

        Returns the job's state. :meth:`wait` raises :class:`Canceled` then.
        """
        header: wire.Header = {"type": "cancel", "job": self.name}
        if grace_ms is not None:
            header["grace_ms"] = grace_ms
        return await self._link.state(header)

    async def resize(self, rows: int, cols: int) -> str:
        """Gives the job's terminal another size. Returns the job's state."""
        header = {"type": "resize", "job": self.name, "rows": rows, "cols": cols}
        return await self._link.state(header)

    async def status(self) -> model.Status:
        """How the job stands."""
        answer = await self._link.ask({"type": "status", "job": self.name}, "status")
        return model.decode_status(answer)

    async def detach(self) -> int:
        """Leaves the job to itself: it goes on without a time limit.

        Returns:
            the log offset where an ``attach`` would go on.
        """
        offset = self.offset
        if self.is_over:
            return offset
        await self._link.detach(self._follow)
        self._follow.fail(_errors.Detached("asked", job=self.name))
        return offset

    def leave(self) -> None:
        """Cancels a job that was started here, and detaches from another; waits for neither."""
        self._link.dismiss(self._follow)

    # --- for readers

    async def next_chunk(self, streams: Tuple[str, ...]) -> Optional[Chunk]:
        """The next of those streams; None: there is no more. Raises if some may be missing."""
        while True:
            chunk = self._follow.pop(streams)
            if chunk is not None:
                return chunk
            if self._follow.is_over:
                if self._follow.error is not None:
                    raise self._follow.error
                if self._follow.end is not None and self._follow.end.outcome == "lost":
                    await self.wait()
                return None
            await self._follow.more()

    async def next_chunks(self, streams: Tuple[str, ...]) -> List[Chunk]:
        """All that is there of those streams, at least one; empty: there is no more."""
        chunks = []
        chunk = await self.next_chunk(streams)
        while chunk is not None:
            chunks.append(chunk)
            chunk = self._follow.pop(streams)
        return chunks


class Output:
    """An iteration over a job's chunks. Of several at once each chunk goes to one."""

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
