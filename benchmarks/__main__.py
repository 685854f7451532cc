"""`python -m benchmarks`: measures; see `scripts/bench`."""

import argparse
import gc
import os
import shutil
import sys
from collections.abc import Sequence

import uvloop

from benchmarks.contestants import CONTESTANTS, SCRATCH
from benchmarks.measurements import Measurements
from benchmarks.plan import FULL, QUICK, Session
from benchmarks.report import RESULTS, page


def main() -> int:
    """Measures what the arguments say; returns the exit code."""
    options = _parse()
    if missing := _missing(options.names):
        print(f"bench: {missing}", file=sys.stderr)
        return 1
    contestants = [one for one in CONTESTANTS if one.name in options.names]
    found = Measurements(SCRATCH / f"{'quick' if options.quick else 'full'}.jsonl", resume=options.resume)
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    session = Session(QUICK if options.quick else FULL, contestants, cores, found)
    # What the load does must not be seen in what it measures.
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)
    try:
        uvloop.run(session.run())
    except KeyboardInterrupt:
        print("bench: stopped; --resume goes on from here", file=sys.stderr)
        return 130
    text = page(found, contestants)
    if options.quick or len(contestants) < len(CONTESTANTS):
        print(text)
    else:
        RESULTS.write_text(text, encoding="utf-8")
        print(f"written: {RESULTS}")
    return 0


def _parse() -> argparse.Namespace:
    names = [one.name for one in CONTESTANTS]
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measures botkit beside its peers.")
    parser.add_argument("--quick", action="store_true", help="one short round; prints, and writes no page")
    parser.add_argument("--resume", action="store_true", help="goes on with the run that was stopped")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"only these, of: {', '.join(names)}")
    options = parser.parse_args()
    if unknown := set(options.names) - set(names):
        parser.error(f"there is no {min(unknown)!r}; known are: {', '.join(names)}")
    options.names = options.names or names
    return options


def _missing(names: Sequence[str]) -> str:
    """What is not there that the measurement needs, or an empty text."""
    if not hasattr(os, "sched_setaffinity"):
        return "needs Linux, which can keep processes on cores of their own"
    if len(os.sched_getaffinity(0)) < 2:
        return "needs two cores: one for the server, one for the load"
    if shutil.which("redis-server") is None:
        return "there is no redis-server on PATH; your system's package has one"
    gone = [one for one in CONTESTANTS if one.name in names and not one.python.exists()]
    return f"the environment of {gone[0].name} is not there; start it as scripts/bench" if gone else ""


if __name__ == "__main__":
    sys.exit(main())
