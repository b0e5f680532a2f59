"""A subject who looks at what others show: the law of the simulated source, told from outside."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saccade.realtime.errors import ConfigError
from saccade.realtime.simulation.onlooker import Onlooker
from saccade.realtime.simulation.photodiode import (
    BRIGHT_MV,
    LIT_S,
    NOISE_MV,
    Photodiode,
    PhotodiodeSettings,
)
from saccade.realtime.simulation.subject import SimulatedSubject, SubjectSettings
from saccade.realtime.sources.simulated import Phase, SimulatedSource, SimulatedSourceSettings

NAMES = tuple(f"concept {i}" for i in range(12))
VECTORS = np.random.default_rng(3).standard_normal((12, 8)).astype(np.float32)
SUBJECT = SimulatedSubject(SubjectSettings(n_components=4), VECTORS, NAMES)
SFREQ = 250.0
START_S = 5432.1
N = 500
PICTURES = [("concept 3", 0.4, 1.0), ("concept 5", 0.7, 0.3), ("concept 5", 0.7001, 1.0)]


def signal(pictures, parts=(N,), told_at=None):
    """Return the signal of pictures that are told, all at first or just before a sample."""
    onlooker = Onlooker(SUBJECT, START_S)
    pieces, n_taken = [], 0
    for name, at_s, gain in pictures if told_at is None else ():
        assert onlooker.see(name, START_S + at_s, gain)
    for part in parts:
        for (name, at_s, gain), n_told in zip(pictures, told_at or (), strict=False):
            if n_taken <= n_told < n_taken + part:
                assert onlooker.see(name, START_S + at_s, gain)
        pieces.append(onlooker.take(part))
        n_taken += part
    return np.concatenate(pieces)


def test_it_is_the_simulated_source_s_signal_where_the_same_pictures_are_told():
    source = SimulatedSource(
        SUBJECT, SimulatedSourceSettings((Phase((0, 1, 2, 3), 6),), soa_s=0.25, chunk_s=60.0)
    )
    source.open()
    reading = source.read(0.0)
    onlooker = Onlooker(SUBJECT, 0.0)
    for marker in reading.markers:
        assert onlooker.see(marker.value, marker.stamp)
    np.testing.assert_array_equal(onlooker.take(len(reading.chunk)), reading.chunk.data)
    assert (onlooker.n_seen, onlooker.n_late) == (6, 0)


@settings(max_examples=25)
@given(cuts=st.lists(st.integers(0, N), max_size=8), order=st.permutations(PICTURES))
def test_neither_the_pieces_nor_the_order_of_telling_leave_a_trace(cuts, order):
    edges = [0, *sorted(cuts), N]
    np.testing.assert_array_equal(signal(order, np.diff(edges).tolist()), signal(PICTURES))


def test_a_picture_told_at_the_last_moment_is_seen_in_full():
    told_at = [round(at_s * SFREQ) for _, at_s, _ in PICTURES]
    parts = (*[5] * (N // 5),)  # every onset is at the beginning of a piece
    np.testing.assert_array_equal(signal(PICTURES, parts, told_at), signal(PICTURES))


@given(offset=st.floats(-0.49, 0.49))
def test_a_response_begins_with_the_sample_nearest_to_its_picture(offset):
    told = signal([("concept 3", (100 + offset) / SFREQ, 1.0)])
    response = np.float32(SUBJECT.response(3))
    expected = Onlooker(SUBJECT, START_S)._background.take(N)
    expected[100 : 100 + len(response)] += response
    np.testing.assert_array_equal(told, expected.astype(np.float32))


def test_the_gain_is_that_of_what_tells_concepts_apart():
    nothing, none, half, whole = (
        signal(told).astype(np.float64)
        for told in ([], *([("concept 3", 0.4, gain)] for gain in (0.0, 0.5, 1.0)))
    )
    shared = np.zeros((N, 64))
    shared[100 : 100 + SUBJECT.n_times] = SUBJECT.common
    np.testing.assert_allclose(none - nothing, shared, atol=1e-4)
    np.testing.assert_allclose(half - none, (whole - none) / 2, atol=1e-4)
    assert np.abs(whole - none).max() > 1.0


def test_what_is_told_too_late_and_what_is_no_concept_are_counted_and_leave_nothing():
    onlooker = Onlooker(SUBJECT, START_S)
    first = onlooker.take(100)
    assert not onlooker.see("concept 3", START_S + 99 / SFREQ)
    assert not onlooker.see("sponge", START_S + 1.0)
    assert onlooker.see("Concept 3", START_S + 1.0)
    rest = onlooker.take(N - 100)
    assert (onlooker.n_seen, onlooker.n_late, onlooker.unknown) == (1, 1, {"sponge": 1})
    np.testing.assert_array_equal(np.concatenate([first, rest]), signal([("concept 3", 1.0, 1.0)]))


def test_another_visit_has_other_noise_and_the_same_response():
    visits = []
    for visit in (0, 1, 1, 2):
        quiet, looking = Onlooker(SUBJECT, 0.0, visit), Onlooker(SUBJECT, 0.0, visit)
        looking.see("concept 3", 0.1)
        visits.append((quiet.take(N), looking.take(N)))
    responses = [looking.astype(float) - quiet for quiet, looking in visits]
    for response in responses[1:]:
        np.testing.assert_allclose(response, responses[0], atol=1e-4)
    np.testing.assert_array_equal(visits[1][0], visits[2][0])
    for one, other in ((0, 1), (1, 3), (0, 3)):
        between = np.corrcoef(visits[one][0][:, 5], visits[other][0][:, 5])[0, 1]
        assert abs(between) < 0.8  # the mains are in both
        assert not np.array_equal(visits[one][0], visits[other][0])
    with pytest.raises(ConfigError, match="visit must be at least 0, not -1"):
        Onlooker(SUBJECT, 0.0, -1)


PROMPT = PhotodiodeSettings()


def lit(made=PROMPT, markers=(0.5, 1.0), parts=(N,)):
    diode = Photodiode(made, SFREQ, START_S)
    for at_s in markers:
        diode.light(START_S + at_s)
    return np.concatenate([diode.take(n) for n in parts])


@settings(max_examples=25)
@given(cuts=st.lists(st.integers(0, N), max_size=8))
def test_the_light_does_not_depend_on_the_pieces(cuts):
    made = PhotodiodeSettings(20.0, 3.0)
    parts = np.diff([0, *sorted(cuts), N]).tolist()
    np.testing.assert_array_equal(lit(made, parts=parts), lit(made))


@given(delay_ms=st.floats(0.0, 50.0))
def test_the_light_s_area_and_edge_tell_its_delay_between_samples(delay_ms):
    light = lit(PhotodiodeSettings(delay_ms)).astype(np.float64)
    assert light.sum() / BRIGHT_MV == pytest.approx(2 * LIT_S * SFREQ, abs=3 * NOISE_MV * 0.25)
    first = int(np.flatnonzero(light > 0.05 * BRIGHT_MV)[0])
    edge = first + 0.5 - light[first] / BRIGHT_MV  # the rest of that sample's period was dark
    assert edge / SFREQ == pytest.approx(0.5 + delay_ms / 1e3, abs=0.06 / SFREQ)


def test_its_jitter_is_what_was_asked_for_and_never_before_the_marker():
    times = np.arange(1, 400) * 0.25
    light = lit(PhotodiodeSettings(30.0, 4.0), times, (26_000,)) / BRIGHT_MV
    rises = np.flatnonzero((light[1:] > 0.5) & (light[:-1] <= 0.5))
    delay_ms = 1e3 * (rises / SFREQ - times)
    assert delay_ms.mean() == pytest.approx(30.0, abs=3.0)
    assert delay_ms.std() == pytest.approx(4.0, abs=0.8)
    early = lit(PhotodiodeSettings(0.0, 4.0), times, (26_000,)) / BRIGHT_MV
    rises = np.flatnonzero((early[1:] > 0.5) & (early[:-1] <= 0.5)) + 1
    assert (rises / SFREQ - times > -0.5 / SFREQ).all()


@pytest.mark.parametrize("wrong", [{"delay_ms": -1.0}, {"jitter_ms": float("nan")}])
def test_a_photodiode_of_no_time_is_refused(wrong):
    with pytest.raises(ConfigError, match="must be at least 0 ms"):
        dataclasses.replace(PhotodiodeSettings(), **wrong)
