from collections.abc import AsyncIterator

import httpx
import pytest

from botkit.simulators.rapporto import RapportoSimulator
from botkit.simulators.simulator import Choice, NotOnScreenError
from tests.simulators.rapporto_rig import ANA, BORIS, NUMBER, Client, Rig, sms, telegram, viber, whatsapp


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    rig = Rig()
    yield rig
    await rig.simulator.close()


def test_a_conversation_is_the_person_s_number(rig: Rig) -> None:
    assert rig.simulator.conversation_id("demo", ANA) == f"+{NUMBER}"


# --- writing


@pytest.mark.parametrize(
    ("via", "kind"),
    [("telegram", "SMS"), ("vk", "SMS"), ("sms", "SMS"), ("whatsapp", "WHATSAPP"), ("viber", "VIBER")],
)
async def test_people_write_by_the_network_that_takes_answers(via: str, kind: str) -> None:
    rig = Rig(via)
    await rig.simulator.says("demo", ANA, "where is my parcel")
    (told,) = rig.client.told
    assert told.pop("transactionId").startswith("20300305120000")
    assert told == {
        "destAddr": "SHOP",
        "sourceAddr": NUMBER,
        "type": kind,
        "message": "where is my parcel",
        "partCount": 1,
        "receivedDate": "2030-03-05T12:00:00+0300",
    }
    assert rig.shown == [(kind.lower(), "where is my parcel")]


async def test_each_message_has_a_number_of_its_own(rig: Rig) -> None:
    for _ in range(3):
        await rig.simulator.says("demo", ANA, "hi")
    assert len({told["transactionId"] for told in rig.client.told}) == 3


@pytest.mark.parametrize("via", ["whatsapp", "viber"])
async def test_people_send_pictures(via: str) -> None:
    rig = Rig(via)
    await rig.simulator.sends_photo("demo", ANA)
    await rig.simulator.sends_photo("demo", ANA, "is it this one?")
    first, second = rig.client.told
    assert "message" not in first
    assert second["message"] == "is it this one?"
    assert first["mediaURL"] != second["mediaURL"]
    assert (await rig.http.get(first["mediaURL"])).headers["content-type"] == "image/jpeg"


async def test_what_cannot_be_sent_is_said(rig: Rig) -> None:
    for attempt in (
        rig.simulator.sends_photo("demo", ANA),
        rig.simulator.sends_file("demo", ANA),
        rig.simulator.sends_location("demo", ANA, 1, 2),
        rig.simulator.says("demo", ANA, " "),
        rig.simulator.taps("demo", ANA, "Track"),
        rig.simulator.views("demo", ANA),
        rig.simulator.subscribes("demo", ANA),
    ):
        with pytest.raises(NotOnScreenError):
            await attempt
    assert rig.client.requests == []


async def test_who_leaves_writes_stop_and_who_opens_says_nothing(rig: Rig) -> None:
    await rig.simulator.opens("demo", ANA, "context")
    await rig.simulator.leaves("demo", ANA)
    assert [told["message"] for told in rig.client.told] == ["STOP"]


# --- screens


async def test_a_phone_shows_what_came_by_each_network(rig: Rig) -> None:
    await rig.send(telegram("t", link="https://a.example"))
    await rig.send(whatsapp({"imageURL": "https://a.example/1.png"}, "IMAGE_URL"))
    await rig.send(viber({"text": "v", "caption": "Track", "action": "https://a.example/v"}, "BUTTON"))
    await rig.send(sms("s"))
    shown = rig.simulator.screen("demo", ANA)
    assert [(bubble.side, bubble.kind, bubble.text, bubble.source) for bubble in shown] == [
        ("bot", "telegram", "t", ""),
        ("bot", "whatsapp", "", "https://a.example/1.png"),
        ("bot", "viber", "v", ""),
        ("bot", "sms", "s", ""),
    ]
    assert [bubble.choices for bubble in shown] == [
        [[Choice("https://a.example", "link", "https://a.example")]],
        [],
        [[Choice("Track", "link", "https://a.example/v")]],
        [],
    ]
    assert rig.simulator.screen("demo", BORIS) == []


# --- events


async def test_looking_and_clicking_are_told_with_their_counts_after_the_last_status(rig: Rig) -> None:
    answer = await rig.send(telegram(link="https://a.example"), id="ord-1")
    await rig.simulator.views("demo", ANA)
    await rig.simulator.views("demo", ANA)
    rig.clock.advance(minutes=4)
    await rig.simulator.taps("demo", ANA, "https://a.example")
    await rig.simulator.subscribes("demo", ANA)
    events = [told for told in rig.client.told if "eventType" in told]
    assert [(told["eventType"], told["viewsCount"], told["clicksCount"]) for told in events] == [
        ("view", 1, 0),
        ("view", 2, 0),
        ("click", 2, 1),
        ("subscribe", 2, 1),
    ]
    assert {(told["mtNum"], told["status"], told["id"]) for told in events} == {(answer["mtNum"], 9, "ord-1")}
    assert events[2]["eventDate"] == "2030-03-05T12:04:00+0300"
    assert [exchange.name for exchange in rig.simulator.wire.deliveries()] == ["report"] * 3 + ["event"] * 4


async def test_a_link_of_another_network_is_followed_without_a_word(rig: Rig) -> None:
    await rig.send(viber({"text": "v", "caption": "Track", "action": "https://a.example/v"}, "BUTTON"))
    await rig.simulator.taps("demo", ANA, "Track")
    await rig.simulator.redeliver()
    assert all("eventType" not in told for told in rig.client.told)


async def test_what_nobody_wants_reported_is_not(rig: Rig) -> None:
    await rig.send(registeredDelivery=0)
    await rig.simulator.views("demo", ANA)
    assert rig.client.requests == []


async def test_a_callback_of_any_content_can_be_sent(rig: Rig) -> None:
    await rig.simulator.emits("demo", "report", {"mtNum": "1", "status": 77})
    assert rig.client.told == [{"mtNum": "1", "status": 77}]


# --- memory


async def test_a_restart_changes_nothing(rig: Rig) -> None:
    rig.simulator.delays = (0, 0, 60)
    first = await rig.send(telegram(link="https://a.example"), scheduleInfo={"timeBegin": "10:00"})
    rig.client.status = 503
    await rig.simulator.redeliver()
    client = Client()
    again = RapportoSimulator(rig.clock, httpx.MockTransport(client))
    again.restore(rig.simulator.snapshot())
    again.add_account(rig.adapter)
    again.console("demo", "report", "https://bot.test/new")
    assert again.screen("demo", ANA) == rig.simulator.screen("demo", ANA)
    rig.clock.advance(minutes=1)
    await again.redeliver()
    assert client.statuses == [("TELEGRAM", 0), ("TELEGRAM", 2), ("TELEGRAM", 9)]
    assert {str(request.url) for request in client.requests} == {"https://bot.test/new"}
    rig.simulator, rig.http = (
        again,
        httpx.AsyncClient(transport=httpx.ASGITransport(again.app), base_url="http://rapporto.test"),
    )
    assert int((await rig.send())["mtNum"]) > int(first["mtNum"])
    await again.close()


async def test_a_change_is_told(rig: Rig) -> None:
    changes: list[bytes] = []
    rig.simulator.on_change = lambda: changes.append(rig.simulator.snapshot())
    await rig.send()
    assert len(changes) == 1
    await rig.simulator.redeliver()
    count = len(changes)
    assert count > 1
    await rig.simulator.redeliver()
    assert len(changes) == count


async def test_the_messages_of_a_person_can_be_looked_at(rig: Rig) -> None:
    await rig.send(telegram(ttl=60, ttlUnit="SECONDS"), extraParam="a=1")
    (message,) = rig.simulator.messages(ANA)
    assert (message.kind, message.ttl, message.extra) == ("TELEGRAM", 60, {"a": "1"})
    assert rig.simulator.messages(BORIS) == []
