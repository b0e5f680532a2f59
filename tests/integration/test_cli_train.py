"""``train``, ``export``, ``evaluate``: what they write, what they say, what they refuse."""

from __future__ import annotations

import functools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from saccade.models.data.trials_file import save_trials
from saccade.models.decoders.decoder_file import load
from saccade.models.galleries.gallery_files import load_everyday
from saccade.models.training import encoder_file

Saccade = Callable[..., Any]
PLAN = ("--simulated", "--effect", 0.5, "--train-trials", 330, "--test-trials", 80)
LABELS = ("--label", "1=dog", "--label", "2=house")
NAMES = load_everyday().names


def last_json(outcome: Any) -> dict[str, Any]:
    """Return the last line of a command that must have worked."""
    assert outcome.code == 0, outcome.err
    found: dict[str, Any] = json.loads(outcome.out.splitlines()[-1])
    return found


def assert_refused(outcome: Any, *words: str) -> None:
    """Demand exit code 1, nothing on stdout, and one line that has all the words."""
    assert outcome.code == 1, outcome
    assert outcome.out == ""
    lines = [line for line in outcome.err.splitlines() if line.startswith("saccade: ")]
    assert len(lines) == 1, outcome.err
    assert "Traceback" not in outcome.err
    for word in words:
        assert word in lines[0], lines[0]


def grid(folder: Path, subjects: tuple[str, ...] = ("sub-01", "sub-02")) -> tuple[Path, Path, Path]:
    """Write a small data set as NeuroBridge has it; return it, its images and their features."""
    rng = np.random.default_rng(0)
    n_train, n_test, dim, shape = 26, 6, 8, (3, 80)
    vectors = rng.standard_normal((n_train + n_test, dim)).astype(np.float32)
    mixing = rng.standard_normal((dim, 3 * 80)) / 3
    for subject in subjects:
        home = folder / "set" / subject
        home.mkdir(parents=True)
        info = {"ch_names": ["O1", "Oz", "O2"], "sfreq": 100.0}
        (home / "info.json").write_text(json.dumps(info), encoding="utf-8")
        for split, rows, size in (
            ("train", np.arange(n_train), (n_train, 1, 2)),
            ("test", np.arange(n_train, n_train + n_test), (n_test, 1, 4)),
        ):
            clean = (vectors[rows] @ mixing).reshape(len(rows), 1, 1, *shape)
            noisy = clean + 4 * rng.standard_normal((*size, *shape))
            np.save(home / f"{split}.npy", noisy.astype(np.float32))
    images = folder / "images"
    for number in range(n_train + n_test):
        split = "training_images" if number < n_train else "test_images"
        home = images / split / f"{number:05d}_c{number}"
        home.mkdir(parents=True)
        (home / f"c{number}_01.jpg").write_bytes(b"")
    np.save(folder / "train_features.npy", vectors[:n_train])
    np.save(folder / "test_features.npy", vectors[n_train:])
    return folder / "set", images, folder


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """Return a published data set, its images, and the folder of its features."""
    return grid(tmp_path_factory.mktemp("published"))


def data_flags(published: tuple[Path, Path, Path]) -> tuple[object, ...]:
    return ("--data", published[0], "--layout", "neurobridge", "--images", published[1])


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a ridge encoder of the simulated subject, made by the command line."""
    path = tmp_path_factory.mktemp("simulated") / "ridge.encoder"
    words = ["train", "--encoder", "ridge", *map(str, PLAN), "--out", str(path)]
    command = [sys.executable, "-m", "saccade.cli.main", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "SIMULATED" in done.stdout
    return path


class TestSimulated:
    def test_export_and_evaluate(self, saccade: Saccade, simulated: Path, tmp_path: Path) -> None:
        decoder = tmp_path / "d.saccade"
        made = last_json(saccade("export", simulated, "--unseen", "--out", decoder, "--json"))
        assert made["gallery"] == 40
        assert made["simulated"] is True
        assert made["figures"]["n"] > 20
        held_out = set(load(decoder).gallery.names)
        training = encoder_file.load(simulated).about.training
        assert not held_out & {*training.concepts, *training.validation_concepts}
        command = ("--simulated", "--permutations", 50, "--json")
        of_decoder = last_json(saccade("evaluate", decoder, *command))
        of_encoder = last_json(saccade("evaluate", simulated, "--unseen", *command))
        assert of_decoder["accuracy"] == of_encoder["accuracy"]
        assert of_decoder["accuracy"]["n"] == 80
        assert of_decoder["accuracy"]["top1"] > 0.5
        assert of_decoder["trained_on"] == of_encoder["trained_on"] == []
        assert of_encoder["simulated"] is True
        assert of_encoder["ideal"][0]["top1"] >= of_encoder["accuracy"]["ci95_top1"][0]
        # Among all concepts, those of training included, it is harder.
        among_all = last_json(saccade("evaluate", simulated, *command))
        assert among_all["accuracy"]["gallery"] == 200
        assert among_all["accuracy"]["top1"] < of_encoder["accuracy"]["top1"]

    def test_every_option_of_evaluate(
        self, saccade: Saccade, simulated: Path, tmp_path: Path
    ) -> None:
        report = tmp_path / "r.html"
        outcome = saccade(
            *("evaluate", simulated, "--simulated", "--unseen", "--json", "--report", report),
            *("--ways", "3,7", "--repetitions", "2", "--over", "trials", "--permutations", 20),
            *("--seed", 3, "--ablate"),
        )
        found = last_json(outcome)
        assert [way["candidates"] for way in found["levels"][0]["ways"]] == [3, 7, 40]
        assert found["levels"][0]["control"]["n_permutations"] == 20
        assert "trials" in found["levels"][0]["intervals_over"]
        assert [level["repetitions"] for level in found["levels"]] == [2]
        assert len(found["sensors"]["drops"]) == 64
        assert len(found["windows"]["drops"]) == 8
        assert "SIMULATED" in report.read_text(encoding="utf-8")
        words = saccade("evaluate", simulated, "--simulated", "--unseen", "--effect", 0.1).out
        assert "SIMULATED" in words
        assert "effect 0.1" in words
        assert "ideal observer" in words

    @pytest.mark.parametrize(
        ("flags", "words"),
        [
            (("--set", "pipeline.low_hz=3"), ("pipeline.low_hz", "brings its own")),
            (("--ways", "2,many"), ("--ways", "whole numbers")),
            (("--ways", "1"), ("at least 2", "1")),
            (("--repetitions", "4,2"), ("rising",)),
            (("--repetitions", "50"), ("1 to", "50")),
            (("--report", "nowhere/r.html"), ("--report", "nowhere")),
            (("--layout", "nice"), ("--layout", "change nothing")),
            (("--split", "train"), ("--split", "change nothing with --simulated")),
            (("--over", "people"), ("people",)),
        ],
    )
    def test_an_evaluation_that_cannot_be(
        self, saccade: Saccade, simulated: Path, flags: tuple[str, ...], words: tuple[str, ...]
    ) -> None:
        assert_refused(saccade("evaluate", simulated, "--simulated", *flags), *words)


class TestPublished:
    def test_two_people_pooled_and_one_left_out(
        self, saccade: Saccade, published: tuple[Path, Path, Path], tmp_path: Path
    ) -> None:
        flags = (*data_flags(published), "--json")
        targets = ("--targets", published[2] / "train_features.npy")
        model = ("--backbone", "RN50", "--weights", "openai")
        gallery = ("--gallery", published[2] / "test_features.npy", *model, "--permutations", 20)
        pooled, alone = tmp_path / "pooled.encoder", tmp_path / "alone.encoder"
        train = ("train", "--encoder", "ridge", *flags, *targets, *model)
        made = last_json(saccade(*train, "--out", pooled))
        assert made["subjects"] == ["sub-01", "sub-02"]
        assert made["trials"] == 26 * 2 * 2
        assert made["excluded_concepts"] == 6  # the layout's own test split
        assert made["targets"] == "RN50/openai, image"
        found = last_json(saccade("evaluate", pooled, *flags, *gallery))
        assert found["about"]["protocol"] == "pooled"
        assert [name for name, _ in found["levels"][0]["people"]] == ["sub-01", "sub-02"]
        assert found["accuracy"]["gallery"] == 6
        assert found["accuracy"]["n"] == 48
        assert found["accuracy"]["top1"] > 0.5
        assert last_json(saccade(*train, "--leave-out", "sub-02", "--out", alone))["subjects"] == [
            "sub-01"
        ]
        stranger = ("evaluate", alone, *flags, *gallery, "--subjects", "sub-02")
        found = last_json(saccade(*stranger))
        assert found["about"]["protocol"] == "leave-one-subject-out"
        assert found["strangers"] == ["sub-02"]
        own = last_json(saccade(*stranger, "--own-noise"))
        assert own["levels"][0]["bits"] != found["levels"][0]["bits"]
        seen = last_json(
            saccade(
                *("evaluate", pooled, *flags, "--split", "train", *model, "--permutations", 20),
                *("--gallery", published[2] / "train_features.npy"),
            )
        )
        assert len(seen["trained_on"]) == 26

    def test_export_needs_a_pipeline_that_fits(
        self, saccade: Saccade, published: tuple[Path, Path, Path], tmp_path: Path
    ) -> None:
        encoder, out = tmp_path / "e.encoder", tmp_path / "d.saccade"
        targets = ("--targets", published[2] / "train_features.npy")
        model = ("--backbone", "RN50", "--weights", "openai", "--kind", "image")
        train = ("train", "--encoder", "ridge", *data_flags(published), *targets, *model)
        last_json(saccade(*train, "--out", encoder, "--json"))
        names = tmp_path / "names.txt"
        names.write_text("\n".join(f"t{n}" for n in range(6)), encoding="utf-8")
        gallery = ("--gallery", published[2] / "test_features.npy", "--gallery-names", names)
        export = ("export", encoder, *gallery, *model, "--out", out)
        assert_refused(saccade(*export), "--config and --sfreq")
        rate = ("--sfreq", 500, "--set", "pipeline.resample_hz=100")
        assert_refused(saccade(*export, *rate, "--set", "epochs.tmax_s=0.7"), "crop_s")
        assert_refused(saccade(*export, "--sfreq", 500), "rate 100 Hz expected, 500 Hz")
        assert not out.exists()
        made = last_json(saccade(*export, *rate, "--json"))
        assert made["subject"] == "strangers"
        decoder = load(out)
        assert decoder.input.sfreq == 500
        assert decoder.input.ch_names == ("O1", "Oz", "O2")
        named = last_json(saccade(*export, *rate, "--subject", "sub-02", "--overwrite", "--json"))
        assert named["subject"] == "sub-02"
        assert not np.array_equal(load(out).signal_whitening, decoder.signal_whitening)
        wrong = ("export", encoder, *gallery, "--backbone", "ViT-L-14", *model[2:], "--out", out)
        assert_refused(saccade(*wrong, *rate, "--overwrite"), "backbone", "RN50", "ViT-L-14")

    @pytest.mark.parametrize(
        ("flags", "words"),
        [
            (("--encoder", "atmz"), ("atmz", "did you mean 'atms'")),
            (("--option", "dropoff=0.5"), ("dropoff", "did you mean 'dropout'")),
            (("--option", "dropout=1.5"), ("dropout", "1.5")),
            (("--option", "dropout"), ("SETTING=VALUE",)),
            (("--option", "seed=3", "--seed", "4"), ("seed", "give it once")),
            (("--precision", "8-bit"), ("precision", "8-bit")),
            (("--device", "abacus"), ("Lightning Fabric",)),
            (("--layout", "nothing"), ("layout", "nothing")),
            (("--subjects", "sub-09"), ("sub-01", "sub-09")),
            (("--leave-out", "sub-09"), ("sub-01", "sub-09")),
            (("--simulated",), ("--data and --simulated",)),
            (("--effect", "1"), ("--effect", "change nothing")),
            (("--curves", "nowhere/c"), ("--curves", "nowhere")),
            (("--checkpoint", "nowhere/c"), ("nowhere",)),
            (("--encoder", "ridge", "--checkpoint", "c"), ("--checkpoint", "one step")),
            (("--encoder", "ridge", "--budget", "1"), ("--budget", "one step")),
            (("--encoder", "ridge", "--repetitions", "random"), ("--repetitions", "one step")),
            (("--level", "foveal-51"), ("LEVEL=FILE",)),
            (("--level", "fovial-51=x.npy"), ("fovial-51",)),
            (("--targets", "nan.npy"), ("finite", "1 of 26")),
            (("--targets", "short.npy"), ("26 images", "25")),
            (("--targets", "absent.npy"), ("absent.npy",)),
            (("--exclude", "all.txt"), ("all 104 trials",)),
            (("--out", "e.pt"), (".encoder", "e.pt")),
            (("--out", "kept.encoder"), ("kept.encoder", "exists")),
        ],
    )
    def test_a_training_that_cannot_be(
        self,
        saccade: Saccade,
        published: tuple[Path, Path, Path],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        flags: tuple[str, ...],
        words: tuple[str, ...],
    ) -> None:
        monkeypatch.chdir(tmp_path)
        vectors = np.load(published[2] / "train_features.npy")
        np.save("good.npy", vectors)
        np.save("short.npy", vectors[:25])
        vectors[3, 0] = np.nan
        np.save("nan.npy", vectors)
        Path("all.txt").write_text("\n".join(f"c{n}" for n in range(26)), encoding="utf-8")
        Path("kept.encoder").write_bytes(b"precious")
        before = sorted(path.name for path in tmp_path.iterdir())
        usual = {"--encoder": "eegproject", "--targets": "good.npy", "--out": "e.encoder"}
        given = {flag: value for flag, value in usual.items() if flag not in flags}
        rest = (word for pair in given.items() for word in pair)
        outcome = saccade("train", *data_flags(published), *rest, "--device", "cpu", *flags)
        assert_refused(outcome, *words)
        assert sorted(path.name for path in tmp_path.iterdir()) == before
        assert Path("kept.encoder").read_bytes() == b"precious"

    def test_levels_of_the_gallery_too(
        self, saccade: Saccade, published: tuple[Path, Path, Path], tmp_path: Path
    ) -> None:
        model = ("--backbone", "RN50", "--weights", "openai", "--json")

        def named(split: str) -> tuple[str, ...]:
            features = published[2] / f"{split}_features.npy"
            flags = (f"foveal-{k}={features}" for k in (45, 51, 57))
            return tuple(word for flag in flags for word in ("--level", flag))

        encoder = tmp_path / "u.encoder"
        train = ("train", "--encoder", "ubp", *data_flags(published), *model, *named("train"))
        train += ("--targets", published[2] / "train_features.npy", "--device", "cpu")
        last_json(saccade(*train, "--option", "epochs=1", "--out", encoder))
        judge = ("evaluate", encoder, *data_flags(published), *model, "--permutations", 20)
        judge += ("--gallery", published[2] / "test_features.npy")
        assert_refused(saccade(*judge), "foveal-45, foveal-51, foveal-57", "--level")
        found = last_json(saccade(*judge, *named("test")))
        assert found["levels"][0]["n_concepts"] == 6
        assert_refused(saccade(*judge, *named("test"), "--unseen"), "--unseen would change nothing")

    @pytest.mark.parametrize(
        ("flags", "field", "value"),
        [
            (("--repetitions", "average"), "repetitions", "average"),
            (("--repetitions", "random"), "repetitions", "random"),
            (("--seed", 3), "seed", 3),
            (("--precision", "bf16-mixed"), "precision", "bf16-mixed"),
            (("--option", "dropout=0.1"), "dropout", 0.1),
            (("--budget", 1e-6), "budget_core_s", 6e-5),
        ],
    )
    def test_what_training_can_be_told(
        self,
        saccade: Saccade,
        published: tuple[Path, Path, Path],
        tmp_path: Path,
        flags: tuple[object, ...],
        field: str,
        value: object,
    ) -> None:
        usual = ("train", "--encoder", "eegproject", *data_flags(published), "--device", "cpu")
        usual += ("--targets", published[2] / "train_features.npy", "--option", "epochs=2")
        plain, told = tmp_path / "a.encoder", tmp_path / "b.encoder"
        last_json(saccade(*usual, "--json", "--out", plain))
        outcome = saccade(*usual, *flags, "--out", told)
        assert "validation   single-trial top-1" in outcome.out
        one, other = (encoder_file.load(path) for path in (plain, told))
        assert other.about.settings[field] == pytest.approx(value)
        assert one.about.settings[field] != other.about.settings[field]
        assert one.about.training.history != other.about.training.history

    def test_a_network_of_the_zoo_and_its_arguments(
        self,
        saccade: Saccade,
        published: tuple[Path, Path, Path],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        class Plain(torch.nn.Sequential):
            def __init__(self, n_chans: int, n_times: int, n_outputs: int, n_hidden: int) -> None:
                flat, hidden = torch.nn.Flatten(), torch.nn.Linear(n_chans * n_times, n_hidden)
                super().__init__(flat, hidden, torch.nn.Linear(n_hidden, n_outputs))

        models = ModuleType("braindecode.models")
        monkeypatch.setattr(models, "Plain", Plain, raising=False)
        monkeypatch.setitem(sys.modules, "braindecode", ModuleType("braindecode"))
        monkeypatch.setitem(sys.modules, "braindecode.models", models)
        out = tmp_path / "z.encoder"
        train = ("train", "--encoder", "zoo", *data_flags(published), "--device", "cpu", "--json")
        train += ("--targets", published[2] / "train_features.npy", "--option", "model=Plain")
        train += ("--option", "epochs=1", "--option", "n_features=8", "--out", out)
        last_json(saccade(*train, "--option", 'arguments={"n_hidden": 4}'))
        encoder = encoder_file.load(out)
        assert encoder.about.settings["arguments"] == '{"n_hidden": 4}'
        assert encoder.tower.model[1].out_features == 4
        wrong = saccade(*train, "--option", "arguments={n_hidden = 4}", "--overwrite")
        assert_refused(wrong, "arguments", "must be text")

    def test_a_list_of_concepts_is_kept_out(
        self, saccade: Saccade, published: tuple[Path, Path, Path], tmp_path: Path
    ) -> None:
        (tmp_path / "out.txt").write_text("C3\nc5", encoding="utf-8")
        usual = ("train", "--encoder", "ridge", *data_flags(published), "--json")
        usual += ("--targets", published[2] / "train_features.npy", "--out", tmp_path / "a.encoder")
        made = last_json(saccade(*usual, "--exclude", tmp_path / "out.txt"))
        assert made["concepts"] + made["validation_concepts"] == 24
        assert made["trials"] == 24 * 2 * 2

    def test_a_checkpoint_goes_on_or_is_refused(
        self, saccade: Saccade, published: tuple[Path, Path, Path], tmp_path: Path
    ) -> None:
        features = ("--targets", published[2] / "train_features.npy")
        flags = ("train", "--encoder", "eegproject", *data_flags(published), *features, "--json")
        flags += ("--checkpoint", tmp_path / "c.ckpt", "--device", "cpu")
        first = saccade(*flags, "--option", "epochs=1", "--out", tmp_path / "one.encoder")
        assert last_json(first)["passes"] == 1
        curves = ("--curves", tmp_path / "curves")
        more = saccade(*flags, "--option", "epochs=3", "--out", tmp_path / "two.encoder", *curves)
        assert last_json(more)["passes"] == 3
        assert len((tmp_path / "curves.csv").read_text().splitlines()) == 4
        assert (tmp_path / "curves.png").exists()
        other = saccade(*flags, "--seed", 5, "--out", tmp_path / "three.encoder")
        assert_refused(other, "belongs to another training")
        assert not (tmp_path / "three.encoder").exists()

    def test_ctrl_c_keeps_the_checkpoint_and_says_so(
        self, published: tuple[Path, Path, Path], tmp_path: Path
    ) -> None:
        checkpoint = tmp_path / "c.ckpt"
        command = ["train", "--encoder", "eegproject", *data_flags(published)]
        command += ["--targets", published[2] / "train_features.npy", "--checkpoint", checkpoint]
        command += ["--option", "epochs=100000", "--option", "patience=100000", "--device", "cpu"]
        command += ["--out", tmp_path / "never.encoder"]
        process = subprocess.Popen(
            [sys.executable, "-m", "saccade.cli.main", *map(str, command)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            # Where the tests run in the background of a shell, they have inherited deafness to it.
            preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        )
        try:
            deadline = time.monotonic() + 90
            while not checkpoint.exists() and time.monotonic() < deadline:
                assert process.poll() is None, process.stderr
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=30)
        finally:
            process.kill()
            process.wait()
        assert process.returncode == 130, said
        assert "stopped after pass" in said
        assert f"{checkpoint} keeps what was learned" in said
        assert sorted(path.name for path in tmp_path.iterdir()) == ["c.ckpt"]

    def test_torchrun_needs_no_other_flags(
        self, published: tuple[Path, Path, Path], tmp_path: Path
    ) -> None:
        out = tmp_path / "e.encoder"
        command = ["train", "--encoder", "eegproject", *data_flags(published), "--device", "cpu"]
        command += ["--targets", published[2] / "train_features.npy", "--option", "epochs=1"]
        launcher = ["torch.distributed.run", "--standalone", "--nproc-per-node", 2]
        words = (*launcher, "-m", "saccade.cli.main", *command, "--out", out, "--json")
        done = subprocess.run(
            [sys.executable, "-m", *map(str, words)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "OMP_NUM_THREADS": "1", "MASTER_ADDR": "localhost"},
        )
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.strip().splitlines()) == 1  # the first process alone speaks
        assert json.loads(done.stdout)["passes"] == 1
        assert encoder_file.load(out).about.training.best == 1

    def test_levels_of_pictures(
        self, saccade: Saccade, published: tuple[Path, Path, Path], tmp_path: Path
    ) -> None:
        features = published[2] / "train_features.npy"
        flags = ("train", "--encoder", "ubp", *data_flags(published), "--targets", features)
        flags += ("--option", "epochs=1", "--option", "batch_size=16", "--device", "cpu", "--json")
        stand_in = last_json(saccade(*flags, "--out", tmp_path / "a.encoder"))
        assert stand_in["levels_on_embeddings"] is True
        levels = tuple(word for k in (45, 51, 57) for word in ("--level", f"foveal-{k}={features}"))
        real = last_json(saccade(*flags, *levels, "--out", tmp_path / "b.encoder"))
        assert real["levels_on_embeddings"] is False
        one = saccade(*flags, *levels[:2], "--out", tmp_path / "c.encoder")
        assert_refused(one, "foveal-51, foveal-57")
        tests = published[2] / "test_features.npy"
        judge = ("evaluate", tmp_path / "b.encoder", *data_flags(published), "--gallery", tests)
        model = ("--set", "gallery.backbone='RN50'", "--set", "gallery.weights='openai'")
        assert_refused(saccade(*judge, *model), "backbone 'unknown' expected, 'RN50' came")


class TestOwnSessions:
    def test_calibrate_keeps_its_trials(
        self, saccade: Saccade, runs: tuple[Path, Path], tmp_path: Path
    ) -> None:
        session, out = tmp_path / "ann.npz", tmp_path / "c.saccade"
        calibrate = ("calibrate", *LABELS, "--low-hz", 1, "--high-hz", 30, "--crop", 0, 0.4)
        made = ("--recording", runs[0], "--out", out, "--save-trials", session, "--json")
        last_json(saccade(*calibrate, *made))
        again = saccade(*calibrate, *made, "--overwrite")
        assert_refused(again, "--save-trials", "ann.npz")
        encoder, decoder = tmp_path / "e.encoder", tmp_path / "d.saccade"
        train = last_json(
            saccade("train", "--encoder", "ridge", "--trials", session, "--out", encoder, "--json")
        )
        assert train["subjects"] == ["ann"]
        assert train["validation"]["split"] == "time"
        exported = ("export", encoder, "--out", decoder, "--json")
        last_json(saccade(*exported))
        assert load(decoder).pipeline == load(out).pipeline
        assert load(decoder).epochs == load(out).epochs
        assert load(decoder).labels == {"1": "dog", "2": "house"}
        summary = last_json(saccade("replay", runs[1], "--decoder", decoder, "--json"))
        offline = ("evaluate", decoder, "--recording", runs[1], "--permutations", 20, "--json")
        judged = last_json(saccade(*offline))
        assert summary["accuracy"]["top1"] == pytest.approx(judged["accuracy"]["top1"])
        assert summary["accuracy"]["n"] == judged["accuracy"]["n"]
        own = last_json(saccade(*exported, "--calibrate-on", session, "--overwrite"))
        assert own["figures"]["split"] == "own trials"
        refused = saccade(*exported, "--overwrite", "--sfreq", 250)
        assert_refused(refused, "stream.sfreq", "it brings")

    def test_a_calibrated_decoder_follows_its_user(
        self, saccade: Saccade, runs: tuple[Path, Path], tmp_path: Path
    ) -> None:
        out = tmp_path / "d.saccade"
        made = ("calibrate", "--recording", runs[0], *LABELS, "--encoder", "ridge", "--out", out)
        last_json(saccade(*made, "--running", "signal,mean", "--memory", 30, "--json"))
        online = load(out).online
        assert (online.parts, online.memory_trials) == (("signal", "mean"), 30)
        live = last_json(saccade("replay", runs[1], "--decoder", out, "--json"))["alignment"]
        assert (live["kind"], live["active"]) == ("running", True)
        refused = saccade(*made, "--overwrite", "--memory", 30)
        assert_refused(refused, "memory_trials", "--running")

    def test_export_aligns_to_a_person(
        self, saccade: Saccade, runs: tuple[Path, Path], tmp_path: Path
    ) -> None:
        ann, bob = tmp_path / "ann.npz", tmp_path / "bob.npz"
        for run, low_hz, session in ((runs[0], 1, ann), (runs[1], 1, bob)):
            made = ("calibrate", "--recording", run, *LABELS, "--low-hz", low_hz, "--high-hz", 30)
            files = ("--out", tmp_path / f"{session.stem}.saccade", "--save-trials", session)
            last_json(saccade(*made, *files, "--crop", 0, 0.4, "--json"))
        encoder, out = tmp_path / "e.encoder", tmp_path / "d.saccade"
        train = ("train", "--encoder", "ridge", "--trials", ann, "--out", encoder, "--json")
        last_json(saccade(*train))
        export = ("export", encoder, "--out", out, "--overwrite")
        last_json(saccade(*export, "--json"))
        plain = load(out)
        judge = ("evaluate", out, "--trials", bob, "--permutations", 20, "--json")
        before = last_json(saccade(*judge))

        one = last_json(saccade(*export, "--calibrate-on", bob, "--align", "linear", "--json"))
        assert one["adaptations"] == [{"kind": "linear", "trials": 60}]
        assert one["figures"]["split"] == "adaptation"
        np.testing.assert_array_equal(load(out).signal_whitening, plain.signal_whitening)
        assert load(out).alignment is not None
        after = last_json(saccade(*judge))
        assert after["accuracy"]["n"] == 60
        assert after["levels"][0]["bits"] != before["levels"][0]["bits"]

        both = saccade(*export, "--calibrate-on", bob, "--align", "whitening,euclidean").out
        assert "alignment    euclidean, learned from 60 trials" in both
        assert "alignment    whitening, learned from 60 trials" in both
        assert "judged on    nothing since it was aligned" in both
        assert not np.array_equal(load(out).signal_whitening, plain.signal_whitening)

        online = last_json(saccade(*export, "--online", "whitening", "--after", 20, "--json"))
        assert online["online"] == {"kind": "whitening", "n_trials": 20, "temperature": None}
        said = saccade(*export, "--online", "euclidean", "--after", 20).out
        assert "alignment    euclidean, learned from the first 20 good epochs of each" in said
        assert_refused(saccade(*judge), "euclidean", "saccade replay")
        live = last_json(saccade("replay", runs[1], "--decoder", out, "--json"))
        assert live["alignment"] == {"kind": "euclidean", "trials": 20, "of": 20, "active": True}

        follow = (*export, "--running", "signal,mean", "--calibrate-on", bob, "--memory", 30)
        assert "alignment    follows signal and mean, over some 30 good" in saccade(*follow).out
        assert_refused(saccade(*judge), "running", "saccade replay")
        live = last_json(saccade("replay", runs[1], "--decoder", out, "--json"))["alignment"]
        assert (live["kind"], live["parts"], live["active"]) == (
            "running",
            ["signal", "mean"],
            True,
        )
        assert live["trials"] > 20
        said = saccade("replay", runs[1], "--decoder", out).out
        assert f"alignment    running signal and mean, {live['trials']} good trials" in said

    @pytest.mark.parametrize(
        ("flags", "words"),
        [
            (("--align", "linear"), ("--align linear", "--calibrate-on")),
            (("--calibrate-on", "s.npz", "--align", "magic"), ("procrustes", "'magic'")),
            (("--calibrate-on", "s.npz", "--align", "linear,whitening"), ("one of the others",)),
            (("--online", "whitening"), ("--after", "give both")),
            (("--after", "50"), ("--online", "give both")),
            (("--online", "linear", "--after", "50"), ("whitening or euclidean", "'linear'")),
            (("--memory", "50"), ("--running", "not given")),
            (("--running", "magic"), ("signal and mean", "'magic'")),
            (("--running", "mean"), ("--running mean", "--calibrate-on")),
            (("--running", "whitening", "--calibrate-on", "s"), ("signal and mean", "'whitening'")),
            (
                ("--running", "signal", "--online", "euclidean", "--after", "9"),
                ("once or throughout", "--online euclidean", "--running signal"),
            ),
            (
                (
                    "--calibrate-on",
                    "s",
                    "--align",
                    "linear",
                    "--online",
                    "euclidean",
                    "--after",
                    "9",
                ),
                ("aligned once", "--align linear", "--online euclidean"),
            ),
        ],
    )
    def test_an_alignment_that_cannot_be(
        self, saccade: Saccade, tmp_path: Path, flags: tuple[str, ...], words: tuple[str, ...]
    ) -> None:
        outcome = saccade("export", "absent.encoder", "--out", tmp_path / "d.saccade", *flags)
        assert_refused(outcome, *words)

    def test_a_session_of_another_pipeline_does_not_calibrate(
        self, saccade: Saccade, runs: tuple[Path, Path], tmp_path: Path
    ) -> None:
        session, encoder = tmp_path / "s.npz", tmp_path / "e.encoder"
        made = ("calibrate", "--recording", runs[0], *LABELS, "--low-hz", 2, "--json")
        last_json(saccade(*made, "--out", tmp_path / "s.saccade", "--save-trials", session))
        train = ("train", "--encoder", "ridge", "--recording", runs[0], *LABELS, "--json")
        last_json(saccade(*train, "--out", encoder))
        export = ("export", encoder, "--out", tmp_path / "d.saccade", "--calibrate-on", session)
        assert_refused(saccade(*export), "s.npz", "another pipeline")

    def test_straight_from_recordings(
        self, saccade: Saccade, runs: tuple[Path, Path], tmp_path: Path
    ) -> None:
        encoder = tmp_path / "e.encoder"
        train = ("train", "--encoder", "ridge", "--recording", runs[0], *LABELS, "--json")
        assert last_json(saccade(*train, "--out", encoder))["trials"] == 60
        single = encoder_file.load(encoder).about
        assert single.training.sources[0]["name"] == "first.npz"
        assert len(single.training.sources[0]["sha256"]) == 64
        assert single.recorded is not None
        found = last_json(
            saccade("evaluate", encoder, "--recording", runs[1], "--permutations", 20, "--json")
        )
        assert found["accuracy"]["n"] == 60
        assert len(found["trained_on"]) == 2  # the same two concepts: not zero-shot

    def test_epochs_that_do_not_fit_are_refused(
        self, saccade: Saccade, runs: tuple[Path, Path], tmp_path: Path
    ) -> None:
        encoder = tmp_path / "e.encoder"
        train = ("train", "--encoder", "ridge", "--recording", runs[0], *LABELS, "--json")
        last_json(saccade(*train, "--out", encoder))
        data = np.random.default_rng(0).standard_normal((12, 3, 50)).astype(np.float32)
        save_trials(tmp_path / "o.npz", data, ["dog", "house"] * 6, "abc", 125.0, 0.1, "eve")
        outcome = saccade("evaluate", encoder, "--trials", tmp_path / "o.npz")
        words = ("4 of 4 channels missing", "rate 250 Hz expected, 125 Hz", "200 samples", "0.1 s")
        assert_refused(outcome, *words)
        assert_refused(saccade("evaluate", tmp_path / "absent.encoder", "--simulated"), "absent")

    def test_sessions_of_different_pipelines(
        self, saccade: Saccade, runs: tuple[Path, Path], tmp_path: Path
    ) -> None:
        for name, low_hz, run in (("a", 1, runs[0]), ("b", 1, runs[1]), ("c", 2, runs[1])):
            calibrate = ("calibrate", "--recording", run, *LABELS, "--low-hz", low_hz, "--json")
            files = (
                "--out",
                tmp_path / f"{name}.saccade",
                "--save-trials",
                tmp_path / f"{name}.npz",
            )
            last_json(saccade(*calibrate, *files))
        train = (
            "train",
            "--encoder",
            "ridge",
            "--json",
            "--trials",
            tmp_path / "a.npz",
            "--trials",
        )
        both = last_json(saccade(*train, tmp_path / "b.npz", "--out", tmp_path / "ab.encoder"))
        assert both["subjects"] == ["a", "b"]
        other = saccade(*train, tmp_path / "c.npz", "--out", tmp_path / "ac.encoder")
        assert_refused(other, "c.npz", "same pipeline")
        judged = saccade("evaluate", tmp_path / "ab.encoder", "--trials", tmp_path / "c.npz")
        assert_refused(judged, "c.npz", "another pipeline")
        missing = saccade(*train, tmp_path / "b.npz", "--subjects", "z", "--out", "x.encoder")
        assert_refused(missing, "a, b", "z")


@pytest.mark.lsl
def test_live_accuracy_lies_inside_the_offline_interval(stream_name: str, tmp_path: Path) -> None:
    import runpy

    example = Path(__file__).parents[2] / "examples" / "train_and_run.py"
    run = runpy.run_path(str(example))["run"]
    found = run("eegproject", 0.05, 330, offline_trials=120, live_trials=120, speed=8.0)
    low, high = found["offline"]["accuracy"]["ci95_top1"]
    live = found["live"]["accuracy"]
    assert live["n"] == 120
    assert live["gallery"] == found["offline"]["accuracy"]["gallery"] == 40
    assert low <= live["top1"] <= high
    assert found["live"]["simulated"] is True
    assert found["live"]["samples"]["lost"] == 0
    # The same pictures behind the same pipeline: not merely as good, but the same.
    assert live["top1"] == pytest.approx(found["offline"]["accuracy"]["top1"])
