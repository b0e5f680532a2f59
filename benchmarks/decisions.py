"""What accumulating evidence is worth: when to stop, and how fast several epochs make a decision.

(a) Stopping when the posterior is high enough, against a fixed number of repetitions, on a
three simulated people. A decoder is calibrated on single trials of 40 concepts, as ``saccade
calibrate`` does it, and then decodes epoch by epoch what is shown again and again, one of a closed
set. Each rule decides the same trials (``realtime/evidence``), with one threshold for all people.
How the saving at equal accuracy is estimated is told in :mod:`decisions_saving`. The ideal observer
knows how the signal is made; its evidence goes through the same rules. It needs one look where the
decoder needs several, so it gets a signal of a tenth of the strength.

(b), (c) Two recordings, decoded forward in time (:mod:`decisions_recordings`).

    OMP_NUM_THREADS=1 python benchmarks/decisions.py            # eight minutes of a core
    OMP_NUM_THREADS=1 python benchmarks/decisions.py --quick    # a small case, and synthetic twins
"""

from __future__ import annotations

import dataclasses
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from common import BESIDE, ConceptSet, concepts, emit, machine, options, print_table
from decisions_recordings import WHAT, measure, seen_by
from decisions_saving import DRAWS, Swept, gain, saving
from recordings_twin import write_twin
from scipy.special import softmax

from saccade.calibration.choose import FitSettings, choose_decoder
from saccade.calibration.collect import Trials
from saccade.models.decoders.decoder import RetrievalDecoder
from saccade.models.galleries.gallery import Gallery
from saccade.realtime.epochs import EpochSettings
from saccade.realtime.evidence.rehearsal import Notes, Seen, regrouped
from saccade.realtime.evidence.settings import EvidenceSettings
from saccade.realtime.pipeline import PipelineSettings
from saccade.realtime.simulation.observer import IdealObserver
from saccade.realtime.simulation.subject import SimulatedSubject, SubjectSettings
from saccade.realtime.types import Candidate, Float64, Ranking, StreamSpec

TMAX_S, SOA_S, SFREQ = 0.8, 0.3, 250.0
N_GALLERY, N_TAUGHT = 200, 40
FIXED = (2, 4, 8)
THRESHOLDS = tuple((1 / (1 + np.exp(-np.linspace(-2.5, 7.5, 21)))).tolist())


@dataclass(frozen=True)
class Case:
    """A closed set, how clear the responses are, who decides, and how much is measured."""

    who: str
    n_alternatives: int
    effect: float
    people: int = 3
    n_train: int = 600
    n_trials: int = 200
    n_repetitions: int = 12


CASES = [
    *(Case("decoder", n, 0.1) for n in (8, 20)),
    *(Case("ideal observer", n, 0.01) for n in (2, 8, 20)),
]
QUICK = [
    Case(who, 4, effect, 2, n_train=160, n_trials=40, n_repetitions=8)
    for who, effect in (("decoder", 0.2), ("ideal observer", 0.02))
]


def trials_of(subject: SimulatedSubject, rows: list[int], names: tuple[str, ...]) -> Trials:
    """Return independent single trials, as a session without filters would give them."""
    spec = StreamSpec(
        "simulated",
        SFREQ,
        subject.ch_names,
        ("eeg",) * len(subject.ch_names),
        ("µV",) * len(subject.ch_names),
        simulated=True,
    )
    return Trials(
        data=subject.epochs(rows, 1, 0.0, TMAX_S),
        labels=tuple(names[row] for row in rows),
        spec=spec,
        working_spec=spec,
        pipeline=PipelineSettings(),
        epochs=EpochSettings(tmin_s=0.0, tmax_s=TMAX_S, baseline_s=None),
        delay_ms=0.0,
        settling_s=0.0,
        onsets_s=2.0 * np.arange(len(rows)),
        runs=np.zeros(len(rows), np.intp),
        rejections=(),
        sources=({"name": "simulated"},),
    )


def outcomes(case: Case, words: ConceptSet, seed: int) -> tuple[Float64, Float64, Float64]:
    """Return what one person's trials come to: the fields of :class:`Swept` but the person."""
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(words.names), N_GALLERY, replace=False)
    names = tuple(words.names[row] for row in chosen)
    gallery = Gallery(names, words.vectors[chosen], "ViT-B-32", "openai", "text", simulated=True)
    settings = SubjectSettings(sfreq=SFREQ, seed=seed, effect=case.effect)
    subject = SimulatedSubject(settings, gallery.vectors, names)
    known: dict[str, Any] = {}
    decoder, observer = None, IdealObserver(subject, 0.0, TMAX_S)
    if case.who == "decoder":
        taught = rng.permutation(np.arange(case.n_train) % N_TAUGHT).tolist()
        fit = FitSettings(encoder="ridge")
        made = choose_decoder(trials_of(subject, taught, names), gallery, fit).decoder
        decoder, known = RetrievalDecoder(made), made.calibration.get("decision", {})
    among = rng.choice(N_TAUGHT, case.n_alternatives, replace=False).tolist()
    seen: list[list[Seen]] = []
    for trial, row in enumerate(rng.choice(among, case.n_trials).tolist()):
        first = trial * case.n_repetitions
        places = range(first, first + case.n_repetitions)
        data = subject.epochs([row] * case.n_repetitions, 2, 0.0, TMAX_S, positions=places)
        epochs = seen_by(decoder, data, SFREQ, [names[row]] * len(data))
        if decoder is None:
            likely = softmax(observer.scores(data, among), axis=1).astype(np.float32)
            epochs = [(e, ranking(p)) for (e, _), p in zip(epochs, likely, strict=True)]
        seen.append(epochs)
    candidates = tuple(names[row] for row in among)
    evidence = EvidenceSettings(
        candidates=candidates,
        max_epochs=case.n_repetitions,
        assumed=known.get("prior", {}),
        correlation=known.get("correlation", 0.0),
    )
    plain = Notes()
    plain.reset(candidates if decoder is None else names, TMAX_S)
    notes, evidence = regrouped(plain, seen, SOA_S, evidence)

    def outcome(**rule: Any) -> tuple[list[float], list[float]]:
        decisions = notes.decide(dataclasses.replace(evidence, **rule))
        right = [float(d.choice == d.truth) for d in decisions]
        return right, [float(d.n_epochs) for d in decisions]

    fixed = [outcome(min_epochs=k, max_epochs=k)[0] for k in range(1, case.n_repetitions + 1)]
    right, taken = zip(*(outcome(threshold=p) for p in THRESHOLDS), strict=True)
    return np.array(fixed), np.array(right), np.array(taken)


def stopping(case: Case, words: ConceptSet) -> dict[str, Any]:
    """Return what stopping in time saves and gains, over all people."""
    told = [outcomes(case, words, seed) for seed in range(case.people)]
    fixed, right, taken = (np.concatenate(parts, axis=1) for parts in zip(*told, strict=True))
    swept = Swept(fixed, right, taken, np.repeat(np.arange(case.people), case.n_trials))
    weights = swept.weights(DRAWS)
    row: dict[str, Any] = {
        "part": "stopping",
        "who": case.who,
        "alternatives": case.n_alternatives,
        "effect": case.effect,
        "people": case.people,
        "n_trials": case.n_trials * case.people,
        "chance": 1 / case.n_alternatives,
        "fixed": {k: float(hits @ weights[0]) for k, hits in enumerate(fixed, 1)},
        "of_each": {
            k: [float(one[0][k - 1].mean()) for one in told]
            for k in FIXED
            if k < case.n_repetitions
        },
        "swept": [
            {"threshold": p, "right": float(a), "epochs": float(m)}
            for p, a, m in zip(THRESHOLDS, right @ weights[0], taken @ weights[0], strict=True)
        ],
        "simulated": True,
    }
    for k in FIXED:
        if k < case.n_repetitions:
            for name, measure_ in (("saving", saving), ("gain", gain)):
                row[f"{name}_{k}"], *interval = measure_(swept, k, weights)
                row[f"ci95_{name}_{k}"] = interval
    return row


def ranking(p: Any) -> Ranking:
    """Return a ranking that says no more than probabilities."""
    best = int(p.argmax())
    return Ranking((Candidate(best, "", 0.0, float(p[best])),), p, p.copy())


def main() -> None:
    """Run the benchmark."""
    parser = options(__doc__)
    parser.add_argument("--data", type=Path, help="folder of the public recordings")
    parser.add_argument("--part", choices=("stopping", *WHAT), action="append")
    chosen = parser.parse_args()
    parts = chosen.part or ("stopping", *WHAT)
    rows: list[dict[str, Any]] = []
    print(f"{machine()}")
    if "stopping" in parts:
        words = concepts()
        for case in QUICK if chosen.quick else CASES:
            rows.append(stopping(case, words))
            print("\nSIMULATED: stopping at a posterior, against fixed repetitions")
            print_table(_HEADER, _cells(rows[-1]))
            sys.stdout.flush()
    folder = chosen.data or BESIDE.parent
    with tempfile.TemporaryDirectory() as scratch:
        twin = chosen.quick or not folder.is_dir()
        if twin:
            folder = write_twin(Path(scratch))
        for part in parts:
            if part != "stopping":
                mine = measure(part, folder, *((4, 2) if chosen.quick else (50, 10)))
                print(f"\n{'SIMULATED twin: ' if twin else ''}{WHAT[part]}")
                header = [
                    "question",
                    "decoder",
                    "epochs",
                    "right [95 %]",
                    "range",
                    "says",
                    "chance",
                    "n",
                ]
                print_table(header, [_told(row) for row in mine])
                rows += [row | {"simulated": twin} for row in mine]
    if chosen.json:
        savings = {
            f"{row['who']}, {row['alternatives']} alternatives, {k}": row[key]
            for row in rows
            for k in FIXED
            if (key := f"saving_{k}") in row
        }
        emit(rows, savings)


_HEADER = [
    *("who", "of", "effect", "people", "trials", "fixed", "right", "of each person"),
    *("saved [95 %]", "gained [95 %]"),
]


def _cells(row: dict[str, Any]) -> list[list[str]]:
    made = []
    for k in FIXED:
        if f"saving_{k}" in row:
            (a, b), (c, d) = row[f"ci95_saving_{k}"], row[f"ci95_gain_{k}"]
            made.append(
                [
                    *(row["who"], str(row["alternatives"]), f"{row['effect']:g}"),
                    *(str(row["people"]), str(row["n_trials"]), str(k), f"{row['fixed'][k]:.3f}"),
                    " ".join(f"{share:.2f}" for share in row["of_each"][k]),
                    f"{row[f'saving_{k}']:.0%} [{a:.0%} to {b:.0%}]",
                    f"{row[f'gain_{k}']:+.3f} [{c:+.3f} to {d:+.3f}]",
                ]
            )
    return made


def _told(row: dict[str, Any]) -> list[str]:
    low, high = row["ci95"]
    return [
        *(row["question"], row["decoder"], str(row["epochs"])),
        f"{row['right']:.3f} [{low:.3f} to {high:.3f}]",
        "to".join(f" {one:.3f} " for one in row.get("range", ())).strip(),
        *(f"{row['says']:.3f}", f"{row['chance']:.3f}", str(row["n"])),
    ]


if __name__ == "__main__":
    main()
