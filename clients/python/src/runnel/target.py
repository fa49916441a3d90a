"""Where a server is, what is shown to it, and whether a token may go there."""

from __future__ import annotations

import ipaddress
import os
import ssl
import stat
import sys
from dataclasses import dataclass, field
from typing import List, Mapping, Optional, Union

from .errors import Unreachable

DEFAULT_PORT = 7866

Tls = Union[bool, ssl.SSLContext, None]
StrPath = Union[str, "os.PathLike[str]"]


@dataclass(frozen=True)
class Target:
    """A server's address and our credentials. ``path`` is set for a Unix socket, else ``host``."""

    host: str
    port: int
    path: Optional[str]
    token: Optional[str] = field(repr=False)
    tls: Optional[ssl.SSLContext]
    tls_name: Optional[str]

    @property
    def name(self) -> str:
        """For people."""
        if self.path is not None:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_token_in_clear(self) -> bool:
        """Whether a token would go over TCP without TLS."""
        return self.token is not None and self.tls is None and self.path is None


def resolve(
    host: Optional[str] = None,
    *,
    token: Optional[str] = None,
    token_file: Optional[StrPath] = None,
    tls: Tls = None,
    tls_name: Optional[str] = None,
    ca: Optional[StrPath] = None,
    cert: Optional[StrPath] = None,
    key: Optional[StrPath] = None,
    env: Mapping[str, str] = os.environ,
) -> Target:
    """What the arguments say, else the environment: as the command line has it.

    Raises:
        ValueError: an argument or a variable makes no sense.
        OSError: a file cannot be read.
        Unreachable: no host was given, and no server runs on this machine.
    """
    text = host or env.get("RUNNEL_HOST")
    if text:
        address = parse(text, "host" if host else "RUNNEL_HOST")
    else:
        address = ("", 0, default_socket(env))
    secret = _token(token, token_file, env)
    if address[2] is not None:
        return Target("", 0, address[2], secret, None, None)
    context = _context(tls, ca, cert, key, env)
    return Target(address[0], address[1], None, secret, context, tls_name)


def parse(text: str, source: str = "host") -> "tuple[str, int, Optional[str]]":
    """``host``, ``host:port``, ``[v6]:port`` or ``unix:PATH`` as host, port and path.

    Raises:
        ValueError: it is none of them.
    """
    wrong = ValueError(f"{source}: {text} (expected: host, host:port, [v6]:port or unix:PATH)")
    if text.startswith("unix:"):
        if len(text) == 5 or "\0" in text:
            raise wrong
        return "", 0, text[5:]
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not host or not bracket or (rest and rest[0] != ":"):
            raise wrong
        port = rest[1:] if rest else None
    else:
        host, colon, tail = text.partition(":")
        if ":" in tail:
            raise ValueError(
                f"{source}: {text} (an IPv6 address stands in brackets: [{text}]:{DEFAULT_PORT})"
            )
        port = tail if colon else None
    if not host or host[0] in "-=" or any(char in host for char in "/@ \0"):
        raise wrong
    if port is None:
        return host, DEFAULT_PORT, None
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65_535):
        raise ValueError(f"{source}: port {port} (expected: from 1 to 65535)")
    return host, int(port), None


def _token(
    token: Optional[str], token_file: Optional[StrPath], env: Mapping[str, str]
) -> Optional[str]:
    if token is not None:
        return token
    preset = env.get("RUNNEL_TOKEN", "").strip()
    if token_file is None and preset:
        return preset
    file = token_file or env.get("RUNNEL_TOKEN_FILE")
    if not file:
        return None
    with open(file, encoding="utf-8") as lines:
        first = lines.readline().strip()
    if not first:
        raise ValueError(f"token_file: the first line of {os.fspath(file)} is empty")
    return first


def _context(
    tls: Tls,
    ca: Optional[StrPath],
    cert: Optional[StrPath],
    key: Optional[StrPath],
    env: Mapping[str, str],
) -> Optional[ssl.SSLContext]:
    if isinstance(tls, ssl.SSLContext):
        return tls
    asked = tls
    preset = env.get("RUNNEL_TLS")
    if asked is None and preset:
        if preset not in ("true", "false"):
            raise ValueError(f"RUNNEL_TLS: {preset} (expected: true or false)")
        asked = preset == "true"
    ca = ca or env.get("RUNNEL_CA") or None
    cert = cert or env.get("RUNNEL_CERT") or None
    key = key or env.get("RUNNEL_KEY") or None
    if (cert is None) != (key is None):
        raise ValueError(("cert" if cert is None else "key") + ": missing (expected: both or none)")
    if asked is None:
        asked = ca is not None or cert is not None
    if not asked:
        return None
    context = ssl.create_default_context(cafile=ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if cert is not None:
        context.load_cert_chain(cert, key)
    return context


# --- the server of this user on this machine ------------------------------------------------------


def default_socket(env: Mapping[str, str] = os.environ) -> str:
    """The path of the Unix socket on which this user's daemon listens.

    Raises:
        Unreachable: there is none that can be trusted.
    """
    candidates = _sockets(env)
    for path in candidates:
        if os.path.exists(path) and _is_ours(path):
            return path
    raise Unreachable(
        f"no server runs on this machine (at {candidates[0]}): start one with runnel serve, or name"
        " one by host or RUNNEL_HOST"
    )


def _sockets(env: Mapping[str, str]) -> List[str]:
    uid = os.geteuid()
    given = env.get("XDG_RUNTIME_DIR", "")
    folders = []
    if given.startswith("/"):
        folders.append(given + "/runnel")
    if not given.startswith("/") or given == f"/run/user/{uid}" or not os.access(given, os.W_OK):
        folders += [f"/run/user/{uid}/runnel", "/run/runnel", f"/tmp/runnel-{uid}"]
    return [folder + "/runneld.sock" for folder in folders]


def _is_ours(socket: str) -> bool:
    folder = os.path.realpath(os.path.dirname(socket))
    try:
        found = os.stat(folder)
    except OSError:
        return False
    return found.st_uid in (0, os.geteuid()) and not stat.S_IMODE(found.st_mode) & 0o022


# --- who listens on a loopback address ------------------------------------------------------------


def is_loopback(address: str) -> bool:
    """Whether an address, as digits, does not leave this machine."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return parsed.is_loopback


def stranger_at(address: str, port: int) -> Optional[str]:
    """What to say of a listener on this machine that belongs to neither us nor root; None: it does.

    On a loopback address the first process that comes has a port, and would be told a token that
    was meant for another. Reads proc_net_tcp(5), which blocks for a moment.
    """
    user = _listener(address, port)
    if user is None:
        return "the owner of what listens there cannot be told"
    if user in (0, os.geteuid()):
        return None
    return f"the user with number {user} listens there"


def _listener(address: str, port: int) -> Optional[int]:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    own = _words(parsed.packed)
    # The most specific listener gets the connection.
    if isinstance(parsed, ipaddress.IPv4Address):
        places = [
            ("/proc/net/tcp", own),
            ("/proc/net/tcp6", _words(b"\0" * 10 + b"\xff\xff" + parsed.packed)),
            ("/proc/net/tcp", _words(b"\0" * 4)),
            ("/proc/net/tcp6", _words(b"\0" * 16)),
        ]
    else:
        places = [("/proc/net/tcp6", own), ("/proc/net/tcp6", _words(b"\0" * 16))]
    for table, digits in places:
        owner = _owner(table, f"{digits}:{port:04X}")
        if owner is not None:
            return owner
    return None


def _words(packed: bytes) -> str:
    # As the kernel writes addresses: each four bytes as a number of this machine's.
    swap = sys.byteorder == "little"
    words = (packed[at : at + 4] for at in range(0, len(packed), 4))
    return "".join((word[::-1] if swap else word).hex().upper() for word in words)


def _owner(table: str, local: str) -> Optional[int]:
    found: Optional[int] = None
    try:
        with open(table, encoding="latin-1") as lines:
            for line in lines:
                words = line.split()
                if len(words) > 7 and words[1] == local and words[3] == "0A":
                    # With SO_REUSEPORT there may be several: another's, if any is.
                    if found is None or found in (0, os.geteuid()):
                        found = int(words[7])
    except OSError:
        pass  # There is no such table.
    return found
