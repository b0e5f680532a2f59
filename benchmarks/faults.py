"""What every fault of a stream does to a session, and what is said of it.

    python benchmarks/faults.py [--quick] [--json] [--seeds N]

Each fault (tests/faults/injection.py, where each is described) is put into 24 s of four channels
at 250 Hz with two markers a second, filtered 4-40 Hz and referenced to the average, and compared
with the same session without it. Counts are summed over the seeds. "Changed" is the largest
difference in an epoch that is kept without a flag although something is amiss near it, in per cent
of its peak-to-peak amplitude, and "if filled" in one that is kept and carries FILLED; "recovered"
is the largest in one from the recovery time on, in µV.
"""

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # before numpy reads it

import collections  # noqa: E402
import math  # noqa: E402
import re  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import common  # noqa: E402
import numpy as np  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "faults"))
import injection  # noqa: E402
from decoding import Outcome, Readings, decode, pieces, window  # noqa: E402
from injection import SFREQ, Session  # noqa: E402

from saccade.realtime.types import Flag  # noqa: E402

HEADER = (
    *("fault", "sent", "received", "lost", "filled", "flagged", "seen in the stamps"),
    *("rejected", "why", "changed", "if filled", "recovered"),
)


def measure(name: str, seeds: int) -> dict[str, Any]:
    """Return what a fault did, over some seeds."""
    row: collections.Counter[str] = collections.Counter()
    timing: collections.Counter[str] = collections.Counter()
    why: collections.Counter[str] = collections.Counter()
    largest = np.zeros(3)
    for seed in range(seeds):
        clean, faulty = injection.injected(name, seed)
        expected, got = (
            decode(Readings(s, pieces(len(s.data), np.random.default_rng(seed))))
            for s in (clean, faulty)
        )
        counted = got.summary["samples"]
        row.update({"sent": faulty.n_sent, "epochs": len(got.epochs)})
        row.update({key: counted[key] for key in ("received", "lost", "filled", "flagged")})
        timing.update(got.summary.get("timing", {}))
        at_start = {value for value, epoch in expected.epochs.items() if epoch.rejected}
        for value, epoch in got.epochs.items():
            if epoch.rejected and value not in at_start:
                row["rejected"] += 1
                why.update(re.sub(r"\d+ of", "some of", reason) for reason in epoch.rejected)
        largest = np.maximum(largest, differences(faulty, expected, got))
    return {
        "fault": name,
        **{key: row[key] for key in ("sent", "received", "lost", "filled", "flagged", "epochs")},
        "rejected": row["rejected"],
        "timing": {key: n for key, n in timing.items() if n},
        "why": [reason for reason, _ in why.most_common()],
        "changed_percent": 100 * float(largest[0]),
        "filled_percent": 100 * float(largest[1]),
        "recovered_uv": float(largest[2]),
    }


def differences(faulty: Session, expected: Outcome, got: Outcome) -> tuple[float, float, float]:
    """Return the largest difference in epochs kept without a flag and filled, and recovered."""
    recovered = faulty.touched[1] + math.ceil(got.recovery_s * SFREQ) + 1
    changed = filled = recovered_uv = 0.0
    for value, epoch in expected.epochs.items():
        found = got.epochs[value]
        if found.rejected:
            continue
        difference = float(np.abs(found.data - epoch.data).max())
        part = difference / float(np.ptp(epoch.data, axis=1).max())
        if window(epoch)[0] > recovered:
            recovered_uv = max(recovered_uv, difference)
        elif Flag.FILLED in found.flags:
            filled = max(filled, part)
        else:
            changed = max(changed, part)
    return changed, filled, recovered_uv


def main() -> None:
    """Measure all faults and print the table."""
    parser = common.options(__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="how often each fault is drawn")
    options = parser.parse_args()
    seeds = 2 if options.quick else options.seeds
    rows = [measure(name, seeds) for name in injection.FAULTS]
    table = [
        (
            *(str(row[key]) for key in ("fault", "sent", "received", "lost", "filled", "flagged")),
            ", ".join(f"{key} {n}" for key, n in row["timing"].items()) or "-",
            f"{row['rejected']} of {row['epochs']}",
            ", ".join(row["why"]) or "-",
            f"{row['changed_percent']:.1f} %",
            f"{row['filled_percent']:.1f} %" if row["filled_percent"] else "-",
            f"{row['recovered_uv']:.1g} µV",
        )
        for row in rows
    ]
    common.print_table(HEADER, table)
    if options.json:
        common.emit(rows, {}, seeds=seeds)


if __name__ == "__main__":
    main()
