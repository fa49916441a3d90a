"""The link to a server: requests and jobs over one connection, and over the next one.

On one event loop's thread. PROTOCOL.md, sections 1, 2 and 6.
"""

from __future__ import annotations

import asyncio
import random
from typing import Dict, List, Optional, Union

from . import errors, model, spec, wire
from .answers import FINAL, Answer, Ignored, refusal
from .connection import Connection, open_connection
from .errors import ConnectionLost, OutcomeUnknown, ProtocolError, Refused, Unreachable
from .follow import Follow, OnGap
from .model import Hello
from .target import Target

_MAX_SILENT_BEATS = 3
_FIRST_PAUSE = 0.05
_MAX_PAUSE = 5.0
_WORTHWHILE_SECONDS = 1.0
_PARTING_SECONDS = 1.0

#: Refusals of a connection, or of a job that is followed again, after which another may succeed.
_PASSING = frozenset(("too_slow", "too_many_connections", "too_many_failures"))
_BUSY = frozenset(("busy", "unavailable"))


class Link:
    """What a client sends over, and what is told of what comes.

    Args:
        connect_timeout: seconds for a connection, and for an answer that is no job's.
        heartbeat: seconds between signs of life; None: none.
    """

    def __init__(
        self, target: Target, *, connect_timeout: float, heartbeat: Optional[float]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._target = target
        self._connect_timeout = connect_timeout
        self._heartbeat = heartbeat
        self._lock = asyncio.Lock()
        self._connection: Optional[Connection] = None
        self._greeted: Optional["asyncio.Future[Hello]"] = None
        self._hello: Optional[Hello] = None
        self._answers: Dict[str, Union[Answer, Ignored, Follow]] = {}
        self._cut_follows: List[Follow] = []
        self._next_id = 0
        self._pause = 0.0
        self._reconnecting: Optional["asyncio.Task[None]"] = None
        self._beat_timer: Optional[asyncio.TimerHandle] = None
        self._silent = 0
        self._ping: Optional[Answer] = None
        self._closed = False

    @property
    def hello(self) -> Hello:
        """Who the server is, as it said last."""
        assert self._hello is not None
        return self._hello

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection at the moment."""
        return self._connection is not None

    async def close(self) -> None:
        """Takes leave of all jobs, and disconnects. Idempotent."""
        if self._closed:
            return
        self._closed = True
        follows = [answer for answer in self._answers.values() if isinstance(answer, Follow)]
        partings = [self._part(follow) for follow in follows if not follow.is_over]
        waiting = [parting.future for parting in partings if parting is not None]
        if waiting:
            # Closing at once could take the requests back: a connection that is closed with answers
            # unread is reset.
            await asyncio.wait(waiting, timeout=_PARTING_SECONDS)
        if self._reconnecting is not None:
            self._reconnecting.cancel()
        connection, self._connection = self._connection, None
        self._stop_beats()
        self._fail_all(ConnectionLost("the client was closed"))
        if connection is not None:
            connection.close()
            await connection.wait_closed(_PARTING_SECONDS)

    # --- following

    async def follow(self, opening: spec.Opening, on_gap: Optional[OnGap]) -> Follow:
        """Sends a run or an attach. Raises ValueError, and what :meth:`connect` raises."""
        connection = await self.ready()
        follow = Follow(self, opening, on_gap)
        self._ask_for(follow, connection)
        if connection.is_paused:
            try:
                await connection.drain()
            except BaseException:
                self.dismiss(follow)
                raise
        return follow

    def _ask_for(self, follow: Follow, connection: Connection) -> None:
        request_id = self._new_id()
        header, body = follow.request(request_id, self.hello.boot)
        frame = wire.encode({"type": header["type"], "id": request_id, **header}, body)
        self._answers[request_id] = follow
        connection.send(frame)

    def dismiss(self, follow: Follow) -> None:
        """Cancels, or detaches; what still comes is read to its end without anybody waiting."""
        if follow.is_over or follow.dismissed:
            return
        follow.dismiss()
        self._part(follow)

    def _part(self, follow: Follow) -> Optional[Answer]:
        if self._connection is None:
            return None
        header: wire.Header = (
            {"type": "cancel", "job": follow.name}
            if follow.opening.is_run
            else {"type": "detach", "follow": follow.request_id}
        )
        return self._send_request(self._connection, header, Answer("ok"))

    def give_up(self, follow: Follow, error: Exception) -> None:
        """Nothing that comes of it is of use any more: it is dropped, and the job canceled."""
        if not follow.is_over:
            self._part(follow)
            follow.fail(error)
            if follow.request_id in self._answers:
                self._answers[follow.request_id] = Ignored()

    async def detach(self, follow: Follow) -> None:
        """Leaves a job to itself."""
        await self.state({"type": "detach", "follow": follow.request_id})

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

    def _send_request(self, connection: Connection, header: wire.Header, answer: Answer) -> Answer:
        request_id = self._new_id()
        frame = wire.encode({"type": header["type"], "id": request_id, **header})
        self._answers[request_id] = answer
        connection.send(frame)
        return answer

    async def request(self, header: wire.Header, answer: Answer) -> wire.Header:
        """Asks, and waits for the answer. Raises RunnelError: none came, or it refuses."""
        connection = await self.ready()
        try:
            await asyncio.wait_for(connection.drain(), self._connect_timeout)
        except asyncio.TimeoutError:
            raise Unreachable(
                f"{self._target.name} has read nothing for {self._connect_timeout:g} s"
            ) from None
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

    async def ask(self, header: wire.Header, expected: str) -> wire.Header:
        """The same for an answer of one frame."""
        return await self.request(header, Answer(expected))

    async def state(self, header: wire.Header) -> str:
        """The same for ``ok``: the job's state."""
        return model.decode_state(await self.ask(header, "ok"))

    # --- connecting

    async def ready(self) -> Connection:
        """The connection, made if there is none. Raises what :meth:`connect` raises."""
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
            if isinstance(answer, Follow):
                self._cut(answer, why, now, lasted)
            else:
                answer.fail(self._lost_error(why))
        if self._cut_follows and self._reconnecting is None and not self._closed:
            self._reconnecting = self._loop.create_task(self._reconnect())

    def _cut(self, follow: Follow, why: Exception, now: float, lasted: bool) -> None:
        if follow.is_over:
            return
        if follow.opening.patience <= 0 or isinstance(why, (errors.Damaged, Refused)):
            follow.fail(self._lost_error(why, follow))
            return
        further = follow.reached() > follow.reached_before
        follow.reached_before = follow.reached()
        if further or lasted or follow.outage_since is None:
            self._pause = 0.0
            follow.outage_since = now
        follow.cut()
        self._cut_follows.append(follow)

    def _lost_error(self, why: Exception, follow: Optional[Follow] = None) -> Exception:
        if isinstance(why, errors.Damaged):
            return why
        if isinstance(why, Refused):
            return OutcomeUnknown(
                f"{self._target.name} ended the connection: {why}",
                job=follow.name if follow else None,
                code=why.code,
            )
        what = (
            "its end is not known" if follow and follow.has_begun else "whether it ran is not known"
        )
        return ConnectionLost(
            f"connection to {self._target.name} lost: {why}; {what}",
            job=follow.name if follow else None,
        )

    async def _reconnect(self) -> None:
        why: Exception = ConnectionResetError("the connection was lost")
        try:
            while self._cut_follows and self._connection is None:
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
            if self._cut_follows and self._connection is None and not self._closed:
                self._reconnecting = self._loop.create_task(self._reconnect())

    # Never the same as others: the clients of a server that was gone should not all come at once.
    def _next_pause(self) -> float:
        most = self._pause
        self._pause = min(_MAX_PAUSE, max(_FIRST_PAUSE, 2 * most))
        return most / 2 + random.random() * most / 2

    def _expire(self, why: Exception) -> None:
        now = self._loop.time()
        for follow in list(self._cut_follows):
            assert follow.outage_since is not None
            if now - follow.outage_since >= follow.opening.patience:
                self._cut_follows.remove(follow)
                follow.fail(self._lost_error(why, follow))

    def _fail_cut(self, error: Exception) -> None:
        follows, self._cut_follows = self._cut_follows, []
        for follow in follows:
            follow.fail(error)

    def _fail_all(self, error: Exception) -> None:
        self._fail_cut(error)
        answers, self._answers = self._answers, {}
        for answer in answers.values():
            answer.fail(error)

    def _follow_again(self, connection: Connection, hello: Hello) -> None:
        follows, self._cut_follows = self._cut_follows, []
        for follow in follows:
            if not follow.can_resume(hello.boot):
                follow.fail(
                    OutcomeUnknown(
                        f"{self._target.name} was started anew; what became of the job is unknown",
                        job=follow.name,
                    )
                )
            elif not follow.is_over:
                self._ask_for(follow, connection)
                follow.came_back(self._loop.time())
                if follow.dismissed:
                    self._part(follow)

    # --- what comes

    def _take(self, connection: Connection, header: wire.Header, body: memoryview) -> None:
        kind = wire.string(header, "type")
        final = wire.flag(header, "final")
        expected = FINAL.get(kind)
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
        if isinstance(answer, Follow):
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

    def _take_for(self, follow: Follow, kind: str, header: wire.Header, body: memoryview) -> None:
        request_id = follow.request_id
        replaced = kind == "detached" and header.get("reason") == "replaced"
        if replaced and self._connection and follow.may_come_back_again(self._loop.time()):
            del self._answers[request_id]
            follow.pause()
            self._ask_for(follow, self._connection)
            return
        try:
            last = follow.take(kind, header, body)
        except Exception as e:
            # What a caller's gap handler raises is its job's failure, too.
            if isinstance(e, errors.Damaged):
                e.job = e.job or follow.name
            self.give_up(follow, e)
            if header["final"]:
                self._answers.pop(request_id, None)
            return
        if last:
            del self._answers[request_id]
            if kind == "error":
                self._refused(follow, refusal(header))
        elif kind == "started":
            follow.outage_since = None

    def _refused(self, follow: Follow, refused: Refused) -> None:
        if follow.cuts and refused.code in _BUSY and follow.outage_since is not None:
            left = follow.outage_since + follow.opening.patience - self._loop.time()
            if left > 0:
                self._loop.call_later(min(left, 1.0), self._ask_again, follow)
                return
        if not follow.cuts and not follow.has_begun and refused.code != "internal":
            refused.job = refused.job or follow.name
            follow.fail(refused)
            return
        reason = {
            "stale": "it was started anew",
            "unknown_job": "it does not know the job any more",
        }.get(refused.code, str(refused))
        follow.fail(
            OutcomeUnknown(
                f"{self._target.name}: {reason}; what became of the job is not known",
                job=follow.name,
                code=refused.code,
            )
        )

    def _ask_again(self, follow: Follow) -> None:
        if follow.is_over:
            return
        if self._connection is None:
            self._cut_follows.append(follow)
            if self._reconnecting is None and not self._closed:
                self._reconnecting = self._loop.create_task(self._reconnect())
        else:
            self._ask_for(follow, self._connection)

    # --- heartbeats

    def _start_beats(self, connection: Connection) -> None:
        self._silent = 0
        self._ping = None
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
            connection.lose(TimeoutError(f"nothing was heard for {_MAX_SILENT_BEATS} heartbeats"))
            return
        # One that is not answered is enough: any byte is a sign of life.
        if self._ping is None or self._ping.future.done():
            self._ping = self._send_request(connection, {"type": "ping"}, Answer("pong"))
        assert self._heartbeat is not None
        self._beat_timer = self._loop.call_later(self._heartbeat, self._beat, connection)
