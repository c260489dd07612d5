"""The user and the engine take turns, killed, stopped and disturbed, and the invariants I1 to I9 hold after each."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import get_state_machine_test

from tests.support import machine

SEED = 20_260


def run(place: Path, minutes: float = 8, examples: int = 40, steps: int = 25) -> dict[str, Any]:
    """Rounds of so many examples, each with a seed of its own, until the time is up; a failure prints its seed and steps."""
    started, rounds = time.monotonic(), 0
    while time.monotonic() - started < minutes * 60:
        play(SEED + rounds, examples, steps)
        rounds += 1
        print(f"seed {SEED + rounds - 1}:", machine.figures(), flush=True)
    return {"seeds": f"{SEED} to {SEED + rounds - 1}", "lost": 0, "false_records": 0, **machine.figures()}


def play(seed: int, examples: int, steps: int, *, shrink: bool = True) -> None:
    """So many games of so many turns from one seed. Raises AssertionError naming the invariant, with the turns that led there."""
    phases = (Phase.generate, Phase.shrink) if shrink else (Phase.generate,)
    test = get_state_machine_test(
        machine.Machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            phases=phases,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
    try:
        hypothesis.seed(seed)(test)()
    except BaseException as error:
        error.add_note(f"seed {seed}: tests.proofs.state_machine.play({seed}, {examples}, {steps})")
        raise
