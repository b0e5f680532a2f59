"""What training leaves: filed and read back, it says the same; altered, it is refused."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch

from saccade.models.alignment.whitening import mvnn
from saccade.models.data.noise import WhitenedBySubject, noise_by_subject
from saccade.models.data.recorded_epochs import RecordedEpochs, attach, attached
from saccade.models.data.signals import ArraySignals
from saccade.models.data.table import TrialTable, count_within
from saccade.models.decoders import sealed_zip
from saccade.models.decoders.manifest import InputSignature, OnlineAlignment
from saccade.models.encoders import load_script
from saccade.models.encoders.network import UNKNOWN_SUBJECT
from saccade.models.evaluation.embedding import module_encoder
from saccade.models.galleries.gallery import Gallery
from saccade.models.targets.sources import bank_of, targets
from saccade.models.training import encoder_file
from saccade.models.training.encoder_export import make_decoder
from saccade.models.training.encoder_fit import judged_decoder, judged_encoder
from saccade.models.training.encoder_training import Origin, kept, train_encoder
from saccade.realtime.errors import (
    CalibrationError,
    ConfigError,
    DecoderFileError,
    GalleryError,
    RecordingError,
    SignatureMismatch,
)
from saccade.realtime.registry import build_settings, load

CH_NAMES = ("O1", "Oz", "O2", "PO3", "PO4", "Pz")
N_CONCEPTS, N_TIMES, DIM = 24, 80, 8
QUICK = {"epochs": 2, "batch_size": 24, "lr": 1e-3}
FAMILIES = {
    "ridge": {},
    "eegproject": QUICK,
    "atms": QUICK,
    "ubp": QUICK,
    "neurobridge": QUICK | {"shared_dim": 6},
    "simpleconv": QUICK
    | {"n_virtual": 6, "n_frequencies": 4, "n_blocks": 1, "n_hidden": 8, "n_wide": 8},
}


def gallery(n=N_CONCEPTS, **fields):
    vectors = np.random.default_rng(5).standard_normal((N_CONCEPTS, DIM)).astype(np.float32) + 0.5
    told = {"backbone": "ViT-B-32", "weights": "openai", "kind": "image"} | fields
    return Gallery(tuple(f"c{i}" for i in range(n)), vectors[:n], **told)


def signals(subjects=("ann", "bob"), repetitions=3, noise=0.5):
    rng = np.random.default_rng(6)
    mixing = rng.standard_normal((DIM, len(CH_NAMES) * N_TIMES))
    count = N_CONCEPTS * repetitions
    concept = np.tile(np.repeat(np.arange(N_CONCEPTS), repetitions), len(subjects))
    subject = np.repeat(np.arange(len(subjects)), count)
    clean = gallery().vectors[concept] @ mixing
    data = (clean + noise * rng.standard_normal(clean.shape)).reshape(-1, len(CH_NAMES), N_TIMES)
    data *= (1 + subject)[:, None, None]  # bob's noise is twice ann's
    table = TrialTable(
        subject=subject,
        concept=concept,
        image=concept,
        repetition=count_within(subject, concept),
        subjects=subjects,
        concept_names=gallery().names,
        image_names=gallery().names,
    )
    return ArraySignals(data.astype(np.float32), table, CH_NAMES, 100.0, 0.0)


def way(**changes):
    fields = {
        "input": InputSignature(CH_NAMES, ("eeg",) * 6, ("microvolts",) * 6, "as recorded", 100.0),
        "working_sfreq": 100.0,
        "pipeline": {"gap_s": None, "rail_uv": 1e6, "blocks": []},
        "epochs": {"tmin_s": 0.0, "tmax_s": 0.8, "baseline_s": None, "crop_s": None},
        "labels": {"1": "c1", "9": "elsewhere"},
    }
    return RecordedEpochs(**(fields | changes))


def trained(name="eegproject", data=None, settings=None, origin=None, gallery_=None, **how):
    family = load("saccade.encoders", name)
    options = FAMILIES[name] if settings is None else settings
    made = family(build_settings(type(family().settings), options, name))
    levels = made.levels() if hasattr(made, "levels") else ("sharp",)
    chosen = gallery_ or gallery()

    def targets_of(table):
        return targets(table, chosen, levels)

    origin = origin or Origin(({"name": "a test"},), way())
    return train_encoder(name, made, data or signals(), targets_of, origin, **how)


def answers(encoder, subject=0):
    x = torch.randn(3, len(CH_NAMES), N_TIMES, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        return encoder.module(subject)(x).numpy()


@pytest.fixture(scope="module", params=FAMILIES)
def encoder(request):
    torch.set_num_threads(1)
    return trained(request.param)


class TestFile:
    def test_read_back_it_says_the_same(self, encoder, tmp_path):
        path = tmp_path / "a.encoder"
        encoder_file.save(encoder, path)
        back = encoder_file.load(path)
        for subject in (0, 1, UNKNOWN_SUBJECT):
            assert np.array_equal(answers(encoder, subject), answers(back, subject))
            assert np.array_equal(encoder.noise_of(subject), back.noise_of(subject))
        (one, centre), (other, same) = (e.compared(gallery()) for e in (encoder, back))
        assert np.array_equal(one.vectors, other.vectors)
        assert np.array_equal(centre, same)
        assert one.projection == other.projection
        assert encoder_file.to_bytes(back) == path.read_bytes()

    def test_a_decoder_of_it_says_the_same(self, encoder):
        decoder = make_decoder(encoder, gallery(), subject="bob")
        x = torch.randn(2, len(CH_NAMES), N_TIMES)
        with torch.inference_mode():
            script = load_script(decoder.script)(x).numpy()
            eager = encoder.module(1)(x).numpy()
        assert np.allclose(script, eager, atol=1e-5)
        assert np.array_equal(decoder.signal_whitening, encoder.whitening[1])
        assert decoder.labels == {"1": "c1"}
        assert decoder.calibration["subject"] == "bob"

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (lambda m: m | {"schema_version": 9}, "schema_version"),
            (lambda m: m | {"architecture": "atmz"}, "did you mean 'atms'"),
            (lambda m: m | {"extra": 1}, "extra"),
            (lambda m: m | {"settings": m["settings"] | {"dropoff": 1}}, "dropoff"),
            (lambda m: m | {"settings": m["settings"] | {"dropout": 2.0}}, "dropout"),
            (lambda m: m | {"signals": m["signals"] | {"n_times": 90}}, "do not fit the network"),
            (lambda m: m | {"targets": m["targets"] | {"dim": "8"}}, "targets.dim"),
            (lambda m: m | {"sha256": {}}, "SHA-256"),
        ],
    )
    def test_an_altered_manifest_is_refused(self, change, words, tmp_path):
        content = encoder_file.to_bytes(trained())
        members = sealed_zip.unpack(content, encoder_file.LARGEST_MEMBER)
        about = change(json.loads(members["manifest.json"]))
        members["manifest.json"] = json.dumps(about).encode()
        path = tmp_path / "altered.encoder"
        path.write_bytes(sealed_zip.pack(members))
        with pytest.raises(DecoderFileError, match=words) as error:
            encoder_file.load(path)
        assert "\n" not in str(error.value)

    def test_a_damaged_file_is_refused(self, tmp_path):
        path = tmp_path / "a.encoder"
        content = bytearray(encoder_file.to_bytes(trained()))
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        with pytest.raises(DecoderFileError, match="damaged"):
            encoder_file.load(path)
        with pytest.raises(DecoderFileError, match="no such file"):
            encoder_file.load(tmp_path / "absent.encoder")

    def test_weights_that_are_not_finite_are_refused(self):
        made = trained()
        with torch.no_grad():
            next(made.tower.parameters()).fill_(float("nan"))
        with pytest.raises(DecoderFileError, match="weights must be finite"):
            encoder_file.from_bytes(encoder_file.to_bytes(made))

    def test_where_it_may_be_written(self, tmp_path):
        (tmp_path / "there.encoder").write_bytes(b"kept")
        with pytest.raises(DecoderFileError, match="exists"):
            encoder_file.save(trained(), tmp_path / "there.encoder")
        with pytest.raises(DecoderFileError, match=r"end in \.encoder"):
            encoder_file.check_target(tmp_path / "a.pt", overwrite=True)
        with pytest.raises(DecoderFileError, match="no folder"):
            encoder_file.check_target(tmp_path / "no" / "a.encoder", overwrite=True)


class TestTraining:
    def test_excluded_concepts_and_people_change_nothing(self):
        data, excluded = signals(), ("C3", "c7")
        first = trained(data=data, exclude=excluded, leave_out=("bob",))
        content = data.signals(np.arange(len(data.table)))
        gone = (data.table.subject == 1) | np.isin(data.table.concept, (3, 7))
        content[gone] = 1e3 * np.random.default_rng(0).standard_normal(content[gone].shape)
        silent = ArraySignals(content, data.table, CH_NAMES, 100.0, 0.0)
        other = trained(data=silent, exclude=excluded, leave_out=("bob",))
        assert np.array_equal(answers(first), answers(other))
        assert np.array_equal(first.centre, other.centre)
        training = first.about.training
        concepts = set(training.concepts) | set(training.validation_concepts)
        assert concepts == set(gallery().names) - {"c3", "c7"}
        assert not set(training.concepts) & set(training.validation_concepts)
        assert first.about.signals.subjects == ("ann",)

    def test_figures_are_of_single_validation_trials(self):
        made = trained("ridge", signals(noise=0.2))
        figures = made.about.training.figures
        assert figures["n"] == 2 * 3 * len(made.about.training.validation_concepts)
        assert figures["gallery"] == len(made.about.training.validation_concepts)
        assert figures["top1"] > 0.9
        assert made.about.training.temperature > 0

    def test_repetitions_of_a_closed_form(self):
        single = trained("ridge")
        assert not np.array_equal(answers(single), answers(trained("ridge", repetitions="average")))

    def test_everything_left_out_is_refused(self):
        with pytest.raises(CalibrationError, match="all 144 trials"):
            kept(signals(), gallery().names, ())
        with pytest.raises(ConfigError, match="ann, bob, but eve"):
            kept(signals(), (), ("eve",))

    def test_targets_by_picture_or_by_concept(self):
        table = signals().table
        other = dataclasses.replace(table, image_names=tuple(f"p{i}" for i in range(N_CONCEPTS)))
        by_concept = targets(other, gallery()).bank.vectors
        assert np.array_equal(by_concept, targets(table, gallery()).bank.vectors)
        pictures = dataclasses.replace(gallery(), names=other.image_names)
        assert np.array_equal(by_concept, targets(other, pictures).bank.vectors)
        with pytest.raises(GalleryError, match=r"4 of 24 concepts .*'c20'"):
            targets(table, gallery(20))

    def test_versions_of_pictures_are_used_as_they_are(self):
        rng = np.random.default_rng(8)
        levels = ("foveal-45", "foveal-51", "foveal-57")
        versions = {
            level: dataclasses.replace(
                gallery(), vectors=rng.standard_normal((N_CONCEPTS, DIM)).astype(np.float32)
            )
            for level in levels
        }
        found = targets(signals().table, gallery(), levels, versions)
        assert not found.about.on_embeddings
        assert found.levels is None
        units = versions["foveal-51"].vectors
        units = units / np.linalg.norm(units, axis=1, keepdims=True)
        moved = units - units.mean(axis=0)
        moved /= np.linalg.norm(moved, axis=1, keepdims=True)
        assert np.allclose(found.bank.vectors[:, 1], moved, atol=1e-6)
        with pytest.raises(GalleryError, match="foveal-57 came not"):
            bank_of({level: versions[level] for level in levels[:2]}, levels, (gallery().names,))


class TestNoise:
    def test_each_person_has_their_own(self):
        data = signals()
        rows = np.arange(len(data.table))
        matrices = noise_by_subject(data, rows)
        for person in (0, 1):
            mine = rows[data.table.subject == person]
            assert np.allclose(matrices[person], mvnn(data.signals(mine)))
        whitened = WhitenedBySubject(data, matrices)
        mixed = np.array([100, 3, 80])
        expected = [
            np.einsum("ij,jt->it", matrices[int(r >= 72)], data.signals([r])[0]) for r in mixed
        ]
        assert np.allclose(whitened.signals(mixed), expected, atol=1e-4)

    def test_a_stranger_has_the_mean_covariance(self):
        made = trained()
        covariances = [np.linalg.inv(w @ w) for w in made.whitening]
        noise = made.noise_of(UNKNOWN_SUBJECT)
        assert np.allclose(noise @ np.mean(covariances, axis=0) @ noise, np.eye(6), atol=1e-8)

    def test_a_person_without_trials(self):
        data = signals()
        with pytest.raises(CalibrationError, match="noise of bob"):
            noise_by_subject(data, np.arange(72))

    def test_fmri_is_not_whitened(self):
        data = signals(("ann",))
        content = data.signals(np.arange(len(data.table)))
        fmri = ArraySignals(content, data.table, CH_NAMES, 100.0, 0.0, "fmri")
        made = trained("ridge", fmri)
        assert made.whitening is made.noise_of(0) is None
        back = encoder_file.from_bytes(encoder_file.to_bytes(made))
        judged = judged_encoder(back, fmri, gallery())
        rows = [np.array([0]), np.array([7])]
        expected = module_encoder(made.module(0))(content[[0, 7]])
        assert np.array_equal(judged.embed(rows), expected)


class TestExport:
    def test_for_a_stranger_or_somebody(self):
        made = trained("atms")
        assert make_decoder(made, gallery()).calibration["subject"] == "strangers"
        known, stranger = (make_decoder(made, gallery(), subject=s) for s in ("ann", None))
        assert known.script != stranger.script
        with pytest.raises(ConfigError, match="ann, bob, not 'eve'"):
            make_decoder(made, gallery(), subject="eve")

    def test_the_only_person_needs_no_name(self):
        made = trained(data=signals(("ann",)))
        assert make_decoder(made, gallery()).calibration["subject"] == "ann"

    def test_own_trials_bring_noise_temperature_and_figures(self):
        made = trained("ridge", signals(noise=0.2))
        own = kept(signals(noise=0.2), (), ("ann",))
        decoder = make_decoder(made, gallery(), trials=own)
        assert np.allclose(decoder.signal_whitening, mvnn(own.signals(np.arange(72))))
        assert decoder.temperature != made.about.training.temperature
        assert decoder.calibration["figures"]["n"] == 72
        assert decoder.calibration["figures"]["gallery"] == N_CONCEPTS
        few = kept(own, gallery().names[1:], ())
        with pytest.raises(CalibrationError, match="3 trials of 1"):
            make_decoder(made, gallery(), trials=few)

    def test_versions_of_the_gallery_change_the_decoder(self):
        made = trained("neurobridge")
        sharp = {level: gallery() for level in made.about.targets.levels}
        versions = bank_of(sharp, made.about.targets.levels, (gallery().names,))
        one, other = (make_decoder(made, gallery(), versions=v) for v in (None, versions))
        assert not np.allclose(one.gallery.vectors, other.gallery.vectors)

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"backbone": "RN50"}, "backbone 'ViT-B-32' expected, 'RN50' came"),
            ({"weights": "laion"}, "weights 'openai' expected, 'laion' came"),
            ({"kind": "text"}, "kind 'image' expected, 'text' came"),
            ({"projection": "whitened"}, "projection '' expected, 'whitened' came"),
        ],
    )
    def test_a_gallery_of_another_model_is_refused(self, fields, words):
        with pytest.raises(GalleryError, match=words):
            make_decoder(trained("ridge"), gallery(**fields))

    def test_prototypes_stand_in_for_pictures(self):
        assert make_decoder(trained("ridge"), gallery(kind="prototype")).gallery.kind == "prototype"

    def test_models_that_nobody_named(self):
        unsaid = gallery(backbone="unknown")
        made = trained("ridge", gallery_=unsaid)
        assert len(make_decoder(made, unsaid).gallery) == N_CONCEPTS
        with pytest.raises(GalleryError, match="--backbone"):
            make_decoder(made, gallery(20, backbone="unknown"))

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"epochs": way().epochs | {"tmax_s": 0.9}}, "80 samples an epoch expected, 90"),
            ({"epochs": way().epochs | {"tmin_s": 0.1, "tmax_s": 0.9}}, "at 0 s expected, at 0.1"),
            (
                {"pipeline": {"blocks": [{"block": "select", "ch_names": ["Oz", "O1"]}]}},
                "6 channels O1, Oz, O2, … expected, 2 come out, Oz, O1",
            ),
            (
                {"pipeline": {"blocks": [{"block": "resample", "sfreq": 50.0}]}},
                "rate 100 Hz expected, 50 Hz comes out",
            ),
        ],
    )
    def test_a_pipeline_that_gives_other_epochs_is_refused(self, change, words):
        with pytest.raises(SignatureMismatch, match=words):
            make_decoder(trained("ridge"), gallery(), way(**change))

    def test_a_decoder_that_learns_as_it_goes_is_not_judged_out_of_order(self):
        decoder = make_decoder(trained("ridge"), gallery())
        assert judged_decoder(decoder, signals(), None).trained_on
        learning = dataclasses.replace(decoder, online=OnlineAlignment("whitening", 50))
        with pytest.raises(ConfigError, match=r"online whitening.* saccade replay"):
            judged_decoder(learning, signals(), None)

    def test_no_pipeline_is_refused(self):
        made = trained("ridge", origin=Origin())
        with pytest.raises(SignatureMismatch, match="--config and --sfreq"):
            make_decoder(made, gallery())


class TestRecordedEpochs:
    def test_they_travel_with_a_session(self, tmp_path):
        path = tmp_path / "s.npz"
        np.savez(path, data=np.zeros(3))
        assert attached(path) is None
        attach(way(), path)
        assert attached(path) == way()
        with np.load(path) as arrays:
            assert np.array_equal(arrays["data"], np.zeros(3))
        with pytest.raises(RecordingError, match="already"):
            attach(way(), path)

    def test_labels_and_gaps_do_not_keep_sessions_apart(self):
        other = way(labels={}, pipeline=way().pipeline | {"gap_s": 0.1}, delay_ms=3.0)
        assert way().alike(other)
        assert not way().alike(way(working_sfreq=50.0))
        assert way(epochs=way().epochs | {"potato": None}).alike(way())
        assert not way(epochs=way().epochs | {"reject_flat_uv": 1.0}).alike(way())

    def test_what_is_malformed_is_refused(self, tmp_path):
        path = tmp_path / "s.npz"
        path.write_bytes(b"no zip")
        with pytest.raises(RecordingError, match="session"):
            attached(path)
