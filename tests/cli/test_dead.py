"""`botkit dead`: what was given up is told without a person's words, put back, or removed."""

import json
from pathlib import Path

from botkit.conversation import digest
from botkit.redis.store import RedisStore
from botkit.store import Mine
from botkit.turn import Queue
from tests.cli.conftest import Do, Run

ANN, BEN = "viber:taxi-viber:ann", "telegram:taxi-telegram:ben"
TRACEBACK = 'Traceback (most recent call last):\n  File "x.py", line 1, in f\nValueError: my secret plan\n'


async def give_up(store: RedisStore) -> None:
    """Ann's event and Ben's message are dead letters."""
    stored = await store.ingest(ANN, "e" * 22, b'{"text":"my secret plan"}', token=store.new_token(), window=60)
    assert isinstance(stored, Mine)
    await store.retry(Queue.MAILBOX, stored.turn, delay=0, error=TRACEBACK, max_attempts=1)
    await store.enqueue(BEN, "m" * 24, b"hello")
    (turn,) = (await store.claim(Queue.OUTBOX, 1)).turns
    await store.retry(Queue.OUTBOX, turn, delay=0, error="400 chat not found", max_attempts=1)


async def count(store: RedisStore) -> int:
    return await store.dead_letters.count()


def ids(run: Run) -> dict[str, str]:
    """The ids of the letters, by the account."""
    return {row["account"]: row["id"] for row in json.loads(run("dead", "--json").out)}


def test_without_dead_letters_that_is_said(run: Run, prefix: str) -> None:
    assert run("dead") == (0, "no dead letters\n", "")


def test_without_a_store_there_are_none(run: Run, project: Path) -> None:
    assert run("dead") == (0, "no dead letters\n", "")


def test_letters_are_listed_with_the_reason_and_without_a_person_or_their_words(run: Run, do: Do) -> None:
    do(give_up)
    rows = sorted(json.loads(run("dead", "--json").out), key=lambda row: str(row["queue"]))
    assert [(row["account"], row["queue"], row["reason"]) for row in rows] == [
        ("taxi-viber", "mailbox", "ValueError"),
        ("taxi-telegram", "outbox", "400 chat not found"),
    ]
    shown = run("dead").out
    assert digest(ANN)[:10] in shown
    assert "secret" not in shown
    assert ANN not in shown
    assert ANN in run("dead", "--show-ids").out


def test_only_the_letters_of_an_account_are_listed(run: Run, do: Do) -> None:
    do(give_up)
    rows = json.loads(run("dead", "--json", "--account", "taxi-viber").out)
    assert [row["account"] for row in rows] == ["taxi-viber"]


def test_one_letter_is_shown_whole(run: Run, do: Do) -> None:
    do(give_up)
    shown = run("dead", "show", ids(run)["taxi-viber"]).out
    assert f"mailbox of {ANN}" in shown
    assert '{"text":"my secret plan"}' in shown
    assert "line 1, in f" in shown


def test_a_letter_that_is_not_there_is_told(run: Run, prefix: str) -> None:
    outcome = run("dead", "show", "0-1-0")
    assert outcome.code == 1
    assert "there is no dead letter '0-1-0'" in outcome.err


def test_a_letter_is_put_back_once(run: Run, do: Do) -> None:
    do(give_up)
    letter_id = ids(run)["taxi-viber"]
    assert run("dead", "replay", letter_id) == (0, "1 put back\n", "")
    again = run("dead", "replay", letter_id)
    assert (again.code, again.out) == (1, "0 put back\n")
    assert f"{letter_id}: there is no such letter" in again.err
    assert do(count) == 1


def test_all_of_an_account_are_put_back(run: Run, do: Do) -> None:
    do(give_up)
    assert run("dead", "replay", "--all", "--account", "taxi-viber") == (0, "1 put back\n", "")
    assert [*ids(run)] == ["taxi-telegram"]


def test_letters_are_removed(run: Run, do: Do) -> None:
    do(give_up)
    assert run("dead", "remove", ids(run)["taxi-viber"]) == (0, "1 removed\n", "")
    assert run("dead", "remove", "--all") == (0, "1 removed\n", "")
    assert do(count) == 0


def test_letters_are_named_or_all_is_said_and_not_both(run: Run, do: Do) -> None:
    do(give_up)
    for arguments in ((), ("0-1-0", "--all")):
        outcome = run("dead", "remove", *arguments)
        assert (outcome.code, do(count)) == (2, 2)
        assert "by their ids, or say --all" in outcome.err


def test_a_letter_whose_conversation_is_being_worked_on_stays_and_says_so(run: Run, do: Do) -> None:
    async def give_up_and_go_on(store: RedisStore) -> None:
        await give_up(store)
        await store.ingest(ANN, "f" * 22, b"", token=store.new_token(), window=60)

    do(give_up_and_go_on)
    outcome = run("dead", "replay", "--first", "--all", "--account", "taxi-viber")
    assert outcome.code == 1
    assert "its conversation is being worked on" in outcome.err
    assert do(count) == 2
