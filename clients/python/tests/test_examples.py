"""The examples, and those of README.md, as a reader would run them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import unittest
from pathlib import Path
from typing import List

from support import host

HERE = Path(__file__).resolve().parents[1]


def setUpModule() -> None:
    host()


def run(arguments: List[str], stdin: str = "") -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, "PYTHONPATH": str(HERE / "src"), "RUNNEL_HOST": host()}
    return subprocess.run(
        [sys.executable, "-B", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        env=env,
        timeout=60,
    )


class ExamplesTest(unittest.TestCase):
    def example(
        self, name: str, *arguments: str, stdin: str = ""
    ) -> "subprocess.CompletedProcess[str]":
        return run([str(HERE / "examples" / name), *arguments], stdin)

    def test_fan_out_names_hosts_and_what_went_wrong(self) -> None:
        good = self.example("fan_out.py", host(), host(), "--", "echo", "hi")
        self.assertEqual((0, f"{host()}: hi\n" * 2), (good.returncode, good.stdout))
        bad = self.example("fan_out.py", host(), "127.0.0.1:1", "--", "sh", "-c", "exit 3")
        self.assertEqual(1, bad.returncode)
        self.assertIn(f"{host()}: exit code 3\n", bad.stderr)
        self.assertIn("127.0.0.1:1: cannot reach", bad.stderr)
        self.assertIn("0 of 2 hosts: ok", bad.stderr)

    def test_ci_step_ends_as_the_command_ended(self) -> None:
        ran = self.example("ci_step.py", host(), "--", "sh", "-c", "echo out; echo err >&2; exit 4")
        self.assertEqual((4, "out\n"), (ran.returncode, ran.stdout))
        self.assertIn("err\n", ran.stderr)
        self.assertEqual(126, self.example("ci_step.py", host(), "--", "nonesuch").returncode)

    def test_agent_tool_answers_each_call(self) -> None:
        calls = [
            {"id": 1, "command": "seq 3; exit 1"},
            {"id": 2, "command": "sleep 60", "timeout_ms": 100},
            {"id": 3, "command": "yes | head -c 100000"},
            {"id": 4},
        ]
        ran = self.example(
            "agent_tool.py", host(), stdin="".join(json.dumps(c) + "\n" for c in calls)
        )
        answers = {answer["id"]: answer for answer in map(json.loads, ran.stdout.splitlines())}
        self.assertEqual((1, "1\n2\n3\n"), (answers[1]["exit_code"], answers[1]["output"]))
        self.assertNotIn("exit_code", answers[2])
        self.assertIn("timed out", answers[2]["error"])
        self.assertIn("[… 70000 bytes left out …]", answers[3]["output"])
        self.assertIn("KeyError", answers[4]["error"])

    def test_readme_shows_what_works(self) -> None:
        text = (HERE / "README.md").read_text(encoding="utf-8")
        asynchronous, plain = re.findall(r"(?ms)^```python\n(.*?)^```$", text)
        self.assertIn("Linux", run(["-c", plain]).stdout)
        for shown, instead in (
            ('"build-1:7866", token_file="ci.secret", ca="ca.crt"', ""),
            ('["make", "all"], cwd="/src"', '["echo", "all"], cwd="/"'),
            ('["make", "test"]', '["echo", "test"]'),
        ):
            self.assertIn(shown, asynchronous)
            asynchronous = asynchronous.replace(shown, instead)
        ran = run(["-c", asynchronous])
        self.assertEqual("", ran.stderr)
        self.assertRegex(ran.stdout, r"\A0 all\n\ntest\n0 \d+ \(\)\n\Z")


if __name__ == "__main__":
    unittest.main()
