"""The SMS HTTP API below ChatApps, which takes an address for the report of each message.

https://docs.mitto.ch/sms-api/
"""

import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from botkit.adapter import Receipt
from botkit.exceptions import InvalidRequestError, Problem
from botkit.gateways.gsm import is_gsm
from botkit.gateways.mitto_answers import read_sms_receipt
from botkit.gateways.mitto_callbacks import Callbacks
from botkit.gateways.mitto_calls import Calls
from botkit.gateways.mitto_reports import bound_id
from botkit.gateways.mitto_settings import rule_of_api_sender
from botkit.http_client import HttpClient
from botkit.outgoing import Outgoing

PATH = "/sms"


class SmsApi(Struct, frozen=True):
    """The API as one account uses it: `sender` is who writes, unless the message says so."""

    calls: Calls
    callbacks: Callbacks
    sender: str

    def check(self, content: Mapping[str, Any]) -> None:
        """Returns for the `sms` of a request that it takes too. Raises InvalidRequestError."""
        if rule := rule_of_api_sender(content.get("sender") or self.sender):
            raise InvalidRequestError([Problem("sms.sender", rule)])

    async def send(self, outgoing: Outgoing, content: Mapping[str, Any], to: str, client: HttpClient) -> Receipt:
        """Makes one attempt to send the `sms` of a request; `to` is the number as the account writes it.

        The id of what was taken is bound to the message: a token of another one says nothing of it.
        """
        ttl = outgoing.message.ttl
        callback = self.callbacks.report_address(outgoing.key, outgoing.to, ttl)
        said = {"sender": self.sender, **content}
        body = render_sms(said, to, callback=callback, reference=outgoing.key, ttl=ttl)
        receipt = read_sms_receipt(await self.calls.request("POST", PATH, client, body))
        return replace(receipt, id=bound_id(receipt.id, outgoing.key)) if receipt.id else receipt


def render_sms(content: Mapping[str, Any], to: str, *, callback: str, reference: str, ttl: float = 0) -> dict[str, Any]:
    """Returns the request for a text message; `content` is the `sms` of a request to send.

    `type` is left out for what its default, GSM, can show; `validity` is in whole minutes, one at least.
    """
    request = {"from": content["sender"], "to": to, "text": content["text"], "callback": callback}
    if not is_gsm(content["text"]):
        request["type"] = "Unicode"
    if ttl:
        request["validity"] = math.ceil(ttl / 60)
    return request | {"reference": reference}


def simulated_url(api_url: str) -> str:
    """Returns the address of this API at the simulator: it plays both, each at a host of its own."""
    parts = urlsplit(api_url)
    return parts._replace(netloc=f"sms.{parts.netloc}").geturl()
