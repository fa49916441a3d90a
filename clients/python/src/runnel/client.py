"""A client, as an application calls it. On the event loop of whoever connects."""

from __future__ import annotations

from types import TracebackType
from typing import (
    TYPE_CHECKING,
    Any,
    Awaitable,
    Callable,
    Generator,
    Generic,
    List,
    Mapping,
    Optional,
    Type,
    TypeVar,
    Union,
    overload,
)

from . import errors as _errors
from . import model, spec, wire
from .answers import Answer
from .follow import Follow, OnGap
from .job import Job
from .link import Link
from .model import Hello, Result, Status
from .target import StrPath, Tls, resolve

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .spec import RunOptions

DEFAULT_CONNECT_TIMEOUT = 10.0
DEFAULT_LINGER = 60.0
DEFAULT_HEARTBEAT = 10.0
DEFAULT_MAX_OUTPUT = 67_108_864
MAX_STATUSES = 100_000

#: Stands for a heartbeat that depends on the address.
UNSET = -1.0

_T = TypeVar("_T")


class Client:
    """Commands on one server. Made by :func:`connect`; not for several threads.

    Attributes:
        hello: who the server is; of the connection that was made last.
    """

    def __init__(self, link: Link, linger: float) -> None:
        self._link = link
        self._linger = linger

    @property
    def hello(self) -> Hello:
        """Who the server is: PROTOCOL.md, section 2."""
        return self._link.hello

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection at the moment; requests make one if there is none."""
        return self._link.is_connected

    @overload
    async def run(
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
    async def run(
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

    async def run(
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
        """Runs a command to its end. As :func:`subprocess.run` does; PROTOCOL.md, section 3.

        Cancelling the task cancels the job.

        Args:
            command: a sequence is a program and its arguments, without a shell; a ``str`` or
                ``bytes`` is a line for ``/bin/sh -c``. What is not UTF-8 goes as bytes.
            input: what the process reads from its stdin; None: it reads ``/dev/null``.
            check: raise :class:`CommandFailed` unless it exits with 0.
            encoding: ``stdout`` and ``stderr`` of the result are text; ``input`` may be.
            errors: what happens to bytes that are no text: ``bytes.decode``.
            max_output_bytes: of both streams together; beyond it the job is canceled, and
                :class:`OutputTooLong` raised.
            on_gap: takes note of output that is missing, instead of :class:`OutputLost`. It is
                called on the event loop's thread.
            options: :class:`RunOptions`: every other key of a ``run``.

        Returns:
            how the command ended by itself, whatever its exit code or signal.

        Raises:
            what :meth:`Job.wait` raises, and Unreachable, CommandFailed, OutputTooLong.
        """
        opening = spec.run(command, linger=self._linger, stdin=input is not None, **options)
        data = input.encode(encoding or "utf-8") if isinstance(input, str) else input
        follow = await self._link.follow(opening, on_gap)
        collected = _Collected(follow, max_output_bytes, self._link.give_up)
        job = Job(self._link, follow)
        try:
            if data is not None:
                try:
                    job.stdin.write(data)
                except BrokenPipeError:
                    pass  # The end says how it went.
                job.stdin.close()
            end = await job.wait()
        except BaseException:
            job.leave()
            raise
        out, err = collected.stdout, collected.stderr
        if encoding is None:
            result: Result[Any] = Result(end.job, end.exit_code, end.signal, out, err, end)
        else:
            texts = out.decode(encoding, errors), err.decode(encoding, errors)
            result = Result(end.job, end.exit_code, end.signal, texts[0], texts[1], end)
        if check and not result.ok:
            raise _errors.CommandFailed(result)
        return result

    def start(
        self,
        command: spec.Command,
        *,
        stdin: bool = False,
        on_gap: Optional[OnGap] = None,
        **options: Unpack[RunOptions],
    ) -> Pending[Job]:
        """Starts a command, to be followed while it runs: ``async with client.start(…) as job``.

        Leaving the block cancels the job if it has not ended. With ``job = await
        client.start(…)`` it goes on until its end, a ``cancel`` or the client's ``close``.

        Args:
            stdin: whether ``job.stdin`` takes what the process reads; False: ``/dev/null``.
            on_gap: takes note of output that is missing; without it, :class:`OutputLost` is raised.
            options: :class:`RunOptions`.

        Raises:
            Refused, StartFailed, Unreachable, OutcomeUnknown: as :meth:`Job.wait` does.
        """
        opening = spec.run(command, linger=self._linger, stdin=stdin, **options)
        return Pending(lambda: self._started(opening, on_gap), self.leave)

    def attach(
        self,
        job: str,
        *,
        start: Union[int, str] = 0,
        boot: Optional[str] = None,
        window: Optional[int] = None,
        on_gap: Optional[OnGap] = None,
    ) -> Pending[Job]:
        """Takes a job's seat from whoever has it: its output, and its stdin.

        Args:
            job: its name.
            start: the log offset at which output begins, or ``"end"``.
            boot: the run of the server that it is meant for; another is refused as ``stale``.
            window: the credit in bytes, at most the job's ``retain``.
            on_gap: takes note of output that is missing; without it, :class:`OutputLost` is raised.

        Raises:
            Refused: ``unknown_job``, ``forbidden``, ``stale``, …
        """
        return Pending(lambda: self._attached(job, True, start, boot, window, on_gap), self.leave)

    def watch(
        self,
        job: str,
        *,
        start: Union[int, str] = 0,
        boot: Optional[str] = None,
        window: Optional[int] = None,
        on_gap: Optional[OnGap] = None,
    ) -> Pending[Job]:
        """Watches a job, which does not wait for this: what is gone is a gap. As :meth:`attach`."""
        return Pending(lambda: self._attached(job, False, start, boot, window, on_gap), self.leave)

    async def status(self, job: str) -> Status:
        """How a job stands. Raises Refused: ``unknown_job``."""
        answer = await self._link.ask({"type": "status", "job": job}, "status")
        return model.decode_status(answer)

    async def jobs(
        self,
        *,
        prefix: Optional[str] = None,
        state: Optional[str] = None,
        labels: Optional[Mapping[str, str]] = None,
        limit: int = MAX_STATUSES,
    ) -> List[Status]:
        """The jobs that this client may see, in the order of their names.

        Args:
            prefix: of the job's name.
            state: ``starting``, ``running``, ``draining`` or ``ended``.
            labels: each job has all of them.
            limit: at most so many, from 1 to 100,000.
        """
        header: wire.Header = {"type": "jobs", "limit": limit}
        if prefix is not None:
            header["prefix"] = prefix
        if state is not None:
            header["state"] = state
        if labels:
            header["labels"] = dict(labels)
        answer = Answer("jobs", limit)
        await self._link.request(header, answer)
        return answer.statuses

    async def signal(self, job: str, signal: str) -> str:
        """Signals a job's process group: ``TERM``, ``INT``, … Returns the job's state."""
        return await self._link.state({"type": "signal", "job": job, "signal": signal})

    async def cancel(self, job: str, *, grace_ms: Optional[int] = None) -> str:
        """Ends a job: TERM, and KILL after ``grace_ms`` milliseconds. Returns the job's state."""
        header: wire.Header = {"type": "cancel", "job": job}
        if grace_ms is not None:
            header["grace_ms"] = grace_ms
        return await self._link.state(header)

    async def resize(self, job: str, rows: int, cols: int) -> str:
        """Gives a job's terminal another size. Returns the job's state."""
        return await self._link.state({"type": "resize", "job": job, "rows": rows, "cols": cols})

    async def ping(self) -> None:
        """Waits for a sign of life of the server."""
        await self._link.ask({"type": "ping"}, "pong")

    async def close(self) -> None:
        """Cancels the jobs that were started here and have not ended, and disconnects. Idempotent.

        A job that is to go on is detached from before: :meth:`Job.detach`. Jobs that were attached
        to, or watched, go on.
        """
        await self._link.close()

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        await self.close()

    async def leave(self, job: Job) -> None:
        """Cancels a job that was started here, and detaches from another; waits for neither."""
        job.leave()

    async def _started(self, opening: spec.Opening, on_gap: Optional[OnGap]) -> Job:
        follow = await self._link.follow(opening, on_gap)
        job = Job(self._link, follow)
        try:
            await follow.started()
            if not follow.has_begun:
                await job.wait()
            return job
        except BaseException:
            job.leave()
            raise

    async def _attached(
        self,
        job: str,
        runner: bool,
        start: Union[int, str],
        boot: Optional[str],
        window: Optional[int],
        on_gap: Optional[OnGap],
    ) -> Job:
        if window is None:
            retain = (await self.status(job)).retain
            window = min(spec.DEFAULT_WINDOW, retain or spec.MIN_WINDOW)
        opening = spec.attach(
            job, runner=runner, start=start, boot=boot, window=window, patience=self._linger
        )
        return await self._started(opening, on_gap)


class _Collected:
    """What ``run`` collects, within a bound."""

    def __init__(
        self, follow: Follow, limit: int, give_up: Callable[[Follow, Exception], None]
    ) -> None:
        self._follow = follow
        self._limit = limit
        self._give_up = give_up
        self._size = 0
        self._out: List[bytes] = []
        self._err: List[bytes] = []
        follow.hand_to("stdout", lambda data: self._take(self._out, data))
        follow.hand_to("stderr", lambda data: self._take(self._err, data))

    def _take(self, pieces: List[bytes], data: memoryview) -> None:
        self._size += len(data)
        if self._size > self._limit:
            pieces.clear()
            error = _errors.OutputTooLong(self._limit, job=self._follow.name)
            self._give_up(self._follow, error)
        elif len(data) < 4096 and pieces and len(pieces[-1]) < 65_536:
            pieces[-1] += bytes(data)
        else:
            pieces.append(bytes(data))

    @property
    def stdout(self) -> bytes:
        return b"".join(self._out)

    @property
    def stderr(self) -> bytes:
        return b"".join(self._err)


class Pending(Generic[_T]):
    """Something that is awaited, or entered: ``await x`` and ``async with x as y`` both make it.

    Leaving the block also leaves what was made.
    """

    def __init__(
        self, make: Callable[[], Awaitable[_T]], leave: Callable[[_T], Awaitable[None]]
    ) -> None:
        self._make = make
        self._leave = leave
        self._made: Optional[_T] = None

    def __await__(self) -> Generator[Any, None, _T]:
        return self._make().__await__()

    async def __aenter__(self) -> _T:
        self._made = await self._make()
        return self._made

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        if self._made is not None:
            await self._leave(self._made)


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
    heartbeat: Optional[float] = UNSET,
) -> Pending[Client]:
    """Connects to a server: ``async with runnel.connect("build-1:7866") as client``.

    Args:
        host: ``host``, ``host:port``, ``[v6]:port`` or ``unix:PATH``; port 7866 if none is given.
            None: ``RUNNEL_HOST``, else the Unix socket of this user's server on this machine.
        token: a secret; it never goes in clear to another machine, nor to another user's process on
            this one. None: ``token_file``, ``RUNNEL_TOKEN``, ``RUNNEL_TOKEN_FILE``.
        token_file: a file whose first line is the token.
        tls: True, False, or a context of your own. None: ``RUNNEL_TLS``, else whether there is a
            ``ca`` or a ``cert``.
        tls_name: the name that the server's certificate has, if it is not the host's.
        ca: who signed it, a file in PEM; ``RUNNEL_CA``. None: the system's CAs.
        cert: our own certificate, a file in PEM; ``RUNNEL_CERT``.
        key: its key; ``RUNNEL_KEY``.
        connect_timeout: seconds that connecting, and the answer to a request other than a job's,
            may take.
        linger: seconds for which a lost connection is made anew, and a job goes on without it.
            0: the connection's loss is the job's end. None: 60, and 0 over a Unix socket.
        heartbeat: seconds between signs of life, at least; three silent ones are a lost connection.
            None: none. Unless given: 10, and none over a Unix socket.

    Raises:
        ValueError: an argument or a variable makes no sense.
        OSError: a file cannot be read.
        Unreachable: there is no connection, or the token must not go over it.
        Refused: the server does not let us in.
        ProtocolError: what is there is no server of this protocol.
    """

    async def make() -> Client:
        target = resolve(
            host,
            token=token,
            token_file=token_file,
            tls=tls,
            tls_name=tls_name,
            ca=ca,
            cert=cert,
            key=key,
        )
        local = target.path is not None
        beat = heartbeat
        if beat == UNSET:
            beat = None if local else DEFAULT_HEARTBEAT
        lasting = linger
        if lasting is None:
            lasting = 0.0 if local else DEFAULT_LINGER
        link = Link(target, connect_timeout=connect_timeout, heartbeat=beat)
        await link.connect()
        return Client(link, lasting)

    async def leave(client: Client) -> None:
        await client.close()

    return Pending(make, leave)
