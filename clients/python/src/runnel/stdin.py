"""A job's stdin: bytes with credit, kept until the pipe has them. PROTOCOL.md, section 6."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Callable, Deque, List, Optional, Union

from .errors import ProtocolError

Data = Union[bytes, bytearray, memoryview]

#: What may be sent before the server says otherwise, in bytes.
FIRST_WINDOW = 65_536
_MAX_PIECE = 65_536

Send = Callable[[int, bytes, bool], None]


class Stdin:
    """What a job reads from its stdin. As :class:`asyncio.StreamWriter` has it: write, then drain.

    What was sent and not yet taken by the process's pipe is kept, so that it can be sent again over
    another connection; that is at most the server's ``stdin_window`` (64 KiB, as a rule).
    """

    #: ``write`` refuses more while so many bytes wait; one write may be of any size.
    MAX_WAITING = 1_048_576

    def __init__(self, send: Send, *, is_ours: bool) -> None:
        self._send = send
        # False: another client wrote before us. The first acknowledgement says how far it came.
        self._is_ours = is_ours
        self._skip = 0
        # Views: what is cut off the front of a large write is not to be copied each time.
        self._unsent: Deque[memoryview] = deque()
        self._unsent_bytes = 0
        self._unacked: Deque[bytes] = deque()
        self._acked = 0
        self._sent = 0
        self._window = FIRST_WINDOW
        self._held = not is_ours
        self._eof = False
        self._eof_sent = False
        self._closed: Optional[Exception] = None
        self._eof_taken = False
        self._waiting: List[asyncio.Future[None]] = []

    def write(self, data: Data) -> None:
        """Sends bytes as the process takes them, in order. Does not wait; see :meth:`drain`.

        Raises:
            BrokenPipeError: the process reads no more, or the job has ended.
            BufferError: more than ``MAX_WAITING`` bytes wait already; nothing was taken.
            ValueError: it was closed.
        """
        if self._eof:
            raise ValueError("stdin was closed")
        if self._closed is not None:
            raise BrokenPipeError(str(self._closed))
        if self._unsent_bytes > self.MAX_WAITING:
            raise BufferError(f"{self._unsent_bytes} bytes wait already: await drain()")
        piece = memoryview(bytes(data))
        if self._skip:
            skipped = min(self._skip, len(piece))
            self._skip -= skipped
            piece = piece[skipped:]
        if piece:
            self._unsent.append(piece)
            self._unsent_bytes += len(piece)
            self._pump()

    async def drain(self) -> None:
        """Waits until all that was written has left; after :meth:`close`, until the pipe has it.

        Raises:
            BrokenPipeError: the process reads no more, or the job has ended.
        """
        while not self._is_drained():
            if self._closed is not None:
                raise BrokenPipeError(str(self._closed))
            future = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            await future

    def close(self) -> None:
        """The process gets an end of file after what was written. Idempotent."""
        if not self._eof:
            self._eof = True
            self._pump()

    @property
    def is_closing(self) -> bool:
        """Whether nothing can be written any more."""
        return self._eof or self._closed is not None

    @property
    def taken_bytes(self) -> int:
        """How many bytes the process's pipe has taken."""
        return self._acked

    # --- what the server says

    def started(self, window: int) -> None:
        """The server takes so many bytes beyond those that the pipe has."""
        self._window = window
        self._pump()

    def taken(self, offset: int, eof: bool) -> None:
        """``stdin_ack``. Raises ProtocolError: it is about bytes that were not sent."""
        if self._closed is not None:
            return
        if not self._is_ours:
            self._is_ours = True
            self._acked = self._sent = offset
            if eof:
                self.fail(BrokenPipeError("another client has ended the process's stdin"))
                return
        if not self._acked <= offset <= self._sent:
            raise ProtocolError(
                f"stdin_ack: {offset} (expected: from {self._acked} to {self._sent})"
            )
        if eof and not (self._eof_sent and offset == self._sent):
            raise ProtocolError("stdin_ack: the end of a stdin that was not ended")
        if self._held:
            self._held = False
            self._rewind(offset)
        else:
            self._forget(offset)
        self._eof_taken = self._eof_taken or eof
        self._pump()
        self._wake()

    def taken_before(self, offset: int, eof: bool) -> None:
        """``stdin_ack`` of a job that was there before: the same bytes, which another sent, count."""
        if offset <= self._sent and not eof:
            self.taken(offset, eof)
            return
        while self._unsent and self._sent < offset:
            first = self._unsent.popleft()
            step = min(len(first), offset - self._sent)
            self._sent += step
            self._unsent_bytes -= step
            if step < len(first):
                self._unsent.appendleft(first[step:])
        self._skip = max(0, offset - self._sent)
        self._unacked.clear()
        self._acked = self._sent = max(offset, self._sent)
        self._held = False
        if eof:
            self._eof = self._eof_sent = self._eof_taken = True
            self._unsent.clear()
            self._unsent_bytes = 0
        self._pump()
        self._wake()

    def hold(self) -> None:
        """The connection is lost: nothing leaves until the server says where to go on."""
        self._held = True

    def fail(self, why: Exception) -> None:
        """Nothing can be written any more. Idempotent."""
        if self._closed is None:
            self._closed = why
            self._unsent.clear()
            self._unacked.clear()
            self._unsent_bytes = 0
            self._wake()

    # --- inside

    def _is_drained(self) -> bool:
        if self._eof:
            return self._eof_taken
        return self._unsent_bytes == 0 and self._closed is None

    def _forget(self, offset: int) -> None:
        while self._acked < offset:
            first = self._unacked[0]
            step = min(len(first), offset - self._acked)
            if step == len(first):
                self._unacked.popleft()
            else:
                self._unacked[0] = first[step:]
            self._acked += step

    def _rewind(self, offset: int) -> None:
        self._forget(offset)
        while self._unacked:
            piece = self._unacked.pop()
            self._unsent.appendleft(memoryview(piece))
            self._unsent_bytes += len(piece)
        self._sent = self._acked
        self._eof_sent = False

    def _pump(self) -> None:
        if self._held or self._closed is not None or self._eof_sent:
            return
        while self._unsent_bytes:
            credit = self._acked + self._window - self._sent
            if credit <= 0:
                return
            piece = self._next_piece(min(credit, _MAX_PIECE))
            last = self._eof and self._unsent_bytes == 0
            self._eof_sent = last
            self._unacked.append(piece)
            offset = self._sent
            self._sent += len(piece)
            self._send(offset, piece, last)
        if self._eof and not self._eof_sent:
            self._eof_sent = True
            self._send(self._sent, b"", True)
        self._wake()

    def _next_piece(self, limit: int) -> bytes:
        pieces = []
        size = 0
        while self._unsent and size < limit:
            first = self._unsent[0]
            step = min(len(first), limit - size)
            if step == len(first):
                pieces.append(self._unsent.popleft())
            else:
                pieces.append(first[:step])
                self._unsent[0] = first[step:]
            size += step
        self._unsent_bytes -= size
        return b"".join(pieces)

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)
