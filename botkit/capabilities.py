"""What a service can show, as data: rendering, the table in the README and the check at start all come from it."""

import enum
from collections.abc import Callable, Mapping

from msgspec import Struct, field

from botkit.buttons import AnyButton, AskAgent, AskContact, AskLocation, Button, Dial, Link, Login
from botkit.formatting import Formatted
from botkit.messages import (
    MAX_CARDS,
    Album,
    Audio,
    Card,
    Carousel,
    Contact,
    Delete,
    Edit,
    File,
    Image,
    Joined,
    Left,
    Location,
    Message,
    Raw,
    Sticker,
    Text,
    Typing,
    Video,
    Voice,
)

#: Every kind of message and of button, in the order in which people are told of them.
KINDS: tuple[type[Message], ...] = (
    *(Text, Image, Video, Audio, Voice, File, Location, Contact, Sticker, Card, Carousel, Album),
    *(Edit, Delete, Typing, Joined, Left, Raw),
)
BUTTONS: tuple[type[AnyButton], ...] = (Button, Link, Dial, AskLocation, AskContact, AskAgent, Login)
#: What may be asked for with any message.
OPTIONS = ("silent", "protect", "ttl", "reply_to", "representative")

#: What stands where a service names no bound.
UNBOUND = 2**31


class Support(enum.Enum):
    """How a service takes a kind of message."""

    NATIVE = "native"
    WORDS = "as words"  # text and addresses instead
    PARTS = "in parts"  # several messages, one after the other
    NOTHING = "nothing to show"  # a sign the service has not; nobody misses it
    REFUSED = "refused"  # MessageError when it is decided on


# How kinds are taken that a service does not name; of the others there are words.
_USUAL: Mapping[type[Message], Support] = {
    Raw: Support.NATIVE,
    Carousel: Support.PARTS,
    Album: Support.PARTS,
    **dict.fromkeys((Delete, Typing, Joined, Left), Support.NOTHING),
}


class Bound(Struct, frozen=True):
    """The most that a text may measure as this service renders and counts it; `unit` names what is counted."""

    most: int = UNBOUND
    measure: Callable[[Formatted], int] = lambda formatted: len(formatted.text)
    unit: str = "characters"


class Capabilities(Struct, frozen=True, kw_only=True):
    """What one service can show; as it stands, plain text alone.

    Kinds that are not named become words. `captions` are the kinds that have one. `buttons` are the kinds it has,
    `with_buttons` the messages that carry them, `max_buttons` how many by kind of message (`Message` for the others),
    in at most `max_rows` rows of `max_row`; a carousel has at most `max_cards`. `shows` tells whether it has one
    certain button of those kinds. Labels and values are counted by `label_size` and `value_size`,
    in `label_unit` and `value_unit`.
    `types_answers` says that people may type a button's label, so that typing it must press it.
    `notes` say, by kind, what a row of the table cannot. `missing` are, by name, the service's own abilities that have
    no word here, each with the way to reach it or the reason why there is none.
    """

    messages: Mapping[type[Message], Support] = field(default_factory=lambda: {Text: Support.NATIVE})
    text: Bound = Bound()
    caption: Bound = Bound()
    captions: frozenset[type[Message]] = frozenset({Image, Video, Audio, Voice, File})
    card_title: Bound = Bound()
    card_text: Bound = Bound()
    buttons: frozenset[type[AnyButton]] = frozenset()
    with_buttons: frozenset[type[Message]] = frozenset({Text})
    shows: Callable[[AnyButton], bool] = lambda button: True
    max_buttons: Mapping[type[Message], int] = field(default_factory=lambda: {Message: UNBOUND})
    max_row: int = UNBOUND
    max_rows: int = UNBOUND
    max_cards: int = MAX_CARDS
    max_label: int = UNBOUND
    label_size: Callable[[str], int] = len
    label_unit: str = "characters"
    max_value: int = UNBOUND
    value_size: Callable[[str], int] = len
    value_unit: str = "characters"
    types_answers: bool = False
    options: frozenset[str] = frozenset()
    notes: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)

    def support(self, kind: type[Message]) -> Support:
        """Returns how it takes a kind of message."""
        return self.messages.get(kind) or _USUAL.get(kind, Support.WORDS)

    def is_native(self, kind: type[Message]) -> bool:
        """Whether it shows the kind as what it is."""
        return self.support(kind) is Support.NATIVE

    def has(self, button: AnyButton) -> bool:
        """Whether it has this button."""
        return type(button) in self.buttons and self.shows(button)

    def most_buttons(self, kind: type[Message]) -> int:
        """Returns how many buttons a message of the kind takes."""
        if kind not in self.with_buttons:
            return 0
        return self.max_buttons.get(kind, self.max_buttons.get(Message, UNBOUND))


#: A service that takes everything as it is.
EVERYTHING = Capabilities(
    messages=dict.fromkeys(KINDS, Support.NATIVE),
    buttons=frozenset(BUTTONS),
    with_buttons=frozenset(KINDS),
    options=frozenset(OPTIONS),
)
