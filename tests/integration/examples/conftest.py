"""The decoder of the simulated person whom the examples meet, made once for all of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from saccade.cli import configuration, simulated
from saccade.cli.galleries import gallery_of
from saccade.realtime.engine import Engine
from saccade.realtime.epochs import Epocher, EpochSettings
from saccade.realtime.pipeline import Pipeline, PipelineSettings
from saccade.realtime.sinks.xdf import XDFSink

SEED = 1  # as in examples/lab.py


@pytest.fixture(scope="session")
def person(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Record the person for three minutes of signal, and calibrate on the recording."""
    folder = tmp_path_factory.mktemp("person")
    recording, decoder = folder / "pictures.xdf", folder / "person.saccade"
    plan = simulated.Plan(seed=SEED, calibration_trials=600, trials=0, held_out=1)
    looking = simulated.subject(gallery_of(configuration.load().config), plan)
    engine = Engine(
        simulated.source(looking, plan),
        Pipeline(PipelineSettings()),
        Epocher(EpochSettings()),
        lambda: 0.0,
        sinks=(XDFSink(recording),),
    )
    engine.start()
    engine.run(lambda _: False)
    engine.stop()
    window = ("--tmin", "0", "--tmax", "0.6", "--set", "epochs.baseline_s=none")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "saccade.cli.main", "calibrate", "--recording", str(recording)),
            *("--out", str(decoder), "--encoder", "ridge", "--folds", "2", "--line-hz", "50"),
            *(*window, "--set", "epochs.crop_s=none"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return decoder
