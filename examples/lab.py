"""The laboratory of the examples: a simulated person, pictures on time, and the decoder at work.

All of it is on this computer, where nobody else sees it, and ends with the ``with`` block. A real
experiment has no :meth:`Lab.person`, and pushes its markers when the screen flips; whatever else
is here is the same there.
"""

from __future__ import annotations

import contextlib
import math
import os
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

# Before pylsl is imported, here or in the programs that are started.
os.environ.setdefault("LSLAPICFG", str(Path(__file__).with_name("lsl_api.cfg")))

import pylsl
from programs import Program

from saccade.models.decoders import decoder_file
from saccade.models.galleries.gallery import Gallery
from saccade.realtime.control.client import ControlClient
from saccade.realtime.control.results import Results
from saccade.realtime.errors import StreamNotFound
from saccade.realtime.session_clock import SessionClock

SEED = 1  # who the person is
PATIENCE_S = 60.0
DELAY_MS = 500  # of the simulated amplifier, which must know what is shown before it sends
LEAD_IN_S = 5.0  # of session, until the decoder's filters have settled
LEAST = 1e-38  # probability; below it a single-precision number is 0 soon


class Lab:
    """A simulated person in front of a screen, and what decodes them.

    Parameters
    ----------
    decoder : Path or None
        The person's decoder file; None makes one, in a calibration session.
    speed : float
        Seconds of session per second.

    Attributes
    ----------
    name : str
        Of the EEG stream; the names of all other streams begin with it.
    clock : SessionClock
        Tells the session's time; at speed 1 it is the LSL clock.
    gallery : Gallery
        The concepts that are told apart.
    """

    def __init__(self, decoder: Path | None, speed: float) -> None:
        self._ends = contextlib.ExitStack()
        self.name = f"example-{uuid.uuid4().hex[:8]}"
        self._folder = Path(self._ends.enter_context(tempfile.TemporaryDirectory()))
        self._decoder = calibrated(self._folder) if decoder is None else decoder
        self.gallery: Gallery = decoder_file.load(self._decoder).gallery
        self.clock = SessionClock(speed, pylsl.local_clock())
        self._outlets: dict[str, pylsl.StreamOutlet] = {}

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End all programs and streams."""
        self._ends.close()

    def streams(self, *parts: str) -> None:
        """Open a marker stream for each part, with the whole name NAME-PART."""
        for part in parts:
            name = f"{self.name}-{part}"
            info = pylsl.StreamInfo(name, "Markers", 1, pylsl.IRREGULAR_RATE, "string", name)
            self._outlets[part] = pylsl.StreamOutlet(info)
        self._ends.callback(self._outlets.clear)

    def person(self, **gains: float) -> None:
        """Let the person look at what these streams name, each so attentively."""
        follow = [("--follow", f"{self.name}-{part}:{gain}") for part, gain in gains.items()]
        self._head = self._start(
            *("simulate", "--name", self.name, "--seed", SEED, "--visit", 1, "--json"),
            *("--delay-ms", DELAY_MS, *(word for words in follow for word in words)),
            *("--speed", self.clock.speed, "--clock-origin", self.clock.origin_s),
        )
        self._n_seen = len(gains)

    def decode(self, *markers: str, results: str = "predictions", flags: tuple = ()) -> Results:
        """Run ``saccade run`` on the person's EEG and these markers; return what it publishes."""
        self._run = self._start(
            *("run", "--decoder", self._decoder, "--stream", self.name, "--prefix", self.name),
            *(word for marker in markers for word in ("--markers", f"{self.name}-{marker}")),
            *("--set", f"stream.resolve_timeout_s={PATIENCE_S}", "--control", self.name, "--json"),
            *("--top-k", len(self.gallery), *flags),
        )
        deadline_s = time.monotonic() + PATIENCE_S
        while self._head.said().count(" sees ") < self._n_seen and time.monotonic() < deadline_s:
            time.sleep(0.1)
        while True:
            self._run.said()  # ends if it is not there
            try:
                return self._ends.enter_context(Results(results, self.name, 5.0))
            except StreamNotFound:
                if time.monotonic() > deadline_s:
                    raise

    def show(self, at_s: float, **values: str) -> float:
        """Wait for a time of the session, and mark it; return when that really was."""
        time.sleep(max(0.0, self.clock.real_s(at_s) - pylsl.local_clock()))
        return self.mark(**values)  # in a real experiment, at the flip of the screen

    def mark(self, **values: str) -> float:
        """Push a marker into each of these streams, with the present time, which is returned."""
        now_s = self.clock.now()
        for part, value in values.items():
            self._outlets[part].push_sample([value], now_s)
        return now_s

    def messages(self, results: Results, n: int) -> Iterator[dict[str, Any]]:
        """Yield the next n messages."""
        for _ in range(n):
            deadline_s = time.monotonic() + PATIENCE_S
            while (message := results.wait(1.0)) is None:
                self._run.said()
                if time.monotonic() > deadline_s:
                    raise SystemExit(f"nothing came from '{results.name}' for {PATIENCE_S:g} s")
            yield message

    def end(self) -> dict[str, Any]:
        """End decoding and the person's visit; return what ``saccade run`` says of it."""
        with ControlClient(self.name) as session:
            session.stop()
        summary = self._run.result()
        self._head.terminate()
        self._head.result()  # fails if a picture was told too late to be seen
        return summary

    def _start(self, *arguments: object) -> Program:
        program = Program(self._folder, *arguments)
        self._ends.callback(program.kill)
        return program


def calibrated(folder: Path) -> Path:
    """Let the person do a calibration session of three minutes, twelve times as fast."""
    print("calibrating the simulated person first; --decoder FILE skips that", flush=True)
    decoder = folder / "person.saccade"
    # No baseline: before a picture stands the response to the last one.
    window = ("--tmin", 0, "--tmax", 0.6, "--set", "epochs.baseline_s=none")
    Program(
        folder,
        *("calibrate", "--simulated", "--auto", "--seed", SEED, "--speed", 12, "--json"),
        *("--protocol", "rsvp", "--trials", 800, "--session", folder / "session"),
        *("--out", decoder, "--line-hz", 50, *window, "--set", "epochs.crop_s=none"),
    ).result()
    return decoder


def log_probabilities(prediction: dict[str, Any]) -> dict[str, float]:
    """Return the logarithm of each concept's probability; nothing of a rejected picture."""
    top = prediction.get("top", ())
    return {c["name"]: math.log(max(c["probability"], LEAST)) for c in top}
