"""Encoders: from a whitened epoch to a vector in the gallery's centred space.

A family is a small class with frozen settings and one method, ``fit``; a plug-in adds one under
the entry-point group ``saccade.encoders``. What it returns leaves training as TorchScript, which
needs none of this code to run.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np
import torch
from torch import nn
from torch.jit import ScriptModule
from torch.jit.frontend import FrontendError

from saccade.models.encoders.canonical_script import canonical
from saccade.models.galleries.gallery import Gallery
from saccade.realtime.errors import CalibrationError, DecoderFileError
from saccade.realtime.types import Float32


def _as_it_is(vectors: Float32) -> Float32:
    return vectors


@dataclass(frozen=True, slots=True, eq=False)
class FittedEncoder:
    """What a family has learned.

    Parameters
    ----------
    module : torch.nn.Module
        Maps float32 (B, n_channels, n_times) to (B, out_dim), un-normalised; can be scripted.
    projection : str
        What the gallery must go through before it is compared with the encoder's vectors, for a
        person to read; empty if it is compared as it is, centred.
    project : callable
        Does so: (G, dim) centred and of unit length to (G, out_dim), float32.
    """

    module: nn.Module
    projection: str = ""
    project: Callable[[Float32], Float32] = _as_it_is

    def compared(self, gallery: Gallery, centre: Float32 | None = None) -> tuple[Gallery, Float32]:
        """Return the gallery that the encoder's vectors are compared with, and its centre.

        Parameters
        ----------
        gallery : Gallery
            As it was trained with, or with other concepts of the same model.
        centre : array of shape (dim,), float32, or None
            Was taken off the vectors it was trained with; None for the gallery's own.

        Returns
        -------
        gallery : Gallery
            The same concepts, projected where the encoder wants it.
        centre : array of shape (out_dim,), float32
            To be taken off it; zeros where it is projected, which includes the centring.
        """
        if not self.projection:
            return gallery, gallery.centre if centre is None else centre
        moved = gallery.projected(self.project(gallery.centred(centre)), self.projection)
        return moved, np.zeros(moved.dim, np.float32)


class EncoderFamily(Protocol):
    """What an entry of ``saccade.encoders`` names: called with settings, or none for the defaults.

    ``settings`` is a frozen dataclass whose fields are ready for JSON; they go into the decoder
    file beside the family's name.
    """

    settings: Any

    def fit(self, X: Float32, Y: Float32, ch_names: Sequence[str] = ()) -> FittedEncoder:
        """Learn to predict ``Y`` from ``X``.

        Parameters
        ----------
        X : array of shape (n_trials, n_channels, n_times), float32
            Whitened epochs in the order in which they were recorded.
        Y : array of shape (n_trials, dim), float32
            Their concepts in the gallery's centred space, of unit length.
        ch_names : sequence of str, length n_channels
            For encoders that want to know where the sensors are.
        """
        ...


def check_training_data(X: Float32, Y: Float32, least_trials: int) -> None:
    """Refuse data that no encoder can be fitted to.

    Parameters
    ----------
    X, Y : arrays of shape (n_trials, n_channels, n_times) and (n_trials, dim)
        As for :meth:`EncoderFamily.fit`.
    least_trials : int
        What the family needs.

    Raises
    ------
    CalibrationError
        If shapes don't fit, a value is not finite, there are too few trials, or all epochs or all
        targets are the same.
    """
    if X.ndim != 3 or Y.ndim != 2 or len(X) != len(Y):
        raise CalibrationError(
            "training needs epochs of shape (n, channels, times) and targets of shape (n, dim), "
            f"but {X.shape} and {Y.shape} came"
        )
    if len(X) < least_trials:
        raise CalibrationError(
            f"this encoder needs at least {least_trials} trials, but {len(X)} came: record more"
        )
    if not (np.isfinite(X).all() and np.isfinite(Y).all()):
        raise CalibrationError(
            "training data must be finite, but NaN or infinity came: leave rejected epochs out"
        )
    if not np.ptp(X, axis=0).any():
        raise CalibrationError(
            f"epochs must differ, but all {len(X)} are the same: check that the stream is live"
        )
    if not np.ptp(Y, axis=0).any():
        raise CalibrationError(
            f"training needs at least 2 concepts, but all {len(Y)} trials have one: show others too"
        )


def export(module: nn.Module, n_channels: int, n_times: int) -> bytes:
    """Return a trained encoder as TorchScript, in evaluation mode and frozen.

    The same encoder gives the same bytes.

    Parameters
    ----------
    module : torch.nn.Module
        As returned by :meth:`EncoderFamily.fit`.
    n_channels, n_times : int
        Shape of an epoch.

    Raises
    ------
    CalibrationError
        If the module can't be scripted, or doesn't map (B, channels, times) to (B, dim).
    """
    with _deprecation_known():
        try:
            script = torch.jit.freeze(torch.jit.script(module.eval()))
            with torch.inference_mode():
                shape = tuple(script(torch.zeros(2, n_channels, n_times)).shape)
        except (RuntimeError, FrontendError) as error:
            raise CalibrationError(
                f"{type(module).__name__} must be scriptable and take epochs of "
                f"shape ({n_channels}, {n_times}), but torch says: {_last_line(error)}"
            ) from error
        if len(shape) != 2 or shape[0] != 2:
            raise CalibrationError(
                f"an encoder must return one vector an epoch, (2, dim) for 2, not {shape}"
            )
        buffer = io.BytesIO()
        torch.jit.save(script, buffer)
    return canonical(buffer.getvalue())


def load_script(script: bytes) -> ScriptModule:
    """Return an exported encoder, on the CPU.

    Raises
    ------
    DecoderFileError
        If the bytes are not TorchScript.
    """
    load: Callable[..., object] = torch.jit.load
    with _deprecation_known():
        try:
            return cast("ScriptModule", load(io.BytesIO(script), map_location="cpu"))
        except (RuntimeError, ValueError) as error:
            raise DecoderFileError(
                f"encoder.ts must be TorchScript, but torch {torch.__version__} can't read its "
                f"{len(script)} bytes: {_last_line(error)}"
            ) from error


@contextmanager
def _deprecation_known() -> Iterator[None]:
    """Keep quiet about the one warning we have decided to live with."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r".*torch\.jit.*is deprecated.*")
        yield


def _last_line(error: BaseException) -> str:
    """Return the last line of torch's often very long messages that says something."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
