"""Files of ours: uploaded once, in a form, within Telegram's bounds, and named by their id after that."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from botkit.adapter import Outcome
from botkit.bot import Bot
from botkit.channels.telegram import Telegram
from botkit.channels.telegram_files import KnownFiles
from botkit.channels.telegram_messages import Call, render
from botkit.context import Context
from botkit.conversation import Conversation
from botkit.events import MessageFailed, MessageReceived
from botkit.exceptions import MessageError
from botkit.flow import Flow
from botkit.http_client import HttpAnswer
from botkit.messages import Album, AnyMessage, Attachment, Audio, File, Image, Text, Video, Voice
from botkit.router import Router
from botkit.testing import BotTester
from tests.channels.bot_api import OK, BotApi, Json
from tests.channels.bot_api import File as Part

PHOTO = 10 * 1024 * 1024
UPLOAD = 50 * 1024 * 1024
WRONG_ID: Json = {
    "ok": False,
    "error_code": 400,
    "description": "Bad Request: wrong file identifier/HTTP URL specified",
}


@pytest.fixture
def api() -> BotApi:
    return BotApi()


def took(**content: Any) -> Json:
    return {"ok": True, "result": {**OK["result"], **content}}


def file_of(folder: Path, size: int, name: str = "a.bin") -> str:
    """Returns the path of a file with nothing in it but its size."""
    path = folder / name
    with path.open("wb") as file:
        file.truncate(size)
    return str(path)


def change(folder: Path, size: int | None) -> None:
    if size is None:
        (folder / "a.bin").unlink()
    else:
        file_of(folder, size)


# --- how it travels


async def test_content_is_a_part_of_a_form_beside_the_parameters(api: BotApi) -> None:
    await api.send(Image(content=b"\x89PNG", name="cat.png", caption="**Cat**", silent=True))
    (call,) = api.calls
    assert call.method == "sendPhoto"
    assert call.files == {"photo": Part("cat.png", b"\x89PNG", "image/png")}
    assert call.parameters == {
        "chat_id": "5550001",
        "caption": "Cat",
        "caption_entities": '[{"type":"bold","offset":0,"length":3}]',
        "disable_notification": "true",
    }


async def test_a_path_is_read_when_it_is_sent_and_gives_the_name(api: BotApi, tmp_path: Path) -> None:
    path = tmp_path / "bill.pdf"
    path.write_bytes(b"decided on")
    (part,) = api.adapter.prepare(File(path=str(path)), Conversation(api.adapter.account, "5550001")).messages
    path.write_bytes(b"sent")
    await api.send_part(part, Conversation(api.adapter.account, "5550001"))
    assert api.calls[0].files == {"document": Part("bill.pdf", b"sent", "application/pdf")}


@pytest.mark.parametrize(
    ("kind", "method", "name"),
    [
        (Image, "sendPhoto", "photo"),
        (Video, "sendVideo", "video"),
        (Audio, "sendAudio", "audio"),
        (Voice, "sendVoice", "voice"),
        (File, "sendDocument", "document"),
    ],
)
async def test_each_kind_has_its_method_and_is_named_after_itself(
    api: BotApi, kind: Any, method: str, name: str
) -> None:
    await api.send(kind(content=b"x"))
    (call,) = api.calls
    assert (call.method, list(call.files)) == (method, [name])
    assert call.files[name].name == kind.__name__.lower()


async def test_an_album_names_its_uploads_and_leaves_addresses_and_ids_where_they_are(api: BotApi) -> None:
    items = (Image(content=b"1", caption="One"), Video(source="https://media.example/v"), Image(source="AgAC"))
    await api.send(Album(items=items))
    (call,) = api.calls
    assert call.method == "sendMediaGroup"
    assert {name: file.content for name, file in call.files.items()} == {"file0": b"1"}
    assert call.parameters["media"] == (
        '[{"type":"photo","media":"attach://file0","caption":"One"},'
        '{"type":"video","media":"https://media.example/v"},{"type":"photo","media":"AgAC"}]'
    )


async def test_a_name_cannot_break_out_of_its_form(api: BotApi) -> None:
    await api.send(File(content=b"x", name='a"\r\nX-Evil: 1\r\n\r\n.pdf'))
    (call,) = api.calls
    assert list(call.files) == ["document"]
    assert call.parameters == {"chat_id": "5550001"}


# --- bounds


@pytest.mark.parametrize(("kind", "bound"), [(Image, PHOTO), (Video, UPLOAD), (File, UPLOAD), (Voice, UPLOAD)])
def test_a_file_may_be_as_large_as_its_bound_and_not_a_byte_more(
    api: BotApi, tmp_path: Path, kind: Any, bound: int
) -> None:
    api.adapter.check(kind(path=file_of(tmp_path, bound)))
    with pytest.raises(MessageError, match=f"{bound + 1} bytes.*Telegram takes {bound}"):
        api.adapter.check(kind(path=file_of(tmp_path, bound + 1)))


def test_the_items_of_an_album_have_the_same_bounds(api: BotApi, tmp_path: Path) -> None:
    good, bad = (Image(path=file_of(tmp_path, size, f"{size}")) for size in (PHOTO, PHOTO + 1))
    api.adapter.check(Album(items=(good, good)))
    with pytest.raises(MessageError, match=f"takes {PHOTO}"):
        api.adapter.check(Album(items=(good, bad)))


def test_an_empty_file_and_one_that_is_not_there_are_told_when_they_are_decided_on(api: BotApi, tmp_path: Path) -> None:
    with pytest.raises(MessageError, match="is empty"):
        api.adapter.check(File(path=file_of(tmp_path, 0)))
    with pytest.raises(MessageError, match=r"names no file.*\n  fix: give a path that every process") as caught:
        api.adapter.check(File(path=str(tmp_path / "secret-name.pdf")))
    assert "secret-name" not in str(caught.value)


@pytest.mark.parametrize("size", [None, PHOTO + 1, 0], ids=["removed", "grown", "emptied"])
async def test_a_file_that_has_changed_since_is_refused_for_good_and_nothing_is_sent(
    api: BotApi, tmp_path: Path, size: int | None
) -> None:
    message = Image(path=file_of(tmp_path, 10))
    place = Conversation(api.adapter.account, "5550001")
    api.adapter.prepare(message, place)
    change(tmp_path, size)
    for sent in (message, Album(items=(message, message))):
        receipt = await api.send_part(sent, place)
        assert receipt.outcome is Outcome.REFUSED
        assert receipt.reason
    assert api.calls == []


# --- once


async def test_the_second_time_the_file_is_named_by_its_id(api: BotApi) -> None:
    api.answers.append(took(document={"file_id": "BQAC"}))
    await api.send(File(content=b"bill", name="a.pdf"))
    await api.send(File(content=b"bill", name="a.pdf", caption="Again"), "5550002")
    first, second = api.calls
    assert list(first.files) == ["document"]
    assert second.files == {}
    assert second.parameters == {"chat_id": 5550002, "document": "BQAC", "caption": "Again"}


async def test_of_a_picture_the_largest_size_is_remembered(api: BotApi) -> None:
    api.answers.append(took(photo=[{"file_id": "small"}, {"file_id": "large"}]))
    await api.send(Image(content=b"x"))
    await api.send(Image(content=b"x"))
    assert api.calls[-1].parameters["photo"] == "large"


@pytest.mark.parametrize(
    "other",
    [File(content=b"other", name="a.pdf"), File(content=b"bill", name="b.pdf"), Audio(content=b"bill", name="a.pdf")],
    ids=["content", "name", "kind"],
)
async def test_another_file_is_uploaded(api: BotApi, other: Attachment) -> None:
    api.answers.append(took(document={"file_id": "BQAC"}))
    await api.send(File(content=b"bill", name="a.pdf"))
    await api.send(known(other))
    assert len(api.calls[-1].files) == 1


async def test_an_id_that_telegram_has_forgotten_is_forgotten_and_the_file_uploaded_once_more(api: BotApi) -> None:
    api.answers.extend([took(document={"file_id": "old"}), WRONG_ID, took(document={"file_id": "new"})])
    await api.send(File(content=b"bill"))
    (receipt,) = await api.send(File(content=b"bill"))
    assert receipt.outcome is Outcome.SENT
    assert [bool(call.files) for call in api.calls] == [True, False, True]
    await api.send(File(content=b"bill"))
    assert api.calls[-1].parameters["document"] == "new"


async def test_a_file_that_is_refused_even_when_uploaded_is_refused(api: BotApi) -> None:
    api.answers.extend([took(document={"file_id": "old"}), WRONG_ID, WRONG_ID])
    await api.send(File(content=b"bill"))
    (receipt,) = await api.send(File(content=b"bill"))
    assert receipt.outcome is Outcome.REFUSED
    assert len(api.calls) == 3


async def test_an_id_that_somebody_gave_is_not_uploaded_when_it_is_wrong(api: BotApi) -> None:
    api.answers.append(WRONG_ID)
    (receipt,) = await api.send(File(source="BQAC"))
    assert receipt.outcome is Outcome.REFUSED
    assert len(api.calls) == 1


async def test_albums_are_uploaded_each_time(api: BotApi) -> None:
    album = Album(items=(Image(content=b"1"), Image(content=b"2")))
    api.answers.append({"ok": True, "result": [{"message_id": 1, "photo": [{"file_id": "AgAC"}]}]})
    await api.send(album)
    await api.send(album)
    assert [len(call.files) for call in api.calls] == [2, 2]


async def test_a_thousand_files_are_remembered_and_the_oldest_is_forgotten() -> None:
    known_files = KnownFiles()
    calls = [await rendered(File(content=b"%d" % number)) for number in range(1001)]
    for call in calls:
        known_files.remember(call, answer(took(document={"file_id": "BQAC"})))
    assert known_files.shortened(calls[0]) is calls[0]
    assert known_files.shortened(calls[1]).files == {}


@pytest.mark.parametrize(
    "result", [True, {}, {"document": {}}, {"document": {"file_id": 7}}, {"photo": []}, {"document": None}]
)
async def test_an_answer_without_an_id_is_nothing_to_remember(api: BotApi, result: Any) -> None:
    api.answers.append({"ok": True, "result": result})
    await api.send(File(content=b"bill"))
    await api.send(File(content=b"bill"))
    assert [len(call.files) for call in api.calls] == [1, 1]


async def test_a_text_has_no_files(api: BotApi) -> None:
    await api.send(Text(text="x"))
    assert api.calls[0].files == {}


async def rendered(message: AnyMessage) -> Call:
    return await render(message, {"chat_id": 1})


def answer(body: Json) -> HttpAnswer:
    return HttpAnswer(200, {}, msgspec.json.encode(body))


def known(message: Any) -> AnyMessage:
    found: AnyMessage = message
    return found


async def test_a_file_that_is_gone_when_it_is_sent_is_given_up_at_once_and_told(
    botkit_redis_url: str, tmp_path: Path
) -> None:
    router, reasons = Router(Flow), []

    @router.text("bill")
    async def bill(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply(File(path=file_of(tmp_path, 10)))
        change(tmp_path, None)

    @router.on(MessageFailed)
    async def failed(event: MessageFailed, ctx: Context[Flow]) -> None:
        reasons.append(event.reason)
        ctx.reply("There is no bill")

    shop = Bot("shop", routers=[router], accounts=[Telegram(ta="demo")])
    async with BotTester([shop], botkit_redis_url, folder=tmp_path / "state") as tester:
        ana = tester.user("Ana", channel="telegram")
        await ana.opens()
        await ana.says("bill")
        assert ana.received == ["There is no bill"]
        assert len(reasons) == 1
        assert "a.bin" not in reasons[0]
        assert str(tmp_path) not in reasons[0]
