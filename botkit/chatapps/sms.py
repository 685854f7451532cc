"""The object `sms` of a request to send: a text, and what it comes from.

https://docs.mitto.ch/
"""

import re

from msgspec import Struct

from botkit.chatapps.reading import Reader

#: A sender is a number, its plus counted, or a name.
MAX_NUMBER, MAX_NAME = 16, 11

_NUMBER = re.compile(r"\+?[0-9]+")
_NAME = re.compile(r"[A-Za-z0-9]+")


class Sms(Struct, frozen=True, omit_defaults=True):
    """A text message; without a `sender` it comes from the account's own."""

    text: str
    sender: str = ""


def read_sms(reader: Reader) -> Sms:
    """Returns what the object says; its problems are the reader's."""
    content = Sms(text=reader.text("text", is_required=True), sender=reader.text("sender"))
    if content.sender and (rule := rule_of_sender(content.sender)):
        reader.refuse("sender", rule)
    return content


def rule_of_sender(sender: str) -> str:
    """Returns the rule that a sender breaks, an empty text for a good one."""
    if _NUMBER.fullmatch(sender):
        most, what = MAX_NUMBER, "a number, with its plus,"
    elif _NAME.fullmatch(sender):
        most, what = MAX_NAME, "a name"
    else:
        return f"is a number of 1 to {MAX_NUMBER} characters or a name of 1 to {MAX_NAME} letters and digits"
    return f"{what} has 1 to {most} characters, not {len(sender)}" if len(sender) > most else ""
