"""A program hears each step of its messages: signed, in order, until it takes it, at the address that it named."""

import asyncio
import hashlib
import hmac
import socket
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from botkit.events import MessageDelivered, MessageFailed, MessageSeen
from botkit.http import InProcess
from botkit.redis.audit import audit
from botkit.send_api.keys import digest_of
from tests.desk import REFUSED, Report
from tests.send_api.conftest import OTHER_KEY, READER_KEY, SHOP_KEY, Program, hello, running
from tests.send_api.test_scheduling import DAYTIME, deadline, is_at

SECRET = b"0123456789abcdef0123456789abcdef"
OLD_SECRET = b"fedcba9876543210fedcba9876543210"
USUAL, OWN = "https://program.example/usual", "https://elsewhere.example/own"


def whsec(secret: bytes) -> str:
    return f"whsec_{b64encode(secret).decode()}"


class Listener:
    """A program with addresses: `plan` holds its next answers, those after them are 204."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self.paths: list[str] = []
        self.plan: deque[int] = deque()
        self.app = Starlette(routes=[Route("/{path}", self._hear, methods=["POST"])])
        self.network = InProcess()
        for host in ("program.example", "elsewhere.example"):
            self.network.mount(host, self.app)

    @property
    def steps(self) -> list[str]:
        return [report["type"] for report in self.heard]

    async def _hear(self, request: Request) -> Response:
        body = await request.body()
        assert is_genuine(request, body, SECRET)
        status = self.plan.popleft() if self.plan else 204
        self.paths.append(request.path_params["path"])
        self.ids.append(request.headers["webhook-id"])
        if status < 300:
            self.heard.append(msgspec.json.decode(body))
        return Response(status_code=status)


def is_genuine(request: Request, body: bytes, secret: bytes) -> bool:
    """Verifies a report as its specification says: https://www.standardwebhooks.com"""
    name, timestamp = request.headers["webhook-id"], request.headers["webhook-timestamp"]
    content = b".".join((name.encode(), timestamp.encode(), body))
    digest = hmac.new(secret, content, hashlib.sha256).digest()
    given = [text.removeprefix("v1,") for text in request.headers["webhook-signature"].split(" ")]
    return digest in map(b64decode, given)


def keys(folder: Path, *, usual: str = USUAL, secrets: str = "") -> Path:
    """Returns a file of keys: one with an address for reports, one with a secret alone, and one without."""
    secrets = secrets or whsec(SECRET)
    path = folder / "keys.toml"
    path.write_text(
        f"""
        [shop]
        sha256 = "{digest_of(SHOP_KEY)}"
        scopes = ["send", "read"]
        callback_url = "{usual}"
        callback_secret = "{secrets}"

        [other]
        sha256 = "{digest_of(OTHER_KEY)}"
        scopes = ["send", "read"]
        callback_secret = "{secrets}"

        [plain]
        sha256 = "{digest_of(READER_KEY)}"
        scopes = ["send", "read"]
        """
    )
    return path


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
async def program(botkit_redis_url: str, tmp_path: Path, listener: Listener) -> AsyncIterator[Program]:
    async with running(botkit_redis_url, tmp_path, keys=keys(tmp_path), programs=listener.network) as program:
        yield program
        assert await audit(program.tester.store) == []


async def takes(program: Program, **members: object) -> str:
    """Lets the service take a message, and do all that it leads to for now; returns its id."""
    taken = await program.posts(body=hello(**members))
    assert taken.status_code == 200, taken.text
    await program.tester.settle()
    found = taken.json()
    return str(found[0] if isinstance(found, list) else found["messageId"])


def failing_over(**members: object) -> dict[str, Any]:
    timeout = {"status": "Delivered", "timeoutInSeconds": 45, "trafficAccounts": ["desk-viber", "desk"]}
    viber = {"type": "promotional", "text": "by Viber"}
    return {
        "trafficAccountId": None,
        "viber": viber,
        "failover": {"type": "Timeout", "timeoutFailover": timeout},
    } | members


# --- each step ---


@pytest.mark.parametrize(
    ("reports", "steps"),
    [
        ([], []),
        ([MessageDelivered], ["delivered"]),
        ([MessageDelivered, MessageSeen], ["delivered", "seen"]),
        ([MessageSeen], ["seen"]),
        ([MessageFailed], ["failed"]),
        ([MessageDelivered, MessageDelivered, MessageFailed], ["delivered"]),
    ],
    ids=["none", "delivered", "seen after", "seen", "failed", "old news"],
)
async def test_it_hears_exactly_the_steps_that_the_message_shows_in_order(
    program: Program, listener: Listener, reports: list[type[Report]], steps: list[str]
) -> None:
    message = await takes(program)
    for report in reports:
        await program.hears(report, program.desk)
    assert listener.steps == [f"message.{step}" for step in ("sent", *steps)]
    shown = (await program.asks(message)).json()
    assert sorted(shown["times"], key=shown["times"].__getitem__) == ["committed", "sent", *steps]
    assert [report["data"]["status"] for report in listener.heard] == ["sent", *steps]
    assert {report["data"]["messageId"] for report in listener.heard} == {message}
    assert listener.heard[-1]["data"]["status"] == shown["status"]
    assert {*listener.paths} == {"usual"}
    assert len({*listener.ids}) == len(listener.ids)


async def test_a_refusal_is_told_with_its_reason(program: Program, listener: Listener) -> None:
    program.desk.plan.append(REFUSED)
    message = await takes(program)
    assert listener.steps == ["message.failed"]
    assert listener.heard[0]["data"]["reason"] == REFUSED.reason
    assert (await program.asks(message)).json()["status"] == "failed"


async def test_of_several_ways_it_hears_that_the_next_was_taken(program: Program, listener: Listener) -> None:
    message = await takes(program, **failing_over())
    await program.tester.advance(seconds=46)
    await program.hears(MessageDelivered, program.desk)
    assert listener.steps == ["message.sent", "message.failed_over", "message.sent", "message.delivered"]
    told = listener.heard[-1]["data"]
    assert [way["account"]["trafficAccountId"] for way in told["ways"]] == ["desk-viber", "desk"]
    shown = (await program.asks(message)).json()
    assert told["mayBeDouble"] is shown["mayBeDouble"] is True
    assert told["status"] == shown["status"] == "delivered"
    assert [set(way["times"]) for way in told["ways"]] == [set(hop["times"]) for hop in shown["hops"]]


async def test_what_is_worth_nothing_any_more_is_told_as_expired(program: Program, listener: Listener) -> None:
    viber = {"type": "promotional", "text": "by Viber", "ttl": 30}
    message = await takes(program, trafficAccountId="desk-viber", sms=None, viber=viber)
    await program.tester.advance(seconds=31)
    assert listener.steps == ["message.sent", "message.expired"]
    assert (await program.asks(message)).json()["status"] == "expired"


# --- together with a schedule ---


async def test_what_waits_is_told_from_its_time_on(program: Program, listener: Listener) -> None:
    is_at(program, "08:00")
    message = await takes(program, scheduleInfo=DAYTIME)
    assert listener.steps == []
    await program.tester.advance(hours=1)
    assert listener.steps == ["message.sent"]
    times = (await program.asks(message)).json()["times"]
    assert [*sorted(times, key=times.__getitem__)] == ["scheduled", "committed", "sent"]


async def test_what_expires_before_its_time_is_told_once(program: Program, listener: Listener) -> None:
    now = is_at(program, "08:00")
    limits = {**DAYTIME, "deadline": deadline(now + timedelta(hours=2))}
    messages = [
        await takes(program, scheduleInfo=limits),
        await takes(program, scheduleInfo=limits, **failing_over()),
    ]
    await program.tester.advance(hours=3)
    await program.tester.advance(days=2)
    assert listener.steps == ["message.expired"] * 2
    assert sorted(report["data"]["messageId"] for report in listener.heard) == sorted(messages)
    assert {report["data"]["status"] for report in listener.heard} == {"expired"}
    for message in messages:
        assert (await program.asks(message)).json()["status"] == "expired"
    assert program.desk.texts == program.viber.texts == []


async def test_whoever_cancels_knows_it_and_is_told_nothing(program: Program, listener: Listener) -> None:
    is_at(program, "08:00")
    await program.cancels(await takes(program, scheduleInfo=DAYTIME))
    await program.tester.advance(days=1)
    assert listener.steps == []


# --- whatever happens ---


async def test_a_program_that_was_down_hears_all_of_it_later_in_order(program: Program, listener: Listener) -> None:
    listener.plan += [500, 503, 404, 302]
    await takes(program)
    await program.hears(MessageDelivered, program.desk)
    await program.hears(MessageSeen, program.desk)
    for _ in range(12):
        await program.tester.advance(seconds=601)
    assert listener.steps == ["message.sent", "message.delivered", "message.seen"]
    assert len({*listener.ids[:5]}) == 1, "whoever had taken it all the same knows it by its id"


async def test_two_secrets_sign_while_one_replaces_the_other(botkit_redis_url: str, tmp_path: Path) -> None:
    listener = Listener()
    path = keys(tmp_path, secrets=f"{whsec(OLD_SECRET)} {whsec(SECRET)}")
    async with running(botkit_redis_url, tmp_path, keys=path, programs=listener.network) as program:
        await takes(program)
    assert listener.steps == ["message.sent"]


# --- whom ---


async def test_a_message_may_name_an_address_of_its_own(program: Program, listener: Listener) -> None:
    await takes(program, notifyUrl=OWN)
    await takes(program)
    assert listener.paths == ["own", "usual"]


async def test_a_key_without_an_address_hears_of_the_messages_that_name_one(
    program: Program, listener: Listener
) -> None:
    other = program.another(OTHER_KEY)
    await takes(other)
    assert listener.steps == []
    await takes(other, notifyUrl=OWN)
    assert (listener.steps, listener.paths) == (["message.sent"], ["own"])


async def test_without_a_secret_to_sign_with_no_address_may_be_named(program: Program, listener: Listener) -> None:
    plain = program.another(READER_KEY)
    refused = await plain.posts(body=hello(notifyUrl=OWN))
    assert [problem["path"] for problem in refused.json()["problems"]] == ["notifyUrl"]
    await takes(plain)
    assert listener.steps == []


LONGEST = f"{OWN}?{'x' * (2048 - len(OWN) - 1)}"


@pytest.mark.parametrize(
    ("url", "is_right"),
    [
        (LONGEST, True),
        (LONGEST + "x", False),
        ("https://93.184.216.34/reports", True),
        ("http://program.example/", False),
        ("https://localhost/", False),
        ("https://10.0.0.1/", False),
        ("https://[::1]/", False),
        ("https://program.example:8443/", False),
        ("https://db.internal/", False),
        ("https://program.example/a b", False),
        ("https://program.example/\n", False),
        ("https://prográm.example/", False),
        ("reports", False),
        (7, False),
        (["https://program.example/"], False),
    ],
    ids=lambda value: str(value)[-24:],
)
async def test_an_address_is_public_with_https_and_not_too_long(
    program: Program, url: object, *, is_right: bool
) -> None:
    answered = await program.posts(body=hello(notifyUrl=url))
    assert answered.status_code == (200 if is_right else 400)
    if not is_right:
        assert [problem["path"] for problem in answered.json()["problems"]] == ["notifyUrl"]


# --- by a socket ---


@asynccontextmanager
async def served(listener: Listener) -> AsyncIterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as place:
        server = uvicorn.Server(uvicorn.Config(listener.app, log_level="error", lifespan="off", ws="none"))
        serving = asyncio.create_task(server.serve(sockets=[place]))
        yield f"http://127.0.0.1:{place.getsockname()[1]}/usual"
        server.should_exit = True
        await serving


async def test_a_real_server_hears_of_it(botkit_redis_url: str, tmp_path: Path, listener: Listener) -> None:
    async with served(listener) as url, running(botkit_redis_url, tmp_path, keys=keys(tmp_path, usual=url)) as program:
        await takes(program)
    assert listener.steps == ["message.sent"]
