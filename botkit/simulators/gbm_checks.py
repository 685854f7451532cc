"""What Google accepts in a call: every union, enumeration and bound of its Message and Event objects."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from botkit.formatting import parse

TOP_LEVEL = frozenset(
    {
        "messageId",
        "name",
        "representative",
        "text",
        "image",
        "richCard",
        "suggestions",
        "fallback",
        "containsRichText",
    }
)
#: RFC 3966 without `tel:`: a global number, its visual separators allowed.
PHONE = re.compile(r"\+[0-9][0-9().-]*")
URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
EVENT_TYPES = ("TYPING_STARTED", "TYPING_STOPPED", "REPRESENTATIVE_JOINED", "REPRESENTATIVE_LEFT")


class CallRefusedError(Exception):
    """The service refuses a call: the HTTP code, Google's status, and the text of the envelope."""

    def __init__(self, code: int, status: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.message = message


def invalid(message: str) -> CallRefusedError:
    """Returns the refusal of a malformed call."""
    return CallRefusedError(400, "INVALID_ARGUMENT", message)


def check_message(body: Mapping[str, Any]) -> None:
    """Checks a Message object. Raises CallRefusedError at the first thing that Google would not take."""
    _known(body, TOP_LEVEL, "message")
    if not body.get("messageId") or not isinstance(body["messageId"], str):
        raise invalid("message_id is required.")
    content = _one_of(body, ("text", "image", "richCard"), "content")
    _flag(body, "containsRichText")
    _text(body, "fallback", 3072)
    if content == "text":
        _check_text(body)
    elif content == "image":
        _known(_object(body["image"], "image"), {"contentInfo"}, "image")
        _check_contents(body["image"].get("contentInfo"), "image.content_info")
    else:
        _check_card(_object(body["richCard"], "rich_card"))
    _check_suggestions(body.get("suggestions", []), 13, "suggestions")
    if "representative" in body:
        _check_representative(body["representative"])


def check_event(body: Mapping[str, Any]) -> None:
    """Checks an Event object. Raises CallRefusedError."""
    _known(body, {"name", "eventType", "representative"}, "event")
    if body.get("eventType") not in EVENT_TYPES:
        raise invalid("Invalid value at 'event.event_type'.")
    if "representative" in body:
        _check_representative(body["representative"])


def check_receipt(body: Mapping[str, Any]) -> None:
    """Checks a Receipt object of the agent's: the only thing it can say is READ. Raises CallRefusedError."""
    _known(body, {"name", "message", "receiptType"}, "receipt")
    if body.get("receiptType") != "READ":
        raise invalid("Invalid value at 'receipt.receipt_type'.")


def check_survey(body: Mapping[str, Any]) -> None:
    """Checks a Survey object, of which everything is the service's. Raises CallRefusedError."""
    _known(body, {"name"}, "survey")


def _check_text(body: Mapping[str, Any]) -> None:
    _text(body, "text", 3072, is_required=True)
    if body.get("containsRichText"):
        shown = parse(body["text"]).text
        if "*" in shown or "](" in shown:
            raise invalid("The message text has invalid rich text markup.")


def _check_card(card: Mapping[str, Any]) -> None:
    _known(card, {"standaloneCard", "carouselCard"}, "rich_card")
    kind = _one_of(card, ("standaloneCard", "carouselCard"), "rich_card")
    holder = _object(card[kind], kind)
    if kind == "standaloneCard":
        _known(holder, {"cardContent"}, kind)
        _check_card_content(holder.get("cardContent"), is_small=False)
        return
    _known(holder, {"cardWidth", "cardContents"}, kind)
    width = holder.get("cardWidth")
    if width not in ("SMALL", "MEDIUM"):
        raise invalid("Invalid value at 'carousel_card.card_width'.")
    contents = _array(holder.get("cardContents"), "carousel_card.card_contents")
    if not 2 <= len(contents) <= 10:
        raise invalid("carousel_card.card_contents must have between 2 and 10 cards.")
    for content in contents:
        _check_card_content(content, is_small=width == "SMALL")


def _check_card_content(value: object, *, is_small: bool) -> None:
    content = _object(value, "card_content")
    _known(content, {"title", "description", "media", "suggestions"}, "card_content")
    if not content.get("media") and not content.get("title"):
        raise invalid("card_content must have media or a title.")
    _text(content, "title", 200)
    _text(content, "description", 2000)
    _check_suggestions(content.get("suggestions", []), 4, "card_content.suggestions")
    if "media" not in content:
        return
    media = _object(content["media"], "media")
    _known(media, {"height", "contentInfo"}, "media")
    if media.get("height") not in ("SHORT", "MEDIUM", "TALL"):
        raise invalid("Invalid value at 'media.height'.")
    if is_small and media["height"] == "TALL":
        raise invalid("TALL media cannot be used in a carousel of SMALL cards.")
    _check_contents(media.get("contentInfo"), "media.content_info")


def _check_contents(value: object, where: str) -> None:
    contents = _object(value, where)
    _known(contents, {"fileUrl", "thumbnailUrl", "forceRefresh", "altText"}, where)
    _flag(contents, "forceRefresh")
    if not isinstance(contents.get("altText", ""), str):
        raise invalid(f"Invalid value at '{where}.alt_text' (TYPE_STRING).")
    _check_address(contents, "fileUrl", where, is_required=True)
    _check_address(contents, "thumbnailUrl", where)


def _check_address(body: Mapping[str, Any], name: str, where: str, *, is_required: bool = False) -> None:
    if (is_required or name in body) and not str(body.get(name, "")).startswith(("https://", "http://")):
        raise invalid(f"{where}.{name} must be a public URL.")


def _check_suggestions(value: object, most: int, where: str) -> None:
    suggestions = _array(value, where)
    if len(suggestions) > most:
        raise invalid(f"{where} has {len(suggestions)} entries, the maximum is {most}.")
    for suggestion in suggestions:
        _check_suggestion(_object(suggestion, where), where)


def _check_suggestion(suggestion: Mapping[str, Any], where: str) -> None:
    kinds = ("reply", "action", "liveAgentRequest", "authenticationRequest")
    _known(suggestion, frozenset(kinds), where)
    kind = _one_of(suggestion, kinds, where)
    inside = _object(suggestion[kind], f"{where}.{kind}")
    if kind in ("reply", "action"):
        _text(inside, "text", 25, is_required=True)
        _text(inside, "postbackData", 2048, is_required=True)
    if kind == "reply":
        _known(inside, {"text", "postbackData"}, f"{where}.reply")
    elif kind == "action":
        _check_action(inside, f"{where}.action")
    elif kind == "liveAgentRequest":
        _known(inside, frozenset(), f"{where}.live_agent_request")
    else:
        _check_authentication(inside, f"{where}.authentication_request")


def _check_action(action: Mapping[str, Any], where: str) -> None:
    _known(action, {"text", "postbackData", "openUrlAction", "dialAction"}, where)
    kind = _one_of(action, ("openUrlAction", "dialAction"), where)
    field = "url" if kind == "openUrlAction" else "phoneNumber"
    inside = _object(action[kind], where)
    _known(inside, {field}, where)
    if not inside.get(field) or not isinstance(inside[field], str):
        raise invalid(f"{where} needs {field}.")
    if kind == "dialAction" and not PHONE.fullmatch(inside[field]):
        raise invalid(f"{where}.dial_action.phone_number must start with + and the country code.")
    if kind == "openUrlAction" and not URL.fullmatch(inside[field]):
        raise invalid(f"{where}.open_url_action.url must be a valid URL.")


def _check_authentication(request: Mapping[str, Any], where: str) -> None:
    oauth = _object(request.get("oauth"), f"{where}.oauth")
    _known(oauth, {"clientId", "codeChallenge", "codeChallengeMethod", "scopes"}, f"{where}.oauth")
    scopes = _array(oauth.get("scopes"), f"{where}.oauth.scopes")
    if not all(isinstance(text, str) and text for text in (oauth.get("clientId"), oauth.get("codeChallenge"), *scopes)):
        raise invalid(f"{where}.oauth needs client_id, code_challenge and scopes.")
    if not scopes or oauth.get("codeChallengeMethod", "plain") not in ("plain", "S256"):
        raise invalid(f"{where}.oauth needs scopes, and plain or S256 as code_challenge_method.")


def _check_representative(value: object) -> None:
    representative = _object(value, "representative")
    _known(representative, {"representativeType", "displayName", "avatarImage"}, "representative")
    if representative.get("representativeType") not in ("BOT", "HUMAN"):
        raise invalid("Invalid value at 'representative.representative_type'.")
    if not isinstance(representative.get("displayName", ""), str):
        raise invalid("Invalid value at 'representative.display_name' (TYPE_STRING).")
    _check_address(representative, "avatarImage", "representative")


def _known(body: Mapping[str, Any], names: frozenset[str] | set[str], where: str) -> None:
    for name in body:
        if name not in names:
            raise invalid(f"Invalid JSON payload received. Unknown name \"{name}\" at '{where}': Cannot find field.")


def _one_of(body: Mapping[str, Any], names: Sequence[str], where: str) -> str:
    given = [name for name in names if name in body]
    if len(given) != 1:
        raise invalid(f"Exactly one of {', '.join(names)} must be set in {where}, {len(given)} are.")
    return given[0]


def _object(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise invalid(f"Invalid value at '{where}': an object is expected.")
    return value


def _array(value: object, where: str) -> Sequence[object]:
    if not isinstance(value, list):
        raise invalid(f"Invalid value at '{where}': a list is expected.")
    return value


def _flag(body: Mapping[str, Any], name: str) -> None:
    if not isinstance(body.get(name, False), bool):
        raise invalid(f"Invalid value at '{name}' (TYPE_BOOL).")


def _text(body: Mapping[str, Any], name: str, most: int, *, is_required: bool = False) -> None:
    text = body.get(name, "")
    if not isinstance(text, str):
        raise invalid(f"Invalid value at '{name}' (TYPE_STRING).")
    if is_required and not text:
        raise invalid(f"{name} is required.")
    if len(text) > most:
        raise invalid(f"{name} has {len(text)} characters, the maximum is {most}.")
