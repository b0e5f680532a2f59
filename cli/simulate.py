"""``saccade simulate``: the simulated subject as an amplifier on LSL.

It looks at pictures of its own choice, or, with ``--follow``, at those that marker streams name.

Concurrent activities: this thread computes the signal, waits for each sample's time and pushes;
liblsl sends from threads of its own. A stream that is followed is heard by one more thread.
"""

from __future__ import annotations

from typing import Annotated

import typer

from saccade.cli import common

OWN_PICTURES = ("soa", "calibration_trials", "trials", "held_out", "wait")
OF_FOLLOWING = ("delay_ms", "clock_origin", "visit", "dead", "photodiode", "with_parent")


def simulate(
    context: typer.Context,
    name: Annotated[
        str, typer.Option(help="Name of the EEG stream; NAME-markers is the other one.")
    ] = "saccade-simulated",
    sfreq: Annotated[float, typer.Option(help="Rate in Hz, 250 to 1000.")] = 250.0,
    seed: Annotated[int, typer.Option(help="Another seed, another subject.", min=0)] = 0,
    effect: Annotated[
        float | None, typer.Option(help="How strongly a picture shows in the signal; 0 for none.")
    ] = None,
    soa: Annotated[float, typer.Option(help="Seconds from picture to picture.")] = 0.3,
    calibration_trials: Annotated[
        int, typer.Option(help="Pictures of the calibration concepts that come first.", min=0)
    ] = 300,
    trials: Annotated[
        int, typer.Option(help="Pictures of the held-out concepts that follow.", min=0)
    ] = 300,
    held_out: Annotated[int, typer.Option(help="How many concepts are held out.", min=1)] = 40,
    artifacts: Annotated[
        float,
        typer.Option(help="Blinks, muscle, pops and drift: 0 for none, 1 as usual.", min=0),
    ] = 0.0,
    follow: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[:GAIN]",
            help="Look at what this marker stream names, GAIN times as attentively (as in "
            "left:0.3), instead of at pictures of its own; may be repeated.",
        ),
    ] = None,
    delay_ms: Annotated[
        float,
        typer.Option(help="With --follow: send so late, for the markers to be known.", min=1),
    ] = 250.0,
    clock_origin: Annotated[
        float | None,
        typer.Option(help="With --follow: LSL time from which --speed counts; now otherwise."),
    ] = None,
    visit: Annotated[
        int, typer.Option(help="With --follow: another visit, other noise of one subject.", min=0)
    ] = 0,
    dead: Annotated[
        str | None, typer.Option(help="With --follow: channels that carry nothing, by commas.")
    ] = None,
    photodiode: Annotated[
        str | None,
        typer.Option(
            metavar="DELAY_MS[:JITTER_MS]",
            help="With --follow: one more channel, lit so long after each marker.",
        ),
    ] = None,
    with_parent: Annotated[bool, typer.Option("--with-parent", hidden=True)] = False,
    speed: Annotated[
        float, typer.Option(help="Seconds of signal sent per second.", min=0.01)
    ] = 1.0,
    wait: Annotated[
        float | None, typer.Option(help="Wait so many seconds for a reader of both.", min=0)
    ] = None,
    gallery: common.Gallery = None,
    gallery_names: common.GalleryNames = None,
    config: common.ConfigFile = None,
    override: common.Set = None,
    json: common.Json = False,
) -> None:
    """Stream a simulated subject who looks at pictures of the gallery's concepts."""
    from saccade.cli import configuration, simulated
    from saccade.cli.closing import ideal_line
    from saccade.cli.galleries import gallery_of
    from saccade.cli.publishing import publish

    settings = configuration.load(
        config,
        {"gallery.vectors": gallery, "gallery.names": gallery_names},
        override or (),
    ).config
    plan = simulated.Plan(sfreq, seed, effect, soa, calibration_trials, trials, held_out, artifacts)
    looking = simulated.subject(gallery_of(settings), plan)
    if follow:
        from saccade.cli import following

        common.refuse_given(context, OWN_PICTURES, "--follow leaves the pictures to others")
        following.follow(
            looking,
            following.amplifier_settings(name, follow, delay_ms, visit, dead, photodiode, seed),
            speed,
            clock_origin,
            with_parent=with_parent,
            as_json=json,
        )
        return
    common.refuse_given(context, OF_FOLLOWING, "nothing is followed: name a stream with --follow")
    source = simulated.source(looking, plan)
    common.say(f"saccade: {ideal_line(simulated.ideal(looking, 0.0, 1.0))}, 0 to 1 s from onset")
    publish(source, name, speed, wait, simulated=True, as_json=json)
