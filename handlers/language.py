"""Choosing another language than the one of the phone."""

from botkit import Context, MessageReceived, Router, _
from state.parcel import Parcel

LANGUAGES = {"english": "en", "slovene": "sl", "slovensko": "sl"}

router = Router(Parcel)


@router.text(r"(?i)^/?(english|slovene|slovensko)\b")
async def chosen(event: MessageReceived, ctx: Context[Parcel]) -> None:
    """Somebody names the language to talk in."""
    ctx.set_locale(LANGUAGES[ctx.match["1"].casefold()])
    # Translators: name your own language instead.
    ctx.reply(_("I speak English now."))
