"""People of the simulated Telegram who search, choose, vote and pay, and the bot's forms that they fill in."""

from collections.abc import Mapping
from typing import Any

from botkit.simulators.simulator import NotOnScreenError, Person
from botkit.simulators.telegram_groups import TelegramGroups
from botkit.simulators.telegram_parameters import Parameters
from botkit.simulators.telegram_places import Place, user_of
from botkit.simulators.telegram_queries import add_inline_message, check_out, read_result

_HOME = {"country_code": "SI", "state": "", "city": "Ljubljana", "street_line1": "Cesta 1", "street_line2": ""}
HOME: Mapping[str, str] = _HOME | {"post_code": "1000"}
MAX_WEB_APP_BYTES = 4096


class TelegramCustomers(TelegramGroups):
    """What people do beside writing."""

    async def queries_inline(self, ta: str, person: Person, query: str = "", offset: str = "") -> str:
        """The person writes the bot's name and a query into some chat; returns the id that the bot answers."""
        user = self._known(person)
        name = self._asks(ta, "inline_query", user["id"], {"person_id": user["id"], "query": query})
        head = {"id": name, "from": user, "chat_type": "sender", "query": query, "offset": offset}
        await self.emits(ta, "inline_query", head)
        return name

    def inline_results(self, ta: str, person: Person) -> list[dict[str, Any]]:
        """Returns what the bot answered to the person's newest inline query that has an answer."""
        user, queries = user_of(person), self.bot(ta).queries.values()
        found = [query for query in queries if query.kind == "inline_query" and query.chat_id == user["id"]]
        answered = [query.details["results"] for query in found if query.is_answered]
        return list(answered[-1]) if answered else []

    async def chooses_inline(self, ta: str, person: Person, result_id: str) -> None:
        """The person sends one of the results into their chat with the bot, which sees it as a message of theirs.

        Raises NotOnScreenError when there is no such result.
        """
        results = {str(result["id"]): result for result in self.inline_results(ta, person)}
        if result_id not in results:
            raise NotOnScreenError(f"there is no such result; the bot gave {', '.join(results) or 'none'}")
        called = self._called(ta, Parameters({}))
        content = read_result(called, results[result_id])
        message = await self._writes(ta, person, content | {"via_bot": called.me}, None)
        name = add_inline_message(self.bot(ta), message["chat"]["id"], message["message_id"])
        if not self.bot(ta).has_inline_feedback:
            return
        query = [query for query in self.bot(ta).queries.values() if query.kind == "inline_query"][-1].details["query"]
        chosen = {"result_id": result_id, "from": user_of(person), "query": query}
        # Only a message with a keyboard can be changed later.
        known = {"inline_message_id": name} if "reply_markup" in content else {}
        await self.emits(ta, "chosen_inline_result", chosen | known)

    async def votes(self, ta: str, person: Person, *options: int, where: Place = None) -> None:
        """The person votes in the newest poll; without options they take their vote back.

        Raises NotOnScreenError when there is no open poll.
        """
        chat = await self._enters(ta, person, where)
        message = chat.newest(lambda message: not message.get("poll", {}).get("is_closed", True))
        if not message:
            raise NotOnScreenError("there is no open poll")
        poll, user = message["poll"], user_of(person)
        key = f"poll:{poll['id']}:{user['id']}"
        chat.reactions[key] = [{"option": option} for option in options]
        _count_votes(poll, {name: votes for name, votes in chat.reactions.items() if poll["id"] in name.split(":")})
        chosen = [poll["options"][option]["persistent_id"] for option in options]
        if not poll["is_anonymous"]:
            answer = {"option_ids": list(options), "option_persistent_ids": chosen}
            await self.emits(ta, "poll_answer", {"poll_id": poll["id"], "user": user} | answer)
        await self.emits(ta, "poll", poll)

    async def pays(self, ta: str, person: Person, address: Mapping[str, str] = HOME, *, where: Place = None) -> None:
        """The person pays the newest invoice: the bot is asked about shipping if its price is flexible, then once more.

        What the bot answers leads on: to the second question, and to the message with `successful_payment`, which
        `redeliver` sends. Raises NotOnScreenError when there is no invoice.
        """
        chat = await self._enters(ta, person, where)
        message = chat.newest(lambda message: "invoice" in message)
        sold = chat.sold.get(message["message_id"]) if message else None
        if not message or not sold:
            raise NotOnScreenError("there is no invoice to pay")
        details: dict[str, Any] = {"from": user_of(person), "invoice_payload": sold["payload"]}
        details |= {name: message["invoice"][name] for name in ("currency", "total_amount")}
        if not sold["is_flexible"]:
            asked = check_out(self.bot(ta), self.clock.timestamp(), chat.id, details)
            await self.emits(ta, "pre_checkout_query", asked)
            return
        name = self._asks(ta, "shipping_query", chat.id, details | {"order_info": {"shipping_address": dict(address)}})
        asked = {"id": name, "from": user_of(person), "invoice_payload": sold["payload"]}
        await self.emits(ta, "shipping_query", asked | {"shipping_address": dict(address)})

    async def shares_web_app_data(self, ta: str, person: Person, data: str, button: str = "Open") -> None:
        """The person closes a web app that a button of a reply keyboard opened, and it sends its data: 1-4096 bytes."""
        if not 1 <= len(data.encode()) <= MAX_WEB_APP_BYTES:
            raise NotOnScreenError(f"a web app sends 1 to {MAX_WEB_APP_BYTES} bytes")
        await self._writes(ta, person, {"web_app_data": {"data": data, "button_text": button}}, None)

    async def opens_web_app(self, ta: str, person: Person) -> str:
        """The person opens a web app from an inline button; returns the id of the query that answers into the chat."""
        chat = await self._enters(ta, person, None)
        return self._asks(ta, "web_app_query", chat.id, {"person_id": chat.id})

    async def buys_media(self, ta: str, person: Person, payload: str) -> None:
        """The person buys paid media that the bot sent somewhere."""
        await self.emits(ta, "purchased_paid_media", {"from": self._known(person), "paid_media_payload": payload})

    async def changes_subscription(self, ta: str, person: Person, payload: str, state: str = "canceled") -> None:
        """A subscription of the person to the bot becomes `active`, `canceled` or `failed`."""
        head = {"user": self._known(person), "invoice_payload": payload, "state": state}
        await self.emits(ta, "subscription", head)

    async def creates_bot(self, ta: str, person: Person, username: str) -> None:
        """The person makes a bot that this bot manages."""
        made = {"id": user_of(person)["id"] + 1, "is_bot": True, "first_name": username, "username": username}
        await self.emits(ta, "managed_bot", {"user": self._known(person), "bot": made})


def _count_votes(poll: dict[str, Any], votes: Mapping[str, list[dict[str, Any]]]) -> None:
    chosen = [vote["option"] for given in votes.values() for vote in given]
    for number, option in enumerate(poll["options"]):
        option["voter_count"] = chosen.count(number)
    poll["total_voter_count"] = sum(bool(given) for given in votes.values())
