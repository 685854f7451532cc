"""What the simulated Mitto takes as content, at both sides of each bound."""

from typing import Any

import pytest

from botkit.simulators.mitto_contents import FILE_TYPES, VIBER_CONTENTS, Bounds, check_content, check_sender
from botkit.simulators.mitto_refusals import RefusedError

Json = dict[str, Any]

URL = "https://cdn.example/a.png"
BUTTON = {"caption": "Open", "action": "https://shop.example/"}
FILE = {"mediaUrl": "https://cdn.example/i.pdf"}
KEYBOARD = {"Type": "keyboard", "Buttons": [{"ActionBody": "x", "Text": "X"}]}
VIBER_PARTS: dict[str, Json] = {
    "text": {"text": "Hi"},
    "image": {"mediaUrl": URL},
    "text+image": {"text": "Hi", "mediaUrl": URL},
    "text+button": {"text": "Hi", "button": BUTTON},
    "image+button": {"mediaUrl": URL, "button": BUTTON},
    "text+image+button": {"text": "Hi", "mediaUrl": URL, "button": BUTTON},
    "button": {"button": BUTTON},
    "file": {"file": FILE},
    "text+file": {"text": "Hi", "file": FILE},
    "keyboard": {"keyboard": KEYBOARD},
    "nothing": {},
}
#: The table of Mitto's page, said again.
ALLOWED = {
    "transactional": {"text", "keyboard"},
    "session": {"text", "image", "file", "keyboard"},
    "promotional": {"text", "image", "text+button", "text+image+button", "file", "keyboard"},
}


def refusal(via: str, content: Json, bounds: Bounds | None = None) -> str:
    """The path of what is refused with 400, or nothing."""
    try:
        check_content(via, content, bounds or Bounds())
    except RefusedError as error:
        return error.path if error.status == 400 else str(error.status)
    return ""


# SMS


@pytest.mark.parametrize(
    ("sender", "path"),
    [
        ("1", ""),
        ("1" * 16, ""),
        ("1" * 17, "sms.sender"),
        ("+" + "1" * 15, ""),
        ("+" + "1" * 16, "sms.sender"),
        ("+", "sms.sender"),
        ("A", ""),
        ("ABCDEFGHI12", ""),
        ("ABCDEFGHI123", "sms.sender"),
        ("Bot-Kit", "sms.sender"),
        ("Магазин", "sms.sender"),
        ("", "sms.sender"),
        (5, "sms.sender"),
        (None, "sms.sender"),
    ],
)
def test_a_sender_is_sixteen_digits_or_eleven_letters_and_its_plus_counts(sender: object, path: str) -> None:
    assert refusal("sms", {"text": "Hi", "sender": sender}) == path


@pytest.mark.parametrize(("sender", "is_right"), [("ab", False), ("abc", True), ("12", False), ("123", True)])
def test_a_sender_may_have_a_least_length_too(sender: str, is_right: bool) -> None:
    if is_right:
        check_sender(sender, "from", numeric=(3, 14), letters=(3, 11))
    else:
        with pytest.raises(RefusedError):
            check_sender(sender, "from", numeric=(3, 14), letters=(3, 11))


@pytest.mark.parametrize(
    ("sms", "path"),
    [
        ({"text": "Hi"}, ""),
        ({}, "sms.text"),
        ({"text": ""}, "sms.text"),
        ({"text": 1}, "sms.text"),
        ({"text": "Hi", "ttl": 60}, "sms.ttl"),
    ],
)
def test_an_sms_has_a_text_and_maybe_a_sender(sms: Json, path: str) -> None:
    assert refusal("sms", sms) == path


# Viber


@pytest.mark.parametrize("kind", sorted(ALLOWED))
@pytest.mark.parametrize("parts", sorted(VIBER_PARTS))
def test_a_viber_message_is_made_of_what_its_type_allows(kind: str, parts: str) -> None:
    path = "" if parts in ALLOWED[kind] else "viber"
    assert refusal("viber", {"type": kind, **VIBER_PARTS[parts]}) == path


def test_the_table_of_viber_can_be_replaced() -> None:
    bounds = Bounds(viber_contents={**VIBER_CONTENTS, "regular": frozenset({"text"})})
    regular = {"type": "regular", "mediaUrl": URL}
    assert (refusal("viber", regular), refusal("viber", regular, bounds)) == ("", "viber")


@pytest.mark.parametrize("parts", [{}, {"mediaUrl": ""}, {"mediaUrl": None, "button": None}, {"keyboard": KEYBOARD}])
def test_what_is_empty_in_a_viber_message_is_not_there_and_a_keyboard_goes_with_anything(parts: Json) -> None:
    assert refusal("viber", {"type": "transactional", "text": "Hi", **parts}) == ""


@pytest.mark.parametrize(
    ("ttl", "path"),
    [
        (29, "viber.ttl"),
        (30, ""),
        (1_209_600, ""),
        (1_209_601, "viber.ttl"),
        (60.0, "viber.ttl"),
        ("60", "viber.ttl"),
        (True, "viber.ttl"),
        (None, "viber.ttl"),
    ],
)
def test_the_ttl_of_viber_is_thirty_seconds_to_fourteen_days(ttl: object, path: str) -> None:
    assert refusal("viber", {"type": "session", "text": "Hi", "ttl": ttl}) == path


@pytest.mark.parametrize(
    ("file", "path"),
    [
        (FILE, ""),
        ({"mediaUrl": "https://cdn.example/get?id=5", "fileName": "a" * 21 + ".pdf"}, ""),
        ({"mediaUrl": "https://cdn.example/get?id=5", "fileName": "a" * 22 + ".pdf"}, "viber.file.fileName"),
        ({"mediaUrl": "https://cdn.example/get?id=5"}, "viber.file.fileName"),
        ({"mediaUrl": "https://cdn.example/" + "a" * 21 + ".pdf"}, ""),
        ({"mediaUrl": "https://cdn.example/" + "a" * 22 + ".pdf"}, "viber.file.fileName"),
        ({"mediaUrl": "https://cdn.example/i.exe"}, "viber.file.fileName"),
        ({"mediaUrl": "https://[cdn/i.pdf"}, "viber.file.mediaUrl"),
        ({"mediaUrl": "https://cdn.example/i.exe", "fileName": "i.pdf"}, ""),
        ({"mediaUrl": "https://cdn.example/i.pdf", "fileName": "i.exe"}, "viber.file.fileName"),
        ({"mediaUrl": "https://cdn.example/i.pdf", "fileName": ""}, "viber.file.fileName"),
        ({"fileName": "i.pdf"}, "viber.file.mediaUrl"),
        ({"mediaUrl": "ftp://cdn.example/i.pdf"}, "viber.file.mediaUrl"),
        ({**FILE, "size": 5}, "viber.file.size"),
        ("i.pdf", "viber.file"),
    ],
)
def test_a_file_of_viber_has_a_name_of_at_most_25_characters_or_an_address_with_one(file: object, path: str) -> None:
    assert refusal("viber", {"type": "session", "file": file}) == path


@pytest.mark.parametrize("ending", sorted(FILE_TYPES))
def test_every_listed_type_of_file_is_taken_in_capitals_as_well(ending: str) -> None:
    assert refusal("viber", {"type": "session", "file": {**FILE, "fileName": f"a.{ending.upper()}"}}) == ""


@pytest.mark.parametrize(
    ("viber", "path"),
    [
        ({"text": "x" * 1000}, ""),
        ({"text": "x" * 1001}, "viber.text"),
        ({"text": 5}, "viber.text"),
        ({"type": "Session"}, "viber.type"),
        ({"type": None}, "viber.type"),
        ({"text": None, "mediaUrl": "cdn.example/a.png"}, "viber.mediaUrl"),
        ({"text": None, "mediaUrl": "https://cdn.example/a b.png"}, "viber.mediaUrl"),
        ({"type": "promotional", "button": {**BUTTON, "caption": ""}}, "viber.button.caption"),
        ({"type": "promotional", "button": {**BUTTON, "action": "shop.example"}}, "viber.button.action"),
        ({"type": "promotional", "button": {**BUTTON, "action": "viber://pa?chatURI=x"}}, ""),
        ({"type": "promotional", "button": {"caption": "Open"}}, "viber.button.action"),
        ({"keyboard": {"Type": "keyboard", "Buttons": []}}, "viber.keyboard"),
        ({"keyboard": {**KEYBOARD, "BgColor": "red"}}, "viber.keyboard"),
        ({"buttons": []}, "viber.buttons"),
    ],
)
def test_each_member_of_a_viber_message_has_its_bounds(viber: Json, path: str) -> None:
    assert refusal("viber", {"type": "session", "text": "Hi", **viber}) == path


def test_the_length_of_a_text_of_viber_can_be_set() -> None:
    viber = {"type": "session", "text": "x" * 1001}
    assert refusal("viber", viber, Bounds(viber_text=1001)) == ""


# Telegram


def text(message: object, **more: object) -> Json:
    return {"text": {"message": message, **more}}


@pytest.mark.parametrize(
    ("telegram", "path"),
    [
        (text("x"), ""),
        (text("x" * 4096), ""),
        (text("x" * 4097), "telegram.text.message"),
        (text("<b>" + "x" * 4096 + "</b>", parseMode="Html"), ""),
        (text("<b>" + "x" * 4097 + "</b>", parseMode="Html"), "telegram.text.message"),
        (text("😀" * 2048), ""),
        (text("😀" * 2049), "telegram.text.message"),
        (text(""), "telegram.text.message"),
        (text("<b></b>", parseMode="Html"), "telegram.text.message"),
        (text(5), "telegram.text.message"),
        ({"text": {}}, "telegram.text.message"),
        (text("x", noPreview=True), ""),
        (text("x", noPreview="yes"), "telegram.text.noPreview"),
        (text("x", entities=[]), "telegram.text.entities"),
        ({**text("x"), "silent": True}, ""),
        ({**text("x"), "silent": 1}, "telegram.silent"),
        ({**text("x"), "buttons": []}, "telegram.buttons"),
        ({"silent": True}, "telegram"),
        ({**text("x"), "location": {"latitude": 1, "longitude": 1}}, "telegram"),
        ({"text": "x"}, "telegram.text"),
    ],
)
def test_a_telegram_message_is_one_content_and_its_text_is_counted_without_marks(telegram: Json, path: str) -> None:
    assert refusal("telegram", telegram) == path


@pytest.mark.parametrize("mode", ["Default", "Markdown", "Html", "MarkdownV2"])
def test_a_mode_is_spelled_in_four_ways(mode: str) -> None:
    assert refusal("telegram", text("x", parseMode=mode)) == ""


@pytest.mark.parametrize("mode", ["HTML", "default", "", None, []])
def test_a_mode_of_another_spelling_is_refused(mode: object) -> None:
    assert refusal("telegram", text("x", parseMode=mode)) == "telegram.text.parseMode"


@pytest.mark.parametrize(("message", "mode"), [("<b>x", "Html"), ("*x", "MarkdownV2"), ("*x", "Markdown")])
def test_marks_that_telegram_cannot_read_are_refused_unless_the_text_is_plain(message: str, mode: str) -> None:
    assert refusal("telegram", text(message, parseMode=mode)) == "telegram.text.message"
    assert refusal("telegram", text(message)) == ""


@pytest.mark.parametrize("kind", ["photo", "document", "video", "voice"])
@pytest.mark.parametrize(
    ("file", "path"),
    [
        ({"caption": "x" * 1024}, ""),
        ({"caption": ""}, ""),
        ({"caption": "x" * 1025}, "caption"),
        ({"caption": "<b>x</b>", "parseMode": "Html"}, ""),
        ({"parseMode": "html"}, "parseMode"),
        ({"thumb": "x"}, ""),
        ({"url": "file:///etc/passwd"}, "url"),
        ({"url": None}, "url"),
        ({"size": 5}, "size"),
    ],
)
def test_a_file_of_telegram_has_an_address_and_a_caption(kind: str, file: Json, path: str) -> None:
    found = refusal("telegram", {kind: {"url": "https://cdn.example/get", **file}})
    assert found == (path and f"telegram.{kind}.{path}")


@pytest.mark.parametrize(
    ("kind", "ending", "is_right"),
    [
        ("document", "pdf", True),
        ("document", "ZIP", True),
        ("document", "gif", True),
        ("document", "docx", False),
        ("video", "mp4", True),
        ("video", "avi", False),
        ("voice", "ogg", True),
        ("voice", "mp3", True),
        ("voice", "wav", False),
        ("photo", "jpg", True),
        ("photo", "pdf", False),
    ],
)
def test_telegram_fetches_files_of_few_types(kind: str, ending: str, is_right: bool) -> None:
    found = refusal("telegram", {kind: {"url": f"https://cdn.example/a.{ending}?v=1"}})
    assert found == ("" if is_right else f"telegram.{kind}.url")


@pytest.mark.parametrize(
    ("place", "path"),
    [
        ({"latitude": 90, "longitude": -180}, ""),
        ({"latitude": 90.1, "longitude": 0}, "telegram.location.latitude"),
        ({"latitude": 0, "longitude": -180.1}, "telegram.location.longitude"),
        ({"latitude": "45", "longitude": 0}, "telegram.location.latitude"),
        ({"latitude": True, "longitude": 0}, "telegram.location.latitude"),
        ({"latitude": 0}, "telegram.location.longitude"),
        ({"latitude": 0, "longitude": 0, "title": "x"}, "telegram.location.title"),
    ],
)
def test_a_place_is_two_numbers_on_the_earth(place: Json, path: str) -> None:
    assert refusal("telegram", {"location": place}) == path


# WhatsApp


@pytest.mark.parametrize(
    ("whatsapp", "path"),
    [
        ({"type": "regular", "regular": {"type": "text", "text": "Hi"}}, ""),
        ({"type": "regular", "regular": {"type": "text", "text": "x" * 4096}}, ""),
        ({"type": "regular", "regular": {"type": "text", "text": "x" * 4097}}, "whatsapp.regular.text"),
        ({"type": "regular", "regular": {"type": "text", "text": ""}}, "whatsapp.regular.text"),
        ({"type": "regular", "regular": {"type": "image", "text": "Hi"}}, "whatsapp.regular.type"),
        ({"type": "regular", "regular": {"type": "image", "image": {"url": URL}}}, ""),
        ({"type": "template", "template": {"type": "body", "body": {}}}, ""),
        ({"type": "template", "regular": {"type": "text", "text": "Hi"}}, "whatsapp.type"),
        ({"type": "regular", "regular": "Hi"}, "whatsapp.regular"),
        ({"type": "regular", "regular": {"text": "Hi"}}, "whatsapp.regular.type"),
        ({"type": "type"}, "whatsapp.type"),
        ({"regular": {"type": "text", "text": "Hi"}}, "whatsapp.type"),
        ({"type": "regular", "regular": {"type": "text", "text": "Hi"}, "template": {}}, "whatsapp.template"),
    ],
)
def test_each_tag_of_whatsapp_names_the_member_beside_it(whatsapp: Json, path: str) -> None:
    assert refusal("whatsapp", whatsapp) == path
