"""Train published encoders, export them, and decode a simulated amplifier live with each.

For each encoder four programs run one after the other, and the last two at once: ``saccade train``
learns from the simulated subject's pictures of 160 concepts, ``saccade export`` makes a decoder for
the 40 others, ``saccade evaluate`` judges that on 1000 pictures of them, and ``saccade simulate``
sends the first of these pictures over LSL, in real time, to ``saccade run``. What comes out live
must lie inside the offline interval, or the exit code is 1. All streams stay on this computer.

The recipes are not the papers', which are for hours of a GPU: all encoders learn from means of
random numbers of repetitions, in batches of 128, for a minute of processor time.

    python examples/train_and_run.py
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

ENCODERS = ("atms", "ubp", "neurobridge")
EFFECT, HELD_OUT = 0.3, 40
RECIPE = ("batch_size=128", "lr=1e-3", "epochs=1000", "patience=1000")


def saccade(lsl: Path, *arguments: object) -> subprocess.Popen[str]:
    """Start a saccade program, with LSL as a file says, whose last line of output is JSON."""
    command = [sys.executable, "-m", "saccade.cli.main", *map(str, arguments), "--json"]
    env = os.environ | {"LSLAPICFG": str(lsl)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)


def result(program: subprocess.Popen[str]) -> dict[str, Any]:
    """Wait for a program; return its result."""
    output, _ = program.communicate(timeout=1800)
    if program.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, program.args))} ended with {program.returncode}")
    return json.loads(output.splitlines()[-1])


def decode_live(lsl: Path, decoder: Path, trials: int, speed: float) -> dict[str, Any]:
    """Stream the held-out pictures and decode them; return what both programs say at the end."""
    name = f"train-and-run-{uuid.uuid4().hex[:8]}"
    sender = saccade(
        lsl,
        *("simulate", "--name", name, "--effect", EFFECT, "--held-out", HELD_OUT),
        *("--calibration-trials", 0, "--trials", trials, "--speed", speed, "--wait", 120),
    )
    receiver = saccade(
        lsl,
        *("run", "--decoder", decoder, "--stream", name, "--markers", f"{name}-markers"),
        *("--prefix", name, "--idle-timeout", 3, "--set", "stream.resolve_timeout_s=120"),
    )
    try:
        return result(receiver) | {"sent": result(sender)}
    finally:
        for program in (sender, receiver):
            program.kill()
            program.wait()


def run(
    encoder: str,
    budget_min: float = 1.0,
    train_trials: int = 3000,
    offline_trials: int = 1000,
    live_trials: int = 240,
    speed: float = 1.0,
) -> dict[str, Any]:
    """Train, export, evaluate and decode live with one encoder; return all figures.

    Parameters
    ----------
    encoder : str
        Its entry point.
    budget_min : float
        Processor time of training, in minutes.
    train_trials, offline_trials, live_trials : int
        Pictures to learn from, to judge on, and to decode live: the first of those judged on.
    speed : float
        Seconds of signal sent per second.
    """
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        lsl = here / "lsl_api.cfg"
        lsl.write_text("[multicast]\nResolveScope = machine\n[log]\nlevel = -3\n", encoding="utf-8")
        trained, decoder = here / f"{encoder}.encoder", here / f"{encoder}.saccade"
        plan = ("--simulated", "--effect", EFFECT, "--held-out", HELD_OUT)
        training = result(
            saccade(
                lsl,
                *("train", "--encoder", encoder, *plan, "--train-trials", train_trials),
                *("--test-trials", offline_trials),
                *("--repetitions", "random", "--budget", budget_min, "--out", trained),
                *(word for option in RECIPE for word in ("--option", option)),
            )
        )
        result(saccade(lsl, "export", trained, "--unseen", "--out", decoder))
        offline = result(saccade(lsl, "evaluate", decoder, "--simulated"))
        live = decode_live(lsl, decoder, live_trials, speed)
    return {"encoder": encoder, "training": training, "offline": offline, "live": live}


def main() -> None:
    """Print offline and live figures side by side."""
    parser = argparse.ArgumentParser(description="Train, export and decode live over LSL.")
    parser.add_argument("encoders", nargs="*", default=ENCODERS)
    parser.add_argument("--budget", type=float, default=1.0, help="minutes of processor time each")
    parser.add_argument("--train-trials", type=int, default=3000)
    parser.add_argument("--live-trials", type=int, default=240)
    parser.add_argument("--speed", type=float, default=1.0)
    chosen = parser.parse_args()
    outside = []
    for encoder in chosen.encoders:
        figures = run(
            encoder,
            chosen.budget,
            chosen.train_trials,
            live_trials=chosen.live_trials,
            speed=chosen.speed,
        )
        offline, live = figures["offline"]["accuracy"], figures["live"]["accuracy"]
        low, high = offline["ci95_top1"]
        ideal, latency = figures["offline"]["ideal"][0], figures["live"]["latency_ms"]["prediction"]
        inside = low <= live["top1"] <= high
        print(
            f"{encoder:<12} SIMULATED single-trial top-1 of {offline['gallery']} unseen concepts: "
            f"offline {offline['top1']:.3f} [{low:.3f} to {high:.3f}], n {offline['n']}; "
            f"live {live['top1']:.3f}, n {live['n']}, {'inside' if inside else 'OUTSIDE'}; "
            f"chance {live['chance_top1']:.3f}, ideal observer {ideal['top1']:.3f}; "
            f"{figures['live']['samples']['lost']} samples lost, latency p95 "
            f"{latency['p95']:.1f} ms",
            flush=True,
        )
        if not inside or live["gallery"] != offline["gallery"]:
            outside.append(encoder)
    raise SystemExit(1 if outside else 0)


if __name__ == "__main__":
    main()
