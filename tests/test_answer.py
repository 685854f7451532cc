"""Answers in one piece go straight to a server of botkit's own, and as ASGI's messages to every other."""

from typing import Any

from botkit.answer import Answer, Whole, whole_of


class Server(Whole):
    """Has a request that is all there, and notes how it is answered."""

    def __init__(self, *, is_able: bool = True) -> None:
        self.is_able = is_able
        self.answers: list[Answer] = []
        self.messages: list[Any] = []

    def take_body(self) -> bytes | None:
        return b"all of it"

    def take_answer(self, answer: Answer) -> bool:
        if self.is_able:
            self.answers.append(answer)
        return self.is_able

    async def receive(self) -> Any:
        return {"type": "http.request"}

    async def send(self, message: Any) -> None:
        self.messages.append(message)


TEAPOT = Answer(418, ((b"x-a", b"b"),), b"short")
MESSAGES: list[dict[str, Any]] = [
    {"type": "http.response.start", "status": 418, "headers": [(b"content-length", b"5"), (b"x-a", b"b")]},
    {"type": "http.response.body", "body": b"short"},
]


async def test_a_server_that_takes_answers_in_one_piece_gets_one() -> None:
    server = Server()
    await TEAPOT.send(server.send)
    assert (server.answers, server.messages) == ([TEAPOT], [])


async def test_a_server_that_cannot_take_it_now_gets_messages() -> None:
    server = Server(is_able=False)
    await TEAPOT.send(server.send)
    assert (server.answers, server.messages) == ([], MESSAGES)


async def test_whoever_stands_between_sees_messages() -> None:
    server = Server()

    async def between(message: Any) -> None:
        await server.send(message | {"seen": True})

    await TEAPOT.send(between)
    assert (server.answers, server.messages) == ([], [message | {"seen": True} for message in MESSAGES])


def test_a_request_is_whole_where_both_its_ends_are_the_servers_own() -> None:
    server, other = Server(), Server()
    assert whole_of(server.send, server.receive).take_body() == b"all of it"
    for receive in (other.receive, lambda: server.receive()):
        assert whole_of(server.send, receive).take_body() is None
    assert whole_of(lambda message: server.send(message), server.receive).take_body() is None
    assert not whole_of([].append).take_answer(TEAPOT)  # type: ignore[arg-type]  # a method of something else
