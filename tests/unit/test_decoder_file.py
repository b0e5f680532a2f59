"""The decoder file: written and read without loss, and never believed when damaged."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st

from saccade.models.alignment.affine import Alignment
from saccade.models.decoders import decoder_file, sealed_zip
from saccade.models.decoders.decoder_file import (
    LARGEST_MEMBER,
    DecoderFile,
    EncoderSignature,
    InputSignature,
    OnlineAlignment,
    from_bytes,
    load,
    require_fit,
    save,
    signature_problems,
    to_bytes,
)
from saccade.models.decoders.manifest import read_manifest
from saccade.models.galleries.gallery import Gallery
from saccade.realtime.errors import DecoderFileError, SignatureMismatch
from saccade.realtime.types import StreamSpec


def make(**fields) -> DecoderFile:
    """Return a small decoder; its encoder is never run here, so any bytes do."""
    rng = np.random.default_rng(0)
    gallery = Gallery(
        names=("House", "Human face", "naïve art"),
        vectors=rng.standard_normal((3, 4)).astype(np.float32),
        backbone="ViT-B-32",
        weights="openai",
        kind="text",
        source="oid.npy",
        groups=("thing", "body", "thing"),
    )
    known = {
        "input": InputSignature(("Cz", "Pz"), ("eeg", "eeg"), ("µV", "µV"), "TP9", 256.0),
        "working_sfreq": 128.0,
        "pipeline": {"gap_s": 1.0, "blocks": [{"block": "bandpass", "low_hz": 1.0}]},
        "epochs": {"tmin_s": -0.1, "tmax_s": 0.8, "baseline_s": [-0.1, 0.0]},
        "encoder": EncoderSignature("ridge", {"alpha": None, "folds": 5}, 2, 115, 4),
        "script": b"TorchScript, let us say",
        "gallery": gallery,
        "gallery_centre": gallery.centre,
        "signal_mean": np.array([0.1, 0.2]),
        "signal_whitening": np.array([[1.0, 0.3], [0.3, 2.0]]),
        "temperature": 0.07,
        "labels": {"1": "House", "2": "human FACE"},
        "calibration": {"date": "2024-01-01", "trials": 300, "figures": {"top1": 0.25}},
        "simulated": True,
        "versions": {"saccade": "0.1.0"},
    }
    return DecoderFile(**(known | fields))


def aligned(**fields) -> DecoderFile:
    """Return a small decoder with an alignment."""
    rng = np.random.default_rng(1)
    mean, matrix = (rng.standard_normal(shape).astype(np.float32) for shape in (4, (4, 4)))
    return make(alignment=Alignment("linear", mean, matrix, 100, {"penalty": 0.1}), **fields)


def members(content: bytes) -> dict[str, bytes]:
    return sealed_zip.unpack(content, LARGEST_MEMBER)


def forged(change, decoder: DecoderFile | None = None) -> bytes:
    """Return a file whose manifest somebody edited, every digest made to match."""
    parts = members(to_bytes(decoder or make()))
    manifest = json.loads(parts["manifest.json"])
    change(manifest, parts)
    for name in manifest["sha256"]:
        manifest["sha256"][name] = hashlib.sha256(parts[name]).hexdigest()
    return sealed_zip.pack(parts | {"manifest.json": json.dumps(manifest).encode()})


class TestRoundTrip:
    def test_everything_comes_back(self, tmp_path):
        before = make()
        save(before, tmp_path / "d.saccade")
        after = load(tmp_path / "d.saccade")
        assert after.manifest == before.manifest
        assert after.script == before.script
        assert after.temperature == before.temperature
        for name in ("input", "encoder", "labels", "calibration", "simulated", "versions"):
            assert getattr(after, name) == getattr(before, name)
        for name in ("gallery_centre", "signal_mean", "signal_whitening"):
            np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
            assert getattr(after, name).dtype == getattr(before, name).dtype
        for name in ("names", "groups", "backbone", "weights", "kind", "source", "simulated"):
            assert getattr(after.gallery, name) == getattr(before.gallery, name)
        np.testing.assert_array_equal(after.gallery.vectors, before.gallery.vectors)

    def test_same_content_same_bytes(self):
        assert to_bytes(make()) == to_bytes(make())
        assert to_bytes(from_bytes(to_bytes(make()))) == to_bytes(make())
        assert to_bytes(replace(make(), temperature=0.08)) != to_bytes(make())

    def test_gallery_without_groups(self):
        plain = replace(make().gallery, groups=None)
        assert from_bytes(to_bytes(make(gallery=plain))).gallery.groups is None

    def test_an_alignment(self):
        before = aligned()
        after = from_bytes(to_bytes(before))
        for name in ("kind", "n_trials", "settings"):
            assert getattr(after.alignment, name) == getattr(before.alignment, name)
            assert before.manifest["alignment"][name] == getattr(before.alignment, name)
        for name in ("mean", "matrix"):
            found = getattr(after.alignment, name)
            np.testing.assert_array_equal(found, getattr(before.alignment, name))
        assert to_bytes(after) == to_bytes(before)
        assert make().manifest["alignment"] is make().manifest["online"] is None
        assert b"alignment" not in members(CONTENT)["arrays.safetensors"]

    @pytest.mark.parametrize("temperature", [None, 0.2])
    def test_what_is_to_be_learned_online(self, temperature):
        online = OnlineAlignment("euclidean", 50, temperature)
        before = make(online=online)
        assert from_bytes(to_bytes(before)).online == online
        assert before.manifest["online"] == {
            "kind": "euclidean",
            "n_trials": 50,
            "temperature": temperature,
        }

    def test_a_gallery_that_was_projected(self):
        gallery = make().gallery.projected(-make().gallery.vectors, "learned layer 12ab")
        gallery = replace(gallery, preprocessing="224 px", templates=("a {}", "the {}"))
        after = from_bytes(to_bytes(make(gallery=gallery, gallery_centre=np.zeros(4, np.float32))))
        assert after.gallery.projection == "learned layer 12ab"
        assert after.gallery.preprocessing == "224 px"
        assert after.gallery.templates == ("a {}", "the {}")
        assert after.manifest["gallery"]["projection"] == "learned layer 12ab"
        np.testing.assert_array_equal(after.gallery_centre, np.zeros(4))

    def test_a_gallery_in_any_memory_layout(self):
        gallery = make().gallery
        turned = replace(gallery, vectors=np.asfortranarray(gallery.vectors))
        assert to_bytes(make(gallery=turned)) == to_bytes(make())

    def test_manifest_is_plain_and_says_what_the_design_demands(self):
        manifest = make(epochs={"baseline_s": (-0.1, 0.0)}).manifest
        assert json.loads(json.dumps(manifest)) == manifest
        assert manifest["epochs"] == {"baseline_s": [-0.1, 0.0]}
        assert manifest["schema_version"] == 3
        assert manifest["gallery"]["size"] == 3
        assert manifest["gallery"]["digest"] == make().gallery.digest
        assert manifest["input"]["ch_names"] == ["Cz", "Pz"]

    def test_any_unzip_reads_it(self, tmp_path):
        save(make(), tmp_path / "d.saccade")
        with zipfile.ZipFile(tmp_path / "d.saccade") as archive:
            assert archive.namelist() == list(LARGEST_MEMBER)
            assert archive.testzip() is None
            assert json.loads(archive.read("concepts.json"))["names"][2] == "naïve art"

    def test_versions_are_noted_unless_given(self):
        parts = {name: getattr(make(), name) for name in make().__slots__ if name != "versions"}
        assert set(DecoderFile(**parts).versions) == {
            "python",
            "saccade",
            "numpy",
            "scipy",
            "torch",
        }

    def test_arrays_are_read_only(self):
        with pytest.raises(ValueError, match="read-only"):
            make().signal_mean[0] = 1


class TestSave:
    def test_an_existing_file_is_kept_unless_told(self, tmp_path):
        path = tmp_path / "d.saccade"
        save(make(), path)
        with pytest.raises(DecoderFileError, match=r"d\.saccade exists: choose another name"):
            save(make(temperature=0.5), path)
        assert load(path).temperature == 0.07
        save(make(temperature=0.5), path, overwrite=True)
        assert load(path).temperature == 0.5

    def test_a_failure_leaves_the_old_file_and_no_other(self, tmp_path, monkeypatch):
        path = tmp_path / "d.saccade"
        save(make(), path)

        def fail(self, target):
            raise OSError("disk full")

        monkeypatch.setattr(Path, "replace", fail)
        with pytest.raises(DecoderFileError, match="can't be written: disk full"):
            save(make(temperature=0.5), path, overwrite=True)
        assert os.listdir(tmp_path) == ["d.saccade"]
        assert load(path).temperature == 0.07

    def test_no_folder(self, tmp_path):
        with pytest.raises(DecoderFileError, match="can't be written"):
            save(make(), tmp_path / "none" / "d.saccade")

    @pytest.mark.parametrize("value", [float("nan"), np.float32(1), {1, 2}])
    def test_what_json_does_not_have_is_refused(self, tmp_path, value):
        with pytest.raises(DecoderFileError, match="must be plain JSON"):
            save(make(calibration={"figure": value}), tmp_path / "d.saccade")
        assert os.listdir(tmp_path) == []


CONTENT = to_bytes(make())


class TestDamage:
    @settings(max_examples=200)
    @given(st.integers(0, len(CONTENT) - 1))
    def test_cut_short_anywhere(self, length):
        with pytest.raises(DecoderFileError):
            from_bytes(CONTENT[:length])

    @settings(max_examples=300)
    @given(st.integers(0, len(CONTENT) - 1), st.integers(1, 255))
    def test_any_byte_changed(self, position, flip):
        damaged = bytearray(CONTENT)
        damaged[position] ^= flip
        with pytest.raises(DecoderFileError):
            from_bytes(bytes(damaged))

    @settings(max_examples=50)
    @given(st.binary(min_size=1, max_size=100))
    def test_anything_put_behind(self, more):
        with pytest.raises(DecoderFileError):
            from_bytes(CONTENT + more)

    def test_the_message_names_file_and_digests(self, tmp_path):
        path = tmp_path / "d.saccade"
        path.write_bytes(CONTENT[:-100])
        with pytest.raises(DecoderFileError, match=r"d\.saccade: the file is cut short, damaged"):
            load(path)

    def test_no_file_and_no_zip(self, tmp_path):
        with pytest.raises(DecoderFileError, match="no decoder can be read"):
            load(tmp_path / "none.saccade")
        (tmp_path / "x.saccade").write_text("hello, this is no decoder at all")
        with pytest.raises(DecoderFileError, match="begin with b'hell'"):
            load(tmp_path / "x.saccade")

    def test_too_large_a_file_is_not_even_read(self, tmp_path, monkeypatch):
        path = tmp_path / "d.saccade"
        path.write_bytes(CONTENT)
        monkeypatch.setattr(decoder_file, "LARGEST_MEMBER", {"manifest.json": 1000})
        with pytest.raises(DecoderFileError, match=rf"at most 1000 bytes, not {len(CONTENT)}"):
            load(path)


def zipped(parts, **options) -> bytes:
    """Return a zip by the ordinary means, sealed like ours."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **options) as archive:
        for name, content in parts:
            archive.writestr(name, content)
        archive.comment = b"0" * sealed_zip.SEAL_BYTES
    return sealed_zip.seal(buffer.getvalue()[: -sealed_zip.SEAL_BYTES])


class TestArchive:
    def test_a_member_too_many_too_few_or_elsewhere(self):
        parts = list(members(CONTENT).items())
        for altered in (
            [*parts, ("payload.pkl", b"x")],
            parts[:-1],
            [("../encoder.ts", b"x"), *parts[:-1]],
            [],
        ):
            with pytest.raises(DecoderFileError, match=r"members must be arrays|begin with"):
                from_bytes(zipped(altered))

    @pytest.mark.filterwarnings("ignore:Duplicate name")
    def test_a_member_twice(self):
        parts = list(members(CONTENT).items())
        with pytest.raises(DecoderFileError, match=r"encoder\.ts, encoder\.ts, manifest"):
            from_bytes(zipped([*parts, parts[-1]]))

    def test_compression(self):
        parts = members(CONTENT).items()
        with pytest.raises(DecoderFileError, match=r"manifest\.json must be stored as it is"):
            from_bytes(zipped(parts, compression=zipfile.ZIP_DEFLATED))

    def test_a_member_too_large(self, monkeypatch):
        monkeypatch.setitem(LARGEST_MEMBER, "encoder.ts", 10)
        with pytest.raises(
            DecoderFileError, match=r"encoder\.ts may have at most 10 bytes, not 23"
        ):
            from_bytes(CONTENT)

    def test_a_directory_of_another_version_under_an_intact_seal(self):
        body = bytearray(CONTENT[: -sealed_zip.SEAL_BYTES])
        body[body.rfind(b"PK\x01\x02") + 6] = 99  # the version of zip that is needed
        with pytest.raises(DecoderFileError, match=r"malformed .zip file version 9\.9"):
            from_bytes(sealed_zip.seal(bytes(body)))

    def test_a_broken_directory_under_an_intact_seal(self):
        body = CONTENT[: -sealed_zip.SEAL_BYTES].replace(b"PK\x01\x02", b"PK\x01\x03")
        with pytest.raises(DecoderFileError, match="malformed"):
            from_bytes(sealed_zip.seal(body))

    def test_a_member_exchanged_under_an_intact_seal(self):
        parts = members(CONTENT) | {"encoder.ts": b"another program"}
        with pytest.raises(DecoderFileError, match=r"encoder\.ts must have the SHA-256 \w+ of the"):
            from_bytes(sealed_zip.pack(parts))


def set_field(path, value):
    def change(manifest, parts):
        *parents, last = path.split(".")
        for key in parents:
            manifest = manifest[key]
        manifest[last] = value

    return change


def drop_field(manifest, parts):
    del manifest["encoder"]["n_times"]


def put_array(name, value):
    def change(manifest, parts):
        arrays = safetensors.numpy.load(parts["arrays.safetensors"])
        parts["arrays.safetensors"] = safetensors.numpy.save(arrays | {name: value})

    return change


def put_member(name, content):
    def change(manifest, parts):
        parts[name] = content

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_field("schema_version", 4), "schema_version of manifest.json must be 1 to 3, not 4"),
        (set_field("schema_version", True), "must be 1 to 3, not True"),
        (set_field("gallery.projection", "x"), "says .*projection='x'.* but in the file is"),
        (
            set_field("online", {"kind": "magic", "n_trials": 5}),
            r"online of manifest\.json .* tag 'magic'",
        ),
        (
            set_field("alignment", {"kind": "linear", "n_trials": 5, "settings": {}}),
            "arrays.safetensors must hold .*'alignment_mean'.* not ",
        ),
        (put_array("alignment_mean", np.zeros(4, np.float32)), "must hold .* not .*'alignment_me"),
        (set_field("working_sfreq", "fast"), "working_sfreq of .* valid number, but 'fast' came"),
        (set_field("input.sfreq", float("nan")), r"input\.sfreq of manifest.json .* finite"),
        (set_field("encoder.n_times", 115.5), r"encoder\.n_times of manifest\.json"),
        (set_field("labels.3", 7), r"labels\.3 of manifest\.json .* but 7 came"),
        (set_field("extra", 1), "extra of manifest.json can't be read"),
        (drop_field, r"encoder\.n_times of manifest\.json .* required, but nothing came"),
        (set_field("gallery.kind", "smell"), r"gallery\.kind of manifest.json .* 'smell' came"),
        (set_field("gallery.size", 4), "gallery of manifest.json says .*size=4.* but in the file"),
        (set_field("gallery.digest", "0"), "gallery of manifest.json says .*digest='0'"),
        (set_field("input.units", ["µV"]), "number of input.units 2 expected, 1 came"),
        (set_field("encoder.dim", 5), "dim of the gallery 5 expected, 4 came; shape of gallery_c"),
        (set_field("encoder.n_channels", 3), r"shape of signal_mean \(3,\) expected, \(2,\) came"),
        (set_field("working_sfreq", 0.0), "working_sfreq must be above 0, not 0.0"),
        (set_field("labels.3", "Boat"), r"labels \['Boat'\] are not in the gallery of 3"),
        (put_array("temperature", np.array([-1.0])), "temperature must be above 0, not -1.0"),
        (put_array("temperature", np.ones(2)), r"temperature of arrays.safetensors .* not \(2,\)"),
        (put_array("signal_mean", np.array([0.0, np.nan])), "signal_mean must be finite"),
        (put_array("signal_mean", np.zeros(2, np.float32)), "'signal_mean': 'float32'"),
        (put_array("more", np.zeros(2)), "arrays.safetensors must hold .* not .*'more'"),
        (put_array("gallery", np.zeros((3, 4), np.float32)), "gallery in the file is malformed"),
        (put_member("arrays.safetensors", b"x"), "arrays.safetensors can't be read"),
        (put_member("concepts.json", b"{}"), "names of concepts.json .* nothing came"),
        (put_member("concepts.json", b'{"names": ["a"], "groups": null}'), "1 names came for 3"),
        (put_member("concepts.json", b"\xff"), "the whole of concepts.json can't be read"),
        (put_member("concepts.json", b"[" * 200_000), "the whole of concepts.json can't be read"),
    ],
)
def test_contradictions_are_refused_by_name(change, message):
    with pytest.raises(DecoderFileError, match=message) as caught:
        from_bytes(forged(change))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"[" * 200_000, b"{", b"\xff"])
def test_a_manifest_that_is_no_json_is_refused(content):
    with pytest.raises(DecoderFileError, match=r"manifest\.json is not JSON .*copy the file again"):
        read_manifest(content)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_field("alignment", None), "arrays.safetensors must hold .* not .*'alignment_matrix'"),
        (
            set_field("alignment.kind", "magic"),
            r"alignment\.kind of manifest\.json .* 'magic' came",
        ),
        (
            set_field("online", {"kind": "euclidean", "n_trials": 5, "temperature": None}),
            "one alignment at most expected, linear in the file and euclidean online came",
        ),
        (
            put_array("alignment_mean", np.zeros(3, np.float32)),
            r"malformed: .* \(3,\) and \(4, 4\)",
        ),
        (put_array("alignment_mean", np.full(4, np.nan, np.float32)), "alignment must be finite"),
        (put_array("alignment_matrix", np.eye(4)), "'alignment_matrix': 'float64'"),
    ],
)
def test_a_contradicting_alignment_is_refused_by_name(change, message):
    with pytest.raises(DecoderFileError, match=message):
        from_bytes(forged(change, aligned()))


@pytest.mark.parametrize(
    ("online", "message"),
    [
        (OnlineAlignment("magic", 9), "online.kind must be whitening or euclidean, not 'magic'"),
        (OnlineAlignment("whitening", 1), "online.n_trials must be at least 2, not 1"),
        (OnlineAlignment("whitening", 9, 0.0), "online.temperature must be above 0, not 0.0"),
        (OnlineAlignment("whitening", 9, np.inf), "online.temperature must be above 0, not inf"),
    ],
)
def test_what_can_not_be_learned_online_is_refused(online, message):
    with pytest.raises(DecoderFileError, match=message):
        make(online=online)


def test_an_alignment_of_another_encoder_is_refused():
    other = Alignment("linear", np.zeros(5, np.float32), np.eye(5, dtype=np.float32), 9)
    with pytest.raises(DecoderFileError, match=r"alignment's mean \(4,\) expected, \(5,\) came"):
        make(alignment=other)


def test_a_file_of_version_1_is_read():
    """As saccade 0.1 wrote it: without alignments, and with less said of the gallery."""

    def change(manifest, parts):
        manifest["schema_version"] = 1
        del manifest["alignment"], manifest["online"], manifest["confidence"]
        for name in ("preprocessing", "templates", "projection"):
            del manifest["gallery"][name]

    assert to_bytes(from_bytes(forged(change))) == CONTENT
    with pytest.raises(DecoderFileError, match=r"gallery of manifest\.json .*nothing came"):
        from_bytes(forged(lambda manifest, _: (change(manifest, _), manifest.pop("gallery"))))


def test_a_file_of_version_2_is_read():
    """As saccade 0.2 wrote it: with alignments, without a way from scores to probabilities."""
    online = OnlineAlignment("whitening", 60)
    decoder = make(online=online)

    def change(manifest, _):
        manifest["schema_version"] = 2
        del manifest["confidence"]

    found = from_bytes(forged(change, decoder))
    assert found.confidence is None
    assert found.online == online
    assert to_bytes(found) == to_bytes(decoder)


def test_a_confidence_that_gives_no_probability_is_named():
    wrong = {"measure": "dot", "temperature": -1.0, "bias": {}, "lapse": 0.0}
    with pytest.raises(DecoderFileError, match=r"manifest\.json .* temperature .*not -1\.0"):
        from_bytes(forged(lambda manifest, _: manifest.update(confidence=wrong)))


@pytest.mark.parametrize("manifest", [b"not json", b"[]", b"null", b"\xff\xfe"])
def test_a_manifest_that_is_none_is_refused(manifest):
    parts = members(CONTENT) | {"manifest.json": manifest}
    with pytest.raises(DecoderFileError, match=r"manifest\.json"):
        from_bytes(sealed_zip.pack(parts))


def stream(**fields) -> StreamSpec:
    known = {
        "name": "amp",
        "sfreq": 256.0,
        "ch_names": ("Fz", "Pz", "Cz", "Trigger"),
        "ch_types": ("eeg", "eeg", "eeg", "misc"),
        "units": ("µV", "µV", "µV", ""),
    }
    return StreamSpec(**(known | fields))


class TestFit:
    def test_other_order_and_more_channels_are_no_problem(self):
        assert signature_problems(make(), stream()) == []
        require_fit(make(), stream())

    def test_every_difference_is_named_in_one_line(self):
        spec = stream(
            sfreq=500.0,
            ch_names=("Fz", "PZ", "Cz", "Trigger"),
            ch_types=("eeg", "eeg", "misc", "misc"),
            units=("V", "V", "V", ""),
        )
        with pytest.raises(SignatureMismatch) as caught:
            require_fit(make(), spec)
        for part in (
            "'amp'",
            "rate 256 Hz expected, 500 Hz came",
            "1 of 2 channels missing: Pz (the stream has Fz, PZ, Cz, Trigger)",
            "type of Cz 'eeg' expected, 'misc' came",
            "unit of Cz 'µV' expected, 'V' came",
        ):
            assert part in str(caught.value)
        assert "\n" not in str(caught.value)
        assert len(signature_problems(make(), spec)) == 4

    def test_a_needed_name_twice_is_ambiguous(self):
        spec = stream(ch_names=("Cz", "Pz", "Cz", "x"))
        assert signature_problems(make(), spec) == ["channels that come more than once: Cz"]

    def test_a_rate_next_to_it_is_another(self):
        assert signature_problems(make(), stream(sfreq=256.001)) != []
