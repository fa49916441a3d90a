"""A step of a CI job: it runs elsewhere, prints here, and ends as the command ended.

    python3 ci_step.py build-1 -- make test

A step is green only if the command exited with 0 and every byte that it printed arrived here. A
command that was certainly not run is tried again; one that may have run is not.
"""

from __future__ import annotations

import asyncio
import sys
from typing import List

import runnel

ATTEMPTS = 5
#: As the runnel command has them.
TIMED_OUT, CANNOT_RUN, OURS = 124, 126, 255


async def step(host: str, command: List[str]) -> int:
    """Runs it; returns the exit code."""
    async with runnel.connect(host, linger=600) as client:
        async with client.start(command, timeout_ms=3_600_000) as job:
            print(f"job {job.name} on {job.node}", file=sys.stderr)
            async for chunk in job.output():
                stream = sys.stdout if chunk.stream == "stdout" else sys.stderr
                stream.buffer.write(chunk.data)
                stream.flush()
            end = await job.wait()
    for leftover in end.leftovers:
        print(f"outlived the command: {leftover.command} ({leftover.pid})", file=sys.stderr)
    if end.exit_code is not None:
        return end.exit_code
    print(f"ended by SIG{end.signal}", file=sys.stderr)
    return OURS


async def main(arguments: List[str]) -> int:
    """Returns the exit code."""
    if len(arguments) < 3 or arguments[1] != "--":
        print(__doc__, file=sys.stderr)
        return 2
    attempt = 0
    while True:
        attempt += 1
        try:
            return await step(arguments[0], arguments[2:])
        except runnel.NotRun as e:
            passing = not isinstance(e, runnel.Refused) or e.code in ("busy", "unavailable")
            if attempt == ATTEMPTS or not passing:
                print(f"not run: {e}", file=sys.stderr)
                return OURS
            await asyncio.sleep((getattr(e, "retry_after_ms", None) or 1000 * attempt) / 1000)
        except runnel.StartFailed as e:
            print(f"cannot start: {e}", file=sys.stderr)
            return CANNOT_RUN
        except runnel.TimedOut as e:
            print(e, file=sys.stderr)
            return TIMED_OUT
        except runnel.RunnelError as e:
            # It may have run, or what it printed is not whole: red, and not tried again.
            print(f"{type(e).__name__}: {e}", file=sys.stderr)
            return OURS


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
