"""Reports reach the program's address: signed, in order, until they are taken, or for three days."""

import hmac
from base64 import b64encode
from collections import deque
from uuid import uuid4

import msgspec
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from botkit.adapter import Outcome
from botkit.clock import Clock
from botkit.conversation import Account, Conversation
from botkit.exceptions import MessageError, StoreUnavailableError
from botkit.http import Http, InProcess
from botkit.line import Line
from botkit.messages import Raw, Text
from botkit.outbox import Outbox
from botkit.outgoing import Outgoing, encode
from botkit.redaction import Secret
from botkit.redis.store import RedisStore
from botkit.send_api.callbacks import DELAYS, MAX_AGE, Callbacks
from botkit.turn import Queue

KEY = b"k" * 24
SECRET = Secret("whsec_" + b64encode(KEY).decode())
SHOP = Account("callback", "shop")


class Program:
    """A program with an address: `plan` holds its next answers, those after them are 204."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.signed: list[bool] = []
        self.plan: deque[int] = deque()
        self.network = InProcess()
        self.network.mount("program.example", Starlette(routes=[Route("/{path}", self._hear, methods=["POST"])]))

    async def _hear(self, request: Request) -> Response:
        body = await request.body()
        headers = request.headers
        content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        expected = "v1," + b64encode(hmac.digest(KEY, content, "sha256")).decode()
        self.signed.append(headers["webhook-signature"] == expected and headers["content-type"] == "application/json")
        self.heard.append((request.path_params["path"], body))
        return Response(status_code=self.plan.popleft() if self.plan else 204)


class Rig:
    """An outbox with the program's address as its only account."""

    def __init__(self, redis_url: str, program: Program, url: str = "https://program.example/usual") -> None:
        self.clock = Clock()
        self.store = RedisStore(redis_url, clock=self.clock, prefix=f"t{uuid4().hex[:12]}")
        self.urls: dict[str, str] = {}
        self.adapter = Callbacks("shop", url, [SECRET], clock=self.clock, find_url=self._find)
        self.client = Http(transport=program.network)
        line = Line(self.adapter, self.client)
        self.outbox = Outbox(self.store, {SHOP: line}, self.clock, jitter=lambda: 0.5)

    async def _find(self, message_id: str) -> str:
        return self.urls.get(message_id, "")

    async def tells(self, message_id: str, number: int) -> None:
        message = Raw(channel="callback", payload={"number": number})
        to = Conversation(SHOP, message_id)
        created = round(self.clock.timestamp() * 1000)
        key = f"{message_id:x<22}{number:02}"
        outgoing = Outgoing(key, ("callback", "shop"), message_id, message, created, is_last_word=True)
        assert await self.store.enqueue(to.key, key, encode(outgoing))

    async def works(self, after: float = 0) -> bool:
        """Sends what is due after so many seconds; returns whether anything was."""
        self.clock.advance(seconds=after)
        claim = await self.store.claim(Queue.OUTBOX, 10)
        for turn in claim.turns:
            await self.outbox.run(turn, keep=lambda: True)
        return bool(claim.turns)

    async def close(self) -> None:
        await self.client.close()
        await self.store.close()


async def test_reports_arrive_signed_and_in_order(botkit_redis_url: str) -> None:
    program = Program()
    rig = Rig(botkit_redis_url, program)
    await rig.tells("m1", 0)
    await rig.tells("m1", 1)
    await rig.works()
    assert [msgspec.json.decode(body) for _, body in program.heard] == [{"number": 0}, {"number": 1}]
    assert program.signed == [True, True]
    await rig.close()


async def test_what_is_not_taken_comes_again_until_it_is(botkit_redis_url: str) -> None:
    program = Program()
    program.plan += [500, 302, 404]
    rig = Rig(botkit_redis_url, program)
    await rig.tells("m1", 0)
    assert await rig.works()
    for delay in DELAYS[:3]:
        assert not await rig.works(after=delay - 1)
        assert await rig.works(after=1.1)
    assert not await rig.works(after=601)
    assert len(program.heard) == 4
    await rig.close()


async def test_a_program_that_never_answers_is_given_up_after_three_days(botkit_redis_url: str) -> None:
    rig = Rig(botkit_redis_url, Program(), url="https://elsewhere.example/")
    await rig.tells("m1", 0)
    begun = rig.clock.timestamp()
    while await rig.store.dead_letters.count() == 0:
        await rig.works(after=601)
    assert MAX_AGE < rig.clock.timestamp() - begun < MAX_AGE + 1300
    assert not await rig.works(after=601)
    await rig.close()


async def test_a_program_that_is_gone_is_told_nothing_more(botkit_redis_url: str) -> None:
    program = Program()
    program.plan += [410]
    rig = Rig(botkit_redis_url, program)
    await rig.tells("m1", 0)
    assert await rig.works()
    assert not await rig.works(after=601)
    assert len(program.heard) == 1
    await rig.close()


async def test_a_message_may_name_an_address_of_its_own(botkit_redis_url: str) -> None:
    program = Program()
    rig = Rig(botkit_redis_url, program)
    rig.urls["m2"] = "https://program.example/own"
    await rig.tells("m2", 0)
    await rig.works()
    assert [path for path, _ in program.heard] == ["own"]
    await rig.close()


async def test_an_address_of_its_own_that_takes_nothing_holds_up_no_other(botkit_redis_url: str) -> None:
    program = Program()
    rig = Rig(botkit_redis_url, program)
    for number in range(20):
        rig.urls[f"dead{number}"] = "https://dead.example/"
        await rig.tells(f"dead{number}", 0)
    await rig.works()
    await rig.works()
    await rig.tells("m1", 0)
    await rig.works()
    assert [path for path, _ in program.heard] == ["usual"]
    await rig.close()


@pytest.mark.parametrize(("age", "pause"), [(0, 5), (4, 5), (40, 40), (599, 599), (86_400, 600)])
async def test_an_address_of_its_own_that_takes_nothing_is_tried_less_and_less_often(age: int, pause: int) -> None:
    async def find(message_id: str) -> str:
        return "https://dead.example/"

    clock, program = Clock(), Program()
    created_ms = round(1000 * clock.timestamp())
    adapter = Callbacks("shop", "", [SECRET], clock=clock, find_url=find)
    outgoing = Outgoing("k" * 24, ("callback", "shop"), "m1", Raw(channel="callback", payload={}), created_ms)
    clock.advance(seconds=age)
    async with Http(transport=program.network) as client:
        receipt = await adapter.send(outgoing, Conversation(SHOP, "m1"), client)
    assert receipt.outcome is Outcome.NOT_SENT
    assert receipt.retry_after == pytest.approx(pause, abs=2)


@pytest.mark.parametrize(("own", "is_told"), [("https://program.example/own", False), ("", True)])
async def test_an_address_from_a_request_is_looked_up_and_that_of_the_key_is_the_operator_s(
    own: str, is_told: bool
) -> None:
    async def find(message_id: str) -> str:
        return own

    async def inside(host: str) -> list[str]:
        return ["10.0.0.1"]

    program = Program()
    adapter = Callbacks("shop", "https://program.example/usual", [SECRET], clock=Clock(), find_url=find)
    outgoing = Outgoing("k" * 24, ("callback", "shop"), "m1", Raw(channel="callback", payload={}))
    async with Http(transport=program.network, resolve=inside) as client:
        receipt = await adapter.send(outgoing, Conversation(SHOP, "m1"), client)
    assert receipt.outcome is (Outcome.SENT if is_told else Outcome.NOT_SENT)
    assert len(program.heard) == is_told
    assert "program" not in receipt.reason


async def test_while_the_store_does_not_tell_the_address_nothing_is_given_up() -> None:
    async def find(message_id: str) -> str:
        raise StoreUnavailableError("no answer")

    adapter, program = Callbacks("shop", "", [SECRET], clock=Clock(), find_url=find), Program()
    outgoing = Outgoing("k" * 24, ("callback", "shop"), "m1", Raw(channel="callback", payload={}))
    async with Http(transport=program.network) as client:
        receipt = await adapter.send(outgoing, Conversation(SHOP, "m1"), client)
    assert receipt.outcome is Outcome.NOT_SENT


async def test_without_any_address_a_report_is_refused() -> None:
    async def nowhere(message_id: str) -> str:
        return ""

    program = Program()
    adapter = Callbacks("shop", "", [SECRET], clock=Clock(), find_url=nowhere)
    outgoing = Outgoing("k" * 24, ("callback", "shop"), "m1", Raw(channel="callback", payload={}))
    async with Http(transport=program.network) as client:
        receipt = await adapter.send(outgoing, Conversation(SHOP, "m1"), client)
    assert receipt.outcome is Outcome.REFUSED
    with pytest.raises(MessageError):
        adapter.check(Text(text="hi"))
