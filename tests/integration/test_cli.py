"""The verbs at work, as a user or another program calls them."""

from __future__ import annotations

import dataclasses
import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from saccade.models.decoders.decoder_file import load, to_bytes

Saccade = Callable[..., Any]
COMMAND = [sys.executable, "-m", "saccade.cli.main"]


def last_line(outcome: Any) -> dict[str, Any]:
    assert outcome.code == 0, outcome.err
    result: dict[str, Any] = json.loads(outcome.out.splitlines()[-1])
    return result


def test_help_imports_nothing_heavy() -> None:
    heavy = "{'torch', 'scipy', 'numpy', 'pylsl', 'PySide6', 'pydantic'}"
    code = f"import sys, saccade.cli.main; sys.exit(' '.join({heavy} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_help_names_every_verb(saccade: Saccade) -> None:
    outcome = saccade("--help")
    assert outcome.code == 0
    for verb in ("demo", "run", "calibrate", "replay", "simulate", "gallery", "config", "doctor"):
        assert f"  {verb}  " in outcome.out
        assert saccade(verb, "--help").code == 0


def test_replay_decodes_in_process_with_the_agreed_keys(
    saccade: Saccade, decoder: Path, runs: tuple[Path, Path], tmp_path: Path
) -> None:
    log = tmp_path / "log.jsonl"
    result = last_line(saccade("replay", runs[1], "--decoder", decoder, "--json", "--log", log))
    assert result["samples"] == {"received": 9250, "lost": 0, "flagged": 0, "filled": 0}
    assert result["markers"] == {"received": 60, "unmatched": 0}
    assert result["epochs"] == {"total": 60, "rejected": 0}
    assert result["predictions"] == 60
    assert set(result["latency_ms"]["prediction"]) == {"p50", "p95", "p99"}
    assert result["simulated"] is False
    accuracy = result["accuracy"]
    assert (accuracy["n"], accuracy["gallery"]) == (60, 200)
    assert accuracy["chance_top1"] == pytest.approx(0.005)
    assert accuracy["ci95_top1"][0] < accuracy["top1"] < accuracy["ci95_top1"][1]
    assert accuracy["auc"] > 0.75
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert (lines[0]["type"], lines[-1]["type"]) == ("session", "summary")
    assert lines[-1]["accuracy"]["top1"] == pytest.approx(accuracy["top1"])
    predictions = [line for line in lines if line["type"] == "prediction"]
    assert len(predictions) == 60
    hits = sum(p["top"][0]["name"] == p["label"] for p in predictions)
    assert hits / 60 == pytest.approx(accuracy["top1"])


def test_accuracy_on_what_a_decoder_was_trained_on_is_called_so(
    saccade: Saccade, decoder: Path, runs: tuple[Path, Path]
) -> None:
    for run, known in zip(runs, (True, False), strict=True):
        command = ("replay", run, "--decoder", decoder)
        assert last_line(saccade(*command, "--json"))["trained_on"] is known
        assert ("TRAINED ON" in saccade(*command).out) is known


def test_the_summary_in_words_has_n_chance_and_interval(
    saccade: Saccade, decoder: Path, runs: tuple[Path, Path]
) -> None:
    outcome = saccade("replay", runs[1], "--decoder", decoder)
    assert outcome.code == 0
    for words in ("chance 0.50%", "n 60", "[95 %", "gallery 200", "9250 received"):
        assert words in outcome.out
    assert "SIMULATED" not in outcome.out


def test_rejected_epochs_can_be_decoded_and_count_apart(
    saccade: Saccade, runs: tuple[Path, Path], tmp_path: Path
) -> None:
    strict = tmp_path / "strict.saccade"
    flags = ("--label", "1=dog", "--label", "2=house", "--low-hz", "1", "--reject-ptp-uv", "32")
    flags += ("--folds", "3")
    made = last_line(
        saccade("calibrate", "--recording", runs[0], "--out", strict, *flags, "--json")
    )
    assert 20 < made["trials"] < 60
    command = ("replay", runs[1], "--decoder", strict, "--json")
    without = last_line(saccade(*command))
    with_rejected = last_line(saccade(*command, "--decode-rejected"))
    assert 0 < without["epochs"]["rejected"] == with_rejected["epochs"]["rejected"]
    assert without["predictions"] + without["epochs"]["rejected"] == 60
    assert with_rejected["predictions"] == with_rejected["accuracy_all"]["n"] == 60
    assert with_rejected["accuracy"] == without["accuracy"]


def test_an_encoder_can_be_chosen_and_set(
    saccade: Saccade, runs: tuple[Path, Path], tmp_path: Path
) -> None:
    config = tmp_path / "session.toml"
    config.write_text(
        "[markers]\nlabels = { 1 = 'dog', 2 = 'house' }\n[calibration]\nencoder = 'eegproject'\n"
        "seed = 3\noptions = { epochs = 2 }\n",
        encoding="utf-8",
    )
    out = tmp_path / "deep.saccade"
    flags = ("--out", out, "--config", config, "--accept", "--json")
    last_line(saccade("calibrate", "--recording", runs[0], *flags))
    encoder = load(out).encoder
    assert encoder.architecture == "eegproject"
    assert (encoder.arguments["epochs"], encoder.arguments["seed"]) == (2, 3)


def test_the_same_calibration_gives_the_same_bytes_in_any_process(
    saccade: Saccade, runs: tuple[Path, Path], tmp_path: Path
) -> None:
    here, there = tmp_path / "here.saccade", tmp_path / "there.saccade"
    flags = ("calibrate", "--recording", runs[0], "--label", "1=dog", "--label", "2=house")
    last_line(saccade(*flags, "--out", here, "--json"))
    command = [sys.executable, "-m", "saccade.cli.main", *map(str, flags), "--out", str(there)]
    subprocess.run(command, capture_output=True, check=True)
    undated = [
        dataclasses.replace(made, calibration=made.calibration | {"date": ""})
        for made in (load(here), load(there))
    ]
    assert to_bytes(undated[0]) == to_bytes(undated[1])


def test_replay_says_what_is_in_a_file(saccade: Saccade, runs: tuple[Path, Path]) -> None:
    facts = last_line(saccade("replay", runs[0], "--info", "--json"))
    (signal,), (stim,) = facts["streams"], facts["markers"]
    assert (signal["samples"], signal["sfreq"], signal["unit"]) == (9250, 250.0, "uV")
    assert signal["effective_sfreq"] == 250.0
    assert stim["values"] == {"1": 30, "2": 30}
    assert facts["refused"] is None
    assert "250 Hz, delivered 250 Hz" in saccade("replay", runs[0], "--info").out


def test_gallery_info_says_that_the_built_in_one_is_not_clip(saccade: Saccade) -> None:
    facts = last_line(saccade("gallery", "info", "--json"))
    assert (facts["size"], facts["dim"], facts["simulated"]) == (200, 512, True)
    assert "not CLIP" in facts["backbone"]
    assert "not CLIP" in saccade("gallery", "info").out


def test_gallery_info_looks_into_a_decoder(saccade: Saccade, decoder: Path) -> None:
    assert last_line(saccade("gallery", "info", decoder, "--json"))["size"] == 200


@pytest.mark.real_data
def test_gallery_info_on_published_embeddings(saccade: Saccade, real_data: Path) -> None:
    folder = real_data / "clip" / "detic-text-vitb32"
    facts = last_line(
        saccade(
            *("gallery", "info", folder / "oid_clip_a+cname.npy", "--json"),
            *("--gallery-names", folder / "oid_names.txt", "--backbone", "ViT-B-32"),
        )
    )
    assert (facts["size"], facts["dim"], facts["backbone"]) == (500, 512, "ViT-B-32")


def test_config_show_tells_origins(saccade: Saccade, tmp_path: Path) -> None:
    config = tmp_path / "s.toml"
    config.write_text("[stream]\nname = 'Muse'\n", encoding="utf-8")
    shown = last_line(
        saccade("config", "show", "--config", config, "--set", "output.top_k=3", "--json")
    )
    assert shown["stream.name"] == {"value": "Muse", "origin": "s.toml"}
    assert shown["output.top_k"] == {"value": 3, "origin": "--set"}
    assert shown["epochs.tmin_s"] == {"value": -0.2, "origin": "default"}


@pytest.mark.lsl
def test_doctor_finds_this_machine_well(saccade: Saccade, outlet: Any, stream_name: str) -> None:
    with outlet(stream_name):
        found = last_line(saccade("doctor", "--json"))
    assert all(check["ok"] for check in found["checks"]), found
    names = {check["check"] for check in found["checks"]}
    assert names == {"packages", "LSL loopback", "clock", "TorchScript", "CLIP", "screen"}
    details = {check["check"]: check["detail"] for check in found["checks"]}
    for package in ("open_clip_torch", "lightning-fabric", "torchvision", "faiss-cpu"):
        assert package in details["packages"]
    assert re.fullmatch(
        r"open_clip knows \d+ models; torchvision (fits torch|lacks .*)", details["CLIP"]
    )
    assert stream_name in {stream["name"] for stream in found["streams"]}


@pytest.mark.lsl
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals to send")
def test_a_signal_ends_a_run_with_its_summary(
    decoder: Path, runs: tuple[Path, Path], stream_name: str, number: signal.Signals
) -> None:
    sender = subprocess.Popen(
        [*COMMAND, "replay", str(runs[1]), "--name", stream_name, "--wait", "60"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    receiver = subprocess.Popen(
        [
            *(*COMMAND, "run", "--decoder", str(decoder), "--stream", stream_name),
            *("--markers", f"{stream_name}-markers", "--prefix", stream_name, "--json"),
            *("--set", "stream.resolve_timeout_s=60"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert receiver.stderr is not None
        for line in receiver.stderr:
            if "Ctrl-C ends it" in line:
                break
        receiver.send_signal(number)
        out, _ = receiver.communicate(timeout=10)
    finally:
        for process in (sender, receiver):
            process.kill()
            process.wait()
    assert receiver.returncode == 0
    assert {"samples", "markers", "epochs", "latency_ms"} <= set(json.loads(out.splitlines()[-1]))


@pytest.mark.lsl
@pytest.mark.timeout(180)
def test_the_demo_reaches_live_predictions_above_chance() -> None:
    done = subprocess.run(
        [
            *COMMAND,
            "demo",
            "--headless",
            "--json",
            "--seconds",
            "12",
            "--calibration-trials",
            "120",
        ],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["simulated"] is True
    assert result["samples"]["lost"] == 0
    assert result["predictions"] > 10
    assert result["accuracy"]["gallery"] == 200
    # 2.5 % by chance, about 40 % after 120 pictures: 12 trials or so tell them apart.
    assert result["accuracy"]["top5"] > 0.1
    best = result["ideal_observer"]
    assert (best["gallery"], best["chance_top1"], best["repetitions"]) == (200, 0.005, 1)
    assert result["accuracy"]["ci95_top1"][0] < best["top1"]
    assert "SIMULATED" in done.stderr
