"""Impedances that travel beside the EEG.

LSL has no convention for them. What is understood: channels of the EEG stream itself whose type is
"impedance" or "imp", or whose unit is one of resistance (ohm, kOhm, MOhm, with Ω as well). Such a
channel is about the EEG channel whose name its own contains, once "impedance", "imp" and "z" are
taken off ("Cz imp", "imp_Cz", "Cz-impedance"); or, where names say nothing and there are as many
of one kind as of the other, about the one at the same place in order.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from saccade.realtime.blocks.units import kohm_per
from saccade.realtime.types import StreamSpec

_TYPES = frozenset({"impedance", "impedances", "imp"})


def carried(spec: StreamSpec, eeg: Sequence[int]) -> dict[int, tuple[int, float]]:
    """Return which EEG channel's impedance stands in which channel.

    Parameters
    ----------
    spec : StreamSpec
        The stream.
    eeg : sequence of int
        Places of its EEG channels.

    Returns
    -------
    dict of int to (int, float)
        Place of an EEG channel → place of the channel with its impedance, and kΩ per unit there;
        a unit that is not known counts as kΩ, one that is not given too.
    """
    found = {
        i: kohm_per(spec.units[i]) or 1.0
        for i, kind in enumerate(spec.ch_types)
        if i not in eeg and (kind in _TYPES or kohm_per(spec.units[i]) is not None)
    }
    place_of = {_bare(spec.ch_names[i]): i for i in eeg}
    named = {
        place_of[key]: (i, factor)
        for i, factor in found.items()
        if (key := _bare(spec.ch_names[i])) in place_of
    }
    if not named and len(found) == len(eeg):
        return dict(zip(eeg, found.items(), strict=True))
    return named


def _bare(name: str) -> str:
    words = re.split(r"[\s_\-:.()]+", name.casefold())
    return "".join(word for word in words if word not in {"impedance", "imp", "z", "eeg"})
