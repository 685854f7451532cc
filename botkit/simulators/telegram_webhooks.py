"""The methods of the simulated Bot API that say where updates go.

https://core.telegram.org/bots/api#setwebhook
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from botkit.simulators.telegram_calls import Called
from botkit.simulators.telegram_files import MEGABYTE
from botkit.simulators.telegram_parameters import ApiError, Parameters, split_url
from botkit.simulators.telegram_queue import KINDS, OFF_BY_DEFAULT
from botkit.simulators.telegram_state import Webhook

MAX_CERTIFICATE = 3 * MEGABYTE
#: The webhook changes at most once in so many seconds.
CHANGE_SECONDS = 1


def _set_webhook(call: Called) -> str:
    parameters, old = call.parameters, call.bot.webhook
    url = parameters.get("url").strip()
    if not url:
        return _delete_webhook(call)
    _check_change(call)
    secret = parameters.get("secret_token")
    _check_secret(secret)
    _check_url(url, is_local=call.options.is_local)
    certificate = parameters.uploads.get("certificate")
    if certificate and len(certificate.content) > MAX_CERTIFICATE:
        raise ApiError(400, f"certificate size is too big ({len(certificate.content)} bytes)")
    address = _read_address(parameters.get("ip_address").strip())
    most = min(max(parameters.integer("max_connections", 40), 1), 100)
    is_same = (old.url, old.secret, old.max_connections, old.ip_address) == (url, secret, most, address)
    old.allowed_updates = read_allowed(parameters, old.allowed_updates)
    if is_same and not certificate and not parameters.is_true("drop_pending_updates"):
        return "Webhook is already set"
    _drop_pending(call)
    call.bot.webhook = Webhook(
        url, secret, most, old.allowed_updates, call.now, ip_address=address, has_certificate=bool(certificate)
    )
    return "Webhook was set"


def _check_change(call: Called) -> None:
    if call.now - call.bot.webhook.changed_at < CHANGE_SECONDS:
        raise ApiError(429, "retry after 1", retry_after=1)


def _check_secret(secret: str) -> None:
    if len(secret) > 256:
        raise ApiError(400, "secret token is too long")
    if not re.fullmatch(r"[A-Za-z0-9_-]*", secret):
        raise ApiError(400, "secret token contains unallowed characters")


def _check_url(url: str, *, is_local: bool) -> None:
    parts = split_url(url)
    if not parts or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ApiError(400, "invalid webhook URL specified")
    if is_local:
        return
    if parts.scheme != "https":
        raise ApiError(400, "bad webhook: An HTTPS URL must be provided for webhook")
    if parts.port not in (None, 80, 88, 443, 8443):
        raise ApiError(400, "bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")
    try:
        address = ipaddress.ip_address(parts.hostname)
    except ValueError:
        return
    _check_address(address)


def _check_address(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if address.version == 6:
        raise ApiError(400, "bad webhook: IPv6-only addresses are not allowed")
    if not address.is_global:
        raise ApiError(400, f"bad webhook: IP address {address} is reserved")


def _read_address(text: str) -> str:
    if not text:
        return ""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise ApiError(400, "bad webhook: Invalid IP address specified") from None
    _check_address(address)
    return text


def read_allowed(parameters: Parameters, old: list[str]) -> list[str]:
    """Returns the chosen kinds, an empty list for the default ones; what cannot be read counts as not given."""
    try:
        names = msgspec.json.decode(parameters.get("allowed_updates"), type=list[str])
    except msgspec.DecodeError:
        return old
    known = {name.lower() for name in names} & set(KINDS)
    return [] if known == set(KINDS) - OFF_BY_DEFAULT else sorted(known)


def _drop_pending(call: Called) -> None:
    if call.parameters.is_true("drop_pending_updates"):
        call.bot.pending.clear()


def _delete_webhook(call: Called) -> str:
    _check_change(call)
    _drop_pending(call)
    if not call.bot.webhook.url:
        return "Webhook is already deleted"
    call.bot.webhook = Webhook(allowed_updates=call.bot.webhook.allowed_updates, changed_at=call.now)
    return "Webhook was deleted"


def _get_webhook_info(call: Called) -> dict[str, Any]:
    webhook = call.bot.webhook
    info: dict[str, Any] = {"url": webhook.url, "has_custom_certificate": webhook.has_certificate}
    info |= {"pending_update_count": len(call.bot.pending)}
    if webhook.failure:
        info |= {"last_error_date": int(webhook.failed_at), "last_error_message": webhook.failure}
    if webhook.url:
        info |= {"ip_address": webhook.ip_address or "<unknown>", "max_connections": webhook.max_connections}
    return info | ({"allowed_updates": webhook.allowed_updates} if webhook.allowed_updates else {})


#: The methods about the webhook, by their names in lower case; a text is the description of a `true`.
WEBHOOKS: Mapping[str, Callable[[Called], Any]] = {
    "setwebhook": _set_webhook,
    "deletewebhook": _delete_webhook,
    "getwebhookinfo": _get_webhook_info,
}
