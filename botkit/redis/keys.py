"""The names of the keys: `{<prefix>:<partition>}:<kind>:<conversation>`."""

import hashlib
import zlib
from collections.abc import Mapping, Sequence

from msgspec import Struct

#: The kinds of key that all conversations of a partition share.
_SHARED = (
    *("rdy", "lse", "own", "try"),
    *("ordy", "olse", "oown", "otry", "ohld"),
    *("tmr", "dead", "wake", "ses", "led", "all"),
)


class _Plan(Struct, frozen=True):
    """How keys are made: whole names, and beginnings; behind those of `own` comes a conversation's id."""

    names: list[str]
    own: Sequence[int]
    reply: int


class Keys:
    """The keys of one store; those of a conversation carry its partition's hash tag, and so lie in one slot.

    `partitions` holds, for each partition, the keys that its conversations share, by kind.
    """

    def __init__(self, prefix: str, partitions: int) -> None:
        self.prefix = prefix.rstrip(":")
        self.partitions: Sequence[Mapping[str, str]] = [
            {kind: f"{{{self.prefix}:{number}}}:{kind}" for kind in _SHARED} for number in range(partitions)
        ]
        # By kinds, for each partition; the scripts ask for few combinations, again and again.
        self._plans: dict[str, Sequence[_Plan]] = {}

    def partition(self, cid: str) -> int:
        """Returns the number of a conversation's partition: its CRC-32 modulo how many there are."""
        return zlib.crc32(cid.encode()) % len(self.partitions)

    def of(self, cid: str, kinds: str, event_id: str = "") -> list[str]:
        """Returns a conversation's keys of these kinds, which are separated by spaces; `w` is that of `reply`."""
        plans = self._plans.get(kinds)
        if plans is None:
            plans = self._plans[kinds] = [self._plan(number, kinds.split()) for number in range(len(self.partitions))]
        plan = plans[zlib.crc32(cid.encode()) % len(plans)]
        keys = plan.names.copy()
        for place in plan.own:
            keys[place] += cid
        if plan.reply >= 0:
            keys[plan.reply] += event_id
        return keys

    def _plan(self, number: int, kinds: Sequence[str]) -> _Plan:
        shared = self.partitions[number]
        names = [shared.get(kind) or f"{{{self.prefix}:{number}}}:{kind}:" for kind in kinds]
        own = [place for place, kind in enumerate(kinds) if kind not in shared and kind != "w"]
        return _Plan(names, own, kinds.index("w") if "w" in kinds else -1)

    def reply(self, cid: str, event_id: str) -> str:
        """Returns the key of the answer to an event."""
        return f"{{{self.prefix}:{self.partition(cid)}}}:w:{event_id}"

    def receipt(self, kind: str, cid: str, receipt_id: str) -> str:
        """Returns a key of this kind for a service's id of a message in the conversation."""
        # A service's id may hold anything and be long; one of a broadcast is that of many messages.
        name = _hash(f"{cid}|{receipt_id}")
        return f"{{{self.prefix}:{self.partition(cid)}}}:{kind}:{name}"

    def delivery(self, cid: str, key: str) -> str:
        """Returns the key of what became of a message."""
        return f"{{{self.prefix}:{self.partition(cid)}}}:d:{key}"

    def place(self, account: str, receipt_id: str) -> str:
        """Returns the key of the conversation of a message that an account's service knows by this id."""
        return self.account(f"r:{_hash(receipt_id)}", account)

    def account(self, kind: str, account: str) -> str:
        """Returns an account's key of this kind; all of one account lie in one slot."""
        # Hashed, its id cannot move the hash tag.
        return f"{self.prefix}:{{a:{_hash(account)}}}:{kind}"

    def broadcast(self, kind: str, broadcast_id: str) -> str:
        """Returns a broadcast's key of this kind; all of one broadcast lie in one slot."""
        return f"{self.prefix}:{{b:{_hash(broadcast_id)}}}:{kind}"

    def broadcasts(self, kind: str) -> str:
        """Returns a key of this kind that all broadcasts share."""
        return f"{self.prefix}:{{b}}:{kind}"

    def contact(self, phone: str) -> str:
        """Returns the key of the conversations of a phone number."""
        return f"{self.prefix}:{{p:{_hash(phone)}}}"

    def submission(self, submission_id: str) -> str:
        """Returns the key of what another program asked for."""
        return f"{self.prefix}:{{s:{submission_id}}}"

    def stops(self, phone: str) -> str:
        """Returns the key of what the person of a phone number wants no more."""
        return f"{self.contact(phone)}:stop"

    def value(self, token: str) -> str:
        """Returns the key of a long value of a button."""
        return f"{self.prefix}:{{v:{token}}}"

    def month(self, account: str, month: str) -> str:
        """Returns the key of what an account's messages of a month cost."""
        return self.account(f"mon:{month}", account)

    @property
    def meta(self) -> str:
        """The key of what the store says of itself."""
        return f"{self.prefix}:meta"

    @property
    def unreadable(self) -> str:
        """The key of the genuine bodies that could not be read."""
        return f"{self.prefix}:unreadable"


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
