"""Sessions, money and the hundred messages an hour of the simulated Viber.

https://help.viber.com/hc/en-us/articles/15247629658525
"""

from botkit.simulators.viber_refusals import FREE_MESSAGES_EXCEEDED, NO_BALANCE, TOO_MANY_REQUESTS, RefusedError
from botkit.simulators.viber_servers import Servers
from botkit.simulators.viber_state import Bot, Chat, Violation

#: Messages a clock hour to somebody who does not answer.
MAX_UNANSWERED = 100
#: How long a message of a person lets the bot answer freely.
SESSION_SECONDS = 24 * 3600
#: Messages of a calendar month outside of sessions, of a bot that does not pay.
FREE_MESSAGES = 10_000


class Sessions:
    """Counts what bots send, and by that refuses it.

    There are two clocks. Viber's own session, which `billing_status` tells of, starts with a message of the person.
    That of `Servers.rules` starts with a message of the bot and holds so many of them.
    """

    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    def heard(self, chat: Chat) -> None:
        """The person wrote: nothing is unanswered, and a session is open."""
        now = self._servers.clock.timestamp()
        if self._servers.window == "sliding" or not self.is_open(chat):
            chat.opened_at = now
        chat.wrote_at, chat.unanswered, chat.in_row = now, 0, 0

    def is_open(self, chat: Chat) -> bool:
        """Whether Viber's session of 24 hours runs."""
        return bool(chat.opened_at) and self._servers.clock.timestamp() - chat.opened_at < SESSION_SECONDS

    def admit(self, ta: str, user_id: str) -> int:
        """Counts a message and returns its `billing_status`. Raises RefusedError for one too many: it does not count.

        The statuses: 1 and 2 in a session, 3 and 4 outside of one and free, 5 outside and paid; 1 and 3 are those of a
        bot that does not pay.
        """
        bot = self._servers.bot(ta)
        chat = bot.chats[user_id]
        self._check_hour(chat)
        self._check_rules(ta, user_id, chat)
        billing_status = self._charge(bot, chat)
        chat.unanswered += 1
        self._count(chat)
        return billing_status

    def _check_hour(self, chat: Chat) -> None:
        hour = int(self._servers.clock.timestamp()) // 3600
        if chat.hour != hour:
            chat.hour, chat.unanswered = hour, 0
        if self._servers.has_limits and chat.unanswered >= MAX_UNANSWERED:
            raise RefusedError(
                TOO_MANY_REQUESTS, "maximum messages from Public Account to Viber user without reply exceeded."
            )

    def _check_rules(self, ta: str, user_id: str, chat: Chat) -> None:
        servers, now = self._servers, self._servers.clock.timestamp()
        is_open = now - chat.session_at < servers.rules.seconds
        is_full = is_open and _is_reached(servers.rules.max_messages, chat.in_session)
        if is_full and chat.in_row and servers.at_max_messages == "refuse":
            raise RefusedError(TOO_MANY_REQUESTS, "the session is full: wait for user response")
        if not _is_reached(servers.rules.max_in_row, chat.in_row):
            return
        servers.state.violations.append(Violation(ta, user_id, now, chat.in_row + 1))
        if servers.at_max_in_row == "refuse":
            raise RefusedError(TOO_MANY_REQUESTS, "too many messages in a row: wait for user response")
        if servers.at_max_in_row == "end_session":
            chat.opened_at = chat.session_at = 0
            chat.in_session = 0

    def _charge(self, bot: Bot, chat: Chat) -> int:
        servers = self._servers
        if self.is_open(chat):
            return 2 if servers.is_billable else 1
        month = servers.clock.now().strftime("%Y-%m")
        if bot.month != month:
            bot.month, bot.free_messages = month, 0
        if bot.free_messages < self._free_messages:
            bot.free_messages += 1
            return 4 if servers.is_billable else 3
        if not servers.is_billable:
            raise RefusedError(FREE_MESSAGES_EXCEEDED, "freeMessagesExceeded")
        if bot.charged_messages >= servers.balance:
            raise RefusedError(NO_BALANCE, "noBalance")
        bot.charged_messages += 1
        return 5

    @property
    def _free_messages(self) -> int:
        if self._servers.free_messages is not None:
            return self._servers.free_messages
        return 0 if self._servers.is_billable else FREE_MESSAGES

    def _count(self, chat: Chat) -> None:
        rules, now = self._servers.rules, self._servers.clock.timestamp()
        is_over = _is_reached(rules.max_in_row, chat.in_row)
        chat.in_row += 1
        if is_over and self._servers.at_max_in_row == "end_session":
            return
        if now - chat.session_at >= rules.seconds or _is_reached(rules.max_messages, chat.in_session):
            chat.session_at, chat.in_session = now, 0
            chat.sessions += 1
        chat.in_session += 1


def _is_reached(limit: int, number: int) -> bool:
    # As everywhere in the rules, 0 is no limit.
    return 0 < limit <= number
