"""The object `whatsapp`: a form, and in it a kind of content, each named by a `type`."""

from typing import Any

import pytest

from botkit.chatapps.contents import encode_content, read_content
from botkit.chatapps.whatsapp import WhatsApp
from tests.chatapps.requests_sent import told

HELLO: dict[str, Any] = {"type": "regular", "regular": {"type": "text", "text": "Hello"}}


def test_a_regular_text_is_read() -> None:
    content = read_content("whatsapp", HELLO)
    assert content == WhatsApp("regular", {"type": "text", "text": "Hello"})
    assert isinstance(content, WhatsApp)
    assert content.text == "Hello"


def test_a_form_that_is_not_known_goes_as_it_is() -> None:
    form: dict[str, Any] = {"type": "template", "template": {"type": "media", "media": {"name": "a"}, "to": [1]}}
    content = read_content("whatsapp", form)
    assert isinstance(content, WhatsApp)
    assert encode_content(content) == form
    assert content.text == ""


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"type": None}, "whatsapp.type"),
        ({"type": 5}, "whatsapp.type"),
        ({"type": "template"}, "whatsapp.template"),
        ({"type": "type"}, "whatsapp.type"),
        ({"regular": "Hello"}, "whatsapp.regular"),
        ({"regular": {"type": "text"}}, "whatsapp.regular.type"),
        ({"regular": {"text": "Hello"}}, "whatsapp.regular.type"),
        ({"regular": {"type": "image", "text": "Hello"}}, "whatsapp.regular.type"),
        ({"regular": {"type": "type"}}, "whatsapp.regular.type"),
        ({"regular": {"type": "text", "text": 5}}, "whatsapp.regular.text"),
        ({"regular": {"type": "text", "text": "Hello", "txt": 1}}, "whatsapp.regular.txt"),
        ({"template": {"type": "text"}}, "whatsapp.template"),
    ],
    ids=str,
)
def test_each_type_names_the_member_beside_it(change: dict[str, Any], path: str) -> None:
    assert path in told("whatsapp", HELLO | change)
