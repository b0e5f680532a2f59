"""What looks at each sample, or the one before: select, guard, reference, scale."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from saccade.realtime.blocks.guard import Guard, GuardSettings
from saccade.realtime.blocks.reference import Reference, ReferenceSettings
from saccade.realtime.blocks.scale import Scale, ScaleSettings
from saccade.realtime.blocks.select import Select, SelectSettings
from saccade.realtime.errors import ConfigError, SignatureMismatch
from saccade.realtime.types import Chunk, Flag, StreamSpec

NAMES = ("Fz", "Cz", "Oz", "EOG")
SPEC = StreamSpec("amp", 100.0, NAMES, ("eeg", "eeg", "eeg", "eog"), ("µV", "µV", "µV", "mV"))
DATA = np.random.default_rng(0).normal(50, 20, size=(30, 4)).astype(np.float32)


def chunk(data: np.ndarray = DATA, stamps: np.ndarray | None = None) -> Chunk:
    stamps = np.arange(len(data)) / 100 if stamps is None else stamps
    flags = np.full(len(data), Flag.GAP, np.uint16)  # every block carries flags on
    return Chunk(np.array(data, np.float32), stamps, flags, 7, 5.0)


def through(block: Any, data: np.ndarray = DATA, spec: StreamSpec = SPEC) -> Chunk:
    block.reset(spec)
    out: Chunk = block.step(chunk(data))
    assert (out.index, out.received_s, len(out)) == (7, 5.0, len(data))
    assert (out.flags & Flag.GAP).all()
    assert out.data.dtype == np.float32
    assert block.delay_s(10.0) == 0
    return out


# -- select


def test_select_picks_and_reorders_channels_with_all_that_is_known_of_them() -> None:
    block = Select(SelectSettings(("EOG", "Fz")))
    spec = block.reset(SPEC)
    assert (spec.ch_names, spec.ch_types, spec.units) == (
        ("EOG", "Fz"),
        ("eog", "eeg"),
        ("mV", "µV"),
    )
    assert np.array_equal(through(block).data, DATA[:, [3, 0]])
    assert np.array_equal(through(Select(SelectSettings(NAMES[::-1]))).data, DATA[:, ::-1])
    assert np.array_equal(through(Select(SelectSettings(NAMES))).data, DATA)


@pytest.mark.parametrize(
    ("wanted", "error", "message"),
    [
        (("Fz", "P9", "fz"), SignatureMismatch, r"'amp' lacks 2 of 3 .* P9, fz; it has Fz, Cz, Oz"),
        ((), ConfigError, "but it is empty"),
        (("Fz", "Cz", "Fz"), ConfigError, "but it repeats Fz"),
    ],
)
def test_select_refuses_what_can_not_be_had(
    wanted: tuple[str, ...], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Select(SelectSettings(wanted)).reset(SPEC)


def test_select_refuses_a_name_that_two_channels_bear() -> None:
    twins = StreamSpec("amp", 100.0, ("A", "A"), ("eeg", "eeg"), ("µV", "µV"))
    with pytest.raises(SignatureMismatch, match="more than one channel named A"):
        Select(SelectSettings(("A",))).reset(twins)


# -- guard


def held(data: np.ndarray, rail: float) -> tuple[np.ndarray, np.ndarray]:
    """Do what the guard does, value by value."""
    last = np.zeros(data.shape[1], np.float32)
    out, flags = data.copy(), np.zeros(len(data), np.uint16)
    for i, j in np.ndindex(data.shape):
        if not np.isfinite(data[i, j]):
            flags[i] |= Flag.NONFINITE
            out[i, j] = last[j]
        elif abs(data[i, j]) >= rail:
            flags[i] |= Flag.CLIPPED
            out[i, j] = last[j]
        last[j] = out[i, j]
    return out, flags


def test_the_guard_holds_the_last_good_value_of_each_channel() -> None:
    rng = np.random.default_rng(1)
    data = rng.normal(0, 30, size=(500, 4)).astype(np.float32)
    for bad in (np.nan, np.inf, -np.inf, 101.0, -100.0):
        data[rng.random(data.shape) < 0.05] = bad
    data[0] = [np.nan, 1.0, np.inf, 500.0]  # nothing good has come yet
    out = through(Guard(GuardSettings(rail_uv=100.0)), data)
    expected, flags = held(data, 100.0)
    assert np.array_equal(out.data, expected)
    assert np.array_equal(out.flags, flags | Flag.GAP)
    assert out.data[0].tolist() == [0.0, 1.0, 0.0, 0.0]


def test_one_nan_leaves_the_other_channels_and_samples_alone() -> None:
    data = DATA.copy()
    data[10, 2] = np.nan
    out = through(Guard(GuardSettings()), data)
    expected = DATA.copy()
    expected[10, 2] = DATA[9, 2]
    assert np.array_equal(out.data, expected)
    assert np.flatnonzero(out.flags & Flag.NONFINITE).tolist() == [10]


@pytest.mark.parametrize("n_bad", [1, 3, 5])
@pytest.mark.parametrize("at", [0, 10])
def test_held_values_at_the_start_or_at_a_gap_end_in_a_gap(n_bad: int, at: int) -> None:
    """What was held is another level than what comes, however short a time it was held."""
    data = DATA.copy()
    data[at : at + n_bad, 2] = np.nan
    for sizes in ([len(data)], [at + 1, len(data) - at - 1], [1] * len(data)):
        guard, start, flags = Guard(GuardSettings()), 0, []
        guard.reset(SPEC)
        for size in sizes:
            part = slice(start, start + size)
            torn = np.where(np.arange(part.start, part.stop) == at, np.uint16(Flag.GAP), 0)
            torn = torn.astype(np.uint16) * np.uint16(at > 0)
            stamps = np.arange(part.start, part.stop) / SPEC.sfreq
            flags.append(guard.step(Chunk(data[part], stamps, torn, start)).flags)
            start += size
        gaps = np.flatnonzero(np.concatenate(flags) & np.uint16(Flag.GAP)).tolist()
        assert gaps == ([at] if at else []) + [at + n_bad]


def test_a_channel_known_to_be_bad_is_held_but_flags_nothing() -> None:
    data = DATA.copy()
    data[5:, 1] = np.nan
    data[8, 2] = 4e5
    out = through(Guard(GuardSettings(rail_uv=1e5, known_bad=("Cz",))), data)
    assert np.array_equal(out.data, held(data, 1e5)[0])
    assert not (out.flags & Flag.NONFINITE).any()
    assert np.flatnonzero(out.flags & Flag.CLIPPED).tolist() == [8]


def test_the_guards_rail_decides() -> None:
    data = DATA.copy()
    data[5, 1] = 4e5
    assert not (through(Guard(GuardSettings()), data).flags & Flag.CLIPPED).any()
    assert (through(Guard(GuardSettings(rail_uv=4e5)), data).flags & Flag.CLIPPED)[5]
    everything = through(Guard(GuardSettings(rail_uv=float("inf"))), data)
    assert np.array_equal(everything.data, data)


@pytest.mark.parametrize("rail_uv", [0.0, -1.0, float("nan")])
def test_a_guard_without_a_rail_is_refused(rail_uv: float) -> None:
    with pytest.raises(ConfigError, match="above 0 µV, not"):
        Guard(GuardSettings(rail_uv)).reset(SPEC)


# -- reference


@pytest.mark.parametrize(
    ("settings", "columns"),
    [
        (ReferenceSettings("average"), [0, 1, 2]),
        (ReferenceSettings("average", exclude=("Cz",)), [0, 2]),
        (ReferenceSettings("channels", ch_names=("Oz",)), [2]),
        (ReferenceSettings("channels", ch_names=("EOG", "Cz")), [1, 3]),
    ],
)
def test_the_reference_is_subtracted_from_every_eeg_channel_and_no_other(
    settings: ReferenceSettings, columns: list[int]
) -> None:
    out = through(Reference(settings)).data
    mean = DATA[:, columns].astype(float).mean(axis=1, keepdims=True)
    np.testing.assert_allclose(out[:, :3], DATA[:, :3] - mean, atol=1e-5)
    assert np.array_equal(out[:, 3], DATA[:, 3])


def test_no_reference_changes_nothing() -> None:
    assert np.array_equal(through(Reference(ReferenceSettings("none"))).data, DATA)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        (ReferenceSettings("channels"), ConfigError, "'channels' comes with 0 names"),
        (ReferenceSettings("average", ("Fz",)), ConfigError, "'average' comes with 1 names"),
        (ReferenceSettings("none", exclude=("Fz",)), ConfigError, "average, not 'none'"),
        (ReferenceSettings("median"), ConfigError, "none, not 'median'"),  # type: ignore[arg-type]
        (ReferenceSettings("channels", ("M1",)), SignatureMismatch, "M1; it has Fz, Cz, Oz, EOG"),
        (ReferenceSettings("average", (), ("T9",)), SignatureMismatch, "T9; it has"),
        (ReferenceSettings("average", (), NAMES[:3]), ConfigError, "3 are EEG and 3 are excluded"),
    ],
)
def test_a_reference_that_makes_no_sense_is_refused(
    settings: ReferenceSettings, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Reference(settings).reset(SPEC)


# -- scale

MEAN = (50.0, 40.0, 30.0, 0.0)
STD = (20.0, 10.0, 5.0, 1.0)


def test_scaling_standardises_or_whitens() -> None:
    centred = DATA - np.array(MEAN)
    block = Scale(ScaleSettings(MEAN, std=STD))
    assert block.reset(SPEC).units == ("1",) * 4
    np.testing.assert_allclose(through(block).data, centred / np.array(STD), rtol=1e-6)
    matrix = np.random.default_rng(2).normal(size=(4, 4))
    rows = tuple(tuple(row) for row in matrix.tolist())
    whitened = through(Scale(ScaleSettings(MEAN, matrix=rows))).data
    np.testing.assert_allclose(whitened, centred @ matrix.T, rtol=1e-5, atol=1e-4)


def test_a_whitening_matrix_makes_the_covariance_the_identity() -> None:
    rng = np.random.default_rng(3)
    data = (rng.normal(size=(5000, 4)) @ rng.normal(size=(4, 4)) * 30 + 10).astype(np.float32)
    values, vectors = np.linalg.eigh(np.cov(data.T.astype(float)))
    matrix = vectors @ np.diag(values**-0.5) @ vectors.T
    settings = ScaleSettings(
        tuple(data.astype(float).mean(axis=0).tolist()),
        matrix=tuple(tuple(row) for row in matrix.tolist()),
    )
    out = through(Scale(settings), data).data
    np.testing.assert_allclose(np.cov(out.T), np.eye(4), atol=1e-4)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        (ScaleSettings(MEAN), ConfigError, "but neither is given"),
        (ScaleSettings(MEAN, std=STD, matrix=()), ConfigError, "but both is given"),
        (ScaleSettings(MEAN[:3], std=STD), SignatureMismatch, "mean of .* 3 .* stream has 4"),
        (ScaleSettings(MEAN, std=STD[:1]), SignatureMismatch, "std of .* 1 .* stream has 4"),
        (ScaleSettings(MEAN, matrix=()), SignatureMismatch, "matrix of .* 0 .* stream has 4"),
        (ScaleSettings(MEAN, matrix=(STD,) * 5), SignatureMismatch, "matrix of .* 5 .* has 4"),
        (
            ScaleSettings(MEAN, matrix=(STD, STD, STD[:2], STD)),
            SignatureMismatch,
            "row 2 of matrix .* 2 .* stream has 4",
        ),
        (ScaleSettings(MEAN, std=(*STD[:3], 0.0)), ConfigError, "above 0 µV, but is 0 for EOG"),
        (ScaleSettings((*MEAN[:3], float("nan")), std=STD), ConfigError, "must be finite"),
    ],
)
def test_figures_that_do_not_fit_are_refused(
    settings: ScaleSettings, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Scale(settings).reset(SPEC)


@pytest.mark.parametrize(("n_bad", "restarts"), [(1, False), (2, False), (3, True), (40, True)])
def test_a_channel_that_comes_back_after_more_than_20_ms_is_a_gap(
    n_bad: int, restarts: bool
) -> None:
    data = np.ones((100, SPEC.n_channels), np.float32)
    data[50 : 50 + n_bad, 1] = np.nan
    whole = Chunk(data, np.arange(100) / 100.0, np.zeros(100, np.uint16), 0)
    for cuts in ([], [50], [51, 52], [50 + n_bad], list(range(1, 100))):
        guard = Guard(GuardSettings())
        guard.reset(SPEC)
        flags = []
        for start, stop in itertools.pairwise([0, *cuts, 100]):
            part = slice(start, stop)
            out = guard.step(
                Chunk(data[part].copy(), whole.stamps[part], whole.flags[part].copy(), start)
            )
            flags += out.flags.tolist()
        gaps = np.flatnonzero(np.array(flags) & int(Flag.GAP)).tolist()
        assert gaps == ([50 + n_bad] if restarts else [])
