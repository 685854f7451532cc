"""Finding a parcel and choosing the day it comes."""

from botkit import Button, ButtonPressed, Context, MessageReceived, Router, TimerFired
from state.parcel import Parcel

DAYS = {"today": "Today", "tomorrow": "Tomorrow", "friday": "Friday"}
DAY_BUTTONS = [Button(label, f"day:{day}") for day, label in DAYS.items()]
MENU = [Button("Another day", "move"), Button("Leave a note", "note"), Button("Ask a person", "person")]

router = Router(Parcel)


@router.command("track")
@router.text(r"(?i)^track\b|where is my parcel")
async def track(event: MessageReceived, ctx: Context[Parcel]) -> None:
    """Somebody asks where their parcel is."""
    ctx.flow.ask()
    ctx.reply("What is the parcel number?")


@router.button("track")
async def track_pressed(event: ButtonPressed, ctx: Context[Parcel]) -> None:
    """Somebody presses "Track a parcel"."""
    ctx.flow.ask()
    ctx.reply("What is the parcel number?")


@router.text(r"^\s*\d{6,12}\s*$", state="number")
async def number(event: MessageReceived, ctx: Context[Parcel]) -> None:
    """Somebody gives a parcel's number."""
    ctx.flow.number = event.text.strip()
    ctx.flow.found()
    ctx.reply("**Found it.** When should it come?", buttons=DAY_BUTTONS)


@router.fallback(state="number")
async def not_a_number(event: MessageReceived | ButtonPressed, ctx: Context[Parcel]) -> None:
    """Somebody writes something else instead of a number."""
    ctx.reply("A parcel number has 6 to 12 digits; it stands on the receipt. What is it?")


@router.button("day:{day}", state="day")
async def day(event: ButtonPressed, ctx: Context[Parcel]) -> None:
    """Somebody chooses a day."""
    chosen = ctx.match["day"]
    ctx.flow.day = chosen
    ctx.flow.book()
    if ctx.flow.wants_reminders:
        ctx.after("reminder", hours=12)
    ctx.reply(f"Booked: {DAYS.get(chosen, chosen)}.", buttons=MENU)


@router.fallback(state="day")
async def not_a_day(event: MessageReceived | ButtonPressed, ctx: Context[Parcel]) -> None:
    """Somebody writes instead of choosing."""
    ctx.reply("Which day suits you?", buttons=DAY_BUTTONS)


@router.button("move", state="booked")
async def move(event: ButtonPressed, ctx: Context[Parcel]) -> None:
    """Somebody wants another day."""
    ctx.flow.move()
    ctx.reply("When should it come?", buttons=DAY_BUTTONS)


@router.timer("reminder", state=("booked", "note"))
async def reminder(event: TimerFired, ctx: Context[Parcel]) -> None:
    """The parcel will come soon."""
    ctx.reply(f"Parcel {ctx.flow.number} is on its way.", buttons=MENU)


@router.timeout("number")
async def number_forgotten(event: TimerFired, ctx: Context[Parcel]) -> None:
    """Nobody gave a number for half an hour."""
    ctx.reply("I stopped waiting for the number. Write *track* when you have it at hand.")
