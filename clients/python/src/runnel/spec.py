"""What a ``run`` asks for: Python's values to a header and a body. PROTOCOL.md, section 3."""

from __future__ import annotations

import base64
import os
import secrets
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence, TypedDict, Union

from . import model, wire

Word = Union[str, bytes]
Command = Union[str, bytes, Sequence[Word]]
Folder = Union[str, bytes, "os.PathLike[str]"]
Environment = Mapping[str, Union[str, bytes, None]]
Forever = str

DEFAULT_WINDOW = 524_288
DEFAULT_RETAIN = 1_048_576
MIN_WINDOW = 1_024

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"


def random_name(digits: int) -> str:
    """As the command line makes names: five bits a digit."""
    return "".join(_DIGITS[octet & 31] for octet in secrets.token_bytes(digits))


class RunOptions(TypedDict, total=False):
    """The keywords of ``run`` and ``start``: keys of a ``run`` in PROTOCOL.md, section 3.

    They have the names and units of the keys. Three differ: what is not UTF-8 is given as ``bytes``
    (``argv_b64``, ``cwd_b64``, ``env_b64``), a long command goes as ``argv_body`` by itself, and
    ``secret_env`` is ``env_body``.

    Attributes:
        cwd: an absolute path; the daemon's folder without it.
        env: variables; None removes one.
        secret_env: variables that no log, status, error or audit of the server shows.
        env_from: names of variables whose values the server has in files.
        merge: stderr goes into stdout's pipe, which alone keeps the order of both.
        pty: True, or a :class:`~runnel.Pty`: a controlling terminal in place of pipes.
        limits: :class:`~runnel.Limits`, or a mapping with its keys.
        user: a user's name or number on the server.
        job: the job's name; a random one without it.
        once: a name of this one execution. A run with the same ``job`` and ``once`` starts nothing,
            and follows the job that is there, or was. A random one is made where it is needed.
        boot: the run of the server that this is meant for; another refuses it as ``stale``.
        timeout_ms: milliseconds from its start until it is ended: :class:`~runnel.TimedOut`.
        grace_ms: milliseconds between TERM and KILL when it is ended; 2,000.
        drain_ms: milliseconds of silence that end an output which something else holds; 1,000.
        drain_max_ms: milliseconds that this may take in all; 10,000.
        linger_ms: milliseconds that the job goes on without a connection, or ``"forever"``; the
            client's ``linger``. 0: it ends with its connection.
        keep_ms: milliseconds for which its end and output are kept for others.
        window: bytes that may be unread; 524,288, or ``retain`` if that is less.
        retain: bytes that the server's log may hold; 1,048,576.
        on_full: ``block``, ``drop`` or ``spool``: what happens when that is full, and nobody reads.
        spool_bytes: how large its file on the server may become, with ``spool``.
        leftovers: ``kill`` or ``keep``: what becomes of processes that outlive the command.
        labels: names and values to find the job by; at most 16.
        trace: a W3C ``traceparent``, what the run is a part of; the command gets it as ``TRACEPARENT``.
        node: of a cluster, by name; ``"any"``: one that has room. PROTOCOL.md, "A cluster".
        where: labels that the node has, all of them; one of those that has room.
    """

    cwd: Optional[Folder]
    env: Optional[Environment]
    secret_env: Optional[Mapping[str, Word]]
    env_from: Optional[Sequence[str]]
    merge: bool
    pty: Union[bool, model.Pty, Mapping[str, Any]]
    limits: Union[model.Limits, Mapping[str, int], None]
    user: Optional[str]
    job: Optional[str]
    once: Optional[str]
    boot: Optional[str]
    timeout_ms: Optional[int]
    grace_ms: Optional[int]
    drain_ms: Optional[int]
    drain_max_ms: Optional[int]
    linger_ms: Union[int, Forever, None]
    keep_ms: Optional[int]
    window: Optional[int]
    retain: Optional[int]
    on_full: Optional[str]
    spool_bytes: Optional[int]
    leftovers: Optional[str]
    labels: Optional[Mapping[str, str]]
    trace: Optional[str]
    node: Optional[str]
    where: Optional[Mapping[str, str]]


@dataclass
class Opening:
    """The request by which a job is followed, and how it is followed again after a cut.

    Attributes:
        header: without ``id``; the client's own copy.
        start: the log offset at which output begins; None: wherever the log ends now.
        runner: whether the job's seat is asked for.
        window: the credit, in bytes.
        patience: seconds for which a lost connection is made anew; 0: its loss is the end.
    """

    header: wire.Header
    body: bytes
    job: str
    start: Optional[int]
    runner: bool
    stdin: bool
    window: int
    patience: float

    @property
    def is_run(self) -> bool:
        """Whether it starts the job, rather than joins it."""
        return bool(self.header["type"] == "run")

    @property
    def spools(self) -> bool:
        """Whether another run of the server may know the job, too."""
        return bool(self.header.get("on_full") == "spool")


def run(
    command: Command,
    *,
    linger: float,
    cwd: Optional[Folder] = None,
    env: Optional[Environment] = None,
    secret_env: Optional[Mapping[str, Word]] = None,
    env_from: Optional[Sequence[str]] = None,
    pty: Union[bool, model.Pty, Mapping[str, Any]] = False,
    limits: Union[model.Limits, Mapping[str, int], None] = None,
    stdin: bool = False,
    merge: bool = False,
    job: Optional[str] = None,
    once: Optional[str] = None,
    window: Optional[int] = None,
    retain: Optional[int] = None,
    linger_ms: Union[int, Forever, None] = None,
    user: Optional[str] = None,
    boot: Optional[str] = None,
    timeout_ms: Optional[int] = None,
    grace_ms: Optional[int] = None,
    drain_ms: Optional[int] = None,
    drain_max_ms: Optional[int] = None,
    keep_ms: Optional[int] = None,
    on_full: Optional[str] = None,
    spool_bytes: Optional[int] = None,
    leftovers: Optional[str] = None,
    labels: Optional[Mapping[str, str]] = None,
    trace: Optional[str] = None,
    node: Optional[str] = None,
    where: Optional[Mapping[str, str]] = None,
) -> Opening:
    """The opening of a ``run``, by the keywords of :class:`RunOptions`.

    Args:
        linger: the client's, in seconds.
        stdin: whether the process reads what is sent to it.

    Raises:
        ValueError: a value cannot be sent.
        TypeError: it is of another type than a value of its key.
    """
    header: wire.Header = {"type": "run"}
    body = _command(header, command, secret_env)
    if cwd is not None:
        _cwd(header, cwd)
    if env:
        _env(header, env)
    if env_from:
        header["env_from"] = list(env_from)
    if merge:
        header["merge"] = True
    if stdin:
        header["stdin"] = True
    if pty is not False and pty is not None:
        header["pty"] = model.encode_pty(pty)
    if limits is not None:
        header["limits"] = model.encode_limits(limits)
    as_they_are = {
        "user": user,
        "boot": boot,
        "timeout_ms": timeout_ms,
        "grace_ms": grace_ms,
        "drain_ms": drain_ms,
        "drain_max_ms": drain_max_ms,
        "keep_ms": keep_ms,
        "retain": retain,
        "on_full": on_full,
        "spool_bytes": spool_bytes,
        "leftovers": leftovers,
        "labels": dict(labels) if labels else None,
        "trace": trace,
        "node": node,
        "where": dict(where) if where else None,
    }
    header.update((key, value) for key, value in as_they_are.items() if value is not None)
    lasting = int(linger * 1000) if linger_ms is None else linger_ms
    resumes = lasting != 0
    name = job if job is not None else random_name(16)
    header["job"] = name
    if resumes:
        header["linger_ms"] = lasting
        # Without it the same run could not be asked for a second time.
        header["once"] = once if once is not None else random_name(26)
    elif once is not None:
        header["once"] = once
    credit = window if window is not None else min(DEFAULT_WINDOW, retain or DEFAULT_RETAIN)
    header["window"] = credit
    patience = linger if linger > 0 else (lasting / 1000 if isinstance(lasting, int) else 60.0)
    return Opening(header, body, name, 0, True, stdin, credit, patience if resumes else 0.0)


def attach(
    job: str,
    *,
    runner: bool,
    start: Union[int, str],
    boot: Optional[str],
    window: int,
    patience: float,
) -> Opening:
    """The opening of an ``attach``."""
    header: wire.Header = {"type": "attach", "job": job, "window": window}
    if start != 0:
        header["from"] = start
    if runner:
        header["runner"] = True
    if boot is not None:
        header["boot"] = boot
    begins = start if isinstance(start, int) else None
    return Opening(header, b"", job, begins, runner, runner, window, patience)


def _command(
    header: wire.Header, command: Command, secret_env: Optional[Mapping[str, Word]]
) -> bytes:
    if isinstance(command, (str, bytes)):
        if secret_env:
            # A body is the line or the variables, not both.
            command = ["/bin/sh", "-c", command]
        else:
            return _bytes(command)
    words: List[Word] = list(command)
    if not words:
        raise ValueError("the command is empty (expected: a program and its arguments)")
    raw = [_bytes(word) for word in words]
    as_text = all(isinstance(word, str) and _is_text(word) for word in words)
    # In JSON a byte may take six.
    large = sum(map(len, raw)) > wire.MAX_HEADER // 8
    if secret_env or not large:
        if as_text:
            header["argv"] = words
        else:
            header["argv_b64"] = [_base64(word) for word in raw]
        if not secret_env:
            return b""
        header["env_body"] = True
        return b"".join(
            _bytes(name) + b"=" + _bytes(value) + b"\0" for name, value in secret_env.items()
        )
    if any(b"\0" in word for word in raw):
        raise ValueError("an argument has a NUL")
    header["argv_body"] = True
    return b"".join(word + b"\0" for word in raw)


def _cwd(header: wire.Header, cwd: Folder) -> None:
    folder = os.fspath(cwd)
    if isinstance(folder, str) and _is_text(folder):
        header["cwd"] = folder
    else:
        header["cwd_b64"] = _base64(_bytes(folder))


def _env(header: wire.Header, env: Environment) -> None:
    plain: Dict[str, Optional[str]] = {}
    raw: List[str] = []
    for name, value in env.items():
        if _is_text(name) and (value is None or (isinstance(value, str) and _is_text(value))):
            plain[name] = value
        elif value is None:
            raw.append(_base64(_bytes(name)))
        else:
            raw.append(_base64(_bytes(name) + b"=" + _bytes(value)))
    if plain:
        header["env"] = plain
    if raw:
        header["env_b64"] = raw


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _bytes(word: Word) -> bytes:
    # As Python's own os module has names that are not UTF-8.
    if isinstance(word, str):
        return word.encode("utf-8", "surrogateescape")
    if isinstance(word, bytes):
        return word
    raise TypeError(f"{type(word).__name__} (expected: str or bytes)")


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")
