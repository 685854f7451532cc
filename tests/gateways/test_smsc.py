import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from botkit.adapter import Outcome
from botkit.addresses import AddressKind
from botkit.buttons import Button
from botkit.conversation import Conversation
from botkit.exceptions import AddressError, InvalidRequestError, MessageError, ServiceError, SettingsError
from botkit.gateways.smsc import Smsc
from botkit.messages import AnyMessage, File, Image, Raw, Text, Typing, Video
from botkit.outgoing import Outgoing
from tests.gateways.smsc_desk import ANA, Desk, account, answering, opened

PAYLOADS = Path(__file__).parent / "payloads" / "smsc"
ENVIRON: dict[str, str] = json.loads((PAYLOADS / "account.json").read_text("utf-8"))["environ"]


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with opened() as desk:
        yield desk


def read(**settings: str) -> Smsc:
    known = {name: text for name, text in ENVIRON.items() if name != "DEMO_VIA"}
    return Smsc.from_env("DEMO", known | {f"DEMO_{name}": text for name, text in settings.items()})


# --- settings


def test_an_account_sends_text_messages_unless_it_is_said_otherwise() -> None:
    assert read().via == "sms"
    assert [read(VIA=via).network for via in ("sms", "viber", "telegram")] == ["sms", "viber", "telegram"]
    assert read(VIA="WhatsApp", BOT="79037000009").network == "whatsapp"


def test_every_setting_is_read() -> None:
    smsc = read(
        VIA="telegram", BOT="@demo_shop_bot", GROUP="12", SENDER="SHOP", POLL="30", REPEATS="1", INBOX="+79037000000",
        FILES="on", BLACKLIST_COMMANDS="in, out, list", RATE="5", CHAT_RATE="1", API_URL="http://smsc.test/",
    )  # fmt: skip
    assert (smsc.bot, smsc.group, smsc.sender, smsc.poll_seconds) == ("@demo_shop_bot", "12", "SHOP", 30)
    assert (smsc.max_repeats, smsc.inbox, smsc.files) == (1, "79037000000", True)
    assert (smsc.blacklist_commands, smsc.api_url) == (("in", "out", "list"), "http://smsc.test")
    assert smsc.paces.account is not None
    assert smsc.paces.account.limit == 5


def test_secrets_can_be_files(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("key-of-a-file\n")
    smsc = Smsc.from_env("DEMO", {"DEMO_API_KEY_FILE": str(tmp_path / "key")})
    assert smsc.has_credentials
    assert smsc.api_key.reveal() == "key-of-a-file"


@pytest.mark.parametrize(
    ("environ", "has"),
    [
        ({}, False),
        ({"DEMO_LOGIN": "demo"}, False),
        ({"DEMO_PASSWORD": "secret"}, False),
        ({"DEMO_LOGIN": "demo", "DEMO_PASSWORD": "secret"}, True),
        ({"DEMO_API_KEY": "key"}, True),
    ],
)
def test_a_key_or_a_login_with_its_password_are_credentials(environ: dict[str, str], has: bool) -> None:
    assert Smsc.from_env("DEMO", environ).has_credentials is has


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"VIA": "pigeon"}, "VIA"),
        ({"SENDER": "twelve chars"}, "SENDER"),
        ({"SENDER": "+1234567890123456"}, "SENDER"),
        ({"BOT": "@demo_shop_bot"}, "BOT"),
        ({"VIA": "viber", "BOT": "@demo_shop_bot"}, "BOT"),
        ({"VIA": "telegram", "BOT": "my shop"}, "BOT"),
        ({"VIA": "whatsapp"}, "BOT"),
        ({"GROUP": "G12"}, "GROUP"),
        ({"POLL": "24"}, "POLL"),
        ({"POLL": "86401"}, "POLL"),
        ({"POLL": "often"}, "POLL"),
        ({"REPEATS": "11"}, "REPEATS"),
        ({"REPEATS": "-1"}, "REPEATS"),
        ({"INBOX": "maybe"}, "INBOX"),
        ({"FILES": "maybe"}, "FILES"),
        ({"BLACKLIST_COMMANDS": "in,out"}, "BLACKLIST_COMMANDS"),
        ({"BLACKLIST_COMMANDS": "in,out,li st"}, "BLACKLIST_COMMANDS"),
        ({"API_URL": "smsc.ru"}, "API_URL"),
    ],
)
def test_a_setting_of_the_wrong_form_is_named_and_not_shown(settings: dict[str, str], name: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read(**settings)
    assert f"DEMO_{name} " in raised.value.what
    assert raised.value.fix
    assert settings.get(name, "-" * 99) not in raised.value.what


@pytest.mark.parametrize(
    "settings",
    [
        {"SENDER": "eleven char"},
        {"SENDER": "+123456789012345"},
        {"POLL": "25"},
        {"POLL": "86400"},
        {"POLL": "0"},
        {"REPEATS": "10"},
        {"REPEATS": "0"},
        {"INBOX": "off"},
        {"BLACKLIST_COMMANDS": "off"},
    ],
)
def test_a_setting_at_its_bound_is_taken(settings: dict[str, str]) -> None:
    assert read(**settings).has_credentials


def test_a_simulated_account_goes_the_same_way_with_a_key_of_its_own() -> None:
    simulated = account("bot", group="12", blacklist_commands=("in", "out", "list")).simulated("http://smsc.test")
    assert (simulated.group, simulated.blacklist_commands) == ("12", ("add_bl", "del_bl", "get_bl"))
    assert (simulated.via, simulated.bot, simulated.ta) == ("telegram", "@demo_shop_bot", "bot")
    assert not simulated.login
    assert simulated.api_key
    assert simulated.callback_secret


# --- addresses


def test_an_account_writes_to_phone_numbers() -> None:
    for way in ("sms", "viber", "telegram", "whatsapp"):
        assert account(way).address is AddressKind.PHONE
        assert account(way).find_address("7 (999) 000-11-22") == "+79990001122"


@pytest.mark.parametrize("destination", ["@ana_kos", "#918273645", "nobody", "", "+7999"])
def test_what_is_no_number_is_no_address(destination: str) -> None:
    with pytest.raises(AddressError) as raised:
        account().find_address(destination)
    assert not destination or destination not in str(raised.value)


@pytest.mark.parametrize(
    ("destination", "found"),
    [("@ana_kos", "@ana_kos"), (" #918273645 ", "#918273645"), ("79990001122", "+79990001122")],
)
def test_a_telegram_bot_writes_to_names_ids_and_numbers(destination: str, found: str) -> None:
    assert account("bot").address is AddressKind.CONVERSATION
    assert account("bot").find_address(destination) == found


@pytest.mark.parametrize("destination", ["@ana", "@ana kos", "#", "#12a", "@1ana", f"@{'a' * 33}"])
def test_a_name_of_another_form_is_no_address(destination: str) -> None:
    with pytest.raises(AddressError):
        account("bot").find_address(destination)


# --- what can be said


def prepared(message: AnyMessage, way: str = "sms", **more: Any) -> tuple[AnyMessage, ...]:
    adapter = account(way, **more)
    return adapter.prepare(message, Conversation(adapter.account, "+79990001122")).messages


def test_a_long_text_goes_in_parts_of_a_thousand_characters() -> None:
    assert len(prepared(Text(text="я" * 1000))) == 1
    parts = prepared(Text(text="я" * 1001))
    assert [len(part.text) for part in parts if isinstance(part, Text)] == [1000, 1]


def test_a_message_over_the_bound_is_refused_with_both_numbers() -> None:
    account().check(Text(text="a" * 1000))
    with pytest.raises(MessageError, match="1001 characters; SMSC takes at most 1000"):
        account().check(Text(text="a" * 1001))


def test_what_keeps_the_lists_in_step_is_taken_as_it_is() -> None:
    account().check(Raw(channel="smsc", method="stop", payload={"phone": "+79990001122"}, is_call=True))


def test_buttons_become_a_menu_and_signs_nothing() -> None:
    (message,) = prepared(Text(text="Tea?", buttons=((Button("Yes", "yes"), Button("No", "no")),)))
    assert isinstance(message, Text)
    assert message.text.endswith("1. Yes\n2. No")
    assert prepared(Typing()) == ()


@pytest.mark.parametrize(
    ("way", "more", "shown"),
    [
        *[(way, {}, False) for way in ("sms", "viber", "telegram", "bot")],
        *[("bot", {"files": True}, True), ("whatsapp", {}, True)],
    ],
)
@pytest.mark.parametrize("kind", [Image, Video])
def test_pictures_and_films_are_shown_by_some_and_linked_by_others(way: str, more: Any, shown: bool, kind: Any) -> None:
    (message,) = prepared(kind(source="https://shop.example/a", caption="New"), way, **more)
    assert isinstance(message, kind) is shown


@pytest.mark.parametrize(
    "source", ["http://shop.example/a.png", "https://shop.example/a>b.png", f"https://a/{'b' * 1000}"]
)
def test_a_picture_that_cannot_be_fetched_is_a_link(source: str) -> None:
    messages = prepared(Image(source=source), "whatsapp")
    assert {type(message) for message in messages} == {Text}


def test_a_caption_has_the_room_that_its_address_leaves() -> None:
    source = "https://shop.example/a.png"
    room = 1000 - len(f"<file {source}>\n")
    assert len(prepared(Image(source=source, caption="a" * room), "whatsapp")) == 1
    assert len(prepared(Image(source=source, caption="a" * (room + 1)), "whatsapp")) == 2


def test_a_file_is_a_link_everywhere() -> None:
    (message,) = prepared(File(source="https://shop.example/a.pdf"), "whatsapp")
    assert isinstance(message, Text)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("id", [1, "2147483647"], [0, 2147483648, "x", True]),
        ("sender", ["SHOP", "eleven char", "123456789012345"], ["twelve chars", " ", ""]),
        ("cost", [0, "2", 3], [1, 4, None]),
        ("op", [0, 1], [2]),
        ("err", [0, 1], [2]),
        (
            "time",
            ["0", "0303251102", "03.03.25 11:02", "9-18", "01740988929", "+30", "+527040"],
            ["soon", "+527041", "+", "3.3.25 11:02", "9-25", "1740988929000"],
        ),
        ("tz", [-15, 14], [-16, 15]),
        ("translit", [0, 1, 2], [3]),
        ("tinyurl", [0, 1], [2]),
        ("fileurl", ["https://shop.example/a.pdf"], ["ftp://shop.example", "https://a b"]),
        ("fmt", [3], [0, 1, 2]),
        ("charset", ["utf-8"], ["windows-1251"]),
        ("mes", ["a", "я" * 1000], ["", "   ", "я" * 1001, "\0", "\ud800", 5.5]),
        ("viber", [], [1]),
        ("login", [], ["demo"]),
        ("psw", [], ["demo"]),
        ("apikey", [], ["demo"]),
        ("pohnes", [], ["1"]),
    ],
)
def test_every_parameter_of_a_send_has_its_bounds(name: str, good: list[Any], bad: list[Any]) -> None:
    def send(value: Any) -> None:
        account().check(Raw(channel="smsc", payload={"mes": "hi", name: value}))

    for value in good:
        send(value)
    for value in bad:
        with pytest.raises(InvalidRequestError) as raised:
            send(value)
        assert [problem.path for problem in raised.value.problems] == [name]


def test_a_raw_for_another_channel_or_without_a_text_is_refused() -> None:
    for raw in (
        Raw(channel="viber", payload={"mes": "hi"}),
        Raw(channel="smsc", payload={"time": "+5"}),
        Raw(channel="smsc", method="cancel", payload={"mes": "hi"}),
    ):
        with pytest.raises(MessageError):
            account().check(raw)


def test_what_is_given_for_smsc_alone_is_checked_too() -> None:
    account().check(Text(text="hi", extra={"smsc": {"time": "+30"}}))
    with pytest.raises(InvalidRequestError, match=r"extra\.smsc\.time"):
        account().check(Text(text="hi", extra={"smsc": {"time": "soon"}}))


# --- requests to send


async def test_a_request_in_smsc_s_own_words_goes_out_as_it_came() -> None:
    body = {"phones": "7 (999) 000-11-22", "mes": "Заказ готов", "id": 70001, "cost": "3", "translit": 0}
    addressed = account().read_send(body)
    assert addressed.to == "+79990001122"
    client = answering('{"id": 70001, "cnt": 1, "cost": "1.40", "balance": "512.30"}')
    place = Conversation(account().account, addressed.to)
    receipt = await account().send(Outgoing("k00", ("smsc", "sms"), addressed.to, addressed.message), place, client)
    assert (receipt.outcome, receipt.id) == (Outcome.SENT, "70001")
    ((_, form),) = client.forms
    own = {name: str(value) for name, value in body.items()}
    assert form == {**own, "login": "demo", "psw": "demo-pass", "fmt": "3", "charset": "utf-8"}


@pytest.mark.parametrize(
    ("way", "body"),
    [
        ("bot", {"phones": "#918273645", "mes": "Ready", "bot": "@demo_shop_bot", "id": 70001, "cost": 3, "fmt": 3}),
        ("telegram", {"phones": "79990001122", "mes": "Code 4821", "tg": 1, "fmt": 3, "charset": "utf-8"}),
        ("viber", {"phones": "79990001122", "mes": "Sale today", "viber": 1, "sender": "SHOP", "charset": "utf-8"}),
    ],
)
def test_the_requests_of_the_documentation_are_taken_by_their_accounts(way: str, body: dict[str, Any]) -> None:
    adapter = account(way)
    addressed = adapter.read_send(body)
    assert adapter.prepare(addressed.message, Conversation(adapter.account, addressed.to)).messages == (
        addressed.message,
    )


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ({"phones": "79990001122"}, ["mes"]),
        ({"mes": "hi"}, ["phones"]),
        ({"phones": "nobody", "mes": ""}, ["phones", "mes"]),
        ({"phones": "79990001122,79990003344", "mes": "hi"}, ["phones"]),
        ({"phones": "79990001122;79990003344", "mes": "hi"}, ["phones"]),
        ({"phones": "G3", "mes": "hi"}, ["phones"]),
        ({"phones": ["79990001122"], "mes": "hi"}, ["phones"]),
        ({"phones": True, "mes": "hi"}, ["phones"]),
        ({"phones": "79990001122", "mes": "hi", "bot": "@b", "tg": 1, "viber": 1}, ["bot", "tg", "viber"]),
        (
            {"phones": "7", "mes": "hi", "cost": 1, "fmt": 2, "time": "soon", "x": 1},
            ["phones", "cost", "fmt", "time", "x"],
        ),
    ],
)
def test_everything_that_is_wrong_is_told_with_its_path(body: dict[str, Any], paths: list[str]) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        account().read_send(body)
    assert [problem.path for problem in raised.value.problems] == paths


@pytest.mark.parametrize(
    ("way", "content", "text"),
    [
        ("sms", {"sms": {"text": "Заказ *готов*"}}, "Заказ *готов*"),
        ("viber", {"viber": {"type": "regular", "text": "Sale"}}, "Sale"),
        ("telegram", {"telegram": {"text": {"message": "<b>Sale</b>", "parseMode": "Html"}}}, "Sale"),
        ("whatsapp", {"whatsapp": {"type": "regular", "regular": {"type": "text", "text": "Sale"}}}, "Sale"),
    ],
)
async def test_a_request_in_the_words_of_all_accounts_arrives(
    desk: Desk, way: str, content: dict[str, Any], text: str
) -> None:
    adapter, to = desk.accounts[way], desk.place(way)
    await desk.simulator.opens(way, ANA)
    addressed = adapter.read_send({"trafficAccountId": way, "destination": to.id.removeprefix("+"), **content})
    assert addressed.to == to.id
    assert (await desk.send(addressed.message, way)).outcome is Outcome.SENT
    assert desk.sees(way) == [text]


async def test_a_sender_of_a_request_takes_the_place_of_the_account_s(desk: Desk) -> None:
    addressed = account().read_send(
        {"trafficAccountId": "sms", "destination": "79990001122", "sms": {"text": "hi", "sender": "NIGHTSHOP"}}
    )
    await desk.send(addressed.message)
    assert desk.asked("send")[0]["sender"] == "NIGHTSHOP"
    with pytest.raises(InvalidRequestError, match=r"sms\.sender: must have at most 11 characters, or 15 digits"):
        account().read_send(
            {
                "trafficAccountId": "sms",
                "destination": "79990001122",
                "sms": {"text": "hi", "sender": "1234567890123456"},
            }
        )


def test_a_request_for_another_network_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="sms"):
        account().read_send(
            {"trafficAccountId": "sms", "destination": "79990001122", "viber": {"type": "regular", "text": "hi"}}
        )


# --- the console


def test_callbacks_of_all_kinds_have_one_address_as_the_console_has_one_field() -> None:
    report, inbound = (f"https://bot.example/webhooks/smsc/{kind}?ta=inbound%3F" for kind in ("report", "inbound"))
    assert account().callback_address("inbound", inbound) == account().callback_address("report", report) == report


async def test_the_address_of_callbacks_is_entered_by_hand() -> None:
    smsc, client = account(), answering()
    assert "smsc.ru" in (await smsc.load_webhook(client)).details["set in"]
    with pytest.raises(ServiceError) as raised:
        await smsc.set_webhook("https://bot.example/webhooks/smsc/report?ta=sms", client)
    assert "https://bot.example/webhooks/smsc/report?ta=sms" in raised.value.fix
    with pytest.raises(ServiceError):
        await smsc.delete_webhook(client)


async def test_an_account_that_cannot_send_is_told_in_the_log(desk: Desk) -> None:
    desk.simulator.refuse(2)
    with capture_logs() as logs:
        await desk.send()
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["the account cannot send"]
