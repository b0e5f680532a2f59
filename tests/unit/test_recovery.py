"""After its recovery time, a restart can no longer be seen in the output."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from saccade.realtime.blocks.bandpass import BandpassSettings
from saccade.realtime.blocks.notch import NotchSettings
from saccade.realtime.blocks.reference import ReferenceSettings
from saccade.realtime.blocks.resample import ResampleSettings
from saccade.realtime.pipeline import Pipeline, PipelineSettings
from saccade.realtime.types import Chunk, Flag, StreamSpec

SFREQ = 250.0
SPEC = StreamSpec("amp", SFREQ, ("Fz", "Cz"), ("eeg",) * 2, ("µV",) * 2)
RESTART = 1000
CHAINS: dict[str, tuple[tuple[str, Any], ...]] = {
    "bandpass": (("bandpass", BandpassSettings(1.0, 40.0)),),
    "highpass": (("bandpass", BandpassSettings(0.5, order=2)),),
    "steep": (("bandpass", BandpassSettings(1.0, order=10)),),
    "lowpass": (("bandpass", BandpassSettings(high_hz=40.0)),),
    "notch": (("notch", NotchSettings(50.0)),),
    "resample": (("resample", ResampleSettings(125.0)),),
    "reference": (("reference", ReferenceSettings("average")),),
    "all": (
        ("notch", NotchSettings(50.0)),
        ("bandpass", BandpassSettings(1.0, 40.0)),
        ("reference", ReferenceSettings("average")),
        ("resample", ResampleSettings(125.0)),
        ("bandpass", BandpassSettings(high_hz=20.0, order=2)),
    ),
}


@pytest.mark.parametrize("name", CHAINS)
def test_a_restart_is_not_to_be_seen_after_the_recovery_time(name: str) -> None:
    rng = np.random.default_rng(0)
    pipeline = Pipeline(PipelineSettings(blocks=CHAINS[name]))
    sfreq = pipeline.reset(SPEC).sfreq
    n = RESTART + round(pipeline.recovery_s * SFREQ) + 2000
    data = (rng.normal(0, 30, (n, 2)) + 500 * np.sin(np.arange(n) / 400)[:, None]).astype(
        np.float32
    )

    def run(restart: bool) -> Chunk:
        pipeline.reset(SPEC)
        flags = np.zeros(n, np.uint16)
        flags[RESTART] = Flag.GAP if restart else 0
        return pipeline.step(Chunk(data, np.arange(n) / SFREQ, flags, 0))

    disturbed, undisturbed = run(restart=True), run(restart=False)
    after = disturbed.stamps > RESTART / SFREQ + pipeline.recovery_s
    assert after.sum() > 500
    seen_uv = np.abs(disturbed.data - undisturbed.data)[after]
    size_uv = np.abs(undisturbed.data)[after]
    # Half a last bit of what the input has moved, and the last bit that this may turn over.
    assert (seen_uv <= np.ptp(data) * 2.0**-24 + np.spacing(size_uv)).all()
    assert not (disturbed.flags[after] & (Flag.SETTLING | Flag.GAP)).any()
    assert pipeline.recovery_s >= pipeline.settling_s
    if name != "reference":
        early = (disturbed.stamps > RESTART / SFREQ) & (
            disturbed.stamps < RESTART / SFREQ + pipeline.recovery_s / 3
        )
        assert (disturbed.data != undisturbed.data)[early].any()
        assert sfreq * pipeline.recovery_s > 1


def test_a_chain_takes_the_sum_of_its_blocks() -> None:
    def recovery_s(*blocks: tuple[str, Any]) -> float:
        pipeline = Pipeline(PipelineSettings(blocks=blocks))
        pipeline.reset(SPEC)
        return pipeline.recovery_s

    notch, bandpass, resample = CHAINS["notch"][0], CHAINS["bandpass"][0], CHAINS["resample"][0]
    parts = [recovery_s(one) for one in (notch, bandpass, resample)]
    assert recovery_s(notch, bandpass, resample) == pytest.approx(sum(parts))
    assert recovery_s(CHAINS["reference"][0]) == 0
