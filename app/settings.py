"""Every setting of the server, one sentence each. All come from the environment, as `WAITPOINT_…`."""

import ipaddress
import re
from typing import Annotated, Any, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

DEFAULT_URL = "http://127.0.0.1:8000"  # of a server that nobody told another address
_PRIVATE_NAMES = (".localhost", ".local", ".lan", ".internal", ".home.arpa", ".test")
_SLUG = re.compile(r"[a-z][a-z0-9]{0,19}")
_API_KEY = re.compile(r"tr_([a-z][a-z0-9]*)_sk_[0-9A-Za-z_-]{8,}")


class Settings(BaseSettings):
    """What a server can be told. Unset means the default that is named here."""

    model_config = SettingsConfigDict(env_prefix="WAITPOINT_", extra="ignore", frozen=True)

    database_url: str = Field(
        default="sqlite:///waitpoint.db",
        description="Where everything is kept: sqlite:///path or postgresql://user:password@host/name.",
    )
    public_url: str | None = Field(
        default=None,
        description="The address under which people and services reach this server, for example https://wait.example.com.",
    )
    allow_http: bool = Field(
        default=False,
        description="Accept a public URL without https outside private networks, where sign-ins can be read.",
    )
    secret_key: str | None = Field(
        default=None, description="An API key (tr_dev_sk_…) that is accepted for the default environment."
    )
    secret_keys: Annotated[dict[str, str], NoDecode] = Field(
        default_factory=dict, description="API keys of more environments: dev=tr_dev_sk_…,prod=tr_prod_sk_…."
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Further host names under which requests are answered, separated by commas; * for any."
    )
    rate_limit: int = Field(default=10_000, ge=1, description="Requests a second that one environment may make.")
    public_rate_limit: int = Field(
        default=60, ge=1, description="Requests a minute for one public access token, and for one callback URL."
    )
    worker_lease: int = Field(
        default=8,
        ge=1,
        le=3600,
        description="Seconds after which the runs of a worker that is not heard of are given to others.",
    )
    smtp_url: str | None = Field(
        default=None,
        description="The mail server: smtp://user:password@host:587 (STARTTLS) or smtps://user:password@host:465.",
    )
    mail_from: str | None = Field(
        default=None, description="Whom mails are from: an address, or Name <address>; needed with a mail server."
    )
    redirect_urls: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Addresses, with all below them, to which people may be sent on after their answer.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least level that is logged."
    )
    log_format: Literal["auto", "json", "text"] = Field(
        default="auto", description="How log lines look: json, text, or auto for text on a terminal and json elsewhere."
    )
    log_requests: bool = Field(
        default=False, description="Log a line for every request, with the route's template and never its secrets."
    )
    metrics_token: str | None = Field(
        default=None, description="A token that /metrics asks for; unset, /metrics answers only to this machine."
    )

    @field_validator("secret_keys", mode="before")
    @classmethod
    def _pairs(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        pairs = [part.strip().partition("=") for part in value.split(",") if part.strip()]
        if not all(slug and key for slug, _, key in pairs):
            raise ValueError("write it as dev=tr_dev_sk_…,prod=tr_prod_sk_…")
        return {slug: key for slug, _, key in pairs}

    @field_validator("allowed_hosts", "redirect_urls", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("redirect_urls")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            parts = urlsplit(each)
            if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
                raise ValueError("write them as https://www.example.com/thanks,https://app.example.com")
        return value

    @field_validator("public_url")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value.rstrip("/"))
        beyond = parts.path or parts.query or parts.fragment or parts.username
        if parts.scheme not in {"http", "https"} or not parts.hostname or beyond or not _has_good_port(parts):
            raise ValueError("write it as https://wait.example.com, with nothing behind")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _encrypted(self) -> Self:
        if self.public_url is not None and not self.allow_http and not is_private(self.public_url):
            raise ValueError(
                "WAITPOINT_PUBLIC_URL: sign-ins and answers could be read on the way; begin it with https://"
                " (or set WAITPOINT_ALLOW_HTTP=true)"
            )
        return self

    @field_validator("smtp_url")
    @classmethod
    def _mail_server(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        beyond = parts.path.strip("/") or parts.query or parts.fragment
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or beyond or not _has_good_port(parts):
            raise ValueError("write it as smtp://user:password@host:587 or smtps://user:password@host:465")
        return value

    @field_validator("mail_from")
    @classmethod
    def _sender(cls, value: str | None) -> str | None:
        from .notifications.addresses import BadAddress  # noqa: PLC0415 - only servers that send mails need it
        from .notifications.mailers import sender_in  # noqa: PLC0415

        if value is None:
            return None
        try:
            sender_in(value)
        except BadAddress as error:
            raise ValueError(f"write it as ask@example.com or Waitpoint <ask@example.com>: {error}") from error
        return value

    @model_validator(mode="after")
    def _whole_mails(self) -> Self:
        if self.smtp_url is not None and self.mail_from is None:
            raise ValueError("WAITPOINT_MAIL_FROM: a mail server is set, so say whom mails are from")
        if self.smtp_url is not None and self.public_url is None:
            raise ValueError("WAITPOINT_PUBLIC_URL: a mail server is set, and links in mails begin with this address")
        return self

    @field_validator("secret_key")
    @classmethod
    def _key(cls, value: str | None) -> str | None:
        if value is not None and not _API_KEY.fullmatch(value):
            raise ValueError(
                "an API key looks like tr_dev_sk_ and 24 letters and digits; make one with `waitpoint keys new`"
            )
        return value

    @field_validator("secret_keys")
    @classmethod
    def _keys(cls, value: dict[str, str]) -> dict[str, str]:
        for slug, key in value.items():
            if not is_slug(slug):
                raise ValueError(f"{slug!r} is no name of an environment: use small letters and digits")
            cls._key(key)
        return value


def is_slug(text: str) -> bool:
    """Whether a text can name an environment: a small letter, then small letters and digits, at most 20."""
    return _SLUG.fullmatch(text) is not None


def _has_good_port(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:
        return False


def is_private(url: str) -> bool:
    """Whether nobody can read along under this address: it has https, or stays in a private network."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if parts.scheme == "https":
        return True
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith(_PRIVATE_NAMES)


class BadSettings(Exception):
    """A setting is wrong. The message names it, says the rule and never shows a secret."""


def load(**given: Any) -> Settings:
    """The settings of this process; `given` ones win over the environment. Raises BadSettings."""
    try:
        return Settings(**given)
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False)[0]
        reason = problem["msg"].removeprefix("Value error, ")
        if not problem["loc"]:
            raise BadSettings(reason) from None  # a rule about several settings names them itself
        raise BadSettings(f"WAITPOINT_{str(problem['loc'][0]).upper()}: {reason}") from None
