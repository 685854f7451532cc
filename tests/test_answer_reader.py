"""However an answer is cut on its way, it reads the same; what two readers would read differently is no answer."""

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from botkit.answer_reader import MAX_HEAD, AnswerHeaders, AnswerReader, LongAnswerError, MalformedError

Read = tuple[int, list[tuple[bytes, bytes]], bytes, bool, bool]
OK = b"HTTP/1.1 200 OK\r\n"


def read(pieces: Iterable[bytes], *, is_head: bool = False, most: int = 100, ends: bool = False) -> Read:
    reader = AnswerReader(is_head=is_head, most=most)
    for piece in pieces:
        reader.feed(piece)
    if ends:
        reader.end()
    return reader.status, reader.headers, reader.body, reader.is_complete, reader.keeps_alive


def outcome(pieces: Iterable[bytes], *, is_head: bool = False, ends: bool = False) -> Read | type[Exception]:
    try:
        return read(pieces, is_head=is_head, ends=ends)
    except (MalformedError, LongAnswerError) as error:
        return type(error)


# --- what an answer is

ANSWERS = {
    "with a length": OK + b"Content-Length: 2\r\n\r\nab",
    "empty": OK + b"Content-Length: 0\r\n\r\n",
    "in chunks": OK + b"Transfer-Encoding: Chunked\r\n\r\n1\r\na\r\n3;x=y\r\nbcd\r\n0\r\nTrailer: t\r\n\r\n",
    "without content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "not modified": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n",
    "after interim ones": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 H\r\nLink: a\r\n\r\n"
    + OK
    + b"Content-Length: 1\r\n\r\nx",
    "the last one": OK + b"Connection: close\r\nContent-Length: 1\r\n\r\nx",
    "in HTTP/1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx",
    "with words of every kind": b"HTTP/1.1 429 \xd0\x9d\r\nX-A:\t a b \r\nX-A: \xff\r\nContent-Length: 0\r\n\r\n",
}
COMPLETE = {
    "with a length": (200, [(b"Content-Length", b"2")], b"ab", True, True),
    "empty": (200, [(b"Content-Length", b"0")], b"", True, True),
    "in chunks": (200, [(b"Transfer-Encoding", b"Chunked")], b"abcd", True, True),
    "without content": (204, [], b"", True, True),
    "not modified": (304, [(b"Content-Length", b"7")], b"", True, True),
    "after interim ones": (200, [(b"Content-Length", b"1")], b"x", True, True),
    "the last one": (200, [(b"Connection", b"close"), (b"Content-Length", b"1")], b"x", True, False),
    "in HTTP/1.0": (200, [(b"Content-Length", b"1")], b"x", True, False),
    "with words of every kind": (
        429, [(b"X-A", b"a b"), (b"X-A", b"\xff"), (b"Content-Length", b"0")], b"", True, True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_read_whole(name: str) -> None:
    assert read([ANSWERS[name]]) == COMPLETE[name]


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_cut_at_any_byte_reads_the_same(name: str) -> None:
    answer = ANSWERS[name]
    assert {cut for cut in range(len(answer)) if read([answer[:cut], answer[cut:]]) != COMPLETE[name]} == set()
    assert read(bytes([byte]) for byte in answer) == COMPLETE[name]


@pytest.mark.parametrize("name", ANSWERS)
def test_no_part_of_an_answer_is_a_complete_one(name: str) -> None:
    answer = ANSWERS[name]
    assert not any(read([answer[:length]])[3] for length in range(len(answer)))


def test_a_body_without_a_length_ends_with_the_connection_and_nothing_follows_it() -> None:
    whole = OK + b"\r\nabc"
    assert read([whole])[3] is False
    assert all(
        read([whole[:cut], whole[cut:]], ends=True) == (200, [], b"abc", True, False) for cut in range(len(whole))
    )


@pytest.mark.parametrize("name", ["with a length", "in chunks", "after interim ones"])
def test_no_other_answer_ends_with_the_connection(name: str) -> None:
    answer = ANSWERS[name]
    assert {outcome([answer[:length]], ends=True) for length in range(len(answer))} == {MalformedError}


@pytest.mark.parametrize("head", [b"Content-Length: 7\r\n", b"Transfer-Encoding: chunked\r\n", b""])
def test_an_answer_to_head_has_no_body_and_nothing_follows_it(head: bytes) -> None:
    status, _, body, is_complete, keeps_alive = read([OK + head + b"\r\n"], is_head=True)
    assert (status, body, is_complete, keeps_alive) == (200, b"", True, False)


@pytest.mark.parametrize("more", [b"x", b"\0", OK, OK + b"Content-Length: 1\r\n\r\ny"])
def test_what_follows_a_complete_answer_ends_the_connection_and_changes_nothing(more: bytes) -> None:
    answer = ANSWERS["with a length"]
    assert read([answer + more]) == read([answer, more]) == (200, [(b"Content-Length", b"2")], b"ab", True, False)


# --- what is none

MALFORMED = {
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "a request": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "a newer version": b"HTTP/2.0 200 OK\r\nContent-Length: 1\r\n\r\nx",
    "no status": b"HTTP/1.1 nine OK\r\n\r\n",
    "another protocol from here on": b"HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "lines that end with LF": b"HTTP/1.1 200 OK\nContent-Length: 1\n\nx",
    "a space before the colon": OK + b"Content-Length : 1\r\n\r\nx",
    "a folded header": OK + b"A: b\r\n c\r\nContent-Length: 1\r\n\r\nx",
    "a NUL": OK + b"A: \0\r\nContent-Length: 1\r\n\r\nx",
    "two lengths": OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxy",
    "the same length twice": OK + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\nx",
    "a list of lengths": OK + b"Content-Length: 1, 1\r\n\r\nx",
    "a length with a sign": OK + b"Content-Length: +1\r\n\r\nx",
    "a length without end": OK + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n",
    "no number": OK + b"Content-Length: one\r\n\r\nx",
    "a length beside chunks": OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
    "chunks beside a length": OK + b"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n1\r\nx\r\n0\r\n\r\n",
    "a coding that is not known": OK + b"Transfer-Encoding: gzip\r\n\r\nx",
    "chunks of something": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
    "chunks twice": OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
    "a chunk of no size": OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n0\r\n\r\n",
    "a chunk longer than it says": OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n",
    "a chunk of a negative size": OK + b"Transfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_not_clear_is_no_answer_however_it_is_cut(name: str) -> None:
    text = MALFORMED[name]
    cuts = range(1, len(text))
    assert {outcome([text]), *(outcome([text[:cut], text[cut:]]) for cut in cuts)} == {MalformedError}


# --- bounds


@pytest.mark.parametrize(
    ("head", "body"),
    [
        pytest.param(b"Content-Length: %d\r\n", b"%b", id="length"),
        pytest.param(b"Transfer-Encoding: chunked\r\nX: %d\r\n", b"%b0\r\n\r\n", id="chunks"),
        pytest.param(b"X: %d\r\n", b"%b", id="until the end"),
    ],
)
def test_a_body_has_as_many_bytes_as_it_may_and_not_one_more(head: bytes, body: bytes) -> None:
    def answer(size: int) -> bytes:
        content = b"1\r\nx\r\n" * size if b"chunked" in head else b"x" * size
        return OK + head % size + b"\r\n" + body % content

    assert read([answer(1000)], most=1000, ends=head.startswith(b"X"))[2] == b"x" * 1000
    with pytest.raises(LongAnswerError):
        read([answer(1001)], most=1000)


def test_a_length_above_the_bound_is_enough_to_stop() -> None:
    with pytest.raises(LongAnswerError):
        read([OK + b"Content-Length: 101\r\n\r\n"])


def test_headers_have_a_bound_in_all() -> None:
    line = b"A: " + b"b" * 95 + b"\r\n"
    rest = MAX_HEAD - len(OK)
    fits = line * (rest // 100 - 1)
    end = b"Content-Length: 0\r\n\r\n"
    fits += b"C: " + b"d" * (rest - len(fits) - len(end) - 5) + b"\r\n" + end
    assert read([OK, fits])[3] is True
    for more in (b"A: b\r\n" * MAX_HEAD, b"A: " + b"b" * MAX_HEAD, b"B" * MAX_HEAD):
        with pytest.raises(MalformedError):
            read([OK, more])


def test_interim_answers_are_not_taken_for_ever() -> None:
    with pytest.raises(MalformedError):
        read([b"HTTP/1.1 100 Continue\r\n\r\n"] * 10_000)


def test_what_follows_a_body_in_chunks_has_a_bound() -> None:
    start = OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
    with pytest.raises(MalformedError):
        read([start, b"T: " + b"t" * (MAX_HEAD + 1000)])


# --- rules

names = st.from_regex(rb"X-[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}", fullmatch=True)
values = st.from_regex(rb"[!-~\x80-\xff]([\t -~\x80-\xff]{0,20}[!-~\x80-\xff])?", fullmatch=True)


@st.composite
def answers(draw: st.DrawFn) -> tuple[bytes, Read]:
    """An answer with what it says."""
    status = draw(st.sampled_from([200, 201, 302, 400, 429, 500, 599]))
    headers = draw(st.lists(st.tuples(names, values), max_size=5))
    chunks = draw(st.lists(st.binary(min_size=1, max_size=20), max_size=4))
    if draw(st.booleans()):
        framing = (b"Content-Length", b"%d" % len(b"".join(chunks)))
        body = b"".join(chunks)
    else:
        framing = (b"Transfer-Encoding", b"chunked")
        body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    headers.insert(draw(st.integers(0, len(headers))), framing)
    lines = b"".join(b"%b: %b\r\n" % header for header in headers)
    text = b"HTTP/1.1 %d Text\r\n%b\r\n%b" % (status, lines, body)
    return text, (status, headers, b"".join(chunks), True, True)


@given(answers(), st.lists(st.integers(0, 400), max_size=6))
def test_every_answer_reads_the_same_however_it_is_cut(answer: tuple[bytes, Read], cuts: list[int]) -> None:
    text, meaning = answer
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    assert read(text[start:end] for start, end in pairwise(edges)) == meaning


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=4))
def test_any_bytes_behind_a_status_line_read_the_same_however_they_are_cut(rest: bytes, cuts: list[int]) -> None:
    text = OK + b"Transfer-Encoding: chunked\r\n\r\n" + rest
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    assert outcome(text[a:b] for a, b in pairwise(edges)) == outcome([text])


STARTS = [
    OK, b"HTTP/1.1 200 \r\n", b"HTTP/1.1 200\r\n", b"HTTP/1.1 204 N\r\n", b"HTTP/1.1 304 N\r\n",
    b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 100 C\r\n", b"HTTP/1.1 600 X\r\n", b"HTTP/1.1 200 O\x7f\r\n",
]  # fmt: skip
LINES = [
    b"Content-Length: 2\r\n", b"content-length:2\r\n", b"Content-Length: 02\r\n", b"Content-Length: 2 \r\n",
    b"Content-Length: 3\r\n", b"Content-Length: 200\r\n", b"Content-Length : 2\r\n", b"X-Content-Length: 1\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: x\r\n", b"Content-Encoding: gzip\r\n",
    b"Connection: keep-alive\r\n", b"Connection: close\r\n", b"Connection: Upgrade\r\n", b"Proxy-Connection: close\r\n",
    b"Upgrade: h2c\r\n", b"A:\r\n", b"A: \t b \r\n", b" folded\r\n", b": x\r\n", b"A: \x00\r\n", b"A: \x7f\r\n",
    b"A: \xff\n", b"A: a\rb\r\n", b"A\xff: b\r\n", b"A b\r\n",
]  # fmt: skip


@given(st.sampled_from(STARTS), st.lists(st.sampled_from(LINES), max_size=4), st.sampled_from([b"ab", b"abc", b"", OK]))
@example(OK, [b"Content-Length: 2\r\n", b"Proxy-Connection: close\r\n"], b"ab")
@example(OK, [b"Content-Length: 2\r\n", b"Transfer-Encoding: x\r\n"], b"ab")
@example(b"HTTP/1.1 204 N\r\n", [b"Content-Length: 2\r\n"], b"ab")
def test_an_answer_in_one_piece_is_what_it_is_in_two(start: bytes, lines: list[bytes], body: bytes) -> None:
    text = b"".join((start, *lines, b"\r\n", body))
    for is_head in (False, True):
        whole = outcome([text], is_head=is_head)
        assert (
            whole == outcome([text[:9], text[9:]], is_head=is_head) == outcome([text[:-1], text[-1:]], is_head=is_head)
        )


# --- what is said in its headers


@pytest.mark.parametrize("pieces", [1, 2])
def test_a_header_is_found_in_any_case_and_what_is_said_twice_stands_between_commas(pieces: int) -> None:
    reader = AnswerReader(is_head=False, most=100)
    text = OK + b"X-A: 1\r\nContent-Length: 0\r\nx-a:  \xd0\xb4 \r\nX-B: \xff\r\n\r\n"
    for piece in [text] if pieces == 1 else [text[:30], text[30:]]:
        reader.feed(piece)
    headers = AnswerHeaders(reader)
    assert (headers["X-a"], headers.get("x-b"), headers.get("X-C")) == (
        "1, \N{CYRILLIC SMALL LETTER DE}",
        "\ufffd",
        None,
    )
    assert ("CONTENT-LENGTH" in headers, "x-c" in headers) == (True, False)
    assert (list(headers), len(headers)) == (["x-a", "content-length", "x-b"], 3)


@pytest.mark.parametrize("pieces", [1, 2])
def test_how_the_body_is_packed_is_known(pieces: int) -> None:
    reader = AnswerReader(is_head=False, most=100)
    text = OK + b"Content-Length: 1\r\ncontent-Encoding: gzip\r\n\r\nx"
    for piece in [text] if pieces == 1 else [text[:30], text[30:]]:
        reader.feed(piece)
    assert (reader.coding, reader.is_complete) == (b"gzip", True)
