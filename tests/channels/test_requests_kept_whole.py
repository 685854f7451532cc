"""Nothing that a person chose can change where a request goes, or end a header or a field before its end."""

import json
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from botkit.adapter import Adapter
from botkit.addresses import AddressKind
from botkit.conversation import Conversation
from botkit.exceptions import BotkitError
from botkit.http import Http
from botkit.messages import Text
from botkit.outgoing import Outgoing
from tests.channels.demo_accounts import ACCOUNTS

HOSTILE = (
    *("../../getMe", "..%2f..%2fgetMe", "/etc/passwd", "\\..\\", "a@evil.example", "//evil.example/", "%2f%2e%2e"),
    *(
        "?x=1",
        "#x",
        "a b",
        "a\r\nHost: evil.example",
        "\0",
        "a\nb",
        "evil.example:80",
        "https://evil.example/",
        "é",
        "",
    ),
)
ids = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=40))
words = st.one_of(st.sampled_from([f"x{each}x" for each in HOSTILE]), st.text(min_size=1, max_size=60))
#: Fields of JSON that are there or not by how a text is marked up, and the text, which may be empty.
MARKS = {"entities", "parse_mode", "text", "containsRichText", "fallback"}
every_adapter = pytest.mark.parametrize("name", ACCOUNTS)


class Wire(httpx.AsyncBaseTransport):
    """Gives out an access token where one is asked for, and keeps every other request."""

    def __init__(self) -> None:
        self.asked: list[tuple[httpx.Request, bytes]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/token"):
            return httpx.Response(200, json={"access_token": "t", "expires_in": 3600})
        self.asked.append((request, await request.aread()))
        return httpx.Response(500)


async def asked(adapter: Adapter, to: str, text: str) -> list[tuple[httpx.Request, bytes]]:
    """Returns the requests that an account makes to send a text to somebody."""
    wire = Wire()
    try:
        message = Text(text=text)
        outgoing = Outgoing("k" * 24, (adapter.channel, adapter.ta), to, message)
        async with Http(transport=wire) as client:
            await adapter.send(outgoing, Conversation(adapter.account, to), client)
    except (BotkitError, ValueError):
        # Refused before anything is sent.
        return wire.asked
    return wire.asked


def usual_id(adapter: Adapter) -> str:
    return "+385910000001" if adapter.address is AddressKind.PHONE else "385910000001"


@every_adapter
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(to=ids, text=words)
async def test_whoever_is_written_to_the_request_goes_to_the_service_s_own_address(
    name: str, to: str, text: str
) -> None:
    base = f"http://{name}.simulator/api"
    adapter = ACCOUNTS[name]().simulated(base)
    usual = {
        len(urlsplit(str(request.url)).path.split("/"))
        for request, _ in await asked(adapter, usual_id(adapter), "hello")
    }
    assert usual
    for request, _ in await asked(adapter, to, text):
        assert (request.url.scheme, request.url.host, request.url.port) == ("http", f"{name}.simulator", None)
        path = request.url.raw_path.decode()
        assert path.startswith("/api")
        assert len(path.split("/")) in usual
        assert "/../" not in f"{path}/"


@every_adapter
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=words)
@example(text="__bold__")
async def test_whatever_is_said_no_header_and_no_field_ends_before_its_end(name: str, text: str) -> None:
    adapter = ACCOUNTS[name]().simulated(f"http://{name}.simulator")
    to = usual_id(adapter)
    plain = {_fields(request, body) for request, body in await asked(adapter, to, "hello")}
    assert plain
    for request, body in await asked(adapter, to, text):
        assert not [part for header in request.headers.raw for part in header if set(part) & set(b"\r\n\0")]
        assert _fields(request, body) in plain


def _fields(request: httpx.Request, body: bytes) -> tuple[str, ...]:
    """Returns the names of all that a request holds: a text that broke out of its field would add some."""
    if request.headers["content-type"].startswith("application/json"):
        return tuple(sorted(json.loads(body).keys() - MARKS))
    # By its kind of letters, another coding and length are named for the text.
    return tuple(sorted(parse_qs(body.decode(), keep_blank_values=True)))
