from typing import Any

import pytest

from botkit.simulators.simulator import Person
from tests.simulators import viber_rig
from tests.simulators.viber_rig import ANA, BORIS, Json, Rig, keyboard

CENE = Person("Cene", "uk-UA")


rig = viber_rig.rig


async def broadcast(rig: Rig, *people: Person | str, **message: Any) -> Json:
    receivers = [id_of(rig, person) if isinstance(person, Person) else person for person in people]
    known = {"broadcast_list": receivers, "sender": {"name": "Demo"}, "type": "text", "text": "news"}
    return await rig.asks("broadcast_message", known | message)


def id_of(rig: Rig, person: Person) -> str:
    return rig.simulator.conversation_id("demo", person)


async def test_everybody_gets_it_under_one_token_and_reports_it_alone(rig: Rig) -> None:
    await rig.simulator.says("demo", BORIS, "hi")
    answer = await broadcast(rig, ANA, BORIS)
    token = answer.pop("message_token")
    assert answer == {
        "status": 0,
        "status_message": "ok",
        "chat_hostname": "SN-CHAT-05_",
        "billing_status": 1,
        "failed_list": [],
    }
    assert rig.sees(ANA)[-1] == rig.sees(BORIS)[-1] == "news"
    rig.bot.requests.clear()
    await rig.simulator.redeliver()
    assert {(told["event"], told["user_id"], told["message_token"]) for told in rig.bot.told} == {
        (event, id_of(rig, person), token) for event in ("delivered", "seen") for person in (ANA, BORIS)
    }


async def test_who_cannot_get_it_is_listed_and_the_others_get_it(rig: Rig) -> None:
    await rig.simulator.opens("demo", BORIS)
    await rig.simulator.says("demo", CENE, "hi")
    rig.simulator.chat("demo", CENE).api_version = 6
    answer = await broadcast(rig, BORIS, "nobody", ANA, CENE, min_api_version=7)
    assert answer["status"] == 0
    assert answer["failed_list"] == [
        {"receiver": id_of(rig, BORIS), "status": 6, "status_message": "Not subscribed"},
        {"receiver": "nobody", "status": 5, "status_message": "Not found"},
        {"receiver": id_of(rig, CENE), "status": 13, "status_message": "apiVersionNotSupported"},
    ]
    assert rig.sees(ANA)[-1] == "news"


async def test_limits_of_a_person_hold_in_broadcasts_too(rig: Rig) -> None:
    for _ in range(100):
        await rig.sends()
    assert [failed["status"] for failed in (await broadcast(rig, ANA))["failed_list"]] == [12]


async def test_a_broadcast_that_reaches_nobody_is_still_taken(rig: Rig) -> None:
    answer = await broadcast(rig, "nobody")
    assert (answer["status"], answer["billing_status"], len(answer["failed_list"])) == (0, 0, 1)


async def test_somebody_named_twice_gets_it_once(rig: Rig) -> None:
    await broadcast(rig, ANA, ANA)
    assert rig.sees().count("news") == 1


@pytest.mark.parametrize(("count", "status"), [(1, 0), (300, 0), (301, 3)])
async def test_a_broadcast_has_at_most_300_receivers(rig: Rig, count: int, status: int) -> None:
    answer = await broadcast(rig, *(f"nobody{number}" for number in range(count)))
    assert answer["status"] == status
    assert len(answer.get("failed_list", [])) == (0 if status else count)


@pytest.mark.parametrize(
    ("receivers", "status"), [([], 4), (None, 4), ("everybody", 3), ([7], 3), ({"a": "b"}, 3), ([None], 3)]
)
async def test_a_broadcast_needs_a_list_of_receivers(rig: Rig, receivers: Any, status: int) -> None:
    assert (await broadcast(rig, broadcast_list=receivers))["status"] == status


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ({"text": "x" * 7000}, 0),
        ({"text": "x" * 7001}, 3),
        ({"sender": {}}, 4),
        ({"keyboard": keyboard({"TextShouldFit": True}), "min_api_version": 6}, 0),
        ({"keyboard": keyboard({"TextShouldFit": True})}, 14),
    ],
)
async def test_the_message_is_checked_once_for_all(rig: Rig, message: Json, status: int) -> None:
    assert (await broadcast(rig, ANA, **message))["status"] == status


async def test_500_broadcasts_are_taken_in_10_seconds(rig: Rig) -> None:
    for _ in range(500):
        assert (await broadcast(rig, "nobody"))["status"] == 0
    assert (await broadcast(rig, ANA))["status"] == 12
    assert "news" not in rig.sees()
    rig.clock.advance(seconds=10)
    assert (await broadcast(rig, ANA))["status"] == 0


async def test_without_limits_broadcasts_are_not_counted(rig: Rig) -> None:
    rig.simulator.has_limits = False
    assert {(await broadcast(rig, "nobody"))["status"] for _ in range(501)} == {0}


async def test_a_bot_may_be_without_the_right_to_broadcast(rig: Rig) -> None:
    rig.simulator.may_broadcast = False
    assert (await broadcast(rig, ANA))["status"] == 20


async def test_without_a_webhook_nothing_is_broadcast(rig: Rig) -> None:
    await rig.asks("set_webhook", {"url": ""})
    assert (await broadcast(rig, ANA))["status"] == 10


async def test_each_receiver_finds_their_own_name_and_id_in_it(rig: Rig) -> None:
    ana = id_of(rig, ANA)
    await broadcast(
        rig,
        ANA,
        text="Hi replace_me_with_user_name (replace_me_with_receiver_id)",
        keyboard=keyboard(
            {
                "ActionType": "open-url",
                "ActionBody": "https://a.test/?u=replace_me_with_url_encoded_receiver_id",
                "Text": "Go",
            }
        ),
    )
    bubble = rig.simulator.screen("demo", ANA)[-1]
    assert bubble.text == f"Hi Ana ({ana})"
    encoded = ana.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    assert bubble.choices[0][0].value == f"https://a.test/?u={encoded}"


async def test_somebody_who_keeps_their_name_private_is_greeted_without_it(rig: Rig) -> None:
    rig.simulator.chat("demo", ANA).consents = False
    await broadcast(rig, ANA, text="Hi replace_me_with_user_name!")
    assert rig.sees()[-1] == "Hi !"
