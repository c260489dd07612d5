"""The configuration: read once at the edge, from the environment and a ``.env`` file; unknown and unsafe values are refused."""

from __future__ import annotations

import ipaddress
import os
import secrets
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

SAMPLE_SECRET = "change-me-to-at-least-32-random-characters"  # nosec B105  # stands in .env.example, refused below
SAMPLE_PREFIX = "change-me"
"""How all secrets of .env.example begin; production refuses every one of them."""
MINIMUM_SECRET_BYTES = 32
"""RFC 7518, 3.2: a key of the size of the hash output or larger."""
RETAIN_SECONDS = 3_600.0
"""How often workers remove what is over from the database, in every arrangement."""
_LISTS = ("cors_origins", "trusted_proxies", "allowed_hosts")

Words = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """Every setting of the server; the names are those of the environment in lower case. ``.env.example`` explains them."""

    model_config = SettingsConfigDict(
        env_file=".env",
        extra="forbid",
        frozen=True,
        str_strip_whitespace=True,
        hide_input_in_errors=True,  # an error would show the ends of all settings together, and they end with a secret
    )

    environment: Literal["development", "production"] = "development"
    data_dir: Path = Field(
        default_factory=lambda: Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share") / "fileorganizer"
    )
    storage_dir: Path | None = None
    plan_dir: Path | None = None
    database_url: str = ""
    redis_url: str = ""
    celery_broker_url: str = ""
    celery_result_backend: str = ""
    db_password: SecretStr = SecretStr("")
    redis_password: SecretStr = SecretStr("")
    api_host: str = "127.0.0.1"
    api_port: int = Field(default=8000, ge=0, le=65_535)
    api_workers: int = Field(default=1, ge=1, le=64)
    cors_origins: Words = ()
    trusted_proxies: Words = ()
    allowed_hosts: Words = ("localhost", "127.0.0.1", "[::1]")
    docs: Literal["auto", "on", "off"] = "auto"
    metrics_token: SecretStr = SecretStr("")
    jwt_secret_key: SecretStr = SecretStr("")
    jwt_algorithm: Literal["HS256", "HS384", "HS512"] = "HS256"
    access_token_expire_minutes: int = Field(default=30, ge=1, le=1_440)
    refresh_token_expire_days: int = Field(default=7, ge=1, le=365)
    signup: Literal["open", "closed", "first"] = "open"
    password_hasher: Literal["bcrypt", "argon2id"] = "bcrypt"
    bcrypt_rounds: int = Field(default=12, ge=4, le=16)
    embedded_worker: Literal["auto", "on", "off"] = "auto"
    worker_slots: int = Field(default=2, ge=1, le=32)
    slice_seconds: float = Field(default=4.0, ge=0.1)
    message_seconds: float = Field(default=300.0, ge=0.1)
    reaper_seconds: float = Field(default=15.0, ge=0.1)
    lease_seconds: float = Field(default=30.0, ge=1.0)
    batch_size: int = Field(default=5_000, ge=1)
    """Taken because deployments name it; the engine's batches have 5,000 steps, whatever stands here."""
    running_per_user: int = Field(default=3, ge=1)
    queued_per_user: int = Field(default=20, ge=1)
    plan_bytes_per_user: int = Field(default=2_147_483_648, ge=0)
    rate_limit_user: int = Field(default=100, ge=1)
    rate_limit_global: int = Field(default=1_000, ge=1)
    rate_limit_export: int = Field(default=5, ge=1)
    rate_limit_trees: int = Field(default=600, ge=1)
    login_failures_per_account: int = Field(default=10, ge=1)
    login_failures_per_address: int = Field(default=20, ge=1)
    thumbnail_cache_bytes: int = Field(default=268_435_456, ge=0)
    max_body_bytes: int = Field(default=1_048_576, ge=1_024)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_dir: Path | None = None

    @field_validator(*_LISTS, mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """Lists are written with commas."""
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """Each proxy is an address or a network."""
        for network in value:
            ipaddress.ip_network(network, strict=False)
        return value

    @model_validator(mode="after")
    def _safe(self) -> Self:
        """Refuse what would look safe and isn't."""
        secret = self.jwt_secret_key.get_secret_value()
        if secret and (secret == SAMPLE_SECRET or len(secret.encode()) < MINIMUM_SECRET_BYTES):
            raise ValueError(
                f"JWT_SECRET_KEY must be random and have at least {MINIMUM_SECRET_BYTES} bytes:"
                " python -c 'import secrets; print(secrets.token_urlsafe(48))' makes one."
            )
        if "*" in self.cors_origins:
            raise ValueError("CORS_ORIGINS can't be *: answers carry credentials. Name the origins.")
        if self.environment == "production":
            if not secret:
                raise ValueError("JWT_SECRET_KEY is needed in production: all processes must share it.")
            if sample := self._sample():
                raise ValueError(
                    f"{sample} still holds the sample of .env.example. Give it a random secret of your own."
                )
            if self.bcrypt_rounds < 12:
                raise ValueError("BCRYPT_ROUNDS must be 12 or more in production.")
        if self.database_url and not self.database_url.startswith(("sqlite:///", "postgresql+psycopg://")):
            raise ValueError("DATABASE_URL must begin with sqlite:/// or postgresql+psycopg://.")
        if self.redis_url and not self.redis_url.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("REDIS_URL must begin with redis://, rediss:// or unix://.")
        if self.celery_broker_url and not self.redis_url:
            raise ValueError(
                "CELERY_BROKER_URL needs REDIS_URL, too: workers of Celery tell through it how far they are."
            )
        return self

    def _sample(self) -> str:
        """The name of a setting that still holds a sample secret, or nothing."""
        given = {
            "DB_PASSWORD": self.db_password.get_secret_value(),
            "REDIS_PASSWORD": self.redis_password.get_secret_value(),
            "METRICS_TOKEN": self.metrics_token.get_secret_value(),
            "DATABASE_URL": self.database_url.partition("://")[2].partition(":")[2],
            "REDIS_URL": self.redis_url.partition("://")[2].partition(":")[2],
        }
        return next((name for name, value in given.items() if value.startswith(SAMPLE_PREFIX)), "")

    @property
    def broker(self) -> str:
        """Where Celery's messages go."""
        return self.celery_broker_url or self.redis_url

    @property
    def uses_celery(self) -> bool:
        """Do workers of Celery carry out operations, and not the server's own worker? Never with SQLite, which is of one host."""
        return bool(self.broker) and self.embedded_worker != "on" and not self.url.startswith("sqlite")

    @property
    def folder(self) -> Path:
        """``DATA_DIR``, absolute."""
        return self.data_dir.expanduser().absolute()

    @property
    def storage(self) -> Path:
        """Where the users' home roots are."""
        return (self.storage_dir or self.folder / "storage").expanduser().absolute()

    @property
    def plans(self) -> Path:
        """Where stored plans are."""
        return (self.plan_dir or self.folder / "plans").expanduser().absolute()

    @property
    def thumbnails(self) -> Path:
        """Where thumbnails are kept."""
        return self.folder / "thumbnails"

    @property
    def url(self) -> str:
        """The database, as a synchronous SQLAlchemy URL."""
        return self.database_url or f"sqlite:///{self.folder}/fileorganizer.db"

    @property
    def installation(self) -> str:
        """What tells this server's names in Redis from another's: the name of its database, which all its hosts agree on."""
        return self.url.partition("?")[0].rpartition("/")[2]

    @property
    def docs_shown(self) -> bool:
        """Is ``/docs`` there?"""
        return self.docs == "on" or (self.docs == "auto" and self.environment == "development")


def prepare_folders(settings: Settings) -> None:
    """Make the server's own folders, for its user only, and mark those that hosts share."""
    own = (settings.folder / "run", settings.thumbnails, secret_folder(settings))
    for folder in (settings.folder, settings.storage, settings.plans, *own):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.folder.chmod(0o700)
    for mark in _marks(settings):
        if not mark.exists():
            mark.touch(mode=0o600)


def storage_is_there(settings: Settings) -> bool:
    """Are the shared folders those of the server? Where a host hasn't mounted them, others may lie in their places."""
    return all(mark.exists() for mark in _marks(settings))


def _marks(settings: Settings) -> list[Path]:
    """A file in each of the folders that may be a mount of its own."""
    apart = not settings.storage.is_relative_to(settings.folder)
    return [folder / ".fileorganizer-server" for folder in (settings.folder, settings.storage)[: 1 + apart]]


def secret_folder(settings: Settings) -> Path:
    """Where secrets lie that the server made itself."""
    return settings.folder / "secrets"


def signing_key(settings: Settings) -> bytes:
    """The key of access tokens: as configured, or made at the first start in development and kept (0600)."""
    configured = settings.jwt_secret_key.get_secret_value()
    if configured:
        return configured.encode()
    return _kept_secret(secret_folder(settings) / "jwt_key")


def _kept_secret(path: Path) -> bytes:
    """A random secret in a file; processes that start together agree on one, because a file is only given its name once."""
    if not path.exists():
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(48))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_bytes()


@cache
def settings() -> Settings:
    """The settings of this process. Raises ``pydantic.ValidationError``, which names what is wrong."""
    return Settings()
