"""Tokens that are wrong in one way each."""

import jwt
import pytest

from botkit.redaction import Secret
from botkit.simulators.mitto_tokens import spoil

NOW = 1_700_000_000
OWN = (Secret("own-0123456789abcdef0123456789abcdef"), Secret("old-0123456789abcdef0123456789abcdef"))
OTHER = (Secret("other-0123456789abcdef0123456789abcdef"),)
CLAIMS = {"nbf": NOW, "exp": NOW + 86_400, "sub": "m1", "purpose": "report"}
TOKEN = jwt.encode(CLAIMS, OWN[0].reveal(), algorithm="HS256")
URL = f"https://bot.test/report?ta=a%20b&token={TOKEN}"


def token(how: str) -> str:
    spoilt = spoil(URL, how, OWN, OTHER, NOW)
    assert spoilt.startswith("https://bot.test/report?ta=a+b&token=")
    return spoilt.partition("token=")[2]


def claims(found: str, key: str) -> dict[str, object]:
    return dict(jwt.decode(found, key, algorithms=["HS256"], options={"verify_exp": False, "verify_nbf": False}))


def test_an_address_stays_as_it_is_unless_it_is_to_be_spoilt_and_has_a_token() -> None:
    assert spoil(URL, "given", OWN, OTHER, NOW) == URL
    assert spoil("https://bot.test/report?ta=1", "expired", OWN, OTHER, NOW) == "https://bot.test/report?ta=1"


def test_a_missing_token_leaves_the_rest_of_the_address() -> None:
    assert spoil(URL, "missing", OWN, OTHER, NOW) == "https://bot.test/report?ta=a+b"


@pytest.mark.parametrize(
    ("how", "key", "changed"),
    [
        ("expired", OWN, {"nbf": NOW - 2 * 86_400, "exp": NOW - 86_400}),
        ("early", OWN, {"nbf": NOW + 86_400, "exp": NOW + 2 * 86_400}),
        ("other", OWN, {"sub": "another message"}),
        ("swapped", OTHER, {}),
    ],
)
def test_a_token_is_signed_by_the_newest_key_and_wrong_in_one_way(
    how: str, key: tuple[Secret, ...], changed: dict[str, object]
) -> None:
    assert claims(token(how), key[0].reveal()) == {**CLAIMS, **changed}


def test_an_endless_token_has_no_end() -> None:
    assert "exp" not in claims(token("endless"), OWN[0].reveal())


@pytest.mark.parametrize("how", ["altered", "foreign"])
def test_a_token_is_signed_by_no_known_key(how: str) -> None:
    for key in (*OWN, *OTHER):
        with pytest.raises(jwt.InvalidSignatureError):
            claims(token(how), key.reveal())


def test_an_unsigned_token_says_so_and_has_the_same_claims() -> None:
    found = token("unsigned")
    assert jwt.get_unverified_header(found)["alg"] == "none"
    assert jwt.decode(found, options={"verify_signature": False}) == CLAIMS
