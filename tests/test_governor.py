"""When an account is left alone, and for how long; the time is a number that the tests set."""

import pytest

from botkit.conversation import Account
from botkit.governor import FAILURES, Governor

SHOP, HOTEL = Account("viber", "shop"), Account("viber", "hotel")


class Watch:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def governor(watch: Watch) -> Governor:
    return Governor(watch)


def fail(governor: Governor, times: int) -> None:
    for _ in range(times):
        governor.failed(SHOP)


def test_an_account_that_nothing_is_known_of_may_send(governor: Governor) -> None:
    assert governor.wait(SHOP) == 0


def test_a_429_rests_the_account_for_exactly_as_long_as_it_says(governor: Governor, watch: Watch) -> None:
    governor.pause(SHOP, 7)
    assert governor.wait(SHOP) == 7
    watch.seconds += 6.9
    assert governor.wait(SHOP) == pytest.approx(0.1)
    watch.seconds += 0.1
    assert governor.wait(SHOP) == 0
    assert governor.wait(SHOP) == 0, "after a 429 everybody may try, not one probe"


def test_a_429_rests_no_other_account(governor: Governor) -> None:
    governor.pause(SHOP, 7)
    assert governor.wait(HOTEL) == 0


def test_a_shorter_429_does_not_shorten_the_rest(governor: Governor) -> None:
    governor.pause(SHOP, 7)
    governor.pause(SHOP, 1)
    assert governor.wait(SHOP) == 7


def test_a_message_that_was_on_its_way_does_not_end_the_rest_of_a_429(governor: Governor) -> None:
    governor.pause(SHOP, 7)
    governor.worked(SHOP)
    assert governor.wait(SHOP) == 7


def test_nine_failures_in_a_row_change_nothing_and_the_tenth_rests_the_account(governor: Governor) -> None:
    fail(governor, FAILURES - 1)
    assert governor.wait(SHOP) == 0
    governor.failed(SHOP)
    assert governor.wait(SHOP) == 5
    assert governor.wait(HOTEL) == 0


def test_a_success_in_between_begins_the_count_anew(governor: Governor) -> None:
    fail(governor, FAILURES - 1)
    governor.worked(SHOP)
    fail(governor, FAILURES - 1)
    assert governor.wait(SHOP) == 0


def test_after_the_rest_one_probe_is_let_through(governor: Governor, watch: Watch) -> None:
    fail(governor, FAILURES)
    watch.seconds += 5
    assert governor.wait(SHOP) == 0
    assert governor.wait(SHOP) == 5, "the others wait for what becomes of the probe"


def test_each_failed_probe_doubles_the_rest_up_to_a_minute(governor: Governor, watch: Watch) -> None:
    fail(governor, FAILURES)
    rests = []
    for _ in range(6):
        rests.append(governor.wait(SHOP))
        watch.seconds += rests[-1]
        assert governor.wait(SHOP) == 0
        governor.failed(SHOP)
    assert rests == [5, 10, 20, 40, 60, 60]


def test_failures_that_were_on_their_way_when_the_rest_began_do_not_prolong_it(
    governor: Governor, watch: Watch
) -> None:
    fail(governor, FAILURES)
    watch.seconds += 1
    fail(governor, 20)
    assert governor.wait(SHOP) == 4


def test_a_probe_that_works_ends_the_rest_for_everybody(governor: Governor, watch: Watch) -> None:
    fail(governor, FAILURES)
    watch.seconds += 5
    assert governor.wait(SHOP) == 0
    governor.worked(SHOP)
    assert governor.wait(SHOP) == 0
    assert governor.wait(SHOP) == 0
    fail(governor, FAILURES - 1)
    assert governor.wait(SHOP) == 0


def test_a_probe_that_never_ends_is_followed_by_another(governor: Governor, watch: Watch) -> None:
    fail(governor, FAILURES)
    watch.seconds += 5
    assert governor.wait(SHOP) == 0
    watch.seconds += 5
    assert governor.wait(SHOP) == 0


def test_a_429_in_answer_to_a_probe_rests_the_account_as_long_as_it_says(governor: Governor, watch: Watch) -> None:
    fail(governor, FAILURES)
    watch.seconds += 5
    assert governor.wait(SHOP) == 0
    governor.pause(SHOP, 30)
    watch.seconds += 29
    assert governor.wait(SHOP) == 1
