"""`/sys/send.php` of the simulated SMSC: what is sent, what it costs, and what becomes of it."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from botkit.simulators.smsc_callbacks import Callbacks
from botkit.simulators.smsc_formats import (
    DATE,
    FORBIDDEN,
    JSON,
    MONEY,
    MOSCOW,
    PARAMETERS,
    PHONE,
    TEXT,
    UNDELIVERABLE,
    Call,
    RefusedError,
    dump,
    write_money,
    write_result,
)
from botkit.simulators.smsc_recipients import (
    DELIVERED,
    PASSED,
    READ,
    UNDELIVERED,
    WAITING,
    Recipient,
    Recipients,
    Route,
)
from botkit.simulators.smsc_servers import Servers
from botkit.simulators.smsc_state import Client, Line, Network, Sent

#: The errors that come with the id of the message.
WITH_ID = (MONEY, FORBIDDEN, PHONE, UNDELIVERABLE)
PRICE_ONLY, WITH_PRICE, WITH_BALANCE = 1, 2, 3

_SHOWN = (DELIVERED, READ, 4)
_FILE = re.compile(r"<file (https?://[^\s>]+)>")
_SENDER = re.compile(r"[^\s].{0,10}|\d{1,15}")
# The alphabet of short messages; what is in the second part takes two places.
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_TWICE = frozenset("^{}\\[~]|€")


class Sending:
    """Takes messages, and moves them on as time passes."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._recipients = Recipients(servers)
        self._callbacks = Callbacks(servers)

    def answer(self, client: Client, call: Call) -> str:
        """Sends, or tells the price. Raises RefusedError, with the message's id where the code comes with it."""
        message_id = call.number("id", 0, least=1, most=2**31 - 1) or self._servers.next_id()
        try:
            self._servers.check_demand()
            return self._send(client, call, message_id)
        except RefusedError as refusal:
            refusal.message_id = message_id if refusal.code in WITH_ID else 0
            raise

    def _send(self, client: Client, call: Call, message_id: int) -> str:
        cost_kind = call.number("cost", 0, least=0, most=WITH_BALANCE)
        route = self._recipients.route(client, call)
        self._check(call, route)
        at = self._time(call)
        recipients = self._recipients.read(client, call, route)
        if all(recipient.status for recipient in recipients):
            raise recipients[0].refusal
        parts = parts_of(call.get("mes"), route.network)
        messages = [self._message(call, message_id, route, recipient, parts, at) for recipient in recipients]
        cost = sum(message.cost for message in messages)
        count = parts * sum(not recipient.status for recipient in recipients)
        if cost_kind == PRICE_ONLY:
            return _price(call.fmt, cost, count)
        if cost > client.balance + client.credit:
            raise RefusedError(MONEY, "insufficient funds")
        client.balance -= cost
        for message in messages:
            self._take(client, message)
        return _accepted(call, message_id, count, cost, client.balance, messages)

    def _check(self, call: Call, route: Route) -> None:
        text, sender = call.get("mes"), call.get("sender")
        if not call.get("fileurl"):
            call.require("mes")
        if len(text) > self._servers.longest_text:
            raise RefusedError(PARAMETERS, "parameters error: mes is too long")
        if sender and not _SENDER.fullmatch(sender) and route.place in ("sms", "viber"):
            raise RefusedError(PARAMETERS, "parameters error: sender")
        if any(word.casefold() in f"{text}\n{sender}".casefold() for word in self._servers.forbidden):
            raise RefusedError(FORBIDDEN, "message is denied")

    def _time(self, call: Call) -> float:
        now = self._servers.clock.now()
        try:
            at = read_time(call.get("time"), call.get("tz"), now)
        except (ValueError, OverflowError):
            raise RefusedError(DATE, "invalid date format") from None
        return max(at, now).timestamp()

    def _message(self, call: Call, message_id: int, route: Route, recipient: Recipient, parts: int, at: float) -> Sent:
        now = self._servers.clock.timestamp()
        is_lost = bool(recipient.status) or not recipient.phone
        text, source = _content(call)
        return Sent(
            id=message_id,
            recipient=recipient.name,
            network=route.network,
            place=route.place,
            phone=recipient.phone,
            sender=call.get("bot") or call.get("sender"),
            text=text,
            source=source,
            cost=0 if is_lost else parts * self._servers.prices[route.network],
            at=now,
            status=WAITING if at > now else PASSED,
            changed_at=now,
            due_at=at,
            plan=self._fate(route, recipient),
            err=self._servers.err,
        )

    def _fate(self, route: Route, recipient: Recipient) -> list[int]:
        if recipient.status or not recipient.phone:
            return [recipient.status or UNDELIVERED]
        usual = [DELIVERED] if route.network == "sms" else [DELIVERED, READ]
        fates = self._servers.fates
        return list(fates.get(recipient.phone, fates.get("", usual)))

    def _take(self, client: Client, message: Sent) -> None:
        client.keep(message)
        client.under_way.append(message.key)
        if message.status == PASSED:
            self._pass_on(client, message, message.at)

    def _pass_on(self, client: Client, message: Sent, now: float) -> None:
        message.status, message.changed_at = PASSED, now
        message.due_at = now + self._servers.step_seconds
        if set(message.plan) & set(_SHOWN):
            client.show(message.place, message.phone, Line("bot", message.network, message.text, message.source))

    def proceed(self) -> int:
        """Lets happen what is due: statuses, and the callbacks that tell them; returns how many statuses."""
        now, count = self._servers.clock.timestamp(), 0
        for key, client in self._servers.state.clients.items():
            for message in [client.sent[sent] for sent in client.under_way if sent in client.sent]:
                while message.plan and message.due_at <= now:
                    self._step(key, client, message, now)
                    count += 1
            client.under_way = [sent for sent in client.under_way if sent in client.sent and client.sent[sent].plan]
        return count

    def _step(self, key: str, client: Client, message: Sent, now: float) -> None:
        if message.status == WAITING:
            self._pass_on(client, message, now)
            return
        message.status, message.changed_at = message.plan.pop(0), now
        message.due_at = now + self._servers.step_seconds
        self._callbacks.queue_status(key, message)


def parts_of(text: str, network: Network) -> int:
    """Returns in how many parts a text goes: a short message has 160 or 70 characters, a part of several 153 or 67."""
    if network != "sms":
        return 1
    if set(text) <= _GSM | _GSM_TWICE:
        size, one, many = len(text) + sum(letter in _GSM_TWICE for letter in text), 160, 153
    else:
        size, one, many = len(text.encode("utf-16-le")) // 2, 70, 67
    return 1 if size <= one else -(-size // many)


def read_time(text: str, zone: str, now: datetime) -> datetime:
    """Returns when to send: `DDMMYYhhmm`, `DD.MM.YY hh:mm`, `h1-h2`, `0<unix time>`, `+<minutes>`, or now.

    `zone` is in hours from Moscow. Raises ValueError or OverflowError for any other form.
    """
    shift = timedelta(hours=float(zone or 0))
    if text in ("", "0"):
        return now
    if text.startswith("+"):
        return now + timedelta(minutes=int(text))
    if hours := re.fullmatch(r"(\d{1,2})-(\d{1,2})", text):
        return _within(int(hours[1]), int(hours[2]), now, shift)
    if re.fullmatch(r"0\d{10}", text):
        return datetime.fromtimestamp(int(text), MOSCOW)
    form = "%d.%m.%y %H:%M" if "." in text else "%d%m%y%H%M"
    return datetime.strptime(text, form).replace(tzinfo=MOSCOW) - shift


def _within(first: int, last: int, now: datetime, shift: timedelta) -> datetime:
    local = now.astimezone(MOSCOW) + shift
    start = local.replace(hour=first, minute=0, second=0, microsecond=0)
    if first <= local.hour < last:
        return now
    return (start if local < start else start + timedelta(days=1)) - shift


def _content(call: Call) -> tuple[str, str]:
    """Returns the words of a message and the file that comes with it."""
    text = call.get("mes")
    found = _FILE.search(text) if call.get("bot") else None
    if found is None:
        return text, call.get("fileurl")
    return (text[: found.start()] + text[found.end() :]).strip(), found[1]


def _price(fmt: int, cost: int, count: int) -> str:
    if fmt == TEXT:
        return f"{write_money(cost)} ({count} SMS)"
    return write_result(fmt, {"cost": write_money(cost), "cnt": count})


def _accepted(call: Call, message_id: int, count: int, cost: int, balance: int, messages: Sequence[Sent]) -> str:
    kind = int(call.get("cost") or 0)
    members: dict[str, Any] = {"id": message_id, "cnt": count}
    members |= {"cost": write_money(cost)} if kind >= WITH_PRICE else {}
    members |= {"balance": write_money(balance)} if kind == WITH_BALANCE else {}
    if call.fmt == TEXT:
        tail = "".join(f", {name.upper()} - {members[name]}" for name in ("cost", "balance") if name in members)
        return f"OK - {count} SMS, ID - {message_id}{tail}"
    if call.fmt == JSON and call.get("op") == "1":
        return dump(members | {"phones": [_entry(message) for message in messages]})
    return write_result(call.fmt, members)


def _entry(message: Sent) -> dict[str, str]:
    is_bad = message.plan[0] in (22, 23, 25)
    cost = write_money(message.cost) if message.cost else "0"
    known = {"phone": message.recipient, "mccmnc": "25001", "cost": cost}
    return known | ({"status": str(message.plan[0]), "error": "1"} if is_bad else {})
