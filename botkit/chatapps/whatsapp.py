"""The object `whatsapp` of a request to send: a form, and in it a kind of content, each named by a `type`.

https://docs.mitto.ch/
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from botkit.chatapps.reading import Reader


class WhatsApp(Struct, frozen=True):
    """A message in one of WhatsApp's forms: `body` is the member that `type` names.

    Of the form `regular` with a text all is known. Other forms go as they are.
    """

    type: str
    body: Mapping[str, Any]

    @property
    def text(self) -> str:
        """The words of a regular text, else nothing."""
        is_text = self.type == "regular" and self.body.get("type") == "text"
        return str(self.body.get("text", "")) if is_text else ""


def read_whatsapp(reader: Reader) -> WhatsApp:
    """Returns what the object says; its problems are the reader's."""
    form = reader.text("type", is_required=True)
    if not form:
        return WhatsApp("", {})
    if form == "type":
        reader.refuse("type", "names another member than itself")
        return WhatsApp(form, {})
    body = reader.member(form, is_required=True)
    return WhatsApp(form, _read_body(body, form) if body else {})


def _read_body(reader: Reader, form: str) -> Mapping[str, Any]:
    kind = reader.text("type", is_required=True)
    if kind == "type" or (kind and kind not in reader):
        reader.refuse("type", "names the member beside it that holds the content")
    if form != "regular" or kind != "text":
        return reader.members
    text = reader.text("text", is_required=True)
    reader.finish()
    return {"type": kind, "text": text}
