"""Finding a parcel and choosing the day it comes."""

from botkit import Button, ButtonPressed, Context, MessageReceived, Router, TimerFired, _, ngettext
from state.parcel import Parcel

router = Router(Parcel)


def days() -> dict[str, str]:
    """Returns the days that can be chosen, as the person calls them."""
    return {"today": _("Today"), "tomorrow": _("Tomorrow"), "friday": _("Friday")}


def day_buttons() -> list[Button]:
    """Returns a button for each day."""
    return [Button(label, f"day:{day}") for day, label in days().items()]


def menu() -> list[Button]:
    """Returns what can be done about a parcel whose day is booked."""
    return [Button(_("Another day"), "move"), Button(_("Leave a note"), "note"), Button(_("Ask a person"), "person")]


@router.command("track")
@router.text(r"(?i)^(track|sledi)\b|where is my parcel|kje je moj paket")
async def track(event: MessageReceived, ctx: Context[Parcel]) -> None:
    """Somebody asks where their parcel is."""
    ctx.flow.ask()
    ctx.reply(_("What is the parcel number?"))


@router.button("track")
async def track_pressed(event: ButtonPressed, ctx: Context[Parcel]) -> None:
    """Somebody presses "Track a parcel"."""
    ctx.flow.ask()
    ctx.reply(_("What is the parcel number?"))


@router.text(r"^\s*\d{6,12}\s*$", state="number")
async def number(event: MessageReceived, ctx: Context[Parcel]) -> None:
    """Somebody gives a parcel's number."""
    ctx.flow.number = event.text.strip()
    ctx.flow.found()
    ctx.reply(_("**Found it.** When should it come?"), buttons=day_buttons())


@router.text(r"^\s*\d+\s*$", state="number")
async def wrong_length(event: MessageReceived, ctx: Context[Parcel]) -> None:
    """Somebody gives a number that is too short or too long."""
    count = len(event.text.strip())
    text = ngettext(
        "That is {n} digit; a parcel number has 6 to 12. What is it?",
        "Those are {n} digits; a parcel number has 6 to 12. What is it?",
        count,
    )
    ctx.reply(text.format(n=count))


@router.fallback(state="number")
async def not_a_number(event: MessageReceived | ButtonPressed, ctx: Context[Parcel]) -> None:
    """Somebody writes something else instead of a number."""
    ctx.reply(_("A parcel number has 6 to 12 digits; it stands on the receipt. What is it?"))


@router.button("day:{day}", state="day")
async def day(event: ButtonPressed, ctx: Context[Parcel]) -> None:
    """Somebody chooses a day."""
    chosen = ctx.match["day"]
    ctx.flow.day = chosen
    ctx.flow.book()
    if ctx.flow.wants_reminders:
        ctx.after("reminder", hours=12)
    ctx.reply(_("Booked: {day}.").format(day=days().get(chosen, chosen)), buttons=menu())


@router.fallback(state="day")
async def not_a_day(event: MessageReceived | ButtonPressed, ctx: Context[Parcel]) -> None:
    """Somebody writes instead of choosing."""
    ctx.reply(_("Which day suits you?"), buttons=day_buttons())


@router.button("move", state="booked")
async def move(event: ButtonPressed, ctx: Context[Parcel]) -> None:
    """Somebody wants another day."""
    ctx.flow.move()
    ctx.reply(_("When should it come?"), buttons=day_buttons())


@router.timer("reminder", state=("booked", "note"))
async def reminder(event: TimerFired, ctx: Context[Parcel]) -> None:
    """The parcel will come soon."""
    ctx.reply(_("Parcel {number} is on its way.").format(number=ctx.flow.number), buttons=menu())


@router.timeout("number")
async def number_forgotten(event: TimerFired, ctx: Context[Parcel]) -> None:
    """Nobody gave a number for half an hour."""
    ctx.reply(_("I stopped waiting for the number. Write *track* when you have it at hand."))
