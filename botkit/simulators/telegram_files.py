"""Files of the simulated Telegram: by address, by upload and by id, and the way back to their bytes.

https://core.telegram.org/bots/api#sending-files
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import SplitResult

from msgspec import Struct

from botkit.simulators.telegram_calls import Called, file_id
from botkit.simulators.telegram_parameters import ApiError, Upload, split_url
from botkit.simulators.telegram_state import Download, Page, StoredFile

MEGABYTE = 1024 * 1024
MAX_DOWNLOAD = 20 * MEGABYTE
MAX_UPLOAD = 50 * MEGABYTE
MAX_LOCAL_UPLOAD = 2000 * MEGABYTE
#: A path of getFile works for so many seconds.
DOWNLOAD_SECONDS = 3600
#: A voice message from an address that is larger becomes a document.
MAX_FETCHED_VOICE = MEGABYTE
MAX_PHOTO_SIDES, MAX_PHOTO_RATIO = 10_000, 20


class Media(Struct, frozen=True):
    """What is taken as one kind of file: the types that may be fetched, the bytes, and the type without a word."""

    types: tuple[str, ...]
    default: str
    most_uploaded: int = MAX_UPLOAD
    most_fetched: int = MAX_DOWNLOAD


_IMAGES = ("image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp")
MEDIA: Mapping[str, Media] = {
    "photo": Media(_IMAGES, "image/jpeg", 10 * MEGABYTE, 5 * MEGABYTE),
    "document": Media(("image/gif", "application/pdf", "application/zip"), "application/pdf"),
    "video": Media(("video/mp4",), "video/mp4"),
    "audio": Media(("audio/mpeg", "audio/mp4"), "audio/mpeg"),
    "voice": Media(("audio/ogg",), "audio/ogg"),
    "animation": Media(("image/gif", "video/mp4"), "video/mp4"),
    "video_note": Media((), "video/mp4"),
    "sticker": Media(("image/webp", "video/webm"), "image/webp"),
}
_ENDINGS = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "gif": "image/gif",
    "bmp": "image/bmp",
    "pdf": "application/pdf",
    "zip": "application/zip",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "ogg": "audio/ogg",
    "oga": "audio/ogg",
}
# Uploads of another type than these arrive as documents.
_UPLOADED = {"video": ("video/",), "voice": ("audio/ogg", "audio/mpeg", "audio/mp4"), "audio": ("audio/",)}
_PNG = b"\x89PNG\r\n\x1a\n"


def read_media(call: Called, kind: str, given: str = "") -> dict[str, Any]:
    """Returns the member of a Message that holds the given file, which is remembered. Raises ApiError."""
    given = (given or call.parameters.get(kind)).strip()
    part = given.removeprefix("attach://") if given.startswith("attach://") else "" if given else kind
    upload = call.parameters.uploads.get(part) if part else None
    if upload:
        name, stored = _uploaded(call, kind, upload)
    elif not given:
        raise ApiError(400, f"there is no {kind} in the request")
    elif part:
        raise ApiError(400, "can't parse file identifier: file to upload not found")
    elif known := call.bot.files.get(given):
        if known.kind != kind:
            raise ApiError(400, f"can't use file of type {_title(known.kind)} as {_title(kind)}")
        name, stored = given, known
    else:
        name, stored = file_id(kind, given), _fetched(call, kind, given)
    call.bot.files[name] = stored
    return _shown(call, name, stored)


def _title(kind: str) -> str:
    return kind.title().replace("_", "")


def _uploaded(call: Called, kind: str, upload: Upload) -> tuple[str, StoredFile]:
    size, media = len(upload.content), MEDIA[kind]
    if not size:
        raise ApiError(400, "file must be non-empty")
    if size > (MAX_LOCAL_UPLOAD if call.options.is_local else MAX_UPLOAD):
        raise ApiError(413)
    if size > media.most_uploaded and not call.options.is_local:
        raise ApiError(400, "file is too big")
    mime_type = upload.mime_type
    if "." in upload.name and mime_type in ("", "text/plain", "application/octet-stream"):
        mime_type = _ENDINGS.get(upload.name.lower().rpartition(".")[2], mime_type)
    stored = StoredFile(kind, size, upload.name, mime_type=mime_type, content=upload.content)
    if upload.content.startswith(_PNG):
        stored.width, stored.height = (int.from_bytes(upload.content[at : at + 4]) for at in (16, 20))
    _check_sides(stored)
    if kind in _UPLOADED and not mime_type.startswith(_UPLOADED[kind]):
        stored.kind = "document"
    return file_id(kind, upload.name, size, call.now, len(call.bot.files)), stored


def _fetched(call: Called, kind: str, given: str) -> StoredFile:
    parts = _address(given)
    name = parts.path.rpartition("/")[2]
    media, page = MEDIA[kind], call.options.pages.get(given, Page())
    if page.status != 200 or page.size > media.most_fetched:
        raise ApiError(400, "failed to get HTTP URL content")
    ending = name.lower().rpartition(".")[2] if "." in name else ""
    mime_type = page.mime_type or (_ENDINGS.get(ending, "") if ending else media.default)
    if mime_type not in media.types:
        raise ApiError(400, "wrong type of the web page content")
    is_large_voice = kind == "voice" and page.size > MAX_FETCHED_VOICE
    shown = "document" if is_large_voice else kind
    stored = StoredFile(shown, page.size, name, given, mime_type, width=page.width, height=page.height)
    _check_sides(stored)
    return stored


def _address(given: str) -> SplitResult:
    if "." not in given and "://" not in given:
        raise ApiError(400, "wrong remote file identifier specified: Wrong string length")
    parts = split_url(given)
    if not parts or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ApiError(400, "wrong HTTP URL specified")
    return parts


def _check_sides(stored: StoredFile) -> None:
    sides = sorted((stored.width, stored.height))
    if stored.kind == "photo" and (sum(sides) > MAX_PHOTO_SIDES or sides[1] > sides[0] * MAX_PHOTO_RATIO):
        raise ApiError(400, "PHOTO_INVALID_DIMENSIONS")


def _shown(call: Called, name: str, stored: StoredFile) -> dict[str, Any]:
    """Returns the content of a Message with the file, as its kind shows it."""
    parameters, kind = call.parameters, stored.kind
    size = {"width": stored.width, "height": stored.height}
    reference: dict[str, Any] = {"file_id": name, "file_unique_id": name[-16:], "file_size": stored.size}
    if kind == "photo":
        return {"photo": [reference | size]} | _covered(call)
    if kind == "sticker":
        details = {"type": "regular", "is_animated": False, "is_video": stored.mime_type == "video/webm"}
        return {"sticker": reference | {"width": 512, "height": 512} | details | parameters.filled("emoji")}
    seconds = {"duration": max(parameters.integer("duration", 1), 0)}
    if kind == "video_note":
        return {"video_note": reference | seconds | {"length": parameters.integer("length", 240)}}
    described = reference | {"mime_type": stored.mime_type or MEDIA[kind].default}
    if kind == "document":
        return {"document": described | {"file_name": stored.name}}
    if kind == "voice":
        return {"voice": described | seconds}
    named = described | seconds | ({"file_name": stored.name} if stored.name else {})
    if kind == "audio":
        return {"audio": named | parameters.filled("performer", "title")}
    moving = named | size | parameters.numbers("width", "height")
    if kind == "video":
        return {"video": moving | parameters.numbers("start_timestamp")} | _covered(call)
    return {"animation": moving, "document": described | {"file_name": stored.name}} | _covered(call)


def _covered(call: Called) -> dict[str, Any]:
    return {"has_media_spoiler": True} if call.parameters.is_true("has_spoiler") else {}


def _get_file(call: Called) -> dict[str, Any]:
    name = call.parameters.get("file_id")
    if not name:
        raise ApiError(400, "file_id not specified")
    stored = call.bot.files.get(name)
    if not stored:
        raise ApiError(400, "invalid file_id")
    if stored.size > MAX_DOWNLOAD and not call.options.is_local:
        raise ApiError(400, "file is too big")
    path = f"{stored.kind}s/{name[-8:]}"
    call.bot.downloads[path] = Download(name, call.now + DOWNLOAD_SECONDS)
    return {"file_id": name, "file_unique_id": name[-16:], "file_size": stored.size, "file_path": path}


def read_download(files: Mapping[str, StoredFile], downloads: Mapping[str, Download], path: str, now: float) -> bytes:
    """Returns the bytes behind a path of getFile: noughts, where nobody ever gave them. Raises ApiError."""
    download = downloads.get(path)
    if not download or download.expires_at <= now:
        raise ApiError(404)
    stored = files[download.file_id]
    return stored.content or bytes(stored.size)


#: The methods about files, by their names in lower case.
FILES: Mapping[str, Callable[[Called], Any]] = {"getfile": _get_file}
