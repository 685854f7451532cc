"""Makes of a request's members the messages that are to be sent, or a list of everything that is wrong with it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from botkit.adapter import Adapter, Addressed
from botkit.conversation import Conversation, digest
from botkit.degradation import Prepared
from botkit.exceptions import InvalidRequestError, MessageError, Problem
from botkit.outgoing import Outgoing
from botkit.send_api.refusals import RefusedError
from botkit.send_api.requests import VISIBLE
from botkit.submission import Submission, part_key

MAX_REFERENCE = 255

#: What a request says beside the message; the rest is the adapter's to read.
ENVELOPE = frozenset({"trafficAccountId", "id", "reference"})

#: What only some services do themselves, in requests of their own form.
LATER = ("scheduleInfo", "useTimeDiff", "timeZone", "notifyUrl")

#: Credentials that a request in a service's own form may hold: the account has its own.
CREDENTIALS = frozenset({"login", "password"})


class Order(Struct, frozen=True):
    """A request that can be sent: to whom, and the messages that it becomes; `tag` is the caller's own id for it."""

    adapter: Adapter
    to: Conversation
    prepared: Prepared
    tag: str = ""
    reference: str = ""

    def submission(self, message_id: str, owner: str, fingerprint: str, created_ms: int) -> Submission:
        """Returns what is to be kept of it, under this id."""
        account = (self.to.account.channel, self.to.account.ta)
        last = len(self.prepared.messages) - 1
        parts = [
            Outgoing(part_key(message_id, last - number), account, self.to.id, message, created_ms)
            for number, message in enumerate(self.prepared.messages)
        ]
        parts[-1] = msgspec.structs.replace(parts[-1], menu=self.prepared.menu)
        return Submission(
            id=message_id,
            owner=owner,
            fingerprint=fingerprint,
            account=account,
            to=self.to.id,
            created_ms=created_ms,
            tag=self.tag,
            reference=self.reference,
            parts=tuple(parts),
            values=self.prepared.values,
        )


class Orders:
    """Reads orders for the accounts of one service."""

    def __init__(self, adapters: Iterable[Adapter]) -> None:
        self._adapters = tuple(adapters)

    def read(self, body: Mapping[str, Any], may_use: Callable[[str], bool]) -> Order:
        """Returns what a request asks for, where the caller may use its account.

        Raises InvalidRequestError with every problem, and RefusedError for an account that is not there or not the
        caller's.
        """
        problems = [*_envelope_problems(body)]
        adapter = self._find(body, may_use)
        try:
            addressed, prepared = _prepared(adapter, _content(body))
        except InvalidRequestError as error:
            raise InvalidRequestError([*problems, *error.problems]) from None
        if problems:
            raise InvalidRequestError(problems)
        to = Conversation(adapter.account, addressed.to)
        return Order(adapter, to, prepared, tag=body.get("id", ""), reference=body.get("reference", ""))

    def _find(self, body: Mapping[str, Any], may_use: Callable[[str], bool]) -> Adapter:
        ta = body.get("trafficAccountId")
        if not isinstance(ta, str) or not ta:
            raise InvalidRequestError([Problem("trafficAccountId", "is the id of an account, a text")])
        if not may_use(ta):
            raise RefusedError(403, "forbidden", "this key may not use that account")
        found = [adapter for adapter in self._adapters if adapter.ta == ta]
        # Two channels may have accounts of one name: what is to be sent tells them apart.
        meant = [adapter for adapter in found if body.get(adapter.network)] if len(found) > 1 else found
        if not found:
            raise RefusedError(404, "unknown_account", "there is no such account here")
        if len(meant) != 1:
            rule = "names accounts of several channels: give exactly one channel's content"
            raise InvalidRequestError([Problem("trafficAccountId", rule)])
        return meant[0]


def fingerprint_of(body: Mapping[str, Any]) -> str:
    """Returns what stands for a request: the same for the same members, in whatever order they were written."""
    said = {name: value for name, value in body.items() if name not in CREDENTIALS}
    return digest(msgspec.json.encode(said, order="deterministic").decode())


def _is_own_form(body: Mapping[str, Any]) -> bool:
    return "destination" not in body


def _content(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the members that the adapter reads."""
    own = _is_own_form(body)
    hidden = CREDENTIALS | (ENVELOPE - {"id"}) if own else ENVELOPE.union(LATER)
    return {name: value for name, value in body.items() if name not in hidden}


def _envelope_problems(body: Mapping[str, Any]) -> Iterator[Problem]:
    tag, reference = body.get("id", "-"), body.get("reference", "")
    if not isinstance(tag, str) or not VISIBLE.fullmatch(tag):
        yield Problem("id", "is a text of 1 to 255 visible ASCII characters")
    if not isinstance(reference, str) or len(reference) > MAX_REFERENCE:
        yield Problem("reference", f"is a text of at most {MAX_REFERENCE} characters")
    if not _is_own_form(body):
        yield from (Problem(name, "is not available for this account") for name in LATER if name in body)


def _prepared(adapter: Adapter, content: Mapping[str, Any]) -> tuple[Addressed, Prepared]:
    addressed = adapter.read_send(content)
    try:
        prepared = adapter.prepare(addressed.message, Conversation(adapter.account, addressed.to))
    except MessageError as error:
        raise InvalidRequestError([Problem(adapter.network, error.what)]) from None
    if not prepared.messages:
        raise InvalidRequestError([Problem(adapter.network, "holds nothing that this account can show")])
    return addressed, prepared
