"""Learns whose conversation it is: the phone number that somebody shares, and what it links."""

from botkit.adapter import Adapter
from botkit.addresses import AddressKind, parse_phone
from botkit.conversation import Conversation
from botkit.events import Event, MessageReceived, Subscribed, Unsubscribed
from botkit.exceptions import AddressError
from botkit.store import Store, insist


def told_phone(event: Event) -> str:
    """Returns the number of the person, in E.164, where an event proves that it is theirs; else nothing."""
    told = event.user.phone if event.user else ""
    if isinstance(event, MessageReceived) and event.contact and event.contact.is_own:
        told = event.contact.phone
    try:
        return parse_phone(told) if told else ""
    except AddressError:
        return ""


def phone_of(adapter: Adapter, conversation: Conversation, linked: str) -> str:
    """Returns the number of the person in a conversation: its own id where the account writes to numbers."""
    return conversation.id if adapter.address is AddressKind.PHONE else linked


def stop_scope(adapter: Adapter) -> str:
    """Returns what somebody takes leave of with a word: the bot's messages on a network, by whichever gateway."""
    is_heard = adapter.stays_away and adapter.address is AddressKind.PHONE
    return f"{adapter.owner}:{adapter.network}" if is_heard else ""


async def note_leave(store: Store, adapter: Adapter, event: Event) -> None:
    """Notes that the person of a number took leave of the bot on a network, or came back.

    Before the commit of that event: repeating it does no harm.
    """
    scope = stop_scope(adapter)
    if scope and isinstance(event, Unsubscribed | Subscribed):
        note = store.consents.stop if isinstance(event, Unsubscribed) else store.consents.resume
        await insist(lambda: note(event.conversation.id, scope))


async def relink(store: Store, conversation: Conversation, *, before: str, after: str) -> None:
    """Notes that a conversation is with the person of another number than before.

    Before the commit that says so: repeating it does no harm, and whoever looks the number up finds the conversation.
    """
    if after:
        await insist(lambda: store.contacts.link(after, conversation))
    if before:
        await insist(lambda: store.contacts.unlink(before, conversation.key))
