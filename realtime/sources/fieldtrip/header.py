"""What a FieldTrip buffer says about its signal, read into a StreamSpec.

The protocol has names and one resolution a channel, but neither types nor units. A Neuromag
system adds the header of its recording, which has both. Otherwise the names tell: those of
Neuromag and CTF sensors, EOG, ECG, EMG and trigger channels, and the positions of the 10-05 system.

Units are believed only where something says them: Neuromag's software sends T, T/m and V; whole
numbers with a resolution are µV (BrainVision's convention). Other EEG has no unit, and has to be
told one.
"""

from __future__ import annotations

import collections
import logging
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from saccade.realtime.errors import SignatureMismatch, SourceError
from saccade.realtime.types import Float64, StreamSpec

logger = logging.getLogger(__name__)

RESOLUTIONS, NIFTI, NEUROMAG = 3, 5, 8  # kinds of header chunks
INTEGER_TYPES = range(1, 9)  # of the protocol's data types
KNOWN_TYPES = range(11)
MOST_CHANNELS = 65_536
LOWEST_HZ, HIGHEST_HZ = 0.1, 1e6  # beyond which a header is none
SI_UNITS = {"mag": "T", "grad": "T/m", "ref_meg": "T", "eeg": "V", "eog": "V", "ecg": "V"}
SI_UNITS |= {"emg": "V", "seeg": "V", "ecog": "V", "bio": "V"}
SIGNAL_TYPES = ("eeg", "mag", "grad")

_NEUROMAG_NAME = re.compile(r"MEG ?\d{3}[123]$")
_CTF_NAME = re.compile(r"M[LRZ][CFOPT]\d\d")
_CTF_REFERENCE = re.compile(r"(B[GPR]|[GPQR])\d{1,2}(-|$)")
_BY_NAME = (
    (re.compile(r"MEG ?\d{3}1$"), "mag"),
    (re.compile(r"MEG ?\d{3}[23]$"), "grad"),
    (_CTF_NAME, "mag"),
    (re.compile(r"EEG ?\d+"), "eeg"),
    (re.compile(r"[VH]?EOG"), "eog"),
    (re.compile(r"ECG|EKG"), "ecg"),
    (re.compile(r"EMG"), "emg"),
    (re.compile(r"STI|TRIG|UPPT|UDIO|UADC|SCLK|STATUS"), "stim"),
    (re.compile(r"MISC|SYS|CHPI|HLC|HDAC|AUX|ACC"), "misc"),
)


def describe(
    header: Any, name: str, ch_names: tuple[str, ...] | None = None
) -> tuple[StreamSpec, Float64 | None]:
    """Return what a buffer carries.

    Parameters
    ----------
    header : mne_realtime.externals.FieldTrip.Header
        As the client gives it.
    name : str
        What to call the stream: where the buffer is.
    ch_names : tuple of str or None
        Names to use instead of those in the header.

    Returns
    -------
    spec : StreamSpec
        Units as the buffer sends them, "" where nothing says.
    resolution : array of shape (n_channels,), float64, or None
        What the samples are to be multiplied by; None: by nothing.

    Raises
    ------
    SourceError
        If it is no EEG or MEG, or its channels can't be told apart.
    SignatureMismatch
        If there are more or fewer names than channels.
    """
    n, sfreq = header.nChannels, float(header.fSample)
    if NIFTI in header.chunks:
        raise SourceError(
            f"expected EEG or MEG from {name}, but it holds volumes of {n} voxels (fMRI), which "
            "saccade does not decode live: point to another buffer"
        )
    if not (0 < n <= MOST_CHANNELS and LOWEST_HZ <= sfreq <= HIGHEST_HZ):
        raise SourceError(
            f"expected channels at a rate of {LOWEST_HZ:g} Hz to {HIGHEST_HZ:g} Hz from {name}, "
            f"but its header says {n} channels at {sfreq:g} Hz: is the acquisition set up?"
        )
    if header.dataType not in KNOWN_TYPES:
        raise SourceError(
            f"expected values of a type that the protocol knows (0 to {KNOWN_TYPES[-1]}) from "
            f"{name}, but its header says {header.dataType}: mend the sender"
        )
    if ch_names is not None and len(ch_names) != n:
        raise SignatureMismatch(
            f"expected one name for each of the {n} channels of {name}, but {len(ch_names)} were "
            "given: correct the list of names"
        )
    labels = tuple(label.strip() for label in header.labels)
    names = ch_names or tuple(
        label or str(place) for place, label in enumerate(labels or ("",) * n, 1)
    )
    twice = sorted(label for label, count in collections.Counter(names).items() if count > 1)
    if twice:
        raise SourceError(
            f"expected every channel of {name} to have a name of its own, but {', '.join(twice)} "
            "occurs more than once: name the channels"
        )
    types = _types(names, _neuromag_types(header), name)
    resolution, micro = _resolution(header)
    neuromag = NEUROMAG in header.chunks or any(map(_NEUROMAG_NAME.match, names))
    stated = SI_UNITS if neuromag else {t: u for t, u in SI_UNITS.items() if u != "V"}
    units = [stated.get(kind, "") for kind in types]
    if micro:
        units = ["uV" if SI_UNITS.get(t) == "V" else u for t, u in zip(types, units, strict=True)]
    spec = StreamSpec(name, sfreq, names, types, tuple(units), source_id=name, counted=True)
    return spec, resolution


def difference(expected: StreamSpec, came: StreamSpec) -> str:
    """Return in words how a buffer's header differs from the one that was there before."""
    if came.sfreq != expected.sfreq:
        return f"{came.sfreq:g} Hz instead of {expected.sfreq:g}"
    if came.n_channels != expected.n_channels:
        return f"{came.n_channels} channels instead of {expected.n_channels}"
    for what in ("ch_names", "ch_types", "units"):
        pairs = zip(getattr(expected, what), getattr(came, what), strict=True)
        changed = [f"{new!r} instead of {old!r}" for old, new in pairs if new != old]
        if changed:
            return (
                f"{len(changed)} of its {what.replace('ch_', 'channel ')} are others: "
                + (changed[0])
            )
    return ""


def _types(names: tuple[str, ...], known: dict[str, str], where: str) -> tuple[str, ...]:
    """Return each channel's type: known, or told by its name."""
    upper = [name.upper() for name in names]
    if any(map(_CTF_NAME.match, upper)):
        references = {n for n, u in zip(names, upper, strict=True) if _CTF_REFERENCE.match(u)}
        known = dict.fromkeys(references, "ref_meg") | known
    positions = _positions()
    types, unknown = [], []
    for name, capital in zip(names, upper, strict=True):
        kind = known.get(name) or next((k for p, k in _BY_NAME if p.match(capital)), None)
        if kind is None:
            kind = "eeg" if capital in positions else "misc"
            if kind == "misc":
                unknown.append(name)
        types.append(kind)
    if not any(kind in SIGNAL_TYPES for kind in types):
        listed = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
        raise SourceError(
            f"expected EEG or MEG channels from {where}, but none of its {len(names)} names is "
            f"that of one ({listed}): name the channels in order with --ch-names"
        )
    if unknown:
        logger.warning(
            "%d channels of %s have names that say nothing of their type, and are taken for "
            "'misc': %s",
            len(unknown),
            where,
            ", ".join(unknown),
        )
    return tuple(types)


def _neuromag_types(header: Any) -> dict[str, str]:
    """Return the type of each channel in a Neuromag recording's header; empty if there is none."""
    content = header.chunks.get(NEUROMAG)
    if content is None:
        return {}
    import mne

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "header.fif"
        path.write_bytes(content)
        try:
            info = mne.io.read_info(path, verbose="error")
        except Exception as error:  # a foreign file may make MNE raise anything
            logger.warning("the Neuromag header can't be read, so that names tell: %s", error)
            return {}
    kinds = dict(zip(info.ch_names, info.get_channel_types(), strict=True))
    return {n: k if k in SI_UNITS or k == "stim" else "misc" for n, k in kinds.items()}


def _resolution(header: Any) -> tuple[Float64 | None, bool]:
    """Return the factors of whole numbers, and whether the buffer's EEG is in µV with them."""
    content = header.chunks.get(RESOLUTIONS, b"")
    if len(content) != 8 * header.nChannels:
        return None, False
    factors = np.frombuffer(content, np.float64)
    if not (np.isfinite(factors).all() and (factors > 0).all()):
        raise SourceError(
            "expected resolutions above 0 in the FieldTrip header, but the smallest is "
            f"{factors.min():g}: mend the sender"
        )
    if header.dataType in INTEGER_TYPES:
        return factors, True
    return None, bool((factors == 1).all())


def _positions() -> frozenset[str]:
    """Return the names of the 10-05 system, in capitals."""
    import mne

    montage = mne.channels.make_standard_montage("colin27_1005")  # formerly standard_1005
    return frozenset(name.upper() for name in montage.ch_names)
