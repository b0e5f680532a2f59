"""Decode houses and faces from a real recording, live over Lab Streaming Layer.

Processes and streams: this script starts two programs for each of the two held-out runs and talks
to neither while they work. ``saccade replay`` publishes the recording as the LSL streams
``n170-N`` (EEG, 256 Hz) and ``n170-N-markers`` (strings "1" and "2"); ``saccade run`` finds
both, decodes each picture among 500 concepts, publishes its results and writes a log, from
which this script counts at the end. Before that, ``saccade calibrate`` has made the decoder from
the first four runs. All streams stay on this computer.

Data: six runs of two minutes, Muse headband, from NeuroTechX/eeg-notebooks (BSD-3); CLIP
ViT-B/32 text embeddings of the OpenImages concepts, from facebookresearch/Detic (Apache-2.0).
Settings were chosen by cross-validation on the first four runs, nothing on the last two.

    python examples/n170_live.py PATH/TO/data
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from typing import Any

import numpy as np

from saccade.models.evaluation.accuracy import accuracy, auc, auc_interval, permutation_test

HOUSE, FACE = "House", "Human face"
SETTINGS = """
[stream]
unit = "uV"  # a CSV does not say
[markers]
labels = { 1 = "House", 2 = "Human face" }
[pipeline]
low_hz = 1.0
high_hz = 15.0
order = 2
dejitter = false  # the settings were chosen on the stamps as they are
[epochs]
tmin_s = -0.2
tmax_s = 0.8
baseline_s = [-0.2, 0.0]
crop_s = [0.05, 0.45]
reject_ptp_uv = 100.0
[gallery]
backbone = "ViT-B-32"
weights = "openai"
kind = "text"
"""


def saccade(*arguments: object, **how: Any) -> subprocess.Popen[str]:
    """Start a saccade program whose last line of output is JSON."""
    command = [sys.executable, "-m", "saccade.cli.main", *map(str, arguments), "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **how)


def result(program: subprocess.Popen[str]) -> dict[str, Any]:
    """Wait for a program; return its result."""
    output, _ = program.communicate(timeout=600)
    if program.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, program.args))} ended with {program.returncode}")
    return json.loads(output.splitlines()[-1])


def decode_live(
    recording: Path, decoder: Path, log: Path, speed: float, config: Path
) -> dict[str, Any]:
    """Stream one run and decode it; return what ``saccade run`` says at the end."""
    name = f"n170-{uuid.uuid4().hex[:8]}"
    sender = saccade(
        "replay", recording, "--config", config, "--name", name, "--speed", speed, "--wait", 60
    )
    receiver = saccade(
        *("run", "--decoder", decoder, "--stream", name, "--markers", f"{name}-markers"),
        *("--log", log, "--idle-timeout", 2, "--decode-rejected", "--prefix", name),
        *("--set", "stream.resolve_timeout_s=60"),
    )
    try:
        summary = result(receiver)
        sent = result(sender)
    finally:
        for program in (sender, receiver):
            program.kill()
            program.wait()
    return summary | {"sent": sent}


def count(predictions: list[dict[str, Any]], gallery: int) -> dict[str, Any]:
    """Return the figures over some predictions, as the logs hold them."""
    labels = [p["label"] for p in predictions]
    contrast = [p["shown"][HOUSE] - p["shown"][FACE] for p in predictions]
    houses = np.array(labels) == HOUSE
    figures = accuracy([p["label_rank"] for p in predictions], gallery, labels).to_dict()
    control = permutation_test([p["top"][0]["name"] for p in predictions], labels, 2000, seed=0)
    return figures | {
        "auc": auc(contrast, houses),
        "ci95_auc": list(auc_interval(contrast, houses)),
        "permuted_top1": control.mean,
        "permuted_range95": list(control.range95),
        "p": control.p,
    }


def run(data: Path, speed: float = 1.0) -> dict[str, Any]:
    """Calibrate on runs 1 to 4, decode runs 5 and 6 live; return all figures.

    Parameters
    ----------
    data : Path
        Folder that holds ``n170-house-face`` and ``clip/detic-text-vitb32``.
    speed : float
        Seconds of recording sent per second; at 1 latency counts from the time stamps.
    """
    runs = sorted((data / "n170-house-face").glob("*.csv"))
    clip = data / "clip" / "detic-text-vitb32"
    if len(runs) != 6 or not clip.is_dir():
        raise SystemExit(f"{data} should hold n170-house-face with six runs, and {clip.name}")
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        config, decoder = here / "n170.toml", here / "n170.saccade"
        config.write_text(SETTINGS, encoding="utf-8")
        lsl = here / "lsl_api.cfg"
        lsl.write_text("[multicast]\nResolveScope = machine\n[log]\nlevel = -3\n", encoding="utf-8")
        os.environ.setdefault("LSLAPICFG", str(lsl))
        calibration = result(
            saccade(
                *("calibrate", "--config", config, "--out", decoder),
                *(word for path in runs[:4] for word in ("--recording", path)),
                *("--gallery", clip / "oid_clip_a+cname.npy"),
                *("--gallery-names", clip / "oid_names.txt"),
            )
        )
        logs = [here / f"{path.stem}.jsonl" for path in runs[4:]]
        sessions = [
            decode_live(path, decoder, log, speed, config)
            for path, log in zip(runs[4:], logs, strict=True)
        ]
        lines = [json.loads(line) for log in logs for line in log.read_text("utf-8").splitlines()]
    predictions = [line for line in lines if line["type"] == "prediction"]
    gallery = sessions[0]["accuracy"]["gallery"]
    return {
        "calibration": calibration,
        "sessions": sessions,
        "good": count([p for p in predictions if not p["rejected"]], gallery),
        "all": count(predictions, gallery),
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="Decode a real recording live over LSL.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--speed", type=float, default=1.0)
    arguments = parser.parse_args()
    figures = run(arguments.data, arguments.speed)
    for session in figures["sessions"]:
        print(
            f"{session['samples']['received']} of {session['sent']['samples']['sent']} samples, "
            f"{session['markers']['received']} of {session['sent']['markers']['sent']} markers, "
            f"{session['epochs']['rejected']} of {session['epochs']['total']} epochs rejected, "
            f"latency ms {session['latency_ms']['prediction']}"
        )
    for name in ("good", "all"):
        f = figures[name]
        print(
            f"{name:<5} epochs: single-trial top-1 {f['top1']:.3f} "
            f"[{f['ci95_top1'][0]:.3f} to {f['ci95_top1'][1]:.3f}] of {f['gallery']}, n {f['n']}, "
            f"commonest concept {f['majority_top1']:.3f}, labels permuted {f['permuted_top1']:.3f} "
            f"(p {f['p']:.4f}); AUC {f['auc']:.3f} "
            f"[{f['ci95_auc'][0]:.3f} to {f['ci95_auc'][1]:.3f}]"
        )


if __name__ == "__main__":
    main()
