"""A request to send in SMSC's own words, as other programs hand it to the send API."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from botkit.adapter import Addressed
from botkit.chatapps.abilities import own_members
from botkit.exceptions import AddressError, InvalidRequestError, Problem
from botkit.gateways.smsc_parameters import problems_of, texts_of
from botkit.messages import Raw


def read_own(body: Mapping[str, Any], route: Mapping[str, str], find_address: Callable[[str], str]) -> Addressed:
    """Returns the message of a request with `phones`, `mes` and any further parameters of a send.

    It goes out as it came, with the account's credentials and way. Raises InvalidRequestError with every problem.
    """
    problems: list[Problem] = []
    to = _receiver(body.get("phones"), find_address, problems)
    if "mes" not in body:
        problems.append(Problem("mes", "is needed"))
    problems += problems_of({name: value for name, value in body.items() if name != "phones"}, route)
    if problems:
        raise InvalidRequestError(problems)
    return Addressed(to, Raw(channel="smsc", payload=texts_of(body)))


def _receiver(phones: Any, find_address: Callable[[str], str], problems: list[Problem]) -> str:
    if not isinstance(phones, (str, int)) or isinstance(phones, bool) or not str(phones).strip():
        problems.append(Problem("phones", "is needed: a phone number"))
        return ""
    written = str(phones).strip()
    if "," in written or ";" in written or written.startswith("G"):
        problems.append(Problem("phones", "names one receiver: lists and groups are sent to in bulk"))
        return ""
    try:
        return find_address(written)
    except AddressError as error:
        problems.append(Problem("phones", error.what))
        return ""


def with_sender(addressed: Addressed) -> Addressed:
    """Returns the message of a request in the words of all accounts with its sender, as SMSC calls it.

    Raises InvalidRequestError for one that is longer than SMSC's.
    """
    message = addressed.message
    sender = str(own_members(message).get("sender", ""))
    if not sender:
        return addressed
    if problems := problems_of({"sender": sender}, {}, path="sms."):
        raise InvalidRequestError(problems)
    return Addressed(addressed.to, replace(message, extra={**message.extra, "smsc": {"sender": sender}}))
