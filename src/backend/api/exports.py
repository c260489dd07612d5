"""Reports to take away: JSON, CSV, HTML, XLSX. Streamed; cells can't start a formula; every name is escaped.

Texts of files are made in threads: of a million files that takes minutes, in which others ask, too.
"""

from __future__ import annotations

import asyncio
import base64
import csv
import hashlib
import io
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any, Final

import xlsxwriter
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, HTMLResponse, Response, StreamingResponse

from backend.api.schemas.files import FileRead
from backend.api.schemas.reports import ReportRead
from backend.services.files import FileView
from fileorganizer.errors import defused, show

COLUMNS: Final = (
    "id",
    "original_path",
    "new_path",
    "category",
    "status",
    "size_bytes",
    "error_message",
    "created_at",
    "original_path_b64",
    "new_path_b64",
)
SHEET_ROWS: Final = 1_000_000
"""A sheet has 1,048,576 rows."""
CELL_CHARACTERS: Final = 32_767
SHOWN_FILES: Final = 500
"""Files that the HTML page lists of each kind; the other formats have all."""

Batches = AsyncIterator[list[FileView]]


def _name(report: ReportRead, kind: str) -> dict[str, str]:
    """The header that names the file."""
    return {"Content-Disposition": f'attachment; filename="fileorganizer-report-{report.operation_id}.{kind}"'}


def as_json(report: ReportRead, batches: Batches) -> Response:
    """The report and all files, as one document that never stands in memory."""

    async def parts() -> AsyncGenerator[str]:
        """The document, piece by piece."""
        yield report.model_dump_json()[:-1] + ',"files":['
        separator = ""
        async for views in batches:
            yield separator + await asyncio.to_thread(_documents, views)
            separator = ","
        yield "]}"

    return StreamingResponse(parts(), media_type="application/json", headers=_name(report, "json"))


def _documents(views: list[FileView]) -> str:
    """Some files as JSON."""
    return ",".join(FileRead.of(view).model_dump_json() for view in views)


def as_csv(report: ReportRead, batches: Batches) -> Response:
    """One line a file, as RFC 4180 has it."""

    async def parts() -> AsyncGenerator[str]:
        """The lines, some at a time."""
        yield ",".join(COLUMNS) + "\r\n"
        async for views in batches:
            yield await asyncio.to_thread(_lines, views)

    headers = _name(report, "csv")
    return StreamingResponse(parts(), media_type="text/csv; charset=utf-8", headers=headers)


def _lines(views: list[FileView]) -> str:
    """Some files as lines."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(_cells(view) for view in views)
    return text.getvalue()


def _cells(view: FileView) -> list[object]:
    """One file as a line."""
    row = FileRead.of(view).model_dump(mode="json")
    return [defused(row[name]) if row[name] is not None else "" for name in COLUMNS]


async def as_xlsx(report: ReportRead, batches: Batches) -> Response:
    """A workbook with a summary, the categories, and all files; made in a file that goes when it is sent."""
    with tempfile.NamedTemporaryFile(suffix=".xlsx", delete=False) as file:
        path = Path(file.name)
    book = xlsxwriter.Workbook(path, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    try:
        _write_summary(book, report)
        sheets = _Sheets(book)
        async for views in batches:
            await asyncio.to_thread(sheets.write, views)
    finally:
        await asyncio.to_thread(book.close)
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return FileResponse(path, media_type=kind, headers=_name(report, "xlsx"), background=BackgroundTask(path.unlink))


def _write_summary(book: Any, report: ReportRead) -> None:
    """The sheets with numbers."""
    bold = book.add_format({"bold": True})
    sheet = book.add_worksheet("Summary")
    sheet.set_column(0, 1, 28)
    told = report.model_dump(mode="json")
    rows = [(name, told[name]) for name in ("operation_id", "operation_type", "status", "start_time", "end_time")]
    for number, (name, value) in enumerate([*rows, *told["stats"].items()]):
        sheet.write_string(number, 0, name, bold)
        _write_cell(sheet, number, 1, value)
    sheet = book.add_worksheet("Categories")
    columns = ("category", "file_count", "total_size_bytes", "percentage")
    for column, name in enumerate(columns):
        sheet.write_string(0, column, name, bold)
    for number, share in enumerate(told["category_breakdown"], 1):  # row by row: what is above is written out already
        for column, name in enumerate(columns):
            _write_cell(sheet, number, column, share[name])


class _Sheets:
    """The sheets with files, a new one where one is full."""

    def __init__(self, book: Any) -> None:
        self._book, self._rows, self._count = book, 0, 0
        self._sheet: Any = None

    def write(self, views: list[FileView]) -> None:
        """Some more files."""
        for view in views:
            if self._sheet is None or self._rows > SHEET_ROWS:
                self._begin()
            for column, value in enumerate(_cells(view)):
                _write_cell(self._sheet, self._rows, column, value)
            self._rows += 1

    def _begin(self) -> None:
        """A new sheet with its head."""
        self._count += 1
        self._sheet = self._book.add_worksheet("Files" if self._count == 1 else f"Files {self._count}")
        for column, name in enumerate(COLUMNS):
            _write_cell(self._sheet, 0, column, name)
        self._rows = 1


def _write_cell(sheet: Any, row: int, column: int, value: object) -> None:
    """One cell; text is text, never a formula or a link."""
    if isinstance(value, int | float):
        sheet.write_number(row, column, value)
    elif value is not None:
        sheet.write_string(row, column, str(defused(value))[:CELL_CHARACTERS])


def _environment() -> Environment:
    """Templates that escape everything and know no undefined name."""
    environment = Environment(
        loader=PackageLoader("backend.api"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"size": _size, "shown": show}
    return environment


def _size(count: int) -> str:
    """Bytes for people."""
    value = float(count)
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if value < 1_000 or unit == "TB":
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1_000
    raise AssertionError("a unit was found")


_templates: Final = _environment()


def as_html(report: ReportRead, views: list[FileView]) -> Response:
    """A page that needs nothing but itself, prints well, and runs nothing; ``views`` are the files that were left."""
    left = [FileRead.of(view) for view in views]
    style = _templates.get_template("report.css").render()
    seal = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{seal}'"
    page = _templates.get_template("report.html").render(
        report=report, left=left[:SHOWN_FILES], more=len(left) > SHOWN_FILES, style=style, policy=policy
    )
    return HTMLResponse(page, headers={**_name(report, "html"), "Content-Security-Policy": policy})
