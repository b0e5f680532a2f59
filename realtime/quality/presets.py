"""Limits for known amplifiers and electrodes.

What a source gives is taken over, everything else stays as in "generic":

* full scale: the converter's range over the amplifier's usual gain, which is the maker's figure; a
  device that is set to another gain needs ``full_scale_uv`` of its own;
* amplitudes: those between which EEG-ExPy (``analysis/utils.py``) lets a session begin, by device,
  are the limits of doubt;
* impedances: the maker's.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from types import MappingProxyType

from saccade.realtime.errors import ConfigError
from saccade.realtime.quality.settings import QualitySettings

_GENERIC = QualitySettings()
_LOW_UV = (1.0, _GENERIC.low_uv[1])

# ADS1299 at a gain of 24: 4.5 V / 24. EEG-ExPy: 1 to 9 µV.
_CYTON = dataclasses.replace(
    _GENERIC,
    full_scale_uv=187_500.0,
    low_uv=_LOW_UV,
    high_uv=(9.0, _GENERIC.high_uv[1]),
    impedance_kohm=(50.0, 150.0),
)

PRESETS: Mapping[str, QualitySettings] = MappingProxyType(
    {
        "generic": _GENERIC,
        # 12 bits of 0.48828 µV (muse-lsl): ±1000 µV. EEG-ExPy: 1 to 18 µV.
        "muse": dataclasses.replace(
            _GENERIC,
            full_scale_uv=1000.0,
            low_uv=_LOW_UV,
            high_uv=(18.0, _GENERIC.high_uv[1]),
        ),
        "openbci-cyton": _CYTON,
        # OpenBCI GUI, CytonElectrodeStatus: green to 750 kΩ, yellow to 2500.
        "openbci-cyton-dry": dataclasses.replace(_CYTON, impedance_kohm=(750.0, 2500.0)),
        # MCP3912: 1.2 V / (51 × 1.5). OpenBCI GUI, W_GanglionImpedance: 50 and 150 kΩ.
        "openbci-ganglion": dataclasses.replace(_CYTON, full_scale_uv=15_686.0),
        # g.tec Unicorn Hybrid Black: ±750 mV. EEG-ExPy: 1 to 15 µV.
        "unicorn": dataclasses.replace(
            _GENERIC,
            full_scale_uv=750_000.0,
            low_uv=_LOW_UV,
            high_uv=(15.0, _GENERIC.high_uv[1]),
        ),
        # Brain Products actiCHamp: ±400 mV; 25 kΩ will do for its active electrodes.
        "actichamp": dataclasses.replace(_GENERIC, full_scale_uv=400_000.0),
        # Brain Products BrainAmp at 0.1 µV a bit, 16 bits; passive electrodes, 5 to 10 kΩ.
        "brainamp": dataclasses.replace(
            _GENERIC, full_scale_uv=3276.7, impedance_kohm=(10.0, 20.0)
        ),
    }
)


def preset(name: str) -> QualitySettings:
    """Return the limits for a device.

    Parameters
    ----------
    name : str
        One of :data:`PRESETS`.

    Raises
    ------
    ConfigError
        If there is none of that name.
    """
    if name not in PRESETS:
        near = difflib.get_close_matches(name, PRESETS, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(PRESETS)}"
        raise ConfigError(f"there is no quality preset '{name}': {hint}")
    return PRESETS[name]
