"""Chains, swaps and cycles: whose place must be empty before who can go there."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from fileorganizer.model import BATCH_STEPS, Role, Step, StepKind

Unit = list[Step]
"""Steps that share their fate: one file, or a family."""


def order(units: Sequence[Unit], temporary: Callable[[], bytes], first_group: int) -> list[list[Step]]:
    """Batches in which every step's target has been left by the time it is reached.

    Only targets that are sources of other ``units`` matter. A cycle is broken by
    parking one unit under ``temporary`` names; parking and unparking stand in
    different batches, so that no batch in doubt moves one file twice. ``first_group``
    and the numbers after it are free for groups.
    """
    owner = {(step.source_side, step.source): number for number, unit in enumerate(units) for step in unit}
    needs = [
        {owner[place] for step in unit if (place := (step.target_side, step.target)) in owner} - {number}
        for number, unit in enumerate(units)
    ]
    sequence, parked = _sequence(needs)
    parking: list[Unit] = []
    unparking: list[Unit] = []
    for offset, number in enumerate(parked):
        group = units[number][0].group or first_group + offset
        names = [temporary() for _ in units[number]]
        parking.append([_park(step, name, group) for step, name in zip(units[number], names, strict=True)])
        unparking.append([_unpark(step, name, group) for step, name in zip(units[number], names, strict=True)])
    waiting = set(parked)
    chain = [units[number] for number in sequence if number not in waiting]
    return [*in_batches(parking), *in_batches(chain), *in_batches(unparking)]


def _park(step: Step, name: bytes, group: int) -> Step:
    """The move of a step's source out of the way."""
    return Step(StepKind.MOVE, step.source, name, step.seen, step.source_side, step.source_side, Role.AUXILIARY, group)


def _unpark(step: Step, name: bytes, group: int) -> Step:
    """The move from the parking place to the target; parking has changed the ctime."""
    seen = msgspec.structs.replace(step.seen, ctime_ns=0) if step.seen else None
    return msgspec.structs.replace(step, source=name, seen=seen, group=group)


def _sequence(needs: list[set[int]]) -> tuple[list[int], list[int]]:
    """An order in which each comes after what it needs, and those that had to be parked for that to be possible."""
    done: set[int] = set()
    parked: list[int] = []
    sequence: list[int] = []
    for start in range(len(needs)):
        path = [start]
        on_path = {start}
        while path:
            number = path[-1]
            left = [] if number in done else [n for n in sorted(needs[number]) if n not in done]
            if not left:
                path.pop()
                on_path.discard(number)
                if number not in done:
                    done.add(number)
                    sequence.append(number)
            elif left[0] in on_path:
                parked.append(left[0])
                done.add(left[0])
            else:
                path.append(left[0])
                on_path.add(left[0])
    return sequence, parked


def in_batches(units: Sequence[Unit]) -> list[list[Step]]:
    """Units put together into batches of about ``BATCH_STEPS`` steps; a unit is never torn."""
    batches: list[list[Step]] = []
    current: list[Step] = []
    for unit in units:
        if current and len(current) + len(unit) > BATCH_STEPS:
            batches.append(current)
            current = []
        current.extend(unit)
    return [*batches, current] if current else batches
