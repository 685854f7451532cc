"""The contract of a simulated service: its API for the bot, and its phones for the people who talk to the bot."""

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import ClassVar, Literal

import httpx
from msgspec import Struct
from starlette.applications import Starlette

from botkit.adapter import Adapter
from botkit.clock import Clock
from botkit.simulators.mail import Mail
from botkit.simulators.wire import Wire


def load_simulator(channel: str) -> "type[Simulator]":
    """Returns the simulator of a channel: the class in `botkit/simulators/<channel>.py`. Raises ModuleNotFoundError."""
    module = importlib.import_module(f"botkit.simulators.{channel}")
    found = [cls for cls in vars(module).values() if isinstance(cls, type) and issubclass(cls, Simulator)]
    return next(cls for cls in found if getattr(cls, "channel", "") == channel)


class Person(Struct, frozen=True):
    """Somebody with a phone. The same name is the same person, with the same ids, on every start."""

    name: str
    locale: str = "en"


def phone_number(person: Person) -> str:
    """Returns the person's phone number in E.164: the same on every gateway, of a Russian mobile network."""
    number = int.from_bytes(blake2b(person.name.encode(), digest_size=8).digest()) % 10_000_000
    return f"+7903{number:07}"


class Choice(Struct, frozen=True):
    """A button on a screen: what it says and what pressing it does."""

    label: str
    kind: Literal["reply", "link", "location", "contact", "agent"] = "reply"
    value: str = ""


class Bubble(Struct, frozen=True):
    """One message on a phone's screen, as the service would show it (formatting marks taken away)."""

    side: Literal["bot", "person", "service"]
    kind: str
    text: str = ""
    source: str = ""
    choices: Sequence[Sequence[Choice]] = ()


class NotOnScreenError(LookupError):
    """The person cannot do that: the text says what their screen offers instead."""


class Simulator(ABC):
    """A service on this machine.

    `app` is the API that adapters call (mount it anywhere; its address is the adapters' `api_url`). Webhooks are posted
    through `transport`: the receiver's ASGI application in process, or real HTTP when it is None. The verbs of a person
    return when the webhook was answered; a delivery that failed is kept and repeated by `redeliver` when the service's
    own schedule says so by `clock`.
    """

    #: The network's name, as in `Adapter.channel`.
    channel: ClassVar[str]

    def __init__(self, clock: Clock, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.clock = clock
        self.wire = Wire()
        #: The way of the callbacks, and what may happen to them on it.
        self.mail = Mail(transport or httpx.AsyncHTTPTransport(trust_env=False))
        self.http = httpx.AsyncClient(transport=self.mail, timeout=10, trust_env=False, follow_redirects=False)
        #: Called after every change, with what `snapshot` would return worth saving.
        self.on_change: Callable[[], None] = lambda: None

    @property
    @abstractmethod
    def app(self) -> Starlette:
        """The service's API as an ASGI application."""

    @property
    def hosts(self) -> Mapping[str, Starlette]:
        """What else of the service is played, by host name: where it keeps the files that people send."""
        return {}

    @abstractmethod
    def add_account(self, adapter: Adapter) -> None:
        """Opens an account with the adapter's credentials, as the service's own console would."""

    def console(self, ta: str, kind: str, url: str) -> None:
        """Enters the address of a kind of webhook by hand, where the service has no call for that.

        Called for each of the adapter's `kinds`, after `add_account`, with what `Adapter.callback_address` returns.
        """
        return

    @abstractmethod
    async def opens(self, ta: str, person: Person, context: str = "") -> None:
        """The person opens the chat, through a deep link when there is a context."""

    @abstractmethod
    async def says(self, ta: str, person: Person, text: str) -> None:
        """The person writes a text."""

    @abstractmethod
    async def taps(self, ta: str, person: Person, label: str) -> None:
        """The person presses the newest visible button with this label (or value). Raises NotOnScreenError."""

    @abstractmethod
    async def sends_photo(self, ta: str, person: Person, caption: str = "") -> None:
        """The person sends a picture."""

    @abstractmethod
    async def sends_file(self, ta: str, person: Person, name: str = "document.pdf") -> None:
        """The person sends a document. Raises NotOnScreenError where the service has none."""

    @abstractmethod
    async def sends_location(self, ta: str, person: Person, latitude: float, longitude: float) -> None:
        """The person sends a place. Raises NotOnScreenError where the service has none."""

    @abstractmethod
    async def leaves(self, ta: str, person: Person) -> None:
        """The person blocks or unsubscribes."""

    @abstractmethod
    def conversation_id(self, ta: str, person: Person) -> str:
        """Returns the id of the person's chat with the account, as the service's webhooks give it."""

    @abstractmethod
    def screen(self, ta: str, person: Person) -> Sequence[Bubble]:
        """Returns what the person's phone shows, oldest first."""

    @abstractmethod
    async def redeliver(self) -> int:
        """Repeats the deliveries that are due by the service's schedule; returns how many were tried."""

    @abstractmethod
    def snapshot(self) -> bytes:
        """Returns all that a real service would remember over our restart: people, subscriptions, screens, pending."""

    @abstractmethod
    def restore(self, snapshot: bytes) -> None:
        """Takes up where a snapshot left off; accounts are added anew by `add_account`."""

    async def close(self) -> None:
        """Closes the connections to the webhook."""
        await self.http.aclose()
