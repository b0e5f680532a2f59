"""Amplitudes in µV, converted once, at the edge.

A stream says its unit in words that every maker spells differently, or not at all. What is not
understood is refused: a signal taken for µV that is in volts looks flat to every block after it.

A gap changes nothing here. In the spec, the units of converted channels become "µV".
"""

from __future__ import annotations

import dataclasses
import math
import re
import unicodedata
from dataclasses import dataclass

import numpy as np

from saccade.realtime.errors import UnitError
from saccade.realtime.types import Chunk, Float32, StreamSpec

MICROVOLT = "µV"  # the micro sign, U+00B5
EEG_TYPES = frozenset({"eeg", ""})  # a stream that gives no types is taken for EEG
BRAIN_TYPES = EEG_TYPES | {"ieeg", "seeg", "ecog", "dbs"}  # voltages on the head, or in it
CONVERTED_TYPES = BRAIN_TYPES | {"eog", "ecg", "emg", "bio"}
PLAUSIBLE_UV = (0.05, 50_000.0)
TYPICAL_UV = (1.0, 1000.0)  # where another unit has to bring the signal to be proposed
JUDGED_SECONDS = 60  # of a recording, spread over it

# The letter before V is read as written: MV would be a megavolt.
_SYMBOLS = {"V": 1e6, "mV": 1e3, "μV": 1.0, "uV": 1.0, "UV": 1.0, "nV": 1e-3}
_WORDS = {"volt": 1e6, "millivolt": 1e3, "microvolt": 1.0, "nanovolt": 1e-3}
_KOHM = {"ohm": 1e-3, "kohm": 1.0, "mohm": 1e3}
_CANDIDATES = {"uV": 1.0, "V": 1e6, "mV": 1e3, "nV": 1e-3}


@dataclass(frozen=True, slots=True)
class UnitsSettings:
    """How units are understood.

    Parameters
    ----------
    assume : str or None
        Unit to take the signal channels for, whatever the stream says; None believes the stream.
    """

    assume: str | None = None


def microvolts_per(unit: str) -> float | None:
    """Return how many µV one of a unit is, or None if the unit is not known.

    Parameters
    ----------
    unit : str
        A symbol (``uV``, ``µV`` with either micro sign, ``mV``, ``nV``, ``V``) or a word
        (``microvolts``, ``Volt``). The case of words and of the V does not matter, that of the
        prefix does, save for u.
    """
    text = unicodedata.normalize("NFKC", unit).strip()  # one micro sign for both
    symbol = text[:-1] + "V" if text[-1:] in ("v", "V") else text
    return _SYMBOLS.get(symbol, _WORDS.get(text.lower().removesuffix("s")))


def kohm_per(unit: str) -> float | None:
    """Return how many kΩ one of a unit is, or None if it is no unit of resistance.

    Parameters
    ----------
    unit : str
        As "Ohm", "kΩ", "kiloohms"; case does not matter, M is mega.
    """
    text = unit.strip().casefold().replace("\N{OHM SIGN}".casefold(), "ohm")
    text = re.sub(r"^kilo\W?", "k", re.sub(r"^mega\W?", "m", text)).removesuffix("s")
    return _KOHM.get(text)


class Units:
    """Converts the signal channels to µV; other types pass with the unit they have."""

    settings: UnitsSettings

    def __init__(self, settings: UnitsSettings) -> None:
        self.settings = settings

    def reset(self, spec: StreamSpec) -> StreamSpec:
        """Look up every signal channel's unit.

        Raises
        ------
        UnitError
            If a signal channel's unit is empty or not known.
        """
        assume = self.settings.assume
        factors = np.ones(spec.n_channels)
        units = list(spec.units)
        refused: dict[str, list[str]] = {}
        for i, (name, kind) in enumerate(zip(spec.ch_names, spec.ch_types, strict=True)):
            if kind not in CONVERTED_TYPES:
                continue
            unit = spec.units[i] if assume is None else assume
            factor = microvolts_per(unit)
            if factor is None:
                refused.setdefault(unit, []).append(name)
            else:
                factors[i] = factor
                units[i] = MICROVOLT
        if refused:
            raise UnitError(_refusal(spec, refused))
        self._factors = None if (factors == 1).all() else factors
        return dataclasses.replace(spec, units=tuple(units))

    def step(self, chunk: Chunk) -> Chunk:
        """Return the samples in µV."""
        if self._factors is None:
            return chunk
        with np.errstate(over="ignore"):  # an infinity is for the guard to flag
            data = (chunk.data * self._factors).astype(np.float32)
        return Chunk(data, chunk.stamps, chunk.flags, chunk.index, chunk.received_s)

    def delay_s(self, freq_hz: float) -> float:
        """Return 0: nothing is delayed."""
        return 0.0


def _refusal(spec: StreamSpec, refused: dict[str, list[str]]) -> str:
    parts = []
    for unit, names in refused.items():
        listed = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        parts.append(f"{unit!r} for {listed}" if unit.strip() else f"none for {listed}")
    return (
        f"expected a unit of voltage (V, mV, uV, nV) from stream {spec.name!r}, but it gives "
        f"{'; '.join(parts)}: say which with --unit"
    )


def check_amplitude(data_uv: Float32, spec: StreamSpec) -> None:
    """Refuse a signal whose amplitude can't be that of an EEG in the unit it was taken for.

    Judged is the median over the channels of EEG, or from within the head, of their robust
    standard deviation (1.4826 × median absolute deviation), so that neither a bad channel nor a
    blink decides. Channels that stand still, and samples that are not finite, have no say.

    Parameters
    ----------
    data_uv : array of shape (n_samples, n_channels), float32
        Some seconds of signal, in µV.
    spec : StreamSpec
        The stream before conversion: its units are those that the signal was taken for.

    Raises
    ------
    UnitError
        If the amplitude lies outside 0.05 to 50 000 µV.
    """
    picks = [i for i, kind in enumerate(spec.ch_types) if kind in BRAIN_TYPES]
    deviations = [_robust_deviation(data_uv[:, i]) for i in picks]
    _judge([d for d in deviations if d > 0], PLAUSIBLE_UV, spec)


def check_typical_amplitude(data_uv: Float32, spec: StreamSpec) -> None:
    """Refuse a recording whose amplitude can't be that of an EEG, in the unit it was taken for.

    A whole recording tells more than the first second of a stream: each channel is judged by the
    median over seconds, sixty or so spread over the recording, of the robust standard deviation
    within each, so that neither drift nor the start of an amplifier counts, and the bounds are
    tighter.

    Parameters
    ----------
    data_uv : array of shape (n_samples, n_channels), float32
        All of the signal, in µV.
    spec : StreamSpec
        As for :func:`check_amplitude`.

    Raises
    ------
    UnitError
        If the amplitude lies outside 0.05 to 1000 µV.
    """
    n_second = max(1, min(round(spec.sfreq), len(data_uv)))
    starts = range(0, len(data_uv) - n_second + 1, n_second)
    starts = starts[:: max(1, len(starts) // JUDGED_SECONDS)]
    deviations = []
    for i in (i for i, kind in enumerate(spec.ch_types) if kind in BRAIN_TYPES):
        seconds = [_robust_deviation(data_uv[start : start + n_second, i]) for start in starts]
        moving = [d for d in seconds if d > 0]
        if moving:
            deviations.append(float(np.median(moving)))
    _judge(deviations, (PLAUSIBLE_UV[0], TYPICAL_UV[1]), spec)


def _robust_deviation(values: Float32) -> float:
    """Return 1.4826 × the median absolute deviation of what is finite; 0 where nothing is."""
    finite = values[np.isfinite(values)].astype(np.float64)
    if finite.size == 0:
        return 0.0
    return 1.4826 * float(np.median(np.abs(finite - np.median(finite))))


def _judge(deviations: list[float], bounds: tuple[float, float], spec: StreamSpec) -> None:
    """Refuse channels whose median standard deviation, in µV, is out of bounds."""
    if not deviations:
        return
    amplitude = float(np.median(deviations))
    lowest, highest = bounds
    if lowest <= amplitude <= highest:
        return
    declared = next(u for u, k in zip(spec.units, spec.ch_types, strict=True) if k in BRAIN_TYPES)
    raw = amplitude / (microvolts_per(declared) or 1.0)
    middle_uv = math.sqrt(math.prod(TYPICAL_UV))
    likely = min(_CANDIDATES, key=lambda unit: abs(math.log(raw * _CANDIDATES[unit] / middle_uv)))
    likely_uv = raw * _CANDIDATES[likely]
    advice = (
        f"as {likely} it would be {likely_uv:.3g} µV: try --unit {likely}"
        if TYPICAL_UV[0] <= likely_uv <= TYPICAL_UV[1]
        else "no unit makes it one: check the amplifier's scaling, or set --unit"
    )
    raise UnitError(
        f"expected an EEG of {lowest:g} to {highest:g} µV on stream {spec.name!r}, but taken for "
        f"{declared or MICROVOLT} it has a standard deviation of {amplitude:.3g} µV; {advice}"
    )
