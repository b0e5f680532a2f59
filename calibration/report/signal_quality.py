"""How good each channel was over a session, told from its recordings alone.

The monitor of the live session judges the recorded samples again: what it says does not depend on
how they come, so a report from recordings says what was seen live.
"""

from __future__ import annotations

import collections
import math
from collections.abc import Sequence

from saccade.calibration.report.contents import SignalQuality
from saccade.realtime.blocks.units import EEG_TYPES
from saccade.realtime.quality.monitor import TOO_EARLY, QualityMonitor
from saccade.realtime.quality.settings import QualitySettings
from saccade.realtime.sources.file import FileSource
from saccade.realtime.types import QualityReport, StreamSpec

LEAST_BIN_S, MOST_BINS = 5.0, 150
LETTERS = {"good": "g", "doubtful": "d", "bad": "b", "not judged": "-"}


def signal_quality(
    recordings: Sequence[FileSource], settings: QualitySettings, ch_names: Sequence[str]
) -> SignalQuality | None:
    """Return how good channels were.

    Parameters
    ----------
    recordings : sequence of FileSource
        The runs, in the order of time; each is read from its beginning.
    settings : QualitySettings
        The limits.
    ch_names : sequence of str
        Channels that are used; of them, the EEG channels are told.

    Returns
    -------
    SignalQuality or None
        None where there is no recording, or no EEG channel.
    """
    runs = [_reports(source, settings) for source in recordings]
    if not runs:
        return None
    spec = runs[0][0]
    kinds = dict(zip(spec.ch_names, spec.ch_types, strict=True))
    told = [spec.ch_names.index(name) for name in ch_names if kinds.get(name) in EEG_TYPES]
    seconds = sum(reports[-1].stamp_s - reports[0].stamp_s for _, reports in runs if reports)
    if not told or seconds <= 0:
        return None
    bin_s = max(LEAST_BIN_S, LEAST_BIN_S * math.ceil(seconds / MOST_BINS / LEAST_BIN_S))
    letters = ["" for _ in told]
    said: list[collections.Counter[str]] = [collections.Counter() for _ in told]
    n_bins = []
    for _, reports in runs:
        bins = _binned(reports, bin_s)
        n_bins.append(len(bins))
        for place, channel in enumerate(told):
            letters[place] += "".join(_mostly(channel, part) for part in bins)
            said[place].update(
                r.reasons[channel].split("; ")[0]
                for r in reports
                if _judged(r, channel) and r.states[channel] != "good"
            )
    return SignalQuality(
        bin_s,
        tuple(n_bins),
        tuple(spec.ch_names[channel] for channel in told),
        tuple(letters),
        tuple(_commonest(counts) for counts in said),
    )


def _reports(
    source: FileSource, settings: QualitySettings
) -> tuple[StreamSpec, list[QualityReport]]:
    spec, monitor = source.open(), QualityMonitor(settings)
    monitor.reset(spec)
    reports: list[QualityReport] = []
    try:
        while (reading := source.read(0.0)) is not None:
            reports.extend(monitor.step(reading.chunk))
    finally:
        source.close()
    return spec, reports


def _binned(reports: Sequence[QualityReport], bin_s: float) -> list[list[QualityReport]]:
    """Return the reports of each bin, in the order of time; a pause leaves empty ones out."""
    bins: dict[int, list[QualityReport]] = {}
    for report in reports:
        bins.setdefault(int((report.stamp_s - reports[0].stamp_s) // bin_s), []).append(report)
    return [bins[number] for number in sorted(bins)]


def _mostly(channel: int, reports: Sequence[QualityReport]) -> str:
    counts = collections.Counter(LETTERS[r.states[channel]] for r in reports if _judged(r, channel))
    return max("bdg", key=lambda letter: counts[letter]) if counts.total() else "-"


def _judged(report: QualityReport, channel: int) -> bool:
    """Return whether a channel could be judged, which takes some seconds after a start."""
    return report.states[channel] != "not judged" and TOO_EARLY not in report.reasons[channel]


def _commonest(counts: collections.Counter[str]) -> str:
    """Return what was said most, with the numbers in it those of one of the times."""
    if not counts:
        return ""
    kinds: collections.Counter[str] = collections.Counter()
    for reason, n in counts.items():
        kinds["".join(c for c in reason if not c.isdigit())] += n
    kind = kinds.most_common(1)[0][0]
    of_kind = {r: n for r, n in counts.items() if "".join(c for c in r if not c.isdigit()) == kind}
    return max(of_kind, key=lambda reason: of_kind[reason])
