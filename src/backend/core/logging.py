"""Logs: one JSON line an event, with request, user and operation; control characters can't forge a line."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import structlog

FIELD_CHARACTERS = 1_024
TRACEBACK_CHARACTERS = 8_192
LOG_NAME: Final = "fileorganizer.jsonl"


class _Lines:
    """Stderr, and a file to which all processes append: each line is one write, so that none is torn.

    A line that can't be written, for the disk is full or the reader has gone, is lost, and nothing else is.
    """

    def __init__(self, folder: Path | None) -> None:
        """The file is opened in ``folder``, which has to be there; None: there is none."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._fd = None if folder is None else os.open(folder / LOG_NAME, flags, 0o600)

    def write(self, text: str) -> int:
        """One or more whole lines."""
        with suppress(OSError):
            if self._fd is not None:
                os.write(self._fd, text.encode("utf-8", "backslashreplace"))
        with suppress(OSError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        """Nothing waits in the file."""
        with suppress(OSError):
            sys.stderr.flush()


def configure_logging(level: str, folder: Path | None = None) -> None:
    """Send our own logs and those of uvicorn and SQLAlchemy to stderr as JSON, and into a file of ``folder``, too."""
    lines: Any = _Lines(folder)
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        shorten,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.WriteLoggerFactory(lines),  # a line in one write: the worker writes there too
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(lines)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
    logging.getLogger("uvicorn.access").disabled = True  # our own line has the request id and no query string


def shorten(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Cut long fields in their middle (a traceback says at its end what happened) and escape what isn't valid text."""
    for key, value in event.items():
        if isinstance(value, str):
            text = value.encode("utf-8", "backslashreplace").decode()
            half = (TRACEBACK_CHARACTERS if "Traceback" in text[:100] else FIELD_CHARACTERS) // 2
            event[key] = text if len(text) <= 2 * half else f"{text[:half]}…{text[-half:]}"
    return event


def logger(name: str) -> Any:
    """A logger that takes an event and fields."""
    return structlog.get_logger(name)
