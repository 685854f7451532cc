"""What the simulated Telegram remembers."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct, field


class Page(Struct, frozen=True):
    """What stands behind an address that a bot gives; without a type, the address's ending tells it."""

    mime_type: str = ""
    size: int = 1024
    status: int = 200
    width: int = 640
    height: int = 480


class Options(Struct, frozen=True):
    """What kind of a server it is.

    `is_local` is a self-hosted one, which takes webhooks everywhere and larger files; `pages` is the web that it sees.
    """

    is_local: bool = False
    counts_code_points: bool = False
    pages: Mapping[str, Page] = {}


class Pending(Struct):
    """An update that waits for the bot; `queue` is what it keeps its order in, `body` never changes."""

    update_id: int
    kind: str
    queue: str
    body: str
    expires_at: float
    due_at: float = 0
    tries: int = 0


class Query(Struct):
    """Something that a person waits for an answer to; `details` is what the answer goes on with."""

    chat_id: int
    expires_at: float
    is_answered: bool = False
    kind: str = "callback_query"
    details: dict[str, Any] = {}


class StoredFile(Struct):
    """A file that somebody sent; `kind` is the member of the Message that holds it."""

    kind: str
    size: int
    name: str = ""
    url: str = ""
    mime_type: str = ""
    content: bytes = b""
    width: int = 640
    height: int = 480


class Download(Struct):
    """A path that getFile gave out, of which file, and until when it works."""

    file_id: str
    expires_at: float


class InlineMessage(Struct):
    """A message that a person sent by way of the bot: where it is."""

    chat_id: int
    message_id: int


class Topic(Struct):
    """A topic of a forum."""

    name: str
    is_closed: bool = False


class ChatState(Struct):
    """A chat as one bot sees it: its Message objects, oldest first, and who may do what.

    `info` is its Chat object, `status` the bot's own in it, `keyboard` the reply keyboard that the message
    `keyboard_id` brought, `forced_reply` the message that wants an answer, `forbidden` what bots may not send there,
    `requests` the people who want to join, `sold` what the invoices by their messages keep to themselves.
    """

    next_message_id: int
    messages: list[dict[str, Any]] = []
    is_blocked: bool = False
    typing_until: float = 0
    info: dict[str, Any] = {}
    status: str = "member"
    is_deactivated: bool = False
    is_deleted: bool = False
    migrated_to: int = 0
    topics: dict[int, Topic] = {}
    pinned: list[int] = []
    keyboard: dict[str, Any] = {}
    keyboard_id: int = 0
    forced_reply: int = 0
    forbidden: list[str] = []
    members: dict[int, str] = {}
    requests: list[int] = []
    sold: dict[int, dict[str, Any]] = {}
    reactions: dict[str, list[dict[str, Any]]] = {}

    @property
    def id(self) -> int:
        """The chat's id."""
        return int(self.info["id"])

    @property
    def kind(self) -> str:
        """Its type: private, group, supergroup or channel."""
        return str(self.info["type"])

    def find(self, message_id: int) -> dict[str, Any] | None:
        """Returns a message that is still there."""
        if message_id <= 0:
            return None
        return next((message for message in self.messages if message["message_id"] == message_id), None)

    def newest(self, is_wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any] | None:
        """Returns the newest message of a sort."""
        return next((message for message in reversed(self.messages) if is_wanted(message)), None)


class BusinessState(Struct):
    """A business account that the bot is connected to: the BusinessConnection, and the account's private chats."""

    info: dict[str, Any]
    chats: dict[int, ChatState] = {}


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
    ip_address: str = ""
    has_certificate: bool = False


class BotState(Struct):
    """One bot: its chats by their ids, its files and what is under way.

    With `has_privacy_mode` it hears in groups only what is meant for it; `has_inline_feedback` is whether it learns
    which of its inline results were chosen. Both are set with @BotFather.
    """

    next_update_id: int
    last_query_id: int = 0
    webhook: Webhook = field(default_factory=Webhook)
    chats: dict[int, ChatState] = {}
    business: dict[str, BusinessState] = {}
    files: dict[str, StoredFile] = {}
    downloads: dict[str, Download] = {}
    queries: dict[str, Query] = {}
    inline_messages: dict[str, InlineMessage] = {}
    commands: dict[str, list[dict[str, Any]]] = {}
    pending: list[Pending] = []
    has_privacy_mode: bool = True
    has_inline_feedback: bool = True


class State(Struct):
    """All bots by their `ta`, and everybody who was ever seen, as User objects by id."""

    bots: dict[str, BotState] = {}
    people: dict[int, dict[str, Any]] = {}
