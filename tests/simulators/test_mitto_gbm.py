"""Business Messages through the simulated Mitto."""

from typing import Any

import pytest

from botkit.simulators.mitto_gbm import check_gbm
from botkit.simulators.mitto_refusals import RefusedError

Json = dict[str, Any]

URL = "https://cdn.example/a.jpg"
MEDIA = {"height": "SHORT", "contentInfo": {"fileUrl": URL, "altText": "Shirt"}}
REPLY = {"reply": {"text": "One", "postbackData": "pick:1"}}
OPEN = {"action": {"text": "Site", "postbackData": "site", "openUrlAction": {"url": "https://shop.example/"}}}
TEXT = {"text": {"message": "Hi"}}


def refusal(gbm: Json) -> str:
    """The path of what is refused with 400, or nothing."""
    try:
        check_gbm(gbm)
    except RefusedError as error:
        return error.path if error.status == 400 else str(error.status)
    return ""


def text(message: str, **more: Any) -> Json:
    return {"text": {"message": message, **more}}


def card(**fields: Any) -> Json:
    return {"standaloneCard": {"title": "Shirt", **fields}}


def carousel(count: int, width: str = "MEDIUM", **fields: Any) -> Json:
    return {"carouselCard": {"cardWidth": width, "cardContents": [{"title": "Shirt", **fields}] * count}}


@pytest.mark.parametrize(
    "gbm",
    [
        {
            "text": {"message": "Pick **one**", "containsRichText": True},
            "suggestions": [REPLY, OPEN],
            "fallback": "Reply 1 or 2",
            "forceFallback": True,
            "representative": {"representativeType": "BOT", "displayName": "Shop bot", "avatarImage": URL},
        },
        {"image": {"fileUrl": URL, "thumbnailUrl": URL, "forceRefresh": False, "altText": "Shirt"}},
        card(description="Cotton", media=MEDIA, suggestions=[REPLY]),
        carousel(2, media=MEDIA, suggestions=[OPEN]),
    ],
)
def test_each_content_is_taken_with_all_that_goes_with_it(gbm: Json) -> None:
    assert refusal(gbm) == ""


@pytest.mark.parametrize(
    ("gbm", "path"),
    [
        (text("x" * 3072), ""),
        (text("x" * 3073), "gbm.text"),
        (text(""), "gbm.text.message"),
        (text("**x", containsRichText=True), "gbm.text"),
        (text("**x"), ""),
        (text("x", containsRichText="no"), "gbm.text.containsRichText"),
        (text("x", lang="en"), "gbm.text.lang"),
        ({**TEXT, "fallback": "x" * 3072}, ""),
        ({**TEXT, "fallback": "x" * 3073}, "gbm.text"),
        ({**TEXT, "forceFallback": True}, "gbm.fallback"),
        ({**TEXT, "forceFallback": 1, "fallback": "x"}, "gbm.forceFallback"),
        ({**TEXT, "suggestions": [REPLY] * 13}, ""),
        ({**TEXT, "suggestions": [REPLY] * 14}, "gbm.text"),
        ({**TEXT, "suggestions": {}}, "gbm.text"),
        ({**TEXT, "suggestions": [{"reply": {"text": "x" * 25, "postbackData": "p" * 2048}}]}, ""),
        ({**TEXT, "suggestions": [{"reply": {"text": "x" * 26, "postbackData": "p"}}]}, "gbm.text"),
        ({**TEXT, "suggestions": [{"reply": {"text": "x", "postbackData": "p" * 2049}}]}, "gbm.text"),
        ({**TEXT, "suggestions": [{"liveAgentRequest": {}}]}, "gbm.suggestions.0.liveAgentRequest"),
        ({**TEXT, "representative": {"representativeType": "ROBOT"}}, "gbm.text"),
        ({**TEXT, "image": {"fileUrl": URL}}, "gbm"),
        ({"fallback": "x"}, "gbm"),
        ({"text": "x"}, "gbm.text"),
        ({"image": {"contentInfo": {"fileUrl": URL}}}, "gbm.image"),
        ({"image": {"fileUrl": "a.jpg"}}, "gbm.image"),
        ({**TEXT, "messageId": "m"}, "gbm.messageId"),
        (card(title="x" * 200), ""),
        (card(title="x" * 201), "gbm.standaloneCard"),
        (card(description="x" * 2000), ""),
        (card(description="x" * 2001), "gbm.standaloneCard"),
        (card(suggestions=[REPLY] * 4), ""),
        (card(suggestions=[REPLY] * 5), "gbm.standaloneCard"),
        (card(title=""), "gbm.standaloneCard"),
        (card(cardContent={}), "gbm.standaloneCard"),
        (card(media={**MEDIA, "height": "TALL"}), ""),
        (card(media={**MEDIA, "height": "HIGH"}), "gbm.standaloneCard"),
        (carousel(1), "gbm.carouselCard"),
        (carousel(10), ""),
        (carousel(11), "gbm.carouselCard"),
        (carousel(2, width="LARGE"), "gbm.carouselCard"),
        (carousel(2, width="SMALL", media={**MEDIA, "height": "TALL"}), "gbm.carouselCard"),
    ],
)
def test_the_limits_are_google_s_in_mitto_s_form(gbm: Json, path: str) -> None:
    assert refusal(gbm) == path


DIAL = {"action": {"text": "Call", "postbackData": "c", "dialAction": {"phoneNumber": "+4412345678"}}}


@pytest.mark.parametrize(
    ("gbm", "path"),
    [
        ({**TEXT, "suggestions": [REPLY, DIAL]}, "gbm.suggestions.1.action.dialAction"),
        (card(suggestions=[DIAL]), "gbm.standaloneCard.suggestions.0.action.dialAction"),
        (carousel(2, suggestions=[DIAL]), "gbm.carouselCard.cardContents.0.suggestions.0.action.dialAction"),
    ],
)
def test_what_mitto_does_not_name_is_refused_wherever_it_stands(gbm: Json, path: str) -> None:
    assert refusal(gbm) == path
