"""Mitto with planned answers: what was called, and what it says."""

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from botkit.conversation import Account, Conversation
from botkit.gateways.mitto import Mitto
from botkit.http_client import HttpAnswer
from botkit.messages import AnyMessage, Text
from botkit.outgoing import Outgoing, Trail
from tests.desk import Nowhere

TA = "11111111-2222-4333-8444-555555555555"
OTHER_TA = "22222222-2222-4333-8444-555555555555"
KEY = "c1f7e0a94b6d4e7f9a3b5c8d2e1f0a6b"
REPORT_KEY = "key-new-0123456789abcdef0123456789abcdef"
OLD_REPORT_KEY = "key-old-0123456789abcdef0123456789abcdef"
INBOUND_KEY = "key-in-00123456789abcdef0123456789abcdef0"
SECRET = "5f2d9b7c1e8a4063b7d1c9e0"
ANA, BEN = "+385910000001", "+385910000002"
MESSAGE_KEY = "k7c1N0qT5mVx2bR8sY4wZA00"
TAKEN = {"messages": [{"messageId": "01HQXEXAMPLE00000000000001", "trafficAccountId": TA}]}


class Call(Struct, frozen=True):
    """One call of the gateway."""

    method: str
    url: str
    body: Any
    headers: Mapping[str, str]


class Gateway(Nowhere):
    """Answers the calls in turn, and then always as the last time; remembers them."""

    def __init__(self, *answers: object, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self._answers = [
            answer if isinstance(answer, HttpAnswer) else HttpAnswer(status, headers or {}, json.dumps(answer).encode())
            for answer in answers or (TAKEN,)
        ]
        self.calls: list[Call] = []

    async def request(self, *args: object, **options: Any) -> HttpAnswer:
        method, url = map(str, args)
        self.calls.append(Call(method, url, options.get("json"), options.get("headers") or {}))
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]

    @property
    def body(self) -> Any:
        """The body of the only call."""
        (call,) = self.calls
        return call.body


def mitto(via: str = "sms", **settings: Any) -> Mitto:
    """Returns an account with a key and a sender."""
    known: dict[str, Any] = {"api_key": KEY, "ta": TA, "sender": "BotKit", "prefix": "SHOP_SMS"}
    return Mitto(via, **{**known, **settings})


def callbacks(**settings: Any) -> dict[str, Any]:
    """Returns the settings of an account whose text messages go through the SMS API."""
    known = {"callback_url": "https://bot.example", "report_keys": REPORT_KEY, "inbound_keys": INBOUND_KEY}
    return known | settings


def at(adapter: Mitto, id: str = ANA) -> Conversation:
    """Returns a conversation of the account."""
    return Conversation(adapter.account, id)


def outgoing(message: AnyMessage, adapter: Mitto, *, to: str = ANA, trail: Trail | None = None) -> Outgoing:
    """Returns a message on its way."""
    account = Account("mitto", adapter.ta)
    return Outgoing(MESSAGE_KEY, (account.channel, account.ta), to, message, trail=trail)


HELLO = Text(text="Hello")
