"""A client: many jobs over one connection, and over the next one when that is lost.

On the event loop's thread, which it takes from whoever connects. PROTOCOL.md, sections 2, 3 and 6.
"""

from __future__ import annotations

import asyncio
import random
from types import TracebackType
from typing import (
    Any,
    Awaitable,
    Callable,
    Dict,
    Generator,
    Generic,
    List,
    Mapping,
    Optional,
    Sequence,
    Type,
    TypeVar,
    Union,
    overload,
)

from . import errors, model, spec, wire
from .connection import Connection, open_connection
from .errors import ConnectionLost, OutcomeUnknown, ProtocolError, Refused, Unreachable
from .job import Job, OnGap
from .model import Hello, Result, Status
from .target import StrPath, Target, Tls, resolve

DEFAULT_CONNECT_TIMEOUT = 10.0
DEFAULT_LINGER = 60.0
DEFAULT_HEARTBEAT = 10.0
DEFAULT_MAX_OUTPUT = 67_108_864

_MAX_SILENT_BEATS = 3
_FIRST_PAUSE = 0.05
_MAX_PAUSE = 5.0
_WORTHWHILE_SECONDS = 1.0
_PARTING_SECONDS = 1.0
_MAX_STATUSES = 100_000

#: Refusals of a connection, or of a job that is followed again, after which another may succeed.
_PASSING = frozenset(("too_slow", "too_many_connections", "too_many_failures"))
_BUSY = frozenset(("busy", "unavailable"))

#: What ends an answer, and what does not. PROTOCOL.md, section 4.
_FINAL = {
    "started": False,
    "output": False,
    "gap": False,
    "stdin_ack": False,
    "stdin_closed": False,
    "exited": False,
    "end": True,
    "detached": True,
    "ok": True,
    "hello": True,
    "pong": True,
    "status": True,
    "error": True,
}

_T = TypeVar("_T")


class _Answer:
    """An answer of one frame, or a list's of several."""

    def __init__(self, expected: str, most: int = 0) -> None:
        self.expected = expected
        self.most = most
        self.statuses: List[Status] = []
        self.frames = 0
        self.future: "asyncio.Future[wire.Header]" = asyncio.get_running_loop().create_future()

    def take(self, kind: str, header: wire.Header, body: memoryview) -> bool:
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
        if not self.future.done():
            self.future.set_exception(error)
            self.future.exception()  # It may be that nobody waits.


class _Ignored:
    """An answer that nobody waits for: it is read to its end, and takes no memory."""

    def take(self, kind: str, header: wire.Header, body: memoryview) -> bool:
        return bool(header["final"])

    def fail(self, error: Exception) -> None:
        pass


def refusal(header: wire.Header) -> Refused:
    """The exception for an ``error`` frame."""
    return Refused(
        wire.string(header, "code"),
        wire.string(header, "message"),
        retry_after_ms=wire.optional_integer(header, "retry_after_ms"),
        job=wire.optional_string(header, "job"),
    )


class Client:
    """Commands on one server. Made by :func:`connect`; not for several threads.

    Attributes:
        hello: who the server is; of the connection that was made last.
    """

    def __init__(
        self, target: Target, *, connect_timeout: float, linger: float, heartbeat: Optional[float]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._target = target
        self._connect_timeout = connect_timeout
        self._linger = linger
        self._heartbeat = heartbeat
        self._lock = asyncio.Lock()
        self._connection: Optional[Connection] = None
        self._greeted: Optional["asyncio.Future[Hello]"] = None
        self._hello: Optional[Hello] = None
        self._answers: Dict[str, Union[_Answer, _Ignored, Job]] = {}
        self._cut_jobs: List[Job] = []
        self._next_id = 0
        self._pause = 0.0
        self._reconnecting: Optional["asyncio.Task[None]"] = None
        self._beat_timer: Optional[asyncio.TimerHandle] = None
        self._silent = 0
        self._closed = False

    # --- what an application calls

    @property
    def hello(self) -> Hello:
        """Who the server is: PROTOCOL.md, section 2."""
        assert self._hello is not None
        return self._hello

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection at the moment; requests make one if there is none."""
        return self._connection is not None

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
        cwd: Optional[spec.Folder] = ...,
        env: Optional[spec.Environment] = ...,
        secret_env: Optional[Mapping[str, spec.Word]] = ...,
        env_from: Optional[Sequence[str]] = ...,
        merge: bool = ...,
        pty: Union[bool, model.Pty, Mapping[str, Any]] = ...,
        limits: Union[model.Limits, Mapping[str, int], None] = ...,
        user: Optional[str] = ...,
        job: Optional[str] = ...,
        once: Optional[str] = ...,
        boot: Optional[str] = ...,
        timeout_ms: Optional[int] = ...,
        grace_ms: Optional[int] = ...,
        drain_ms: Optional[int] = ...,
        drain_max_ms: Optional[int] = ...,
        linger_ms: Union[int, str, None] = ...,
        keep_ms: Optional[int] = ...,
        window: Optional[int] = ...,
        retain: Optional[int] = ...,
        on_full: Optional[str] = ...,
        spool_bytes: Optional[int] = ...,
        leftovers: Optional[str] = ...,
    ) -> Result[bytes]: ...

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
        cwd: Optional[spec.Folder] = ...,
        env: Optional[spec.Environment] = ...,
        secret_env: Optional[Mapping[str, spec.Word]] = ...,
        env_from: Optional[Sequence[str]] = ...,
        merge: bool = ...,
        pty: Union[bool, model.Pty, Mapping[str, Any]] = ...,
        limits: Union[model.Limits, Mapping[str, int], None] = ...,
        user: Optional[str] = ...,
        job: Optional[str] = ...,
        once: Optional[str] = ...,
        boot: Optional[str] = ...,
        timeout_ms: Optional[int] = ...,
        grace_ms: Optional[int] = ...,
        drain_ms: Optional[int] = ...,
        drain_max_ms: Optional[int] = ...,
        linger_ms: Union[int, str, None] = ...,
        keep_ms: Optional[int] = ...,
        window: Optional[int] = ...,
        retain: Optional[int] = ...,
        on_full: Optional[str] = ...,
        spool_bytes: Optional[int] = ...,
        leftovers: Optional[str] = ...,
    ) -> Result[str]: ...

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
        cwd: Optional[spec.Folder] = None,
        env: Optional[spec.Environment] = None,
        secret_env: Optional[Mapping[str, spec.Word]] = None,
        env_from: Optional[Sequence[str]] = None,
        merge: bool = False,
        pty: Union[bool, model.Pty, Mapping[str, Any]] = False,
        limits: Union[model.Limits, Mapping[str, int], None] = None,
        user: Optional[str] = None,
        job: Optional[str] = None,
        once: Optional[str] = None,
        boot: Optional[str] = None,
        timeout_ms: Optional[int] = None,
        grace_ms: Optional[int] = None,
        drain_ms: Optional[int] = None,
        drain_max_ms: Optional[int] = None,
        linger_ms: Union[int, str, None] = None,
        keep_ms: Optional[int] = None,
        window: Optional[int] = None,
        retain: Optional[int] = None,
        on_full: Optional[str] = None,
        spool_bytes: Optional[int] = None,
        leftovers: Optional[str] = None,
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
            on_gap: takes note of output that is missing, instead of :class:`OutputLost`.
            secret_env: variables that no log and no status of the server shows (``env_body``).
            linger_ms: how long the job goes on without a connection; the client's ``linger``
                unless it is given. 0: it ends with its connection.

        The other arguments are keys of ``run``, by the same names, in the same units.

        Returns:
            how the command ended by itself, whatever its exit code or signal.

        Raises:
            what :meth:`Job.wait` raises, and Unreachable, CommandFailed, OutputTooLong.
        """
        opening = spec.run(
            command,
            linger=self._linger,
            stdin=input is not None,
            cwd=cwd,
            env=env,
            secret_env=secret_env,
            env_from=env_from,
            merge=merge,
            pty=pty,
            limits=limits,
            user=user,
            job=job,
            once=once,
            boot=boot,
            timeout_ms=timeout_ms,
            grace_ms=grace_ms,
            drain_ms=drain_ms,
            drain_max_ms=drain_max_ms,
            linger_ms=linger_ms,
            keep_ms=keep_ms,
            window=window,
            retain=retain,
            on_full=on_full,
            spool_bytes=spool_bytes,
            leftovers=leftovers,
        )
        data = input.encode(encoding or "utf-8") if isinstance(input, str) else input
        followed = await self._follow(opening, on_gap)
        collected = _Collected(followed, max_output_bytes, self._give_up)
        try:
            if data is not None:
                try:
                    followed.stdin.write(data)
                except BrokenPipeError:
                    pass  # The end says how it went.
                followed.stdin.close()
            end = await followed.wait()
        except BaseException:
            self._dismiss(followed)
            raise
        out, err = collected.stdout, collected.stderr
        if encoding is None:
            result: Result[Any] = Result(end.job, end.exit_code, end.signal, out, err, end)
        else:
            texts = out.decode(encoding, errors), err.decode(encoding, errors)
            result = Result(end.job, end.exit_code, end.signal, texts[0], texts[1], end)
        if check and not result.ok:
            raise _command_failed(result)
        return result

    def start(
        self,
        command: spec.Command,
        *,
        stdin: bool = False,
        on_gap: Optional[OnGap] = None,
        cwd: Optional[spec.Folder] = None,
        env: Optional[spec.Environment] = None,
        secret_env: Optional[Mapping[str, spec.Word]] = None,
        env_from: Optional[Sequence[str]] = None,
        merge: bool = False,
        pty: Union[bool, model.Pty, Mapping[str, Any]] = False,
        limits: Union[model.Limits, Mapping[str, int], None] = None,
        user: Optional[str] = None,
        job: Optional[str] = None,
        once: Optional[str] = None,
        boot: Optional[str] = None,
        timeout_ms: Optional[int] = None,
        grace_ms: Optional[int] = None,
        drain_ms: Optional[int] = None,
        drain_max_ms: Optional[int] = None,
        linger_ms: Union[int, str, None] = None,
        keep_ms: Optional[int] = None,
        window: Optional[int] = None,
        retain: Optional[int] = None,
        on_full: Optional[str] = None,
        spool_bytes: Optional[int] = None,
        leftovers: Optional[str] = None,
    ) -> Pending[Job]:
        """Starts a command, to be followed while it runs: ``async with client.start(…) as job``.

        Leaving the block cancels the job if it has not ended. With ``job = await client.start(…)``
        it goes on until its end, a ``cancel`` or the client's ``close``.

        Args:
            stdin: whether ``job.stdin`` takes what the process reads; False: ``/dev/null``.
            on_gap: takes note of output that is missing; without it, :class:`OutputLost` is raised.

        The other arguments are those of :meth:`run`.

        Raises:
            Refused, StartFailed, Unreachable, OutcomeUnknown: as :meth:`Job.wait` does.
        """
        opening = spec.run(
            command,
            linger=self._linger,
            stdin=stdin,
            cwd=cwd,
            env=env,
            secret_env=secret_env,
            env_from=env_from,
            merge=merge,
            pty=pty,
            limits=limits,
            user=user,
            job=job,
            once=once,
            boot=boot,
            timeout_ms=timeout_ms,
            grace_ms=grace_ms,
            drain_ms=drain_ms,
            drain_max_ms=drain_max_ms,
            linger_ms=linger_ms,
            keep_ms=keep_ms,
            window=window,
            retain=retain,
            on_full=on_full,
            spool_bytes=spool_bytes,
            leftovers=leftovers,
        )
        return Pending(lambda: self._started(opening, on_gap), self._leave)

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
        return Pending(
            lambda: self._attached(job, True, start, boot, window, on_gap), self._leave
        )

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
        return Pending(
            lambda: self._attached(job, False, start, boot, window, on_gap), self._leave
        )

    async def status(self, job: str) -> Status:
        """How a job stands. Raises Refused: ``unknown_job``."""
        answer = await self._ask({"type": "status", "job": job}, "status")
        return model.decode_status(answer)

    async def jobs(
        self, *, prefix: Optional[str] = None, state: Optional[str] = None, limit: int = _MAX_STATUSES
    ) -> List[Status]:
        """The jobs that this client may see, in the order of their names.

        Args:
            prefix: of the job's name.
            state: ``starting``, ``running``, ``draining`` or ``ended``.
            limit: at most so many, from 1 to 100,000.
        """
        header: wire.Header = {"type": "jobs", "limit": limit}
        if prefix is not None:
            header["prefix"] = prefix
        if state is not None:
            header["state"] = state
        answer = _Answer("jobs", limit)
        await self._request(header, answer)
        return answer.statuses

    async def signal(self, job: str, signal: str) -> str:
        """Signals a job's process group: ``TERM``, ``INT``, … Returns the job's state."""
        return await self._state({"type": "signal", "job": job, "signal": signal})

    async def cancel(self, job: str, *, grace_ms: Optional[int] = None) -> str:
        """Ends a job: TERM, and KILL after ``grace_ms`` milliseconds. Returns the job's state."""
        header: wire.Header = {"type": "cancel", "job": job}
        if grace_ms is not None:
            header["grace_ms"] = grace_ms
        return await self._state(header)

    async def resize(self, job: str, rows: int, cols: int) -> str:
        """Gives a job's terminal another size. Returns the job's state."""
        return await self._state({"type": "resize", "job": job, "rows": rows, "cols": cols})

    async def ping(self) -> None:
        """Waits for a sign of life of the server."""
        await self._ask({"type": "ping"}, "pong")

    async def close(self) -> None:
        """Cancels the jobs that were started here and have not ended, and disconnects. Idempotent.

        A job that is to go on is detached from before: :meth:`Job.detach`. Jobs that were attached
        to, or watched, go on.
        """
        if self._closed:
            return
        self._closed = True
        jobs = [answer for answer in self._answers.values() if isinstance(answer, Job)]
        partings = [self._part(job) for job in jobs if not job.is_over]
        waiting = [parting.future for parting in partings if parting is not None]
        if waiting:
            await asyncio.wait(waiting, timeout=_PARTING_SECONDS)
        if self._reconnecting is not None:
            self._reconnecting.cancel()
        connection, self._connection = self._connection, None
        self._stop_beats()
        self._fail_all(ConnectionLost("the client was closed"))
        if connection is not None:
            connection.close()
            await connection.wait_closed(_PARTING_SECONDS)

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        await self.close()

    # --- following

    async def _follow(self, opening: spec.Opening, on_gap: Optional[OnGap]) -> Job:
        connection = await self._ready()
        job = Job(self, opening, on_gap)
        self._ask_for(job, connection)
        if connection.is_paused:
            try:
                await connection.drain()
            except BaseException:
                self._dismiss(job)
                raise
        return job

    def _ask_for(self, job: Job, connection: Connection) -> None:
        follow_id = self._new_id()
        header, body = job.follow(follow_id, self.hello.boot)
        frame = wire.encode({"type": header["type"], "id": follow_id, **header}, body)
        self._answers[follow_id] = job
        connection.send(frame)

    async def _started(self, opening: spec.Opening, on_gap: Optional[OnGap]) -> Job:
        job = await self._follow(opening, on_gap)
        try:
            return await job.started()
        except BaseException:
            self._dismiss(job)
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

    async def _leave(self, job: Job) -> None:
        self._dismiss(job)

    # Fire and forget: what is canceled is read to its end without anybody waiting for it.
    def _dismiss(self, job: Job) -> None:
        if job.is_over or job.dismissed:
            return
        job.dismiss()
        self._part(job)

    def _part(self, job: Job) -> Optional[_Answer]:
        if self._connection is None:
            return None
        header: wire.Header = (
            {"type": "cancel", "job": job.name}
            if job.opening.is_run
            else {"type": "detach", "follow": job.follow_id}
        )
        return self._send_request(self._connection, header, _Answer("ok"))

    # What came of it cannot be believed; what runs on is of no use to anybody.
    def _give_up(self, job: Job, error: Exception) -> None:
        if not job.is_over:
            self._part(job)
            job.fail(error)
            if job.follow_id in self._answers:
                self._answers[job.follow_id] = _Ignored()

    async def _detach(self, job: Job) -> None:
        await self._state({"type": "detach", "follow": job.follow_id})

    def send_ack(self, follow_id: str, offset: int) -> None:
        """For jobs: what was consumed."""
        if self._connection is not None:
            header = {"type": "ack", "follow": follow_id, "offset": offset}
            self._connection.send(wire.encode(header))

    def send_stdin(self, job: str, offset: int, data: bytes, eof: bool) -> None:
        """For jobs: what their process is to read."""
        if self._connection is not None:
            header: wire.Header = {"type": "stdin", "job": job, "offset": offset}
            if eof:
                header["eof"] = True
            self._connection.send(wire.encode(header, data))

    # --- asking

    def _new_id(self) -> str:
        self._next_id += 1
        return str(self._next_id)

    def _send_request(
        self, connection: Connection, header: wire.Header, answer: _Answer
    ) -> _Answer:
        request_id = self._new_id()
        frame = wire.encode({"type": header["type"], "id": request_id, **header})
        self._answers[request_id] = answer
        connection.send(frame)
        return answer

    async def _request(self, header: wire.Header, answer: _Answer) -> wire.Header:
        connection = await self._ready()
        await connection.drain()
        self._send_request(connection, header, answer)
        frames = -1
        while frames != answer.frames and not answer.future.done():
            frames = answer.frames
            await asyncio.wait([answer.future], timeout=self._connect_timeout)
        if not answer.future.done():
            raise OutcomeUnknown(
                f"{self._target.name} did not answer within {self._connect_timeout:g} s"
            )
        return answer.future.result()

    async def _ask(self, header: wire.Header, expected: str) -> wire.Header:
        return await self._request(header, _Answer(expected))

    async def _state(self, header: wire.Header) -> str:
        return model.decode_state(await self._ask(header, "ok"))

    # --- connecting

    async def _ready(self) -> Connection:
        if self._closed:
            raise RuntimeError("the client was closed")
        if self._connection is None:
            async with self._lock:
                if self._connection is None:
                    await self.connect()
        if self._connection is None:
            raise Unreachable(f"the connection to {self._target.name} was lost at once")
        return self._connection

    async def connect(self) -> None:
        """Connects and says hello, once. Called by :func:`connect`, and after a cut.

        Raises:
            Unreachable: there is no connection.
            Refused: the server does not let us in.
            ProtocolError: what is there is no server of this protocol.
        """
        try:
            connection, hello = await asyncio.wait_for(self._greet(), self._connect_timeout)
        except asyncio.TimeoutError:
            raise Unreachable(
                f"cannot reach {self._target.name}: no answer within {self._connect_timeout:g} s"
            ) from None
        if connection.is_closed:
            raise Unreachable(f"the connection to {self._target.name} was lost at once")
        self._connection = connection
        self._hello = hello
        self._start_beats(connection)
        self._follow_again(connection, hello)

    async def _greet(self) -> "tuple[Connection, Hello]":
        greeted: "asyncio.Future[Hello]" = self._loop.create_future()
        self._greeted = greeted
        connection = await open_connection(self._target, self._take, self._lost)
        try:
            header: wire.Header = {"type": "hello", "id": "hello", "version": 1}
            if self._target.token is not None:
                header["token"] = self._target.token
            if self._heartbeat is not None:
                header["heartbeat_ms"] = int(min(max(self._heartbeat, 1.0), 3600.0) * 1000)
            connection.send(wire.encode(header))
            return connection, await greeted
        except BaseException:
            connection.close()
            raise
        finally:
            greeted.cancel()
            self._greeted = None

    def _lost(self, connection: Connection, why: Exception) -> None:
        if connection is not self._connection:
            if self._greeted is not None and not self._greeted.done():
                wrong = isinstance(why, (ProtocolError, Refused))
                self._greeted.set_exception(
                    why if wrong else Unreachable(f"cannot reach {self._target.name}: {why}")
                )
            return
        self._connection = None
        self._stop_beats()
        answers, self._answers = self._answers, {}
        now = self._loop.time()
        lasted = now - connection.opened_at > _WORTHWHILE_SECONDS
        for answer in answers.values():
            if isinstance(answer, Job):
                self._cut(answer, why, now, lasted)
            else:
                answer.fail(self._lost_error(why))
        if self._cut_jobs and self._reconnecting is None and not self._closed:
            self._reconnecting = self._loop.create_task(self._reconnect())

    def _cut(self, job: Job, why: Exception, now: float, lasted: bool) -> None:
        if job.opening.patience <= 0 or isinstance(why, (errors.Damaged, Refused)):
            job.fail(self._lost_error(why, job))
            return
        further = job.reached() > job.reached_before
        job.reached_before = job.reached()
        if further or lasted or job.outage_since is None:
            self._pause = 0.0
            job.outage_since = now
        job.cut()
        self._cut_jobs.append(job)

    def _lost_error(self, why: Exception, job: Optional[Job] = None) -> Exception:
        if isinstance(why, errors.Damaged):
            return why
        if isinstance(why, Refused):
            return OutcomeUnknown(
                f"{self._target.name} ended the connection: {why}",
                job=job and job.name,
                code=why.code,
            )
        what = "its end is not known" if job and job.has_begun else "whether it ran is not known"
        return ConnectionLost(
            f"connection to {self._target.name} lost: {why}; {what}", job=job and job.name
        )

    async def _reconnect(self) -> None:
        why: Exception = ConnectionResetError("the connection was lost")
        try:
            while self._cut_jobs and self._connection is None:
                least = 0.0
                try:
                    await asyncio.sleep(self._next_pause())
                    async with self._lock:
                        if self._connection is None:
                            await self.connect()
                    return
                except Refused as e:
                    if e.code not in _PASSING:
                        self._fail_cut(self._lost_error(e))
                        return
                    why, least = e, (e.retry_after_ms or 0) / 1000
                except Unreachable as e:
                    why = e
                except errors.Damaged as e:
                    self._fail_cut(e)
                    return
                self._expire(why)
                if least:
                    await asyncio.sleep(min(least, _MAX_PAUSE))
        finally:
            self._reconnecting = None
            if self._cut_jobs and self._connection is None and not self._closed:
                self._reconnecting = self._loop.create_task(self._reconnect())

    # Never the same as others: the clients of a server that was gone should not all come at once.
    def _next_pause(self) -> float:
        most = self._pause
        self._pause = min(_MAX_PAUSE, max(_FIRST_PAUSE, 2 * most))
        return most / 2 + random.random() * most / 2

    def _expire(self, why: Exception) -> None:
        now = self._loop.time()
        for job in list(self._cut_jobs):
            assert job.outage_since is not None
            if now - job.outage_since >= job.opening.patience:
                self._cut_jobs.remove(job)
                job.fail(self._lost_error(why, job))

    def _fail_cut(self, error: Exception) -> None:
        jobs, self._cut_jobs = self._cut_jobs, []
        for job in jobs:
            job.fail(error)

    def _fail_all(self, error: Exception) -> None:
        self._fail_cut(error)
        answers, self._answers = self._answers, {}
        for answer in answers.values():
            answer.fail(error)

    def _follow_again(self, connection: Connection, hello: Hello) -> None:
        jobs, self._cut_jobs = self._cut_jobs, []
        for job in jobs:
            if not job.can_resume(hello.boot):
                job.fail(
                    OutcomeUnknown(
                        f"{self._target.name} was started anew; what became of the job is not known",
                        job=job.name,
                    )
                )
            elif not job.is_over:
                self._ask_for(job, connection)
                if job.dismissed:
                    self._part(job)

    # --- what comes

    def _take(self, connection: Connection, header: wire.Header, body: memoryview) -> None:
        kind = wire.string(header, "type")
        final = wire.flag(header, "final")
        expected = _FINAL.get(kind)
        if expected is None and kind not in ("jobs", "ping"):
            if final:
                raise ProtocolError(f"type: {kind[:64]!a} (expected: a final frame of version 1)")
            return
        if expected is not None and final is not expected:
            raise ProtocolError(f"final: {final} (expected: {expected} for {kind})")
        request_id = header.get("id")
        if request_id is None:
            self._take_unaddressed(connection, kind, header)
            return
        if self._greeted is not None and connection is not self._connection:
            self._take_hello(kind, request_id, header)
            return
        answer = self._answers.get(request_id)
        if answer is None:
            raise ProtocolError(f"{kind}: it answers no request that waits")
        if isinstance(answer, Job):
            self._take_for(answer, kind, header, body)
        elif answer.take(kind, header, body):
            del self._answers[request_id]

    def _take_hello(self, kind: str, request_id: str, header: wire.Header) -> None:
        greeted = self._greeted
        assert greeted is not None
        if request_id != "hello" or greeted.done():
            raise ProtocolError(f"{kind}: it answers no request that waits")
        if kind == "error":
            greeted.set_exception(refusal(header))
        elif kind == "hello":
            greeted.set_result(model.decode_hello(header))
        else:
            raise ProtocolError(f"{kind} is no answer to hello")

    def _take_unaddressed(self, connection: Connection, kind: str, header: wire.Header) -> None:
        if kind == "ping":
            # A server that does not read what it was sent has signs of life enough waiting for it.
            if not connection.is_paused:
                connection.send(wire.encode({"type": "pong"}))
        elif kind == "error":
            refused = refusal(header)
            passes = refused.code in _PASSING and connection is self._connection
            connection.lose(ConnectionResetError(str(refused)) if passes else refused)
        else:
            raise ProtocolError(f"{kind}: it has no id")

    def _take_for(self, job: Job, kind: str, header: wire.Header, body: memoryview) -> None:
        request_id = job.follow_id
        try:
            last = job.take(kind, header, body)
        except errors.Damaged as e:
            final = bool(header["final"])
            if not final:
                self._answers[request_id] = _Ignored()
            else:
                del self._answers[request_id]
            e.job = e.job or job.name
            self._give_up(job, e)
            return
        if last:
            del self._answers[request_id]
            if kind == "error":
                self._refused(job, refusal(header))
        elif kind == "started":
            job.outage_since = None

    def _refused(self, job: Job, refused: Refused) -> None:
        if job.cuts and refused.code in _BUSY and job.outage_since is not None:
            left = job.outage_since + job.opening.patience - self._loop.time()
            if left > 0:
                self._loop.call_later(min(left, 1.0), self._ask_again, job)
                return
        if not job.cuts and not job.has_begun and refused.code != "internal":
            refused.job = refused.job or job.name
            job.fail(refused)
            return
        reason = {
            "stale": "it was started anew",
            "unknown_job": "it does not know the job any more",
        }.get(refused.code, str(refused))
        job.fail(
            OutcomeUnknown(
                f"{self._target.name}: {reason}; what became of the job is not known",
                job=job.name,
                code=refused.code,
            )
        )

    def _ask_again(self, job: Job) -> None:
        if job.is_over:
            return
        if self._connection is None:
            self._cut_jobs.append(job)
            if self._reconnecting is None and not self._closed:
                self._reconnecting = self._loop.create_task(self._reconnect())
        else:
            self._ask_for(job, self._connection)

    # --- heartbeats

    def _start_beats(self, connection: Connection) -> None:
        self._silent = 0
        if self._heartbeat is not None:
            self._beat_timer = self._loop.call_later(self._heartbeat, self._beat, connection)

    def _stop_beats(self) -> None:
        if self._beat_timer is not None:
            self._beat_timer.cancel()
            self._beat_timer = None

    # Counted in beats rather than in time: while this process is stopped, none passes.
    def _beat(self, connection: Connection) -> None:
        self._silent = 0 if connection.heard else self._silent + 1
        connection.heard = False
        if self._silent >= _MAX_SILENT_BEATS:
            connection.lose(
                TimeoutError(f"nothing was heard for {_MAX_SILENT_BEATS} heartbeats")
            )
            return
        self._send_request(connection, {"type": "ping"}, _Answer("pong"))
        assert self._heartbeat is not None
        self._beat_timer = self._loop.call_later(self._heartbeat, self._beat, connection)


def _command_failed(result: Result[Any]) -> errors.CommandFailed:
    return errors.CommandFailed(result)


class _Collected:
    """What ``run`` collects, within a bound."""

    def __init__(
        self, job: Job, limit: int, give_up: Callable[[Job, Exception], None]
    ) -> None:
        self._job = job
        self._limit = limit
        self._give_up = give_up
        self._size = 0
        self._out: List[bytes] = []
        self._err: List[bytes] = []
        job.collect("stdout", lambda data: self._take(self._out, data))
        job.collect("stderr", lambda data: self._take(self._err, data))

    def _take(self, pieces: List[bytes], data: memoryview) -> None:
        self._size += len(data)
        if self._size > self._limit:
            pieces.clear()
            self._give_up(self._job, errors.OutputTooLong(self._limit, job=self._job.name))
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
    heartbeat: Optional[float] = -1.0,
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
        linger: seconds for which a lost connection is made anew, and a job goes on without it. 0: the
            connection's loss is the job's end. None: 60, and 0 over a Unix socket.
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
        if beat is not None and beat < 0:
            beat = None if local else DEFAULT_HEARTBEAT
        lasting = linger
        if lasting is None:
            lasting = 0.0 if local else DEFAULT_LINGER
        client = Client(
            target, connect_timeout=connect_timeout, linger=lasting, heartbeat=beat
        )
        await client.connect()
        return client

    async def leave(client: Client) -> None:
        await client.close()

    return Pending(make, leave)
