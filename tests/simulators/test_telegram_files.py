"""Files of the simulated Telegram: by address, by upload, by id, and back as bytes."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from botkit.simulators.telegram import Page
from botkit.simulators.telegram_files import MEDIA, MEGABYTE
from tests.simulators.telegram_desk import ANA, Bot, opened_bot, refused

WRONG_TYPE = "Bad Request: wrong type of the web page content"
NO_CONTENT = "Bad Request: failed to get HTTP URL content"


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    async with opened_bot() as bot:
        yield bot


def method(kind: str) -> str:
    return f"send{kind.replace('_', '')}"


async def upload(bot: Bot, kind: str, content: bytes, name: str = "a.bin", mime_type: str = "") -> httpx.Response:
    file = (name, content, mime_type) if mime_type else (name, content)
    return await bot.http.post(method(kind), data={"chat_id": bot.chat_id()}, files={kind: file})


@pytest.mark.parametrize("kind", MEDIA)
async def test_every_kind_can_be_uploaded_and_sent_again_by_its_id(bot: Bot, kind: str) -> None:
    result = (await upload(bot, kind, b"abc", "a.x", MEDIA[kind].default)).json()["result"]
    content = result[kind][-1] if kind == "photo" else result[kind]
    assert content["file_size"] == 3
    again = await bot.result(method(kind), **{kind: content["file_id"]})
    assert again[kind] == result[kind]


@pytest.mark.parametrize("kind", MEDIA)
async def test_every_kind_needs_its_parameter(bot: Bot, kind: str) -> None:
    assert await bot.refusal(method(kind)) == f"Bad Request: there is no {kind} in the request"


@pytest.mark.parametrize(
    ("kind", "most"), [("photo", 5), ("document", 20), ("video", 20), ("audio", 20), ("voice", 20)]
)
async def test_what_is_fetched_has_a_largest_size(bot: Bot, kind: str, most: int) -> None:
    bot.simulator.pages = {
        "https://a.example/ok": Page(MEDIA[kind].default, most * MEGABYTE),
        "https://a.example/big": Page(MEDIA[kind].default, most * MEGABYTE + 1),
    }
    await bot.result(method(kind), **{kind: "https://a.example/ok"})
    assert await bot.refusal(method(kind), **{kind: "https://a.example/big"}) == NO_CONTENT


async def test_a_page_that_is_not_there_is_refused(bot: Bot) -> None:
    bot.simulator.pages = {"https://a.example/b.png": Page(status=404)}
    assert await bot.refusal("sendPhoto", photo="https://a.example/b.png") == NO_CONTENT


@pytest.mark.parametrize(
    ("kind", "mime_type", "is_taken"),
    [
        ("photo", "image/png", True),
        ("photo", "text/html", False),
        ("document", "application/pdf", True),
        ("document", "application/zip", True),
        ("document", "image/gif", True),
        ("document", "text/plain", False),
        ("voice", "audio/ogg", True),
        ("voice", "audio/mpeg", False),
        ("animation", "image/gif", True),
        ("sticker", "image/png", False),
        ("video_note", "video/mp4", False),
    ],
)
async def test_the_type_of_a_page_decides(bot: Bot, kind: str, mime_type: str, is_taken: bool) -> None:
    bot.simulator.pages = {"https://a.example/b": Page(mime_type)}
    response = await bot.call(method(kind), chat_id=bot.chat_id(), **{kind: "https://a.example/b"})
    assert response.json().get("description") == (None if is_taken else WRONG_TYPE)


@pytest.mark.parametrize(("size", "shown"), [(MEGABYTE, "voice"), (MEGABYTE + 1, "document")])
async def test_a_fetched_voice_over_1_mb_arrives_as_a_document(bot: Bot, size: int, shown: str) -> None:
    bot.simulator.pages = {"https://a.example/b": Page("audio/ogg", size)}
    assert shown in await bot.result("sendVoice", voice="https://a.example/b")


@pytest.mark.parametrize(
    ("width", "height", "is_taken"),
    [(5000, 5000, True), (5000, 5001, False), (20, 400, True), (20, 401, False), (401, 20, False)],
)
async def test_a_photo_has_bounded_sides(bot: Bot, width: int, height: int, is_taken: bool) -> None:
    bot.simulator.pages = {"https://a.example/b.png": Page(width=width, height=height)}
    png = b"\x89PNG\r\n\x1a\n" + bytes(8) + width.to_bytes(4) + height.to_bytes(4)
    fetched = await bot.call("sendPhoto", chat_id=bot.chat_id(), photo="https://a.example/b.png")
    for response in (fetched, await upload(bot, "photo", png)):
        assert response.json().get("description") == (None if is_taken else "Bad Request: PHOTO_INVALID_DIMENSIONS")


async def test_an_uploaded_photo_has_at_most_10_mb(bot: Bot) -> None:
    assert (await upload(bot, "photo", bytes(10 * MEGABYTE))).status_code == 200
    response = await upload(bot, "photo", bytes(10 * MEGABYTE + 1))
    assert refused(response) == (400, "Bad Request: file is too big")
    bot.simulator.is_local = True
    assert (await upload(bot, "photo", bytes(10 * MEGABYTE + 1))).status_code == 200


async def test_an_upload_over_50_mb_is_refused_by_its_size(bot: Bot) -> None:
    response = await upload(bot, "document", bytes(50 * MEGABYTE + 1))
    assert refused(response) == (413, "Request Entity Too Large")


async def test_an_empty_upload_is_refused(bot: Bot) -> None:
    assert refused(await upload(bot, "photo", b"")) == (400, "Bad Request: file must be non-empty")


@pytest.mark.parametrize(
    ("kind", "name", "shown"),
    [
        ("video", "a.mp4", "video"),
        ("video", "a.pdf", "document"),
        ("voice", "a.ogg", "voice"),
        ("voice", "a.m4a", "voice"),
        ("voice", "a.zip", "document"),
        ("audio", "a.png", "document"),
    ],
)
async def test_an_upload_of_another_type_arrives_as_a_document(bot: Bot, kind: str, name: str, shown: str) -> None:
    assert shown in (await upload(bot, kind, b"x", name)).json()["result"]


async def test_a_part_may_be_attached_by_its_name(bot: Bot) -> None:
    data: dict[str, Any] = {"chat_id": bot.chat_id(), "photo": "attach://cat"}
    response = await bot.http.post("sendPhoto", data=data, files={"cat": ("c.png", b"x")})
    assert response.status_code == 200
    response = await bot.http.post("sendPhoto", data=data, files={"dog": ("d.png", b"x")})
    assert refused(response) == (400, "Bad Request: can't parse file identifier: file to upload not found")


async def test_a_form_with_files_may_hold_any_text(bot: Bot) -> None:
    data = {"chat_id": bot.chat_id(), "caption": "č\r\n--x\r\n😀"}
    result = (await bot.http.post("sendDocument", data=data, files={"document": ("ž.pdf", b"\r\n--x")})).json()[
        "result"
    ]
    assert (result["caption"], result["document"]["file_name"], result["document"]["file_size"]) == (
        "č\r\n--x\r\n😀",
        "ž.pdf",
        5,
    )


async def test_an_animation_is_a_document_too(bot: Bot) -> None:
    result = await bot.result("sendAnimation", animation="https://a.example/b.gif")
    assert result["animation"]["file_id"] == result["document"]["file_id"]
    assert bot.simulator.screen("demo", ANA)[-1].kind == "animation"


async def download(bot: Bot, path: str, token: str = "") -> httpx.Response:
    return await bot.http.get(f"http://telegram.test/file/bot{token or bot.token}/{path}")


async def test_an_uploaded_file_is_downloaded_as_it_was(bot: Bot) -> None:
    sent = (await upload(bot, "document", b"\x00\r\n\xff", "a.pdf")).json()["result"]
    found = await bot.result("getFile", file_id=sent["document"]["file_id"])
    response = await download(bot, found["file_path"])
    assert (response.status_code, response.content) == (200, b"\x00\r\n\xff")
    assert [exchange.status for exchange in bot.simulator.wire.calls("file")] == [200]


async def test_a_file_of_a_person_has_the_size_it_says(bot: Bot) -> None:
    await bot.simulator.sends_file("demo", ANA, "bill.pdf")
    file_id = bot.told("message")[0]["document"]["file_id"]
    found = await bot.result("getFile", file_id=file_id)
    assert len((await download(bot, found["file_path"])).content) == found["file_size"] == 2048


async def test_a_path_works_for_an_hour(bot: Bot) -> None:
    await bot.simulator.sends_photo("demo", ANA)
    found = await bot.result("getFile", file_id=bot.told("message")[0]["photo"][0]["file_id"])
    bot.clock.advance(seconds=3599)
    assert (await download(bot, found["file_path"])).status_code == 200
    bot.clock.advance(seconds=1)
    assert refused(await download(bot, found["file_path"])) == (404, "Not Found")


async def test_a_download_needs_the_token_and_a_path_that_was_given(bot: Bot) -> None:
    assert refused(await download(bot, "photos/x")) == (404, "Not Found")
    assert refused(await download(bot, "photos/x", "1:wrong")) == (401, "Unauthorized")


async def test_a_self_hosted_server_gives_files_of_any_size(bot: Bot) -> None:
    await bot.simulator.sends_file("demo", ANA, size=20 * MEGABYTE + 1)
    file_id = bot.told("message")[0]["document"]["file_id"]
    assert await bot.refusal("getFile", file_id=file_id) == "Bad Request: file is too big"
    bot.simulator.is_local = True
    assert (await bot.result("getFile", file_id=file_id))["file_size"] == 20 * MEGABYTE + 1
