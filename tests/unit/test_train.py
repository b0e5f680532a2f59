"""The training loop: what it learns, that it can be repeated, interrupted and shared out."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric

from saccade.models.data.signals import ArraySignals
from saccade.models.data.table import TrialTable, count_within
from saccade.models.encoders.eegproject import EEGProject, EEGProjectSettings
from saccade.models.encoders.nice import NICE, NICESettings
from saccade.models.targets.corruption_embedding import EmbeddingLevels
from saccade.models.training.train import train
from saccade.realtime.errors import CalibrationError, CheckpointError

N_CONCEPTS, REPETITIONS = 30, 4
SIZE = 320  # of an epoch: 4 channels of 80 samples


def task(noise: float = 1.0, n_concepts: int = N_CONCEPTS):
    rng = np.random.default_rng(3)
    vectors = rng.standard_normal((n_concepts, 12)).astype(np.float32)
    mixing = rng.standard_normal((12, SIZE))
    concept = np.repeat(np.arange(n_concepts), REPETITIONS)
    data = vectors[concept] @ mixing + noise * rng.standard_normal((len(concept), SIZE))
    table = TrialTable(
        subject=np.zeros_like(concept),
        concept=concept,
        image=concept,
        repetition=count_within(concept),
        subjects=("one",),
        concept_names=tuple(f"c{i}" for i in range(n_concepts)),
        image_names=tuple(f"i{i}" for i in range(n_concepts)),
    )
    signals = ArraySignals(
        data.reshape(-1, 4, SIZE // 4).astype(np.float32), table, ("a", "b", "c", "d"), 100.0, 0.0
    )
    bank, _ = EmbeddingLevels(vectors).apply(vectors, ("sharp",)).centred()
    return signals, bank


def family(**settings):
    quick = {"epochs": 4, "batch_size": 16, "patience": 50, "weight_decay": 0.0}
    return EEGProject(EEGProjectSettings(**(quick | settings)))


def weights(trained):
    return torch.cat([p.flatten() for p in trained.tower.parameters()])


class TestLearning:
    def test_held_out_concepts_are_recognised(self):
        trained = train(family(epochs=40), *task(noise=0.5))
        best = trained.history[trained.best - 1]
        assert best.top1 > 0.7  # of 4 concepts that were not trained on
        assert best.bits > 1
        assert best.bits == max(p.bits for p in trained.history)

    def test_the_best_pass_is_kept(self):
        signals, bank = task(noise=4.0)
        full = train(family(epochs=15, lr=3e-2), signals, bank)
        until = train(family(epochs=full.best, lr=3e-2), signals, bank)
        assert full.best < 15
        assert torch.equal(weights(full), weights(until))

    def test_validation_rows_alone_are_taken_out_of_training(self):
        signals, bank = task()
        rows, validation = np.arange(80), np.arange(80, 120)
        named = train(family(), signals, bank, rows, validation)
        assert torch.equal(
            weights(named), weights(train(family(), signals, bank, None, validation))
        )

    def test_validation_rows_can_be_named_and_are_not_trained_on(self):
        signals, bank = task()
        rows, validation = np.arange(80), np.arange(80, 120)
        trained = train(family(), signals, bank, rows, validation)
        data = signals.signals(np.arange(120))
        data[80:] = 0  # says nothing
        silent = ArraySignals(data, signals.table, signals.ch_names, 100.0, 0.0)
        other = train(family(), silent, bank, rows, validation)
        assert trained.history[0].loss == other.history[0].loss
        assert trained.history[0].bits != other.history[0].bits

    def test_single_trials_decide_even_where_averages_are_trained_on(self):
        signals, bank = task(noise=3.0)
        whole = train(family(repetitions="average"), signals, bank)
        # One trial of each held-out concept is replaced by another's: their averages hardly change.
        data = signals.signals(np.arange(len(signals.table)))
        data[::REPETITIONS] = data[::REPETITIONS][::-1]
        data[1::REPETITIONS] += (
            signals.signals(np.arange(0, len(data), REPETITIONS)) - data[::REPETITIONS]
        )
        same_means = ArraySignals(data, signals.table, signals.ch_names, 100.0, 0.0)
        other = train(family(repetitions="average"), same_means, bank)
        assert whole.history[0].loss == pytest.approx(other.history[0].loss, rel=1e-4)
        assert whole.history[0].bits != pytest.approx(other.history[0].bits, rel=1e-4)

    @pytest.mark.parametrize("repetitions", ["average", "random"])
    def test_what_a_sample_is_matters(self, repetitions):
        signals, bank = task()
        assert not torch.equal(
            weights(train(family(), signals, bank)),
            weights(train(family(repetitions=repetitions), signals, bank)),
        )

    @pytest.mark.parametrize(
        "change",
        [
            {"beta1": 0.5},
            {"beta2": 0.9},
            {"warm_up": 20},
            {"grad_clip": 1e-3},
            {"precision": "bf16-mixed"},
            {"scale": "exp"},
            {"soft_weight": 0.5},
        ],
    )
    def test_every_setting_changes_the_result(self, change):
        signals, bank = task()
        assert not torch.equal(
            weights(train(family(), signals, bank)),
            weights(train(family(**change), signals, bank)),
        )

    def test_a_budget_ends_it_after_a_pass(self):
        trained = train(family(epochs=1000, budget_core_s=1e-6), *task())
        assert len(trained.history) == 1


class TestRepeating:
    def test_same_seed_same_bits_other_seed_others(self):
        signals, bank = task()
        first, second, third = (weights(train(family(seed=s), signals, bank)) for s in (1, 1, 2))
        assert torch.equal(first, second)
        assert not torch.equal(first, third)

    @pytest.mark.parametrize("repetitions", ["single", "random"])
    def test_resumed_it_is_as_if_it_had_never_been_interrupted(self, tmp_path, repetitions):
        signals, bank = task(noise=4.0)
        settings = {"repetitions": repetitions, "grad_clip": 1.0, "warm_up": 20}
        whole = train(family(epochs=6, **settings), signals, bank)
        file = tmp_path / "training.ckpt"
        train(family(epochs=2, **settings), signals, bank, checkpoint=file)
        rest = train(family(epochs=6, **settings), signals, bank, checkpoint=file)
        assert torch.equal(weights(whole), weights(rest))
        for a, b in zip(whole.history, rest.history, strict=True):
            assert dataclasses.replace(a, spent_core_s=0) == dataclasses.replace(b, spent_core_s=0)

    def test_an_interruption_loses_one_pass_at_most(self, tmp_path):
        signals, bank = task()
        file, seen = tmp_path / "training.ckpt", []

        def pull_the_plug(done):
            seen.append(done)
            if done.number == 3:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            train(family(), signals, bank, checkpoint=file, on_pass=pull_the_plug)
        resumed = train(family(), signals, bank, checkpoint=file, on_pass=seen.append)
        assert [done.number for done in seen] == [1, 2, 3, 4]
        assert torch.equal(weights(resumed), weights(train(family(), signals, bank)))
        assert not list(tmp_path.glob(".*"))

    def test_a_finished_training_is_only_read(self, tmp_path):
        signals, bank = task()
        file, seen = tmp_path / "training.ckpt", []
        first = train(family(), signals, bank, checkpoint=file)
        again = train(family(), signals, bank, checkpoint=file, on_pass=seen.append)
        assert not seen
        assert torch.equal(weights(first), weights(again))


class TestRefusals:
    def test_the_checkpoint_of_another_training(self, tmp_path):
        signals, bank = task()
        file = tmp_path / "training.ckpt"
        train(family(), signals, bank, checkpoint=file)
        for other in ({"lr": 1e-4}, {"seed": 1}, {"held_out": 0.3}):
            with pytest.raises(CheckpointError, match="belongs to another training"):
                train(family(**other), signals, bank, checkpoint=file)

    def test_a_checkpoint_of_other_signals_or_targets(self, tmp_path):
        signals, bank = task()
        file = tmp_path / "training.ckpt"
        train(family(), signals, bank, checkpoint=file)
        other, _ = task(noise=2.0)
        turned = dataclasses.replace(bank, vectors=bank.vectors[:, :, ::-1].copy())
        for changed in ((other, bank), (signals, turned)):
            with pytest.raises(CheckpointError, match="belongs to another training"):
                train(family(), *changed, checkpoint=file)

    @pytest.mark.parametrize(
        "content", [b"", b"nonsense", b"hello world\n", b"PK\x03\x04" + bytes(100)]
    )
    def test_a_file_that_is_no_checkpoint(self, tmp_path, content):
        file = tmp_path / "training.ckpt"
        file.write_bytes(content)
        with pytest.raises(CheckpointError, match="no checkpoint that can be read"):
            train(family(), *task(), checkpoint=file)

    def test_a_checkpoint_that_would_run_code(self, tmp_path):
        class Evil:
            def __reduce__(self):
                return os.system, ("true",)

        file = tmp_path / "training.ckpt"
        torch.save({"mark": Evil()}, file)
        with pytest.raises(CheckpointError, match="no checkpoint that can be read"):
            train(family(), *task(), checkpoint=file)

    def test_a_folder_that_is_not_there(self, tmp_path):
        with pytest.raises(CheckpointError, match="which is no folder: make it"):
            train(family(), *task(), checkpoint=tmp_path / "none" / "training.ckpt")

    def test_one_concept_only(self):
        signals, bank = task()
        with pytest.raises(CalibrationError, match="needs at least 2 trials of different concepts"):
            train(family(), signals, bank, np.arange(REPETITIONS))

    def test_targets_of_other_images(self):
        signals, _ = task()
        _, bank = task(n_concepts=7)
        with pytest.raises(CalibrationError, match="but 7 came for 30 images"):
            train(family(), signals, bank)

    def test_rows_that_are_trained_on_and_judged(self):
        with pytest.raises(CalibrationError, match="but 10 of 40 are in both"):
            train(family(), *task(), np.arange(90), np.arange(80, 120))

    def test_a_loss_that_explodes(self):
        with pytest.raises(CalibrationError, match="lower lr from 1e\\+20"):
            train(family(lr=1e20), *task())


SHARED_OUT = """
import importlib.util
import numpy as np, torch
from lightning_fabric import Fabric
spec = importlib.util.spec_from_file_location("task", {file!r})
task = importlib.util.module_from_spec(spec); spec.loader.exec_module(task)
torch.set_num_threads(1)
fabric = Fabric(accelerator="cpu", devices=2, strategy="ddp")
fabric.launch()
for name, chosen in (("plain", task.plain()), ("normed", task.normed())):
    trained = task.train(chosen, *task.task(), fabric=fabric)
    np.savez(f"{out}/{{name}}{{fabric.global_rank}}.npz",
             weights=task.weights(trained).detach().numpy(),
             bits=[done.bits for done in trained.history])
"""


def plain():
    # Each process draws its own dropout, so there is none; 104 = 4 · 26 trials.
    return family(dropout=0.0, batch_size=26)


def normed():
    # Batch norms see each process's own batches, and time ends it.
    return NICE(NICESettings(epochs=50, batch_size=26, budget_core_s=2.0, dropout=0.0))


def test_two_processes_of_torchrun_train_what_one_would_and_end_together(tmp_path):
    script = tmp_path / "shared.py"
    script.write_text(SHARED_OUT.format(file=str(Path(__file__)), out=str(tmp_path)))
    subprocess.run(
        [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc-per-node=2",
            script,
        ],
        check=True,
        timeout=100,
        capture_output=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
    )
    alone = train(plain(), *task(), fabric=Fabric(accelerator="cpu", devices=1))
    with np.load(tmp_path / "plain0.npz") as held:
        expected = weights(alone).detach().numpy()
        np.testing.assert_allclose(held["weights"], expected, rtol=0, atol=2e-4)
    for name in ("plain", "normed"):
        with np.load(tmp_path / f"{name}0.npz") as a, np.load(tmp_path / f"{name}1.npz") as b:
            np.testing.assert_array_equal(a["bits"], b["bits"])
            np.testing.assert_array_equal(a["weights"], b["weights"])
