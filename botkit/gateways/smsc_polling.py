"""What SMSC is asked for: who wrote, who is on the blacklist, who is in the group.

https://smsc.ru/api/http/get_data/inbox/
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import structlog
from msgspec import Struct

from botkit.adapter import Polled
from botkit.addresses import is_phone
from botkit.conversation import Account, digest
from botkit.events import Event, Subscribed, Unsubscribed, event_id
from botkit.exceptions import PayloadError, ServiceError, TransportError
from botkit.gateways.smsc_answers import BlacklistRecord, Incoming, read_time
from botkit.gateways.smsc_callbacks import conversation_of, said
from botkit.gateways.smsc_contacts import SmscContacts

#: How many people of a list are kept in mind. A group with more members keeps nobody out of a broadcast.
MAX_KNOWN = 50_000

log = structlog.get_logger("botkit.gateways.smsc")


class Cursor(Struct, frozen=True, omit_defaults=True):
    """What was known when it was asked for the last time.

    `after` is the inbox's last id, `blocked` the record on the blacklist by number, `members` who is in the `group`, by
    what stands for a number and does not tell it; `turn` grows with each change, so that somebody who comes back a
    second time is told of a second time. A number on the blacklist is kept as it is for as long as it is there: the
    service does not tell whom it has taken off.
    """

    after: int = 0
    blocked: Mapping[str, str] = {}
    members: tuple[str, ...] = ()
    turn: int = 0
    group: str = ""


class Sources(Struct, frozen=True):
    """What there is to ask for: the inbox of all numbers (`*`), of one, or of none; the blacklist; a group's members.

    `mark` is the comment of the records that this account has made, `returned` has the numbers that this process has
    taken off the blacklist and put into the group, until the lists say so: their people have told us themselves.
    `most` people of a list are kept.
    """

    inbox: str = ""
    blacklist: bool = True
    group: str = ""
    mark: str = ""
    hears_stop: bool = True
    returned: set[str] = set()
    most: int = MAX_KNOWN


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
        records = await self._blacklist()
        phones = await self._members()
        blocked = before.blocked if records is None else self._kept(before, records)
        # Those of another group say nothing of this one.
        known = before.members if before.group == self._sources.group else ()
        members = known if phones is None else tuple(sorted(phones)[: self._sources.most])
        is_new = before.turn == 0 or (blocked, members) != (before.blocked, before.members)
        after = max([before.after, *(message.id for message in inbox)])
        now = Cursor(after, blocked, members, before.turn + is_new, self._sources.group)
        told = [
            *map(self._said, inbox),
            *self._left(before, now, records or {}),
            *self._back(before, now, phones or {}),
        ]
        self._sources.returned.difference_update(self._settled(now))
        return Polled(told, msgspec.json.encode(now, order="deterministic"))

    async def _inbox(self, after: int) -> Sequence[Incoming]:
        if not self._sources.inbox:
            return []
        number = "" if self._sources.inbox == "*" else self._sources.inbox
        return await self._contacts.calls.load_inbox(self._contacts.client, after=after, number=number)

    async def _blacklist(self) -> Mapping[str, BlacklistRecord] | None:
        """Returns the records by number; None where they cannot be had, or are not asked for any more."""
        if not self._sources.blacklist:
            return None
        try:
            records = await self._contacts.blacklist()
        except (ServiceError, TransportError) as error:
            self._note("blacklist", error)
            return None
        listed = {conversation_of(record.phone, self._account).id: record for record in records}
        return {phone: record for phone, record in listed.items() if is_phone(phone)}

    def _kept(self, before: Cursor, records: Mapping[str, BlacklistRecord]) -> Mapping[str, str]:
        # First those that are known: of a list that is too long, nobody who is still there seems to have come back.
        known = [phone for phone in before.blocked if phone in records]
        new = [phone for phone in records if phone not in before.blocked]
        return {phone: records[phone].id for phone in [*known, *new][: self._sources.most]}

    async def _members(self) -> Mapping[str, str] | None:
        """Returns the numbers in the group, by what stands for each; None where they cannot be had."""
        if not self._sources.group:
            return {}
        try:
            contacts = await self._contacts.contacts(group=self._sources.group)
        except (ServiceError, TransportError) as error:
            self._note("group", error)
            return None
        phones = {conversation_of(phone, self._account).id for contact in contacts for phone in contact.phones}
        return {_sign(phone): phone for phone in phones if is_phone(phone)}

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

    def _left(self, before: Cursor, now: Cursor, records: Mapping[str, BlacklistRecord]) -> Iterator[Event]:
        for phone, record in now.blocked.items():
            is_ours = before.turn > 0 and phone in records and records[phone].comment == self._sources.mark
            if phone not in before.blocked and not is_ours:
                yield Unsubscribed(**self._known(phone, f"blacklist|{record}", {"blacklist": record}))

    def _back(self, before: Cursor, now: Cursor, phones: Mapping[str, str]) -> Iterator[Event]:
        freed = {phone: record for phone, record in before.blocked.items() if phone not in now.blocked}
        for phone, record in freed.items():
            if phone in self._sources.returned:
                continue
            yield Subscribed(**self._known(phone, f"unlisted|{record}", {"unlisted": record}))
        known = {*before.members, *map(_sign, (*now.blocked, *freed, *self._sources.returned))}
        for sign in now.members:
            if sign not in known:
                told = {"group": self._sources.group}
                yield Subscribed(**self._known(phones[sign], f"member|{sign}|{before.turn}", told))

    def _settled(self, now: Cursor) -> list[str]:
        members = set(now.members)
        return [
            phone
            for phone in self._sources.returned
            if phone not in now.blocked and (not self._sources.group or _sign(phone) in members)
        ]

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


def audience(stored: bytes) -> Callable[[str], bool]:
    """Returns what tells of a number whether broadcasts are for it: it is in the group, and not on the blacklist.

    Where no group was asked for, or one that is too long to be kept, everybody is who is not on the blacklist.
    """
    known = _read(stored)
    members = frozenset(known.members)
    is_open = not known.group or len(members) >= MAX_KNOWN
    return lambda phone: phone not in known.blocked and (is_open or _sign(phone) in members)


def _sign(phone: str) -> str:
    """Returns what stands for a number in a cursor: nobody is found by it who is forgotten everywhere else."""
    return digest(f"member|{phone}")
