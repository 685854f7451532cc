"""The webhook of the simulated Telegram beside its address: a certificate, a fixed address, another one."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from botkit.simulators.telegram_webhooks import MAX_CERTIFICATE
from tests.simulators.telegram_desk import URL, Bot, StoppedClock, refused


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    bot = Bot(StoppedClock())
    yield bot
    await bot.close()


async def certified(bot: Bot, size: int = 10) -> httpx.Response:
    return await bot.http.post("setWebhook", data={"url": URL}, files={"certificate": ("c.pem", b"x" * size)})


async def info(bot: Bot) -> dict[str, Any]:
    return dict(await bot.result("getWebhookInfo"))


async def test_a_certificate_is_remembered_and_always_sets_the_webhook_anew(bot: Bot) -> None:
    for _ in range(2):
        assert (await certified(bot)).json()["description"] == "Webhook was set"
        bot.clock.advance(seconds=1)
    assert (await info(bot))["has_custom_certificate"] is True


async def test_a_certificate_has_at_most_3_mb(bot: Bot) -> None:
    too_big = f"Bad Request: certificate size is too big ({MAX_CERTIFICATE + 1} bytes)"
    assert refused(await certified(bot, MAX_CERTIFICATE + 1)) == (400, too_big)
    assert (await certified(bot, MAX_CERTIFICATE)).status_code == 200


async def test_a_fixed_address_is_shown_and_its_change_is_one(bot: Bot) -> None:
    for address in ("93.184.216.34", "93.184.216.35"):
        response = await bot.call("setWebhook", url=URL, ip_address=address)
        assert response.json()["description"] == "Webhook was set"
        assert (await info(bot))["ip_address"] == address
        bot.clock.advance(seconds=1)
    response = await bot.call("setWebhook", url=URL, ip_address="93.184.216.35")
    assert response.json()["description"] == "Webhook is already set"


@pytest.mark.parametrize(
    ("address", "description"),
    [
        ("10.0.0.5", "IP address 10.0.0.5 is reserved"),
        ("2001:db8::1", "IPv6-only addresses are not allowed"),
        ("x", "Invalid IP address specified"),
    ],
)
async def test_a_bad_fixed_address_is_refused(bot: Bot, address: str, description: str) -> None:
    response = await bot.call("setWebhook", url=URL, ip_address=address)
    assert refused(response) == (400, f"Bad Request: bad webhook: {description}")


async def test_a_webhook_that_is_already_set_still_changes_its_kinds(bot: Bot) -> None:
    await bot.call("setWebhook", url=URL)
    bot.clock.advance(seconds=1)
    response = await bot.call("setWebhook", url=URL, allowed_updates=["poll"])
    assert response.json()["description"] == "Webhook is already set"
    assert (await info(bot))["allowed_updates"] == ["poll"]
