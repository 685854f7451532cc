"""What an object of a request to send says, as a message of ours, for accounts that speak to the service directly."""

import re
from collections.abc import Callable, Mapping, Sequence
from html import unescape
from typing import Any, Literal, cast

from botkit.buttons import AnyButton, AskContact, AskLocation, Button, Link, Rows, is_link
from botkit.chatapps import gbm, telegram
from botkit.chatapps.abilities import GATEWAY
from botkit.chatapps.contents import Content
from botkit.chatapps.gbm import Gbm, as_google
from botkit.chatapps.markup import parse
from botkit.chatapps.sms import Sms
from botkit.chatapps.telegram import Telegram
from botkit.chatapps.viber import Viber
from botkit.chatapps.viber_keyboard import MAX_COLUMNS
from botkit.chatapps.whatsapp import WhatsApp
from botkit.exceptions import InvalidRequestError, Problem
from botkit.formatting import escape
from botkit.messages import (
    AnyMessage,
    Attachment,
    Card,
    Carousel,
    File,
    Image,
    Location,
    Raw,
    Representative,
    Text,
    Video,
    Voice,
)

_MODES = {"Html": "HTML", "Markdown": "Markdown", "MarkdownV2": "MarkdownV2"}
_NOUNS: Mapping[str, Callable[..., Attachment]] = {"photo": Image, "document": File, "video": Video, "voice": Voice}
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")
#: Every client in use knows keyboards of this version.
_KEYBOARD_VERSION = 7

Extra = dict[str, dict[str, Any]]


def message_of(content: Content) -> AnyMessage:
    """Returns the message that a content is; what has no word of ours stands in `extra`, in the service's words.

    Raises InvalidRequestError for what only the gateway can send.
    """
    match content:
        case Sms():
            own: Extra = {GATEWAY: {"sender": content.sender}} if content.sender else {}
            return Text(text=content.text, markdown=False, extra=own)
        case Viber():
            return _viber(content)
        case Telegram():
            return _telegram(content)
        case Gbm():
            return _gbm(content)
        case WhatsApp():
            if not content.text:
                raise _only_gateway(f"whatsapp.{content.type}", "is a form that")
            return Text(text=content.text, markdown=False)


def _only_gateway(path: str, what: str) -> InvalidRequestError:
    return InvalidRequestError([Problem(path, f"{what} only the gateway sends")])


# --- Viber ---


def _viber(content: Viber) -> AnyMessage:
    extra: Extra = {GATEWAY: {"type": content.type}}
    looks = {name: value for name, value in content.keyboard.items() if name not in ("Type", "Buttons")}
    if looks:
        extra["viber"] = {"keyboard": looks}
    rows, ttl = _viber_rows(content), content.ttl
    if content.media_url:
        caption = escape(content.text)
        return Image(source=content.media_url, caption=caption, buttons=rows, ttl=ttl, extra=extra)
    if content.file:
        file = content.file
        return File(source=file.media_url, name=file.name, buttons=rows, ttl=ttl, extra=extra)
    if content.text:
        return Text(text=content.text, markdown=False, buttons=rows, ttl=ttl, extra=extra)
    payload = {"keyboard": dict(content.keyboard), "min_api_version": _KEYBOARD_VERSION}
    return Raw(channel="viber", payload=payload, ttl=ttl)


def _viber_rows(content: Viber) -> Rows:
    rows: list[tuple[AnyButton, ...]] = []
    if content.button:
        if not is_link(content.button.action):
            raise _only_gateway("viber.button.action", "opens an address of another kind than http(s), tel, viber, tg:")
        rows.append((Link(content.button.caption, content.button.action),))
    keys: Sequence[Mapping[str, Any]] = content.keyboard.get("Buttons", ())
    return (*rows, *_keyboard_rows(keys, content.keyboard.get("ButtonsGroupColumns", MAX_COLUMNS)))


def _keyboard_rows(keys: Sequence[Mapping[str, Any]], columns: object) -> Rows:
    """Returns keys in rows: one is full when the next key does not fit."""
    width = columns if isinstance(columns, int) else MAX_COLUMNS
    rows: list[list[AnyButton]] = []
    free = 0
    for key in keys:
        taken = key.get("Columns") or width
        if taken > free or not rows:
            rows.append([])
            free = width
        free -= taken
        rows[-1].append(_key(key, taken))
    return tuple(map(tuple, rows))


def _key(key: Mapping[str, Any], columns: int) -> AnyButton:
    """Returns a key of a keyboard as a button that looks and acts the same on Viber."""
    action, body = key.get("ActionType") or "reply", key.get("ActionBody") or "none"
    label = unescape(_TAG.sub("", _BREAK.sub("\n", key.get("Text") or ""))).strip() or body
    looks = {"Silent": False, "Text": "", **key, "Columns": columns}
    extra = {"viber": looks}
    match action:
        case "open-url" if is_link(body):
            return Link(label, body, extra=extra)
        case "location-picker":
            return AskLocation(label, extra=extra)
        case "share-phone":
            return AskContact(label, extra=extra)
        case "reply":
            # The value may have to travel as a token.
            del looks["ActionBody"]
    return Button(label, body, extra=extra)


# --- Telegram ---


def _telegram(content: Telegram) -> AnyMessage:
    if place := content.location:
        return Location(latitude=place.latitude, longitude=place.longitude, silent=content.silent)
    if content.text:
        return _telegram_text(content.text, is_silent=content.silent)
    media: telegram.Media = getattr(content, content.kind)
    parsed = parse(media.caption, media.parse_mode)
    plain = parsed.formatted.text.strip()
    # Captions of ours are Markdown, which has no word for all that Telegram's modes say.
    is_marked = bool(parsed.formatted.spans) or not parsed.is_whole
    own = {"caption": media.caption, "parse_mode": _MODES[media.parse_mode]} if is_marked else {}
    extra: Extra = {"telegram": own} if own else {}
    noun = _NOUNS[content.kind](source=media.url, caption=escape(plain), silent=content.silent, extra=extra)
    return cast("AnyMessage", noun)


def _telegram_text(words: telegram.Words, *, is_silent: bool) -> Text:
    parsed = parse(words.message, words.parse_mode)
    own: dict[str, Any] = {"link_preview_options": {"is_disabled": True}} if words.no_preview else {}
    if not parsed.is_whole:
        own |= {"text": words.message, "parse_mode": _MODES[words.parse_mode]}
    spans = parsed.formatted.spans if parsed.is_whole else ()
    extra: Extra = {"telegram": own} if own else {}
    return Text(text=parsed.formatted.text, markdown=False, spans=spans, silent=is_silent, extra=extra)


# --- Business Messages ---


def _gbm(content: Gbm) -> AnyMessage:
    options: dict[str, Any] = {
        "fallback": content.fallback,
        "representative": _representative(content.representative),
        # Alternative texts, postbacks of links and the marks themselves have no word of ours.
        "extra": {"gbm": as_google(content)},
    }
    if card := content.standalone_card:
        # What is suggested below the card is told in Google's words alone: a card of ours has one set of buttons.
        return _card(card, options)
    options["buttons"] = _suggested(content.suggestions)
    if words := content.text:
        return Text(text=words.message, markdown=words.contains_rich_text, **options)
    if picture := content.image:
        return Image(source=picture.file_url, thumbnail=picture.thumbnail_url, **options)
    carousel = cast("gbm.CarouselCard", content.carousel_card)
    cards = tuple(_card(card, {}) for card in carousel.card_contents)
    return Carousel(cards=cards, width=cast("Any", carousel.card_width.lower()), **options)


def _card(card: gbm.CardContent, options: dict[str, Any]) -> Card:
    if card.media:
        picture = {"image": card.media.content_info.file_url, "height": card.media.height.lower()}
        options = options | picture
    description, buttons = escape(card.description), _suggested(card.suggestions)
    return Card(title=card.title, description=description, buttons=buttons, **options)


def _representative(who: gbm.Representative | None) -> Representative | None:
    if who is None:
        return None
    kind: Literal["bot", "human"] = "human" if who.representative_type == "HUMAN" else "bot"
    return Representative(name=who.display_name, kind=kind, avatar=who.avatar_image)


def _suggested(suggestions: Sequence[gbm.Suggestion]) -> Rows:
    return tuple((_button(suggestion),) for suggestion in suggestions)


def _button(suggestion: gbm.Suggestion) -> AnyButton:
    if suggestion.reply:
        return Button(suggestion.reply.text, suggestion.reply.postback_data)
    action = cast("gbm.Action", suggestion.action)
    return Link(action.text, action.open_url_action.url)
