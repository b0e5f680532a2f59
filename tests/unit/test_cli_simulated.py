"""The simulated session of ``simulate`` and ``demo``: what its plan changes, how it is judged."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from saccade.cli import simulated
from saccade.cli.closing import ideal_line
from saccade.models.galleries.gallery import Gallery
from saccade.models.galleries.gallery_files import load_everyday
from saccade.realtime.errors import ConfigError
from saccade.realtime.types import Float32

PLAN = simulated.Plan(calibration_trials=6, trials=4, held_out=10)


@pytest.fixture(scope="module")
def gallery() -> Gallery:
    return load_everyday()


def signal(gallery: Gallery, plan: simulated.Plan) -> Float32:
    source = simulated.source(simulated.subject(gallery, plan), plan)
    source.open()
    parts = []
    while (reading := source.read(0.0)) is not None:
        parts.append(reading.chunk.data)
    return np.concatenate(parts)


def test_artifacts_come_on_top_of_the_same_signal(gallery: Gallery) -> None:
    clean, usual = (
        signal(gallery, dataclasses.replace(PLAN, artifacts=share)) for share in (0.0, 1.0)
    )
    added = usual - clean
    assert clean.shape == usual.shape == (int((4.5 + 9 * 0.3 + 1.5) * 250), 64)
    assert 3 < added.std() < 100


def test_held_out_concepts_come_last(gallery: Gallery) -> None:
    source = simulated.source(simulated.subject(gallery, PLAN), PLAN)
    calibrated, held_out = ({t.row for t in source.trials if t.phase == p} for p in (0, 1))
    assert (len(calibrated), len(held_out)) == (6, 4)
    assert not calibrated & held_out


def test_a_gallery_too_small_to_hold_out_from_is_refused(gallery: Gallery) -> None:
    plan = dataclasses.replace(PLAN, held_out=199)
    with pytest.raises(ConfigError, match="need a gallery of 201, but it has 200"):
        simulated.source(simulated.subject(gallery, plan), plan)


def test_the_ideal_observer_is_told_with_all_that_belongs_to_a_number(gallery: Gallery) -> None:
    weak, usual, none = (
        simulated.ideal(
            simulated.subject(gallery, dataclasses.replace(PLAN, effect=effect)), 0.0, 0.3
        )
        for effect in (0.02, None, 0.0)
    )
    assert none["top1"] == pytest.approx(0.005)
    assert none["top1"] < weak["top1"] < usual["top1"] <= 1
    line = ideal_line(weak)
    assert line.startswith(f"ideal observer single-trial top-1 {weak['top1']:.1%} [95 % ")
    assert "chance 0.50%; top-5" in line
    assert line.endswith(f"{weak['bits']:.2f} bits a trial; n 20000, gallery 200")
