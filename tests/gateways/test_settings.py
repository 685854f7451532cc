"""The settings of gateways' accounts: what each form takes, and errors that name the setting alone."""

from collections.abc import Callable
from pathlib import Path

import pytest

from botkit.exceptions import SettingsError
from botkit.gateways.settings import MAX_ADDRESS, Settings, check_address, check_choice, named


def given(text: str) -> Settings:
    return Settings("SHOP", {"SHOP_NAME": text})


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(SettingsError) as raised:
        act()
    assert raised.value.fix
    return raised.value.what


def test_a_setting_is_called_by_its_prefix_and_an_argument_by_its_name() -> None:
    assert named("SHOP", "API_KEY") == "SHOP_API_KEY"
    assert named("", "API_KEY") == "api_key"


@pytest.mark.parametrize("text", ["", " ", "\t"])
def test_what_is_blank_is_not_set(text: str) -> None:
    settings = given(text)
    assert settings.text("NAME", "else") == "else"
    assert settings.flag("NAME", None) is None
    assert settings.whole("NAME", 7, least=5, most=9) == 7
    assert settings.words("NAME") == ()
    assert settings.secret("NAME") == ""


@pytest.mark.parametrize("text", ["1", "true", "Yes", " ON "])
def test_four_words_mean_yes(text: str) -> None:
    assert given(text).flag("NAME", otherwise=False) is True


@pytest.mark.parametrize("text", ["0", "false", "No", " OFF "])
def test_four_words_mean_no(text: str) -> None:
    assert given(text).flag("NAME", otherwise=True) is False


@pytest.mark.parametrize("text", ["2", "perhaps", "truth", "y"])
def test_any_other_word_is_neither(text: str) -> None:
    assert refused(lambda: given(text).flag("NAME", None)) == "SHOP_NAME is neither true nor false"


@pytest.mark.parametrize(("text", "number"), [("5", 5), ("100", 100), ("007", 7), ("0" * 30 + "99", 99)])
def test_a_whole_number_is_within_its_bounds(text: str, number: int) -> None:
    assert given(text).whole("NAME", None, least=5, most=100) == number


@pytest.mark.parametrize(
    "text", ["4", "101", "-5", "+5", "5.0", "five", "٥", "1" * 40, "0" * 12 + "101", "0" * 30 + "999999", "5\x00"]
)
def test_any_other_number_is_refused_however_it_is_written(text: str) -> None:
    error = refused(lambda: given(text).whole("NAME", None, least=5, most=100))
    assert error == "SHOP_NAME is no whole number from 5 to 100"


def test_words_have_commas_between_them() -> None:
    assert given(" a, b ,,c,").words("NAME") == ("a", "b", "c")


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from a file\n")
    assert Settings("SHOP", {"SHOP_KEY_FILE": str(tmp_path / "key")}).secret("KEY") == "from a file"
    assert "SHOP_KEY_FILE" in refused(lambda: Settings("SHOP", {"SHOP_KEY_FILE": str(tmp_path)}).secret("KEY"))


def test_a_choice_is_one_of_those_that_are_listed() -> None:
    check_choice("", "SHOP_VIA", ("", "sms", "viber"))
    assert refused(lambda: check_choice("canary", "SHOP_VIA", ("", "sms", "viber"))) == "SHOP_VIA is none of sms, viber"


@pytest.mark.parametrize("url", ["", "http://a", "https://a.example:8443/b", "https://" + "a" * (MAX_ADDRESS - 8)])
def test_an_address_is_of_the_web_or_nothing(url: str) -> None:
    check_address(url, "SHOP_URL")


@pytest.mark.parametrize(
    "url",
    [
        "a.example",
        "ftp://a",
        "https://",
        "https://a b",
        "https://a?canary",
        "https://a#canary",
        f"https://{'a' * 2041}",
    ],
)
def test_any_other_address_is_named_and_not_shown(url: str) -> None:
    error = refused(lambda: check_address(url, "SHOP_URL"))
    assert error == "SHOP_URL is not an http(s) address without a query, of at most 2048 characters"


def test_an_address_may_have_a_query_where_it_is_called_as_it_is() -> None:
    check_address("https://a?key=b", "SHOP_URL", takes_query=True)
    assert "at most 9 characters" in refused(lambda: check_address("https://ab", "SHOP_URL", most=9, takes_query=True))
