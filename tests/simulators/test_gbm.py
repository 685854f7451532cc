from base64 import b64encode
from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest
from msgspec.structs import replace

from botkit.adapter import Outcome
from botkit.buttons import Button, Link
from botkit.channels import gbm
from botkit.channels.gbm import BusinessMessages
from botkit.channels.viber import Viber
from botkit.clock import Clock
from botkit.events import AgentRequested, ButtonPressed, MessageDelivered, MessageSeen
from botkit.messages import Text
from botkit.simulators.gbm import PATIENCE, BusinessMessagesSimulator
from botkit.simulators.simulator import Choice, NotOnScreenError
from botkit.simulators.wire import Fault
from tests.simulators.gbm_rig import ANA, BOB, TEXT, Json, Rig, card, error, open_rig, reply, sign_in


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with open_rig() as rig:
        yield rig


async def test_a_text_is_signed_and_told_with_its_context(rig: Rig) -> None:
    await rig.simulator.says("demo", ANA, "Dober dan")
    post = rig.posts[0]
    (event,) = rig.events()
    assert (event.text, event.user.name, event.locale, event.conversation.id) == ("Dober dan", "Ana", "sl", rig.talk)
    assert post.query == {"ta": "demo"}
    body = msgspec.json.decode(post.body)
    assert body["agent"] == "brands/simulated/agents/demo"
    assert len(body["sendTime"].partition(".")[2]) == len("123456789Z")


async def test_opening_the_chat_tells_nobody_but_the_context_rides_on_the_next_message(rig: Rig) -> None:
    await rig.simulator.opens("demo", BOB, "from-the-footer")
    assert rig.posts == []
    await rig.simulator.says("demo", BOB, "one")
    await rig.simulator.says("demo", BOB, "two")
    first, second = [msgspec.json.decode(post.body)["context"] for post in rig.posts]
    assert first["customContext"] == "from-the-footer"
    assert "customContext" not in second


async def test_a_photo_is_told_by_a_signed_address_and_its_caption_as_a_second_message(rig: Rig) -> None:
    await rig.simulator.sends_photo("demo", ANA, "my dog")
    photo, caption = rig.events()
    assert photo.media.kind == "image"
    assert caption.text == "my dog"
    assert [bubble.kind for bubble in rig.simulator.screen("demo", ANA)][-2:] == ["image", "text"]


async def test_files_and_places_are_not_on_the_screen(rig: Rig) -> None:
    with pytest.raises(NotOnScreenError, match="file"):
        await rig.simulator.sends_file("demo", ANA)
    with pytest.raises(NotOnScreenError, match="place"):
        await rig.simulator.sends_location("demo", ANA, 46.05, 14.5)


async def test_typing_and_the_wish_for_a_person_are_told(rig: Rig) -> None:
    await rig.simulator.types("demo", ANA)
    await rig.simulator.stops_typing("demo", ANA)
    await rig.simulator.asks_for_agent("demo", ANA)
    assert [type(event).__name__ for event in rig.events()] == ["TypingStarted", "TypingStopped", "AgentRequested"]


async def test_a_tapped_reply_comes_back_with_its_value_and_the_messages_id(rig: Rig) -> None:
    receipt = await rig.say(Text(text="Sure?", buttons=((Button("Yes", "sure:yes"), Button("No", "sure:no")),)))
    await rig.simulator.taps("demo", ANA, "Yes")
    tap = rig.events()[-1]
    assert isinstance(tap, ButtonPressed)
    assert (tap.value, tap.label, tap.kind, tap.message_id) == ("sure:yes", "Yes", "reply", receipt.id)
    assert rig.simulator.screen("demo", ANA)[-1].text == "Yes"


async def test_a_tapped_link_comes_back_as_an_action_and_writes_nothing(rig: Rig) -> None:
    await rig.say(Text(text="Look", buttons=((Link("Website", "https://shop.example/"),),)))
    assert rig.choices() == [Choice("Website", "link", "https://shop.example/")]
    await rig.simulator.taps("demo", ANA, "https://shop.example/")
    tap = rig.events()[-1]
    assert (tap.value, tap.kind) == ("open:1", "action")
    assert rig.simulator.screen("demo", ANA)[-1].text == "Look"


async def test_suggestions_vanish_with_the_next_message_and_those_of_a_card_stay(rig: Rig) -> None:
    await rig.post(card(title="Shirt", suggestions=[reply("Buy", "buy")]) | {"suggestions": [reply("Help", "help")]})
    assert [choice.label for choice in rig.choices()] == ["Buy", "Help"]
    await rig.simulator.says("demo", ANA, "hm")
    assert [choice.label for choice in rig.choices()] == ["Buy"]
    with pytest.raises(NotOnScreenError, match="'Help' on the screen of Ana, but Buy"):
        await rig.simulator.taps("demo", ANA, "Help")


async def test_the_newest_of_equal_labels_is_pressed(rig: Rig) -> None:
    for number in ("1", "2"):
        await rig.post(card(title="Shirt", suggestions=[reply("Buy", number)]) | {"messageId": number})
    await rig.simulator.taps("demo", ANA, "Buy")
    assert rig.events()[-1].value == "2"


async def test_the_button_for_a_person_asks_for_one(rig: Rig) -> None:
    await rig.post({"messageId": "m", "text": "Well", "suggestions": [{"liveAgentRequest": {}}]})
    assert rig.choices() == [Choice("Message a live agent", "agent")]
    await rig.simulator.taps("demo", ANA, "Message a live agent")
    assert isinstance(rig.events()[-1], AgentRequested)


async def test_signing_in_brings_a_code_or_an_error(rig: Rig) -> None:
    await rig.post(TEXT | {"suggestions": [sign_in()]})
    assert [choice.label for choice in rig.choices()] == ["Sign in"]
    await rig.simulator.signs_in("demo", ANA, code="c-7")
    await rig.simulator.signs_in("demo", ANA, error="ACCESS_DENIED", description="no")
    signed_in, failed = [event for event in rig.events() if event.is_from_user]
    assert isinstance(signed_in, gbm.SignedIn)
    assert (signed_in.code, signed_in.redirect_uri) == ("c-7", rig.simulator.redirect_uri)
    assert isinstance(failed, gbm.SignInFailed)
    assert (failed.error, failed.description) == ("ACCESS_DENIED", "no")


async def test_a_tap_on_sign_in_signs_in(rig: Rig) -> None:
    await rig.post(TEXT | {"suggestions": [sign_in()]})
    await rig.simulator.taps("demo", ANA, "Sign in")
    assert rig.events()[-1].code


async def test_nobody_signs_in_where_nothing_asks_them_to(rig: Rig) -> None:
    await rig.post(TEXT | {"suggestions": [reply("Sign in", "x")]})
    with pytest.raises(NotOnScreenError, match="Sign in"):
        await rig.simulator.signs_in("demo", ANA)


async def test_links_open_and_numbers_are_dialled_each_by_its_own_verb(rig: Rig) -> None:
    page = {"action": {"text": "Site", "postbackData": "open", "openUrlAction": {"url": "https://e.x"}}}
    call = {"action": {"text": "Call", "postbackData": "dial", "dialAction": {"phoneNumber": "+44-12"}}}
    await rig.post(TEXT | {"suggestions": [page, call, reply("Site no more", "r")]})
    await rig.simulator.opens_link("demo", ANA, "Site")
    await rig.simulator.dials("demo", ANA, "Call")
    taps = [(event.value, event.kind) for event in rig.events() if isinstance(event, ButtonPressed)]
    assert taps == [("open", "action"), ("dial", "action")]
    assert rig.simulator.opened("demo", ANA) == ["https://e.x", "tel:+44-12"]
    for label, verb in (("Call", rig.simulator.opens_link), ("Site", rig.simulator.dials)):
        with pytest.raises(NotOnScreenError, match=label):
            await verb("demo", ANA, label)
    with pytest.raises(NotOnScreenError, match="Site no more"):
        await rig.simulator.opens_link("demo", ANA, "Site no more")
    assert rig.simulator.opened("demo", BOB) == []


async def test_where_a_person_arrives_rides_on_all_they_do_and_what_a_link_carries_once(rig: Rig) -> None:
    entry = gbm.Entry(
        entry_point="WEB_WIDGET",
        near_place_id="ChIJ2",
        custom_context="spring",
        widget_url="https://shop.example/",
        widget_context="cart=3",
        resolved_locale="de",
        device_locale="de-AT",
    )
    await rig.simulator.arrives("demo", ANA, entry)
    await rig.simulator.says("demo", ANA, "one")
    await rig.simulator.types("demo", ANA)
    first, second = rig.events()
    assert gbm.entry_of(first) == entry
    assert gbm.entry_of(second) == replace(entry, custom_context="")
    assert (first.locale, first.user.name) == ("de", "Ana")


async def test_anything_can_be_told_in_the_usual_envelope(rig: Rig) -> None:
    feedback = {"message": f"conversations/{rig.talk}/messages/m", "rating": "GOOD"}
    await rig.simulator.emits("demo", ANA, feedbackResponse=feedback)
    await rig.simulator.emits("demo", ANA, tomorrow={"a": 1}, requestId=None, context=None)
    given, new = rig.events()
    assert (given.message_id, given.rating, gbm.entry_of(given).entry_point) == ("m", "GOOD", "PLACESHEET")
    assert (new.kind, sorted(new.raw)) == ("tomorrow", ["agent", "conversationId", "sendTime", "tomorrow"])


async def test_who_leaves_cannot_be_written_to_until_they_return(rig: Rig) -> None:
    await rig.simulator.leaves("demo", ANA)
    gone = await rig.say(Text(text="Hello?"))
    assert (gone.outcome, gone.is_gone) == (Outcome.REFUSED, True)
    await rig.simulator.says("demo", ANA, "I am back")
    assert (await rig.say(Text(text="Welcome"))).outcome is Outcome.SENT


async def test_the_same_name_is_the_same_person_on_every_start(rig: Rig) -> None:
    assert Rig().talk == rig.talk
    assert rig.simulator.conversation_id("demo", BOB) != rig.talk


# --- remarks


def remarks(rig: Rig) -> list[tuple[str, str]]:
    assert {remark.conversation for remark in rig.simulator.remarks} <= {rig.talk}
    return [(remark.kind, remark.detail) for remark in rig.simulator.remarks]


async def test_a_fallback_that_was_shown_is_remarked_on(rig: Rig) -> None:
    rig.simulator.limit_device("demo", ANA, "suggestions")
    await rig.post(TEXT | {"suggestions": [reply()], "fallback": "Reply b"})
    await rig.post(TEXT | {"messageId": "n", "fallback": "not needed"})
    assert remarks(rig) == [("fallback_shown", "m")]


HUMAN = {"representative": {"representativeType": "HUMAN", "displayName": "Maja"}}
BOT = {"representative": {"representativeType": "BOT", "displayName": "Robi"}}


async def test_a_person_who_writes_without_having_joined_is_remarked_on(rig: Rig) -> None:
    await rig.post(TEXT | BOT)
    assert (await rig.post(TEXT | HUMAN | {"messageId": "1"})).status_code == 200
    assert remarks(rig) == [("unannounced_person", "1")]


async def test_a_person_may_write_between_joining_and_leaving(rig: Rig) -> None:
    await rig.post({"eventType": "REPRESENTATIVE_JOINED"} | HUMAN, "events", eventId="1")
    await rig.post(TEXT | HUMAN | {"messageId": "1"})
    assert remarks(rig) == []
    await rig.post({"eventType": "REPRESENTATIVE_LEFT"} | HUMAN, "events", eventId="2")
    await rig.post(TEXT | HUMAN | {"messageId": "2"})
    assert remarks(rig) == [("unannounced_person", "2")]


async def test_a_bot_that_joins_announces_no_person(rig: Rig) -> None:
    await rig.post({"eventType": "REPRESENTATIVE_JOINED"} | BOT, "events", eventId="1")
    await rig.post(TEXT | HUMAN)
    assert remarks(rig) == [("unannounced_person", "m")]


async def test_a_bot_that_joins_or_leaves_does_not_send_the_person_away(rig: Rig) -> None:
    await rig.post({"eventType": "REPRESENTATIVE_JOINED"} | HUMAN, "events", eventId="1")
    await rig.post({"eventType": "REPRESENTATIVE_JOINED"} | BOT, "events", eventId="2")
    await rig.post({"eventType": "REPRESENTATIVE_LEFT"} | BOT, "events", eventId="3")
    await rig.post(TEXT | HUMAN)
    assert remarks(rig) == []


async def test_who_asks_for_a_person_and_hears_nothing_is_remarked_on_once(rig: Rig) -> None:
    await rig.simulator.asks_for_agent("demo", ANA)
    await rig.post({"eventType": "TYPING_STARTED"}, "events", eventId="1")
    rig.clock.advance(seconds=PATIENCE - 1)
    assert remarks(rig) == []
    rig.clock.advance(seconds=2)
    assert remarks(rig) == remarks(rig) == [("unanswered_request", "")]


@pytest.mark.parametrize(
    ("path", "body", "query"),
    [
        ("messages", TEXT, {}),
        ("events", {"eventType": "REPRESENTATIVE_JOINED"} | HUMAN, {"eventId": "1"}),
    ],
)
async def test_a_word_or_a_person_answers_who_asked_unless_it_comes_late(
    rig: Rig, path: str, body: Json, query: dict[str, str]
) -> None:
    await rig.simulator.asks_for_agent("demo", ANA)
    await rig.post(body, path, **query)
    rig.clock.advance(seconds=PATIENCE + 1)
    assert remarks(rig) == []
    await rig.simulator.asks_for_agent("demo", ANA)
    rig.clock.advance(seconds=PATIENCE + 1)
    await rig.post(body | {"messageId": "n"} if path == "messages" else body, path, **query | {"eventId": "2"})
    assert remarks(rig) == [("unanswered_request", "")]


# --- wire, memory


async def test_calls_can_be_made_to_fail_in_googles_words(rig: Rig) -> None:
    rig.simulator.fails(500, 503)
    answers = [await rig.post(TEXT) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [500, 503, 200]
    assert answers[1].json() == error(503, "UNAVAILABLE", "Simulated.")


async def test_a_snapshot_of_before_surveys_and_remarks_is_taken_up(rig: Rig) -> None:
    body = b64encode(b'{"a":1}').decode()
    chat = {"id": rig.talk, "ta": "demo", "person": {"name": "Ana", "locale": "sl"}, "is_open": True}
    delivery = {"name": "message", "body": body, "made_at": rig.clock.timestamp(), "due_at": 0.0, "tries": 1}
    rig.simulator.restore(msgspec.json.encode({"chats": {rig.talk: chat}, "pending": {"demo": [delivery]}}))
    assert await rig.simulator.redeliver() == 1
    assert rig.posts[0].body == b'{"a":1}'
    assert rig.simulator.remarks == []


async def test_a_snapshot_keeps_remarks_surveys_and_where_people_came_from(rig: Rig) -> None:
    await rig.simulator.arrives("demo", ANA, gbm.Entry(entry_point="MAPS"))
    await rig.post(TEXT | HUMAN)
    await rig.post({}, "surveys", surveyId="s")
    later = Rig()
    later.simulator.restore(rig.simulator.snapshot())
    assert later.simulator.remarks == rig.simulator.remarks
    await later.simulator.answers_survey("demo", ANA, "VERY_SATISFIED")
    await later.simulator.says("demo", ANA, "hm")
    events = later.events()
    assert [type(event).__name__ for event in events][-2:] == ["SurveyAnswered", "MessageReceived"]
    assert gbm.entry_of(events[-1]).entry_point == "MAPS"


async def test_a_fault_before_forgets_the_call_and_one_after_carries_it_out(rig: Rig) -> None:
    rig.simulator.wire.faults.append(Fault(500, b"before", {"X-Fault": "1"}))
    rig.simulator.wire.faults.append(Fault(500, b"after", before=False))
    before = await rig.post({"messageId": "1", "text": "forgotten"})
    assert (before.status_code, before.content, before.headers["X-Fault"]) == (500, b"before", "1")
    assert (await rig.post({"messageId": "2", "text": "kept"})).content == b"after"
    assert [bubble.text for bubble in rig.simulator.screen("demo", ANA)] == ["hello", "kept"]


async def test_a_dropped_connection_gives_no_answer_and_is_logged_without_a_status(rig: Rig) -> None:
    rig.simulator.wire.faults.append(Fault(drop=True, hang=0.001, before=False))
    with pytest.raises(httpx.ReadError):
        await rig.post(TEXT)
    assert rig.simulator.wire.calls("messages")[-1].status == 0
    assert rig.simulator.screen("demo", ANA)[-1].text == "hi"


async def test_the_wire_shows_both_directions_and_no_credentials(rig: Rig) -> None:
    await rig.say(Text(text="hi"))
    await rig.simulator.says("demo", ANA, "thanks")
    await rig.simulator.verifies("demo")
    log = list(rig.simulator.wire)
    assert [exchange.name for exchange in log[-7:]] == [
        *("token", "messages"),
        *("receipts", "receipts", "message"),
        *("verify", "verify"),
    ]
    assert {exchange.account for exchange in log if exchange.name == "messages"} == {"demo"}
    secrets = [secret.reveal() for secret in rig.adapter.secrets()]
    assert not any(secret in str(msgspec.json.encode(log)) for secret in secrets)


async def test_a_snapshot_keeps_people_screens_and_undelivered_payloads(rig: Rig) -> None:
    await rig.say(Text(text="Sure?", buttons=((Button("Yes", "y"),),)))
    rig.answers.append(503)
    await rig.simulator.redeliver()
    later = Rig()
    later.simulator.restore(rig.simulator.snapshot())
    assert later.simulator.screen("demo", ANA) == rig.simulator.screen("demo", ANA)
    later.clock.advance(seconds=2)
    assert await later.simulator.redeliver() == 2
    assert [type(event) for event in later.events()] == [MessageDelivered, MessageSeen]
    await later.simulator.taps("demo", ANA, "Yes")
    assert later.events()[0].value == "y"
    assert (await later.say(Text(text="again"))).reason == "409 ALREADY_EXISTS"


async def test_a_pending_delivery_of_an_account_that_is_gone_is_kept(rig: Rig) -> None:
    rig.answers.append(503)
    await rig.simulator.says("demo", ANA, "hello")
    bare = BusinessMessagesSimulator(Clock())
    bare.restore(rig.simulator.snapshot())
    assert await bare.redeliver() == 0
    assert bare.snapshot() == rig.simulator.snapshot()


async def test_every_change_is_announced(rig: Rig) -> None:
    changes: list[bytes] = []
    rig.simulator.on_change = lambda: changes.append(rig.simulator.snapshot())
    await rig.simulator.opens("demo", BOB)
    await rig.post(TEXT)
    await rig.simulator.leaves("demo", BOB)
    assert len(set(changes)) == 3
    assert changes[-1] == rig.simulator.snapshot()


async def test_a_redelivery_without_anything_due_announces_no_change(rig: Rig) -> None:
    changes: list[bool] = []
    rig.simulator.on_change = lambda: changes.append(True)
    await rig.simulator.redeliver()
    assert changes == []


async def test_what_a_person_does_is_announced_before_it_is_delivered(rig: Rig) -> None:
    changes: list[int] = []
    rig.simulator.on_change = lambda: changes.append(len(rig.posts))
    await rig.simulator.says("demo", ANA, "hello")
    assert changes == [0, 1]


async def test_an_account_needs_credentials_and_an_agent(rig: Rig) -> None:
    for account in (Viber(ta="v"), BusinessMessages(ta="x")):
        with pytest.raises(TypeError, match="simulated"):
            rig.simulator.add_account(account)


async def test_the_accounts_grants_follow_the_simulators_clock(rig: Rig) -> None:
    rig.clock.advance(days=25)
    assert (await rig.say(Text(text="hi"))).outcome is Outcome.SENT
