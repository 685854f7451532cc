"""Makes of a message that one conversation could not send what another one sends instead."""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from botkit.adapter import Adapter
from botkit.conversation import Conversation, digest
from botkit.outgoing import Outgoing


class Redirected(Struct, frozen=True):
    """What goes out in the other conversation, in order; nothing where its service has nothing to show for it.

    `values` are long values by their tokens, `losses` what the service shows otherwise than decided.
    """

    parts: tuple[Outgoing, ...]
    values: Mapping[str, str]
    losses: tuple[str, ...]


def redirected(outgoing: Outgoing, to: Conversation, adapter: Adapter) -> Redirected:
    """Returns the message as `adapter` sends it in the conversation `to`; the last part keeps its key.

    Raises MessageError for what that service cannot be sent.
    """
    # What it answers is a message of the conversation that it leaves.
    prepared = adapter.prepare(replace(outgoing.message, reply_to=""), to)
    last = len(prepared.messages) - 1
    parts = tuple(
        replace(
            outgoing,
            key=outgoing.key if number == last else f"{digest(f'{outgoing.key}|{number}')}00",
            account=(to.account.channel, to.account.ta),
            to=to.id,
            message=message,
            menu=prepared.menu if number == last else (),
            has_failed_over=True,
        )
        for number, message in enumerate(prepared.messages)
    )
    return Redirected(parts, prepared.values, prepared.losses)
