"""Makes of a message what a service can show, and drops no choice.

Kinds that a service has not become words or several messages; buttons that it has not, or not so many of, become a
numbered menu that is answered by typing; long values travel as tokens; long texts are split.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from botkit.buttons import AGENT, AnyButton, AskAgent, Button, Dial, Link, Login, Rows
from botkit.capabilities import Bound, Capabilities, Support
from botkit.events import Choice
from botkit.exceptions import MessageError
from botkit.formatting import Formatted, escape, parse
from botkit.menu import Menu, token_of
from botkit.messages import Album, AnyMessage, Attachment, Card, Carousel, Edit, Image, Location, Message, Text
from botkit.splitting import split

M = TypeVar("M", bound=Message)
#: Tells what a service can show of a certain message.
CapabilitiesOf = Callable[[AnyMessage], Capabilities]


class Prepared(Struct, frozen=True):
    """What will be sent for one message: in order, with the last one carrying the buttons.

    `menu` is what a typed answer may pick, `values` are long values by their tokens, `losses` say in a few words each
    what the service shows otherwise than decided.
    """

    messages: tuple[AnyMessage, ...]
    menu: Menu = ()
    values: Mapping[str, str] = {}
    losses: tuple[str, ...] = ()


def prepare(message: AnyMessage, capabilities_of: CapabilitiesOf, *, offered: int = 0) -> Prepared:
    """Returns what a service with these capabilities is sent for the message; nothing where it has no such sign.

    `capabilities_of` is asked again for each part that the message is made of. Its menu goes on from `offered` choices
    that stand already. Raises MessageError for a kind that the service refuses, and for a message that leaves nothing
    to say in words.
    """
    can = capabilities_of(message)
    if type(message) is Text and _is_plain(message, can):
        return Prepared((message,))
    work = _Work(message, capabilities_of, can, offered)
    if work.can.support(type(message)) is not Support.NOTHING:
        work.note_options(message)
    for part in work.parts(message):
        work.fit(part)
    return work.prepared()


def _is_plain(message: Text, can: Capabilities) -> bool:
    """Whether a text goes as it stands: most do, with nothing to press and nothing asked of the service."""
    if message.buttons or message.silent or message.protect or message.reply_to or message.representative:
        return False
    return can.messages.get(Text) is Support.NATIVE and _fits(message.formatted, can.text)


class _Work:
    """One message on its way through: what has been made of it so far."""

    def __init__(self, message: AnyMessage, capabilities_of: CapabilitiesOf, can: Capabilities, offered: int) -> None:
        self.capabilities_of = capabilities_of
        self.can = can
        self.looked_at = message
        self.offered = offered
        self.messages: list[AnyMessage] = []
        self.choices: list[Choice] = []
        self.values: dict[str, str] = {}
        self.losses: list[str] = []
        self.is_typed = False

    def prepared(self) -> Prepared:
        menu = tuple(self.choices) if self.is_typed else ()
        return Prepared(tuple(self.messages), menu, self.values, tuple(self.losses))

    def look_at(self, message: AnyMessage) -> None:
        """Turns to a message: `can` is what the service shows of it from now on."""
        if message is not self.looked_at:
            self.looked_at, self.can = message, self.capabilities_of(message)

    def note_options(self, message: AnyMessage) -> None:
        asked = [name for name in ("silent", "protect", "reply_to", "representative") if getattr(message, name)]
        self.losses += [f"no {name}" for name in asked if name not in self.can.options]

    # --- kinds ---

    def parts(self, message: AnyMessage) -> Iterator[AnyMessage]:
        """Yields the messages of kinds that the service has; what is asked of the whole is asked of each."""
        self.look_at(message)
        support = self.can.support(type(message))
        name = type(message).__name__
        if support is Support.NOTHING:
            return
        if support is Support.REFUSED:
            raise MessageError(f"this service takes no {name}")
        if support is Support.NATIVE and self._fits_as_it_is(message):
            yield message
            return
        self.losses.append(f"{name} {Support.WORDS.value if support is Support.WORDS else Support.PARTS.value}")
        match message:
            case Carousel() if self._fits_beside(message.cards):
                yield from self._parts_of(message, _shared_out(message, self.can.max_cards))
            case Carousel():
                yield from self._parts_of(message, message.cards)
            case Location() if support is Support.PARTS:
                yield from self._parts_of(message, _named_place(message))
            case Album():
                yield from self._parts_of(message, message.items)
            case Card():
                yield from self._parts_of_card(message)
            case _:
                yield _in_words(message)

    def _fits_as_it_is(self, message: AnyMessage) -> bool:
        match message:
            case Card():
                return self._fits_card(message)
            case Carousel():
                return len(message.cards) <= self.can.max_cards and self._fits_beside(message.cards)
            case Album():
                return all(_fits(item.formatted, self.can.caption) for item in message.items)
        return True

    def _fits_beside(self, cards: Sequence[Card]) -> bool:
        is_native = self.can.is_native(Carousel)
        return is_native and all(self._fits_card(card) and self._has_room(card) for card in cards)

    def _fits_card(self, card: Card) -> bool:
        return _fits(Formatted(card.title), self.can.card_title) and _fits(parse(card.description), self.can.card_text)

    def _has_room(self, card: Card) -> bool:
        buttons = [self._substitute(button) for row in card.buttons for button in row]
        return len(buttons) <= self.can.most_buttons(Card) and all(
            self.can.has(button) and self.can.label_size(button.text) <= self.can.max_label for button in buttons
        )

    def _parts_of(self, whole: Carousel | Album | Location, members: Sequence[AnyMessage]) -> Iterator[AnyMessage]:
        for number, member in enumerate(members, start=1):
            part = _with_options(member, whole)
            if number > 1:
                part = replace(part, reply_to="")
            if number == len(members):
                part = replace(part, buttons=(*part.buttons, *whole.buttons))
            yield from self.parts(part)

    def _parts_of_card(self, card: Card) -> Iterator[AnyMessage]:
        title = f"**{escape(card.title)}**" if card.title.strip() else ""
        words = "\n".join(part for part in (title, card.description) if part)
        picture = Image(source=card.image, caption=words, buttons=card.buttons) if card.image else None
        if picture and self.capabilities_of(picture).is_native(Image):
            yield _with_options(picture, card)
            return
        words = "\n".join(part for part in (words, card.image) if part)
        yield _with_options(Text(text=words, buttons=card.buttons, fallback=card.fallback), card)

    # --- buttons, then lengths ---

    def fit(self, part: AnyMessage) -> None:
        """Adds the part with buttons the service has, and in pieces where it is too long."""
        self.look_at(part)
        self.is_typed |= self.can.types_answers
        if isinstance(part, Carousel):
            part = replace(part, cards=tuple(self._choices_on(card) for card in part.cards))
        rows, lines = self._lay_out(part) if part.buttons else ((), [])
        if rows != part.buttons:
            part = replace(part, buttons=rows)
        if isinstance(part, Text):
            self._add_text(part, lines)
        elif isinstance(part, Attachment):
            self._add_attachment(part, lines)
        elif lines:
            self.messages.append(replace(part, buttons=()))
            words = Text(text="\n".join(lines), markdown=False, buttons=rows, extra=part.extra)
            self._add_text(_with_options(words, part), ())
        else:
            self.messages.append(part)

    def _add_text(self, part: Text, lines: Sequence[str]) -> None:
        formatted = part.formatted
        if lines:
            formatted = Formatted("\n\n".join((formatted.text, "\n".join(lines))), formatted.spans)
        elif _fits(formatted, self.can.text):
            self.messages.append(part)
            return
        # There is only one message to edit.
        is_whole = isinstance(part, Edit)
        pieces = [formatted] if is_whole else split(formatted, self.can.text.most, self.can.text.measure)
        if len(pieces) > 1:
            self.losses.append(f"text in {len(pieces)} pieces")
        for number, piece in enumerate(pieces, start=1):
            made = replace(part, text=piece.text, spans=piece.spans, markdown=False)
            made = made if number == 1 else replace(made, reply_to="")
            # What only one service knows stands with the buttons.
            is_last = number == len(pieces)
            self.messages.append(made if is_last else replace(made, buttons=(), fallback="", extra={}))

    def _add_attachment(self, part: Attachment, lines: Sequence[str]) -> None:
        caption = "\n\n".join(text for text in (part.caption, "\n".join(map(escape, lines))) if text)
        if not caption or (type(part) in self.can.captions and _fits(parse(caption), self.can.caption)):
            self.messages.append(replace(part, caption=caption))  # type: ignore[arg-type]  # the union of its subclasses
            return
        self.losses.append("caption as a text")
        self.messages.append(replace(part, caption="", buttons=()))  # type: ignore[arg-type]  # the same
        self._add_text(_with_options(Text(text=caption, buttons=part.buttons, extra=part.extra), part), ())

    def _lay_out(self, part: AnyMessage) -> tuple[Rows, list[str]]:
        """Returns the rows that the service can show, and a line for each button that it cannot show in full."""
        kind = type(part)
        is_apart = kind not in self.can.with_buttons
        room = self.can.most_buttons(Text if is_apart else kind)
        shown: list[list[AnyButton]] = []
        lines: list[str] = []
        for row in part.buttons:
            shown.append([])
            for button in map(self._substitute, row):
                number = self._number(button)
                label = self._label(button.text)
                is_shown = room > 0 and self.can.has(button)
                if is_shown:
                    room -= 1
                    shown[-1].append(self._shortened(button, label))
                if is_apart or not is_shown or label != button.text:
                    # A number that is read may be typed.
                    self.is_typed |= bool(number)
                    lines.append(_line(button, number))
                if not is_shown or label != button.text:
                    name = type(button).__name__
                    self.losses.append(f"{name} with a label cut short" if is_shown else f"{name} as words")
        return self._wrapped(shown), lines

    def _substitute(self, button: AnyButton) -> AnyButton:
        if self.can.has(button):
            return button
        match button:
            case AskAgent():
                return Button(button.text, AGENT)
            case Login():
                return Link(button.text, button.url)
            case Dial() if self.can.has(link := Link(button.text, f"tel:{button.number}")):
                return link
        return button

    def _number(self, button: AnyButton) -> int:
        """Returns the button's place in the menu, 0 for one that is no choice."""
        if not isinstance(button, Button):
            return 0
        self.choices.append(Choice(button.text, self._value(button.value)))
        return self.offered + len(self.choices)

    def _value(self, value: str) -> str:
        if self.can.value_size(value) <= self.can.max_value:
            return value
        token = token_of(value)
        self.values[token] = value
        return token

    def _shortened(self, button: AnyButton, label: str) -> AnyButton:
        if isinstance(button, Button):
            return replace(button, text=label, value=self._value(button.value))
        return button if label == button.text else replace(button, text=label)

    def _choices_on(self, card: Card) -> Card:
        rows = tuple(tuple(map(self._substitute, row)) for row in card.buttons)
        if self.can.types_answers:
            for button in (button for row in rows for button in row):
                self._number(button)
        return replace(card, buttons=tuple(tuple(self._shortened(b, b.text) for b in row) for row in rows))

    def _label(self, text: str) -> str:
        if self.can.label_size(text) <= self.can.max_label:
            return text
        kept = len(text)
        while self.can.label_size(text[:kept] + "…") > self.can.max_label:
            kept -= 1
        return text[:kept].rstrip() + "…"

    def _wrapped(self, rows: Sequence[Sequence[AnyButton]]) -> Rows:
        wrapped = [part for row in rows for part in _chunks(row, self.can.max_row)]
        if len(wrapped) > self.can.max_rows:
            buttons = [button for row in wrapped for button in row]
            wrapped = list(_chunks(buttons, min(self.can.max_row, -(-len(buttons) // self.can.max_rows))))
        return tuple(wrapped)


def _shared_out(carousel: Carousel, most: int) -> list[Carousel]:
    """Returns carousels of about the same size, none with more cards than `most`."""
    count = -(-len(carousel.cards) // most)
    size, larger = divmod(len(carousel.cards), count)
    ends = [number * size + min(number, larger) for number in range(count + 1)]
    return [replace(carousel, cards=carousel.cards[start:end], buttons=()) for start, end in pairwise(ends)]


def _named_place(place: Location) -> tuple[Text, Location]:
    said = Text(text=f"{place.name}\n{place.address}", markdown=False)
    return said, replace(place, name="", address="", buttons=())


def _chunks(row: Sequence[AnyButton], width: int) -> Iterator[tuple[AnyButton, ...]]:
    for start in range(0, len(row), max(1, min(width, len(row)))):
        yield tuple(row[start : start + width])


def _fits(formatted: Formatted, bound: Bound) -> bool:
    # However a service renders and counts, five for one is the most it comes to: short texts are not rendered twice.
    is_short = 5 * len(formatted.text) <= bound.most and not formatted.spans
    return is_short or bound.measure(formatted) <= bound.most


def _in_words(message: AnyMessage) -> Text:
    if isinstance(message, Edit):
        words = Text(text=message.text, markdown=message.markdown, spans=message.spans, buttons=message.buttons)
        return _with_options(words, message)
    if isinstance(message, Attachment) and message.is_upload and not message.fallback:
        raise MessageError(
            f"this service is sent no {type(message).__name__}",
            fix="give it an https address, or a fallback to say instead",
        )
    if not message.plain.strip():
        what = f"this service has no {type(message).__name__}, and there is nothing to say instead"
        raise MessageError(what, fix="give it a fallback")
    return _with_options(Text(text=message.plain, markdown=False, buttons=message.buttons), message)


def _with_options(message: M, whole: Message) -> M:
    """Returns the message with what is asked of the whole."""
    return replace(
        message,
        silent=whole.silent or message.silent,
        protect=whole.protect or message.protect,
        ttl=message.ttl or whole.ttl,
        reply_to=message.reply_to or whole.reply_to,
        representative=message.representative or whole.representative,
    )


def _line(button: AnyButton, number: int) -> str:
    match button:
        case Button():
            return f"{number}. {button.text}"
        case Link():
            return f"{button.text}: {button.url.removeprefix('tel:')}"
        case Dial():
            return f"{button.text}: {button.phone}"
    return button.text
