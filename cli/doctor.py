"""``saccade doctor``: what is here, and whether it works."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from saccade.cli import common

PACKAGES = (
    "saccade",
    "numpy",
    "scipy",
    "pylsl",
    "torch",
    "torchvision",
    "open_clip_torch",
    "lightning-fabric",
    "safetensors",
    "PySide6-Essentials",
)
EXTRAS = {"faiss-cpu": "index", "h5py": "data"}
N_SAMPLES = 50


def doctor(
    wait: Annotated[
        float, typer.Option(help="Look for LSL streams so many seconds.", min=0, max=60)
    ] = 1.0,
    json: common.Json = False,
) -> None:
    """Check environment, LSL, clock, TorchScript, CLIP, screen; list the streams LSL shows."""
    checks: list[tuple[str, Callable[[], str]]] = [
        ("packages", _packages),
        ("LSL loopback", _loopback),
        ("clock", _clock),
        ("TorchScript", _torchscript),
        ("CLIP", _clip),
        ("screen", _screen),
    ]
    results = []
    for name, check in checks:
        try:
            results.append({"check": name, "ok": True, "detail": check()})
        except Exception as error:  # whatever is wrong here is what the doctor is asked for
            results.append({"check": name, "ok": False, "detail": f"{error}" or repr(error)})
    streams = _streams(wait)
    if json:
        common.emit({"checks": results, "streams": streams})
    else:
        for result in results:
            mark = "ok  " if result["ok"] else "FAIL"
            typer.echo(f"{mark} {result['check']:<13} {result['detail']}")
        typer.echo(f"LSL shows {len(streams)} stream(s)" + (":" if streams else ""))
        for stream in streams:
            typer.echo(f"     {common.in_words(stream)}")
    if not all(result["ok"] for result in results):
        raise typer.Exit(1)


def _packages() -> str:
    import platform
    from importlib import metadata

    versions = [f"{name} {metadata.version(name)}" for name in PACKAGES]
    for name, extra in EXTRAS.items():
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            versions.append(f"no {name} (only for saccade[{extra}])")
    return ", ".join([f"Python {platform.python_version()} on {platform.platform()}", *versions])


def _loopback() -> str:
    """Send samples to ourselves; say how long one takes from push to pull."""
    import statistics
    import uuid

    import numpy as np
    import pylsl

    from saccade.realtime.errors import StreamNotFound

    name = f"saccade-doctor-{uuid.uuid4().hex[:8]}"
    outlet = pylsl.StreamOutlet(pylsl.StreamInfo(name, "test", 1, 0, "float32", name))
    found = pylsl.resolve_byprop("name", name, 1, 5.0)
    if not found:
        raise StreamNotFound(
            "a stream of our own should be seen within 5 s, but is not: does a firewall or VPN "
            "block multicast or ports 16571 to 16604?"
        )
    inlet = pylsl.StreamInlet(found[0])
    inlet.open_stream(5.0)
    taken_s = []
    for number in range(N_SAMPLES):
        pushed_s = pylsl.local_clock()
        outlet.push_sample(np.array([number], np.float32), pushed_s)
        sample, _ = inlet.pull_sample(2.0)
        if sample is None or sample[0] != number:
            raise StreamNotFound(f"sample {number} should come back within 2 s, but {sample} came")
        taken_s.append(pylsl.local_clock() - pushed_s)
    median_ms = 1e3 * statistics.median(taken_s)
    version = pylsl.library_version()
    return (
        f"liblsl {version // 100}.{version % 100}, push to pull median {median_ms:.2f} ms, "
        f"longest {1e3 * max(taken_s):.2f} ms of {N_SAMPLES}"
    )


def _clock() -> str:
    """Compare LSL's clock with the process's, and find its smallest step."""
    import time

    import pylsl

    steps = []
    before = pylsl.local_clock()
    started = time.perf_counter()
    for _ in range(2000):
        now = pylsl.local_clock()
        if now != before:
            steps.append(now - before)
        before = now
    drift_s = (before - sum(steps)) - (pylsl.local_clock() - (time.perf_counter() - started))
    return (
        f"smallest step {1e9 * min(steps):.0f} ns, {1e6 * abs(drift_s):.0f} µs off perf_counter "
        f"over {1e3 * sum(steps):.1f} ms"
    )


def _torchscript() -> str:
    import torch

    from saccade.models.encoders import export, load_script

    layer = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(8, 3))
    epoch = torch.ones(1, 2, 4)
    again = load_script(export(layer, 2, 4))
    with torch.inference_mode():
        difference = float((layer(epoch) - again(epoch)).abs().max())
    if difference > 1e-6:
        raise ArithmeticError(f"an exported encoder should agree to 1e-6, but is {difference} off")
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU (none needed)"
    return f"an encoder exports, reloads and agrees; {gpu}"


def _clip() -> str:
    """Import what galleries are built with; torchvision may lack operators that nobody needs."""
    import torch

    from saccade.models.galleries.clip import import_open_clip

    models = len(import_open_clip().list_models())
    whole = hasattr(torch.ops.torchvision, "roi_align")
    state = "fits torch" if whole else "lacks compiled operators, which no gallery needs"
    return f"open_clip knows {models} models; torchvision {state}"


def _screen() -> str:
    from saccade.gui.platform import check_qt

    report = check_qt()
    if report.problem is not None:
        raise OSError(report.problem)
    return f"Qt {report.version} starts"


def _streams(wait_s: float) -> list[dict[str, Any]]:
    import dataclasses

    from saccade.realtime.sources.lsl.resolve import visible

    return [dataclasses.asdict(stream) for stream in visible(wait_s)]
