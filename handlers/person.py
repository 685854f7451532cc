"""Asking for a person."""

from botkit import AgentRequested, ButtonPressed, Context, MessageReceived, Router, _
from state.parcel import Parcel

router = Router(Parcel)


def offer() -> str:
    """Returns what to expect of a person."""
    return _("A colleague will answer here, on workdays within an hour. Write *track* to talk to the bot again.")


@router.text(r"(?i)^(person|agent|human|operator|oseba|človek|sodelavec)\b")
async def asked(event: MessageReceived, ctx: Context[Parcel]) -> None:
    """Somebody writes that they want a person."""
    ctx.flow.hand_over()
    ctx.reply(offer())


@router.button("person")
async def pressed(event: ButtonPressed, ctx: Context[Parcel]) -> None:
    """Somebody presses "Ask a person"."""
    ctx.flow.hand_over()
    ctx.reply(offer())


@router.agent_requested()
async def requested(event: AgentRequested, ctx: Context[Parcel]) -> None:
    """Somebody uses the service's own button for a person."""
    ctx.flow.hand_over()
    ctx.reply(offer())
