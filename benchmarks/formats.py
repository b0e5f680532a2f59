"""What saccade reads in public recordings of every format: the table in docs/formats.md.

    python benchmarks/formats.py DATA [--json] [--quick]

DATA is a folder with the recordings, each set in a folder of its own; every file in a format that
saccade reads is a row. ``--quick`` takes the smallest file of each set.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from common import emit, options

from saccade.realtime.errors import SaccadeError
from saccade.realtime.sources.file import FileSource, FileSourceSettings
from saccade.realtime.sources.formats.formats import ENDINGS
from saccade.realtime.sources.survey import survey

# Where each folder's files are from, and what their names there began with.
SETS = {
    "xdf/example-files": "xdf-modules example-files",
    "xdf/muselsl2": "MuseLSL2",
    "xdf/bci-essentials": "bci-essentials-python",
    "formats": "MNE-Python, eeguana",
    "ssvep-4class": "dataset-ssvep-exoskeleton",
    "n170-house-face": "eeg-notebooks_v0.1",
    "p300-oddball": "Eegle.jl",
}
HEADER = (
    "file",
    "signal taken",
    "rate stated → delivered, Hz",
    "samples, length",
    "time",
    "markers",
    "other streams",
    "as it is",
)
# What a user would try, in this order, after a refusal that does not say what to try.
WAYS_OUT: tuple[dict[str, Any], ...] = (
    {"unit": "uV"},
    {"sfreq": 128.0, "unit": "uV"},
    {"ch_names": ("F1", "F2", "F1b")},
)
FLAGS = {"unit": "--unit", "sfreq": "--sfreq", "ch_names": "--ch-names"}
COUNTED = {
    "gaps": "gaps",
    "lost": "lost",
    "clock_resets": "clock reset",
    "steps_back": "stamps step back",
    "bursts": "bursts",
}
MOST_NAMED = 4  # values of markers, or other streams


def files(data: Path) -> Iterator[tuple[str, Path]]:
    """Yield each recording under a folder, with the name of the set it is from."""
    for folder, source in SETS.items():
        for path in sorted((data / folder).glob("*")):
            if path.suffix.lower() in ENDINGS and not path.stem.endswith("-eve"):
                yield source, path


def public_name(source: str, path: Path) -> str:
    """Return a file's name as its source has it: a digest before it, if any, is ours."""
    return f"{source} `{re.sub('^[0-9a-f]{6}_', '', path.name)}`"


def row(path: Path) -> dict[str, Any]:
    """Return what is in a file, and with which flags it can be replayed, if any."""
    settings = FileSourceSettings(path)
    facts = survey(settings)
    facts["opens_with"] = None
    if facts["refused"] is None:
        facts["opens_with"] = {}
        return facts
    advised = re.search(r"try --unit (\w+)", facts["refused"])
    for way in ({"unit": advised[1]},) if advised else WAYS_OUT:
        try:
            FileSource(replace(settings, **way)).open()
        except SaccadeError:
            continue
        facts["opens_with"] = way
        break
    return facts


def cells(name: str, facts: dict[str, Any]) -> tuple[str, ...]:
    """Return a row of the table."""
    taken = next((stream for stream in facts["streams"] if stream["taken"]), None)
    others = [
        f"{s['type'] or s['name']} {s['samples']}" for s in facts["streams"] if not s["taken"]
    ] + [f"{e['name']} {e['events']}" for e in facts["markers"] if not e["taken"]]
    markers = [_events(events) for events in facts["markers"] if events["taken"]]
    return (
        name,
        "–" if taken is None else f"{taken['name']}, {_channels(taken)}",
        "–" if taken is None else _rate(taken),
        "–" if taken is None else _length(taken),
        "–" if taken is None else _time(taken),
        "; ".join(markers) or "–",
        ", ".join(others) or "–",
        _verdict(facts),
    )


def _channels(stream: dict[str, Any]) -> str:
    kinds: dict[str, int] = {}
    for kind in stream["channels"].values():
        kinds[kind] = kinds.get(kind, 0) + 1
    counts = ", ".join(f"{number} {kind}" for kind, number in kinds.items())
    return f"{counts}; {stream['unit'] or 'no unit'}"


def _rate(stream: dict[str, Any]) -> str:
    stated = f"{stream['sfreq']:g}" if stream["sfreq"] else "none"
    delivered = stream.get("effective_sfreq")
    return f"{stated} → {delivered:.2f}" if delivered else stated


def _length(stream: dict[str, Any]) -> str:
    length = f", {stream['duration_s']:.1f} s" if "duration_s" in stream else ""
    return f"{stream['samples']}{length}"


def _time(stream: dict[str, Any]) -> str:
    told = [f"{stream[key]} {words}" for key, words in COUNTED.items() if stream.get(key)]
    if stream.get("longest_gap_s"):
        told.append(f"longest {stream['longest_gap_s']:.2f} s")
    return ", ".join(told) or "even"


def _events(events: dict[str, Any]) -> str:
    values = events["values"] or {}
    named = [f"{value} ×{n}" for value, n in values.items() if len(value) < 25][:MOST_NAMED]
    more = events["different"] - len(named)
    listed = ", ".join(named) + (f" and {more} other values" if more else "")
    return f"{events['name']}: {events['events']} ({listed})" if listed else events["name"]


def _verdict(facts: dict[str, Any]) -> str:
    if facts["refused"] is None:
        return "replays"
    reason = _short(facts["refused"])
    way = facts["opens_with"]
    if not way:
        return f"refused: {reason}"
    flags = " ".join(
        f"{FLAGS[key]} {','.join(v) if isinstance(v, tuple) else v}" for key, v in way.items()
    )
    return f"refused: {reason}; replays with `{flags}`"


def _short(refusal: str) -> str:
    """Return the reason of a refusal in a few words."""
    for words, short in (
        ("it gives none for", "no unit"),
        ("standard deviation", "{} for an EEG"),
        ("more than once", "channels named alike"),
        ("neither time stamps nor a rate", "no rate"),
        ("no stream of EEG", "no EEG"),
        ("at least 2 samples", "one sample"),
    ):
        if words in refusal:
            found = re.search(r"deviation of (\S+ µV)", refusal)
            return short.format(found[1] if found else "")
    return refusal


def main() -> None:
    """Print the table, or JSON."""
    parser = options(__doc__)
    parser.add_argument("data", type=Path, help="folder with the recordings")
    asked = parser.parse_args()
    found = list(files(asked.data))
    if not found:
        sys.exit(f"no recordings are in {asked.data}: give the folder with {', '.join(SETS)}")
    if asked.quick:
        by_size = sorted(found, key=lambda one: -one[1].stat().st_size)
        found = list({source: (source, path) for source, path in by_size}.values())
    rows = [(public_name(source, path), row(path)) for source, path in found]
    if asked.json:
        emit([{"name": name, **facts} for name, facts in rows], {})
        return
    for line in table(rows):
        print(line)


def table(rows: list[tuple[str, dict[str, Any]]]) -> Iterator[str]:
    """Yield the lines of the table, as Markdown."""
    yield f"| {' | '.join(HEADER)} |"
    yield "| " + " | ".join("---" for _ in HEADER) + " |"
    for name, facts in rows:
        yield f"| {' | '.join(cells(name, facts))} |"


if __name__ == "__main__":
    main()
