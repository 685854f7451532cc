"""What a request to send says on one network: its object as JSON, read in full and written in one form."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from botkit.chatapps.gbm import Gbm, read_gbm
from botkit.chatapps.reading import Reader, as_json
from botkit.chatapps.sms import Sms, read_sms
from botkit.chatapps.telegram import Telegram, read_telegram
from botkit.chatapps.viber import Viber, read_viber
from botkit.chatapps.whatsapp import WhatsApp, read_whatsapp
from botkit.exceptions import InvalidRequestError, Problem

Content: TypeAlias = Sms | Gbm | Viber | Telegram | WhatsApp

_READERS: Mapping[str, Callable[[Reader], Content]] = {
    "sms": read_sms,
    "gbm": read_gbm,
    "viber": read_viber,
    "telegram": read_telegram,
    "whatsapp": read_whatsapp,
}
_NETWORKS: Mapping[type, str] = {Sms: "sms", Gbm: "gbm", Viber: "viber", Telegram: "telegram", WhatsApp: "whatsapp"}
#: The members of a request that say what is sent, by the networks that show it.
NETWORKS = tuple(_READERS)


def read_content(network: str, value: object) -> Content:
    """Returns what a network's object says. Raises InvalidRequestError with everything that is wrong with it."""
    problems: list[Problem] = []
    content = find_problems(network, value, problems)
    if content is None or problems:
        raise InvalidRequestError(problems)
    return content


def find_problems(network: str, value: object, problems: list[Problem]) -> Content | None:
    """Adds everything that is wrong with a network's object, with its path from the request.

    Returns what it says, which counts only where nothing was added; None for what is no object.
    """
    if not isinstance(value, Mapping):
        problems.append(Problem(network, "is an object"))
        return None
    reader = Reader(value, network, problems)
    content = _READERS[network](reader)
    reader.finish()
    return content


def network_of(content: Content) -> str:
    """Returns the name of the network that a content is for."""
    return _NETWORKS[type(content)]


def encode_content(content: Content) -> dict[str, Any]:
    """Returns the members of the object in the documented order, without those that say nothing."""
    if isinstance(content, WhatsApp):
        return {"type": content.type, content.type: dict(content.body)}
    return as_json(content)
