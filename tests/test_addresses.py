"""Phone numbers: read as people write them, kept in E.164, and never taken for another kind of address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.addresses import country_of, digits_of, is_phone, parse_phone
from botkit.exceptions import AddressError


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("+385910000001", "+385910000001"),
        ("385910000001", "+385910000001"),
        ("+385 (91) 000-0001", "+385910000001"),
        (" +7 999 000.11/22 ", "+79990001122"),
        ("+8613912345678", "+8613912345678"),
    ],
)
def test_a_number_is_read_as_people_write_it(written: str, number: str) -> None:
    assert parse_phone(written) == number


def test_a_number_without_a_plus_may_be_one_of_a_country() -> None:
    assert parse_phone("8-999-000-11-22", country="RU") == "+79990001122"
    assert parse_phone("091 000 0001", country="HR") == "+385910000001"


@pytest.mark.parametrize(
    "wrong", ["", "+", "olena", "+385", "+38591000000000000", "01;ext=5", "+385910000001x2", "٣٨٥"]
)
def test_what_no_telephone_can_have_is_refused_and_not_repeated(wrong: str) -> None:
    with pytest.raises(AddressError) as refused:
        parse_phone(wrong)
    assert not wrong or wrong not in refused.value.what


def test_only_e164_counts_as_a_number() -> None:
    assert is_phone("+385910000001")
    assert not any(map(is_phone, ("385910000001", "+385 91 000 0001", "01234", "", "+38", "@olena")))


def test_gateways_are_given_the_digits() -> None:
    assert digits_of("+385910000001") == "385910000001"


@pytest.mark.parametrize(
    ("number", "country"),
    [("+385912345678", "HR"), ("+79161234567", "RU"), ("+12015550123", "US"), ("+80012345678", ""), ("olena", "")],
)
def test_a_number_tells_its_country(number: str, country: str) -> None:
    assert country_of(number) == country


@given(st.text(max_size=40))
def test_any_text_is_a_number_or_refused(text: str) -> None:
    try:
        number = parse_phone(text)
    except AddressError:
        return
    assert is_phone(number)
    assert parse_phone(number) == number
