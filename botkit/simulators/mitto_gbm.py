"""Business Messages through the simulated Mitto: its flatter form, checked as Google checks its own."""

from collections.abc import Mapping
from typing import Any

from botkit.simulators.gbm_checks import CallRefusedError, check_message
from botkit.simulators.mitto_fields import Json, check_flag, check_names, join, read_object, read_text
from botkit.simulators.mitto_refusals import invalid

_CONTENTS = ("text", "image", "standaloneCard", "carouselCard")
_OTHERS = ("suggestions", "fallback", "forceFallback", "representative")


def check_gbm(gbm: Json) -> None:
    """Checks a message for Business Messages. Raises RefusedError."""
    check_names(gbm, {*_CONTENTS, *_OTHERS}, "gbm")
    given = [name for name in _CONTENTS if name in gbm]
    if len(given) != 1:
        raise invalid(f"exactly one of {', '.join(_CONTENTS)} is required, {len(given)} are there", "gbm")
    content = read_object(gbm, given[0], "gbm")
    check_flag(gbm, "forceFallback", "gbm")
    if gbm.get("forceFallback") and not gbm.get("fallback"):
        raise invalid("forceFallback needs a fallback", "gbm.fallback")
    _check_suggestions(gbm, "gbm")
    try:
        check_message(_google_form(given[0], content, gbm))
    except CallRefusedError as error:
        raise invalid(error.message, f"gbm.{given[0]}") from None


def _google_form(kind: str, content: Json, gbm: Json) -> dict[str, Any]:
    """Returns the message as Google has it."""
    shared = {name: gbm[name] for name in ("suggestions", "fallback", "representative") if name in gbm}
    return {"messageId": "m", **shared, **_CONVERSIONS[kind](content)}


def _text(text: Json) -> dict[str, Any]:
    check_names(text, {"message", "containsRichText"}, "gbm.text")
    check_flag(text, "containsRichText", "gbm.text")
    rich = {"containsRichText": text["containsRichText"]} if "containsRichText" in text else {}
    return {"text": read_text(text, "message", "gbm.text"), **rich}


def _image(image: Json) -> dict[str, Any]:
    return {"image": {"contentInfo": image}}


def _card(card: Json) -> dict[str, Any]:
    _check_suggestions(card, "gbm.standaloneCard")
    return {"richCard": {"standaloneCard": {"cardContent": card}}}


def _carousel(carousel: Json) -> dict[str, Any]:
    cards = carousel.get("cardContents")
    for number, card in enumerate(cards if isinstance(cards, list) else []):
        if isinstance(card, dict):
            _check_suggestions(card, f"gbm.carouselCard.cardContents.{number}")
    return {"richCard": {"carouselCard": carousel}}


_CONVERSIONS = {"text": _text, "image": _image, "standaloneCard": _card, "carouselCard": _carousel}


def _check_suggestions(holder: Json, path: str) -> None:
    """Refuses the suggestions that are Google's but not known through Mitto: calls, agents, sign-ins."""
    found = holder.get("suggestions")
    for number, suggestion in enumerate(found if isinstance(found, list) else []):
        where = join(path, f"suggestions.{number}")
        if isinstance(suggestion, Mapping):
            check_names(suggestion, {"reply", "action"}, where)
            action = suggestion.get("action")
            if isinstance(action, Mapping):
                check_names(action, {"text", "postbackData", "openUrlAction"}, f"{where}.action")
