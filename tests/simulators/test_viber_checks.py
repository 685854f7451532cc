import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botkit.channels.viber_messages import FORBIDDEN
from botkit.simulators.viber_checks import check_message
from tests.simulators import viber_rig
from tests.simulators.viber_rig import ANA, CARD, Json, Rig, keyboard

rig = viber_rig.rig


LONG = "x" * 2001
FILE: Json = {"type": "file", "media": "https://m.test/a.pdf", "size": 10, "file_name": "a.pdf"}
AT_MOST = f"https://m.test/{'x' * 1985}"
PICTURE: Json = {"type": "picture", "media": "https://m.test/a.jpg"}
CAROUSEL: Json = {"type": "rich_media", "rich_media": CARD, "min_api_version": 7}
VIDEO: Json = {"type": "video", "media": "https://m.test/v.mp4", "size": 10}


@pytest.mark.parametrize(
    ("within", "beyond", "status"),
    [
        ({"sender": {"name": "x" * 28}}, {"sender": {"name": "x" * 29}}, 3),
        ({"sender": {"name": "x"}}, {"sender": {"name": ""}}, 4),
        ({"sender": {"name": "x"}}, {"sender": {}}, 4),
        ({"sender": {"name": "x"}}, {"sender": "x"}, 3),
        ({"text": "x" * 7000}, {"text": "x" * 7001}, 3),
        ({"text": "🙂" * 3500}, {"text": "🙂" * 3501}, 3),
        ({"text": "x"}, {"text": ""}, 4),
        ({"text": "x"}, {"text": 7}, 3),
        ({"type": "text"}, {"type": "hologram"}, 3),
        ({"tracking_data": "x" * 4096}, {"tracking_data": "x" * 4097}, 3),
        ({"min_api_version": 10}, {"min_api_version": 11}, 13),
        (
            {"type": "picture", "media": "https://m.test/a.PNG?x", "text": "x" * 768},
            {"type": "picture", "media": "https://m.test/a.png", "text": "x" * 769},
            3,
        ),
        (
            {"type": "picture", "media": "https://m.test/a.gif", "text": ""},
            {"type": "picture", "media": "https://m.test/a.webp"},
            3,
        ),
        ({"type": "url", "media": "https://m.test/"}, {"type": "url"}, 4),
        ({"type": "url", "media": "https://m.test/"}, {"type": "url", "media": "m.test"}, 3),
        (
            {"type": "url", "media": f"https://m.test/{'x' * 1985}"},
            {"type": "url", "media": f"https://m.test/{'x' * 1986}"},
            3,
        ),
        (FILE | {"size": 52_428_800}, FILE | {"size": 52_428_801}, 3),
        (FILE | {"size": "1"}, FILE | {"size": 0}, 3),
        (FILE | {"file_name": "x" * 256}, FILE | {"file_name": "x" * 257}, 3),
        (FILE | {"file_name": "exe"}, FILE | {"file_name": "a.EXE"}, 3),
        (FILE, {name: value for name, value in FILE.items() if name != "size"}, 4),
        (FILE, {name: value for name, value in FILE.items() if name != "file_name"}, 4),
        (VIDEO | {"size": 27_262_976}, VIDEO | {"size": 27_262_977}, 3),
        (VIDEO | {"duration": 180}, VIDEO | {"duration": 181}, 3),
        (
            {"type": "location", "location": {"lat": -90, "lon": "180"}},
            {"type": "location", "location": {"lat": -90.1, "lon": 180}},
            3,
        ),
        (
            {"type": "location", "location": {"lat": 90, "lon": -180}},
            {"type": "location", "location": {"lat": 90, "lon": "nan"}},
            3,
        ),
        ({"type": "location", "location": {"lat": 0, "lon": 0}}, {"type": "location"}, 4),
        (
            {"type": "contact", "contact": {"name": "x" * 28, "phone_number": "1" * 18}},
            {"type": "contact", "contact": {"name": "x" * 29, "phone_number": "1" * 18}},
            3,
        ),
        (
            {"type": "contact", "contact": {"name": "x", "phone_number": "1"}},
            {"type": "contact", "contact": {"name": "x", "phone_number": "1" * 19}},
            3,
        ),
        ({"type": "sticker", "sticker_id": 46105}, {"type": "sticker", "sticker_id": "cat"}, 3),
        ({"type": "sticker", "sticker_id": "46105"}, {"type": "sticker", "sticker_id": True}, 3),
        ({"type": "sticker", "sticker_id": 1}, {"type": "sticker", "sticker_id": 0}, 3),
        (
            {"type": "rich_media", "rich_media": CARD, "min_api_version": 2},
            {"type": "rich_media", "rich_media": CARD},
            14,
        ),
        (CAROUSEL | {"alt_text": "x" * 7000}, CAROUSEL | {"alt_text": "x" * 7001}, 3),
        (CAROUSEL, {"type": "rich_media", "min_api_version": 7}, 4),
        ({"sender": {"name": "x", "avatar": None}}, {"sender": {"name": "x", "avatar": "me.png"}}, 3),
        ({"sender": {"name": "x", "avatar": AT_MOST}}, {"sender": {"name": "x", "avatar": AT_MOST + "x"}}, 3),
        (PICTURE | {"thumbnail": AT_MOST}, PICTURE | {"thumbnail": AT_MOST + "x"}, 3),
        (PICTURE | {"thumbnail": None}, PICTURE | {"media": None}, 3),
        (PICTURE | {"text": None}, PICTURE | {"media": ""}, 4),
        (VIDEO | {"thumbnail": AT_MOST, "text": "x" * 768}, VIDEO | {"text": "x" * 769}, 3),
        (VIDEO | {"duration": None}, VIDEO | {"duration": -1}, 3),
        (VIDEO | {"size": 1}, VIDEO | {"size": 0}, 3),
        (VIDEO, {name: value for name, value in VIDEO.items() if name != "size"}, 4),
        (FILE | {"size": 1}, FILE | {"size": 10**400}, 3),
        (FILE | {"media": AT_MOST}, FILE | {"media": AT_MOST + "x"}, 3),
        ({"min_api_version": "1"}, {"min_api_version": 0}, 3),
        ({"min_api_version": None}, {"min_api_version": "new"}, 3),
        ({"tracking_data": None}, {"tracking_data": {}}, 3),
        ({"text": "x"}, {"type": "payment", "payment": {"type": "GooglePay"}}, 22),
        (
            {"type": "contact", "contact": {"name": "x", "phone_number": "1", "avatar": None}},
            {"type": "contact", "contact": {"name": "x"}},
            4,
        ),
    ],
)
async def test_a_field_is_taken_within_its_bound_and_refused_beyond(
    rig: Rig, within: Json, beyond: Json, status: int
) -> None:
    assert (await rig.sends(**within))["status"] == 0
    shown = rig.sees()
    refused = await rig.sends(**beyond)
    assert refused["status"] == status
    assert set(refused) == {"status", "status_message", "message_token", "chat_hostname"}
    assert rig.sees() == shown


@pytest.mark.parametrize(("field", "text"), [("receiver", "receiver is missing"), ("sender", "sender is missing")])
async def test_a_missing_field_is_named(rig: Rig, field: str, text: str) -> None:
    call = {
        "receiver": rig.simulator.conversation_id("demo", ANA),
        "sender": {"name": "D"},
        "type": "text",
        "text": "x",
    }
    del call[field]
    refused = await rig.asks("send_message", call)
    assert (refused["status"], refused["status_message"]) == (4, text)


async def test_a_message_needs_a_type_or_a_keyboard(rig: Rig) -> None:
    call = {"receiver": rig.simulator.conversation_id("demo", ANA), "sender": {"name": "D"}}
    assert (await rig.asks("send_message", call))["status"] == 4
    assert (await rig.asks("send_message", call | {"keyboard": keyboard({})}))["status"] == 0
    assert rig.simulator.screen("demo", ANA)[-1].choices[0][0].label == "X"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6) | st.sampled_from(["keyboard", "text", "reply"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Type", "Buttons", "Columns", "ActionBody", "lat", "name"]), inner, max_size=4
        )
    ),
    max_leaves=10,
)
fields = st.sampled_from(["type", "text", "keyboard", "location", "contact", "rich_media", "media", "min_api_version"])


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(fields, json_values))
def test_no_message_upsets_the_service(message: Json) -> None:
    async def send() -> Json:
        rig = Rig()
        await rig.registers()
        await rig.simulator.says("demo", ANA, "hi")
        try:
            return await rig.sends(**message)
        finally:
            await rig.close()

    assert asyncio.run(send())["status"] in (0, 3, 4, 13, 14)


@pytest.mark.parametrize("extension", sorted(FORBIDDEN))
def test_no_forbidden_format_passes(extension: str) -> None:
    message = FILE | {"sender": {"name": "Demo"}}
    assert check_message(message | {"file_name": f"a.{extension}"}) == "file_name has a forbidden format"
    assert check_message(message | {"file_name": f"a.{extension}.pdf"}) == ""
