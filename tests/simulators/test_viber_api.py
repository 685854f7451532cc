import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from botkit.channels.telegram import Telegram
from botkit.channels.viber import Viber
from botkit.simulators.simulator import NotOnScreenError
from botkit.simulators.viber_servers import Oddity
from botkit.simulators.wire import Fault
from botkit.webhook import WebhookRequest
from tests.simulators import viber_rig
from tests.simulators.viber_rig import ANA, WEBHOOK, Json, Rig

new, rig = viber_rig.new, viber_rig.rig


# --- who may call what


async def test_a_path_that_it_does_not_have_is_http_404(rig: Rig) -> None:
    answer = await rig.call("nonsense", {})
    assert (answer.status_code, answer.text) == (404, "Not Found")


async def test_only_post_is_taken(rig: Rig) -> None:
    assert (await rig.http.get("/pa/get_account_info")).status_code == 404
    assert (await rig.http.post("/somewhere")).status_code == 404


@pytest.mark.parametrize(("token", "text"), [("", "missing_auth_token"), ("wrong", "invalidAuthToken")])
@pytest.mark.parametrize("resource", ["set_webhook", "get_account_info", "get_user_details"])
async def test_a_call_without_a_known_token_is_refused_with_http_200(
    rig: Rig, resource: str, token: str, text: str
) -> None:
    answer = await rig.call(resource, {}, token)
    assert (answer.status_code, answer.json()) == (200, {"status": 2, "status_message": text})


async def test_two_bots_have_their_own_tokens_and_chats(rig: Rig) -> None:
    other = Viber(ta="other").simulated("http://viber.test")
    rig.simulator.add_account(other)
    token = next(iter(other.secrets())).reveal()
    assert (await rig.call("get_account_info", {}, token)).json()["webhook"] == ""
    assert rig.simulator.conversation_id("other", ANA) != rig.simulator.conversation_id("demo", ANA)


async def test_an_account_added_again_has_its_new_token_only(rig: Rig) -> None:
    again = rig.adapter.simulated("http://viber.test")
    rig.simulator.add_account(again)
    assert (await rig.asks("get_account_info", {}))["status"] == 2


def test_only_viber_adapters_with_a_token_have_accounts(new: Rig) -> None:
    with pytest.raises(TypeError, match="token"):
        new.simulator.add_account(Viber(ta="demo"))
    with pytest.raises(TypeError, match="token"):
        new.simulator.add_account(Telegram(ta="demo"))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"[" * 3000])
async def test_a_body_that_is_no_object_is_bad_data(rig: Rig, body: bytes) -> None:
    assert (await rig.asks("get_account_info", body))["status"] == 3


async def test_a_request_may_have_30_kilobytes(rig: Rig) -> None:
    empty = len(json.dumps({"pad": ""}))
    assert (await rig.asks("get_account_info", {"pad": "x" * (30 * 1024 - empty)}))["status"] == 0
    refused = await rig.asks("get_account_info", {"pad": "x" * (30 * 1024 - empty + 1)})
    assert refused == {"status": 3, "status_message": "the request has 30721 bytes, at most 30720"}


async def test_the_token_is_masked_in_the_log(rig: Rig) -> None:
    await rig.sends()
    call = rig.simulator.wire.calls("send_message")[-1]
    assert call.headers["x-viber-auth-token"] == "***"
    assert call.account == "demo"
    assert rig.token not in repr(list(rig.simulator.wire))


# --- set_webhook


async def test_the_webhook_is_called_before_the_call_is_answered(new: Rig) -> None:
    answer = await new.registers()
    assert new.bot.events == ["webhook"]
    assert answer["status"] == 0
    assert answer["status_message"] == "ok"
    assert set(answer["event_types"]) >= {"message", "subscribed", "webhook", "action", "client_status", "seen"}


async def test_the_check_of_the_address_is_genuine_and_without_events(new: Rig) -> None:
    await new.registers()
    request = new.bot.requests[0]
    check = WebhookRequest(dict(request.headers), dict(request.url.params), request.content)
    assert new.adapter.verify(check)
    assert new.adapter.parse(check) == []
    assert check.query["ta"] == "demo"


async def test_the_unsigned_check_of_the_address_is_a_handshake(new: Rig) -> None:
    new.simulator.signatures = "none"
    await new.registers()
    request = new.bot.requests[0]
    assert (
        new.adapter.handshake(WebhookRequest(dict(request.headers), dict(request.url.params), request.content)) == b""
    )


async def test_an_address_that_answers_anything_but_200_is_refused_and_the_old_one_stays(rig: Rig) -> None:
    rig.bot.status = 500
    refused = await rig.asks("set_webhook", {"url": "https://elsewhere.test/hook"})
    assert refused["status"] == 1
    assert "POST /hook HTTP/1.1" in refused["status_message"]
    assert "HTTP/1.1 500" in refused["status_message"]
    assert (await rig.asks("get_account_info", {}))["webhook"] == WEBHOOK


async def test_an_address_where_nobody_answers_is_refused(new: Rig) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    new.simulator.http = httpx.AsyncClient(transport=httpx.MockTransport(refuse))
    refused = await new.registers()
    assert refused["status"] == 1
    assert "ConnectException" in refused["status_message"]


async def test_an_address_without_tls_is_refused_without_being_called(new: Rig) -> None:
    assert (await new.registers(url="http://bot.test/"))["status"] == 1
    assert new.bot.requests == []


@pytest.mark.parametrize("call", [{}, {"url": None}, {"url": 7}])
async def test_a_webhook_without_an_address_is_missing_data(rig: Rig, call: Json) -> None:
    assert await rig.asks("set_webhook", call) == {"status": 4, "status_message": "url is missing"}


@pytest.mark.parametrize("event_types", ["seen", ["hologram"], [7]])
async def test_event_types_that_do_not_exist_are_bad_data(rig: Rig, event_types: Any) -> None:
    assert (await rig.registers(event_types=event_types))["status"] == 3


async def test_without_a_webhook_nothing_is_sent_and_there_is_no_chat(rig: Rig) -> None:
    assert (await rig.asks("set_webhook", {"url": ""}))["status"] == 0
    assert (await rig.sends())["status"] == 10
    for verb in (rig.simulator.opens, rig.simulator.leaves, rig.simulator.subscribes):
        with pytest.raises(NotOnScreenError, match="webhook"):
            await verb("demo", ANA)
    with pytest.raises(NotOnScreenError, match="webhook"):
        await rig.simulator.says("demo", ANA, "hi")


@pytest.mark.parametrize(
    ("event_types", "told"),
    [
        (None, ["conversation_started", "message", "delivered", "seen", "unsubscribed", "subscribed"]),
        ([], ["message", "unsubscribed", "subscribed"]),
        (["seen"], ["message", "seen", "unsubscribed", "subscribed"]),
        (
            ["conversation_started", "delivered"],
            ["conversation_started", "message", "delivered", "unsubscribed", "subscribed"],
        ),
    ],
)
async def test_only_mandatory_and_wanted_events_come(new: Rig, event_types: list[str] | None, told: list[str]) -> None:
    await new.registers(event_types=event_types)
    new.bot.requests.clear()
    await new.simulator.opens("demo", ANA)
    await new.simulator.says("demo", ANA, "hi")
    await new.sends()
    await new.simulator.redeliver()
    await new.simulator.leaves("demo", ANA)
    await new.simulator.subscribes("demo", ANA)
    assert new.bot.events == told


# --- faults


async def test_a_fault_before_the_call_forgets_it(rig: Rig) -> None:
    rig.simulator.wire.faults.append(Fault(500, b"<html>", {"x-served-by": "proxy"}))
    answer = await rig.call("send_message", {})
    assert (answer.status_code, answer.content, answer.headers["x-served-by"]) == (500, b"<html>", "proxy")
    assert rig.simulator.wire.calls("send_message")[-1].status == 500
    assert (await rig.sends())["status"] == 0


async def test_a_fault_after_the_call_has_carried_it_out(rig: Rig) -> None:
    rig.simulator.wire.faults.append(Fault(502, b"<html>", before=False))
    with pytest.raises(json.JSONDecodeError):
        await rig.sends(text="arrived")
    assert rig.sees()[-1] == "arrived"


@pytest.mark.parametrize("before", [True, False])
async def test_a_dropped_call_has_no_answer(rig: Rig, before: bool) -> None:
    rig.simulator.wire.faults.append(Fault(drop=True, before=before))
    with pytest.raises(httpx.ReadError):
        await rig.sends(text="lost")
    assert ("lost" in rig.sees()) is not before
    assert rig.simulator.wire.calls("send_message")[-1].status == 0


async def test_a_call_that_hangs_is_answered_later(rig: Rig) -> None:
    rig.simulator.wire.faults.append(Fault(503, hang=0.01))
    loop = asyncio.get_running_loop()
    started = loop.time()
    assert (await rig.call("send_message", {})).status_code == 503
    assert loop.time() - started >= 0.01


@pytest.mark.parametrize(
    ("oddity", "spoilt"),
    [
        (Oddity(without=("status_message",)), lambda answer: "status_message" not in answer),
        (Oddity(without=("billing_status",)), lambda answer: "billing_status" not in answer),
        (Oddity(status=99), lambda answer: answer["status"] == 99),
        (Oddity(extra={"mood": "good"}), lambda answer: answer.get("mood") == "good"),
    ],
)
async def test_an_answer_can_be_odd_and_the_message_arrives(
    rig: Rig, oddity: Oddity, spoilt: Callable[[Json], bool]
) -> None:
    rig.simulator.oddities.append(oddity)
    assert spoilt(await rig.sends(text="arrived"))
    assert rig.sees()[-1] == "arrived"
    assert not spoilt(await rig.sends())


@pytest.mark.parametrize("status", [7, 8, 9, 11, 15, 16, 19, 99, -1])
async def test_a_call_can_be_refused_with_any_status(rig: Rig, status: int) -> None:
    rig.simulator.oddities.append(Oddity(status=status, before=True))
    assert (await rig.sends(text="lost"))["status"] == status
    assert rig.sees() == ["hello"]
    assert (await rig.sends())["status"] == 0


async def test_a_webhook_can_be_refused_without_a_word(rig: Rig) -> None:
    rig.bot.status = 500
    rig.simulator.oddities.append(Oddity(without=("status_message",)))
    assert await rig.registers() == {"status": 1}


# --- what old libraries do


async def test_the_token_may_be_in_the_body_and_is_masked_there_too(rig: Rig) -> None:
    call = {"auth_token": rig.token, "receiver": rig.simulator.conversation_id("demo", ANA)}
    message: Json = {"sender": {"name": "D"}, "type": "text", "text": "old"}
    answer = await rig.http.post("/pa/send_message", json=call | message)
    assert answer.json()["status"] == 0
    logged = rig.simulator.wire.calls("send_message")[-1]
    assert (logged.account, logged.body["auth_token"]) == ("demo", "***")
    assert rig.token not in repr(list(rig.simulator.wire))


@pytest.mark.parametrize("auth_token", ["wrong", "", None, 7])
async def test_a_wrong_token_in_the_body_is_refused(rig: Rig, auth_token: Any) -> None:
    answer = await rig.http.post("/pa/get_account_info", json={"auth_token": auth_token})
    assert answer.json()["status"] == 2


async def test_the_header_is_believed_before_the_body(rig: Rig) -> None:
    assert (await rig.call("get_account_info", {"auth_token": rig.token}, "wrong")).json()["status"] == 2


async def test_there_are_no_public_chats_and_no_inline_bots(rig: Rig) -> None:
    assert (await rig.asks("post", {"from": "x", "type": "text", "text": "x"}))["status"] == 18
    assert (await rig.sends(chat_id="inline"))["status"] == 17
    assert (await rig.sends(chat_id=None))["status"] == 0


# --- what people sent


async def test_what_somebody_sent_can_be_fetched_for_an_hour(rig: Rig) -> None:
    await rig.simulator.sends_photo("demo", ANA)
    sent = rig.bot.told[-1]["message"]
    for url, size in ((sent["media"], sent["size"]), (sent["thumbnail"], 4096)):
        answer = await rig.http.get(url)
        assert (answer.status_code, answer.headers["content-type"], len(answer.content)) == (200, "image/jpeg", size)
    rig.clock.advance(minutes=59)
    assert (await rig.http.get(sent["media"])).status_code == 200
    rig.clock.advance(minutes=1)
    assert (await rig.http.get(sent["media"])).status_code == 404


@pytest.mark.parametrize("path", ["/media/1/photo.jpg", f"/media/{10**400}/file", "/media/x/file", "/media/{}/no.such"])
async def test_what_nobody_sent_is_not_there(rig: Rig, path: str) -> None:
    token = rig.simulator.next_token()
    assert (await rig.http.get(path.format(token))).status_code == 404
