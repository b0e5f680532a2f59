"""Medformer: patches of all channels at several time scales, as tokens that attend to each other.

The signal encoder of BrainFLORA (ACM Multimedia 2025), after Wang et al., "Medformer", NeurIPS
2024. Each scale cuts the signal into patches of its own length and makes a token of all channels of
a patch. Tokens attend to those of their own scale; the last one of each scale then attends to
those of the others. EEG, MEG and fMRI differ only in what comes in.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

AUGMENTATIONS = ("flip", "shuffle", "frequency", "jitter", "mask", "drop")
"""What may be done to the tokens of a scale in training; see :func:`augmented`."""
_SHARE = 0.1  # of tokens, components, frequencies or standard deviation that an augmentation takes


class Medformer(nn.Module):
    """One layer of two-stage attention over the patches of all scales.

    Parameters
    ----------
    n_channels, n_times : int
        Shape of the signal.
    width : int
        Components of a token, at least 4.
    patch_lengths : sequence of int
        Samples of a patch, one a scale.
    dropout : float
        Share silenced in training: of attention, of what each sublayer adds, and of what goes out.
    augmentations : sequence of str
        Some of :data:`AUGMENTATIONS`.

    Attributes
    ----------
    n_tokens : int
        Of all scales: ``T // l + 1`` for a signal of T samples and patches of l.
    """

    n_hidden = 256

    def __init__(
        self,
        n_channels: int,
        n_times: int,
        width: int,
        patch_lengths: Sequence[int],
        dropout: float,
        augmentations: Sequence[str],
    ) -> None:
        super().__init__()
        self.sizes = [n_times // length + 1 for length in patch_lengths]
        self.n_tokens = sum(self.sizes)
        self.scales = nn.ModuleList(
            Patches(n_channels, n_times, width, length, augmentations) for length in patch_lengths
        )
        self.within = nn.ModuleList(Attention(width, dropout) for _ in patch_lengths)
        self.between = Attention(width, dropout)
        self.attention_norm = nn.LayerNorm(width)
        self.network = nn.Sequential(
            nn.Linear(width, self.n_hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(self.n_hidden, width),
            nn.Dropout(dropout),
        )
        self.network_norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return tokens (B, n_tokens, width) for signals (B, C, T)."""
        tokens = torch.cat([scale(x) for scale in self.scales], dim=1)  # (B, N, width)
        heard = self.dropout(self._hear(tokens))  # (B, N, width)
        tokens = self.attention_norm(tokens + heard)  # (B, N, width)
        tokens = self.network_norm(tokens + self.network(tokens))  # (B, N, width)
        kept: torch.Tensor = self.dropout(functional.gelu(tokens))  # (B, N, width)
        return kept

    def _hear(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return what tokens (B, N, width) hear from each other, of the same shape."""
        parts = list(torch.split(tokens, self.sizes, dim=1))  # one (B, n, width) a scale
        for scale, attention in enumerate(self.within):
            parts[scale] = attention(parts[scale])  # (B, n, width)
        last = torch.stack([part[:, -1] for part in parts], dim=1)  # (B, n_scales, width)
        told = self.between(last)  # (B, n_scales, width)
        mixed: list[torch.Tensor] = []
        for scale, part in enumerate(parts):
            mixed += [part[:, :-1], told[:, scale : scale + 1]]
        return torch.cat(mixed, dim=1)  # (B, N, width)


class Patches(nn.Module):
    """Tokens of one scale, with a learned vector for the scale and sines for the place in time.

    Parameters
    ----------
    n_channels, n_times, width, augmentations
        As for :class:`Medformer`.
    length : int
        Samples of a patch. The last value of each channel is repeated as often, so that no sample
        is left over.
    """

    def __init__(
        self, n_channels: int, n_times: int, width: int, length: int, augmentations: Sequence[str]
    ) -> None:
        super().__init__()
        self.length = length
        self.augmentations = tuple(augmentations)
        self.embedding = nn.Conv1d(n_channels, width, length, stride=length, bias=False)
        self.scale = nn.Parameter(torch.randn(width))
        self.places: torch.Tensor
        self.register_buffer("places", sines(n_times // length + 1, width), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return tokens (B, T // length + 1, width) for signals (B, C, T)."""
        x = functional.pad(x, (0, self.length), mode="replicate")  # (B, C, T + length)
        tokens = self.embedding(x).transpose(1, 2)  # (B, n, width)
        if not torch.jit.is_scripting() and self.training:  # type: ignore[attr-defined]
            tokens = self._augmented(tokens)  # (B, n, width)
        placed: torch.Tensor = tokens + self.scale + self.places  # (B, n, width)
        return placed

    def _augmented(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return tokens (B, n, width) with one augmentation, drawn anew for each batch."""
        if not self.augmentations:
            return tokens
        drawn = int(torch.randint(len(self.augmentations), ()))
        return augmented(tokens, self.augmentations[drawn])


class Attention(nn.Module):
    """Every token gathers from all, with 4 heads of width // 4 components each.

    The published one gives keys a bias, which cancels in the softmax: left out.

    Parameters
    ----------
    width : int
        Components of a token.
    dropout : float
        Share of the weights silenced in training.
    """

    n_heads = 4
    __constants__ = ("n_heads",)  # for TorchScript

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        inner = self.n_heads * (width // self.n_heads)
        self.query = nn.Linear(width, inner)
        self.key = nn.Linear(width, inner, bias=False)
        self.value = nn.Linear(width, inner)
        self.out = nn.Linear(inner, width)
        self.dropout = dropout

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return (B, n, width) for tokens (B, n, width)."""
        q = self._heads(self.query(tokens))  # (B, 4, n, width // 4)
        k = self._heads(self.key(tokens))  # (B, 4, n, width // 4)
        v = self._heads(self.value(tokens))  # (B, 4, n, width // 4)
        dropout = self.dropout if self.training else 0.0
        gathered = functional.scaled_dot_product_attention(q, k, v, dropout_p=dropout)
        told: torch.Tensor = self.out(gathered.transpose(1, 2).flatten(2))  # (B, n, width)
        return told

    def _heads(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, heads, n, inner // heads) for (B, n, inner)."""
        return x.view(x.shape[0], x.shape[1], self.n_heads, -1).transpose(1, 2)


def augmented(tokens: torch.Tensor, how: str) -> torch.Tensor:
    """Return tokens (B, n, width), changed as a Medformer's may be in training.

    Parameters
    ----------
    tokens : tensor of shape (B, n, width)
        Of one scale, in order of time.
    how : str
        "flip" reverses their order and "shuffle" permutes it, each in half of the epochs;
        "frequency" takes a tenth of the frequencies over tokens out, "mask" a tenth of the
        tokens, "drop" a tenth of all components; "jitter" adds noise of a tenth of their
        standard deviation. The kinds are BrainFLORA's; we do not know its strengths, these are
        ours.
    """
    n_epochs, n_tokens, _ = tokens.shape
    device = tokens.device
    chosen = torch.rand(n_epochs, 1, 1, device=device) < 0.5  # (B, 1, 1)
    match how:
        case "flip":
            return torch.where(chosen, tokens.flip(1), tokens)
        case "shuffle":
            return torch.where(chosen, tokens[:, torch.randperm(n_tokens, device=device)], tokens)
        case "frequency":
            spectrum = torch.fft.rfft(tokens, dim=1)  # (B, n // 2 + 1, width)
            kept = torch.rand(n_epochs, spectrum.shape[1], 1, device=device) >= _SHARE
            clean: torch.Tensor = torch.fft.irfft(spectrum * kept, n=n_tokens, dim=1)
            return clean
        case "jitter":
            return tokens + _SHARE * tokens.std() * torch.randn_like(tokens)
        case "mask":
            return tokens * (torch.rand(n_epochs, n_tokens, 1, device=device) >= _SHARE)
        case _:
            return functional.dropout(tokens, _SHARE)


def sines(n_tokens: int, width: int) -> torch.Tensor:
    """Return the code of places 0, 1, …, (n_tokens, width) (Vaswani et al. 2017, section 3.5)."""
    rates = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000) / width))  # (ceil(width / 2),)
    angles = torch.arange(n_tokens)[:, None] * rates  # (n, ceil(width / 2))
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)[:, :width]  # (n, width)
