"""The webhooks that customers of the simulated Mitto register: made, changed and deleted."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from botkit.simulators.mitto_checks import TrafficAccount
from botkit.simulators.mitto_fields import Json, check_names, join, read_text, read_url
from botkit.simulators.mitto_refusals import RefusedError, invalid
from botkit.simulators.mitto_servers import Servers, owner_of
from botkit.simulators.mitto_state import Hook

_NAMES = ("url", "description", "webhookTriggers", "headers", "linkTrafficAccountIds")
_MOST_HEADERS = 20


class Webhooks:
    """Keeps the webhooks of every key; nobody sees another's."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    def create(self, accounts: Mapping[str, TrafficAccount], body: Json) -> dict[str, Any]:
        """Registers a webhook and links it to accounts. Raises RefusedError."""
        hook = self._read(str(uuid4()), accounts, body)
        self._servers.state.hooks[hook.id] = hook
        return self._object(hook)

    def entries(self, accounts: Mapping[str, TrafficAccount]) -> list[dict[str, Any]]:
        """Returns the webhooks of a key, without the headers that are secrets. Raises RefusedError where none can."""
        if not self._servers.lists_webhooks:
            raise RefusedError(405, "the method is not allowed here")
        own = [hook for hook in self._servers.state.hooks.values() if hook.owner == _owner(accounts)]
        return [self._object(hook) | {"headers": dict.fromkeys(hook.headers, "***")} for hook in own]

    def update(self, accounts: Mapping[str, TrafficAccount], hook_id: str, body: Json) -> dict[str, Any]:
        """Writes a webhook anew; links stay where the request names none. Raises RefusedError."""
        known = self._own(accounts, hook_id)
        hook = self._read(hook_id, accounts, body)
        if "linkTrafficAccountIds" not in body:
            hook.accounts = known.accounts
        self._servers.state.hooks[hook_id] = hook
        return self._object(hook)

    def delete(self, accounts: Mapping[str, TrafficAccount], hook_id: str, *, is_forced: bool) -> dict[str, Any]:
        """Removes a webhook; one with links only by force. Raises RefusedError."""
        hook = self._own(accounts, hook_id)
        if hook.accounts and not is_forced:
            raise invalid("the webhook is linked to traffic accounts; forceDelete unlinks it")
        del self._servers.state.hooks[hook_id]
        return {"id": hook_id}

    def _own(self, accounts: Mapping[str, TrafficAccount], hook_id: str) -> Hook:
        hook = self._servers.state.hooks.get(hook_id)
        if not hook or hook.owner != _owner(accounts):
            raise RefusedError(400, "there is no such webhook")
        return hook

    def _read(self, hook_id: str, accounts: Mapping[str, TrafficAccount], body: Json) -> Hook:
        check_names(body, _NAMES)
        return Hook(
            id=hook_id,
            owner=_owner(accounts),
            url=read_url(body, "url", ""),
            description=read_text(body, "description", least=0) if "description" in body else "",
            triggers=self._triggers(body),
            headers=_headers(body),
            accounts=_links(body, accounts),
        )

    def _triggers(self, body: Json) -> list[str]:
        found = _list(body, "webhookTriggers")
        for name in found:
            if name.lower() not in self._servers.triggers:
                raise invalid("there is no such trigger", "webhookTriggers")
        return found

    def _object(self, hook: Hook) -> dict[str, Any]:
        known = {"id": hook.id, "url": hook.url, "description": hook.description, "webhookTriggers": hook.triggers}
        return {**known, "headers": hook.headers, "linkTrafficAccountIds": hook.accounts, **self._servers.extras}


def _owner(accounts: Mapping[str, TrafficAccount]) -> str:
    return owner_of(next(iter(accounts.values())).key)


def _headers(body: Json) -> dict[str, str]:
    headers = body.get("headers") or {}
    if not isinstance(headers, dict) or len(headers) > _MOST_HEADERS:
        raise invalid(f"an object of at most {_MOST_HEADERS} texts is required", "headers")
    for name, value in headers.items():
        is_sendable = isinstance(value, str) and value.isascii() and value.isprintable()
        if not is_sendable or not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
            raise invalid("this cannot be a header", join("headers", "name"))
    return headers


def _links(body: Json, accounts: Mapping[str, TrafficAccount]) -> list[str]:
    found = _list(body, "linkTrafficAccountIds")
    if not accounts.keys() >= set(found):
        raise invalid("there is no such traffic account", "linkTrafficAccountIds")
    return list(dict.fromkeys(found))


def _list(body: Json, name: str) -> list[str]:
    found = body.get(name)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(item, str) and item for item in found):
        raise invalid("a list of texts is required", name)
    return found
