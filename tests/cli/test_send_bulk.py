"""`botkit send --bulk`: a file is looked at as a whole, its destinations get the message once, and a repeat goes on."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from botkit.broadcast import Stage
from botkit.redis.store import RedisStore
from tests.cli.conftest import Do, Run

BOTS = """
from botkit import App, Bot, Mitto, Router, Viber

accounts = [Mitto("sms", ta="sms", sender="Shop"), Mitto("viber", ta="viber"), Viber(ta="chat")]
app = App([Bot("shop", routers=[Router()], accounts=accounts)])
"""

SEND = ("send", "--account", "sms", "--bulk", "people.csv", "Open again!")


@pytest.fixture(autouse=True)
def bots(project: Path, prefix: str) -> None:
    """A project with accounts that write to numbers, and one that does not."""
    (project / "bots").mkdir()
    (project / "bots" / "__init__.py").write_text(BOTS)


def write(project: Path, *destinations: str) -> None:
    (project / "people.csv").write_text("\n".join(("name,phone", *(f"Ann,{each}" for each in destinations))))


def numbers(count: int) -> list[str]:
    return [f"+38591{number:07}" for number in range(count)]


@pytest.fixture
def ended(botkit_redis_url: str, prefix: str) -> Iterator[None]:
    """Ends every bulk as soon as it runs: a service that skips everybody."""
    stopped = threading.Event()

    async def end_all() -> None:
        store = RedisStore(botkit_redis_url, prefix=prefix)
        while not stopped.is_set():
            for each in await store.broadcasts.list():
                if each.stage is Stage.RUNNING:
                    await store.broadcasts.move(each.broadcast.id, Stage.DONE)
            await asyncio.sleep(0.01)
        await store.close()

    thread = threading.Thread(target=lambda: asyncio.run(end_all()))
    thread.start()
    yield
    stopped.set()
    thread.join()


def bulks(do: Do) -> list[Any]:
    return do(lambda store: store.broadcasts.list())  # type: ignore[no-any-return]


def recipients(do: Do, bulk_id: str) -> list[str]:
    return do(lambda store: store.broadcasts.recipients(bulk_id, 0, 0, 5000))  # type: ignore[no-any-return]


@pytest.mark.usefixtures("ended")
def test_everybody_in_the_file_is_listed_once_and_it_is_followed_to_its_end(run: Run, do: Do, project: Path) -> None:
    write(project, "+385910000001", "385910000002", "+385 91 000 0001")
    done = run(*SEND, "--yes")
    assert done.code == 0, done.err
    (bulk,) = bulks(do)
    assert recipients(do, bulk.broadcast.id) == ["+385910000001", "+385910000002"]
    assert (bulk.broadcast.message.text, bulk.broadcast.bot, bulk.broadcast.name) == (
        "Open again!",
        "shop",
        "people.csv",
    )
    assert f"bulk {bulk.broadcast.id}: " in done.err
    assert done.out.splitlines()[-1].startswith("done 0 sent, 0 failed, 0 skipped of 2")


@pytest.mark.usefixtures("ended")
def test_each_step_is_a_line_of_json_if_asked_for(run: Run, project: Path) -> None:
    write(project, *numbers(2))
    lines = [json.loads(line) for line in run(*SEND, "--yes", "--json").out.splitlines()]
    assert (lines[-1]["stage"], lines[-1]["total"]) == ("done", 2)


@pytest.mark.usefixtures("ended")
@pytest.mark.parametrize("key", [(), ("--id", "spring")], ids=["default", "own"])
def test_the_same_again_goes_on_and_lists_nobody_twice(run: Run, do: Do, project: Path, key: tuple[str, ...]) -> None:
    write(project, *numbers(1500))
    assert run(*SEND, "--yes", *key).code == run(*SEND, "--yes", *key).code == 0
    (bulk,) = bulks(do)
    assert recipients(do, bulk.broadcast.id) == numbers(1500)


@pytest.mark.usefixtures("ended")
def test_another_file_or_text_is_another_bulk_but_not_under_the_same_id(run: Run, do: Do, project: Path) -> None:
    write(project, *numbers(2))
    assert run(*SEND, "--yes").code == run(*SEND, "--yes", "--id", "spring").code == 0
    write(project, *numbers(3))
    assert run(*SEND, "--yes").code == 0
    assert len(bulks(do)) == 3
    refused = run(*SEND, "--yes", "--id", "spring")
    assert refused.code == 1
    assert "stands for another message, or another file" in refused.err


@pytest.mark.parametrize(("wrong", "told"), [(1, 1), (20, 20), (21, 20)])
def test_the_first_twenty_wrong_lines_are_told_and_nothing_is_sent(
    run: Run, do: Do, project: Path, wrong: int, told: int
) -> None:
    write(project, *numbers(1), *["x"] * wrong)
    refused = run(*SEND, "--yes")
    assert refused.code == 1
    lines = refused.err.splitlines()
    assert lines[0] == "people.csv:3: this is no phone number"
    assert sum(line.startswith("people.csv:") for line in lines) == told
    assert ("and 1 more" in lines) is (wrong > told)
    assert "nothing was sent" in refused.err
    assert bulks(do) == []


@pytest.mark.usefixtures("ended")
def test_wrong_lines_are_left_out_if_asked_for(run: Run, do: Do, project: Path) -> None:
    write(project, "x", *numbers(2))
    assert run(*SEND, "--yes", "--skip-invalid").code == 0
    (bulk,) = bulks(do)
    assert recipients(do, bulk.broadcast.id) == numbers(2)


def test_a_dry_run_counts_and_sends_nothing(run: Run, do: Do, project: Path) -> None:
    write(project, *numbers(2), "x")
    shown = run(*SEND, "--dry-run", "--skip-invalid")
    assert (shown.code, shown.out) == (0, "2 destinations by mitto:sms; nothing was sent\n")
    plan = json.loads(run(*SEND, "--dry-run", "--skip-invalid", "--json").out)
    assert (plan["destinations"], plan["wrong"], plan["account"]) == (2, 1, "sms")
    assert run(*SEND, "--dry-run").code == 1
    assert bulks(do) == []


def test_nothing_is_sent_before_somebody_agrees(run: Run, do: Do, project: Path) -> None:
    write(project, *numbers(2))
    asked = run(*SEND, typed="n\n")
    assert asked.code == 1
    assert "Send to 2 destinations?" in asked.err
    assert bulks(do) == []


@pytest.mark.usefixtures("ended")
def test_a_request_in_a_file_goes_to_everybody_with_all_its_ways(run: Run, do: Do, project: Path) -> None:
    way = {"status": "Delivered", "timeoutInSeconds": 60, "trafficAccounts": ["viber", "sms"]}
    body = {
        "viber": {"type": "session", "text": "hi"},
        "sms": {"text": "hello", "sender": "Shop"},
        "failover": {"type": "Timeout", "timeoutFailover": way},
        "id": "spring",
    }
    (project / "content.json").write_text(json.dumps(body))
    write(project, *numbers(2))
    done = run("send", "--bulk", "people.csv", "--request", "content.json", "--yes")
    assert done.code == 0, done.err
    (bulk,) = bulks(do)
    assert [hop.account for hop in bulk.broadcast.bulk.hops] == [("mitto", "viber"), ("mitto", "sms")]
    assert bulk.broadcast.name == "spring"


@pytest.mark.usefixtures("ended")
def test_the_hours_of_a_request_are_those_of_the_zone_that_is_set(
    run: Run, do: Do, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOTKIT_TIME_ZONE", "Asia/Tokyo")
    body = {"trafficAccountId": "sms", "sms": {"text": "hi"}, "scheduleInfo": {"timeBegin": "09:00"}}
    (project / "content.json").write_text(json.dumps(body))
    write(project, *numbers(1))
    assert run("send", "--bulk", "people.csv", "--request", "content.json", "--yes").code == 0
    (bulk,) = bulks(do)
    assert bulk.broadcast.bulk.schedule.zones == ("Asia/Tokyo",)


def test_what_is_wrong_with_a_request_is_listed(run: Run, do: Do, project: Path) -> None:
    (project / "content.json").write_text(json.dumps({"trafficAccountId": "sms", "sms": {"text": 7, "sender": "a-b"}}))
    write(project, *numbers(2))
    refused = run("send", "--bulk", "people.csv", "--request", "content.json", "--yes")
    assert refused.code == 1
    assert "sms.text" in refused.err
    assert "sms.sender" in refused.err
    assert bulks(do) == []


@pytest.mark.usefixtures("ended")
def test_numbers_without_a_conversation_are_counted(run: Run, project: Path) -> None:
    write(project, numbers(1)[0], "ann=")
    done = run("send", "--account", "chat", "--bulk", "people.csv", "hello", "--yes")
    assert done.code == 0, done.err
    assert "numbers without a conversation on the account: 1" in done.err


@pytest.mark.parametrize(
    "args",
    [
        ("--bulk", "people.csv", "hello"),
        ("--bulk", "people.csv", "--account", "sms"),
        ("--bulk", "people.csv", "--account", "sms", "--to", "1", "hello"),
        ("--bulk", "people.csv", "--account", "sms", "--json", "hello"),
        ("--account", "sms", "--to", "+385910000001", "hello", "--yes"),
        ("--bulk", "nowhere.csv", "--account", "sms", "hello"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(run: Run, project: Path, args: tuple[str, ...]) -> None:
    write(project, *numbers(1))
    assert run("send", *args).code == 2


@pytest.mark.parametrize("content", [b"", b"phone\n", b"name,city\nAnn,Rijeka\n", b"phone\n\xff\xfe\n"])
def test_a_file_without_destinations_is_a_failure(run: Run, project: Path, content: bytes) -> None:
    (project / "people.csv").write_bytes(content)
    assert run(*SEND, "--yes").code == 1


def test_without_a_store_there_is_nothing_to_do(run: Run, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOTKIT_REDIS_URL")
    write(project, *numbers(1))
    done = run(*SEND, "--yes")
    assert done.code == 3
    assert "botkit run" in done.err
