"""One command on many hosts at once: lines with the host's name, and a summary at the end.

    python3 fan_out.py build-1 build-2:7866 -- uptime

Exits with 0 if it did so everywhere; else with 1, naming the hosts and what went wrong there.
"""

from __future__ import annotations

import asyncio
import sys
from typing import List, Optional

import runnel

#: So many hosts at a time.
AT_ONCE = 50


async def on(host: str, command: List[str], places: asyncio.Semaphore) -> Optional[str]:
    """Runs it there; what went wrong, or None."""
    async with places:
        try:
            async with runnel.connect(host) as client:
                async with client.start(command, merge=True, timeout_ms=60_000) as job:
                    async for line in job.lines(encoding="utf-8"):
                        print(f"{host}: {line}", end="" if line.endswith("\n") else "\n")
                    end = await job.wait()
        except (runnel.RunnelError, OSError, ValueError) as e:
            return str(e)
    if end.exit_code == 0:
        return None
    return f"signal {end.signal}" if end.exit_code is None else f"exit code {end.exit_code}"


async def main(arguments: List[str]) -> int:
    """Returns the exit code."""
    if "--" not in arguments[1:-1]:
        print(__doc__, file=sys.stderr)
        return 2
    split = arguments.index("--")
    hosts, command = arguments[:split], arguments[split + 1 :]
    places = asyncio.Semaphore(AT_ONCE)
    outcomes = await asyncio.gather(*(on(host, command, places) for host in hosts))
    failed = [(host, why) for host, why in zip(hosts, outcomes) if why is not None]
    for host, why in failed:
        print(f"{host}: {why}", file=sys.stderr)
    print(f"{len(hosts) - len(failed)} of {len(hosts)} hosts: ok", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
