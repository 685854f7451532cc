"""One person across channels: the conversations of a phone number."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from botkit.adapter import Adapter
from botkit.addresses import AddressKind
from botkit.conversation import Account, Conversation
from botkit.exceptions import AddressError


class Contact(Struct, frozen=True):
    """A person by their number, in E.164, and the conversations that are known to be theirs; the newest link first.

    Accounts that write to numbers need no link: there, the number is the conversation.
    """

    phone: str
    conversations: Sequence[Conversation] = ()

    def on(self, account: Account) -> str:
        """Returns the id of the person's newest conversation on an account; an empty string if none is known."""
        return next((known.id for known in self.conversations if known.account == account), "")


class Contacts(Protocol):
    """The store's contact records, for as long as the conversations. All calls raise StoreUnavailableError."""

    async def link(self, phone: str, conversation: Conversation) -> None:
        """Notes that a conversation is with the person who has this number; the newest 64 are kept."""
        ...

    async def unlink(self, phone: str, cid: str) -> None:
        """Takes that back; nothing where it was not noted."""
        ...

    async def load(self, phone: str) -> Contact:
        """Returns the person of a number, as far as they are known."""
        ...


class Consents(Protocol):
    """Who wants no messages any more, whatever is known of them else. All calls raise StoreUnavailableError."""

    async def stop(self, phone: str, scope: str) -> None:
        """Notes that the person wants no messages of this scope: one bot's, on one network."""
        ...

    async def resume(self, phone: str, scope: str) -> None:
        """Takes that back."""
        ...

    async def has_stopped(self, phone: str, scope: str) -> bool:
        """Tells whether the person wants no messages of this scope."""
        ...


def takes_number(adapter: Adapter, phone: str) -> bool:
    """Whether an account writes to a number itself; else the person's conversation there must be looked up."""
    if adapter.address is AddressKind.PHONE:
        return True
    if type(adapter).find_address is Adapter.find_address:
        # Of ids that may be anything, nobody can tell that a number is none.
        return False
    try:
        return bool(adapter.find_address(phone))
    except AddressError:
        return False


async def find_conversation(contacts: Contacts, adapter: Adapter, phone: str) -> str:
    """Returns the id of the conversation in which an account reaches the person with this number.

    The number itself on an account that writes to numbers; an empty string where nothing is known.
    """
    if adapter.address is AddressKind.PHONE or not phone:
        return phone
    return (await contacts.load(phone)).on(adapter.account)
