"""The metrics of whole services: one picture of several processes, whoever answers, and also after one died."""

import asyncio
import json
import os
import re
import signal

from tests.processes.conftest import AppChild, OwnRedis, Project, Services, until

ACCEPTED = 'botkit_events_accepted_total{account="shop-telegram",channel="telegram"}'
COMMITTED = ACCEPTED.replace("accepted", "committed")


async def read(app: AppChild) -> dict[str, float]:
    answer = await app.get("metrics")
    assert answer.status_code == 200, answer.text
    lines = re.findall(r"^(\w+(?:\{.*\})?) (\S+)$", answer.text, re.MULTILINE)
    # Prometheus does not mind in which order the labels stand; here they have one.
    return {re.sub(r"\{(.*)\}", _sorted, name): float(number) for name, number in lines}


def _sorted(found: re.Match[str]) -> str:
    return "{" + ",".join(sorted(re.findall(r'\w+="[^"]*"', found[1]))) + "}"


async def test_two_workers_count_together_and_one_that_dies_takes_nothing_with_it(
    project: Project, services: Services, own_redis: OwnRedis
) -> None:
    app = await project.start("run", "--workers=2").until_ready()
    async with asyncio.timeout(20):
        # Nobody else tells when the second is ready.
        while (await read(app))["botkit_processes"] < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    await services.greet(app)
    for number in range(2, 22):
        assert (await services.post(app, number, f"message {number}")).status_code == 200
    texts = ["1: hello", *(f"{number}: message {number}" for number in range(2, 22))]
    assert await services.until_replied(services.telegram, len(texts)) == texts
    # Each answer may come from the other process.
    pictures = [await read(app) for _ in range(8)]
    assert [picture[ACCEPTED] for picture in pictures] == [21] * 8
    assert [picture[COMMITTED] for picture in pictures] == [21] * 8

    before = app.workers
    os.kill(before[1], signal.SIGKILL)
    await until(lambda: len(app.workers) == 2 and app.workers != before)
    assert (await services.post(app, 22, "message 22")).status_code == 200
    assert await services.until_replied(services.telegram, len(texts) + 1) == [*texts, "22: message 22"]
    assert [(await read(app))[ACCEPTED] for _ in range(8)] == [22] * 8


async def test_a_handler_that_blocks_the_loop_is_named_in_one_line_of_the_log_and_counted(
    project: Project, services: Services, own_redis: OwnRedis
) -> None:
    app = await project.start().until_ready()
    await services.greet(app)
    assert (await services.post(app, 2, "block")).status_code == 200
    await until(lambda: "the event loop is blocked" in app.output, told=lambda: app.output)
    project.file("go").touch()
    assert await services.until_replied(services.telegram, 2) == ["1: hello", "2: block"]
    (line,) = (json.loads(line) for line in app.output.splitlines() if "the event loop is blocked" in line)
    assert re.search(r"bots/__init__.py:\d+ in block$", line["frame"])
    assert "botkit-watchdog" in line["threads"]
    counted = await read(app)
    assert counted["botkit_loop_blocked_total"] == 1
    assert counted['botkit_loop_lag_seconds_bucket{le="1.0"}'] < counted["botkit_loop_lag_seconds_count"]
