"""Who has started the bot, and who is no longer there: what one list says against the one before."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
import structlog
from msgspec import Struct

from botkit.adapter import Polled
from botkit.conversation import Account, Conversation, User
from botkit.events import Event, Subscribed, Unsubscribed, event_id
from botkit.gateways.smsgold_answers import Listing, word_of

#: How many subscribers are kept in mind; of more nobody is told.
MAX_KNOWN = 50_000

log = structlog.get_logger("botkit.gateways.smsgold")


class Cursor(Struct, frozen=True, omit_defaults=True, array_like=True):
    """Who was there at the last time, and whom of them that list did not name; `turn` counts the changes."""

    known: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    turn: int = 0


def synchronise(stored: bytes, listing: Listing, account: Account, now: datetime, *, most: int = MAX_KNOWN) -> Polled:
    """Returns an event for whoever is new, and for whoever two whole lists in a row do not name.

    A list that some may be missing from says nothing of those who are. No more than `most` are kept in mind.
    """
    before = _read(stored)
    known = dict.fromkeys(before.known)
    absent = [each for each in known if each not in listing.entries]
    doubted = set(before.missing)
    gone = [each for each in absent if each in doubted] if listing.is_whole else []
    missing = tuple(each for each in absent if each not in doubted) if listing.is_whole else before.missing
    unknown = [each for each in listing.entries if each not in known]
    for each in gone:
        del known[each]
    new = unknown[: max(0, most - len(known))]
    if not listing.is_whole or len(new) < len(unknown):
        log.warning("not all subscribers are known", account=account.ta, listed=len(listing.entries), most=most)
    news = _News(account, before.turn, now)
    told = [*(news.came(each, listing.entries[each]) for each in new), *map(news.left, gone)]
    return Polled(told, msgspec.json.encode(Cursor((*known, *new), missing, before.turn + bool(told))))


class _News:
    """Tells of people; the same change has the same event, however often it is told before it is kept."""

    def __init__(self, account: Account, turn: int, now: datetime) -> None:
        self._account = account
        self._turn = turn
        self._now = now

    def came(self, subscriber: str, entry: Mapping[str, Any]) -> Event:
        user = User(subscriber, name=word_of(entry, "name", "title"), username=word_of(entry, "username"))
        return Subscribed(user=user, **self._known("subscribed", subscriber, entry))

    def left(self, subscriber: str) -> Event:
        return Unsubscribed(**self._known("unsubscribed", subscriber, {"id": subscriber}))

    def _known(self, what: str, subscriber: str, entry: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "id": event_id(self._account, f"{what}|{subscriber}|{self._turn}"),
            "at": self._now,
            "conversation": Conversation(self._account, subscriber),
            "raw_json": msgspec.Raw(msgspec.json.encode(entry)),
        }


def _read(stored: bytes) -> Cursor:
    try:
        return msgspec.json.decode(stored, type=Cursor) if stored else Cursor()
    except msgspec.MsgspecError:
        # What another version kept: everybody is told of anew, which changes nothing for them.
        return Cursor()
