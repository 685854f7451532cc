"""What SMSC is asked for: who wrote, who is on the blacklist, who is in the group.

https://smsc.ru/api/http/get_data/inbox/
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import structlog
from msgspec import Struct

from botkit.adapter import Polled
from botkit.addresses import is_phone
from botkit.conversation import Account
from botkit.events import Event, Subscribed, Unsubscribed, event_id
from botkit.exceptions import PayloadError, ServiceError, TransportError
from botkit.gateways.smsc_answers import Incoming, read_time
from botkit.gateways.smsc_callbacks import conversation_of, said
from botkit.gateways.smsc_contacts import SmscContacts

#: How many people of a list are kept in mind.
MAX_KNOWN = 20_000

log = structlog.get_logger("botkit.gateways.smsc")


class Cursor(Struct, frozen=True, omit_defaults=True):
    """What was known when it was asked for the last time.

    `after` is the inbox's last id, `blocked` the record on the blacklist by number, `members` the group's numbers;
    `turn` grows with each change, so that somebody who comes back a second time is told of a second time.
    """

    after: int = 0
    blocked: Mapping[str, str] = {}
    members: tuple[str, ...] = ()
    turn: int = 0


class Sources(Struct, frozen=True):
    """What there is to ask for: the inbox of all numbers (`*`), of one, or of none; the blacklist; a group's members.

    `mark` is the comment of the records that this account has made: their people have told us themselves.
    """

    inbox: str = ""
    blacklist: bool = True
    group: str = ""
    mark: str = ""
    hears_stop: bool = True


class Polling:
    """One round of questions for one account.

    A list that cannot be had stays as it is known; without an answer from the inbox nothing is heard at all.
    """

    def __init__(self, account: Account, sources: Sources, contacts: SmscContacts, now: datetime) -> None:
        self._account = account
        self._sources = sources
        self._contacts = contacts
        self._now = now

    async def run(self, stored: bytes) -> Polled:
        """Asks for everything once. Raises ServiceError when the inbox is refused; transport errors pass through."""
        before = _read(stored)
        inbox = await self._inbox(before.after)
        blocked, own = await self._blacklist(before)
        members = await self._members(before)
        is_new = before.turn == 0 or (blocked, members) != (before.blocked, before.members)
        after = max([before.after, *(message.id for message in inbox)])
        now = Cursor(after, blocked, members, before.turn + is_new)
        told = [*map(self._said, inbox), *self._left(before, now, own), *self._back(before, now)]
        return Polled(told, msgspec.json.encode(now, order="deterministic"))

    async def _inbox(self, after: int) -> Sequence[Incoming]:
        if not self._sources.inbox:
            return []
        number = "" if self._sources.inbox == "*" else self._sources.inbox
        return await self._contacts.calls.load_inbox(self._contacts.client, after=after, number=number)

    async def _blacklist(self, before: Cursor) -> tuple[Mapping[str, str], Collection[str]]:
        """Returns the records by number, and the numbers of those that we have made ourselves."""
        if not self._sources.blacklist:
            return {}, ()
        try:
            records = await self._contacts.blacklist()
        except (ServiceError, TransportError) as error:
            self._note("blacklist", error)
            return before.blocked, ()
        listed = [(conversation_of(record.phone, self._account).id, record) for record in records[:MAX_KNOWN]]
        own = {phone for phone, record in listed if record.comment == self._sources.mark}
        return {phone: record.id for phone, record in listed if is_phone(phone)}, own

    async def _members(self, before: Cursor) -> tuple[str, ...]:
        if not self._sources.group:
            return ()
        try:
            contacts = await self._contacts.contacts(group=self._sources.group)
        except (ServiceError, TransportError) as error:
            self._note("group", error)
            return before.members
        phones = {conversation_of(phone, self._account).id for contact in contacts for phone in contact.phones}
        return tuple(sorted(filter(is_phone, phones))[:MAX_KNOWN])

    def _note(self, name: str, error: ServiceError | TransportError) -> None:
        log.warning("a list could not be had", account=self._account.ta, list=name, reason=error.what)

    # --- what has changed ---

    def _said(self, message: Incoming) -> Event:
        return said(
            message.text, self._account, message.phone, native=str(message.id), at=self._time(message),
            raw=message, hears_stop=self._sources.hears_stop,
        )  # fmt: skip

    def _time(self, message: Incoming) -> datetime:
        try:
            return read_time(message.sent or message.received)
        except PayloadError:
            return self._now

    def _left(self, before: Cursor, now: Cursor, own: Collection[str]) -> Iterator[Event]:
        is_first = before.turn == 0
        for phone, record in now.blocked.items():
            if phone not in before.blocked and (is_first or phone not in own):
                yield Unsubscribed(**self._known(phone, f"blacklist|{record}", {"blacklist": record}))

    def _back(self, before: Cursor, now: Cursor) -> Iterator[Event]:
        freed = {phone: record for phone, record in before.blocked.items() if phone not in now.blocked}
        for phone, record in freed.items():
            yield Subscribed(**self._known(phone, f"unlisted|{record}", {"unlisted": record}))
        known = {*before.members, *now.blocked, *freed}
        for phone in now.members:
            if phone not in known:
                told = {"group": self._sources.group}
                yield Subscribed(**self._known(phone, f"member|{phone}|{before.turn}", told))

    def _known(self, phone: str, native: str, raw: Mapping[str, str]) -> dict[str, Any]:
        return {
            "id": event_id(self._account, native),
            "at": self._now,
            "conversation": conversation_of(phone, self._account),
            "raw_json": msgspec.Raw(msgspec.json.encode(raw)),
        }


def _read(stored: bytes) -> Cursor:
    """Returns what was known; what another version has stored begins anew."""
    try:
        return msgspec.json.decode(stored, type=Cursor) if stored else Cursor()
    except msgspec.MsgspecError:
        return Cursor()
