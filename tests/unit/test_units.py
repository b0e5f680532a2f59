"""Units are understood or refused, and amplitudes that contradict them are noticed."""

from __future__ import annotations

import numpy as np
import pytest

from saccade.realtime.blocks.units import (
    Units,
    UnitsSettings,
    check_amplitude,
    check_typical_amplitude,
    microvolts_per,
)
from saccade.realtime.errors import UnitError
from saccade.realtime.types import Chunk, StreamSpec

TYPES = ("eeg", "", "eog", "ecg", "emg", "seeg", "ecog", "bio", "stim", "misc", "mag")


def spec(*units: str, types: tuple[str, ...] | None = None) -> StreamSpec:
    names = tuple(f"C{i}" for i in range(len(units)))
    return StreamSpec("amp", 250.0, names, types or ("eeg",) * len(units), units)


def converted(data: np.ndarray, stream: StreamSpec, assume: str | None = None) -> np.ndarray:
    block = Units(UnitsSettings(assume))
    block.reset(stream)
    flags = np.zeros(len(data), np.uint16)
    out = block.step(Chunk(data.astype(np.float32), np.arange(len(data)) / 250, flags, 0))
    assert out.data.dtype == np.float32
    return out.data


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("V", 1e6),
        ("volts", 1e6),
        ("Volt", 1e6),
        ("mV", 1e3),
        ("millivolts", 1e3),
        ("mv", 1e3),
        ("uV", 1.0),
        ("UV", 1.0),
        ("uv", 1.0),
        ("\u00b5V", 1.0),  # micro sign
        ("\u03bcV", 1.0),  # Greek mu
        (" microvolts ", 1.0),
        ("Microvolt", 1.0),
        ("nV", 1e-3),
        ("nanovolts", 1e-3),
        ("MV", None),  # a megavolt is a mistake
        ("NV", None),
        ("", None),
        ("T", None),
        ("v/s", None),
    ],
)
def test_a_unit_is_known_however_it_is_spelled(unit: str, factor: float | None) -> None:
    assert microvolts_per(unit) == factor


def test_signal_channels_become_microvolts_and_others_stay() -> None:
    stream = spec(*("mV",) * 8, "", "degC", "T", types=TYPES)
    out = Units(UnitsSettings()).reset(stream)
    assert out.units == ("µV",) * 8 + ("", "degC", "T")
    data = np.arange(22.0).reshape(2, 11)
    assert np.array_equal(converted(data, stream), data * ([1000.0] * 8 + [1.0] * 3))


def test_each_channel_has_its_own_unit() -> None:
    out = converted(np.full((3, 3), 2.0), spec("V", "uV", "nV"))
    assert out[0].tolist() == [2e6, 2.0, np.float32(2e-3)]


def test_volts_are_converted_without_losing_a_bit_more_than_float32_has() -> None:
    data = np.random.default_rng(0).normal(0, 3e-5, size=(100, 1)).astype(np.float32)
    exact = (data.astype(float) * 1e6).astype(np.float32)
    assert np.array_equal(converted(data, spec("V")), exact)


def test_a_stream_already_in_microvolts_is_handed_on_as_it_is() -> None:
    block = Units(UnitsSettings())
    block.reset(spec("uV"))
    chunk = Chunk(np.ones((2, 1), np.float32), np.zeros(2), np.zeros(2, np.uint16), 0)
    assert block.step(chunk) is chunk
    assert block.delay_s(10.0) == 0


def test_what_the_user_says_overrides_the_stream() -> None:
    data = np.ones((2, 1))
    assert converted(data, spec("V"), assume="uV")[0, 0] == 1.0
    assert converted(data, spec(""), assume="mV")[0, 0] == 1000.0


def test_values_beyond_float32_become_infinite_for_the_guard() -> None:
    assert np.isinf(converted(np.full((1, 1), 1e35), spec("V"))).all()


def test_unknown_units_are_refused_with_their_channels_and_a_way_out() -> None:
    with pytest.raises(UnitError, match=r"'amp'.* none for C0, C2; 'bits' for C3: .*--unit"):
        Units(UnitsSettings()).reset(spec("", "uV", "", "bits"))
    with pytest.raises(UnitError, match="'furlong' for C0, C1, C2, C3, C4 and 4 more"):
        Units(UnitsSettings(assume="furlong")).reset(spec(*("uV",) * 9))


def noise(amplitude_uv: float, n_channels: int = 3) -> np.ndarray:
    rng = np.random.default_rng(1)
    return (rng.normal(0, amplitude_uv, (1000, n_channels)) + 1e4).astype(np.float32)


@pytest.mark.parametrize("amplitude_uv", [0.1, 20.0, 4e4])
def test_amplitudes_an_eeg_can_have_pass(amplitude_uv: float) -> None:
    check_amplitude(noise(amplitude_uv), spec("uV", "uV", "uV"))


@pytest.mark.parametrize(
    ("declared", "amplitude_uv", "message"),
    [
        ("V", 2e7, r"taken for V .* 2e\+07 µV; as uV it would be 20 µV: try --unit uV"),
        ("V", 2e-5, "check the amplifier's scaling, or set --unit"),
        ("uV", 2e-5, "taken for uV .*; as V it would be .* try --unit V"),
        ("uV", 2e-2, "as mV it would be .* try --unit mV"),
        ("mV", 3e10, "no unit makes it one"),
    ],
)
def test_amplitudes_no_eeg_has_are_refused_with_the_likely_unit(
    declared: str, amplitude_uv: float, message: str
) -> None:
    data = np.random.default_rng(1).normal(0, amplitude_uv, (1000, 3)).astype(np.float32)
    with pytest.raises(UnitError, match=message):
        check_amplitude(data, spec(*(declared,) * 3))


def test_bad_and_flat_channels_and_other_types_have_no_say() -> None:
    data = noise(20.0, 6)
    data[:, 0] = 5.0
    data[:, 1] = np.nan
    data[::7, 2] = np.inf
    data[:, 3] *= 1e9
    types = ("eeg", "eeg", "eeg", "misc", "eeg", "")
    check_amplitude(data, spec(*("uV",) * 6, types=types))
    check_amplitude(data[:, :2], spec("uV", "uV"))  # nothing left to judge
    data[:, 2:] *= 1e-9
    with pytest.raises(UnitError, match="--unit"):
        check_amplitude(data, spec(*("uV",) * 6, types=types))


def test_a_recording_is_judged_by_its_seconds_and_more_strictly() -> None:
    """Neither drift, nor the start of an amplifier, nor a pause at 0 makes it implausible."""
    uv = spec("uV", "uV")
    good = noise(20.0, 2)
    good[100:] += np.linspace(0.0, 1e6, len(good) - 100, dtype=np.float32)[:, None] * 0.001
    good[:50] *= 1e6
    good[400:500] = 0.0
    check_typical_amplitude(good, uv)
    check_typical_amplitude(noise(20.0, 2)[:3], uv)
    check_typical_amplitude(np.zeros((500, 2), np.float32), uv)  # nothing to judge
    check_amplitude(noise(2000.0, 2), uv)
    with pytest.raises(UnitError, match=r"EEG of 0\.05 to 1000 µV .*; as nV it would be 2\.\d+ µV"):
        check_typical_amplitude(noise(2000.0, 2), uv)
    with pytest.raises(UnitError, match="try --unit mV"):
        check_typical_amplitude(noise(0.005, 2) - np.float32(1e4), uv)
