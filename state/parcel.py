"""The parcel bot's flow."""

from botkit import After, Flow, Trigger


class Parcel(Flow):
    """Finds a parcel, moves it to another day, and tells the driver what to know."""

    states = ("idle", "number", "day", "booked", "note", "person")

    ask = Trigger("*", "number")
    found = Trigger("number", "day")
    book = Trigger("day", "booked")
    move = Trigger("booked", "day")
    annotate = Trigger("booked", "note")
    noted = Trigger("note", "booked")
    hand_over = Trigger("*", "person")
    give_up = Trigger(("number", "day", "person"), "idle")

    timeouts = {
        "number": After(minutes=30, trigger="give_up"),
        "day": After(hours=12, trigger="give_up"),
        "note": After(minutes=30, trigger="noted"),
        "person": After(hours=8, trigger="give_up"),
    }

    number: str = ""
    day: str = ""
    note: str = ""
    has_photo: bool = False
    wants_reminders: bool = True
