"""``calibrate --recording`` of a session's recordings gives the session's decoder, bit for bit."""

from __future__ import annotations

import dataclasses
import json
import sys

import numpy as np
import pytest
from session_world import CONCEPTS, PROTOCOL, Bench

from saccade.calibration.hands import Answer, Left
from saccade.cli import configuration, fitting
from saccade.cli.live_fit import LiveFit
from saccade.cli.main import main
from saccade.models.decoders.decoder_file import load, to_bytes
from saccade.realtime.sources.file import FileSource, FileSourceSettings

WINDOW = (
    *("--tmin", "-0.1", "--tmax", "0.4", "--crop", "0", "0.4", "--encoder", "ridge"),
    *("--set", "epochs.baseline_s=none", "--low-hz", "1", "--order", "2"),
    *("--set", "pipeline.high_hz=none"),
)
SETTINGS = {
    "epochs.tmin_s": -0.1,
    "epochs.tmax_s": 0.4,
    "epochs.crop_s": (0.0, 0.4),
    "epochs.baseline_s": "none",
    "pipeline.low_hz": 1.0,
    "pipeline.high_hz": "none",
    "pipeline.order": 2,
    "calibration.encoder": "ridge",
}


@pytest.fixture
def gallery(tmp_path):
    drawn = np.random.default_rng(0).normal(size=(len(CONCEPTS), 16))
    np.save(tmp_path / "gallery.npy", drawn.astype(np.float32))
    (tmp_path / "names.txt").write_text("\n".join(CONCEPTS), encoding="utf-8")
    return {"gallery.vectors": tmp_path / "gallery.npy", "gallery.names": tmp_path / "names.txt"}


@pytest.fixture
def bench(tmp_path, monkeypatch):
    monkeypatch.setattr("saccade.realtime.xdf.background.WRITE_EVERY_S", 0.001)
    monkeypatch.setattr("saccade.calibration.journal.os.fsync", lambda _: None)
    bench = Bench(tmp_path / "session", dataclasses.replace(PROTOCOL, n_held_out=1))
    assert len(bench.plan.held_out) == 1
    return bench


def live_fit(gallery, tmp_path, stopped=lambda: False):
    loaded = configuration.load(None, SETTINGS | gallery)
    return LiveFit(
        loaded,
        fitting.checked_gallery(loaded.config),
        tmp_path / "live.saccade",
        lambda: None,
        lambda: None,
        stopped,
        regular=True,
    )


def undated(decoder) -> bytes:
    return to_bytes(
        dataclasses.replace(decoder, calibration=decoder.calibration | {"date": ""}),
    )


def test_with_concepts_held_out_a_crash_more_trials_and_a_recording_done_again(
    bench, gallery, tmp_path, monkeypatch, capsys
):
    live = live_fit(gallery, tmp_path)
    said = iter(("more", "redo", "go"))
    bench.fit = lambda files, summary: dataclasses.replace(
        live.fit(files, summary), verdict=next(said)
    )
    bench.check = live.check
    bench.answers = [Answer("more", 20), Answer("redo", 1), Answer("go")]
    bench.run_until_killed(33)
    assert bench.run().finished
    assert (bench.path / "set-aside").exists()
    runs = bench.folder.recordings()
    assert len(runs) > 3
    checks = [e.figures for e in bench.folder.events if hasattr(e, "figures")]
    assert all("problem" not in figures for figures in checks[1:]), checks

    again = tmp_path / "again.saccade"
    recordings = [word for run in runs for word in ("--recording", str(run))]
    paths = [w for key, path in gallery.items() for w in ("--set", f"{key}={path}")]
    words = ("calibrate", *recordings, *WINDOW, *paths, "--out", str(again), "--accept", "--json")
    monkeypatch.setattr(sys, "argv", ["saccade", *words])
    capsys.readouterr()
    with pytest.raises(SystemExit, match="0"):
        main()
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["kept_out"] == list(bench.plan.held_out)
    made = live.made.examined.decoder
    from_files = load(again)
    accepted = from_files.calibration.get("accepted_despite")
    ours = made.calibration | ({} if accepted is None else {"accepted_despite": accepted})
    assert undated(from_files) == undated(dataclasses.replace(made, calibration=ours))


def test_the_recordings_themselves_say_what_is_held_out(bench):
    bench.run()
    for path in bench.folder.recordings():
        source = FileSource(FileSourceSettings(path))
        source.open()
        assert source.recording.session["calibration"]["held_out"] == list(bench.plan.held_out)


def test_a_fit_is_left_as_soon_as_the_session_is(bench, gallery, tmp_path):
    live = live_fit(gallery, tmp_path, stopped=lambda: True)
    bench.fit = live.fit
    assert not bench.run().finished
    with pytest.raises(Left):
        live.fit(bench.folder.recordings(), None)
    assert live.made is None
