"""The client without async against a real runneld."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path
from typing import List

import runnel
import runnel.sync
from runnel import spec
from support import host


def setUpModule() -> None:
    host()


class SyncTest(unittest.TestCase):
    def setUp(self) -> None:
        self.client = runnel.sync.connect(host(), linger=0)
        self.addCleanup(self.client.close)

    def test_runs(self) -> None:
        result = self.client.run("cat; exit 3", input="größer", encoding="utf-8")
        self.assertEqual((3, "größer"), (result.exit_code, result.stdout))

    def test_raises_what_the_other_raises(self) -> None:
        with self.assertRaises(runnel.CommandFailed):
            self.client.run("false", check=True)
        with self.assertRaises(runnel.StartFailed):
            self.client.start(["nonesuch"])

    def test_streams_lines_and_feeds(self) -> None:
        with self.client.start("echo ready; cat", stdin=True) as job:
            lines = job.lines(encoding="utf-8")
            self.assertEqual("ready\n", next(lines))
            job.stdin.write(b"one\ntwo\n")
            job.stdin.close()
            self.assertEqual(["one\n", "two\n"], list(lines))
            self.assertEqual(0, job.wait().exit_code)

    def test_streams_chunks_of_both_streams(self) -> None:
        with self.client.start("head -c 3000000 /dev/zero; head -c 1000 /dev/zero >&2") as job:
            sizes = {"stdout": 0, "stderr": 0}
            for chunk in job.output():
                sizes[chunk.stream] += len(chunk.data)
            self.assertEqual({"stdout": 3_000_000, "stderr": 1000}, sizes)

    def test_leaving_the_block_cancels(self) -> None:
        with self.client.start(["yes"]) as job:
            next(job.output())
        with self.assertRaises(runnel.Canceled):
            job.wait()

    def test_is_called_from_many_threads(self) -> None:
        codes: List[object] = []

        def one(code: int) -> None:
            codes.append(self.client.run(f"exit {code}").exit_code)

        threads = [threading.Thread(target=one, args=(code,)) for code in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(list(range(20)), sorted(codes))  # type: ignore[type-var]

    def test_detaches_watches_and_controls(self) -> None:
        job = self.client.start(["sleep", "60"])
        self.assertEqual("running", job.status().state)
        job.detach()
        with self.client.watch(job.name) as watched:
            self.assertEqual("running", self.client.status(job.name).state)
            self.assertIn(job.name, [found.job for found in self.client.jobs()])
            self.client.cancel(job.name, grace_ms=0)
            with self.assertRaises(runnel.Canceled):
                watched.wait()

    def test_ctrl_c_cancels_the_job(self) -> None:
        name = spec.random_name(16)
        line = (
            "import runnel.sync, sys\n"
            "with runnel.sync.connect(sys.argv[1]) as client:\n"
            "    client.run('sleep 60', job=sys.argv[2])\n"
        )
        source = Path(runnel.__file__).resolve().parents[1]
        python = subprocess.Popen(
            [sys.executable, "-B", "-c", line, host(), name],
            env={**os.environ, "PYTHONPATH": str(source)},
            stderr=subprocess.PIPE,
            # What a script starts with "&" ignores it, and so would this.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL) and None,
        )
        deadline = time.monotonic() + 30
        while not self.client.jobs(prefix=name, state="running"):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        python.send_signal(signal.SIGINT)
        _, err = python.communicate(timeout=30)
        self.assertIn(b"KeyboardInterrupt", err)
        with self.client.watch(name) as job, self.assertRaises(runnel.Canceled):
            job.wait()

    def test_goes_on_after_what_was_read(self) -> None:
        with self.client.start("seq 100000; sleep 60", window=65_536) as job:
            first = next(job.output())
            offset = job.detach()
            self.assertEqual(len(first.data), offset)
            with self.client.attach(job.name, start=offset) as again:
                lines = first.data + b"".join(
                    chunk.data for chunk, _ in zip(again.output(), range(3))
                )
                self.assertTrue(lines.startswith(b"1\n2\n3\n"))
                numbers = [int(line) for line in lines.split(b"\n")[:-1]]
                self.assertEqual(list(range(1, len(numbers) + 1)), numbers)

    def test_a_closed_client_says_so(self) -> None:
        self.client.close()
        self.client.close()
        with self.assertRaises(RuntimeError):
            self.client.run("true")


if __name__ == "__main__":
    unittest.main()
