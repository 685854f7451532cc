from collections.abc import AsyncIterator
from typing import Any

import pytest

from botkit.simulators.rapporto_checks import normalised, read_extra
from botkit.simulators.rapporto_refusals import RefusedError
from tests.gateways.rapporto_desk import PAYLOADS, body_of
from tests.simulators.rapporto_rig import NUMBER, Json, Rig, sms, telegram, viber, whatsapp

REQUESTS = sorted(path.stem for path in (PAYLOADS / "requests").glob("*.json"))
IMAGE = {"imageURL": "https://a.example/1.png"}
BUTTON = {"text": "x", "caption": "c", "action": "https://a.example"}

INVALID, TTL, TYPE, SENDER = (400, 4), (406, 11), (406, 9), (400, 7)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    rig = Rig()
    rig.simulator.cascades = True
    yield rig
    await rig.simulator.close()


@pytest.mark.parametrize("name", REQUESTS)
async def test_a_recorded_request_is_taken(rig: Rig, name: str) -> None:
    assert (await rig.send(**body_of(name)))["mtNum"]


@pytest.mark.parametrize(
    "message",
    [
        telegram("x" * 1000),
        telegram("😀" * 1000),
        telegram(link="h" * 256),
        telegram(ttl=31, ttlUnit="SECONDS"),
        telegram(ttl=86_400, ttlUnit="SECONDS"),
        telegram(ttl=1440),
        telegram(ttl=24, ttlUnit="HOURS"),
        telegram(ttl=0),
        whatsapp({"text": "x" * 1000}),
        whatsapp(IMAGE, "IMAGE_URL"),
        *(whatsapp(ttl=1440 * days) for days in range(1, 8)),
        whatsapp(ttl=24, ttlUnit="HOURS"),
        sms("x" * 2000, ttl=2880),
        viber({"text": "x"}, ttl=30, ttlUnit="SECONDS"),
        viber(BUTTON | IMAGE, "BUTTON"),
        viber(BUTTON | {"caption": "c" * 30, "action": "tel:" + "1" * 2044}, "BUTTON"),
        {"type": "VK", "data": {"text": "x", "serviceNumber": "SHOP", "ttl": 0}},
        {"type": "FLASHINGCALL", "data": {"text": "1234", "ttl": 5}},
        {"type": "TGCODE", "data": {"text": "12345678", "ttl": 120, "ttlUnit": "SECONDS"}},
        {"type": "PUSH", "data": {"anything": 1}},
        telegram(unknown=1) | {"unknown": 1},
    ],
)
async def test_a_message_within_its_bounds_is_taken(rig: Rig, message: Json) -> None:
    answer = await rig.send(message)
    assert [name.partition(":")[0] for name in rig.simulator.state.messages] == [answer["mtNum"]]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (telegram(...), INVALID),
        (telegram(""), INVALID),
        (telegram(5), INVALID),
        (telegram("x" * 1001), INVALID),
        (telegram(link="h" * 257), INVALID),
        (telegram(link=""), INVALID),
        (telegram(link=5), INVALID),
        (telegram(instantContent={}), INVALID),
        (sms(link="https://a.example"), INVALID),
        (telegram(ttl=30, ttlUnit="SECONDS"), TTL),
        (telegram(ttl=86_401, ttlUnit="SECONDS"), TTL),
        (telegram(ttl=3600), TTL),
        (telegram(ttl=-1), TTL),
        (telegram(ttl="15"), INVALID),
        (telegram(ttl=True), INVALID),
        (telegram(ttlUnit="HOURS"), INVALID),
        (telegram(ttl=60, ttlUnit="seconds"), INVALID),
        (telegram(serviceNumber=5), INVALID),
        (telegram(serviceNumber=""), SENDER),
        ({"type": "TELEGRAM"}, INVALID),
        ({"data": {"text": "x"}}, TYPE),
        (telegram() | {"type": "telegram"}, TYPE),
        (telegram() | {"type": 5}, TYPE),
        (telegram() | {"type": "CARDSMOBILE"}, TYPE),
        (whatsapp({"text": "x"} | IMAGE), INVALID),
        (whatsapp({"text": "x"} | IMAGE, "IMAGE_URL"), INVALID),
        (whatsapp(IMAGE), INVALID),
        (whatsapp({"text": "x"}, "IMAGE_URL"), INVALID),
        (whatsapp({"text": "x" * 1001}), INVALID),
        (whatsapp({"text": ""}), INVALID),
        (whatsapp({"imageURL": 5}, "IMAGE_URL"), INVALID),
        (whatsapp(BUTTON, "BUTTON"), INVALID),
        (whatsapp(5), INVALID),
        ({"type": "WHATSAPP", "data": {"text": "x"}}, INVALID),
        (whatsapp(ttl=1), TTL),
        (whatsapp(ttl=1441), TTL),
        (whatsapp(ttl=8 * 1440), TTL),
        (whatsapp(ttl=120, ttlUnit="SECONDS"), TTL),
        (sms("x" * 2001), INVALID),
        (sms(ttl=2881), TTL),
        (sms(ttl=59, ttlUnit="SECONDS"), TTL),
        (viber({"text": "x"}, ttl=29, ttlUnit="SECONDS"), TTL),
        (viber(BUTTON | {"caption": "c" * 31}, "BUTTON"), INVALID),
        (viber(BUTTON | {"action": "tel:" + "1" * 2045}, "BUTTON"), INVALID),
        (viber(BUTTON | {"action": "tg://x"}, "BUTTON"), INVALID),
        (viber({"text": "x"}, "BUTTON"), INVALID),
        ({"type": "VK", "data": {"text": "x", "ttl": 60}}, SENDER),
        ({"type": "VK", "data": {"text": "x", "serviceNumber": "SHOP"}}, TTL),
        ({"type": "FLASHINGCALL", "data": {"text": "12345"}}, INVALID),
        ({"type": "FLASHINGCALL", "data": {"text": "1234", "ttl": 6}}, TTL),
        ({"type": "TGCODE", "data": {"text": "123"}}, INVALID),
        ({"type": "TGCODE", "data": {"text": "123456789"}}, INVALID),
        (telegram() | {"shortenLinks": True}, INVALID),
    ],
)
async def test_a_message_beyond_its_bounds_is_refused_with_its_code(
    rig: Rig, message: Json, code: tuple[int, int]
) -> None:
    if message.get("data", {}).get("text") is ...:
        del message["data"]["text"]
    assert (await rig.refusal(message))[:2] == code
    assert rig.simulator.state.messages == {}


async def test_what_is_too_long_or_absent_is_said_in_words(rig: Rig) -> None:
    assert (await rig.refusal(telegram("x" * 1204)))[2] == (
        "Message is too long (1204 symbols). TELEGRAM message max length is 1000 symbols."
    )
    assert (await rig.refusal(telegram("", link="https://a.example")))[2] == "Telegram message is absent"


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"login": ...}, (401, 5)),
        ({"login": "other"}, (401, 5)),
        ({"login": 5}, INVALID),
        ({"password": ...}, (401, 6)),
        ({"password": "other"}, (401, 6)),
        ({"password": 5}, INVALID),
        ({"destAddr": ...}, (406, 8)),
        ({"destAddr": "9990001122"}, (406, 8)),
        ({"destAddr": 79990001122}, INVALID),
        ({"message": ...}, INVALID),
        ({"message": "x"}, INVALID),
        ({"id": ""}, INVALID),
        ({"id": 5}, INVALID),
        ({"useTimeDiff": "true"}, INVALID),
        ({"scheduleInfo": "x"}, INVALID),
        ({"scheduleInfo": {"timeBegin": "24:00"}}, INVALID),
        ({"scheduleInfo": {"timeEnd": "9:00"}}, INVALID),
        ({"scheduleInfo": {"weekdaysSchedule": "118"}}, INVALID),
        ({"scheduleInfo": {"weekdaysSchedule": "11"}}, INVALID),
        ({"scheduleInfo": {"deadline": "2025-03-31T23:59:59+03:00"}}, INVALID),
        ({"scheduleInfo": {"deadline": "2025-02-31T23:59:59+0300"}}, INVALID),
        ({"scheduleInfo": {"deadline": 5}}, INVALID),
        ({"shortenLinks": True}, INVALID),
        ({"extraParam": ""}, INVALID),
        ({"extraParam": "a"}, INVALID),
        ({"extraParam": "=1"}, INVALID),
        ({"extraParam": "a=1,b"}, INVALID),
        ({"registeredDelivery": 3}, INVALID),
        ({"registeredDelivery": "1"}, INVALID),
        ({"registeredDelivery": True}, INVALID),
        ({"notifyUrl": ""}, INVALID),
        ({"notifyUrl": "h" * 2049}, INVALID),
        ({"cascadeChainLink": "x"}, INVALID),
        ({"cascadeChainLink": {"state": "READ"}}, INVALID),
        ({"cascadeChainLink": {"state": "SENT", "message": sms()}}, INVALID),
        ({"cascadeChainLink": {"state": "READ", "message": sms(), "nextLink": 5}}, INVALID),
        ({"cascadeChainLink": {"state": "READ", "message": sms("")}}, INVALID),
        ({"cascadeChainLink": {"state": "READ", "message": sms(ttl=2881)}}, TTL),
        ({"cascadeChainLink": {"state": "READ", "message": sms() | {"type": "FAX"}}}, TYPE),
        ({"cascadeChainLink": {"state": "READ", "message": sms() | {"shortenLinks": 1}}}, INVALID),
        ({"cascadeChainLink": {"state": "READ", "message": sms()}, "shortenLinks": True}, INVALID),
    ],
)
async def test_a_request_beyond_its_bounds_is_refused_and_nothing_is_sent(
    rig: Rig, members: Json, code: tuple[int, int]
) -> None:
    assert (await rig.refusal(**members))[:2] == code
    assert rig.simulator.state.messages == {}
    await rig.simulator.redeliver()
    assert rig.client.requests == []


@pytest.mark.parametrize("url", ["h", "h" * 2048])
async def test_an_address_of_reports_within_its_length_is_taken(rig: Rig, url: str) -> None:
    answer = await rig.send(notifyUrl=url)
    assert [name.partition(":")[0] for name in rig.simulator.state.messages] == [answer["mtNum"]]


async def test_nobody_reads_a_flash_call(rig: Rig) -> None:
    call = {"type": "FLASHINGCALL", "data": {"text": "1234"}}
    for state in ("READ", "DELIVERED"):
        link = {"state": state, "message": sms()}
        if state == "READ":
            assert (await rig.refusal(call, cascadeChainLink=link))[:2] == INVALID
        else:
            await rig.send(call, cascadeChainLink=link)


async def test_a_cascade_goes_four_links_deep(rig: Rig) -> None:
    link: Json = {}
    for _ in range(4):
        link = {"state": "READ", "message": sms()} | ({"nextLink": link} if link else {})
    await rig.send(cascadeChainLink=link)
    inner = link["nextLink"]["nextLink"]["nextLink"]
    inner["message"] = sms("")
    assert (await rig.refusal(cascadeChainLink=link))[:2] == INVALID


async def test_cascades_are_off_unless_they_are_agreed() -> None:
    link = {"state": "READ", "message": sms()}
    assert (await Rig().refusal(cascadeChainLink=link))[:2] == INVALID
    await Rig(cascades=True).send(cascadeChainLink=link)


# --- switches


async def test_the_shortest_ttl_is_a_switch(rig: Rig) -> None:
    rig.simulator.telegram_least_ttl = 30
    await rig.send(telegram(ttl=30, ttlUnit="SECONDS"))
    assert (await rig.refusal(telegram(ttl=29, ttlUnit="SECONDS")))[:2] == TTL


async def test_whatsapp_may_take_any_ttl(rig: Rig) -> None:
    rig.simulator.lenient_ttl = True
    await rig.send(whatsapp(ttl=120, ttlUnit="SECONDS"))
    assert (await rig.refusal(whatsapp(ttl=8 * 1440)))[:2] == TTL


@pytest.mark.parametrize(
    "body",
    [
        {"unknown": 1},
        {"message": telegram() | {"unknown": 1}},
        {"message": telegram(unknown=1)},
        {"scheduleInfo": {"unknown": 1}},
        {"cascadeChainLink": {"state": "READ", "message": sms(), "unknown": 1}},
    ],
)
async def test_members_that_nobody_knows_are_refused_where_it_is_strict(rig: Rig, body: Any) -> None:
    await rig.send(**body)
    rig.simulator.is_strict = True
    assert (await rig.refusal(**body))[:2] == INVALID


async def test_a_type_may_be_off(rig: Rig) -> None:
    rig.simulator.types = ("SMS",)
    assert (await rig.refusal())[:2] == TYPE
    await rig.send(sms())


async def test_a_sender_is_the_account_s_own(rig: Rig) -> None:
    rig.simulator.senders = frozenset({"SHOP"})
    await rig.send()
    assert (await rig.refusal(telegram(serviceNumber="BANK")))[:2] == SENDER
    rig.simulator.sender = ""
    assert (await rig.refusal())[:2] == SENDER
    await rig.send(telegram(serviceNumber="SHOP"))


# --- small parts


@pytest.mark.parametrize(
    ("written", "digits"),
    [
        ("8-999-000-11-22", "79990001122"),
        ("+79990001122", "79990001122"),
        ("+8613912345678", "8613912345678"),
        ("72101234567", "72101234567"),
        ("+85512345678", "85512345678"),
        ("1" * 15, "1" * 15),
    ],
)
def test_a_number_is_normalised(written: str, digits: str) -> None:
    assert normalised(written) == digits


@pytest.mark.parametrize("written", ["9990001122", "1" * 16, "", "SHOP", "+7999000112x", None, 5])
def test_what_is_no_number_is_refused(written: Any) -> None:
    with pytest.raises(RefusedError) as raised:
        normalised(written)
    assert raised.value.code == 8


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("branch=north,geo=59.93,,30.31", {"branch": "north", "geo": "59.93,30.31"}),
        ("a=1,,,b=2", {"a": "1,", "b": "2"}),
        ("note=a,,,,b", {"note": "a,,b"}),
        ("a=,b=2", {"a": "", "b": "2"}),
        ("a=x=y", {"a": "x=y"}),
    ],
)
def test_parameters_are_read(text: str, pairs: dict[str, str]) -> None:
    assert read_extra(text) == pairs


async def test_parameters_are_kept_with_the_message(rig: Rig) -> None:
    await rig.send(extraParam="branch=north,geo=59.93,,30.31", destAddr=f"8{NUMBER[1:]}")
    (message,) = rig.simulator.state.messages.values()
    assert (message.extra, message.number) == ({"branch": "north", "geo": "59.93,30.31"}, NUMBER)
