"""Passwords, tokens and keys: how they are made, kept and recognised. Knows no database and no HTTP."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final
from uuid import UUID, uuid4

import jwt
from pwdlib import PasswordHash
from pwdlib.hashers import HasherProtocol
from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.bcrypt import BcryptHasher

PASSWORD_MINIMUM: Final = 8
PASSWORD_BYTES: Final = 1_024
COMMON_PASSWORDS: Final = 3_000
"""ASVS 5.0, 6.2.4: at least the 3,000 most used ones are refused."""
ISSUER: Final = "fileorganizer"
AUDIENCE: Final = "fileorganizer-api"
TOKEN_TYPE: Final = "at+jwt"
"""RFC 9068, 2.1: tells an access token from any other."""
LEEWAY_SECONDS: Final = 30
TOKENS_KNOWN: Final = 4_096
"""Tokens that were found to be ours, of which only the time is looked at again: the rest of a token never changes."""
_CLAIMS: Final = ("exp", "iat", "iss", "aud", "sub", "jti", "sid", "ver")
API_KEY_PREFIX: Final = "fo"


class Passwords:
    """Hashes and checks passwords. Both take about 0.2 s: call them in a thread."""

    def __init__(self, hasher: str, rounds: int) -> None:
        """``hasher`` is bcrypt or argon2id; hashes of the other kind are recognised and replaced at the next login."""
        bcrypt, argon2 = BcryptHasher(rounds=rounds), Argon2Hasher()
        order: Sequence[HasherProtocol] = (bcrypt, argon2) if hasher == "bcrypt" else (argon2, bcrypt)
        self._hashes = PasswordHash(order)
        self._nobody = self.hash(secrets.token_urlsafe())

    def hash(self, password: str) -> str:
        """The hash to keep."""
        return self._hashes.hash(_digest(password))

    def verify(self, password: str, kept: str | None) -> tuple[bool, str | None]:
        """Is it the password, and the hash to keep from now on if it should be another.

        With None (there is no such account) it takes as long and is false.
        """
        right, better = self._hashes.verify_and_update(_digest(password), kept or self._nobody)
        return right and kept is not None, better if kept is not None else None


def _digest(password: str) -> str:
    """SHA-256 in base64: bcrypt would cut at 72 bytes and end at a NUL."""
    return base64.b64encode(hashlib.sha256(password.encode()).digest()).decode()


@cache
def _common_passwords() -> frozenset[str]:
    """The passwords that everybody tries first."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # half a megabyte, needed when somebody chooses a password

    return frozenset(FREQUENCY_LISTS["passwords"][:COMMON_PASSWORDS])


def weakness(password: str, *personal: str) -> str | None:
    """Why a password can't be taken; None for a good one. ``personal`` are the names that it must not be."""
    if len(password) < PASSWORD_MINIMUM:
        return f"Use at least {PASSWORD_MINIMUM} characters."
    if len(password.encode()) > PASSWORD_BYTES:
        return f"Use at most {PASSWORD_BYTES} bytes."
    lowered = password.lower()
    if lowered in _common_passwords() or lowered.rstrip("0123456789!.") in _common_passwords():
        return "This password is among those that are tried first. Choose another."
    if lowered in {name.lower() for name in personal if name}:
        return "The password must not be your name or address."
    return None


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What an access token says."""

    user_id: UUID
    session_id: UUID
    version: int
    expires_at: int


class AccessTokens:
    """Makes and reads access tokens."""

    def __init__(self, key: bytes, algorithm: str, minutes: int) -> None:
        """``key`` is shared by all processes of the service."""
        self._key, self._algorithm, self.seconds = key, algorithm, minutes * 60
        self._genuine = lru_cache(TOKENS_KNOWN)(self._checked)

    def issue(self, user_id: UUID, session_id: UUID, version: int) -> str:
        """A token for a session."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(user_id),
            "sid": str(session_id),
            "ver": version,
            "jti": str(uuid4()),
            "iat": now,
            "exp": now + self.seconds,
        }
        return jwt.encode(claims, self._key, algorithm=self._algorithm, headers={"typ": TOKEN_TYPE})

    def read(self, token: str) -> AccessClaims | None:
        """The claims of a valid token; None for anything else, whatever is wrong with it."""
        try:
            claims = self._genuine(token)
        except (jwt.PyJWTError, ValueError, TypeError, AttributeError):
            return None
        return claims if claims.expires_at > time.time() - LEEWAY_SECONDS else None

    def _checked(self, token: str) -> AccessClaims:
        """The claims of a token that is ours. Raises PyJWTError, ValueError, TypeError or AttributeError for any other."""
        read = jwt.decode_complete(
            token,
            self._key,
            algorithms=[self._algorithm],
            audience=AUDIENCE,
            issuer=ISSUER,
            leeway=LEEWAY_SECONDS,
            options={"require": list(_CLAIMS), "strict_aud": True},
        )
        if read["header"].get("typ") != TOKEN_TYPE:
            raise ValueError("a token of ours, but not for this")
        claims: dict[str, Any] = read["payload"]
        return AccessClaims(UUID(claims["sub"]), UUID(claims["sid"]), int(claims["ver"]), int(claims["exp"]))


def random_token() -> str:
    """256 random bits, for refresh tokens, tickets and set-up links."""
    return secrets.token_urlsafe(32)


def digest_of(token: str) -> bytes:
    """What is kept of a random token: it has enough entropy for a plain hash."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


@dataclass(frozen=True, slots=True)
class NewKey:
    """An API key that was just made; ``secret`` is shown once and never kept."""

    prefix: str
    secret: str
    digest: bytes


def new_api_key() -> NewKey:
    """A key such as ``fo_1a2b3c4d_…``: the beginning names it, the rest are 256 random bits."""
    prefix = f"{API_KEY_PREFIX}_{secrets.token_hex(4)}"
    secret = f"{prefix}_{secrets.token_urlsafe(32)}"
    return NewKey(prefix, secret, digest_of(secret))


def looks_like_api_key(token: str) -> bool:
    """Is it meant to be an API key?"""
    return token.startswith(f"{API_KEY_PREFIX}_")
