"""Paces: what they guarantee, what a service's setting makes of them, and what is no pace."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.adapter import Adapter
from botkit.channels.gbm import BusinessMessages
from botkit.channels.telegram import Telegram
from botkit.channels.viber import Viber
from botkit.conversation import Account, Conversation
from botkit.exceptions import SettingsError
from botkit.pace import Pace, Paces, read_paces

paces = st.builds(
    lambda limit, share, seconds: Pace(limit, seconds, round(limit * share)),
    st.integers(1, 60),
    st.floats(0, 1),
    st.floats(0.5, 100),
)


def let_through(pace: Pace, gaps: Sequence[float]) -> list[float]:
    """Returns when messages go out that are tried after these gaps."""
    now, used_until, sent = 1000.0, 0.0, []
    for gap in gaps:
        now += gap
        if not pace.wait(used_until, now):
            sent.append(now)
            used_until = max(used_until, now) + pace.interval
    return sent


@given(paces, st.lists(st.floats(0, 3), max_size=300), st.floats(0.1, 10))
def test_in_any_window_no_more_go_out_than_the_limit(pace: Pace, gaps: Sequence[float], scale: float) -> None:
    sent = let_through(pace, [gap * scale for gap in gaps])
    for first, last in zip(sent, sent[pace.limit :], strict=False):
        assert last - first >= pace.seconds - 1e-5


@given(paces)
def test_a_burst_goes_out_at_once_and_no_more(pace: Pace) -> None:
    assert len(let_through(pace, [0.0] * 100)) == pace.at_once


@given(paces, st.floats(1, 1000))
def test_after_the_time_it_is_told_a_message_goes_out(pace: Pace, ahead: float) -> None:
    used_until = 1000 + min(ahead, pace.at_once * pace.interval)
    wait = pace.wait(used_until, 1000)
    assert pace.wait(used_until, 1000 + wait) == pytest.approx(0, abs=1e-6)


def test_without_a_burst_a_fifth_of_the_limit_goes_out_at_once_and_at_least_one() -> None:
    assert [Pace(limit, 1).at_once for limit in (1, 9, 10, 30)] == [1, 1, 2, 6]


@pytest.mark.parametrize(
    ("limit", "seconds", "burst"), [(0, 1, 0), (1, 0, 0), (1, -1, 0), (1, float("inf"), 0), (1, 1, 2), (1, 1, -1)]
)
def test_what_is_no_pace_is_refused(limit: int, seconds: float, burst: int) -> None:
    with pytest.raises(ValueError, match="a pace needs"):
        Pace(limit, seconds, burst)


# --- the services' own, and the settings ---

DEFAULT = Paces(account=Pace(30, 1), chat=Pace(1, 1), group=Pace(20, 60), broadcast=Pace(500, 10))


def read(**environ: str) -> Paces:
    return read_paces("SHOP", {f"SHOP_{name}": text for name, text in environ.items()}, DEFAULT)


def test_without_a_setting_the_service_s_own_paces_hold() -> None:
    assert read() == read(RATE=" ", CHAT_RATE="") == DEFAULT


@pytest.mark.parametrize(
    ("text", "pace"), [("5", Pace(5, 1)), ("0.5", Pace(1, 2)), ("2.5", Pace(2, 0.8)), ("1000000", Pace(1000000, 1))]
)
def test_a_rate_is_so_many_messages_a_second(text: str, pace: Pace) -> None:
    assert read(RATE=text) == Paces(pace, DEFAULT.chat, DEFAULT.group, DEFAULT.broadcast)
    assert read(CHAT_RATE=text) == Paces(DEFAULT.account, pace, DEFAULT.group, DEFAULT.broadcast)


def test_a_rate_of_0_is_no_limit() -> None:
    assert read(RATE="0").account is None
    assert (read(CHAT_RATE="0").chat, read(CHAT_RATE="0").group) == (None, None)


@pytest.mark.parametrize("text", ["fast", "-1", "nan", "inf", "1e9", "0.00001", "1000001", "5/s"])
@pytest.mark.parametrize("name", ["RATE", "CHAT_RATE"])
def test_a_rate_of_a_wrong_form_is_told_with_its_setting(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=f"SHOP_{name} is not a number of messages a second"):
        read(**{name: text})


@pytest.mark.parametrize("channel", [Telegram, Viber, BusinessMessages])
def test_every_channel_reads_its_rates(channel: type[Adapter]) -> None:
    adapter = channel.from_env("SHOP", {"SHOP_RATE": "7", "SHOP_CHAT_RATE": "0"})
    assert (adapter.paces.account, adapter.paces.chat) == (Pace(7, 1), None)
    assert channel.from_env("SHOP", {}).paces == channel.paces


@pytest.mark.parametrize(
    ("place", "pace"),
    [
        ("10001", Pace(3, 1, burst=3)),
        ("10001@biz", Pace(3, 1, burst=3)),
        ("-1001", Pace(20, 61)),
        ("-1001/5", Pace(20, 61)),
        ("@parcels", Pace(20, 61)),
    ],
)
def test_telegram_takes_less_into_a_group_or_channel_than_into_a_private_chat(place: str, pace: Pace) -> None:
    telegram = Telegram(ta="shop")
    assert telegram.chat_pace(Conversation(Account("telegram", "shop"), place)) == pace
