"""The connection to Redis breaks at every batch of commands: nothing accepted is lost, done twice or out of order.

A proxy on a real socket counts what the process writes; at the k-th write it resets the connection before Redis sees
any of it, after half of it, or when Redis has done it all and before the answer is back.
"""

from itertools import count
from pathlib import Path

import pytest

from botkit.clock import Clock
from tests.faults.chaos_proxy import ChaosProxy, Cut
from tests.faults.scenarios import SCENARIOS, Run, check

#: The others are parts of these; of what reports do, the model of the scripts makes every call twice.
NAMES = ("two queued", "dead", "timer", "welcome", "forget", "charged", "failed over")

#: Batches between two cuts of a life that has many; with --long there is none.
STRIDES = {"failed over": 11, "dead": 3}


@pytest.mark.parametrize("cut", ["before", "half", "reply"])
@pytest.mark.parametrize("name", NAMES)
async def test_a_connection_that_breaks_at_any_batch_loses_doubles_and_reorders_nothing(
    name: str, cut: Cut, botkit_redis_url: str, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    wanted = SCENARIOS[name]
    for cut_at in count(1, 1 if pytestconfig.getoption("--long") else STRIDES.get(name, 1)):
        run = Run(botkit_redis_url, tmp_path, wanted.scenario, wanted.sessions)
        async with ChaosProxy(botkit_redis_url) as proxy:
            proxy.cut_write(cut_at, cut)
            async with run.process(Clock(), proxy.url) as process:
                await run.scenario(run, process)
        await check(run, wanted, faults=proxy.cuts, is_cut=proxy.cuts > 0, said=f"cut {cut} at write {cut_at}")
        if not proxy.cuts:
            break
