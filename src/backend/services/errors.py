"""Why a request can't be fulfilled: one class a cause. The HTTP status hangs on the class, in ``api.errors``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from fileorganizer.errors import show

if TYPE_CHECKING:
    from backend.core.rate_limit import Allowance


class ServiceError(Exception):
    """Base of all of them. ``extra`` are members of the answer besides the usual ones."""

    code = "internal-error"

    def __init__(self, message: str, **extra: Any) -> None:
        """``message`` is for people: what happened and what to do."""
        super().__init__(message)
        self.extra = extra


class NotFound(ServiceError):
    """There is no such thing, or it is somebody else's: nobody learns which."""

    code = "not-found"

    def __init__(self, what: str) -> None:
        """Name what was asked for."""
        super().__init__(f"There is no such {what}.")


class NotSignedIn(ServiceError):
    """Nobody, or nobody any more."""

    code = "not-signed-in"

    def __init__(self) -> None:
        """The same words for whatever is wrong with a token."""
        super().__init__("Sign in first: the token is missing, wrong or has expired.")


class WrongLogin(ServiceError):
    """The name or the password is wrong; nobody learns which."""

    code = "wrong-login"

    def __init__(self) -> None:
        """Always the same words."""
        super().__init__("The name or the password is wrong.")


class NotAllowed(ServiceError):
    """Signed in, but not allowed to do this."""

    code = "not-allowed"


class RootNotGranted(ServiceError):
    """The folder isn't below a root that the user was granted."""

    code = "root-not-granted"

    def __init__(self) -> None:
        """The same words whether or not there is such a folder."""
        super().__init__("This folder isn't below one of your roots. GET /api/v1/roots lists them.")


class RootMissing(ServiceError):
    """There is no such folder below a granted root."""

    code = "root-missing"

    def __init__(self, path: bytes, words: str = "isn't a folder.") -> None:
        """Name the folder: it is below the caller's own root. ``words`` say what is wrong with it."""
        super().__init__(f"{show(path)} {words}")


class InvalidInput(ServiceError):
    """A value can't be used."""

    code = "invalid-input"

    def __init__(self, field: str, message: str) -> None:
        """Name the ``field`` of the request."""
        super().__init__("The request can't be used.", errors=[{"field": field, "message": message}])


class AlreadyThere(ServiceError):
    """There is something of this name already."""

    code = "already-there"


class OperationOverlap(ServiceError):
    """An operation that isn't finished works on this folder, on one above it, or on one inside it."""

    code = "operation-overlap"

    def __init__(self, operation_id: UUID | None) -> None:
        """Name the other operation if it is the caller's own."""
        extra = {} if operation_id is None else {"operation_id": str(operation_id)}
        super().__init__("Another operation works on this folder. Wait for it, or cancel it first.", **extra)


class WrongState(ServiceError):
    """What is asked for doesn't go with the state that the thing is in."""

    code = "wrong-state"


class NoThumbnail(ServiceError):
    """The file is no picture of a known format, or can't be read as one."""

    code = "no-thumbnail"

    def __init__(self) -> None:
        """The same words for whatever is wrong with a picture."""
        words = (
            "There is no thumbnail of this file: it isn't a JPEG, PNG, GIF, WebP or BMP, or it is damaged or too large."
        )
        super().__init__(words)


class KeyReused(ServiceError):
    """An idempotency key was used for another request before."""

    code = "idempotency-key-reused"


class TooMany(ServiceError):
    """So many operations of one user that others would have to wait."""

    code = "too-many-operations"


class TooFast(ServiceError):
    """Requests come faster than allowed."""

    code = "too-fast"

    def __init__(self, allowance: Allowance) -> None:
        """``allowance`` says when to come again."""
        super().__init__(f"Too many requests. Come again in {max(1, allowance.reset_seconds)} seconds.")
        self.allowance = allowance
