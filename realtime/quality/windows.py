"""The measures that are taken of EEG channels over the last seconds.

Amplitude, spectrum and correlations over 2 s, drift over 10 s, RANSAC over 5 s. Nothing is
measured of a channel half of whose window did not come or is no number; such a channel, and one
that is bad, has no say about the others either.
"""

from __future__ import annotations

import collections
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from saccade.realtime.quality import measures
from saccade.realtime.quality.bands import Bands
from saccade.realtime.quality.ransac import Ransac
from saccade.realtime.quality.splines import directions, predictors
from saccade.realtime.types import Float32, Float64

WINDOW_HOPS, DRIFT_HOPS = 8, 40  # of a quarter of a second: 2 and 10 s
RANSAC_HOPS, RANSAC_EVERY_HOPS = 20, 40  # 5 s, once in 10 s
MEAN_HOPS = 4  # drift is that of the mean over a second
MIN_OTHERS = 8  # fewer EEG channels are too far apart to be held against each other
LINE_HZ = (50.0, 60.0)
LEAST_HIGH_HZ = 5.0  # of band above 30 Hz


class Windows:
    """Measures EEG channels, hop after hop.

    Parameters
    ----------
    ch_names : sequence of str
        The EEG channels; where they are is looked up by name.
    n_samples : int
        Length of a hop, a multiple of the decimation.
    sfreq : float
        Rate of the stream in Hz.
    line_hz : float or None
        Mains frequency; None for 50 or 60, whichever has been stronger so far.

    Attributes
    ----------
    line_hz : float
        The mains frequency at present.
    most_alike : tuple of str, length n_channels
        The channel from which each differs least; "" where there is none.
    """

    def __init__(
        self, ch_names: Sequence[str], n_samples: int, sfreq: float, line_hz: float | None
    ) -> None:
        n = len(ch_names)
        self._names = tuple(ch_names)
        self._bands = Bands(n_samples, n, sfreq)
        self._above: collections.deque[Float32] = collections.deque(maxlen=WINDOW_HOPS)
        self._below: collections.deque[Float32] = collections.deque(maxlen=WINDOW_HOPS)
        self._means: collections.deque[Float64] = collections.deque(maxlen=DRIFT_HOPS)
        n_window = WINDOW_HOPS * n_samples / sfreq * self._bands.sfreq
        self._freqs: Float64 = np.asarray(
            np.fft.rfftfreq(round(n_window), 1 / self._bands.sfreq), np.float64
        )
        # Of all channels so far, against their EEG, by the frequencies that the mains may have.
        self._hum = dict.fromkeys(LINE_HZ if line_hz is None else (line_hz,), 0.0)
        self.line_hz = next(iter(self._hum))
        self.most_alike = ("",) * n
        places = directions(ch_names) if n >= MIN_OTHERS else np.full((n, 3), np.nan)
        self._placed = np.flatnonzero(np.isfinite(places).all(axis=1))
        self._places = places[self._placed]
        self._ransac = Ransac(self._places, self._bands.sfreq, RANSAC_HOPS, RANSAC_EVERY_HOPS)
        self._speakers: NDArray[np.bool_] | None = None

    def step(
        self,
        data: Float32,
        there: NDArray[np.bool_],
        good: NDArray[np.bool_],
        drawable: NDArray[np.bool_],
        stamp_s: float,
        *,
        first: bool,
    ) -> dict[str, Float64]:
        """Take a hop; return what is measured now.

        Parameters
        ----------
        data : array of shape (n_samples, n_channels), float32
            In µV, finite.
        there : array of shape (n_channels,), bool
            Of which channels enough came to be measured.
        good : array of shape (n_channels,), bool
            Which channels may speak about others.
        drawable : array of shape (n_channels,), bool
            Which channels RANSAC may draw.
        stamp_s : float
            Of the hop's last sample.
        first : bool
            Nothing comes directly before this hop: all windows begin anew.

        Returns
        -------
        dict of str to array of shape (n_channels,), float64
            By name of the measure; those whose window is not full are absent.
        """
        if first:
            self._above.clear()
            self._below.clear()
            self._means.clear()
        above, below = self._bands.step(data, first=first)
        self._above.append(above)
        self._below.append(below)
        self._means.append(data.mean(axis=0, dtype=np.float64))
        found = {}
        if len(self._means) >= MEAN_HOPS:
            found["drift_uv"] = self._drift()
        if len(self._above) == WINDOW_HOPS:
            found |= self._spectral(there) | self._spatial(there, good)
        if len(self._placed):
            drawn = (there & drawable)[self._placed]
            self._ransac.step(below[self._placed], drawn, stamp_s, first=first)
            found["ransac"] = self._everywhere(self._ransac.disagreed)
        for values in found.values():
            values[~there] = np.nan
        return found

    def _drift(self) -> Float64:
        total = np.cumsum(self._means, axis=0)
        seconds = total[MEAN_HOPS - 1 :].copy()
        seconds[1:] -= total[:-MEAN_HOPS]
        return np.asarray(np.ptp(seconds / MEAN_HOPS, axis=0))

    def _spectral(self, there: NDArray[np.bool_]) -> dict[str, Float64]:
        spectra = measures.power(np.concatenate(self._above, axis=1))
        found = {}
        below_nyquist = [hz for hz in self._hum if hz < self._freqs[-1] - measures.LINE_WIDTH_HZ]
        ratios = {hz: measures.line_ratio(spectra, self._freqs, hz) for hz in below_nyquist}
        for hz, ratio in ratios.items():
            self._hum[hz] += float(np.nansum(np.square(ratio[there])))
        self.line_hz = max(self._hum, key=self._hum.__getitem__)
        if self.line_hz in ratios:
            found["line_ratio"] = ratios[self.line_hz]
        highest_hz = self._bands.highest_hz
        if highest_hz >= measures.SPLIT_HZ + LEAST_HIGH_HZ:
            found["hf_ratio"] = measures.hf_ratio(spectra, self._freqs, self.line_hz, highest_hz)
        return found

    def _spatial(self, there: NDArray[np.bool_], good: NDArray[np.bool_]) -> dict[str, Float64]:
        window = np.concatenate(self._below, axis=1)
        amplitude = measures.robust_sd(window)
        found = {"amplitude_uv": amplitude}
        if len(self._names) < 2:
            return found
        cov = measures.covariance(window)
        distance, other = measures.nearest(cov)
        self.most_alike = tuple(self._names[i] for i in other)
        found["bridge_uv"] = distance
        if len(self._names) < MIN_OTHERS:
            return found
        found["deviation_z"] = measures.outlier_z(np.where(there, amplitude, np.nan))
        found["correlation"] = measures.correlation(cov)
        speakers = (there & good)[self._placed]
        if speakers.sum() >= MIN_OTHERS:
            if self._speakers is None or (speakers != self._speakers).any():
                self._weights = predictors(self._places, speakers)
                self._speakers = speakers
            here = cov[np.ix_(self._placed, self._placed)]
            found["predictability"] = self._everywhere(measures.predictability(here, self._weights))
        return found

    def _everywhere(self, values: Float64) -> Float64:
        """Return values of the channels that have a place, for all; NaN for the others."""
        found = np.full(len(self._names), np.nan)
        found[self._placed] = values
        return found
