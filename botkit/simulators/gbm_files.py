"""What Business Messages asks of the files that a message names by their addresses."""

from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from botkit.simulators.gbm_checks import invalid

#: The largest files, in bytes.
MAX_IMAGE = 5 * 1024 * 1024
MAX_THUMBNAIL = 25 * 1024
MAX_AVATAR = 50 * 1024

TYPES = frozenset({"image/jpeg", "image/jpg", "image/png"})

#: Where Google keeps what people send.
PICTURES_HOST = "storage.googleapis.com"
# The smallest picture there is: one grey point.
_PICTURE = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==")


class File(Struct, frozen=True):
    """What an address holds: its content type and its size in bytes."""

    type: str = "image/png"
    size: int = 1024


async def _picture(request: Request) -> Response:
    return Response(_PICTURE, media_type="image/png")


#: Every address there is a picture.
PICTURES = Starlette(routes=[Route("/{path:path}", _picture)])


def check_files(body: Mapping[str, Any], files: Mapping[str, File], *, takes_webp: bool) -> None:
    """Checks the files of a well-formed message or event that `files` knows; of others nothing is known.

    Raises CallRefusedError for a type or size that the service does not take.
    """
    types = TYPES | {"image/webp"} if takes_webp else TYPES
    for where, url, most in _addresses(body):
        file = files.get(url)
        if file and file.type not in types:
            raise invalid(f"{where} must be a JPEG or PNG image.")
        if file and file.size > most:
            raise invalid(f"{where} has {file.size} bytes, the maximum is {most}.")


def _addresses(body: Mapping[str, Any]) -> Iterator[tuple[str, str, int]]:
    yield "avatar_image", body.get("representative", {}).get("avatarImage", ""), MAX_AVATAR
    for contents in _contents(body):
        yield "file_url", contents["fileUrl"], MAX_IMAGE
        yield "thumbnail_url", contents.get("thumbnailUrl", ""), MAX_THUMBNAIL


def _contents(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if "image" in body:
        yield body["image"]["contentInfo"]
    for card in card_contents(body):
        if "media" in card:
            yield card["media"]["contentInfo"]


def card_contents(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Returns the cards of a well-formed message, in order."""
    card = body.get("richCard", {})
    if "standaloneCard" in card:
        return [card["standaloneCard"]["cardContent"]]
    return list(card.get("carouselCard", {}).get("cardContents", []))
