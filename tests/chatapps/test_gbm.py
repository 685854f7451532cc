"""The object `gbm`: exactly one content, and Google's bounds for each member."""

from typing import Any

import pytest

from botkit.chatapps.contents import read_content
from botkit.chatapps.gbm import Gbm, Words, as_google
from botkit.simulators.gbm_checks import check_message
from tests.chatapps.requests_sent import BODIES, told

URL = "https://cdn.example/a.jpg"
TEXT: dict[str, Any] = {"text": {"message": "Hi"}}
MEDIA: dict[str, Any] = {"height": "SHORT", "contentInfo": {"fileUrl": URL}}
CARD: dict[str, Any] = {"title": "Shirt"}
ACTION: dict[str, Any] = {"text": "Shop", "postbackData": "shop", "openUrlAction": {"url": "https://shop.example/"}}
FILLED = {"text": TEXT["text"], "image": {"fileUrl": URL}, "standaloneCard": CARD}
FILLED["carouselCard"] = {"cardWidth": "SMALL", "cardContents": [CARD, CARD]}


def reply(text: str = "One", data: str = "1") -> dict[str, Any]:
    return {"reply": {"text": text, "postbackData": data}}


def carousel(*cards: object, width: object = "SMALL") -> dict[str, Any]:
    return {"carouselCard": {"cardWidth": width, "cardContents": list(cards)}}


@pytest.mark.parametrize("name", FILLED)
def test_each_content_is_taken_alone(name: str) -> None:
    assert told("gbm", {name: FILLED[name]}) == {}


def test_two_contents_are_refused_and_none_is() -> None:
    rule = "has one of text, image, standaloneCard, carouselCard, not"
    assert told("gbm", TEXT | {"image": {"fileUrl": URL}}) == {"gbm": f"{rule} text and image"}
    assert told("gbm", {"fallback": "Hi"}) == {"gbm": f"{rule} none"}


# --- text, fallback, representative


def test_a_text_has_at_most_3072_characters() -> None:
    assert read_content("gbm", {"text": {"message": "x" * 3072}}) == Gbm(Words("x" * 3072))
    assert told("gbm", {"text": {"message": "x" * 3073}}) == {
        "gbm.text.message": "has at most 3072 characters, not 3073"
    }
    assert told("gbm", {"text": {"containsRichText": True}}) == {"gbm.text.message": "is needed"}


@pytest.mark.parametrize("flag", ["true", 1])
def test_flags_are_true_or_false(flag: object) -> None:
    body = {"text": {"message": "Hi", "containsRichText": flag}, "fallback": "Hi", "forceFallback": flag}
    assert list(told("gbm", body)) == ["gbm.text.containsRichText", "gbm.forceFallback"]


def test_a_fallback_has_at_most_3072_characters() -> None:
    assert told("gbm", TEXT | {"fallback": "x" * 3072}) == {}
    assert told("gbm", TEXT | {"fallback": "x" * 3073}) == {"gbm.fallback": "has at most 3072 characters, not 3073"}


def test_a_fallback_is_forced_only_where_there_is_one() -> None:
    assert told("gbm", TEXT | {"fallback": "Hi", "forceFallback": True}) == {}
    assert told("gbm", TEXT | {"forceFallback": True}) == {"gbm.forceFallback": "needs a fallback, which is then shown"}
    assert told("gbm", TEXT | {"forceFallback": False}) == {}


@pytest.mark.parametrize("kind", ["BOT", "HUMAN"])
def test_a_representative_is_a_bot_or_a_human(kind: str) -> None:
    assert told("gbm", TEXT | {"representative": {"representativeType": kind, "avatarImage": URL}}) == {}


@pytest.mark.parametrize(
    ("who", "path"),
    [
        ({"displayName": "Ana"}, "representativeType"),
        ({"representativeType": "bot"}, "representativeType"),
        ({"representativeType": "BOT", "avatarImage": "http://cdn.example/a.png"}, "avatarImage"),
        ({"representativeType": "BOT", "name": "Ana"}, "name"),
    ],
)
def test_a_bad_representative_is_told(who: dict[str, str], path: str) -> None:
    assert list(told("gbm", TEXT | {"representative": who})) == [f"gbm.representative.{path}"]


# --- images and cards


@pytest.mark.parametrize("end", ["jpg", "JPEG", "png", "webp", "png?size=1"])
def test_an_image_of_each_known_type_is_taken(end: str) -> None:
    url = f"https://cdn.example/a.{end}"
    assert told("gbm", {"image": {"fileUrl": url, "thumbnailUrl": url, "forceRefresh": True, "altText": "A"}}) == {}


@pytest.mark.parametrize("url", ["http://cdn.example/a.jpg", "https://cdn.example/a.gif", "cdn.example/a.jpg", 5])
def test_an_image_has_an_https_address_of_a_known_type(url: object) -> None:
    assert list(told("gbm", {"image": {"fileUrl": url}})) == ["gbm.image.fileUrl"]
    assert list(told("gbm", {"image": {"fileUrl": URL, "thumbnailUrl": url}})) == ["gbm.image.thumbnailUrl"]


def test_an_image_needs_its_address() -> None:
    assert told("gbm", {"image": {"altText": "Shop"}}) == {"gbm.image.fileUrl": "is needed"}


@pytest.mark.parametrize(("name", "most"), [("title", 200), ("description", 2000)])
def test_the_words_of_a_card_are_bounded(name: str, most: int) -> None:
    assert told("gbm", {"standaloneCard": CARD | {name: "x" * most}}) == {}
    rule = f"has at most {most} characters, not {most + 1}"
    found = told("gbm", {"standaloneCard": CARD | {name: "x" * (most + 1)}})
    assert found == {f"gbm.standaloneCard.{name}": rule}


def test_a_card_has_a_title_or_media() -> None:
    assert told("gbm", {"standaloneCard": {"title": "Shirt"}}) == {}
    assert told("gbm", {"standaloneCard": {"media": MEDIA}}) == {}
    assert told("gbm", {"standaloneCard": {"description": "Cotton"}}) == {
        "gbm.standaloneCard": "has a title or media, not none"
    }


@pytest.mark.parametrize("height", ["SHORT", "MEDIUM", "TALL"])
def test_media_have_one_of_three_heights(height: str) -> None:
    assert told("gbm", {"standaloneCard": {"media": MEDIA | {"height": height}}}) == {}


@pytest.mark.parametrize(
    ("media", "path"),
    [
        (MEDIA | {"height": "tall"}, "height"),
        ({"contentInfo": {"fileUrl": URL}}, "height"),
        ({"height": "SHORT"}, "contentInfo"),
        ({"height": "SHORT", "contentInfo": {"altText": "A"}}, "contentInfo.fileUrl"),
        ({"height": "SHORT", "contentInfo": {"fileUrl": URL}, "fileUrl": URL}, "fileUrl"),
    ],
    ids=range(5),
)
def test_bad_media_are_told(media: dict[str, Any], path: str) -> None:
    assert list(told("gbm", {"standaloneCard": {"media": media}})) == [f"gbm.standaloneCard.media.{path}"]


@pytest.mark.parametrize("count", [2, 10])
def test_a_carousel_has_two_to_ten_cards(count: int) -> None:
    assert told("gbm", carousel(*[CARD] * count)) == {}


@pytest.mark.parametrize("count", [1, 11])
def test_a_carousel_of_fewer_or_more_is_refused(count: int) -> None:
    rule = f"has 2 to 10 objects, not {count}"
    assert told("gbm", carousel(*[CARD] * count)) == {"gbm.carouselCard.cardContents": rule}


def test_a_carousel_needs_its_width_and_its_cards() -> None:
    assert told("gbm", {"carouselCard": {"cardWidth": "SMALL", "cardContents": []}}) == {
        "gbm.carouselCard.cardContents": "is needed"
    }
    assert list(told("gbm", carousel(CARD, CARD, width="LARGE"))) == ["gbm.carouselCard.cardWidth"]
    assert list(told("gbm", carousel(CARD, CARD, width=None))) == ["gbm.carouselCard.cardWidth"]


def test_a_bad_card_of_a_carousel_is_told_by_its_number() -> None:
    found = told("gbm", carousel(CARD, {"description": "x"}, "Shirt"))
    assert list(found) == ["gbm.carouselCard.cardContents[2]", "gbm.carouselCard.cardContents[1]"]


def test_tall_media_do_not_stand_between_narrow_cards() -> None:
    tall = {"media": MEDIA | {"height": "TALL"}}
    path = "gbm.carouselCard.cardContents[0].media.height"
    assert list(told("gbm", carousel(tall, CARD))) == [path]
    assert told("gbm", carousel(tall, CARD, width="MEDIUM")) == {}
    assert told("gbm", carousel({"media": MEDIA | {"height": "MEDIUM"}}, CARD)) == {}


# --- suggestions


def test_a_message_has_at_most_13_suggestions() -> None:
    assert told("gbm", TEXT | {"suggestions": [reply()] * 13}) == {}
    rule = "has at most 13 objects, not 14"
    assert told("gbm", TEXT | {"suggestions": [reply()] * 14}) == {"gbm.suggestions": rule}


def test_a_card_has_at_most_4_suggestions() -> None:
    assert told("gbm", {"standaloneCard": CARD | {"suggestions": [reply()] * 4}}) == {}
    found = told("gbm", {"standaloneCard": CARD | {"suggestions": [reply()] * 5}})
    assert found == {"gbm.standaloneCard.suggestions": "has at most 4 objects, not 5"}


@pytest.mark.parametrize("kind", ["reply", "action"])
def test_labels_and_postbacks_are_bounded(kind: str) -> None:
    def found(**members: str) -> dict[str, str]:
        holder = ACTION if kind == "action" else reply()["reply"]
        return told("gbm", TEXT | {"suggestions": [{kind: holder | members}]})

    path = f"gbm.suggestions[0].{kind}"
    assert found(text="x" * 25, postbackData="x" * 2048) == {}
    assert found(text="x" * 26) == {f"{path}.text": "has at most 25 characters, not 26"}
    assert found(postbackData="x" * 2049) == {f"{path}.postbackData": "has at most 2048 characters, not 2049"}
    assert found(text="") == {f"{path}.text": "is needed"}
    assert found(postbackData="") == {f"{path}.postbackData": "is needed"}
    assert found(postbackData=" ") == {}


@pytest.mark.parametrize("url", ["viber://pa", "shop.example", "https://a b", ""])
def test_an_action_opens_a_page_of_the_web(url: str) -> None:
    bad = {"action": ACTION | {"openUrlAction": {"url": url}}}
    path = "gbm.suggestions[0].action.openUrlAction"
    assert list(told("gbm", TEXT | {"suggestions": [bad]})) == [f"{path}.url" if url else path]


@pytest.mark.parametrize(
    "suggestion", [{}, reply() | {"action": ACTION}, {"liveAgentRequest": {"a": 1}}, "One"], ids=str
)
def test_a_suggestion_is_exactly_one_of_reply_and_action(suggestion: object) -> None:
    assert "gbm.suggestions[0]" in told("gbm", TEXT | {"suggestions": [suggestion]})


def test_every_problem_is_told() -> None:
    body = {
        "text": {"message": 5},
        "suggestions": [reply(text="x" * 26), {"reply": {}}, {"action": {"text": "A"}}],
        "representative": {"representativeType": 1},
        "fallbak": "Hi",
    }
    assert set(told("gbm", body)) == {
        "gbm.text.message",
        "gbm.suggestions[0].reply.text",
        "gbm.suggestions[1]",
        "gbm.suggestions[2].action.postbackData",
        "gbm.suggestions[2].action.openUrlAction",
        "gbm.representative.representativeType",
        "gbm.fallbak",
    }


# --- Google's own words


@pytest.mark.parametrize("name", [name for name in BODIES if name.startswith("gbm_")])
def test_each_recorded_content_is_taken_by_google_in_its_own_words(name: str) -> None:
    content = read_content("gbm", BODIES[name]["gbm"])
    assert isinstance(content, Gbm)
    members = as_google(content)
    members.pop("forceFallback", None)
    check_message({"messageId": "m"} | members)


def test_a_text_says_beside_itself_that_it_is_rich() -> None:
    content = read_content("gbm", BODIES["gbm_text"]["gbm"])
    assert isinstance(content, Gbm)
    assert as_google(content) == {
        "text": "Pick **one**",
        "containsRichText": True,
        "suggestions": [reply("One", "pick:1")],
        "fallback": "Reply 1 or 2",
    }


def test_images_and_cards_stand_a_level_deeper() -> None:
    image = read_content("gbm", {"image": {"fileUrl": URL}})
    card = read_content("gbm", {"standaloneCard": CARD})
    several = read_content("gbm", carousel(CARD, CARD))
    assert isinstance(image, Gbm)
    assert isinstance(card, Gbm)
    assert isinstance(several, Gbm)
    assert as_google(image) == {"image": {"contentInfo": {"fileUrl": URL}}}
    assert as_google(card) == {"richCard": {"standaloneCard": {"cardContent": CARD}}}
    assert as_google(several) == {"richCard": carousel(CARD, CARD)}
