"""The webhook of an account at Mitto: found in its list, made, changed and deleted.

The calls are those of https://docs.mitto.ch (Webhooks API); that the list can be read is not written there.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec
from msgspec import Struct

from botkit.exceptions import ServiceError
from botkit.gateways.mitto_calls import Calls
from botkit.http_client import HttpAnswer, HttpClient
from botkit.redaction import Secret
from botkit.webhook import WebhookStatus

PATH = "/api/v1/Webhooks"
#: The header in which the gateway repeats our secret.
SECRET_HEADER = "X-Botkit-Secret"  # noqa: S105  # a name, not a secret

# The gateway has one address for everything; what comes is told apart by what it says.
_KIND = "report"
_MEMBERS = ("webhooks", "items", "data", "results")


class Hook(Struct, frozen=True, rename="camel"):
    """A webhook as the gateway lists it."""

    id: str | int
    url: str = ""
    description: str | None = None
    webhook_triggers: list[str] | None = None
    link_traffic_account_ids: list[str] | None = None


class Registrar(Struct, frozen=True):
    """Looks after the webhook of one account, known again by its description.

    `triggers` are what it is called for, in Mitto's words; all, without any.
    """

    calls: Calls
    ta: str
    secret: Secret
    triggers: tuple[str, ...] = ()

    async def load(self, client: HttpClient) -> WebhookStatus:
        """Returns where the webhook is. Raises ServiceError when Mitto refuses."""
        hooks = await self._hooks(client)
        if hooks is None:
            return WebhookStatus("", {"set in": "Mitto's customer portal, which has no list of webhooks to ask for"})
        hook = self._own(hooks)
        if hook is None:
            return WebhookStatus("", {"webhooks": len(hooks)})
        shown = {"id": str(hook.id), "triggers": hook.webhook_triggers, "accounts": hook.link_traffic_account_ids}
        return WebhookStatus(plain_url(hook.url, _KIND), {name: value for name, value in shown.items() if value})

    async def set(self, url: str, client: HttpClient) -> None:
        """Makes the webhook, or changes it where there is one. Raises ServiceError when Mitto refuses."""
        if not self.secret:
            setting = f"{self.calls.prefix}_WEBHOOK_SECRET"
            raise ServiceError(
                f"{setting} is not set, and what Mitto calls has no other proof",
                fix="make one with: openssl rand -hex 24",
            )
        hook = self._own(await self._hooks(client) or ())
        method, path = ("PUT", f"{PATH}/{quote(str(hook.id), safe='')}") if hook else ("POST", PATH)
        await self.calls.order(method, path, client, self._registration(url))

    async def delete(self, client: HttpClient) -> None:
        """Deletes the webhook, if there is one. Raises ServiceError when Mitto refuses."""
        if hook := self._own(await self._hooks(client) or ()):
            await self.calls.order("DELETE", f"{PATH}/{quote(str(hook.id), safe='')}?forceDelete=true", client)

    def _registration(self, url: str) -> Mapping[str, Any]:
        return {
            "url": kind_url(url, _KIND),
            "description": self._description,
            **({"webhookTriggers": self.triggers} if self.triggers else {}),
            "headers": {SECRET_HEADER: self.secret.reveal()},
            "linkTrafficAccountIds": [self.ta],
        }

    @property
    def _description(self) -> str:
        return f"botkit {self.ta}"

    def _own(self, hooks: Sequence[Hook]) -> Hook | None:
        return next((hook for hook in hooks if hook.description == self._description), None)

    async def _hooks(self, client: HttpClient) -> Sequence[Hook] | None:
        """Returns all webhooks; None where Mitto has no such list, which is not documented."""
        answer = await self.calls.request("GET", PATH, client)
        if answer.status in (404, 405):
            return None
        hooks = _read_hooks(answer) if answer.status == 200 else None
        if hooks is None:
            raise self.calls.refusal(f"GET {PATH}", answer)
        return hooks


def _read_hooks(answer: HttpAnswer) -> Sequence[Hook] | None:
    """Returns the webhooks of a list, or of an object with one; None for any other answer."""
    try:
        found: Any = msgspec.json.decode(answer.body)
        if isinstance(found, dict):
            found = next((found[name] for name in _MEMBERS if name in found), None)
        return msgspec.convert(found, list[Hook])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def kind_url(url: str, kind: str) -> str:
    """Returns the address of a kind of webhook, below the address of all."""
    parts = urlsplit(url)
    return parts._replace(path=f"{parts.path}/{kind}").geturl()


def plain_url(url: str, kind: str) -> str:
    """Returns the address of all kinds, from that of one."""
    parts = urlsplit(url)
    return parts._replace(path=parts.path.removesuffix(f"/{kind}")).geturl()


def with_query(url: str, **more: str) -> str:
    """Returns an address with more in its query, after what it has already."""
    parts = urlsplit(url)
    return parts._replace(query="&".join(part for part in (parts.query, urlencode(more)) if part)).geturl()
