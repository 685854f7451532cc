"""A note and a photo for the driver."""

from botkit import ButtonPressed, Context, MessageReceived, Router, _
from handlers.parcel import menu
from state.parcel import Parcel

router = Router(Parcel)


@router.button("note", state="booked")
async def ask(event: ButtonPressed, ctx: Context[Parcel]) -> None:
    """Somebody wants to tell the driver something."""
    ctx.flow.annotate()
    ctx.reply(_("What should the driver know? A text or a photo, please."))


@router.photo(state="note")
async def photo(event: MessageReceived, ctx: Context[Parcel]) -> None:
    """Somebody shows the driver something."""
    ctx.flow.has_photo = True
    ctx.flow.note = event.text or ctx.flow.note
    ctx.flow.noted()
    ctx.reply(_("Thank you, the driver will see the photo."), buttons=menu())


@router.text(state="note")
async def text(event: MessageReceived, ctx: Context[Parcel]) -> None:
    """Somebody tells the driver something."""
    ctx.flow.note = event.text
    ctx.flow.noted()
    ctx.reply(_("Thank you, the driver will read it."), buttons=menu())
