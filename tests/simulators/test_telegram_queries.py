"""What people of the simulated Telegram wait for: inline results, forms, sales, and how long they wait."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from botkit.simulators.simulator import Bubble, NotOnScreenError
from botkit.simulators.telegram import Group
from tests.simulators.telegram_desk import ANA, BO, Bot, opened_bot

TOO_OLD = "Bad Request: query is too old and response timeout expired or query ID is invalid"
PRICES = [{"label": "Tea", "amount": 100}]
SHIPPING = [{"id": "post", "title": "Post", "prices": [{"label": "Post", "amount": 50}]}]


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    async with opened_bot() as bot:
        yield bot


def article(name: str = "r", text: str = "found", **more: Any) -> dict[str, Any]:
    return {"type": "article", "id": name, "title": "R", "input_message_content": {"message_text": text}} | more


async def invoice(bot: Bot, **parameters: Any) -> None:
    sold = {"title": "Tea", "description": "A cup", "payload": "order-9", "currency": "EUR", "prices": PRICES}
    await bot.result("sendInvoice", **sold | {"provider_token": "p"} | parameters)


async def asked(bot: Bot, kind: str) -> dict[str, Any]:
    """Lets Ana ask something of a kind, and returns the call that answers it."""
    if kind == "inline":
        name = await bot.simulator.queries_inline("demo", ANA, "q")
        return {"method": "answerInlineQuery", "inline_query_id": name, "results": [article()]}
    if kind == "web app":
        name = await bot.simulator.opens_web_app("demo", ANA)
        return {"method": "answerWebAppQuery", "web_app_query_id": name, "result": article()}
    if kind == "guest":
        name = await bot.simulator.asks_as_guest("demo", ANA, Group("Others"), "?")
        return {"method": "answerGuestQuery", "guest_query_id": name, "result": article()}
    await invoice(bot, is_flexible=kind == "shipping")
    await bot.simulator.pays("demo", ANA)
    if kind == "shipping":
        [name] = bot.simulator.unanswered("demo", "shipping_query")
        return {"method": "answerShippingQuery", "shipping_query_id": name, "ok": True, "shipping_options": SHIPPING}
    [name] = bot.simulator.unanswered("demo", "pre_checkout_query")
    return {"method": "answerPreCheckoutQuery", "pre_checkout_query_id": name, "ok": True}


@pytest.mark.parametrize(
    ("kind", "seconds"), [("inline", 30), ("pre-checkout", 10), ("shipping", 150), ("web app", 150), ("guest", 150)]
)
async def test_a_query_of_each_kind_waits_so_long(bot: Bot, kind: str, seconds: int) -> None:
    answer = await asked(bot, kind)
    bot.clock.advance(seconds=seconds - 1)
    await bot.result(**answer)
    bot.clock.advance(seconds=1)
    assert await bot.refusal(**answer) == TOO_OLD


async def test_a_query_is_answered_by_its_own_method_only(bot: Bot) -> None:
    query = await bot.simulator.queries_inline("demo", ANA, "q")
    assert await bot.refusal("answerCallbackQuery", callback_query_id=query) == TOO_OLD
    assert bot.simulator.unanswered("demo", "inline_query") == [query]
    assert bot.simulator.unanswered("demo") == []


@pytest.mark.parametrize(
    ("parameters", "description"),
    [
        ({"results": [article(str(number)) for number in range(51)]}, "too many inline query results specified"),
        ({"results": [article(), article()]}, "RESULT_ID_DUPLICATE"),
        ({"results": [article("x" * 65)]}, "RESULT_ID_INVALID"),
        ({"results": [article("")]}, "RESULT_ID_INVALID"),
        ({"results": [article(text="")]}, "message text is empty"),
        ({"results": [article(text="x" * 4097)]}, "message is too long"),
        ({"results": [{"type": "x", "id": "1"}]}, "can't parse inline query result: type is unknown"),
        ({"results": [{"type": "photo", "id": "1"}]}, "can't parse inline query result: there is no photo"),
        ({"results": [{"type": "article", "id": "1"}]}, "message content of the inline query result is not specified"),
        ({"results": [article(reply_markup={"keyboard": [["A"]]})]}, "inline keyboard expected"),
        ({"results": [1]}, "can't parse results JSON object"),
        ({"results": [], "next_offset": "x" * 65}, "NEXT_OFFSET_INVALID"),
    ],
)
async def test_bad_results_are_refused(bot: Bot, parameters: dict[str, Any], description: str) -> None:
    query = await bot.simulator.queries_inline("demo", ANA, "q")
    assert await bot.refusal("answerInlineQuery", inline_query_id=query, **parameters) == f"Bad Request: {description}"


async def test_results_at_the_bounds_are_taken(bot: Bot) -> None:
    query = await bot.simulator.queries_inline("demo", ANA, "q")
    results = [article("x" * (number + 15)) for number in range(50)]
    await bot.result("answerInlineQuery", inline_query_id=query, results=results, next_offset="x" * 64)
    assert len(bot.simulator.inline_results("demo", ANA)) == 50


@pytest.mark.parametrize(
    ("result", "kind"),
    [
        ({"type": "photo", "photo_url": "https://a.example/b.png"}, "image"),
        ({"type": "gif", "gif_url": "https://a.example/b.gif"}, "animation"),
        ({"type": "location", "latitude": 1, "longitude": 2}, "location"),
        ({"type": "contact", "phone_number": "1", "first_name": "B"}, "contact"),
        ({"type": "article", "input_message_content": {"latitude": 1, "longitude": 2}}, "location"),
        ({"type": "article", "input_message_content": {"phone_number": "1", "first_name": "B"}}, "contact"),
        ({"type": "article", "input_message_content": {"message_text": "x"}}, "text"),
    ],
)
async def test_a_chosen_result_becomes_a_message_of_the_person(bot: Bot, result: dict[str, Any], kind: str) -> None:
    query = await bot.simulator.queries_inline("demo", ANA, "q")
    await bot.result("answerInlineQuery", inline_query_id=query, results=[result | {"id": "r"}])
    await bot.simulator.chooses_inline("demo", ANA, "r")
    assert bot.simulator.screen("demo", ANA)[-1].kind == kind
    [message], [chosen] = bot.told("message"), bot.told("chosen_inline_result")
    assert (message["via_bot"]["is_bot"], message["from"]["id"]) == (True, bot.chat_id())
    # Without a keyboard it cannot be changed later.
    assert chosen == {"result_id": "r", "from": message["from"], "query": "q"}


async def test_without_feedback_the_bot_does_not_learn_what_was_chosen(bot: Bot) -> None:
    bot.simulator.bot("demo").has_inline_feedback = False
    query = await bot.simulator.queries_inline("demo", ANA, "q")
    await bot.result("answerInlineQuery", inline_query_id=query, results=[article()])
    await bot.simulator.chooses_inline("demo", ANA, "r")
    assert bot.told("chosen_inline_result") == []


async def test_a_result_that_is_not_there_names_those_that_are(bot: Bot) -> None:
    query = await bot.simulator.queries_inline("demo", ANA, "q")
    with pytest.raises(NotOnScreenError, match="the bot gave none"):
        await bot.simulator.chooses_inline("demo", ANA, "x")
    await bot.result("answerInlineQuery", inline_query_id=query, results=[article()])
    with pytest.raises(NotOnScreenError, match="the bot gave r"):
        await bot.simulator.chooses_inline("demo", ANA, "x")


@pytest.mark.parametrize(("kind", "where"), [("web app", None), ("guest", Group("Others"))])
async def test_an_answer_with_a_result_is_a_message_in_the_chat(bot: Bot, kind: str, where: Group | None) -> None:
    name = (await bot.result(**await asked(bot, kind)))["inline_message_id"]
    assert bot.texts(where=where)[-1] == "found"
    await bot.call("editMessageText", inline_message_id=name, text="changed")
    assert bot.texts(where=where)[-1] == "changed"


async def test_an_answer_opens_only_addresses(bot: Bot) -> None:
    await bot.send(reply_markup={"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}]]})
    await bot.simulator.taps("demo", ANA, "Yes")
    [query] = bot.simulator.unanswered("demo")
    assert await bot.refusal("answerCallbackQuery", callback_query_id=query, url="x") == "Bad Request: URL_INVALID"
    await bot.result("answerCallbackQuery", callback_query_id=query, url="https://t.me/demo_bot?start=x")


async def test_a_sale_goes_from_the_invoice_to_the_payment(bot: Bot) -> None:
    await invoice(bot)
    await bot.simulator.taps("demo", ANA, "Pay 100 EUR")
    [question] = bot.told("pre_checkout_query")
    assert (question["total_amount"], question["currency"], question["invoice_payload"]) == (100, "EUR", "order-9")
    for _ in range(2):
        await bot.result("answerPreCheckoutQuery", pre_checkout_query_id=question["id"], ok=True)
    await bot.simulator.redeliver()
    [paid] = bot.told("message")
    assert paid["successful_payment"]["total_amount"] == 100
    assert bot.simulator.screen("demo", ANA)[-1] == Bubble("service", "successful_payment", "order-9")


async def test_a_flexible_price_asks_about_shipping_first(bot: Bot) -> None:
    await invoice(bot, is_flexible=True)
    await bot.simulator.pays("demo", ANA)
    [question] = bot.told("shipping_query")
    assert question["shipping_address"]["city"] == "Ljubljana"
    await bot.result("answerShippingQuery", shipping_query_id=question["id"], ok=True, shipping_options=SHIPPING)
    await bot.simulator.redeliver()
    [checkout] = bot.told("pre_checkout_query")
    assert (checkout["total_amount"], checkout["shipping_option_id"]) == (150, "post")
    assert checkout["order_info"]["shipping_address"] == question["shipping_address"]


@pytest.mark.parametrize("kind", ["shipping", "pre-checkout"])
async def test_a_sale_is_refused_with_a_reason(bot: Bot, kind: str) -> None:
    answer = await asked(bot, kind) | {"ok": False}
    assert await bot.refusal(**answer) == 'Bad Request: parameter "error_message" is required'
    await bot.result(**answer, error_message="Sold out")
    assert await bot.simulator.redeliver() == 0
    assert bot.texts()[-1] == "Sold out"


async def test_shipping_needs_ways_to_ship(bot: Bot) -> None:
    answer = await asked(bot, "shipping") | {"shipping_options": []}
    assert await bot.refusal(**answer) == "Bad Request: can't parse shipping options JSON object"


async def test_there_must_be_an_invoice_to_pay(bot: Bot) -> None:
    with pytest.raises(NotOnScreenError, match="no invoice"):
        await bot.simulator.pays("demo", ANA)


async def test_votes_are_counted_told_and_taken_back(bot: Bot) -> None:
    await bot.result("sendPoll", question="Tea?", options=["Yes", "No"], is_anonymous=False)
    await bot.simulator.votes("demo", ANA, 1)
    await bot.simulator.votes("demo", ANA)
    assert [answer["option_ids"] for answer in bot.told("poll_answer")] == [[1], []]
    counts = [[option["voter_count"] for option in poll["options"]] for poll in bot.told("poll")]
    assert (counts, [poll["total_voter_count"] for poll in bot.told("poll")]) == ([[0, 1], [0, 0]], [1, 0])


async def test_an_anonymous_poll_does_not_tell_who_voted(bot: Bot) -> None:
    await bot.result("sendPoll", question="Tea?", options=["Yes", "No"])
    await bot.simulator.votes("demo", ANA, 0)
    assert (len(bot.told("poll")), bot.told("poll_answer")) == (1, [])


async def test_a_closed_poll_takes_no_votes(bot: Bot) -> None:
    poll = await bot.result("sendPoll", question="Tea?", options=["Yes", "No"])
    await bot.result("stopPoll", message_id=poll["message_id"])
    with pytest.raises(NotOnScreenError, match="no open poll"):
        await bot.simulator.votes("demo", ANA, 0)


@pytest.mark.parametrize(("size", "is_taken"), [(0, False), (1, True), (4096, True), (4097, False)])
async def test_a_web_app_sends_up_to_4096_bytes(bot: Bot, size: int, is_taken: bool) -> None:
    if is_taken:
        await bot.simulator.shares_web_app_data("demo", ANA, "x" * size)
        assert bot.told("message")[0]["web_app_data"] == {"data": "x" * size, "button_text": "Open"}
        return
    with pytest.raises(NotOnScreenError):
        await bot.simulator.shares_web_app_data("demo", ANA, "x" * size)


async def test_a_query_of_somebody_else_has_no_results_for_ana(bot: Bot) -> None:
    query = await bot.simulator.queries_inline("demo", BO, "q")
    await bot.result("answerInlineQuery", inline_query_id=query, results=[article()])
    assert bot.simulator.inline_results("demo", ANA) == []
