"""The file that a session was run with serves for its recording too, and changes nothing there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from saccade.cli import configuration, recorded, wiring
from saccade.models.decoders import decoder_file
from saccade.realtime.sources.file import FileSource

Saccade = Callable[..., Any]  # the command line in process, as tests/integration/conftest.py has it
# A session's file: the amplifier sends mV, and one of the two marker streams was never used.
TOML = """
[stream]
name = "Amp"
type = "Signal"
unit = "mV"
sfreq = 500
ch_names = ["a", "b", "c", "d"]
[markers]
names = ["stim", "Keys"]
"""


@pytest.fixture
def session(decoder: Path, runs: tuple[Path, Path], tmp_path: Path) -> tuple[Path, Path]:
    """Return the recording of a session of an amplifier in mV, and the session's file."""
    sent, path = tmp_path / "sent.npz", tmp_path / "session.xdf"
    with np.load(runs[1]) as arrays:
        rest = {key: arrays[key] for key in arrays.files if key not in ("data", "unit")}
        np.savez(sent, data=(arrays["data"] / 1e3).astype(np.float32), **rest)
    loaded = configuration.load(None, {"stream.unit": "mV", "output.lsl": False})
    made = wiring.Session(
        decoder_file.load(decoder),
        FileSource(recorded.file_settings(sent, loaded)),
        loaded.config,
        record=path,
    )
    made.start()
    assert made.run()["predictions"] == 60
    config = tmp_path / "session.toml"
    config.write_text(TOML, encoding="utf-8")
    return path, config


def test_a_recording_is_the_session_again_with_its_own_file(
    saccade: Saccade, decoder: Path, session: tuple[Path, Path]
) -> None:
    path, config = session
    command = ("replay", path, "--decoder", decoder, "--compare")
    for more in ((), ("--config", config), ("--unit", "uV")):
        outcome = saccade(*command, *more)
        assert outcome.code == 0, outcome.out + outcome.err
        assert outcome.out.splitlines()[-1] == "identical: 60 predictions, 0 rejected"
    outcome = saccade("replay", path, "--info", "--config", config)
    assert "can be replayed as it is" in outcome.out


def test_what_the_command_line_asks_for_counts_all_the_same(
    saccade: Saccade, decoder: Path, session: tuple[Path, Path]
) -> None:
    path, config = session
    command = ("replay", path, "--decoder", decoder, "--config", config)
    for flags, words in (
        (("--unit", "mV"), "session.xdf was recorded by saccade, in µV"),
        (("--set", "stream.unit=V"), "leave --unit out"),
        (("--stream", "Other"), "name 'Other'"),
        (("--markers", "Keys"), "no markers called 'Keys'"),
        (("--sfreq", 500), "500 Hz"),
    ):
        outcome = saccade(*command, *flags)
        assert outcome.code == 1, flags
        assert words in outcome.err


def test_a_decoder_is_calibrated_on_the_microvolts_of_a_session(
    saccade: Saccade, session: tuple[Path, Path], runs: tuple[Path, Path], tmp_path: Path
) -> None:
    path, config = session
    labels = ("--label", "1=dog", "--label", "2=house")
    figures = []
    for number, recording in enumerate((path, runs[1])):
        outcome = saccade(
            *("calibrate", "--recording", recording, "--out", tmp_path / f"{number}.saccade"),
            *(*labels, "--low-hz", 1, "--high-hz", 30, "--crop", 0, 0.4, "--json"),
            *("--reject-ptp-uv", 150, *(("--config", config) if number == 0 else ())),
        )
        assert outcome.code == 0, outcome.err
        figures.append(json.loads(outcome.out.splitlines()[-1]))
    assert figures[0]["trials"] == figures[1]["trials"] == 60
    assert figures[0]["figures"]["auc"] == pytest.approx(figures[1]["figures"]["auc"], abs=1e-3)
