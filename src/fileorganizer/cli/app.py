"""The command group, its start, and the one place that turns an error into a message and an exit code."""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress
from importlib import import_module

import click

from fileorganizer import __version__
from fileorganizer.errors import EXIT_INTERRUPTED, DiskFull, FileOrganizerError, InvalidOption, StorageFailed, show
from fileorganizer.settings import collect_rarely

_ROOMS = {
    "preview": "running",
    "organize": "running",
    "undo": "running",
    "recover": "running",
    "history": "reading",
    "show": "reading",
    "explain": "reading",
    "verify": "reading",
    "categories": "reading",
    "doctor": "reading",
    "trash": "trash",
    "duplicates": "duplicates",
    "serve": "serving",
    "server": "serving",
}
"""Command → the module it stands in."""

_CODES = """\b
Exit codes:
    0  done
    1  nobody reads the output any more
    2  an option can't be used
   10  done, with skips or failures
   11  nothing to do
   12  you said no
   30  folder refused
   31  folder busy
   32  folder vanished
   33  destination isn't there
   34  moving isn't proven on this system
   35  a yes is needed
   36  the server isn't installed
   40  plan not found
   41  plan damaged
   42  plan carried out already
   43  operation not found
   44  a later operation has to be undone first
   50  journal damaged
   51  disk full
   52  storage failed
   53  overtaken by another run
   54  too many failures
  130  interrupted"""


class _Commands(click.Group):
    """Loads a command's module when the command is called, so that ``--version`` loads none."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click asks so
        """All commands in the order in which a person needs them."""
        return list(_ROOMS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click asks so
        """The command with this name."""
        if cmd_name not in _ROOMS:
            return None
        command: click.Command = getattr(import_module(f"fileorganizer.cli.commands.{_ROOMS[cmd_name]}"), cmd_name)
        return command


@click.command(cls=_Commands, epilog=_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="fileorganizer")
def commands() -> None:
    """Organize folders, survive anything, take it back."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and end the process with its exit code."""
    collect_rarely()
    _ready_streams()
    given = sys.argv[1:] if arguments is None else arguments
    sys.exit(_run(given))


def _ready_streams() -> None:
    """Any name can be printed, whatever the terminal's encoding; where a stream is closed nothing is heard and nothing fails."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            from fileorganizer.fs.private import nowhere

            setattr(sys, name, nowhere(mode))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _run(arguments: list[str]) -> int:
    """The exit code of one command line."""
    try:
        code = int(commands.main(arguments, prog_name="fileorganizer", standalone_mode=False) or 0)
        sys.stdout.flush()  # here a pipe that nobody reads, or a full disk, is still told of in words
        return code
    except click.ClickException as error:
        if _for_programs(arguments):
            _tell(arguments, InvalidOption.code, error.format_message())
        else:
            error.show()
        return error.exit_code
    except FileOrganizerError as error:
        _tell(arguments, error.code, str(error))
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        _tell(arguments, "interrupted", "Stopped; nothing more was changed.")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        os._exit(1)  # nobody reads any more: an ordinary end would fail once more while flushing
    except OSError as error:
        cause, next_step = _cause(error.errno)
        place = f" at {show(error.filename)}" if isinstance(error.filename, str | bytes) else ""
        _tell(arguments, cause.code, f"The system answered{place}: {error.strerror}. Nothing was lost; {next_step}.")
        return cause.exit_code


def _cause(number: int | None) -> tuple[type[FileOrganizerError], str]:
    """The kind of error for an answer of the system, and what to do about it."""
    if number in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull, "make room on that disk, then run it again"
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return StorageFailed, "see that you may read and write there, then run it again"
    if number in (errno.EEXIST, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG):
        return StorageFailed, "see what is there, then run it again"
    return StorageFailed, "run 'fileorganizer recover', then try again"


def _for_programs(arguments: list[str]) -> bool:
    """Does a program read the answer?"""
    return "--json" in arguments or "--json-lines" in arguments


def _tell(arguments: list[str], code: str, message: str) -> None:
    """An error for people on stderr, or for programs as JSON on stdout; where neither can be written, the exit code is all."""
    with suppress(OSError):
        if _for_programs(arguments):
            from fileorganizer.cli.render_json import write_document

            text = message.encode("utf-8", "surrogateescape").decode(
                "utf-8", "backslashreplace"
            )  # a word may be of any bytes
            write_document({"error": {"code": code, "message": text}})
            sys.stdout.flush()
        else:
            click.echo(f"fileorganizer: {message}", err=True)


if __name__ == "__main__":
    main()
