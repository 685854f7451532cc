"""The simulated Telegram: what it refuses and how, what it delivers and when."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from starlette.responses import Response

from botkit.channels.telegram import Telegram
from botkit.events import ButtonPressed, ConversationStarted, MessageReceived, Subscribed, Unsubscribed
from botkit.simulators.simulator import Bubble, Choice, NotOnScreenError
from botkit.simulators.telegram import TelegramSimulator
from botkit.simulators.telegram_calls import add_message
from botkit.simulators.telegram_queue import KINDS, OFF_BY_DEFAULT
from botkit.simulators.wire import ConnectionDroppedError, Fault
from tests.simulators.telegram_desk import ANA, BO, HEADER, URL, Bot, StoppedClock, opened_bot, refused


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    async with opened_bot() as bot:
        yield bot


# Calls


async def test_a_message_is_echoed_as_telegram_does(bot: Bot) -> None:
    response = await bot.send("Hello")
    result = response.json()["result"]
    assert (response.status_code, response.json()["ok"]) == (200, True)
    assert result["text"] == "Hello"
    assert result["from"]["is_bot"] is True
    assert str(result["from"]["id"]) == bot.token.partition(":")[0]
    assert result["chat"] == {"id": bot.chat_id(), "first_name": "Ana", "last_name": "Kos", "type": "private"}
    assert result["date"] == bot.clock.timestamp()


async def test_message_ids_grow_by_one_in_a_chat(bot: Bot) -> None:
    ids = [(await bot.send()).json()["result"]["message_id"] for _ in range(3)]
    assert [after - before for before, after in pairwise(ids)] == [1, 1]


async def test_an_unknown_token_is_refused(bot: Bot) -> None:
    response = await bot.http.get(f"http://telegram.test/bot{bot.token}x/getMe")
    assert response.json() == {"ok": False, "error_code": 401, "description": "Unauthorized"}
    assert response.status_code == 401


async def test_an_unknown_method_is_refused(bot: Bot) -> None:
    assert refused(await bot.call("sendTelegram")) == (404, "Not Found: method not found")


@pytest.mark.parametrize("path", ["/", "/bot", "/x/getMe", "/bot1:a/b/c"])
async def test_another_path_is_not_found(bot: Bot, path: str) -> None:
    response = await bot.http.get(f"http://telegram.test{path}")
    assert response.json() == {"ok": False, "error_code": 404, "description": "Not Found"}


@pytest.mark.parametrize("method", ["getMe", "GETME", "getme"])
async def test_the_case_of_a_method_does_not_matter(bot: Bot, method: str) -> None:
    me = (await bot.http.get(method)).json()["result"]
    assert (me["username"], me["is_bot"]) == ("demo_bot", True)


KEYBOARD = {"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}]]}


@pytest.mark.parametrize(
    "send",
    [
        lambda http, chat: http.post("sendMessage", json={"chat_id": chat, "text": "é", "reply_markup": KEYBOARD}),
        lambda http, chat: http.post(
            "sendMessage", json={"chat_id": str(chat), "text": "é", "reply_markup": json.dumps(KEYBOARD)}
        ),
        lambda http, chat: http.post(
            "sendMessage", data={"chat_id": chat, "text": "é", "reply_markup": json.dumps(KEYBOARD)}
        ),
        lambda http, chat: http.get(
            f"sendMessage?chat_id={chat}&text=%C3%A9&reply_markup={quote(json.dumps(KEYBOARD))}"
        ),
        lambda http, chat: http.post(
            f"sendMessage?chat_id={chat}&text=overridden", json={"text": "é", "reply_markup": KEYBOARD}
        ),
    ],
    ids=["json", "json with texts", "form", "query", "query and json"],
)
async def test_parameters_are_taken_in_every_form(bot: Bot, send: Callable[..., Any]) -> None:
    result = (await send(bot.http, bot.chat_id())).json()["result"]
    assert (result["text"], result["reply_markup"]) == ("é", KEYBOARD)


@pytest.mark.parametrize(
    ("content_type", "body", "description"),
    [
        ("application/json", b"[]", "Bad Request: JSON object expected"),
        ("application/json", b"{", "Bad Request: JSON object expected"),
        ("application/json", b'{"text":"\xff"}', "Bad Request: strings must be encoded in UTF-8"),
        ("text/plain", b"x", "Bad Request: this simulator takes parameters as JSON or a form only"),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(
    bot: Bot, content_type: str, body: bytes, description: str
) -> None:
    response = await bot.http.post("sendMessage", content=body, headers={"content-type": content_type})
    assert refused(response) == (400, description)


def bold(offset: object, length: object) -> list[dict[str, Any]]:
    return [{"type": "bold", "offset": offset, "length": length}]


def keys(*rows: Any) -> dict[str, Any]:
    return {"inline_keyboard": list(rows)}


def key(**action: Any) -> dict[str, Any]:
    return {"text": "b"} | action


@pytest.mark.parametrize(
    ("parameters", "description"),
    [
        ({"text": ""}, "message text is empty"),
        ({"text": " \n"}, "text must be non-empty"),
        ({"text": "x" * 4097}, "message is too long"),
        ({"text": "😀" * 2049}, "message is too long"),
        ({"text": "x" + " " * 32768}, "text is too long"),
        ({"parse_mode": "Wiki"}, "unsupported parse_mode"),
        ({"parse_mode": "html", "text": "<x>"}, 'can\'t parse entities: Unsupported start tag "x" at byte offset 0'),
        ({"entities": "{"}, "can't parse entities JSON object"),
        ({"entities": {"type": "bold"}}, "can't parse entities JSON object"),
        ({"entities": [5]}, "can't parse MessageEntity: expected an Object"),
        ({"entities": [{"type": "bold", "length": 1}]}, "can't parse MessageEntity: Can't find field \"offset\""),
        (
            {"entities": [{"type": "text_link", "offset": 0, "length": 1}]},
            "can't parse MessageEntity: Can't find field \"url\"",
        ),
        ({"entities": bold("0", 1)}, 'can\'t parse MessageEntity: Field "offset" must be of type Number'),
        (
            {"entities": [{"type": "loud", "offset": 0, "length": 1}]},
            "can't parse MessageEntity: Unsupported type specified",
        ),
        ({"entities": bold(6, 1)}, "entity begins after the end of the text at UTF-16 offset 6"),
        (
            {"entities": bold(1, 5)},
            "entity beginning at UTF-16 offset 1 ends after the end of the text at UTF-16 offset 6",
        ),
        (
            {"entities": [*bold(0, 3), {"type": "italic", "offset": 2, "length": 3}]},
            "entity beginning at UTF-16 offset 2 ends after the end of the text at UTF-16 offset 5",
        ),
        ({"text": "😀", "entities": bold(1, 1)}, "entity begins or ends in a middle of a UTF-16 symbol"),
        ({"reply_markup": "{"}, "can't parse reply keyboard markup JSON object"),
        ({"reply_markup": [1]}, "object expected as reply markup"),
        ({"reply_markup": {"keyboard": ["A"]}}, 'field "keyboard" must be an Array of Arrays'),
        (
            {"reply_markup": keys("A")},
            'field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays',
        ),
        (
            {"reply_markup": keys(["A"])},
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
        ),
        ({"reply_markup": keys([5])}, "can't parse inline keyboard button: expected an Object"),
        (
            {"reply_markup": keys([{"text": " ", "callback_data": "x"}])},
            "inline keyboard button text must be non-empty",
        ),
        ({"reply_markup": keys([key()])}, "inline keyboard button type must be non-empty"),
        ({"reply_markup": keys([key(callback_data="")])}, "BUTTON_DATA_INVALID"),
        ({"reply_markup": keys([key(callback_data="ш" * 33)])}, "BUTTON_DATA_INVALID"),
        ({"reply_markup": keys([key(url="tel:1")])}, "BUTTON_URL_INVALID"),
        ({"reply_markup": keys(*[[key(callback_data="x")]] * 101)}, "reply markup is too long"),
        ({"reply_markup": keys([key(callback_data="x")] * 9)}, "reply markup is too long"),
        ({"chat_id": ""}, "chat_id is empty"),
        ({"chat_id": "@nobody"}, "chat not found"),
        ({"chat_id": 1}, "chat not found"),
        ({"business_connection_id": "bc"}, "business connection not found"),
        ({"message_thread_id": 5}, "message thread not found"),
        ({"reply_parameters": {"message_id": 1}}, "message to be replied not found"),
        ({"reply_to_message_id": 1}, "message to be replied not found"),
        ({"reply_parameters": [1]}, "object expected as reply parameters"),
    ],
)
async def test_a_bad_message_is_refused_with_telegrams_text(
    bot: Bot, parameters: dict[str, Any], description: str
) -> None:
    before = bot.simulator.screen("demo", ANA)
    response = await bot.call("sendMessage", **({"chat_id": bot.chat_id(), "text": "Hello"} | parameters))
    assert refused(response) == (400, f"Bad Request: {description}")
    assert bot.simulator.screen("demo", ANA) == before


@pytest.mark.parametrize(
    "parameters",
    [
        {"text": "x" * 4096},
        {"text": "😀" * 2048},
        {"text": " " + "x" * 4096 + " "},
        {"entities": bold(0, 5)},
        {"entities": [*bold(0, 5), {"type": "italic", "offset": 1, "length": 3}]},
        {"entities": [*bold(2, 3), *bold(0, 2)]},
        {"parse_mode": "None"},
        {"reply_markup": keys([key(callback_data="ш" * 32)])},
        {"reply_markup": keys(*[[key(callback_data="x")]] * 100)},
        {"reply_markup": keys([key(callback_data="x")] * 8)},
        {"reply_parameters": {"message_id": 1, "allow_sending_without_reply": True}},
        {"unknown": "ignored"},
    ],
)
async def test_a_message_at_a_bound_is_taken(bot: Bot, parameters: dict[str, Any]) -> None:
    response = await bot.call("sendMessage", **({"chat_id": bot.chat_id(), "text": "Hello"} | parameters))
    assert response.status_code == 200


async def test_space_at_the_ends_is_taken_away_and_entities_move_along(bot: Bot) -> None:
    result = (await bot.send(" \n ab ", entities=[*bold(0, 5), *bold(0, 2)])).json()["result"]
    assert (result["text"], result["entities"]) == ("ab", bold(0, 2))


async def test_a_reply_shows_the_message_it_answers(bot: Bot) -> None:
    first = (await bot.send("first")).json()["result"]
    second = (await bot.send("second", reply_parameters={"message_id": first["message_id"]})).json()["result"]
    assert second["reply_to_message"]["text"] == "first"


@pytest.mark.parametrize("markup", [{"keyboard": [["A"]]}, {"remove_keyboard": True}, {"force_reply": True}, {}])
async def test_other_markup_than_inline_is_taken_but_not_echoed(bot: Bot, markup: dict[str, Any]) -> None:
    assert "reply_markup" not in (await bot.send(reply_markup=markup)).json()["result"]


@pytest.mark.parametrize(
    ("method", "parameters", "description"),
    [
        ("sendPhoto", {}, "there is no photo in the request"),
        ("sendDocument", {}, "there is no document in the request"),
        ("sendPhoto", {"photo": "nonsense"}, "wrong remote file identifier specified: Wrong string length"),
        ("sendPhoto", {"photo": "ftp://a.example/b.png"}, "wrong HTTP URL specified"),
        ("sendPhoto", {"photo": "https://a.example:0/b.png"}, "wrong HTTP URL specified"),
        ("sendPhoto", {"photo": "https://a.example/b.pdf"}, "wrong type of the web page content"),
        ("sendDocument", {"document": "https://a.example/b.docx"}, "wrong type of the web page content"),
        ("sendVoice", {"voice": "https://a.example/b.wav"}, "wrong type of the web page content"),
        ("sendPhoto", {"photo": "https://a.example/b", "caption": "x" * 1025}, "message caption is too long"),
        ("sendLocation", {"longitude": 1}, "latitude is empty"),
        ("sendLocation", {"latitude": 1}, "longitude is empty"),
        ("sendLocation", {"latitude": 91, "longitude": 1}, "invalid location specified"),
        ("sendLocation", {"latitude": "nan", "longitude": 1}, "invalid location specified"),
        ("sendLocation", {"latitude": "x", "longitude": 1}, 'parameter "latitude" must be a valid number'),
        ("sendContact", {"first_name": "Bo"}, 'parameter "phone_number" is required'),
        ("sendChatAction", {"action": "dancing"}, "wrong parameter action in request"),
        ("getFile", {}, "file_id not specified"),
        ("getFile", {"file_id": "x"}, "invalid file_id"),
    ],
)
async def test_another_bad_call_is_refused_with_telegrams_text(
    bot: Bot, method: str, parameters: dict[str, Any], description: str
) -> None:
    response = await bot.call(method, chat_id=bot.chat_id(), **parameters)
    assert refused(response) == (400, f"Bad Request: {description}")


@pytest.mark.parametrize(
    ("method", "parameters", "bubble"),
    [
        ("sendPhoto", {"photo": "https://a.example/b.png", "caption": "c" * 1024}, ("image", "c" * 1024)),
        ("sendDocument", {"document": "https://a.example/b.zip"}, ("file", "")),
        ("sendDocument", {"document": "https://a.example/download"}, ("file", "")),
        ("sendVideo", {"video": "https://a.example/b.mp4"}, ("video", "")),
        ("sendAudio", {"audio": "https://a.example/b.mp3"}, ("audio", "")),
        ("sendVoice", {"voice": "https://a.example/b.ogg"}, ("voice", "")),
        ("sendLocation", {"latitude": -90, "longitude": 180}, ("location", "-90.0, 180.0")),
        ("sendContact", {"phone_number": "+38640111222", "first_name": "Bo"}, ("contact", "Bo +38640111222")),
    ],
)
async def test_every_kind_is_shown_on_the_screen(
    bot: Bot, method: str, parameters: dict[str, Any], bubble: tuple[str, str]
) -> None:
    response = await bot.call(method, chat_id=bot.chat_id(), **parameters)
    assert response.status_code == 200
    shown = bot.simulator.screen("demo", ANA)[-1]
    assert (shown.side, shown.kind, shown.text) == ("bot", *bubble)
    address = next((value for value in parameters.values() if str(value).startswith("https://")), "")
    assert shown.source == address


async def test_a_file_can_be_looked_up_and_sent_again_as_its_own_kind_only(bot: Bot) -> None:
    sent = await bot.call("sendDocument", chat_id=bot.chat_id(), document="https://a.example/b.pdf")
    file_id = sent.json()["result"]["document"]["file_id"]
    found = (await bot.call("getFile", file_id=file_id)).json()["result"]
    again = await bot.call("sendDocument", chat_id=bot.chat_id(), document=file_id)
    wrong = await bot.call("sendPhoto", chat_id=bot.chat_id(), photo=file_id)
    assert (found["file_id"], found["file_path"].startswith("documents/")) == (file_id, True)
    assert again.json()["result"]["document"]["file_name"] == "b.pdf"
    assert refused(wrong) == (400, "Bad Request: can't use file of type Document as Photo")


async def test_a_file_over_20_mb_cannot_be_downloaded(bot: Bot) -> None:
    await bot.simulator.sends_file("demo", ANA)
    [(file_id, stored)] = bot.simulator.bot("demo").files.items()
    stored.size = 20 * 1024 * 1024
    assert (await bot.call("getFile", file_id=file_id)).status_code == 200
    stored.size += 1
    assert refused(await bot.call("getFile", file_id=file_id)) == (400, "Bad Request: file is too big")


async def test_typing_is_shown_for_five_seconds(bot: Bot) -> None:
    await bot.call("sendChatAction", chat_id=bot.chat_id(), action="typing")
    bot.clock.advance(seconds=4)
    assert bot.simulator.screen("demo", ANA)[-1] == Bubble("bot", "typing")
    bot.clock.advance(seconds=1)
    assert bot.simulator.screen("demo", ANA)[-1].kind == "text"


async def test_a_message_ends_typing(bot: Bot) -> None:
    await bot.call("sendChatAction", chat_id=bot.chat_id(), action="typing")
    await bot.send("here")
    assert bot.simulator.screen("demo", ANA)[-1].text == "here"


async def test_typing_is_shown_to_nobody_who_left(bot: Bot) -> None:
    assert (await bot.call("sendChatAction", chat_id=bot.chat_id(), action="typing")).json()["result"] is True
    await bot.simulator.leaves("demo", ANA)
    response = await bot.call("sendChatAction", chat_id=bot.chat_id(), action="typing")
    assert refused(response) == (403, "Forbidden: bot was blocked by the user")


async def test_a_bot_cannot_write_to_somebody_who_only_knows_another_bot(bot: Bot) -> None:
    other = Telegram(ta="other").simulated("http://telegram.test")
    bot.simulator.add_account(other)
    await bot.simulator.says("other", BO, "hi")
    [stranger] = bot.simulator.bot("other").chats
    response = await bot.call("sendMessage", chat_id=stranger, text="x")
    assert refused(response) == (403, "Forbidden: bot can't initiate conversation with a user")


async def test_nothing_can_be_sent_to_somebody_who_left_until_they_return(bot: Bot) -> None:
    await bot.simulator.leaves("demo", ANA)
    assert refused(await bot.send()) == (403, "Forbidden: bot was blocked by the user")
    await bot.simulator.says("demo", ANA, "back")
    assert (await bot.send()).status_code == 200


# Buttons


async def pressed(bot: Bot) -> str:
    await bot.send("Pick", reply_markup=KEYBOARD)
    await bot.simulator.taps("demo", ANA, "Yes")
    return bot.simulator.unanswered("demo")[-1]


async def test_a_pressed_button_is_answered_until_150_seconds_have_passed(bot: Bot) -> None:
    query = await pressed(bot)
    bot.clock.advance(seconds=149)
    assert (await bot.call("answerCallbackQuery", callback_query_id=query)).json() == {"ok": True, "result": True}
    assert bot.simulator.unanswered("demo") == []
    bot.clock.advance(seconds=1)
    response = await bot.call("answerCallbackQuery", callback_query_id=query)
    too_old = "Bad Request: query is too old and response timeout expired or query ID is invalid"
    assert refused(response) == (400, too_old)
    assert refused(await bot.call("answerCallbackQuery", callback_query_id="1")) == (400, too_old)


async def test_an_unanswered_button_is_forgotten_after_a_day(bot: Bot) -> None:
    old = await pressed(bot)
    bot.clock.advance(days=1, seconds=151)
    new = await pressed(bot)
    assert old != new
    assert bot.simulator.unanswered("demo") == [new]


async def test_the_text_of_an_answer_is_a_notification(bot: Bot) -> None:
    query = await pressed(bot)
    await bot.call("answerCallbackQuery", callback_query_id=query, text="Saved")
    assert bot.simulator.screen("demo", ANA)[-1] == Bubble("service", "notification", "Saved")


@pytest.mark.parametrize(("length", "status"), [(200, 200), (201, 400)])
async def test_the_text_of_an_answer_has_at_most_200_characters(bot: Bot, length: int, status: int) -> None:
    query = await pressed(bot)
    response = await bot.call("answerCallbackQuery", callback_query_id=query, text="x" * length)
    assert response.status_code == status


async def test_the_newest_button_with_the_label_is_pressed(bot: Bot) -> None:
    for value in ("old", "new"):
        await bot.send("Pick", reply_markup=keys([key(callback_data=value)]))
    await bot.simulator.taps("demo", ANA, "b")
    [event] = bot.events
    assert isinstance(event, ButtonPressed)
    assert (event.value, event.label) == ("new", "b")


async def test_a_button_can_be_pressed_by_its_value(bot: Bot) -> None:
    await bot.send("Pick", reply_markup=KEYBOARD)
    await bot.simulator.taps("demo", ANA, "y")
    assert [type(event) for event in bot.events] == [ButtonPressed]


async def test_a_link_tells_the_bot_nothing(bot: Bot) -> None:
    await bot.send("Look", reply_markup=keys([key(url="https://example.org")]))
    await bot.simulator.taps("demo", ANA, "b")
    assert bot.requests == []
    assert bot.simulator.screen("demo", ANA)[-1].choices == [[Choice("b", "link", "https://example.org")]]


async def test_a_button_that_is_not_there_names_those_that_are(bot: Bot) -> None:
    await bot.send("Pick", reply_markup=KEYBOARD)
    with pytest.raises(NotOnScreenError, match="the screen has Yes"):
        await bot.simulator.taps("demo", ANA, "No")


# Setting the webhook


@pytest.fixture
async def fresh() -> AsyncIterator[Bot]:
    """A bot whose webhook was never set, with a quiet clock for each call."""
    bot = Bot(StoppedClock())
    yield bot
    await bot.http.aclose()
    await bot.simulator.close()


@pytest.mark.parametrize(
    ("parameters", "description"),
    [
        ({"url": "bot.example.org"}, "invalid webhook URL specified"),
        ({"url": "ftp://bot.example.org"}, "invalid webhook URL specified"),
        ({"url": "https://"}, "invalid webhook URL specified"),
        ({"url": "https://bot.example.org:99999/"}, "invalid webhook URL specified"),
        ({"url": "http://bot.example.org/"}, "bad webhook: An HTTPS URL must be provided for webhook"),
        (
            {"url": "https://bot.example.org:8080/"},
            "bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443",
        ),
        ({"url": "https://10.0.0.5/"}, "bad webhook: IP address 10.0.0.5 is reserved"),
        ({"url": "https://[2001:db8::1]/"}, "bad webhook: IPv6-only addresses are not allowed"),
        ({"secret_token": "s" * 257}, "secret token is too long"),
        ({"secret_token": "a b"}, "secret token contains unallowed characters"),
    ],
)
async def test_a_bad_webhook_is_refused_with_telegrams_text(
    fresh: Bot, parameters: dict[str, Any], description: str
) -> None:
    assert refused(await fresh.set_webhook(**parameters)) == (400, f"Bad Request: {description}")
    assert fresh.simulator.bot("demo").webhook.url == ""


@pytest.mark.parametrize(
    "parameters",
    [
        {"url": "https://botkit.localhost/webhooks/telegram?ta=demo"},
        {"url": "https://bot.example.org:8443/"},
        {"url": "https://bot.example.org:88/"},
        {"url": "https://bot.example.org:80/"},
        {"url": "https://93.184.216.34/"},
        {"secret_token": "s" * 256},
        {"secret_token": ""},
    ],
)
async def test_a_good_webhook_is_set(fresh: Bot, parameters: dict[str, Any]) -> None:
    response = await fresh.set_webhook(**parameters)
    assert response.json() == {"ok": True, "result": True, "description": "Webhook was set"}


async def test_a_self_hosted_server_takes_http_and_any_port(fresh: Bot) -> None:
    fresh.simulator.is_local = True
    assert (await fresh.set_webhook(url="http://127.0.0.1:8000/webhooks/telegram?ta=demo")).status_code == 200


async def test_each_change_of_the_webhook_is_described(fresh: Bot) -> None:
    descriptions = []
    calls: list[tuple[str, dict[str, Any]]] = [
        ("setWebhook", {"url": URL}),
        ("setWebhook", {"url": URL}),
        ("setWebhook", {"url": URL, "max_connections": 5}),
        ("setWebhook", {"url": URL, "max_connections": 5, "drop_pending_updates": True}),
        ("setWebhook", {"url": ""}),
        ("deleteWebhook", {}),
        ("setWebhook", {"url": URL}),
        ("deleteWebhook", {}),
    ]
    for method, parameters in calls:
        descriptions.append((await fresh.call(method, **parameters)).json()["description"])
        fresh.clock.advance(seconds=1)
    assert descriptions == [
        "Webhook was set",
        "Webhook is already set",
        "Webhook was set",
        "Webhook was set",
        "Webhook was deleted",
        "Webhook is already deleted",
        "Webhook was set",
        "Webhook was deleted",
    ]


async def test_the_webhook_changes_at_most_once_a_second(fresh: Bot) -> None:
    await fresh.set_webhook()
    response = await fresh.call("deleteWebhook")
    assert refused(response) == (429, "Too Many Requests: retry after 1")
    assert response.headers["retry-after"] == "1"


@pytest.mark.parametrize(("given", "stored"), [(0, 1), (1, 1), (100, 100), (101, 100), ("x", 40)])
async def test_connections_are_kept_between_1_and_100(fresh: Bot, given: object, stored: int) -> None:
    await fresh.set_webhook(max_connections=given)
    assert (await fresh.call("getWebhookInfo")).json()["result"]["max_connections"] == stored


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        (["Message", "chat_member", "nonsense"], ["chat_member", "message"]),
        ([], None),
        (["nonsense"], None),
        (sorted(set(KINDS) - OFF_BY_DEFAULT), None),
        ("[", ["poll"]),
        ([5], ["poll"]),
    ],
)
async def test_the_kinds_of_updates_are_chosen_or_kept(fresh: Bot, given: object, stored: object) -> None:
    await fresh.set_webhook(allowed_updates=["poll"])
    fresh.clock.advance(seconds=1)
    await fresh.set_webhook(allowed_updates=given)
    assert (await fresh.call("getWebhookInfo")).json()["result"].get("allowed_updates") == stored


async def test_without_a_webhook_its_url_is_empty(fresh: Bot) -> None:
    info = (await fresh.call("getWebhookInfo")).json()["result"]
    assert info == {"url": "", "has_custom_certificate": False, "pending_update_count": 0}


async def test_updates_wait_for_a_webhook_unless_they_are_dropped(fresh: Bot) -> None:
    await fresh.simulator.says("demo", ANA, "early")
    assert (await fresh.call("getWebhookInfo")).json()["result"]["pending_update_count"] == 1
    await fresh.set_webhook()
    assert await fresh.simulator.redeliver() == 1
    assert [update["message"]["text"] for update in fresh.updates] == ["early"]

    await fresh.due(1)
    await fresh.call("deleteWebhook")
    await fresh.simulator.says("demo", ANA, "late")
    await fresh.due(1)
    await fresh.set_webhook(drop_pending_updates=True)
    assert await fresh.simulator.redeliver() == 0


async def test_updates_can_be_dropped_with_the_webhook(fresh: Bot) -> None:
    await fresh.simulator.says("demo", ANA, "early")
    await fresh.call("deleteWebhook")
    assert len(fresh.simulator.bot("demo").pending) == 1
    await fresh.call("deleteWebhook", drop_pending_updates="yes")
    assert fresh.simulator.bot("demo").pending == []


# Deliveries


async def test_every_act_of_a_person_is_a_genuine_update(bot: Bot) -> None:
    simulator = bot.simulator
    await simulator.opens("demo", ANA, "promo-7_A")
    await simulator.says("demo", ANA, "Hello")
    await simulator.sends_photo("demo", ANA, "my cat")
    await simulator.sends_file("demo", ANA, "bill.pdf")
    await simulator.sends_location("demo", ANA, 46.05, 14.5)
    await bot.send("Pick", reply_markup=KEYBOARD)
    await simulator.taps("demo", ANA, "Yes")
    await simulator.leaves("demo", ANA)
    await simulator.opens("demo", ANA)

    assert all(bot.adapter.verify(request) for request in bot.requests)
    assert all(request.query == {"ta": "demo"} for request in bot.requests)
    started, text, photo, file, place, button, left, returned, again = bot.events
    assert isinstance(started, ConversationStarted)
    assert isinstance(text, MessageReceived)
    assert isinstance(photo, MessageReceived)
    assert isinstance(file, MessageReceived)
    assert isinstance(place, MessageReceived)
    assert isinstance(button, ButtonPressed)
    assert isinstance(again, ConversationStarted)
    assert [type(left), type(returned)] == [Unsubscribed, Subscribed]
    assert (started.context, again.context) == ("promo-7_A", "")
    assert (text.text, text.locale) == ("Hello", "sl")
    assert text.user is not None
    assert text.user.name == "Ana Kos"
    assert photo.media is not None
    assert (photo.text, photo.media.kind, photo.media.width) == ("my cat", "image", 1280)
    assert file.media is not None
    assert (file.media.kind, file.media.name) == ("file", "bill.pdf")
    assert place.location is not None
    assert (place.location.latitude, place.location.longitude) == (46.05, 14.5)
    assert {event.conversation.id for event in bot.events} == {str(bot.chat_id())}


async def test_update_ids_grow_by_one(bot: Bot) -> None:
    for _ in range(3):
        await bot.simulator.says("demo", ANA, "Hello")
    ids = [update["update_id"] for update in bot.updates]
    assert [after - before for before, after in pairwise(ids)] == [1, 1]
    assert 0 < ids[0] < 2_000_000_000


async def test_without_a_secret_there_is_no_header(fresh: Bot) -> None:
    await fresh.set_webhook(secret_token="")
    await fresh.simulator.says("demo", ANA, "Hello")
    assert HEADER not in fresh.requests[0].headers


@pytest.mark.parametrize("kind", [*KINDS, "kind_of_the_future"])
async def test_an_update_of_every_kind_can_be_sent(bot: Bot, kind: str) -> None:
    await bot.simulator.emits("demo", kind, {"id": "1", "from": {"id": 5, "first_name": "N"}})
    assert len(bot.requests) == (kind not in OFF_BY_DEFAULT)


async def test_only_the_chosen_kinds_are_delivered(fresh: Bot) -> None:
    await fresh.set_webhook(allowed_updates=["chat_member"])
    await fresh.simulator.says("demo", ANA, "Hello")
    await fresh.simulator.emits("demo", "chat_member", {"from": {"id": 5}})
    assert [list(update)[1] for update in fresh.updates] == ["chat_member"]


async def test_a_refused_update_comes_again_at_once_then_after_2_4_8_seconds(bot: Bot) -> None:
    bot.answers = [Response(status_code=500) for _ in range(5)]
    await bot.simulator.says("demo", ANA, "Hello")
    assert await bot.due(0) == 1
    for seconds in (2, 4, 8):
        assert await bot.due(seconds - 1) == 0
        assert await bot.due(1) == 1
    assert await bot.due(16) == 1
    assert await bot.due(1000) == 0
    assert len(bot.requests) == 6
    assert len({(request.body, request.headers[HEADER]) for request in bot.requests}) == 1


async def test_the_pause_between_repeats_is_never_over_two_minutes(bot: Bot) -> None:
    bot.answers = [Response(status_code=500) for _ in range(20)]
    await bot.simulator.says("demo", ANA, "Hello")
    assert [await bot.due(120) for _ in range(19)] == [1] * 19


@pytest.mark.parametrize(("wish", "seconds"), [("30", 30), ("0", 0), ("5000", 3600)])
async def test_the_webhook_may_say_when_to_come_again(bot: Bot, wish: str, seconds: int) -> None:
    bot.answers = [Response(status_code=503, headers={"retry-after": wish})]
    await bot.simulator.says("demo", ANA, "Hello")
    if seconds:
        assert await bot.due(seconds - 1) == 0
    assert await bot.due(1) == 1


@pytest.mark.parametrize(("kind", "lifetime"), [("message", 24 * 3600), ("callback_query", 150), ("inline_query", 30)])
async def test_an_update_is_dropped_when_its_lifetime_is_over(bot: Bot, kind: str, lifetime: int) -> None:
    for seconds, is_delivered in ((lifetime - 1, True), (lifetime, False)):
        bot.answers = [Response(status_code=500)]
        await bot.simulator.emits("demo", kind, {"id": "1", "from": {"id": 5}})
        assert await bot.due(seconds) == is_delivered
        assert bot.simulator.bot("demo").pending == []


@pytest.mark.parametrize(("wish", "left"), [("29", 1), ("30", 0)])
async def test_an_update_that_would_come_too_late_is_dropped_at_once(bot: Bot, wish: str, left: int) -> None:
    bot.answers = [Response(status_code=503, headers={"retry-after": wish})]
    await bot.simulator.emits("demo", "inline_query", {"id": "1", "from": {"id": 5}})
    await bot.simulator.redeliver()
    assert len(bot.simulator.bot("demo").pending) == left


async def test_an_update_waits_for_the_one_before_it_in_its_chat(bot: Bot) -> None:
    bot.answers = [Response(status_code=500), Response(status_code=500)]
    await bot.simulator.says("demo", ANA, "one")
    await bot.simulator.says("demo", ANA, "two")
    assert [update["message"]["text"] for update in bot.updates] == ["one", "one"]
    assert await bot.due(2) == 2
    assert [update["message"]["text"] for update in bot.updates[2:]] == ["one", "two"]


async def test_another_chat_and_another_kind_do_not_wait(bot: Bot) -> None:
    await bot.send("Pick", reply_markup=KEYBOARD)
    bot.answers = [Response(status_code=500)]
    await bot.simulator.says("demo", ANA, "one")
    await bot.simulator.says("demo", BO, "other chat")
    await bot.simulator.taps("demo", ANA, "Yes")
    assert [list(update)[1] for update in bot.updates] == ["message", "message", "callback_query"]
    assert await bot.due(0) == 1


async def test_two_updates_of_a_chat_are_never_under_way_at_once(bot: Bot) -> None:
    under_way: list[int] = []
    most = 0

    async def receive(scope: Any, receive: Any, send: Any) -> None:
        nonlocal most
        under_way.append(1)
        most = max(most, len(under_way))
        for _ in range(5):
            await asyncio.sleep(0)
        under_way.pop()
        await Response()(scope, receive, send)

    simulator = TelegramSimulator(bot.clock, httpx.ASGITransport(receive))
    simulator.add_account(bot.adapter)
    simulator.bot("demo").webhook.url = URL
    await asyncio.gather(*(simulator.says("demo", ANA, str(number)) for number in range(5)))
    assert most == 1
    assert [delivery.body["message"]["text"] for delivery in simulator.wire.deliveries()] == list("01234")
    await asyncio.gather(simulator.says("demo", ANA, "one"), simulator.says("demo", BO, "two"))
    assert most == 2
    await simulator.close()


async def test_a_failure_is_shown_in_the_webhooks_info(bot: Bot) -> None:
    bot.answers = [Response(status_code=503)]
    await bot.simulator.says("demo", ANA, "Hello")
    info = (await bot.call("getWebhookInfo")).json()["result"]
    assert info["pending_update_count"] == 1
    assert info["last_error_message"] == "Wrong response from the webhook: 503 Service Unavailable"
    assert info["last_error_date"] == bot.clock.timestamp()


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (httpx.ReadTimeout, "Read timeout expired"),
        (httpx.ConnectError, "Connection refused"),
        (httpx.ReadError, "Webhook connection closed"),
    ],
)
async def test_a_webhook_out_of_reach_is_tried_again(error: type[Exception], message: str) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise error("down")

    simulator = TelegramSimulator(StoppedClock(), httpx.MockTransport(fail))
    simulator.add_account(Telegram(ta="demo").simulated("http://telegram.test"))
    simulator.bot("demo").webhook.url = URL
    await simulator.says("demo", ANA, "Hello")
    assert simulator.bot("demo").webhook.failure == message
    assert await simulator.redeliver() == 1
    assert [exchange.status for exchange in simulator.wire] == [0, 0]
    await simulator.close()


async def test_a_webhook_that_is_gone_for_23_hours_is_removed(bot: Bot) -> None:
    bot.answers = [Response(status_code=410) for _ in range(3)]
    await bot.simulator.says("demo", ANA, "Hello")
    await bot.due(23 * 3600 - 60)
    assert bot.simulator.bot("demo").webhook.url == URL
    await bot.due(120)
    assert bot.simulator.bot("demo").webhook.url == ""


async def test_a_webhook_that_worked_in_between_is_not_removed(bot: Bot) -> None:
    bot.answers = [Response(status_code=410), Response(status_code=500), Response(status_code=410)]
    await bot.simulator.says("demo", ANA, "Hello")
    await bot.due(23 * 3600 - 60)
    await bot.due(120)
    assert bot.simulator.bot("demo").webhook.url == URL


# Calls in the webhook's answer


def answer(status: int = 200, **call: Any) -> Response:
    return Response(json.dumps(call), status, media_type="application/json")


async def test_the_call_in_an_answer_is_carried_out(bot: Bot) -> None:
    bot.answers = [answer(method="sendMessage", chat_id=bot.chat_id(), text="at once")]
    await bot.simulator.says("demo", ANA, "Hello")
    assert bot.simulator.screen("demo", ANA)[-1].text == "at once"
    assert [exchange.name for exchange in bot.simulator.wire.calls("sendMessage")] == ["sendMessage"]


async def test_the_call_in_an_answer_may_be_a_form(bot: Bot) -> None:
    form = f"method=sendMessage&chat_id={bot.chat_id()}&text=at+once"
    bot.answers = [Response(form, media_type="application/x-www-form-urlencoded")]
    await bot.simulator.says("demo", ANA, "Hello")
    assert bot.simulator.screen("demo", ANA)[-1].text == "at once"


@pytest.mark.parametrize(
    "given",
    [
        answer(status=500, method="sendMessage", text="x"),
        answer(method="deleteWebhook"),
        answer(method="setWebhook", url=""),
        answer(method="getMe"),
        answer(method="sendTelegram"),
        answer(method="sendMessage", text=""),
        answer(),
        Response("{", media_type="application/json"),
        Response("[]", media_type="application/json"),
        Response("hello", media_type="text/plain"),
    ],
    ids=range(10),
)
async def test_anything_else_in_an_answer_does_nothing(bot: Bot, given: Response) -> None:
    bot.clock.advance(seconds=1)
    bot.answers = [given]
    before = len(bot.simulator.wire.calls("getMe"))
    await bot.simulator.says("demo", ANA, "Hello")
    assert bot.simulator.screen("demo", ANA)[-1].text == "Hello"
    assert len(bot.simulator.wire.calls("getMe")) == before
    assert bot.simulator.bot("demo").webhook.url == URL


# Faults and the wire


async def test_a_fault_before_the_call_forgets_it(bot: Bot) -> None:
    bot.simulator.wire.faults.append(Fault(status=502, body=b"<html>", headers={"x-proxy": "1"}))
    response = await bot.send("lost")
    assert (response.status_code, response.content, response.headers["x-proxy"]) == (502, b"<html>", "1")
    assert bot.simulator.screen("demo", ANA)[-1].text == "/start"
    assert (await bot.send("kept")).status_code == 200


async def test_a_fault_after_the_call_carries_it_out(bot: Bot) -> None:
    bot.simulator.wire.faults.append(Fault(status=500, before=False))
    assert (await bot.send("kept")).status_code == 500
    assert bot.simulator.screen("demo", ANA)[-1].text == "kept"


async def test_a_fault_may_hang(bot: Bot) -> None:
    bot.simulator.wire.faults.append(Fault(hang=3600))
    call = asyncio.create_task(bot.send("late"))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not call.done()
    call.cancel()


@pytest.mark.parametrize(("before", "text"), [(True, "/start"), (False, "kept")])
async def test_a_dropped_connection_is_a_read_error(bot: Bot, before: bool, text: str) -> None:
    bot.simulator.wire.faults.append(Fault(drop=True, before=before))
    with pytest.raises(ConnectionDroppedError):
        await bot.send("kept")
    assert bot.simulator.screen("demo", ANA)[-1].text == text
    assert bot.simulator.wire.calls("sendMessage")[-1].status == 0


async def test_the_wire_shows_both_directions_without_secrets(bot: Bot) -> None:
    await bot.simulator.says("demo", ANA, "Hello")
    await bot.send("Hi")
    [*_, delivery] = bot.simulator.wire.deliveries("message")
    [call] = bot.simulator.wire.calls("sendMessage")
    assert (delivery.account, delivery.status, delivery.body["message"]["text"]) == ("demo", 200, "Hello")
    assert (call.account, call.status, call.body["text"]) == ("demo", 200, "Hi")
    assert delivery.headers[HEADER] == "***"
    calls = [exchange for exchange in bot.simulator.wire if exchange.name != "setWebhook"]
    assert bot.token not in repr(calls)
    assert bot.secret not in repr(calls)


# People and memory


async def test_a_person_is_the_same_on_every_start(bot: Bot) -> None:
    other = Bot(bot.clock)
    await other.simulator.says("demo", ANA, "hi")
    assert other.chat_id() == bot.chat_id()
    assert other.simulator.conversation_id("demo", ANA) == str(bot.chat_id())
    await other.simulator.says("demo", BO, "hi")
    assert other.chat_id(BO) != other.chat_id(ANA)
    await other.http.aclose()
    await other.simulator.close()


async def test_ids_of_a_later_start_are_new(bot: Bot) -> None:
    await bot.simulator.says("demo", ANA, "hi")
    bot.clock.advance(seconds=10)
    other = Bot(bot.clock)
    await other.set_webhook()
    await other.simulator.says("demo", ANA, "hi")
    [old], [new] = bot.updates, other.updates
    assert new["update_id"] > old["update_id"]
    assert new["message"]["message_id"] > old["message"]["message_id"]
    await other.http.aclose()
    await other.simulator.close()


@pytest.mark.parametrize("context", ["x" * 65, "a b", "ш"])
async def test_a_deep_link_carries_only_what_telegram_allows(bot: Bot, context: str) -> None:
    with pytest.raises(ValueError, match="at most 64"):
        await bot.simulator.opens("demo", ANA, context)


async def test_a_screen_keeps_500_messages(bot: Bot) -> None:
    chat = bot.simulator.bot("demo").chats[bot.chat_id()]
    for number in range(501):
        add_message(chat, {"from": {"is_bot": True}, "text": str(number)})
    screen = bot.simulator.screen("demo", ANA)
    assert (len(screen), screen[0].text, screen[-1].text) == (500, "1", "500")


async def test_a_deep_link_carries_up_to_64_characters(bot: Bot) -> None:
    await bot.simulator.opens("demo", ANA, "x" * 64)
    [event] = bot.events
    assert isinstance(event, ConversationStarted)
    assert event.context == "x" * 64


async def test_a_command_is_marked_as_one(bot: Bot) -> None:
    await bot.simulator.says("demo", ANA, "/track@demo_bot 12")
    assert bot.updates[0]["message"]["entities"] == [{"type": "bot_command", "offset": 0, "length": 15}]


async def test_an_empty_text_cannot_be_written(bot: Bot) -> None:
    with pytest.raises(NotOnScreenError):
        await bot.simulator.says("demo", ANA, " ")


async def test_a_chat_that_was_never_opened_cannot_be_left(bot: Bot) -> None:
    with pytest.raises(NotOnScreenError):
        await bot.simulator.leaves("demo", BO)
    assert bot.simulator.screen("demo", BO) == []


async def test_leaving_twice_tells_the_bot_once(bot: Bot) -> None:
    for _ in range(2):
        await bot.simulator.leaves("demo", ANA)
    assert [type(event) for event in bot.events] == [Unsubscribed]


async def test_only_a_telegram_account_with_a_token_can_be_opened() -> None:
    with pytest.raises(TypeError, match="with a token"):
        TelegramSimulator(StoppedClock()).add_account(Telegram(ta="demo"))


async def test_a_new_token_of_an_account_replaces_the_old_one(bot: Bot) -> None:
    bot.simulator.add_account(Telegram(ta="demo").simulated("http://telegram.test"))
    assert refused(await bot.http.get("getMe")) == (401, "Unauthorized")


async def test_everything_is_remembered_over_a_restart(bot: Bot) -> None:
    query = await pressed(bot)
    bot.answers = [Response(status_code=500)]
    await bot.simulator.says("demo", ANA, "unheard")
    await bot.simulator.says("demo", BO, "hi")
    await bot.simulator.leaves("demo", BO)
    bot.requests.clear()

    other = Bot(bot.clock)
    other.simulator.restore(bot.simulator.snapshot())

    assert other.simulator.screen("demo", ANA) == bot.simulator.screen("demo", ANA)
    assert await other.simulator.redeliver() == 1
    assert [update["message"]["text"] for update in other.updates] == ["unheard"]
    assert (await other.call("answerCallbackQuery", callback_query_id=query)).status_code == 200
    assert refused(await other.call("sendMessage", chat_id=other.chat_id(BO), text="x"))[0] == 403
    assert other.simulator.snapshot() != bot.simulator.snapshot()
    await other.http.aclose()
    await other.simulator.close()


async def test_a_snapshot_without_chat_objects_takes_them_from_the_people(bot: Bot) -> None:
    chat = bot.simulator.bot("demo").chats[bot.chat_id()]
    whole, chat.info = chat.info, {}
    bot.simulator.restore(bot.simulator.snapshot())
    assert (await bot.send()).json()["result"]["chat"] == whole


@pytest.mark.parametrize("act", ["says", "send", "redeliver", "leaves"])
async def test_every_change_is_announced(bot: Bot, act: str) -> None:
    bot.answers = [Response(status_code=500)] if act == "redeliver" else []
    await bot.simulator.says("demo", ANA, "Hello")
    saved = bot.simulator.snapshot()

    def save() -> None:
        nonlocal saved
        saved = bot.simulator.snapshot()

    bot.simulator.on_change = save
    acts: dict[str, Callable[[], Any]] = {
        "says": lambda: bot.simulator.says("demo", ANA, "Hello"),
        "send": bot.send,
        "redeliver": bot.simulator.redeliver,
        "leaves": lambda: bot.simulator.leaves("demo", ANA),
    }
    before = saved
    await acts[act]()
    assert before != saved
    assert saved == bot.simulator.snapshot()
