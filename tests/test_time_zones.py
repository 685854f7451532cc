"""A number tells the time zones of its country, and nothing more."""

import pytest

from botkit.time_zones import find_zone, zones_of


def test_a_country_of_one_zone_has_that_one() -> None:
    assert zones_of("+385912345678") == ["Europe/Zagreb"]


def test_a_country_of_several_has_all_of_them() -> None:
    zones = zones_of("+79161234567")
    assert {"Europe/Kaliningrad", "Europe/Moscow", "Asia/Vladivostok"} <= set(zones)


@pytest.mark.parametrize("number", ["", "olena", "+80012345678", "+1"])
def test_what_has_no_country_has_no_zone(number: str) -> None:
    assert list(zones_of(number)) == []


def test_every_zone_of_the_table_is_known_here() -> None:
    for number in ("+385912345678", "+79161234567", "+12015550123", "+61412345678"):
        assert [find_zone(name).key for name in zones_of(number)] == list(zones_of(number))


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", "/etc/passwd", "Europe"])
def test_any_other_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not the name of a time zone"):
        find_zone(name)
