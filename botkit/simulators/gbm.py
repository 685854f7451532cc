"""A simulated Google Business Messages: agents call its API, people talk to agents on its phones.

It signs with the first key of an account, sends receipts, and redelivers with growing pauses for seven days. What the
service did not publish is ours: the pauses, the wording of errors, how long an answer may take, and that a person who
leaves cannot be written to.
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import httpx
import msgspec
from msgspec.structs import replace
from starlette.applications import Starlette

from botkit.adapter import Adapter
from botkit.channels.gbm import Entry
from botkit.clock import Clock
from botkit.simulators.gbm_api import Api, refusal_body
from botkit.simulators.gbm_delivery import WebhookCaller
from botkit.simulators.gbm_files import PICTURES, PICTURES_HOST, File
from botkit.simulators.gbm_payloads import picture_url, write_context
from botkit.simulators.gbm_phone import MEMORY, SIGN_IN, Ability, Chat, Line, Offer
from botkit.simulators.gbm_state import Remark, State
from botkit.simulators.gbm_surveys import STANDARD, Question, Survey, check_questions
from botkit.simulators.gbm_tokens import TokenDesk
from botkit.simulators.simulator import Bubble, NotOnScreenError, Person
from botkit.simulators.wire import Fault

#: Who asked for a person and hears nothing for so many seconds is remarked on.
PATIENCE = 300.0

_PEOPLE = uuid.UUID("0d6c3f5e-61e4-5f0c-9d5c-9a3f5c0b1e77")


class BusinessMessagesSimulator(WebhookCaller):
    """Google Business Messages on this machine.

    Faults of the wire strike the API's calls, but never the token endpoint: end the tokens with `tokens.expire()`.
    What no error tells is in `remarks`.
    """

    channel: ClassVar[str] = "gbm"

    def __init__(self, clock: Clock, transport: httpx.AsyncBaseTransport | None = None) -> None:
        super().__init__(clock, transport)
        self.tokens = TokenDesk(clock)
        #: What a used messageId, eventId or surveyId leads to: an error as until 2023, or a silent 200 as later.
        self.duplicates: Literal["409", "ignored"] = "409"
        #: What a second survey within 24 hours leads to: an error as until 2023, or a 200 and no survey as later.
        self.repeated_surveys: Literal["429", "ignored"] = "429"
        #: What a message leads to that comes more than 30 days after the person's last: the HTTP status and Google's.
        self.late: tuple[int, str] = (400, "FAILED_PRECONDITION")
        #: Whether messages are reported as delivered and read.
        self.receipts = True
        #: Whether a conversation takes no more than 60 messages a minute.
        self.has_quota = True
        #: The accounts whose agent is launched: they may not force a fallback.
        self.launched: set[str] = set()
        #: What addresses hold, for the bounds of files; of others nothing is checked.
        self.files: dict[str, File] = {}
        #: Whether images may be WebP: only the newest documents say so.
        self.takes_webp = True
        #: The number of a survey's first question: Google does not say where it starts to count.
        self.first_index: Literal[0, 1] = 1
        #: Where a sign-in returns to.
        self.redirect_uri = "https://login.botkit.localhost/callback"
        self._questions: tuple[Question, ...] = (STANDARD,)
        self._api = Api(self)

    @property
    def app(self) -> Starlette:
        """The API of the service and its token endpoint, `/token`."""
        return self._api.app

    @property
    def hosts(self) -> Mapping[str, Starlette]:
        """Where the pictures of people lie."""
        return {PICTURES_HOST: PICTURES}

    @property
    def questions(self) -> Sequence[Question]:
        """The questions of the agent's surveys. Setting them raises ValueError for what the console does not take."""
        return self._questions

    @questions.setter
    def questions(self, questions: Sequence[Question]) -> None:
        check_questions(questions)
        self._questions = tuple(questions)

    @property
    def remarks(self) -> Sequence[Remark]:
        """What the service let pass, oldest first: fallbacks shown, and breaches of its policies."""
        for chat in self._state.chats.values():
            self._note_silence(chat)
        return self._state.remarks

    def add_account(self, adapter: Adapter) -> None:
        """Opens an account: registers the public key of its service account, its signature keys and its agent.

        The adapter's clock becomes the simulator's, or grants would expire when the clock is moved.
        """
        super().add_account(adapter)
        account = self._accounts[adapter.ta]
        account.clock = self.clock
        if account.credentials:
            self.tokens.register(account.ta, account.credentials)

    def fails(self, *codes: int) -> None:
        """Answers the next calls with these statuses and Google's words for them, and carries none of them out."""
        self.wire.faults.extend(Fault(code, refusal_body(code)) for code in codes)

    # --- what the API asks of the service

    def chat(self, conversation_id: str) -> Chat | None:
        """Returns an open conversation by its id."""
        chat = self._state.chats.get(conversation_id)
        return chat if chat and chat.is_open else None

    def took(self, chat: Chat, message_id: str) -> None:
        """Notes the receipts of a message for the next delivery."""
        if self.receipts:
            name = f"conversations/{chat.id}/messages/{message_id}"
            chat.unreported += [{"message": name, "receiptType": kind} for kind in ("DELIVERED", "READ")]

    def heard(self, chat: Chat) -> None:
        """Notes that somebody who asked for a person got an answer."""
        self._note_silence(chat)
        chat.asked_at = 0

    # --- what people do

    async def opens(self, ta: str, person: Person, context: str = "") -> None:
        """The person opens the chat; Google tells nobody. The context rides on their next message."""
        chat = self._open(ta, person)
        chat.context = context or chat.context
        self.on_change()

    async def arrives(self, ta: str, person: Person, entry: Entry) -> None:
        """The person opens the chat somewhere else: what they do from now on tells where, its `custom_context` once."""
        chat = self._open(ta, person)
        chat.entry, chat.context = replace(entry, custom_context=""), entry.custom_context or chat.context
        self.on_change()

    async def says(self, ta: str, person: Person, text: str) -> None:
        """The person writes a text."""
        await self._write(ta, person, text, Line("person", "text", text))

    async def taps(self, ta: str, person: Person, label: str) -> None:
        """The person presses the newest visible suggestion. Chips show on the newest message only."""
        chat = self._open(ta, person)
        line, offer = chat.find(label)
        if offer.kind == "agent":
            await self.asks_for_agent(ta, person)
        elif offer.kind == "login":
            await self.signs_in(ta, person)
        elif offer.kind == "answer":
            await self.answers_survey(ta, person, label)
        else:
            await self._press(chat, line, offer)

    async def opens_link(self, ta: str, person: Person, label: str) -> None:
        """The person presses a suggestion that opens a page. Raises NotOnScreenError for any other."""
        await self._act(ta, person, label, is_call=False)

    async def dials(self, ta: str, person: Person, label: str) -> None:
        """The person presses a suggestion that dials a number. Raises NotOnScreenError for any other."""
        await self._act(ta, person, label, is_call=True)

    async def signs_in(
        self, ta: str, person: Person, *, code: str = "", error: str = "", description: str = ""
    ) -> None:
        """The person signs in where they are asked to, or fails with an error such as ACCESS_DENIED."""
        chat = self._open(ta, person)
        chat.find(SIGN_IN, "login")
        result: dict[str, Any] = {"redirectUri": self.redirect_uri}
        if error:
            result["errorDetails"] = {"error": error, "errorDescription": description}
        else:
            result["code"] = code or uuid.uuid4().hex
        await self._tell(chat, "authenticationResponse", result)

    async def answers_survey(self, ta: str, person: Person, answer: str) -> None:
        """The person answers the survey's question on the screen, by label, value or rating.

        Such payloads came without a requestId and without a context. Raises NotOnScreenError.
        """
        chat = self._open(ta, person)
        survey, question, option = chat.answer(answer, self.clock.timestamp())
        response = survey.response(chat.id, question, option, self.first_index)
        chat.wrote_at = self.clock.timestamp()
        self._queue(chat, "surveyResponse", {"surveyResponse": response | {"createTime": self._time()}})
        await self._deliver(chat)

    async def sends_photo(self, ta: str, person: Person, caption: str = "") -> None:
        """The person sends a picture: a signed address as text. A caption is a message of its own."""
        url = picture_url()
        await self._write(ta, person, url, Line("person", "image", source=url))
        if caption:
            await self.says(ta, person, caption)

    async def sends_file(self, ta: str, person: Person, name: str = "document.pdf") -> None:
        """Raises NotOnScreenError: the service has no files."""
        raise NotOnScreenError("Business Messages has no button to send a file: text and photos only")

    async def sends_location(self, ta: str, person: Person, latitude: float, longitude: float) -> None:
        """Raises NotOnScreenError: the service has no places."""
        raise NotOnScreenError("Business Messages has no button to send a place: text and photos only")

    async def asks_for_agent(self, ta: str, person: Person) -> None:
        """The person asks for somebody to talk to; the time until an answer runs."""
        chat = self._open(ta, person)
        chat.asked_at = chat.asked_at or self.clock.timestamp()
        await self._tell(chat, "userStatus", {"requestedLiveAgent": True, "createTime": self._time()})

    async def types(self, ta: str, person: Person) -> None:
        """The person starts typing."""
        await self._set_typing(ta, person, is_typing=True)

    async def stops_typing(self, ta: str, person: Person) -> None:
        """The person stops typing."""
        await self._set_typing(ta, person, is_typing=False)

    async def emits(self, ta: str, person: Person, **members: Any) -> None:
        """Google tells something of the person's conversation: any members, in the usual envelope.

        A member that is None is left out, `requestId` and `context` too. It does not count as a message of the person.
        """
        chat = self._open(ta, person)
        payload = {"requestId": str(uuid.uuid4()), "context": write_context(chat.entry, person)} | members
        given = {name: value for name, value in payload.items() if value is not None}
        self._queue(chat, next(iter(members), "nothing"), given)
        await self._deliver(chat)

    async def leaves(self, ta: str, person: Person) -> None:
        """The person blocks the agent: nobody is told, and the agent's calls are refused until they come back."""
        self._open(ta, person).is_open = False
        self.on_change()

    def sends_survey(self, ta: str, person: Person) -> bool:
        """Google starts a survey of its own; returns whether it may, once in 24 hours.

        The real service does so half an hour after the last message to an agent that is a bot, here only when told.
        """
        chat, now = self._open(ta, person), self.clock.timestamp()
        if chat.was_surveyed(now) or "surveys" in chat.lacks:
            return False
        chat.ask(Survey(str(uuid.uuid4()), "GOOGLE", now, [STANDARD]))
        self.on_change()
        return True

    # --- what people see, and who they are

    def screen(self, ta: str, person: Person) -> Sequence[Bubble]:
        """Returns what the phone shows; nothing before the chat was opened."""
        chat = self._state.chats.get(self.conversation_id(ta, person))
        if chat is None:
            return []
        chat.expire(self.clock.timestamp())
        return chat.bubbles()

    def opened(self, ta: str, person: Person) -> Sequence[str]:
        """Returns the addresses that the person's suggestions opened, and the `tel:` ones that they dialled."""
        chat = self._state.chats.get(self.conversation_id(ta, person))
        return chat.opened if chat else []

    def limit_device(self, ta: str, person: Person, *lacks: Ability) -> None:
        """Takes abilities away from the person's device; without any it can do everything again."""
        self._open(ta, person).lacks = list(lacks)
        self.on_change()

    def conversation_id(self, ta: str, person: Person) -> str:
        """Returns the id of the person's conversation with the account's agent: the same on every start."""
        return str(uuid.uuid5(_PEOPLE, f"{self._accounts[ta].agent}|{person.name}"))

    def snapshot(self) -> bytes:
        """Returns conversations, screens, undelivered payloads and remarks; tokens are forgotten."""
        return msgspec.json.encode(self._state)

    def restore(self, snapshot: bytes) -> None:
        """Takes up where the snapshot left off."""
        self._state = msgspec.json.decode(snapshot, type=State)

    # --- how

    def _open(self, ta: str, person: Person) -> Chat:
        identity = self.conversation_id(ta, person)
        chat = self._state.chats.setdefault(identity, Chat(identity, ta, person))
        chat.is_open, chat.person = True, person
        return chat

    async def _act(self, ta: str, person: Person, label: str, *, is_call: bool) -> None:
        chat = self._open(ta, person)
        line, offer = chat.find(label, "action")
        if offer.url.startswith("tel:") != is_call:
            raise NotOnScreenError(f"{label!r} on the screen of {person.name} {'opens a page' if is_call else 'dials'}")
        await self._press(chat, line, offer)

    async def _press(self, chat: Chat, line: Line, offer: Offer) -> None:
        if offer.kind == "reply":
            chat.end_survey()
            chat.remember(Line("person", "text", offer.label))
        else:
            chat.opened = [*chat.opened[1 - MEMORY :], offer.url]
        response = {
            "message": f"conversations/{chat.id}/messages/{line.message_id}",
            "postbackData": offer.postback,
            "createTime": self._time(),
            "text": offer.label,
            "suggestionType": offer.kind.upper(),
        }
        await self._tell(chat, "suggestionResponse", response)

    async def _write(self, ta: str, person: Person, text: str, line: Line) -> None:
        chat = self._open(ta, person)
        message_id = str(uuid.uuid4())
        chat.end_survey()
        chat.remember(line)
        chat.received = [*chat.received[1 - MEMORY :], message_id]
        message = {
            "messageId": message_id,
            "name": f"conversations/{chat.id}/messages/{message_id}",
            "text": text,
            "createTime": self._time(),
        }
        await self._tell(chat, "message", message)

    async def _set_typing(self, ta: str, person: Person, *, is_typing: bool) -> None:
        chat = self._open(ta, person)
        await self._tell(chat, "userStatus", {"isTyping": is_typing, "createTime": self._time()}, counts=False)

    async def _tell(self, chat: Chat, member: str, value: dict[str, Any], *, counts: bool = True) -> None:
        """Delivers what the person did; it counts as their last message unless they only typed."""
        if counts:
            chat.wrote_at = self.clock.timestamp()
        context = write_context(replace(chat.entry, custom_context=chat.context), chat.person)
        chat.context = ""
        self._queue(chat, member, {"requestId": str(uuid.uuid4()), member: value, "context": context})
        await self._deliver(chat)

    async def _deliver(self, chat: Chat) -> None:
        self.on_change()
        await self._drain(chat.ta)

    def _note_silence(self, chat: Chat) -> None:
        if chat.asked_at and self.clock.timestamp() - chat.asked_at > PATIENCE:
            self.remark("unanswered_request", chat)
            chat.asked_at = 0
