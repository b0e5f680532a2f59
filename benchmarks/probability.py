"""Whether a calibrated decoder's probabilities mean what they say, on trials that come later.

A simulated person is calibrated on single trials, and decoded later: the rest of the same stream is
cut once, for decoders of few and of many trials, and given to the decoder. That this is what comes
of the engine with the decoder's own pipeline and epochs is shown by the row "through the engine",
of the first person's last decoder. Concepts are either those calibrated on, or others of the same
gallery that were not, or both by turns. "Plain" are the
probabilities of a temperature that is fitted to cosines of held-out trials, as it stands, without
length, lapses and growth: what a calibration did before. Recordings are judged on their own
held-out trials, by confidences fitted on other parts of the session.

    python benchmarks/probability.py --quick
    python benchmarks/probability.py [--data DIR]     # with N170 and P300 of the public recordings
    python benchmarks/probability.py --outliers       # training with and without bursts

The expected calibration error is over ten bins of equal width. "Exact" is what probabilities
without any error would score with as many trials.
"""

from __future__ import annotations

import itertools
import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import common
import numpy as np
from recordings_data import DATA_SETS, DataSet, Preprocessing, gallery_of, read

from saccade.calibration import candidates
from saccade.calibration.bench import Bench, FitSettings
from saccade.calibration.choose import choose_decoder
from saccade.calibration.collect import Trials
from saccade.calibration.crossvalidate import held_out
from saccade.calibration.outliers import TIMES
from saccade.calibration.threads import one_thread
from saccade.cli import configuration, fitting, galleries, simulated
from saccade.models.decoders.decoder import RetrievalDecoder
from saccade.models.decoders.decoder_file import DecoderFile
from saccade.models.evaluation.probability import fit_temperature, softmax
from saccade.models.evaluation.reliability import Reliability, reliability
from saccade.models.galleries.gallery import Gallery
from saccade.realtime import registry
from saccade.realtime.engine import Engine
from saccade.realtime.epochs import Epocher, EpochSettings
from saccade.realtime.pipeline import Pipeline, settings_from_spec
from saccade.realtime.sources.simulated import Phase, SimulatedSource, SimulatedSourceSettings
from saccade.realtime.types import Epoch, Float64, Prediction

SEEDS, TRIALS, LIVE = (0, 1, 2), (300, 800), 2000
BEST = {  # as benchmarks/recordings.py chooses on the training parts
    "N170 house/face": Preprocessing(1.0, 15.0, True, None),
    "P300 oddball": Preprocessing(0.5, 15.0, False, None),
}
SETTINGS = {
    "epochs.tmin_s": 0.0,
    "epochs.tmax_s": 0.6,
    "epochs.baseline_s": "none",
    "epochs.crop_s": "none",
    "pipeline.line_hz": 50.0,
}


def part_of(trials: Trials, start: int, stop: int) -> Trials:
    """Return some of the trials."""
    return replace(
        trials,
        data=trials.data[start:stop],
        labels=trials.labels[start:stop],
        onsets_s=trials.onsets_s[start:stop],
        runs=trials.runs[start:stop],
    )


def session(
    gallery: Gallery, seed: int, n_calibration: int, n_live: int
) -> tuple[SimulatedSource, float]:
    """Return a person who looks at pictures, and the accuracy nobody can beat."""
    plan = simulated.Plan(seed=seed, artifacts=0.25)
    subject = simulated.subject(gallery, plan)
    rows = np.random.default_rng([seed, 1]).permutation(len(gallery)).tolist()
    new, known = sorted(rows[: len(rows) // 5]), sorted(rows[len(rows) // 5 :])
    counts = (n_calibration, n_live, n_live)
    phases = tuple(
        Phase(tuple(part), count) for part, count in zip((known, known, new), counts, strict=True)
    )
    settings = SimulatedSourceSettings(phases=phases, soa_s=0.3, lead_in_s=4.5, seed=seed)
    return SimulatedSource(subject, settings), float(simulated.ideal(subject, 0.0, 0.6)["top1"])


def cut(source: SimulatedSource) -> Trials:
    """Return a session through the pipeline."""
    config = configuration.load(None, SETTINGS).config
    return fitting.trials_from([source], config, source.open(), None)


def streamed(source: SimulatedSource, made: DecoderFile) -> tuple[Float64, list[str]]:
    """Return log probabilities and concepts of a session that is streamed to a decoder."""
    engine = Engine(
        source,
        Pipeline(settings_from_spec(made.pipeline)),
        Epocher(registry.build_settings(EpochSettings, made.epochs, "the decoder's epochs")),
        time.monotonic,
        RetrievalDecoder(made),
    )
    engine.start()
    found: list[Prediction] = []
    while not (result := engine.step(0.0)).ended:
        found += result.predictions
    engine.stop()
    p = np.stack([one.ranking.probabilities for one in found]).astype(np.float64)
    return np.log(p), [one.epoch.label or "" for one in found]


def live(decoder: RetrievalDecoder, trials: Trials) -> Float64:
    """Return log probabilities of trials by the decoder at work."""
    found = [
        decoder.decode(Epoch(k, data.copy(), trials.working_spec.sfreq, 0.0, 0.0, -1))
        for k, data in enumerate(trials.data)
    ]
    return np.log(np.stack([ranking.probabilities for ranking in found]).astype(np.float64))


def simulated_rows(seeds: tuple[int, ...], sizes: tuple[int, ...], n_live: int) -> list[Any]:
    """Return what later trials say of decoders of simulated people."""
    gallery = galleries.gallery_of(configuration.load(None, {}).config)
    rows = []
    for seed, n in itertools.product(seeds, sizes):
        if n == sizes[0]:
            source, ideal = session(gallery, seed, max(sizes), n_live)
            whole = cut(source)
        n_kept = max(sizes)
        made = choose_decoder(part_of(whole, 0, n), gallery, FitSettings("ridge", seed=seed))
        plain_t = fit_temperature(made.live.cosines, made.live.shown.tolist())
        working = RetrievalDecoder(made.decoder)
        later = part_of(whole, n_kept, len(whole.labels))
        log_p = live(working, later)
        cosines, _ = made.refit(np.arange(n)).answers(later.data, gallery)
        plain = np.log(softmax(cosines, plain_t))
        shown = np.array([gallery.row(label) for label in later.labels])
        known = np.isin(later.labels, whole.labels[:n_kept])
        for name, mine in (("known", known), ("new", ~known), ("both", known | ~known)):
            rows.append(
                row(f"simulated {seed}, {name} concepts", n, log_p[mine], plain[mine], shown[mine])
                | {"ideal_top1": ideal}
            )
        if seed == seeds[0] and n == sizes[-1]:
            source, _ = session(gallery, seed, max(sizes), n_live)
            log_p, labels = streamed(source, made.decoder)
            shown = np.array([gallery.row(label) for label in labels[n_kept:]])
            what = f"simulated {seed}, both, through the engine"
            rows.append(row(what, n, log_p[n_kept:], plain[: len(shown)], shown))
    return rows


def recorded_row(data_set: DataSet, folder: Path) -> dict[str, Any]:
    """Return what a recording's own later parts say of earlier ones."""
    trials = read(data_set, folder, BEST[data_set.name])
    gallery = gallery_of(data_set, folder)
    made = choose_decoder(trials, gallery, FitSettings("ridge"))
    held = made.live
    plain = np.empty_like(held.cosines)
    for part in np.unique(held.part):
        mine = held.part == part
        temperature = fit_temperature(held.cosines[~mine], held.shown[~mine].tolist())
        plain[mine] = np.log(np.maximum(softmax(held.cosines[mine], temperature), 1e-300))
    return row(data_set.name, len(trials.labels), made.log_p, plain, held.shown)


def row(
    what: str, n_trials: int, log_p: Float64, plain: Float64, shown: np.ndarray
) -> dict[str, Any]:
    """Return a row of the table."""
    found: Reliability = reliability(log_p, shown, 0)
    before = reliability(plain, shown, 0)
    return {
        "data": what,
        "calibrated_on": n_trials,
        "n": found.n,
        "candidates": log_p.shape[1],
        "top1": float((log_p.argmax(axis=1) == shown).mean()),
        "ece": found.ece,
        "ci95_ece": list(found.ci95_ece),
        "ece_of_exact": found.ece_of_exact,
        "nll": found.nll,
        "ece_plain": before.ece,
        "nll_plain": before.nll,
    }


def outliers(folder: Path) -> None:
    """Print what leaving bursts out of training does."""
    for data_set in DATA_SETS:
        trials, gallery = read(data_set, folder, BEST[data_set.name]), gallery_of(data_set, folder)
        with one_thread():
            bench = Bench(trials, gallery, FitSettings("ridge"))
            family = candidates.single("ridge", {}, 0).family
            for times in (math.inf, TIMES):
                said = held_out(
                    family, trials.data, bench.rows.tolist(), gallery, bench.folds, outliers=times
                )
                figures = said.judged.figures(gallery.names)
                low, high = figures["ci95_auc"]
                print(
                    f"{data_set.name}, limit {times:g} medians: AUC {figures['auc']:.3f} "
                    f"[{low:.3f}, {high:.3f}], n {figures['n']}"
                )


def main() -> None:
    """Measure and print."""
    parser = common.options(__doc__)
    parser.add_argument("--data", type=Path, default=common.BESIDE.parent)
    parser.add_argument("--outliers", action="store_true", help="only that comparison")
    arguments = parser.parse_args()
    if arguments.outliers:
        outliers(arguments.data)
        return
    quick = arguments.quick
    rows = simulated_rows(
        (0,) if quick else SEEDS, (150,) if quick else TRIALS, 100 if quick else LIVE
    )
    if not quick and arguments.data.is_dir():
        rows += [recorded_row(data_set, arguments.data) for data_set in DATA_SETS]
    header = ["data", "trials", "n", "top-1", "ECE [95 %]", "exact", "NLL", "plain ECE", "NLL"]
    common.print_table(
        header,
        [
            [
                r["data"],
                str(r["calibrated_on"]),
                str(r["n"]),
                f"{r['top1']:.3f}",
                f"{r['ece']:.3f} [{r['ci95_ece'][0]:.3f}, {r['ci95_ece'][1]:.3f}]",
                f"{r['ece_of_exact']:.3f}",
                f"{r['nll']:.3f}",
                f"{r['ece_plain']:.3f}",
                f"{r['nll_plain']:.3f}",
            ]
            for r in rows
        ],
    )
    if arguments.json:
        names = [f"{r['data']}, {r['calibrated_on']} trials" for r in rows]
        ratios = {name: r["ece"] / r["ece_plain"] for name, r in zip(names, rows, strict=True)}
        common.emit(rows, ratios)


if __name__ == "__main__":
    main()
