"""Settings: which source wins, and what a wrong one is told."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from botkit.exceptions import SettingsError
from botkit.redaction import Redactor, Secret
from botkit.settings import Settings, load_settings, read_dotenv

CANARY = "pass-word-canary"
URL = f"redis://:{CANARY}@127.0.0.1:6379/0"


def load(
    folder: Path, environ: Mapping[str, str] | None = None, *, flags: Mapping[str, Any] | None = None,
    toml: str = "", dotenv: str = "",
) -> Settings:  # fmt: skip
    if toml:
        (folder / "botkit.toml").write_text(toml, "utf-8")
    if dotenv:
        (folder / ".env").write_text(dotenv, "utf-8")
    return load_settings(environ or {}, folder=folder, flags=flags)


def refusal(folder: Path, environ: Mapping[str, str] | None = None, **sources: Any) -> str:
    with pytest.raises(SettingsError) as raised:
        load(folder, environ, **sources)
    assert raised.value.__cause__ is None
    return str(raised.value)


def test_the_password_of_the_store_is_a_secret_by_itself_and_in_its_address() -> None:
    settings = Settings(redis_url=Secret("rediss://botkit:p%40ss-of-a-store@redis.example.org/0"))
    redactor = Redactor(settings.secrets())
    told = "cannot use p@ss-of-a-store or p%40ss-of-a-store at rediss://botkit:p%40ss-of-a-store@redis.example.org/0"
    assert redactor.redact(told) == "cannot use *** or *** at ***"
    assert Settings().secrets() == []
    assert Settings(redis_url=Secret("redis://localhost")).secrets() == [Secret("redis://localhost")]


def test_without_any_source_there_are_defaults(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert settings == Settings()
    assert (settings.env, settings.host, settings.port) == ("dev", "127.0.0.1", 8000)
    assert settings.sources == {}


SOURCES: list[dict[str, Any]] = [
    {"toml": "port = 1"},
    {"dotenv": "BOTKIT_PORT=2"},
    {"environ": {"BOTKIT_PORT": "3"}},
    {"flags": {"port": 4}},
]


@pytest.mark.parametrize(
    ("count", "source"),
    [(1, "botkit.toml"), (2, ".env (BOTKIT_PORT)"), (3, "the environment (BOTKIT_PORT)"), (4, "--port")],
)
def test_the_nearest_source_wins_and_is_told(tmp_path: Path, count: int, source: str) -> None:
    given: dict[str, Any] = {}
    for part in SOURCES[:count]:
        given |= part
    settings = load(tmp_path, **given)
    assert settings.port == count
    assert settings.sources == {"port": source}


def test_each_setting_comes_from_its_own_source(tmp_path: Path) -> None:
    settings = load(
        tmp_path, {"BOTKIT_HOST": "bots.lan"}, toml='role = "web"', dotenv="BOTKIT_LOG=debug", flags={"workers": 2}
    )
    assert (settings.host, settings.role, settings.log, settings.workers) == ("bots.lan", "web", "debug", 2)
    assert set(settings.sources) == {"host", "role", "log", "workers"}


def test_a_flag_that_was_not_given_decides_nothing(tmp_path: Path) -> None:
    assert load(tmp_path, {"BOTKIT_PORT": "3"}, flags={"port": None}).port == 3


@pytest.mark.parametrize("text", ["", " ", "\t"])
def test_an_empty_variable_decides_nothing(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, {"BOTKIT_PORT": text}, toml="port = 1").port == 1


def test_all_settings_have_their_types(tmp_path: Path) -> None:
    settings = load(tmp_path, {
        "BOTKIT_ENV": "prod", "BOTKIT_REDIS_URL": URL, "BOTKIT_KEY_PREFIX": "shop", "BOTKIT_WORKERS": "2",
        "BOTKIT_PUBLIC_URL": "https://bots.example/", "BOTKIT_HOST": "::1", "BOTKIT_PORT": " 80 ", "BOTKIT_ROLE": "web",
        "BOTKIT_LOG": "error", "BOTKIT_LOG_FORMAT": "json", "BOTKIT_SHUTDOWN_SECONDS": "2.5", "BOTKIT_FOLDER": "/var/b",
        "BOTKIT_API_KEYS": "shop:0:send", "BOTKIT_API_KEYS_FILE": "/run/keys.toml",
        "BOTKIT_TIME_ZONE": "Europe/Zagreb", "BOTKIT_METRICS_TOKEN": "m" * 32,
    })  # fmt: skip
    assert settings == Settings(
        env="prod", redis_url=Secret(URL), key_prefix="shop", workers=2, public_url="https://bots.example", host="::1",
        port=80, role="web", log="error", log_format="json", shutdown_seconds=2.5, folder=Path("/var/b"),
        api_keys="shop:0:send", api_keys_file=Path("/run/keys.toml"), time_zone="Europe/Zagreb",
        metrics_token=Secret("m" * 32), sources=settings.sources,
    )  # fmt: skip
    assert settings.is_production


# --- production


@pytest.mark.parametrize(
    "source", [{"environ": {"BOTKIT_ENV": "prod"}}, {"toml": 'env = "prod"'}, {"flags": {"env": "prod"}}]
)
def test_production_reads_no_dotenv(tmp_path: Path, source: dict[str, Any]) -> None:
    settings = load(tmp_path, dotenv="BOTKIT_PORT=2", **source)
    assert settings.is_production
    assert settings.port == 8000


@pytest.mark.parametrize("source", [{"environ": {"BOTKIT_ENV": "dev"}}, {"flags": {"env": "dev"}}])
def test_a_nearer_source_that_says_development_reads_dotenv_again(tmp_path: Path, source: dict[str, Any]) -> None:
    assert load(tmp_path, toml='env = "prod"', dotenv="BOTKIT_PORT=2", **source).port == 2


# --- what is wrong is told with its name, its source and what it should be


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("env", "test", "one of dev, prod"),
        ("role", "both", "one of all, web, worker"),
        ("log", "loud", "one of debug, info, warning, error"),
        ("log_format", "xml", "one of auto, pretty, json"),
        ("port", "http", "a number from 0 to 65535"),
        ("port", "65536", "a number from 0 to 65535"),
        ("port", "-1", "a number from 0 to 65535"),
        ("port", "80.5", "a number from 0 to 65535"),
        ("port", "nan", "a number from 0 to 65535"),
        ("port", "inf", "a number from 0 to 65535"),
        ("workers", "0", "a number from 1 to 64"),
        ("workers", "65", "a number from 1 to 64"),
        ("shutdown_seconds", "-0.1", "a number from 0 to 600"),
        ("shutdown_seconds", "600.1", "a number from 0 to 600"),
        ("key_prefix", "a{b}", "letters, digits, hyphens and underscores"),
        ("key_prefix", "a b", "letters, digits, hyphens and underscores"),
        ("redis_url", "localhost:6379", "redis://, rediss:// or unix://"),
        ("redis_url", "http://localhost", "redis://, rediss:// or unix://"),
        ("redis_url", "redis://[::1", "redis://, rediss:// or unix://"),
        ("redis_url", "redis+cluster://a:7000,b:port", "each server of a cluster is written as host:port"),
        ("redis_url", "redis+cluster://a:7000/1", "redis+cluster://host:port,host:port, with no database but 0"),
        ("ack_replicas", "-1", "a number from 0 to 5"),
        ("ack_replicas", "6", "a number from 0 to 5"),
        ("ack_replicas", "0.5", "a number from 0 to 5"),
        ("time_zone", "Zagreb", "such as Europe/Zagreb"),
        ("time_zone", "../Europe/Zagreb", "such as Europe/Zagreb"),
        ("public_url", "bots.example", "such as https://bots.example.org"),
        ("public_url", "ftp://bots.example", "such as https://bots.example.org"),
        ("public_url", "https://", "such as https://bots.example.org"),
        ("public_url", "https://bots.example?a=1", "such as https://bots.example.org"),
        ("public_url", "https://ana:secret@bots.example", "such as https://bots.example.org"),
        ("public_url", "https://[bots.example", "such as https://bots.example.org"),
    ],
)
def test_a_wrong_value_is_told_with_name_source_and_what_it_should_be(
    tmp_path: Path, name: str, text: str, wanted: str
) -> None:
    variable = f"BOTKIT_{name.upper()}"
    told = refusal(tmp_path, {variable: text})
    assert told.startswith(f"the environment ({variable}): {name} must")
    assert wanted in told


@pytest.mark.parametrize(
    ("name", "text"),
    [("port", "0"), ("port", "65535"), ("workers", "1"), ("workers", "64"), ("shutdown_seconds", "0"),
     ("shutdown_seconds", "600"), ("key_prefix", "a-b_1:"), ("redis_url", "unix:///run/redis.sock?db=1"),
     ("redis_url", "rediss://cache.example"), ("public_url", "http://[::1]:8000/bots/")],
)  # fmt: skip
def test_the_bounds_themselves_are_good(tmp_path: Path, name: str, text: str) -> None:
    assert name in load(tmp_path, {f"BOTKIT_{name.upper()}": text}).sources


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ({"toml": "port = 'x'"}, "botkit.toml: port must be a number"),
        ({"dotenv": "BOTKIT_PORT=x"}, ".env (BOTKIT_PORT): port must be a number"),
        ({"flags": {"port": "x"}}, "--port: port must be a number"),
        ({"flags": {"log_format": "x"}}, "--log-format: log_format must be one of"),
        ({"toml": "port = []"}, "botkit.toml: port must be a number"),
        ({"toml": "host = 5"}, "botkit.toml: host must be a text"),
        ({"toml": "key_prefix = 5"}, "botkit.toml: key_prefix must be a text"),
        ({"toml": "folder = []"}, "botkit.toml: folder must be a text"),
        ({"toml": "env = ['dev']"}, "botkit.toml: env must be one of dev, prod"),
    ],
)
def test_the_source_that_is_told_is_where_the_value_stands(tmp_path: Path, source: dict[str, Any], told: str) -> None:
    assert refusal(tmp_path, **source).startswith(told)


@pytest.mark.parametrize(
    ("source", "where"),
    [
        ({"environ": {"BOTKIT_PROT": "80"}}, "the environment (BOTKIT_PROT)"),
        ({"dotenv": "BOTKIT_PROT=80"}, ".env (BOTKIT_PROT)"),
        ({"toml": "prot = 80"}, "botkit.toml"),
        ({"toml": "[limits]\nviber = 1"}, "botkit.toml"),
        ({"environ": {"BOTKIT_PORT_FILE": "/run/port"}}, "the environment (BOTKIT_PORT_FILE)"),
    ],
)
def test_an_unknown_setting_is_told_with_those_that_are_known(
    tmp_path: Path, source: dict[str, Any], where: str
) -> None:
    told = refusal(tmp_path, **source)
    assert told.startswith(f"{where}: there is no setting")
    assert "redis_url" in told
    assert "shutdown_seconds" in told


def test_what_is_not_named_after_botkit_is_left_alone(tmp_path: Path) -> None:
    assert load(tmp_path, {"PARCEL_TELEGRAM_TOKEN": "1", "PATH": "/bin", "BOTKIT_PYTHON": "python3"}) == Settings()


# --- files


@pytest.mark.parametrize("toml", ["port = ", "port 80", "port = 1\nport = 2"])
def test_a_file_that_is_no_toml_is_told(tmp_path: Path, toml: str) -> None:
    assert refusal(tmp_path, toml=toml).startswith("botkit.toml cannot be read")


@pytest.mark.parametrize("name", ["botkit.toml", ".env"])
def test_a_file_that_is_no_text_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"BOTKIT_PORT = 1 # \xff")
    assert refusal(tmp_path).startswith(f"{name} cannot be read")


@pytest.mark.parametrize("name", ["redis_url", "token", "viber_token", "secret", "api_secret"])
def test_a_secret_in_a_file_of_the_project_is_refused(tmp_path: Path, name: str) -> None:
    told = refusal(tmp_path, toml=f'{name} = "{CANARY}"')
    assert told.startswith(f"botkit.toml: {name} is a secret")
    assert f"BOTKIT_{name.upper()}_FILE" in told
    assert CANARY not in told


def test_dotenv_takes_the_forms_that_people_write(tmp_path: Path) -> None:
    text = "\n# a comment\nA=1\nexport B = two words \nC='quoted'\nD=\"a=b#c\"\nE=\n"
    (tmp_path / ".env").write_text(text)
    assert read_dotenv(tmp_path) == {"A": "1", "B": "two words", "C": "quoted", "D": "a=b#c", "E": ""}


def test_no_dotenv_is_an_empty_one(tmp_path: Path) -> None:
    assert read_dotenv(tmp_path) == {}


@pytest.mark.parametrize("line", ["novalue", "=1", "a b=1", "1A=2"])
def test_a_line_of_dotenv_that_says_nothing_is_told_by_its_number(tmp_path: Path, line: str) -> None:
    told = refusal(tmp_path, dotenv=f"A=1\n\n{line}{CANARY if '=' in line else ''}\n")
    assert told == ".env, line 3: expected NAME=value"


def test_a_secret_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "redis").write_text(f"{URL}\n")
    settings = load(tmp_path, {"BOTKIT_REDIS_URL_FILE": str(tmp_path / "redis")})
    assert settings.redis_url == Secret(URL)
    assert settings.sources == {"redis_url": "the environment (BOTKIT_REDIS_URL_FILE)"}


@pytest.mark.parametrize("content", [None, b"redis://\xff"])
def test_a_secret_s_file_that_cannot_be_read_is_told(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "redis").write_bytes(content)
    told = refusal(tmp_path, {"BOTKIT_REDIS_URL_FILE": str(tmp_path / "redis")})
    assert told.startswith("BOTKIT_REDIS_URL_FILE names a file that cannot be read")


# --- the password


@pytest.mark.parametrize("show", [repr, str, lambda settings: f"{settings}"])
def test_settings_print_without_the_password(tmp_path: Path, show: Any) -> None:
    settings = load(tmp_path, {"BOTKIT_REDIS_URL": URL})
    assert settings.redis_url is not None
    assert CANARY not in show(settings)


@given(st.text())
@example(f"://:{CANARY}@host")
@example(f"redis:{CANARY}")
@example(f"https://:{CANARY}@[::1")
@example(f"https://:{CANARY}@ho\u2100st")
@example(f"[{CANARY}")
def test_no_address_of_redis_is_repeated_in_an_error(text: str) -> None:
    told = ""
    try:
        load_settings({"BOTKIT_REDIS_URL": f"{text}{CANARY}"}, folder=Path("/nonexistent"))
    except SettingsError as error:
        told = f"{error!r} {error} {error.__cause__!r} {error.__context__!r}"
    assert CANARY not in told


@given(st.text())
@example("https://[")
@example("https://\u2100")
@example("https://a:b")
def test_any_public_address_is_taken_or_refused_in_our_words(text: str) -> None:
    try:
        settings = load_settings({"BOTKIT_PUBLIC_URL": text}, folder=Path("/nonexistent"))
    except SettingsError:
        return
    assert settings.public_url.startswith(("http://", "https://")) or not text.strip()


@pytest.mark.parametrize("url", ["redis+cluster://a:7000,b:7001", f"rediss+cluster://bot:{CANARY}@a:7000"])
def test_the_address_of_a_cluster_is_taken_as_it_is(tmp_path: Path, url: str) -> None:
    settings = load(tmp_path, {"BOTKIT_REDIS_URL": url, "BOTKIT_ACK_REPLICAS": "1"})
    assert settings.redis_url
    assert settings.redis_url.reveal() == url
    assert settings.ack_replicas == 1


def test_replicas_that_must_confirm_need_a_server_that_has_some(tmp_path: Path) -> None:
    assert "the embedded one has none" in refusal(tmp_path, {"BOTKIT_ACK_REPLICAS": "1"})
    assert load(tmp_path, {"BOTKIT_ACK_REPLICAS": "0"}).ack_replicas == 0
