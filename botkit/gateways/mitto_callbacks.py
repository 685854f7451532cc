"""The proof of what Mitto calls: a secret in a header, or a token in the address, made for one message or one number.

https://docs.mitto.ch/chat-apps/ (Callback tokens)
"""

import hmac
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from botkit.clock import Clock
from botkit.gateways.mitto_reports import read_fields
from botkit.gateways.mitto_settings import DAY
from botkit.gateways.mitto_tokens import Claims, read_token, sign_token
from botkit.gateways.mitto_webhooks import SECRET_HEADER, kind_url, with_query
from botkit.redaction import Secret
from botkit.webhook import WebhookRequest

#: What tokens are for, and the parts after the channel in the paths of webhooks.
REPORT, INBOUND = "report", "inbound"
#: How long a token lasts in an address that is entered in a console, in seconds: until its key is taken away.
CONSOLE_SECONDS = 3650 * DAY


class Callbacks(Struct, frozen=True):
    """The keys and the secret of one account.

    Its reports come to `url`, an address without the kind and the account, in at least `seconds`.
    """

    ta: str
    clock: Clock
    url: str
    report_keys: tuple[Secret, ...]
    inbound_keys: tuple[Secret, ...]
    secret: Secret
    seconds: int

    def report_address(self, key: str, to: str, ttl: float) -> str:
        """Returns where the report on one message is to go: its `key`, the id of its conversation, and its time."""
        # The last report may come when the message's time is over.
        seconds = max(self.seconds, int(ttl) + DAY)
        token = self._token(self.report_keys[0], Claims(0, seconds, key, REPORT, to))
        return with_query(kind_url(self.url, REPORT), ta=self.ta, token=token)

    def console_address(self, url: str) -> str:
        """Returns where a two-way number's messages are to go; without keys, as it is."""
        if not self.inbound_keys:
            return url
        return with_query(url, token=self._token(self.inbound_keys[0], Claims(0, CONSOLE_SECONDS, self.ta, INBOUND)))

    def _token(self, key: Secret, lasting: Claims) -> str:
        now = int(self.clock.timestamp())
        return sign_token(msgspec.structs.replace(lasting, nbf=now, exp=now + lasting.exp), key)

    def is_genuine(self, request: WebhookRequest) -> bool:
        """Tells whether a call has the secret in its header, or a token for calls of its kind; both are looked at.

        What is posted must be JSON. Without a secret and keys nothing is genuine.
        """
        if request.method != "GET" and not _is_json(request):
            return False
        given = request.headers.get(SECRET_HEADER.lower(), "").encode("utf-8", "surrogatepass")
        has_secret = hmac.compare_digest(given, self.secret.reveal().encode()) and bool(self.secret)
        return self.claims(request) is not None or has_secret

    def claims(self, request: WebhookRequest) -> Claims | None:
        """Returns what a call's token says; None for one without a token that is good for its kind."""
        if "token" not in request.query:
            return None
        is_inbound = request.kind == INBOUND
        keys, purpose = (self.inbound_keys, INBOUND) if is_inbound else (self.report_keys, REPORT)
        claims = read_token(request.query["token"], keys, purpose=purpose, now=self.clock.timestamp())
        if claims is None:
            return None
        # Accounts may share keys, and a number has one account; a report is on a message to somebody.
        is_bound = claims.sub == self.ta if is_inbound else claims.to != ""
        return claims if is_bound else None


def fields_of(request: WebhookRequest) -> tuple[Mapping[str, Any], bytes]:
    """Returns what a call with a token says, and the JSON of it: its body, or its query where it is a GET.

    Raises PayloadError.
    """
    if request.method != "GET":
        return read_fields(request.body), request.body
    said = {name.lower(): value for name, value in request.query.items() if name not in ("ta", "token")}
    known = {name: value.encode("utf-8", "replace").decode() for name, value in said.items()}
    return known, msgspec.json.encode(known)


def _is_json(request: WebhookRequest) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"
