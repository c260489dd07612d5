"""Scanning a root into drafted steps, in this process and, for a big tree, in a forked second one.

A survey looks into single folders, in any order; so two of them can share a
tree, each with a draft of its own. The second process only reads the user's
files, has no descriptor of ours but its end of a pipe, and ends with the pipe.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from fileorganizer.errors import RootVanished, StorageFailed
from fileorganizer.execution.observing import Observer
from fileorganizer.execution.second import become_second, end_second, may_fork, start_second
from fileorganizer.fs.beneath import Root
from fileorganizer.journal import codec
from fileorganizer.model import Options, Skip, Step
from fileorganizer.planning.layout import Layout
from fileorganizer.planning.planner import Draft, Frame, Visited
from fileorganizer.progress import Listener
from fileorganizer.rules.syntax import RuleSet
from fileorganizer.scan.ignoring import Ignoring
from fileorganizer.scan.walker import TOP, Limits, Place, Walker

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

WORTH_A_SECOND: Final = 5_000
"""So many files have to be seen before a second process is started: it costs about as much as a thousand."""
_PORTION: Final = 4_000
"""Files after which the second process hands its open places back, so that both have work to the end."""
_PLACES_AT_ONCE: Final = 64
_PATH_BYTES_AT_ONCE: Final = 32_768
"""Two portions fit into a socket's buffer (212,992 bytes by default), so that handing over never waits."""
_PORTIONS_AHEAD: Final = 2
_DIED: Final = "The second process of the scan died. Nothing was changed; try again."


class Findings(msgspec.Struct):
    """What a whole survey found, in numbers; ``add`` puts two together."""

    scanned: int = 0
    in_place: int = 0
    mismatched: int = 0
    dates_given_up: bool = False
    link_targets: set[bytes] = set()
    """Where symbolic links inside the root point, relative to the root: moving that would break them."""
    listed: set[bytes] = set()
    """What playlists inside the root name, relative to the root: moving that would break them, too."""
    catalogues: int = 0
    """Files of programs that remember where pictures or songs are."""
    nested_roots: list[bytes] = []
    by_category: dict[int, list[int]] = {}
    """Index of a category → files and bytes of it in the plan."""
    arriving: dict[bytes, list[int]] = {}
    """Target folder → files and bytes that will come."""

    def add(self, other: Findings) -> None:
        """Take over what another survey of the same tree found."""
        self.scanned += other.scanned
        self.in_place += other.in_place
        self.mismatched += other.mismatched
        self.dates_given_up |= other.dates_given_up
        self.link_targets |= other.link_targets
        self.listed |= other.listed
        self.catalogues += other.catalogues
        self.nested_roots += other.nested_roots
        for category, (files, size) in other.by_category.items():
            _add_to(self.by_category.setdefault(category, [0, 0]), files, size)
        for folder, (files, size) in other.arriving.items():
            _add_to(self.arriving.setdefault(folder, [0, 0]), files, size)


def _add_to(counts: list[int], files: int, size: int) -> None:
    """Raise one pair of counts."""
    counts[0] += files
    counts[1] += size


class Sink(Protocol):
    """Who keeps what a survey brings."""

    def batch(self, count: int, packed: bytes, claims: array[int]) -> None:
        """A batch of so many steps as a ``codec`` blob, and the hash of each one's target name."""

    def folders(self, skips: list[Skip], visited: list[Visited]) -> None:
        """Some folders: what is left alone there, and what the plan takes out."""


class Task(msgspec.Struct, frozen=True):
    """What a survey is about; the same in both processes."""

    root: bytes
    root_identity: tuple[int, int]
    options: Options
    rules: RuleSet
    frame: Frame
    layout: str


class Survey:
    """One process's part of a scan."""

    def __init__(
        self, root: Root, task: Task, emit: Callable[[int, bytes, array[int]], None], *, share: int = 0
    ) -> None:
        """Nothing is read yet. ``share`` tells the surveys of one tree apart."""
        options = task.options
        ignoring = Ignoring(options.exclude, include_hidden=options.include_hidden)
        self._walker = Walker(root, ignoring, Limits(options.recursive, options.max_depth, options.keep_together))
        self._observer = Observer(root, options, task.rules, ignoring)

        def pack(steps: list[Step], claims: array[int]) -> None:
            emit(len(steps), codec.pack(steps), claims)

        self._draft = Draft(task.frame, Layout(task.layout, task.frame.names), pack, share=share)

    def close(self) -> None:
        """End what it started."""
        self._observer.close()

    @property
    def scanned(self) -> int:
        """Files seen so far."""
        return self._draft.scanned

    def look_into(self, place: Place) -> list[Place]:
        """Look at one folder; returns the folders in it that are to be looked into. Raises OSError for the root only."""
        with self._walker.visit(place) as folder:
            if folder is None:
                return []
            self._observer.look_into(folder, self._draft)
            return self._walker.below(folder, place)

    def taken_down(self) -> tuple[list[Skip], list[Visited]]:
        """What was noted of folders since this was asked last."""
        draft = self._draft
        noted = draft.skips, draft.visited
        draft.skips, draft.visited = [], []
        return noted

    def finish(self) -> Findings:
        """Emit the last batch and add up."""
        draft, observer = self._draft, self._observer
        draft.finish()
        return Findings(
            draft.scanned,
            draft.in_place,
            observer.mismatched,
            observer.dates_given_up,
            observer.link_targets,
            observer.listed,
            observer.catalogues,
            self._walker.nested_roots,
            draft.by_category,
            draft.arriving,
        )


def scan(root: Root, task: Task, sink: Sink, listener: Listener) -> Findings:
    """Survey a whole root. Raises KeyboardInterrupt when the listener wants to stop, OSError when the root can't be read."""
    with closing(Survey(root, task, sink.batch)) as survey, ExitStack() as stack:
        partner: _Partner | None = None
        alone = not may_fork()
        places = [TOP]
        while places or (partner is not None and partner.portions):
            if partner is None and not alone and survey.scanned >= WORTH_A_SECOND and len(places) > 1:
                try:
                    partner = stack.enter_context(closing(_Partner(task)))
                except OSError:  # no process or no descriptor to be had: it goes without
                    alone = True
            if partner is not None:
                places = partner.share(places)
                places += partner.collect(sink, wait=not places)
            if places:
                path = places[-1][0]
                places.extend(survey.look_into(places.pop()))
                sink.folders(*survey.taken_down())
                listener.progress.current_path = path
            listener.progress.files_scanned = survey.scanned + (partner.scanned if partner is not None else 0)
            listener.tick()
            if listener.stop_wanted:
                raise KeyboardInterrupt
        found = survey.finish()
        sink.folders(*survey.taken_down())
        if partner is not None:
            found.add(partner.finish(sink))
        return found


class _Batch(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """A batch of steps from the second process."""

    count: int
    packed: bytes
    claims: bytes


class _Portion(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """What the second process did with a portion of places."""

    left: list[Place]
    """Places that it met and hands back."""
    scanned: int
    skips: list[Skip]
    visited: list[Visited]
    findings: Findings | None = None
    """In the last one."""
    error: str = ""


_encoder = msgspec.msgpack.Encoder()
_answers: msgspec.msgpack.Decoder[_Batch | _Portion] = msgspec.msgpack.Decoder(_Batch | _Portion)
_places = msgspec.msgpack.Decoder(list[Place])


class _Partner:
    """The second process, as the first sees it."""

    def __init__(self, task: Task) -> None:
        """Start it."""
        from multiprocessing.connection import Pipe  # takes 10 ms that a small tree needn't wait

        self.portions = 0
        """How many portions of places it has still to do."""
        self.scanned = 0
        self._findings: Findings | None = None
        self._connection, theirs = Pipe()
        self._process = start_second(lambda: _serve_and_tell(theirs, task))
        theirs.close()

    def close(self) -> None:
        """End it, whatever it does."""
        end_second(self._connection, self._process)

    def share(self, places: list[Place]) -> list[Place]:
        """Hand over the places that are nearest to the top, half of them at most; returns those that are left.

        A path that fills the buffer by itself isn't handed over: either process could wait for the other to take something.
        """
        while self.portions < _PORTIONS_AHEAD and len(places) > 1:
            some = min(len(places) // 2, _PLACES_AT_ONCE)
            while some and sum(len(path) for path, _ in places[:some]) > _PATH_BYTES_AT_ONCE:
                some //= 2
            if not some:
                break
            self._send(places[:some])
            places = places[some:]
            self.portions += 1
        return places

    def collect(self, sink: Sink, *, wait: bool) -> list[Place]:
        """Take over what it has brought, and with ``wait`` give it a moment; returns places that it hands back."""
        left: list[Place] = []
        moment = 0.05 if wait and self.portions else 0.0
        while self._connection.poll(moment):
            left += self._take(sink)
            moment = 0.0
        return left

    def _send(self, places: list[Place]) -> None:
        """Hand over a portion. Raises StorageFailed when the process has failed or died."""
        try:
            self._connection.send_bytes(_encoder.encode(places))
        except OSError:
            while True:  # what it said before it ended is still to be heard
                self._heard()

    def _heard(self) -> _Batch | _Portion:
        """The next message. Raises StorageFailed when the process has failed or died."""
        try:
            answer = _answers.decode(self._connection.recv_bytes())
        except (EOFError, OSError) as error:
            raise StorageFailed(_DIED) from error
        if isinstance(answer, _Portion) and answer.error:
            raise StorageFailed(f"The scan stopped: {answer.error}. Nothing was changed.")
        return answer

    def _take(self, sink: Sink) -> list[Place]:
        """One message. Raises StorageFailed when the process has failed or died."""
        answer = self._heard()
        if isinstance(answer, _Batch):
            sink.batch(answer.count, answer.packed, array("q", answer.claims))
            return []
        self.portions -= 1
        self.scanned = answer.scanned
        self._findings = answer.findings
        sink.folders(answer.skips, answer.visited)
        return answer.left

    def finish(self, sink: Sink) -> Findings:
        """Have it emit its last batch and add up."""
        self._send([])
        while self._findings is None:
            self._take(sink)
        return self._findings


def _serve_and_tell(connection: Connection, task: Task) -> None:
    """The second process from its start to its end."""
    try:
        become_second(connection)
        _serve(connection, task)
    except (EOFError, BrokenPipeError):
        pass
    except BaseException as error:  # noqa: BLE001  # whatever it is, the first process has to hear of it
        failure = _Portion([], 0, [], [], error=f"{type(error).__name__}: {error}")
        connection.send_bytes(_encoder.encode(failure))


def _serve(connection: Connection, task: Task) -> None:
    """Portions of places, until an empty one ends it."""

    def emit(count: int, packed: bytes, claims: array[int]) -> None:
        connection.send_bytes(_encoder.encode(_Batch(count, packed, claims.tobytes())))

    with Root(task.root) as root, closing(Survey(root, task, emit, share=1)) as survey:
        if (root.dev, root.ino) != task.root_identity:
            raise RootVanished(task.root)
        while places := _places.decode(connection.recv_bytes()):
            enough = survey.scanned + _PORTION
            while places and survey.scanned < enough:
                places.extend(survey.look_into(places.pop()))
            portion = _Portion(places, survey.scanned, *survey.taken_down())
            connection.send_bytes(_encoder.encode(portion))
        findings = survey.finish()
        last = _Portion([], survey.scanned, *survey.taken_down(), findings=findings)
        connection.send_bytes(_encoder.encode(last))
