"""``saccade calibrate``, live: a session with a person, an amplifier and a screen.

Everything is put together here, and decided elsewhere: the conductor
(:mod:`saccade.calibration.conduct`) leads through the session, the stimulus window shows pictures,
and when enough is recorded, the decoder is made of the recordings by the path that ``--recording``
takes (:mod:`saccade.cli.calibration_fit`).

Concurrent activities: this thread runs the conductor, which reads the signal and blocks nowhere
else for long; the stimulus window is a process of its own, and so is the simulated amplifier where
there is one; each has threads here that read what it says. A recording is written by one more
thread. Both processes end when their standard input does, so that neither outlives this one.
"""

from __future__ import annotations

import contextlib

import pylsl
import typer

from saccade.calibration.conduct import Conductor
from saccade.calibration.folder import SessionFolder
from saccade.calibration.hands import AutoOperator, Hands, Left, Operator
from saccade.calibration.plan import Plan, make_plan
from saccade.calibration.session import replayed
from saccade.calibration.session_summary import summarise
from saccade.cli import calibration_fit, common, fitting, session_setup, wiring
from saccade.cli.calibration_fit import Output
from saccade.cli.configuration import Loaded
from saccade.cli.live_fit import LiveFit
from saccade.cli.operator import SessionDisplay, TerminalOperator
from saccade.cli.sections import Config
from saccade.cli.session_given import Asked
from saccade.realtime.errors import CalibrationError
from saccade.realtime.quality.monitor import QualityMonitor
from saccade.realtime.session_clock import SessionClock
from saccade.realtime.sinks.xdf import XDFSink, XDFSinkSettings


def calibrate_live(asked: Asked, loaded: Loaded, output: Output) -> None:
    """Hold a session, or go on with one, and write the decoder.

    Raises
    ------
    SaccadeError
        If the session can't begin, or can't go on.
    typer.Exit
        If it was left before its end: with code 130 where a signal asked for it, or else with 1.
    """
    protocol = session_setup.protocol_of(asked, loaded)
    gallery = fitting.checked_gallery(loaded.config)
    plan = make_plan(protocol, gallery.names)
    folder = session_setup.folder_of(asked, loaded, protocol, plan, gallery, output.decoder)
    with contextlib.ExitStack() as stack:
        stack.callback(folder.discard)  # unless something has happened in it
        stop = stack.enter_context(common.stop_signals())
        simulated = " · SIMULATED" if asked.simulated else ""
        display = SessionDisplay(f"saccade calibrate · {protocol.name} · {folder.path}{simulated}")
        stack.callback(display.close)
        fit = LiveFit(
            loaded,
            gallery,
            output.decoder,
            display.close,
            lambda: session_setup.ideal(asked, loaded.config, gallery, plan.concepts),
            stop.is_set,
            regular=protocol.kind == "rsvp" and asked.speed == 1.0,
        )
        operator: Operator = (
            AutoOperator(stopped=stop.is_set, progress=display)
            if asked.auto
            else TerminalOperator(display, stop.is_set)
        )
        try:
            session = replayed(plan, folder.events)
            if session.phase == "over":  # and what ended it may have come before its decoder
                common.say(f"saccade: the session in {folder.path} is over; its decoder again:")
                summary = summarise(folder.events, session.numbers)
                why = fit.fit(folder.recordings(), summary).why
            else:
                hands = _hands(asked, loaded.config, plan, folder, operator, fit, stack)
                outcome = Conductor(folder, plan, hands).run()
                why = outcome.text
                if not outcome.finished:
                    common.say(f"saccade: {why}")
                    raise typer.Exit(130 if stop.is_set() else 1)
        except Left as left:
            _tell_the_way_on(display, folder)
            raise typer.Exit(130) from left
        except BaseException:  # an error, or a signal that ends it at once
            _tell_the_way_on(display, folder)
            raise
    if fit.made is None:
        raise CalibrationError(f"no decoder could be made: {why}; recorded is {folder.path}")
    calibration_fit.deliver(fit.made, output, {"session": str(folder.path)})


def _tell_the_way_on(display: SessionDisplay, folder: SessionFolder) -> None:
    """Say how a session goes on that was left, if anything has happened in it."""
    display.close()
    if folder.events:
        common.say(f"saccade: it goes on with  {session_setup.again(folder.path)}")


def _hands(
    asked: Asked,
    asked_for: Config,
    plan: Plan,
    folder: SessionFolder,
    operator: Operator,
    fit: LiveFit,
    stack: contextlib.ExitStack,
) -> Hands:
    """Return what the session is held with; processes end with the stack."""
    clock = SessionClock(asked.speed, pylsl.local_clock())
    settings, stimulator = session_setup.processes(asked, asked_for, plan, clock, folder, stack)
    return Hands(
        make_source=lambda: wiring.live_source(settings),
        make_recorder=lambda path: XDFSink(path, XDFSinkSettings()),
        make_pipeline=lambda spec: fitting.pipeline_settings(settings, spec, None),
        epochs=fitting.epoch_settings(settings),
        make_monitor=lambda: QualityMonitor(wiring.quality_settings(settings)),
        stimulator=stimulator,
        operator=operator,
        check=fit.check,
        fit=fit.fit,
        clock=pylsl.local_clock,  # a silence is one of the wires, at any speed
        bads=settings.pipeline.bads,
    )
