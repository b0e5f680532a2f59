"""Temporal, then spatial convolution: the small network under NICE, ATM-S and others.

As published (TSConv of NICE; Song et al., "Decoding natural images from EEG for object
recognition", ICLR 2024) it is a convolution in time, an average in time, and a convolution over all
electrodes. Here it is the same function in the order and form that cost least.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from saccade.realtime.errors import ConfigError


class TSConv(nn.Module):
    """From a signal to features: 40 numbers for each of some overlapping stretches of time.

    With C rows it has ``1000 + 80 + 1600·C + 80 + 1640`` parameters. The published one has 80 more,
    the biases of its first two convolutions, which the batch norm behind each takes off again.

    The published order is to convolve (25 samples), then to average (51 samples, every 5th kept).
    Both are linear, so here the average comes first, as a difference of running sums, and the
    convolution computes only what is kept: 36 values a filter and electrode instead of 226, for 250
    samples. Filters come last in memory, so that every layer is one matrix product and only the
    cutting of windows copies.

    Parameters
    ----------
    n_channels : int
        Rows of the signal: electrodes, or tokens.
    n_times : int
        Samples of each, at least 75 (0.3 s at 250 Hz).
    dropout : float
        Share of the features that is silenced in training, 0 to below 1.

    Attributes
    ----------
    n_stretches : int
        ``(n_times - 75) // 5 + 1``: 36 for 250 samples.
    n_features : int
        ``40 * n_stretches``: 1440 for 250 samples.

    Raises
    ------
    ConfigError
        If the signal is shorter than one stretch.
    """

    n_filters = 40
    kernel = 25
    pool = 51
    stride = 5
    __constants__ = ("kernel", "pool", "stride")  # for TorchScript

    def __init__(self, n_channels: int, n_times: int, dropout: float = 0.5) -> None:
        super().__init__()
        least_times = self.pool + self.kernel - 1
        if n_times < least_times:
            raise ConfigError(
                f"temporal-spatial convolution needs epochs of at least {least_times} samples, but "
                f"{n_times} came: lengthen the window, or raise the working rate"
            )
        self.n_stretches = (n_times - least_times) // self.stride + 1
        self.n_features = self.n_filters * self.n_stretches
        self.temporal = nn.Linear(self.kernel, self.n_filters, bias=False)
        self.temporal_norm = nn.BatchNorm1d(self.n_filters)
        self.spatial = nn.Linear(n_channels * self.n_filters, self.n_filters, bias=False)
        self.spatial_norm = nn.BatchNorm1d(self.n_filters)
        self.dropout = nn.Dropout(dropout)
        self.mix = nn.Linear(self.n_filters, self.n_filters)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return features (B, n_features), time by time, for signals (B, n_channels, n_times)."""
        n_epochs = x.shape[0]
        # Running sums in float64, so that a large offset costs no digits of the differences.
        sums = functional.pad(x.cumsum(2, dtype=torch.float64), (1, 0))  # (B, C, T + 1)
        means = (sums[:, :, self.pool :] - sums[:, :, : -self.pool]) / self.pool  # (B, C, T - 50)
        windows = means.to(x.dtype).unfold(2, self.kernel, self.stride)  # (B, C, S, 25)
        rows = self.temporal(windows.transpose(1, 2)).flatten(0, 2)  # (B·S·C, 40)
        rows = functional.elu(self.temporal_norm(rows), inplace=True)
        rows = rows.view(n_epochs * self.n_stretches, -1)  # (B·S, C·40)
        rows = functional.elu(self.spatial_norm(self.spatial(rows)))  # (B·S, 40)
        rows = self.mix(self.dropout(rows))  # (B·S, 40)
        features: torch.Tensor = rows.view(n_epochs, self.n_features)  # (B, S·40)
        return features
