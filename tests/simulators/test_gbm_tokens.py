from collections.abc import AsyncIterator

import pytest

from tests.simulators.gbm_rig import Json, Rig, grant_form, open_rig


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with open_rig() as rig:
        yield rig


async def test_a_good_grant_gets_a_token_that_expires(rig: Rig) -> None:
    response = await rig.api.post("/token", content=grant_form(rig.adapter))
    grant = response.json()
    assert (response.status_code, grant["expires_in"], grant["token_type"]) == (200, 3599, "Bearer")
    rig.api.headers["Authorization"] = f"Bearer {grant['access_token']}"
    assert (await rig.post({"messageId": "1", "text": "hi"})).status_code == 200
    rig.clock.advance(seconds=3599)
    assert (await rig.post({"messageId": "2", "text": "hi"})).status_code == 401


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"iss": "somebody@else.example"}, "invalid_grant"),
        ({"aud": "https://elsewhere.example/token"}, "invalid_grant"),
        ({"scope": "https://www.googleapis.com/auth/userinfo.email"}, "invalid_scope"),
        ({"exp": 1}, "invalid_grant"),
        ({"iat": 1}, "invalid_grant"),
        ({"iat": 4102444800, "exp": 4102448400}, "invalid_grant"),
        ({"iat": "now"}, "invalid_grant"),
        ({"iat": "1", "exp": "2"}, "invalid_grant"),
        ({"exp": None}, "invalid_grant"),
    ],
)
async def test_a_grant_with_a_wrong_claim_is_refused(rig: Rig, changes: Json, error: str) -> None:
    response = await rig.api.post("/token", content=grant_form(rig.adapter, **changes))
    assert (response.status_code, response.json()["error"]) == (400, error)
    assert response.json()["error_description"]


async def test_a_grant_of_another_kind_or_signature_is_refused(rig: Rig) -> None:
    form = grant_form(rig.adapter)
    for body, error in [
        (b"grant_type=refresh_token", "unsupported_grant_type"),
        (form[:-20] + b"A" * 20, "invalid_grant"),
        (form.partition(b"assertion=")[0] + b"assertion=nonsense", "invalid_grant"),
        (b"\xff", "unsupported_grant_type"),
    ]:
        response = await rig.api.post("/token", content=body)
        assert (response.status_code, response.json()["error"]) == (400, error)
