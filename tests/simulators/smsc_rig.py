"""A simulated SMSC with accounts on four networks, for its tests."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from hashlib import md5
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx

from botkit.clock import Clock
from botkit.redaction import Secret
from botkit.simulators.simulator import Person, phone_number
from botkit.simulators.smsc import SmscSimulator
from tests.silent_adapter import SilentAdapter
from tests.simulators.listener import Listener

# What the rig's own client says of a request has the whole address, and the password with it.
logging.getLogger("httpx").setLevel(logging.WARNING)

CALLBACK = "https://bot.test/webhooks/smsc/report?ta=sms"
LOGIN, PASSWORD, KEY, WORD = "demo", "demo-pass", "demo-key", "s3cr3t-demo"
ANA, BORIS = Person("Ana"), Person("Boris")
TO_ANA = phone_number(ANA).removeprefix("+")
TO_BORIS = phone_number(BORIS).removeprefix("+")


class Account(SilentAdapter):
    """What the simulator must know of an adapter, and nothing else."""

    channel = "smsc"
    dedupe_window = timedelta(days=1)
    default_api_url = "http://smsc.test"

    def __init__(self, ta: str, via: str = "sms", *, login: str = LOGIN, sender: str = "", bot: str = "") -> None:
        super().__init__(ta=ta)
        self.via = via
        self.login = login
        self.password: Secret | None = Secret(PASSWORD)
        self.api_key: Secret | None = Secret(KEY)
        self.sender = sender
        self.bot = bot
        self.group = ""
        self.callback_secret: Secret | None = Secret(WORD)


class Handler(Listener):
    """The client's handler of callbacks, which come as forms."""

    @property
    def told(self) -> list[dict[str, str]]:
        return [dict(parse_qsl(request.content.decode(), keep_blank_values=True)) for request in self.requests]

    @property
    def statuses(self) -> list[str]:
        return [fields["status"] for fields in self.told if "status" in fields]


class Rig:
    """One client with accounts named after their networks, and its connection, which gives its credentials."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.handler = Handler()
        self.simulator = SmscSimulator(self.clock, httpx.MockTransport(self.handler))
        self.accounts = {
            account.ta: account
            for account in (
                Account("sms", sender="SHOP"),
                Account("viber", "viber", sender="SHOP"),
                Account("telegram", "telegram"),
                Account("bot", "telegram", bot="@demo_shop_bot"),
                Account("whatsapp", "whatsapp", bot="wa:79037000009"),
            )
        }
        for account in self.accounts.values():
            self.simulator.add_account(account)
        self.simulator.set_callback("sms", CALLBACK)
        self.http = self.connect()

    def connect(self, ip: str = "127.0.0.1") -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.simulator.app, client=(ip, 50_000))
        return httpx.AsyncClient(transport=transport, base_url="http://smsc.test")

    async def asks(self, script: str, **fields: Any) -> str:
        """Posts a form; the credentials and the charset are given unless they are named (None leaves them out).

        `encoding` is the alphabet that the form is really written in, and its answer read.
        """
        known = {"login": LOGIN, "psw": PASSWORD, "charset": "utf-8"} | fields
        encoding = str(known.pop("encoding", "utf-8"))
        form = urlencode({k: v for k, v in known.items() if v is not None}, encoding=encoding)
        headers = {"content-type": "application/x-www-form-urlencoded"}
        response = await self.http.post(f"/sys/{script}.php", content=form, headers=headers)
        assert response.status_code == 200
        return response.content.decode(encoding)

    async def sends(self, text: Any = "hi", phones: Any = TO_ANA, **fields: Any) -> str:
        return await self.asks("send", phones=phones, mes=text, **{"fmt": 3, **fields})

    def sees(self, ta: str, person: Person = ANA) -> list[str]:
        return [bubble.text for bubble in self.simulator.screen(ta, person)]

    async def close(self) -> None:
        await self.http.aclose()
        await self.simulator.close()


@asynccontextmanager
async def opened(clock: Clock | None = None) -> AsyncIterator[Rig]:
    """A client of the service who has sent nothing yet."""
    rig = Rig(clock)
    try:
        yield rig
    finally:
        await rig.close()


def digest(*values: str, encoding: str = "utf-8") -> str:
    """Returns the digest that the service's clients compute."""
    return md5(":".join(values).encode(encoding), usedforsecurity=False).hexdigest()
