"""Requests that somebody hostile might send: recorded ones changed at random, signed as the service would or not."""

import base64
import copy
import hashlib
import hmac
import json
import random
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from msgspec import Struct

from botkit.adapter import Adapter
from botkit.channels.gbm import BusinessMessages
from botkit.channels.telegram import Telegram
from botkit.channels.viber import Viber
from botkit.gateways.mitto import Mitto
from botkit.gateways.mitto_tokens import Claims, sign_token
from botkit.gateways.rapporto import Rapporto
from botkit.gateways.smsc import Smsc
from botkit.webhook import WebhookRequest

ADAPTERS: tuple[type[Adapter], ...] = (Telegram, Viber, BusinessMessages, Mitto, Rapporto, Smsc)
_FOLDERS = [Path(__file__).parent.parent / home / "payloads" for home in ("channels", "gateways")]

# Marks in a text that become JSON which no writer of JSON would write.
_RAW = {
    "@@nan@@": "NaN", "@@inf@@": "-Infinity", "@@huge@@": "9" * 400, "@@float@@": "1e999", "@@half@@": '"\\ud800"',
    "@@deep@@": "[" * 40 + "]" * 40, "@@abyss@@": "[" * 3000, "@@wide@@": "[" + "0," * 11_000 + "0]",
    "@@twice@@": '{"id":1,"id":"2"}', "@@nothing@@": "", "@@comment@@": "/**/1", "@@long@@": '"' + "я" * 20_000 + '"',
}  # fmt: skip
_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**53 + 1, 2**63, 2**64, -(2**63) - 1, 1e308, -0.0, 0.1, "", " ", "\0", "0",
    "-1",
    "a" * 5000, "\u202e\u0000\ufeff", "🙂" * 300, "{bk0}:m:*", "../../etc/passwd", "'; FLUSHALL", "\r\nX: y", "%00%ff",
    "1e5", "NaN", "null", "2024-99-99T99:99:99Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", [], {}, [[]], [None],
    {"": None}, ["a"] * 70, {"id": {"id": {}}}, *_RAW,
)  # fmt: skip


class Hostile(Struct, frozen=True):
    """A request for the wire; `genuine` is what an adapter is given of it, if the service could have signed it."""

    head: bytes
    body: bytes
    adapter: Adapter
    genuine: WebhookRequest | None = None


class Recorded(Struct, frozen=True):
    """A request as its service has sent it."""

    adapter: Adapter
    kind: str
    method: str
    query: Mapping[str, str]
    body: str


def adapters() -> list[Adapter]:
    """Returns an account of each service, with the settings of the recorded requests and other secrets."""
    made = []
    for cls in ADAPTERS:
        environ = json.loads((_folder(cls.channel) / "account.json").read_text())["environ"]
        environ |= {"DEMO_TA": "demo"}
        made.append(cls.from_env("DEMO", environ).simulated("http://nowhere.invalid"))
    return made


def recorded(accounts: list[Adapter]) -> list[Recorded]:
    """Returns all recorded requests to those accounts."""
    found = []
    for adapter in accounts:
        for path in sorted(_folder(adapter.channel).glob("*.json")):
            seen = json.loads(path.read_text())
            if "body" in seen:
                kind, method = seen.get("kind", ""), seen.get("method", "POST")
                found.append(Recorded(adapter, kind, method, seen["query"], seen["body"]))
    return found


def _folder(channel: str) -> Path:
    return next(folder / channel for folder in _FOLDERS if (folder / channel).is_dir())


class Attacker:
    """Makes requests of a seed: the same seed makes the same ones, but for the time of day in them."""

    def __init__(self, seed: int, accounts: list[Adapter]) -> None:
        self._random = random.Random(seed)
        self._seeds = recorded(accounts)
        self._trees = [seed.body for seed in self._seeds if seed.body.startswith("{")]

    def signed(self) -> Hostile:
        """Returns a request whose body is odd and whose signature is right."""
        seed = self._random.choice(self._seeds)
        if isinstance(seed.adapter, Smsc):
            return self._signed_form(seed)
        body = self._body(seed)
        headers, query = _sign(seed, body)
        if seed.method == "GET":
            query = {**query, **{name: str(self._random.choice(_VALUES)) for name in ("status", "messageId")}}
            body = b""
        return self._made(seed, headers, query, body, is_genuine=True)

    def _signed_form(self, seed: Recorded) -> Hostile:
        assert isinstance(seed.adapter, Smsc)
        fields = dict(seed.query) | dict(part.split("=", 1) for part in seed.body.split("&") if "=" in part)
        for _ in range(self._random.randrange(3)):
            name = self._random.choice([*fields, "mes", "waitcall", "err"])
            fields[name] = str(self._random.choice(_VALUES)).replace("\0", "")[:2000]
        kind = next((name for name in ("mes", "waitcall") if name in fields), "")
        names = {"mes": ("phone", "mes", "to"), "waitcall": ("phone", "ts"), "": ("id", "phone", "status")}[kind]
        signed = ":".join([*(fields.get(name, "") for name in names), seed.adapter.callback_secret.reveal()])
        fields["md5"] = hashlib.md5(signed.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()
        fields["ta"] = "demo"
        body = urlencode({name: value for name, value in fields.items() if name != "ta"}).encode()
        return self._made(_posted(seed), {}, {"ta": "demo"}, body, is_genuine=True)

    def unsigned(self) -> Hostile:
        """Returns a request that is odd in any part, and not signed by the service."""
        seed = self._random.choice(self._seeds)
        body = self._bytes(self._body(seed)) if self._random.random() < 0.7 else self._random.randbytes(50)
        headers, query = _sign(seed, body + b" ") if self._random.random() < 0.5 else ({}, {"ta": "demo"})
        if not isinstance(seed.adapter, Viber | BusinessMessages):
            # There is no signature of the body that another body would break.
            headers, query = {name: value[:-1] for name, value in headers.items()}, {**query, "key": "x", "token": "x"}
        if self._random.random() < 0.3:
            query = {**query, "ta": str(self._random.choice(_VALUES))}
        made = self._made(seed, headers, query, body, is_genuine=False)
        head = made.head
        if self._random.random() < 0.4:
            head = self._odd_head(head)
        return Hostile(head, body, seed.adapter)

    def _made(
        self, seed: Recorded, headers: Mapping[str, str], query: Mapping[str, str], body: bytes, *, is_genuine: bool
    ) -> Hostile:
        path = f"/webhooks/{seed.adapter.channel}" + (f"/{quote(seed.kind, safe='')}" if seed.kind else "")
        raw_query = "&".join(f"{quote(k, safe='')}={quote(v, safe='', errors='replace')}" for k, v in query.items())
        kind = "application/x-www-form-urlencoded" if isinstance(seed.adapter, Smsc) else "application/json"
        sent = {"host": "bots.test", "content-type": kind, "content-length": str(len(body)), **headers}
        lines = [f"{seed.method} {path}?{raw_query} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items())]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
        if not is_genuine:
            return Hostile(head, body, seed.adapter)
        told = {k: v.encode("utf-8", "replace").decode() for k, v in query.items()}
        genuine = WebhookRequest(sent, told, body, seed.kind, seed.method, raw_query.encode())
        return Hostile(head, body, seed.adapter, genuine)

    # --- bodies ---

    def _body(self, seed: Recorded) -> bytes:
        try:
            tree = json.loads(seed.body)
        except ValueError:
            return seed.body.encode()
        tree = _fresh(tree)
        for _ in range(self._random.choice((0, 1, 1, 2, 3, 8))):
            tree = self._changed(tree)
        text = json.dumps(tree, ensure_ascii=self._random.random() < 0.5)
        for mark, raw in _RAW.items():
            text = text.replace(f'"{mark}"', raw)
        body = text.encode("utf-8", "replace")
        return self._bytes(body) if self._random.random() < 0.2 else body

    def _changed(self, tree: Any) -> Any:
        places = list(_places(tree))
        if not places or self._random.random() < 0.02:
            return self._value()
        parent, key = self._random.choice(places)
        match self._random.randrange(6):
            case 0:
                del parent[key]
            case 1 if isinstance(parent, dict):
                parent[str(self._random.choice(_VALUES))[:200]] = parent.pop(key)
            case 2:
                parent[key] = json.loads(self._random.choice(self._trees))
            case 3:
                parent[key] = str(parent[key]) if isinstance(parent[key], int) else {"value": parent[key]}
            case _:
                parent[key] = self._value()
        return tree

    def _value(self) -> Any:
        # A copy, for the next change may be one inside it.
        return copy.deepcopy(self._random.choice(_VALUES))

    def _bytes(self, body: bytes) -> bytes:
        odd = bytearray(body)
        place = self._random.randrange(len(odd) + 1)
        changes: tuple[Callable[[], None], ...] = (
            lambda: odd.__delitem__(slice(place, None)),
            lambda: odd.__setitem__(slice(place, place + 1), self._random.randbytes(1)),
            lambda: odd.__setitem__(slice(place, place), self._random.randbytes(self._random.randrange(40))),
            lambda: odd.__setitem__(slice(0, 0), b"\xef\xbb\xbf"),
            lambda: odd.__setitem__(slice(None), body.decode("utf-8", "replace").encode("utf-16")),
            lambda: odd.extend(body[:place]),
        )
        self._random.choice(changes)()
        return bytes(odd)

    # --- heads ---

    def _odd_head(self, head: bytes) -> bytes:
        match self._random.randrange(5):
            case 0:
                return self._bytes(head)
            case 1:
                lines = head.split(b"\r\n")
                lines.insert(self._random.randrange(len(lines) - 1), self._random.choice(lines))
                return b"\r\n".join(lines)
            case 2:
                odd = self._random.choice(_ODD_LINES)
                return head.replace(b"\r\n", b"\r\n" + odd + b"\r\n", 1)
            case 3:
                return head.replace(b"/webhooks", self._random.choice(_ODD_PATHS), 1)
            case _:
                return head.replace(b"content-length: ", self._random.choice((b"content-length: 9", b"x: ")), 1)


_ODD_LINES = (
    b"transfer-encoding: chunked", b"expect: 100-continue", b"connection: upgrade\r\nupgrade: websocket",
    b"x: \xff\xfe",
    b"content-encoding: gzip", b"x-viber-content-signature: \xff", b"x-goog-signature: ", b"host: other",
    b" folded: yes",
    b"cookie: " + b"a" * 9000, b"x: " + b"a" * 17000, b"x: y\r\n" * 70 + b"z: z", b"connection: close",
    b"range: bytes=0-",
    b"x-forwarded-for: 127.0.0.1", b"content-type: multipart/form-data; boundary=x",
)  # fmt: skip
_ODD_PATHS = (
    b"//webhooks", b"/webhooks/..", b"/webhooks%2f", b"/%00", b"/\xff", b"http://bots.test/webhooks", b"*", b"",
    b"/play",
    b"/webhooks/viber/x", b"/" + b"a" * 9000, b"/messages", b"/webhooks/%F0%9F%99%82", b"/webhooks/viber%3fta=demo#",
)  # fmt: skip


def _posted(seed: Recorded) -> Recorded:
    return Recorded(seed.adapter, seed.kind, "POST", seed.query, seed.body)


def _sign(seed: Recorded, body: bytes) -> tuple[dict[str, str], dict[str, str]]:
    """Returns the headers and the query with which the service proves who it is."""
    adapter, query = seed.adapter, {"ta": "demo"}
    match adapter:
        case Telegram():
            return {"x-telegram-bot-api-secret-token": list(adapter.secrets())[1].reveal()}, query
        case Viber():
            (token,) = adapter.secrets()
            return {"x-viber-content-signature": hmac.new(token.reveal().encode(), body, "sha256").hexdigest()}, query
        case BusinessMessages():
            digest = hmac.digest(adapter.keys[0].reveal().encode(), body, "sha512")
            return {"x-goog-signature": base64.b64encode(digest).decode()}, query
        case Rapporto():
            return {}, {**query, "key": list(adapter.secrets())[1].reveal()}
        case Mitto():
            if "token" not in seed.query:
                return {"x-botkit-secret": adapter.webhook_secret.reveal()}, query
            is_inbound = seed.kind == "inbound"
            purpose, keys = ("inbound", adapter.inbound_keys) if is_inbound else ("report", adapter.report_keys)
            to = "" if is_inbound else "+385910000001"
            subject = "demo" if is_inbound else "AlsT5TpLekmJmiRuXTZIkg00"
            claims = Claims(0, int(time.time()) + 3600, subject, purpose, to)
            return {}, {**query, "token": sign_token(claims, keys[0])}
    return {}, query


def _fresh(tree: Any) -> Any:
    # What is older than repeats are remembered would be dropped before anything can go wrong with it.
    if isinstance(tree, dict):
        now = datetime.now(UTC)
        times = {"timestamp": round(now.timestamp() * 1000), "sendTime": now.isoformat(), "createTime": now.isoformat()}
        return {
            name: times[name] if name in times and type(value) is type(times[name]) else _fresh(value)
            for name, value in tree.items()
        }
    return [_fresh(each) for each in tree] if isinstance(tree, list) else tree


def _places(tree: Any) -> Any:
    if isinstance(tree, dict):
        for key, value in list(tree.items()):
            yield tree, key
            yield from _places(value)
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield tree, index
            yield from _places(value)
