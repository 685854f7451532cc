from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct

from botkit.exceptions import FlowError, RecordError
from botkit.flow_data import FlowData, annotated


class Size(Enum):
    SMALL = "s"
    LARGE = "l"


class Line(Struct, frozen=True):
    dish: str
    price: Decimal


def one(hint: Any, default: Any) -> FlowData:
    return FlowData("Order", {"value": hint}, {"value": default})


def test_annotated_names_are_data_in_the_order_written_inherited_ones_first() -> None:
    class Base:
        states: tuple[str, ...] = ()

    class Parent(Base):
        second: int = 0
        first: str = ""

    class Child(Parent):
        third: "list[str]" = []

    assert annotated(Child, Base) == {"second": int, "first": str, "third": list[str]}


def test_class_variables_private_names_and_names_of_the_base_are_no_data() -> None:
    class Base:
        version: ClassVar[int] = 1

    class Child(Base):
        version: int = 2  # type: ignore[misc]
        limit: ClassVar[int] = 3
        bare: ClassVar = 3
        _seen: bool = False
        plain = 4

    assert annotated(Child, Base) == {}


def test_an_annotation_that_names_what_is_not_there_is_told() -> None:
    class Child:
        size: "Sise" = 1  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(FlowError, match="Child has an annotation that cannot be read: name 'Sise'"):
        annotated(Child, object)


@pytest.mark.parametrize(
    ("hint", "default", "other"),
    [
        (str, "", "ї"),
        (int, 0, 10**30),
        (float, 0.0, 2),
        (bool, False, True),
        (datetime, datetime(2024, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, 12, 30, tzinfo=UTC)),
        (date, date(2024, 1, 1), date(2024, 2, 29)),
        (Decimal, Decimal("0.00"), Decimal("1.10")),
        (Size, Size.SMALL, Size.LARGE),
        (list[Line], [], [Line("soup", Decimal("3.50"))]),
        (dict[int, list[str]], {}, {1: ["a"]}),
        (Line | None, None, Line("soup", Decimal(3))),
        (Annotated[str, Meta(max_length=3)], "", "abc"),
    ],
)
def test_what_is_stored_is_read_again_as_it_was(hint: Any, default: Any, other: Any) -> None:
    data = one(hint, default)
    assert data.decode(data.encode({"value": other})) == {"value": other}
    assert data.decode(b"{}") == {"value": default}


@given(st.dictionaries(st.text(), st.lists(st.one_of(st.none(), st.integers(), st.text()))))
def test_any_values_of_the_type_are_read_again_as_they_were(value: dict[str, list[int | str | None]]) -> None:
    data = one(dict[str, list[int | str | None]], {})
    assert data.decode(data.encode({"value": value})) == {"value": value}


@pytest.mark.parametrize("default", [[], [1], {"a": [1]}, {}])
def test_a_default_that_can_be_changed_is_never_shared(default: Any) -> None:
    data = one(list[int] if isinstance(default, list) else dict[str, list[int]], default)
    assert data.new()["value"] == default
    assert data.new()["value"] is not data.new()["value"]
    assert data.new()["value"] is not default


@pytest.mark.parametrize(
    ("hint", "default", "value", "text"),
    [
        (str, "", 5, "Order.value must be str; it holds a value of type int that is not"),
        (int, 0, True, "must be int; it holds a value of type bool"),
        (str, "", None, "must be str; it holds a value of type NoneType"),
        (str, "", object(), "must be str; it holds a value of type object"),
        (list[str], [], ["a", 1], r"must be list\[str\]; it holds a value of type list"),
        (float, 0.0, float("nan"), "must be float"),
        (str, "", "\ud800", "must be str"),
        (int | None, None, "5", r"must be int \| None"),
    ],
)
def test_a_value_of_a_wrong_type_cannot_be_stored(hint: Any, default: Any, value: Any, text: str) -> None:
    with pytest.raises(FlowError, match=text):
        one(hint, default).encode({"value": value})


def test_a_name_without_a_default_is_refused() -> None:
    with pytest.raises(FlowError, match=r"Order\.value has no default"):
        FlowData("Order", {"value": str}, {})


def test_a_default_of_another_type_is_refused() -> None:
    with pytest.raises(FlowError, match=r"Order\.value must be str"):
        one(str, 5)


def test_a_type_that_cannot_be_stored_is_refused() -> None:
    class Odd:
        pass

    with pytest.raises(FlowError, match=r"Order\.value must be Odd"):
        one(Odd, Odd())
    with pytest.raises(FlowError, match="data that cannot be stored"):
        one(list[int] | set[int], [])


def test_a_dataclass_can_be_stored() -> None:
    @dataclass
    class Point:
        x: int = 0

    data = one(Point, Point())
    assert data.decode(data.encode({"value": Point(3)})) == {"value": Point(3)}


def test_names_that_the_data_no_longer_has_are_passed_over() -> None:
    assert one(str, "").decode(b'{"value":"a","gone":1}') == {"value": "a"}


def test_stored_data_that_does_not_fit_is_told_with_its_path() -> None:
    with pytest.raises(
        RecordError, match=r"stored data of Order does not fit: Expected `int`, got `str` - at `\$\.value\[0\]`"
    ):
        one(list[int], []).decode(b'{"value":["secret"]}')


@pytest.mark.parametrize("stored", [b'{"value":"secret words"}', b'{"value":"secret - at `$.secret` words"}'])
def test_what_a_person_wrote_is_not_in_the_error(stored: bytes) -> None:
    with pytest.raises(RecordError) as caught:
        one(Size, Size.SMALL).decode(stored)
    assert "invalid value at `$.value`" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("stored", [b"", b"{", b"[]", b"null", b'{"value":"\xff"}'])
def test_what_is_no_json_object_is_refused(stored: bytes) -> None:
    with pytest.raises(RecordError, match="stored data of Order does not fit"):
        one(str, "").decode(stored)
