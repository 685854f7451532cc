"""What may happen to a simulated service's callbacks on their way."""

import httpx
import pytest

from botkit.simulators.mail import Mail, Mishap


class Webhook:
    """Remembers what arrived, and answers in turn with 201, 202, ..."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.heard.append(request.content.decode())
        return httpx.Response(200 + len(self.heard), content=b"taken")


@pytest.fixture
def webhook() -> Webhook:
    return Webhook()


@pytest.fixture
def mail(webhook: Webhook) -> Mail:
    return Mail(httpx.MockTransport(webhook))


async def post(mail: Mail, text: str) -> int:
    response = await httpx.AsyncClient(transport=mail).post("https://bot.test/webhook", content=text)
    return response.status_code


async def test_without_a_mishap_a_callback_arrives_once_and_is_answered(mail: Mail, webhook: Webhook) -> None:
    assert (await post(mail, "a"), webhook.heard) == (201, ["a"])


async def test_the_service_waits_for_what_is_to_happen_after_a_callback(mail: Mail, webhook: Webhook) -> None:
    async def note() -> None:
        webhook.heard.append("handled")

    mail.after = note
    assert await post(mail, "a") == 201
    assert webhook.heard == ["a", "handled"]


async def test_what_is_lost_does_not_arrive_and_the_service_notices(mail: Mail, webhook: Webhook) -> None:
    mail.mishaps.append(Mishap.LOST)
    with pytest.raises(httpx.ConnectError):
        await post(mail, "a")
    assert webhook.heard == []


async def test_what_is_unanswered_arrived_and_the_service_cannot_know(mail: Mail, webhook: Webhook) -> None:
    mail.mishaps.append(Mishap.UNANSWERED)
    with pytest.raises(httpx.ReadError):
        await post(mail, "a")
    assert webhook.heard == ["a"]


async def test_what_is_doubled_arrives_twice_and_the_second_answer_counts(mail: Mail, webhook: Webhook) -> None:
    mail.mishaps.append(Mishap.DOUBLED)
    assert (await post(mail, "a"), webhook.heard) == (202, ["a", "a"])


@pytest.mark.parametrize(("backwards", "heard"), [(False, ["c", "a", "b"]), (True, ["c", "b", "a"])])
async def test_what_is_late_arrives_when_it_may_in_its_order_or_backwards(
    mail: Mail, webhook: Webhook, backwards: bool, heard: list[str]
) -> None:
    mail.mishaps += [Mishap.LATE, Mishap.LATE]
    assert [await post(mail, text) for text in "abc"] == [200, 200, 201]
    assert await mail.arrive(backwards=backwards) == [202, 203]
    assert (webhook.heard, await mail.arrive()) == (heard, [])


async def test_a_mishap_happens_to_one_callback(mail: Mail, webhook: Webhook) -> None:
    mail.mishaps.append(Mishap.DOUBLED)
    await post(mail, "a")
    await post(mail, "b")
    assert webhook.heard == ["a", "a", "b"]
