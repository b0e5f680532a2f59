"""A world for calibration sessions: signal, screen and operator on one clock that tests drive.

Time passes only when somebody waits: a read of the source, or a poll of the screen, takes a tenth
of a second of it. So a session of minutes is held in a second, and everything happens at the same
time each time.
"""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from saccade.calibration.conduct import Conductor, Outcome
from saccade.calibration.folder import About, SessionFolder
from saccade.calibration.gate import GateSettings
from saccade.calibration.hands import Answer, AutoOperator, FitResult, Hands
from saccade.calibration.plan import Plan, make_plan
from saccade.calibration.protocol import Protocol
from saccade.calibration.stimulator import StimulusProcess
from saccade.calibration.stimuli import StimuliSettings
from saccade.realtime.engine import Engine
from saccade.realtime.epochs import Epocher, EpochSettings
from saccade.realtime.errors import StreamNotFound
from saccade.realtime.pipeline import Pipeline, settings_from_spec
from saccade.realtime.sinks.xdf import XDFSink, XDFSinkSettings
from saccade.realtime.sources.file import FileSource, FileSourceSettings
from saccade.realtime.types import Chunk, Marker, QualityReport, Reading, StreamSpec

SFREQ = 100.0
TICK_S = 0.1
NAMES = ("Fz", "Cz", "Pz", "Oz")
CONCEPTS = tuple(f"thing{n:02d}" for n in range(12))
EPOCHS = EpochSettings(tmin_s=-0.1, tmax_s=0.4, baseline_s=None)


class Killed(BaseException):
    """Stands for the end of the process: nothing may catch it."""


@dataclass
class World:
    """What happens outside; times in s."""

    now_s: float = 1000.0
    markers: list[Marker] = field(default_factory=list)  # sent, by time
    silent: Callable[[float], bool] = lambda _: False
    torn: Callable[[float], bool] = lambda _: False  # samples that never arrive
    bad: Mapping[str, str] = field(default_factory=dict)
    absent: bool = False
    n_trials: int = 0
    at_trial: Callable[[int], None] = lambda _: None

    def tick(self) -> None:
        self.now_s = round(self.now_s + TICK_S, 6)


class Amplifier:
    """A source: noise that depends on the time alone, and the markers sent since it was opened."""

    def __init__(self, world: World) -> None:
        self.world = world

    def open(self) -> StreamSpec:
        if self.world.absent:
            raise StreamNotFound("no EEG stream is there: start the amplifier")
        self.from_s = self.opened_s = self.world.now_s
        self.index = 0
        return StreamSpec("Amp", SFREQ, NAMES, ("eeg",) * 4, ("µV",) * 4, "amp", simulated=True)

    def read(self, timeout_s: float) -> Reading | None:
        del timeout_s
        self.world.tick()
        if self.world.silent(self.world.now_s):
            return Reading(Chunk.empty(4, self.index))
        first, last = (round(s * SFREQ) for s in (self.from_s, self.world.now_s))
        self.from_s = self.world.now_s
        numbers = np.arange(first, last)
        stamps = numbers / SFREQ
        numbers = numbers[np.array([not self.world.torn(float(s)) for s in stamps], bool)]
        data = (
            10 * np.sin(np.outer(numbers, [1.0, 1.7, 2.3, 3.1]))
            if len(numbers)
            else np.empty((0, 4))
        )
        chunk = Chunk(
            data.astype(np.float32), numbers / SFREQ, np.zeros(len(numbers), np.uint16), self.index
        )
        self.index += len(numbers)
        due = [m for m in self.world.markers if self.opened_s <= m.stamp <= self.world.now_s]
        for marker in due:
            self.world.markers.remove(marker)
        return Reading(chunk, tuple(due))

    def close(self) -> None:
        pass


class Screen(StimulusProcess):
    """The stimulus window's client, with a window behind it that does as it is told.

    As the real one does, the window answers a stop, finishes what it shows before the next block
    or rest, and what it has said stays to be read, whatever was ordered since.
    """

    def __init__(self, world: World) -> None:
        super().__init__(StimuliSettings("pictures", "events"))
        self.world = world
        self.blocks: list[dict[str, Any]] = []
        self.rests: list[float] = []
        self.texts: list[str] = []
        self.due: list[tuple[float, dict[str, Any]]] = []
        self.says: Callable[[str], str | None] = lambda concept: concept
        self.refuses = ""
        self.started = self.closed = 0
        self.refresh_hz = 60.0
        self.shows: dict[str, Any] = {}  # the newest order
        self.free_s = 0.0  # when it has been done
        self.frozen = False

    def start(self, timeout_s: float = 60.0) -> dict[str, Any]:
        self.started += 1
        self.world.markers.clear()  # a window before this one is gone, with what it had to show
        return {"at": "ready", "refresh_hz": self.refresh_hz}

    def say(self, at_s: float, **message: Any) -> None:
        self.due.append((at_s, {"order": self.shows.get("order", 0), **message}))

    def _send(self, content: Mapping[str, Any]) -> None:
        if content["do"] == "stop":
            if over := self._cut():
                self.say(self.world.now_s, at=over, stopped=True)
            return
        self.shows = dict(content)
        if content["do"] == "text":
            self.texts.append(content["title"])
        elif content["do"] == "rest":
            self.rests.append(content["seconds"])
            self.free_s = max(self.free_s, self.world.now_s) + content["seconds"]
            self.say(self.free_s, at="rest_over", stopped=False)
        elif self.refuses:
            self.say(0.0, at="refused", text=self.refuses)
        else:
            self._show(content)

    def _show(self, block: Mapping[str, Any]) -> None:
        self.blocks.append({key: block[key] for key in ("number", "of", "sequences")})
        at_s = max(self.free_s, self.world.now_s) + block["lead_in_s"]
        for sequence in block["sequences"]:
            for trial in sequence["trials"]:
                at_s = round(at_s, 6)
                if not trial["catch"]:
                    self.say(at_s, at="shown", trial=trial["trial"], stamp_s=at_s)
                    value = self.says(trial["concept"])
                    if value is not None:
                        self.world.markers.append(Marker(value, at_s, "pictures"))
                at_s += trial["soa_s"]
            if question := sequence["question"]:
                about = {"sequence": sequence["number"], "seen": question["seen"]}
                self.say(at_s, at="answer", yes=question["seen"], after_s=0.5, **about)
        self.say(at_s, at="block_over", number=block["number"], stopped=False)
        self.free_s = at_s

    def _cut(self) -> str | None:
        """Show no more; return what the end of what was shown is called, if anything was."""
        now_s = self.world.now_s
        busy, self.free_s = self.free_s > now_s, now_s
        if not busy:
            return None
        self.due = [(at_s, message) for at_s, message in self.due if at_s <= now_s]
        self.world.markers[:] = [m for m in self.world.markers if m.stamp <= now_s]
        return {"block": "block_over", "rest": "rest_over"}.get(self.shows["do"])

    def escape(self) -> None:
        """Let the person press Escape twice."""
        self._cut()
        self.say(self.world.now_s, at="aborted")

    def poll(self, timeout_s: float) -> list[dict[str, Any]]:
        if timeout_s:
            self.world.tick()
        if self.frozen:
            return super().poll(0.0)
        self._heard_s = now_s = self.world.now_s
        told = [message for at_s, message in self.due if at_s <= now_s]
        self.due = [(at_s, message) for at_s, message in self.due if at_s > now_s]
        for message in told:
            self._messages.put(message)
            if message["at"] == "shown":
                self.world.n_trials += 1
                self.world.at_trial(self.world.n_trials)
        return super().poll(0.0)

    def _silent_s(self) -> float:
        return self.world.now_s - self._heard_s

    def close(self) -> None:
        self.closed += 1


class Monitor:
    """Calls the channels what the world says."""

    def __init__(self, world: World) -> None:
        self.world = world

    def reset(self, spec: StreamSpec) -> None:
        self.n = 0

    def step(self, chunk: Chunk) -> Sequence[QualityReport]:
        self.n += len(chunk)
        if not len(chunk):
            return ()
        bad = self.world.bad
        states = tuple("bad" if name in bad else "good" for name in NAMES)
        reasons = tuple(bad.get(name, "") for name in NAMES)
        return [
            QualityReport(self.n, float(chunk.stamps[-1]), NAMES, {}, states, reasons)  # type: ignore[arg-type]
        ]


@functools.cache
def pipeline(spec: StreamSpec) -> Any:
    blocks = [{"block": "bandpass", "low_hz": 1.0, "high_hz": 30.0, "order": 2}]
    timing = {"gap_s": None, "fill_s": 0.02, "dejitter": True, "rail_uv": 1e6}
    return settings_from_spec(timing | {"blocks": blocks})


PROTOCOL = Protocol(
    kind="rsvp",
    trials_per_block=20,
    trials=60,
    sequence_length=10,
    concepts=CONCEPTS[:6],
    catch_share=0.5,
    rest_s=2.0,
    lead_in_s=2.0,
)


class Bench:
    """Holds sessions in a folder of the world, as often as is asked for.

    Attributes
    ----------
    fits : list
        Files and summary of every fit.
    """

    def __init__(self, folder: Path, protocol: Protocol = PROTOCOL) -> None:
        self.world = World()
        self.protocol = protocol
        self.plan: Plan = make_plan(protocol, CONCEPTS)
        self.path = folder
        self.fits: list[tuple[list[Path], Any]] = []
        self.verdicts: list[FitResult] = []
        self.answers: list[Answer] = []
        self.asked: list[Any] = []
        self.seen: list[Any] = []
        self.stop = False
        self.screens: list[Screen] = []
        self.epochs = EPOCHS
        self.prepare: Callable[[Screen], None] = lambda _: None

    def recorder(self, path: Path) -> XDFSink:
        return XDFSink(path, XDFSinkSettings())

    def about(self) -> About:
        return About(self.protocol.asdict(), self.plan.digest, "gallery")

    def check(self, files: Sequence[Path]) -> Mapping[str, Any]:
        return {"runs": len(files)}

    def fit(self, files: Sequence[Path], summary: Any) -> FitResult:
        self.fits.append((list(files), summary))
        return self.verdicts.pop(0) if self.verdicts else FitResult("go", "it works")

    def run(self, screen: bool = True) -> Outcome:
        """Begin the session, or go on with it, until it ends one way or the other."""
        shown = Screen(self.world)
        self.prepare(shown)
        self.screens.append(shown)
        bench = self

        class Op(AutoOperator):
            def ask(self, question: Any) -> Answer:
                bench.asked.append(question)
                return bench.answers.pop(0) if bench.answers else super().ask(question)

        operator = Op(stopped=lambda: self.stop, progress=self.seen.append)
        hands = Hands(
            make_source=lambda: Amplifier(self.world),
            make_recorder=self.recorder,
            make_pipeline=pipeline,
            epochs=self.epochs,
            make_monitor=lambda: Monitor(self.world),
            stimulator=shown if screen else None,
            operator=operator,
            check=self.check,
            fit=self.fit,
            clock=lambda: self.world.now_s,
        )
        open_folder = SessionFolder.open
        if not (self.path / "session.json").exists():
            open_folder = functools.partial(SessionFolder.create, about=self.about())
        with open_folder(self.path) as folder:
            self.folder = folder
            return Conductor(folder, self.plan, hands, GateSettings(window_s=0.5)).run()

    def run_until_killed(self, at_trial: int) -> bool:
        """Run until the n-th trial is shown, then leave the disk as it was then."""
        disk = self.path.with_name("disk")

        def kill(number: int) -> None:
            if number == at_trial:
                shutil.rmtree(disk, ignore_errors=True)
                shutil.copytree(self.path, disk)
                raise Killed

        self.world.at_trial = kill
        try:
            self.run()
        except Killed:
            shutil.rmtree(self.path)
            disk.rename(self.path)
            return True
        finally:
            self.world.at_trial = lambda _: None
        return False

    def recorded(self) -> list[tuple[str, str, float]]:
        """Return every whole epoch of the recordings that count: file, concept, onset."""
        found = []
        for path in sorted(self.path.glob("run-*.xdf")):
            source = FileSource(FileSourceSettings(path))
            engine = Engine(
                source, Pipeline(pipeline(source.open())), Epocher(self.epochs), lambda: 0
            )
            engine.start()
            epochs = []
            while not (result := engine.step(0.0)).ended:
                epochs += result.epochs
            found += [(path.name, str(e.label), e.onset_s) for e in epochs if not e.rejected]
        return found
