"""The object `gbm` of a request to send: Business Messages as the gateway spells them, and as Google does.

https://developers.google.com/business-communications/business-messages/reference/rest/v1/conversations.messages
"""

from typing import Any

from msgspec import Struct

from botkit.chatapps.reading import Reader, as_json, extension_of
from botkit.messages import MAX_CARDS, MIN_CARDS

#: Bounds of the service: characters, and how many suggestions one message or card takes.
MAX_TEXT = 3072
MAX_SUGGESTIONS, MAX_CARD_SUGGESTIONS = 13, 4
MAX_LABEL = 25
MAX_POSTBACK = 2048
MAX_TITLE, MAX_DESCRIPTION = 200, 2000

IMAGE_TYPES = ("jpeg", "jpg", "png", "webp")
HEIGHTS = ("SHORT", "MEDIUM", "TALL")
WIDTHS = ("SMALL", "MEDIUM")
CONTENTS = ("text", "image", "standaloneCard", "carouselCard")


class _Wire(Struct, frozen=True, omit_defaults=True, rename="camel"):
    pass


class Words(_Wire, frozen=True, omit_defaults=True):
    """A text, which may have bold, italic and links in Google's marks."""

    message: str
    contains_rich_text: bool = False


class Picture(_Wire, frozen=True, omit_defaults=True):
    """An image by its https address."""

    file_url: str
    thumbnail_url: str = ""
    force_refresh: bool = False
    alt_text: str = ""


class OpenUrl(_Wire, frozen=True, omit_defaults=True):
    """A page to open."""

    url: str


class Reply(_Wire, frozen=True, omit_defaults=True):
    """An answer to pick."""

    text: str
    postback_data: str


class Action(_Wire, frozen=True, omit_defaults=True):
    """A page to open, and what it is called."""

    text: str
    postback_data: str
    open_url_action: OpenUrl


class Suggestion(_Wire, frozen=True, omit_defaults=True):
    """Exactly one of an answer and an action."""

    reply: Reply | None = None
    action: Action | None = None


class Media(_Wire, frozen=True, omit_defaults=True):
    """The image of a card."""

    height: str
    content_info: Picture


class CardContent(_Wire, frozen=True, omit_defaults=True):
    """A card: at least a title or an image."""

    title: str = ""
    description: str = ""
    media: Media | None = None
    suggestions: tuple[Suggestion, ...] = ()


class CarouselCard(_Wire, frozen=True, omit_defaults=True):
    """Two to ten cards side by side."""

    card_width: str
    card_contents: tuple[CardContent, ...]


class Representative(_Wire, frozen=True, omit_defaults=True):
    """Who speaks: BOT or HUMAN."""

    representative_type: str
    display_name: str = ""
    avatar_image: str = ""


class Gbm(_Wire, frozen=True, omit_defaults=True):
    """A message of exactly one of text, image, standalone card and carousel."""

    text: Words | None = None
    image: Picture | None = None
    standalone_card: CardContent | None = None
    carousel_card: CarouselCard | None = None
    suggestions: tuple[Suggestion, ...] = ()
    fallback: str = ""
    force_fallback: bool = False
    representative: Representative | None = None


def as_google(content: Gbm) -> dict[str, Any]:
    """Returns the content's members of Google's own Message object, without id and representative.

    `forceFallback` stays among them: to Google it is a parameter of the call.
    """
    members = as_json(content)
    members.pop("representative", None)
    if content.text:
        members |= {"text": content.text.message}
        members |= {"containsRichText": True} if content.text.contains_rich_text else {}
    if "image" in members:
        members["image"] = {"contentInfo": members["image"]}
    if "standaloneCard" in members:
        members["richCard"] = {"standaloneCard": {"cardContent": members.pop("standaloneCard")}}
    if "carouselCard" in members:
        members["richCard"] = {"carouselCard": members.pop("carouselCard")}
    return members


# --- reading ---


def read_gbm(reader: Reader) -> Gbm:
    """Returns what the object says; its problems are the reader's."""
    reader.one_of(CONTENTS)
    content = Gbm(
        text=_read_words(reader.member("text")),
        image=_read_picture(reader.member("image")),
        standalone_card=_read_card(reader.member("standaloneCard")),
        carousel_card=_read_carousel(reader.member("carouselCard")),
        suggestions=_read_suggestions(reader, MAX_SUGGESTIONS),
        fallback=reader.text("fallback", most=MAX_TEXT),
        force_fallback=reader.flag("forceFallback"),
        representative=_read_representative(reader.member("representative")),
    )
    if content.force_fallback and "fallback" not in reader:
        reader.refuse("forceFallback", "needs a fallback, which is then shown")
    return content


def _read_words(reader: Reader | None) -> Words | None:
    if reader is None:
        return None
    words = Words(reader.text("message", most=MAX_TEXT, is_required=True), reader.flag("containsRichText"))
    reader.finish()
    return words


def _read_picture(reader: Reader | None) -> Picture | None:
    if reader is None:
        return None
    picture = Picture(
        file_url=_read_image(reader, "fileUrl", is_required=True),
        thumbnail_url=_read_image(reader, "thumbnailUrl"),
        force_refresh=reader.flag("forceRefresh"),
        alt_text=reader.text("altText"),
    )
    reader.finish()
    return picture


def _read_image(reader: Reader, name: str, *, is_required: bool = False) -> str:
    url = reader.address(name, is_required=is_required, is_secure=True)
    if url and not is_image(url):
        reader.refuse(name, f"ends in one of {', '.join(IMAGE_TYPES)}")
    return url


def is_image(url: str) -> bool:
    """Whether an address may be one of an image: it ends in one of the known extensions, or in none."""
    return extension_of(url) in ("", *IMAGE_TYPES)


def _read_card(reader: Reader | None, *, is_narrow: bool = False) -> CardContent | None:
    if reader is None:
        return None
    if "title" not in reader and "media" not in reader:
        reader.refuse("", "has a title or media, not none")
    card = CardContent(
        title=reader.text("title", most=MAX_TITLE),
        description=reader.text("description", most=MAX_DESCRIPTION),
        media=_read_media(reader.member("media")),
        suggestions=_read_suggestions(reader, MAX_CARD_SUGGESTIONS),
    )
    reader.finish()
    if is_narrow and card.media and card.media.height == "TALL":
        reader.refuse("media.height", "is SHORT or MEDIUM in a carousel of the width SMALL, not TALL")
    return card


def _read_media(reader: Reader | None) -> Media | None:
    if reader is None:
        return None
    height = reader.word("height", HEIGHTS, is_required=True)
    picture = _read_picture(reader.member("contentInfo", is_required=True))
    reader.finish()
    return Media(height, picture or Picture(""))


def _read_carousel(reader: Reader | None) -> CarouselCard | None:
    if reader is None:
        return None
    width = reader.word("cardWidth", WIDTHS, is_required=True)
    if "cardContents" not in reader:
        reader.refuse("cardContents", "is needed")
    readers = reader.members_of("cardContents", MIN_CARDS, MAX_CARDS)
    cards = [_read_card(each, is_narrow=width == "SMALL") for each in readers]
    reader.finish()
    return CarouselCard(width, tuple(card for card in cards if card))


def _read_suggestions(reader: Reader, most: int) -> tuple[Suggestion, ...]:
    return tuple(_read_suggestion(each) for each in reader.members_of("suggestions", 0, most))


def _read_suggestion(reader: Reader) -> Suggestion:
    reader.one_of(("reply", "action"))
    reply, action = reader.member("reply"), reader.member("action")
    suggestion = Suggestion(_read_reply(reply) if reply else None, _read_action(action) if action else None)
    reader.finish()
    return suggestion


def _read_reply(reader: Reader) -> Reply:
    label = reader.text("text", most=MAX_LABEL, is_required=True)
    reply = Reply(label, _read_postback(reader))
    reader.finish()
    return reply


def _read_postback(reader: Reader) -> str:
    return reader.text("postbackData", most=MAX_POSTBACK, is_required=True, is_shown=False)


def _read_action(reader: Reader) -> Action:
    label = reader.text("text", most=MAX_LABEL, is_required=True)
    postback = _read_postback(reader)
    page = reader.member("openUrlAction", is_required=True)
    url = page.address("url", is_required=True) if page else ""
    for each in (page, reader):
        if each:
            each.finish()
    return Action(label, postback, OpenUrl(url))


def _read_representative(reader: Reader | None) -> Representative | None:
    if reader is None:
        return None
    who = Representative(
        representative_type=reader.word("representativeType", ("BOT", "HUMAN"), is_required=True),
        display_name=reader.text("displayName"),
        avatar_image=reader.address("avatarImage", is_secure=True),
    )
    reader.finish()
    return who
