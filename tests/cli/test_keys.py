"""`botkit keys`: a fresh key works once its line is written down, and is nowhere else."""

import json
import tomllib
from pathlib import Path

import pytest

from botkit.send_api.keys import load_keyring, parse_line
from tests.cli.conftest import Run


def test_a_fresh_key_works_once_its_line_is_in_the_file(run: Run, project: Path) -> None:
    options = ("--scope", "send", "--scope", "read", "--account", "shop-viber", "--account", 'a "b" \\c')
    made = json.loads(run("keys", "new", "shop", *options, "--json").out)
    path = project / "keys.toml"
    path.write_text(made["line"] + "\n")
    found = load_keyring(path=path).find(made["key"])
    assert found is not None
    assert (found.name, found.scopes) == ("shop", frozenset({"send", "read"}))
    assert found.accounts == {"shop-viber", 'a "b" \\c'}
    assert made["item"] == "", "the setting has no place for accounts"
    assert made["key"] not in path.read_text()


def test_a_fresh_key_works_once_it_is_in_the_setting(run: Run) -> None:
    made = json.loads(run("keys", "new", "shop", "--scope", "bulk", "--json").out)
    (found,) = parse_line(made["item"])
    assert load_keyring(made["item"]).find(made["key"]) == found
    assert found.scopes == {"bulk"}


def test_a_key_with_an_address_for_reports_has_a_secret_that_signs_them(run: Run, project: Path) -> None:
    url = "https://shop.example.org/reports"
    made = json.loads(run("keys", "new", "shop", "--scope", "send", "--callback", url, "--json").out)
    path = project / "keys.toml"
    path.write_text(made["line"] + "\n")
    found = load_keyring(path=path).find(made["key"])
    assert found is not None
    assert found.callback_url == url
    assert [secret.reveal() for secret in found.callback_secrets] == [made["callback_secret"]]
    assert made["item"] == "", "the setting has no place for addresses"
    assert "secret" in run("keys", "new", "shop", "--scope", "send", "--callback", url).out


def test_people_see_the_key_once_and_both_ways_to_write_it_down(run: Run) -> None:
    done = run("keys", "new", "shop", "--scope", "send")
    assert done.code == 0
    lines = [line.strip() for line in done.out.splitlines()]
    key, line, item = lines[1], lines[4], lines[6]
    assert load_keyring(item).find(key)
    assert tomllib.loads(line)["shop"]["scopes"] == ["send"]
    assert done.out.count(key) == 1


@pytest.mark.parametrize(
    "args",
    [
        ("a shop", "--scope", "send"),
        ("shop",),
        ("shop", "--scope", "write"),
        ("shop", "--scope", "send", "--callback", "shop"),
    ],
    ids=["name", "none", "scope", "address"],
)
def test_what_cannot_be_meant_is_a_usage_error(run: Run, args: tuple[str, ...]) -> None:
    assert run("keys", "new", *args).code == 2


def test_the_list_tells_who_may_do_what(run: Run, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no keys" in run("keys", "list").out
    made = json.loads(run("keys", "new", "shop", "--scope", "send", "--scope", "read", "--json").out)
    other = json.loads(run("keys", "new", "till", "--scope", "bulk", "--account", "till-sms", "--json").out)
    (project / "keys.toml").write_text(other["line"])
    monkeypatch.setenv("BOTKIT_API_KEYS", made["item"])
    monkeypatch.setenv("BOTKIT_API_KEYS_FILE", "keys.toml")
    done = run("keys", "list")
    assert [line.split() for line in done.out.splitlines()[1:]] == [
        ["shop", "send", "read", "all", "-", "-"],
        ["till", "bulk", "till-sms", "-", "-"],
    ]
    assert [row["name"] for row in json.loads(run("keys", "list", "--json").out)] == ["shop", "till"]


def test_a_file_of_another_form_is_a_fault_of_the_settings(
    run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "keys.toml").write_text("shop = {}")
    monkeypatch.setenv("BOTKIT_API_KEYS_FILE", "keys.toml")
    done = run("keys", "list")
    assert done.code == 3
    assert "key shop" in done.err
