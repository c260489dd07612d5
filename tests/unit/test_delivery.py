"""Workflow, image and compose file hold together with the Makefile and the settings."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from backend.core.config import Settings

TOP = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = YAML(typ="safe").load(TOP / "docker-compose.yml")
WORKFLOW: dict[str, Any] = YAML(typ="safe").load(TOP / ".github/workflows/ci-cd.yml")
OURS = ("migrate", "app", "worker", "beat")
STEPS = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]


def test_each_command_of_the_workflow_is_a_target() -> None:
    """So what fails there can be run by hand."""
    targets = set(re.findall(r"^([a-z][a-z-]+):", (TOP / "Makefile").read_text(), re.MULTILINE))
    commands = [step["run"] for step in STEPS if "run" in step]
    found = [re.fullmatch(r"(?:sudo (?:--\S+ )*)?make ([a-z-]+)(?: [A-Z]+=\S+)?", command) for command in commands]
    assert len(commands) > 6 and all(found), commands
    assert {match[1] for match in found if match} <= targets


def test_jobs_come_one_after_the_other() -> None:
    """Nothing is built of what wasn't tested."""
    order = ["lint", "types", "test", "build", "security"]
    assert list(WORKFLOW["jobs"]) == order
    assert [WORKFLOW["jobs"][name].get("needs") for name in order] == [None, *order[:-1]]


@pytest.mark.parametrize("name", OURS)
def test_services_of_ours_are_held_tight(name: str) -> None:
    """Read-only, no capability, no new privileges, within limits, after what they need."""
    service = COMPOSE["services"][name]
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
    conditions = {needed: given["condition"] for needed, given in service["depends_on"].items()}
    if name == "migrate":
        assert conditions == {"postgres": "service_healthy"}
    else:
        assert conditions == {
            "migrate": "service_completed_successfully",
            "postgres": "service_healthy",
            "redis": "service_healthy",
        }
    assert set(service["environment"]) <= {field.upper() for field in Settings.model_fields}


def test_nothing_but_the_api_can_be_reached_from_outside() -> None:
    """And that from this machine only: whoever wants more puts a proxy before it."""
    published = {name: service["ports"] for name, service in COMPOSE["services"].items() if "ports" in service}
    assert list(published) == ["app"] and published["app"][0].startswith("127.0.0.1:")


def test_names_that_are_promised() -> None:
    """Services, volumes, the network, and which services need the profile."""
    assert set(COMPOSE["services"]) == {"postgres", "redis", *OURS}
    assert set(COMPOSE["volumes"]) == {"postgres_data", "redis_data", "logs", "storage"}
    assert set(COMPOSE["networks"]) == {"fileorganizer"}
    profiles = {name: service["profiles"] for name, service in COMPOSE["services"].items() if "profiles" in service}
    assert profiles == {"worker": ["worker"], "beat": ["worker"]}
    assert COMPOSE["services"]["postgres"]["image"] == "postgres:15"
    assert (
        COMPOSE["services"]["redis"]["image"] == "redis:7" and "--appendonly" in COMPOSE["services"]["redis"]["command"]
    )


def test_redis_lets_go_of_kept_answers_before_it_is_ended() -> None:
    """It has half of the memory that its container may take; messages have no end of their own and are never let go."""
    redis = COMPOSE["services"]["redis"]
    given = dict(itertools.pairwise(redis["command"]))
    assert given["--maxmemory-policy"] == "volatile-lru"
    assert int(given["--maxmemory"].removesuffix("mb")) * 2 <= int(
        redis["deploy"]["resources"]["limits"]["memory"].removesuffix("M")
    )


def test_the_image_holds_no_secret_and_runs_as_nobody_special() -> None:
    """Its user is a number, and what goes in is listed by name."""
    lines = (TOP / "Dockerfile").read_text()
    assert re.findall(r"^USER (.+)$", lines, re.MULTILINE) == ["10001:10001"]
    assert "HEALTHCHECK" in lines and "/health" in lines
    ignored = (TOP / ".dockerignore").read_text().splitlines()
    assert ignored[1] == "*" and not {"!.env", "!data", "!.git"} & set(ignored)
