"""The addresses that are entered by hand in a service's console, for each kind of webhook."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from botkit.adapter import Adapter
from botkit.redaction import MASK
from botkit.service import webhook_url


def console_addresses(adapter: Adapter, base: str, *, shows_secrets: bool = False) -> Mapping[str, str]:
    """Returns where an account's service must call, by the kinds of its webhooks; nothing for one without kinds.

    Kinds that share an address stand together. What proves the caller is masked, unless `shows_secrets`.
    """
    kinds: dict[str, list[str]] = {}
    for kind in sorted(adapter.kinds, reverse=True):
        url = webhook_url(base, adapter.account, kind)
        address = adapter.callback_address(kind, url)
        kinds.setdefault(address if shows_secrets else _masked(address, url), []).append(kind)
    return {", ".join(names): address for address, names in kinds.items()}


def _masked(address: str, url: str) -> str:
    """Returns an address with the values hidden that stand behind `url`, which has no secret in it."""
    plain, _, query = address.partition("?")
    known = dict(parse_qsl(url.partition("?")[2]))
    added = [name for name, value in parse_qsl(query, keep_blank_values=True) if known.get(name) != value]
    if not added:
        return address
    return f"{plain}?{url.partition('?')[2]}{''.join(f'&{name}={MASK}' for name in added)}"
