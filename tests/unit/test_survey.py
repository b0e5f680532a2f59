"""What is told of a file: by ``survey``, and by ``saccade replay --info``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from saccade.cli.main import app
from saccade.realtime.errors import RecordingError, SourceError
from saccade.realtime.sources.file import FileSourceSettings
from saccade.realtime.sources.survey import survey

N, RATE = 3000, 100.0
STAMPS = 1000.0 + np.arange(N) / RATE
SIGNAL = np.random.default_rng(7).normal(0.0, 20.0, (N, 2)).astype(np.float32)
CHANNELS = (("Cz", "EEG", "microvolts"), ("Oz", "EEG", "microvolts"))


@pytest.fixture
def torn(write_xdf: Callable[..., Path], xdf_stream: type) -> Path:
    """Write a file with ten samples lost, a pause, a clock that was set, and an empty stream."""
    kept = np.r_[0:1000, 1010:N]
    true = STAMPS + 30.0 * (np.arange(N) >= 2000)
    sender = np.where(np.arange(N) < 2500, true + 5e5, true)
    at = np.arange(1000.0, 1060.0, 2.0)
    theirs = np.where(at < true[2500], at + 5e5, at)
    data = SIGNAL.copy()
    data[5, 0] = np.nan
    return write_xdf(
        xdf_stream(
            "Cap",
            "EEG",
            data[kept],
            sender[kept],
            RATE,
            "cap1",
            CHANNELS,
            list(zip(theirs, at - theirs, strict=True)),
        ),
        xdf_stream("Cap", "ACC", SIGNAL[:0], [], 50.0, channels=None),
        xdf_stream("Stimuli", "Markers", [["go"], ["stop"], ["go"]], [1001.0, 1002.0, 1003.0]),
        xdf_stream("Control", "BCI", [["ping"]], [1001.0]),
    )


def test_losses_pauses_and_resets_are_counted(torn: Path) -> None:
    facts = survey(FileSourceSettings(torn))
    cap, accelerometer = facts["streams"]
    assert cap["taken"]
    assert not accelerometer["taken"]
    assert cap["channels"] == {"Cz": "eeg", "Oz": "eeg"}
    assert (cap["unit"], cap["samples"], cap["sfreq"]) == ("microvolts", N - 10, RATE)
    assert cap["effective_sfreq"] == pytest.approx(RATE * (N - 10) / N, rel=1e-3)
    assert cap["duration_s"] == pytest.approx(60.0, abs=0.02)
    assert (cap["gaps"], cap["lost"], cap["clock_resets"]) == (3, 3010, 1)
    assert cap["longest_gap_s"] == pytest.approx(30.01, abs=1e-3)
    assert cap["not_finite"] == 1
    assert accelerometer["samples"] == 0
    assert "effective_sfreq" not in accelerometer
    stimuli, control = facts["markers"]
    assert stimuli["taken"]
    assert (stimuli["events"], stimuli["values"]) == (3, {"go": 2, "stop": 1})
    assert not control["taken"]
    assert facts["refused"] is None


def test_what_is_refused_is_told_beside_what_is_there(
    write_xdf: Callable[..., Path], xdf_stream: type
) -> None:
    path = write_xdf(
        xdf_stream("A", "EEG", SIGNAL, STAMPS, RATE, channels=None),
        xdf_stream("B", "EEG", SIGNAL, STAMPS, RATE, channels=None),
    )
    facts = survey(FileSourceSettings(path))
    assert [stream["taken"] for stream in facts["streams"]] == [False, False]
    assert "2 fit" in facts["refused"]
    chosen = survey(FileSourceSettings(path, stream="B"))
    assert [stream["taken"] for stream in chosen["streams"]] == [False, True]
    assert "say which with --unit" in chosen["refused"]
    assert survey(FileSourceSettings(path, stream="B", unit="uV"))["refused"] is None
    wrong = survey(FileSourceSettings(path, stream="B", unit="uV", markers=("no",)))
    assert "no markers called 'no'" in wrong["refused"]


def test_many_different_markers_are_only_counted(
    write_xdf: Callable[..., Path], xdf_stream: type
) -> None:
    values = [[str(number)] for number in range(100)]
    path = write_xdf(xdf_stream("Stimuli", "Markers", values, 1000 + np.arange(100)))
    (stimuli,) = survey(FileSourceSettings(path))["markers"]
    assert (stimuli["events"], stimuli["different"], stimuli["values"]) == (100, 100, None)


def info(path: Path, *flags: str) -> Any:
    return CliRunner().invoke(app, ["replay", str(path), "--info", *flags])


def test_info_is_a_table_or_json(torn: Path) -> None:
    done = info(torn)
    assert done.exit_code == 0
    assert "* Cap, EEG, 2 channels" in done.output
    assert "100 Hz, delivered 99.6" in done.output
    assert "1 clock reset," in done.output
    assert "  Cap, ACC, 2 channels" in done.output
    assert "* Stimuli, Markers, 3 events" in done.output
    assert "go ×2, stop ×1" in done.output
    assert "can be replayed as it is" in done.output
    facts = json.loads(info(torn, "--json").output.splitlines()[-1])
    assert facts == json.loads(json.dumps(survey(FileSourceSettings(torn))))


def test_info_follows_the_flags_of_the_replay(torn: Path) -> None:
    assert "* Control, BCI, 1 event\n" in info(torn, "--markers", "Control").output
    refused = info(torn, "--stream-type", "ACC").output
    assert "can't be replayed as it is: run.xdf has no samples in 'Cap' (ACC" in refused
    assert "has source id 'no'" in info(torn, "--source-id", "no").output
    assert "has name 'no'" in info(torn, "--stream", "no").output


def test_streams_of_a_session_file_count_where_there_are_streams(
    torn: Path, tmp_path: Path
) -> None:
    """A table has none, whatever the amplifier is called."""
    config = tmp_path / "session.toml"
    config.write_text('[stream]\nname = "Amp"\n[markers]\nnames = ["Stimuli"]\n', encoding="utf-8")
    table = tmp_path / "run.csv"
    rows = "\n".join(f"{t},{v},0" for t, v in zip(STAMPS, SIGNAL[:, 0], strict=True))
    table.write_text(f"time,Cz,Marker\n{rows}\n", encoding="utf-8")
    unit = ("--unit", "uV", "--config", str(config))
    assert "has name 'Amp'" in info(torn, *unit).output
    assert "can be replayed as it is" in info(table, *unit).output
    assert "no markers called 'Stimuli'" in info(table, *unit, "--markers", "Stimuli").output


def test_calibration_takes_the_same_flags(torn: Path, tmp_path: Path) -> None:
    out = tmp_path / "new.saccade"
    for flags, message in (
        (("--stream", "no"), "has name 'no'"),
        (("--stream-type", "ACC"), "no samples in 'Cap' \\(ACC"),
        (("--source-id", "no"), "has source id 'no'"),
        (("--markers", "no"), "no markers called 'no'"),
    ):
        command = ["calibrate", "--recording", str(torn), "--out", str(out), *flags]
        failed = CliRunner().invoke(app, [*command, "--label", "go=dog", "--label", "stop=cat"])
        with pytest.raises(SourceError, match=message):
            raise failed.exception or AssertionError(failed.output)


def test_what_is_no_recording_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="no recording at"):
        survey(FileSourceSettings(tmp_path / "absent.xdf"))
    assert info(tmp_path / "absent.xdf").exit_code != 0
