import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs

import httpx
import jwt
import pytest

from botkit.channels.google_oauth import AccessTokens, ServiceAccount
from botkit.clock import Clock
from botkit.exceptions import NotSentError, ServiceError
from botkit.http import Http

ACCOUNT = ServiceAccount("bot@shop.example", None, "key-1", "https://oauth2.example/token")


class Google:
    """A token endpoint that numbers its tokens; `gate` holds its answers back."""

    def __init__(self) -> None:
        self.forms: list[dict[str, list[str]]] = []
        self.asked = asyncio.Event()
        self.answer: httpx.Response | Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.clock = Clock()
        self.client = Http(transport=httpx.MockTransport(self._answer))
        self.tokens = AccessTokens(ACCOUNT, "scope-1", self.clock)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        self.forms.append(parse_qs(request.content.decode()))
        self.asked.set()
        await self.gate.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer or httpx.Response(200, json={"access_token": f"token-{len(self.forms)}", "expires_in": 3599})

    async def load(self) -> str:
        return (await self.tokens.load(self.client)).reveal()


@pytest.fixture
async def google() -> AsyncIterator[Google]:
    google = Google()
    yield google
    await google.client.close()


async def test_the_grant_is_signed_by_the_account_for_an_hour(google: Google) -> None:
    await google.load()
    (form,) = google.forms
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    (assertion,) = form["assertion"]
    assert jwt.get_unverified_header(assertion) == {"alg": "RS256", "typ": "JWT", "kid": "key-1"}
    claims = jwt.decode(assertion, ACCOUNT.public_key(), algorithms=["RS256"], audience=ACCOUNT.token_uri)
    assert (claims["iss"], claims["scope"]) == ("bot@shop.example", "scope-1")
    assert claims["exp"] - claims["iat"] == 3600


async def test_a_token_is_kept_until_a_minute_before_it_expires(google: Google) -> None:
    assert await google.load() == "token-1"
    google.clock.advance(seconds=3599 - 62)
    assert await google.load() == "token-1"
    google.clock.advance(seconds=3)
    assert await google.load() == "token-2"


async def test_everybody_who_waits_shares_one_request(google: Google) -> None:
    assert await asyncio.gather(*[google.load() for _ in range(10)]) == ["token-1"] * 10


async def test_everybody_who_waits_shares_one_failure_and_the_next_asks_again(google: Google) -> None:
    google.answer = httpx.Response(503)
    got = await asyncio.gather(*[google.load() for _ in range(5)], return_exceptions=True)
    assert {type(error) for error in got} == {NotSentError}
    assert len(google.forms) == 1
    google.answer = None
    assert await google.load() == "token-2"


async def test_who_is_cancelled_takes_the_token_from_nobody(google: Google) -> None:
    google.gate.clear()
    first, second = asyncio.ensure_future(google.load()), asyncio.ensure_future(google.load())
    await google.asked.wait()
    first.cancel()
    google.gate.set()
    assert await second == "token-1"


async def test_a_failure_nobody_waits_for_any_more_is_silent(google: Google) -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    google.answer = httpx.Response(503)
    google.gate.clear()
    waiting = asyncio.ensure_future(google.load())
    await google.asked.wait()
    waiting.cancel()
    google.gate.set()
    for _ in range(20):
        await asyncio.sleep(0)
    gc.collect()
    assert complaints == []


async def test_a_discarded_token_is_replaced_but_a_newer_one_stays(google: Google) -> None:
    old = await google.tokens.load(google.client)
    google.tokens.discard(old)
    assert await google.load() == "token-2"
    google.tokens.discard(old)
    assert await google.load() == "token-2"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (httpx.Response(500, text="PLANTED"), "500"),
        (httpx.Response(429, json={"error": "rate"}), "429"),
        (httpx.Response(302, headers={"location": "https://PLANTED"}), "302"),
        (httpx.Response(200, text="<html>PLANTED"), "cannot be read"),
        (httpx.Response(200, json={"access_token": 7}), "cannot be read"),
        (httpx.Response(200, content=b"[" * 100_000), "cannot be read"),
        (httpx.ReadTimeout("PLANTED"), "ReadTimeout"),
        (httpx.ConnectError("PLANTED"), "ConnectError"),
    ],
)
async def test_without_a_token_nothing_was_sent(
    google: Google, answer: httpx.Response | Exception, reason: str
) -> None:
    google.answer = answer
    with pytest.raises(NotSentError, match=reason) as caught:
        await google.load()
    assert "PLANTED" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"error": "invalid_grant", "error_description": "PLANTED"}', "invalid_grant"),
        (b'{"error": "PLANTED words"}', "refused"),
        (b"<html>PLANTED", "refused"),
    ],
)
async def test_a_refused_account_is_an_error_with_googles_code_and_a_fix(
    google: Google, body: bytes, code: str
) -> None:
    google.answer = httpx.Response(400, content=body)
    with pytest.raises(ServiceError) as caught:
        await google.load()
    assert caught.value.code == code
    assert caught.value.fix
    assert "PLANTED" not in str(caught.value)


def test_a_made_up_account_keeps_its_key_and_never_shows_it() -> None:
    assert ACCOUNT.private_key == ServiceAccount("other", None, "", "").private_key
    assert "PRIVATE KEY" in ACCOUNT.private_key.reveal()
    assert "PRIVATE KEY" not in repr(ACCOUNT)
