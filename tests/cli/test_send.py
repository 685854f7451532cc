"""`botkit send`: a message is put where the service's own messages are, once for an id."""

import json
from pathlib import Path

import pytest

from botkit.messages import Text
from botkit.outgoing import decode
from tests.cli.conftest import Do, Run

BOTS = """
from botkit import App, Bot, Router, Telegram, Viber

accounts = [Telegram(ta="shop"), Viber(ta="shop"), Viber(ta="till")]
app = App([Bot("shop", routers=[Router()], accounts=accounts)])
"""


@pytest.fixture(autouse=True)
def bots(project: Path, prefix: str) -> None:
    """A project with three accounts, two of one name."""
    (project / "bots").mkdir()
    (project / "bots" / "__init__.py").write_text(BOTS)


def waiting(do: Do, cid: str) -> list[tuple[str, str]]:
    """Returns the keys and texts of the messages that wait in a conversation's outbox."""
    entries = do(lambda store: store.call("LRANGE", store.keys.of(cid, "o")[0], 0, -1))
    found = [decode(entry[24:]) for entry in entries]
    return [(each.key, each.message.text) for each in found if isinstance(each.message, Text)]


def test_a_text_waits_in_the_persons_outbox_under_the_id_that_is_printed(run: Run, do: Do) -> None:
    done = run("send", "--account", "till", "--to", "ann=", "Your **parcel** is here.")
    assert done.code == 0, done.err
    assert waiting(do, "viber:till:ann=") == [(done.out.strip(), "Your **parcel** is here.")]


def test_an_id_is_sent_once_and_stands_for_one_text(run: Run, do: Do) -> None:
    first = run("send", "--account", "till", "--to", "ann=", "hello", "--id", "7")
    again = run("send", "--account", "till", "--to", "ann=", "hello", "--id", "7")
    other = run("send", "--account", "till", "--to", "ann=", "bye", "--id", "7")
    assert first.out == again.out
    assert other.code == 1
    assert "stands for another message" in other.err
    assert len(waiting(do, "viber:till:ann=")) == 1


def test_a_request_is_sent_as_the_send_api_would(run: Run, do: Do, project: Path) -> None:
    body = {"trafficAccountId": "shop", "destination": "1861", "telegram": {"text": {"message": "hello"}}, "id": "7"}
    (project / "request.json").write_text(json.dumps(body))
    done = json.loads(run("send", "--request", "request.json", "--json").out)
    assert (done["channel"], done["account"]) == ("telegram", "shop")
    assert json.loads(run("send", "--request", "request.json", "--json").out) == done
    assert [key for key, _ in waiting(do, "telegram:shop:1861")] == [done["id"]]


def test_what_is_wrong_with_a_request_is_listed(run: Run, project: Path) -> None:
    body = {"trafficAccountId": "shop", "destination": "1861", "telegram": {"text": {}, "silent": 1}}
    (project / "request.json").write_text(json.dumps(body))
    done = run("send", "--request", "request.json")
    assert done.code == 1
    assert "telegram" in done.err
    (project / "request.json").write_text("{")
    assert "no JSON" in run("send", "--request", "request.json").err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("hello",), "give --account, --to and a text"),
        (("--account", "till", "--to", "1"), "give --account, --to and a text"),
        (("--account", "nobody", "--to", "1", "hello"), "there are: telegram:shop, viber:shop, viber:till"),
        (("--account", "shop", "--to", "1", "hello"), "several accounts are called 'shop'"),
        (("--account", "till", "--to", "1", "hello", "--id", "a b"), "--id has 1 to 255"),
        (("hello", "--request", "bots/__init__.py"), "are in its file"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(run: Run, args: tuple[str, ...], said: str) -> None:
    done = run("send", *args)
    assert done.code == 2
    assert said in done.err


def test_an_account_of_a_name_that_two_have_is_named_with_its_channel(run: Run, do: Do) -> None:
    done = run("send", "--account", "viber:shop", "--to", "ann=", "hello")
    assert done.code == 0
    assert len(waiting(do, "viber:shop:ann=")) == 1


def test_a_text_that_the_account_does_not_take_is_a_failure(run: Run) -> None:
    done = run("send", "--account", "till", "--to", "ann=", " ")
    assert done.code == 1
    assert "visible character" in done.err


def test_without_a_store_there_is_nothing_to_do(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOTKIT_REDIS_URL")
    done = run("send", "--account", "till", "--to", "ann=", "hello")
    assert done.code == 3
    assert "botkit run" in done.err
