"""Accounts, sessions and keys."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, EmailStr, Field, HttpUrl, StringConstraints, model_validator

from backend.api.schemas.base import GivenMoment, Input, Moment, Output, PlainText, in_small_letters_at_most
from backend.services.profiles import KeyWanted

Username = Annotated[
    PlainText,
    StringConstraints(min_length=3, max_length=100, strip_whitespace=True),
    AfterValidator(in_small_letters_at_most(100)),
]
FullName = Annotated[PlainText, StringConstraints(max_length=200, strip_whitespace=True)]
Password = Annotated[PlainText, Field(min_length=8, max_length=1_024)]


class SignUp(Input):
    """A new account."""

    email: Annotated[EmailStr, AfterValidator(in_small_letters_at_most(254))] = Field(max_length=254)
    username: Username
    password: Password
    full_name: FullName = ""


class SetUp(SignUp):
    """The first administrator, with the secret of the one-time link."""

    token: PlainText = Field(max_length=200)


class LogIn(Input):
    """Signing in; ``email`` may be a user name."""

    email: PlainText = Field(min_length=1, max_length=254)
    password: PlainText = Field(min_length=1, max_length=1_024)


class Refresh(Input):
    """A refresh token; a browser has it in a cookie instead."""

    refresh_token: PlainText | None = Field(default=None, max_length=200)


class TokensRead(Output):
    """What a client gets at signing in."""

    access_token: str
    refresh_token: str
    token_type: Literal["bearer"] = "bearer"
    expires_in: int
    user_id: UUID
    subscription_tier: str


class ProfileRead(Output):
    """The own account."""

    id: UUID
    email: str
    username: str
    full_name: str
    avatar_url: str | None
    subscription_tier: str
    storage_quota_gb: float
    storage_used_bytes: int
    is_active: bool
    is_verified: bool
    is_admin: bool
    created_at: Moment
    last_login_at: Moment | None


class ProfileUpdate(Input):
    """What a user may change."""

    full_name: FullName | None = None
    avatar_url: Annotated[HttpUrl, Field(max_length=500)] | None = None

    def changes(self) -> dict[str, str | None]:
        """The fields that were sent; a name can be emptied, not removed."""
        sent = self.model_dump(exclude_unset=True, mode="json")
        return {name: value or "" if name == "full_name" else value for name, value in sent.items()}


class PasswordChange(Input):
    """The old and the new password."""

    current_password: PlainText = Field(min_length=1, max_length=1_024)
    new_password: Password


class SessionRead(Output):
    """A login."""

    id: UUID
    created_at: Moment
    last_used_at: Moment
    expires_at: Moment
    address: str
    user_agent: str
    is_current: bool = False


class SessionList(Output):
    """The live logins."""

    sessions: list[SessionRead]


class TicketRead(Output):
    """A ticket that opens one stream."""

    ticket: str
    expires_in: int


class ApiKeyCreate(Input):
    """A key to be made."""

    name: PlainText = Field(min_length=1, max_length=100)
    scopes: list[Literal["read", "organize", "admin"]] = Field(default=["read"], min_length=1, max_length=3)
    expires_at: GivenMoment | None = None
    root_id: UUID | None = None

    def wanted(self) -> KeyWanted:
        """For the service."""
        return KeyWanted(self.name, [str(scope) for scope in self.scopes], self.expires_at, self.root_id)


class ApiKeyRead(Output):
    """A key without its secret."""

    id: UUID
    name: str
    prefix: str
    scopes: list[str]
    root_id: UUID | None
    created_at: Moment
    expires_at: Moment | None
    last_used_at: Moment | None
    revoked_at: Moment | None


class ApiKeyMade(ApiKeyRead):
    """A new key: the only time that its secret is shown."""

    key: str


class ApiKeyList(Output):
    """All keys."""

    api_keys: list[ApiKeyRead]


class UserList(Output):
    """Accounts, for administrators."""

    users: list[ProfileRead]
    total: int


class UserUpdate(Input):
    """What an administrator may change of an account."""

    is_active: bool | None = None
    is_admin: bool | None = None
    is_verified: bool | None = None
    storage_quota_gb: float | None = Field(default=None, ge=0, le=1_000_000)
    subscription_tier: Annotated[PlainText, StringConstraints(min_length=1, max_length=20)] | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        """A change changes something, and to a value."""
        if not self.model_fields_set or any(getattr(self, name) is None for name in self.model_fields_set):
            raise ValueError("name at least one field, each with a value")
        return self


class AuditEventRead(Output):
    """Something that happened."""

    id: UUID
    at: Moment
    user_id: UUID | None
    action: str
    subject: str | None
    address: str


class AuditLog(Output):
    """What happened, the newest first."""

    events: list[AuditEventRead]
    total: int
