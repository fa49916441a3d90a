"""The asyncio client against a real runneld."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import re
import socket
import ssl
import tempfile
import unittest
from typing import Any, Dict, List

import runnel
from runnel import follow, spec, target
from support import ROOT, CuttingProxy, eventually, host

PROTOCOL = ROOT / "PROTOCOL.md"
TRAINING = ROOT / "src" / "main" / "sh" / "training"


def setUpModule() -> None:
    host()


class ClientTest(unittest.IsolatedAsyncioTestCase):
    """One client a test, without linger."""

    async def asyncSetUp(self) -> None:
        self.client = await runnel.connect(host(), linger=0)
        self.addAsyncCleanup(self.client.close)

    async def ended(self, job: str) -> runnel.End:
        """How a job ended, as the server has it."""
        found: List[runnel.End] = []

        async def has_ended() -> bool:
            end = (await self.client.status(job)).end
            found.extend([end] if end is not None else [])
            return end is not None

        await eventually(has_ended)
        return found[0]

    # --- what is run

    async def test_tells_output_and_exit_code(self) -> None:
        result = await self.client.run("echo out; echo err >&2; exit 3")
        self.assertEqual(
            (3, None, b"out\n", b"err\n"),
            (result.exit_code, result.signal, result.stdout, result.stderr),
        )

    async def test_tells_a_signal_as_a_signal(self) -> None:
        result = await self.client.run("kill -SEGV $$")
        self.assertEqual((None, "SEGV"), (result.exit_code, result.signal))

    async def test_decodes_text_when_asked(self) -> None:
        result = await self.client.run(["printf", "größer"], encoding="utf-8")
        self.assertEqual("größer", result.stdout)

    async def test_raises_for_a_failed_command_when_asked(self) -> None:
        with self.assertRaises(runnel.CommandFailed) as caught:
            await self.client.run("echo why >&2; exit 7", check=True)
        self.assertEqual((7, b"why\n"), (caught.exception.exit_code, caught.exception.stderr))

    async def test_passes_arguments_of_any_bytes(self) -> None:
        words = [b"printf", b"%s|", b"\xff\xfe", "ö", "", os.fsdecode(b"\xe9")]
        result = await self.client.run(words)
        self.assertEqual(b"\xff\xfe|\xc3\xb6||\xe9|", result.stdout)

    async def test_passes_arguments_longer_than_a_header(self) -> None:
        long = "x" * 100_000
        result = await self.client.run(["printf", "%s", long])
        self.assertEqual(long.encode(), result.stdout)

    async def test_passes_a_line_of_any_bytes(self) -> None:
        self.assertEqual(b"\xff\n", (await self.client.run(b"echo \xff")).stdout)

    async def test_passes_variables_and_secrets(self) -> None:
        result = await self.client.run(
            'printf "%s|%s|%s|%s" "$A" "$B" "$LANG" "$S"',
            env={"A": "1", "B": b"\xe9", "LANG": None},
            secret_env={"S": "s3cret"},
        )
        self.assertEqual(b"1|\xe9||s3cret", result.stdout)
        self.assertNotIn("s3cret", (await self.client.status(result.job)).command)

    async def test_runs_in_a_folder_whose_name_is_no_text(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            named = os.path.join(os.fsencode(folder), b"\xe9")
            os.mkdir(named)
            result = await self.client.run("pwd", cwd=named)
        self.assertEqual(named + b"\n", result.stdout)

    async def test_applies_limits_and_merges_streams(self) -> None:
        result = await self.client.run(
            "ulimit -n; echo err >&2", limits=runnel.Limits(open_files=77), merge=True
        )
        self.assertEqual((b"77\nerr\n", b""), (result.stdout, result.stderr))

    async def test_gives_a_terminal(self) -> None:
        async with self.client.start(
            "stty size; read x; stty size", pty=runnel.Pty(rows=30, cols=100), stdin=True
        ) as job:
            lines = job.lines(encoding="utf-8")
            self.assertEqual("30 100", (await lines.__anext__()).strip())
            await job.resize(50, 132)
            job.stdin.write(b"\n")
            rest = [line.strip() async for line in lines]
            self.assertIn("50 132", rest)

    async def test_a_watcher_sees_the_size_of_a_terminal(self) -> None:
        async with self.client.start("read x", pty=runnel.Pty(rows=30, cols=100), stdin=True) as job:
            async with self.client.watch(job.name) as watcher:
                self.assertEqual((30, 100), watcher.terminal_size)
                self.assertEqual((30, 100), (await self.client.status(job.name)).terminal_size)
                await job.resize(50, 132)

                async def resized() -> bool:
                    return watcher.terminal_size == (50, 132)

                await eventually(resized)

    def test_has_every_key_of_run(self) -> None:
        section = (
            PROTOCOL.read_text(encoding="utf-8").split("### `run`")[1].split("### `attach`")[0]
        )
        table = section.split('`on_full:"spool"` is offered')[0]
        keys = set(re.findall(r"(?m)^\| `(\w+)` \|", table))
        self.assertGreater(len(keys), 25)
        elsewhere = {"argv", "argv_b64", "argv_body", "cwd_b64", "env_b64", "env_body", "stdin"}
        ours = set(runnel.RunOptions.__annotations__)
        self.assertEqual(keys - elsewhere, ours - {"secret_env"})
        with self.assertRaises(TypeError):
            self.client.start("true", timeout=5)  # type: ignore[call-arg]

    def test_sends_every_key_of_run(self) -> None:
        values: Dict[str, Any] = {
            "cwd": "/src",
            "env": {"A": "1"},
            "env_from": ["KEY"],
            "merge": True,
            "pty": {"rows": 1},
            "limits": {"cpu_s": 1},
            "user": "build",
            "job": "j",
            "once": "o",
            "boot": "b",
            "timeout_ms": 1,
            "grace_ms": 2,
            "drain_ms": 3,
            "drain_max_ms": 4,
            "linger_ms": 5,
            "keep_ms": 6,
            "window": 1024,
            "retain": 2048,
            "on_full": "spool",
            "spool_bytes": 7,
            "leftovers": "keep",
            "labels": {"app": "shop"},
            "trace": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "node": "n1",
            "where": {"zone": "a"},
        }
        self.assertEqual(set(runnel.RunOptions.__annotations__), set(values) | {"secret_env"})
        opening = spec.run(["x"], linger=0, stdin=True, **values)
        self.assertEqual({"type": "run", "argv": ["x"], "stdin": True, **values}, opening.header)

    async def test_finds_jobs_by_their_labels(self) -> None:
        labels = {"app": f"shop-{random.getrandbits(64)}", "stage": "test/1"}
        await self.client.run("true", labels=labels)
        (found,) = await self.client.jobs(labels={"app": labels["app"]})
        self.assertEqual(labels, found.labels)
        self.assertEqual([], await self.client.jobs(labels={**labels, "stage": "test/2"}))

    # --- stdin

    async def test_feeds_a_command(self) -> None:
        data = random.Random(1).randbytes(3_000_000)
        result = await self.client.run(["cat"], input=data)
        self.assertEqual(hashlib.sha256(data).digest(), hashlib.sha256(result.stdout).digest())

    async def test_feeds_a_command_piece_by_piece(self) -> None:
        async with self.client.start(["cat"], stdin=True) as job:
            chunks = job.output()
            for piece in (b"one", b"two"):
                job.stdin.write(piece)
                await job.stdin.drain()
                self.assertEqual(piece, (await chunks.__anext__()).data)
            job.stdin.close()
            await job.stdin.drain()
            self.assertEqual(0, (await job.wait()).exit_code)

    async def test_holds_a_writer_whose_command_does_not_read(self) -> None:
        async with self.client.start(["sleep", "60"], stdin=True) as job:
            job.stdin.write(b"x" * 3_000_000)
            with self.assertRaises(BufferError):
                job.stdin.write(b"x")
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(job.stdin.drain(), 0.2)
            self.assertLessEqual(job.stdin.taken_bytes, 65_536 * 2)

    async def test_tells_a_writer_that_the_command_reads_no_more(self) -> None:
        async with self.client.start("exec <&-; sleep 60", stdin=True) as job:
            with self.assertRaises(BrokenPipeError):
                while True:
                    job.stdin.write(b"x" * 65_536)
                    await job.stdin.drain()

    async def test_takes_input_that_nobody_reads_for_no_error(self) -> None:
        result = await self.client.run(["true"], input=b"x" * 1_000_000)
        self.assertEqual(0, result.exit_code)

    # --- output

    async def test_streams_lines_of_one_stream_and_discards_the_other(self) -> None:
        async with self.client.start("seq 3; head -c 1000000 /dev/zero >&2; printf last") as job:
            job.discard("stderr")
            self.assertEqual(
                [b"1\n", b"2\n", b"3\n", b"last"], [line async for line in job.lines()]
            )
            self.assertEqual(1_000_000, (await job.wait()).stderr.bytes)

    async def test_reads_both_streams_at_once(self) -> None:
        async def read(lines: Any) -> int:
            return sum([len(line) async for line in lines])

        command = (
            "for i in $(seq 50); do head -c 20000 /dev/zero; head -c 10000 /dev/zero >&2; done"
        )
        async with self.client.start(command, window=65_536) as job:
            sizes = await asyncio.gather(read(job.lines("stdout")), read(job.lines("stderr")))
            self.assertEqual([1_000_000, 500_000], sizes)
            await job.wait()

    async def test_gives_a_long_line_in_pieces(self) -> None:
        async with self.client.start("head -c 100000 /dev/zero; echo; echo x") as job:
            lines = [line async for line in job.lines(max_line_bytes=40_000)]
            self.assertEqual([40_000, 40_000, 20_001, 2], [len(line) for line in lines])

    async def test_a_consumer_that_does_not_read_holds_its_own_job_only(self) -> None:
        async with self.client.start(["yes"], window=65_536) as stuck:
            for _ in range(20):
                result = await self.client.run("head -c 1000000 /dev/zero")
                self.assertEqual(1_000_000, len(result.stdout))
            waiting = await stuck.next_chunks(("stdout",))
            self.assertLessEqual(sum(len(chunk.data) for chunk in waiting), 65_536)
            read = 0
            async for chunk in stuck.output():
                read += len(chunk.data)
                if read > 3_000_000:
                    break

    async def test_streams_through_the_smallest_window(self) -> None:
        result = await self.client.run("seq 20000", window=1024, retain=1024)
        self.assertEqual(list(range(1, 20_001)), list(map(int, result.stdout.split())))

    async def test_warns_of_output_that_nobody_reads(self) -> None:
        before, follow._UNREAD_SECONDS = follow._UNREAD_SECONDS, 0.05
        try:
            with self.assertLogs("runnel", "WARNING") as logs:
                async with self.client.start("yes >&2", window=65_536) as job:

                    async def warned() -> bool:
                        return len(logs.output) > 0

                    await eventually(warned)
            self.assertIn(job.name, logs.output[0])
        finally:
            follow._UNREAD_SECONDS = before

    async def test_bounds_what_run_collects(self) -> None:
        with self.assertRaises(runnel.OutputTooLong) as caught:
            await self.client.run(["yes"], max_output_bytes=1_000_000)
        assert caught.exception.job is not None
        self.assertEqual("canceled", (await self.ended(caught.exception.job)).outcome)

    async def test_follows_many_jobs_over_one_connection(self) -> None:
        async def one(number: int) -> None:
            result = await self.client.run(f"seq {number * 100}; exit {number}")
            self.assertEqual(number, result.exit_code)
            self.assertEqual(number * 100, len(result.stdout.split()))

        await asyncio.gather(*(one(number) for number in range(50)))

    # --- ends

    async def test_a_job_that_was_ended_is_no_result(self) -> None:
        with self.assertRaises(runnel.TimedOut) as caught:
            await self.client.run("trap 'exit 0' TERM; sleep 60 & wait", timeout_ms=300)
        self.assertEqual(0, caught.exception.end.exit_code)

    async def test_tells_why_a_start_failed(self) -> None:
        for command, options, at, errno in (
            (["nonesuch"], {}, "exec", "ENOENT"),
            (["true"], {"cwd": "/nonesuch"}, "cwd", "ENOENT"),
        ):
            with self.assertRaises(runnel.StartFailed) as caught:
                await self.client.run(command, **options)  # type: ignore[arg-type]
            self.assertEqual((at, errno), (caught.exception.at, caught.exception.errno))

    async def test_tells_why_it_was_refused(self) -> None:
        for options, code in (
            ({"boot": "another"}, "stale"),
            ({"window": 1}, "bad_request"),
            ({"env_from": ["X"]}, "forbidden"),
        ):
            with self.assertRaises(runnel.Refused) as caught:
                await self.client.run("true", **options)  # type: ignore[arg-type]
            self.assertEqual(code, caught.exception.code)
        with self.assertRaises(runnel.Refused) as caught:
            await self.client.status("nonesuch")
        self.assertEqual("unknown_job", caught.exception.code)

    async def test_canceling_the_task_cancels_the_job(self) -> None:
        name = spec.random_name(16)
        task = asyncio.create_task(self.client.run("sleep 60", job=name))

        async def runs() -> bool:
            jobs = await self.client.jobs(prefix=name, state="running")
            return len(jobs) == 1

        await eventually(runs)
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        self.assertEqual("canceled", (await self.ended(name)).outcome)

    async def test_leaving_the_block_cancels_the_job(self) -> None:
        async with self.client.start(["yes"]) as job:
            await job.output().__anext__()
        self.assertEqual("canceled", (await self.ended(job.name)).outcome)

    async def test_closing_the_client_cancels_what_it_started(self) -> None:
        async with runnel.connect(host(), linger=60) as other:
            job = await other.start(["sleep", "60"])
        self.assertEqual("canceled", (await self.ended(job.name)).outcome)
        # Whichever comes first.
        with self.assertRaises((runnel.Canceled, runnel.ConnectionLost)):
            await job.wait()

    async def test_signals_a_job(self) -> None:
        async with self.client.start(
            "trap 'echo usr1; exit 5' USR1; echo ready; sleep 60 & wait"
        ) as job:
            lines = job.lines()
            self.assertEqual(b"ready\n", await lines.__anext__())
            await job.signal("USR1")
            self.assertEqual(b"usr1\n", await lines.__anext__())
            self.assertEqual(5, (await job.wait()).exit_code)

    # --- other clients

    async def test_a_job_goes_on_without_its_client(self) -> None:
        job = await self.client.start("echo one; read x; echo $x", stdin=True, window=65_536)
        self.assertEqual(b"one\n", (await job.output().__anext__()).data)
        offset = await job.detach()
        with self.assertRaises(runnel.Detached):
            await job.wait()
        async with runnel.connect(host(), linger=0) as other:
            async with other.attach(job.name, start=offset) as again:
                self.assertTrue(again.existing)
                again.stdin.write(b"two\n")
                self.assertEqual([b"two\n"], [line async for line in again.lines()])
                self.assertEqual(0, (await again.wait()).exit_code)

    async def test_stdin_goes_on_where_another_client_stopped(self) -> None:
        job = await self.client.start("cat; sleep 60", stdin=True)
        job.stdin.write(b"one")
        self.assertEqual(b"one", (await job.output().__anext__()).data)
        async with runnel.connect(host(), linger=0) as other:
            second = await other.attach(job.name)
            second.stdin.write(b"two")
            second.stdin.close()
            await second.stdin.drain()
        async with runnel.connect(host(), linger=0) as other:
            third = await other.attach(job.name)
            seen = b""
            async for chunk in third.output():
                seen += chunk.data
                if len(seen) == 6:
                    break
            self.assertEqual(b"onetwo", seen)
            with self.assertRaises(BrokenPipeError):
                third.stdin.write(b"more")
            await third.cancel(grace_ms=0)
            with self.assertRaises(runnel.Canceled):
                await third.wait()

    async def test_the_same_run_again_feeds_what_is_missing(self) -> None:
        name = spec.random_name(16)
        job = await self.client.start(["cat"], stdin=True, job=name, once="a", linger_ms=60_000)
        job.stdin.write(b"onetwo")
        self.assertEqual(b"onetwo", (await job.output().__anext__()).data)
        async with runnel.connect(host(), linger=0) as other:
            again = await other.run(
                ["cat"], input=b"onetwothree", job=name, once="a", linger_ms=60_000
            )
            self.assertEqual((0, b"onetwothree"), (again.exit_code, again.stdout))
            last = await other.run(
                ["cat"], input=b"onetwothree", job=name, once="a", linger_ms=60_000
            )
            self.assertEqual(b"onetwothree", last.stdout)

    async def test_another_client_takes_the_seat(self) -> None:
        job = await self.client.start(["sleep", "60"])
        async with runnel.connect(host(), linger=0) as other:
            taken = await other.attach(job.name)
            with self.assertRaises(runnel.Detached) as caught:
                await job.wait()
            self.assertEqual("replaced", caught.exception.reason)
            await taken.cancel(grace_ms=0)
            with self.assertRaises(runnel.Canceled):
                await taken.wait()

    async def test_watchers_see_all_of_it(self) -> None:
        result = await self.client.run("seq 1000")
        async with self.client.watch(result.job) as job:
            seen = b"".join([chunk.data async for chunk in job.output()])
            self.assertEqual(result.stdout, seen)
            with self.assertRaises(ValueError):
                job.stdin
        async with self.client.watch(result.job, start="end") as job:
            self.assertEqual([], [chunk async for chunk in job.output()])
            self.assertEqual(0, (await job.wait()).exit_code)

    async def test_a_gap_is_told_or_raised(self) -> None:
        result = await self.client.run("head -c 2000000 /dev/zero", retain=65_536, window=65_536)
        async with self.client.watch(result.job) as job:
            with self.assertRaises(runnel.OutputLost):
                await job.wait()
        gaps: List[runnel.Gap] = []
        async with self.client.watch(result.job, on_gap=gaps.append) as job:
            rest = sum([len(chunk.data) async for chunk in job.output()])
            self.assertEqual(0, (await job.wait()).exit_code)
        self.assertEqual(2_000_000, rest + sum(gap.stop - gap.start for gap in gaps))
        async with self.client.watch(result.job, start=1000, on_gap=gaps.append) as job:
            self.assertEqual(rest, sum([len(chunk.data) async for chunk in job.output()]))
            self.assertEqual(1000, gaps[-1].start)
            self.assertEqual(gaps[-1].stop - 1000, (await job.wait()).gap_bytes)

    async def test_what_a_gap_handler_raises_is_raised(self) -> None:
        result = await self.client.run("head -c 2000000 /dev/zero", retain=65_536, window=65_536)

        def refuse(gap: runnel.Gap) -> None:
            raise KeyError(gap.start)

        async with self.client.watch(result.job, on_gap=refuse) as job:
            with self.assertRaises(KeyError):
                await job.wait()
        self.assertEqual(0, (await self.client.run("true")).exit_code)

    async def test_refuses_what_cannot_be_sent(self) -> None:
        for command, options in (
            ([], {}),
            (["x", "\0" * 100_000], {}),
            ("x" * 200_000, {}),
            (["true"], {"env": {"A": "x" * 70_000}}),
            (["true"], {"user": "\ud83d"}),
        ):
            with self.subTest(str(command)[:20]), self.assertRaises(ValueError):
                await self.client.run(command, **options)  # type: ignore[arg-type]
        self.assertEqual(0, (await self.client.run("true")).exit_code)

    async def test_lists_jobs(self) -> None:
        name = spec.random_name(16)
        await asyncio.gather(*(self.client.run("true", job=f"{name}-{n}") for n in range(3)))
        jobs = await self.client.jobs(prefix=name, limit=2)
        self.assertEqual([f"{name}-0", f"{name}-1"], [job.job for job in jobs])
        self.assertEqual("ended", jobs[0].state)

    async def test_once_starts_nothing_twice(self) -> None:
        name = spec.random_name(16)
        with tempfile.TemporaryDirectory() as folder:
            for _ in range(2):
                result = await self.client.run(
                    "echo x >> log; cat log", cwd=folder, job=name, once="a"
                )
                self.assertEqual(b"x\n", result.stdout)

    async def test_pings(self) -> None:
        await self.client.ping()
        self.assertIn("attach", self.client.hello.features)


class LostConnectionTest(unittest.IsolatedAsyncioTestCase):
    """Connections that are cut, at bytes that a seed chooses: RUNNEL_CUTS, RUNNEL_CUTS_SEED."""

    async def test_nothing_is_lost_whatever_is_cut(self) -> None:
        cuts = int(os.environ.get("RUNNEL_CUTS", "20"))
        seed = int(os.environ.get("RUNNEL_CUTS_SEED", "1"))
        data = random.Random(seed).randbytes(100_000 * cuts)
        proxy = CuttingProxy(
            host(), seed=seed, cuts=cuts, spread=300_000, manners=["close", "reset", "silence"]
        )
        async with proxy:
            async with runnel.connect(proxy.address, linger=30, heartbeat=0.1) as client:
                while proxy.cuts < cuts:
                    await asyncio.gather(
                        self.copy(client, data), self.read(client, 2_000 * cuts), self.tick(client)
                    )
        self.assertEqual(cuts, proxy.cuts, f"seed {seed}")

    async def copy(self, client: runnel.Client, data: bytes) -> None:
        result = await client.run("tee /dev/stderr", input=data, max_output_bytes=1 << 30)
        self.assertEqual(0, result.exit_code)
        self.assertEqual(data, result.stdout)
        self.assertEqual(data, result.stderr)

    async def read(self, client: runnel.Client, count: int) -> None:
        async with client.start(["seq", str(count)]) as job:
            number = 0
            async for line in job.lines():
                number += 1
                self.assertEqual(number, int(line))
            self.assertEqual(0, (await job.wait()).exit_code)
            self.assertEqual(count, number)

    async def tick(self, client: runnel.Client) -> None:
        for number in range(5):
            self.assertEqual(number, (await client.run(f"exit {number}")).exit_code)

    async def test_without_linger_a_cut_is_an_unknown_outcome(self) -> None:
        proxy = CuttingProxy(host(), seed=1, cuts=1, spread=1, manners=["close"])
        async with proxy:
            with self.assertRaises(runnel.Unreachable):
                await runnel.connect(proxy.address, linger=0)


class AddressTest(unittest.IsolatedAsyncioTestCase):
    """Where a server is, and what may be sent there."""

    def test_reads_addresses_as_the_command_line_does(self) -> None:
        for text, expected in (
            ("build-1", ("build-1", 7866, None)),
            ("build-1:1", ("build-1", 1, None)),
            ("[::1]", ("::1", 7866, None)),
            ("[::1]:65535", ("::1", 65_535, None)),
            ("unix:/run/x", ("", 0, "/run/x")),
        ):
            self.assertEqual(expected, target.parse(text))
        for text in (
            "unix:",
            "::1",
            "[::1",
            "[]:1",
            "a:0",
            "a:65536",
            "a:x",
            "a:",
            "http://a",
            "u@a",
            "-a",
            "a b",
            ":1",
        ):
            with self.subTest(text), self.assertRaises(ValueError):
                target.parse(text)

    def test_takes_what_the_environment_says_unless_it_is_told(self) -> None:
        env = {"RUNNEL_HOST": "a:1", "RUNNEL_TOKEN": " s \n", "RUNNEL_CA": str(TRAINING / "ca.pem")}
        found = target.resolve(env=env)
        self.assertEqual(("a", 1, "s"), (found.host, found.port, found.token))
        self.assertIsNotNone(found.tls)
        told = target.resolve("b:2", token="t", tls=False, env=env)
        self.assertEqual(("b", 2, "t", None), (told.host, told.port, told.token, told.tls))
        self.assertIsNone(target.resolve("b", env={**env, "RUNNEL_TLS": "false"}).tls)
        with self.assertRaises(ValueError):
            target.resolve("b", env={"RUNNEL_TLS": "yes"})
        with self.assertRaises(ValueError):
            target.resolve("b", cert="x", env={})

    def test_finds_the_socket_of_ones_own_server(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(folder + "/runnel", 0o700)
            path = folder + "/runnel/runneld.sock"
            env = {"XDG_RUNTIME_DIR": folder}
            with self.assertRaises(runnel.Unreachable):
                target.resolve(env=env)
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(path)
                self.assertEqual(path, target.resolve(env=env).path)
                # Where others may write, it may be another's.
                os.chmod(folder + "/runnel", 0o770)
                with self.assertRaises(runnel.Unreachable):
                    target.resolve(env=env)

    def test_a_token_is_shown_nowhere(self) -> None:
        self.assertNotIn("s3cret", repr(target.resolve("a", token="s3cret", env={})))

    async def test_a_token_never_leaves_this_machine_in_clear(self) -> None:
        with self.assertRaises(runnel.Unreachable) as caught:
            await runnel.connect("192.0.2.1:7866", token="s3cret", tls=False)
        self.assertIn("in clear", str(caught.exception))

    async def test_a_token_is_not_sent_to_another_users_process(self) -> None:
        if os.geteuid() != 0:
            self.skipTest("it needs root")
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        listener.close()
        ready, told = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.setuid(65_534)
            stranger = socket.create_server(("127.0.0.1", port))
            os.write(told, b"x")
            taken, _ = stranger.accept()
            os.write(told, b"got:" + taken.recv(1000))
            os._exit(0)
        try:
            os.read(ready, 1)
            with self.assertRaises(runnel.Unreachable) as caught:
                await runnel.connect(f"127.0.0.1:{port}", token="s3cret")
            self.assertIn("65534", str(caught.exception))
            self.assertEqual(b"got:", os.read(ready, 1000))
        finally:
            os.waitpid(pid, 0)
            os.close(ready)
            os.close(told)

    async def test_a_token_is_sent_to_our_own_process(self) -> None:
        async with runnel.connect(host(), token="whatever") as client:
            self.assertEqual(0, (await client.run("true")).exit_code)

    async def test_nothing_listens_there(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        listener.close()
        with self.assertRaises(runnel.Unreachable) as caught:
            await runnel.connect(f"127.0.0.1:{port}")
        self.assertIsInstance(caught.exception.__cause__, OSError)


class TlsTest(unittest.IsolatedAsyncioTestCase):
    """Through TLS, which a proxy of the test's own takes off."""

    async def asyncSetUp(self) -> None:
        # Of a client that does not trust it the proxy would say so on stderr.
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(TRAINING / "server.pem")
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0, ssl=context)
        self.port = self.server.sockets[0].getsockname()[1]
        self.addCleanup(self.server.close)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name, _, port = host().rpartition(":")
        there, back = await asyncio.open_connection(name, int(port))

        async def copy(source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
            try:
                while data := await source.read(65_536):
                    to.write(data)
                    await to.drain()
            except OSError:
                pass
            to.close()

        await asyncio.gather(copy(reader, back), copy(there, writer))

    async def test_streams_both_ways(self) -> None:
        data = random.Random(2).randbytes(2_000_000)
        async with runnel.connect(f"127.0.0.1:{self.port}", ca=TRAINING / "ca.pem") as client:
            self.assertEqual(data, (await client.run(["cat"], input=data)).stdout)

    async def test_a_certificate_of_another_is_refused(self) -> None:
        for options in ({"tls": True}, {"ca": TRAINING / "ca.pem", "tls_name": "elsewhere"}):
            with self.assertRaises(runnel.Unreachable) as caught:
                await runnel.connect(f"127.0.0.1:{self.port}", token="s3cret", **options)
            self.assertIn("by TLS", str(caught.exception))


if __name__ == "__main__":
    unittest.main()
