"""One request for many people: who is in it, how many, and what each hears of its outcome."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from botkit.accounts import Bucket
from botkit.adapter import Outcome, Receipt
from botkit.batches import SHORT, Batches, Note
from botkit.channels.viber import Viber
from botkit.clock import Clock
from botkit.conversation import Account, Conversation
from botkit.exceptions import StoreUnavailableError, UnknownOutcomeError
from botkit.governor import Governor
from botkit.http_client import HttpClient
from botkit.messages import AnyMessage, Text
from botkit.pace import Pace, Paces
from botkit.store import Begun
from tests.desk import Desk, Nowhere, where

NEWS, OTHER = Text(text="News!"), Text(text="Other news")


class Many(Desk):
    """A desk that takes one message for up to three people."""

    max_receivers = 3

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[tuple[str, list[str]]] = []
        self.error: Exception | None = None
        self.refused: set[str] = set()

    async def broadcast(self, message: AnyMessage, to: Sequence[Conversation], client: HttpClient) -> Sequence[Receipt]:
        assert isinstance(message, Text)
        self.requests.append((message.text, [each.id for each in to]))
        if self.error:
            raise self.error
        return [Receipt(Outcome.REFUSED if each.id in self.refused else Outcome.SENT, id=each.id) for each in to]


class Rates:
    """What all processes have left of a rate: for `waits` times it is to be waited for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.wait = 0.0
        self.waits = 1000

    async def take(self, account: Account, buckets: Sequence[Bucket]) -> tuple[float, float]:
        self.asked += [bucket.name for bucket in buckets]
        self.waits -= 1
        return 0, self.wait if self.waits >= 0 else 0.0

    async def rest(self, account: Account, seconds: float) -> None:
        raise AssertionError("nobody rests here")


@pytest.fixture
def rates() -> Rates:
    return Rates()


@pytest.fixture
def batches(rates: Rates) -> Batches:
    return Batches(Governor(rates, Clock()), patience=0.001)


async def sent(
    batches: Batches, desk: Desk, *names: str, message: AnyMessage = NEWS
) -> list[Receipt | Begun | BaseException]:
    calls = (batches.send(desk, message, where(name), Nowhere()) for name in names)
    return await asyncio.gather(*calls, return_exceptions=True)


async def test_those_who_meet_are_sent_one_request(batches: Batches) -> None:
    desk = Many()
    receipts = await sent(batches, desk, "a", "b")
    assert desk.requests == [("News!", ["a", "b"])]
    assert receipts == [Receipt(Outcome.SENT, id="a"), Receipt(Outcome.SENT, id="b")]


@pytest.mark.parametrize(("number", "requests"), [(3, [3]), (4, [3, 1]), (7, [3, 3, 1])])
async def test_a_request_takes_as_many_as_have_room(batches: Batches, number: int, requests: list[int]) -> None:
    desk = Many()
    await sent(batches, desk, *map(str, range(number)))
    assert [len(people) for _, people in desk.requests] == requests


class Viberlike(Many):
    max_receivers = Viber.max_receivers


@pytest.mark.parametrize(("number", "requests"), [(300, [300]), (301, [300, 1])])
async def test_viber_is_told_of_at_most_three_hundred_people_at_once(
    batches: Batches, number: int, requests: list[int]
) -> None:
    desk = Viberlike()
    receipts = await sent(batches, desk, *(f"person-{each}" for each in range(number)))
    assert [len(names) for _, names in desk.requests] == requests
    assert [receipt.id for receipt in receipts if isinstance(receipt, Receipt)] == [
        f"person-{n}" for n in range(number)
    ]


async def test_another_message_is_another_request(batches: Batches) -> None:
    desk = Many()
    await asyncio.gather(sent(batches, desk, "a"), sent(batches, desk, "b", message=OTHER))
    assert sorted(desk.requests) == [("News!", ["a"]), ("Other news", ["b"])]


async def test_one_person_s_two_messages_are_two_requests(batches: Batches) -> None:
    desk = Many()
    await sent(batches, desk, "a", "a")
    assert desk.requests == [("News!", ["a"]), ("News!", ["a"])]


async def test_each_hears_what_became_of_their_own(batches: Batches) -> None:
    desk = Many()
    desk.refused = {"b"}
    receipts = await sent(batches, desk, "a", "b")
    assert [receipt.outcome for receipt in receipts if isinstance(receipt, Receipt)] == [Outcome.SENT, Outcome.REFUSED]


async def test_an_error_of_the_transport_reaches_all(batches: Batches) -> None:
    desk = Many()
    desk.error = UnknownOutcomeError("it hung up")
    assert [type(each) for each in await sent(batches, desk, "a", "b")] == [UnknownOutcomeError, UnknownOutcomeError]


async def test_whose_turn_is_taken_away_is_not_in_the_request(batches: Batches) -> None:
    desk = Many()
    lost = asyncio.create_task(batches.send(desk, NEWS, where("lost"), Nowhere()))
    staying = asyncio.create_task(batches.send(desk, NEWS, where("a"), Nowhere()))
    await asyncio.sleep(0)
    lost.cancel()
    await staying
    assert desk.requests == [("News!", ["a"])]


async def test_a_request_that_all_have_left_is_not_made(batches: Batches) -> None:
    desk = Many()
    lost = asyncio.create_task(batches.send(desk, NEWS, where("lost"), Nowhere()))
    await asyncio.sleep(0)
    lost.cancel()
    await sent(batches, desk, "a", message=OTHER)
    assert desk.requests == [("Other news", ["a"])]


async def test_a_request_counts_once_in_the_pace_of_broadcasts(batches: Batches, rates: Rates) -> None:
    desk = Many()
    desk.paces = Paces(broadcast=Pace(500, 10))
    await sent(batches, desk, "a", "b")
    assert rates.asked == ["br"]


async def test_where_the_pace_is_used_up_nothing_is_sent_and_all_wait(batches: Batches, rates: Rates) -> None:
    desk = Many()
    desk.paces, rates.wait = Paces(broadcast=Pace(500, 10)), 1.5
    receipts = await sent(batches, desk, "a", "b")
    assert receipts == [Receipt(Outcome.NOT_SENT, reason="paced", retry_after=1.5)] * 2
    assert desk.requests == []


@pytest.mark.parametrize(("wait", "waits"), [(SHORT + 0.01, 1), (0.001, 2)], ids=["long", "again"])
async def test_where_it_is_to_be_waited_for_long_or_again_all_go_back(
    batches: Batches, rates: Rates, wait: float, waits: int
) -> None:
    desk = Many()
    desk.paces, rates.wait, rates.waits = Paces(broadcast=Pace(500, 10)), wait, waits
    assert await sent(batches, desk, "a") == [Receipt(Outcome.NOT_SENT, reason="paced", retry_after=wait)]
    assert desk.requests == []


async def test_a_short_wait_for_the_pace_is_waited_for(batches: Batches, rates: Rates) -> None:
    desk = Many()
    desk.paces, rates.wait, rates.waits = Paces(broadcast=Pace(500, 10)), 0.001, 1
    assert await sent(batches, desk, "a") == [Receipt(Outcome.SENT, id="a")]
    assert rates.asked == ["br", "br"]


# --- attempts that are noted ---


async def noted(batches: Batches, desk: Desk, answers: Mapping[str, Begun | Exception]) -> list[object]:
    """Sends to people whose attempts are noted with these answers; returns what each hears."""

    def noting(answer: Begun | Exception) -> Note:
        async def note() -> Begun:
            assert not getattr(desk, "requests", [])
            if isinstance(answer, Exception):
                raise answer
            return answer

        return note

    calls = (batches.send(desk, NEWS, where(name), Nowhere(), note=noting(each)) for name, each in answers.items())
    return await asyncio.gather(*calls, return_exceptions=True)


async def test_an_attempt_is_noted_before_the_request_and_made_only_if_it_is_new(batches: Batches) -> None:
    desk = Many()
    answers = {"a": Begun.NEW, "b": Begun.AGAIN, "c": Begun.FENCED}
    assert await noted(batches, desk, answers) == [Receipt(Outcome.SENT, id="a"), Begun.AGAIN, Begun.FENCED]
    assert desk.requests == [("News!", ["a"])]


async def test_whoever_could_not_be_noted_is_not_in_the_request_and_the_others_are(batches: Batches) -> None:
    desk = Many()
    lost = StoreUnavailableError("gone")
    assert await noted(batches, desk, {"a": lost, "b": Begun.NEW}) == [lost, Receipt(Outcome.SENT, id="b")]
    assert desk.requests == [("News!", ["b"])]


async def test_where_nobody_is_left_no_request_is_made(batches: Batches) -> None:
    desk = Many()
    assert await noted(batches, desk, {"a": Begun.AGAIN}) == [Begun.AGAIN]
    assert desk.requests == []


async def test_what_the_pace_keeps_back_is_not_noted(batches: Batches, rates: Rates) -> None:
    desk = Many()
    desk.paces, rates.wait = Paces(broadcast=Pace(500, 10)), 1.5
    unreachable = AssertionError("noted")
    assert await noted(batches, desk, {"a": unreachable}) == [
        Receipt(Outcome.NOT_SENT, reason="paced", retry_after=1.5)
    ]
