"""The webhook of an account at Mitto: found, made, changed, deleted, and what is told when Mitto refuses."""

import json
from typing import Any

import pytest

from botkit.exceptions import ServiceError
from botkit.gateways.mitto_webhooks import kind_url, plain_url, with_query
from botkit.http_client import HttpAnswer
from botkit.webhook import WebhookStatus
from tests.gateways.mitto_desk import KEY, SECRET, TA, Gateway, mitto

URL = f"https://bot.example/webhooks/mitto?ta={TA}"
OWN = {
    "id": "hook 1",
    "url": f"https://bot.example/webhooks/mitto/report?ta={TA}",
    "description": f"botkit {TA}",
    "webhookTriggers": ["MessageStatus"],
    "linkTrafficAccountIds": [TA],
}
OTHER = {"id": 7, "url": "https://crm.example/mitto", "description": None}
REGISTRATION = {
    "url": f"https://bot.example/webhooks/mitto/report?ta={TA}",
    "description": f"botkit {TA}",
    "headers": {"X-Botkit-Secret": SECRET},
    "linkTrafficAccountIds": [TA],
}
BASE = "https://messaging.mittoapi.com/api/v1/Webhooks"


def answer(status: int, body: Any = None) -> HttpAnswer:
    return HttpAnswer(status, {}, json.dumps(body).encode())


def called(gateway: Gateway) -> list[tuple[str, str]]:
    return [(call.method, call.url.removeprefix(BASE)) for call in gateway.calls]


# --- where it is


@pytest.mark.parametrize("listed", [[OTHER, OWN], {"webhooks": [OWN]}, {"items": [OTHER, OWN]}, {"data": [OWN]}])
async def test_our_webhook_is_known_again_in_any_list(listed: Any) -> None:
    status = await mitto().load_webhook(Gateway(listed))
    assert status == WebhookStatus(URL, {"id": "hook 1", "triggers": ["MessageStatus"], "accounts": [TA]})


@pytest.mark.parametrize(("listed", "count"), [([], 0), ([OTHER], 1), ([OWN | {"description": "botkit x"}], 1)])
async def test_where_none_is_ours_none_is_set(listed: Any, count: int) -> None:
    assert await mitto().load_webhook(Gateway(listed)) == WebhookStatus("", {"webhooks": count})


@pytest.mark.parametrize("status", [404, 405])
async def test_where_there_is_no_list_the_place_is_told(status: int) -> None:
    found = await mitto().load_webhook(Gateway(answer(status)))
    assert found.url == ""
    assert "customer portal" in found.details["set in"]


@pytest.mark.parametrize("body", [{}, 1, None, [1], {"webhooks": 1}, [{"url": "x"}]])
async def test_a_list_that_cannot_be_read_is_an_error(body: Any) -> None:
    with pytest.raises(ServiceError, match="GET /api/v1/Webhooks"):
        await mitto().load_webhook(Gateway(body))


# --- setting it


async def test_a_webhook_is_made_with_our_secret_for_the_account() -> None:
    gateway = Gateway(answer(200, [OTHER]), answer(201, OWN))
    await mitto(webhook_secret=SECRET).set_webhook(URL, gateway)
    assert called(gateway) == [("GET", ""), ("POST", "")]
    assert gateway.calls[1].body == REGISTRATION
    assert gateway.calls[1].headers == {"X-Mitto-API-Key": KEY}


async def test_a_webhook_of_ours_is_changed_and_not_made_twice() -> None:
    gateway = Gateway(answer(200, [OTHER, OWN]), answer(200, OWN))
    await mitto(webhook_secret=SECRET, triggers=["MessageStatus"]).set_webhook(URL, gateway)
    assert called(gateway) == [("GET", ""), ("PUT", "/hook%201")]
    assert gateway.calls[1].body == REGISTRATION | {"webhookTriggers": ("MessageStatus",)}


async def test_without_a_list_a_webhook_is_made() -> None:
    gateway = Gateway(answer(404), answer(201, OWN))
    await mitto(webhook_secret=SECRET).set_webhook(URL, gateway)
    assert called(gateway) == [("GET", ""), ("POST", "")]


async def test_without_a_secret_none_is_made() -> None:
    gateway = Gateway([])
    with pytest.raises(ServiceError, match="SHOP_SMS_WEBHOOK_SECRET is not set"):
        await mitto().set_webhook(URL, gateway)
    assert gateway.calls == []


@pytest.mark.parametrize(
    ("status", "fix"),
    [
        (400, "mend what it says"),
        (401, "check SHOP_SMS_API_KEY"),
        (403, "the addresses that this service calls from"),
        (500, "try again later"),
    ],
)
async def test_what_mitto_says_is_told_with_the_cure_and_without_secrets(status: int, fix: str) -> None:
    gateway = Gateway(answer(200, []), answer(status, {"message": f"no, {SECRET} and {KEY}"}))
    with pytest.raises(ServiceError) as raised:
        await mitto(webhook_secret=SECRET).set_webhook(URL, gateway)
    assert raised.value.code == status
    assert raised.value.what == f"Mitto refused POST /api/v1/Webhooks: HTTP {status} (no, *** and ***)"
    assert fix in raised.value.fix


# --- deleting it


async def test_our_webhook_is_deleted_with_its_links() -> None:
    gateway = Gateway(answer(200, [OTHER, OWN]), answer(200))
    await mitto().delete_webhook(gateway)
    assert called(gateway) == [("GET", ""), ("DELETE", "/hook%201?forceDelete=true")]


@pytest.mark.parametrize("first", [answer(200, [OTHER]), answer(405)], ids=["another's", "no list"])
async def test_nobody_else_s_is(first: HttpAnswer) -> None:
    gateway = Gateway(first)
    await mitto().delete_webhook(gateway)
    assert called(gateway) == [("GET", "")]


async def test_a_webhook_that_cannot_be_deleted_is_told() -> None:
    with pytest.raises(ServiceError, match=r"DELETE /api/v1/Webhooks/hook%201: HTTP 403"):
        await mitto().delete_webhook(Gateway(answer(200, [OWN]), answer(403, {})))


# --- addresses


def test_a_kind_stands_at_the_end_of_the_path_and_is_taken_away_again() -> None:
    assert kind_url(URL, "report") == f"https://bot.example/webhooks/mitto/report?ta={TA}"
    assert plain_url(kind_url(URL, "report"), "report") == URL
    assert plain_url("https://crm.example/mitto?x=1", "report") == "https://crm.example/mitto?x=1"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://bot.example/cb", "https://bot.example/cb?ta=a+%26+b&token=t"),
        ("https://bot.example/cb?x=1", "https://bot.example/cb?x=1&ta=a+%26+b&token=t"),
    ],
)
def test_a_query_is_added_to_the_one_that_is_there(url: str, expected: str) -> None:
    assert with_query(url, ta="a & b", token="t") == expected
