"""Who talks to whom, and where: `Account`, `Conversation`, `User`."""

import re
from base64 import urlsafe_b64encode
from binascii import b2a_base64
from hashlib import blake2b
from urllib.parse import quote, unquote

from msgspec import Struct

# Longer or stranger ids are hashed: a key must stay readable, short, and free of braces and wildcards.
_PLAIN_KEY = re.compile(r"[A-Za-z0-9._+=/@:-]{1,96}")

_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def digest(text: str) -> str:
    """Returns 22 URL-safe characters that stand for the text: base64url of a 16-byte blake2b."""
    raw = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return b2a_base64(raw).translate(_URL_SAFE)[:22].decode()


def pseudonym(text: str, key: bytes) -> str:
    """Returns ten characters that stand for the text in logs: nobody finds it by trying numbers without the key."""
    raw = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, key=key).digest()
    return urlsafe_b64encode(raw)[:10].decode()


class Account(Struct, frozen=True):
    """One identity on one channel or gateway; `ta` is its traffic account id, an identifier and not a secret."""

    channel: str
    ta: str


def account_in(key: str) -> Account:
    """Returns the account in a conversation's key; where the key is hashed, one that nobody has."""
    channel, _, rest = key.partition(":")
    return Account(channel, rest.partition(":")[0])


class User(Struct, frozen=True, omit_defaults=True):
    """The person a conversation is with, as far as the service tells; `phone` is theirs for sure where it is given."""

    id: str
    name: str = ""
    username: str = ""
    locale: str = ""
    country: str = ""
    avatar: str = ""
    phone: str = ""


class Conversation(Struct, frozen=True):
    """Where a talk takes place: an account and the service's id of the chat."""

    account: Account
    id: str

    @classmethod
    def unplaced(cls, account: Account, receipt_id: str) -> "Conversation":
        """Returns what stands for the conversation of a report that names only the service's id of a message."""
        return cls(account, f"?{receipt_id}")

    @property
    def is_unplaced(self) -> bool:
        """Whether it only stands for one that is still to be found."""
        return self.id.startswith("?")

    @property
    def channel(self) -> str:
        """The network's name, such as `telegram`."""
        return self.account.channel

    @property
    def key(self) -> str:
        """The name of the conversation in the store: `channel:account:id`, at most 96 safe characters."""
        plain = f"{self.account.channel}:{self.account.ta}:{self.id}"
        if _PLAIN_KEY.fullmatch(plain):
            return plain
        return f"{self.account.channel}:#{digest(plain)}"

    @property
    def address(self) -> str:
        """The conversation in one word without spaces, which `parse` reads: for the value of a button, or a setting."""
        return ":".join(
            quote(part, safe="@+=", errors="surrogatepass") for part in (self.account.channel, self.account.ta, self.id)
        )

    @classmethod
    def parse(cls, address: str) -> "Conversation":
        """Returns the conversation of an address. Raises ValueError for what is none."""
        parts = [unquote(part, errors="surrogatepass") for part in address.split(":")]
        if len(parts) != 3 or not all(parts):
            raise ValueError("the address of a conversation is channel:account:id")
        return cls(Account(parts[0], parts[1]), parts[2])
