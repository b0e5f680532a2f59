"""The simulated source: exact onsets, superposed responses, and no trace of the chunks."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saccade.realtime.errors import ConfigError, SourceError
from saccade.realtime.protocols import Source
from saccade.realtime.simulation.subject import SimulatedSubject, SubjectSettings
from saccade.realtime.sources.simulated import Phase, SimulatedSource, SimulatedSourceSettings
from saccade.realtime.types import Float32, Float64, Marker

NAMES = tuple(f"concept {i}" for i in range(12))
VECTORS = np.random.default_rng(3).standard_normal((12, 8)).astype(np.float32)
SHOW = SimulatedSourceSettings(
    phases=(Phase((0, 1, 2, 3), 6), Phase((4, 5, 6), 4)), soa_s=0.25, seed=1
)


def subject(**changes: float) -> SimulatedSubject:
    return SimulatedSubject(
        dataclasses.replace(SubjectSettings(n_components=4), **changes), VECTORS, NAMES
    )


SUBJECT = subject()


def source(of: SimulatedSubject = SUBJECT, **changes: object) -> SimulatedSource:
    return SimulatedSource(of, dataclasses.replace(SHOW, **changes))


def played(of: SimulatedSource) -> tuple[Float32, Float64, list[Marker]]:
    spec = of.open()
    data, stamps, markers = [], [], []
    n_samples = 0
    while (reading := of.read(0.0)) is not None:
        chunk = reading.chunk
        assert chunk.index == n_samples
        assert chunk.data.shape == (len(chunk), spec.n_channels)
        assert not chunk.flags.any()
        assert all(chunk.stamps[0] <= m.stamp <= chunk.stamps[-1] for m in reading.markers)
        n_samples += len(chunk)
        data.append(chunk.data)
        stamps.append(chunk.stamps)
        markers += reading.markers
    assert of.read(0.0) is None
    return np.concatenate(data), np.concatenate(stamps), markers


WHOLE = played(source(chunk_s=60.0))


@settings(max_examples=25)
@given(chunk_s=st.floats(0.004, 7.0))
def test_chunks_leave_no_trace(chunk_s: float) -> None:
    data, stamps, markers = played(source(chunk_s=chunk_s))
    np.testing.assert_array_equal(data, WHOLE[0])
    np.testing.assert_array_equal(stamps, WHOLE[1])
    assert markers == WHOLE[2]


@settings(max_examples=25)
@given(parts=st.lists(st.integers(0, 400), max_size=12))
def test_background_does_not_depend_on_the_pieces(parts: list[int]) -> None:
    going = SUBJECT.background()
    pieces = [going.take(n) for n in parts]
    assert [len(p) for p in pieces] == parts
    whole = SUBJECT.background().take(sum(parts))
    np.testing.assert_array_equal(np.concatenate([*pieces, np.empty((0, 64))]), whole)


@settings(max_examples=15)
@given(soa_s=st.floats(0.004, 1.0), sfreq=st.sampled_from([250.0, 256.0, 333.3, 1000.0]))
def test_markers_name_the_sample_of_their_onset(soa_s: float, sfreq: float) -> None:
    of = source(subject(sfreq=sfreq), soa_s=soa_s, chunk_s=0.1)
    _, stamps, markers = played(of)
    np.testing.assert_array_equal(stamps, np.arange(len(stamps)) / sfreq)
    onsets = [t.onset_index for t in of.trials]
    assert [m.stamp for m in markers] == stamps[onsets].tolist()
    assert [m.value for m in markers] == [NAMES[t.row] for t in of.trials]
    assert {m.stream for m in markers} == {"saccade-simulated-markers"}
    assert onsets[0] == round(2 * sfreq)
    (spacing,) = set(np.diff(onsets).tolist())
    assert abs(spacing - soa_s * sfreq) <= 0.5
    assert len(stamps) == of.n_samples == onsets[-1] + int(1.5 * sfreq + 0.5)


@pytest.mark.parametrize("soa_s", [0.004, 0.1, 0.25, 0.9])
def test_signal_is_background_plus_every_response(soa_s: float) -> None:
    of = source(soa_s=soa_s)
    signal = played(of)[0].astype(np.float64)
    silent = played(source(subject(effect=0.0, common_uv=0.0), soa_s=soa_s))[0]
    expected = np.zeros_like(signal)
    for trial in of.trials:
        response = SUBJECT.response(trial.row)
        expected[trial.onset_index : trial.onset_index + len(response)] += response
    assert np.abs(expected).max() > 5
    np.testing.assert_allclose(signal - silent, expected, atol=1e-4)


def test_background_does_not_depend_on_the_schedule() -> None:
    silent = subject(effect=0.0, common_uv=0.0)
    one, other = played(source(silent))[0], played(source(silent, seed=2, soa_s=0.3))[0]
    np.testing.assert_array_equal(one, other[: len(one)])


@given(
    sizes=st.lists(st.tuples(st.integers(2, 6), st.integers(1, 30)), min_size=1, max_size=3),
    seed=st.integers(0, 2**40),
)
def test_order_is_balanced_and_never_repeats_at_once(
    sizes: list[tuple[int, int]], seed: int
) -> None:
    phases = tuple(Phase(tuple(range(n)), trials) for n, trials in sizes)
    order = source(phases=phases, seed=seed).trials
    assert all(a.row != b.row for a, b in itertools.pairwise(order))
    assert [t.phase for t in order] == [i for i, (_, n) in enumerate(sizes) for _ in range(n)]
    for number, phase in enumerate(phases):
        counts = Counter(t.row for t in order if t.phase == number)
        shown = [counts[row] for row in phase.rows]
        assert sum(shown) == phase.n_trials
        assert max(shown) - min(shown) <= 1


def test_another_seed_is_another_order() -> None:
    phases = (Phase(tuple(range(12)), 24),)
    orders = [[t.row for t in source(phases=phases, seed=s).trials] for s in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]


@pytest.mark.parametrize("lead_in_s", [0.0, 4.5])
def test_first_onset_comes_after_the_lead_in(lead_in_s: float) -> None:
    data, stamps, markers = played(source(lead_in_s=lead_in_s))
    assert markers[0].stamp == lead_in_s
    assert [m.value for m in markers] == [m.value for m in WHOLE[2]]
    assert len(data) - len(WHOLE[0]) == (lead_in_s - 2.0) * 250
    assert stamps[0] == 0


def test_opens_anew_from_the_beginning() -> None:
    of = source()
    of.open()
    for _ in range(7):
        of.read(0.0)
    again = played(of)
    np.testing.assert_array_equal(again[0], WHOLE[0])
    assert again[2] == WHOLE[2]


def test_says_what_it_carries() -> None:
    of = source()
    assert isinstance(of, Source)
    spec = of.open()
    assert spec.simulated
    assert spec.sfreq == 250.0
    assert spec.ch_names == SUBJECT.ch_names
    assert set(spec.units) == {"µV"}
    assert set(spec.ch_types) == {"eeg"}


def test_amplitude_is_that_of_eeg() -> None:
    assert 7 < np.sqrt(np.square(WHOLE[0]).mean()) < 25


@pytest.mark.parametrize(("duration_s", "n_trials"), [(2.0, 0), (2.6, 3), (20.0, 10)])
def test_duration_cuts_the_show_or_goes_on_after_it(duration_s: float, n_trials: int) -> None:
    of = source(duration_s=duration_s)
    data, _, markers = played(of)
    assert len(data) == duration_s * 250
    assert len(markers) == len(of.trials) == n_trials
    n_same = min(len(data), len(WHOLE[0]))
    np.testing.assert_array_equal(data[:n_same], WHOLE[0][:n_same])


def test_without_phases_there_is_background_only() -> None:
    data, _, markers = played(source(phases=(), duration_s=1.0))
    assert markers == []
    np.testing.assert_array_equal(data, SUBJECT.background().take(250).astype(np.float32))


def test_reads_only_while_open() -> None:
    of = source()
    with pytest.raises(SourceError, match=r"call open\(\) first"):
        of.read(0.0)
    of.open()
    of.close()
    of.close()
    with pytest.raises(SourceError, match=r"call open\(\) first"):
        of.read(0.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"phases": ()}, "needs phases, a duration_s or both"),
        ({"phases": (Phase((0, 12), 3),)}, "from 0 to 11, not 12"),
        ({"phases": (Phase((-1, 2), 3),)}, "not -1"),
        ({"phases": (Phase((1, 2, 1), 3),)}, "has 3 rows of which 2 differ"),
        ({"phases": (Phase((1,), 3),)}, "at least 2 concepts"),
        ({"phases": (Phase((1, 2), 0),)}, "at least 1 trial, not 0"),
        ({"soa_s": 0.0019}, r"soa_s must be at least one sample \(0.004 s\), not 0.0019 s"),
        ({"soa_s": float("nan")}, "soa_s must be a finite time"),
        ({"chunk_s": 0.0}, "chunk_s must be at least one sample"),
        ({"duration_s": -1.0}, "duration_s must be at least one sample"),
        ({"lead_in_s": -0.1}, "lead_in_s must be at least 0 s, not -0.1"),
        ({"seed": -1}, "seed must be at least 0, not -1"),
    ],
)
def test_refuses_what_makes_no_show(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        source(**changes)
