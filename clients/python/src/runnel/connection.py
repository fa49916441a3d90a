"""One connection: frames in, frames out. On the event loop's thread."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Callable, List, Optional, Tuple, cast

from . import wire
from .errors import ProtocolError, Unreachable
from .target import Target, is_loopback, stranger_at

_KEEPALIVE = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))

TakeFrame = Callable[["Connection", wire.Header, memoryview], None]
Lost = Callable[["Connection", Exception], None]


class Connection(asyncio.BufferedProtocol):
    """A socket to a server.

    Args:
        take: called with each frame; the body is valid during the call alone.
        lost: called once, when nothing more comes, unless ``close`` was called before.
    """

    def __init__(self, take: TakeFrame, lost: Lost) -> None:
        self._loop = asyncio.get_running_loop()
        self._take = take
        self._lost = lost
        self._decoder = wire.FrameDecoder(self._frame)
        self._transport: Optional[asyncio.Transport] = None
        self._paused = False
        self._drained: List[asyncio.Future[None]] = []
        self._closed = False
        self._ended: "asyncio.Future[None]" = self._loop.create_future()
        #: Whether anything came since this was last set to False.
        self.heard = True
        self.opened_at = self._loop.time()

    # --- of asyncio.BufferedProtocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._decoder.buffer()

    def buffer_updated(self, nbytes: int) -> None:
        if self._closed:
            return
        self.heard = True
        try:
            self._decoder.received(nbytes)
        except ProtocolError as e:
            self._lose(e)
        except Exception as e:
            # Of a caller's gap handler, or a fault of ours: never silence.
            self._lose(e)

    def eof_received(self) -> bool:
        where = "" if self._decoder.is_between_frames() else " within a frame"
        self._lose(ConnectionResetError(f"the server ended the connection{where}"))
        return False

    def connection_lost(self, exc: Optional[Exception]) -> None:
        self._lose(exc or ConnectionResetError("the connection was closed"))
        self.resume_writing()
        if not self._ended.done():
            self._ended.set_result(None)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        waiting, self._drained = self._drained, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    # --- of ours

    @property
    def is_paused(self) -> bool:
        """Whether the server does not read what it was sent."""
        return self._paused

    @property
    def is_closed(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._closed

    def send(self, frame: bytes) -> None:
        """Sends a frame, or drops it if the connection is gone."""
        if not self._closed and self._transport is not None:
            self._transport.write(frame)

    async def drain(self) -> None:
        """Waits until the server has read enough of what it was sent."""
        if self._paused and not self._closed:
            future = self._loop.create_future()
            self._drained.append(future)
            await future

    def close(self) -> None:
        """Ends the connection once what was sent has left. Idempotent."""
        if not self._closed:
            self._closed = True
            if self._transport is not None:
                self._transport.close()
            self.resume_writing()

    async def wait_closed(self, seconds: float) -> None:
        """Waits until it is gone, and no longer than that."""
        await asyncio.wait([self._ended], timeout=seconds)
        if self._transport is not None and not self._ended.done():
            self._transport.abort()

    def _lose(self, why: Exception) -> None:
        if not self._closed:
            self._closed = True
            if self._transport is not None:
                self._transport.abort()
            self._lost(self, why)

    def lose(self, why: Exception) -> None:
        """Gives the connection up, as if it had been lost. Idempotent."""
        self._lose(why)

    def _frame(self, header: wire.Header, body: memoryview) -> None:
        if not self._closed:
            self._take(self, header, body)


async def open_connection(target: Target, take: TakeFrame, lost: Lost) -> Connection:
    """Connects, and makes sure that the token may be sent there. Takes as long as it takes.

    Raises:
        Unreachable: there is no connection, or the token must not go over it.
    """
    try:
        if target.path is not None:
            return await _open_unix(target.path, take, lost)
        return await _open_tcp(target, take, lost)
    except ssl.SSLCertVerificationError as e:
        raise Unreachable(f"cannot reach {target.name} by TLS: {e.verify_message}") from e
    except (OSError, ssl.SSLError) as e:
        raise Unreachable(f"cannot reach {target.name}: {e.strerror or e}") from e


async def _open_unix(path: str, take: TakeFrame, lost: Lost) -> Connection:
    loop = asyncio.get_running_loop()
    _, protocol = await loop.create_unix_connection(lambda: Connection(take, lost), path)
    return protocol


async def _open_tcp(target: Target, take: TakeFrame, lost: Lost) -> Connection:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    first: Optional[OSError] = None
    for family, kind, proto, _, address in found:
        sock = socket.socket(family, kind, proto)
        try:
            sock.setblocking(False)
            # By the address that is used: whose name it is, others may decide.
            if target.is_token_in_clear and not is_loopback(str(address[0])):
                raise Unreachable(
                    f"the token would go to {target.name} in clear (expected: TLS, or no token)"
                )
            await loop.sock_connect(sock, address)
            _configure(sock)
            if target.is_token_in_clear:
                await _check_listener(target, (str(address[0]), int(address[1])))
            return await _over(sock, target, take, lost)
        except OSError as e:
            sock.close()
            if isinstance(e, ssl.SSLError):
                raise
            first = first or e
        except BaseException:
            sock.close()
            raise
    raise first or OSError(f"{target.host} has no address")


async def _over(sock: socket.socket, target: Target, take: TakeFrame, lost: Lost) -> Connection:
    loop = asyncio.get_running_loop()
    name = (target.tls_name or target.host) if target.tls is not None else None
    _, protocol = await loop.create_connection(
        lambda: Connection(take, lost), sock=sock, ssl=target.tls, server_hostname=name
    )
    return protocol


async def _check_listener(target: Target, address: Tuple[str, int]) -> None:
    loop = asyncio.get_running_loop()
    stranger = await loop.run_in_executor(None, stranger_at, *address)
    if stranger is not None:
        raise Unreachable(
            f"cannot reach {target.name}: {stranger}: the token is not sent (expected: us or root,"
            " or TLS, or unix:PATH)"
        )


def _configure(sock: socket.socket) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, seconds in _KEEPALIVE:
        option = getattr(socket, name, None)
        if option is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, seconds)
