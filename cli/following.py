"""``saccade simulate --follow``: a simulated subject who looks at what others show.

Concurrent activities: those of :mod:`saccade.realtime.amplifier.amplifier`; and, where the
amplifier is to end with the program that started it, a thread that waits for the end of standard
input.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence

import pylsl
import typer

from saccade.cli import common
from saccade.realtime.amplifier.amplifier import Amplifier, AmplifierReport, AmplifierSettings
from saccade.realtime.amplifier.listener import parse_followed
from saccade.realtime.errors import ConfigError, SourceError
from saccade.realtime.session_clock import SessionClock
from saccade.realtime.simulation.photodiode import PhotodiodeSettings
from saccade.realtime.simulation.subject import SimulatedSubject


def amplifier_settings(
    name: str,
    follow: Sequence[str],
    delay_ms: float,
    visit: int,
    dead: str | None,
    photodiode: str | None,
    seed: int,
) -> AmplifierSettings:
    """Return what the flags of ``simulate`` ask for.

    Raises
    ------
    ConfigError
        If one of them is out of range.
    """
    return AmplifierSettings(
        name=name,
        follow=tuple(parse_followed(text) for text in follow),
        delay_s=delay_ms / 1e3,
        visit=visit,
        dead=common.listed(dead) or (),
        photodiode=None if photodiode is None else _photodiode(photodiode, seed),
    )


def _photodiode(text: str, seed: int) -> PhotodiodeSettings:
    delay, _, jitter = text.partition(":")
    try:
        return PhotodiodeSettings(float(delay), float(jitter or 0), seed)
    except ValueError:
        raise ConfigError(
            f"--photodiode should be DELAY_MS or DELAY_MS:JITTER_MS, as in 20:3, not '{text}'"
        ) from None


def follow(
    subject: SimulatedSubject,
    settings: AmplifierSettings,
    speed: float,
    origin_s: float | None,
    *,
    with_parent: bool,
    as_json: bool,
) -> None:
    """Send until Ctrl-C, then say what was seen.

    Parameters
    ----------
    subject : SimulatedSubject
        Who looks.
    settings : AmplifierSettings
        At what, and how it is sent.
    speed : float
        Seconds of signal per second.
    origin_s : float or None
        Time of the LSL clock from which that holds; None for now.
    with_parent : bool
        End when standard input does, as it does when whoever started this is gone.
    as_json : bool
        End with a line of JSON instead of words.

    Raises
    ------
    SourceError
        If a picture was told too late to leave a response.
    """
    clock = SessionClock(speed, pylsl.local_clock() if origin_s is None else origin_s)
    amplifier = Amplifier(subject, settings, clock)
    names = ", ".join(f"'{followed.name}'" for followed in settings.follow)
    with common.stop_signals() as stop:
        if with_parent:
            _at_end_of_input(stop.set)
        report = amplifier.run(
            stop.is_set,
            lambda: common.say(
                f"saccade: simulated stream '{settings.name}', follows {names}; Ctrl-C ends it"
            ),
            lambda name: common.say(f"saccade: sees '{name}'"),
        )
    if as_json:
        common.emit(
            {
                "samples": {"sent": report.samples},
                "markers": {"received": report.markers, "late": report.late},
                "pictures": report.seen,
                "unknown": report.unknown,
                "speed": speed,
                "simulated": True,
            }
        )
    else:
        for line in _lines(report):
            typer.echo(line)
    if report.late:
        raise SourceError(
            f"{report.late} of {report.seen + report.late} pictures left no response, for they "
            f"were told more than {1e3 * settings.delay_s:g} ms after they were shown: raise "
            "--delay-ms, or lower --speed"
        )


def _lines(report: AmplifierReport) -> list[str]:
    lines = [f"sent {report.samples} simulated samples; saw {report.seen} pictures"]
    if report.unknown:
        values = ", ".join(f"'{value}' ({n})" for value, n in list(report.unknown.items())[:5])
        more = "" if len(report.unknown) <= 5 else ", …"
        lines.append(f"NO CONCEPT   {values}{more}: not in the gallery, so not seen")
    return lines


def _at_end_of_input(then: Callable[[], None]) -> None:
    """Call something when standard input has ended, from a thread of its own."""

    def wait() -> None:
        if sys.stdin is not None:
            for _ in sys.stdin:
                continue
        then()

    threading.Thread(target=wait, name="end of input", daemon=True).start()
