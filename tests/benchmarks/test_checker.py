from hypothesis import given
from hypothesis import strategies as st

from benchmarks.checker import Checker, Verdict
from benchmarks.conversation import STEPS, reply

CHAT, OTHER = 1, 2


def expecting(*texts: str, chat: int = CHAT) -> Checker:
    checker = Checker()
    for at, text in enumerate(texts):
        checker.expect(chat, text, at)
    return checker


def test_replies_that_come_once_and_in_order_are_right() -> None:
    checker = expecting("a", "b")
    assert [checker.reply(CHAT, text) for text in "ab"] == [0, 1]
    assert checker.verdict() == Verdict(right=2, lost=0, double=0, wrong=0, reordered=0)
    assert checker.verdict().is_clean


def test_a_reply_that_never_comes_is_lost() -> None:
    checker = expecting("a", "b")
    checker.reply(CHAT, "b")
    assert checker.missing == 1
    assert checker.verdict() == Verdict(right=1, lost=1, double=0, wrong=0, reordered=0)
    assert not checker.verdict().is_clean


def test_a_reply_that_comes_again_is_double_and_answers_nothing() -> None:
    checker = expecting("a")
    checker.reply(CHAT, "a")
    assert checker.reply(CHAT, "a") is None
    assert checker.verdict() == Verdict(right=1, lost=0, double=1, wrong=0, reordered=0)


def test_a_reply_that_is_due_in_another_chat_is_wrong() -> None:
    checker = expecting("a")
    assert checker.reply(OTHER, "a") is None
    assert checker.verdict() == Verdict(right=0, lost=1, double=0, wrong=1, reordered=0)


def test_a_reply_that_nobody_is_due_is_wrong() -> None:
    checker = expecting("a")
    checker.reply(CHAT, "b")
    assert checker.verdict().wrong == 1


def test_a_reply_after_one_to_a_later_message_is_reordered() -> None:
    checker = expecting("a", "b", "c")
    for text in "acb":
        checker.reply(CHAT, text)
    assert checker.verdict() == Verdict(right=3, lost=0, double=0, wrong=0, reordered=1)


def test_replies_after_a_lost_one_are_not_reordered() -> None:
    checker = expecting("a", "b", "c")
    for text in "bc":
        checker.reply(CHAT, text)
    assert checker.verdict() == Verdict(right=2, lost=1, double=0, wrong=0, reordered=0)


def test_each_chat_has_an_order_of_its_own() -> None:
    checker = expecting("a", "b")
    checker.expect(OTHER, "a", 5)
    for chat, text in ((CHAT, "a"), (CHAT, "b"), (OTHER, "a")):
        checker.reply(chat, text)
    assert checker.verdict().is_clean


@given(st.permutations(range(6)), st.sets(st.integers(0, 5)))
def test_every_reply_is_counted_once(order: list[int], lost: set[int]) -> None:
    checker = expecting(*map(str, range(6)))
    arrived = [number for number in order if number not in lost]
    for number in arrived:
        checker.reply(CHAT, str(number))
    verdict = checker.verdict()
    assert (verdict.right, verdict.lost) == (len(arrived), len(lost))
    late = sum(any(earlier > number for earlier in arrived[:place]) for place, number in enumerate(arrived))
    assert verdict.reordered == late


def test_no_two_replies_of_a_chat_are_alike() -> None:
    replies = [reply(turn, step) for turn in range(50) for step in range(STEPS)]
    assert len(set(replies)) == len(replies)
