from datetime import UTC, datetime

import pytest

from botkit.exceptions import AddressError
from botkit.gateways.rapporto_types import KINDS, digits_for, read_instant


@pytest.mark.parametrize(
    ("written", "digits"),
    [
        ("72101234567", "72101234567"),
        ("+72101234567", "72101234567"),
        ("8-210-123-45-67", "72101234567"),
        ("82101234567", "72101234567"),
        ("8 (999) 000-11-22", "79990001122"),
        ("+8613912345678", "8613912345678"),
        ("8613912345678", "8613912345678"),
        ("+85512345678", "85512345678"),
        (" +79990001122 ", "79990001122"),
        ("1" * 11, "1" * 11),
        ("1" * 15, "1" * 15),
    ],
)
def test_a_number_is_read_as_rapporto_reads_it(written: str, digits: str) -> None:
    assert digits_for(written) == digits


@pytest.mark.parametrize(
    "written",
    ["9990001122", "1" * 16, "", "+", "SHOP", "+7999000112x", "7.999.000.11.22", "++79990001122", "٧٩٩٩٠٠٠١١٢٢"],
)
def test_what_is_no_number_of_11_to_15_digits_is_refused_and_not_repeated(written: str) -> None:
    with pytest.raises(AddressError) as raised:
        digits_for(written)
    assert not written.strip() or written not in raised.value.what


@pytest.mark.parametrize(
    ("kind", "asked", "found"),
    [
        ("TELEGRAM", 30, 31),
        ("TELEGRAM", 31, 31),
        ("TELEGRAM", 90.5, 91),
        ("TELEGRAM", 86_401, 86_400),
        ("SMS", 30, 60),
        ("SMS", 172_801, 172_800),
        ("WHATSAPP", 30, 86_400),
        ("WHATSAPP", 86_400, 86_400),
        ("WHATSAPP", 86_401, 172_800),
        ("WHATSAPP", 1_209_600, 604_800),
    ],
)
def test_a_life_time_is_the_shortest_allowed_that_is_no_shorter(kind: str, asked: float, found: int) -> None:
    ttl = KINDS[kind].ttl
    assert ttl is not None
    assert ttl.nearest(asked) == found
    assert ttl.admits(found)


@pytest.mark.parametrize("text", ["2025-03-03T11:02:09+0300", "2025-03-03T11:02:09+03:00", "2025-03-03T08:02:09-0000"])
def test_an_instant_is_read_with_and_without_a_colon(text: str) -> None:
    assert read_instant(text) == datetime(2025, 3, 3, 8, 2, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        *(None, "", 5, "soon", "2025-03-03", "2025-03-03T11:02:09", "2025-03-03T11:02:09Z"),
        *("2025-13-03T11:02:09+0300", "0001-01-01T00:00:00+0300", "9999-12-31T23:59:59-0300"),
    ],
)
def test_what_is_no_instant_is_none(value: object) -> None:
    assert read_instant(value) is None
