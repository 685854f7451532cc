from collections.abc import AsyncIterator
from typing import Any

import pytest

from botkit.simulators.gbm_files import MAX_AVATAR, MAX_IMAGE, MAX_THUMBNAIL, File
from tests.simulators.gbm_rig import TEXT, Json, Rig, card, open_rig

URL = "https://cdn.example/file"


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with open_rig() as rig:
        yield rig


def contents(**members: str) -> dict[str, Any]:
    return {"contentInfo": {"fileUrl": "https://cdn.example/other"} | members}


def carousel(media: Json) -> Json:
    cards = [{"title": "A"}, {"media": {"height": "SHORT"} | media}]
    return {"messageId": "m", "richCard": {"carouselCard": {"cardWidth": "SMALL", "cardContents": cards}}}


WHERE = [
    pytest.param({"messageId": "m", "image": contents(fileUrl=URL)}, MAX_IMAGE, id="image"),
    pytest.param({"messageId": "m", "image": contents(thumbnailUrl=URL)}, MAX_THUMBNAIL, id="thumbnail"),
    pytest.param(card(media={"height": "TALL"} | contents(fileUrl=URL)), MAX_IMAGE, id="card"),
    pytest.param(carousel(contents(thumbnailUrl=URL)), MAX_THUMBNAIL, id="carousel"),
    pytest.param(TEXT | {"representative": {"representativeType": "BOT", "avatarImage": URL}}, MAX_AVATAR, id="avatar"),
]


@pytest.mark.parametrize(("message", "most"), WHERE)
async def test_a_file_may_be_as_large_as_its_bound_and_no_larger(rig: Rig, message: Json, most: int) -> None:
    rig.simulator.files[URL] = File(size=most + 1)
    refused = await rig.post(message)
    assert (refused.status_code, refused.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert f"{most + 1} bytes, the maximum is {most}" in refused.json()["error"]["message"]
    rig.simulator.files[URL] = File(size=most)
    assert (await rig.post(message)).status_code == 200


@pytest.mark.parametrize(
    ("kind", "is_taken"),
    [("image/jpeg", True), ("image/jpg", True), ("image/png", True), ("image/gif", False), ("text/html", False)],
)
async def test_images_are_jpeg_or_png(rig: Rig, kind: str, is_taken: bool) -> None:
    rig.simulator.files[URL] = File(kind)
    response = await rig.post({"messageId": "m", "image": contents(fileUrl=URL)})
    assert response.status_code == (200 if is_taken else 400)


async def test_webp_is_taken_unless_it_is_switched_off(rig: Rig) -> None:
    rig.simulator.files[URL] = File("image/webp")
    message = {"messageId": "m", "image": contents(fileUrl=URL)}
    rig.simulator.takes_webp = False
    assert (await rig.post(message)).status_code == 400
    rig.simulator.takes_webp = True
    assert (await rig.post(message)).status_code == 200


async def test_the_picture_of_who_joins_is_checked_too(rig: Rig) -> None:
    rig.simulator.files[URL] = File(size=MAX_AVATAR + 1)
    human = {"representativeType": "HUMAN", "avatarImage": URL}
    body = {"eventType": "REPRESENTATIVE_JOINED", "representative": human}
    assert (await rig.post(body, "events", eventId="1")).status_code == 400


async def test_of_an_unknown_address_nothing_is_checked(rig: Rig) -> None:
    assert (
        await rig.post({"messageId": "m", "image": contents(fileUrl="https://cdn.example/a.gif")})
    ).status_code == 200
