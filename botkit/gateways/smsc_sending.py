"""Sends through SMSC, and finds out what became of a send whose answer was lost.

https://smsc.ru/api/http/send/
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import blake2b

import structlog
from msgspec import Struct

from botkit.adapter import Outcome, Receipt
from botkit.addresses import digits_of, is_phone
from botkit.conversation import Conversation
from botkit.events import Event
from botkit.exceptions import ServiceError, TransportError
from botkit.gateways.smsc_answers import Sent
from botkit.gateways.smsc_calls import SmscCalls
from botkit.gateways.smsc_errors import MINUTE, Endpoint, Verdict, meaning_of
from botkit.gateways.smsc_formats import Refusal
from botkit.gateways.smsc_messages import parameters_of
from botkit.gateways.smsc_parameters import MAX_ID
from botkit.gateways.smsc_receipts import found, read_answer, receipt_of, receipts_of
from botkit.gateways.smsc_status import NOT_FOUND, report_of
from botkit.http_client import HttpClient
from botkit.messages import AnyMessage
from botkit.outgoing import Outgoing

log = structlog.get_logger("botkit.gateways.smsc")

# A number without its plus is "corrected" where it looks like one that is dialled within Russia.
_DIALLED = re.compile(r"8[0-9]{10}|[0-9]{10}")
_TOO_MANY = 9
# How long a message may have waited whose outcome is asked for.
_MOST_DAYS = 3
_LATER = Receipt(
    Outcome.NOT_SENT, reason=f"{_TOO_MANY} an equal message was sent less than a minute ago", retry_after=MINUTE
)


class Sending(Struct, frozen=True):
    """One way of one account: `route` has the parameters that name it, `sender` is who people see."""

    calls: SmscCalls
    route: Mapping[str, str]
    sender: str = ""

    async def send(self, outgoing: Outgoing, to: Conversation, client: HttpClient) -> Receipt:
        """Makes one attempt.

        That an equal send is refused within a minute of another means that the first may have arrived: it is asked for.
        """
        form = self._form(outgoing.message, [to.id], message_id(outgoing.key))
        result = read_answer(await self.calls.post(Endpoint.SEND, form, client))
        if _is_doubled(result):
            return await self._doubled(form["id"], outgoing, to, client)
        self._note(result)
        return receipt_of(result)

    async def look_up(self, outgoing: Outgoing, to: Conversation, client: HttpClient) -> Receipt:
        """Asks for the status of an attempt. Raises ServiceError; transport errors pass through."""
        if outgoing.broadcast:
            return await self._look_up_shared(outgoing, to, client)
        form = self._form(outgoing.message, [to.id], message_id(outgoing.key))
        return await self._found(form["id"], outgoing, to, client)

    async def broadcast(self, message: AnyMessage, to: Sequence[Conversation], client: HttpClient) -> Sequence[Receipt]:
        """Makes one attempt for many, who all get the message under one id; transport errors pass through."""
        form = self._common(message, self._today) | {"phones": ",".join(_dialled(each.id) for each in to)}
        result = read_answer(await self.calls.post(Endpoint.SEND, form, client))
        if _is_doubled(result):
            return [_LATER] * len(to)
        self._note(result)
        return receipts_of(result, [each.id for each in to])

    async def _look_up_shared(self, outgoing: Outgoing, to: Conversation, client: HttpClient) -> Receipt:
        first = max(_day(outgoing.created_ms / 1000), self._today - _MOST_DAYS)
        # It may have waited for its turn past midnight.
        for day in range(first, self._today):
            receipt = await self._found(self._common(outgoing.message, day)["id"], outgoing, to, client)
            if receipt.outcome is not Outcome.NOT_SENT:
                return receipt
        return await self._found(self._common(outgoing.message, self._today)["id"], outgoing, to, client)

    async def load_report(self, receipt_id: str, to: Conversation, client: HttpClient, now: datetime) -> Event | None:
        """Asks how far a message is; None where nothing new can be told. Transport errors pass through."""
        try:
            state = await self.calls.load_state(_plain(to.id), receipt_id, client, is_bot="bot" in self.route)
        except ServiceError:
            return None
        if state.status == NOT_FOUND:
            return None
        at, raw = state.changed_at or now, {"id": receipt_id, "status": str(state.status), "err": str(state.error)}
        return report_of(state.status, receipt_id, to, at=at, error=str(state.error), raw=raw)

    # --- a form ---

    def _form(self, message: AnyMessage, people: Sequence[str], identity: str) -> dict[str, str]:
        sender = {"sender": self.sender} if self.sender and "bot" not in self.route else {}
        known = {"phones": ",".join(map(_dialled, people)), "id": identity, **sender, **self.route}
        return known | parameters_of(message, is_bot="bot" in self.route)

    def _common(self, message: AnyMessage, day: int) -> dict[str, str]:
        """Returns the form of a broadcast but for the numbers; its id follows from what it says, and from the day.

        The reports of one that says the same on another day are those of another message.
        """
        form = self._form(message, [], "") | {"op": "1"}
        return form | {"id": message_id(repr((day, sorted(form.items()))))}

    @property
    def _today(self) -> int:
        return _day(self.calls.clock.timestamp())

    # --- what became of it ---

    async def _doubled(self, identity: str, outgoing: Outgoing, to: Conversation, client: HttpClient) -> Receipt:
        try:
            receipt = await self._found(identity, outgoing, to, client)
        except (ServiceError, TransportError) as error:
            # Even where this question did not arrive: an equal send did.
            return Receipt(Outcome.UNKNOWN, reason=error.what)
        return _LATER if receipt.outcome is Outcome.NOT_SENT else receipt

    async def _found(self, identity: str, outgoing: Outgoing, to: Conversation, client: HttpClient) -> Receipt:
        state = await self.calls.load_state(_plain(to.id), identity, client, is_bot="bot" in self.route)
        return found(state, identity, since=outgoing.created_ms / 1000)

    def _note(self, result: Sent | Receipt | Refusal) -> None:
        if isinstance(result, Sent):
            log.debug("taken", message=result.id, parts=result.parts)
        elif isinstance(result, Refusal) and (meaning := meaning_of(Endpoint.SEND, result)).verdict is Verdict.GIVE_UP:
            log.error("the account cannot send", reason=meaning.words)


def _day(timestamp: float) -> int:
    return int(timestamp // 86_400)


def _is_doubled(result: Sent | Receipt | Refusal) -> bool:
    return isinstance(result, Refusal) and result.code == _TOO_MANY and not result.is_crowded


def message_id(key: str) -> str:
    """Returns the id, 1 to 2147483647, of the message with a key: the same at every attempt."""
    return str(1 + int.from_bytes(blake2b(key.encode(), digest_size=8).digest()) % MAX_ID)


def _plain(person: str) -> str:
    """Returns somebody as SMSC knows them: a number without its plus, a name or an id as it is."""
    return digits_of(person) if is_phone(person) else person


def _dialled(person: str) -> str:
    plain = _plain(person)
    return person if _DIALLED.fullmatch(plain) else plain
