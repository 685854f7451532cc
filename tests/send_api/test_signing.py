"""Reports to programs are signed as Standard Webhooks says, also while a secret is being replaced."""

import hmac
from base64 import b64decode, b64encode

import pytest

from botkit.exceptions import SettingsError
from botkit.redaction import Secret
from botkit.send_api.signing import new_secret, read_secrets, signed

# The example of the specification's own libraries.
SECRET = Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
BODY = b'{"test": 2432232314}'


def test_the_signature_is_that_of_the_specification() -> None:
    headers = signed("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, BODY, [SECRET])
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_two_secrets_make_two_signatures() -> None:
    new = Secret(new_secret())
    signatures = signed("m1", 1614265330, BODY, [new, SECRET])["webhook-signature"].split(" ")
    key = b64decode(new.reveal().removeprefix("whsec_"))
    expected = b64encode(hmac.digest(key, b"m1.1614265330." + BODY, "sha256")).decode()
    assert signatures[0] == f"v1,{expected}"
    assert len(set(signatures)) == 2


@pytest.mark.parametrize("size", [24, 64])
def test_a_secret_of_the_right_length_is_read(size: int) -> None:
    text = "whsec_" + b64encode(b"k" * size).decode()
    assert [secret.reveal() for secret in read_secrets(f"{text}  {text}", "X")] == [text, text]


@pytest.mark.parametrize("text", [b64encode(b"k" * 23).decode(), b64encode(b"k" * 65).decode(), "whsec_?", "olena"])
def test_any_other_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_secrets(text, "BOTKIT_X")
    assert "BOTKIT_X" in refused.value.what
    assert text not in str(refused.value)


def test_no_secret_is_none() -> None:
    assert list(read_secrets("", "X")) == []
