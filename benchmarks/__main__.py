"""`python -m benchmarks`: measures; see `scripts/bench`."""

import asyncio
import gc
import os
import sys

import uvloop

from benchmarks.arena import Arena, Cores
from benchmarks.contestants import CONTESTANTS


async def main(names):
    cores = Cores.choose()
    os.sched_setaffinity(0, cores.rest)
    gc.freeze()
    gc.set_threshold(50000, 20, 50)
    for _ in range(int(os.environ.get("ROUNDS", "1"))):
        for c in CONTESTANTS:
            if names and c.name not in names:
                continue
            async with Arena(c, cores) as arena:
                for n in map(int, os.environ.get("AT_ONCE", "16").split(",")):
                    m = await arena.measure(n, warm_up=1.5, seconds=5)
                    print(
                        c.name,
                        n,
                        f"{arena.start_seconds:.2f}",
                        {
                            k: (round(v, 3) if isinstance(v, float) else v)
                            for k, v in ((f, getattr(m, f)) for f in m.__struct_fields__)
                        },
                        arena.webhook.repeated,
                        flush=True,
                    )


uvloop.run(main(sys.argv[1:]))
