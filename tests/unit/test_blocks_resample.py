"""The resampler's pass band, stop band, delay and time stamps, measured through step()."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import assume, given, settings
from scipy import signal

from saccade.realtime.blocks.resample import Resample, ResampleSettings
from saccade.realtime.errors import ConfigError
from saccade.realtime.types import Chunk, Flag, StreamSpec

RATES = [(1000.0, 250.0), (512.0, 250.0), (1024.0, 300.0), (500.0, 512.0), (128.0, 512.0)]


def spec(sfreq: float) -> StreamSpec:
    return StreamSpec("test", sfreq, ("Oz",), ("eeg",), ("µV",))


def through(
    block: Resample, data: np.ndarray, sfreq: float, flags: np.ndarray | None = None
) -> Chunk:
    """Return what a freshly started block makes of one channel that starts at 100 s."""
    assert block.reset(spec(sfreq)).sfreq == block.settings.sfreq
    flags = np.zeros(len(data), np.uint16) if flags is None else flags
    stamps = 100 + np.arange(len(data)) / sfreq
    return block.step(Chunk(data.astype(np.float32)[:, None], stamps, flags, 0, 5.0))


def tone(hz: float, sfreq: float, seconds: float = 4.0) -> np.ndarray:
    return np.cos(2 * np.pi * hz * (100 + np.arange(round(seconds * sfreq)) / sfreq))


def settled(out: Chunk) -> tuple[np.ndarray, np.ndarray]:
    """Return values and stamps after the start, in float64."""
    good = (out.flags & Flag.SETTLING) == 0
    assert good.sum() > len(out) / 2
    return out.data[good, 0].astype(float), out.stamps[good]


@pytest.mark.parametrize("passband", [0.5, 0.8])
@pytest.mark.parametrize(("sfreq", "target"), RATES)
def test_a_tone_in_the_pass_band_keeps_amplitude_and_place_in_time(
    sfreq: float, target: float, passband: float
) -> None:
    block = Resample(ResampleSettings(target, passband))
    edge_hz = passband * min(sfreq, target) / 2
    for hz in (0.0, 0.31 * edge_hz, 0.77 * edge_hz, edge_hz):
        values, stamps = settled(through(block, tone(hz, sfreq), sfreq))
        wave = np.exp(-2j * np.pi * hz * stamps)
        (real, imaginary), *_ = np.linalg.lstsq(np.stack([wave.real, wave.imag], 1), values)
        assert abs(20 * np.log10(real)) < 1e-3
        assert abs(imaginary) < 1e-5
        # All images together, of which there are up to 128.
        assert np.abs(values - real * wave.real).max() < 2e-4


@pytest.mark.parametrize("passband", [0.5, 0.8])
@pytest.mark.parametrize(("sfreq", "target"), [(s, t) for s, t in RATES if t < s])
def test_a_tone_above_the_new_nyquist_frequency_is_80_db_down(
    sfreq: float, target: float, passband: float
) -> None:
    block = Resample(ResampleSettings(target, passband))
    for hz in np.linspace(target / 2, sfreq / 2, 23):
        values, _ = settled(through(block, tone(hz, sfreq), sfreq))
        assert 20 * np.log10(np.abs(values).max() + 1e-12) < -80


@pytest.mark.parametrize(("sfreq", "target"), [(s, t) for s, t in RATES if t > s])
def test_a_faster_rate_adds_no_images(sfreq: float, target: float) -> None:
    for hz in (0.3 * sfreq / 2, 0.75 * sfreq / 2):
        values, _ = settled(
            through(Resample(ResampleSettings(target)), tone(hz, sfreq, 8.0), sfreq)
        )
        values = values[-int(4 * target) :]
        spectrum = np.abs(np.fft.rfft(values * signal.windows.kaiser(len(values), 20)))
        freqs = np.fft.rfftfreq(len(values), 1 / target)
        images = spectrum[freqs > sfreq / 2].max() / spectrum.max()
        assert 20 * np.log10(images) < -80


@pytest.mark.parametrize(("sfreq", "target"), RATES)
def test_an_impulse_comes_out_as_late_as_stated(sfreq: float, target: float) -> None:
    block = Resample(ResampleSettings(target))
    impulse = np.zeros(round(4 * sfreq))
    impulse[round(2 * sfreq)] = 1
    out = through(block, impulse, sfreq)
    weight = out.data[:, 0].astype(float)
    by_count = (np.arange(len(out)) / target * weight).sum() / weight.sum()
    by_stamp = (out.stamps * weight).sum() / weight.sum()
    assert by_count - 2 == pytest.approx(block.delay_s(10.0), abs=5e-6)
    assert by_stamp == pytest.approx(102, abs=5e-6)


@pytest.mark.parametrize(
    ("sfreq", "target", "passband", "delay_ms"),
    [
        (1000.0, 250.0, 0.8, 104.0),
        (1000.0, 250.0, 0.6, 52.0),
        (1000.0, 500.0, 0.8, 52.0),
        (250.0, 250.0, 0.8, 0.0),
    ],
)
def test_the_delay_is_the_price_of_the_pass_band(
    sfreq: float, target: float, passband: float, delay_ms: float
) -> None:
    block = Resample(ResampleSettings(target, passband))
    block.reset(spec(sfreq))
    assert 1e3 * block.delay_s(1.0) == pytest.approx(delay_ms, abs=0.5)
    assert block.delay_s(1.0) == block.delay_s(50.0)


@settings(max_examples=25)
@given(
    up=st.integers(1, 12), down=st.integers(1, 12), n=st.integers(1, 400), seed=st.integers(0, 99)
)
def test_it_is_the_textbook_chain_of_zeros_filter_and_picking(
    up: int, down: int, n: int, seed: int
) -> None:
    up, down = up // math.gcd(up, down), down // math.gcd(up, down)
    assume(up != down)
    length, beta = signal.kaiserord(82, 0.7 / max(up, down))
    taps = signal.firwin(length // 2 * 2 + 1, 0.65 / max(up, down), window=("kaiser", beta))
    for phase in range(up):
        taps[phase::up] /= taps[phase::up].sum()
    data = np.random.default_rng(seed).normal(size=n).astype(np.float32)
    lead = -(-len(taps) // up)  # history as if the first sample had stood for ever
    stuffed = np.zeros((lead + n) * up)
    stuffed[::up] = np.concatenate([np.full(lead, data[0]), data])
    filtered = np.convolve(stuffed, taps)[lead * up : (lead + n) * up]
    out = through(Resample(ResampleSettings(100.0 * up / down, passband=0.3)), data, 100.0)
    np.testing.assert_allclose(out.data[:, 0], filtered[::down], atol=1e-6)
    position = np.arange(len(out)) * down / up - len(taps) // 2 / up
    np.testing.assert_allclose(out.stamps, 100 + position / 100.0, rtol=0, atol=1e-9)


def test_an_electrode_offset_stays_as_flat_as_it_was() -> None:
    out = through(Resample(ResampleSettings(250.0)), np.full(2000, 20_000.0), 512.0)
    assert np.array_equal(out.data[:, 0], np.full(len(out), 20_000, np.float32))


def test_time_stamps_follow_the_jitter_of_the_input() -> None:
    rng = np.random.default_rng(2)
    stamps = 100 + np.arange(1000) / 1000 + rng.uniform(0, 0.02, 1000)
    block = Resample(ResampleSettings(250.0))
    block.reset(spec(1000.0))
    out = block.step(Chunk(np.zeros((1000, 1), np.float32), stamps, np.zeros(1000, np.uint16), 0))
    position = np.arange(len(out)) * 4 - block.delay_s(0) * 1000
    held = position >= 0
    np.testing.assert_allclose(
        out.stamps[held], np.interp(position[held], np.arange(1000), stamps), rtol=0, atol=1e-9
    )


def test_a_gap_restarts_it_and_is_marked_once() -> None:
    rng = np.random.default_rng(3)
    data = rng.normal(size=2000)
    data[1001:] += 500
    flags = np.zeros(2000, np.uint16)
    flags[1001] = Flag.GAP
    block = Resample(ResampleSettings(250.0))
    whole = through(block, data, 1000.0, flags)
    first = 251  # sample 1001 is first heard in the output at position 1004
    assert np.flatnonzero(whole.flags & Flag.GAP).tolist() == [first]
    # What follows knows nothing of what was before; three samples go by before the first output.
    before = np.concatenate([np.full(1001, data[1001]), data[1001:]])
    other = through(block, before, 1000.0)
    np.testing.assert_array_equal(whole.data[first:], other.data[first:])
    n = block.settled_s(0.0) * 250.0
    settling = np.flatnonzero(whole.flags & Flag.SETTLING)
    assert settling.tolist() == [*range(math.ceil(n)), *range(first, first + int(n))]
    assert whole.stamps[first] == pytest.approx(101.004 - block.delay_s(0), abs=1e-9)


def test_two_gaps_between_two_outputs_are_one() -> None:
    flags = np.zeros(1000, np.uint16)
    flags[[501, 503]] = Flag.GAP
    out = through(Resample(ResampleSettings(250.0)), np.zeros(1000), 1000.0, flags)
    assert np.flatnonzero(out.flags & Flag.GAP).tolist() == [126]


def test_every_output_that_leans_on_a_flagged_sample_is_flagged() -> None:
    flags = np.zeros(1000, np.uint16)
    flags[500] = Flag.NONFINITE
    block = Resample(ResampleSettings(250.0))
    impulse = np.zeros(1000)
    impulse[500] = 1e6
    out = through(block, impulse, 1000.0, flags)
    touched = np.flatnonzero(np.abs(out.data[:, 0]) > 0)
    flagged = np.flatnonzero(out.flags & Flag.NONFINITE)
    assert set(touched) <= set(flagged)
    assert len(flagged) == pytest.approx(2 * block.delay_s(0) * 250, abs=1)


def test_outputs_are_counted_from_0_and_keep_the_time_of_arrival() -> None:
    block = Resample(ResampleSettings(250.0))
    block.reset(spec(1000.0))
    empty = Chunk.empty(1, 8, 3.0)
    assert (block.step(empty).index, len(block.step(empty))) == (0, 0)
    three = Chunk(np.zeros((3, 1), np.float32), np.arange(3.0), np.zeros(3, np.uint16), 8, 5.0)
    first, second, third = (block.step(three) for _ in range(3))
    assert [(c.index, len(c)) for c in (first, second, third)] == [(0, 1), (1, 1), (2, 1)]
    assert first.received_s == 5.0


def test_a_rate_that_is_only_rounded_is_taken_for_what_it_means() -> None:
    block = Resample(ResampleSettings(250.0))
    assert block.reset(spec(1000 / 3)).sfreq == 250.0
    assert block.delay_s(0) < 0.2


@pytest.mark.parametrize(
    ("sfreq", "settings", "message"),
    [
        (333.33, ResampleSettings(250.0), r"333.33 to 250 Hz is not: use 249\.9975 Hz"),
        (1000.0, ResampleSettings(0.5), "1000 to 0.5 Hz is not: use 1 Hz"),
        (1.0, ResampleSettings(5000.0), "1 to 5000 Hz is not: use 1000 Hz"),
        (1000.0, ResampleSettings(0.0), "above 0 Hz, not 0"),
        (1000.0, ResampleSettings(float("nan")), "above 0 Hz, not nan"),
        (1000.0, ResampleSettings(250.0, passband=0.99), "0.1 to 0.95 .* not 0.99"),
        (1000.0, ResampleSettings(250.0, passband=0.0), "0.1 to 0.95 .* not 0.0"),
    ],
)
def test_rates_out_of_reach_are_refused_with_the_nearest(
    sfreq: float, settings: ResampleSettings, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        Resample(settings).reset(spec(sfreq))
