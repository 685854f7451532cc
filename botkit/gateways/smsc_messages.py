"""What SMSC can show of our messages, and its bounds.

Everywhere it is plain text. By a bot a picture or a film can go with it, as `<file https://...>` inside the text:
https://smsc.ru/api/http/send/whatsapp/
"""

import re
from collections.abc import Mapping

from msgspec.structs import replace

from botkit.capabilities import Bound, Capabilities, Support
from botkit.exceptions import InvalidRequestError, MessageError
from botkit.gateways.smsc_parameters import MAX_TEXT, problems_of, texts_of
from botkit.messages import AnyMessage, Attachment, Image, Message, Raw, Text, Video
from botkit.rendering import to_plain

_FOREIGN_MARK = re.compile(r"<(?=\s*file\b)", re.IGNORECASE)

#: The calls that are no sends: they put somebody on the blacklist, and take them off it.
STOP, START = "stop", "start"

CAPABILITIES = Capabilities(
    messages={Text: Support.NATIVE},
    text=Bound(MAX_TEXT, lambda formatted: len(to_plain(formatted)), "characters"),
    captions=frozenset({Image, Video}),
    options=frozenset({"ttl"}),
    notes={"ttl": "kept by botkit"},
    missing={
        "time, translit, tinyurl": '`extra={"smsc": {"time": "+30"}}`, or `Raw` with any parameter of a send',
        "contacts, groups, the blacklist": "`botkit.gateways.smsc.SmscContacts`",
        "calls, e-mail, HLR requests": "none",
    },
)
_ADDRESS = "by its https address"
#: What is shown by a way that takes the addresses of files.
WITH_FILES = replace(
    CAPABILITIES,
    messages={**CAPABILITIES.messages, Image: Support.NATIVE, Video: Support.NATIVE},
    caption=Bound(MAX_TEXT, CAPABILITIES.text.measure, "characters with the address"),
    notes={**CAPABILITIES.notes, "Image": _ADDRESS, "Video": _ADDRESS},
)


def capabilities_for(message: AnyMessage, *, takes_files: bool) -> Capabilities:
    """Returns what can be shown of a message: a picture or film with an address that leaves room for its caption."""
    if not takes_files or not _is_file(message):
        return CAPABILITIES
    room = MAX_TEXT - len(_mark(message))
    if room < 0:
        return CAPABILITIES
    shown: Mapping[type[Message], Support] = {**CAPABILITIES.messages, type(message): Support.NATIVE}
    return replace(CAPABILITIES, messages=shown, caption=Bound(room, CAPABILITIES.text.measure, "characters"))


def text_of(message: AnyMessage) -> str:
    """Returns the words of a message, with the mark of its file."""
    if isinstance(message, Attachment):
        return f"{_mark(message)}{to_plain(message.formatted)}".strip()
    return to_plain(message.formatted) if isinstance(message, Text) else message.plain


def parameters_of(message: AnyMessage, *, is_bot: bool) -> dict[str, str]:
    """Returns the parameters of a send that the message itself gives.

    By a bot, only a message's own file is one: what looks like the mark of another among its words is shown.
    """
    if isinstance(message, Raw):
        return texts_of(message.payload)
    mark = _mark(message)
    words = text_of(message).removeprefix(mark)
    if is_bot:
        # One letter for one letter, so that the text stays within its bound.
        words = _FOREIGN_MARK.sub("‹", words)
    return {"mes": f"{mark}{words}", **texts_of(message.extra.get("smsc", {}))}


def check_message(message: AnyMessage, route: Mapping[str, str]) -> None:
    """Returns for a message that SMSC takes. Raises MessageError that names the bound and both numbers."""
    if isinstance(message, Raw):
        return _check_raw(message, route)
    text = text_of(message)
    if len(text) > MAX_TEXT:
        raise MessageError(f"a message has {len(text)} characters; SMSC takes at most {MAX_TEXT}")
    problems = problems_of({"mes": text, **message.extra.get("smsc", {})}, route, path="extra.smsc.")
    if problems:
        raise InvalidRequestError(problems)
    return None


def _check_raw(message: Raw, route: Mapping[str, str]) -> None:
    if message.channel != "smsc":
        raise MessageError(f"a Raw for {message.channel} cannot be sent on smsc")
    if message.method in (STOP, START):
        return
    if message.method not in ("", "send"):
        raise MessageError("a Raw for smsc has no method, or one of send, stop and start")
    members = {name: value for name, value in message.payload.items() if name != "phones"}
    problems = problems_of(members, route)
    if "mes" not in members:
        raise MessageError("a Raw for smsc needs a text, in mes")
    if problems:
        raise InvalidRequestError(problems)


def _is_file(message: AnyMessage) -> bool:
    if not isinstance(message, (Image, Video)):
        return False
    # A ">" would end the mark before its time.
    return message.source.startswith("https://") and ">" not in message.source


def _mark(message: AnyMessage) -> str:
    return f"<file {message.source}>\n" if isinstance(message, Attachment) else ""
