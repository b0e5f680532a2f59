"""The decoder at work: one epoch in, a ranking of concepts out.

An epoch gives the same ranking to the last bit wherever it comes from and whatever was decoded
before it: it is copied to the same memory, encoded alone, by one thread, with an encoder that was
warmed up; sums over channels and over vector components run in a fixed order. A decoder that learns
of its user while it runs makes one exception: its rankings depend on the first epochs it decoded
(:mod:`saccade.models.alignment.align_online`), or on all before (:mod:`.align_running`), and on
nothing else.
"""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import torch

from saccade.models.alignment.affine import length_of, unit_length
from saccade.models.alignment.align_online import OnlineAligner
from saccade.models.alignment.align_running import RunningAligner
from saccade.models.alignment.whitening import whiten
from saccade.models.decoders.decoder_file import DecoderFile
from saccade.models.decoders.manifest import OnlineAlignment, RunningAlignment
from saccade.models.encoders import load_script
from saccade.models.evaluation.confidence import Confidence
from saccade.models.galleries.gallery import Gallery
from saccade.realtime.errors import (
    ConfigError,
    DecoderFileError,
    SignatureMismatch,
    SourceError,
)
from saccade.realtime.protocols import Clock
from saccade.realtime.types import Candidate, Epoch, Float32, Float64, Ranking

WARM_UP_RUNS = 3  # TorchScript looks at two runs and optimises on the third


class RetrievalDecoder:
    """Ranks a gallery by cosine with the vector that an encoder predicts for an epoch.

    The encoder predicts in the space of the gallery it was trained with, centred; so the gallery
    is centred (once, here) and the prediction is not. torch is limited to one thread in the whole
    process: more would not be faster for one epoch, and would change the last bits. The memory an
    epoch is copied to is the decoder's only one, so two threads need two decoders.

    Parameters
    ----------
    decoder_file : DecoderFile
        The decoder.
    clock : callable
        Measures how long encoder and retrieval take, in seconds.
    gallery : Gallery or None
        Concepts to choose from instead of the decoder's own, made by the same model. They are
        centred on the decoder's own gallery.
    top_k : int
        Length of ``Ranking.top``, at least 1; all concepts if there are fewer.

    Raises
    ------
    ConfigError
        If ``top_k`` is below 1.
    DecoderFileError
        If the encoder is not what the manifest says.
    GalleryError
        If the gallery does not fit the decoder.
    """

    def __init__(
        self,
        decoder_file: DecoderFile,
        clock: Clock = time.perf_counter,
        gallery: Gallery | None = None,
        top_k: int = 5,
    ) -> None:
        if top_k < 1:
            raise ConfigError(f"top_k must be at least 1, not {top_k}")
        if gallery is not None:
            decoder_file.gallery.check_compatible(gallery)
        self.gallery = decoder_file.gallery if gallery is None else gallery
        self._vectors = self.gallery.centred(decoder_file.gallery_centre)
        self._file = decoder_file
        self._clock = clock
        self._top_k = top_k
        about = decoder_file.encoder
        self._input = torch.zeros(1, about.n_channels, about.n_times)
        self._encoder = load_script(decoder_file.script)
        self._warm_up()
        self.reset()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the concepts, in gallery order."""
        return self.gallery.names

    @property
    def alignment(self) -> dict[str, Any] | None:
        """What aligns the vectors or signals of this user, and whether it does yet; or None.

        Ready for JSON: ``kind``, the ``trials`` it was learned from and, where they are gathered
        in the session, how many that will be (``of``), whether it is ``active``, and a
        ``problem`` that keeps it from becoming so. Of one that follows the user throughout, as
        :meth:`.align_running.RunningAligner.describe` has it, with the fixed one it is ``behind``.
        """
        fixed = self._file.alignment
        if self._running is not None:
            behind = {} if fixed is None else {"behind": fixed.kind}
            return self._running.describe() | behind
        if fixed is not None:
            return {"kind": fixed.kind, "trials": fixed.n_trials, "active": True}
        return self._online.describe() if self._online is not None else None

    def reset(self) -> None:
        """Forget what was learned of the user, as at the start of a session."""
        file, online = self._file, self._file.online
        self._online = OnlineAligner(online) if isinstance(online, OnlineAlignment) else None
        self._running = None
        if isinstance(online, RunningAlignment):
            self._running = RunningAligner(online, file.signal_whitening, file.online_mean)
        self._use_what_is_known()

    def embed(self, epoch: Epoch) -> Float32:
        """Return what the encoder makes of one epoch, (dim,), before any alignment of vectors.

        Nothing is learned from the epoch.

        Raises
        ------
        SignatureMismatch, SourceError
            As :meth:`decode`.
        """
        self._check(epoch)
        return self._encode(epoch.data).copy()  # it may share the memory of the next

    def decode(self, epoch: Epoch) -> Ranking:
        """Rank the concepts for one epoch.

        Raises
        ------
        SignatureMismatch
            If shape or rate of the epoch are not those of the decoder.
        SourceError
            If the epoch, or what the encoder makes of it, is not finite.
        """
        self._check(epoch)
        started_s = self._clock()
        vector = self._encode(epoch.data)
        encoded_s = self._clock()
        aligned = self._aligned(vector, epoch.number)
        scores, length = self._score(aligned)
        sure = self._confidence.probabilities(scores, length, self._biases)
        probabilities = sure.astype(np.float32)
        order = np.argsort(-scores, kind="stable")[: self._top_k]  # equal scores in gallery order
        top = tuple(
            Candidate(int(row), self.names[row], float(scores[row]), float(probabilities[row]))
            for row in order
        )
        ranking = Ranking(
            top=top,
            scores=scores,
            probabilities=probabilities,
            encoder_s=encoded_s - started_s,
            retrieval_s=self._clock() - encoded_s,
        )
        if self._online is not None and not self._online.active and not epoch.rejected:
            self._online.add(epoch.data, vector)
            self._use_what_is_known()
        if self._running is not None:
            self._running.add(epoch, aligned)
            self._use_what_is_known()
        return ranking

    def _use_what_is_known(self) -> None:
        """Take signal whitening, alignment and confidence from the file, or from the session."""
        file, online = self._file, self._online
        self._whitening, self._alignment = file.signal_whitening, file.alignment
        self._confidence = file.confidence or Confidence("cosine", file.temperature)
        if online is not None and online.active:
            if online.whitening is not None:
                self._whitening = online.whitening
            self._alignment = online.alignment
            # Lengths are others now, and biases those of another session.
            temperature = online.settings.temperature or file.temperature
            self._confidence = Confidence("cosine", temperature)
        running = self._running
        if running is not None and running.active:
            self._whitening = running.whitening
            if running.settings.temperature is not None:
                self._confidence = Confidence("cosine", running.settings.temperature)
        # Biases are of the concepts that were shown, among the gallery they were shown from.
        own = self.gallery.names == file.gallery.names
        even = np.zeros(len(self.names))
        self._biases = self._confidence.biases(self.names) if own else even

    def _encode(self, data: Float32) -> Float32:
        """Return the vector of one epoch, (dim,)."""
        torch.set_num_threads(1)  # somebody may have changed it since
        signal = whiten(data, self._file.signal_mean, self._whitening)
        with torch.inference_mode():
            self._input[0].copy_(torch.from_numpy(signal))
            return np.asarray(self._encoder(self._input)[0].numpy(), dtype=np.float32)

    def _aligned(self, vector: Float32, number: int) -> Float32:
        """Return a vector (dim,) as the alignment of the file or the session's start has it."""
        if not np.isfinite(vector).all():
            raise SourceError(
                f"the encoder's vector for epoch {number} must be finite, but holds NaN or "
                "infinity: check the amplitudes of the stream"
            )
        return vector if self._alignment is None else self._alignment.apply(vector)

    def _score(self, aligned: Float32) -> tuple[Float32, Float64]:
        """Return the cosine of every concept, (n_gallery,), and the length of the vector."""
        compared = aligned if self._running is None else self._running.apply(aligned)
        unit = unit_length(compared)  # zero if it says nothing, so that all are equally near
        # einsum sums each row alike wherever it stands; a BLAS product does not.
        return np.asarray(np.einsum("gd,d->g", self._vectors, unit)), length_of(compared)

    def _check(self, epoch: Epoch) -> None:
        """Refuse an epoch the decoder was not made for."""
        about, rate = self._file.encoder, self._file.working_sfreq
        problems = []
        if epoch.data.shape != (about.n_channels, about.n_times):
            problems.append(
                f"shape {(about.n_channels, about.n_times)} expected, {epoch.data.shape} came"
            )
        if not math.isclose(epoch.sfreq, rate, rel_tol=1e-9):
            problems.append(f"rate {rate:g} Hz expected, {epoch.sfreq:g} Hz came")
        if problems:
            raise SignatureMismatch(
                f"epoch {epoch.number} does not fit the decoder: {'; '.join(problems)}: "
                "use pipeline and epochs of the decoder file"
            )
        if not np.isfinite(epoch.data).all():
            bad = int(np.count_nonzero(~np.isfinite(epoch.data)))
            raise SourceError(
                f"epoch {epoch.number} must be complete, but {bad} of {epoch.data.size} values "
                "are NaN or infinite: leave rejected epochs out"
            )

    def _warm_up(self) -> None:
        """Run the encoder until it has settled; refuse one that returns something else."""
        about = self._file.encoder
        torch.set_num_threads(1)
        with torch.inference_mode():
            try:
                for _ in range(WARM_UP_RUNS):
                    came = self._encoder(self._input)
            except RuntimeError as error:
                raise DecoderFileError(
                    f"encoder.ts must take epochs of shape {(about.n_channels, about.n_times)}, "
                    f"but fails: {str(error).strip().splitlines()[-1]}"
                ) from error
        if tuple(came.shape) != (1, about.dim) or came.dtype != torch.float32:
            raise DecoderFileError(
                f"encoder.ts must return float32 of shape {(1, about.dim)} for one epoch, not "
                f"{came.dtype} of shape {tuple(came.shape)}: calibrate again"
            )
