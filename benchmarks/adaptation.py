"""What a decoder gains by following its user's drift, and what it loses where there is none.

A simulated person is calibrated on trials of some concepts; the session after it, single trials of
others, is decoded trial by trial by the frozen decoder and by each that adapts, in the order of
time. In the session something drifts from trial to trial, evenly from nothing to all of it:

    nothing           the session is as the calibration was
    channel gains     each by a factor of its own (log-normal, SD 0.5 at the end)
    noisy electrodes  eight dry out: 1/f noise of 30 µV RMS of their own at the end
    moved cap         signals of places 15 degrees further back
    common response   grows: as strong in the end as what tells concepts apart, and alike for all
    all of them       at half their strength

Or somebody does their worst, in the second quarter of it; accuracy is that of the second half:

    artifact bursts   every third trial has steps of 100 to 500 µV on a third of the channels
    huge offsets      every trial has a slope of 1000 µV on every channel
    one concept       is shown again and again
    meanwhile         the same, and accuracy is that of the second quarter
    constant          the amplifier sends nothing but a constant
    all rejected      trials hold NaN, and are rejected
    labels permuted   of all trials: unlabelled, so no decoder can know

With ``--data`` the N170 recording too: calibrated on its first half, decoded throughout the second.
Last comes what following costs, in CPU time of an epoch.

All gains are paired, trial by trial; 95 % intervals over concepts and people.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import common
import numpy as np
import recordings_data
import torch
from adaptation_task import (
    DRIFTS,
    MIDDLE,
    N_TEST,
    QUICK,
    SFREQ,
    WORST,
    Person,
    Session,
    Size,
    decoder_of,
    followers,
)

from saccade.models.alignment.align_running import RunningAligner
from saccade.models.decoders.decoder import RetrievalDecoder
from saccade.models.decoders.decoder_file import DecoderFile, RunningAlignment
from saccade.models.evaluation.accuracy import auc
from saccade.models.evaluation.bootstrap import Bootstrap, Resampling
from saccade.models.galleries.gallery import Gallery
from saccade.realtime.types import Epoch


def decoded(file: DecoderFile, concepts: Gallery, session: Session) -> tuple[Any, dict[str, Any]]:
    """Return place and log probability of what each trial showed, (n, 2), and how it ended."""
    decoder = RetrievalDecoder(file, gallery=concepts)
    found = np.full((len(session.shown), 2), np.nan)
    for k, (data, row) in enumerate(zip(session.epochs, session.shown, strict=True)):
        if session.rejected[k]:
            continue  # as the engine does
        ranking = decoder.decode(Epoch(k, data, file.working_sfreq, 0.0, float(k), k))
        place = 1 + int((ranking.scores > ranking.scores[row]).sum())
        found[k] = place, np.log(max(float(ranking.probabilities[row]), 1e-12))
    return found, decoder.alignment or {}


def simulated(size: Size, found: common.ConceptSet) -> Iterator[dict[str, Any]]:
    """Yield a row for each drift or misfortune and decoder."""
    people = [Person(200 + number, size, found) for number in range(size.people)]
    for what in (*DRIFTS, *WORST):
        sessions = [person.session(what) for person in people]
        results = {
            name: [
                decoded(person.files[name], person.concepts, session)
                for person, session in zip(people, sessions, strict=True)
            ]
            for name in people[0].files
        }
        counts = np.concatenate([session.counts for session in sessions])
        concept = np.concatenate([session.shown for session in sessions])[counts]
        person = np.repeat(np.arange(len(people)), [s.counts.sum() for s in sessions])
        over = "trials" if what == "meanwhile" else "concepts"
        judge = Bootstrap(concept, person, Resampling(over))
        right = {
            name: (np.concatenate([places for places, _ in each])[counts, 0] == 1).astype(float)
            for name, each in results.items()
        }
        for name, each in results.items():
            top1 = judge.measure(right[name], 1 / N_TEST)
            gain = judge.difference(right[name], right["frozen"])
            late = np.concatenate(
                [np.arange(s.counts.sum()) >= s.counts.sum() / 2 for s in sessions]
            )
            told = np.concatenate([places for places, _ in each])[counts, 1]
            about = [state for _, state in each]
            yield {
                "data": "simulated",
                "session": what,
                "decoder": name,
                "n": top1.n,
                "people": len(people),
                "intervals_over": judge.drawn,
                "top1": top1.value,
                "ci95_top1": list(top1.ci95),
                "chance_top1": 1 / N_TEST,
                "gain_top1": gain.value,
                "ci95_gain_top1": list(gain.ci95),
                "gain_top1_second_half": float((right[name] - right["frozen"])[late].mean()),
                "bits": float(told.mean() / np.log(2) + np.log2(N_TEST)),
                "distance": max(
                    (max(s["distance"].values()) for s in about if "distance" in s), default=0.0
                ),
                "fallbacks": sum(s.get("fallbacks", 0) for s in about),
            }


def n170(folder: Path, memory_trials: float) -> Iterator[dict[str, Any]]:
    """Yield a row for each decoder on the second half of the recording."""
    data_set = recordings_data.N170
    trials = recordings_data.read(
        data_set, folder, recordings_data.Preprocessing(1.0, 20.0, True, None)
    )
    good = np.ptp(trials.data, axis=2).max(axis=1) < 100
    gallery = recordings_data.directions(data_set)
    rows = np.array([gallery.row(label) for label in trials.labels])
    half = len(rows) // 2
    first = np.flatnonzero(good[:half])
    frozen = decoder_of(
        trials.data[first],
        rows[first],
        gallery,
        trials.working_spec.ch_names,
        1.0,
        trials.working_spec.sfreq,
    )
    made = followers(frozen, memory_trials, trials.data[first])
    contrasts = {}
    truth = rows[half:] == 0
    for name, file in made.items():
        decoder = RetrievalDecoder(file)
        scores = []
        for k in range(half, len(rows)):
            why = () if good[k] else ("peak to peak",)
            epoch = Epoch(
                k, trials.data[k].copy(), file.working_sfreq, 0.0, float(k), k, rejected=why
            )
            scores.append(decoder.decode(epoch).scores)
        contrasts[name] = np.stack(scores)[:, 0] - np.stack(scores)[:, 1]
        contrasts[name] = contrasts[name][good[half:]]
    truth = truth[good[half:]]
    rng = np.random.default_rng(0)
    draws = [rng.integers(len(truth), size=len(truth)) for _ in range(2000)]
    for name, contrast in contrasts.items():
        gains = [auc(contrast[d], truth[d]) - auc(contrasts["frozen"][d], truth[d]) for d in draws]
        yield {
            "data": "N170",
            "session": "second half",
            "decoder": name,
            "n": len(truth),
            "auc": auc(contrast, truth),
            "gain_auc": auc(contrast, truth) - auc(contrasts["frozen"], truth),
            "ci95_gain_auc": np.percentile(gains, [2.5, 97.5]).tolist(),
        }


def cost(n_channels: int, n_times: int) -> dict[str, Any]:
    """Return the CPU time that following the signal takes of an epoch, in ms, over 30 of them."""
    aligner = RunningAligner(RunningAlignment(("signal",)), np.eye(n_channels), None)
    rng = np.random.default_rng(0)
    spent_ms = []
    for k in range(30):
        data = rng.standard_normal((n_channels, n_times)).astype(np.float32)
        began_s = time.process_time()
        aligner.add(Epoch(k, data, SFREQ, 0.0, float(k), k), np.ones(8, np.float32))
        spent_ms.append(1e3 * (time.process_time() - began_s))
    median, longest = float(np.median(spent_ms)), float(max(spent_ms))
    return {"channels": n_channels, "times": n_times, "median_ms": median, "longest_ms": longest}


def in_words(row: dict[str, Any]) -> list[str]:
    """Return a row as it is printed."""
    figure = "top1" if "top1" in row else "auc"
    low, high = row[f"ci95_gain_{figure}"]
    cells = [row["session"], row["decoder"], f"{row[figure]:.3f}"]
    cells.append(f"{row[f'gain_{figure}']:+.3f} [{low:+.3f}, {high:+.3f}]")
    if figure == "top1":
        cells += [f"{row['gain_top1_second_half']:+.3f}", f"{row['bits']:.2f}"]
        cells += [f"{row['distance']:.2f}", str(row["fallbacks"])]
    return [*cells, str(row["n"])]


def main() -> None:
    """Run the comparison and print it as it comes."""
    parser = common.options(__doc__)
    parser.add_argument("--clip", type=Path, help="folder of public CLIP embeddings")
    parser.add_argument("--data", type=Path, help="folder of the public recordings")
    parser.add_argument("--memory", type=float, help="trials that adaptation remembers")
    parser.add_argument("--people", type=int, help="simulated people")
    arguments = parser.parse_args()
    size = QUICK if arguments.quick else MIDDLE
    if arguments.memory is not None:
        size = replace(size, memory_trials=arguments.memory)
    if arguments.people is not None:
        size = replace(size, people=arguments.people)
    torch.set_num_threads(1)
    started_s = time.perf_counter()
    found = common.concepts(arguments.clip)
    print(
        f"SIMULATED people ({size.people}), effect {size.effect:g}; {found.source}; "
        f"{size.n_calibration} trials of calibration, memory {size.memory_trials:g}; single "
        f"trials of {N_TEST} concepts not calibrated on, chance {1 / N_TEST:.3f}\n"
    )
    print("session | decoder | top-1 | gain [95 %] | in 2nd half | bits | distance | fallbacks | n")
    rows = []
    for row in simulated(size, found):
        rows.append(row)
        print(" | ".join(in_words(row)), flush=True)
    if arguments.data is not None:
        print("\nN170, second half | decoder | AUC | gain [95 %] | n")
        for row in n170(arguments.data, size.memory_trials):
            rows.append(row)
            print(" | ".join(in_words(row)), flush=True)
    costs = [cost(64, 250), cost(128, 500)]
    for told in costs:
        print(
            f"following the signal of {told['channels']} channels x {told['times']}: "
            f"{told['median_ms']:.0f} ms of CPU an epoch, {told['longest_ms']:.0f} at most"
        )
    print(f"\n{time.perf_counter() - started_s:.0f} s")
    if arguments.json:
        gains = {
            f"{r['session']}: {r['decoder']}": r.get("gain_top1", r.get("gain_auc")) for r in rows
        }
        common.emit(rows, gains, simulated=True, memory_trials=size.memory_trials, costs=costs)


if __name__ == "__main__":
    main()
