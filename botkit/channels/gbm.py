"""Google Business Messages: the direct protocol.

Google switched the service off on 2024-07-31; what remains to talk to are simulators and recorded traffic.
"""

import hmac
import os
import re
import secrets
import uuid
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar, Self
from urllib.parse import quote

import msgspec

from botkit.adapter import Adapter, Outcome, Receipt
from botkit.capabilities import Capabilities
from botkit.channels.gbm_calls import FORCE_FALLBACK, read, survey, typing_stopped
from botkit.channels.gbm_entry import AutoReply, Entry, FaqAnswer, auto_reply_of, entry_of, is_unanswered
from botkit.channels.gbm_events import read_events
from botkit.channels.gbm_messages import (
    CAPABILITIES,
    capabilities_for,
    check_message,
    event_of,
    render,
    representative_of,
)
from botkit.channels.gbm_own_events import FeedbackGiven, SignedIn, SignInFailed, SurveyAnswered
from botkit.channels.gbm_types import ErrorAnswer, Handshake
from botkit.channels.google_oauth import AccessTokens, ServiceAccount, parse_service_account
from botkit.clock import Clock
from botkit.conversation import Conversation
from botkit.credentials import made_up, read_secret
from botkit.events import Event
from botkit.exceptions import PayloadError, ServiceError, SettingsError, UnknownOutcomeError
from botkit.http_client import HttpAnswer, HttpClient
from botkit.messages import AnyMessage, Raw
from botkit.outgoing import Outgoing
from botkit.pace import Pace, Paces
from botkit.payload import read_object
from botkit.redaction import Secret
from botkit.webhook import WebhookRequest, WebhookStatus

__all__ = [
    "FORCE_FALLBACK",
    "SCOPE",
    "AutoReply",
    "BusinessMessages",
    "Entry",
    "FaqAnswer",
    "FeedbackGiven",
    "SignInFailed",
    "SignedIn",
    "SurveyAnswered",
    "auto_reply_of",
    "entry_of",
    "is_unanswered",
    "read",
    "survey",
    "typing_stopped",
]

SCOPE = "https://www.googleapis.com/auth/businessmessages"
_AGENT = re.compile(r"brands/[^/\s]+/agents/[^/\s]+")
_STATUS = re.compile(r"[A-Z_]{1,40}")
_MESSAGE_IDS = uuid.UUID("b26fd0f1-39d6-5b4c-8b1c-3f5d6b0a7c55")
# A check of our address holds a token and a secret.
_MAX_HANDSHAKE = 4096


class BusinessMessages(Adapter):
    """One agent on Google Business Messages.

    `keys` sign the webhooks: partner keys and client tokens, any of which may match. `client_token` proves the check of
    our address, and counts as a key. With an `agent` (`brands/../agents/..`) payloads for others cannot be read.
    `name` is shown beside our messages, the account's `ta` where it is empty.
    """

    channel: ClassVar[str] = "gbm"
    dedupe_window: ClassVar[timedelta] = timedelta(days=8)
    has_receipts: ClassVar[bool] = True
    signs_time: ClassVar[bool] = True
    events: ClassVar[tuple[type[Event], ...]] = (SurveyAnswered, SignedIn, SignInFailed, FeedbackGiven)
    capabilities: ClassVar[Capabilities] = CAPABILITIES
    default_api_url: ClassVar[str] = "https://businessmessages.googleapis.com"
    media_hosts = ("storage.googleapis.com",)
    token_setting: ClassVar[str] = "CREDENTIALS_FILE"  # noqa: S105 - the name of a setting
    # 60 a minute, with room for messages that travel longer than those after them.
    paces = Paces(chat=Pace(60, 61))

    def __init__(
        self,
        credentials: ServiceAccount | None = None,
        keys: Sequence[str] = (),
        client_token: str = "",
        agent: str = "",
        *,
        name: str = "",
        ta: str = "",
        api_url: str = "",
        prefix: str = "",
    ) -> None:
        super().__init__(ta=ta, api_url=api_url, prefix=prefix)
        self.credentials = credentials
        self.keys = tuple(Secret(key) for key in dict.fromkeys([*keys, client_token]) if key)
        self.client_token = Secret(client_token)
        self.agent = agent
        self.name = name
        #: Tells when a token expires; a simulator puts its own here.
        self.clock = Clock()
        self._tokens: AccessTokens | None = None

    @classmethod
    def from_env(cls, prefix: str, environ: Mapping[str, str] = os.environ) -> Self:
        """Reads the account's settings: `<prefix>_CREDENTIALS_FILE` or `_CREDENTIALS`, and `_KEY` or `_CLIENT_TOKEN`.

        `_AGENT`, `_NAME`, `_TA`, `_API_URL`, `_RATE` and `_CHAT_RATE` may be set too. Raises SettingsError for a value
        of the wrong form, and for credentials without anything to check webhooks by.
        """
        source = read_secret(prefix, "CREDENTIALS", environ)
        setting = f"{prefix}_CREDENTIALS" if environ.get(f"{prefix}_CREDENTIALS") else f"{prefix}_CREDENTIALS_FILE"
        credentials = parse_service_account(source.reveal(), setting) if source else None
        keys = _reveal(read_secret(prefix, "KEY", environ)).split(",")
        client_token = _reveal(read_secret(prefix, "CLIENT_TOKEN", environ))
        adapter = cls(
            credentials,
            [key.strip() for key in keys],
            client_token,
            environ.get(f"{prefix}_AGENT", "").strip(),
            name=environ.get(f"{prefix}_NAME", "").strip(),
            ta=environ.get(f"{prefix}_TA", "").strip(),
            api_url=environ.get(f"{prefix}_API_URL", "").strip(),
            prefix=prefix,
        ).paced(environ)
        adapter._check_settings()
        return adapter

    def _check_settings(self) -> None:
        if self.agent and not _AGENT.fullmatch(self.agent):
            raise SettingsError(
                f"{self.prefix}_AGENT does not have the form of an agent's name",
                fix="set it to brands/<brand id>/agents/<agent id>, as the console shows it",
            )
        if not self.api_url.startswith(("https://", "http://")):
            raise SettingsError(f"{self.prefix}_API_URL is not an http(s) address", fix="unset it to reach Google")
        if self.credentials and not self.keys:
            raise SettingsError(
                f"{self.prefix}_KEY and {self.prefix}_CLIENT_TOKEN are not set, so no webhook could be proved genuine",
                fix=f"set {self.prefix}_KEY to the partner key, or {self.prefix}_CLIENT_TOKEN to the webhook's token",
            )

    @property
    def has_credentials(self) -> bool:
        """Whether there is a service account to send with."""
        return self.credentials is not None

    def secrets(self) -> Iterable[Secret]:
        """The private key, the signature keys, and the access token of the moment."""
        current = self._tokens.current if self._tokens else None
        key = self.credentials.key if self.credentials else None
        return [secret for secret in (*self.keys, key, current) if secret]

    def verify(self, request: WebhookRequest) -> bool:
        """Tells whether `X-Goog-Signature` is the HMAC-SHA512 of the body under one of the keys."""
        given = request.headers.get("x-goog-signature", "").encode("utf-8", "replace")
        # All of them before any(): the time must not tell which key matched.
        matches = [hmac.compare_digest(given, _signature(key, request.body)) for key in self.keys]
        return any(matches)

    def handshake(self, request: WebhookRequest) -> bytes | None:
        """Returns the secret of a request that checks our address and knows our client token, else None.

        Google's samples answer it before they look for a signature: the token is its proof.
        """
        # Nobody has proved anything yet, so only little is read.
        if len(request.body) > _MAX_HANDSHAKE or not self.client_token:
            return None
        try:
            tree = read_object(request.body)
            check = msgspec.convert(tree, Handshake)
        except (PayloadError, msgspec.ValidationError):
            return None
        if "conversationId" in tree:
            return None
        return check.secret.encode() if Secret(check.client_token) == self.client_token else None

    def parse(self, request: WebhookRequest) -> Sequence[Event]:
        """Returns one event, or one for each receipt of a batch.

        Raises PayloadError when the body cannot be read, or is for another agent than `<prefix>_AGENT` names.
        """
        return read_events(request.body, self.account, self.agent, f"{self.prefix or '<prefix>'}_AGENT")

    def capabilities_for(self, message: AnyMessage, to: Conversation) -> Capabilities:
        """Returns what can be shown of a message: pictures that Google would not fetch are links."""
        return capabilities_for(message)

    def check(self, message: AnyMessage) -> None:
        """Returns for a message within bounds. Raises MessageError that names the bound and both numbers."""
        check_message(message)

    async def send(self, outgoing: Outgoing, to: Conversation, client: HttpClient) -> Receipt:
        """Makes one attempt to send.

        The message's id follows from the key of `outgoing`, and Google drops a repeat; so whatever may have arrived is
        classed as not sent, and is safe to send again.
        """
        identity = str(uuid.uuid5(_MESSAGE_IDS, outgoing.key))
        call, body = self._render(outgoing.message, identity)
        identity = str(body.get("messageId", identity))
        try:
            answer = await self._post(f"{_path(to)}/{call}", body, client)
        except UnknownOutcomeError as error:
            return Receipt(Outcome.NOT_SENT, id=identity, reason=error.what)
        except ServiceError as error:
            return Receipt(Outcome.REFUSED, reason=str(error.code))
        receipt = _receipt(answer, identity)
        # One survey in 24 hours: no message behind it should wait that long.
        is_spent = answer.status == 429 and call.startswith("surveys")
        return Receipt(Outcome.REFUSED, reason=receipt.reason) if is_spent else receipt

    def _render(self, message: AnyMessage, identity: str) -> tuple[str, dict[str, Any]]:
        """Returns the call with its query, and the body."""
        representative = representative_of(message, self.name or self.ta)
        if event := event_of(message):
            return f"events?eventId={identity}", {"eventType": event, "representative": representative}
        frame = {"messageId": identity, "representative": representative}
        if not isinstance(message, Raw):
            return _message_call(frame | render(message))
        match message.method.partition(":"):
            case ("events", _, _):
                return f"events?eventId={identity}", message.payload
            case ("surveys", _, _):
                return f"surveys?surveyId={identity}", message.payload
            case ("receipt", _, message_id):
                return f"messages/{_part(message_id)}/receipt", {"receiptType": "READ"}
        return _message_call(frame | message.payload)

    async def _post(self, path: str, body: dict[str, Any], client: HttpClient) -> HttpAnswer:
        """Calls the API with an access token, once more with a new one when Google does not accept it."""
        tokens = self._access_tokens()
        token = await tokens.load(client)
        answer = await self._post_as(token, path, body, client)
        if answer.status != 401:
            return answer
        tokens.discard(token)
        return await self._post_as(await tokens.load(client), path, body, client)

    async def _post_as(self, token: Secret, path: str, body: dict[str, Any], client: HttpClient) -> HttpAnswer:
        # A receipt is a part of a message that is there already.
        method = "PATCH" if path.endswith("/receipt") else "POST"
        # In no variable of ours: tools that look into tracebacks would find the token there.
        return await client.request(
            method, f"{self.api_url}/v1/{path}", json=body, headers={"Authorization": f"Bearer {token.reveal()}"}
        )

    def _access_tokens(self) -> AccessTokens:
        if self.credentials is None:
            raise ServiceError(
                "Business Messages needs a service account to send with",
                code="no credentials",
                fix=f"set {self.prefix}_CREDENTIALS_FILE to the JSON key file of the service account",
            )
        if self._tokens is None:
            self._tokens = AccessTokens(self.credentials, SCOPE, self.clock)
        return self._tokens

    async def load_webhook(self, client: HttpClient) -> WebhookStatus:
        """Says where the webhook is set: Google has no call that tells."""
        return WebhookStatus(url="", details={"set in": "the Business Communications console"})

    async def set_webhook(self, url: str, client: HttpClient) -> None:
        """Checks the address as Google's console does; the address itself is entered there.

        Raises ServiceError when our own receiver does not give the right answer.
        """
        secret = secrets.token_hex(8)
        # In no variable of ours: tools that look into tracebacks would find the token there.
        answer = await client.request("POST", url, json={"clientToken": self.client_token.reveal(), "secret": secret})
        if answer.status != 200 or not hmac.compare_digest(answer.body, secret.encode()):
            raise ServiceError(
                f"the webhook does not pass Google's check: {answer.status} without the secret that it was sent",
                code=answer.status,
                fix=f"set {self.prefix}_CLIENT_TOKEN to the token in the console, "
                "and check that the address, with its ta, leads to this service",
            )

    async def delete_webhook(self, client: HttpClient) -> None:
        """Raises ServiceError: only the console can remove a webhook."""
        raise ServiceError(
            "Business Messages has no call that removes a webhook",
            fix="remove it in the Business Communications console, on the agent's or the partner's page",
        )

    def simulated(self, api_url: str) -> Self:
        """Returns the same account with a made-up service account, keys and agent, at a simulator's address."""
        address = api_url.rstrip("/")
        account = ServiceAccount(
            client_email=f"{self.ta or 'bot'}@simulated.iam.gserviceaccount.com",
            key=None,
            private_key_id=made_up(40),
            token_uri=f"{address}/token",
        )
        return type(self)(
            account,
            [made_up()],
            made_up(),
            self.agent or f"brands/simulated/agents/{self.ta or 'bot'}",
            name=self.name,
            ta=self.ta,
            api_url=address,
            prefix=self.prefix,
        )


def _reveal(secret: Secret | None) -> str:
    return secret.reveal() if secret else ""


def _signature(key: Secret, body: bytes) -> bytes:
    return b64encode(hmac.digest(key.reveal().encode(), body, "sha512"))


def _message_call(body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    # Asked for like a member of the message, it is a part of the address.
    is_forced = body.pop("forceFallback", False)
    return "messages?forceFallback=true" if is_forced else "messages", body


def _path(to: Conversation) -> str:
    return f"conversations/{_part(to.id)}"


def _part(identity: str) -> str:
    # The dot too: an id of ".." must stay a part of the path.
    return quote(identity, safe="", errors="replace").replace(".", "%2E")


def _receipt(answer: HttpAnswer, identity: str) -> Receipt:
    status = _error_status(answer.body)
    reason = f"{answer.status} {status}".rstrip()
    if answer.status == 409 and status == "ALREADY_EXISTS":
        return Receipt(Outcome.SENT, id=identity, reason=reason)
    if 200 <= answer.status < 300:
        if _is_object(answer.body):
            return Receipt(Outcome.SENT, id=identity)
        return Receipt(Outcome.NOT_SENT, id=identity, reason=f"{answer.status} and an answer that cannot be read")
    if answer.status == 429:
        # The quota belongs to the conversation: the account's other conversations go on.
        return Receipt(Outcome.NOT_SENT, id=identity, reason=reason, retry_after=min(answer.retry_after or 60, 3600))
    # Google asks not to repeat what it answers with 503 itself; a proxy on the way may be in trouble for a moment.
    if answer.status >= 500 and not (answer.status == 503 and status):
        return Receipt(Outcome.NOT_SENT, id=identity, reason=reason)
    return Receipt(Outcome.REFUSED, reason=reason, is_gone=status == "PERMISSION_DENIED")


def _is_object(body: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(body), dict)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return False


def _error_status(body: bytes) -> str:
    try:
        status = msgspec.json.decode(body, type=ErrorAnswer).error.status
    except (msgspec.DecodeError, ValueError, RecursionError):
        return ""
    return status if _STATUS.fullmatch(status) else ""
