"""The envelope of a request to send, and what the recorded ones become."""

from typing import Any

import msgspec
import pytest

from botkit.chatapps.contents import NETWORKS
from botkit.chatapps.requests import (
    MAX_TIMEOUT,
    OPTIONS,
    Failover,
    TimeoutFailover,
    check_ways,
    encode_request,
    find_request_problems,
    read_request,
)
from botkit.chatapps.sms import Sms
from botkit.exceptions import InvalidRequestError, Problem
from tests.chatapps.requests_sent import BODIES, PAYLOADS

SMS: dict[str, Any] = {"trafficAccountId": "shop-sms", "destination": "385910000001", "sms": {"text": "Hello"}}
BULK: dict[str, Any] = {"trafficAccountId": "shop-sms", "destinations": ["1", "2"], "sms": {"text": "Hello"}}
FAILOVER = BODIES["failover"]
WHATSAPP_TA, SMS_TA = FAILOVER["failover"]["timeoutFailover"]["trafficAccounts"]
NAMES = {WHATSAPP_TA: "whatsapp", SMS_TA: "sms"}


def told(body: dict[str, Any], options: Any = (), *, is_bulk: bool = False) -> dict[str, str]:
    problems: list[Problem] = []
    find_request_problems(body, problems, options, is_bulk=is_bulk)
    found = {problem.path: problem.rule for problem in problems}
    assert len(found) == len(problems), "a path is told twice"
    return found


def without(body: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names}


def timed(**members: Any) -> dict[str, Any]:
    timeout = FAILOVER["failover"]["timeoutFailover"] | members
    return FAILOVER | {"failover": {"type": "Timeout", "timeoutFailover": timeout}}


@pytest.mark.parametrize("name", PAYLOADS)
def test_a_recorded_request_is_the_same_bytes_when_it_is_written_again(name: str) -> None:
    request = read_request(BODIES[name], is_bulk=name == "bulk")
    assert msgspec.json.encode(encode_request(request)) == PAYLOADS[name]


def test_a_request_names_its_account_its_destination_and_what_is_sent() -> None:
    request = read_request(SMS)
    assert (request.traffic_account, request.destination, request.destinations) == ("shop-sms", "385910000001", ())
    assert request.contents == {"sms": Sms("Hello")}
    assert request.failover is None


@pytest.mark.parametrize("name", ["whatsApp", "WhatsApp", "WHATSAPP", "whatsapp"])
def test_the_case_of_a_network_s_name_does_not_matter(name: str) -> None:
    body = without(SMS, "sms") | {name: BODIES["whatsapp"]["whatsapp"]}
    request = read_request(body)
    assert list(request.contents) == ["whatsapp"]
    assert "whatsapp" in encode_request(request)


def test_a_network_is_named_once() -> None:
    assert list(told(SMS | {"SMS": {"text": "Hello"}})) == ["sms"]


def test_networks_that_say_nothing_are_absent() -> None:
    empty: dict[str, Any] = {"gbm": {}, "viber": None, "telegram": {"text": {}}, "whatsApp": {"type": ""}}
    assert read_request(SMS | empty) == read_request(SMS)


@pytest.mark.parametrize("name", ["trafficAccountId", "destination"])
def test_account_and_destination_are_needed(name: str) -> None:
    assert told(without(SMS, name)) == {name: "is needed"}
    assert told(SMS | {name: " "}) == {name: "has at least one character that can be seen"}
    assert told(SMS | {name: 385910000001}) == {name: "is a text"}


def test_an_account_has_no_spaces_and_a_destination_may() -> None:
    assert told(SMS | {"trafficAccountId": "shop sms"}) == {"trafficAccountId": "has no spaces"}
    assert read_request(SMS | {"destination": " +385 91 000 0001 "}).destination == "+385 91 000 0001"


def test_exactly_one_network_is_there() -> None:
    listed = ", ".join(NETWORKS)
    assert told(without(SMS, "sms")) == {"": f"a request has one of {listed}, not none"}
    two = SMS | {"telegram": {"text": {"message": "Hello"}}}
    assert told(two) == {"": f"a request without a failover has one of {listed}, not 2"}


@pytest.mark.parametrize("value", ["Hello", 5, [1], True])
def test_a_network_s_member_is_an_object(value: object) -> None:
    assert told(SMS | {"sms": value}) == {"sms": "is an object"}


@pytest.mark.parametrize(
    ("name", "hint"),
    [("telegarm", "; did you mean telegram?"), ("Destination", "; did you mean destination?"), ("x", "")],
)
def test_a_member_that_is_not_known_is_told_with_the_nearest(name: str, hint: str) -> None:
    assert told(SMS | {name: "1"}) == {name: f"there is no such member here{hint}"}


def test_every_problem_of_the_envelope_and_of_its_contents_is_told() -> None:
    body = {"trafficAccountId": 5, "sms": {"text": ""}, "viber": {"type": "x", "ttl": 1}, "chat": 1, "failover": [1]}
    assert set(told(body)) == {
        *("trafficAccountId", "destination", "viber.type", "viber.ttl", "viber", "chat", "failover")
    }


def test_a_bad_request_is_refused_with_all_its_problems() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read_request({"sms": {"text": "Hello", "sender": "A" * 12}})
    assert [problem.path for problem in caught.value.problems] == ["sms.sender", "trafficAccountId", "destination"]


# --- options


def test_members_that_the_send_api_adds_are_kept_untouched_where_they_are_allowed() -> None:
    options = {"id": "1", "scheduleInfo": {"timeBegin": "10:00"}, "ttl": 60}
    assert read_request(SMS | options, OPTIONS).options == options
    assert set(told(SMS | options)) == set(options)


def test_a_route_stands_for_the_account_and_for_several_networks() -> None:
    body = without(SMS, "trafficAccountId") | {"route": "shop", "telegram": {"text": {"message": "Hi"}}}
    request = read_request(body, OPTIONS)
    assert (request.traffic_account, list(request.contents)) == ("", ["sms", "telegram"])


# --- bulk


def test_a_bulk_request_names_its_destinations_in_order_and_keeps_doubles() -> None:
    request = read_request(BULK | {"destinations": ["2", " 1 ", "2"]}, is_bulk=True)
    assert (request.destination, request.destinations) == ("", ("2", "1", "2"))


@pytest.mark.parametrize("value", [None, [], "1", {"1": "2"}])
def test_a_bulk_request_has_a_list_of_destinations(value: object) -> None:
    assert list(told(BULK | {"destinations": value}, is_bulk=True)) == ["destinations"]


def test_each_bad_destination_is_told_by_its_number() -> None:
    bad: list[object] = ["1", "", 2, None, " "]
    found = told(BULK | {"destinations": bad}, is_bulk=True)
    assert list(found) == [f"destinations[{number}]" for number in (1, 2, 3, 4)]


def test_one_destination_and_many_are_two_kinds_of_request() -> None:
    assert set(told(BULK)) == {"destination", "destinations"}
    assert set(told(SMS, is_bulk=True)) == {"destination", "destinations"}


# --- failover


def test_a_failover_names_its_accounts_in_order() -> None:
    request = read_request(FAILOVER)
    accounts = (WHATSAPP_TA, SMS_TA)
    assert request.failover == Failover("Timeout", TimeoutFailover("Delivered", 45, accounts))
    assert (request.traffic_account, list(request.contents)) == ("", ["whatsapp", "sms"])


@pytest.mark.parametrize(("seconds", "is_good"), [(0, False), (1, True), (MAX_TIMEOUT, True), (MAX_TIMEOUT + 1, False)])
def test_a_timeout_is_a_second_to_60_days(seconds: int, is_good: bool) -> None:
    found = told(timed(timeoutInSeconds=seconds))
    rule = f"is 1 to 5,184,000, not {seconds:,}"
    assert found == ({} if is_good else {"failover.timeoutFailover.timeoutInSeconds": rule})


@pytest.mark.parametrize(("status", "is_good"), [("Sent", True), ("Seen", True), ("Created", False), ("sent", False)])
def test_a_status_is_one_that_the_message_can_come_to(status: str, is_good: bool) -> None:
    assert list(told(timed(status=status))) == ([] if is_good else ["failover.timeoutFailover.status"])


@pytest.mark.parametrize("kind", [None, "timeout", "Price"])
def test_timeout_is_the_only_type(kind: object) -> None:
    body = FAILOVER | {"failover": FAILOVER["failover"] | {"type": kind}}
    assert list(told(body)) == ["failover.type"]


def test_a_failover_names_at_least_two_accounts_and_none_twice() -> None:
    path = "failover.timeoutFailover.trafficAccounts"
    assert told(timed(trafficAccounts=[SMS_TA])) == {path: "names at least 2 accounts, not 1"}
    doubled = told(timed(trafficAccounts=[SMS_TA, WHATSAPP_TA, SMS_TA]))
    assert doubled == {f"{path}[2]": "is named once; it stands there twice"}
    assert list(told(timed(trafficAccounts=[SMS_TA, 5, "x"]))) == [f"{path}[1]"]


def test_what_is_missing_in_a_failover_is_told() -> None:
    assert told(FAILOVER | {"failover": {"type": "Timeout"}}) == {"failover.timeoutFailover": "is needed"}
    names = ("status", "timeoutInSeconds", "trafficAccounts")
    empty = told(FAILOVER | {"failover": {"type": "Timeout", "timeoutFailover": {"retry": 1}}})
    assert set(empty) == {f"failover.timeoutFailover.{name}" for name in (*names, "retry")}


def test_an_account_beside_a_failover_is_its_first() -> None:
    assert told(FAILOVER | {"trafficAccountId": WHATSAPP_TA}) == {}
    assert list(told(FAILOVER | {"trafficAccountId": SMS_TA})) == ["trafficAccountId"]


def test_a_bulk_request_may_fail_over() -> None:
    request = read_request(without(FAILOVER, "destination") | {"destinations": ["1"]}, is_bulk=True)
    assert request.failover is not None


# --- what only who knows the accounts can tell


def ways(body: dict[str, Any], networks: dict[str, str]) -> dict[str, str]:
    return {problem.path: problem.rule for problem in check_ways(read_request(body), networks)}


def test_accounts_and_objects_that_fit_are_not_told_of() -> None:
    assert ways(FAILOVER, NAMES) == {}
    assert ways(SMS, {"shop-sms": "sms"}) == {}


def test_an_account_that_is_not_known_is_told() -> None:
    path = "failover.timeoutFailover.trafficAccounts[0]"
    found = ways(FAILOVER, {SMS_TA: "sms"})
    assert found[path] == "there is no such traffic account"
    assert list(ways(SMS, {})) == ["trafficAccountId", "sms"]


def test_each_account_needs_the_object_of_its_network_and_each_object_an_account() -> None:
    found = ways(FAILOVER, NAMES | {WHATSAPP_TA: "viber"})
    assert found == {
        "viber": "is needed: failover.timeoutFailover.trafficAccounts[0] sends it",
        "whatsapp": "no traffic account of the request sends it",
    }


def test_two_accounts_of_one_network_share_its_object() -> None:
    assert ways(without(FAILOVER, "whatsapp"), NAMES | {WHATSAPP_TA: "sms"}) == {}
