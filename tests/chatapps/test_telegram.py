"""The object `telegram`: exactly one content, and its bounds as Telegram counts."""

from typing import Any

import pytest

from botkit.chatapps.contents import read_content
from botkit.chatapps.telegram import CONTENTS, FORMATS, PARSE_MODES, Media, Place, Telegram, Words
from tests.chatapps.requests_sent import told

URL = "https://cdn.example/a"
PARTS: dict[str, Any] = {
    "text": {"message": "Hi"},
    **{name: {"url": URL} for name in ("photo", "document", "video", "voice")},
    "location": {"latitude": 45.8, "longitude": 15.9},
}


@pytest.mark.parametrize("name", CONTENTS)
def test_each_content_is_taken_alone(name: str) -> None:
    content = read_content("telegram", {name: PARTS[name]})
    assert isinstance(content, Telegram)
    assert content.kind == name


def test_two_contents_are_refused_and_none_is() -> None:
    rule = "has one of text, photo, document, video, voice, location, not"
    both = told("telegram", {"text": PARTS["text"], "photo": PARTS["photo"]})
    assert both == {"telegram": f"{rule} text and photo"}
    assert told("telegram", {"silent": True}) == {"telegram": f"{rule} none"}


def test_an_empty_content_is_none() -> None:
    empty = {"text": PARTS["text"], "photo": {"url": "", "caption": None}, "location": {}}
    assert read_content("telegram", empty) == Telegram(text=Words("Hi"))


@pytest.mark.parametrize("silent", [1, "true"])
def test_silent_is_true_or_false(silent: object) -> None:
    assert told("telegram", PARTS | {"silent": silent})["telegram.silent"] == "is true or false"
    assert read_content("telegram", {"text": PARTS["text"], "silent": False}) == Telegram(text=Words("Hi"))


@pytest.mark.parametrize("mode", PARSE_MODES)
def test_each_parse_mode_is_taken(mode: str) -> None:
    assert read_content("telegram", {"text": {"message": "Hi", "parseMode": mode}}) == Telegram(text=Words("Hi", mode))


@pytest.mark.parametrize("mode", ["HTML", "html", "markdown", "Markdownv2", "None", 1])
def test_a_parse_mode_is_spelled_exactly(mode: object) -> None:
    assert list(told("telegram", {"text": {"message": "Hi", "parseMode": mode}})) == ["telegram.text.parseMode"]
    assert list(told("telegram", {"photo": {"url": URL, "parseMode": mode}})) == ["telegram.photo.parseMode"]


@pytest.mark.parametrize(
    ("message", "mode", "length"),
    [
        ("x" * 4096, "Default", 4096),
        ("x" * 4097, "", 4097),
        (f"<b>{'x' * 4096}</b>", "Html", 4096),
        (f"<b>{'x' * 4097}</b>", "Html", 4097),
        ("&lt;" * 4096, "Html", 4096),
        ("😀" * 2048, "", 4096),
        ("😀" * 2048 + "x", "", 4097),
        (f"*{'x' * 4096}*", "Markdown", 4096),
        (f"*{'x' * 4096}*", "Default", 4098),
        ("\\." * 4096, "MarkdownV2", 4096),
        ("\\." * 4097, "MarkdownV2", 4097),
        (f"  {'x' * 4096}\n", "Default", 4096),
    ],
)
def test_a_text_has_at_most_4096_units_without_its_marks(message: str, mode: str, length: int) -> None:
    rule = f"has 1 to 4,096 UTF-16 units without its marks, not {length:,}"
    found = told("telegram", {"text": {"message": message, "parseMode": mode}})
    assert found == ({} if length <= 4096 else {"telegram.text.message": rule})


@pytest.mark.parametrize("name", ["photo", "document", "video", "voice"])
def test_a_caption_has_at_most_1024_units_without_its_marks(name: str) -> None:
    captioned = {"url": URL, "parseMode": "Html"}
    assert told("telegram", {name: captioned | {"caption": f"<i>{'x' * 1024}</i>"}}) == {}
    rule = "has 0 to 1,024 UTF-16 units without its marks, not 1,025"
    found = told("telegram", {name: captioned | {"caption": f"<i>{'x' * 1025}</i>"}})
    assert found == {f"telegram.{name}.caption": rule}


def test_a_text_of_nothing_but_marks_is_refused() -> None:
    found = told("telegram", {"text": {"message": "<b> </b>", "parseMode": "Html"}})
    assert found == {"telegram.text.message": "has 1 to 4,096 UTF-16 units without its marks, not 0"}


def test_marks_that_telegram_would_not_read_are_told_with_the_mode() -> None:
    found = told("telegram", {"text": {"message": "<b>Hi", "parseMode": "Html"}})
    assert found == {"telegram.text.message": "has a <b> that is not closed (as Html)"}
    assert told("telegram", {"text": {"message": "<b>Hi", "parseMode": "Default"}}) == {}


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_s_address_ends_in_a_known_extension_or_in_none(name: str) -> None:
    for end in (
        *(f".{extension}" for extension in FORMATS[name]),
        ".ZIP" if name == "document" else "",
        "",
        "?x=a.exe",
    ):
        assert told("telegram", {name: {"url": URL + end}}) == {}
    assert told("telegram", {name: {"url": f"{URL}.exe"}}) == {
        f"telegram.{name}.url": f"ends in one of {', '.join(FORMATS[name])}"
    }


@pytest.mark.parametrize("name", ["photo", "document", "video", "voice"])
def test_a_file_needs_an_address_of_the_web(name: str) -> None:
    assert told("telegram", {name: {"caption": "Hi"}}) == {f"telegram.{name}.url": "is needed"}
    assert list(told("telegram", {name: {"url": "AgACAgIAAx"}})) == [f"telegram.{name}.url"]


@pytest.mark.parametrize("thumb", ["https://cdn.example/t.jpg", 5, True])
def test_a_thumb_is_ignored(thumb: object) -> None:
    assert read_content("telegram", {"photo": {"url": URL, "thumb": thumb}}) == Telegram(photo=Media(URL))


@pytest.mark.parametrize(("latitude", "longitude"), [(90, 180), (-90, -180), (0, 0.0)])
def test_a_place_within_its_bounds_is_taken(latitude: float, longitude: float) -> None:
    place = {"latitude": latitude, "longitude": longitude}
    assert read_content("telegram", {"location": place}) == Telegram(location=Place(latitude, longitude))


@pytest.mark.parametrize(
    ("name", "value"),
    [("latitude", 90.1), ("latitude", -90.1), ("longitude", 180.1), ("longitude", -180.1)]
    + [("latitude", value) for value in ("45", None, True, float("nan"), float("inf"), 10**400)],
    ids=str,
)
def test_a_place_is_two_numbers_within_bounds(name: str, value: object) -> None:
    assert list(told("telegram", {"location": PARTS["location"] | {name: value}})) == [f"telegram.location.{name}"]


def test_there_are_no_buttons() -> None:
    assert list(told("telegram", {"text": PARTS["text"], "buttons": [1]})) == ["telegram.buttons"]


def test_every_problem_is_told() -> None:
    text = {"message": 5, "parseMode": "HTML", "noPreview": 1, "perview": True}
    found = told("telegram", {"silent": 2, "text": text})
    assert set(found) == {
        "telegram.silent",
        *(f"telegram.text.{name}" for name in ("message", "parseMode", "noPreview", "perview")),
    }
