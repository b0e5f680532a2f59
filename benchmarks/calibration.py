"""How good a decoder is after so many of one's own trials, and how many others' trials save.

Simulated people look at pictures of LVIS concepts. New people calibrate on their first 100, 200,
400, 800 and 1600 trials: from nothing (ridge; EEGProject; what the calibration chooses by
validation), and with an encoder of ten other people behind a map that is learned of the own trials
(whitening, Procrustes, linear), or among what the calibration chooses from. Everybody is judged on
the same single trials of 200 concepts that nobody was trained on, beside the ideal observer.

    python benchmarks/calibration.py --work DIR    # the whole table; goes on where it stopped,
                                                   # and says which results were there before
    python benchmarks/calibration.py --quick       # a small case, without the slow ones
    python benchmarks/calibration.py --cost        # time and memory of a calibration

The break-even is how many own trials ridge needs from nothing to do as well: its learning curve is
interpolated over the logarithm of the number, and made to rise; where even the last is not enough,
it is "> 1600". Intervals are over test concepts and, of 5 people or more, people. People share when
and where components of meaning show, and differ in places, turns, latencies and noise
(individuality 1), so an encoder of others suits a new one better than it may in life.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import common
import numpy as np
import torch
from calibration_task import VERSION, Size, Task, version_of, ways

from saccade.models.evaluation.bootstrap import Bootstrap, Resampling
from saccade.realtime.types import Float64

QUICK = Size(
    others=3,
    trials_of_others=200,
    people=1,
    own=(100, 200),
    n_test=20,
    test_repetitions=2,
    effect=0.4,
    network_core_s=2.0,
    n_concepts=120,
    slow=False,
)
DRAWS = 2000
COST_TRIALS = 1000  # of 64 channels and a second at 250 Hz
COST_LIMIT_S = 60.0


class Results:
    """Places of the test trials of every way, number of trials and person, kept as they come."""

    def __init__(self, task: Task, say: Any) -> None:
        self.task, self.say = task, say
        self.found: dict[tuple[str, int], list[np.ndarray]] = {}
        self.notes: dict[tuple[str, int], list[str]] = {}
        self.from_before: Counter[str] = Counter()  # people whose results were there

    def complete(self, only: Sequence[str] = (), *, with_network: bool) -> None:
        """Do what was not done before, person by person; if ``only``, ways whose names begin so."""
        size = self.task.size
        for name, way in ways(self.task, with_network=with_network).items():
            if only and not name.startswith(tuple(only)):
                continue
            numbers = (0,) if "0 trials" in name else size.own
            for n in numbers:
                for person in range(size.people):
                    places, note = self._kept(name, n, person, way)
                    self.found.setdefault((name, n), []).append(places)
                    self.notes.setdefault((name, n), []).append(note)
                row = self.row(name, n)
                self.say(f"{name}, {n}: {row['top1']:.3f} {' '.join(self.notes[name, n])}")

    def _kept(self, name: str, n: int, person: int, way: Any) -> tuple[np.ndarray, str]:
        """Return places and note, from the file if they are there."""
        key = f"{name}, {n}, {person}, {self.task.size.digest}"
        path = self.task.work / f"{key.replace(' ', '-').replace(',', '')}.json"
        kept = json.loads(path.read_text()) if path.exists() else None
        if kept is not None and version_of(kept) == VERSION:
            self.from_before[f"{name}, {n}"] += 1
            return np.array(kept["places"]), kept["note"]
        began = time.perf_counter()
        places, note = way(person, n)
        spent = time.perf_counter() - began
        partial = path.with_suffix(".part")
        made = {"version": VERSION, "places": places.tolist(), "note": note, "s": spent}
        partial.write_text(json.dumps(made))
        partial.replace(path)
        return places, note

    def judge(self) -> Bootstrap:
        """Return what gives intervals."""
        people = np.repeat(np.arange(self.task.size.people), len(self.task.correct))
        return Bootstrap(np.tile(self.task.correct, self.task.size.people), people, Resampling())

    def row(self, name: str, n: int) -> dict[str, Any]:
        """Return a row of the table."""
        places, judge = np.concatenate(self.found[name, n]), self.judge()
        n_test = self.task.size.n_test
        top1 = judge.measure((places == 1).astype(np.float64), 1 / n_test)
        top5 = judge.measure((places <= 5).astype(np.float64), min(1.0, 5 / n_test))
        return {
            "method": name,
            "own_trials": n,
            "n": top1.n,
            "people": self.task.size.people,
            "intervals_over": judge.drawn,
            "top1": top1.value,
            "ci95_top1": list(top1.ci95),
            "chance_top1": top1.chance,
            "top5": top5.value,
            "ci95_top5": list(top5.ci95),
            "chance_top5": top5.chance,
            "chosen": sorted({note for note in self.notes[name, n] if note}),
        }

    def hits(self, name: str, n: int) -> Float64:
        """Return the share of hits, (people, concepts)."""
        places = np.stack(self.found[name, n]).reshape(
            self.task.size.people, self.task.size.n_test, -1
        )
        return np.asarray((places == 1).mean(axis=2))

    def break_even(self) -> Iterator[dict[str, Any]]:
        """Yield, for each way with others' trials, how many own ones ridge needs to do as well."""
        own = self.task.size.own
        ridge = np.stack([self.hits("ridge", n) for n in own])
        rng = np.random.default_rng(0)
        people, n_test = ridge.shape[1:]
        drawn = [
            (
                rng.integers(people, size=people) if people >= 5 else np.arange(people),
                rng.integers(n_test, size=n_test),
            )
            for _ in range(DRAWS)
        ]
        curves = np.array([ridge[:, p][:, :, c].mean(axis=(1, 2)) for p, c in drawn])
        for name, n in self.found:
            if "pooled" not in name:
                continue
            hits = self.hits(name, n)
            reached = [hits[p][:, c].mean() for p, c in drawn]
            needs = [
                needed(own, curve, value) for curve, value in zip(curves, reached, strict=True)
            ]
            middle = needed(own, ridge.mean(axis=(1, 2)), float(hits.mean()))
            low, high = np.quantile(needs, [0.025, 0.975], method="nearest")
            yield {
                "method": name,
                "own_trials": n,
                "ridge_needs": middle,
                "ci95": [float(low), float(high)],
            }

    def aim(self) -> Iterator[dict[str, Any]]:
        """Yield what 200 trials with others' encoder gain over ridge with 800."""
        own = self.task.size.own
        few, many = own[min(1, len(own) - 1)], own[min(3, len(own) - 1)]
        judge = self.judge()
        other = (np.concatenate(self.found["ridge", many]) == 1).astype(np.float64)
        for name, n in self.found:
            if "pooled" not in name or n != few:
                continue
            one = (np.concatenate(self.found[name, n]) == 1).astype(np.float64)
            gain = judge.difference(one, other)
            yield {
                "method": name,
                "own_trials": n,
                "ridge_trials": many,
                "gain_top1": gain.value,
                "ci95_gain_top1": list(gain.ci95),
            }


def needed(own: tuple[int, ...], curve: Float64, wanted: float) -> float:
    """Return with how many trials a learning curve reaches an accuracy; inf if with none of them.

    Below the first of the curve it is the first, which is then an upper bound.
    """
    rising = np.maximum.accumulate(curve)
    if wanted > rising[-1]:
        return float("inf")
    first = int(np.searchsorted(rising, wanted))
    if first == 0:
        return float(own[0])
    low, high = rising[first - 1], rising[first]
    share = (wanted - low) / (high - low)
    return float(own[first - 1] * (own[first] / own[first - 1]) ** share)


def cost(task: Task, with_pretrained: bool) -> dict[str, Any]:
    """Return how long the default calibration takes, and the most memory it had."""
    sized = replace(task.size, own=(COST_TRIALS,))
    bench = Task(sized, common.ConceptSet(task.names, task.raw, ""), task.work, task.say)
    person = bench.newcomer(0)
    pretrained = task.ridge if with_pretrained else None
    before = _peak_mib()
    began = time.perf_counter()
    _, chosen = bench.chosen(0, COST_TRIALS, pretrained)
    return {
        "trials": COST_TRIALS,
        "channels": person.epochs.shape[1],
        "seconds_of_trial": person.epochs.shape[2] / 250,
        "pretrained": with_pretrained,
        "seconds": time.perf_counter() - began,
        "limit_s": COST_LIMIT_S,
        "peak_mib": _peak_mib(),
        "peak_mib_before": before,
        "chosen": chosen,
    }


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def show(results: Results) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Print the tables; return their rows."""
    rows = [results.row(name, n) for name, n in results.found]
    people = [results.task.newcomer(k).ideal for k in range(results.task.size.people)]
    ideal = np.mean(people, axis=0)
    print(f"\nSIMULATED people; 95 % intervals over {rows[0]['intervals_over']}")
    words = []
    for row in rows:
        cells = [row["method"], str(row["own_trials"])]
        for figure in ("top1", "top5"):
            low, high = row[f"ci95_{figure}"]
            cells.append(f"{row[figure]:.3f} [{low:.3f}, {high:.3f}]")
        words.append([*cells, str(row["n"]), ", ".join(row["chosen"])])
    words.append(["ideal observer", "", f"{ideal[0]:.3f}", f"{ideal[1]:.3f}", "", ""])
    chance = rows[0]
    words.append(
        ["chance", "", f"{chance['chance_top1']:.3f}", f"{chance['chance_top5']:.3f}", "", ""]
    )
    common.print_table(["method", "own trials", "top-1", "top-5", "n", "chosen"], words)
    evens = list(results.break_even())
    print("\nHow many own trials ridge needs from nothing to do as well")
    common.print_table(
        ["method", "own trials", "ridge needs"],
        [
            [even["method"], str(even["own_trials"]), _in_words(even, results.task.size.own)]
            for even in evens
        ],
    )
    aims = list(results.aim())
    print(
        f"\n{aims[0]['own_trials']} trials with others' against {aims[0]['ridge_trials']} of ridge"
    )
    common.print_table(
        ["method", "gain in top-1"],
        [
            [
                aim["method"],
                f"{aim['gain_top1']:+.3f} [{aim['ci95_gain_top1'][0]:+.3f}, "
                f"{aim['ci95_gain_top1'][1]:+.3f}]",
            ]
            for aim in aims
        ],
    )
    for row in rows:
        row["ideal_top1"], row["ideal_top5"] = ideal.tolist()
    before = [f"{row} ({n} of {len(people)} people)" for row, n in results.from_before.items()]
    print(
        f"\nVersion {VERSION} of this task. From an earlier run: {'; '.join(before) or 'nothing'}"
    )
    return rows, [*(_for_json(even, results.task.size.own) for even in evens), *aims]


def _for_json(even: dict[str, Any], own: tuple[int, ...]) -> dict[str, Any]:
    """Return a break-even with null for what is beyond the trials there were, ``more_than`` these.

    JSON knows no infinity, and a number in its place would be averaged.
    """

    def number(value: float) -> float | None:
        return None if np.isinf(value) else value

    needs, ends = number(even["ridge_needs"]), [number(end) for end in even["ci95"]]
    beyond = {"more_than": own[-1]} if None in (needs, *ends) else {}
    return even | {"ridge_needs": needs, "ci95": ends} | beyond


def _in_words(even: dict[str, Any], own: tuple[int, ...]) -> str:
    """Return a break-even with its interval."""

    def number(value: float) -> str:
        if np.isinf(value):
            return f"> {own[-1]}"
        return f"{value:.0f}" if value > own[0] else f"<= {own[0]}"

    low, high = even["ci95"]
    return f"{number(even['ridge_needs'])} [{number(low)}, {number(high)}]"


def main() -> None:
    """Run the comparison and print its tables."""
    parser = common.options(__doc__)
    parser.add_argument("--work", type=Path, help="where results are kept, to go on from")
    parser.add_argument("--clip", type=Path, help="folder of public CLIP embeddings")
    parser.add_argument("--people", type=int, help="new people")
    parser.add_argument("--network-core-s", type=float, help="of the deep encoder; 0 leaves it out")
    parser.add_argument("--only", default="", help="ways, by how their names begin, by commas")
    parser.add_argument("--cost", action="store_true", help="only what a calibration costs")
    arguments = parser.parse_args()
    size = QUICK if arguments.quick else Size()
    if arguments.people is not None:
        size = replace(size, people=arguments.people)
    if arguments.network_core_s is not None:
        size = replace(size, network_core_s=arguments.network_core_s)
    started_s = time.perf_counter()

    def say(what: str) -> None:
        print(f"{time.perf_counter() - started_s:6.0f} s  {what}", file=sys.stderr, flush=True)

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        work = arguments.work or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        task = Task(size, common.concepts(arguments.clip), work, say)
        if arguments.cost:
            found = [cost(task, with_pretrained) for with_pretrained in (False, True)]
            for row in found:
                known = "with" if row["pretrained"] else "without"
                print(
                    f"{row['trials']} trials x {row['channels']} channels x "
                    f"{row['seconds_of_trial']:g} s, {known} others' encoder: {row['seconds']:.1f} "
                    f"s (limit {COST_LIMIT_S:g} s), {row['peak_mib']:.0f} MiB (of them "
                    f"{row['peak_mib_before']:.0f} before), chose {row['chosen']}"
                )
            rows, more, before = found, [], {}
        else:
            results = Results(task, say)
            only = [part.strip() for part in arguments.only.split(",") if part.strip()]
            results.complete(only, with_network=size.network_core_s > 0)
            rows, more = show(results)
            before = dict(results.from_before)
    if arguments.json:
        shares = {
            f"{row['method']}, {row['own_trials']}": row["top1"] / row["ideal_top1"]
            for row in rows
            if "top1" in row
        }
        common.emit(
            rows, shares, simulated=True, break_even=more, version=VERSION, from_before=before
        )


if __name__ == "__main__":
    main()
