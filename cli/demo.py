"""``saccade demo``: the whole of it on a simulated subject, with no question asked.

Concurrent activities: the simulated amplifier is a process of its own, which this one starts and
ends; it sends EEG and markers over LSL, on this computer only. This thread calibrates on the first
part of the stream, fits, then decodes the second part live, and draws. liblsl has threads of its
own in both processes.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from saccade.cli import common

if TYPE_CHECKING:
    from threading import Event

    from saccade.cli.sections import Config
    from saccade.models.decoders.decoder_file import DecoderFile
    from saccade.realtime.protocols import Source
    from saccade.realtime.types import StreamSpec

LOOPBACK = "[multicast]\nResolveScope = machine\n[log]\nlevel = -3\n"
SOA_S = 0.3
HELD_OUT = 40
TMAX_S = 0.6
ARTIFACTS = 0.25  # a blink every twenty seconds
IDLE_S = 3.0


def demo(
    seconds: Annotated[
        float, typer.Option(help="How long to decode live.", min=1, max=86400)
    ] = 60.0,
    calibration_trials: Annotated[
        int, typer.Option(help="Pictures to calibrate on, three a second.", min=60)
    ] = 300,
    seed: Annotated[int, typer.Option(help="Another seed, another simulated subject.", min=0)] = 0,
    headless: Annotated[
        bool, typer.Option("--headless", help="Draw nothing; only say what happens.")
    ] = False,
    json: common.Json = False,
) -> None:
    """Calibrate on a simulated subject over real LSL, then decode it live."""
    with tempfile.TemporaryDirectory(prefix="saccade-demo-") as folder:
        # Before pylsl is imported: nobody else on the network shall see the demo.
        config = Path(folder) / "lsl_api.cfg"
        config.write_text(LOOPBACK, encoding="utf-8")
        os.environ["LSLAPICFG"] = str(config)
        name = f"saccade-demo-{os.getpid()}"
        common.say("saccade demo: SIMULATED subject, 200 everyday concepts, not CLIP")
        n_live = int(seconds / SOA_S) + 1
        draw = not (headless or json)
        with (
            common.stop_signals() as stop,
            _amplifier(name, seed, calibration_trials, n_live) as amplifier,
        ):
            from saccade.cli import configuration, fitting
            from saccade.realtime.errors import StreamLost, StreamNotFound

            settings = configuration.load(None, _settings(name)).config
            try:
                decoder = _calibrate(settings, calibration_trials, stop, draw=draw)
            except StreamNotFound as error:
                if amplifier.poll() is None or amplifier.stderr is None:
                    raise
                last = amplifier.stderr.read().decode(errors="replace").strip().splitlines()[-1:]
                raise StreamLost(
                    f"the simulated amplifier ended with code {amplifier.returncode} instead of "
                    f"sending: {''.join(last)}"
                ) from error
            if decoder is None:
                common.say("saccade demo: stopped")
                raise typer.Exit(130)
            for line in fitting.report_lines(decoder):
                common.say(line)
            path = Path(folder) / "demo.saccade"
            summary = _decode(decoder, path, settings, stop, seconds, draw=draw)
            if amplifier.poll() not in (None, 0):
                common.say(f"saccade demo: the amplifier ended with code {amplifier.returncode}")
        if "accuracy" in summary:
            summary["ideal_observer"] = _ideal(settings, seed)
        common.report(summary, as_json=json)


def _settings(name: str) -> dict[str, object]:
    return {
        "stream.name": name,
        "stream.resolve_timeout_s": 30.0,
        "markers.names": (f"{name}-markers",),
        # No baseline: before a picture stands the response to the one before it.
        "epochs.tmin_s": 0.0,
        "epochs.tmax_s": TMAX_S,
        "epochs.baseline_s": "none",
        "epochs.crop_s": "none",
        "pipeline.line_hz": 50.0,
        "calibration.encoder": "ridge",  # the stream goes on meanwhile, so fitting must be quick
    }


@contextlib.contextmanager
def _amplifier(
    name: str, seed: int, calibration_trials: int, trials: int
) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``saccade simulate`` beside us, and end it when we end."""
    flags = {
        "--name": name,
        "--seed": seed,
        "--soa": SOA_S,
        "--held-out": HELD_OUT,
        "--artifacts": ARTIFACTS,
        "--calibration-trials": calibration_trials,
        "--trials": trials + 400,  # pictures go on while the decoder is being fitted
        "--wait": 60,
    }
    words = [str(word) for pair in flags.items() for word in pair]
    process = subprocess.Popen(
        [sys.executable, "-m", "saccade.cli.main", "simulate", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for us; we end it
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(5.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _ideal(settings: Config, seed: int) -> dict[str, object]:
    """Return the accuracy nobody can beat on this subject with the demo's epochs."""
    from saccade.cli import simulated
    from saccade.cli.galleries import gallery_of

    plan = simulated.Plan(seed=seed, artifacts=ARTIFACTS)
    return simulated.ideal(simulated.subject(gallery_of(settings), plan), 0.0, TMAX_S)


def _calibrate(settings: Config, n_trials: int, stop: Event, *, draw: bool) -> DecoderFile | None:
    """Fit a decoder to the first pictures of the stream, or return None when told to stop."""
    from rich.console import Console
    from rich.progress import Progress

    from saccade.cli import fitting, wiring
    from saccade.cli.galleries import gallery_of
    from saccade.realtime.engine import StepResult
    from saccade.realtime.sources.lsl.source import LSLSource

    source: LSLSource = wiring.lsl_source(settings)
    common.say(f"saccade demo: calibrating on {n_trials} pictures, {n_trials * SOA_S:.0f} s")
    with Progress(console=Console(stderr=True), disable=not draw, transient=True) as progress:
        task = progress.add_task("calibrating (simulated)", total=n_trials)

        def enough(result: StepResult) -> bool:
            progress.advance(task, len(result.epochs))
            return stop.is_set() or progress.tasks[task].completed >= n_trials

        spec = source.open()
        trials = fitting.trials_from([_Opened(source, spec)], settings, spec, None, enough)
    if stop.is_set():
        return None
    common.say("saccade demo: fitting")
    return fitting.decoder_from(trials, gallery_of(settings), settings)


class _Opened:
    """A source that is open already, because its channels had to be known; it is not left."""

    def __init__(self, source: Source, spec: StreamSpec) -> None:
        self._spec = spec
        self.read = source.read
        self.close = source.close

    def open(self) -> StreamSpec:
        """Return what the stream carries."""
        return self._spec


def _decode(
    decoder: DecoderFile, path: Path, settings: Config, stop: Event, seconds: float, *, draw: bool
) -> dict[str, object]:
    """Write the decoder, read it back, and decode the rest of the stream with it."""
    from saccade.cli import wiring
    from saccade.models.decoders import decoder_file

    decoder_file.save(decoder, path)
    session = wiring.Session(
        decoder_file.load(path),
        wiring.lsl_source(settings),
        settings,
        table="saccade demo (simulated)" if draw else None,
    )
    common.say(f"saccade demo: decoding live for {seconds:g} s; Ctrl-C ends it")
    session.start()
    over = wiring.until(stop.is_set, session.engine.spec.sfreq, seconds, IDLE_S)
    return session.run(over)
