"""One step on the disk: looked at, done exclusively, looked at again. What the file system answers becomes an outcome."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Final

from fileorganizer.execution import keeping
from fileorganizer.execution.workplace import Workplace
from fileorganizer.fs import copying, folders, moving, sharing
from fileorganizer.fs.beneath import MAX_OPEN_FOLDERS
from fileorganizer.fs.faults import faultpoint
from fileorganizer.fs.identity import identity_of, same_inode, unchanged_since
from fileorganizer.model import REPLACEMENT, TWIN, Identity, Outcome, Reason, State, Step, StepKind, joined
from fileorganizer.planning.reversing import NO_KEEPER
from fileorganizer.planning.settling import remark

BUSY_TRIES: Final = 3
BUSY_WAIT_SECONDS: Final = 0.05
PLAIN_AT_ONCE: Final = min(64, MAX_OPEN_FOLDERS - 2)

_BY_ERRNO: Final[dict[int, tuple[State, Reason]]] = {
    errno.ENOENT: (State.SKIPPED, Reason.GONE),
    errno.EEXIST: (State.SKIPPED, Reason.CONFLICT),
    errno.ENOTEMPTY: (State.SKIPPED, Reason.NOT_EMPTY),
    errno.ELOOP: (State.SKIPPED, Reason.UNSAFE_PATH),
    errno.ENOTDIR: (State.SKIPPED, Reason.UNSAFE_PATH),
    errno.ESTALE: (State.SKIPPED, Reason.CHANGED),
    errno.EACCES: (State.FAILED, Reason.DENIED),
    errno.EPERM: (State.FAILED, Reason.DENIED),
    errno.EBUSY: (State.SKIPPED, Reason.BUSY),
    errno.ETXTBSY: (State.SKIPPED, Reason.BUSY),
    errno.EXDEV: (State.SKIPPED, Reason.ACROSS_DEVICES),
    errno.ENAMETOOLONG: (State.FAILED, Reason.NAME_TOO_LONG),
    errno.EINVAL: (State.FAILED, Reason.NOT_SUPPORTED),
    errno.ENOSYS: (State.FAILED, Reason.NOT_SUPPORTED),
    errno.ENOTSUP: (State.FAILED, Reason.NOT_SUPPORTED),
    errno.EMLINK: (State.FAILED, Reason.NOT_SUPPORTED),
}
"""Answers that concern one file only. Every other one (EIO, ENOSPC, EROFS …) stops the batch."""


_Verdict = tuple[State, Reason, str]
_NO_FOLDER: Final[_Verdict] = (State.FAILED, Reason.EARLIER_STEP, "the target folder isn't there")


class CopyStopped(Exception):
    """The user wants to stop, in the middle of a copy: it was taken away again."""


class _NoFolder(Exception):
    """The folder into which something was to go isn't there."""

    def __init__(self, verdict: _Verdict) -> None:
        """``verdict``: what that means for the step."""
        super().__init__(verdict)
        self.verdict = verdict


class Stepper:
    """Carries out single steps in a workplace. ``on_bytes`` is told of copied bytes and may raise CopyStopped."""

    def __init__(self, work: Workplace, on_bytes: Callable[[int], None]) -> None:
        """``work`` stays open meanwhile."""
        self._work = work
        self._sides = work.sides
        self._on_bytes = on_bytes
        self.renamed: list[tuple[Identity, os.stat_result]] = []
        """What got a new ctime by steps of ours since this was emptied last: as it was planned, as it is now."""
        self._unmade: dict[tuple[int, bytes], _Verdict] = {}
        """Folders that this run couldn't make, by side and path, and why."""
        self._renames = [
            moving.move_by_link if known.exclusive_rename == "link" else moving.move_exclusive
            for known in work.capabilities
        ]
        self.all_exclusive = all(known.exclusive_rename != "link" for known in work.capabilities)
        """Can ``move_plain`` do anything here?"""
        self._acts = {
            StepKind.MKDIR: self._mkdir,
            StepKind.RMDIR: self._rmdir,
            StepKind.COPY: self._copy,
            StepKind.LINK: self._link,
            StepKind.SET_TIMES: self._set_times,
            StepKind.PURGE: self._purge,
            StepKind.DROP_TWIN: self._drop_twin,
            StepKind.SHARE: self._share,
        }

    def carry_out(self, step: Step, index: int, target: bytes) -> Outcome | None:
        """Do one step; None when it is done, without remark. Raises OSError when the answer concerns more than this file."""
        for _ in range(BUSY_TRIES - 1):
            try:
                return self._act(step, index, target)
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE):
                    self._forget()
                elif error.errno in (errno.EBUSY, errno.ETXTBSY):
                    time.sleep(BUSY_WAIT_SECONDS)
                else:
                    return _answered(error, index)
        try:
            return self._act(step, index, target)
        except OSError as error:
            return _answered(error, index)

    def _act(self, step: Step, index: int, target: bytes) -> Outcome | None:
        """One try."""
        try:
            if step.kind == StepKind.MOVE or step.kind == StepKind.TRASH:
                return self._move(step, index, target) or remark(step, index)
            return self._acts[step.kind](step, index)
        except _NoFolder as missing:
            return Outcome(index, *missing.verdict)

    def _parent(self, side: int, target: bytes) -> tuple[int, bytes]:
        """The folder, open, that something is to go into, and its name there; where it isn't there, why it couldn't be made."""
        try:
            return self._sides[side].parent(target)
        except FileNotFoundError:
            folder = target
            while folder := folder.rpartition(b"/")[0]:
                if (side, folder) in self._unmade:
                    raise _NoFolder(self._unmade[side, folder]) from None
            raise _NoFolder(_NO_FOLDER) from None

    def move_plain(
        self, steps: list[Step], first: int, end: int, outcomes: list[Outcome]
    ) -> tuple[int, OSError | None]:
        """Do what ``carry_out`` does, for the plain moves from ``first`` on; runs once a file and is written for speed.

        Returns where it ended: at ``end``, behind a step with an outcome, at one with an
        error that concerns more than one file, which is returned too, or at a step for
        ``carry_out``: of another sort, or one that didn't go as planned, and changed
        nothing. ``end - first`` is at most ``PLAIN_AT_ONCE``: so no folder in use falls
        out of the roots' caches.
        """
        if not self.all_exclusive:
            return first, None
        parent, source_fd, side, stat_of = None, -1, -1, os.stat
        rename, sides, capabilities = moving.move_exclusive, self._sides, self._work.capabilities
        renamed = self.renamed
        for index in range(first, end):
            step = steps[index]
            seen = step.seen
            if step.kind != StepKind.MOVE or step.group or step.temporary or seen is None or step.keeper is not None:
                return index, None
            folder, _, name = step.source.rpartition(b"/")
            try:
                if folder != parent or step.source_side != side:
                    source_fd = sides[step.source_side].folder(folder)
                    parent, side = folder, step.source_side
                status = stat_of(name, dir_fd=source_fd, follow_symlinks=False)
                if (
                    status.st_ino == seen.ino
                    and status.st_mtime_ns == seen.mtime_ns
                    and status.st_size == seen.size
                    and (status.st_ctime_ns == seen.ctime_ns or not seen.ctime_ns)
                    and status.st_dev == seen.dev
                    and (status.st_mode ^ seen.mode) & 0o170000 == 0
                ):
                    target_folder, _, target = step.target.rpartition(b"/")
                    target_fd = sides[step.target_side].folder(target_folder)
                    faultpoint("move.before")
                    rename(source_fd, name, target_fd, target)
                    faultpoint("move.after")
                    try:
                        status = stat_of(target, dir_fd=target_fd, follow_symlinks=False)
                    except FileNotFoundError:  # somebody has taken it away already: it was moved all the same
                        continue
                    except OSError as error:
                        return index, error
                    if status.st_ino != seen.ino and capabilities[step.target_side].strong_identity:
                        outcomes.append(self._put_back(step, index, source_fd, name, target_fd, target))
                        return index + 1, None
                    renamed.append((seen, status))
                    continue
            except OSError as error:
                if error.errno not in _BY_ERRNO and error.errno not in (errno.EMFILE, errno.ENFILE):
                    return index, error
            return index, None
        return end, None

    def _forget(self) -> None:
        """Close cached folders: there are no descriptors left."""
        for side in self._sides:
            side.forget()

    def check(self, step: Step, index: int, target: bytes, leaving: AbstractSet[bytes]) -> Outcome | None:
        """Would this step work as far as one can see? For families: all are looked at before the first is moved.

        ``leaving`` are the paths that the family leaves. Raises OSError as ``carry_out`` does.
        """
        try:
            if step.kind == StepKind.RMDIR:
                return self._check_removal(step, index, leaving)
            return self._check(step, index, target)
        except OSError as error:
            return _answered(error, index)

    def _check(self, step: Step, index: int, target: bytes) -> Outcome | None:
        """The same, with the file system's answers as they are."""
        if step.kind not in (StepKind.MOVE, StepKind.COPY, StepKind.LINK, StepKind.TRASH):
            return None
        status = self._sides[step.source_side].look(step.source)
        if status is None:
            return Outcome(index, State.SKIPPED, Reason.GONE)
        if step.seen is None or not unchanged_since(status, step.seen):
            return Outcome(index, State.SKIPPED, Reason.CHANGED)
        if step.keeper is not None and not keeping.is_still_there(self._work, step.keeper):
            return Outcome(index, State.SKIPPED, Reason.CHANGED, NO_KEEPER)
        if step.temporary not in (TWIN, REPLACEMENT) and self._sides[step.target_side].look(target) is not None:
            return Outcome(index, State.SKIPPED, Reason.CONFLICT)
        return None

    def _check_removal(self, step: Step, index: int, leaving: AbstractSet[bytes]) -> Outcome | None:
        """Will the folder be empty when its family has left?"""
        names = os.listdir(self._sides[step.source_side].folder(step.source))
        stays = any(joined(step.source, os.fsencode(name)) not in leaving for name in names)
        return Outcome(index, State.SKIPPED, Reason.NOT_EMPTY) if stays else None

    def _move(self, step: Step, index: int, target: bytes) -> Outcome | None:
        """move, trash: only the very file that was planned, only onto a free name."""
        seen = step.seen
        assert seen is not None  # nosec B101  # the planner gives every move an identity
        source_fd, source_name = self._sides[step.source_side].parent(step.source)
        try:
            status = os.stat(source_name, dir_fd=source_fd, follow_symlinks=False)
        except FileNotFoundError:  # a server that was asked twice says that it isn't there after the first time
            arrived = self._sides[step.target_side].look(target)
            if arrived is not None and same_inode(arrived, seen):
                return None
            raise
        if (
            status.st_ino != seen.ino
            or status.st_ctime_ns != seen.ctime_ns
            or status.st_mtime_ns != seen.mtime_ns
            or status.st_size != seen.size
            or status.st_dev != seen.dev
        ) and not unchanged_since(status, seen):
            return Outcome(index, State.SKIPPED, Reason.CHANGED)
        if step.keeper is not None and not keeping.has_keeper(self._work, step):
            return Outcome(index, State.SKIPPED, Reason.CHANGED, NO_KEEPER)
        target_fd, target_name = self._parent(step.target_side, target)
        faultpoint("move.before")
        if step.temporary == TWIN:
            moving.drop_verified_twin(source_fd, source_name, target_fd, target_name)
            return None
        rename = moving.move_exclusive if seen.mode & 0o170000 == 0o040000 else self._renames[step.target_side]
        rename(source_fd, source_name, target_fd, target_name)
        faultpoint("move.after")
        try:
            status = os.stat(target_name, dir_fd=target_fd, follow_symlinks=False)
        except FileNotFoundError:  # somebody has taken it away already: it was moved all the same
            return None
        except OSError as error:  # no answer to the step, which is done: whoever stops here has to look
            raise OSError(errno.EIO, error.strerror, target_name) from error
        if status.st_ino != seen.ino and self._work.capabilities[step.target_side].strong_identity:
            return self._put_back(step, index, source_fd, source_name, target_fd, target_name)
        if step.keeper is not None and not keeping.is_still_there(self._work, step.keeper):
            return self._put_back(step, index, source_fd, source_name, target_fd, target_name)
        self.renamed.append((seen, status))
        return None

    def _put_back(
        self, step: Step, index: int, source_fd: int, source_name: bytes, target_fd: int, target_name: bytes
    ) -> Outcome:
        """The file was swapped, or its keeper lost, between the look and the rename: what was moved goes back where it was."""
        try:
            self._renames[step.source_side](target_fd, target_name, source_fd, source_name)
        except OSError as error:
            return Outcome(
                index, State.FAILED, Reason.NEEDS_ATTENTION, f"another file was moved instead: {error.strerror}"
            )
        return Outcome(index, State.SKIPPED, Reason.CHANGED)

    def _mkdir(self, step: Step, index: int) -> Outcome | None:
        """mkdir; a folder that is recreated gets its metadata back."""
        parent_fd, name = self._parent(step.target_side, step.target)
        try:
            folders.make_folder(parent_fd, name, step.mode)
        except OSError as error:
            state, reason = _BY_ERRNO.get(error.errno or 0, (State.PENDING, Reason.NONE))
            if state == State.FAILED:
                self._unmade[step.target_side, step.target] = state, reason, error.strerror or ""
            raise
        if step.restores is None:
            return None
        refused = folders.give_back_metadata(self._sides[step.target_side].folder(step.target), step.restores)
        return Outcome(index, State.DONE, Reason.METADATA_LOST, ", ".join(refused)) if refused else None

    def _rmdir(self, step: Step, index: int) -> Outcome | None:
        """rmdir: only the folder that was seen, only when it is empty."""
        parent_fd, name = self._sides[step.source_side].parent(step.source)
        status = os.stat(name, dir_fd=parent_fd, follow_symlinks=False)
        if step.seen is None or not same_inode(status, step.seen):
            return Outcome(index, State.SKIPPED, Reason.CHANGED)
        faultpoint("rmdir.before")
        folders.remove_empty_folder(parent_fd, name)
        faultpoint("rmdir.after")
        return None

    def _copy(self, step: Step, index: int) -> Outcome | None:
        """copy: under a temporary name until it is whole, then onto a free name."""
        assert step.seen is not None  # nosec B101  # the planner gives every copy an identity
        source_fd, source_name = self._sides[step.source_side].parent(step.source)
        target_fd, target_name = self._parent(step.target_side, step.target)
        temporary = step.temporary.rpartition(b"/")[2]
        copying.remove_own_temporary(target_fd, temporary)
        try:
            refused = copying.copy_to_temporary(source_fd, source_name, target_fd, temporary, step.seen, self._on_bytes)
        except copying.SourceChanged:
            return Outcome(index, State.SKIPPED, Reason.CHANGED)
        except copying.CopyDiffers:
            return Outcome(index, State.FAILED, Reason.IO_ERROR, "what was read back differs from the source")
        made = identity_of(os.stat(temporary, dir_fd=target_fd, follow_symlinks=False))
        try:
            self._renames[step.target_side](target_fd, temporary, target_fd, target_name)
        except OSError:
            copying.remove_own_temporary(target_fd, temporary)
            raise
        faultpoint("copy.published")
        reason = Reason.METADATA_LOST if refused else Reason.NONE
        return Outcome(index, State.DONE, reason, ", ".join(refused), made)

    def _link(self, step: Step, index: int) -> Outcome | None:
        """link: another name for the very file that was planned."""
        source_fd, source_name = self._sides[step.source_side].parent(step.source)
        status = os.stat(source_name, dir_fd=source_fd, follow_symlinks=False)
        if step.seen is None or not unchanged_since(status, step.seen):
            return Outcome(index, State.SKIPPED, Reason.CHANGED)
        target_fd, target_name = self._parent(step.target_side, step.target)
        moving.link_exclusive(source_fd, source_name, target_fd, target_name)
        faultpoint("link.made")
        made = os.stat(target_name, dir_fd=target_fd, follow_symlinks=False)
        if not same_inode(made, step.seen):
            return Outcome(index, State.FAILED, Reason.NEEDS_ATTENTION, "another file was linked instead")
        self.renamed.append((identity_of(status), made))
        return None

    def _set_times(self, step: Step, index: int) -> Outcome | None:
        """set_times: only on the folder that was seen; what a crash kept from a recreated folder is given back with them."""
        fd = self._sides[step.source_side].folder(step.source)
        if step.seen is not None and not same_inode(os.fstat(fd), step.seen):
            return Outcome(index, State.SKIPPED, Reason.CHANGED)
        if step.restores is not None:
            folders.give_back_metadata(fd, step.restores, exactly=True)
        try:
            folders.set_folder_times(fd, step.times)
        except PermissionError as error:
            return Outcome(index, State.DONE, Reason.TIMES_REFUSED, error.strerror or "")
        return None

    def _purge(self, step: Step, index: int) -> Outcome | None:
        """purge: only what lies in the trash, only what was trashed."""
        parent_fd, name = self._sides[step.source_side].parent(step.source)
        status = os.stat(name, dir_fd=parent_fd, follow_symlinks=False)
        if step.seen is None or not same_inode(status, step.seen):
            return Outcome(index, State.SKIPPED, Reason.CHANGED)
        if step.keeper is not None and not keeping.has_keeper(self._work, step):
            return Outcome(index, State.SKIPPED, Reason.LAST_COPY, NO_KEEPER)
        faultpoint("purge.before")
        moving.purge_forever(parent_fd, name)
        faultpoint("purge.after")
        return None

    def _drop_twin(self, step: Step, _index: int) -> Outcome | None:
        """drop_twin: only while the other name holds the same file."""
        source_fd, source_name = self._sides[step.source_side].parent(step.source)
        target_fd, target_name = self._sides[step.target_side].parent(step.target)
        moving.drop_verified_twin(source_fd, source_name, target_fd, target_name)
        return None

    def _share(self, step: Step, index: int) -> Outcome | None:
        """share: only with its keeper; the kernel compares once more, and changes nothing that one could see."""
        assert step.seen is not None  # nosec B101  # the planner gives it an identity
        if not keeping.has_keeper(self._work, step):
            return Outcome(index, State.SKIPPED, Reason.CHANGED, NO_KEEPER)
        with keeping.opened(self._work, step) as (file, keeper):
            same = sharing.share_blocks(keeper, file, step.seen.size)
        return None if same else Outcome(index, State.SKIPPED, Reason.CHANGED, NO_KEEPER)


def _answered(error: OSError, index: int) -> Outcome:
    """What an answer of the file system means for a step; one that concerns more than this file is raised."""
    if error.errno not in _BY_ERRNO:
        raise error
    return Outcome(index, *_BY_ERRNO[error.errno], error.strerror or "")
