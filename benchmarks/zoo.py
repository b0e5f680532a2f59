"""Which networks of braindecode become towers, and why others don't: the table of docs/zoo.md.

Each is tried with its own defaults on epochs of the simulated cap's 64 electrodes, one second at
250 Hz, else at 200 or 256 Hz, for which foundation models were made. One counts if its tower is
built, exports, reloads and says the same of 1, 2 and 7 epochs. ``--quick`` tries five.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import time
from collections.abc import Mapping
from typing import Any

import torch
from common import emit, options, print_table
from torch import nn

from saccade.models.encoders import export, load_script
from saccade.models.encoders.network import ForSubject, Shape
from saccade.models.encoders.zoo import Zoo, ZooSettings
from saccade.realtime.errors import CalibrationError, ConfigError
from saccade.realtime.simulation.montage import CH_NAMES

RATES_HZ = (250, 200, 256)
DIM = 768
TOLERANCE = 1e-5
QUICK = ("EEGConformer", "Deep4Net", "ATCNet", "CBraMod", "SignalJEPA_PreLocal")


def models() -> Mapping[str, type[nn.Module]]:
    """Return every network of braindecode by name."""
    found = vars(importlib.import_module("braindecode.models"))
    return {
        name: found[name]
        for name in sorted(found)
        if inspect.isclass(found[name]) and issubclass(found[name], nn.Module)
    }


def attempt(name: str, rate_hz: int) -> dict[str, Any]:
    """Return what came of making a tower of a network for a second of epochs at a rate."""
    torch.manual_seed(0)
    settings = ZooSettings(model=name, sfreq_hz=rate_hz, ch_names=CH_NAMES)
    tower = ForSubject(Zoo(settings).tower(Shape(len(CH_NAMES), rate_hz, DIM))).eval()
    epochs = torch.randn(7, len(CH_NAMES), rate_hz)
    with torch.no_grad():
        wanted = [tower(epochs[:n]) for n in (1, 2, 7)]
        script = load_script(export(tower, len(CH_NAMES), rate_hz))
        away = max(
            float((script(epochs[:n]) - answer).abs().max())
            for n, answer in zip((1, 2, 7), wanted, strict=True)
        )
        if not away <= TOLERANCE:
            raise CalibrationError(f"reloaded, it is {away:.1e} off")
        began = time.process_time()
        for _ in range(5):
            script(epochs[:1])
    return {
        "n_parameters": sum(p.numel() for p in tower.parameters()),
        "single_epoch_ms": (time.process_time() - began) / 5 * 1e3,
    }


def row(name: str, network: type[nn.Module]) -> dict[str, Any]:
    """Return the row of one network."""
    about: dict[str, Any] = {
        "model": name,
        "foundation": "Foundation Model" in str(network.__doc__),
    }
    reasons = []
    for rate_hz in RATES_HZ:
        try:
            return about | {"rate_hz": rate_hz} | attempt(name, rate_hz)
        except (ConfigError, CalibrationError) as error:
            reasons.append(str(error))
    return about | {"rate_hz": None, "reason": reasons[0]}


def main() -> None:
    """Print the table."""
    arguments = options(__doc__).parse_args()
    torch.set_num_threads(1)
    every = models()
    rows = [row(name, every[name]) for name in (QUICK if arguments.quick else every)]
    print_table(
        ("model", "foundation", "tower", "parameters", "ms an epoch", "reason"),
        [
            (
                r["model"],
                "yes" if r["foundation"] else "",
                f"{r['rate_hz']} Hz" if r["rate_hz"] else "no",
                f"{r['n_parameters']:,}" if r["rate_hz"] else "",
                f"{r['single_epoch_ms']:.1f}" if r["rate_hz"] else "",
                r.get("reason", ""),
            )
            for r in rows
        ],
    )
    version = importlib.metadata.version("braindecode")
    if arguments.json:
        emit(rows, {}, braindecode=version, torch=torch.__version__)


if __name__ == "__main__":
    main()
