"""The harness is only as good as the bugs it sees: one-line mutants of the engine, each caught by name by one of its layers.

Each mutant is a replacement in a copy of ``src``; a layer runs on that copy in a
process of its own and has to fail with the words that are expected. The same
layer passes on the unchanged copy, or the mutant proves nothing.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.proofs.slices import HOME, in_slices
from tests.support.at_start.sitecustomize import unmeasured


@dataclass(frozen=True)
class Mutant:
    """One wrong line, and which layer must see it, by which words."""

    name: str
    file: str
    right: str
    wrong: str
    layer: str
    """kills (kill enumeration), machine (state machine), or test (an explicit test of the engine)."""
    which: str
    """Of kills ``case/stride``, of the machine ``seed/examples``, of tests the test."""
    says: str
    """A regular expression."""
    quick: bool = False
    """In the sample of ``make test``."""


ANSWERS, LEFT, CRASH, HELPING = (
    f"tests/integration/test_{name}.py::test_" for name in ("engine_answers", "what_is_left", "crash", "helping")
)
MUTANTS = (
    Mutant(
        "plain rename instead of an exclusive one",
        "execution/stepping.py",
        "        rename(source_fd, source_name, target_fd, target_name)\n",
        "        os.rename(source_name, target_name, src_dir_fd=source_fd, dst_dir_fd=target_fd)\n",
        "test",
        ANSWERS + "f30_to_f36_the_world_changes_after_the_plan",
        "conflict",
        quick=True,
    ),
    Mutant(
        "plain rename, seen by chance",
        "execution/stepping.py",
        "        rename(source_fd, source_name, target_fd, target_name)\n",
        "        os.rename(source_name, target_name, src_dir_fd=source_fd, dst_dir_fd=target_fd)\n",
        "machine",
        "11/600",
        "I1: ",
    ),
    Mutant(
        "no look at the file before it is moved",
        "execution/stepping.py",
        "                if (\n                    status.st_ino == seen.ino\n",
        "                if True or (\n                    status.st_ino == seen.ino\n",
        "test",
        ANSWERS + "f30_to_f36_the_world_changes_after_the_plan",
        "changed",
        quick=True,
    ),
    Mutant(
        "no look at the file after it was moved",
        "execution/stepping.py",
        "if status.st_ino != seen.ino and capabilities[",
        "if status.st_ino == 0 and capabilities[",
        "test",
        LEFT + "swapped_between_the_look_and_the_rename",
        "changed",
        quick=True,
    ),
    Mutant(
        "settled without a sync",
        "fs/folders.py",
        "    os.fsync(fd)\n\n\n@contextmanager",
        "    del fd\n\n\n@contextmanager",
        "test",
        CRASH + "every_folder_is_synced_before_its_batch_is_settled",
        "before it was durable",
        quick=True,
    ),
    Mutant(
        "the outcome is written before the sync",
        "execution/executor.py",
        '        faultpoint("batch.carried-out")\n',
        '        faultpoint("batch.carried-out")\n        self._journal.advance(number, settled=Settled(self._seq, outcomes, before), intent=None)\n',
        "test",
        CRASH + "every_folder_is_synced_before_its_batch_is_settled",
        "before it was durable",
    ),
    Mutant(
        "an absent folder counts as skipped when its removal is settled",
        "execution/recovery.py",
        "same_inode(source, step.seen) else _DONE\n\n\ndef _linked",
        'same_inode(source, step.seen) else (State.SKIPPED, Reason.GONE, "")\n\n\ndef _linked',
        "kills",
        "organize/1",
        "undo isn't identical",
    ),
    Mutant(
        "no fence: who was overtaken goes on writing",
        "journal/store.py",
        "        if epoch != self.epoch:\n",
        "        if epoch < self.epoch:\n",
        "test",
        ANSWERS + "who_was_overtaken_writes_nothing",
        "DID NOT RAISE",
        quick=True,
    ),
    Mutant(
        "the lock isn't taken",
        "fs/control.py",
        "        fcntl.flock(fd, kind | fcntl.LOCK_NB)\n",
        "        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)\n",
        "test",
        ANSWERS + "f38_who_may_work_where",
        "DID NOT RAISE",
        quick=True,
    ),
    Mutant(
        "a helper that died did nothing",
        "execution/executor.py",
        "        if lost or self._folders_moved",
        "        if self._folders_moved",
        "test",
        HELPING + "the_helper_dies_and_a_stop_is_wanted",
        "assert",
    ),
    Mutant(
        "the helper doesn't hold the lock",
        "execution/helping.py",
        "become_second(connection, *work.locks.descriptors, *",
        "become_second(connection, *",
        "test",
        HELPING + "a_root_is_busy_as_long_as_the_helper_lives",
        "DID NOT RAISE",
        quick=True,
    ),
    Mutant(
        "moved first, intended later",
        "execution/executor.py",
        "        self._advance(Intent(self._seq, blob, before, self._consumed))\n        outcomes, stopped = self._carry_out(steps, helper)\n",
        "        outcomes, stopped = self._carry_out(steps, helper)\n        self._advance(Intent(self._seq, blob, before, self._consumed))\n",
        "kills",
        "organize/1",
        "undo isn't identical",
    ),
    Mutant(
        "the intent isn't durable",
        "journal/store.py",
        '"PRAGMA synchronous = FULL"',
        '"PRAGMA synchronous = OFF"',
        "test",
        CRASH + "an_intent_is_synced_before_the_first_file_moves",
        "not durable",
        quick=True,
    ),
    Mutant(
        "undo takes whatever is in the place for the file that was moved",
        "planning/reversing.py",
        "            return False\n        return _is_unchanged(now.seen, step.seen) or not self._born_later(side, place)\n",
        "            return now is not None\n        return True\n",
        "machine",
        "11/600",
        ": undo|I3: ",
    ),
    Mutant(
        "undo believes in inode numbers",
        "planning/reversing.py",
        " or not self._born_later(side, place)\n",
        " or bool(side + 1)\n",
        "test",
        "tests/integration/test_regressions.py::test_a_new_file_with_the_number_of_a_deleted_one_is_not_it",
        "not-ours",
        quick=True,
    ),
    Mutant(
        "undo looks away from what is in the old place",
        "execution/parting.py",
        "return os.access(name, os.F_OK, dir_fd=fd, follow_symlinks=False)",
        "return False",
        "test",
        ANSWERS + "undo_when_the_user_has_been_there",
        "source-taken",
        quick=True,
    ),
    Mutant(
        "a name decided while files are moved",
        "execution/stepping.py",
        "                    rename(source_fd, name, target_fd, target)\n",
        "                    target += b' 2' if sides[step.target_side].look(step.target) else b''\n"
        "                    rename(source_fd, name, target_fd, target)\n",
        "test",
        ANSWERS + "f30_to_f36_the_world_changes_after_the_plan",
        "assert",
        quick=True,
    ),
    Mutant(
        "a twin is dropped unseen",
        "fs/moving.py",
        "(other.st_dev, other.st_ino) or this.st_nlink < 2:",
        "(other.st_dev, other.st_ino) and False:",
        "test",
        LEFT + "never_the_last_name",
        "DID NOT RAISE",
        quick=True,
    ),
    Mutant(
        "folders don't get their times back",
        "fs/folders.py",
        "    os.utime(fd, ns=(os.fstat(fd).st_atime_ns, mtime_ns))\n",
        "    os.utime(fd, ns=(os.fstat(fd).st_atime_ns, os.fstat(fd).st_mtime_ns))\n",
        "kills",
        "undo/20",
        "undo isn't identical",
        quick=True,
    ),
    Mutant(
        "recovery goes on moving",
        "execution/executor.py",
        " if step.temporary == TWIN or step.group in families]\n",
        "]\n",
        "test",
        CRASH + "recovery_moves_nothing_of_its_own_accord",
        "recovery moved",
        quick=True,
    ),
    Mutant(
        "recovery believes in names",
        "execution/recovery.py",
        "    at_target = target is not None and _same_inode(target, seen)\n",
        "    at_target = target is not None\n",
        "test",
        CRASH + "recovery_knows_a_file_by_more_than_its_name",
        "I3",
        quick=True,
    ),
    Mutant(
        "recovery forgets that it was taking back",
        "execution/executor.py",
        "        if owed:\n",
        "        if owed and self.tally.parked:\n",
        "kills",
        "recover a family that goes back/12",
        "a family is torn",
        quick=True,
    ),
    Mutant(
        "the trash without a list",
        "execution/executor.py",
        "            if origins:\n",
        "            if not origins:\n",
        "kills",
        "undo/60",
        "a record is false",
        quick=True,
    ),
    Mutant(
        "a purge that takes original paths",
        "organizer.py",
        "Step(StepKind.PURGE, item.place,",
        "Step(StepKind.PURGE, item.path,",
        "test",
        CRASH + "a_purge_destroys_only_what_was_trashed",
        "by_reason",
        quick=True,
    ),
    Mutant(
        "a purge that takes whatever has the name",
        "execution/stepping.py",
        "        if step.seen is None or not same_inode(status, step.seen):\n"
        "            return Outcome(index, State.SKIPPED, Reason.CHANGED)\n"
        "        if step.keeper is not None and not keeping.has_keeper(self._work, step):\n"
        "            return Outcome(index, State.SKIPPED, Reason.LAST_COPY",
        "        if step.seen is None:\n"
        "            return Outcome(index, State.SKIPPED, Reason.CHANGED)\n"
        "        if step.keeper is not None and not keeping.has_keeper(self._work, step):\n"
        "            return Outcome(index, State.SKIPPED, Reason.LAST_COPY",
        "test",
        CRASH + "a_purge_destroys_only_what_was_trashed",
        "destroyed",
        quick=True,
    ),
    Mutant(
        "links on the way are followed",
        "fs/beneath.py",
        "                return _linux.open_beneath(fd, path, _FOLDER_FLAGS)\n",
        "                return os.open(path, os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)\n",
        "test",
        ANSWERS + "f30_to_f36_the_world_changes_after_the_plan",
        "AssertionError",
        quick=True,
    ),
    Mutant(
        "what a cut off copy left is kept",
        "execution/recovery.py",
        "    copying.remove_own_temporary(target_fd,",
        "    _ = (target_fd,",
        "kills",
        "organize by copying/1",
        "",
    ),
)


def run(place: Path) -> dict[str, Any]:
    """Every mutant; the first one that survives, or is caught for another reason, fails. So does a layer that fails without one."""
    caught = {mutant.name: f"{mutant.layer}: {mutant.which.rpartition('::')[2]}" for mutant in MUTANTS}
    layers = sorted({f"{mutant.layer} {mutant.which}" for mutant in MUTANTS})
    for name, _ in in_slices("seeded_bugs", partial(_run_slice, place), [*layers, *caught]):
        print(f"caught: {name} ({caught[name]})" if name in caught else f"without a bug: {name}", flush=True)
    return {"mutants": len(MUTANTS), "survived": 0, "caught_by": caught}


def _run_slice(place: Path, name: str) -> None:
    """One mutant, by its name, or a layer on the unchanged sources."""
    mutants = [mutant for mutant in MUTANTS if mutant.name == name]
    if mutants:
        catch(place, mutants[0])
        return
    layer, _, which = name.partition(" ")
    code, said = _run_layer(HOME / "src", layer, which)
    assert code == 0, f"{name} fails without a bug:\n{said[-3000:]}"


def catch(place: Path, mutant: Mutant) -> None:
    """Raise AssertionError when the mutant's layer doesn't fail, or not with its words."""
    with tempfile.TemporaryDirectory(dir=place) as copy:
        source = Path(copy) / "src"
        shutil.copytree(HOME / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
        file = source / "fileorganizer" / mutant.file
        text = file.read_text()
        found = text.count(mutant.right)
        assert found == 1, f"{mutant.name}: the line to be made wrong is there {found} times: {mutant.right!r}"
        file.write_text(text.replace(mutant.right, mutant.wrong))
        code, said = _run_layer(source, mutant.layer, mutant.which)
    if code == 0 and " skipped" in said and " passed" not in said:
        pytest.skip(f"{mutant.layer} {mutant.which} can't run here: {mutant.name} NOT COVERED")
    assert code != 0, f"SURVIVED: {mutant.name}: {mutant.layer} {mutant.which} sees nothing"
    caught = code == 1 and re.search(mutant.says, said) is not None
    assert caught, f"{mutant.name}: {mutant.layer} {mutant.which} fails for another reason ({code}):\n{said[-3000:]}"


def _run_layer(source: Path, layer: str, which: str) -> tuple[int, str]:
    """One layer on this copy of the sources: its exit code (0: nothing seen, 1: a failed assertion) and its words."""
    words = [sys.executable, "-m", "tests.proofs.seeded_bugs", layer, which]
    if layer == "test":
        words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-x", which]
    with tempfile.TemporaryDirectory() as plans:
        environment = unmeasured(os.environ)
        environment |= {"PYTHONPATH": f"{source}:{HOME}", "PLAN_DIR": plans, "PYTHONDONTWRITEBYTECODE": "1"}
        environment["PYTHONHASHSEED"] = "0"  # the n-th fault point is the same each time
        done = subprocess.run(words, cwd=HOME, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def _main(layer: str, which: str) -> None:
    """Run a layer in this process, on the sources that its path leads to."""
    from tests.proofs import kills, state_machine

    name, _, number = which.partition("/")
    if layer == "kills":
        with tempfile.TemporaryDirectory() as place:
            kills.run_case(Path(place) / "case", kills.CASES[name], int(number))
    else:
        state_machine.play(int(name), int(number), 20, shrink=False)


if __name__ == "__main__":
    _main(*sys.argv[1:])
