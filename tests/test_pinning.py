"""An address from outside leads to public hosts alone, however it is written and whatever its name resolves to."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from botkit.exceptions import DownloadError, NotSentError
from botkit.http import Http
from botkit.pinning import NotPublicError, look_up, pin

PUBLIC = "93.184.216.34"

#: Ways to write an address of this machine, of its networks, or of what is none of a stranger's business.
HOSTS = (
    # As numbers: whole, short, decimal, octal, hexadecimal, mixed, padded, too long.
    *("127.0.0.1", "127.1", "127.0.1", "127.255.255.254", "0", "0.0.0.0", "2130706433", "017700000001"),  # noqa: S104
    *("0x7f000001", "0x7f.1", "0x7f.0x0.0x0.0x1", "0177.0.0.1", "0177.0.0.01", "127.0.0.0x1", "00000177.0.0.1"),
    *("127.000.000.001", "4294967297", "425.510.425.510", "127.0.0.1.", "2130706433."),
    # Inner networks, and what clouds tell their machines.
    *("10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "198.18.0.1", "224.0.0.1", "255.255.255.255"),
    *("169.254.169.254", "2852039166", "0xa9fea9fe", "169.254.43518", "0251.0376.0251.0376", "192.0.0.192"),
    # IPv6, and IPv4 within it.
    *("[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]"),
    *("[64:ff9b::7f00:1]", "[2002:7f00:1::1]", "[2001:0:808:808::80ff:fffe]", "[fe80::1]", "[fe80::1%25lo]"),
    *("[fd00::1]", "[::ffff:169.254.169.254]", "[fec0::1]", "[ff02::1]"),
    # Names: of this machine, of inner networks, with dots and in letters that some readers change.
    *("localhost", "LOCALHOST", "localhost.", "a.localhost", "localhost.localdomain.internal", "db.internal"),
    *("printer.local", "printer.local.", "nas.lan", "router.home.arpa", "redis", "metadata"),
    *("①②⑦.⓪.⓪.①", "１２７.０.０.１", "127。0。0。1", "ⓛocalhost", "loc%61lhost", "xn--.localhost"),
)  # fmt: skip
#: Whole addresses: of another scheme, port or user, and such that readers do not agree on their host.
URLS = (
    *("http://media.example/a", "ftp://media.example/a", "file:///etc/passwd", "gopher://media.example/"),
    *("//media.example", "https://media.example:80/", "https://media.example:6379/", "https://media.example:8443/", "https://media.example:0/"),
    *("https://127.0.0.1@media.example/", "https://media.example@127.0.0.1/", "https://a:b@media.example/"),
    *("https://media.example\\@127.0.0.1/", "https:\\\\media.example/", "https://media.example#@127.0.0.1:443\\"),
    *("https://127.0.0.1\\.media.example/", "https://media.ex\tample/", "https://media.example/\r\nHost: localhost"),
    *("https://media.example:443:80/", "https://[::1/", "https:///a", "https:media.example", "javascript:alert(1)", ""),
)  # fmt: skip
CORPUS = (*(f"https://{host}/latest/meta-data" for host in HOSTS), *URLS)


def test_the_corpus_is_as_large_as_promised() -> None:
    assert len(set(CORPUS)) == len(CORPUS) >= 60


class Canary:
    """A server on this machine, on the port of https where that is allowed, that counts who comes."""

    def __init__(self) -> None:
        self.hits = 0
        self._servers: list[asyncio.Server] = []

    async def start(self) -> None:
        for host in ("127.0.0.1", "::1"):
            for port in (443, 0):
                try:
                    self._servers.append(await asyncio.start_server(self._serve, host, port))
                    break
                except OSError:
                    continue
        assert self._servers

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.hits += 1
        writer.close()

    def stop(self) -> None:
        for server in self._servers:
            server.close()


@pytest.fixture
async def canary() -> AsyncIterator[Canary]:
    canary = Canary()
    await canary.start()
    yield canary
    canary.stop()


class Wire(httpx.AsyncBaseTransport):
    """Answers every request, and remembers it: nothing of a corpus may come as far as this."""

    def __init__(self, answer: httpx.Response | None = None) -> None:
        self.asked: list[httpx.Request] = []
        self._answer = answer or httpx.Response(200, content=b"secret")

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return self._answer


def answers(*numbers: str) -> Callable[[str], Awaitable[Sequence[str]]]:
    async def resolve(host: str) -> Sequence[str]:
        return numbers

    return resolve


# --- the corpus


async def test_no_form_of_the_corpus_reaches_a_server_on_this_machine(canary: Canary) -> None:
    async with Http(read_seconds=1, seconds=2) as client:
        for url in CORPUS:
            with pytest.raises(DownloadError):
                await client.download(url, most=100, is_foreign=True)
            with pytest.raises(NotSentError):
                await client.request("POST", url, json={}, is_foreign=True)
    assert canary.hits == 0


@pytest.mark.parametrize("url", CORPUS)
async def test_no_form_of_the_corpus_is_asked_for_even_where_every_name_resolves_to_a_public_number(url: str) -> None:
    wire = Wire()
    async with Http(transport=wire, resolve=answers(PUBLIC)) as client:
        with pytest.raises(DownloadError) as raised:
            await client.download(url, most=100, is_foreign=True)
    assert wire.asked == []
    assert "meta-data" not in str(raised.value)


@pytest.mark.parametrize("host", [host for host in HOSTS if host.isascii()])
async def test_no_host_of_the_corpus_that_a_resolver_of_this_machine_knows_is_a_public_number(host: str) -> None:
    # What getaddrinfo makes of such a word must not be public even if its form had passed.
    try:
        found = await look_up(host.strip("[]").replace("%25", "%"))
    except OSError:
        return
    with pytest.raises(NotPublicError):
        await pin("https://media.example/", answers(*found))


# --- names that resolve to something inner


@pytest.mark.parametrize(
    "numbers",
    [
        ["127.0.0.1"],
        [PUBLIC, "127.0.0.1"],
        ["169.254.169.254", PUBLIC],
        ["::1"],
        ["::ffff:10.0.0.1"],
        ["64:ff9b::a9fe:a9fe"],
        [PUBLIC, "fe80::1%eth0"],
        [],
        ["not a number"],
    ],
)
async def test_a_name_with_any_address_that_is_not_public_is_not_asked(numbers: list[str]) -> None:
    wire = Wire()
    async with Http(transport=wire, resolve=answers(*numbers)) as client:
        with pytest.raises(NotSentError):
            await client.request("POST", "https://media.example/", is_foreign=True)
    assert wire.asked == []


async def test_a_name_is_looked_up_once_so_that_no_second_answer_leads_elsewhere() -> None:
    wire, replies = Wire(), [["127.0.0.1"], [PUBLIC]]

    async def rebinding(host: str) -> Sequence[str]:
        return replies.pop()

    async with Http(transport=wire, resolve=rebinding) as client:
        assert (await client.download("https://media.example/a?b=c", most=100, is_foreign=True)).content == b"secret"
    assert [request.url.host for request in wire.asked] == [PUBLIC]
    assert replies == [["127.0.0.1"]]


async def test_the_number_is_connected_to_and_the_name_is_asked_for() -> None:
    wire = Wire()
    async with Http(transport=wire, resolve=answers(PUBLIC, "8.8.8.8")) as client:
        await client.request("POST", "https://Shop.Example:443/a%20b/../c?d=é#f", content=b"x", is_foreign=True)
    request = wire.asked[0]
    assert (request.url.scheme, request.url.host, request.url.port) == ("https", PUBLIC, None)
    assert request.headers.get_list("host") == ["shop.example"]
    assert request.extensions["sni_hostname"] == "shop.example"
    assert request.url.raw_path == b"/c?d=%C3%A9"
    # Kept, the connection would be taken for another name at the same number.
    assert request.headers["connection"] == "close"


async def test_a_number_of_ipv6_is_connected_to_as_one() -> None:
    pinned = await pin("https://media.example/a", answers("2606:4700::1111"))
    assert (pinned.url, pinned.host) == ("https://[2606:4700::1111]/a", "media.example")


@pytest.mark.parametrize("error", [OSError("no"), UnicodeError("label too long"), TimeoutError()])
async def test_a_name_that_cannot_be_looked_up_is_not_sent_to(error: Exception) -> None:
    async def fails(host: str) -> Sequence[str]:
        raise error

    with pytest.raises(NotPublicError) as raised:
        await pin("https://media.example/", fails)
    assert "media.example" not in str(raised.value)


async def test_an_address_of_ours_is_neither_looked_up_nor_checked() -> None:
    wire = Wire()
    async with Http(transport=wire, resolve=answers()) as client:
        await client.request("GET", "http://127.0.0.1:8081/bot/getMe")
    assert str(wire.asked[0].url) == "http://127.0.0.1:8081/bot/getMe"


# --- redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_leads_inside(canary: Canary, status: int) -> None:
    wire = Wire(httpx.Response(status, headers={"location": "http://127.0.0.1/latest/meta-data"}))
    async with Http(transport=wire, resolve=answers(PUBLIC)) as client:
        with pytest.raises(DownloadError, match=f"HTTP {status}"):
            await client.download("https://media.example/", most=100, is_foreign=True)
        assert (await client.request("POST", "https://media.example/", is_foreign=True)).status == status
    assert [request.url.host for request in wire.asked] == [PUBLIC, PUBLIC]
    assert canary.hits == 0


# --- certificates


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for media.example, trusted by whoever reads it, and its key."""
    folder, key, now = tmp_path_factory.mktemp("tls"), ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "media.example")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = (
        builder.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    )
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("media.example")]), critical=False)
    made = builder.sign(key, hashes.SHA256())
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"


@asynccontextmanager
async def secured(authority: tuple[Path, Path], seen: list[str | None]) -> AsyncIterator[int]:
    """A server with that certificate on loopback, which notes the names that it is asked for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority)
    context.sni_callback = lambda _socket, name, _context: seen.append(name)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    yield int(server.sockets[0].getsockname()[1])
    server.close()


@pytest.mark.parametrize(("name", "is_theirs"), [("media.example", True), ("other.example", False)])
async def test_the_certificate_is_checked_for_the_name_and_not_for_the_number(
    authority: tuple[Path, Path], name: str, is_theirs: bool
) -> None:
    seen: list[str | None] = []
    context = ssl.create_default_context(cafile=str(authority[0]))
    async with secured(authority, seen) as port, httpx.AsyncHTTPTransport(verify=context) as transport:
        url, more = f"https://127.0.0.1:{port}/", {"sni_hostname": name}
        request = httpx.Request("GET", url, headers={"host": name}, extensions=more)
        if is_theirs:
            assert (await transport.handle_async_request(request)).status_code == 200
        else:
            with pytest.raises(httpx.ConnectError):
                await transport.handle_async_request(request)
    assert seen == [name]
