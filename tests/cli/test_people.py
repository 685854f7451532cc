"""What is kept of somebody is printed for whoever has a right to it, and removed when they ask."""

import asyncio
import json
from pathlib import Path
from uuid import uuid4

import pytest

from botkit.conversation import Account, Conversation
from botkit.redis.store import RedisStore
from tests.cli.conftest import Run
from tests.conftest import Servers

ANN = Conversation(Account("telegram", "shop"), "1234")


@pytest.fixture
def known(project: Path, servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store in which somebody has written once."""
    url, prefix = servers.any_url(), f"people{uuid4().hex[:8]}"
    monkeypatch.setenv("BOTKIT_REDIS_URL", url)
    monkeypatch.setenv("BOTKIT_KEY_PREFIX", prefix)

    async def write() -> None:
        store = RedisStore(url, prefix=prefix)
        await store.ingest(ANN.key, "e" * 22, b'{"text":"hello there"}', token="", window=60, opens=True)
        await store.close()

    asyncio.run(write())


@pytest.mark.usefixtures("known")
def test_all_that_is_kept_of_somebody_is_printed_as_json(run: Run) -> None:
    done = run("people", "export", ANN.address)
    assert done.code == 0
    found = json.loads(done.out)
    assert "hello there" in found["mailbox"][0]
    assert set(found) == {"record", "mailbox", "outbox", "timers", "dead_letters", "elsewhere"}


@pytest.mark.usefixtures("known")
def test_who_is_forgotten_is_not_known_any_more(run: Run) -> None:
    assert run("people", "forget", ANN.address).out.startswith("forgotten: ")
    assert run("people", "forget", ANN.address).out == "nothing is kept of this conversation\n"
    assert not any(json.loads(run("people", "export", ANN.address).out).values())


@pytest.mark.parametrize("address", ["1234", "telegram:1234", "telegram::", ""])
def test_what_names_no_conversation_is_refused(run: Run, address: str) -> None:
    done = run("people", "export", address)
    assert done.code == 2
    assert "channel:account:id" in done.err


def test_where_there_is_no_store_nothing_is_kept(run: Run) -> None:
    assert run("people", "forget", ANN.address).out == "nothing is kept of this conversation\n"
