"""What the simulated Telegram remembers."""

from typing import Any

from msgspec import Struct, field


class Pending(Struct):
    """An update that waits for the webhook; `queue` is what it keeps its order in, `body` never changes."""

    update_id: int
    kind: str
    queue: str
    body: str
    expires_at: float
    due_at: float = 0
    tries: int = 0


class Query(Struct):
    """A pressed button that waits for an answer."""

    chat_id: int
    expires_at: float
    is_answered: bool = False


class StoredFile(Struct):
    """A file that somebody sent; `kind` is the member of the Message that holds it."""

    kind: str
    size: int
    name: str = ""
    url: str = ""


class ChatState(Struct):
    """A private chat: its Message objects, oldest first."""

    next_message_id: int
    messages: list[dict[str, Any]] = []
    is_blocked: bool = False
    typing_until: float = 0


class Webhook(Struct):
    """What setWebhook was told, and how the last deliveries went."""

    url: str = ""
    secret: str = ""
    max_connections: int = 40
    allowed_updates: list[str] = []
    changed_at: float = 0
    failed_at: float = 0
    failure: str = ""
    gone_since: float = 0


class BotState(Struct):
    """One bot: its chats by the person's id, its files and what is under way."""

    next_update_id: int
    last_query_id: int = 0
    webhook: Webhook = field(default_factory=Webhook)
    chats: dict[int, ChatState] = {}
    files: dict[str, StoredFile] = {}
    queries: dict[str, Query] = {}
    pending: list[Pending] = []


class State(Struct):
    """All bots by their `ta`, and everybody who was ever seen, as User objects by id."""

    bots: dict[str, BotState] = {}
    people: dict[int, dict[str, Any]] = {}
