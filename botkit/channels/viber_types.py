"""The parts of Viber's callbacks that botkit reads, and its status codes; all else stays in the raw payload."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from botkit.exceptions import PayloadError
from botkit.payload import read_object

Token = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
#: Unix milliseconds up to the end of the year 9999.
Milliseconds = Annotated[int, Meta(ge=0, le=253_402_300_799_999)]
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class Person(Struct, frozen=True):
    """A user; names and pictures are missing where the person keeps them private."""

    id: str | None = None
    name: str | None = None
    avatar: str | None = None
    country: str | None = None
    language: str | None = None


class Contact(Struct, frozen=True):
    """A shared phone number."""

    phone_number: str | int | None = None
    name: str | None = None


class Place(Struct, frozen=True):
    """A point on the map; the numbers also come as text."""

    lat: Annotated[float, Meta(ge=-90, le=90)]
    lon: Annotated[float, Meta(ge=-180, le=180)]
    address: str | None = None


class Content(Struct, frozen=True):
    """What somebody sent; `media` is an address that works for an hour."""

    type: str
    text: str | None = None
    media: str | None = None
    file_name: str | None = None
    file_size: Count | None = None
    size: Count | None = None
    duration: Annotated[float, Meta(ge=0)] | None = None
    sticker_id: int | str | None = None
    contact: Contact | None = None
    location: Place | None = None
    tracking_data: Any = None


class ClientStatus(Struct, frozen=True):
    """What a device tells of itself."""

    type: str | None = None
    code: int | None = None
    supported_psps: tuple[str, ...] | None = None
    tracking_data: Any = None


class Callback(Struct, frozen=True):
    """One request to the webhook: who did what, by whichever of its three fields names the person."""

    event: str
    timestamp: Milliseconds
    message_token: Token | None = None
    user: Person | None = None
    sender: Person | None = None
    user_id: str | None = None
    message: Content | None = None
    silent: bool | None = None
    subscribed: bool | None = None
    context: str | None = None
    status: ClientStatus | None = None

    @property
    def person(self) -> Person:
        """Who did it; without an id when the callback names nobody."""
        return self.sender or self.user or Person(id=self.user_id)


class Failed(Struct, frozen=True):
    """Somebody who did not get a broadcast, and why."""

    receiver: str
    status: int


class Labels(Struct, frozen=True):
    """Our own tracking data: the labels of a message's buttons by their values."""

    b: dict[str, str]


def read_callback(body: bytes) -> Callback:
    """Returns the callback of a body. Raises PayloadError when it is none, naming the field that is wrong."""
    try:
        return msgspec.convert(read_object(body), Callback, strict=False)
    except msgspec.ValidationError as error:
        # The library's text names types and the way to the member; it shows no value but that of an enumeration.
        raise PayloadError(f"the callback is not as Viber writes it: {error}") from None


def read_labels(tracking_data: object) -> Mapping[str, str]:
    """Returns the labels by value that travelled in a message's tracking data; none if the data is not ours."""
    if not isinstance(tracking_data, str):
        return {}
    try:
        return msgspec.json.decode(tracking_data, type=Labels).b
    except (msgspec.DecodeError, RecursionError):
        return {}


#: Viber's names of its status codes; an answer's own text is loose.
STATUSES: Mapping[int, str] = dict(
    enumerate(
        (
            "ok",
            "invalidUrl",
            "invalidAuthToken",
            "badData",
            "missingData",
            "receiverNotRegistered",
            "receiverNotSubscribed",
            "publicAccountBlocked",
            "publicAccountNotFound",
            "publicAccountSuspended",
            "webhookNotSet",
            "receiverNoSuitableDevice",
            "tooManyRequests",
            "apiVersionNotSupported",
            "incompatibleWithVersion",
            "publicAccountNotAuthorized",
            "inchatReplyMessageNotAllowed",
            "publicAccountIsNotInline",
            "noPublicChat",
            "cannotSendBroadcast",
            "broadcastNotAllowed",
            "unsupportedCountry",
            "paymentUnsupported",
            "freeMessagesExceeded",
            "noBalance",
        )
    )
)
