"""What somebody sent is fetched within bounds, from the service only, and no token shows when it fails."""

import traceback
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from botkit import adapter as adapter_module
from botkit.adapter import Adapter
from botkit.bot import Bot
from botkit.channels.gbm import BusinessMessages
from botkit.channels.telegram import Telegram
from botkit.channels.viber import Viber
from botkit.context import Context
from botkit.events import Media, MessageReceived
from botkit.exceptions import DownloadError
from botkit.flow import Flow
from botkit.http import Http
from botkit.http_client import Download
from botkit.router import Router
from botkit.testing import BotTester
from tests.channels.bot_api import TOKEN

PACKAGE = str(Path(adapter_module.__file__).parent)
MB = 1024 * 1024
CANARY = "canary"
TELEGRAM = Telegram(TOKEN, "s3cret", ta="demo")
VIBER = Viber(f"{CANARY}-token", ta="demo")
GBM = BusinessMessages(ta="demo")
VIBER_FILE = Media("image", url=f"https://dl-media.viber.com/a.jpg?Signature={CANARY}")
GBM_FILE = Media("image", url=f"https://storage.googleapis.com/a?x-goog-signature={CANARY}")
TELEGRAM_FILE = Media("file", file_id="BQAC", mime="application/pdf")

Serve = Callable[[httpx.Request], httpx.Response]
every_channel = pytest.mark.parametrize(
    ("adapter", "media"),
    [(TELEGRAM, TELEGRAM_FILE), (VIBER, VIBER_FILE), (GBM, GBM_FILE)],
    ids=["telegram", "viber", "gbm"],
)


def serving(response: httpx.Response) -> Serve:
    """A service that answers every download like this."""

    def serve(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/getFile"):
            result = {"file_id": "BQAC", "file_unique_id": "u", "file_path": "documents/file_1.pdf"}
            return httpx.Response(200, json={"ok": True, "result": result})
        return response

    return serve


async def fetch(adapter: Adapter, media: Media, serve: Serve, most: int = 20 * MB) -> Download:
    async with Http(transport=httpx.MockTransport(serve)) as client:
        return await adapter.download(media, client, most=most)


async def refusal(adapter: Adapter, media: Media, serve: Serve, most: int = 20 * MB) -> str:
    """Returns what a failed download says; fails where a traceback shows an address, or a token in its locals."""
    with pytest.raises(DownloadError) as caught:
        await fetch(adapter, media, serve, most)
    assert CANARY not in str(caught.value)
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True).stack
    shown = [str(frame.locals) for frame in frames if frame.filename.startswith(PACKAGE)]
    assert shown
    assert not any(secret.reveal() in text for secret in adapter.secrets() for text in shown)
    return caught.value.what


# --- bounds


@every_channel
async def test_a_file_may_have_as_many_bytes_as_asked_for_and_not_one_more(adapter: Adapter, media: Media) -> None:
    serve = serving(httpx.Response(200, content=b"x" * 100, headers={"content-type": "image/jpeg; q=1"}))
    download = await fetch(adapter, media, serve, most=100)
    assert download == Download(b"x" * 100, media.mime or "image/jpeg")
    assert await refusal(adapter, media, serve, most=99) == "the file is larger than 99 bytes"


@pytest.mark.parametrize(
    ("path", "media", "mime"),
    [
        ("photos/file_0.jpg", Media("image", file_id="AgAC"), "image/jpeg"),
        ("photos/file_0", Media("image", file_id="AgAC"), "image/jpeg"),
        ("documents/file_1.pdf", Media("file", file_id="BQAC"), "application/pdf"),
        ("documents/file_1.pdf", Media("file", file_id="BQAC", mime="text/plain"), "text/plain"),
        ("documents/file_2", Media("file", file_id="BQAC"), "application/octet-stream"),
    ],
)
async def test_telegram_says_no_type_so_the_device_or_the_name_does(path: str, media: Media, mime: str) -> None:
    def serve(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/getFile"):
            return httpx.Response(200, json={"ok": True, "result": {"file_path": path}})
        return httpx.Response(200, content=b"x", headers={"content-type": "application/octet-stream"})

    assert (await fetch(TELEGRAM, media, serve)).mime == mime


async def test_telegram_gives_no_file_of_more_than_20_megabytes() -> None:
    refused = {"ok": False, "error_code": 400, "description": "Bad Request: file is too big"}
    said = await refusal(TELEGRAM, TELEGRAM_FILE, lambda _: httpx.Response(400, json=refused))
    assert said == "Telegram gives no file (400 file is too big)"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, json={"ok": True, "result": {"file_id": "BQAC"}}),
        httpx.Response(200, json={"ok": True, "result": {"file_path": "../../getMe"}}),
        httpx.Response(200, json={"ok": True, "result": {"file_path": "/etc/passwd"}}),
        httpx.Response(200, json={"ok": True, "result": {"file_path": "https://evil.example/a"}}),
        httpx.Response(200, json={"ok": True, "result": {"file_path": "a?b"}}),
        httpx.Response(200, content=b"[]"),
        httpx.Response(502, content=b"<html>"),
        httpx.Response(401, json={"ok": False, "error_code": 401, "description": "Unauthorized"}),
    ],
)
async def test_an_odd_answer_to_get_file_is_a_download_that_failed(answer: httpx.Response) -> None:
    assert (await refusal(TELEGRAM, TELEGRAM_FILE, lambda _: answer)).startswith("Telegram gives no file (")


async def test_without_a_file_id_or_a_token_telegram_is_not_asked() -> None:
    assert await refusal(TELEGRAM, Media("image"), _unreachable) == "telegram gives no file for this image"
    assert "not set" in await refusal(Telegram(ta="demo"), TELEGRAM_FILE, _unreachable)


# --- when it fails


@every_channel
@pytest.mark.parametrize("status", [301, 302, 307, 403, 404, 410, 500])
async def test_whatever_is_not_the_file_is_told_by_its_status(adapter: Adapter, media: Media, status: int) -> None:
    headers = {"location": "https://elsewhere.example/"}
    said = await refusal(adapter, media, serving(httpx.Response(status, content=b"secret", headers=headers)))
    assert said == f"the file was answered with HTTP {status}"


@every_channel
async def test_no_redirect_is_followed(adapter: Adapter, media: Media) -> None:
    asked = []

    def serve(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return serving(httpx.Response(302, headers={"location": "http://169.254.169.254/"}))(request)

    await refusal(adapter, media, serve)
    assert "169.254.169.254" not in asked


@every_channel
@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ReadError, httpx.ReadTimeout, httpx.RemoteProtocolError])
async def test_a_connection_that_fails_shows_no_address(adapter: Adapter, media: Media, error: Any) -> None:
    def serve(request: httpx.Request) -> httpx.Response:
        raise error(f"could not reach {request.url}")

    assert CANARY not in await refusal(adapter, media, serve)


def _unreachable(request: httpx.Request) -> httpx.Response:
    raise AssertionError("nobody is to be asked")


# --- where from


@pytest.mark.parametrize("adapter", [VIBER, GBM], ids=["viber", "gbm"])
async def test_an_address_within_is_not_asked_for(adapter: Adapter) -> None:
    said = await refusal(adapter, Media("image", url=f"https://10.0.0.1/{CANARY}"), _unreachable)
    assert said == f"{adapter.channel} gives an address for this image that is not public by https"
    assert await refusal(adapter, Media("image"), _unreachable) == f"{adapter.channel} gives no address for this image"


@pytest.mark.parametrize("adapter", [VIBER, GBM], ids=["viber", "gbm"])
async def test_a_public_address_that_is_not_the_service_s_is_not_asked_for(adapter: Adapter) -> None:
    said = await refusal(adapter, Media("image", url=f"https://media.example/{CANARY}"), _unreachable)
    assert said == f"{adapter.channel} does not keep this image where its address says"


@pytest.mark.parametrize(("adapter", "media"), [(VIBER, VIBER_FILE), (GBM, GBM_FILE)], ids=["viber", "gbm"])
async def test_a_file_is_not_fetched_where_its_host_resolves_to_a_number_of_ours(
    adapter: Adapter, media: Media
) -> None:
    async def resolve(host: str) -> Sequence[str]:
        return ["8.8.8.8", "169.254.169.254"]

    async with Http(transport=httpx.MockTransport(_unreachable), resolve=resolve) as client:
        with pytest.raises(DownloadError) as caught:
            await adapter.download(media, client, most=MB)
    assert CANARY not in str(caught.value)


# --- a handler that fetches


def fetching(**options: Any) -> Bot:
    """A bot that says how large what it is sent is, or why it cannot be had."""
    router = Router(Flow)

    @router.on(MessageReceived)
    async def keep(event: MessageReceived, ctx: Context[Flow]) -> None:
        if event.media is None:
            return
        try:
            download = await ctx.download(event.media, **options)
        except DownloadError as error:
            ctx.reply(error.what)
            return
        ctx.reply(f"{download.mime}, {len(download.content)} bytes")

    return Bot("shop", routers=[router], accounts=list(ACCOUNTS))


ACCOUNTS = Telegram(ta="shop-telegram"), Viber(ta="shop-viber"), BusinessMessages(ta="shop-gbm")


@pytest.fixture
async def tester(botkit_redis_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[BotTester]:
    async with BotTester([fetching(**getattr(request, "param", {}))], botkit_redis_url, folder=tmp_path) as tester:
        yield tester


@pytest.mark.parametrize("channel", ["telegram", "viber", "gbm"])
async def test_a_handler_fetches_the_picture_that_it_was_sent(tester: BotTester, channel: str) -> None:
    ana = tester.user("Ana", channel=channel)
    await ana.opens()
    await ana.says("hello")
    await ana.sends_photo()
    assert ana.last.text.startswith("image/")


@pytest.mark.parametrize("channel", ["telegram", "viber", "gbm"])
@pytest.mark.parametrize("tester", [{"max_bytes": 3}], indirect=True)
async def test_a_handler_says_how_much_it_takes(tester: BotTester, channel: str) -> None:
    ana = tester.user("Ana", channel=channel)
    await ana.opens()
    await ana.sends_photo()
    assert "3" in ana.last.text


@pytest.mark.parametrize("channel", ["telegram", "viber", "gbm"])
@pytest.mark.parametrize(
    ("tester", "is_taken"),
    [
        ({"types": ["image/"]}, True),
        ({"types": ["text/plain", "image/jpeg", "image/png"]}, True),
        ({"types": ["image"]}, False),
        ({"types": ["application/pdf"]}, False),
    ],
    indirect=["tester"],
)
async def test_a_handler_says_which_types_it_takes(tester: BotTester, channel: str, is_taken: bool) -> None:
    ana = tester.user("Ana", channel=channel)
    await ana.opens()
    await ana.sends_photo()
    assert ana.last.text.startswith("image/") is is_taken


async def test_a_link_of_viber_that_has_run_out_is_told(tester: BotTester) -> None:
    ana = tester.user("Ana", channel="viber")
    await ana.says("hello")
    media = Media("image", url="http://viber.simulator/media/1/gone.jpg")
    client = Http(transport=tester.service.network)
    adapter = next(owner.adapter for owner in tester.service.owners.values() if owner.adapter.channel == "viber")
    with pytest.raises(DownloadError, match="HTTP 404"):
        await adapter.download(media, client, most=MB)
    await client.close()


async def test_nothing_of_a_download_is_logged_with_its_address() -> None:
    with structlog.testing.capture_logs() as logged:
        await refusal(VIBER, VIBER_FILE, serving(httpx.Response(404)))
    assert CANARY not in str(logged)
