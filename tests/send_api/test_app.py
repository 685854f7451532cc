"""The send API by HTTP: who may, what is answered, what becomes of a message, and that each is sent once."""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog.testing
from msgspec.structs import replace

from botkit.app import App
from botkit.conversation import Conversation
from botkit.deliveries import Status
from botkit.messages import Text
from botkit.outgoing import Outgoing
from botkit.redis.embedded import EmbeddedServer
from botkit.router import Router
from botkit.send_api.keys import digest_of
from botkit.submission import message_id
from tests.desk import REFUSED, bot
from tests.send_api.conftest import KEYS, OTHER_KEY, READER_KEY, SHOP_KEY, Counter, Program, hello, running

ACCOUNTS = "failover.timeoutFailover.trafficAccounts"

PLACES = {
    "/messages/send": "A",
    "/message/send": "A",
    "/Messages/Send": "A",
    "/api/v1/Messages/send": "A",
    "/API/v1/message/SEND": "A",
    "/api/v1.1/Messages/send": "B",
    "/api/v1.1/message/send": "B",
}


@pytest.mark.parametrize(("path", "shape"), PLACES.items())
async def test_a_message_is_taken_at_each_path_in_letters_of_either_case(
    program: Program, path: str, shape: str
) -> None:
    taken = await program.posts(path)
    assert taken.status_code == 200, taken.text
    found = taken.json()
    message = found if shape == "A" else found["messages"][0]
    assert message["trafficAccountId"] == "desk"
    assert len(message["messageId"]) == 24
    await program.tester.settle()
    assert program.desk.shown == [("+385910000001", "hello")]


@pytest.mark.parametrize("path", ["/api/v2/Messages/send", "/api/v1.10/Messages/send", "/api/Messages/send"])
async def test_there_are_no_other_versions(program: Program, path: str) -> None:
    assert (await program.posts(path)).status_code == 404


async def test_shape_a_has_the_documented_members(program: Program) -> None:
    found = (await program.posts(body=hello(id="order-7"))).json()
    sender = {"id": found["sender"]["id"], "phoneNumber": "desk", "name": "shop"}
    assert found == {
        "messageId": found["messageId"],
        "id": "order-7",
        "sender": sender,
        "conversation": {
            "id": found["conversation"]["id"],
            "participants": [sender, {"phoneNumber": "+385910000001"}],
        },
        "createdAt": found["createdAt"],
        "updatedAt": found["createdAt"],
        "trafficAccountId": "desk",
        "deliveryStatus": "Ready",
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z", found["createdAt"])


# --- who may ---


@pytest.mark.parametrize(
    "keys", [[], [""], ["bk_wrong"], [SHOP_KEY + "x"], [SHOP_KEY.upper()], [SHOP_KEY, SHOP_KEY]], ids=str
)
@pytest.mark.parametrize(("method", "path"), [("POST", "/messages/send"), ("GET", f"/messages/{'A' * 22}00")])
async def test_without_one_key_that_is_known_nothing_is_looked_at(
    program: Program, keys: list[str], method: str, path: str
) -> None:
    del program.client.headers["X-Botkit-Key"]
    headers = [("X-Botkit-Key", key) for key in keys]
    refused = await program.client.request(method, path, content=b"no JSON", headers=headers)
    assert refused.status_code == 401
    assert refused.json()["error"]["code"] == "unauthorized"
    assert "problems" not in refused.json()


async def test_a_key_without_the_scope_is_refused(program: Program) -> None:
    refused = await program.another(READER_KEY).posts()
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "forbidden")


async def test_an_account_that_is_not_there_is_not_found(program: Program) -> None:
    refused = await program.posts(body=hello(trafficAccountId="nobody"))
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "unknown_account")


async def test_a_key_of_some_accounts_hears_of_no_other_whether_it_is_there_or_not(
    botkit_redis_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "keys.toml"
    path.write_text(f'shop = {{ sha256 = "{digest_of(SHOP_KEY)}", scopes = ["send"], accounts = ["desk"] }}')
    async with running(botkit_redis_url, tmp_path, keys=path) as program:
        assert (await program.posts()).status_code == 200
        refused = [await program.posts(body=hello(trafficAccountId=ta)) for ta in ("desk-viber", "nobody")]
        assert [(each.status_code, each.content) for each in refused] == 2 * [(403, refused[0].content)]


async def test_a_key_with_a_rate_is_told_to_wait(botkit_redis_url: str, tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    path.write_text(f'shop = {{ sha256 = "{digest_of(SHOP_KEY)}", scopes = ["send"], rate = 0.1 }}')
    async with running(botkit_redis_url, tmp_path, keys=path) as program:
        assert (await program.posts()).status_code == 200
        refused = await program.posts()
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_many_requests")
        assert 1 <= int(refused.headers["retry-after"]) <= 10
        program.tester.clock.advance(seconds=10)
        assert (await program.posts()).status_code == 200


async def test_where_there_are_no_keys_everybody_hears_what_a_wrong_key_hears(
    program: Program, botkit_redis_url: str, tmp_path: Path
) -> None:
    async with running(botkit_redis_url, tmp_path) as nobody:
        refused = await nobody.posts()
    assert refused.status_code == 401
    assert refused.content == (await program.another("bk_wrong").posts()).content


async def test_no_key_and_nobodys_number_or_words_are_logged(program: Program) -> None:
    with structlog.testing.capture_logs() as logged:
        await program.posts()
        await program.posts(body=hello(sms={"text": "canary", "colour": "red"}))
        await program.another("bk_wrong_canary").posts()
        await program.another(READER_KEY).posts()
    assert logged
    for word in (SHOP_KEY, READER_KEY, "canary", "385910000001", "hello"):
        assert word not in str(logged)


# --- what is wrong with it ---


async def test_all_that_is_wrong_is_listed_with_its_path_and_without_anybodys_words(program: Program) -> None:
    body = {
        "trafficAccountId": "desk",
        "destination": "canary",
        "sms": {"sender": "canary canary", "colour": "red"},
        "id": "a canary",
        "reference": 7,
        "scheduleInfo": {"timeBegin": "canary"},
        "notifyUrl": "https://canary.example.org",
    }
    refused = await program.posts(body=body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid_request")
    paths = [problem["path"] for problem in refused.json()["problems"]]
    assert {"sms.text", "sms.sender", "sms.colour", "id", "reference", "notifyUrl"} <= set(paths)
    assert "scheduleInfo.timeBegin" in paths
    assert len(paths) == len(set(paths))
    assert "canary" not in refused.text


async def test_a_destination_that_is_no_number_is_a_problem_of_its_own(program: Program) -> None:
    refused = await program.posts(body=hello(destination="12"))
    assert [problem["path"] for problem in refused.json()["problems"]] == ["destination"]


async def test_nothing_is_written_for_what_is_refused(program: Program) -> None:
    store = program.tester.store
    before = await store.call("DBSIZE")
    assert (await program.posts(body=hello(destination="12"), Idempotency_Key="1")).status_code == 400
    assert (await program.posts(body=hello(trafficAccountId="nobody"), Idempotency_Key="1")).status_code == 404
    assert await store.call("DBSIZE") == before
    assert (await program.posts(Idempotency_Key="1")).status_code == 200


@pytest.mark.parametrize(("size", "status"), [(1024 * 1024, 200), (1024 * 1024 + 1, 413)])
async def test_a_body_has_at_most_a_mebibyte(program: Program, size: int, status: int) -> None:
    content = json.dumps(hello()).encode().ljust(size)
    posted = await program.client.post("/messages/send", content=content, headers={"content-type": "application/json"})
    assert posted.status_code == status


async def test_a_body_of_another_type_is_refused(program: Program) -> None:
    posted = await program.client.post("/messages/send", data={"destination": "1"})
    assert (posted.status_code, posted.json()["error"]["code"]) == (415, "unsupported_media_type")


async def test_while_the_service_does_not_run_all_must_come_again() -> None:
    transport = httpx.ASGITransport(App([bot(Router(), Counter())]))
    async with httpx.AsyncClient(transport=transport, base_url="http://botkit.test") as client:
        for answer in (await client.post("/messages/send"), await client.get("/messages/1")):
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
            assert answer.json()["error"]["code"] == "unavailable"
        assert (await client.get("/openapi.json")).json()["openapi"] == "3.1.0"


async def test_while_the_store_is_away_nothing_is_taken(tmp_path: Path) -> None:
    server = EmbeddedServer.start(tmp_path / "elsewhere", fsync="everysec")
    async with running(server.url, tmp_path, keys=KEYS) as program:
        server.stop()
        refused = await program.posts(Idempotency_Key="1")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")


async def test_a_mistake_of_an_adapters_is_told_without_anybodys_words(program: Program) -> None:
    program.desk.is_broken = True
    with structlog.testing.capture_logs() as logged:
        refused = await program.posts()
    assert (refused.status_code, refused.json()["error"]["code"]) == (500, "internal")
    assert [entry["error"] for entry in logged] == ["ZeroDivisionError"]
    assert "385910000001" not in str(logged) + refused.text


# --- several ways ---


def ways(*accounts: str, **members: object) -> dict[str, Any]:
    timeout = {"status": "Delivered", "timeoutInSeconds": 45, "trafficAccounts": list(accounts)}
    return {
        "destination": "385910000001",
        "viber": {"type": "promotional", "text": "by Viber"},
        "sms": {"text": "by SMS"},
        "failover": {"type": "Timeout", "timeoutFailover": timeout},
    } | members


@pytest.mark.parametrize("path", ["/messages/send", "/api/v1.1/Messages/send"])
async def test_a_failover_is_answered_with_an_id_for_each_way(program: Program, path: str) -> None:
    taken = await program.posts(path, ways("desk-viber", "desk"))
    assert taken.status_code == 200, taken.text
    first, second = taken.json()
    assert second == f"{first}.1"
    kept = await program.tester.store.submissions.load(first)
    assert kept is not None
    assert kept.ways == (("desk", "desk-viber"), ("desk", "desk"))


async def test_each_way_of_a_failover_is_followed_by_its_own_id(program: Program) -> None:
    program.viber.plan.append(REFUSED)
    first, second = (await program.posts(body=ways("desk-viber", "desk", reference="parcels"))).json()
    waiting = (await program.asks(first)).json()
    assert [hop["deliveryStatus"] for hop in waiting["hops"]] == ["Created", "Created"]
    await program.tester.settle()
    assert (program.viber.texts, program.desk.texts) == ([], ["by SMS"])
    state = (await program.asks(first)).json()
    assert (state["status"], state["reference"]) == ("sent", "parcels")
    assert [(hop["messageId"], hop["trafficAccountId"], hop["deliveryStatus"]) for hop in state["hops"]] == [
        (first, "desk-viber", "Failure"),
        (second, "desk", "Sent"),
    ]
    assert state["hops"][0]["reason"] == REFUSED.reason
    of_second = (await program.asks(second)).json()
    assert (of_second["messageId"], of_second["deliveryStatus"], of_second["account"]["trafficAccountId"]) == (
        second,
        "Sent",
        "desk",
    )
    assert (await program.asks(f"{first}.2")).status_code == 404


async def test_the_next_way_is_taken_when_nothing_was_delivered_in_time(program: Program) -> None:
    first, _ = (await program.posts(body=ways("desk-viber", "desk"))).json()
    await program.tester.settle()
    await program.tester.advance(seconds=44)
    assert (program.viber.texts, program.desk.texts) == (["by Viber"], [])
    await program.tester.advance(seconds=2)
    assert program.desk.texts == ["by SMS"]
    assert (await program.asks(first)).json()["mayBeDouble"] is True


@pytest.mark.parametrize("destination", ["+385910000001", "385910000001"])
async def test_an_account_of_other_addresses_reaches_a_number_that_is_known_to_be_the_persons(
    program: Program, destination: str
) -> None:
    body = {
        **ways("desk-bot", "desk"),
        "viber": {},
        "telegram": {"text": {"message": "by bot"}},
        "destination": destination,
    }
    body["failover"]["timeoutFailover"]["status"] = "Sent"
    await program.posts(body=body)
    await program.tester.settle()
    assert (program.bot.shown, program.desk.texts) == ([], ["by SMS"]), "while nobody knows, the next way is taken"
    await program.tester.store.contacts.link("+385910000001", Conversation(program.bot.account, "olena"))
    await program.posts(body=body)
    await program.tester.settle()
    assert (program.bot.shown, program.desk.texts) == ([("olena", "by bot")], ["by SMS"])


async def test_a_number_of_whom_nobody_knows_the_conversation_is_a_problem(program: Program) -> None:
    body = {"trafficAccountId": "desk-bot", "destination": "+385910000001", "telegram": {"text": {"message": "hello"}}}
    refused = await program.posts(body=body, Idempotency_Key="1")
    assert refused.status_code == 400
    assert [problem["path"] for problem in refused.json()["problems"]] == ["destination"]
    await program.tester.store.contacts.link("+385910000001", Conversation(program.bot.account, "olena"))
    assert (await program.posts(body=body, Idempotency_Key="1")).status_code == 200
    assert (await program.posts(body=body | {"destination": "taras"})).status_code == 200
    await program.tester.settle()
    assert sorted(person for person, _ in program.bot.shown) == ["olena", "taras"]


async def test_the_key_of_a_failover_must_be_for_all_its_accounts(program: Program) -> None:
    assert (await program.posts(body=ways("desk-viber", "nobody"))).status_code == 404


@pytest.mark.parametrize(
    ("accounts", "members", "path"),
    [
        (("desk-viber", "desk"), {"sms": {}}, "sms"),
        (("desk-viber", "desk"), {"gbm": {"text": {"message": "x"}}}, "gbm"),
        (("desk", "desk-viber"), {"viber": {"type": "x", "text": "y"}}, "viber.type"),
        (("mute", "desk"), {"viber": {}, "gbm": {"text": {"message": "x"}}}, f"{ACCOUNTS}[0]"),
        (("desk", "desk"), {"viber": {}}, f"{ACCOUNTS}[1]"),
        (("desk-viber", "desk"), {"trafficAccountId": "desk"}, "trafficAccountId"),
    ],
    ids=["without its content", "content of nobody", "wrong content", "no receipts", "twice", "another first"],
)
async def test_what_does_not_fit_in_a_failover_is_a_problem(
    program: Program, accounts: tuple[str, ...], members: dict[str, object], path: str
) -> None:
    refused = await program.posts(body=ways(*accounts, **members))
    assert refused.status_code == 400
    assert path in [problem["path"] for problem in refused.json()["problems"]]


# --- what became of it ---


async def test_a_message_is_followed_by_its_id(program: Program) -> None:
    taken = (await program.posts(body=hello(reference="spring"))).json()
    waiting = (await program.asks(taken["messageId"])).json()
    assert waiting["deliveryStatus"] == "Ready"
    assert waiting["status"] == "committed"
    assert waiting["reference"] == "spring"
    assert waiting["account"] == {"channel": "desk", "trafficAccountId": "desk"}
    assert waiting["createdAt"] == taken["createdAt"]
    await program.tester.settle()
    sent = (await program.asks(taken["messageId"])).json()
    assert sent["deliveryStatus"] == "Sent"
    assert set(sent["times"]) == {"committed", "sent"}
    assert sent["updatedAt"] == sent["times"]["sent"]


async def test_what_became_of_it_is_known_for_four_days_and_then_said_not_to_be(program: Program) -> None:
    name = (await program.posts()).json()["messageId"]
    await program.tester.settle()
    conversation = Conversation(program.desk.account, "+385910000001")
    await program.tester.store.call("DEL", program.tester.store.keys.delivery(conversation.key, name))
    program.tester.clock.advance(days=4, seconds=-1)
    assert (await program.asks(name)).json()["deliveryStatus"] == "Sent"
    program.tester.clock.advance(seconds=2)
    assert (await program.asks(name)).json()["deliveryStatus"] == "Unknown"


async def test_what_may_not_be_in_its_outbox_is_not_called_ready(program: Program) -> None:
    for _ in range(3):
        await program.posts()
    assert (await program.posts(Idempotency_Key="late")).status_code == 503
    assert (await program.asks(message_id("shop", "late"))).json()["deliveryStatus"] == "Created"


@pytest.mark.parametrize(
    "message_id", ["x", "send", "A" * 22 + "00", "A" * 22 + "01", "{}", "%7Bs:x%7D", "A" * 5000], ids=lambda id: id[:9]
)
async def test_an_id_that_is_none_is_not_found(program: Program, message_id: str) -> None:
    asked = await program.asks(message_id)
    assert (asked.status_code, asked.json()["error"]["code"]) == (404, "unknown_message")


async def test_a_message_of_another_key_is_not_found(program: Program) -> None:
    taken = (await program.posts()).json()
    asked = await program.another(OTHER_KEY).asks(taken["messageId"])
    assert (asked.status_code, asked.json()["error"]["code"]) == (404, "unknown_message")


# --- once ---


async def test_the_same_again_with_its_key_is_sent_once_and_answered_the_same(program: Program) -> None:
    first = await program.posts(Idempotency_Key="order-7")
    await program.tester.settle()
    program.tester.clock.advance(hours=47)
    again = await program.posts(Idempotency_Key="order-7")
    await program.tester.settle()
    assert (again.status_code, again.content) == (200, first.content)
    assert len(program.desk.shown) == 1


async def test_the_callers_own_id_is_an_idempotency_key(program: Program) -> None:
    first, again = await program.posts(body=hello(id="7")), await program.posts(body=hello(id="7"))
    assert first.content == again.content


async def test_the_same_again_is_answered_the_same_whatever_has_changed_since(program: Program) -> None:
    body = {"trafficAccountId": "desk-bot", "destination": "+385910000001", "telegram": {"text": {"message": "hello"}}}
    olena = Conversation(program.bot.account, "olena")
    await program.tester.store.contacts.link("+385910000001", olena)
    first = await program.posts(body=body, Idempotency_Key="1")
    await program.tester.store.contacts.unlink("+385910000001", olena.key)
    assert (await program.posts(body=body, Idempotency_Key="1")).content == first.content
    assert (await program.posts(body={"destination": 7}, Idempotency_Key="1")).status_code == 409


async def test_without_a_key_the_same_again_is_another_message(program: Program) -> None:
    first, again = (await program.posts()).json(), (await program.posts()).json()
    assert first["messageId"] != again["messageId"]


async def test_another_request_with_the_same_key_is_a_conflict(program: Program) -> None:
    await program.posts(Idempotency_Key="order-7")
    refused = await program.posts(body=hello(sms={"text": "bye"}), Idempotency_Key="order-7")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "conflict")
    await program.tester.settle()
    assert program.desk.texts == ["hello"]


async def test_the_same_idempotency_key_of_another_program_is_another_one(program: Program) -> None:
    mine = (await program.posts(Idempotency_Key="1")).json()
    theirs = (await program.another(OTHER_KEY).posts(Idempotency_Key="1")).json()
    assert mine["messageId"] != theirs["messageId"]


async def test_members_in_another_order_are_the_same_request(program: Program) -> None:
    first = await program.posts(Idempotency_Key="1")
    again = await program.posts(body=dict(reversed(hello().items())), Idempotency_Key="1")
    assert first.content == again.content


async def test_what_a_killed_process_only_kept_is_completed_by_the_same_again(program: Program) -> None:
    first = await program.posts(Idempotency_Key="1")
    await program.tester.settle()
    store, name = program.tester.store, first.json()["messageId"]
    kept = await store.submissions.load(name)
    assert kept is not None
    part = Outgoing(name, kept.account, kept.to, Text(text="hello", markdown=False))
    # As it was before the message went into the outbox.
    await store.call("DEL", store.keys.submission(name), *store.keys.of(kept.conversation.key, "x"))
    await store.submissions.keep(replace(kept, parts=(part,)))
    again = await program.posts(Idempotency_Key="1")
    await program.tester.settle()
    assert again.content == first.content
    assert program.desk.texts == ["hello", "hello"]


async def test_a_full_outbox_is_answered_with_503_and_the_same_again_completes_it(program: Program) -> None:
    for _ in range(3):
        await program.posts()
    refused = await program.posts(Idempotency_Key="late")
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "unavailable")
    assert refused.headers["retry-after"] == "2"
    await program.tester.settle()
    taken = await program.posts(Idempotency_Key="late")
    assert taken.status_code == 200
    await program.tester.settle()
    assert len(program.desk.shown) == 4
    assert (await program.asks(taken.json()["messageId"])).json()["status"] == Status.SENT.value
