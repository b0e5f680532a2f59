"""Bad input gets one clear line and an exit code, and leaves nothing half-written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Saccade = Callable[..., Any]  # the command line in process, as tests/integration/conftest.py has it
LABELS = ("--label", "1=dog", "--label", "2=house")
SOON = ("--set", "stream.resolve_timeout_s=1.0")


def assert_refused(outcome: Any, *words: str) -> None:
    """Demand exit code 1, nothing on stdout, and one line that has all the words."""
    assert outcome.code == 1, outcome
    assert outcome.out == ""
    lines = [line for line in outcome.err.splitlines() if line.startswith("saccade: ")]
    assert len(lines) == 1, outcome.err
    assert "Traceback" not in outcome.err
    for word in words:
        assert word in lines[0], lines[0]


@pytest.mark.lsl
def test_no_such_stream(saccade: Saccade, decoder: Path, stream_name: str) -> None:
    outcome = saccade("run", "--decoder", decoder, "--stream", stream_name, *SOON)
    assert_refused(outcome, stream_name, "1 s")


@pytest.mark.lsl
def test_two_streams_alike(saccade: Saccade, decoder: Path, stream_name: str, outlet: Any) -> None:
    with outlet(stream_name, source_id="left"), outlet(stream_name, source_id="right"):
        outcome = saccade("run", "--decoder", decoder, "--stream", stream_name, *SOON)
    assert_refused(outcome, "2", "left", "right")


@pytest.mark.lsl
@pytest.mark.parametrize(
    ("stream", "words"),
    [
        ({"ch_names": ("C3", "Cz", "O1", "Oz")}, ("2 of 4 channels missing: C4, O2",)),
        ({"ch_names": ("C3", "C4", "O1")}, ("1 of 4 channels missing: O2",)),
        ({"sfreq": 500.0}, ("rate 250 Hz expected, 500 Hz came",)),
        (
            {"sfreq": 500.0, "ch_names": ("a", "b", "c", "d")},
            ("rate 250 Hz expected", "4 of 4 channels missing"),
        ),
        ({"unit": "parsec"}, ("parsec", "--unit")),
    ],
)
def test_a_stream_that_does_not_fit(
    saccade: Saccade,
    decoder: Path,
    stream_name: str,
    outlet: Any,
    tmp_path: Path,
    stream: dict[str, Any],
    words: tuple[str, ...],
) -> None:
    log = tmp_path / "log.jsonl"
    with outlet(stream_name, **stream):
        outcome = saccade("run", "--decoder", decoder, "--stream", stream_name, "--log", log, *SOON)
    assert_refused(outcome, *words)
    assert not log.exists()


@pytest.mark.lsl
def test_names_given_for_another_number_of_channels(
    saccade: Saccade, decoder: Path, stream_name: str, outlet: Any
) -> None:
    with outlet(stream_name):
        outcome = saccade(
            *("run", "--decoder", decoder, "--stream", stream_name, "--ch-names", "C3,C4"), *SOON
        )
    assert_refused(outcome, "4", "2")


def test_a_log_that_exists_is_never_overwritten(
    saccade: Saccade, decoder: Path, runs: tuple[Path, Path], tmp_path: Path
) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text("yesterday's session\n", encoding="utf-8")
    outcome = saccade("replay", runs[1], "--decoder", decoder, "--log", log)
    assert_refused(outcome, "log.jsonl")
    assert log.read_text(encoding="utf-8") == "yesterday's session\n"


@pytest.mark.parametrize("damage", ["truncated", "tampered", "not a decoder", "absent"])
def test_a_decoder_file_that_is_not_whole(
    saccade: Saccade, decoder: Path, runs: tuple[Path, Path], tmp_path: Path, damage: str
) -> None:
    path = tmp_path / "damaged.saccade"
    content = bytearray(decoder.read_bytes())
    if damage == "truncated":
        content = content[: len(content) // 2]
    elif damage == "tampered":
        content[len(content) // 2] ^= 1
    elif damage == "not a decoder":
        content = bytearray(b"hello")
    if damage != "absent":
        path.write_bytes(content)
    assert_refused(saccade("replay", runs[1], "--decoder", path), "damaged.saccade")


def test_a_gallery_of_another_model_or_size(
    saccade: Saccade, decoder: Path, stream_name: str, tmp_path: Path
) -> None:
    vectors, names = tmp_path / "v.npy", tmp_path / "n.txt"
    np.save(vectors, np.random.default_rng(0).standard_normal((3, 64)).astype(np.float32))
    names.write_text("dog\nhouse\ncat\n", encoding="utf-8")
    gallery = ("--gallery", vectors, "--gallery-names", names, "--backbone", "ViT-B-32")
    outcome = saccade("run", "--decoder", decoder, "--stream", stream_name, *gallery, *SOON)
    assert_refused(outcome, "512", "64", "ViT-B-32", "everyday-attributes")
    assert_refused(
        saccade("run", "--decoder", decoder, "--stream", stream_name, *gallery[:2], *SOON),
        "only one of the two",
    )


def test_galleries_of_which_nobody_knows_the_model(
    saccade: Saccade, runs: tuple[Path, Path], tmp_path: Path
) -> None:
    names = tmp_path / "n.txt"
    names.write_text("dog\nhouse\ncat\n", encoding="utf-8")
    for seed in (0, 1):
        vectors = np.random.default_rng(seed).standard_normal((3, 64)).astype(np.float32)
        np.save(tmp_path / f"{seed}.npy", vectors)
    out = tmp_path / "unsaid.saccade"
    own = ("--gallery", tmp_path / "0.npy", "--gallery-names", names)
    assert saccade("calibrate", "--recording", runs[0], "--out", out, *LABELS, *own).code == 0
    other = ("--set", f"gallery.vectors={tmp_path / '1.npy'}", "--set", f"gallery.names={names}")
    assert_refused(saccade("replay", runs[1], "--decoder", out, *other), "unknown", "--backbone")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--set", "epochs.reject_ptp_uv=1"), ("epochs.reject_ptp_uv", "brings its own")),
        (("--set", "pipeline.low_hz=20"), ("pipeline.low_hz", "brings its own")),
        (
            ("--set", "gallery.backbone=ViT-B-32"),
            ("gallery.backbone", "no"),
        ),
        (("--sfreq", "200"), ("200 Hz", "250", "--sfreq")),
    ],
)
def test_settings_that_would_change_nothing_or_contradict_the_file(
    saccade: Saccade,
    decoder: Path,
    runs: tuple[Path, Path],
    tmp_path: Path,
    flags: tuple[str, ...],
    words: tuple[str, ...],
) -> None:
    stamped = tmp_path / "stamped.npz"
    with np.load(runs[1]) as arrays:
        np.savez(stamped, **arrays, timestamps=np.arange(len(arrays["data"])) / 250.0)
    assert_refused(saccade("replay", stamped, "--decoder", decoder, *flags), *words)


def test_a_rate_for_a_live_stream_is_not_taken(saccade: Saccade, decoder: Path) -> None:
    outcome = saccade("run", "--decoder", decoder, "--set", "stream.sfreq=250")
    assert_refused(outcome, "stream.sfreq", "says its own rate")


def test_own_blocks_and_flags_of_the_chain_they_replace(
    saccade: Saccade, runs: tuple[Path, Path], tmp_path: Path
) -> None:
    config = tmp_path / "s.toml"
    config.write_text("[[pipeline.blocks]]\nblock = 'notch'\nline_hz = 50.0\n", encoding="utf-8")
    command = ("calibrate", "--recording", runs[0], "--out", tmp_path / "x.saccade", *LABELS)
    command += ("--config", config)
    assert_refused(saccade(*command, "--low-hz", "3"), "pipeline.low_hz", "replaces the chain")
    assert saccade(*command).code == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, ("no recording at",)),
        (b"", ("bad.csv",)),
        (b"time,Cz\n0,what\n", ("bad.csv", "table of numbers")),
        (b"time,Cz\n0,1\n1,2\n", ("'bad'", "--unit")),
    ],
)
def test_a_recording_that_cannot_be_read(
    saccade: Saccade, tmp_path: Path, content: bytes | None, words: tuple[str, ...]
) -> None:
    recording, out = tmp_path / "bad.csv", tmp_path / "new.saccade"
    if content is not None:
        recording.write_bytes(content)
    outcome = saccade("calibrate", "--recording", recording, "--out", out, *LABELS)
    assert_refused(outcome, *words)
    assert list(tmp_path.iterdir()) == ([] if content is None else [recording])


def test_a_recording_that_is_not_there_is_not_announced(saccade: Saccade, tmp_path: Path) -> None:
    assert_refused(saccade("replay", tmp_path / "absent.csv"), "no recording at", "absent.csv")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--label", "1=dog"), ("'2' (30 times)", "--label 2=CONCEPT")),
        (("--label", "1=dog", "--label", "2=dragon"), ("dragon",)),
        (("--label", "1"), ("MARKER=CONCEPT", "'1'")),
        ((*LABELS, "--channels", "C3,Oz"), ("Oz",)),
        ((*LABELS, "--high-hz", "200"), ("200", "125")),
        ((*LABELS, "--crop", "0.5", "0.1"), ("crop_s",)),
        ((*LABELS, "--encoder", "rigde"), ("rigde", "ridge")),
        ((*LABELS, "--set", "epoch.tmin_s=0"), ("'epoch'", "epochs")),
        ((*LABELS, "--folds", "40"), ("folds", "trials")),
        ((*LABELS, "--unit", "furlong"), ("furlong",)),
        ((*LABELS, "--reject-ptp-uv", "0.001"), ("not one good epoch",)),
        (("--label", "1=dog", "--label", "2=dog"), ("at least 2 concepts",)),
    ],
)
def test_a_calibration_that_cannot_be(
    saccade: Saccade,
    runs: tuple[Path, Path],
    tmp_path: Path,
    flags: tuple[str, ...],
    words: tuple[str, ...],
) -> None:
    out = tmp_path / "new.saccade"
    assert_refused(saccade("calibrate", "--recording", runs[0], "--out", out, *flags), *words)
    assert list(tmp_path.iterdir()) == []


def test_a_decoder_is_not_overwritten_unless_asked(
    saccade: Saccade, runs: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "kept.saccade"
    out.write_bytes(b"precious")
    command = ("calibrate", "--recording", runs[0], "--out", out, *LABELS, "--json")
    assert_refused(saccade(*command), "kept.saccade", "--overwrite")
    assert out.read_bytes() == b"precious"
    outcome = saccade(*command, "--overwrite")
    assert outcome.code == 0
    assert json.loads(outcome.out.splitlines()[-1])["trials"] > 50
    assert out.read_bytes() != b"precious"


def test_runs_of_different_montages(
    saccade: Saccade, runs: tuple[Path, Path], tmp_path: Path
) -> None:
    other = tmp_path / "other.npz"
    with np.load(runs[1]) as arrays:
        np.savez(other, **{**arrays, "ch_names": np.array(["Fz", "C4", "O1", "O2"])})
    outcome = saccade(
        *("calibrate", "--recording", runs[0], "--recording", other),
        *LABELS,
        *("--out", tmp_path / "new.saccade"),
    )
    assert_refused(outcome, "other", "Fz")
    assert not (tmp_path / "new.saccade").exists()


@pytest.mark.parametrize(
    "command", [("replay",), ("run",), ("gallery", "info", "absent.npy"), ("nonsense",)]
)
def test_incomplete_commands_say_so(saccade: Saccade, command: tuple[str, ...]) -> None:
    outcome = saccade(*command)
    assert outcome.code != 0
    assert outcome.out == ""
    assert "Traceback" not in outcome.err
