import pytest

from botkit.exceptions import MessageError
from botkit.gateways.rapporto_checks import find_problems
from botkit.gateways.rapporto_requests import Defaults, as_link, cascade, ways_of, with_defaults
from botkit.messages import Raw, Text
from botkit.outgoing import Hop, Trail
from tests.gateways.rapporto_desk import Json, body_of

TELEGRAM: Json = {"type": "TELEGRAM", "data": {"text": "hello"}}
SMS: Json = {"type": "SMS", "data": {"text": "hello", "serviceNumber": "SHOP"}}
WHATSAPP: Json = {"type": "WHATSAPP", "data": {"instantContent": {"type": "TEXT", "data": {"text": "hello"}}}}


def raw(message: Json) -> Raw:
    return Raw(channel="rapporto", payload={"message": message})


def trail(*hops: Hop, joined: int = 0, hop: int = 0) -> Trail:
    home = ("rapporto", "demo", "+79990001122")
    return Trail(home, hops, Text(text="hello"), hop=hop, joined=joined or len(hops))


def hop(ta: str, **options: object) -> Hop:
    return Hop(("rapporto", ta), **options)  # type: ignore[arg-type]  # options of a Hop


# --- what an account adds


def test_an_account_adds_what_the_request_does_not_say() -> None:
    defaults = Defaults("TELEGRAM", "key", "SHOP", 0, "https://bot.example")
    assert with_defaults({"message": TELEGRAM}, defaults) == {
        "message": {"type": "TELEGRAM", "data": {"text": "hello", "serviceNumber": "SHOP"}},
        "id": "key",
        "registeredDelivery": 0,
        "notifyUrl": "https://bot.example",
    }


def test_what_the_request_says_stands() -> None:
    body = {
        "id": "own",
        "registeredDelivery": 2,
        "notifyUrl": "https://own.example",
        "shortenLinks": False,
        "message": SMS,
    }
    assert with_defaults(body, Defaults("SMS", "key", "SALE", 0, "https://bot.example", True)) == body


def test_an_account_without_settings_adds_nothing() -> None:
    body = body_of("whatsapp_image")
    assert with_defaults(body, Defaults("WHATSAPP")) == body


def test_a_sender_is_not_that_of_another_network() -> None:
    assert with_defaults({"message": TELEGRAM}, Defaults("SMS", service_number="SHOP", shorten_links=True)) == {
        "message": TELEGRAM
    }


def test_links_are_shortened_where_the_type_has_that() -> None:
    assert with_defaults({"message": SMS}, Defaults("SMS", shorten_links=False))["shortenLinks"] is False
    assert "shortenLinks" not in with_defaults({"message": TELEGRAM}, Defaults("TELEGRAM", shorten_links=True))


def test_links_of_a_cascade_are_shortened_inside() -> None:
    body = {"message": SMS, "cascadeChainLink": {"state": "READ", "message": WHATSAPP}}
    whole = with_defaults(body, Defaults("SMS", shorten_links=True))
    assert whole["message"] == SMS | {"shortenLinks": True}
    assert "shortenLinks" not in whole


def test_what_is_given_is_not_changed() -> None:
    body = body_of("cascade")
    with_defaults(body, Defaults("TELEGRAM", "key", "SHOP", 1, "https://bot.example", True))
    assert body == body_of("cascade")


# --- cascades


def test_the_ways_of_a_request_are_its_types_in_order() -> None:
    assert [*ways_of(body_of("cascade"))] == ["TELEGRAM", "WHATSAPP", "SMS"]
    assert [*ways_of(body_of("vk"))] == ["VK"]


def test_a_message_in_a_cascade_has_its_shortening_inside() -> None:
    assert as_link({"message": SMS, "shortenLinks": False, "id": "1"}) == SMS | {"shortenLinks": False}


def test_joined_ways_are_a_chain() -> None:
    hops = (
        hop("tg", seconds=120, status="seen"),
        hop("wa", seconds=86_400, message=raw(WHATSAPP)),
        hop("sms", message=raw(SMS | {"shortenLinks": True})),
    )
    body = cascade({"message": TELEGRAM, "registeredDelivery": 1}, trail(*hops))
    assert body == {
        "registeredDelivery": 1,
        "message": {"type": "TELEGRAM", "data": {"text": "hello", "ttl": 2, "ttlUnit": "MINUTES"}},
        "cascadeChainLink": {
            "state": "READ",
            "message": {"type": "WHATSAPP", "data": WHATSAPP["data"] | {"ttl": 1440, "ttlUnit": "MINUTES"}},
            "nextLink": {"state": "DELIVERED", "message": SMS | {"shortenLinks": True}},
        },
    }
    assert find_problems({"destAddr": "+79990001122"} | body) == []


def test_only_the_ways_that_are_joined_are_in_the_chain() -> None:
    hops = (hop("old"), hop("tg"), hop("sms", message=raw(SMS)), hop("other", message=raw(WHATSAPP)))
    body = cascade({"message": TELEGRAM}, trail(*hops, hop=1, joined=2))
    assert [*ways_of(body)] == ["TELEGRAM", "SMS"]


def test_a_way_that_has_a_time_of_its_own_keeps_it_and_zero_is_none() -> None:
    hops = (hop("sms", seconds=60), hop("wa", seconds=60, message=raw(WHATSAPP)))
    own = {"type": "SMS", "data": {"text": "hello", "ttl": 5}}
    assert cascade({"message": own}, trail(*hops))["message"] == own
    zero = {"type": "SMS", "data": {"text": "hello", "ttl": 0, "ttlUnit": "HOURS"}}
    timed = cascade({"message": zero}, trail(*hops))["message"]["data"]
    assert timed == {"text": "hello", "ttl": 1, "ttlUnit": "MINUTES"}


@pytest.mark.parametrize("message", [None, Text(text="hello"), Raw(channel="rapporto", payload={})])
def test_a_way_that_is_not_rendered_is_no_link(message: Text | Raw | None) -> None:
    with pytest.raises(MessageError, match="is not rendered"):
        cascade({"message": TELEGRAM}, trail(hop("tg"), hop("sms", message=message)))


def test_a_chain_does_not_wait_for_what_is_sent() -> None:
    with pytest.raises(MessageError, match="not for what is sent"):
        cascade({"message": TELEGRAM}, trail(hop("tg", status="sent"), hop("sms", message=raw(SMS))))


def test_a_message_with_a_cascade_is_not_joined() -> None:
    with pytest.raises(MessageError, match="has no cascade of its own"):
        cascade(body_of("cascade"), trail(hop("tg"), hop("sms", message=raw(SMS))))
