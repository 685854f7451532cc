"""Files of ours on their way to a service: read when they are sent, recognised when they were sent before."""

import asyncio
import hashlib
import mimetypes
from pathlib import Path

from botkit.exceptions import MessageError
from botkit.http_client import Upload
from botkit.messages import Attachment


def file_name(attachment: Attachment) -> str:
    """Returns the name that a file goes by: its own, or that of its path, or its kind."""
    return attachment.name or Path(attachment.path).name or type(attachment).__name__.lower()


def upload_size(attachment: Attachment) -> int:
    """Returns the bytes of a file of ours. Raises MessageError when there is no such file, or it is empty."""
    size = len(attachment.content) or _size_on_disk(attachment.path)
    if not size:
        raise MessageError(f"the file of {_article(attachment)} is empty", fix="give it some content")
    return size


async def load_upload(attachment: Attachment) -> Upload:
    """Reads a file of ours, from the disk in a thread. Raises MessageError when it is not there any more."""
    name = file_name(attachment)
    mime = mimetypes.guess_type(name)[0] or "application/octet-stream"
    content = attachment.content or await asyncio.to_thread(_read, attachment)
    return Upload(name, content, mime)


def fingerprint(upload: Upload) -> str:
    """Returns what the same bytes under the same name always have, 32 characters."""
    return hashlib.blake2b(upload.name.encode() + b"\0" + upload.content, digest_size=16).hexdigest()


def _read(attachment: Attachment) -> bytes:
    try:
        return Path(attachment.path).read_bytes()
    except OSError as error:
        raise MessageError(f"the file of {_article(attachment)} cannot be read ({error.strerror})") from None


def _size_on_disk(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError as error:
        what = f"the path of an attachment names no file that can be read ({error.strerror})"
        raise MessageError(what, fix="give a path that every process that sends can read") from None


def _article(attachment: Attachment) -> str:
    name = type(attachment).__name__
    return f"an {name}" if name[0] in "AEIOU" else f"a {name}"
