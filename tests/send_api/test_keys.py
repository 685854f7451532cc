"""Keys of the send API: how they are written down, found, and refused where they are not written rightly."""

import json
from pathlib import Path

import pytest

from botkit.exceptions import SettingsError
from botkit.pace import Pace
from botkit.send_api.keys import ApiKey, Keyring, digest_of, load_keyring, new_key, parse_line, read_file
from botkit.send_api.signing import new_secret

DIGEST, OTHER = digest_of("bk_one"), digest_of("bk_two")


def key(name: str = "shop", digest: str = DIGEST, **options: object) -> ApiKey:
    return ApiKey(name=name, digest=digest, scopes=frozenset({"send"}), **options)  # type: ignore[arg-type]  # of tests


def test_a_fresh_key_is_found_by_its_digest_alone() -> None:
    fresh = new_key()
    ring = Keyring([key(), key("till", digest_of(fresh))])
    found = ring.find(fresh)
    assert found is not None
    assert found.name == "till"
    assert fresh not in repr(ring.keys)


def test_fresh_keys_differ_and_are_long() -> None:
    assert new_key() != new_key()
    assert len(new_key()) == 46


@pytest.mark.parametrize("presented", ["", "bk_on", "bk_one ", DIGEST, "\udcff", "é"])
def test_what_is_no_key_is_nobodys(presented: str) -> None:
    assert Keyring([key()]).find(presented) is None
    assert Keyring().find(presented) is None


def test_two_of_a_name_and_two_of_a_key_are_refused() -> None:
    with pytest.raises(SettingsError, match="share a name"):
        Keyring([key(), key(digest=OTHER)])
    with pytest.raises(SettingsError, match="the same key"):
        Keyring([key(), key("till")])


def test_a_key_may_use_its_accounts_or_all() -> None:
    assert key().may_use("anything")
    assert key(accounts=frozenset({"a"})).may_use("a")
    assert not key(accounts=frozenset({"a"})).may_use("b")


@pytest.mark.parametrize(
    ("rate", "pace"), [(0, None), (0.5, Pace(1, 2)), (1, Pace(1, 1)), (10, Pace(10, 1)), (2.5, Pace(2, 0.8))]
)
def test_a_rate_is_in_requests_a_second(rate: float, pace: Pace | None) -> None:
    assert key(rate=rate).pace == pace


# --- a line ---


def test_a_line_names_several() -> None:
    shop, till = parse_line(f"shop:{DIGEST}:send+read, till-2:{OTHER}:bulk,")
    assert (shop.name, shop.digest, shop.scopes) == ("shop", DIGEST, frozenset({"send", "read"}))
    assert (till.name, till.scopes) == ("till-2", frozenset({"bulk"}))
    assert parse_line("") == []


@pytest.mark.parametrize(
    "line",
    [
        "shop",
        "shop:bk_one:send",
        f"shop:{DIGEST}",
        f"shop:{DIGEST}:",
        f"shop:{DIGEST}:sned",
        f"shop:{DIGEST}:send+send",
        f"shop:{DIGEST}:send:x",
        f"shop:{DIGEST.upper()}:send",
        f"shop:{DIGEST[1:]}:send",
        f"a shop:{DIGEST}:send",
        f"{'s' * 65}:{DIGEST}:send",
        f":{DIGEST}:send",
    ],
)
def test_a_line_of_another_form_is_refused_without_repeating_it(line: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_line(f"till:{OTHER}:read,{line}")
    assert "number 2" in caught.value.what
    assert line not in str(caught.value).replace("name:sha256:scopes, as shop:<64 hex digits>:send+read", "")


# --- a file ---

SECRET = new_secret()

TOML = f"""
shop = {{ sha256 = "{DIGEST}", scopes = ["send", "read"] }}

[till]
sha256 = "{OTHER}"
scopes = ["bulk"]
accounts = ["till-viber"]
rate = 5
callback_url = "https://till.example.org/reports"
callback_secret = "{SECRET}"
"""


def written(folder: Path, text: str, name: str = "keys.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_file_says_more_than_a_line(tmp_path: Path) -> None:
    shop, till = read_file(written(tmp_path, TOML))
    assert shop == ApiKey(name="shop", digest=DIGEST, scopes=frozenset({"send", "read"}))
    assert (till.accounts, till.rate, till.callback_url) == (
        frozenset({"till-viber"}),
        5,
        "https://till.example.org/reports",
    )
    assert [secret.reveal() for secret in till.callback_secrets] == [SECRET]
    assert SECRET not in repr(till)
    assert Keyring([shop, till]).secrets() == [*till.callback_secrets]


def test_two_secrets_sign_while_one_replaces_the_other(tmp_path: Path) -> None:
    other = new_secret()
    text = f'shop = {{ sha256 = "{DIGEST}", scopes = ["send"], callback_secret = "{SECRET} {other}" }}'
    (shop,) = read_file(written(tmp_path, text))
    assert [secret.reveal() for secret in shop.callback_secrets] == [SECRET, other]
    assert shop.callback_url == "", "each request then names its own"


def test_a_file_may_be_json(tmp_path: Path) -> None:
    text = json.dumps({"shop": {"sha256": DIGEST, "scopes": ["send"]}})
    assert read_file(written(tmp_path, text, "keys.json")) == [key()]


def test_a_line_and_a_file_are_one_ring(tmp_path: Path) -> None:
    path = written(tmp_path, f'shop = {{ sha256 = "{DIGEST}", scopes = ["send"] }}')
    assert [each.name for each in load_keyring(f"till:{OTHER}:read", path).keys] == ["till", "shop"]
    assert load_keyring().keys == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("shop = canary", "no TOML"),
        ("shop = 'canary'", "key shop"),
        ("shop = {}", "key shop: Object missing required field `sha256`"),
        (f'shop = {{ sha256 = "{DIGEST}", scopes = [] }}', "key shop"),
        (f'shop = {{ sha256 = "{DIGEST}", scopes = ["sned"] }}', "key shop"),
        ('shop = { sha256 = "canary", scopes = ["send"] }', "key shop"),
        (f'shop = {{ sha256 = "{DIGEST}", scopes = ["send"], colour = "red" }}', "unknown field `colour`"),
        (f'shop = {{ sha256 = "{DIGEST}", scopes = ["send"], rate = -1 }}', "key shop"),
        (
            f'shop = {{ sha256 = "{DIGEST}", scopes = ["send"], callback_url = "https://a.b" }}',
            "needs a callback_secret",
        ),
        (f'shop = {{ sha256 = "{DIGEST}", scopes = ["send"], callback_secret = "canary" }}', "is not whsec_"),
        (f'shop = {{ sha256 = "{DIGEST}", scopes = ["send"], callback_secret = " " }}', "a secret is a text"),
        (f'shop = {{ sha256 = "{DIGEST}", scopes = ["send"], callback_secret = 1 }}', "a secret is a text"),
        (
            f'shop = {{ sha256 = "{DIGEST}", scopes = ["send"], callback_secret = "canary", callback_url = "x" }}',
            "callback_url is an address",
        ),
        (f'"a shop" = {{ sha256 = "{DIGEST}", scopes = ["send"] }}', "a name has up to 64"),
    ],
)
def test_a_file_of_another_form_is_refused_without_what_it_keeps_secret(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_file(written(tmp_path, text))
    assert said in str(caught.value)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("text", ["[]", "{", "[" * 100_000, "\xff"], ids=["list", "cut", "deep", "latin"])
def test_a_json_file_that_holds_no_table_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(SettingsError, match="BOTKIT_API_KEYS_FILE"):
        read_file(path)


def test_a_file_that_is_not_there_is_named_by_its_setting(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="BOTKIT_API_KEYS_FILE names a file that cannot be read"):
        read_file(tmp_path / "none.toml")
