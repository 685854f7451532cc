"""Credentials come from the environment or from a file, or are made up, and no error shows one."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from botkit.credentials import made_up, read_secret
from botkit.exceptions import SettingsError
from botkit.redaction import Secret


@pytest.mark.parametrize("length", [1, 2, 31, 32, 40])
def test_made_up_credentials_have_the_length_asked_for(length: int) -> None:
    assert len(made_up(length)) == length
    assert set(made_up(length)) <= set("0123456789abcdef")


def test_made_up_credentials_differ() -> None:
    assert made_up() != made_up()


def test_a_secret_is_read_from_its_setting() -> None:
    assert read_secret("DEMO", "TOKEN", {"DEMO_TOKEN": " canary \n"}) == Secret("canary")


def test_a_secret_is_read_from_the_file_that_its_setting_names(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("canary\n")
    assert read_secret("DEMO", "TOKEN", {"DEMO_TOKEN_FILE": str(tmp_path / "token")}) == Secret("canary")


def test_the_setting_comes_before_the_file(tmp_path: Path) -> None:
    environ = {"DEMO_TOKEN": "canary", "DEMO_TOKEN_FILE": str(tmp_path / "missing")}
    assert read_secret("DEMO", "TOKEN", environ) == Secret("canary")


@pytest.mark.parametrize("environ", [{}, {"DEMO_TOKEN": " "}, {"DEMO_TOKEN_FILE": ""}, {"OTHER_TOKEN": "canary"}])
def test_no_setting_is_no_secret(environ: Mapping[str, str]) -> None:
    assert read_secret("DEMO", "TOKEN", environ) is None


def test_a_file_that_is_not_there_is_named_with_its_setting(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="DEMO_TOKEN_FILE names a file") as raised:
        read_secret("DEMO", "TOKEN", {"DEMO_TOKEN_FILE": str(tmp_path / "missing")})
    assert "No such file" in raised.value.what


def test_a_file_that_is_no_text_is_refused_without_a_word_of_it(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"canary\xff")
    with pytest.raises(SettingsError, match="DEMO_TOKEN_FILE") as raised:
        read_secret("DEMO", "TOKEN", {"DEMO_TOKEN_FILE": str(tmp_path / "token")})
    assert "canary" not in str(raised.value)
    assert raised.value.__cause__ is None
