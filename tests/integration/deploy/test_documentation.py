"""Every command that README and docs/ show is run by a test, or named here with the place where it is checked."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

import click
import pytest
from ruamel.yaml import YAML

from backend.manage import commands as server_commands
from fileorganizer.cli.app import commands as engine_commands
from tests.support.server import ROOT

PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
PLACES = {"FOLDER", "PATH", "DIR", "ITEM", "OPERATION", "NAME", "SIZE", "RULE", "P"}
"""What stands for something of the reader's."""

ELSEWHERE = {
    "curl localhost:8000/health": "tests/integration/deploy/test_proxy.py",
    "curl": "tests/integration/backend/test_manage.py",
    "dist/fileorganizer preview": "tests/integration/deploy/test_installer.py",
    "pip install 'dist/fileorganizer_pro": "tests/proofs/installed.py",
    "python3 -m venv": "tests/proofs/installed.py",
    "/opt/fileorganizer/bin/pip install --no-deps --require-hashes -r requirements-server.lock": "tests/proofs/image.py",
    "/opt/fileorganizer/bin/pip install --no-deps dist/": "tests/proofs/image.py",
    "docker build": "tests/proofs/image.py",
    "docker run": "tests/proofs/image.py",
    "docker compose up": "tests/proofs/topology.py",
    "docker compose run --rm migrate": "tests/proofs/topology.py",
    "docker compose --profile worker up": "tests/proofs/topology.py",
    "docker compose exec redis redis-cli ping": "tests/unit/test_delivery.py",
    "docker compose exec postgres pg_isready": "tests/unit/test_delivery.py",
    "celery -A backend.worker.celery_app": "tests/proofs/topology.py",
    "systemctl": "tests/integration/deploy/test_unit.py",
    "cp deploy/systemd/fileorganizer.service": "tests/integration/deploy/test_unit.py",
    "cp .env.example .env": "tests/unit/backend/test_configuration.py",
    "install -D -m 0600 .env.example": "tests/unit/backend/test_configuration.py",
    "useradd": "tests/proofs/image.py",
    "python -m benchmarks.records": "benchmarks/records.py",
    "python -m tests.e2e.million": "tests/e2e/million.py",
    "python -m tests.e2e.screenshots": "tests/e2e/screenshots.py",
    ".venv/bin/pytest": "Makefile",
    ".venv/bin/pre-commit install": ".pre-commit-config.yaml",
    "python scripts/database_optimization.py": "tests/integration/test_database_optimization.py",
    "alembic": "tests/integration/backend/test_upgrades.py",
    "python3 -c 'import secrets": "tests/unit/backend/test_configuration.py",
    "kill -USR1": "tests/support/server.py",
    "docker compose exec postgres psql": "tests/integration/deploy/test_other_programs.py",
    "docker compose exec -T postgres pg_": "tests/integration/backend/test_backups.py",
    "journalctl": "tests/integration/deploy/test_other_programs.py",
    "setfacl": "tests/integration/deploy/test_other_programs.py",
}
"""How a command begins → where it, or what it does, is checked."""

SERVICE = f"(?:{'|'.join(YAML(typ='safe').load(ROOT / 'docker-compose.yml')['services'])})"
DOCKER = (
    r"docker build -t \S+ \.",
    r"docker run (?:(?:-d|--read-only|--(?:name|tmpfs|cap-drop|restart) \S+|-[epv] \S+) )+\S+ fileorganizer serve .+",
    r"docker logs \w+",
    rf"docker compose (?:--profile worker )?up -d(?: --scale {SERVICE}=\d+)?(?: {SERVICE})*",
    r"docker compose build --pull",
    rf"docker compose run --rm {SERVICE}(?: fileorganizer .+)?",
    rf"docker compose exec(?: -T)? {SERVICE} .+",
    rf"docker compose ps {SERVICE}",
    rf"docker compose logs {SERVICE}(?: --(?:since|tail) \w+)?",
)
"""The forms of docker's commands. An engine isn't to be had where this is made, so these were compared with the ``--help`` of
docker 28.2 and with the reference of ``docker compose``, on 2026-11-26: a new form has to be looked up there, too."""

PROGRAMS = r"(?:make|fileorganizer|curl|docker|celery|alembic|systemctl|journalctl|pip|python3?|kill|setfacl|sqlite3|\.venv/bin/\S+)"


def shown(text: str) -> set[str]:
    """The commands of a page: in fences of the shell, indented, or between single backticks."""
    found: list[str] = []
    for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
        found += block.replace("\\\n", " ").splitlines()
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    found += [
        part
        for line in re.findall(r"^ {4}(\S.*)$", text, re.MULTILINE)
        for part in re.split(r" {3,}(?=fileorganizer )", line)
    ]
    found += [words for words in re.findall(r"`([^`\n]+)`", text) if " " in words]
    found = [re.sub(r"\s+#\s.*| {2,}$", "", line).strip() for line in found]
    inside = r"docker compose (?:exec app|run --rm \w+) (.+)"
    found = [inner for line in found for inner in [line, *re.findall(inside, line)]]
    return {line for line in found if re.match(PROGRAMS + r"(?: |$)", line)}


COMMANDS = sorted({(page.name, line) for page in PAGES for line in shown(page.read_text())})


def test_commands_are_found() -> None:
    """The pages show many; a change of their form mustn't make this test see none."""
    programs = {line.split()[0] for _, line in COMMANDS}
    assert len(COMMANDS) > 70 and {"make", "fileorganizer", "curl", "docker", "celery"} <= programs


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_a_command_that_is_shown(page: str, line: str) -> None:
    """A target of make, a command of ours with options that it knows, or checked elsewhere."""
    words = [word for word in shlex.split(line) if word not in ("…", "[options]")]
    if words[0] == "make":
        assert {word for word in words[1:] if "=" not in word} <= TARGETS, page
    elif words[0] == "fileorganizer":
        _known(engine_commands, words[1:])
    elif words[:3] == ["python", "-m", "backend.manage"]:
        _known(server_commands, words[3:])
    elif words[:2] == ["python", "-m"] and words[2] in ("backend.worker", "uvicorn"):
        assert (ROOT / "tests/support/server.py").exists()
    elif line.startswith("docker compose exec app "):
        _known(engine_commands, words[5:])
    else:
        place = next((where for begin, where in ELSEWHERE.items() if line.startswith(begin)), None)
        checked = place is not None and (ROOT / place).exists()
        assert checked or words[0] == "docker", (page, line)


@pytest.mark.parametrize("line", sorted({line for _, line in COMMANDS if line.startswith("docker ")}))
def test_words_that_docker_knows(line: str) -> None:
    """Its commands and options, and services of docker-compose.yml."""
    assert any(re.fullmatch(form, re.sub(" +", " ", line)) for form in DOCKER)


def _known(group: click.Command, words: list[str]) -> None:
    """The words name a command and options of it."""
    command, context = group, click.Context(group)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        following = command.get_command(context, words[0])
        if following is None:
            following, words = command.commands["search"], ["", *words]  # `duplicates FOLDER` searches
        command, words = following, words[1:]
        if command.name == "server":
            command = server_commands
        elif command.name == "serve":
            command = server_commands.commands["run"]
    assert command is not group or words in (["--version"], ["--help"]), words
    options = {option for parameter in command.params for option in [*parameter.opts, *parameter.secondary_opts]}
    options |= {"--help", "--version"}
    for word in words:
        for name in re.findall(r"--[a-z][a-z-]*", word):
            assert name in options, f"{command.name} doesn't know {name}"


def test_the_guide_names_every_option() -> None:
    """Whatever ``--help`` of a command shows; those of the server have guides of their own."""
    named = set(re.findall(r"--[a-z][a-z-]*", (ROOT / "docs/user_guide.md").read_text()))
    context = click.Context(engine_commands)
    names = [name for name in engine_commands.list_commands(context) if name not in ("serve", "server")]
    commands = [command for name in names if (command := engine_commands.get_command(context, name)) is not None]
    for command in commands:
        commands += command.commands.values() if isinstance(command, click.Group) else ()
        options = {option for parameter in command.params for option in parameter.opts if option.startswith("--")}
        assert options - named == set(), command.name


def test_links_between_pages_lead_somewhere() -> None:
    """To a file that is there, and to a heading of it."""
    for page in PAGES:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
            if "://" in target:
                continue
            path, _, anchor = target.partition("#")
            place = (page.parent / path).resolve() if path else page
            assert place.exists(), (page.name, target)
            if anchor and place.suffix == ".md":
                headings = re.findall(r"^#+ (.+)$", place.read_text(), re.MULTILINE)
                anchors = {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}
                assert anchor in anchors, (page.name, target)


def test_the_figures_in_readme_are_the_newest() -> None:
    """Of each size the run of the engine that began last, and what the proofs counted when they were made last."""
    lines = (ROOT / "README.md").read_text().splitlines()
    runs = [json.loads((ROOT / "docs/benchmarks" / name).read_text()) for name in ("engine.json", "engine_1m.json")]
    runs.sort(key=lambda run: str(run["machine"]["started"]))
    sizes = {one["parameters"]["files"]: one for run in runs for one in run["sizes"]}
    by_size = [sizes[100_000], sizes[1_000_000]]
    expected = [
        _row(title, [_measured(one["engine"][verb], memory=verb != "second") for one in by_size], "make bench")
        for title, verb in (
            ("preview", "preview"),
            ("organize", "organize"),
            ("a second run", "second"),
            ("undo", "undo"),
        )
    ]
    loops = [one["renames"]["c"]["mkdir_seconds"] + one["renames"]["c"]["rename_seconds"] for one in by_size]
    expected.append(_row("a loop of plain renames in C, for comparison", list(map(_seconds, loops)), "make bench"))
    proofs = json.loads((ROOT / "docs/proofs/engine.json").read_text())
    kills, swaps, cuts = proofs["kills"], proofs["swapper"]["swaps"], proofs["power_cut"]
    killed = f"the process killed at each of {kills['points']:,} points, {kills['kills']:,} times"
    expected.append(_row(killed, [f"{kills['lost']} files lost"], "make prove"))
    served = proofs["service_kills"]
    server = f"the server, its worker or both killed {sum(served['kills'].values())} times during operations"
    outcome = f"{served['lost']} files lost, {served['manual_steps']} steps by hand"
    expected.append(_row(server, [outcome], "make prove"))
    power = f"power cut {cuts['ext4'] + cuts['xfs']} times, ext4 and xfs"
    expected.append(_row(power, [f"{cuts['lost']} files lost"], "make prove"))
    swapped = f"{swaps:,} folders swapped for links during runs"
    expected.append(_row(swapped, [f"{proofs['swapper']['changed_outside']} files touched outside"], "make prove"))
    assert [row for row in expected if row not in lines] == []


@pytest.mark.parametrize("names", [("sqlite_1m", "production_1m"), ("sqlite", "production", "production_1m_slower")])
def test_the_figures_of_the_server_are_the_newest(names: tuple[str, ...]) -> None:
    """What the load tests of 100,000 and of a million files found in both arrangements, with the goals that weren't reached."""
    lines = (ROOT / "docs/deployment.md").read_text().splitlines()
    files = [ROOT / "docs/benchmarks" / f"load_{name}.json" for name in names]
    runs = [json.loads(file.read_text()) for file in files]
    alone = [run["alone"]["operations"] for run in runs]  # plain and taken back, then with a search and taken back
    crowd = [run["parts"][-1] for run in runs]
    beside = [[one for one in part["operations"] if one["type"] == "organize"] for part in crowd]
    memory = [
        {name: f"{cost['peak_bytes'] / 1e6:.0f} MB" for name, cost in part["processes"].items()} for part in crowd
    ]
    expected = {
        "find, renames in C, and the records loaded, for comparison": [
            ", ".join(map(_seconds, run["alone"]["raw_seconds"].values())) for run in runs
        ],
        "a bare uvicorn with one SELECT in the same run, half and 95 % within": [
            f"{run['bare']['p50_ms']}, {run['bare']['p95_ms']} ms" for run in runs
        ],
        "organized, nobody else there": [_seconds(run[0]["seconds"]) for run in alone],
        "with a search for duplicates": [_seconds(run[2]["seconds"]) for run in alone],
        "taken back": [_seconds(run[1]["seconds"]) for run in alone],
        "organized with a search while 100 people browse": [_seconds(run[0]["seconds"]) for run in beside],
        "their requests: half, 95 %, 99 % within": [f"{p['p50_ms']}, {p['p95_ms']}, {p['p99_ms']} ms" for p in crowd],
        "wrong and stale answers": [f"{sum(p['errors'].values())}, {p['stale_answers']}" for p in crowd],
        "answers that were kept": [f"{100 * part['cache']['hit_rate']:.0f} %" for part in crowd],
        "all processes of the API, of the workers": [f"{one['api']}, {one['worker']}" for one in memory],
        "goals missed": ["; ".join(_missed(row) for row in run["verdicts"] if not row["kept"]) for run in runs],
    }
    rows = [f"| {title} | {' | '.join(cells)} |" for title, cells in expected.items()]
    assert [row for row in rows if row not in lines] == []


def _row(title: str, cells: list[str], target: str) -> str:
    """A line of README's tables."""
    return f"| {' | '.join([title, *cells])} | `{target}` |"


def _missed(row: dict[str, Any]) -> str:
    """A verdict on a goal that wasn't reached."""
    return f"{row['name']}: {row['value']:.4g} {row['unit']} instead of {row['limit']:g}"


def _measured(verb: dict[str, Any], *, memory: bool) -> str:
    """Seconds, and the largest process."""
    return _seconds(verb["seconds"]) + (f", {verb['peak_bytes'] / 1e6:.0f} MB" if memory else "")


def _seconds(seconds: float) -> str:
    """In two digits or so."""
    return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
