"""Every scenario of clients/conformance: each lie is reported, none hangs or takes memory."""

from __future__ import annotations

import asyncio
import json
import os
import unittest
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

import runnel
from lying import LyingServer
from runnel import wire

CONFORMANCE = Path(__file__).resolve().parents[2] / "conformance"
FILES = ("answers", "output", "frames", "credit", "silence", "cuts")
MAX_GROWTH = 64 << 20


def load(name: str) -> Any:
    return json.loads((CONFORMANCE / f"{name}.json").read_text(encoding="utf-8"))


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


class Ran:
    """What the client reported, as README.md has it."""

    def __init__(self, result: str, **keys: Any) -> None:
        self.keys = {"result": result, **keys}


async def ask(client: runnel.Client, asked: Dict[str, Any]) -> Ran:
    gaps: List[Tuple[int, int]] = []
    on_gap = (lambda gap: gaps.append(tuple(gap))) if asked.get("gaps") else None
    window = asked.get("window", 65_536)
    if "status" in asked:
        await client.status(asked["status"])
        return Ran("answered")
    if "jobs" in asked:
        return Ran("answered", count=len(await client.jobs(limit=asked["jobs"])))
    if "ping" in asked:
        await client.ping()
        return Ran("answered")
    if "run" in asked:
        result = await client.run(
            asked["run"],
            window=window,
            input=asked.get("stdin"),
            job=asked.get("job"),
            on_full=asked.get("on_full"),
            on_gap=on_gap,
        )
        return exited(result.end, result.stdout, result.stderr)
    if "start" in asked:
        job = await client.start(asked["start"], window=window, on_gap=on_gap)
    elif "watch" in asked:
        job = await client.watch(asked["watch"], start=asked["from"], window=window, on_gap=on_gap)
    else:
        job = await client.attach(
            asked["attach"], start=asked["from"], window=window, on_gap=on_gap
        )
    read = {"stdout": b"", "stderr": b""}
    if asked.get("read", True):
        async for chunk in job.output():
            read[chunk.stream] += chunk.data
    ran = exited(await job.wait(), read["stdout"], read["stderr"])
    ran.keys["gaps"] = [list(gap) for gap in gaps]
    return ran


def exited(end: runnel.End, stdout: bytes, stderr: bytes) -> Ran:
    return Ran(
        "exited",
        exit_code=end.exit_code,
        signal=end.signal,
        stdout=stdout.decode(errors="replace"),
        stderr=stderr.decode(errors="replace"),
    )


def reported(error: Exception) -> Ran:
    if isinstance(error, runnel.Refused):
        return Ran("refused", code=error.code, retry_after_ms=error.retry_after_ms)
    if isinstance(error, runnel.Unreachable):
        return Ran("unreachable")
    if isinstance(error, runnel.StartFailed):
        return Ran("start_failed", errno=error.errno, at=error.at)
    if isinstance(error, runnel.Ended):
        return Ran(error.end.outcome)
    if isinstance(error, runnel.OutcomeUnknown):
        return Ran("outcome_unknown", code=error.code)
    if isinstance(error, runnel.Detached):
        return Ran("detached", reason=error.reason)
    if isinstance(error, runnel.OutputLost):
        return Ran("damaged", kind="gap")
    if isinstance(error, runnel.ChecksumMismatch):
        return Ran("damaged", kind="checksum")
    if isinstance(error, runnel.Damaged):
        return Ran("damaged", kind="protocol")
    raise error


class ConformanceTest(unittest.TestCase):
    """One test a file; each scenario, variant and cut is a subtest."""

    templates: Dict[str, Any] = load("templates")

    def run_once(self, scenario: Dict[str, Any], variant: Any, cut: Optional[int]) -> LyingServer:
        server = LyingServer(scenario, self.templates, variant, cut)
        try:
            asyncio.run(self.drive(server, scenario, variant))
        finally:
            server.stop()
        self.assertEqual([], server.wrong)
        return server

    async def drive(self, server: LyingServer, scenario: Dict[str, Any], variant: Any) -> None:
        seconds = scenario.get("max_ms", 10_000) / 1000
        options = scenario.get("client", {})
        heartbeat = options.get("heartbeat_ms")
        client: Optional[runnel.Client] = None
        before = resident()
        try:
            client = await asyncio.wait_for(
                runnel.connect(
                    server.host,
                    connect_timeout=options.get("connect_timeout_ms", 5_000) / 1000,
                    linger=options.get("linger_ms", 0) / 1000,
                    heartbeat=None if heartbeat is None else heartbeat / 1000,
                ).__aenter__(),
                seconds,
            )
            ran = await asyncio.wait_for(ask(client, scenario["ask"]), seconds)
        except runnel.RunnelError as e:
            ran = reported(e)
        except asyncio.TimeoutError:
            self.fail(f"no report within {seconds} s")
        self.assertLess(resident() - before, MAX_GROWTH, "memory")
        expect = {
            key: variant if value == "$variant" else value
            for key, value in scenario["expect"].items()
        }
        if expect.pop("connection", "") == "closed":
            closed = await asyncio.get_running_loop().run_in_executor(
                None, server.closed_by_client.wait, 10
            )
            self.assertTrue(closed, "the client keeps the connection")
        if isinstance(expect["result"], list):
            self.assertIn(ran.keys["result"], expect.pop("result"))
        self.assertEqual(expect, {key: ran.keys.get(key) for key in expect}, ran.keys)
        if client is not None:
            await asyncio.wait_for(client.close(), 10)

    def run_file(self, name: str) -> None:
        for scenario in load(name):
            for label, variant in scenario.get("variants", {"": None}).items():
                for cut in self.cuts(scenario):
                    with self.subTest(file=name, scenario=scenario["name"], variant=label, cut=cut):
                        self.run_once(scenario, variant, cut)

    def cuts(self, scenario: Dict[str, Any]) -> Iterator[Optional[int]]:
        if not scenario.get("cut"):
            yield None
            return
        whole = LyingServer({**scenario, "expect": {}}, self.templates)
        try:
            asyncio.run(self.run_whole(whole, scenario))
        finally:
            whole.stop()
        self.assertGreater(whole.sent, 100)
        # A run with every byte is the long form.
        step = 1 if "RUNNEL_CUTS" in os.environ else 7
        first = int(os.environ.get("RUNNEL_CUTS_SEED", "1")) % step
        yield from range(first, whole.sent, step)

    async def run_whole(self, server: LyingServer, scenario: Dict[str, Any]) -> None:
        async with runnel.connect(server.host, linger=0, heartbeat=None) as client:
            await ask(client, scenario["ask"])


def _test_of(name: str) -> Any:
    def test(self: ConformanceTest) -> None:
        self.run_file(name)

    return test


for _name in FILES:
    setattr(ConformanceTest, f"test_{_name}", _test_of(_name))


class VectorsTest(unittest.TestCase):
    """The frames of PROTOCOL.md, section 7."""

    def test_decodes_what_servers_send(self) -> None:
        for vector in load("vectors"):
            if vector["sender"] != "server":
                continue
            with self.subTest(vector["name"]):
                header, body = self.decode(bytes.fromhex(vector["hex"]))
                self.assertEqual(json.loads(vector["text"]), header)
                self.assertEqual(header["total_size"], len(body))

    def test_encodes_what_clients_send(self) -> None:
        for vector in load("vectors"):
            if vector["sender"] != "client" or "error" in vector or "text" not in vector:
                continue
            with self.subTest(vector["name"]):
                raw = bytes.fromhex(vector["hex"])
                header, body = self.decode(raw)
                again, same = self.decode(wire.encode(dict(header), body))
                self.assertEqual((header, body), (again, same))

    def decode(self, raw: bytes) -> Tuple[Dict[str, Any], bytes]:
        found: List[Tuple[Dict[str, Any], bytes]] = []
        decoder = wire.FrameDecoder(lambda header, body: found.append((header, bytes(body))))
        for octet in raw:
            decoder.buffer()[0] = octet
            decoder.received(1)
        self.assertEqual(1, len(found))
        self.assertTrue(decoder.is_between_frames())
        return found[0]


if __name__ == "__main__":
    unittest.main()
