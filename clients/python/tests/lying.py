"""A server that does what a scenario of clients/conformance says. Threads and blocking sockets."""

from __future__ import annotations

import json
import socket
import struct
import threading
import zlib
from typing import Any, Dict, List, Optional, Tuple

MAX_HEADER = 65_536
PASSED_OVER = ("ack", "pong", "stdin", "cancel", "detach")

Header = Dict[str, Any]


class Gone(Exception):
    """The client closed the connection, or the scenario cut it."""


class LyingServer:
    """Serves one run of a scenario, on a port of its own.

    Args:
        cut: how many bytes the first connection sends after the answer to hello; None: all.
    """

    def __init__(
        self,
        scenario: Dict[str, Any],
        templates: Dict[str, Header],
        variant: Any = None,
        cut: Optional[int] = None,
    ) -> None:
        self._scenario = scenario
        self._templates = templates
        self._variant = variant
        self._cut = cut
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = "127.0.0.1:%d" % self._listener.getsockname()[1]
        self.wrong: List[str] = []
        #: Whether the client ended the first connection, rather than this server.
        self.closed_by_client = threading.Event()
        #: Bytes that the first connection sent after the answer to hello.
        self.sent = 0
        self._once: Any = None
        self._stopped = False
        self._sockets: List[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends all connections."""
        self._stopped = True
        # Closing alone would leave an accept waiting.
        for sock in [self._listener, *self._sockets]:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()
        self._thread.join(10)

    def _serve(self) -> None:
        threads = []
        try:
            for number, steps in enumerate(self._scenario["connections"]):
                sock, _ = self._listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._sockets.append(sock)
                thread = threading.Thread(
                    target=_Connection(self, sock, number, steps).run, daemon=True
                )
                thread.start()
                threads.append(thread)
        except OSError:
            pass  # Stopped.
        finally:
            if not self._stopped:
                self._listener.close()
            for thread in threads:
                thread.join(60)


class _Connection:
    def __init__(
        self, server: LyingServer, sock: socket.socket, number: int, steps: List[Dict[str, Any]]
    ) -> None:
        self._server = server
        self._sock = sock
        self._input = sock.makefile("rb")
        self._number = number
        self._steps = steps
        self._offset = 0
        self._known: Dict[str, Any] = {}
        self._left = server._cut if number == 0 else None
        self._greeted = False

    def run(self) -> None:
        try:
            for step in self._steps:
                self._step(step)
            while True:
                self._frame()
        except (Gone, OSError, ValueError):
            pass
        except Exception as e:
            self._server.wrong.append(f"connection {self._number}: {e!r}")
        finally:
            self._input.close()
            self._sock.close()

    def _step(self, step: Dict[str, Any]) -> None:
        if "read" in step:
            self._read(step)
        elif "send" in step:
            headers = step["send"] if isinstance(step["send"], list) else [step["send"]]
            for _ in range(step.get("times", 1)):
                for header in headers:
                    self._send(self._header(header, step.get("with")), _body(step))
        elif "send_header" in step:
            raw = self._value(step["send_header"]).encode()
            self._write(struct.pack("<I", len(raw)) + raw)
        elif "send_hex" in step:
            self._write(bytes.fromhex(self._value(step["send_hex"])))
        elif "flood" in step:
            sent = 0
            while sent < step["most"]:
                self._send(self._header(step["flood"], step.get("with")), _body(step))
                sent += len(_body(step))
        elif "serve" in step:
            self._serve_log()
        elif "close" in step:
            raise Gone()
        elif "silence" in step:
            while self._sock.recv(65_536):
                pass
            self._ended()
        else:
            raise AssertionError(f"unknown step: {step}")

    # --- reading

    def _frame(self) -> Tuple[Header, bytes]:
        length = self._input.read(4)
        if len(length) < 4:
            self._ended()
        header = json.loads(self._input.read(struct.unpack("<I", length)[0]))
        return header, self._input.read(header["total_size"])

    def _ended(self) -> None:
        if self._number == 0:
            self._server.closed_by_client.set()
        raise Gone()

    def _read(self, step: Dict[str, Any]) -> None:
        wanted = step["read"]
        while True:
            header, body = self._frame()
            kind = header.get("type", "run")
            if kind == wanted or wanted == "any":
                break
            if kind == "hello":
                self._hello(header)
            elif kind == "ping":
                self._write_frame({"type": "pong", "id": header.get("id"), "final": True}, b"")
            elif kind not in PASSED_OVER:
                self._server.wrong.append(f"{kind} came (expected: {wanted})")
                raise Gone()
        if "id" in header:
            self._known["$id"] = header["id"]
        if "job" in header:
            self._known["$job"] = header["job"]
        if self._server._once is None:
            self._server._once = header.get("once")
        for key, value in step.get("expect", {}).items():
            if header.get(key) != self._value(value):
                self._server.wrong.append(
                    f"{kind}: {key}: {header.get(key)!r} (expected: {value!r})"
                )
        if "body" in step and body != step["body"].encode():
            self._server.wrong.append(f"{kind}: body: {body!r} (expected: {step['body']!r})")

    def _hello(self, header: Header) -> None:
        self._known["$id"] = header.get("id")
        left, self._left = self._left, None
        self._write_frame(self._header("hello", None), b"")
        self._left = left
        self._greeted = True

    # --- sending

    def _value(self, value: Any) -> Any:
        if value == "$variant":
            return self._value(self._server._variant)
        if value == "$once":
            return self._server._once
        if value == "$offset":
            return self._offset
        if isinstance(value, str) and value in ("$id", "$job"):
            return self._known.get(value)
        return value

    def _header(self, header: Any, extra: Any) -> Header:
        named = self._server._templates[header] if isinstance(header, str) else header
        merged = {**named, **(self._value(extra) or {})}
        made = {key: self._value(value) for key, value in merged.items()}
        return {key: value for key, value in made.items() if value is not None}

    def _send(self, header: Header, body: bytes) -> None:
        if header.get("type") == "output":
            self._offset += len(body)
        self._write_frame(header, body)

    def _write_frame(self, header: Header, body: bytes) -> None:
        header = {key: value for key, value in header.items() if value is not None}
        header.setdefault("total_size", len(body))
        if header.get("x-pad") == "$pad":
            header["x-pad"] = ""
            header["x-pad"] = "x" * (MAX_HEADER - len(json.dumps(header)))
        raw = json.dumps(header).encode()
        self._write(struct.pack("<I", len(raw)) + raw + body)

    def _write(self, raw: bytes) -> None:
        if self._left is not None:
            if len(raw) > self._left:
                self._sock.sendall(raw[: self._left])
                raise Gone()
            self._left -= len(raw)
        if self._number == 0 and self._greeted:
            self._server.sent += len(raw)
        try:
            self._sock.sendall(raw)
        except OSError:
            self._ended()

    def _serve_log(self) -> None:
        while True:
            header, _ = self._frame()
            kind = header.get("type", "run")
            if kind in ("run", "attach"):
                break
            if kind == "hello":
                self._hello(header)
        log = [(stream, text.encode()) for stream, text in self._server._scenario["log"]]
        start = header.get("from", 0)
        common = {"id": header.get("id"), "job": header.get("job", "j1")}
        self._write_frame(
            {
                "type": "started",
                **common,
                "final": False,
                "node": "n1",
                "boot": "b-1",
                "pid": 4711,
                "state": "running",
                "existing": True if kind == "attach" else None,
                "next": start,
            },
            b"",
        )
        totals = {"stdout": b"", "stderr": b""}
        position = 0
        for stream, text in log:
            totals[stream] += text
            rest = text[max(0, start - position) :]
            if rest:
                place = position + len(text) - len(rest)
                output = {"type": "output", **common, "final": False, "stream": stream}
                self._write_frame({**output, "offset": place}, rest)
            position += len(text)
        self._write_frame(
            {
                **self._server._templates["end"],
                **common,
                **{
                    stream: {"bytes": len(text), "crc32": zlib.crc32(text)}
                    for stream, text in totals.items()
                },
                "output_bytes": position,
            },
            b"",
        )


def _body(step: Dict[str, Any]) -> bytes:
    if "body" in step:
        return step["body"].encode()
    if "body_hex" in step:
        return bytes.fromhex(step["body_hex"])
    return b"x" * step.get("body_size", 0)
