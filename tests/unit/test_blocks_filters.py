"""Band-pass and notch do what their design says, and start as their docstrings say."""

from __future__ import annotations

import mne
import numpy as np
import pytest
from scipy import signal

from saccade.realtime.blocks.bandpass import Bandpass, BandpassSettings
from saccade.realtime.blocks.notch import Notch, NotchSettings
from saccade.realtime.errors import ConfigError
from saccade.realtime.types import Chunk, Flag, StreamSpec

SFREQ = 500.0
BANDS = [
    BandpassSettings(1.0, 40.0),
    BandpassSettings(1.0, 40.0, order=2),
    BandpassSettings(low_hz=0.5),
    BandpassSettings(high_hz=30.0, order=5),
]


def spec(n_channels: int = 1, sfreq: float = SFREQ) -> StreamSpec:
    names = tuple(f"C{i}" for i in range(n_channels))
    return StreamSpec("test", sfreq, names, ("eeg",) * n_channels, ("µV",) * n_channels)


def through(block: Bandpass | Notch, data: np.ndarray, gap_at: int | None = None) -> Chunk:
    """Return what a freshly started block makes of a signal, (n_samples, n_channels)."""
    assert block.reset(spec(data.shape[1])) == spec(data.shape[1])
    flags = np.zeros(len(data), np.uint16)
    if gap_at is not None:
        flags[gap_at] = Flag.GAP
    return block.step(Chunk(data.astype(np.float32), np.arange(len(data)) / SFREQ, flags, 0))


def response(block: Bandpass | Notch) -> tuple[np.ndarray, np.ndarray]:
    """Return frequencies in Hz and the complex response to an impulse, measured."""
    impulse = np.zeros((2**15, 1))
    impulse[1] = 1
    measured = np.fft.rfft(through(block, impulse).data[1:, 0].astype(float), 2**15)
    return np.fft.rfftfreq(2**15, 1 / SFREQ), measured


def decibel(gain: np.ndarray) -> np.ndarray:
    return 20 * np.log10(np.abs(gain) + 1e-12)


def at(freqs: np.ndarray, hz: float) -> int:
    return int(np.argmin(np.abs(freqs - hz)))


@pytest.mark.parametrize("settings", BANDS)
def test_the_response_is_that_of_the_scipy_design(settings: BandpassSettings) -> None:
    freqs, measured = response(Bandpass(settings))
    edges = [hz for hz in (settings.low_hz, settings.high_hz) if hz]
    kind = {(True, True): "band", (True, False): "high", (False, True): "low"}[
        (settings.low_hz is not None, settings.high_hz is not None)
    ]
    wanted = edges if kind == "band" else edges[0]
    zeros, poles, gain = signal.butter(settings.order, wanted, kind, fs=SFREQ, output="zpk")
    expected = signal.freqz_zpk(zeros, poles, gain, worN=freqs, fs=SFREQ)[1]
    heard = decibel(expected) > -80
    assert np.abs(decibel(measured) - decibel(expected))[heard].max() < 0.01
    for hz in edges:
        assert np.interp(hz, freqs, decibel(measured)) == pytest.approx(-3.01, abs=0.02)


def test_each_edge_falls_by_6_db_per_octave_and_order() -> None:
    freqs, measured = response(Bandpass(BandpassSettings(8.0, 20.0, order=4)))
    low, lower = (decibel(measured)[at(freqs, hz)] for hz in (2.0, 1.0))
    assert low - lower == pytest.approx(24, abs=0.5)


@pytest.mark.parametrize("settings", BANDS)
def test_the_delay_stated_is_the_slope_of_the_phase(settings: BandpassSettings) -> None:
    block = Bandpass(settings)
    freqs, measured = response(block)
    slope_s = -np.diff(np.unwrap(np.angle(measured))) / np.diff(2 * np.pi * freqs)
    for hz in (2.0, 10.0, 25.0):
        i = at(freqs, hz)
        assert block.delay_s((freqs[i] + freqs[i + 1]) / 2) == pytest.approx(slope_s[i], abs=5e-6)


def test_a_burst_comes_out_as_late_as_stated() -> None:
    seconds = np.arange(2000) / SFREQ
    burst = np.exp(-(((seconds - 2) / 0.3) ** 2)) * np.cos(2 * np.pi * 10 * (seconds - 2))
    block = Bandpass(BandpassSettings(1.0, 40.0))
    out = through(block, burst[:, None]).data[:, 0]
    envelope = np.abs(signal.hilbert(out))
    centre_s = (seconds * envelope**2).sum() / (envelope**2).sum()
    assert centre_s - 2 == pytest.approx(block.delay_s(10.0), abs=1e-3)


@pytest.mark.parametrize("settings", BANDS)
def test_a_causal_filter_of_mne_gives_the_same(settings: BandpassSettings) -> None:
    rng = np.random.default_rng(3)
    data = 30 * rng.standard_normal((3000, 4)).cumsum(axis=0)
    data -= data[0]  # MNE starts from a state of zeros, which is ours if the first sample is 0
    data = data.astype(np.float32).astype(float)
    expected = mne.filter.filter_data(
        data.T,
        SFREQ,
        settings.low_hz,
        settings.high_hz,
        method="iir",
        iir_params={"order": settings.order, "ftype": "butter", "output": "sos"},
        phase="forward",
        verbose="ERROR",
    )
    out = through(Bandpass(settings), data).data
    np.testing.assert_allclose(out.T, expected, rtol=2**-23, atol=1e-6)


def test_notch_and_bandpass_in_a_row_give_what_mne_gives() -> None:
    rng = np.random.default_rng(4)
    data = 30 * rng.standard_normal((3000, 4))
    data = (data - data[0]).astype(np.float32).astype(float)
    expected = data.T
    for k in (1, 2, 3, 4):
        b, a = signal.iirnotch(50.0 * k, 30.0, fs=SFREQ)
        expected = mne.filter.filter_data(
            expected,
            SFREQ,
            50.0 * k + 1,
            50.0 * k - 1,
            method="iir",
            iir_params={"b": b, "a": a},
            phase="forward",
            verbose="ERROR",
        )
    expected = mne.filter.filter_data(
        expected,
        SFREQ,
        1.0,
        40.0,
        method="iir",
        iir_params={"order": 4, "ftype": "butter", "output": "sos"},
        phase="forward",
        verbose="ERROR",
    )
    notch, bandpass = Notch(NotchSettings(50.0)), Bandpass(BandpassSettings(1.0, 40.0))
    out = through(bandpass, through(notch, data).data).data
    # Between the two blocks the signal is rounded to float32 once.
    np.testing.assert_allclose(out.T, expected, atol=2e-5)


@pytest.mark.parametrize("low_hz", [0.1, 1.0])
def test_an_electrode_offset_of_20_mv_makes_no_step(low_hz: float) -> None:
    data = np.full((2000, 2), 20_000.0)
    data[:, 1] = -7_000.0
    assert np.abs(through(Bandpass(BandpassSettings(low_hz, 40.0)), data).data).max() < 1e-4
    np.testing.assert_allclose(through(Bandpass(BandpassSettings(high_hz=40.0)), data).data, data)
    np.testing.assert_allclose(through(Notch(NotchSettings(50.0)), data).data, data)


@pytest.mark.parametrize(
    "block", [Bandpass(BandpassSettings(1.0, 40.0)), Notch(NotchSettings(50.0))]
)
def test_a_gap_restarts_the_filter(block: Bandpass | Notch) -> None:
    data = np.random.default_rng(5).normal(size=(3000, 2))
    data[1500:] += 500  # the electrodes drifted while nothing came
    whole = through(block, data, gap_at=1500)
    np.testing.assert_array_equal(whole.data[1500:], through(block, data[1500:]).data)
    settling = (whole.flags & Flag.SETTLING) > 0
    n = round(block.settled_s(0.0) * SFREQ)
    assert 0 < n < 1500
    assert settling.nonzero()[0].tolist() == [*range(n), *range(1500, 1500 + n)]
    assert (whole.flags & Flag.GAP).nonzero()[0].tolist() == [1500]


def test_two_gaps_soon_after_each_other_settle_from_the_second() -> None:
    block = Notch(NotchSettings(50.0, n_harmonics=1))
    data = np.random.default_rng(6).normal(size=(2000, 1))
    block.reset(spec())
    flags = np.zeros(2000, np.uint16)
    flags[[1000, 1010]] = Flag.GAP
    out = block.step(Chunk(data.astype(np.float32), np.arange(2000) / SFREQ, flags, 0))
    settling = np.flatnonzero(out.flags & Flag.SETTLING)
    n = round(block.settled_s(0.0) * SFREQ)
    assert settling.tolist() == [*range(n), *range(1000, 1010 + n)]


@pytest.mark.parametrize("piece", [2000, 7, 1])
def test_what_was_bridged_is_told_until_the_filter_has_forgotten_it(piece: int) -> None:
    block = Bandpass(BandpassSettings(4.0, 40.0))
    block.reset(spec())
    n_settling = round(block.settled_s(0.0) * SFREQ)
    flags = np.zeros(2000, np.uint16)
    flags[[500, 501]] = Flag.FILLED
    flags[600], flags[1100], flags[1600] = Flag.NONFINITE, Flag.CLIPPED, Flag.FILLED
    flags[1110] = Flag.GAP  # from here on nothing is left of what was before
    data = np.random.default_rng(7).normal(size=(2000, 1)).astype(np.float32)
    stamps = np.arange(2000) / SFREQ
    parts = [slice(start, start + piece) for start in range(0, 2000, piece)]
    out = [block.step(Chunk(data[p], stamps[p], flags[p].copy(), p.start)).flags for p in parts]
    told = np.flatnonzero(np.concatenate(out) & Flag.FILLED)
    wanted = [*range(500, 601 + n_settling), *range(1100, 1110), *range(1600, 1601 + n_settling)]
    assert 50 < n_settling < 300
    assert told.tolist() == wanted


def test_settling_is_over_when_the_slowest_pole_has_decayed_to_1_percent() -> None:
    block = Notch(NotchSettings(50.0, n_harmonics=1))
    impulse = np.zeros((2000, 1))
    impulse[1] = 1
    ringing = np.abs(through(block, impulse).data[2:, 0])
    n = round(block.settled_s(0.0) * SFREQ)
    assert ringing[n : n + 20].max() / ringing[:20].max() == pytest.approx(0.01, rel=0.05)
    assert block.settled_s(9.0) == 9.0  # an input that settles later decides


def test_notches_take_out_the_line_and_its_harmonics_and_little_else() -> None:
    block = Notch(NotchSettings(50.0))
    freqs, measured = response(block)
    assert block.freqs_hz == (50.0, 100.0, 150.0, 200.0)
    gain = decibel(measured)
    seconds = np.arange(5000) / SFREQ
    for hz in block.freqs_hz:
        out = through(block, np.sin(2 * np.pi * hz * seconds)[:, None]).data
        assert np.abs(out[-500:]).max() < 1e-4  # 80 dB down
        width = hz / 30
        for edge in (hz - width / 2, hz + width / 2):
            assert gain[at(freqs, edge)] == pytest.approx(-3.0, abs=0.2)
    assert np.abs(gain[freqs < 40]).max() < 0.1


def test_the_notchs_delay_is_the_slope_of_its_phase() -> None:
    block = Notch(NotchSettings(50.0))
    freqs, measured = response(block)
    slope_s = -np.diff(np.unwrap(np.angle(measured))) / np.diff(2 * np.pi * freqs)
    for hz in (10.0, 45.0):
        i = at(freqs, hz)
        assert block.delay_s((freqs[i] + freqs[i + 1]) / 2) == pytest.approx(slope_s[i], abs=5e-6)
    assert np.isfinite(block.delay_s(50.0))


@pytest.mark.parametrize(
    ("settings", "freqs_hz"),
    [
        (NotchSettings(60.0, n_harmonics=2), (60.0, 120.0)),
        (NotchSettings(60.0), (60.0, 120.0, 180.0, 240.0)),
        (NotchSettings(62.5), (62.5, 125.0, 187.5)),  # the fourth is half the rate itself
        (NotchSettings(49.5), (49.5, 99.0, 148.5, 198.0)),  # 247.5 ± 4 Hz would reach over it
        (NotchSettings(49.5, quality=60.0), (49.5, 99.0, 148.5, 198.0, 247.5)),
    ],
)
def test_notches_that_reach_half_the_rate_are_left_out(
    settings: NotchSettings, freqs_hz: tuple[float, ...]
) -> None:
    block = Notch(settings)
    block.reset(spec())
    assert block.freqs_hz == freqs_hz


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (Bandpass(BandpassSettings()), "neither is given"),
        (Bandpass(BandpassSettings(1.0, 250.0)), "between 0 and 250 Hz .* not 1 and 250 Hz"),
        (Bandpass(BandpassSettings(0.0, 40.0)), "between 0 and 250 Hz .* not 0 and 40 Hz"),
        (Bandpass(BandpassSettings(high_hz=float("nan"))), "not nan Hz"),
        (Bandpass(BandpassSettings(40.0, 1.0)), "below high_hz, but they are 40 and 1 Hz"),
        (Bandpass(BandpassSettings(10.0, 10.0)), "below high_hz, but they are 10 and 10 Hz"),
        (Bandpass(BandpassSettings(1.0, order=0)), "1 to 10, not 0"),
        (Bandpass(BandpassSettings(1.0, order=11)), "1 to 10, not 11"),
        (Bandpass(BandpassSettings(1e-17, order=1)), "inside the unit circle, but one has radius"),
        (Notch(NotchSettings(0.0)), "line_hz of a notch must be above 0, not 0"),
        (Notch(NotchSettings(50.0, quality=0.0)), "quality of a notch must be above 0, not 0"),
        (Notch(NotchSettings(50.0, n_harmonics=0)), "at least 1 .* not 0"),
        (Notch(NotchSettings(249.0)), "up to 253.1 Hz wide, must lie below 250 Hz"),
    ],
)
def test_filters_that_make_no_sense_are_refused_with_the_numbers(
    block: Bandpass | Notch, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        block.reset(spec())
