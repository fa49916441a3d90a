"""A shell as the tool of an agent: each call runs one command, and answers with what came of it.

    python3 agent_tool.py build-1 <calls.jsonl >answers.jsonl

A call is a line of JSON: ``{"id": 1, "command": "pytest -q", "cwd": "/src", "timeout_ms": 60000}``;
its answer is one, too. Calls run at once, over one connection. The output in an answer has a bound,
beyond which its middle is left out; the answer says so. What the agent is told is never better than
what is known: ``exit_code`` is there only if the command exited by itself and all output came.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any, Dict, Set

import runnel

MAX_CHARACTERS = 30_000
DEFAULT_TIMEOUT_MS = 120_000


class Excerpt:
    """The beginning and the end of a text, within a bound."""

    def __init__(self, limit: int) -> None:
        self._half = limit // 2
        self._head = b""
        self._tail = b""
        self._bytes = 0

    def add(self, data: bytes) -> None:
        """Takes what comes next."""
        self._bytes += len(data)
        room = self._half - len(self._head)
        self._head += data[:room]
        self._tail = (self._tail + data[room:])[-self._half :]

    def text(self) -> str:
        """What is kept, and how much is left out."""
        left_out = self._bytes - len(self._head) - len(self._tail)
        middle = f"\n[… {left_out} bytes left out …]\n".encode() if left_out else b""
        return (self._head + middle + self._tail).decode("utf-8", "replace")


async def call(client: runnel.Client, asked: Dict[str, Any]) -> Dict[str, Any]:
    """Runs one command; what to tell the agent."""
    excerpt = Excerpt(MAX_CHARACTERS)
    answer: Dict[str, Any] = {"id": asked.get("id")}
    try:
        async with client.start(
            asked["command"],
            cwd=asked.get("cwd"),
            env={"TERM": "dumb", "GIT_PAGER": "cat"},
            merge=True,
            timeout_ms=asked.get("timeout_ms", DEFAULT_TIMEOUT_MS),
        ) as job:
            async for chunk in job.output():
                excerpt.add(chunk.data)
            end = await job.wait()
        answer.update(exit_code=end.exit_code, signal=end.signal)
        if end.leftovers_total:
            answer["ended_in_background"] = [leftover.command for leftover in end.leftovers]
    except runnel.TimedOut:
        answer["error"] = "timed out; the command and all it had started were ended"
    except runnel.NotRun as e:
        answer["error"] = f"not run: {e}"
    except runnel.OutcomeUnknown as e:
        answer["error"] = f"it may have run, look before you run it again: {e}"
    except (runnel.RunnelError, KeyError, TypeError, ValueError) as e:
        answer["error"] = f"{type(e).__name__}: {e}"
    answer["output"] = excerpt.text()
    return answer


async def main(host: str) -> None:
    """Answers calls until there are no more."""
    loop = asyncio.get_running_loop()
    running: Set["asyncio.Task[None]"] = set()
    async with runnel.connect(host, linger=300) as client:

        async def answer(line: str) -> None:
            try:
                told = await call(client, json.loads(line))
            except ValueError as e:
                told = {"error": f"no call: {e}"}
            print(json.dumps(told), flush=True)

        while line := await loop.run_in_executor(None, sys.stdin.readline):
            task = loop.create_task(answer(line))
            running.add(task)
            task.add_done_callback(running.discard)
        await asyncio.gather(*running)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:2]))
