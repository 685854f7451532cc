"""The way to Redis may be encrypted: the server's certificate is checked, and its password asked for."""

import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from botkit.exceptions import StoreUnavailableError
from botkit.redis.store import RedisStore
from tests.ports import free_port

PASSWORD = "tls-pass-of-a-test"


def certificate(folder: Path, name: str) -> Path:
    """Makes a certificate for a host that vouches for itself, and its key beside it."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    path = folder / f"{name}.pem"
    path.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    kind, form = serialization.PrivateFormat.PKCS8, serialization.Encoding.PEM
    path.with_suffix(".key").write_bytes(key.private_bytes(form, kind, serialization.NoEncryption()))
    return path


class Secured:
    """A server that takes encrypted connections alone, with a certificate for one name."""

    def __init__(self, folder: Path, program: str, name: str) -> None:
        self.certificate = certificate(folder, name)
        self.port = free_port()
        options = {
            "port": "0", "tls-port": str(self.port), "bind": "127.0.0.1", "dir": str(folder), "save": "",
            "tls-cert-file": str(self.certificate), "tls-key-file": str(self.certificate.with_suffix(".key")),
            "tls-ca-cert-file": str(self.certificate), "tls-auth-clients": "no", "requirepass": PASSWORD,
        }  # fmt: skip
        words = [word for option, value in options.items() for word in (f"--{option}", value)]
        self.process = subprocess.Popen([program, *words], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        for line in self.process.stdout:
            if "Ready to accept" in line:
                return
        self.process.wait(5)
        pytest.skip("this machine's Redis has no TLS")

    def url(self, password: str = PASSWORD, **more: str) -> str:
        extra = "&".join(f"{name}={value}" for name, value in more.items())
        return f"rediss://:{password}@localhost:{self.port}/0?{extra}"

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def secured(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Secured]:
    program = shutil.which("valkey-server") or shutil.which("redis-server")
    if program is None:
        pytest.skip("no valkey-server or redis-server on this machine")
    server = Secured(tmp_path, program, getattr(request, "param", "localhost"))
    yield server
    server.stop()


async def answers(url: str) -> str:
    """Returns an empty text if a store at the address answers, else what it says."""
    store = RedisStore(url)
    try:
        await store.ping()
    except StoreUnavailableError as error:
        return str(error)
    finally:
        await store.close()
    return ""


async def test_a_server_is_reached_by_tls_and_only_with_a_certificate_for_its_name(secured: Secured) -> None:
    trusted = str(secured.certificate)
    assert await answers(secured.url(ssl_ca_certs=trusted)) == ""
    assert await answers(secured.url()) != ""


@pytest.mark.parametrize("secured", ["other.example"], indirect=True)
async def test_a_certificate_for_another_name_is_none(secured: Secured) -> None:
    assert await answers(secured.url(ssl_ca_certs=str(secured.certificate))) != ""


async def test_a_wrong_password_is_told_without_it(secured: Secured) -> None:
    said = await answers(secured.url("wrong-pass-of-a-test", ssl_ca_certs=str(secured.certificate)))
    assert said
    assert "wrong-pass" not in said
    assert "localhost" not in said
