"""How a message reaches a phone of the simulated Rapporto: its hours, its fate, what is reported, and what follows."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from botkit.simulators.rapporto_callbacks import Callbacks, written
from botkit.simulators.rapporto_checks import Json, Order, content_of, ttl_of
from botkit.simulators.rapporto_servers import Servers
from botkit.simulators.rapporto_state import Line, Message, Schedule, Step, What, keep

SENT, DELIVERED, UNDELIVERED, READ = 0, 2, 5, 9
#: What is never reported as read.
UNREAD = ("SMS", "FLASHINGCALL")
#: Why a message of a type ends whose time is over; what is not named has no word for it.
EXPIRED: Mapping[str, str] = {"TELEGRAM": "2", "VIBER": "2", "SMS": "2", "WHATSAPP": "7", "TGCODE": "7"}

_AWAITED = {"DELIVERED": (DELIVERED, READ), "READ": (READ,)}
# What fits one SMS that is not in Latin letters, and each part of a longer one.
_ONE, _PART = 70, 67


class Deliverer:
    """Brings messages to phones, when they are due by the clock."""

    def __init__(self, servers: Servers, callbacks: Callbacks) -> None:
        self._servers = servers
        self._callbacks = callbacks

    def take(self, ta: str, body: Json, order: Order) -> str:
        """Takes a checked request and returns its mtNum; what is due at once happens at once."""
        links: list[dict[str, Any]] = []
        link = body.get("cascadeChainLink")
        while link:
            links.append({"state": link["state"], "message": link["message"]})
            link = link.get("nextLink")
        first = Message(
            ta=ta,
            mt_num=str(self._servers.next_number()),
            number=order.number,
            kind="",
            sender="",
            id=body.get("id", ""),
            registered=order.registered,
            notify_url=body.get("notifyUrl", ""),
            schedule=order.schedule,
            extra=order.extra,
            links=links,
        )
        self._begin(first, body["message"], self._servers.clock.timestamp())
        self.run_due()
        return first.mt_num

    def _begin(self, known: Message, content: Json, at: float) -> None:
        message = replace(
            known,
            kind=content["type"],
            sender=content["data"].get("serviceNumber", self._servers.sender),
            ttl=ttl_of(content) or self._servers.default_ttl,
            state=known.links[0]["state"] if known.links else "",
            submitted_at=at,
            **content_of(content),
        )
        keep(self._servers.state.messages, message.name, message)
        self._plan(message, "send", at)

    def _plan(self, message: Message, what: What, at: float) -> None:
        self._servers.state.steps.append(Step(at, what, message.name))

    # --- what is due ---

    def run_due(self) -> int:
        """Does all that is due by the clock, in its order; returns how much it was."""
        state, count = self._servers.state, 0
        while True:
            now = self._servers.clock.timestamp()
            due = [step for step in state.steps if step.due_at <= now]
            if not due:
                return count
            step = min(due, key=lambda each: each.due_at)
            state.steps.remove(step)
            message = state.messages.get(step.message)
            if message is not None:
                self._do(message, step)
            count += 1

    def _do(self, message: Message, step: Step) -> None:
        at, is_over = step.due_at, UNDELIVERED in message.statuses
        match step.what:
            case "send":
                self._send(message, at)
            case "pass":
                self._report(message, SENT, at)
            case "deliver" if not is_over:
                self._show(message)
                self._report(message, DELIVERED, at)
            case "read" if not is_over:
                self._report(message, READ, at)
            case "fail" if not is_over:
                ending = self._servers.ending_of(message.number, message.kind)
                self._report(message, UNDELIVERED, at, ending.error_code or "1")
                if self._servers.hurries:
                    self._go_on(message, at)
            case "expire" if not {DELIVERED, UNDELIVERED, READ}.intersection(message.statuses):
                self._report(message, UNDELIVERED, at, EXPIRED.get(message.kind, "1"))
            case "next":
                self._go_on(message, at)

    def _send(self, message: Message, at: float) -> None:
        deadline = message.schedule.deadline
        if deadline is not None and at > deadline:
            self._report(message, UNDELIVERED, at, "1")
            return
        opens_at = opening(message.schedule, at)
        if opens_at == at:
            self._set_out(message, at)
            return
        later = [moment for moment in (opens_at, None if deadline is None else deadline + 1) if moment is not None]
        if later:
            self._plan(message, "send", min(later))

    def _set_out(self, message: Message, at: float) -> None:
        fate = self._servers.ending_of(message.number, message.kind).fate
        passed, done, read = self._servers.delays
        plans: list[tuple[bool, What, float]] = [
            (fate != "silent", "pass", passed),
            (fate in ("delivered", "read"), "deliver", done),
            (fate == "read" and message.kind not in UNREAD, "read", read),
            (fate == "undelivered", "fail", done),
            (fate != "silent", "expire", message.ttl),
            (bool(message.links), "next", message.ttl),
        ]
        for is_planned, what, seconds in plans:
            if is_planned:
                self._plan(message, what, at + seconds)

    def _go_on(self, message: Message, at: float) -> None:
        """Sends the next way of a cascade, unless this one reached in time what it had to, or it is gone already."""
        if not message.links or message.is_followed:
            return
        if any(status in _AWAITED[message.state] for status in message.statuses):
            return
        message.is_followed = True
        fresh = replace(message, links=message.links[1:], statuses=[], is_followed=False, views=0, clicks=0)
        self._begin(fresh, message.links[0]["message"], at)

    def _show(self, message: Message) -> None:
        line = Line(
            "bot",
            message.kind.lower(),
            message.text,
            message.source,
            link=message.link,
            caption=message.caption,
            message=message.name,
        )
        self._servers.state.remember(message.ta, message.number, line)

    # --- reports ---

    def _report(self, message: Message, status: int, at: float, error_code: str = "0") -> None:
        message.statuses.append(status)
        self.tell(message, status, at, error_code)

    def tell(
        self, message: Message, status: int, at: float, error_code: str = "0", event: Mapping[str, Any] | None = None
    ) -> None:
        """Queues a report, with an event's members where it is one, if the client wants it."""
        if message.registered == 0 or (message.registered == 2 and status != UNDELIVERED):
            return
        body: Json = {"id": message.id} if message.id else {}
        body |= {
            "mtNum": message.mt_num,
            "status": status,
            "type": message.kind,
            "doneDate": written(at) if status in (DELIVERED, READ) else "",
            "submitDate": written(message.submitted_at),
            "sourceAddr": message.sender,
            "destAddr": message.number,
            "text": message.text,
            "partCount": f"{_parts(message):03}",
            "errorCode": error_code,
            "mccMnc": "25001",
            "trafficType": 2,
            **(event or {}),
            **self._servers.report_members,
        }
        for _ in range(self._servers.report_copies):
            self._callbacks.queue(message.ta, "report", body, url=message.notify_url)


def opening(schedule: Schedule, at: float) -> float | None:
    """Returns when a message may go out that is there at an instant: then, later within eight days, or never."""
    local = datetime.fromtimestamp(at, UTC) + timedelta(hours=schedule.offset)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    for day in range(-1, 8):
        start = midnight + timedelta(days=day)
        if schedule.weekdays and str(start.isoweekday()) not in schedule.weekdays:
            continue
        # A window that ends before it begins goes on past midnight.
        length = schedule.end - schedule.begin + (24 * 60 if schedule.end < schedule.begin else 0)
        begin = start + timedelta(minutes=schedule.begin)
        if begin <= local < begin + timedelta(minutes=length):
            return at
        if local < begin and length:
            return at + (begin - local).total_seconds()
    return None


def _parts(message: Message) -> int:
    return max(1, -(-len(message.text) // _PART)) if message.kind == "SMS" and len(message.text) > _ONE else 1


def events_of(message: Message, event: str, at: float) -> Mapping[str, Any]:
    """Returns the members that an event has beside those of a report."""
    counts = {"viewsCount": message.views, "clicksCount": message.clicks}
    return {"eventType": event, "eventDate": written(at), **counts}


def newest(messages: Mapping[str, Message], names: Sequence[str], kind: str) -> Message | None:
    """Returns the newest message of a type among those named."""
    found = [messages[name] for name in names if name in messages and messages[name].kind == kind]
    return found[-1] if found else None
