"""What a request becomes on each kind of account, and what is said of all that is wrong with it."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from botkit.adapter import Adapter
from botkit.bot import Bot
from botkit.channels.gbm import BusinessMessages
from botkit.channels.telegram import Telegram
from botkit.channels.viber import Viber
from botkit.contacts import Contact
from botkit.conversation import Account, Conversation
from botkit.exceptions import InvalidRequestError
from botkit.gateways.mitto import Mitto
from botkit.gateways.rapporto import Rapporto
from botkit.gateways.smsc import Smsc
from botkit.gateways.smsgold import SmsGold
from botkit.messages import Raw, Text
from botkit.send_api.openapi import EXAMPLES
from botkit.send_api.orders import Order, Orders, fingerprint_of, reached, routes_of
from botkit.send_api.refusals import RefusedError
from botkit.send_api.schemas import message_request
from botkit.submission import Submission, message_id

PHONE = "+385910000001"
KEY = "mitto-key-canary"

ACCOUNTS: tuple[Adapter, ...] = (
    Telegram(ta="bot-telegram"),
    Viber(ta="bot-viber"),
    BusinessMessages(ta="bot-gbm"),
    Mitto("sms", api_key=KEY, ta="mitto-sms"),
    Mitto("viber", api_key=KEY, ta="mitto-viber"),
    Mitto("whatsapp", api_key=KEY, ta="mitto-whatsapp"),
    Mitto("telegram", api_key=KEY, ta="mitto-telegram"),
    Rapporto("telegram", login="shop", password="x", api_url="https://rapporto.test/api", ta="rapporto"),
    Smsc("sms", login="shop", password="x", ta="smsc"),
    SmsGold(user="shop", password="x", bot_id="7", ta="gold"),
    Viber(ta="twin"),
    Telegram(ta="twin"),
)

RAPPORTO: Mapping[str, Any] = {
    "id": "ord-20417-tg-1",
    "destAddr": "8-999-000-11-22",
    "useTimeDiff": True,
    "scheduleInfo": {"timeBegin": "09:30", "timeEnd": "20:00", "weekdaysSchedule": "12345"},
    "notifyUrl": "https://bots.example.org/hooks/rapporto/7f3c",
    "message": {"type": "TELEGRAM", "data": {"text": "Your parcel has arrived", "ttl": 15, "ttlUnit": "MINUTES"}},
}


def read(body: Mapping[str, Any], **members: object) -> Order:
    return Orders(ACCOUNTS).read({**body, **members}, lambda _: True)


def submitted(order: Order) -> Submission:
    return order.submission(message_id("shop", "1"), "shop", "f", 1_700_000_000_000)


def problems(body: Mapping[str, Any], **members: object) -> list[str]:
    with pytest.raises(InvalidRequestError) as caught:
        read(body, **members)
    return [problem.path for problem in caught.value.problems]


SMS: Mapping[str, Any] = {"destination": "385910000001", "sms": {"text": "hello"}}
TO_BOT: Mapping[str, Any] = {
    "destination": "1861",
    "telegram": {"text": {"message": "<b>hello</b>", "parseMode": "Html"}},
}


# --- one account ---


@pytest.mark.parametrize("ta", ["mitto-sms", "smsc"])
def test_a_number_is_the_conversation_of_an_account_that_writes_to_numbers(ta: str) -> None:
    (way,) = read(SMS, trafficAccountId=ta).ways
    assert way.conversation == Conversation(way.adapter.account, PHONE)


def test_what_a_gateway_takes_goes_through_it_as_it_is() -> None:
    (way,) = read(SMS, trafficAccountId="mitto-sms", sms={"text": "hello", "sender": "Shop"}).ways
    assert isinstance(way.message, Raw)
    assert way.message.payload == {"sms": {"text": "hello", "sender": "Shop"}}


def test_a_bot_says_the_same_in_its_own_way() -> None:
    (way,) = read(TO_BOT, trafficAccountId="bot-telegram").ways
    assert way.to == "1861"
    assert isinstance(way.message, Text)
    assert (way.message.formatted.text, [span.kind for span in way.message.formatted.spans]) == ("hello", ["bold"])


@pytest.mark.parametrize(
    ("name", "ta"),
    [
        ("sms", "mitto-sms"),
        ("sms", "smsc"),
        ("viber", "mitto-viber"),
        ("viber file", "mitto-viber"),
        ("telegram", "bot-telegram"),
        ("telegram", "mitto-telegram"),
        ("telegram place", "bot-telegram"),
        ("gbm", "bot-gbm"),
        ("whatsapp", "mitto-whatsapp"),
    ],
)
def test_the_examples_are_taken_by_accounts_of_their_network(name: str, ta: str) -> None:
    order = read(EXAMPLES[name], trafficAccountId=ta)
    assert order.ways[0].adapter.ta == ta
    assert submitted(order).parts[-1].key == message_id("shop", "1")


def test_of_two_accounts_of_one_name_the_content_tells_which_is_meant() -> None:
    assert read(TO_BOT, trafficAccountId="twin").ways[0].adapter.channel == "telegram"
    assert problems(SMS, trafficAccountId="twin") == ["trafficAccountId"]


@pytest.mark.parametrize("ta", [None, "", 7, ["mitto-sms"]])
def test_without_an_account_nothing_can_be_sent(ta: object) -> None:
    assert "trafficAccountId" in problems(SMS, trafficAccountId=ta)
    assert "trafficAccountId" in problems(RAPPORTO, trafficAccountId=ta)


def test_another_networks_content_is_none_for_the_account() -> None:
    assert problems(SMS, trafficAccountId="mitto-viber") == ["viber", "sms"]


@pytest.mark.parametrize("name", ["extraParam", "registeredDelivery", "shortenLinks", "cascadeChainLink"])
def test_what_an_account_does_not_know_is_refused_and_not_left_out(name: str) -> None:
    assert problems(SMS, trafficAccountId="mitto-sms", **{name: "x"}) == [name]


def test_a_gateways_own_members_reach_it_beside_the_common_ones() -> None:
    own = {"extraParam": {"branch": "north"}, "registeredDelivery": 2}
    body = {"destination": "+79990001122", "telegram": {"text": {"message": "hello"}}, "trafficAccountId": "rapporto"}
    (way,) = read(body, **own, scheduleInfo={"timeBegin": "09:00"}).ways
    assert way.message.extra["rapporto"] == own, "hours are kept by the service"
    assert problems(body, registeredDelivery=9) == ["registeredDelivery"]


def test_in_a_failover_a_member_is_for_the_accounts_that_know_it() -> None:
    body = failing_over("rapporto", "smsc", status="Sent", telegram={"text": {"message": "hello"}})
    first, second = read(body, registeredDelivery=2).ways
    assert (first.message.extra["rapporto"], second.message.extra) == ({"registeredDelivery": 2}, {})


def test_every_member_that_a_gateway_knows_is_in_the_document() -> None:
    known = message_request()["properties"]
    assert {name for adapter in ACCOUNTS for name in adapter.send_options} <= set(known)


def test_problems_of_the_envelope_and_of_the_content_are_told_together() -> None:
    wrong = {"trafficAccountId": "mitto-sms", "destination": "12", "sms": {"sender": "?"}, "id": "", "colour": "red"}
    assert sorted(problems(wrong)) == ["colour", "destination", "id", "sms.sender", "sms.text"]


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"id": "x" * 255}, ""),
        ({"id": "x" * 256}, "id"),
        ({"id": "é"}, "id"),
        ({"id": 7}, "id"),
        ({"reference": "é" * 255}, ""),
        ({"reference": "x" * 256}, "reference"),
        ({"reference": ["x"]}, "reference"),
    ],
    ids=str,
)
def test_the_callers_own_words_have_bounds(members: Mapping[str, object], path: str) -> None:
    if path:
        assert problems(SMS, trafficAccountId="mitto-sms", **members) == [path]
    else:
        order = read(SMS, trafficAccountId="mitto-sms", **members)
        assert (order.tag, order.reference) == (members.get("id", ""), members.get("reference", ""))


# --- a gateway's own form ---


def test_a_request_in_a_gateways_own_form_goes_through_as_it_is_without_credentials() -> None:
    order = read(RAPPORTO, trafficAccountId="rapporto", login="canary", password="canary", reference="parcels")
    (way,) = order.ways
    assert isinstance(way.message, Raw)
    assert way.message.payload == RAPPORTO
    assert (way.to, order.tag, order.reference) == ("+79990001122", "ord-20417-tg-1", "parcels")


def test_credentials_are_no_part_of_what_stands_for_a_request() -> None:
    assert fingerprint_of({**RAPPORTO, "password": "1"}) == fingerprint_of({**RAPPORTO, "password": "2"})
    assert fingerprint_of({**RAPPORTO, "id": "1"}) != fingerprint_of({**RAPPORTO, "id": "2"})


def test_what_is_wrong_in_its_own_form_is_told_by_its_paths() -> None:
    wrong = {"destAddr": "12", "message": {"type": "TELEGRAM", "data": {"text": ""}}, "reference": 7}
    found = problems(wrong, trafficAccountId="rapporto")
    assert "reference" in found
    assert any(path.startswith("message.data") for path in found)


def test_an_account_that_knows_no_such_form_names_what_it_needs() -> None:
    found = problems(RAPPORTO, trafficAccountId="mitto-sms")
    assert {"destination", "scheduleInfo", "message", "destAddr"} <= set(found)


# --- several ways ---


def failing_over(*accounts: str, status: str = "Delivered", **contents: object) -> dict[str, Any]:
    timeout = {"status": status, "timeoutInSeconds": 45, "trafficAccounts": list(accounts)}
    failover = {"type": "Timeout", "timeoutFailover": timeout}
    return {"destination": "385910000001", "sms": {"text": "by SMS"}, "failover": failover, **contents}


VIBER: Mapping[str, Any] = {"type": "transactional", "text": "by Viber"}


def test_ways_of_different_services_follow_one_another() -> None:
    trail = submitted(read(failing_over("mitto-viber", "smsc", viber=VIBER))).parts[-1].trail
    assert trail is not None
    assert trail.home == ("mitto", "mitto-viber", PHONE)
    assert (trail.joined, trail.phone) == (1, PHONE)
    assert [(hop.account[1], hop.to, hop.seconds, hop.status) for hop in trail.hops] == [
        ("mitto-viber", PHONE, 45, "delivered"),
        ("smsc", PHONE, 0, "delivered"),
    ]


def test_ways_of_one_gateway_are_one_request_to_it() -> None:
    trail = submitted(read(failing_over("mitto-viber", "mitto-sms", viber=VIBER))).parts[-1].trail
    assert trail is not None
    assert trail.joined == 2
    assert [hop.message.payload for hop in trail.hops if isinstance(hop.message, Raw)] == [
        {"viber": VIBER},
        {"sms": {"text": "by SMS"}},
    ]


class Links:
    """Contact records in memory."""

    def __init__(self, *conversations: Conversation) -> None:
        self.known = conversations

    async def link(self, phone: str, conversation: Conversation) -> None:
        raise AssertionError

    async def unlink(self, phone: str, cid: str) -> None:
        raise AssertionError

    async def load(self, phone: str) -> Contact:
        return Contact(phone, self.known if phone == PHONE else ())


OLENA = Conversation(Account("viber", "bot-viber"), "olena=")


def test_a_way_has_up_to_three_days() -> None:
    long = failing_over("mitto-viber", "smsc", viber=VIBER)
    long["failover"]["timeoutFailover"]["timeoutInSeconds"] = 3 * 86_400
    assert read(long).ways[0].step.seconds == 3 * 86_400
    long["failover"]["timeoutFailover"]["timeoutInSeconds"] += 1
    assert problems(long) == ["failover.timeoutFailover.timeoutInSeconds"]


@pytest.mark.parametrize(("known", "first", "home"), [((OLENA,), 0, "olena="), ((), 1, PHONE)], ids=["known", "not"])
def test_a_way_to_a_bots_conversation_is_taken_where_it_is_known(
    known: Sequence[Conversation], first: int, home: str
) -> None:
    order = asyncio.run(reached(read(failing_over("bot-viber", "smsc", viber=VIBER)), Links(*known)))
    submission = submitted(order)
    trail = submission.parts[-1].trail
    assert trail is not None
    assert (order.first, trail.hop, trail.home[2], submission.to) == (first, first, home, home)


def test_a_bot_later_on_is_looked_up_when_its_turn_comes() -> None:
    order = asyncio.run(reached(read(failing_over("smsc", "bot-viber", viber=VIBER, status="Sent")), Links(OLENA)))
    assert [way.to for way in order.ways] == [PHONE, ""]


@pytest.mark.parametrize(
    ("ta", "to"), [("bot-telegram", ""), ("mitto-telegram", ""), ("gold", PHONE)], ids=["bot", "gateway", "by number"]
)
def test_a_number_is_looked_up_only_where_the_account_cannot_write_to_it(ta: str, to: str) -> None:
    body = {"destination": PHONE, "telegram": {"text": {"message": "hello"}}}
    assert [way.to for way in read(body, trafficAccountId=ta).ways] == [to]


def test_each_account_must_be_there_and_the_callers_own() -> None:
    with pytest.raises(RefusedError) as missing:
        read(failing_over("mitto-sms", "nobody"))
    with pytest.raises(RefusedError) as forbidden:
        Orders(ACCOUNTS).read(failing_over("mitto-sms", "smsc"), lambda ta: ta != "smsc")
    assert (missing.value.status, forbidden.value.status) == (404, 403)


@pytest.mark.parametrize("status", ["Delivered", "Seen"])
@pytest.mark.parametrize("ta", ["mitto-telegram", "bot-telegram"])
def test_what_is_waited_for_must_be_told(ta: str, status: str) -> None:
    telegram = {"text": {"message": "hello"}}
    paths = problems(failing_over(ta, "smsc", telegram=telegram, status=status))
    assert paths == ["failover.timeoutFailover.trafficAccounts[0]"]
    assert len(read(failing_over(ta, "smsc", telegram=telegram, status="Sent")).ways) == 2
    assert len(read(failing_over("smsc", ta, telegram=telegram, status=status)).ways) == 2, "nobody waits for the last"


def test_an_account_that_reports_is_waited_for_on_telegram_too() -> None:
    order = read(failing_over("rapporto", "smsc", telegram={"text": {"message": "hello"}}))
    assert [way.adapter.ta for way in order.ways] == ["rapporto", "smsc"]


# --- routes ---

URGENT = ACCOUNTS[1].within(60, status="sent") | ACCOUNTS[4].within(45) | ACCOUNTS[8]
BOTS = [
    Bot("shop", routers=[], accounts=ACCOUNTS[:10], routes={"urgent": URGENT, "calm": ACCOUNTS[3]}),
    Bot("till", routers=[], accounts=ACCOUNTS[10:], routes={"calm": ACCOUNTS[10]}),
]


def routed(route: object, **members: object) -> Order:
    return Orders(ACCOUNTS, routes_of(BOTS)).read({**SMS, "route": route, **members}, lambda ta: ta != "mitto-sms")


def test_a_route_names_the_accounts_and_their_times() -> None:
    order = routed("urgent", viber=VIBER)
    trail = submitted(replace(order, first=1)).parts[-1].trail
    assert trail is not None
    assert [(hop.account[1], hop.to, hop.seconds, hop.status) for hop in trail.hops] == [
        ("bot-viber", "", 60, "sent"),
        ("mitto-viber", PHONE, 45, "delivered"),
        ("smsc", PHONE, 0, "delivered"),
    ]


def test_what_a_way_is_not_told_in_its_own_networks_words_it_is_told_in_the_first() -> None:
    said = [way.message.plain for way in routed("urgent").ways]
    assert said == ["hello", "hello", "hello"]


def test_a_route_of_one_way_is_followed_all_the_same() -> None:
    submission = submitted(routed("till:calm", destination="olena="))
    assert (submission.ways, submission.to) == ((("viber", "twin"),), "olena=")


@pytest.mark.parametrize("name", ["calm", "shop:calm", "none", "till:urgent"])
def test_a_route_that_two_bots_have_or_none_or_that_is_not_for_the_key_is_not_there(name: str) -> None:
    with pytest.raises(RefusedError) as caught:
        routed(name)
    assert (caught.value.status, caught.value.code) == (404, "unknown_route")


@pytest.mark.parametrize(
    "members",
    [{"trafficAccountId": "smsc"}, {"failover": failing_over("smsc", "gold")["failover"]}],
    ids=["account", "failover"],
)
def test_a_route_stands_in_place_of_accounts(members: Mapping[str, object]) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        routed("urgent", **members)
    assert "route" in [problem.path for problem in caught.value.problems]


def test_what_no_account_of_a_route_sends_is_not_left_out() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        routed("urgent", viber=VIBER, telegram={"text": {"message": "x"}})
    assert [problem.path for problem in caught.value.problems] == ["telegram"]


def test_all_that_is_wrong_is_told_with_a_route_as_well() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        routed("urgent", destination="12", sms={"sender": "?"})
    assert sorted(problem.path for problem in caught.value.problems) == ["destination", "sms.sender", "sms.text"]


def test_a_long_text_is_one_message_whose_last_part_has_its_id() -> None:
    body = {
        "trafficAccountId": "bot-viber",
        "destination": "olena=",
        "viber": {"type": "session", "text": "word " * 2000},
    }
    parts = submitted(read(body)).parts
    assert len(parts) > 1
    assert [int(part.key[-2:]) for part in parts] == [*reversed(range(len(parts)))]
