"""What is counted, by one process and by several that share memory, and that nothing adds to the series there are."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from botkit.adapter import Outcome, Receipt
from botkit.context import Context
from botkit.conversation import Account
from botkit.dispatcher import HandlerPolicy
from botkit.events import MessageReceived
from botkit.flow import Flow
from botkit.intake import Acceptance
from botkit.metrics import BOUNDS, FAMILIES, Memory, Metrics, shared_files
from botkit.router import Router
from botkit.turn import Queue
from tests.conftest import Servers
from tests.desk import NOT_SENT, REFUSED, SENT, UNKNOWN, Desk, Process, bot, parrot, says

DESK = Account("desk", "desk")
SHOP = Account("viber", "shop")


@pytest.fixture
def files() -> Iterator[tuple[int, ...]]:
    files = shared_files(2)
    yield files
    for file in files:
        os.close(file)


def value(metrics: Metrics, name: str, account: Account | None = None, label: str = "") -> float:
    """Returns what a counter has counted, or how often a histogram has observed something."""
    for series in metrics.read():
        labels = list(series.labels.values())
        own = [account.channel if account else "", account.ta if account else ""] if series.family.of_account else []
        if series.family.name == name and labels == [*own, *([label] if series.family.label else [])]:
            return sum(series.numbers[:-1]) if series.family.kind == "histogram" else series.numbers[0]
    raise AssertionError(f"no series {name} {account} {label}")


def names(metrics: Metrics) -> list[tuple[str, ...]]:
    return [(series.family.name, *chain.from_iterable(series.labels.items())) for series in metrics.read()]


# --- counting ---


def test_what_is_counted_for_one_account_is_not_counted_for_another() -> None:
    metrics = Metrics([DESK, SHOP])
    metrics.count("events_accepted", SHOP)
    assert [value(metrics, "events_accepted", account) for account in (DESK, SHOP, None)] == [0, 1, 0]


def test_what_no_account_here_has_is_counted_without_one() -> None:
    metrics = Metrics([DESK])
    metrics.count("webhooks_refused", Account("desk", "somebody's invention"), "forbidden")
    assert value(metrics, "webhooks_refused", None, "forbidden") == 1


def test_a_word_that_no_label_has_is_an_error() -> None:
    with pytest.raises(KeyError):
        Metrics([DESK]).count("sends", DESK, "a user's words")


@pytest.mark.parametrize("bound", BOUNDS)
def test_a_time_that_is_a_bound_lies_within_it_and_a_longer_one_above(bound: float) -> None:
    metrics = Metrics()
    metrics.observe("loop_lag_seconds", bound)
    metrics.observe("loop_lag_seconds", bound + 0.0001)
    (series,) = [series for series in metrics.read() if series.family.name == "loop_lag_seconds"]
    place = BOUNDS.index(bound)
    assert [series.numbers[place], series.numbers[place + 1]] == [1, 1]
    assert series.numbers[-1] == pytest.approx(2 * bound + 0.0001)


@given(st.lists(st.builds(Account, st.text(), st.text())))
def test_events_of_whatever_accounts_add_no_series(accounts: list[Account]) -> None:
    metrics = Metrics([DESK])
    before = names(metrics)
    for account in accounts:
        metrics.count("events_duplicate", account)
    assert names(metrics) == before
    assert value(metrics, "events_duplicate") + value(metrics, "events_duplicate", DESK) == len(accounts)


def test_names_follow_prometheus_and_no_two_are_the_same() -> None:
    assert all(family.name.endswith("_seconds") == (family.kind == "histogram") for family in FAMILIES)
    assert not any(family.name.endswith(("_total", "_count", "_sum", "_bucket")) for family in FAMILIES)
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)


def test_every_outcome_and_queue_has_its_series() -> None:
    values = {family.name: family.values for family in FAMILIES}
    assert values["sends"] == tuple(outcome.value for outcome in Outcome)
    assert values["claim_lag_seconds"] == values["leases_lost"] == tuple(queue.value for queue in Queue)


# --- several processes ---


def test_processes_that_share_memory_give_one_picture_whoever_is_asked(files: tuple[int, ...]) -> None:
    first, second = (Metrics([DESK], Memory(files, own)) for own in (0, 1))
    first.count("events_accepted", DESK)
    second.count("events_accepted", DESK)
    second.observe("handler_seconds", 0.1, DESK)
    for metrics in (first, second):
        assert value(metrics, "events_accepted", DESK) == 2
        assert value(metrics, "handler_seconds", DESK) == 1
        assert metrics.processes == 2


def test_who_takes_the_place_of_another_goes_on_counting_there(files: tuple[int, ...]) -> None:
    Metrics([DESK], Memory(files, 0)).count("events_accepted", DESK)
    successor = Metrics([DESK], Memory(files, 0))
    successor.count("events_accepted", DESK)
    assert value(successor, "events_accepted", DESK) == 2
    assert successor.processes == 1


def test_who_counts_for_other_accounts_begins_anew_and_is_not_mixed_with_the_others(files: tuple[int, ...]) -> None:
    metrics = Metrics([DESK], Memory(files, 0))
    metrics.count("events_accepted", DESK)
    others = Metrics([SHOP], Memory(files, 1))
    others.count("events_accepted", SHOP)
    assert [metrics.processes, others.processes] == [1, 1]
    successor = Metrics([SHOP], Memory(files, 0))
    assert value(successor, "events_accepted", SHOP) == 1
    assert value(successor, "events_accepted") == 0
    assert successor.processes == 2


# --- where the engine counts ---


async def test_an_events_way_is_counted_once_at_each_step(servers: Servers) -> None:
    desk = Desk()
    async with Process(servers.any_url(), bot(parrot(), desk)) as process:
        metrics = process.metrics
        event = says("hello")
        await process.takes(event)
        await process.takes(event)
        await process.engine.settle()
        counted = ("events_accepted", "events_duplicate", "events_committed", "handler_seconds", "send_seconds")
        assert {name: value(metrics, name, DESK) for name in counted} == dict.fromkeys(counted, 1)
        assert value(metrics, "sends", DESK, "sent") == 1
        assert value(metrics, "send_repeats", DESK) == value(metrics, "handler_failures", DESK) == 0


async def test_what_comes_under_a_known_id_and_says_something_else_is_counted_and_changes_nothing(
    servers: Servers,
) -> None:
    desk = Desk()
    async with Process(servers.any_url(), bot(parrot(), desk)) as process:
        first = says("hello", native="1")
        await process.takes(first)
        await process.engine.settle()
        # When it came says nothing of what it says.
        assert await process.takes(replace(first, at=datetime.now(UTC))) == Acceptance(stored=True)
        assert value(process.metrics, "events_conflicting", DESK) == 0
        for text in ("another", "and one more"):
            assert await process.takes(says(text, native="1")) == Acceptance(stored=True)
        await process.engine.settle()
        assert desk.texts == ["hello"]
        assert value(process.metrics, "events_conflicting", DESK) == 2
        assert value(process.metrics, "events_duplicate", DESK) == 3


@pytest.mark.parametrize(
    ("receipt", "outcome", "is_given_up"),
    [(REFUSED, "refused", True), (NOT_SENT, "not_sent", False), (UNKNOWN, "unknown", False),
     (Receipt(Outcome.THROTTLED, retry_after=1), "throttled", False)],
)  # fmt: skip
async def test_an_attempt_is_counted_by_its_outcome(
    servers: Servers, receipt: Receipt, outcome: str, is_given_up: bool
) -> None:
    desk = Desk()
    desk.plan.append(receipt)
    async with Process(servers.any_url(), bot(parrot(), desk)) as process:
        await process.hears("hello")
        assert value(process.metrics, "sends", DESK, outcome) == 1
        assert value(process.metrics, "messages_given_up", DESK) == is_given_up
        await process.advance(120)
        assert value(process.metrics, "sends", DESK, "sent") == (not is_given_up)


async def test_every_attempt_after_the_first_is_counted_as_a_repeat(servers: Servers) -> None:
    desk = Desk()
    desk.plan.extend([UNKNOWN, UNKNOWN, SENT])
    async with Process(servers.any_url(), bot(parrot(), desk)) as process:
        await process.hears("hello")
        await process.advance(5)
        await process.advance(5)
        assert value(process.metrics, "sends", DESK, "sent") == 1
        assert value(process.metrics, "send_repeats", DESK) == 2


async def test_a_failing_handler_is_counted_each_time_and_its_event_once_as_dead(servers: Servers) -> None:
    router = Router()

    @router.text()
    async def fails(event: MessageReceived, ctx: Context[Flow]) -> None:
        raise ValueError

    desk = Desk()
    async with Process(servers.any_url(), bot(router, desk), handler=HandlerPolicy(delays=(1,))) as process:
        await process.hears("hello")
        await process.advance(10)
        assert value(process.metrics, "handler_failures", DESK) == 2
        assert value(process.metrics, "events_dead", DESK) == 1
        assert value(process.metrics, "events_committed", DESK) == 0


async def test_how_late_a_conversation_was_claimed_is_observed(servers: Servers) -> None:
    desk = Desk()
    async with Process(servers.any_url(), bot(parrot(), desk), role="web") as web:
        await web.takes(says("hello"))
        worker = web.another(role="worker")
        web.clock.advance(seconds=7)
        async with worker:
            await worker.engine.settle()
            lags = [s for s in worker.metrics.read() if s.family.name == "claim_lag_seconds"]
            assert [sum(series.numbers[:-1]) for series in lags] == [1, 0]
            assert 7 <= lags[0].numbers[-1] < 10
        assert value(web.metrics, "claim_lag_seconds", label="mailbox") == 0
