"""What the configuration refuses, and that .env.example explains all of it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from backend.core.config import SAMPLE_PREFIX, Settings
from backend.core.logging import LOG_NAME

EXAMPLE = (Path(__file__).parents[3] / ".env.example").read_text()
SECRET = "x" * 48


def test_every_setting_is_explained() -> None:
    """Each name stands in the example once, below a comment, and no name there is unknown."""
    names = re.findall(r"^#?([A-Z_]+)=", EXAMPLE, re.MULTILINE)
    assert sorted(names) == sorted(name.upper() for name in Settings.model_fields)


def test_the_example_can_be_used_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In development, and it changes no default."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    (tmp_path / ".env").write_text(EXAMPLE)
    monkeypatch.chdir(tmp_path)
    assert Settings(_env_file=".env") == Settings(_env_file=None)


@pytest.mark.parametrize("line", [line for line in EXAMPLE.splitlines() if f"={SAMPLE_PREFIX}" in line])
def test_production_refuses_each_sample(line: str) -> None:
    """Whatever else is right."""
    name, value = line.lstrip("#").split("=")
    given = {"environment": "production", "jwt_secret_key": SECRET, name.lower(): value}
    with pytest.raises(ValidationError, match=name):
        Settings(_env_file=None, **given)
    Settings(_env_file=None, **{**given, name.lower(): SECRET})


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("DATABASE_URL", "postgresql+psycopg://fileorganizer:{}@postgres/fileorganizer"),
        ("REDIS_URL", "redis://:{}@redis/0"),
    ],
)
def test_production_refuses_samples_in_addresses(name: str, url: str) -> None:
    """That is how docker-compose.yml hands them over."""
    given = {"environment": "production", "jwt_secret_key": SECRET}
    with pytest.raises(ValidationError, match=name):
        Settings(_env_file=None, **given, **{name.lower(): url.format("change-me-database")})
    Settings(_env_file=None, **given, **{name.lower(): url.format(SECRET)})


def test_lines_of_several_processes_go_into_one_file(tmp_path: Path) -> None:
    """Whole, on stderr as well, and readable for the server's user only."""
    code = (
        "import sys; from pathlib import Path; from backend.core.logging import configure_logging, logger\n"
        "configure_logging('INFO', Path(sys.argv[1]))\n"
        "for number in range(200): logger('x').info('line', number=number, text='y' * 500)\n"
        "import logging; logging.getLogger('uvicorn').warning('from a library')\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    writers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    said = [writer.communicate(timeout=60)[1] for writer in writers]
    lines = [json.loads(line) for line in (tmp_path / LOG_NAME).read_text().splitlines()]
    assert sorted(line.get("number", -1) for line in lines) == sorted([*range(200), -1] * 3)
    assert [text.count("\n") for text in said] == [201] * 3
    assert (tmp_path / LOG_NAME).stat().st_mode & 0o777 == 0o600


def test_errors_show_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong is named; what the settings hold, a secret last, doesn't go into anybody's log."""
    monkeypatch.setenv("DATABASE_URL", "mysql://ann:of-the-database@host/files")
    with pytest.raises(ValidationError, match="DATABASE_URL must begin with") as refused:
        Settings(_env_file=None, redis_url="redis://x", redis_password=SECRET)
    assert "of-the" not in str(refused.value) and SECRET[:8] not in str(refused.value)
