import pytest

from botkit.gateways.smsc_errors import MEANINGS, Endpoint, Verdict, meaning_of
from botkit.gateways.smsc_formats import Refusal

# By endpoint, the codes that its documentation lists, each with what is to be done.
VERDICTS = {
    Endpoint.SEND: "1 refuse, 2 give up, 3 give up, 4 retry, 5 refuse, 6 refuse, 7 refuse, 8 refuse, 9 retry",
    Endpoint.STATUS: "1 refuse, 2 give up, 4 retry, 9 retry",
    Endpoint.CONTACTS: "1 refuse, 2 give up, 3 refuse, 4 retry, 5 retry, 9 retry",
    Endpoint.INBOX: "1 refuse, 2 give up, 3 refuse, 4 retry, 9 retry",
    Endpoint.BALANCE: "1 refuse, 2 give up, 4 retry, 9 retry",
}


@pytest.mark.parametrize("endpoint", list(Endpoint), ids=lambda endpoint: endpoint.name.lower())
def test_each_endpoint_has_meanings_of_its_own(endpoint: Endpoint) -> None:
    listed = (f"{code} {meaning.verdict.value}" for code, meaning in sorted(MEANINGS[endpoint].items()))
    assert ", ".join(listed) == VERDICTS[endpoint]


def test_the_same_number_is_another_error_elsewhere() -> None:
    words = {meaning_of(endpoint, Refusal(3)).words for endpoint in Endpoint}
    assert words == {"3 not enough money", "3 not found", "3 nothing found", "3 unknown error"}


@pytest.mark.parametrize(
    ("refusal", "seconds"), [(Refusal(9), 60), (Refusal(9, is_crowded=True), 1), (Refusal(9, retry_after=7), 7)]
)
def test_too_many_requests_wait_as_long_as_their_cause_needs(refusal: Refusal, seconds: float) -> None:
    meaning = meaning_of(Endpoint.CONTACTS, refusal)
    assert (meaning.verdict, meaning.seconds) == (Verdict.RETRY, seconds)


def test_an_error_that_nobody_has_told_of_is_a_refusal() -> None:
    assert meaning_of(Endpoint.SEND, Refusal(4711)).verdict is Verdict.REFUSE
