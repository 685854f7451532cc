"""The send API by HTTP: who may, what is answered, what becomes of a message, and that each is sent once."""

import re

import pytest

from botkit.store import Status
from tests.send_api.conftest import OTHER_KEY, READER_KEY, SHOP_KEY, Program, hello

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
