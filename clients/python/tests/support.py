"""What the tests share: a real runneld, a proxy that cuts connections, and polling."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import unittest
from pathlib import Path
from typing import Any, Awaitable, Callable, List, Optional, Set

ROOT = Path(__file__).resolve().parents[3]

_started: Optional["subprocess.Popen[str]"] = None


def host() -> str:
    """The address of a runneld that takes connections without a token.

    ``RUNNEL_TEST_HOST`` names it; without that one is started, of what this checkout has built.
    """
    global _started
    given = os.environ.get("RUNNEL_TEST_HOST")
    if given:
        return given
    if not (ROOT / "target" / "runnel.jar").exists():
        raise unittest.SkipTest(
            "there is no runneld (RUNNEL_TEST_HOST, or a checkout that is built)"
        )
    if _started is None:
        _started = subprocess.Popen(
            [ROOT / "runnel", "serve", "--listen", "127.0.0.1:0", "--insecure"],
            env={**os.environ, "RUNNEL_BUILD": "never", "RUNNEL_STATE_DIR": "none"},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        unittest.addModuleCleanup(stop)
    assert _started.stdout is not None
    os.environ["RUNNEL_TEST_HOST"] = _started.stdout.readline().split()[-1]
    return os.environ["RUNNEL_TEST_HOST"]


def stop() -> None:
    """Ends what ``host`` started."""
    global _started
    if _started is not None:
        _started.kill()
        _started.wait()
        if _started.stdout is not None:
            _started.stdout.close()
        _started = None
        del os.environ["RUNNEL_TEST_HOST"]


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    """Waits until it holds."""
    for _ in range(3000):
        if await condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come true within 30 s")


class CuttingProxy:
    """Passes connections on to a server, and cuts each of them at a byte that a seed chooses.

    Args:
        cuts: after so many it only passes on.
        spread: a connection ends within so many bytes, of both directions.
        manners: how: ``close``, ``reset``, or ``silence``, in which nothing passes any more.
    """

    def __init__(
        self, target: str, *, seed: int, cuts: int, spread: int, manners: List[str]
    ) -> None:
        self._host, _, port = target.rpartition(":")
        self._port = int(port)
        self._random = random.Random(seed)
        self._left = cuts
        self._spread = spread
        self._manners = manners
        self._server: Optional[asyncio.AbstractServer] = None
        self._tasks: Set["asyncio.Task[Any]"] = set()
        #: How many connections were cut.
        self.cuts = 0
        self.address = ""

    async def __aenter__(self) -> "CuttingProxy":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.address = "127.0.0.1:%d" % self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # Their transports close in the loop's next turns.
        await asyncio.sleep(0.01)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self._host, self._port)
        self._tasks.add(asyncio.current_task())  # type: ignore[arg-type]
        try:
            await self._both_ways(reader, writer, there, back)
        except asyncio.CancelledError:
            pass  # The test is over.
        finally:
            writer.transport.abort()
            back.transport.abort()

    async def _both_ways(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        there: asyncio.StreamReader,
        back: asyncio.StreamWriter,
    ) -> None:
        budget = [self._random.randrange(self._spread) if self._left > 0 else -1]
        manner = self._random.choice(self._manners)
        self._left -= 1
        ways = [
            asyncio.ensure_future(self._pass(reader, back, budget)),
            asyncio.ensure_future(self._pass(there, writer, budget)),
        ]
        done, others = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for other in others:
            other.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        cut = any(not way.cancelled() and way.exception() is None and way.result() for way in done)
        if cut:
            self.cuts += 1
        if cut and manner == "silence":
            # Until the client hears that it hears nothing.
            try:
                while await reader.read(65_536):
                    pass
            except OSError:
                pass
        for stream in (writer, back):
            if not cut or manner != "reset":
                stream.close()
                try:
                    await stream.wait_closed()
                except OSError:
                    pass

    # True: its budget is spent.
    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, budget: List[int]
    ) -> bool:
        try:
            while True:
                data = await reader.read(65_536)
                if not data:
                    return False
                if 0 <= budget[0] < len(data):
                    writer.write(data[: budget[0]])
                    budget[0] = 0
                    await writer.drain()
                    return True
                if budget[0] >= 0:
                    budget[0] -= len(data)
                writer.write(data)
                await writer.drain()
        except OSError:
            return False
