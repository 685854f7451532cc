"""The first words, the last ones, and whatever nobody else understood."""

from botkit import (
    Button,
    ButtonPressed,
    Context,
    ConversationStarted,
    MessageReceived,
    Router,
    Subscribed,
    Unsubscribed,
    _,
)
from state.parcel import Parcel

router = Router(Parcel)


def choices() -> list[Button]:
    """Returns what can be done at the beginning."""
    return [Button(_("Track a parcel"), "track"), Button(_("Ask a person"), "person")]


@router.started()
async def started(event: ConversationStarted, ctx: Context[Parcel]) -> None:
    """Somebody opens the chat."""
    ctx.reply(_("Hello! I know where your parcel is."), buttons=choices())


@router.subscribed()
async def subscribed(event: Subscribed, ctx: Context[Parcel]) -> None:
    """Somebody allows messages again."""
    ctx.flow.wants_reminders = True
    ctx.reply(_("Welcome back."), buttons=choices())


@router.unsubscribed()
async def unsubscribed(event: Unsubscribed, ctx: Context[Parcel]) -> None:
    """Somebody leaves: nothing can be said to them any more."""
    ctx.flow.reset()
    ctx.flow.wants_reminders = False
    ctx.cancel("reminder")


@router.text(r"(?i)^/?(stop|ustavi)\b")
async def stop(event: MessageReceived, ctx: Context[Parcel]) -> None:
    """Somebody wants no messages but answers."""
    ctx.flow.wants_reminders = False
    ctx.cancel("reminder")
    ctx.reply(_("You will get no reminders any more; I only answer. Write *track* at any time."))


@router.fallback(state="person")
async def for_a_person(event: MessageReceived | ButtonPressed, ctx: Context[Parcel]) -> None:
    """Somebody writes to the colleague: the bot keeps quiet."""
    ctx.log.info("waiting for a colleague")


@router.fallback()
async def fallback(event: MessageReceived | ButtonPressed, ctx: Context[Parcel]) -> None:
    """Nobody else understood it."""
    ctx.reply(_("I can track a parcel for you, or call a person."), buttons=choices())
