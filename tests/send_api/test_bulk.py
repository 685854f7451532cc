"""One message to many destinations by HTTP: what is answered, that each gets it once, and how it is followed."""

import asyncio
import json
from itertools import chain
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import Message

from botkit.broadcast import Stage
from botkit.bulk import PAGE
from botkit.conversation import Account, Conversation
from botkit.events import MessageFailed, MessageSeen, event_id
from botkit.send_api.bulk import DEFAULT_PAGE, MAX_PAGE
from botkit.send_api.keys import digest_of
from botkit.send_api.signing import new_secret
from botkit.testing import BotTester
from tests.desk import REFUSED
from tests.send_api.conftest import OTHER_KEY, READER_KEY, SHOP_KEY, Program, many_hello, running

ACCOUNTS = "failover.timeoutFailover.trafficAccounts"
PLACES = ("/messages/sendbulk", "/api/v1.1/Messages/sendbulk", "/API/V1.1/message/SendBulk", "/message/sendbulk")


def numbers(count: int) -> list[str]:
    return [f"+38591{number:07}" for number in range(count)]


async def sends(program: Program, *destinations: str, **members: object) -> Any:
    taken = await program.posts("/messages/sendbulk", many_hello(*destinations, **members))
    assert taken.status_code == 200, taken.text
    return taken.json()


async def finish(tester: BotTester, bulk_id: str) -> None:
    """Does all that a bulk leads to, however long that takes."""
    for _ in range(100):
        await tester.settle()
        progress = await tester.store.broadcasts.load(bulk_id)
        if progress is None or progress.stage is Stage.DONE:
            return
        tester.clock.advance(seconds=1)
    raise AssertionError("the bulk is not over")


async def asks(program: Program, path: str) -> httpx.Response:
    return await program.client.get(path)


# --- what is answered ---


@pytest.mark.parametrize("path", PLACES)
async def test_a_bulk_is_taken_at_each_path_and_answered_in_shape_d(program: Program, path: str) -> None:
    taken = (await program.posts(path, many_hello("+385910000001", "olena", "385910000001", id="news"))).json()
    first, wrong, again = taken["messages"]
    assert taken.keys() == {"id", "bulkId", "messages"}
    assert taken["id"] == "news"
    assert first == {"destination": "+385910000001", "trafficAccountId": "desk", "messageId": first["messageId"]}
    assert wrong == {"destination": "olena", "error": "this is no phone number"}
    assert again == {**first, "destination": "385910000001"}
    await finish(program.tester, taken["bulkId"])
    assert program.desk.shown == [("+385910000001", "hello")]


@pytest.mark.parametrize("path", ["/api/v1/Messages/sendbulk", "/api/v2/Messages/sendbulk"])
async def test_bulks_begin_with_version_1_1(program: Program, path: str) -> None:
    assert (await program.posts(path, many_hello())).status_code in (404, 405)


@pytest.mark.parametrize("count", [1, PAGE, PAGE + 1])
async def test_each_destination_is_answered_in_order_whatever_pages_there_are(program: Program, count: int) -> None:
    taken = await sends(program, *numbers(count))
    assert [each["destination"] for each in taken["messages"]] == numbers(count)
    assert len({each["messageId"] for each in taken["messages"]}) == count


async def test_every_problem_is_told_with_its_path_and_nothing_is_stored(program: Program) -> None:
    body = {
        **many_hello("+385910000001"),
        "destination": "+385910000001",
        "sms": {"text": "hello", "sender": "a-b", "x": 1},
        "reference": 7,
        "scheduleInfo": {"a": 1},
    }
    body["destinations"] = ["+385910000001", "", 7, "x" * 256]
    refused = await program.posts("/messages/sendbulk", body)
    assert refused.status_code == 400
    paths = [problem["path"] for problem in refused.json()["problems"]]
    assert paths[:4] == ["destination", "destinations[1]", "destinations[2]", "destinations[3]"]
    assert {*paths[4:]} == {"sms.sender", "sms.x", "reference", "scheduleInfo"}
    assert await program.tester.store.broadcasts.list() == []


@pytest.mark.parametrize("destinations", [[], "+385910000001", None, {}])
async def test_without_a_list_of_destinations_there_is_no_bulk(program: Program, destinations: object) -> None:
    refused = await program.posts("/messages/sendbulk", many_hello() | {"destinations": destinations})
    assert refused.status_code == 400
    assert [problem["path"] for problem in refused.json()["problems"]] == ["destinations"]


async def test_a_list_without_any_right_destination_is_refused(program: Program) -> None:
    refused = await program.posts("/messages/sendbulk", many_hello("olena", "petro"))
    assert refused.status_code == 400
    (problem,) = refused.json()["problems"]
    assert problem["path"] == "destinations"
    assert "this is no phone number" in problem["rule"]


@pytest.mark.parametrize(("size", "status"), [(16 * 1024 * 1024, 200), (16 * 1024 * 1024 + 1, 413)])
async def test_a_body_has_at_most_sixteen_mebibytes(program: Program, size: int, status: int) -> None:
    content = json.dumps(many_hello()).encode().ljust(size)
    headers = {"content-type": "application/json"}
    posted = await program.client.post("/messages/sendbulk", content=content, headers=headers)
    assert posted.status_code == status


# --- who may ---


async def test_a_key_needs_the_scope_for_bulks(botkit_redis_url: str, tmp_path: Path) -> None:
    keys = f"sender:{digest_of('bk_sender')}:send+read,shop:{digest_of('bk_other')}:bulk"
    async with running(botkit_redis_url, tmp_path, keys=keys) as program:
        sender, bulk = program.another("bk_sender"), program.another("bk_other")
        assert (await sender.posts("/messages/sendbulk", many_hello())).status_code == 403
        taken = await bulk.posts("/messages/sendbulk", many_hello())
        assert taken.status_code == 200
        path = f"/bulk/{taken.json()['bulkId']}"
        assert (await bulk.client.get(path)).status_code == 403
        assert (await sender.client.post(f"{path}/cancel")).status_code == 403


@pytest.mark.parametrize("path", ["", "/messages"])
async def test_only_the_key_that_made_a_bulk_is_told_of_it(program: Program, path: str) -> None:
    bulk_id = (await sends(program, "+385910000001"))["bulkId"]
    for key in (OTHER_KEY, READER_KEY):
        refused = await program.another(key).client.get(f"/bulk/{bulk_id}{path}")
        assert (refused.status_code, refused.json()["error"]["code"]) == (404, "unknown_bulk")
    assert (await program.another(OTHER_KEY).client.post(f"/bulk/{bulk_id}/cancel")).status_code == 404
    assert (await asks(program, f"/bulk/{bulk_id}{path}")).status_code == 200


@pytest.mark.parametrize("bulk_id", ["nothing", "aaaaaaaaaa", "a%20b", "aaaaaaaaaaa"])
async def test_what_is_no_bulk_is_not_found(program: Program, bulk_id: str) -> None:
    assert (await asks(program, f"/bulk/{bulk_id}")).status_code == 404


# --- the same again ---


@pytest.mark.parametrize("by_header", [True, False])
async def test_the_same_again_is_answered_the_same_and_sent_once(program: Program, *, by_header: bool) -> None:
    headers = {"Idempotency_Key": "k1"} if by_header else {}
    body = many_hello(*numbers(3), **({} if by_header else {"id": "k1"}))
    first = await program.posts("/messages/sendbulk", body, **headers)
    early = await program.posts("/messages/sendbulk", body, **headers)
    await finish(program.tester, first.json()["bulkId"])
    late = await program.posts("/messages/sendbulk", body, **headers)
    assert first.content == early.content == late.content
    await program.tester.settle()
    assert sorted(person for person, _ in program.desk.shown) == numbers(3)


async def test_another_request_with_the_same_key_is_a_conflict_and_without_a_key_each_is_new(program: Program) -> None:
    await program.posts("/messages/sendbulk", many_hello(), Idempotency_Key="k1")
    other = await program.posts("/messages/sendbulk", many_hello("+385910000003"), Idempotency_Key="k1")
    assert (other.status_code, other.json()["error"]["code"]) == (409, "conflict")
    theirs = await program.another(OTHER_KEY).posts("/messages/sendbulk", many_hello(), Idempotency_Key="k1")
    assert theirs.status_code == 200
    assert (await sends(program))["bulkId"] != (await sends(program))["bulkId"]


async def test_many_of_the_same_at_once_are_one(program: Program) -> None:
    asked = (program.posts("/messages/sendbulk", many_hello(*numbers(PAGE + 5)), Idempotency_Key="k") for _ in range(5))
    answers = await asyncio.gather(*asked)
    assert len({answer.content for answer in answers}) == 1
    await finish(program.tester, answers[0].json()["bulkId"])
    assert sorted(person for person, _ in program.desk.shown) == numbers(PAGE + 5)


async def hangs_up(program: Program, body: object, key: str) -> int:
    """Posts a bulk, and hangs up at the first part of the answer; returns how long that was."""
    content = json.dumps(body).encode()
    headers = {
        "host": "bots.example.org", "x-botkit-key": SHOP_KEY, "idempotency-key": key,
        "content-type": "application/json",
    }  # fmt: skip
    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "http_version": "1.1", "method": "POST",
        "path": "/messages/sendbulk", "query_string": b"",
        "headers": [(name.encode(), text.encode()) for name, text in headers.items()],
    }  # fmt: skip
    parts: list[bytes] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": content}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            parts.append(message["body"])
            raise OSError

    await program.tester.app(scope, receive, send)
    return len(b"".join(parts))


async def test_an_answer_that_breaks_off_sends_nothing_until_the_same_again_completes_it(program: Program) -> None:
    body = many_hello(*numbers(2 * PAGE))
    assert await hangs_up(program, body, "k1") > 0
    await program.tester.settle()
    assert program.desk.shown == []
    whole = await program.posts("/messages/sendbulk", body, Idempotency_Key="k1")
    assert len(whole.json()["messages"]) == 2 * PAGE
    await finish(program.tester, whole.json()["bulkId"])
    assert sorted(person for person, _ in program.desk.shown) == numbers(2 * PAGE)


# --- how it is followed ---


async def test_a_bulk_is_followed_to_each_destination_s_end(program: Program) -> None:
    program.desk.plan += [REFUSED]
    taken = await sends(program, *numbers(3), id="news", reference="spring")
    path = f"/bulk/{taken['bulkId']}"
    before = (await asks(program, path)).json()
    assert (before["stage"], before["total"], before["sent"]) == ("running", 3, 0)
    lines = (await asks(program, f"{path}/messages")).json()["messages"]
    assert [line["deliveryStatus"] for line in lines] == ["Ready"] * 3
    await finish(program.tester, taken["bulkId"])
    state = (await asks(program, path)).json()
    counted = {name: state[name] for name in ("stage", "total", "sent", "failed", "skipped", "delivered", "seen")}
    assert counted == {
        "stage": "done", "total": 3, "sent": 2, "failed": 1, "skipped": 0, "delivered": 0, "seen": 0,
    }  # fmt: skip
    assert (state["id"], state["reference"], state["trafficAccountId"]) == ("news", "spring", "desk")
    assert state["createdAt"] <= state["startedAt"] <= state["endedAt"]
    lines = (await asks(program, f"{path}/messages")).json()["messages"]
    assert [line["messageId"] for line in lines] == [each["messageId"] for each in taken["messages"]]
    assert [line["destination"] for line in lines] == numbers(3)
    assert sorted(line["deliveryStatus"] for line in lines) == ["Failure", "Sent", "Sent"]


@pytest.mark.parametrize(("total", "limit", "sizes"), [(5, 2, [2, 2, 1]), (4, 2, [2, 2]), (3, 1000, [3])])
async def test_a_bulk_s_messages_are_read_page_by_page(
    program: Program, total: int, limit: int, sizes: list[int]
) -> None:
    bulk_id = (await sends(program, *numbers(total)))["bulkId"]
    pages, after = [], "0"
    while after:
        page = (await asks(program, f"/bulk/{bulk_id}/messages?after={after}&limit={limit}")).json()
        pages.append([line["destination"] for line in page["messages"]])
        after = page.get("next", "")
    assert [len(page) for page in pages] == sizes
    assert [*chain(*pages)] == numbers(total)


async def test_a_page_has_a_hundred_messages_unless_it_is_asked_for_more(program: Program) -> None:
    bulk_id = (await sends(program, *numbers(DEFAULT_PAGE + 1)))["bulkId"]
    page = (await asks(program, f"/bulk/{bulk_id}/messages")).json()
    assert (len(page["messages"]), page["next"]) == (DEFAULT_PAGE, str(DEFAULT_PAGE))


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("limit=0", "limit"),
        (f"limit={MAX_PAGE + 1}", "limit"),
        ("limit=x", "limit"),
        ("after=-1", "after"),
        ("after=x", "after"),
    ],
)
async def test_a_page_that_cannot_be_is_refused(program: Program, query: str, path: str) -> None:
    bulk_id = (await sends(program))["bulkId"]
    refused = await asks(program, f"/bulk/{bulk_id}/messages?{query}")
    assert refused.status_code == 400
    assert [problem["path"] for problem in refused.json()["problems"]] == [path]


@pytest.mark.parametrize("limit", [1, MAX_PAGE])
async def test_a_page_may_be_as_long_as_the_bounds(program: Program, limit: int) -> None:
    bulk_id = (await sends(program))["bulkId"]
    assert (await asks(program, f"/bulk/{bulk_id}/messages?limit={limit}")).status_code == 200


async def test_a_bulk_s_message_is_found_by_its_id_as_any_other(program: Program) -> None:
    taken = await sends(program, *numbers(2), reference="spring")
    wanted = taken["messages"][1]["messageId"]
    before = (await program.asks(wanted)).json()
    assert (before["deliveryStatus"], before["reference"]) == ("Ready", "spring")
    await finish(program.tester, taken["bulkId"])
    after = (await program.asks(wanted)).json()
    assert (after["messageId"], after["deliveryStatus"]) == (wanted, "Sent")
    assert after["conversation"]["participants"][1] == {"phoneNumber": numbers(2)[1]}
    assert (await program.another(OTHER_KEY).asks(wanted)).status_code == 404
    assert (await program.asks(f"{wanted[:12]}000000099b00")).status_code == 404


async def test_whoever_cannot_be_written_to_is_skipped_and_told_as_a_failure(program: Program) -> None:
    gone = Conversation(Account("desk", "desk"), numbers(1)[0])
    c = program.tester.store.keys.of(gone.key, "c")[0]
    await program.tester.store.call("HSET", c, "g", "blocked")
    taken = await sends(program, *numbers(2))
    await finish(program.tester, taken["bulkId"])
    assert (await asks(program, f"/bulk/{taken['bulkId']}")).json()["skipped"] == 1
    assert (await program.asks(taken["messages"][0]["messageId"])).json()["deliveryStatus"] == "Failure"


async def test_what_was_reported_is_known_as_long_as_the_bulk_is(program: Program) -> None:
    taken = await sends(program, *numbers(3))
    await finish(program.tester, taken["bulkId"])
    where = [Conversation(Account("desk", "desk"), number) for number in numbers(3)]
    ids = {person: f"{person}/{place}" for place, (person, _) in enumerate(program.desk.shown, 1)}
    for kind, to in ((MessageSeen, where[0]), (MessageFailed, where[1])):
        at = program.tester.clock.now()
        event = kind(id=event_id(to.account, to.id), at=at, conversation=to, receipt_id=ids[to.id])
        await program.tester.service.engine.accept(program.desk, [event])
        await program.tester.settle()
    path = f"/bulk/{taken['bulkId']}/messages"
    soon = [line["deliveryStatus"] for line in (await asks(program, path)).json()["messages"]]
    keys = program.tester.store.keys
    for to, each in zip(where, taken["messages"], strict=True):
        # After four days, as much as this is left.
        await program.tester.store.call("DEL", keys.delivery(to.key, each["messageId"]))
    late = [line["deliveryStatus"] for line in (await asks(program, path)).json()["messages"]]
    assert soon == late == ["Seen", "Failure", "Sent"]


# --- stopping ---


async def test_a_cancelled_bulk_sends_nothing_more_and_stays_so(program: Program) -> None:
    bulk_id = (await sends(program, *numbers(3)))["bulkId"]
    cancelled = await program.client.post(f"/bulk/{bulk_id}/Cancel")
    assert (cancelled.status_code, cancelled.json()["stage"]) == (200, "cancelled")
    await program.tester.settle()
    assert program.desk.shown == []
    refused = await program.client.post(f"/bulk/{bulk_id}/resume")
    assert (refused.status_code, refused.json()["error"]["message"]) == (409, "this bulk is cancelled")


async def test_a_paused_bulk_goes_on_when_it_is_resumed(program: Program) -> None:
    bulk_id = (await sends(program, *numbers(3)))["bulkId"]
    assert (await program.client.post(f"/bulk/{bulk_id}/pause")).json()["stage"] == "paused"
    await program.tester.settle()
    assert program.desk.shown == []
    assert (await program.client.post(f"/bulk/{bulk_id}/resume")).json()["stage"] == "running"
    await finish(program.tester, bulk_id)
    assert len(program.desk.shown) == 3


# --- several ways ---


def with_failover(*destinations: str, status: str = "Delivered", **members: object) -> dict[str, Any]:
    body = many_hello(*destinations, viber={"type": "session", "text": "hi"}, **members)
    del body["trafficAccountId"]
    way = {"status": status, "timeoutInSeconds": 60, "trafficAccounts": ["desk-viber", "desk"]}
    return body | {"failover": {"type": "Timeout", "timeoutFailover": way}}


async def test_each_message_goes_the_next_way_where_the_first_refuses_it(program: Program) -> None:
    program.viber.plan += [REFUSED]
    taken = (await program.posts("/messages/sendbulk", with_failover(*numbers(3)))).json()
    await finish(program.tester, taken["bulkId"])
    assert len(program.viber.shown) == 2
    ((moved, text),) = program.desk.shown
    assert (moved in numbers(3), text) == (True, "hello")
    assert {*numbers(3)} == {moved} | {person for person, _ in program.viber.shown}
    state = (await asks(program, f"/bulk/{taken['bulkId']}")).json()
    assert (state["sent"], state["failed"]) == (3, 0)
    message = taken["messages"][numbers(3).index(moved)]["messageId"]
    told = (await program.asks(message)).json()
    assert [hop["deliveryStatus"] for hop in told["hops"]] == ["Failure", "Sent"]
    assert (await program.asks(f"{message}.1")).json()["trafficAccountId"] == "desk"


async def test_one_that_no_way_takes_is_counted_as_failed_once(program: Program) -> None:
    program.viber.plan += [REFUSED]
    program.desk.plan += [REFUSED]
    taken = (await program.posts("/messages/sendbulk", with_failover(*numbers(1)))).json()
    await finish(program.tester, taken["bulkId"])
    state = (await asks(program, f"/bulk/{taken['bulkId']}")).json()
    assert (state["sent"], state["failed"], state["undelivered"]) == (0, 1, 0)


async def test_what_is_not_delivered_in_time_goes_the_next_way_and_is_counted_once(program: Program) -> None:
    taken = (await program.posts("/messages/sendbulk", with_failover(*numbers(2)))).json()
    await finish(program.tester, taken["bulkId"])
    assert program.desk.shown == []
    program.tester.clock.advance(seconds=61)
    await program.tester.settle()
    assert sorted(program.desk.shown) == [(number, "hello") for number in numbers(2)]
    assert (await asks(program, f"/bulk/{taken['bulkId']}")).json()["sent"] == 2


async def test_a_way_that_never_reports_what_is_waited_for_is_refused(program: Program) -> None:
    body = with_failover()
    body["gbm"] = {"text": {"message": "hello"}}
    body["failover"]["timeoutFailover"]["trafficAccounts"] = ["mute", "desk"]
    del body["viber"]
    refused = await program.posts("/messages/sendbulk", body)
    assert [problem["path"] for problem in refused.json()["problems"]] == [f"{ACCOUNTS}[0]"]


async def test_a_number_reaches_the_chat_of_whoever_has_linked_it(program: Program) -> None:
    chat = Conversation(Account("desk", "desk-bot"), "1861")
    await program.tester.store.contacts.link(numbers(1)[0], chat)
    body = many_hello(*numbers(2), trafficAccountId="desk-bot", telegram={"text": {"message": "hi"}})
    del body["sms"]
    taken = (await program.posts("/messages/sendbulk", body)).json()
    assert [each.get("error", "") for each in taken["messages"]] == [
        "",
        "no conversation with this number is known on the account",
    ]
    await finish(program.tester, taken["bulkId"])
    assert program.bot.shown == [("1861", "hi")]


async def test_with_an_address_for_reports_the_name_of_the_key_is_kept(botkit_redis_url: str, tmp_path: Path) -> None:
    entries = {
        "told": {"sha256": digest_of("bk_told"), "scopes": ["bulk"], "callback_url": "https://shop.example.org/r"},
        "mute": {"sha256": digest_of("bk_mute"), "scopes": ["bulk"]},
    }
    entries["told"]["callback_secret"] = new_secret()
    file = tmp_path / "keys.json"
    file.write_text(json.dumps(entries))
    async with running(botkit_redis_url, tmp_path, keys=file) as program:
        found = []
        for key in ("bk_told", "bk_mute"):
            taken = (await program.another(key).posts("/messages/sendbulk", many_hello())).json()
            progress = await program.tester.store.broadcasts.load(taken["bulkId"])
            found.append(progress and progress.broadcast.bulk and progress.broadcast.bulk.callback)
        assert found == ["told", ""]
