import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.wire import Messages, fields, status, target

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
HEAD = ANSWER.partition(b"\r\n\r\n")[0]


def chunked(*parts: bytes) -> bytes:
    body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n"


def bodies(*pieces: bytes) -> list[bytes]:
    return [body for _, body in read(*pieces)]


def read(*pieces: bytes) -> list[tuple[bytes, bytes]]:
    messages = Messages()
    return [message for piece in pieces for message in messages.feed(piece)]


def test_a_message_has_its_head_and_its_body() -> None:
    assert Messages().feed(ANSWER) == [(HEAD, b"hello")]


def test_a_message_without_a_length_has_no_body() -> None:
    assert bodies(b"HTTP/1.1 204 No Content\r\nDate: today\r\n\r\n", ANSWER) == [b"", b"hello"]


def test_the_name_of_a_header_may_be_written_in_any_way() -> None:
    assert bodies(ANSWER.replace(b"Content-Length", b"CONTENT-length")) == [b"hello"]


def test_chunks_are_one_body() -> None:
    assert bodies(chunked(b"hel", b"lo")) == [b"hello"]


def test_a_chunk_may_have_an_extension() -> None:
    assert bodies(chunked(b"hello").replace(b"5\r\n", b"5;a=b\r\n")) == [b"hello"]


def test_a_body_may_look_like_a_head() -> None:
    inner = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"
    assert bodies(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(inner), inner)) == [inner]


@settings(deadline=None)
@given(st.data())
def test_messages_are_the_same_however_their_bytes_arrive(data: st.DataObject) -> None:
    parts = data.draw(st.lists(st.sampled_from([ANSWER, chunked(b"hello"), chunked(b"a" * 300, b"b")]), min_size=1))
    stream = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)))))
    pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert read(*pieces) == [Messages().feed(part)[0] for part in parts]


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(b"x" * (1024 * 1024 + 1), id="head"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n" + b"x" * 1024 * 1024, id="body"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: few\r\n\r\n", id="length"),
    ],
)
def test_what_cannot_be_read_is_an_error(stream: bytes) -> None:
    with pytest.raises(ValueError, match=r"1 MiB|invalid literal"):
        Messages().feed(stream)


def test_a_message_of_a_mebibyte_is_waited_for() -> None:
    assert Messages().feed(b"x" * (1024 * 1024)) == []


def test_a_response_has_a_status() -> None:
    assert status(HEAD) == 200


def test_a_request_has_a_target() -> None:
    assert target(b"POST /bot1:a/sendMessage HTTP/1.1\r\nHost: x") == b"/bot1:a/sendMessage"


PARTS = (
    b'--b0\r\nContent-Disposition: form-data; name="chat_id"\r\n\r\n7\r\n'
    b'--b0\r\nContent-Type: text/plain\r\nContent-Disposition: form-data; name="text"\r\n\r\nFound 5.\r\nWhich day?\r\n'
    b"--b0--\r\n"
)
TEXT = "Found 5.\r\nWhich day?"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b'{"chat_id":7,"text":"Found 5.\\r\\nWhich day?"}'),
        ("application/x-www-form-urlencoded", b"chat_id=7&text=Found+5.%0D%0AWhich+day%3F"),
        ("multipart/form-data; boundary=b0", PARTS),
        ('multipart/form-data; boundary="b0"; charset=utf-8', PARTS),
    ],
    ids=["json", "form", "parts", "parts-quoted"],
)
def test_parameters_are_read_however_a_client_writes_them(kind: str, body: bytes) -> None:
    head = f"POST /bot1:a/sendMessage HTTP/1.1\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}".encode()
    assert fields(head, body) == {"chat_id": "7", "text": TEXT}


def test_a_call_without_parameters_has_none() -> None:
    assert fields(b"GET /bot1:a/getMe HTTP/1.1", b"") == {}
