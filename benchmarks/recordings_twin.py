"""Synthetic twins of the public recordings, in their layouts: for where those are not at hand.

The N170 twin keeps the jitter of the headset's time stamps and a blink a run; the P300 twin keeps
the start transient and the overlapping windows. Responses are simple bumps, so no figure on them
says anything about people.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from common import synthetic

RUNS, RUN_S = 6, 40
FLASHES = 300


def write_twin(folder: Path, seed: int = 17) -> Path:
    """Write both recordings and a gallery of 500 concepts; return the folder."""
    rng = np.random.default_rng(seed)
    _write_n170(folder / "n170-house-face", rng)
    _write_p300(folder / "p300-oddball", rng)
    clip = folder / "clip" / "detic-text-vitb32"
    clip.mkdir(parents=True)
    names = [f"concept {number}" for number in range(500)]
    names[10], names[279] = "House", "Human face"
    np.save(clip / "oid_clip_a+cname.npy", synthetic(500).astype(np.float16))
    (clip / "oid_names.txt").write_text("\n".join(names), encoding="utf-8")
    return folder


def _write_n170(folder: Path, rng: np.random.Generator) -> None:
    """Write runs of a headset: a deeper negative wave 170 ms after a face than after a house."""
    folder.mkdir(parents=True)
    wave = -12.0 * np.exp(-0.5 * ((np.arange(128) - 44) / 8.0) ** 2)
    for run in range(RUNS):
        n = 256 * RUN_S
        packets = np.repeat(rng.uniform(-0.008, 0.008, n // 12 + 1), 12)[:n]
        stamps = 5000.0 + 1000.0 * run + np.arange(n) / 256.0 + packets
        signal = rng.normal(0.0, 9.0, (n, 5))
        marker = np.zeros(n)
        for onset in range(600, n - 300, 140):
            face = rng.random() < 0.5
            marker[onset] = 1 + face
            signal[onset : onset + 128, :4] += (0.5 + 0.5 * face) * wave[:, None]
        signal[n // 2 : n // 2 + 20, 1] += 400.0
        np.savetxt(
            folder / f"data_{run}.csv",
            np.column_stack([stamps, signal, marker]),
            delimiter=",",
            fmt="%.3f",
            header="timestamps,TP9,AF7,AF8,TP10,Right AUX,Marker0",
            comments="",
        )


def _write_p300(folder: Path, rng: np.random.Generator) -> None:
    """Write flashes every 0.28 s, a sixth of them targets, each followed by a positive wave."""
    folder.mkdir(parents=True)
    start, every = 3400, 36
    n = start + FLASHES * every + 256
    data = rng.normal(0.0, 6.0, (n, 17))
    data += 5e4 * np.exp(-np.arange(n) / 60.0)[:, None]  # the amplifier settling
    stim = np.zeros(n, np.int16)
    wave = 8.0 * np.exp(-0.5 * ((np.arange(102) - 45) / 12.0) ** 2)
    for flash in range(FLASHES):
        onset = start + flash * every
        target = rng.random() < 1 / 6
        stim[onset : onset + 4] = 1 + target
        if target:
            data[onset : onset + 102, 6:14] += wave[:, None]
    np.savez(folder / "subject_01_session_01.npz", data=data.astype(np.float32), stim=stim)
