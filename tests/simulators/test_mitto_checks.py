"""The envelope of what is sent to the simulated Mitto."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botkit.redaction import Secret
from botkit.simulators.mitto_checks import Order, Rules, TrafficAccount, address_of, read_order, read_orders
from botkit.simulators.mitto_contents import Bounds
from botkit.simulators.mitto_refusals import RefusedError
from botkit.simulators.mitto_state import NETWORKS
from tests.simulators.mitto_rig import CONTENTS

Json = dict[str, Any]

ACCOUNTS = {ta: TrafficAccount(ta, ta.rstrip("2"), Secret("k")) for ta in (*NETWORKS, "sms2")}
ADDRESSES = {
    **dict.fromkeys(("sms", "viber", "whatsapp"), "385910000001"),
    "telegram": "1861000001",
    "gbm": "6f0e6c1a-5d0f-4a55-9c39-0d1f6a1c7e01",
}
SMS: Json = {"trafficAccountId": "sms", "destination": "385910000001", "sms": CONTENTS["sms"]}


def read(body: Json, bounds: Bounds | None = None, **how: Any) -> Order:
    return read_order(body, Rules(ACCOUNTS, bounds or Bounds()), **how)


def refusal(body: Json, bounds: Bounds | None = None, **how: Any) -> str:
    """The path of what is refused with 400; `taken` when nothing is."""
    try:
        read(body, bounds, **how)
    except RefusedError as error:
        return error.path if error.status == 400 else str(error.status)
    return "taken"


@pytest.mark.parametrize("via", NETWORKS)
def test_an_account_takes_what_its_network_sends(via: str) -> None:
    order = read({"trafficAccountId": via, "destination": ADDRESSES[via], via: CONTENTS[via]})
    assert (order.destinations, order.parts[0].account.ta, order.parts[0].content) == (
        [ADDRESSES[via]],
        via,
        CONTENTS[via],
    )


@pytest.mark.parametrize("via", [via for via in NETWORKS if via != "sms"])
def test_an_account_of_another_network_refuses(via: str) -> None:
    assert refusal({**SMS, "trafficAccountId": via}) == "trafficAccountId"


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"viber": {}}, "taken"),
        ({"viber": None}, "taken"),
        ({"viber": CONTENTS["viber"]}, ""),
        ({"sms": {}}, ""),
        ({"sms": "Hello"}, "sms"),
        ({"sms": []}, "sms"),
        ({"trafficAccountId": "unknown"}, "trafficAccountId"),
        ({"trafficAccountId": None}, "trafficAccountId"),
        ({"trafficAccountId": ["sms"]}, "trafficAccountId"),
        ({"destination": ""}, "destination"),
        ({"destination": 385910000001}, "destination"),
        ({"destinations": ["385910000001"]}, "destinations"),
        ({"SMS": CONTENTS["sms"]}, "SMS"),
        ({"messageId": "m"}, "messageId"),
        ({"reference": "r"}, "reference"),
        ({"failover": {}}, "taken"),
        ({"failover": None}, "taken"),
    ],
)
def test_without_a_failover_there_is_exactly_one_content(change: Json, path: str) -> None:
    assert refusal({**SMS, **change}) == path


def test_a_reference_may_be_allowed() -> None:
    assert read({**SMS, "reference": "r"}, Bounds(takes_reference=True)).reference == "r"


@pytest.mark.parametrize("name", ["whatsapp", "whatsApp"])
def test_whatsapp_has_two_spellings(name: str) -> None:
    body = {"trafficAccountId": "whatsapp", "destination": "385910000001", name: CONTENTS["whatsapp"]}
    assert refusal(body) == "taken"


@pytest.mark.parametrize(
    ("via", "destination", "is_right"),
    [
        ("sms", "+385910000001", True),
        ("sms", "1234567", True),
        ("sms", "123456", False),
        ("sms", "1" * 15, True),
        ("sms", "1" * 16, False),
        ("sms", "0385910000001", False),
        ("viber", "385 91 000 0001", False),
        ("whatsapp", "00385910000001x", False),
        ("telegram", "-1001861000001", True),
        ("telegram", "+1861000001", False),
        ("telegram", "@shop", False),
        ("gbm", "385910000001", False),
        ("gbm", "6F0E6C1A-5D0F-4A55-9C39-0D1F6A1C7E01", True),
    ],
)
def test_a_destination_is_an_address_of_the_network(via: str, destination: str, is_right: bool) -> None:
    body = {"trafficAccountId": via, "destination": destination, via: CONTENTS[via]}
    assert refusal(body) == ("taken" if is_right else "destination")


def test_an_address_has_one_spelling() -> None:
    assert address_of("sms", "+385910000001") == address_of("viber", "385910000001") == "385910000001"
    assert address_of("gbm", "6F0E") == "6f0e"


# Bulk

BULK: Json = {"trafficAccountId": "sms", "destinations": ["385910000001"], "sms": CONTENTS["sms"]}


@pytest.mark.parametrize(
    ("destinations", "path"),
    [
        (["385910000001", "385910000001"], "taken"),
        ([], "destinations"),
        ("385910000001", "destinations"),
        ([385910000001], "destinations"),
        (["385910000001", "x"], "destinations"),
        (["385910000001"] * 5000, "taken"),
        (["385910000001"] * 5001, "destinations"),
    ],
    ids=["twice", "none", "text", "number", "one wrong", "5000", "5001"],
)
def test_a_bulk_has_one_to_five_thousand_destinations_each_an_address(destinations: Any, path: str) -> None:
    assert refusal({**BULK, "destinations": destinations}, is_bulk=True) == path


def test_several_messages_are_read_each_with_its_path() -> None:
    rules = Rules(ACCOUNTS, Bounds(destinations=2))
    viber = {"trafficAccountId": "viber", "destination": "385910000001", "viber": CONTENTS["viber"]}
    assert [order.parts[0].account.ta for order in read_orders({"messages": [SMS, viber]}, rules)] == ["sms", "viber"]
    for messages, path in [
        ([SMS, {**SMS, "destination": "x"}], "messages.1.destination"),
        ([SMS] * 3, "messages"),
        ([], "messages"),
        ([5], "messages"),
        (SMS, "messages"),
    ]:
        with pytest.raises(RefusedError) as refused:
            read_orders({"messages": messages}, rules)
        assert (refused.value.status, refused.value.path) == (400, path)


# Failover

TIMEOUT: Json = {"status": "Delivered", "timeoutInSeconds": 45, "trafficAccounts": ["whatsapp", "sms"]}
FAILOVER: Json = {
    "destination": "385910000001",
    "whatsapp": CONTENTS["whatsapp"],
    "sms": CONTENTS["sms"],
    "failover": {"type": "Timeout", "timeoutFailover": TIMEOUT},
}
INSIDE = "failover.timeoutFailover"


def failover(**change: Any) -> Json:
    return {**FAILOVER, "failover": {"type": "Timeout", "timeoutFailover": {**TIMEOUT, **change}}}


def test_a_failover_has_its_parts_in_the_order_of_its_accounts() -> None:
    order = read(FAILOVER)
    assert [part.account.ta for part in order.parts] == ["whatsapp", "sms"]
    assert (order.status, order.seconds) == ("Delivered", 45)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (failover(timeoutInSeconds=1), "taken"),
        (failover(timeoutInSeconds=0), f"{INSIDE}.timeoutInSeconds"),
        (failover(timeoutInSeconds=1.5), f"{INSIDE}.timeoutInSeconds"),
        (failover(status="Seen"), "taken"),
        (failover(status="delivered"), f"{INSIDE}.status"),
        (failover(status=None), f"{INSIDE}.status"),
        (failover(trafficAccounts=["whatsapp", "whatsapp"]), f"{INSIDE}.trafficAccounts"),
        (failover(trafficAccounts=["whatsapp", "unknown"]), f"{INSIDE}.trafficAccounts"),
        (failover(trafficAccounts=["whatsapp"]), f"{INSIDE}.trafficAccounts"),
        (failover(trafficAccounts="whatsapp"), f"{INSIDE}.trafficAccounts"),
        (failover(trafficAccounts=["whatsapp", "sms", "sms2"]), "taken"),
        (failover(trafficAccounts=["sms", "sms2"]), "whatsapp"),
        (failover(trafficAccounts=["whatsapp", "viber"]), "sms"),
        (failover(trafficAccounts=["whatsapp", "sms", "viber"]), f"{INSIDE}.trafficAccounts"),
        (failover(retries=1), f"{INSIDE}.retries"),
        ({**FAILOVER, "trafficAccountId": "sms"}, "trafficAccountId"),
        ({**FAILOVER, "failover": {"type": "timeout", "timeoutFailover": TIMEOUT}}, "failover.type"),
        ({**FAILOVER, "failover": {"type": "Timeout"}}, INSIDE),
        ({**FAILOVER, "failover": {"type": "Timeout", "timeoutFailover": TIMEOUT, "x": 1}}, "failover.x"),
        ({**FAILOVER, "failover": ["whatsapp", "sms"]}, "failover"),
        ({**FAILOVER, "sms": {"text": ""}}, "sms.text"),
    ],
)
def test_each_account_of_a_failover_has_its_content_and_each_content_its_account(body: Json, path: str) -> None:
    assert refusal(body) == path


def test_a_bulk_may_have_a_failover() -> None:
    body = {name: value for name, value in FAILOVER.items() if name != "destination"}
    order = read({**body, "destinations": ["385910000001", "385910000002"]}, is_bulk=True)
    assert (len(order.destinations), len(order.parts)) == (2, 2)


def test_a_failover_needs_a_destination_that_all_its_networks_have() -> None:
    contents = {"telegram": CONTENTS["telegram"], "sms": CONTENTS["sms"]}
    body = failover(trafficAccounts=["telegram", "sms"]) | contents
    del body["whatsapp"]
    assert refusal({**body, "destination": "1861000001"}) == "taken"
    assert refusal({**body, "destination": "-1001861000001"}) == "destination"


# Anything at all

WHOLE: dict[str, Json] = {
    "sms": {"sms": CONTENTS["sms"]},
    "viber": {
        "viber": {
            "type": "promotional",
            "text": "Hi",
            "mediaUrl": "https://cdn.example/a.png",
            "button": {"caption": "Open", "action": "https://shop.example/"},
            "file": {"mediaUrl": "https://cdn.example/i.pdf", "fileName": "i.pdf"},
            "ttl": 60,
            "keyboard": {"Type": "keyboard", "Buttons": [{"ActionBody": "x", "Text": "X"}]},
        }
    },
    "telegram": {
        "telegram": {
            "silent": True,
            "text": {"message": "<b>x</b>", "parseMode": "Html", "noPreview": True},
            "photo": {"url": "https://cdn.example/a.png", "caption": "x", "parseMode": "MarkdownV2"},
            "location": {"latitude": 1, "longitude": 2},
        }
    },
    "whatsapp": {"whatsapp": CONTENTS["whatsapp"]},
    "gbm": {
        "gbm": {
            "text": {"message": "x", "containsRichText": True},
            "suggestions": [
                {"reply": {"text": "x", "postbackData": "x"}},
                {"action": {"text": "x", "postbackData": "x", "openUrlAction": {"url": "https://shop.example/"}}},
            ],
            "carouselCard": {"cardWidth": "SMALL", "cardContents": [{"title": "x", "suggestions": []}]},
            "representative": {"representativeType": "BOT"},
            "fallback": "x",
        }
    },
    "failover": {"failover": FAILOVER["failover"], "sms": CONTENTS["sms"], "whatsapp": CONTENTS["whatsapp"]},
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Returns the way to every part of a JSON value."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for name, part in parts for place in places(part, (*path, name)))]


def replaced(value: Any, path: tuple[Any, ...], part: Any) -> Any:
    """Returns a JSON value with another part at a place."""
    if not path:
        return part
    copy = value.copy()
    copy[path[0]] = replaced(value[path[0]], path[1:], part)
    return copy


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_whatever_stands_wherever_in_a_request_it_is_taken_or_refused(data: st.DataObject) -> None:
    via = data.draw(st.sampled_from(sorted(WHOLE)))
    body = {"trafficAccountId": via, "destination": ADDRESSES.get(via, "385910000001"), **WHOLE[via]}
    if via == "failover":
        del body["trafficAccountId"]
    for _ in range(data.draw(st.integers(1, 3))):
        body = replaced(body, data.draw(st.sampled_from(places(body)[1:])), data.draw(JSON))
    # Nothing else is raised, and what is wrong is a member of the request, or the request as a whole.
    assert refusal(body).partition(".")[0] in {*body, "trafficAccountId", "", "taken"}
