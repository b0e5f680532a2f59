"""Bad channels: which they are, and what is put in their place."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import mne
import numpy as np
import pytest

from saccade.realtime.blocks.bad_channels import (
    HOP_S,
    N_BAD,
    N_FLAT,
    N_GOOD,
    WINDOW_S,
    Limits,
    bad_in_window,
)
from saccade.realtime.blocks.bandpass import BandpassSettings
from saccade.realtime.blocks.repair import FADE_S, Repair, RepairSettings
from saccade.realtime.errors import ConfigError, SignatureMismatch
from saccade.realtime.pipeline import Pipeline, PipelineSettings
from saccade.realtime.quality.splines import directions
from saccade.realtime.simulation.leadfield import leadfield
from saccade.realtime.simulation.montage import CH_NAMES
from saccade.realtime.types import Chunk, Flag, StreamSpec

SFREQ = 100.0
NAMES = CH_NAMES[:20]
LIMITS = Limits(flat_uv=1.0, loud_z=5.0, lonely_r=0.4)
LATENCY_S = {"flat": WINDOW_S + (N_FLAT - 1) * HOP_S, "other": WINDOW_S + (N_BAD - 1) * HOP_S}


def spec(names: tuple[str, ...] = NAMES, types: tuple[str, ...] | None = None) -> StreamSpec:
    n = len(names)
    return StreamSpec("amp", SFREQ, names, types or ("eeg",) * n, ("µV",) * n)


def brain(n_s: float, seed: int = 0) -> np.ndarray:
    """Return the field of moving dipoles on 20 electrodes, in µV, with sensor noise."""
    rng = np.random.default_rng(seed)
    places = rng.normal(size=(40, 3))
    places *= 60.0 / np.linalg.norm(places, axis=1, keepdims=True)
    fields = leadfield(places).reshape(-1, 64)[:, : len(NAMES)]
    waves = rng.normal(size=(round(n_s * SFREQ), len(fields)))
    data = waves @ fields
    data *= 10.0 / data.std()
    return (data + 0.3 * rng.normal(size=data.shape)).astype(np.float32)


def chunk(data: np.ndarray, flags: np.ndarray | None = None, start: int = 0) -> Chunk:
    n = len(data)
    flags = np.zeros(n, np.uint16) if flags is None else flags
    return Chunk(data.copy(), np.arange(start, start + n) / SFREQ, flags.copy(), start, 5.0)


def repaired(settings: RepairSettings, data: np.ndarray, **how: Any) -> tuple[np.ndarray, Repair]:
    block = Repair(settings)
    assert block.reset(spec()) == spec()
    out = block.step(chunk(data, **how))
    assert (out.index, out.received_s, out.data.dtype) == (0, 5.0, np.float32)
    return out.data, block


# -- what is put in place


def test_bad_channels_become_what_mne_interpolates() -> None:
    data, bads = brain(2.0), ("Fp2", "F3", "FC5")
    ours, _ = repaired(RepairSettings(bads), data)
    info = mne.create_info(list(NAMES), SFREQ, "eeg", verbose="error")
    places = dict(zip(NAMES, 0.09 * directions(NAMES), strict=True))
    info.set_montage(mne.channels.make_dig_montage(places, coord_frame="head"))
    info["bads"] = list(bads)
    theirs = mne.io.RawArray(data.T.astype(float), info, verbose="error")
    theirs.interpolate_bads(origin=(0.0, 0.0, 0.0), verbose="error")
    np.testing.assert_allclose(ours, theirs.get_data().T, atol=1e-4)
    good = [i for i, name in enumerate(NAMES) if name not in bads]
    assert np.array_equal(ours[:, good], data[:, good])


def test_interpolation_comes_near_to_what_a_dead_electrode_would_have_shown() -> None:
    truth = brain(20.0)
    dead = truth.copy()
    dead[:, 9] = 0.0
    ours, _ = repaired(RepairSettings((NAMES[9],)), dead)
    r = np.corrcoef(ours[:, 9], truth[:, 9])[0, 1]
    assert r > 0.9


def test_channels_without_a_place_are_neither_used_nor_touched() -> None:
    data = brain(1.0)
    names = (*NAMES[:18], "X1", "X2")
    types = (*("eeg",) * 19, "eog")
    block = Repair(RepairSettings(("Fp1",)))
    block.reset(spec(names, types))
    whole = block.step(chunk(data)).data
    other = data.copy()
    other[:, 18:] *= 100
    changed = block.step(chunk(other)).data
    assert np.array_equal(whole[:, :18], changed[:, :18])
    assert np.array_equal(changed[:, 18:], other[:, 18:])


# -- which are bad


def spoilt(kind: str, clean: np.ndarray, channel: int = 4) -> np.ndarray:
    data, rng = clean.copy(), np.random.default_rng(9)
    if kind == "flat":
        data[:, channel] = 3.0
    elif kind == "loud":
        data[:, channel] *= 20
    else:
        data[:, channel] = rng.normal(0, 10, len(data))
    return data


@pytest.mark.parametrize("kind", ["flat", "loud", "lonely"])
def test_each_rule_finds_its_own_kind_of_bad_channel(kind: str) -> None:
    bad, flat = bad_in_window(spoilt(kind, brain(2.0)), LIMITS)
    assert np.flatnonzero(bad).tolist() == [4]
    assert np.flatnonzero(flat).tolist() == ([4] if kind == "flat" else [])
    never = Limits(flat_uv=0.0, loud_z=1e9, lonely_r=0.0)
    assert not bad_in_window(spoilt(kind, brain(2.0)), never)[0].any()
    assert not bad_in_window(brain(2.0), LIMITS)[0].any()


def test_a_dead_cap_is_all_flat() -> None:
    bad, flat = bad_in_window(np.zeros((200, 8), np.float32), LIMITS)
    assert bad.all()
    assert flat.all()


@pytest.mark.parametrize(
    ("kind", "less"),
    [
        ("flat", {"flat_uv": 0.0, "lonely_r": 0.0}),
        ("loud", {"loud_z": 1e3}),
        ("lonely", {"lonely_r": 0.0}),
    ],
)
def test_each_limit_decides_what_is_repaired(kind: str, less: dict[str, float]) -> None:
    data = spoilt(kind, brain(12.0))
    settings = RepairSettings(auto=True)
    assert repaired(settings, data)[1].report()["now"] == [NAMES[4]]
    assert repaired(dataclasses.replace(settings, **less), data)[1].report()["now"] == []


@pytest.mark.parametrize(("kind", "latency"), [("flat", "flat"), ("loud", "other")])
def test_a_bad_channel_is_repaired_once_it_is_found_and_no_longer_than_it_is_bad(
    kind: str, latency: str
) -> None:
    clean = brain(60.0)
    data = spoilt(kind, clean)
    data[: round(10 * SFREQ)] = clean[: round(10 * SFREQ)]
    data[round(30 * SFREQ) :] = clean[round(30 * SFREQ) :]
    out, block = repaired(RepairSettings(auto=True), data)
    changed = np.flatnonzero((out != data).any(axis=1)) / SFREQ
    # One hop of uncertainty: a window may be bad when only its end is.
    assert changed[0] == pytest.approx(10.0 + LATENCY_S[latency], abs=WINDOW_S)
    good_again_s = 30.0 + WINDOW_S + (N_GOOD - 1) * HOP_S
    assert changed[-1] == pytest.approx(good_again_s, abs=WINDOW_S)
    report = block.report()
    assert report["repaired_s"] == {NAMES[4]: pytest.approx(changed[-1] - changed[0], abs=0.5)}
    assert (report["now"], report["changes"], report["too_many_s"]) == ([], 2, 0.0)
    others = np.delete(np.arange(len(NAMES)), 4)
    assert np.array_equal(out[:, others], data[:, others])


def test_a_change_is_faded_in_without_a_step() -> None:
    data = brain(12.0)
    data[:, 4] += 3e4  # an offset that interpolation takes away
    data[:, 4] *= 20
    out, block = repaired(RepairSettings(auto=True), data)
    start = int(np.flatnonzero((out != data).any(axis=1))[0])
    n_fade = round(FADE_S * SFREQ)
    settled, _ = repaired(RepairSettings((NAMES[4],)), data)
    share = (out[start : start + n_fade, 4] - data[start : start + n_fade, 4]) / (
        settled[start : start + n_fade, 4] - data[start : start + n_fade, 4]
    )
    assert (np.diff(share) > 0).all()
    assert share[0] < 0.02
    assert share[-1] > 0.98
    assert np.array_equal(out[start + n_fade :], settled[start + n_fade :])
    assert block.report()["now"] == [NAMES[4]]


def test_blinks_are_no_bad_channels() -> None:
    data = brain(60.0)
    for start in range(300, len(data), 500):  # 12 a minute
        data[start : start + 30, :4] += 150 * np.hanning(30)[:, None]
    out, block = repaired(RepairSettings(auto=True), data)
    assert np.array_equal(out, data)
    assert block.report()["changes"] == 0


def test_samples_that_settle_are_not_judged_and_a_gap_starts_the_window_afresh() -> None:
    data = spoilt("flat", brain(30.0))
    flags = np.zeros(len(data), np.uint16)
    flags[:1000] = Flag.SETTLING
    out, _ = repaired(RepairSettings(auto=True), data, flags=flags)
    first = np.flatnonzero((out != data).any(axis=1))[0]
    assert first == 1000 + round(LATENCY_S["flat"] * SFREQ)
    flags[1000:2000:190] = Flag.GAP  # no window is ever full, until the last gap
    out, _ = repaired(RepairSettings(auto=True), data, flags=flags)
    first = np.flatnonzero((out != data).any(axis=1))[0]
    assert first == 1950 + round(LATENCY_S["flat"] * SFREQ)


def test_more_than_a_quarter_bad_is_left_and_told() -> None:
    data = brain(20.0)
    data[:, :6] = np.random.default_rng(3).normal(0, 300, (len(data), 6))
    out, block = repaired(RepairSettings(("Fp1",), auto=True), data)
    fixed, _ = repaired(RepairSettings(("Fp1",)), data)
    assert np.array_equal(out, fixed)
    report = block.report()
    assert (report["now"], report["changes"]) == (["Fp1"], 0)
    assert report["too_many_s"] > 10


def test_named_and_found_channels_are_repaired_together() -> None:
    data = spoilt("flat", brain(12.0))
    out, block = repaired(RepairSettings(("Fp1",), auto=True), data)
    both, _ = repaired(RepairSettings(("Fp1", NAMES[4])), data)
    assert np.array_equal(out[-100:], both[-100:])
    assert block.report()["now"] == ["Fp1", NAMES[4]]
    assert block.report()["repaired_s"]["Fp1"] == 12.0


def test_nothing_is_delayed() -> None:
    assert Repair(RepairSettings(("Fp1",))).delay_s(10.0) == 0.0


# -- what is refused


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        (RepairSettings(), ConfigError, "needs bads, auto or both, but has neither"),
        (RepairSettings(("Fp1", "Q9")), SignatureMismatch, "'amp' lacks bad channels .* Q9; it"),
        (RepairSettings(NAMES[:6]), ConfigError, "but 6 of 20 with a known place are bad"),
        (RepairSettings(auto=True, flat_uv=-1), ConfigError, "flat_uv at least 0 µV"),
        (RepairSettings(auto=True, loud_z=0), ConfigError, "loud_z above 0"),
        (RepairSettings(auto=True, lonely_r=1.0), ConfigError, "not 1 µV, 5 and 1"),
    ],
)
def test_a_repair_that_makes_no_sense_is_refused(
    settings: RepairSettings, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Repair(settings).reset(spec())


@pytest.mark.parametrize(
    ("names", "types", "settings", "message"),
    [
        (("Fz", "Cz", "A", "Pz"), None, RepairSettings(("A",)), "which A is not"),
        (("Fz", "Cz", "Oz", "Pz"), ("eog", "eeg", "eeg", "eeg"), RepairSettings(("Fz",)), "Fz is"),
        (("Fz", "Cz", "Oz", "Pz"), None, RepairSettings(("Fz",)), "from 4 others at least"),
        (NAMES[:7], None, RepairSettings(auto=True), "at least 8 with a known place, not 7"),
    ],
)
def test_a_cap_that_can_not_be_repaired_is_refused(
    names: tuple[str, ...],
    types: tuple[str, ...] | None,
    settings: RepairSettings,
    message: str,
) -> None:
    with pytest.raises(ConfigError, match=message):
        Repair(settings).reset(spec(names, types))


# -- in a pipeline


def test_a_bad_channel_that_is_off_the_scale_flags_nothing() -> None:
    data = brain(5.0)
    data[100:, 1] = np.nan
    data[:, 2] = 4e6
    blocks = (("repair", RepairSettings(("Fp2", "AF7"))),)
    pipeline = Pipeline(PipelineSettings(blocks=blocks))
    pipeline.reset(spec())
    out = pipeline.step(chunk(data))
    assert not out.flags.any()
    expected, _ = repaired(RepairSettings(("Fp2", "AF7")), np.nan_to_num(data))
    assert np.array_equal(out.data, expected)


def test_a_pipeline_tells_what_its_blocks_did() -> None:
    pair = (("repair", RepairSettings(("Fp2",))), ("repair", RepairSettings(("F3",))))
    pipeline = Pipeline(PipelineSettings(blocks=(*pair, ("bandpass", BandpassSettings(1.0)))))
    pipeline.reset(spec())
    pipeline.step(chunk(brain(2.0)))
    reports = pipeline.reports()
    assert list(reports) == ["repair", "repair 2"]
    assert [report["repaired_s"] for report in reports.values()] == [{"Fp2": 2.0}, {"F3": 2.0}]
    assert json.loads(json.dumps(reports)) == reports
