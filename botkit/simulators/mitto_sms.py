"""The SMS API of the simulated Mitto: HTTP 200 with a code in it.

https://docs.mitto.ch/sms-api
"""

import re
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from botkit.simulators.mitto_checks import TrafficAccount, address_of
from botkit.simulators.mitto_contents import check_sender
from botkit.simulators.mitto_delivery import Deliverer
from botkit.simulators.mitto_fields import Json, check_flag, check_names, is_url, read_text, read_whole
from botkit.simulators.mitto_refusals import RefusedError, invalid
from botkit.simulators.mitto_servers import Servers, told_time
from botkit.simulators.mitto_state import Message

#: What each code of an answer says.
TEXTS: Mapping[int, str] = {
    0: "SMS sent",
    1: "Internal error",
    2: "Invalid message type",
    3: "Message text is empty",
    4: "Message text cannot be encoded",
    5: "Sender is empty",
    6: "Sender is invalid",
    7: "Receiver is empty",
    8: "Receiver is invalid",
}
TYPES = frozenset({"gsm", "unicode", "binary", "auto"})

_NAMES = ("from", "to", "text", "callback", "type", "reference", "validity", "udh", "pid", "flash", "test")
_PHONE = re.compile(r"\+?[1-9][0-9]{6,14}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})+")
#: The letters of GSM 03.38 beside those of ASCII that it has, and the characters that it has by an escape.
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà\f^{}\\[~]|€"
)


class SmsApi:
    """Takes single SMS."""

    def __init__(self, servers: Servers, deliverer: Deliverer) -> None:
        self._servers = servers
        self._deliverer = deliverer

    def send(self, accounts: Mapping[str, TrafficAccount], body: Json) -> dict[str, Any]:
        """Takes an SMS and returns the answer, which names a code for what is wrong with it.

        Raises RefusedError for what is no request at all.
        """
        _check_form(body)
        code = _code_of(body)
        answer: dict[str, Any] = {}
        if not code:
            message = self._message(_account(accounts, body["from"]), body)
            if not body.get("test"):
                self._servers.state.remember(message)
                self._deliverer.start(message, message.created_at)
            if not body.get("test") or self._servers.tests_have_ids:
                answer["id"] = message.id
        length = len(body.get("text", ""))
        return answer | {
            "timestamp": told_time(self._servers.clock.timestamp()),
            "responseCode": code,
            "textLength": length if self._servers.text_length == "number" else str(length),
            "responseText": TEXTS[code],
            **self._servers.extras,
        }

    def _message(self, account: TrafficAccount, body: Json) -> Message:
        now = self._servers.clock.timestamp()
        return Message(
            id=uuid4().hex,
            ta=account.ta,
            via="sms",
            destination=body["to"],
            address=address_of("sms", body["to"]),
            content={"text": body["text"], "sender": body["from"]},
            created_at=now,
            updated_at=now,
            api="sms",
            reference=body.get("reference", ""),
            callback=body.get("callback", ""),
            lifetime=body.get("validity", 2880) * 60.0,
        )


def _check_form(body: Json) -> None:
    check_names(body, _NAMES)
    for name in ("from", "to", "text", "type", "reference", "callback", "udh"):
        if name in body:
            read_text(body, name, least=0)
    if body.get("callback") and not is_url(body["callback"]):
        raise invalid("an http or https address is required", "callback")
    if "validity" in body:
        read_whole(body, "validity", "", 1)
    if "pid" in body:
        read_whole(body, "pid", "", 0, 255)
    for name in ("flash", "test"):
        check_flag(body, name, "")


def _code_of(body: Json) -> int:
    """Returns the code of the first thing that is wrong with an SMS, 0 when nothing is."""
    kind, text = body.get("type", "GSM").lower(), body.get("text", "")
    if kind not in TYPES:
        return 2
    if not text:
        return 3
    if (kind == "gsm" and not _GSM.issuperset(text)) or (kind == "binary" and not _HEX.fullmatch(text)):
        return 4
    if not body.get("from"):
        return 5
    if not _is_sender(body["from"]):
        return 6
    if not body.get("to"):
        return 7
    return 0 if _PHONE.fullmatch(body["to"]) else 8


def _is_sender(sender: str) -> bool:
    try:
        check_sender(sender, "from", numeric=(3, 14), letters=(3, 11))
    except RefusedError:
        return False
    return True


def _account(accounts: Mapping[str, TrafficAccount], sender: str) -> TrafficAccount:
    """Returns the account of the key that has this sender, or else its first one for SMS."""
    own = [account for account in accounts.values() if account.via == "sms"] or list(accounts.values())
    return next((account for account in own if account.sender == sender), own[0])
