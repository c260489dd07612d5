"""Taken names: who keeps a name, and what the others are called.

A file that is in place already wins, then bytewise path order decides, or with
``keep_newer`` the newer file. Nothing is ever discarded: who loses gets a
suffix or, with ``skip``, stays where it is.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable
from itertools import pairwise

import msgspec

from fileorganizer.model import Conflict, Identity, Reason, Skip, Step, StepKind
from fileorganizer.planning import naming
from fileorganizer.planning.companions import overhang, rename_companion


class Claims:
    """All claimed target names of a plan, as sorted hashes: eight bytes a file."""

    def __init__(self, batches: Iterable[array[int]]) -> None:
        """Sort the hashes of all batches and find those that occur twice."""
        everything = array("q")
        for batch in batches:
            everything.extend(batch)
        self._sorted = array("q", sorted(everything))
        self.contested = {value for value, following in pairwise(self._sorted) if value == following}

    def __contains__(self, claim: int) -> bool:
        """Does any file claim this name?"""
        at = bisect_left(self._sorted, claim)
        return at < len(self._sorted) and self._sorted[at] == claim


def claim_of(folder: bytes, name: bytes, rules: naming.NameRules) -> int:
    """The hash that stands for a name in a target folder; equal only within one process and what it forked."""
    return hash((folder, naming.key(name, rules)))


class Occupant(msgspec.Struct, frozen=True):
    """What has a claimed name now."""

    path: bytes
    seen: Identity
    vacates: bool
    """The plan moves it away."""
    movable: bool
    """A regular file that the plan may give another name."""


class Unit(msgspec.Struct):
    """A file or a family that claims names; ``steps`` and, once decided, what became of it."""

    steps: list[Step]
    folder: bytes = b""
    """The target folder."""
    sources: tuple[bytes, ...] = ()
    skips: list[Skip] = []
    waits: bool = False
    """Its place is left by another step first."""


class World:
    """What the resolution has to know of the target: plain functions, so that it stays pure."""

    def __init__(
        self,
        rules: naming.NameRules,
        claims: Claims,
        occupants: dict[int, Occupant],
        exists: Callable[[bytes], bool],
        same_bytes: Callable[[Step, Occupant], bool],
    ) -> None:
        """``exists`` tells whether something is at a target path now; ``same_bytes`` compares contents."""
        self.rules, self.claims = rules, claims
        self.occupants, self._exists, self.same_bytes = occupants, exists, same_bytes
        self._given: set[int] = set()
        self.next_number: dict[int, int] = {}

    def claim(self, target: bytes) -> int:
        """The hash that stands for a target path."""
        folder, _, name = target.rpartition(b"/")
        return claim_of(folder, name, self.rules)

    def give(self, targets: Iterable[bytes]) -> None:
        """These names are taken from now on."""
        self._given.update(map(self.claim, targets))

    def is_given(self, target: bytes) -> bool:
        """Was the name given to another file of this plan?"""
        return self.claim(target) in self._given

    def is_free_for_suffix(self, target: bytes) -> bool:
        """Does nobody have, get or claim this name?"""
        claim = self.claim(target)
        return claim not in self._given and claim not in self.claims and not self._exists(target)


def resolve(units: list[Unit], world: World, policy: str) -> list[Unit]:
    """Decide all units that claim a contested name; returns units to be added: occupants that get another name.

    ``policy`` is rename, skip or keep_newer. Each unit's steps are changed in
    place; a unit without steps has its skips.
    """
    added: list[Unit] = []
    for unit in sorted((unit for unit in units if unit.steps), key=lambda unit: _rank(unit, policy)):
        occupants = [(step, o) for step in unit.steps if (o := world.occupants.get(world.claim(step.target)))]
        staying = [(step, o) for step, o in occupants if not o.vacates]
        if len(staying) == len(unit.steps) and all(
            step.seen and step.seen.size == o.seen.size and world.same_bytes(step, o) for step, o in staying
        ):
            _leave(unit, Reason.DUPLICATE_IN_PLACE, staying[0][1].path)
            continue
        given = any(world.is_given(step.target) for step in unit.steps)
        if staying and not given and policy == "keep_newer" and _all_newer(staying):
            added += [_renamed_occupant(step, o, world) for step, o in staying]
            unit.waits = True
            world.give(step.target for step in unit.steps)
        elif not staying and not given:
            unit.waits = bool(occupants)
            world.give(step.target for step in unit.steps)
        elif policy == "skip":
            _leave(unit, Reason.NAME_TAKEN, unit.steps[0].target)
        else:
            _rename(unit, world)
    _decide_again(units, world, policy)
    return added


def _decide_again(units: list[Unit], world: World, policy: str) -> None:
    """Units that counted on a place whose occupant stays after all get another name, or stay as well."""
    waiting = [unit for unit in units if unit.waits]
    stay = {path for unit in units if not unit.steps for path in unit.sources}
    while stay:
        newly: set[bytes] = set()
        for unit in waiting:
            occupants = [world.occupants.get(world.claim(step.target)) for step in unit.steps]
            if any(occupant is not None and occupant.path in stay for occupant in occupants):
                unit.waits = False
                if policy == "skip":
                    _leave(unit, Reason.NAME_TAKEN, unit.steps[0].target)
                else:
                    _rename(unit, world)
                newly.update(unit.sources if not unit.steps else ())
        stay = newly


def _rank(unit: Unit, policy: str) -> tuple[int, bytes]:
    """Who chooses first: by path, or with ``keep_newer`` the newest first."""
    leader = unit.steps[0]
    newest = -leader.seen.mtime_ns if policy == "keep_newer" and leader.seen else 0
    return newest, leader.source


def _all_newer(staying: list[tuple[Step, Occupant]]) -> bool:
    """Is each file newer than the one in its place, and may that one be renamed?"""
    return all(o.movable and step.seen is not None and step.seen.mtime_ns > o.seen.mtime_ns for step, o in staying)


def _leave(unit: Unit, reason: Reason, detail: bytes) -> None:
    """The unit stays where it is."""
    text = detail.decode("utf-8", "backslashreplace")
    unit.skips = [Skip(s.source, reason, s.seen.size if s.seen else 0, detail=text, facts=s.facts) for s in unit.steps]
    unit.steps = []


def _rename(unit: Unit, world: World) -> None:
    """Give the whole family the first number under which all its names are free; without one that fits, it stays."""
    folder, _, leader = unit.steps[0].target.rpartition(b"/")
    prefix = folder + b"/" if folder else b""
    names = [step.target[len(prefix) :] for step in unit.steps]
    if any(step.seen is not None and step.seen.mode & 0o170000 == 0o040000 for step in unit.steps):
        _leave(unit, Reason.NAME_TAKEN, unit.steps[0].target)  # a saved page finds its folder by name
        return
    counter = world.claim(unit.steps[0].target)
    number = world.next_number.get(counter, 2)
    while True:
        new_leader = naming.suffixed(leader, number, world.rules, reserve=overhang(names, leader))
        number += 1
        new_names = [new_leader, *(rename_companion(name, leader, new_leader) for name in names[1:])]
        if not all(naming.allowed(name, world.rules) for name in new_names):
            _leave(unit, Reason.NAME_TAKEN, unit.steps[0].target)
            return
        targets = [prefix + name for name in new_names]
        if len(set(targets)) == len(targets) and all(map(world.is_free_for_suffix, targets)):
            break
    world.next_number[counter] = number
    world.give(targets)
    unit.steps = [_retarget(step, target, Conflict.SUFFIXED) for step, target in zip(unit.steps, targets, strict=True)]


def _retarget(step: Step, target: bytes, conflict: int) -> Step:
    """The step with another target, and the decision noted in its facts."""
    facts = msgspec.structs.replace(step.facts, conflict=conflict) if step.facts else None
    return msgspec.structs.replace(step, target=target, facts=facts)


def _renamed_occupant(step: Step, occupant: Occupant, world: World) -> Unit:
    """The older file in place gets a suffix, before the newer one takes its name."""
    moved = Step(
        StepKind.MOVE, step.target, step.target, occupant.seen, step.target_side, step.target_side, facts=step.facts
    )
    unit = Unit([moved], waits=True)
    _rename(unit, world)
    unit.steps = [_retarget(unit.steps[0], unit.steps[0].target, Conflict.NEWER_KEPT_NAME)]
    return unit
