"""Sends through SMSC, and finds out what became of a send whose answer was lost.

https://smsc.ru/api/http/send/
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import blake2b

import structlog
from msgspec import Struct

from botkit.adapter import HttpClient, Outcome, Receipt
from botkit.addresses import digits_of, is_phone
from botkit.conversation import Conversation
from botkit.events import Event
from botkit.exceptions import ServiceError, TransportError, UnknownOutcomeError
from botkit.gateways.smsc_answers import Sent
from botkit.gateways.smsc_calls import SmscCalls
from botkit.gateways.smsc_errors import MINUTE, Endpoint, Verdict, meaning_of
from botkit.gateways.smsc_formats import Refusal
from botkit.gateways.smsc_messages import parameters_of
from botkit.gateways.smsc_parameters import MAX_ID
from botkit.gateways.smsc_receipts import found, read_answer, receipt_of, receipts_of
from botkit.gateways.smsc_status import NOT_FOUND, report_of
from botkit.messages import AnyMessage
from botkit.outgoing import Outgoing

log = structlog.get_logger("botkit.gateways.smsc")

# A number without its plus is "corrected" where it looks like one that is dialled within Russia.
_DIALLED = re.compile(r"8[0-9]{10}|[0-9]{10}")
_TOO_MANY = 9


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
        if isinstance(result, Refusal) and result.code == _TOO_MANY and not result.is_crowded:
            return await self._doubled(form["id"], to, client)
        self._note(result)
        return receipt_of(result)

    async def look_up(self, outgoing: Outgoing, to: Conversation, client: HttpClient) -> Receipt | None:
        """Asks for the status of an attempt; None where SMSC does not say. Transport errors pass through."""
        form = self._form(outgoing.message, [to.id], message_id(outgoing.key))
        return await self._found(form["id"], to, client)

    async def broadcast(self, message: AnyMessage, to: Sequence[Conversation], client: HttpClient) -> Sequence[Receipt]:
        """Makes one attempt for many; where its outcome is not known, asks for the status of each at once."""
        # An id follows from nothing that would be the same at a second attempt: each is looked up on its own.
        form = self._form(message, [each.id for each in to], str(1 + secrets.randbelow(MAX_ID))) | {"op": "1"}
        try:
            result = read_answer(await self.calls.post(Endpoint.SEND, form, client))
        except UnknownOutcomeError as error:
            result = Receipt(Outcome.UNKNOWN, reason=error.what)
        if isinstance(result, Receipt) and result.outcome is Outcome.UNKNOWN:
            return await self._found_all(form["id"], to, result, client)
        self._note(result)
        return receipts_of(result, [each.id for each in to])

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
        return known | parameters_of(message)

    # --- what became of it ---

    async def _doubled(self, identity: str, to: Conversation, client: HttpClient) -> Receipt:
        try:
            receipt = await self._found(identity, to, client)
        except TransportError as error:
            # Even where this question did not arrive: an equal send did.
            return Receipt(Outcome.UNKNOWN, reason=error.what)
        if receipt is None:
            return Receipt(
                Outcome.UNKNOWN, reason=f"{_TOO_MANY} an equal send came before, of which SMSC tells nothing"
            )
        if receipt.outcome is Outcome.NOT_SENT:
            reason = f"{_TOO_MANY} an equal message was sent less than a minute ago"
            return Receipt(Outcome.NOT_SENT, reason=reason, retry_after=MINUTE)
        return receipt

    async def _found(self, identity: str, to: Conversation, client: HttpClient) -> Receipt | None:
        try:
            state = await self.calls.load_state(_plain(to.id), identity, client, is_bot="bot" in self.route)
        except ServiceError:
            return None
        return found(state, identity)

    async def _found_all(
        self, identity: str, to: Sequence[Conversation], unknown: Receipt, client: HttpClient
    ) -> Sequence[Receipt]:
        phones = [_plain(each.id) for each in to]
        try:
            states = await self.calls.load_states(phones, identity, client, is_bot="bot" in self.route)
        except (ServiceError, TransportError):
            return [unknown] * len(to)
        return [found(state, identity) for state in states]

    def _note(self, result: Sent | Receipt | Refusal) -> None:
        if isinstance(result, Sent):
            log.debug("taken", message=result.id, parts=result.parts)
        elif isinstance(result, Refusal) and (meaning := meaning_of(Endpoint.SEND, result)).verdict is Verdict.GIVE_UP:
            log.error("the account cannot send", reason=meaning.words)


def message_id(key: str) -> str:
    """Returns the id, 1 to 2147483647, of the message with a key: the same at every attempt."""
    return str(1 + int.from_bytes(blake2b(key.encode(), digest_size=8).digest()) % MAX_ID)


def _plain(person: str) -> str:
    """Returns somebody as SMSC knows them: a number without its plus, a name or an id as it is."""
    return digits_of(person) if is_phone(person) else person


def _dialled(person: str) -> str:
    plain = _plain(person)
    return person if _DIALLED.fullmatch(plain) else plain
