"""Whom a sending of the simulated SMSC is for: numbers, `@nickname`, `#id` and whole groups, by one of the networks."""

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from botkit.simulators.smsc_formats import PARAMETERS, UNDELIVERABLE, Call, RefusedError
from botkit.simulators.smsc_formats import PHONE as WRONG_PHONE
from botkit.simulators.smsc_servers import Servers
from botkit.simulators.smsc_state import Client, Network

# Statuses of a message.
NOT_FOUND, WAITING, PASSED, DELIVERED, READ, EXPIRED, CLICKED = -3, -1, 0, 1, 2, 3, 4
UNDELIVERED, WRONG_NUMBER, BARRED, UNAVAILABLE = 20, 22, 23, 25

_ALL, _MASS, _SINGLE = 0, 1, 2
_NICKNAME = re.compile(r"@?[A-Za-z][A-Za-z0-9_]{4,31}")
_UID = re.compile(r"#\d{1,20}")
_GROUP = re.compile(r"[Gg]\d+")


class Route(Struct, frozen=True):
    """The network that a message takes, and the place on phones where it shows; `bot` is the service's chat-bot."""

    network: Network
    place: str
    bot: str = ""


class Recipient(Struct, frozen=True):
    """One recipient: as named, the phone that shows it if anybody has it, and the status of what cannot go."""

    name: str
    phone: str
    status: int = 0

    @property
    def refusal(self) -> RefusedError:
        """How a sending to this recipient alone is refused."""
        if self.status == WRONG_NUMBER:
            return RefusedError(WRONG_PHONE, "invalid number")
        return RefusedError(UNDELIVERABLE, "message cannot be delivered to this number")


def read_phone(text: str) -> str:
    """Returns the digits of a number as the service keeps it, corrected where it has no plus; empty for none."""
    text = text.strip()
    digits = re.sub(r"[\s()\-.]", "", text.removeprefix("+"))
    if not (digits.isascii() and digits.isdigit() and 7 <= len(digits) <= 15):
        return ""
    if text.startswith("+"):
        return digits
    if len(digits) == 11 and digits.startswith("8"):
        return f"7{digits[1:]}"
    return f"7{digits}" if len(digits) == 10 and digits.startswith("9") else digits


class Recipients:
    """Reads who a sending is for."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    def route(self, client: Client, call: Call) -> Route:
        """Returns the way of a message. Raises RefusedError for two ways at once and for an unknown bot."""
        asked = [name for name in ("viber", "tg", "bot") if call.get(name) not in ("", "0")]
        if len(asked) > 1:
            raise RefusedError(PARAMETERS, f"parameters error: {' and '.join(asked)}")
        if not asked:
            return Route("sms", "sms")
        if asked[0] == "bot":
            return self._bot_route(client, call.get("bot"))
        if call.get(asked[0]) != "1":
            raise RefusedError(PARAMETERS, f"parameters error: {asked[0]}")
        return Route("viber", "viber") if asked[0] == "viber" else Route("telegram", "telegram")

    def _bot_route(self, client: Client, bot: str) -> Route:
        name = bot.removeprefix("@")
        if name not in client.subscribers:
            raise RefusedError(PARAMETERS, "parameters error: bot")
        return Route("whatsapp", name) if name.startswith("wa:") else Route("telegram", f"bot:{name}", name)

    def read(self, client: Client, call: Call, route: Route) -> list[Recipient]:
        """Returns everybody who is named, each once. Raises RefusedError where nobody is."""
        parts = [part.strip() for part in re.split(r"[,;\n]", call.require("phones")) if part.strip()]
        names = list(dict.fromkeys(name for part in parts for name in self._names(client, part)))
        if not names:
            raise RefusedError(PARAMETERS, "parameters error: phones")
        barred = (_ALL, _MASS if len(names) > 1 else _SINGLE)
        return [self._recipient(client, name, route, barred) for name in names]

    def _names(self, client: Client, part: str) -> Iterator[str]:
        if not _GROUP.fullmatch(part):
            yield read_phone(part) or part
            return
        group = next((group for group in client.groups if group.number == int(part[1:])), None)
        if group is None:
            raise RefusedError(PARAMETERS, "parameters error: phones names no group")
        yield from (phone for each in client.contacts if group.id in each.groups for phone in each.phones)

    def _recipient(self, client: Client, name: str, route: Route, barred: Sequence[int]) -> Recipient:
        if not read_phone(name):
            return self._by_name(client, name, route)
        if name in self._servers.undeliverable:
            return Recipient(name, name, UNAVAILABLE)
        if set(barred) & set(client.barred_types(name)):
            return Recipient(name, name, BARRED)
        return self._subscriber(client, name, route.bot) if route.bot else Recipient(name, name)

    def _by_name(self, client: Client, name: str, route: Route) -> Recipient:
        is_name = _NICKNAME.fullmatch(name) or _UID.fullmatch(name)
        if route.network != "telegram" or not is_name:
            return Recipient(name, "", WRONG_NUMBER)
        if route.bot:
            return self._subscriber(client, name, route.bot)
        known = (client.find_subscriber(bot, _as_kept(name)) for bot in client.subscribers)
        return Recipient(name, next((each.phone for each in known if each), ""))

    def _subscriber(self, client: Client, name: str, bot: str) -> Recipient:
        # Whoever has not started the bot, or has blocked it, is accepted all the same and reported later.
        found = client.find_subscriber(bot, _as_kept(name))
        return Recipient(name, found.phone if found and found.is_there else "")


def _as_kept(name: str) -> str:
    return f"@{name}" if name[0].isalpha() else name
