"""May a block begin? Windows of signal are judged by the states of the channels.

A window is good if at its end hardly any of the channels that will be used is bad, and those over
the visual cortex are not dead: what a person sees is told by few electrodes, and no number of
good ones elsewhere makes up for them.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from saccade.calibration.session_events import Judged
from saccade.calibration.visual import is_visual
from saccade.realtime.errors import ConfigError
from saccade.realtime.quality.monitor import TOO_EARLY
from saccade.realtime.types import QualityReport

MOST_NAMES = 5


@dataclass(frozen=True, slots=True)
class GateSettings:
    """When signal is good enough to begin with.

    Parameters
    ----------
    window_s : float
        Length of a window in s, above 0. EEG-ExPy judges windows of 5 s.
    most_bad : float, 0 to 1
        Share of the channels used that may be bad. clean_rawdata takes a window for bad above 0.2.
    most_bad_visual : float, 0 to 1
        The same of those over the occipital lobe. Ours: of O1, Oz and O2 one may be bad.
    """

    window_s: float = 5.0
    most_bad: float = 0.2
    most_bad_visual: float = 1 / 3

    def __post_init__(self) -> None:
        """Refuse what could never, or always, be met."""
        if not (math.isfinite(self.window_s) and self.window_s > 0):
            raise ConfigError(f"window_s of the gate must be above 0 s, not {self.window_s:g}")
        for name in ("most_bad", "most_bad_visual"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ConfigError(f"{name} of the gate must be 0 to 1, not {value:g}: correct it")


class Gate:
    """Judges windows.

    Parameters
    ----------
    settings : GateSettings
    used : collection of str
        Channels that will be decoded from, without those given up as bad.
    """

    def __init__(self, settings: GateSettings, used: Collection[str]) -> None:
        self.settings = settings
        self._used = frozenset(used)
        self._from_s = math.nan  # when the present window began

    def step(self, report: QualityReport) -> Judged | None:
        """Take a report; return the verdict on the window that it ends, if it ends one.

        The first window begins when every channel can be judged.
        """
        judged = [
            (name, state, reason)
            for name, state, reason in zip(
                report.ch_names, report.states, report.reasons, strict=True
            )
            if name in self._used and state != "not judged"
        ]
        if any(TOO_EARLY in reason for _, _, reason in judged):
            self._from_s = math.nan
            return None
        if math.isnan(self._from_s):
            self._from_s = report.stamp_s
        if report.stamp_s - self._from_s < self.settings.window_s:
            return None
        self._from_s = report.stamp_s
        bad = {name: reason for name, state, reason in judged if state == "bad"}
        return self._verdict([name for name, _, _ in judged], bad)

    def _verdict(self, names: Sequence[str], bad: Mapping[str, str]) -> Judged:
        if not names:
            n = len(self._used)
            text = f"none of the {n} channels used is EEG, and no other can be judged: look at them"
            return Judged(True, text)
        visual = [name for name in names if is_visual(name)]
        dead = [name for name in visual if name in bad]
        told = _listed(bad)
        if visual and len(dead) > self.settings.most_bad_visual * len(visual):
            text = (
                f"{len(dead)} of {len(visual)} channels over the visual cortex are bad ({told}): "
                "without them there is little to decode; put them right, or go on at the risk "
                "of a decoder that does not work"
            )
            return Judged(False, text, bad)
        if len(bad) > self.settings.most_bad * len(names):
            text = (
                f"{len(bad)} of {len(names)} channels are bad ({told}): put them right, begin "
                f"again with --bads {','.join(bad)}, or go on at the risk of a worse decoder"
            )
            return Judged(False, text, bad)
        words = f"all but {told}" if bad else "all channels"
        return Judged(True, f"{words} of {len(names)} good enough", bad)


def _listed(bad: Mapping[str, str]) -> str:
    told = [f"{name}: {reason.split('; ')[0]}" for name, reason in list(bad.items())[:MOST_NAMES]]
    more = len(bad) - MOST_NAMES
    return ", ".join([*told, f"{more} more"] if more > 0 else told)
