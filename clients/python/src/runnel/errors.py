"""What can go wrong, as a family of exceptions.

They tell apart what a caller has to tell apart: the command did not run (:class:`NotRun`), it could
not be started (:class:`StartFailed`), nobody knows how it ended (:class:`OutcomeUnknown`), it was
ended before it ended itself (:class:`Ended`), it goes on without this client (:class:`Detached`), or what
came is not what the process wrote (:class:`Damaged`). A nonzero exit code is none of them;
:class:`CommandFailed` is for those who asked for it by ``check=True``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

if TYPE_CHECKING:
    from .model import End, Result

__all__ = [
    "Abandoned",
    "Canceled",
    "ChecksumMismatch",
    "CommandFailed",
    "ConnectionLost",
    "Damaged",
    "Detached",
    "Ended",
    "NotRun",
    "OutcomeUnknown",
    "OutputLost",
    "OutputTooLong",
    "ProtocolError",
    "Refused",
    "RunnelError",
    "Shutdown",
    "StartFailed",
    "TimedOut",
    "Unreachable",
]


class RunnelError(Exception):
    """The base of all exceptions of this package.

    Attributes:
        job: the job's name, if it is about one.
    """

    def __init__(self, message: str, *, job: Optional[str] = None) -> None:
        super().__init__(message)
        self.job = job


class NotRun(RunnelError):
    """The request had no effect: a command did not run, and will not."""


class Refused(NotRun):
    """The server refused the request. PROTOCOL.md, section 5.

    Attributes:
        code: what programs go by, such as ``forbidden``, ``busy`` or ``job_exists``.
        retry_after_ms: another attempt may succeed after so many milliseconds; None: not told.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retry_after_ms: Optional[int] = None,
        job: Optional[str] = None,
    ) -> None:
        super().__init__(f"{code}: {message}", job=job)
        self.code = code
        self.message = message
        self.retry_after_ms = retry_after_ms


class Unreachable(NotRun):
    """There is no connection to the server, and nothing was sent.

    The operating system's error, if there was one, is the ``__cause__``.
    """


class StartFailed(RunnelError):
    """The process could not be made. PROTOCOL.md, section 4.

    Attributes:
        errno: the error's name, such as ``ENOENT``.
        at: the step: ``exec``, ``cwd``, ``limits`` or ``user``.
        end: the job's end.
    """

    def __init__(self, end: End) -> None:
        super().__init__(f"{end.message} ({end.errno})", job=end.job)
        self.errno = end.errno
        self.at = end.at
        self.end = end


class OutcomeUnknown(RunnelError):
    """The command may have run, and nobody can say how it ended.

    Attributes:
        end: the job's end, if there is one (the outcome is ``lost`` then).
        code: the server's error code, if one came.
    """

    def __init__(
        self,
        message: str,
        *,
        job: Optional[str] = None,
        end: Optional[End] = None,
        code: Optional[str] = None,
    ) -> None:
        super().__init__(message, job=job)
        self.end = end
        self.code = code


class ConnectionLost(OutcomeUnknown):
    """The connection was lost before the answer, and could not be made anew in time."""


class Detached(RunnelError):
    """The job goes on, and this client follows it no longer. PROTOCOL.md, section 4.

    Attributes:
        reason: ``asked`` (by ``detach``) or ``replaced`` (another client took the seat).
    """

    def __init__(self, reason: str, *, job: Optional[str] = None) -> None:
        why = "as asked" if reason == "asked" else "another client took its seat"
        super().__init__(f"detached from the job: {why}", job=job)
        self.reason = reason


class Damaged(RunnelError):
    """What came is not what the process wrote: whatever the exit code, no success."""


class OutputLost(Damaged):
    """The server declared a gap, and there is no ``on_gap`` to take it. PROTOCOL.md, section 4.

    Attributes:
        start: the log offset of the first byte that is missing.
        stop: the log offset after the last one.
    """

    def __init__(self, start: int, stop: int, *, job: Optional[str] = None) -> None:
        super().__init__(f"output lost: offsets {start} to {stop}", job=job)
        self.start = start
        self.stop = stop


class ChecksumMismatch(Damaged):
    """Bytes or checksums differ from those of the job's end. PROTOCOL.md, section 4."""


class ProtocolError(Damaged):
    """The server contradicted itself, or the protocol."""


class OutputTooLong(RunnelError):
    """``run`` collected ``max_output_bytes``; the job was canceled.

    Attributes:
        limit: the bound, in bytes.
    """

    def __init__(self, limit: int, *, job: Optional[str] = None) -> None:
        super().__init__(
            f"more than {limit} bytes of output (start() reads it piece by piece)", job=job
        )
        self.limit = limit


class Ended(RunnelError):
    """The job was ended before it ended itself; its exit code is no result.

    Attributes:
        end: the job's end.
    """

    def __init__(self, end: End, message: str) -> None:
        super().__init__(message, job=end.job)
        self.end = end


class TimedOut(Ended):
    """``timeout_ms`` were over."""


class Canceled(Ended):
    """Somebody canceled it."""


class Shutdown(Ended):
    """The server shut down, and ended it."""


class Abandoned(Ended):
    """It had no runner for longer than ``linger_ms``, and the server ended it."""


class CommandFailed(RunnelError):
    """With ``check=True``: the command exited with another code than 0, or by a signal.

    Attributes:
        result: all there is of it: ``exit_code``, ``signal``, ``stdout``, ``stderr``, ``end``.
    """

    def __init__(self, result: Result[Any]) -> None:
        how = (
            f"exit code {result.exit_code}"
            if result.exit_code is not None
            else f"signal {result.signal}"
        )
        super().__init__(f"the command failed: {how}", job=result.job)
        self.result = result

    @property
    def exit_code(self) -> Optional[int]:
        """From 0 to 255; None: a signal ended it."""
        return self.result.exit_code

    @property
    def signal(self) -> Optional[str]:
        """The signal's name without ``SIG``; None: it exited."""
        return self.result.signal

    @property
    def stdout(self) -> Any:
        """What it wrote there."""
        return self.result.stdout

    @property
    def stderr(self) -> Any:
        """What it wrote there."""
        return self.result.stderr


def of_end(end: End) -> Optional[RunnelError]:
    """The exception for an end that is no result of the command; None: it is one."""
    if end.outcome == "start_failed":
        return StartFailed(end)
    if end.outcome in ("exited", "signaled"):
        if end.exit_code is None and end.signal is None:
            return OutcomeUnknown(
                "the server does not say how the command ended", job=end.job, end=end
            )
        return None
    if end.outcome == "timed_out":
        return TimedOut(end, "the job timed out")
    if end.outcome == "canceled":
        return Canceled(end, "the job was canceled")
    if end.outcome == "shutdown":
        return Shutdown(end, "the server shut down and ended the job")
    if end.outcome == "abandoned":
        return Abandoned(end, "the job was ended because it had no runner")
    return OutcomeUnknown(
        "the server lost track of the job: how it ended is not known", job=end.job, end=end
    )
