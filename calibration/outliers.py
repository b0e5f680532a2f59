"""Which trials a decoder should not learn from: a burst counts with the square of its amplitude.

The limit comes from the trials themselves, so that it means the same for any amplifier and band.
Trials beyond it are left out of training only; they are decoded like all others, and count when
the decoder is judged. On houses and faces (four dry electrodes) ridge then reaches an AUC of .688
instead of .615; on P300 flashes .864 instead of .871, well within its interval; on simulated
sessions nothing changes (``benchmarks/probability.py --outliers``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from saccade.realtime.types import Float32

TIMES = 6.0
MOST = 0.5  # share of the trials that can be unusual


def usual(epochs: Float32, times: float = TIMES) -> NDArray[np.bool_]:
    """Return which trials are to be learned from, (n_trials,).

    Parameters
    ----------
    epochs : array of shape (n_trials, n_channels, n_times), float32
        Trials in µV.
    times : float
        A trial is unusual if the peak-to-peak amplitude of a channel is above so many times the
        median over trials of that channel's. Infinity keeps all.
    """
    if np.isinf(times):
        return np.ones(len(epochs), dtype=np.bool_)
    amplitudes = np.ptp(epochs, axis=2)
    limits = times * np.median(amplitudes, axis=0)
    kept = (amplitudes <= limits).all(axis=1)
    return kept if kept.mean() > MOST else np.ones(len(epochs), dtype=np.bool_)
