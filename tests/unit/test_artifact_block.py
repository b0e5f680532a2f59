"""Artifact subspace reconstruction at work: what it takes out, when, and what it refuses."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
from scipy import signal

from saccade.realtime.blocks.artifact import HOP_S, Artifact, ArtifactSettings
from saccade.realtime.errors import ConfigError, SignatureMismatch
from saccade.realtime.pipeline import PipelineSettings, settings_from_spec, to_spec
from saccade.realtime.types import Chunk, Flag, StreamSpec

SFREQ, N, C = 200.0, 2000, 6
HOP, WINDOW, AHEAD = 25, 100, 50
NAMES = tuple("ABCDEF")
SPEC = StreamSpec("amp", SFREQ, NAMES, ("eeg",) * C, ("µV",) * C)
RNG = np.random.default_rng(0)
MIXER = RNG.normal(size=(C, C)) + 2 * np.eye(C)
CLEAN = (RNG.normal(size=(N, C)) @ MIXER.T).astype(np.float32)


def settings(**other: Any) -> ArtifactSettings:
    """Return what calibration on endless clean data would find, 6 standard deviations wide."""
    b, a = signal.butter(2, [0.05, 0.9], "bandpass")
    powers, directions = np.linalg.eigh(MIXER @ MIXER.T)
    root = directions @ np.diag(np.sqrt(powers)) @ directions.T
    thresholds = 6 * np.sqrt(powers)[:, None] * directions.T
    made = ArtifactSettings(
        ch_names=NAMES,
        sfreq=SFREQ,
        mixing=tuple(map(tuple, root.tolist())),
        thresholds=tuple(map(tuple, thresholds.tolist())),
        shaping_b=tuple(b.tolist()),
        shaping_a=tuple(a.tolist()),
    )
    return dataclasses.replace(made, **other)


def chunk(data: np.ndarray, start: int = 0, flags: np.ndarray | None = None) -> Chunk:
    n = len(data)
    flags = np.zeros(n, np.uint16) if flags is None else flags
    return Chunk(data.copy(), np.arange(start, start + n) / SFREQ, flags.copy(), start, 5.0)


def run(data: np.ndarray, made: ArtifactSettings | None = None, **how: Any) -> Chunk:
    block = Artifact(settings() if made is None else made)
    assert block.reset(SPEC) == SPEC
    return block.step(chunk(data, **how))


def spoilt(start: int = 1000, stop: int = 1200, size: float = 300.0) -> np.ndarray:
    """Return the signal with something large of one direction in it."""
    data = CLEAN.copy()
    wave = size * np.sin(np.arange(stop - start))[:, None]
    data[start:stop] += (wave * [1.0, 0.8, 0.2, 0.0, 0.0, 0.0]).astype(np.float32)
    return data


def rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values.astype(float)))))


def test_clean_data_passes_to_the_last_bit() -> None:
    out = run(CLEAN)
    assert np.array_equal(out.data, CLEAN[: len(out)])
    assert np.array_equal(out.stamps, np.arange(len(out)) / SFREQ)
    assert (out.index, out.received_s, out.data.dtype) == (0, 5.0, np.float32)


def test_what_is_too_strong_is_taken_out_and_the_rest_is_left() -> None:
    data = spoilt()
    out = run(data).data
    before, after = rms(data[1000:1200] - CLEAN[1000:1200]), rms(out[1000:1200] - CLEAN[1000:1200])
    assert after < 0.1 * before
    assert np.array_equal(out[: 1000 - WINDOW], CLEAN[: 1000 - WINDOW])
    late = 1200 + WINDOW + HOP
    assert np.array_equal(out[late:], CLEAN[late : len(out)])


def test_thresholds_decide() -> None:
    wide = tuple(tuple(100 * v for v in row) for row in settings().thresholds)
    data = spoilt()
    out = run(data, settings(thresholds=wide)).data
    assert np.array_equal(out, data[: len(out)])


def test_one_step_is_that_of_meegkit() -> None:
    asr = pytest.importorskip("meegkit.asr")
    made, data = settings(), spoilt()
    out = run(data).data
    b, a = np.array(made.shaping_b), np.array(made.shaping_a)
    rest = signal.lfilter_zi(b, a)[:, None] * data[0].astype(float)
    shaped, _ = signal.lfilter(b, a, data.astype(float), axis=0, zi=rest)
    state = {"M": np.array(made.mixing), "T": np.array(made.thresholds), "R": None}
    expected = []
    first = WINDOW - AHEAD
    for end in range(WINDOW, N + 1, HOP):
        window = shaped[end - WINDOW : end]
        ready = slice(0 if end == WINDOW else end - AHEAD - HOP, end - AHEAD)
        part, state = asr.asr_process(
            data[ready].T.astype(float), None, state, window.T @ window / WINDOW, method="euclid"
        )
        expected.append(part.T)
    assert len(expected[0]) == first
    np.testing.assert_allclose(out, np.concatenate(expected), atol=1e-3, rtol=1e-5)


def test_samples_come_out_as_soon_as_their_window_is_complete() -> None:
    block = Artifact(settings())
    block.reset(SPEC)
    latest = 0
    for at in range(N):
        out = block.step(chunk(CLEAN[at : at + 1], at))
        if len(out) and out.index > WINDOW:
            assert out.index + len(out) - 1 == at - AHEAD
            latest = max(latest, at - out.index)
    assert latest == AHEAD + HOP - 1
    assert block.look_ahead_s == block.delay_s(10.0) == latest / SFREQ


def test_the_matrix_is_renewed_on_sample_numbers() -> None:
    late = spoilt()
    whole = run(late).data
    # A stream that was joined later, at any sample, ends with the same bits.
    joined = run(late[313:], start=313)
    tail = slice(600, 1800)
    assert joined.index == 313
    assert np.array_equal(joined.data[tail.start - 313 : tail.stop - 313], whole[tail])


def test_a_shorter_look_ahead_is_earlier_and_sees_less() -> None:
    data = spoilt()
    error = {}
    for ahead_s in (0.0, 0.25):
        block = Artifact(settings(ahead_s=ahead_s))
        block.reset(SPEC)
        out = block.step(chunk(data)).data
        error[ahead_s] = rms(out[1000:1050] - CLEAN[1000:1050])
        assert block.look_ahead_s == pytest.approx(ahead_s + HOP_S - 1 / SFREQ)
        assert len(out) == N - round(ahead_s * SFREQ)
    assert error[0.25] < 0.5 * error[0.0]


def test_a_longer_window_waits_longer_for_its_first_matrix() -> None:
    assert len(run(CLEAN[:150], settings(window_s=0.75))) == 100
    assert len(run(CLEAN[:149], settings(window_s=0.75))) == 0


def test_a_gap_hands_out_what_was_held_back_and_restarts() -> None:
    data = spoilt(900, 1100)
    flags = np.zeros(N, np.uint16)
    flags[1010] = Flag.GAP
    out = run(data, flags=flags)
    alone = run(data[1010:], start=1010)
    assert np.array_equal(out.stamps, np.arange(len(out)) / SFREQ)
    assert np.array_equal(out.data[1010:], alone.data)
    assert rms(out.data[980:1010] - CLEAN[980:1010]) < 0.2 * rms(data[980:1010] - CLEAN[980:1010])
    reach = WINDOW - AHEAD + HOP
    settling = (out.flags & Flag.SETTLING) > 0
    assert np.flatnonzero(settling).tolist() == [*range(reach), *range(1010, 1010 + reach)]
    assert np.flatnonzero(out.flags & Flag.GAP).tolist() == [1010]


def test_a_stretch_too_short_for_a_window_passes_as_it_came() -> None:
    flags = np.zeros(N, np.uint16)
    flags[[500, 540]] = Flag.GAP
    data = spoilt(495, 545)
    out = run(data, flags=flags)
    assert np.array_equal(out.data[500:540], data[500:540])
    assert ((out.flags[500:540] & Flag.SETTLING) > 0).all()


def test_what_settles_in_front_unsettles_the_windows_it_is_in() -> None:
    flags = np.zeros(N, np.uint16)
    flags[:400] = Flag.SETTLING
    out = run(CLEAN, flags=flags)
    block = Artifact(settings())
    block.reset(SPEC)
    settled = round(block.settled_s(400 / SFREQ) * SFREQ)
    assert settled == 400 + WINDOW - AHEAD + HOP
    assert np.flatnonzero(out.flags & Flag.SETTLING).tolist() == list(range(settled))
    assert block.recovered_s(2.0) > block.settled_s(2.0) - 1e-9


def test_other_channels_pass_in_step() -> None:
    names = ("X", *NAMES[::-1])
    block = Artifact(settings())
    block.reset(StreamSpec("amp", SFREQ, names, ("misc",) + ("eeg",) * C, ("V",) + ("µV",) * C))
    data = spoilt()
    wide = np.concatenate([np.arange(N, dtype=np.float32)[:, None], data[:, ::-1]], axis=1)
    out = block.step(chunk(wide)).data
    assert np.array_equal(out[:, 0], np.arange(len(out)))
    assert np.array_equal(out[:, :0:-1], run(data).data)


def test_it_tells_for_how_long_it_was_at_work() -> None:
    block = Artifact(settings())
    block.reset(SPEC)
    block.step(chunk(CLEAN))
    assert block.report() == {"cleaned_s": 0.0}
    block.reset(SPEC)
    block.step(chunk(spoilt()))
    assert 1.0 <= block.report()["cleaned_s"] <= 1.0 + 2 * (WINDOW + HOP) / SFREQ


def test_its_settings_come_back_from_a_decoder_file_to_the_last_bit() -> None:
    chain = PipelineSettings(blocks=(("artifact", settings()),))
    assert settings_from_spec(json.loads(json.dumps(to_spec(chain)))) == chain


@pytest.mark.parametrize(
    ("other", "error", "message"),
    [
        ({"mixing": ((1.0,),)}, ConfigError, "mixing of artifact must be 6 × 6.* has 1 rows of 1"),
        ({"thresholds": ((1.0,),) * 6}, ConfigError, "thresholds of artifact must be 6 × 6"),
        ({"mixing": ((float("nan"),) * 6,) * 6}, ConfigError, "must be finite"),
        ({"shaping_a": ()}, ConfigError, "shaping filter of artifact must be finite"),
        ({"shaping_a": (1.0, -1.1)}, ConfigError, "is not stable"),
        ({"sfreq": 250.0}, SignatureMismatch, "calibrated at 250 Hz, but 200 Hz reach it"),
        ({"ch_names": ("A", "B", "C", "D", "E", "Q")}, SignatureMismatch, "calibrated on: Q; it"),
        ({"ahead_s": 0.5}, ConfigError, "0 to 0.125 s less than window_s, .* 0.5 and 0.5 s"),
        ({"ahead_s": -0.1}, ConfigError, "ahead_s of artifact"),
    ],
)
def test_settings_that_do_not_fit_are_refused(
    other: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Artifact(settings(**other)).reset(SPEC)
