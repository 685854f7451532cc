"""Who talks where, and the keys that stand for it in the store."""

import re

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from botkit.conversation import Account, Conversation, User, account_in, digest

SAFE = re.compile(r"[A-Za-z0-9._+=/@:#-]{1,96}")
any_text = st.text(st.characters(exclude_categories=()), max_size=200)
ACCOUNT = Account("viber", "demo")


def test_an_ordinary_conversation_has_a_readable_key() -> None:
    assert Conversation(ACCOUNT, "01234567890A=").key == "viber:demo:01234567890A="


def test_the_longest_readable_key_has_96_characters() -> None:
    longest = "x" * (96 - len("viber:demo:"))
    assert Conversation(ACCOUNT, longest).key == f"viber:demo:{longest}"
    assert Conversation(ACCOUNT, longest + "x").key.startswith("viber:#")


@pytest.mark.parametrize("strange", ["{tag}", "a*", "a b", "a\n", "a\0", "дім", "\udcff", "a|b", "a?", ""])
def test_an_id_with_any_other_character_is_hashed(strange: str) -> None:
    key = Conversation(ACCOUNT, f"{strange}!").key
    assert key == f"viber:#{digest(f'viber:demo:{strange}!')}"


def test_a_strange_account_id_is_hashed_as_well() -> None:
    assert Conversation(Account("viber", "a{b}"), "1").key.startswith("viber:#")


@given(any_text, any_text)
@example("", "")
@example("\ud800", "{")
def test_every_key_is_short_and_safe(ta: str, id: str) -> None:
    assert SAFE.fullmatch(Conversation(Account("gbm", ta), id).key)


@given(st.lists(any_text, min_size=2, max_size=2, unique=True))
def test_two_ids_never_share_a_key(ids: list[str]) -> None:
    one, other = (Conversation(ACCOUNT, id).key for id in ids)
    assert one != other


def test_a_digest_is_the_same_in_every_process() -> None:
    assert digest("viber|demo|1") == "RzKnp9xGVwQES1EOGEBHvA"


@given(any_text)
def test_a_digest_has_22_url_safe_characters(text: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", digest(text))


def test_a_conversation_names_its_channel() -> None:
    assert Conversation(ACCOUNT, "1").channel == "viber"


def test_who_and_where_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Conversation(ACCOUNT, "1").id = "2"  # type: ignore[misc]


def test_a_user_is_stored_without_what_is_not_known() -> None:
    assert msgspec.json.encode(User("1", name="Ana")) == b'{"id":"1","name":"Ana"}'


@given(any_text.filter(bool), any_text.filter(bool), any_text.filter(bool))
@example("viber", "shop:1", "a/b==")
def test_an_address_is_one_word_that_leads_back_to_the_conversation(channel: str, ta: str, id: str) -> None:
    conversation = Conversation(Account(channel, ta), id)
    assert re.fullmatch(r"[A-Za-z0-9._~@+=%-]+(:[A-Za-z0-9._~@+=%-]+){2}", conversation.address)
    assert Conversation.parse(conversation.address) == conversation


def test_an_ordinary_address_is_readable() -> None:
    assert Conversation(ACCOUNT, "01234567890A=").address == "viber:demo:01234567890A="


@pytest.mark.parametrize("strange", ["", "viber", "viber:demo", "viber:demo:", ":demo:1", "viber:demo:1:2"])
def test_what_is_no_address_is_refused_without_its_words(strange: str) -> None:
    with pytest.raises(ValueError, match="the address of a conversation is channel:account:id"):
        Conversation.parse(strange)


@pytest.mark.parametrize(
    ("conversation", "account"),
    [
        (Conversation(Account("viber", "shop"), "01234=="), Account("viber", "shop")),
        (Conversation(Account("viber", "shop"), "a:b"), Account("viber", "shop")),
        (Conversation(Account("viber", "shop"), "{"), None),
    ],
    ids=["plain", "with a colon", "hashed"],
)
def test_a_key_tells_the_account_unless_it_is_hashed(conversation: Conversation, account: Account | None) -> None:
    found = account_in(conversation.key)
    assert found == account if account else found.ta.startswith("#")
