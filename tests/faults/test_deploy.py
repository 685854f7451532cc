"""What deploy/ shows works as it stands there: nginx in front, units, the Redis of the compose file, the image."""

import hashlib
import re
import shlex
import shutil
import signal
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from botkit.cli.store_checks import acl_file
from botkit.redis.audit import audit
from botkit.redis.store import RedisStore
from tests.generated import ROOT
from tests.ports import free_port, is_listening, is_ready
from tests.processes.conftest import (
    OLENA,
    PUBLIC_URL,
    AppChild,
    OwnRedis,
    Project,
    Services,
    folder,
    own_redis,
    project,
    services,
    until,
)

__all__ = ["folder", "own_redis", "project", "services"]

DEPLOY = ROOT / "deploy"
HOST = PUBLIC_URL.removeprefix("https://")
BOTKIT = Path(sys.executable).with_name("botkit")
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
PASSWORD = "compose-password"


# --- nginx ---


class Nginx:
    """nginx with the site of deploy/nginx, whose addresses and files are this test's."""

    def __init__(self, folder: Path, behind: AppChild) -> None:
        program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
        if program is None:
            pytest.skip("no nginx on this machine")
        self.folder = folder
        self.port = free_port()
        folder.mkdir()
        self.trusted = _certify(folder)
        site = (DEPLOY / "nginx" / "botkit.conf").read_text("utf-8")
        live = "/etc/letsencrypt/live/bots.example.org"
        for shown, ours in {
            "127.0.0.1:8000": f"127.0.0.1:{behind.port}",
            "listen 443 ssl": f"listen 127.0.0.1:{self.port} ssl",
            f"{live}/fullchain.pem": f"{folder}/fullchain.pem",
            f"{live}/privkey.pem": f"{folder}/privkey.pem",
            "/var/log/nginx/botkit.log": f"{folder}/access.log",
        }.items():
            assert shown in site
            site = site.replace(shown, ours)
        (folder / "site.conf").write_text(site)
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        places = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
        (folder / "nginx.conf").write_text(
            f"daemon off;\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\n"
            f"http {{\n{places}include {folder}/site.conf;\n}}\n"
        )
        # As root it would give its rights away, and with them the way into this folder.
        user = ["-g", "user root;"] if (folder.owner() == "root") else []
        self.process = subprocess.Popen([program, "-p", str(folder), "-c", "nginx.conf", *user], cwd=folder)

    @property
    def accesses(self) -> str:
        return (self.folder / "access.log").read_text()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(20)


def _certify(folder: Path) -> ssl.SSLContext:
    """Writes a key and a certificate for the site, and returns a context that trusts it alone."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "privkey.pem").write_bytes(key.private_bytes(pem, private, serialization.NoEncryption()))
    return ssl.create_default_context(cafile=str(folder / "fullchain.pem"))


@pytest.fixture
async def nginx(folder: Path, project: Project, services: Services, own_redis: OwnRedis) -> AsyncIterator[Nginx]:
    """nginx before a service of two workers, and the channels' services before nginx."""
    app = await project.start("run", "--workers=2").until_ready()
    nginx = Nginx(folder / "nginx", app)
    try:
        await until(lambda: is_listening(nginx.port), told=lambda: (nginx.folder / "error.log").read_text())
        async with httpx.AsyncHTTPTransport(verify=nginx.trusted) as transport:
            services.front.lead_through(transport, nginx.port)
            yield nginx
    finally:
        nginx.stop()


async def test_a_conversation_goes_through_nginx_with_tls_and_its_own_path(nginx: Nginx, services: Services) -> None:
    await services.set_webhook("telegram")
    for number, text in enumerate(["hello", "and again"], 1):
        await services.telegram.says("shop-telegram", OLENA, text)
        assert await services.until_replied(services.telegram, number) == ["1: hello", "2: and again"][:number]
    assert "POST /webhooks/telegram 200" in nginx.accesses
    # Gateways have a token there.
    assert "ta=" not in nginx.accesses


async def test_nginx_passes_what_is_for_outside_as_it_came_and_nothing_else(nginx: Nginx, services: Services) -> None:
    async with httpx.AsyncClient(verify=nginx.trusted, base_url=f"https://127.0.0.1:{nginx.port}") as client:

        async def status(method: str, path: str, content: bytes = b"", **headers: str) -> int:
            named = {"Host": HOST, **headers}
            answer = await client.request(
                method, path, headers=named, content=content, extensions={"sni_hostname": HOST}
            )
            assert "botkit" not in answer.headers.get("server", "")
            return answer.status_code

        for path in ("/metrics", "/readyz", "/healthz", "/play/accounts", "/inspect", "/"):
            assert await status("GET", path) == 404, path
        assert await status("POST", "/webhooks/telegram?ta=shop-telegram", content=b"{}") == 403
        genuine = {"X-Telegram-Bot-Api-Secret-Token": services.environ["SHOP_TELEGRAM_SECRET"]}
        # An address comes through as it was, however it is written.
        for address in ("/webhooks/telegram?ta=shop%2Dtelegram&x=%2F..%2F", "/webhooks/%74elegram?ta=shop-telegram"):
            assert await status("POST", address, content=b'{"update_id": 1}', **genuine) == 200, address
        assert await status("POST", "/webhooks/telegram?ta=shop-telegram", content=b"x" * (1024 * 1024)) == 403
        assert await status("POST", "/webhooks/telegram?ta=shop-telegram", content=b"x" * (1024 * 1024 + 1)) == 413
        assert await status("POST", "/messages/send", content=b"{}") == 401


# --- systemd ---


def read_unit(unit: Path) -> dict[str, list[str]]:
    """Returns the settings of a unit's service."""
    service = unit.read_text("utf-8").split("[Service]")[1].split("[Install]")[0]
    found: dict[str, list[str]] = {}
    for line in service.splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_finds_nothing_wrong_with_a_unit(unit: Path, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze on this machine")
    installed = tmp_path / unit.name.replace("@", "@web")
    text = unit.read_text("utf-8").replace("/opt/botkit/.venv/bin/botkit", "/bin/true")
    # The user is made when it is installed.
    installed.write_text(re.sub(r"^(User|Group)=.*$", r"\1=root", text, flags=re.MULTILINE))
    verified = subprocess.run(["systemd-analyze", "verify", installed], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")


@pytest.mark.parametrize(
    ("unit", "instance"), [(UNITS[0], ""), (UNITS[1], "web"), (UNITS[1], "worker")], ids=["all", "web", "worker"]
)
async def test_a_units_own_command_serves_and_ends_as_the_unit_asks(
    project: Project, services: Services, own_redis: OwnRedis, unit: Path, instance: str
) -> None:
    told = read_unit(unit)
    (command,) = (shlex.split(line.replace("%i", instance)) for line in told["ExecStart"])
    assert command[0] == "/opt/botkit/.venv/bin/botkit"
    for setting in shlex.split(" ".join(told["Environment"])):
        name, _, value = setting.partition("=")
        project.environ[name] = value
    # What the unit reads from /etc/botkit is in this project's environment; without a banner, the port must be known.
    port = free_port()
    app = project.start(*command[1:], port=port)
    await until(lambda: is_ready(port) or app.process.poll() is not None, told=lambda: app.output)
    assert app.process.poll() is None, app.output
    app.process.send_signal(signal.SIGTERM)
    assert await app.until_ended(seconds=float(told["TimeoutStopSec"][0])) == 0
    assert told["RestartPreventExitStatus"] == ["2 3"]


# --- compose ---


@pytest.fixture
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    return found


def test_the_compose_file_lets_nobody_in_and_keeps_no_secret(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert services.keys() == {"redis", "web", "worker"}
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports == ["127.0.0.1:8000:8000"]
    for service in services.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["restart"] == "unless-stopped"
    for half in ("web", "worker"):
        assert services[half]["command"][2:4] == ["--role", half]
        assert services[half]["depends_on"] == {"redis": {"condition": "service_healthy"}}
        assert services[half]["build"]["dockerfile"] == "deploy/container/Containerfile"
        assert services[half]["env_file"] == ["botkit.env"]
        assert "environment" not in services[half]
    assert (DEPLOY / services["web"]["build"]["context"]).resolve() == ROOT


class ComposedRedis:
    """A Redis that runs the compose file's very command, with the users that `botkit doctor --acl` prints."""

    def __init__(self, folder: Path, command: list[str], program: str) -> None:
        self._port, self._folder = free_port(), folder
        self.url = f"redis://botkit:{PASSWORD}@127.0.0.1:{self._port}/0"
        password = hashlib.sha256(PASSWORD.encode()).hexdigest()
        (folder / "users.acl").write_text(acl_file("bk").replace("<sha256 of the password>", password))
        (folder / "data").mkdir()
        places = {"/data": str(folder / "data"), "/etc/redis/users.acl": str(folder / "users.acl")}
        options = (places.get(word, word) for word in command[1:])
        self._command = [program, *options, "--port", str(self._port), "--save", ""]

    def start(self) -> None:
        self._server = subprocess.Popen(self._command, cwd=self._folder)

    async def until_listening(self) -> None:
        await until(lambda: is_listening(self._port))

    def kill(self) -> None:
        self._server.kill()
        self._server.wait()


@pytest.fixture
async def composed_redis(folder: Path, compose: dict[str, Any]) -> AsyncIterator[ComposedRedis]:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("no redis-server on this machine")
    server = ComposedRedis(folder, compose["services"]["redis"]["command"], program)
    server.start()
    await server.until_listening()
    yield server
    server.kill()


async def test_a_conversation_goes_through_the_compose_files_redis(
    project: Project, services: Services, composed_redis: ComposedRedis
) -> None:
    project.environ |= {"BOTKIT_REDIS_URL": composed_redis.url, "BOTKIT_ENV": "prod"}
    store = RedisStore(composed_redis.url)
    web = await project.start("run", "--role=web").until_ready()
    await project.start("run", "--role=worker", "--workers=2").until_ready()
    await services.greet(web)
    assert await audit(store) == []
    await store.close()


async def test_the_compose_files_redis_has_all_that_a_script_wrote_when_it_comes_back(
    composed_redis: ComposedRedis,
) -> None:
    store = RedisStore(composed_redis.url)
    await store.ingest("telegram:demo:1", "e" * 22, b"{}", token="", window=60)
    await store.close()
    composed_redis.kill()
    composed_redis.start()
    await composed_redis.until_listening()
    store = RedisStore(composed_redis.url)
    assert not await store.is_idle("telegram:demo:1")
    assert await audit(store) == []
    await store.close()


def test_the_compose_files_redis_begins_without_half_a_transaction(compose: dict[str, Any], tmp_path: Path) -> None:
    if shutil.which("redis-check-aof") is None:
        pytest.skip("no redis-check-aof on this machine")
    entrypoint = [word.replace("$$", "$") for word in compose["services"]["redis"]["entrypoint"]]
    assert subprocess.run([*entrypoint, "echo", "fresh"], cwd=tmp_path, capture_output=True).stdout == b"fresh\n"
    files = tmp_path / "appendonlydir"
    files.mkdir()
    (files / "appendonly.aof.manifest").write_text("file appendonly.aof.1.incr.aof seq 1 type i\n")
    whole, half = (
        b"*1\r\n$4\r\nPING\r\n",
        b"*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n*1\r\n$4\r\nEX",
    )
    (files / "appendonly.aof.1.incr.aof").write_bytes(whole + half)
    ran = subprocess.run([*entrypoint, "echo", "repaired"], cwd=tmp_path, capture_output=True)
    assert ran.stdout.endswith(b"\nrepaired\n")
    assert (files / "appendonly.aof.1.incr.aof").read_bytes() == whole


def test_the_compose_files_redis_loses_nothing(compose: dict[str, Any]) -> None:
    command = compose["services"]["redis"]["command"]
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert options["--appendonly"] == "yes"
    assert options["--appendfsync"] == "always"
    assert options["--maxmemory-policy"] == "noeviction"
    assert options["--aclfile"] == "/etc/redis/users.acl"


# --- the image ---


def steps(stage: int) -> list[tuple[str, str]]:
    """Returns the instructions of a stage of the Containerfile, each with what it says."""
    text = (DEPLOY / "container" / "Containerfile").read_text("utf-8").replace("\\\n", " ")
    stages = text.split("\nFROM ")[stage].splitlines()[1:]
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in stages if line and not line.startswith("#")]


def test_the_image_is_made_of_what_the_repository_has_and_runs_as_nobody() -> None:
    for stage in (1, 2):
        for instruction, words in steps(stage):
            if instruction == "COPY" and not words.startswith("--from"):
                assert all((ROOT / source).exists() for source in words.split()[:-1]), words
    last = dict(steps(2))
    assert last["USER"] == "botkit"
    assert last["ENTRYPOINT"] == '["botkit"]'
    ignored = (DEPLOY / "container" / "Containerfile.dockerignore").read_text("utf-8").split()
    assert ignored[0] == "*"
    assert all((ROOT / name.removeprefix("!")).exists() for name in ignored if name.startswith("!"))


def test_the_steps_of_the_image_give_a_botkit_that_knows_its_bots(folder: Path, request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("--long"):
        pytest.skip("installs everything from the package index, which takes a minute: --long")
    image = folder / "image"
    image.mkdir()
    for instruction, words in steps(1):
        if instruction == "COPY":
            _copy(image, words)
        elif instruction == "RUN":
            command = words.replace("python -m venv", f"{sys.executable} -m venv", 1)
            subprocess.run(shlex.split(command), cwd=image, check=True, timeout=600)
    ran = subprocess.run([image / ".venv/bin/botkit", "--version"], cwd=image, capture_output=True, check=True)
    assert b"0.1.0" in ran.stdout
    for instruction, words in steps(2):
        if instruction == "COPY" and not words.startswith("--from"):
            _copy(image, words)
    listed = subprocess.run([image / ".venv/bin/botkit", "routes"], cwd=image, capture_output=True, check=True)
    assert b"handlers/parcel.py" in listed.stdout


def _copy(image: Path, words: str) -> None:
    *sources, target = words.split()
    for source in sources:
        place = image / target / Path(source).name if target.endswith("./") or target == "./" else image / target
        place.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, place)
