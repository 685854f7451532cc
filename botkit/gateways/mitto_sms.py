"""The SMS HTTP API below ChatApps, which takes an address for the report of each message.

https://docs.mitto.ch/sms-api/
"""

import math
from collections.abc import Mapping
from typing import Any

from botkit.gateways.gsm import is_gsm

PATH = "/sms"


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
