"""What can be asked of the simulated SMSC: statuses, the inbox and the balance."""

from collections.abc import Mapping

from botkit.simulators.smsc_formats import (
    JSON,
    NUMBERS,
    PARAMETERS,
    TEXT,
    XML,
    Call,
    RefusedError,
    Value,
    dump,
    write_done,
    write_list,
    write_money,
    write_result,
    write_time,
)
from botkit.simulators.smsc_recipients import EXPIRED, NOT_FOUND, UNDELIVERED, read_phone
from botkit.simulators.smsc_servers import Servers, not_found
from botkit.simulators.smsc_state import Client, Heard, Sent, sent_key

#: The most messages of an inbox that one answer has, and how far back it looks, in hours.
MOST_MESSAGES, MOST_HOURS = 10_000, 168

_NAMES: Mapping[int, str] = {
    -3: "Message not found",
    -2: "Stopped",
    -1: "Waiting to be sent",
    0: "Passed to the operator",
    1: "Delivered",
    2: "Read",
    3: "Expired",
    4: "Link clicked",
    20: "Cannot be delivered",
    22: "Wrong number",
    23: "Forbidden",
    24: "Insufficient funds",
    25: "Number not available",
}

Members = dict[str, Value]


class Reading:
    """Answers questions."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    # Statuses

    def status(self, client: Client, call: Call) -> str:
        """Answers `/sys/status.php`: one message, or a list where a phone or an id has a comma after it."""
        phones, ids = call.require("phone").split(","), call.require("id").split(",")
        is_list = len(phones) > 1 or len(ids) > 1
        pairs = [(phone.strip(), number.strip()) for phone, number in zip(phones, ids, strict=False) if phone.strip()]
        if not all(number.isascii() and number.isdigit() for _, number in pairs) or not pairs:
            raise RefusedError(PARAMETERS, "parameters error: id")
        found = [_find(client, call, phone, int(number)) for phone, number in pairs]
        if call.get("del") == "1":
            return _delete(client, call, found)
        if not is_list:
            return _write_status(call.fmt, _status(found[0], call))
        rows = [_status(each, call) | _which(pair) for each, pair in zip(found, pairs, strict=True)]
        return _write_statuses(call.fmt, rows)

    # The inbox

    def inbox(self, client: Client, call: Call) -> str:
        """Answers `/sys/get.php`: what people wrote, oldest first, after the id given."""
        if call.get("get_answers") != "1":
            raise RefusedError(PARAMETERS, "parameters error: get_answers")
        most = min(call.number("cnt", MOST_MESSAGES, least=1, most=2**31), MOST_MESSAGES)
        hours = min(call.number("hour", MOST_HOURS, least=1, most=2**31), MOST_HOURS)
        after, to = call.number("after_id", 0, least=0, most=2**63), call.get("to_phone")
        since = self._servers.clock.timestamp() - hours * 3600
        found = [each for each in client.inbox if each.id > after and each.at >= since and to in ("", each.to)]
        chosen = found[:most] if after else found[-most:]
        if not chosen and self._servers.empty_inbox == "error":
            raise not_found()
        return write_list(call.fmt, "answer", [_answer(heard) for heard in chosen])

    # The balance

    def balance(self, client: Client, call: Call) -> str:
        """Answers `/sys/balance.php`."""
        if call.fmt in (TEXT, NUMBERS):
            return write_money(client.balance)
        members: Members = {"balance": write_money(client.balance)}
        members |= {"credit": write_money(client.credit)} if client.credit else {}
        members |= {"currency": "RUR"} if call.get("cur") == "1" else {}
        return write_result(call.fmt, members)


def _find(client: Client, call: Call, recipient: str, message_id: int) -> Sent | None:
    found = client.sent.get(sent_key(read_phone(recipient) or recipient, message_id))
    is_bot = found is not None and ":" in found.place
    # Chat-bots have a history of their own.
    return found if is_bot == (call.get("bot") == "1") else None


def _delete(client: Client, call: Call, found: list[Sent | None]) -> str:
    messages = [message for message in found if message]
    if not messages:
        raise not_found()
    for message in messages:
        del client.sent[message.key]
    return write_done(call.fmt)


def _status(message: Sent | None, call: Call) -> Members:
    if message is None:
        return {"status": NOT_FOUND, "last_date": "", "last_timestamp": 0}
    members: Members = {
        "status": message.status,
        "last_date": write_time(message.changed_at),
        "last_timestamp": int(message.changed_at),
    }
    if message.status == EXPIRED or message.status >= UNDELIVERED:
        members["err"] = message.err
    return members | _details(message, call)


def _details(message: Sent, call: Call) -> Members:
    if call.get("all") not in ("1", "2"):
        return {}
    details: Members = {
        "send_date": write_time(message.at),
        "send_timestamp": int(message.at),
        "phone": message.recipient,
        "cost": write_money(message.cost),
        "sender_id": message.sender,
        "status_name": _NAMES.get(message.status, ""),
        "message": message.text,
    }
    place: Members = {"country": "Russia", "operator": "Demo", "region": "Demo"}
    return details | (place if call.get("all") == "2" else {})


def _which(pair: tuple[str, str]) -> Members:
    return {"id": int(pair[1]), "phone": pair[0]}


def _write_status(fmt: int, members: Members) -> str:
    if fmt == TEXT:
        return f"Status = {members['status']}, check_time = {members['last_date']}"
    if fmt != NUMBERS:
        return write_result(fmt, members)
    known = {"status": members["status"], "last_timestamp": members["last_timestamp"], "err": members.get("err", 0)}
    rest = {name: value for name, value in members.items() if name not in (*known, "last_date", "send_date")}
    return write_result(fmt, known | rest)


def _write_statuses(fmt: int, rows: list[Members]) -> str:
    if fmt == JSON:
        return dump(rows)
    if fmt == XML:
        return f"<list>{''.join(write_result(fmt, row) for row in rows)}</list>"
    return "\n".join(_write_status(fmt, row) for row in rows)


def _answer(heard: Heard) -> Members:
    return {
        "id": heard.id,
        "received": write_time(heard.at),
        "phone": heard.phone,
        "message": heard.text,
        "to_phone": heard.to,
        "sent": write_time(heard.at),
    }
