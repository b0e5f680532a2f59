"""A pipeline is its blocks in a row, and its specification says everything about it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from saccade.realtime.blocks.bandpass import Bandpass, BandpassSettings
from saccade.realtime.blocks.notch import NotchSettings
from saccade.realtime.blocks.reference import ReferenceSettings
from saccade.realtime.blocks.resample import Resample, ResampleSettings
from saccade.realtime.blocks.scale import ScaleSettings
from saccade.realtime.blocks.select import SelectSettings
from saccade.realtime.blocks.units import UnitsSettings
from saccade.realtime.errors import SignatureMismatch
from saccade.realtime.pipeline import Pipeline, PipelineSettings, settings_from_spec, to_spec
from saccade.realtime.types import Chunk, Flag, StreamSpec

SPEC = StreamSpec("amp", 500.0, ("Fz", "Cz", "Oz"), ("eeg",) * 3, ("µV",) * 3)
BAND = ("bandpass", BandpassSettings(1.0, 40.0))
DOWN = ("resample", ResampleSettings(250.0, passband=0.5))
EVERY_BLOCK = PipelineSettings(
    gap_s=0.05,
    rail_uv=2e5,
    fill_s=0.04,
    dejitter=True,
    blocks=(
        ("units", UnitsSettings()),
        ("select", SelectSettings(("Oz", "Fz"))),
        ("notch", NotchSettings(50.0, n_harmonics=2)),
        BAND,
        ("reference", ReferenceSettings("channels", ch_names=("Fz",))),
        DOWN,
        ("scale", ScaleSettings((0.5, 1.0), matrix=((1.0, 0.25), (0.25, 1.0)))),
    ),
)


def test_a_specification_reads_back_as_the_settings_it_was_written_from() -> None:
    spec = to_spec(EVERY_BLOCK)
    assert settings_from_spec(spec) == EVERY_BLOCK
    assert settings_from_spec(json.loads(json.dumps(spec))) == EVERY_BLOCK
    assert to_spec(PipelineSettings()) == {
        "gap_s": None,
        "rail_uv": 1e6,
        "fill_s": 0.0,
        "dejitter": False,
        "blocks": [],
    }
    assert settings_from_spec({}) == PipelineSettings()


def chunk(n: int = 2000, start: int = 0, gap_at: int | None = None) -> Chunk:
    data = np.random.default_rng(start).normal(0, 30, size=(n, 3)).astype(np.float32)
    stamps = 10 + np.arange(start, start + n) / 500
    if gap_at is not None:
        stamps[gap_at:] += 0.02
    return Chunk(data, stamps, np.zeros(n, np.uint16), start, 3.0)


def test_the_blocks_run_in_their_order() -> None:
    pipeline = Pipeline(PipelineSettings(blocks=(BAND, DOWN)))
    assert pipeline.reset(SPEC).sfreq == 250.0
    bandpass, resample = Bandpass(BAND[1]), Resample(DOWN[1])
    resample.reset(bandpass.reset(SPEC))
    expected = resample.step(bandpass.step(chunk()))
    out = pipeline.step(chunk())
    for name in ("data", "stamps", "flags"):
        assert np.array_equal(getattr(out, name), getattr(expected, name))
    swapped = Pipeline(PipelineSettings(blocks=(DOWN, BAND)))
    swapped.reset(SPEC)
    assert not np.array_equal(swapped.step(chunk()).data, out.data)


def test_gaps_and_bad_values_are_seen_even_without_a_block() -> None:
    spoilt = chunk(100, gap_at=50)
    data = spoilt.data.copy()
    data[20, 1], data[30, 2] = np.nan, 5e5
    spoilt = Chunk(data, spoilt.stamps, spoilt.flags, 0)
    pipeline = Pipeline(PipelineSettings(rail_uv=1e5))
    assert pipeline.reset(SPEC) == SPEC
    out = pipeline.step(spoilt)
    assert out.data[20, 1] == data[19, 1]
    assert [Flag(int(f)).words() for f in out.flags[[20, 30, 50]]] == [
        ["nonfinite"],
        ["clipped"],
        ["gap"],
    ]
    assert (pipeline.gaps, pipeline.lost, pipeline.flagged) == (1, 10, 3)
    assert pipeline.timing == {
        "gaps": 1,
        "steps_back": 0,
        "clock_resets": 0,
        "duplicates": 0,
        "bursts": 0,
        "shifts": 0,
        "untimed": 0,
    }
    tolerant = Pipeline(PipelineSettings(gap_s=0.5))
    tolerant.reset(SPEC)
    tolerant.step(spoilt)
    assert (tolerant.gaps, tolerant.lost, tolerant.flagged) == (0, 0, 1)


def test_a_short_gap_is_filled_before_any_filter() -> None:
    pipeline = Pipeline(PipelineSettings(fill_s=0.02, blocks=(BAND,)))
    pipeline.reset(SPEC)
    given = chunk(gap_at=1000)  # ten samples are missing
    out = pipeline.step(given)
    assert (len(out), out.index) == (2010, 0)
    settling = round(pipeline.settling_s * SPEC.sfreq)  # for so long the filter passes it on
    filled = np.flatnonzero(out.flags & Flag.FILLED)
    assert filled.tolist() == list(range(1000, 1010 + settling))
    assert not (out.flags & Flag.GAP).any()
    assert not (out.flags[1000:] & Flag.SETTLING).any()
    assert (pipeline.gaps, pipeline.lost, pipeline.filled, pipeline.flagged) == (1, 10, 10, 0)
    line = np.linspace(given.data[999].astype(float), given.data[1000], 12)[1:-1]
    whole = np.concatenate([given.data[:1000], line.astype(np.float32), given.data[1000:]])
    bandpass = Bandpass(BAND[1])
    bandpass.reset(SPEC)
    filtered = bandpass.step(Chunk(whole, np.arange(2010) / 500, np.zeros(2010, np.uint16), 0))
    np.testing.assert_allclose(out.data, filtered.data, atol=1e-4)
    later = pipeline.step(chunk(10, 2000))
    assert later.index == 2010


def test_a_gap_beside_a_value_that_is_no_measurement_is_not_filled() -> None:
    pipeline = Pipeline(PipelineSettings(fill_s=0.02, blocks=(BAND,)))
    for at in (999, 1000):
        given = chunk(gap_at=1000)
        data = given.data.copy()
        data[at, 1] = np.nan
        pipeline.reset(SPEC)
        out = pipeline.step(Chunk(data, given.stamps, given.flags, 0))
        assert np.isfinite(out.data).all()
        assert (pipeline.filled, pipeline.flagged, len(out)) == (0, 2, 2000)


def test_stamps_lie_on_a_line_if_asked() -> None:
    given = chunk(5000)
    jitter_s = np.random.default_rng(3).normal(0, 0.002, 5000)
    given = Chunk(given.data, given.stamps + jitter_s, given.flags, 0)
    errors_s = []
    for dejitter in (False, True):
        pipeline = Pipeline(PipelineSettings(gap_s=0.03, dejitter=dejitter))
        pipeline.reset(SPEC)
        errors_s.append(pipeline.step(given).stamps - chunk(5000).stamps)
    assert np.array_equal(errors_s[0] + chunk(5000).stamps, given.stamps)
    assert np.std(errors_s[0][1000:]) > 15 * np.std(errors_s[1][1000:])


def test_flags_come_out_of_every_block() -> None:
    pipeline = Pipeline(EVERY_BLOCK)
    pipeline.reset(SPEC)
    flags = np.zeros(2000, np.uint16)
    flags[1001], flags[1300] = Flag.GAP, Flag.CLIPPED
    given = chunk()
    out = pipeline.step(Chunk(given.data, given.stamps, flags, 0))
    assert np.flatnonzero(out.flags & Flag.GAP).tolist() == [501]
    assert (out.flags & Flag.CLIPPED).any()


def test_a_reset_forgets_everything() -> None:
    pipeline = Pipeline(EVERY_BLOCK)
    pipeline.reset(SPEC)
    first = pipeline.step(chunk(gap_at=500))
    counts = (pipeline.gaps, pipeline.lost, pipeline.flagged)
    pipeline.reset(SPEC)
    assert (pipeline.gaps, pipeline.lost, pipeline.flagged) == (0, 0, 0)
    again = pipeline.step(chunk(gap_at=500))
    assert again.index == 0
    assert np.array_equal(first.data, again.data)
    assert (pipeline.gaps, pipeline.lost, pipeline.flagged) == counts


def test_an_empty_chunk_changes_nothing() -> None:
    def run(empty: bool) -> list[Chunk]:
        pipeline = Pipeline(EVERY_BLOCK)
        pipeline.reset(SPEC)
        out = []
        for start in range(0, 40, 10):
            if empty:
                assert len(pipeline.step(Chunk.empty(3, start))) == 0
            out.append(pipeline.step(chunk(10, start)))
        return out

    for with_empty, without in zip(run(empty=True), run(empty=False), strict=True):
        assert with_empty.index == without.index
        assert np.array_equal(with_empty.data, without.data)
        assert np.array_equal(with_empty.flags, without.flags)


def test_the_delay_is_that_of_all_blocks() -> None:
    pipeline = Pipeline(PipelineSettings(blocks=(BAND, DOWN)))
    pipeline.reset(SPEC)
    bandpass, resample = Bandpass(BAND[1]), Resample(DOWN[1])
    resample.reset(bandpass.reset(SPEC))
    for hz in (5.0, 10.0):
        both_s = bandpass.delay_s(hz) + resample.delay_s(hz)
        assert pipeline.delay_ms(hz) == pytest.approx(1e3 * both_s)
    assert pipeline.delay_ms() == pipeline.delay_ms(10.0) != pipeline.delay_ms(5.0)


@pytest.mark.parametrize("blocks", [(BAND, DOWN), (DOWN, BAND), (DOWN,), (BAND,), ()])
def test_settling_lasts_as_long_as_stated(blocks: tuple[tuple[str, Any], ...]) -> None:
    pipeline = Pipeline(PipelineSettings(blocks=blocks))
    sfreq = pipeline.reset(SPEC).sfreq
    settling = np.flatnonzero(pipeline.step(chunk(5000)).flags & Flag.SETTLING)
    assert settling.tolist() == list(range(len(settling)))
    assert len(settling) == pytest.approx(pipeline.settling_s * sfreq, abs=1)


def test_the_description_says_what_each_block_makes_of_the_stream() -> None:
    pipeline = Pipeline(EVERY_BLOCK)
    pipeline.reset(SPEC)
    rows = pipeline.describe()
    assert rows == json.loads(json.dumps(rows))
    assert [row["block"] for row in rows[:3]] == ["continuity", "guard", "fill"]
    assert [row["block"] for row in rows[3:]] == [name for name, _ in EVERY_BLOCK.blocks]
    assert rows[0]["settings"] == {"gap_s": 0.05, "dejitter": True}
    assert rows[2]["settings"] == {"fill_s": 0.04}
    assert rows[4] == {
        "block": "select",
        "settings": {"ch_names": ["Oz", "Fz"]},
        "sfreq": 500.0,
        "n_channels": 2,
        "delay_ms": 0.0,
    }
    assert rows[-1]["sfreq"] == 250.0
    assert sum(row["delay_ms"] for row in rows) == pytest.approx(pipeline.delay_ms())


def test_a_block_that_does_not_fit_the_stream_says_so() -> None:
    pipeline = Pipeline(PipelineSettings(blocks=(("select", SelectSettings(("Pz",))),)))
    with pytest.raises(SignatureMismatch, match=r"'amp' lacks 1 of 1 .* Pz"):
        pipeline.reset(SPEC)


# -- specification


def test_a_channel_that_is_not_selected_flags_nothing() -> None:
    data = np.random.default_rng(0).standard_normal((200, 3)).astype(np.float32)
    data[50, 1] = np.nan
    spec = StreamSpec("s", 100.0, ("A", "aux", "B"), ("eeg", "aux", "eeg"), ("µV", "", "µV"))
    chunk = Chunk(data, np.arange(200) / 100.0, np.zeros(200, np.uint16), 0)
    flagged = {}
    for names in (("A", "B"), ("A", "aux")):
        pipeline = Pipeline(PipelineSettings(blocks=(("select", SelectSettings(names)),)))
        pipeline.reset(spec)
        out = pipeline.step(chunk)
        assert np.isfinite(out.data).all()
        flagged[names] = pipeline.flagged
        assert [row["block"] for row in pipeline.describe()] == ["continuity", "select", "guard"]
    assert flagged == {("A", "B"): 0, ("A", "aux"): 1}
