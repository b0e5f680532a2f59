"""A calibration that starts from other people's decoder, or from an encoder trained on them.

Such a decoder brings its pipeline, its window and, unless another is given, its gallery: what it
has learned holds for nothing else.
"""

from __future__ import annotations

from saccade.cli.galleries import gallery_of
from saccade.cli.sections import Config
from saccade.models.decoders import decoder_file
from saccade.models.decoders.decoder_file import DecoderFile
from saccade.models.galleries.gallery import Gallery
from saccade.realtime.errors import ConfigError


def pretrained_of(settings: Config) -> DecoderFile | None:
    """Return the decoder that ``--pretrained`` names; an encoder becomes one, for strangers.

    Raises
    ------
    ConfigError
        If the file is neither.
    DecoderFileError, GalleryError, SignatureMismatch
        If it can't be read, or does not fit the gallery.
    """
    path = settings.calibration.pretrained
    if path is None:
        return None
    if path.suffix == ".saccade":
        return decoder_file.load(path)
    if path.suffix != ".encoder":
        raise ConfigError(
            f"--pretrained should be a decoder (*.saccade) or an encoder (*.encoder), not "
            f"'{path.name}': export or train one"
        )
    from saccade.models.training import encoder_file
    from saccade.models.training.encoder_export import make_decoder

    return make_decoder(encoder_file.load(path), gallery_of(settings))


def gallery_for(settings: Config) -> Gallery:
    """Return what a calibration chooses from.

    It is the gallery that is given; without one, that of the decoder to start from, or else the
    built-in one. An encoder that wants its gallery elsewhere puts it there.

    Raises
    ------
    ConfigError, DecoderFileError, GalleryError, SignatureMismatch
        As for :func:`pretrained_of`.
    """
    start = pretrained_of(settings)
    is_encoder = settings.calibration.pretrained is not None and (
        settings.calibration.pretrained.suffix == ".encoder"
    )
    if start is None or (settings.gallery.vectors is not None and not is_encoder):
        return gallery_of(settings)
    return start.gallery
