"""What kind of signal a channel carries, where it has no type of its own.

By the convention of XDF every channel has a type. Many senders leave it out and give the stream a
type, which may be "EEG", or as empty a word as "Signal". Volts, or the name of an electrode, then
tell an EEG; a stream in which neither does is refused, for to pass it on as sent is to show an
EEG a million times too small.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from saccade.realtime.blocks.units import CONVERTED_TYPES, kohm_per, microvolts_per
from saccade.realtime.errors import UnitError

# Types of XDF's convention and of common senders, in lower case; what they send is no EEG, and
# stays as it is sent.
OTHER_TYPES = frozenset(
    {
        "accelerometer", "acc", "accel", "gyroscope", "gyro", "magnetometer", "imu", "motion",
        "mocap", "position", "orientation", "quaternion", "markers", "marker", "stim", "trigger",
        "trig", "event", "gaze", "eyetracker", "eyetracking", "pupil", "video", "videoraw",
        "videocompressed", "audio", "ppg", "oximeter", "spo2", "pulse", "heartrate", "hr", "nirs",
        "fnirs", "hbo", "hbr", "gsr", "eda", "scl", "resp", "respiration", "temp", "temperature",
        "force", "keyboard", "mouse", "mouseposition", "control", "misc", "aux", "battery",
        "impedance", "quality", "counter", "syst", "ref_meg", "mag", "grad", "meg", "predictions",
        "status",
    }
)  # fmt: skip

# The 10-20 system and its extensions 10-10 and 10-5 (Oostenveld & Praamstra, Clin. Neurophysiol.
# 112:713, 2001): rows from front to back, z or a number for the distance from the middle line,
# h for half a step; and the mastoids and ear lobes.
_ROWS = "N|Fp|AFp|AF|AFF|F|FFT|FFC|FT|FC|FTT|FCC|T|C|TTP|CCP|TP|CP|TPP|CPP|P|PPO|PO|POO|O|OI|I"
_ELECTRODE = re.compile(rf"(?:{_ROWS})(?:z|(?:10|[1-9])h?)|[AM][12]", re.IGNORECASE)


def is_electrode(name: str) -> bool:
    """Return whether a name is one of the 10-05 system, in whatever case."""
    return _ELECTRODE.fullmatch(name.strip()) is not None


def channel_types(
    stream: str,
    stream_type: str,
    own: Sequence[str],
    units: Sequence[str],
    names: Sequence[str],
    *,
    as_eeg: bool,
) -> tuple[str, ...]:
    """Return the type of each channel, in lower case.

    A channel's own type is believed; one without is an "impedance" if its unit is one of
    resistance. Any other has the stream's type, if that is known; of a type that says nothing, it
    is EEG if its unit is one of voltage, if its name is that of an electrode, or if ``as_eeg``;
    else it is of the stream's type, and stays as sent.

    Parameters
    ----------
    stream, stream_type : str
        Name and type of the stream.
    own, units, names : sequence of str, length n_channels
        What the channels say of themselves; "" where they say nothing.
    as_eeg : bool
        Whether the user has said that the signal is one of voltage, by giving its unit.

    Raises
    ------
    UnitError
        If the stream's type says nothing, and not one channel says what it is.
    """
    kind = stream_type.strip().lower()
    own = [
        "impedance" if not given and kohm_per(unit) is not None else given
        for given, unit in zip(own, units, strict=True)
    ]
    if kind in CONVERTED_TYPES or kind in OTHER_TYPES:
        return tuple((given or kind).lower() for given in own)
    types = []
    for given, unit, name in zip(own, units, names, strict=True):
        eeg = as_eeg or microvolts_per(unit) is not None or is_electrode(name)
        types.append(given.lower() or ("eeg" if eeg else kind))
    if types and all(found == kind and not given for found, given in zip(types, own, strict=True)):
        raise UnitError(
            f"expected stream '{stream}' to say what it carries, but its type '{stream_type}' is "
            "not known, and not one of its channels has a type, a unit of voltage or the name of "
            "an electrode: if it is EEG, give its unit with --unit, as in --unit uV"
        )
    return tuple(types)
