"""Asking for a person."""

from botkit import AgentRequested, ButtonPressed, Context, MessageReceived, Router
from state.parcel import Parcel

OFFER = "A colleague will answer here, on workdays within an hour. Write *track* to talk to the bot again."

router = Router(Parcel)


@router.text(r"(?i)^(person|agent|human|operator)\b")
async def asked(event: MessageReceived, ctx: Context[Parcel]) -> None:
    """Somebody writes that they want a person."""
    ctx.flow.hand_over()
    ctx.reply(OFFER)


@router.button("person")
async def pressed(event: ButtonPressed, ctx: Context[Parcel]) -> None:
    """Somebody presses "Ask a person"."""
    ctx.flow.hand_over()
    ctx.reply(OFFER)


@router.agent_requested()
async def requested(event: AgentRequested, ctx: Context[Parcel]) -> None:
    """Somebody uses the service's own button for a person."""
    ctx.flow.hand_over()
    ctx.reply(OFFER)
