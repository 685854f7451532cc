"""Viber's broadcast_message: 300 people a request, who failed among them, and what the whole of it may be answered."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from botkit.adapter import Outcome, Receipt
from botkit.bot import Bot
from botkit.broadcast import Stage, Tally
from botkit.broadcaster import Broadcaster
from botkit.channels.viber import Viber
from botkit.context import Context
from botkit.conversation import Account, Conversation
from botkit.engine import EnginePolicy
from botkit.events import ConversationStarted, MessageReceived
from botkit.exceptions import UnknownOutcomeError
from botkit.flow import Flow
from botkit.http_client import HttpAnswer
from botkit.messages import AnyMessage, Text
from botkit.outbox import SendPolicy
from botkit.router import Router
from botkit.service import Policies
from botkit.simulators.viber import ViberSimulator
from botkit.simulators.wire import Fault
from botkit.testing import BotTester, Visitor
from tests.desk import Nowhere

ACCOUNT = Account("viber", "demo")


class Service(Nowhere):
    """Viber with one answer for everything."""

    def __init__(self, answer: object, *, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.answer = HttpAnswer(status, headers or {}, json.dumps(answer).encode())
        self.calls: list[tuple[str, Any]] = []

    async def request(self, *args: object, **options: object) -> HttpAnswer:
        self.calls.append((str(args[1]).rpartition("/")[2], options["json"]))
        return self.answer


def viber() -> Viber:
    return Viber("token-token", name="Demo", ta="demo")


async def answered(
    answer: object, *names: str, status: int = 200, headers: dict[str, str] | None = None
) -> Sequence[Receipt]:
    service = Service(answer, status=status, headers=headers)
    people = [Conversation(ACCOUNT, name) for name in names or ("ann", "ben")]
    return await viber().broadcast(Text(text="News!"), people, service)


async def test_a_request_says_it_once_for_all() -> None:
    service = Service({"status": 0, "message_token": 5753750845017000200})
    people = [Conversation(ACCOUNT, name) for name in ("ann", "ben")]
    receipts = await viber().broadcast(Text(text="**News!**"), people, service)
    (call,) = service.calls
    assert call == (
        "broadcast_message",
        {
            "sender": {"name": "Demo"},
            "type": "text",
            "text": "*News!*",
            "broadcast_list": ["ann", "ben"],
        },
    )
    assert receipts == [Receipt(Outcome.SENT, id="5753750845017000200")] * 2


async def test_whom_viber_names_did_not_get_it() -> None:
    failed = [
        {"receiver": "ben", "status": 6, "status_message": "Not subscribed"},
        {"receiver": "eve", "status": 5, "status_message": "Not found"},
        {"receiver": "joe", "status": 12, "status_message": "Too many requests"},
        {"receiver": "kim", "status": 13, "status_message": "Version"},
    ]
    ann, ben, eve, joe, kim = await answered(
        {"status": 0, "message_token": 1, "billing_status": 1, "failed_list": failed}, "ann", "ben", "eve", "joe", "kim"
    )
    assert ann == Receipt(Outcome.SENT, id="1", billing="1")
    assert [(each.outcome, each.is_gone) for each in (ben, eve)] == [(Outcome.REFUSED, True)] * 2
    assert (joe.outcome, joe.retry_after) == (Outcome.NOT_SENT, 60)
    assert (kim.outcome, kim.is_gone) == (Outcome.REFUSED, False)


async def test_a_list_of_failures_that_cannot_be_read_is_no_reason_to_send_again() -> None:
    receipts = await answered({"status": 0, "message_token": 1, "failed_list": "ann"})
    assert {receipt.outcome for receipt in receipts} == {Outcome.SENT}


@pytest.mark.parametrize(("status", "seconds"), [(12, 10), (19, 60), (20, 60)])
async def test_a_request_that_is_not_for_now_costs_nobody_their_message(status: int, seconds: float) -> None:
    receipts = await answered({"status": status})
    assert {(receipt.outcome, receipt.retry_after) for receipt in receipts} == {(Outcome.NOT_SENT, seconds)}


@pytest.mark.parametrize(
    ("status", "outcome"), [(200, Outcome.UNKNOWN), (429, Outcome.THROTTLED), (500, Outcome.UNKNOWN)]
)
async def test_an_answer_without_a_status_is_classed_as_for_any_message(status: int, outcome: Outcome) -> None:
    receipts = await answered({}, status=status, headers={"retry-after": "7"})
    assert {receipt.outcome for receipt in receipts} == {outcome}
    assert {receipt.retry_after for receipt in receipts} == {7 if status == 429 else 0}


async def test_a_token_that_is_refused_refuses_all() -> None:
    assert {receipt.outcome for receipt in await answered({"status": 2})} == {Outcome.REFUSED}


async def test_an_error_of_the_transport_passes_through() -> None:
    class Dropping(Service):
        async def request(self, *_: object, **__: object) -> HttpAnswer:
            raise UnknownOutcomeError("it hung up")

    with pytest.raises(UnknownOutcomeError):
        await viber().broadcast(Text(text="News!"), [Conversation(ACCOUNT, "ann")], Dropping({}))


@pytest.mark.parametrize(
    ("message", "room"),
    [(Text(text="News!"), 300), (Text(text="x" * 7000), 300), (Text(text="\u20ac" * 7000), 144)],
)
def test_a_request_names_as_many_as_fit_into_30_kilobytes(message: AnyMessage, room: int) -> None:
    assert viber().receivers(message) == room


async def test_the_largest_request_is_not_over_30_kilobytes() -> None:
    service, message = Service({"status": 0}), Text(text="\u20ac" * 7000)
    people = [Conversation(ACCOUNT, f"{number:064}") for number in range(viber().receivers(message))]
    await viber().broadcast(message, people, service)
    ((_, payload),) = service.calls
    assert len(json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()) <= 30 * 1024


# --- in the whole of it ---


def router() -> Router[Flow]:
    router = Router()

    @router.started()
    async def started(event: ConversationStarted, ctx: Context[Flow]) -> None:
        ctx.reply("welcome")

    @router.text()
    async def anything(event: MessageReceived, ctx: Context[Flow]) -> None:
        """Says nothing."""

    return router


def shop(redis_url: str, folder: Any, *, concurrency: int = 400, max_repeats: int = 2) -> BotTester:
    policies = Policies(engine=EnginePolicy(concurrency=concurrency), send=SendPolicy(max_repeats=max_repeats))
    owner = Bot("shop", routers=[router()], accounts=[Viber(ta="v")])
    return BotTester([owner], redis_url, folder=folder, policies=policies)


async def met(t: BotTester, number: int) -> list[Visitor]:
    people = [t.user(f"Person {index}", channel="viber") for index in range(number)]
    for person in people:
        await t.simulator("viber").says("v", person.person, "hi")
    await t.settle()
    return people


async def broadcast(t: BotTester) -> str:
    owner = next(iter(t.service.owners.values()))
    plan = await Broadcaster(owner.bot, t.store, t.clock).plan(Text(text="News!"))
    await t.store.broadcasts.move(plan.broadcast.id, Stage.RUNNING)
    await t.settle()
    return plan.broadcast.id


async def tally(t: BotTester, broadcast_id: str) -> Tally:
    progress = await t.store.broadcasts.load(broadcast_id)
    assert progress
    return progress.tally


def requests(t: BotTester) -> list[int]:
    return [len(call.body["broadcast_list"]) for call in t.simulator("viber").wire.calls("broadcast_message")]


async def test_a_crowd_is_written_to_in_few_requests_and_each_report_is_theirs(
    botkit_redis_url: str, tmp_path: Any
) -> None:
    async with shop(botkit_redis_url, tmp_path) as t:
        people = await met(t, 301)
        done = await tally(t, await broadcast(t))
        assert (done.sent, done.delivered, done.seen) == (301, 301, 301)
        assert sum(requests(t)) == 301
        assert len(requests(t)) <= 4
        assert not t.simulator("viber").wire.calls("send_message")
        assert all(person.received == ["News!"] for person in people[::50])


async def test_who_blocked_the_bot_behind_our_back_is_noted_as_gone(botkit_redis_url: str, tmp_path: Any) -> None:
    async with shop(botkit_redis_url, tmp_path) as t:
        people = await met(t, 3)
        simulator = t.simulator("viber")
        assert isinstance(simulator, ViberSimulator)
        simulator.chat("v", people[0].person).is_subscribed = False
        done = await tally(t, await broadcast(t))
        assert (done.sent, done.failed) == (2, 1)
        again = await tally(t, await broadcast(t))
        assert (again.total, again.sent) == (2, 2)


async def test_a_request_of_unknown_outcome_is_made_again_and_not_for_ever(
    botkit_redis_url: str, tmp_path: Any
) -> None:
    async with shop(botkit_redis_url, tmp_path, max_repeats=1) as t:
        people = await met(t, 2)
        t.simulator("viber").wire.faults.append(Fault(drop=True, before=False))
        first = await broadcast(t)
        await t.advance(minutes=2)
        assert (await tally(t, first)).sent == 2
        assert people[0].received == ["News!", "News!"]
        t.simulator("viber").wire.faults.extend([Fault(500)] * 3)
        second = await broadcast(t)
        await t.advance(minutes=2)
        assert (await tally(t, second)).failed == 2


async def test_when_viber_has_too_many_all_of_them_wait(botkit_redis_url: str, tmp_path: Any) -> None:
    async with shop(botkit_redis_url, tmp_path) as t:
        await met(t, 3)
        t.simulator("viber").wire.faults.append(Fault(429, headers={"retry-after": "30"}))
        found = await broadcast(t)
        await t.advance(seconds=29)
        assert (await tally(t, found)).sent == 0
        await t.advance(seconds=2)
        assert (await tally(t, found)).sent == 3
