"""One error class a cause; the exit code, the documentation and the HTTP status hang on its ``code``.

An error of this module stops a whole operation. One bad file is an outcome
(``model.Reason``), never an exception. Every message says what happened, to
which path, and what to do next.
"""

from __future__ import annotations

import base64
import os
import shlex

EXIT_DONE = 0
EXIT_PARTIAL = 10
EXIT_NOTHING = 11
EXIT_DECLINED = 12
EXIT_INTERRUPTED = 130
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0", "＝", "＋", "－", "＠")
"""What spreadsheets take for the beginning of a formula, also in full width (OWASP, CSV injection)."""


def show(path: bytes | str | os.PathLike[str]) -> str:
    """A path as safe text for a message: control characters and undecodable bytes are escaped."""
    text = os.fsdecode(path)
    if text.isprintable():  # as nearly all are, and a million are asked for
        return text
    return "".join(
        (
            c
            if c.isprintable()
            else (
                c.encode("unicode_escape", "surrogateescape").decode("ascii", "replace")
                if not 0xDC80 <= ord(c) <= 0xDCFF
                else f"\\x{ord(c) - 0xDC00:02x}"
            )
        )
        for c in text
    )


def path_members(path: bytes, name: str = "path") -> dict[str, str]:
    """A path as text; one that isn't UTF-8 as escaped text, and exactly as base64 beside it."""
    try:
        return {name: path.decode()}
    except UnicodeDecodeError:
        return {name: show(path), f"{name}_b64": base64.b64encode(path).decode()}


def defused(value: object) -> object:
    """A cell of a table that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def shell_word(path: bytes | str | os.PathLike[str]) -> str:
    """A path as one word of a command that is shown to be typed or pasted, whatever its name holds."""
    text = os.fsdecode(path)
    if text.startswith("-"):
        text = f"./{text}"
    if text.isprintable():
        return shlex.quote(text)
    plain = (chr(byte) if 32 <= byte < 127 and byte not in b"\\'" else f"\\x{byte:02x}" for byte in os.fsencode(text))
    return f"$'{''.join(plain)}'"


class FileOrganizerError(Exception):
    """Base of every error that stops an operation; never raised itself."""

    code: str = "internal-error"
    exit_code: int = 1


class InvalidOption(FileOrganizerError):
    """An option, template, pattern or file given by the user can't be used."""

    code, exit_code = "invalid-option", 2


class RootRefused(FileOrganizerError):
    """The folder can't be organized at all: missing, not a folder, a system folder, read-only."""

    code, exit_code = "root-refused", 30


class RootBusy(FileOrganizerError):
    """Another operation works on this root, on one above it, or on one inside it."""

    code, exit_code = "root-busy", 31

    def __init__(self, root: bytes | str, holder: str) -> None:
        """Name the ``root`` that is locked and the ``holder`` as its lock file describes it."""
        super().__init__(f"{show(root)} is being worked on by {holder}. Wait until it is finished, or stop it first.")


class RootVanished(FileOrganizerError):
    """The root is no longer the folder that it was at the start: a disk was unmounted or the folder replaced."""

    code, exit_code = "root-vanished", 32

    def __init__(self, root: bytes | str) -> None:
        """Name the ``root`` that is gone."""
        super().__init__(
            f"{show(root)} is not the folder it was when this began (unmounted or replaced?). Nothing more was moved. Bring the disk back, then run 'fileorganizer recover'."
        )


class DestinationMissing(FileOrganizerError):
    """The destination root that an operation used isn't there now."""

    code, exit_code = "destination-missing", 33


class PlatformRefused(FileOrganizerError):
    """Moving files isn't proven on this operating system or file system."""

    code, exit_code = "platform-refused", 34


class ConfirmationRequired(FileOrganizerError):
    """The run would do more than was agreed to, or much has changed since the plan; the counts are named."""

    code, exit_code = "confirmation-required", 35


class ServerMissing(FileOrganizerError):
    """``serve`` was asked for where only the engine is installed."""

    code, exit_code = "server-missing", 36

    def __init__(self, parts: list[str]) -> None:
        """Name the ``parts`` that can't be imported."""
        super().__init__(
            f"The server isn't installed here ({', '.join(parts)} missing). Install it with"
            " pip install 'fileorganizer-pro[server]', or take the executable fileorganizer-server."
        )


class PlanNotFound(FileOrganizerError):
    """There is no complete plan with this id in the plan folder."""

    code, exit_code = "plan-not-found", 40


class PlanDamaged(FileOrganizerError):
    """A stored plan doesn't match its own digest or is of an unknown version."""

    code, exit_code = "plan-damaged", 41


class PlanAlreadyApplied(FileOrganizerError):
    """The plan was carried out before; a plan is carried out once."""

    code, exit_code = "plan-already-applied", 42


class OperationNotFound(FileOrganizerError):
    """The journal of this root holds no such operation."""

    code, exit_code = "operation-not-found", 43


class NothingToUndo(FileOrganizerError):
    """No operation of this root is left to be undone."""

    code, exit_code = "nothing-to-undo", EXIT_NOTHING


class OperationDependency(FileOrganizerError):
    """A later operation moved the same files; it has to be undone first. ``later`` is its id."""

    code, exit_code = "later-operation", 44

    def __init__(self, message: str, later: str) -> None:
        """The message names the way out of whoever sees it: the command line's isn't the server's."""
        super().__init__(message)
        self.later = later


class JournalDamaged(FileOrganizerError):
    """The journal is truncated, reordered, replaced by an older copy, or of a newer version: it is refused, not obeyed."""

    code, exit_code = "journal-damaged", 50


class DiskFull(FileOrganizerError):
    """The disk had no room for the journal or for a copy; everything is where the report says."""

    code, exit_code = "disk-full", 51


class StorageFailed(FileOrganizerError):
    """The file system answered with an error that makes its state doubtful (EIO, failed fsync, read-only)."""

    code, exit_code = "storage-failed", 52


class Fenced(FileOrganizerError):
    """Another process has taken over this journal; this one must not write any more."""

    code, exit_code = "fenced", 53


class TooManyFailures(FileOrganizerError):
    """So many steps in a row failed that going on would be blind."""

    code, exit_code = "too-many-failures", 54


class Declined(FileOrganizerError):
    """The answer to the question before the first change was no."""

    code, exit_code = "declined", EXIT_DECLINED
