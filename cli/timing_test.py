"""``saccade calibrate --timing-test``: when light comes, beside when its marker says so.

The stimulus window flashes its square, a photodiode on that square is a channel of the signal's
stream, and both are read as a session would read them, jitter taken out of the samples' stamps as
the settings say.

Concurrent activities: the stimulus window is a process of its own, and so is the simulated
amplifier where there is one; this thread reads the stream, and waits nowhere else.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pylsl
import typer

from saccade.calibration import timing_test
from saccade.calibration.stimulator import StimulusProcess
from saccade.calibration.stimuli import Photodiode
from saccade.cli import common
from saccade.cli.amplifier_process import AmplifierProcess
from saccade.cli.sections import Config
from saccade.cli.stimuli import window
from saccade.cli.wiring import READ_TIMEOUT_S, lsl_source
from saccade.realtime.errors import CalibrationError, ConfigError, SaccadeError, SessionError
from saccade.realtime.session_clock import SessionClock
from saccade.realtime.sources.lsl.source import LSLSource
from saccade.realtime.timing.continuity import Continuity, ContinuitySettings
from saccade.realtime.types import StreamSpec

ON_S = 0.1
SOA_S = (0.3, 0.5)  # drawn, so that flashes fall anywhere between two samples
LEAD_IN_S = 2.0
TAIL_S = 1.0  # of signal after the block
SILENT_S = 20.0  # of life without signal, and the test is over
SIMULATED_DIODE = "18:1.5"  # ms: as on a good screen


@dataclass(frozen=True, slots=True)
class Asked:
    """What the flags say.

    Parameters
    ----------
    photodiode : str or None
        The diode's channel; None for the only one with "diode" in its name.
    flashes : int
        How many.
    screen, windowed : int, bool
        Where the window is, and whether it covers the screen.
    simulated, speed : bool, float
        Start a simulated amplifier with a photodiode, that many times as fast as life.
    as_json : bool
        End with one line of JSON.
    """

    photodiode: str | None
    flashes: int
    screen: int
    windowed: bool
    simulated: bool
    speed: float
    as_json: bool


@dataclass
class _Seen:
    light: list[Any] = field(default_factory=list)
    stamps_s: list[Any] = field(default_factory=list)
    flashes_s: list[float] = field(default_factory=list)
    dropped: int = 0
    over_s: float = math.inf  # when the last flash was over


def run(asked: Asked, settings: Config) -> None:
    """Flash, measure, print what came out.

    Raises
    ------
    SaccadeError
        If nothing can be measured, or what was measured must not be used.
    """
    if asked.speed != 1.0 and not asked.simulated:
        raise ConfigError(f"only a simulated amplifier runs {asked.speed:g} times as fast as life")
    name = f"saccade-flashes-{uuid.uuid4().hex[:8]}"
    clock = SessionClock(asked.speed, pylsl.local_clock())
    stimuli = window(
        settings, name, clock, screen=asked.screen, full_screen=not asked.windowed, auto=True
    )
    if stimuli.photodiode is None:
        stimuli = dataclasses.replace(stimuli, photodiode=Photodiode())
    with contextlib.ExitStack() as stack:
        if asked.simulated:
            settings, amplifier = _amplifier(settings, name, clock)
            stack.enter_context(amplifier)
        process = StimulusProcess(stimuli)
        stack.callback(process.close)
        about = process.start()
        if asked.simulated:
            amplifier.wait_until_seen(SILENT_S)
        markers = settings.markers.model_copy(update={"names": (name,)})
        source = lsl_source(settings.model_copy(update={"markers": markers}))
        stack.callback(source.close)
        spec = source.open()
        seen = _watch(source, spec, process, _diode(spec, asked.photodiode), asked, settings)
    timing = timing_test.measure(
        np.concatenate(seen.light),
        np.concatenate(seen.stamps_s),
        np.array(seen.flashes_s),
        ON_S,
    )
    _report(timing, about, seen.dropped, spec, asked)


def _watch(
    source: LSLSource,
    spec: StreamSpec,
    process: StimulusProcess,
    channel: int,
    asked: Asked,
    settings: Config,
) -> _Seen:
    """Read until the last flash has been seen."""
    continuity = Continuity(ContinuitySettings(dejitter=settings.pipeline.dejitter))
    continuity.reset(spec)
    process.block(1, 1, [_sequence(asked.flashes)], LEAD_IN_S)
    common.say(f"saccade: {asked.flashes} flashes, about {_length_s(asked):.0f} s; Ctrl-C ends it")
    seen = _Seen()
    newest_s, heard_s = -math.inf, pylsl.local_clock()
    with common.stop_signals() as stop:
        while newest_s <= seen.over_s + TAIL_S:
            for message in process.poll(0.0):
                _take(message, seen)
            reading = source.read(READ_TIMEOUT_S)
            if stop.is_set() or reading is None:
                raise SessionError("the timing test was broken off, and nothing was measured")
            seen.flashes_s += [marker.stamp for marker in reading.markers]
            if len(reading.chunk):
                chunk = continuity.step(reading.chunk)
                seen.light.append(chunk.data[:, channel])
                seen.stamps_s.append(chunk.stamps)
                newest_s = float(chunk.stamps[-1])
                heard_s = pylsl.local_clock()
            if pylsl.local_clock() - heard_s > SILENT_S:
                raise CalibrationError(
                    f"'{spec.name}' has sent nothing for {SILENT_S:g} s: is the amplifier still on?"
                )
    return seen


def _take(message: dict[str, Any], seen: _Seen) -> None:
    match message["at"]:
        case "refused":
            raise SessionError(message["text"])
        case "aborted":
            raise SessionError("the timing test was broken off at the window: nothing was measured")
        case "dropped":
            seen.dropped += message["frames"]
        case "block_over":
            seen.over_s = message["stamp_s"]


def _sequence(flashes: int) -> dict[str, Any]:
    distances = random.Random(0)
    trials = [
        {
            "trial": number,
            "concept": "flash",
            "picture": 0,
            "on_s": ON_S,
            "soa_s": round(distances.uniform(*SOA_S), 3),
            "catch": False,
        }
        for number in range(flashes)
    ]
    return {"number": 1, "trials": trials, "question": None}


def _length_s(asked: Asked) -> float:
    return (LEAD_IN_S + asked.flashes * sum(SOA_S) / 2) / asked.speed


def _amplifier(
    settings: Config, markers: str, clock: SessionClock
) -> tuple[Config, AmplifierProcess]:
    """Return a simulated amplifier with a photodiode, and the settings that find it."""
    name = f"saccade-simulated-{uuid.uuid4().hex[:8]}"
    flags = {
        "--name": name,
        "--follow": markers,
        "--speed": repr(clock.speed),
        "--clock-origin": repr(clock.origin_s),
        "--photodiode": SIMULATED_DIODE,
    }
    stream = settings.stream.model_copy(update={"name": name, "resolve_timeout_s": SILENT_S})
    found = settings.model_copy(update={"stream": stream})
    return found, AmplifierProcess([text for flag in flags.items() for text in flag])


def _diode(spec: StreamSpec, asked: str | None) -> int:
    """Return the place of the diode's channel.

    Raises
    ------
    ConfigError
        If there is no such channel, or none is named after what it is.
    """
    if asked is not None:
        if asked not in spec.ch_names:
            others = ", ".join(_not_eeg(spec)) or "no channel but EEG"
            raise ConfigError(f"'{spec.name}' has no channel '{asked}': it has {others}")
        return spec.ch_names.index(asked)
    named = [name for name in spec.ch_names if "diode" in name.lower()]
    if len(named) != 1:
        others = ", ".join(_not_eeg(spec)) or "no channel but EEG"
        raise ConfigError(
            f"{len(named)} channels of '{spec.name}' have 'diode' in their name: say which it is "
            f"with --photodiode; it has {others}"
        )
    return spec.ch_names.index(named[0])


def _not_eeg(spec: StreamSpec) -> Iterator[str]:
    return (name for name, kind in zip(spec.ch_names, spec.ch_types, strict=True) if kind != "eeg")


def _report(
    timing: timing_test.Timing,
    about: dict[str, Any],
    dropped: int,
    spec: StreamSpec,
    asked: Asked,
) -> None:
    problem: SaccadeError | None = None
    try:
        timing_test.require(timing, timing_test.TimingSettings())
    except SaccadeError as error:
        problem = error
    screen = {key: about[key] for key in ("refresh_hz", "vsync", "surface", "size_px")}
    if asked.as_json:
        common.emit(
            {
                "timing": timing.asdict(),
                "screen": screen,
                "dropped_frames": dropped,
                "stream": spec.name,
                "ok": problem is None,
                "simulated": spec.simulated,
            }
        )
    else:
        for line in _lines(timing, screen, dropped, simulated=spec.simulated):
            typer.echo(line)
    if problem is not None:
        raise problem


def _lines(
    t: timing_test.Timing, screen: dict[str, Any], dropped: int, *, simulated: bool
) -> Iterator[str]:
    if simulated:
        yield "simulated: these figures are of no screen"
    follows = "the display" if screen["vsync"] else "a clock: this screen tells no frames"
    yield f"screen    {screen['refresh_hz']:.2f} Hz by {follows} ({screen['surface']})"
    yield f"flashes   {t.flashes}, seen {t.found}, missed {t.missed}, others {t.extra}"
    yield f"frames    {dropped} dropped, as the window saw it"
    yield (
        f"light     {t.offset_ms:.2f} ms after its marker (median), SD {t.sd_ms:.2f} ms, "
        f"5 to 95 %: {t.p5_ms:.2f} to {t.p95_ms:.2f} ms, all: {t.min_ms:.2f} to {t.max_ms:.2f} ms"
    )
    yield (
        f"stays     {t.on_ms:.1f} ms (median) where {t.asked_on_ms:g} were asked for, "
        f"5 to 95 %: {t.on_p5_ms:.1f} to {t.on_p95_ms:.1f} ms"
    )
    yield f"diode     a sample every {t.sample_ms:.2f} ms"
