"""Every error saccade raises on purpose, as one tree.

::

    SaccadeError                 anything below; ``str(error)`` is one line for a person
    ├── ConfigError              a setting, flag or file of settings is wrong
    ├── SourceError              something is wrong with what comes in
    │   ├── StreamNotFound       no stream answers the request
    │   ├── AmbiguousStream      several do; the message lists them
    │   ├── StreamLost           the sender is gone and will not return
    │   ├── UnitError            a unit is unknown, or the amplitudes contradict it
    │   └── RecordingError       a recorded file can't be read as a recording
    ├── SignatureMismatch        a decoder and a stream do not fit; every difference is named
    ├── DecoderFileError         a decoder file is truncated, altered or of another version
    ├── GalleryError             a gallery is malformed or does not fit the decoder
    ├── CalibrationError         the data does not allow a decoder to be made
    ├── SessionError         a calibration session can't begin, or not go on
    ├── ControlError         a running session can't be commanded, or refuses a command
    └── CheckpointError          a training can't be saved, or not be resumed from a file

A message says what was expected, what came (with numbers) and what to do about it.
Anything else that escapes is a bug and is shown with its traceback.
"""

from __future__ import annotations


class SaccadeError(Exception):
    """Base of all errors raised on purpose."""


class ConfigError(SaccadeError):
    """A setting, flag or configuration file is wrong."""


class SourceError(SaccadeError):
    """Something is wrong with what comes in."""


class StreamNotFound(SourceError):
    """No stream answers the request."""


class AmbiguousStream(SourceError):
    """Several streams answer a request for one."""


class StreamLost(SourceError):
    """The sender of a stream is gone."""


class UnitError(SourceError):
    """A unit is unknown, or the amplitudes contradict it."""


class RecordingError(SourceError):
    """A file can't be read as a recording."""


class SignatureMismatch(SaccadeError):
    """A decoder and a stream do not fit."""


class DecoderFileError(SaccadeError):
    """A decoder file is truncated, altered or of an unknown version."""


class GalleryError(SaccadeError):
    """A gallery is malformed or does not fit the decoder."""


class CalibrationError(SaccadeError):
    """The calibration data does not allow a decoder to be made."""


class CheckpointError(SaccadeError):
    """A checkpoint of a training can't be written, read, or does not belong to it."""


class SessionError(SaccadeError):
    """A calibration session can't begin, or not go on."""


class ControlError(SaccadeError):
    """A running session can't be commanded, or refuses a command."""
