import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.figures import percentile, ratio

NUMBERS = st.lists(st.floats(0, 1e6), min_size=1, max_size=200)


@pytest.mark.parametrize(
    ("share", "value"),
    [(0, 1), (0.01, 1), (0.011, 2), (0.5, 50), (0.501, 51), (0.99, 99), (0.991, 100), (1, 100)],
)
def test_a_percentile_is_the_nearest_rank(share: float, value: int) -> None:
    assert percentile(list(range(100, 0, -1)), share) == value


@given(NUMBERS, st.floats(0, 1))
def test_a_percentile_is_a_value_that_the_share_does_not_exceed(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= round(share * len(values), 6)
    assert sum(value < found for value in values) <= share * len(values)


@pytest.mark.parametrize(("values", "share"), [([], 0.5), ([1], -0.1), ([1], 1.1)], ids=["none", "below", "above"])
def test_a_percentile_needs_values_and_a_share(values: list[float], share: float) -> None:
    with pytest.raises(ValueError, match="needs values"):
        percentile(values, share)


def test_a_ratio_is_taken_within_each_round() -> None:
    # In the second round the machine was three times slower for both.
    assert ratio([400, 120, 390], [100, 40, 100]) == 3.9


def test_rounds_that_differ_in_number_have_no_ratio() -> None:
    with pytest.raises(ValueError, match="shorter"):
        ratio([1, 2], [1])
