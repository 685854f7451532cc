"""The service's settings: from flags, the environment, `.env` in development, `botkit.toml`, then the defaults."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import SplitResult, unquote, urlsplit

from msgspec import Struct

from botkit.exceptions import SettingsError
from botkit.redaction import Secret
from botkit.redis.urls import SCHEMES, ClusterUrl, is_cluster
from botkit.send_schedule import DEFAULT_ZONE
from botkit.time_zones import find_zone

Environment = Literal["dev", "prod"]
LogFormat = Literal["auto", "pretty", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]


class Settings(Struct, frozen=True, kw_only=True):
    """What the operator chose. `sources` tells where each value that is no default came from."""

    env: Environment = "dev"
    redis_url: Secret | None = None
    ack_replicas: int = 0
    key_prefix: str = "bk"
    public_url: str = ""
    host: str = "127.0.0.1"
    port: int = 8000
    role: Literal["all", "web", "worker"] = "all"
    workers: int = 1
    log: LogLevel = "info"
    log_format: LogFormat = "auto"
    shutdown_seconds: float = 10
    folder: Path = Path(".botkit")
    api_keys: str = ""
    api_keys_file: Path | None = None
    time_zone: str = DEFAULT_ZONE
    metrics_token: Secret | None = None
    forget_after_days: float = 0
    sources: Mapping[str, str] = {}

    def secrets(self) -> list[Secret]:
        """Returns what nobody may print: the store's address, its password by itself, and who may read the metrics."""
        given = [secret for secret in (self.redis_url, self.metrics_token) if secret]
        password = urlsplit(self.redis_url.reveal()).password if self.redis_url else None
        return [*given, *([Secret(password), Secret(unquote(password))] if password else [])]

    @property
    def is_production(self) -> bool:
        """Whether simulated accounts and an embedded server are refused."""
        return self.env == "prod"


#: Every setting that may be given as BOTKIT_<NAME>, and how it is read.
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "env": get_args(Environment),
    "role": ("all", "web", "worker"),
    "log": get_args(LogLevel),
    "log_format": get_args(LogFormat),
}
_NUMBERS: Mapping[str, tuple[float, float]] = {
    "port": (0, 65535),
    "workers": (1, 64),
    "shutdown_seconds": (0, 600),
    "ack_replicas": (0, 5),
    "forget_after_days": (0, 3650),
}
_NAMES = ("env", "redis_url", "ack_replicas", "key_prefix", "public_url", "host", "port", "role", "workers", "log",
          "log_format", "shutdown_seconds", "folder", "api_keys", "api_keys_file", "time_zone", "metrics_token",
          "forget_after_days")  # fmt: skip
# 128 bits in hexadecimal.
_TOKEN_LENGTH = 32
_SECRETS = ("redis_url", "metrics_token")


def load_settings(
    environ: Mapping[str, str] = os.environ, *, folder: Path | None = None, flags: Mapping[str, Any] | None = None
) -> Settings:
    """Reads the settings; what is given more than once is taken from flags, environment, `.env`, `botkit.toml`.

    Raises SettingsError that names the setting, its source, and what it should be. An unknown BOTKIT_ setting is one.
    """
    folder = folder or Path()
    found: dict[str, tuple[str, Any]] = {}
    found.update({name: ("botkit.toml", value) for name, value in _read_toml(folder).items()})
    environment = {name: ("the environment", text) for name, text in environ.items()}
    if _env(environ, found, flags or {}) != "prod":
        environment = {name: (".env", text) for name, text in read_dotenv(folder).items()} | environment
    found.update(_read_environment(environment))
    found.update({n: (f"--{n.replace('_', '-')}", v) for n, v in (flags or {}).items() if v is not None})
    values = {name: _convert(name, value, source) for name, (source, value) in found.items()}
    settings = Settings(**values, sources={name: source for name, (source, _) in found.items()})
    if settings.ack_replicas and settings.redis_url is None:
        raise SettingsError(
            f"{settings.sources['ack_replicas']}: ack_replicas is {settings.ack_replicas}, and there is no redis_url",
            fix="set BOTKIT_REDIS_URL to a server with replicas: the embedded one has none",
        )
    return settings


def _env(environ: Mapping[str, str], found: Mapping[str, tuple[str, Any]], flags: Mapping[str, Any]) -> str:
    _, written = found.get("env", ("", ""))
    return str(flags.get("env") or environ.get("BOTKIT_ENV", "").strip() or written)


def read_dotenv(folder: Path) -> dict[str, str]:
    """Reads `NAME=value` lines of `.env`; quotes around a value are dropped, lines with # are comments."""
    path = folder / ".env"
    if not path.is_file():
        return {}
    values: dict[str, str] = {}
    for number, line in enumerate(_read_text(path).splitlines(), 1):
        text = line.strip().removeprefix("export ")
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        if not equals or not name.strip().isidentifier():
            raise SettingsError(f".env, line {number}: expected NAME=value")
        values[name.strip()] = value.strip().strip("'\"")
    return values


def _read_toml(folder: Path) -> dict[str, Any]:
    path = folder / "botkit.toml"
    if not path.is_file():
        return {}
    try:
        values = tomllib.loads(_read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"botkit.toml cannot be read: {error}") from None
    for name in values:
        if name in _SECRETS or "token" in name or "secret" in name:
            raise SettingsError(
                f"botkit.toml: {name} is a secret and must not stand in a file of the project",
                fix=f"set BOTKIT_{name.upper()} in the environment, or BOTKIT_{name.upper()}_FILE",
            )
        _require_known(name, "botkit.toml")
    return values


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path.name} cannot be read ({_reason(error)})") from None


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return str(error.strerror) if isinstance(error, OSError) else "it is not UTF-8"


def _read_environment(environment: Mapping[str, tuple[str, str]]) -> dict[str, tuple[str, Any]]:
    found: dict[str, tuple[str, Any]] = {}
    for key, (source, text) in environment.items():
        if not key.startswith("BOTKIT_") or key == "BOTKIT_PYTHON" or not text.strip():
            continue
        name = key.removeprefix("BOTKIT_").lower()
        if name.endswith("_file") and name.removesuffix("_file") in _SECRETS:
            found[name.removesuffix("_file")] = (f"{source} ({key})", _read_file(key, text))
            continue
        _require_known(name, f"{source} ({key})")
        found[name] = (f"{source} ({key})", text.strip())
    return found


def _read_file(key: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{key} names a file that cannot be read ({_reason(error)})") from None


def _require_known(name: str, source: str) -> None:
    if name not in _NAMES:
        raise SettingsError(f"{source}: there is no setting {name!r}", fix=f"known are: {', '.join(_NAMES)}")


def _convert(name: str, value: Any, source: str) -> Any:
    if name in _CHOICES and value not in _CHOICES[name]:
        raise SettingsError(f"{source}: {name} must be one of {', '.join(_CHOICES[name])}, not {value!r}")
    if name in _NUMBERS:
        return _number(name, value, source)
    if not isinstance(value, (str, Path)):
        raise SettingsError(f"{source}: {name} must be a text, not {value!r}")
    if name == "redis_url":
        return _redis_url(str(value), source)
    if name == "metrics_token":
        return _token(str(value), source)
    if name == "public_url":
        return _public_url(str(value), source)
    if name == "time_zone":
        return _time_zone(str(value), source)
    if name in ("folder", "api_keys_file"):
        return Path(str(value))
    if name == "key_prefix" and not str(value).rstrip(":").replace("-", "").replace("_", "").isalnum():
        raise SettingsError(f"{source}: key_prefix must be letters, digits, hyphens and underscores, not {value!r}")
    return value


def _number(name: str, value: Any, source: str) -> float | int:
    low, high = _NUMBERS[name]
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not low <= number <= high or (name != "shutdown_seconds" and number != int(number)):
        raise SettingsError(f"{source}: {name} must be a number from {low:g} to {high:g}, not {value!r}")
    return number if name == "shutdown_seconds" else int(number)


def _redis_url(text: str, source: str) -> Secret:
    # The address may hold a password, so no error repeats it.
    parts = _split(text)
    if is_cluster(text):
        try:
            ClusterUrl(text)
        except ValueError as error:
            raise SettingsError(f"{source}: redis_url must be right for a cluster: {error}") from None
    elif parts is None or parts.scheme not in SCHEMES:
        known = "redis://, rediss:// or unix://, or with redis+cluster:// or rediss+cluster://"
        raise SettingsError(f"{source}: redis_url must start with {known}")
    return Secret(text)


def _token(text: str, source: str) -> Secret:
    if len(text) < _TOKEN_LENGTH or not text.isascii() or not text.isprintable():
        raise SettingsError(
            f"{source}: metrics_token must be at least {_TOKEN_LENGTH} printable ASCII characters",
            fix="make one: openssl rand -hex 24",
        )
    return Secret(text)


def _public_url(text: str, source: str) -> str:
    parts = _split(text)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
        raise SettingsError(f"{source}: public_url must be an address such as https://bots.example.org")
    return text.rstrip("/")


def _time_zone(text: str, source: str) -> str:
    try:
        return find_zone(text).key
    except ValueError:
        raise SettingsError(
            f"{source}: time_zone must be the name of one, such as Europe/Zagreb, not {text!r}"
        ) from None


def _split(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        # Looked at here, because it fails no sooner than it is looked at.
        return parts if parts.port is None or parts.port else None
    except ValueError:  # its text repeats the address
        return None
