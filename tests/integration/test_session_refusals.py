"""What a session refuses: one sentence, a way out, and nothing half-written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pylsl
import pytest

Saccade = Callable[..., Any]
DEAD = "O1,Oz,O2"
SHORT = """
kind = "rsvp"
n_concepts = 6
trials = 20
trials_per_block = 20
sequence_length = 10
rest_s = 0.0
lead_in_s = 4.0
"""


@pytest.fixture
def protocol(tmp_path: Path) -> Path:
    path = tmp_path / "short.toml"
    path.write_text(SHORT, encoding="utf-8")
    return path


def refused(outcome: Any, *words: str) -> None:
    """Check that the last words were one line with all of these in it."""
    assert outcome.code == 1, outcome.err
    last = outcome.err.splitlines()[-1]
    assert "Traceback" not in outcome.err
    for word in words:
        assert word in last, last


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--protocol", "rsvpp"), ("there is no protocol 'rsvpp'", "did you mean 'rsvp'?")),
        (("--protocol", "absent.toml"), ("no protocol can be read at absent.toml",)),
        (("--speed", 4), ("only a simulated session runs 4 times", "--simulated")),
        (("--protocol", "external"), ("needs the marker stream", "--markers")),
        (("--protocol", "external", "--simulated"), ("saccade simulate --follow",)),
        (("--simulated", "--stream", "amp"), ("--simulated brings its own stream", "'amp'")),
        (("--recording", "a.xdf", "--auto"), ("--auto would change nothing", "--recording")),
        (("--sfreq", 250), ("--sfreq would change nothing",)),
        (("--flashes", 50), ("--flashes would change nothing", "--timing-test")),
        (("--timing-test", "--auto"), ("--auto would change nothing", "makes no decoder")),
        (
            ("--protocol", "external", "--markers", "m", "--screen", 3),
            ("--screen would change nothing", "another program presents"),
        ),
        (("--simulated", "--markers", "a", "--markers", "b"), ("one marker stream", "names 2")),
    ],
)
def test_flags_that_do_not_go_together(
    saccade: Saccade, tmp_path: Path, flags: tuple[object, ...], words: tuple[str, ...]
) -> None:
    session = tmp_path / "session"
    more = () if "--recording" in flags else ("--session", session)
    refused(saccade("calibrate", "--out", tmp_path / "me.saccade", *more, *flags), *words)
    assert not session.exists()


def test_a_decoder_without_a_name_and_one_that_is_there(
    saccade: Saccade, tmp_path: Path, decoder: Path
) -> None:
    refused(saccade("calibrate"), "name it with --out")
    refused(saccade("calibrate", "--out", decoder), "exists", "--overwrite")


def test_a_timing_test_refuses_what_it_would_not_look_at(saccade: Saccade) -> None:
    flags = ("--encoder", "ridge", "--budget", 3, "--low-hz", 1)
    outcome = saccade("calibrate", "--timing-test", *flags)
    refused(outcome, "calibration.encoder, ", "calibration.budget_min", "pipeline.low_hz")


def test_a_protocol_of_one_concept_or_of_none_of_the_gallery(
    saccade: Saccade, tmp_path: Path, protocol: Path
) -> None:
    for concepts, word in ((["dog"], "at least 2 concepts"), (["dog", "sponge"], "'sponge'")):
        text = SHORT.replace("n_concepts = 6", f"concepts = {json.dumps(concepts)}")
        protocol.write_text(text, encoding="utf-8")
        flags = ("--protocol", protocol, "--session", tmp_path / "s", "--auto", "--simulated")
        refused(saccade("calibrate", "--out", tmp_path / "me.saccade", *flags), word)
    assert not (tmp_path / "s").exists()


@pytest.mark.lsl
def test_no_such_stream_leaves_no_folder(
    saccade: Saccade, tmp_path: Path, protocol: Path, x_display: str, monkeypatch: Any
) -> None:
    monkeypatch.setenv("DISPLAY", x_display)
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    outcome = saccade(
        *("calibrate", "--protocol", protocol, "--session", tmp_path / "s", "--auto"),
        *("--stream", "nobody", "--out", tmp_path / "me.saccade", "--windowed"),
        *("--set", "stream.resolve_timeout_s=1"),
    )
    refused(outcome, "expected one EEG stream with name='nobody'", "is the sender running")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["short.toml"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a screen")
def test_no_screen(saccade: Saccade, tmp_path: Path, protocol: Path, monkeypatch: Any) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    outcome = saccade(
        *("calibrate", "--protocol", protocol, "--session", tmp_path / "s", "--auto"),
        *("--out", tmp_path / "me.saccade"),
    )
    refused(outcome, "DISPLAY")
    assert not (tmp_path / "s").exists()


@pytest.mark.lsl
def test_a_folder_of_another_session_or_with_something_else_in_it(
    saccade: Saccade, tmp_path: Path, protocol: Path, stream_name: str
) -> None:
    from saccade.calibration.folder import About, SessionFolder

    folder = tmp_path / "s"
    with SessionFolder.create(folder, About({"kind": "single"}, "", "")):
        flags = ("--protocol", protocol, "--session", folder, "--auto", "--simulated")
        out = ("--out", tmp_path / "me.saccade")
        refused(saccade("calibrate", *flags, *out), "another process is at the session")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    refused(saccade("calibrate", *flags, *out), "begun with another protocol", "another folder")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("mine", encoding="utf-8")
    flags = ("--protocol", protocol, "--session", other, "--auto", "--simulated")
    refused(saccade("calibrate", *flags, *out), "needs an empty folder")
    assert (other / "thesis.txt").read_text(encoding="utf-8") == "mine"


@contextmanager
def amplifier(name: str, pictures: str, *flags: object) -> Iterator[None]:
    """Run a simulated amplifier that is nothing but an amplifier to the session."""
    words = ("simulate", "--name", name, "--follow", pictures, "--with-parent", *flags)
    process = subprocess.Popen(
        [sys.executable, "-m", "saccade.cli.main", *map(str, words)],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    with process:
        try:
            yield
        finally:
            process.kill()


@pytest.mark.lsl
def test_dead_occipital_channels_shut_the_gate_and_the_session_can_be_left(
    tmp_path: Path, protocol: Path, x_display: str, stream_name: str
) -> None:
    pictures = f"{stream_name}-p"
    words = (
        *("calibrate", "--protocol", protocol, "--session", tmp_path / "s", "--auto", "--windowed"),
        *("--stream", stream_name, "--markers", pictures, "--out", tmp_path / "me.saccade"),
        *("--set", "stream.resolve_timeout_s=60"),
    )
    environment = os.environ | {"DISPLAY": x_display, "QT_QPA_PLATFORM": "xcb"}
    with amplifier(stream_name, pictures, "--dead", DEAD):
        process = subprocess.Popen(
            [sys.executable, "-m", "saccade.cli.main", *map(str, words)],
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        with process:
            for line in process.stderr:
                if "not good enough" in line:
                    break
            why = process.stderr.readline()
            process.send_signal(signal.SIGINT)
            last = process.stderr.read()
    assert "channels over the visual cortex are bad" in why
    assert "put them right" in why
    assert process.returncode == 130
    assert "it goes on with  saccade calibrate --protocol" in last
    assert not (tmp_path / "me.saccade").exists()
    assert not list((tmp_path / "s").glob("*.xdf"))


@pytest.mark.lsl
def test_markers_that_are_no_concepts_end_an_external_session(
    tmp_path: Path, stream_name: str
) -> None:
    outlet = pylsl.StreamOutlet(
        pylsl.StreamInfo(f"{stream_name}-m", "Markers", 1, 0, "string", f"{stream_name}-m")
    )
    words = (
        *("calibrate", "--protocol", "external", "--trials", 20, "--session", tmp_path / "s"),
        *("--auto", "--stream", stream_name, "--markers", f"{stream_name}-m"),
        *("--label", "1=dog", "--label", "2=house", "--out", tmp_path / "me.saccade"),
        *("--set", "stream.resolve_timeout_s=60"),
    )
    with amplifier(stream_name, f"{stream_name}-nobody"):
        process = subprocess.Popen(
            [sys.executable, "-m", "saccade.cli.main", *map(str, words)],
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"DISPLAY": ""},
        )
        with process:
            for line in process.stderr:
                if "showing pictures" in line:
                    break
            outlet.wait_for_consumers(60.0)
            outlet.push_sample(["1"], pylsl.local_clock())
            outlet.push_sample(["77"], pylsl.local_clock())
            err = process.stderr.read()
    assert process.returncode == 1
    assert "'77'" in err
    assert "--label '77'=CONCEPT" in err
    assert not (tmp_path / "me.saccade").exists()
