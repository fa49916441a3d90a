"""The same client without ``async``: ``with runnel.sync.connect(…) as client``.

An event loop runs in a thread of its own, so that heartbeats, credit and the way back after a lost
connection go on while the caller does something else. All methods may be called from any thread;
they block. Ctrl-C in the middle of ``run`` cancels the job.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections import deque
from types import TracebackType
from typing import (
    TYPE_CHECKING,
    Any,
    Coroutine,
    Deque,
    Iterator,
    List,
    Mapping,
    Optional,
    Tuple,
    Type,
    TypeVar,
    Union,
    overload,
)

from . import client as _client
from . import job as _job
from . import spec
from .client import DEFAULT_CONNECT_TIMEOUT, DEFAULT_MAX_OUTPUT
from .follow import OnGap
from .lines import LineSplitter
from .model import STREAMS, Chunk, End, Hello, Result, Status
from .stdin import Data
from .target import StrPath, Tls

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .spec import RunOptions

__all__ = ["Client", "Job", "Stdin", "connect"]

_T = TypeVar("_T")


class _Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="runnel", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def call(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        """Runs it there, and waits for it; what interrupts the wait cancels it."""
        if not self._thread.is_alive() or threading.current_thread() is self._thread:
            coroutine.close()
            raise RuntimeError(
                "a gap handler calls its own client"
                if self._thread.is_alive()
                else "the client was closed"
            )
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            raise RuntimeError("the client was closed") from None
        except BaseException:
            future.cancel()
            raise

    def stop(self) -> None:
        """Ends the thread. Idempotent."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()


class Stdin:
    """What a job reads from its stdin. PROTOCOL.md, section 6."""

    def __init__(self, loop: _Loop, job: _job.Job) -> None:
        self._loop = loop
        self._job = job

    def write(self, data: Data) -> None:
        """Sends bytes, in order; blocks until they have left, which is as the process takes them.

        Raises:
            BrokenPipeError: the process reads no more, or the job has ended.
            ValueError: it was closed.
        """

        async def write() -> None:
            self._job.stdin.write(data)
            await self._job.stdin.drain()

        self._loop.call(write())

    def drain(self) -> None:
        """After :meth:`close`: blocks until the process's pipe has all of it."""
        self._loop.call(self._job.stdin.drain())

    def close(self) -> None:
        """The process gets an end of file after what was written. Idempotent."""

        async def close() -> None:
            self._job.stdin.close()

        self._loop.call(close())


class Job:
    """One running of a command. :class:`runnel.Job` says what its methods do, and raise."""

    def __init__(self, loop: _Loop, job: _job.Job, leave: Any) -> None:
        self._loop = loop
        self._job = job
        self._leave = leave
        self._ready: "dict[Tuple[str, ...], Deque[Chunk]]" = {}

    @property
    def name(self) -> str:
        """The job's name, by which others attach to it."""
        return self._job.name

    @property
    def node(self) -> Optional[str]:
        """The server's name."""
        return self._job.node

    @property
    def boot(self) -> Optional[str]:
        """The run of the server that has the job."""
        return self._job.boot

    @property
    def terminal_size(self) -> Optional[Tuple[int, int]]:
        """Rows and columns of its terminal, as the runner set them last; None: it has none."""
        return self._job.terminal_size

    @property
    def pid(self) -> Optional[int]:
        """The process's number on the server."""
        return self._job.pid

    @property
    def existing(self) -> bool:
        """Whether the job was there before it was asked for."""
        return self._job.existing

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes of it."""
        return self._job.is_over

    @property
    def stdin(self) -> Stdin:
        """What the process reads. Raises ValueError: it has no stdin, or it is not ours."""
        self._job.stdin
        return Stdin(self._loop, self._job)

    def output(self) -> Iterator[Chunk]:
        """Both streams as they came."""
        return self._chunks(STREAMS)

    def chunks(self, stream: str) -> Iterator[Chunk]:
        """The same of one stream. The other one is to be read as well, merged, or discarded."""
        return self._chunks((_job.checked_stream(stream),))

    # All that waits at a time: a turn of the loop's thread for each chunk would be slow.
    def _chunks(self, streams: Tuple[str, ...]) -> Iterator[Chunk]:
        ready = self._ready.setdefault(streams, deque())
        while True:
            if not ready:
                ready += self._loop.call(self._job.next_chunks(streams))
                if not ready:
                    return
            yield ready.popleft()

    @overload
    def lines(self, stream: str = ..., *, max_line_bytes: int = ...) -> Iterator[bytes]:
        ...

    @overload
    def lines(
        self, stream: str = ..., *, encoding: str, errors: str = ..., max_line_bytes: int = ...
    ) -> Iterator[str]:
        ...

    def lines(
        self,
        stream: str = "stdout",
        *,
        encoding: Optional[str] = None,
        errors: str = "replace",
        max_line_bytes: int = 1_048_576,
    ) -> Union[Iterator[bytes], Iterator[str]]:
        """The lines of one stream, each with its line feed; the last one may have none."""
        raw = self._lines(stream, max_line_bytes)
        if encoding is None:
            return raw
        return (line.decode(encoding, errors) for line in raw)

    def _lines(self, stream: str, most: int) -> Iterator[bytes]:
        splitter = LineSplitter(most)
        for chunk in self.chunks(stream):
            yield from splitter.feed(chunk.data)
        rest = splitter.rest()
        if rest:
            yield rest

    def discard(self, stream: Optional[str] = None) -> None:
        """Reads and checks a stream (None: both), and throws it away from now on."""

        async def discard() -> None:
            self._job.discard(stream)

        self._loop.call(discard())

    def wait(self) -> End:
        """Waits until the command has ended and all output is here."""
        return self._loop.call(self._job.wait())

    def signal(self, signal: str) -> str:
        """Signals the job's process group. Returns the job's state."""
        return self._loop.call(self._job.signal(signal))

    def cancel(self, *, grace_ms: Optional[int] = None) -> str:
        """Ends the job. Returns its state."""
        return self._loop.call(self._job.cancel(grace_ms=grace_ms))

    def resize(self, rows: int, cols: int) -> str:
        """Gives the job's terminal another size. Returns the job's state."""
        return self._loop.call(self._job.resize(rows, cols))

    def status(self) -> Status:
        """How the job stands."""
        return self._loop.call(self._job.status())

    def detach(self) -> int:
        """Leaves the job to itself. Returns the log offset where an ``attach`` would go on."""
        offset = self._loop.call(self._job.detach())
        # What crossed over to this thread, and was not read.
        return min([offset, *(ready[0].offset for ready in self._ready.values() if ready)])

    def __enter__(self) -> Job:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self._loop.call(self._leave(self._job))


class Client:
    """Commands on one server. :class:`runnel.Client` says what its methods do, and raise."""

    def __init__(self, loop: _Loop, client: _client.Client) -> None:
        self._loop = loop
        self._client = client

    @property
    def hello(self) -> Hello:
        """Who the server is."""
        return self._client.hello

    @overload
    def run(
        self,
        command: spec.Command,
        *,
        input: Union[bytes, str, None] = ...,
        check: bool = ...,
        encoding: None = ...,
        errors: str = ...,
        max_output_bytes: int = ...,
        on_gap: Optional[OnGap] = ...,
        **options: Unpack[RunOptions],
    ) -> Result[bytes]:
        ...

    @overload
    def run(
        self,
        command: spec.Command,
        *,
        encoding: str,
        input: Union[bytes, str, None] = ...,
        check: bool = ...,
        errors: str = ...,
        max_output_bytes: int = ...,
        on_gap: Optional[OnGap] = ...,
        **options: Unpack[RunOptions],
    ) -> Result[str]:
        ...

    def run(
        self,
        command: spec.Command,
        *,
        input: Union[bytes, str, None] = None,
        check: bool = False,
        encoding: Optional[str] = None,
        errors: str = "strict",
        max_output_bytes: int = DEFAULT_MAX_OUTPUT,
        on_gap: Optional[OnGap] = None,
        **options: Unpack[RunOptions],
    ) -> Result[Any]:
        """Runs a command to its end. Ctrl-C cancels the job."""
        return self._loop.call(
            self._client.run(
                command,
                input=input,
                check=check,
                encoding=encoding,
                errors=errors,
                max_output_bytes=max_output_bytes,
                on_gap=on_gap,
                **options,
            )
        )

    def start(
        self,
        command: spec.Command,
        *,
        stdin: bool = False,
        on_gap: Optional[OnGap] = None,
        **options: Unpack[RunOptions],
    ) -> Job:
        """Starts a command, to be followed while it runs; leaving ``with`` cancels it."""
        return self._followed(self._client.start(command, stdin=stdin, on_gap=on_gap, **options))

    def attach(
        self,
        job: str,
        *,
        start: Union[int, str] = 0,
        boot: Optional[str] = None,
        window: Optional[int] = None,
        on_gap: Optional[OnGap] = None,
    ) -> Job:
        """Takes a job's seat from whoever has it: its output, and its stdin."""
        return self._followed(
            self._client.attach(job, start=start, boot=boot, window=window, on_gap=on_gap)
        )

    def watch(
        self,
        job: str,
        *,
        start: Union[int, str] = 0,
        boot: Optional[str] = None,
        window: Optional[int] = None,
        on_gap: Optional[OnGap] = None,
    ) -> Job:
        """Watches a job, which does not wait for this."""
        return self._followed(
            self._client.watch(job, start=start, boot=boot, window=window, on_gap=on_gap)
        )

    def _followed(self, pending: "_client.Pending[_job.Job]") -> Job:
        async def make() -> _job.Job:
            return await pending

        return Job(self._loop, self._loop.call(make()), self._client.leave)

    def status(self, job: str) -> Status:
        """How a job stands."""
        return self._loop.call(self._client.status(job))

    def jobs(
        self,
        *,
        prefix: Optional[str] = None,
        state: Optional[str] = None,
        labels: Optional[Mapping[str, str]] = None,
        limit: int = _client.MAX_STATUSES,
    ) -> List[Status]:
        """The jobs that this client may see, in the order of their names."""
        return self._loop.call(self._client.jobs(prefix=prefix, state=state, labels=labels, limit=limit))

    def signal(self, job: str, signal: str) -> str:
        """Signals a job's process group. Returns the job's state."""
        return self._loop.call(self._client.signal(job, signal))

    def cancel(self, job: str, *, grace_ms: Optional[int] = None) -> str:
        """Ends a job. Returns its state."""
        return self._loop.call(self._client.cancel(job, grace_ms=grace_ms))

    def resize(self, job: str, rows: int, cols: int) -> str:
        """Gives a job's terminal another size. Returns the job's state."""
        return self._loop.call(self._client.resize(job, rows, cols))

    def ping(self) -> None:
        """Waits for a sign of life of the server."""
        self._loop.call(self._client.ping())

    def close(self) -> None:
        """Cancels what was started here and has not ended, and disconnects. Idempotent."""
        try:
            self._loop.call(self._client.close())
        except RuntimeError:
            pass  # It was closed before.
        finally:
            self._loop.stop()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()


def connect(
    host: Optional[str] = None,
    *,
    token: Optional[str] = None,
    token_file: Optional[StrPath] = None,
    tls: Tls = None,
    tls_name: Optional[str] = None,
    ca: Optional[StrPath] = None,
    cert: Optional[StrPath] = None,
    key: Optional[StrPath] = None,
    connect_timeout: float = DEFAULT_CONNECT_TIMEOUT,
    linger: Optional[float] = None,
    heartbeat: Optional[float] = _client.UNSET,
) -> Client:
    """Connects to a server. :func:`runnel.connect` says what the arguments are."""
    loop = _Loop()

    async def make() -> _client.Client:
        return await _client.connect(
            host,
            token=token,
            token_file=token_file,
            tls=tls,
            tls_name=tls_name,
            ca=ca,
            cert=cert,
            key=key,
            connect_timeout=connect_timeout,
            linger=linger,
            heartbeat=heartbeat,
        )

    try:
        return Client(loop, loop.call(make()))
    except BaseException:
        loop.stop()
        raise
