"""What goes over the wire, as records. PROTOCOL.md, sections 2 to 4."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, AnyStr, Dict, Generic, List, Mapping, NamedTuple, Optional, Tuple, Union

from . import wire
from .errors import ProtocolError

STREAMS = ("stdout", "stderr")
STATES = ("starting", "running", "draining", "ended")
OUTCOMES = (
    "exited",
    "signaled",
    "timed_out",
    "canceled",
    "start_failed",
    "lost",
    "shutdown",
    "abandoned",
)


class Chunk(NamedTuple):
    """A piece of a job's output.

    Attributes:
        stream: ``stdout`` or ``stderr``.
        data: the bytes.
        offset: the position of the first of them in the job's log, in bytes.
    """

    stream: str
    data: bytes
    offset: int


class Gap(NamedTuple):
    """Output that this follower will not get.

    Attributes:
        start: the log offset of the first byte that is missing.
        stop: the log offset after the last one.
    """

    start: int
    stop: int


class StreamTotal(NamedTuple):
    """What a process wrote to a stream: how many bytes, and their CRC-32."""

    bytes: int
    crc32: int


class Leftover(NamedTuple):
    """A process that outlived its command."""

    pid: int
    command: str
    ended: bool


@dataclass(frozen=True)
class Pty:
    """A controlling terminal in place of pipes. PROTOCOL.md, section 3.

    Attributes:
        rows: from 1 to 65,535.
        cols: from 1 to 65,535.
        term: the value of ``TERM``, from 1 to 256 characters.
        modes: what differs from a new terminal of Linux, by RFC 4254's names in small letters.
    """

    rows: int = 24
    cols: int = 80
    term: str = "xterm"
    modes: Mapping[str, Union[int, bool]] = field(default_factory=dict)


@dataclass(frozen=True)
class Limits:
    """Limits of each process of a job, as setrlimit(2) has them; None: the daemon's.

    Attributes:
        cpu_s: seconds of processor time, from 1 to 31,536,000.
        memory_bytes: of address space, at least 1,048,576.
        open_files: from 3 to 1,073,741,824.
        file_bytes: of a file that it writes.
    """

    cpu_s: Optional[int] = None
    memory_bytes: Optional[int] = None
    open_files: Optional[int] = None
    file_bytes: Optional[int] = None


@dataclass(frozen=True)
class Hello:
    """Who the server is. PROTOCOL.md, section 2."""

    software: str
    node: str
    boot: str
    max_header: int
    max_body: int
    features: Tuple[str, ...]


@dataclass(frozen=True)
class End:
    """The final record of a job. PROTOCOL.md, section 4. What was not measured is None.

    Attributes:
        job: the job's name.
        outcome: ``exited``, ``signaled``, ``timed_out``, ``canceled``, ``start_failed``, ``lost``,
            ``shutdown`` or ``abandoned``.
        exit_code: from 0 to 255; None: a signal ended the process, or there never was one.
        signal: the signal's name without ``SIG``.
        stdout: all that the process wrote there, whether or not it came here.
        stderr: likewise.
        output_bytes: the length of the log, both streams.
        gap_bytes: what of it this follower was not sent.
        drained: False: others still held the pipes when the server stopped waiting.
        leftovers: processes that outlived the command, at most 64 of them.
        leftovers_total: how many there were.
        errno: the error's name, of a start that failed.
        at: the step of the start that failed.
        message: words on it.
        oom: whether the kernel killed the process for want of memory.
        started_at_ms: milliseconds since the epoch.
        duration_ms: milliseconds from the start to the end.
        cpu_ms: milliseconds of processor time, of the process and what it waited for.
    """

    job: str
    outcome: str
    exit_code: Optional[int]
    signal: Optional[str]
    stdout: StreamTotal
    stderr: StreamTotal
    output_bytes: int
    gap_bytes: int
    drained: bool
    leftovers: Tuple[Leftover, ...]
    leftovers_total: int
    errno: Optional[str]
    at: Optional[str]
    message: Optional[str]
    oom: bool
    started_at_ms: Optional[int]
    duration_ms: Optional[int]
    cpu_ms: Optional[int]

    def total(self, stream: str) -> StreamTotal:
        """What the process wrote to ``stdout`` or ``stderr``."""
        return self.stdout if stream == "stdout" else self.stderr


@dataclass(frozen=True)
class Status:
    """How a job stands. PROTOCOL.md, section 4.

    Attributes:
        job: the job's name.
        state: ``starting``, ``running``, ``draining`` or ``ended``.
        principal: who asked for it.
        command: at most 256 characters of it.
        labels: by which it is found.
        pid: the process's number, once there is one.
        output_bytes: the length of the log.
        followers: how many there are.
        retain: bytes, the most that a ``window`` may be; None: not told.
        terminal_size: rows and columns of its terminal; None: it has none.
        started_at_ms: milliseconds since the epoch, once it started.
        end: how it ended, once it did; ``gap_bytes`` is 0 in it.
    """

    job: str
    state: str
    principal: str
    command: str
    labels: Mapping[str, str]
    pid: Optional[int]
    output_bytes: int
    followers: int
    retain: Optional[int]
    terminal_size: Optional[Tuple[int, int]]
    started_at_ms: Optional[int]
    end: Optional[End]


@dataclass(frozen=True)
class Result(Generic[AnyStr]):
    """How a command ended by itself, and what it wrote.

    Attributes:
        job: the job's name.
        exit_code: from 0 to 255; None: a signal ended it.
        signal: the signal's name without ``SIG``; None: it exited.
        stdout: what it wrote there, bytes or, with ``encoding``, text.
        stderr: likewise.
        end: the whole end: leftovers, times, totals.
    """

    job: str
    exit_code: Optional[int]
    signal: Optional[str]
    stdout: AnyStr
    stderr: AnyStr
    end: End

    @property
    def ok(self) -> bool:
        """Whether it exited with 0."""
        return self.exit_code == 0


def decode_hello(header: wire.Header) -> Hello:
    """A server's ``hello``."""
    if wire.integer(header, "version") != 1:
        raise ProtocolError(f"version: {header['version']} (expected: 1)")
    features = header.get("features")
    if type(features) is not list or not all(type(name) is str for name in features):
        raise ProtocolError("features: not an array of strings")
    return Hello(
        wire.string(header, "software"),
        wire.string(header, "node"),
        wire.string(header, "boot"),
        wire.integer(header, "max_header"),
        wire.integer(header, "max_body"),
        tuple(features),
    )


def decode_exit(header: wire.Header) -> Tuple[Optional[int], Optional[str]]:
    """The wait status: an exit code, or a signal's name, or neither."""
    code = wire.optional_integer(header, "exit_code")
    signal = wire.optional_string(header, "signal")
    if code is not None and (signal is not None or code > 255):
        raise ProtocolError(f"exit_code: {code} (expected: 0 to 255, and no signal)")
    return code, signal


def decode_end(header: wire.Header) -> End:
    """The keys of an ``end``, which ``status`` has, too."""
    outcome = wire.string(header, "outcome")
    if outcome not in OUTCOMES:
        raise ProtocolError(f"outcome: {outcome[:80]!a} (expected: {', '.join(OUTCOMES)})")
    code, signal = decode_exit(header)
    leftovers = header.get("leftovers", [])
    if type(leftovers) is not list:
        raise ProtocolError("leftovers: not an array")
    return End(
        wire.string(header, "job"),
        outcome,
        code,
        signal,
        _total(header, "stdout"),
        _total(header, "stderr"),
        wire.integer(header, "output_bytes"),
        wire.optional_integer(header, "gap_bytes") or 0,
        wire.flag(header, "drained"),
        tuple(_leftover(entry) for entry in leftovers),
        wire.optional_integer(header, "leftovers_total") or 0,
        wire.optional_string(header, "errno"),
        wire.optional_string(header, "at"),
        wire.words(header, "message") if "message" in header else None,
        wire.flag(header, "oom"),
        wire.optional_integer(header, "started_at_ms"),
        wire.optional_integer(header, "duration_ms"),
        wire.optional_integer(header, "cpu_ms"),
    )


def _total(header: wire.Header, stream: str) -> StreamTotal:
    total = header.get(stream)
    if type(total) is not dict:
        raise ProtocolError(f"{stream}: no object")
    return StreamTotal(wire.integer(total, "bytes"), wire.integer(total, "crc32"))


def _leftover(entry: Any) -> Leftover:
    if type(entry) is not dict:
        raise ProtocolError("leftovers: not an array of objects")
    return Leftover(
        wire.integer(entry, "pid"), wire.string(entry, "command"), wire.flag(entry, "ended")
    )


def decode_state(header: wire.Header) -> str:
    """A job's state."""
    state = wire.string(header, "state")
    if state not in STATES:
        raise ProtocolError(f"state: {state[:80]!a} (expected: {', '.join(STATES)})")
    return state


def decode_status(header: wire.Header) -> Status:
    """A ``status`` frame, or an element of ``jobs``."""
    return Status(
        wire.string(header, "job"),
        decode_state(header),
        wire.string(header, "principal"),
        wire.string(header, "command"),
        wire.strings(header, "labels"),
        wire.optional_integer(header, "pid"),
        wire.integer(header, "output_bytes"),
        wire.integer(header, "followers"),
        wire.optional_integer(header, "retain"),
        decode_pty(header),
        wire.optional_integer(header, "started_at_ms"),
        decode_end(header) if "outcome" in header else None,
    )


def decode_pty(header: wire.Header) -> Optional[Tuple[int, int]]:
    """The size of the terminal under ``pty``: rows and columns. None: there is none."""
    value = header.get("pty")
    if value is None:
        return None
    if type(value) is not dict:
        raise ProtocolError("pty: not an object")
    return decode_size(value)


def decode_size(header: wire.Header) -> Tuple[int, int]:
    """Rows and columns."""
    return wire.integer(header, "rows", 1), wire.integer(header, "cols", 1)


def decode_statuses(body: bytes) -> List[Status]:
    """The body of a ``jobs`` frame: a JSON array of statuses."""
    array = wire.decode_json(body)
    if type(array) is not list or not all(type(entry) is dict for entry in array):
        raise ProtocolError("jobs: the body is no array of objects")
    return [decode_status(entry) for entry in array]


def encode_pty(pty: Union[bool, Pty, Mapping[str, Any]]) -> Dict[str, Any]:
    """The value of ``pty`` in a ``run``."""
    if pty is True:
        return {}
    if isinstance(pty, Pty):
        made: Dict[str, Any] = {"rows": pty.rows, "cols": pty.cols, "term": pty.term}
        if pty.modes:
            made["modes"] = dict(pty.modes)
        return made
    return dict(pty)  # type: ignore[arg-type]


def encode_limits(limits: Union[Limits, Mapping[str, int]]) -> Dict[str, Any]:
    """The value of ``limits`` in a ``run``."""
    values = vars(limits) if isinstance(limits, Limits) else limits
    return {name: value for name, value in values.items() if value is not None}
