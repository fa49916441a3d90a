"""Commands on other machines and in pods, by Runnel: their output streams back while they run.

    import asyncio, runnel

    async def main():
        async with runnel.connect("build-1:7866", token_file="ci.secret", ca="ca.crt") as client:
            result = await client.run(["make", "all"], cwd="/src", check=True)
            async with client.start(["make", "test"], merge=True) as job:
                async for line in job.lines(encoding="utf-8"):
                    print(line, end="")
                await job.wait()

    asyncio.run(main())

:mod:`runnel.sync` has the same without ``async``. The protocol is PROTOCOL.md, version 1.
"""

from .client import Client, connect
from .errors import *  # noqa: F403
from .errors import __all__ as _errors
from .job import Job, Output
from .model import Chunk, End, Gap, Hello, Leftover, Limits, Pty, Result, Status, StreamTotal
from .spec import RunOptions
from .stdin import Stdin

__version__ = "0.1.0.dev0"

__all__ = [
    "Chunk",
    "Client",
    "End",
    "Gap",
    "Hello",
    "Job",
    "Leftover",
    "Limits",
    "Output",
    "Pty",
    "Result",
    "RunOptions",
    "Status",
    "Stdin",
    "StreamTotal",
    "connect",
    *_errors,
]
