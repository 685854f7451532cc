"""The object `viber`: what may stand together by type, and the bounds of each member."""

from itertools import combinations
from typing import Any

import pytest

from botkit.chatapps.contents import read_content
from botkit.chatapps.viber import FORMATS, MAX_FILE_NAME, TYPES, Button, File, Viber
from tests.chatapps.requests_sent import told

PARTS: dict[str, Any] = {
    "text": "Sale today",
    "mediaUrl": "https://cdn.example/a.png",
    "button": {"caption": "Open", "action": "https://shop.example/"},
    "file": {"mediaUrl": "https://cdn.example/i.pdf"},
}
#: The table of the documentation; `regular` is not in it and takes all of it.
TABLE: dict[str, set[tuple[str, ...]]] = {
    "transactional": {("text",)},
    "session": {("text",), ("mediaUrl",), ("file",)},
    "promotional": {("text",), ("mediaUrl",), ("file",), ("text", "button"), ("text", "mediaUrl", "button")},
}
TABLE["regular"] = TABLE["promotional"]
COMBINATIONS = [names for count in range(1, 5) for names in combinations(PARTS, count)]


def offer(**members: Any) -> dict[str, Any]:
    return {"type": "promotional", "text": "Sale", "button": PARTS["button"]} | members


def filed(**members: Any) -> dict[str, Any]:
    return {"type": "session", "file": {"mediaUrl": "https://cdn.example/i.pdf"} | members}


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("names", COMBINATIONS, ids="+".join)
def test_each_type_takes_what_the_table_says_and_nothing_else(kind: str, names: tuple[str, ...]) -> None:
    found = told("viber", {"type": kind} | {name: PARTS[name] for name in names})
    assert not found if names in TABLE[kind] else list(found) == ["viber"]


def test_what_does_not_stand_together_is_told_with_what_does() -> None:
    found = told("viber", {"type": "transactional", "text": "Hi", "button": PARTS["button"]})
    assert found == {"viber": "transactional takes text; not text and button"}


def test_nothing_at_all_is_told() -> None:
    assert told("viber", {"type": "session"}) == {
        "viber": "has one of text, mediaUrl, button, file, keyboard, not none"
    }


@pytest.mark.parametrize("blank", ["", None])
def test_a_blank_image_is_none(blank: object) -> None:
    assert read_content("viber", {"type": "regular", "text": "Hi", "mediaUrl": blank}) == Viber("regular", text="Hi")


@pytest.mark.parametrize("kind", [None, "Session", "bulk", 1])
def test_the_type_is_one_of_four_spelled_so(kind: object) -> None:
    assert list(told("viber", {"type": kind, "text": "Hi"})) == ["viber.type"]


@pytest.mark.parametrize(("ttl", "is_good"), [(29, False), (30, True), (1_209_600, True), (1_209_601, False)])
def test_a_ttl_is_30_seconds_to_14_days(ttl: int, is_good: bool) -> None:
    found = told("viber", {"type": "session", "text": "Hi", "ttl": ttl})
    assert found == ({} if is_good else {"viber.ttl": f"is 30 to 1,209,600, not {ttl:,}"})


@pytest.mark.parametrize("ttl", [60.0, "60", True])
def test_a_ttl_is_a_whole_number(ttl: object) -> None:
    assert told("viber", {"type": "session", "text": "Hi", "ttl": ttl}) == {"viber.ttl": "is a whole number"}


@pytest.mark.parametrize("action", ["https://shop.example/", "viber://pa?chatURI=shop", "tel:+38591", "app.shop:open"])
def test_a_button_opens_an_address_of_any_scheme(action: str) -> None:
    content = read_content("viber", offer(button={"caption": "Open", "action": action}))
    assert content == Viber("promotional", text="Sale", button=Button("Open", action))


@pytest.mark.parametrize("action", ["shop.example", "https://shop.example/a b", "https:", "://shop", 5])
def test_a_button_without_an_address_is_refused(action: object) -> None:
    assert list(told("viber", offer(button={"caption": "Open", "action": action}))) == ["viber.button.action"]


def test_a_button_needs_both_its_members() -> None:
    assert told("viber", offer(button={"caption": "Open"})) == {"viber.button.action": "is needed"}
    assert told("viber", offer(button={"action": "https://a.example"})) == {"viber.button.caption": "is needed"}
    assert told("viber", offer(button={"caption": "a", "action": "https://a.example", "actoin": 1})) == {
        "viber.button.actoin": "there is no such member here; did you mean action?"
    }


@pytest.mark.parametrize(
    "url", ["cdn.example/a.png", "ftp://cdn.example/a.png", "https://cdn.example/a b.png", "https://"]
)
def test_an_image_has_an_address_of_the_web(url: str) -> None:
    assert list(told("viber", {"type": "session", "mediaUrl": url})) == ["viber.mediaUrl"]


@pytest.mark.parametrize("extension", [*FORMATS, "PDF"])
def test_a_file_of_each_known_format_is_taken(extension: str) -> None:
    assert told("viber", filed(fileName=f"a.{extension}")) == {}
    assert told("viber", filed(mediaUrl=f"https://cdn.example/a.{extension}?v=1")) == {}


@pytest.mark.parametrize("name", ["a.exe", "a.png", "invoice", ".pdf", "a.pdf/"])
def test_a_file_of_no_known_format_is_refused(name: str) -> None:
    assert list(told("viber", filed(fileName=name))) == ["viber.file.fileName"]


def test_a_file_s_name_has_at_most_25_characters() -> None:
    assert told("viber", filed(fileName="a" * 21 + ".pdf")) == {}
    rule = "has at most 25 characters, not 26"
    assert told("viber", filed(fileName="a" * 22 + ".pdf")) == {"viber.file.fileName": rule}


@pytest.mark.parametrize("path", ["a" * 21 + ".pdf", "folder.v1/i.pdf", "%C4%8D.pdf"])
def test_the_name_is_optional_where_the_address_ends_in_a_usable_one(path: str) -> None:
    assert told("viber", filed(mediaUrl=f"https://cdn.example/{path}")) == {}


@pytest.mark.parametrize("path", ["", "a" * 22 + ".pdf", "download?id=5", "i.exe", "i.pdf/"])
def test_the_name_is_needed_where_the_address_ends_in_none(path: str) -> None:
    url = f"https://cdn.example/{path}"
    assert list(told("viber", filed(mediaUrl=url))) == ["viber.file.fileName"]
    assert told("viber", filed(mediaUrl=url, fileName="i.pdf")) == {}


def test_an_address_that_cannot_be_taken_apart_is_told_once() -> None:
    assert list(told("viber", {"type": "session", "file": {"mediaUrl": "https://[a/b.pdf"}})) == ["viber.file.mediaUrl"]


def test_the_name_of_a_file_is_its_own_else_the_address_s() -> None:
    assert File("https://cdn.example/a/%C4%8D.pdf").name == "č.pdf"
    assert File("https://cdn.example/a.pdf", "b.pdf").name == "b.pdf"
    assert MAX_FILE_NAME == 25


KEY = {"Columns": 6, "Rows": 1, "ActionType": "reply", "ActionBody": "yes", "Text": "Yes"}


def with_keyboard(*keys: object, **members: Any) -> dict[str, Any]:
    return {"type": "session", "keyboard": {"Type": "keyboard", "Buttons": list(keys)} | members}


def test_a_keyboard_goes_with_anything_or_alone_as_it_is() -> None:
    alone = with_keyboard(KEY, BgColor="#ffffff")
    assert read_content("viber", alone) == Viber("session", keyboard=alone["keyboard"])
    for name in ("text", "mediaUrl", "file"):
        assert told("viber", alone | {name: PARTS[name]}) == {}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"Columns": 0}, "Columns"),
        ({"Columns": 7}, "Columns"),
        ({"Rows": 0}, "Rows"),
        ({"Rows": 3}, "Rows"),
        ({"ActionType": "jump"}, "ActionType"),
        ({"ActionBody": ""}, "ActionBody"),
        ({"Text": "x" * 251}, "Text"),
    ],
)
def test_a_bad_key_is_told_by_its_number(change: dict[str, Any], path: str) -> None:
    assert list(told("viber", with_keyboard(KEY, KEY | change))) == [f"viber.keyboard.Buttons[1].{path}"]


@pytest.mark.parametrize(
    "change",
    [{"Columns": 1}, {"Rows": 2}, {"Text": "x" * 250}, {"Columns": None}, {"ActionType": "none", "ActionBody": ""}],
    ids=str,
)
def test_a_key_at_its_bounds_is_taken(change: dict[str, Any]) -> None:
    assert told("viber", with_keyboard(KEY | change)) == {}


def test_a_keyboard_has_at_most_144_keys() -> None:
    assert told("viber", with_keyboard(*[KEY] * 144)) == {}
    assert list(told("viber", with_keyboard(*[KEY] * 145))) == ["viber.keyboard.Buttons"]


def test_a_keyboard_needs_its_type_and_a_key() -> None:
    assert told("viber", {"type": "session", "keyboard": {"Type": "keyboard", "Buttons": []}}) == {
        "viber.keyboard.Buttons": "is needed"
    }
    assert told("viber", {"type": "session", "keyboard": {"Buttons": [KEY]}}) == {"viber.keyboard.Type": "is needed"}
    assert list(told("viber", with_keyboard("Yes"))) == ["viber.keyboard.Buttons[0]"]


def test_every_problem_is_told() -> None:
    found = told(
        "viber",
        {"type": "promo", "ttl": 5, "text": 7, "mediaUrl": "x", "button": {"caption": "a"}, "file": [], "media": 1},
    )
    assert set(found) == {
        *("viber.type", "viber.ttl", "viber.text", "viber.mediaUrl", "viber.button.action", "viber.media"),
    }
