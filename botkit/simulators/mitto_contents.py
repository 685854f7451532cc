"""What the simulated Mitto takes as the content of a message, network by network."""

import re
from collections.abc import Callable, Mapping
from posixpath import basename, splitext
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from botkit.formatting import utf16_length
from botkit.simulators.mitto_fields import (
    Json,
    check_flag,
    check_names,
    is_url,
    join,
    read_object,
    read_text,
    read_url,
    read_whole,
)
from botkit.simulators.mitto_gbm import check_gbm
from botkit.simulators.mitto_refusals import invalid
from botkit.simulators.telegram_html import parse_html
from botkit.simulators.telegram_markdown import parse_markdown_v2, parse_old_markdown
from botkit.simulators.telegram_parameters import ApiError
from botkit.simulators.viber_keyboards import check_keyboard
from botkit.simulators.viber_refusals import RefusedError as ViberRefusedError

_NUMERIC = re.compile(r"\+?[0-9]+")
_ALPHANUMERIC = re.compile(r"[A-Za-z0-9]+")
_ACTION = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")

#: What a Viber message of each type may be made of; of `regular` it is not known what it is for.
VIBER_CONTENTS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "transactional": frozenset({"text", "keyboard"}),
        "session": frozenset({"text", "image", "file", "keyboard"}),
        "promotional": frozenset({"text", "image", "text+button", "text+image+button", "file", "keyboard"}),
        "regular": frozenset({"text", "image", "text+button", "text+image+button", "file", "keyboard"}),
    }
)
FILE_TYPES = frozenset(
    {
        *("doc", "docx", "rtf", "dot", "dotx", "odt", "odf", "fodt", "txt", "info"),
        *("pdf", "xps", "pdax", "eps", "xls", "xlsx", "ods", "fods", "csv", "xlsm", "xltx"),
    }
)
#: The types of file that Telegram fetches, by the end of the address; an address without such an end is not judged.
_TELEGRAM_TYPES: Mapping[str, frozenset[str]] = {
    "photo": frozenset({"jpg", "jpeg", "png", "webp", "gif", "bmp"}),
    "document": frozenset({"gif", "pdf", "zip"}),
    "video": frozenset({"mp4", "ogg"}),
    "voice": frozenset({"ogg", "oga", "opus", "mp3"}),
}
_MODES: Mapping[str, Callable[[str], str]] = {
    "Default": lambda text: text,
    "Markdown": lambda text: parse_old_markdown(text)[0],
    "Html": lambda text: parse_html(text)[0],
    "MarkdownV2": lambda text: parse_markdown_v2(text)[0],
}
MAX_TEXT = 4096
MAX_CAPTION = 1024


class Bounds(Struct, frozen=True):
    """What is not the same in all that is known of Mitto: the numbers, the table and the member to go by."""

    viber_text: int = 1000
    viber_contents: Mapping[str, frozenset[str]] = VIBER_CONTENTS
    destinations: int = 5000
    takes_reference: bool = False


def check_content(via: str, content: Json, bounds: Bounds) -> None:
    """Checks what a message says on a network. Raises RefusedError at the first thing that Mitto would not take."""
    if via == "viber":
        _check_viber(content, bounds)
    else:
        _CHECKS[via](content)


def shown_telegram(text: str, mode: str, path: str = "telegram") -> str:
    """Returns a Telegram text as people see it. Raises RefusedError for marks that Telegram cannot read."""
    try:
        return _MODES[mode](text).strip()
    except ApiError as error:
        raise invalid(error.text, path) from None


def _check_sms(sms: Json) -> None:
    check_names(sms, {"text", "sender"}, "sms")
    read_text(sms, "text", "sms")
    if "sender" in sms:
        check_sender(read_text(sms, "sender", "sms"), "sms.sender", numeric=(1, 16), letters=(1, 11))


def check_sender(sender: str, path: str, *, numeric: tuple[int, int], letters: tuple[int, int]) -> None:
    """Checks a sender, whose plus counts, by the lengths of numbers and of names. Raises RefusedError."""
    form = numeric if _NUMERIC.fullmatch(sender) else letters
    if form is letters and not _ALPHANUMERIC.fullmatch(sender):
        raise invalid("a number, or letters and digits of the Latin alphabet are required", path)
    if not form[0] <= len(sender) <= form[1]:
        raise invalid(f"it has {len(sender)} characters, {form[0]} to {form[1]} are allowed", path)


# Viber


def _check_viber(viber: Json, bounds: Bounds) -> None:
    check_names(viber, {"type", "text", "mediaUrl", "button", "file", "ttl", "keyboard"}, "viber")
    kind = read_text(viber, "type", "viber")
    if kind not in bounds.viber_contents:
        raise invalid(f"one of {', '.join(bounds.viber_contents)} is required", "viber.type")
    parts = viber_parts(viber)
    if "text" in parts:
        read_text(viber, "text", "viber", most=bounds.viber_text)
    if "image" in parts:
        read_url(viber, "mediaUrl", "viber")
    if "button" in parts:
        _check_button(read_object(viber, "button", "viber"))
    if "file" in parts:
        _check_file(read_object(viber, "file", "viber"))
    if "keyboard" in viber:
        _check_keyboard(viber["keyboard"])
    if "ttl" in viber:
        read_whole(viber, "ttl", "viber", 30, 1_209_600)
    if ("+".join(parts) or "keyboard" * ("keyboard" in viber)) not in bounds.viber_contents[kind]:
        raise invalid(f"a {kind} message cannot be made of {' and '.join(parts) or 'nothing'}", "viber")


def viber_parts(viber: Json) -> list[str]:
    """Returns what a Viber message is made of, in one order; an empty address of an image is none."""
    members = (("text", "text"), ("image", "mediaUrl"), ("button", "button"), ("file", "file"))
    return [part for part, name in members if viber.get(name) not in (None, "")]


def _check_button(button: Json) -> None:
    check_names(button, {"caption", "action"}, "viber.button")
    read_text(button, "caption", "viber.button")
    if not _ACTION.fullmatch(read_text(button, "action", "viber.button")):
        raise invalid("an address is required", "viber.button.action")


def _check_file(file: Json) -> None:
    check_names(file, {"mediaUrl", "fileName"}, "viber.file")
    url = read_url(file, "mediaUrl", "viber.file")
    name = read_text(file, "fileName", "viber.file") if "fileName" in file else file_name(url)
    if len(name) > 25:
        raise invalid(f"the name has {len(name)} characters, at most 25", "viber.file.fileName")
    if _ending(name) not in FILE_TYPES:
        raise invalid("a name with the ending of a known type is required", "viber.file.fileName")


def _check_keyboard(keyboard: Any) -> None:
    try:
        problem = check_keyboard(keyboard, "keyboard", float("inf"))
    except ViberRefusedError as error:
        problem = error.text
    if problem:
        raise invalid(problem, "viber.keyboard")


# Telegram


def _check_telegram(telegram: Json) -> None:
    check_names(telegram, {"silent", *_TELEGRAM}, "telegram")
    check_flag(telegram, "silent", "telegram")
    given = [name for name in _TELEGRAM if name in telegram]
    if len(given) != 1:
        raise invalid(f"exactly one of {', '.join(_TELEGRAM)} is required, {len(given)} are there", "telegram")
    _TELEGRAM[given[0]](read_object(telegram, given[0], "telegram"), f"telegram.{given[0]}")


def _check_telegram_text(text: Json, path: str) -> None:
    check_names(text, {"message", "parseMode", "noPreview"}, path)
    check_flag(text, "noPreview", path)
    _check_formatted(text, "message", path, MAX_TEXT)
    read_text(text, "message", path)


def _check_telegram_file(file: Json, path: str) -> None:
    check_names(file, {"url", "caption", "parseMode", "thumb"}, path)
    ending = _ending(file_name(read_url(file, "url", path)))
    types = _TELEGRAM_TYPES[path.rpartition(".")[2]]
    if ending and ending not in types:
        raise invalid(f"one of {', '.join(sorted(types))} is required", join(path, "url"))
    _check_formatted(file, "caption", path, MAX_CAPTION)


def _check_formatted(body: Json, name: str, path: str, most: int) -> None:
    mode = body.get("parseMode", "Default")
    if not isinstance(mode, str) or mode not in _MODES:
        raise invalid(f"one of {', '.join(_MODES)} is required", join(path, "parseMode"))
    if name not in body:
        return
    raw = read_text(body, name, path, least=0)
    shown = shown_telegram(raw, mode, join(path, name))
    if raw and not shown:
        raise invalid("the text is empty", join(path, name))
    if utf16_length(shown) > most:
        raise invalid(f"the text has {utf16_length(shown)} characters, at most {most}", join(path, name))


def _check_location(location: Json, path: str) -> None:
    check_names(location, {"latitude", "longitude"}, path)
    for name, most in (("latitude", 90), ("longitude", 180)):
        value = location.get(name)
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not -most <= value <= most:
            raise invalid(f"a number from -{most} to {most} is required", join(path, name))


_TELEGRAM: Mapping[str, Callable[[Json, str], None]] = {
    "text": _check_telegram_text,
    "photo": _check_telegram_file,
    "document": _check_telegram_file,
    "video": _check_telegram_file,
    "voice": _check_telegram_file,
    "location": _check_location,
}


# WhatsApp


def _check_whatsapp(whatsapp: Json) -> None:
    """Follows the two tags: each names the member that it stands beside. Only texts are known more closely."""
    inside = _tagged(whatsapp, "whatsapp")
    path = f"whatsapp.{whatsapp['type']}"
    if not isinstance(inside, dict):
        raise invalid("an object is required", path)
    content = _tagged(inside, path)
    if inside["type"] == "text" and not (isinstance(content, str) and 0 < len(content) <= MAX_TEXT):
        raise invalid(f"a text of 1 to {MAX_TEXT} characters is required", f"{path}.text")


def _tagged(body: Json, path: str) -> Any:
    tag = read_text(body, "type", path)
    if tag == "type" or tag not in body:
        raise invalid("the member that the type names is missing", join(path, "type"))
    check_names(body, {"type", tag}, path)
    return body[tag]


def file_name(url: str) -> str:
    """Returns the last part of an address's path."""
    return basename(unquote(urlsplit(url).path)) if is_url(url) else ""


def _ending(name: str) -> str:
    return splitext(name)[1].removeprefix(".").lower()


_CHECKS: Mapping[str, Callable[[Json], None]] = {
    "sms": _check_sms,
    "gbm": check_gbm,
    "telegram": _check_telegram,
    "whatsapp": _check_whatsapp,
}
