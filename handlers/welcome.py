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
)
from state.parcel import Parcel

START = [Button("Track a parcel", "track"), Button("Ask a person", "person")]

router = Router(Parcel)


@router.started()
async def started(event: ConversationStarted, ctx: Context[Parcel]) -> None:
    """Somebody opens the chat."""
    ctx.reply("Hello! I know where your parcel is.", buttons=START)


@router.subscribed()
async def subscribed(event: Subscribed, ctx: Context[Parcel]) -> None:
    """Somebody allows messages again."""
    ctx.flow.wants_reminders = True
    ctx.reply("Welcome back.", buttons=START)


@router.unsubscribed()
async def unsubscribed(event: Unsubscribed, ctx: Context[Parcel]) -> None:
    """Somebody leaves: nothing can be said to them any more."""
    ctx.flow.reset()
    ctx.flow.wants_reminders = False
    ctx.cancel("reminder")


@router.text(r"(?i)^/?stop\b")
async def stop(event: MessageReceived, ctx: Context[Parcel]) -> None:
    """Somebody wants no messages but answers."""
    ctx.flow.wants_reminders = False
    ctx.cancel("reminder")
    ctx.reply("You will get no reminders any more; I only answer. Write *track* at any time.")


@router.fallback(state="person")
async def for_a_person(event: MessageReceived | ButtonPressed, ctx: Context[Parcel]) -> None:
    """Somebody writes to the colleague: the bot keeps quiet."""
    ctx.log.info("waiting for a colleague")


@router.fallback()
async def fallback(event: MessageReceived | ButtonPressed, ctx: Context[Parcel]) -> None:
    """Nobody else understood it."""
    ctx.reply("I can track a parcel for you, or call a person.", buttons=START)
