"""ATM-S: electrodes as the tokens of a transformer, then convolution and a projector.

Li, Wei, Liu, Cong, Zhu & Zhang, "Visual decoding and reconstruction via EEG embeddings with guided
diffusion", NeurIPS 2024. Each electrode's whole time course is one token (as in iTransformer, Liu
et al., ICLR 2024), so that attention mixes electrodes, not times; one more token says whose they
are. No position is added to tokens, which the paper found best (its table 4). The published code
goes on with the first 63 of 64 tokens, the subject's but not the last electrode's; here it is all
electrodes, and the subject token is only listened to.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from saccade.models.encoders.network import NetworkFamily, Shape
from saccade.models.encoders.projector import Projector
from saccade.models.encoders.tsconv import TSConv
from saccade.models.training.recipe import Recipe, Scale, check_share


@dataclass(frozen=True, slots=True)
class ATMSettings(Recipe):
    """ATM-S, and how it was trained.

    The recipe is that of the paper's code: AdamW with torch's weight decay, 40 passes over
    single trials in batches of 64, products of the un-normalised prediction with unit targets,
    multiplied by the scale itself rather than by its exponential. Three things differ: the loss
    has no share (there 1 %) for the concept's text, whole concepts are held out to choose the best
    pass, and trials of one concept are no negatives of each other.

    Parameters
    ----------
    dropout : float
        Share silenced in training, after the convolutions and in the projector; 0 to below 1.
    attention_dropout : float
        The same in the transformer.
    stranger_share : float
        Share of training trials whose subject is withheld, 0 to below 1. They train the shared
        token, which stands for strangers; there, only the last of ten subjects did, as subjects
        were counted from 1.
    """

    epochs: int = 40
    patience: int = 40
    batch_size: int = 64
    lr: float = 3e-4
    scale: Scale = "raw"
    dropout: float = 0.5
    attention_dropout: float = 0.25
    stranger_share: float = 0.2

    def __post_init__(self) -> None:
        """Refuse settings that can't train."""
        Recipe.__post_init__(self)
        for name in ("dropout", "attention_dropout", "stranger_share"):
            check_share(name, getattr(self, name))


class ATMS(NetworkFamily):
    """Attention over electrodes and a subject token, convolution, projector."""

    settings: ATMSettings

    def __init__(self, settings: ATMSettings | None = None) -> None:
        self.settings = settings or ATMSettings()

    def tower(self, shape: Shape) -> nn.Module:
        """Return a fresh network.

        Raises
        ------
        ConfigError
            If epochs have fewer than 75 samples.
        """
        return _Tower(shape, self.settings)


class _Tower(nn.Module):
    """Tokens, one transformer layer, convolution over tokens and time, projector."""

    def __init__(self, shape: Shape, settings: ATMSettings) -> None:
        super().__init__()
        self.convolution = TSConv(shape.n_channels, shape.n_times, settings.dropout)
        self.embedding = nn.Linear(shape.n_times, shape.n_times)
        self.token = SubjectToken(shape.n_subjects, shape.n_times, settings.stranger_share)
        self.dropout = nn.Dropout(settings.attention_dropout)
        self.transformer = TransformerLayer(shape.n_times, settings.attention_dropout)
        self.norm = nn.LayerNorm(shape.n_times)
        self.projector = Projector(self.convolution.n_features, shape.dim, settings.dropout)

    def forward(self, x: torch.Tensor, subject: torch.Tensor) -> torch.Tensor:
        """Return vectors (B, dim) for epochs (B, C, T) of subjects (B,)."""
        electrodes = self.dropout(self.embedding(x))  # (B, C, T)
        token = self.dropout(self.token(subject)).unsqueeze(1)  # (B, 1, T)
        mixed = self.norm(self.transformer(electrodes, token))  # (B, C, T)
        features = self.convolution(mixed)  # (B, 40·S)
        vectors: torch.Tensor = self.projector(features)  # (B, dim)
        return vectors


class SubjectToken(nn.Module):
    """One learned token a subject, and one shared by all whom training has not seen.

    In training, the subject of a share of the trials, drawn anew each time, is withheld, and they
    get the shared token. So it comes to stand for people in general, and one network serves known
    and unknown ones.

    Parameters
    ----------
    n_subjects : int
        People in the training data.
    n_times : int
        Samples of an epoch, which is a token's size.
    stranger_share : float
        Share of training trials whose subject is withheld.
    """

    def __init__(self, n_subjects: int, n_times: int, stranger_share: float) -> None:
        super().__init__()
        self.stranger_share = stranger_share
        self.tokens = nn.Embedding(n_subjects + 1, n_times)  # the last is shared

    def forward(self, subject: torch.Tensor) -> torch.Tensor:
        """Return tokens (B, T) for subjects (B,), negative for strangers."""
        stranger = subject < 0  # (B,)
        if self.training:
            drawn = torch.rand(subject.shape[0], device=subject.device)
            stranger = stranger | (drawn < self.stranger_share)  # (B,)
        rows = torch.where(stranger, self.tokens.num_embeddings - 1, subject)  # (B,)
        tokens: torch.Tensor = self.tokens(rows)  # (B, T)
        return tokens


class TransformerLayer(nn.Module):
    """Attention of electrodes to each other and the subject token, then a network on each.

    Post-norm, 4 heads of T // 4 components, 256 hidden units. The published layer also computes
    what becomes of the subject token, which nothing reads, and gives keys a bias, which cancels in
    the softmax: both are left out.

    Parameters
    ----------
    n_times : int
        Samples of an epoch, which is a token's size.
    dropout : float
        Share silenced in training: of attention, of what it returns, and twice in the network.
    """

    n_heads = 4
    n_hidden = 256
    __constants__ = ("n_heads",)  # for TorchScript

    def __init__(self, n_times: int, dropout: float) -> None:
        super().__init__()
        width = self.n_heads * (n_times // self.n_heads)
        self.query = nn.Linear(n_times, width)
        self.key = nn.Linear(n_times, width, bias=False)
        self.value = nn.Linear(n_times, width)
        self.out = nn.Linear(width, n_times)
        self.attention_norm = nn.LayerNorm(n_times)
        self.network = nn.Sequential(
            nn.Linear(n_times, self.n_hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(self.n_hidden, n_times),
            nn.Dropout(dropout),
        )
        self.network_norm = nn.LayerNorm(n_times)
        self.dropout = nn.Dropout(dropout)

    def forward(self, electrodes: torch.Tensor, token: torch.Tensor) -> torch.Tensor:
        """Return electrodes (B, C, T) for electrodes (B, C, T) and a subject token (B, 1, T)."""
        heard = torch.cat((token, electrodes), dim=1)  # (B, 1 + C, T)
        q = self._heads(self.query(electrodes))  # (B, 4, C, T // 4)
        k = self._heads(self.key(heard))  # (B, 4, 1 + C, T // 4)
        v = self._heads(self.value(heard))  # (B, 4, 1 + C, T // 4)
        dropout = self.dropout.p if self.training else 0.0
        gathered = functional.scaled_dot_product_attention(q, k, v, dropout_p=dropout)
        gathered = gathered.transpose(1, 2).flatten(2)  # (B, C, width)
        x = self.attention_norm(electrodes + self.dropout(self.out(gathered)))  # (B, C, T)
        mixed: torch.Tensor = self.network_norm(x + self.network(x))  # (B, C, T)
        return mixed

    def _heads(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, heads, N, width // heads) for (B, N, width)."""
        return x.view(x.shape[0], x.shape[1], self.n_heads, -1).transpose(1, 2)
