"""Whether what a calibration promises comes true, live.

A simulated person looks at 600 pictures in the real stimulus window, unattended; a decoder is made,
with a promise: between what the accuracy of its next session will lie, at 95 %. Then the same
person, with the noise of another day, looks at fresh pictures of the same concepts, and of concepts
that were never shown where the decoder promises for these, too, while ``saccade run`` decodes them
live. Ten people, and the promise holds as often as it says, or it does not.

    python benchmarks/promise.py --work DIR           # the whole; goes on where it stopped
    python benchmarks/promise.py --quick              # one person, few pictures

Markers go over LSL, frames over a screen (Xvfb where there is none). Sessions run ``--speed`` times
as fast as life; frames that come late then are told by their stamps, as on any screen.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

CONFIG = "[multicast]\nResolveScope = machine\n[log]\nlevel = -3\n"


def main() -> None:
    """Sit with every person, and print what was promised and what came."""
    parser = _options()
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="saccade-promise-") as temporary:
        config = Path(temporary) / "lsl_api.cfg"  # before pylsl is imported: nobody else shall see
        config.write_text(CONFIG, encoding="utf-8")
        os.environ.setdefault("LSLAPICFG", str(config))
        from common import emit, print_table
        from promise_session import screen

        work = asked.work or Path(temporary)
        rows: list[dict[str, Any]] = []
        with screen():
            for seed in range(asked.first, asked.first + (1 if asked.quick else asked.seeds)):
                rows += _person(asked, seed, work)
                print(f"seed {seed} done", file=sys.stderr, flush=True)
    header = ("seed", "concepts", "top", "among", "promised", "live", "n", "inside", "chance")
    print_table(header, [_cells(row) for row in rows])
    coverage = _coverage(rows)
    for line in coverage:
        print(
            f"{line['concepts']}, top-{line['top']}: {line['inside']} of {line['people']} inside, "
            f"95 % interval of that share {line['ci95'][0]:.2f} to {line['ci95'][1]:.2f}"
        )
    if asked.json:
        emit(rows, {f"{c['concepts']} top-{c['top']}": c["share"] for c in coverage})


def _options() -> argparse.ArgumentParser:
    from common import options

    parser = options(__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="how many people")
    parser.add_argument("--first", type=int, default=0, help="the first person's seed")
    parser.add_argument("--trials", type=int, default=600, help="pictures of a session")
    parser.add_argument("--concepts", type=int, default=24, help="how many concepts they show")
    parser.add_argument("--live", type=int, default=200, help="pictures decoded live, of each kind")
    parser.add_argument("--speed", type=float, default=4.0, help="seconds of session per second")
    parser.add_argument("--work", type=Path, help="keep everything here, and go on with it")
    return parser


def _person(asked: argparse.Namespace, seed: int, work: Path) -> list[dict[str, Any]]:
    """Return what was promised for a person and what came, from the disk if it is there."""
    from promise_session import Sitting, calibrate, decode_live, shown

    from saccade.models.decoders import decoder_file

    folder = work / f"person-{seed:02d}"
    kept = folder / "result.json"
    if kept.exists():
        rows: list[dict[str, Any]] = json.loads(kept.read_text(encoding="utf-8"))
        return rows
    sitting = Sitting(
        seed,
        folder,
        speed=asked.speed,
        n_trials=120 if asked.quick else asked.trials,
        n_concepts=6 if asked.quick else asked.concepts,
        n_live=60 if asked.quick else asked.live,
    )
    calibrate(sitting)
    decoder = decoder_file.load(sitting.decoder)
    seen = shown(sitting)
    unseen = [name for name in decoder.gallery.names if name not in set(seen)]
    outlooks = decoder.calibration["promise"]
    rows = []
    for kind, concepts in (("seen", seen), ("unseen", unseen)):
        promised = [outlook for outlook in outlooks if outlook["concepts"] == kind]
        if promised:
            log = decode_live(sitting, concepts, kind)
            rows += _compared(seed, promised, log)
    beside = kept.with_suffix(".part")
    beside.write_text(json.dumps(rows), encoding="utf-8")
    beside.replace(kept)
    return rows


def _compared(
    seed: int, promised: Sequence[dict[str, Any]], log: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return a row for each promise of one kind of concepts."""
    from saccade.calibration.promise import Outlook

    ranks = [line["label_rank"] for line in log if line["type"] == "prediction"]
    rows = []
    for fields in promised:
        outlook = Outlook.from_dict(fields)
        promise = outlook.promise(len(ranks))
        live = sum(rank <= outlook.top for rank in ranks) / len(ranks)
        rows.append(
            {"seed": seed, **dataclasses.asdict(promise)}
            | {"live": live, "inside": promise.low <= live <= promise.high, "simulated": True}
        )
    return rows


def _cells(row: dict[str, Any]) -> list[str]:
    return [
        str(row["seed"]),
        row["concepts"],
        str(row["top"]),
        str(row["gallery"]),
        f"{row['low']:.1%} to {row['high']:.1%}",
        f"{row['live']:.1%}",
        str(row["n"]),
        "yes" if row["inside"] else "NO",
        f"{row['chance']:.1%}",
    ]


def _coverage(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return how often each kind of promise held, with the interval of that share."""
    from saccade.models.evaluation.accuracy import wilson

    told = []
    for concepts, top in sorted({(row["concepts"], row["top"]) for row in rows}):
        inside = [r["inside"] for r in rows if (r["concepts"], r["top"]) == (concepts, top)]
        told.append(
            {
                "concepts": concepts,
                "top": top,
                "people": len(inside),
                "inside": sum(inside),
                "share": sum(inside) / len(inside),
                "ci95": wilson(sum(inside), len(inside)),
            }
        )
    return told


if __name__ == "__main__":
    main()
