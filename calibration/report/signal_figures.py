"""The drawings of a calibration's page that show the signal: response, head, quality, losses."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from saccade.calibration.report.contents import Evoked, Rejections, SignalQuality
from saccade.calibration.report.evoked import EDGE, electrodes, field_power, topography
from saccade.calibration.report.svg import LETTER, Plot, drawing, path, rectangle, text
from saccade.realtime.types import Float64

COLD, HOT = (0, 114, 178), (213, 94, 0)  # below and above zero; both show on light and dark
WORDS = {"g": "good", "d": "doubtful", "b": "bad", "-": "not judged"}
TALLEST = 15.0  # of a channel's row


def butterfly(evoked: Evoked) -> str:
    """Draw the common response of every channel, and the strength of the field."""
    values = np.array(evoked.values)
    power = field_power(values)
    extreme = float(np.abs(values).max()) or 1.0
    times = evoked.times_ms
    plot = Plot((times[0], times[-1]), (-1.08 * extreme, 1.08 * extreme), (940, 250))
    plot.level(0.0, "zero")
    for channel in values:
        plot.line(list(zip(times, channel.tolist(), strict=True)), "trace")
    plot.line(list(zip(times, power.tolist(), strict=True)), "line b")
    for peak in evoked.peaks:
        plot.upright(times[peak], "now", f"{times[peak]:.0f} ms")
    words = ", ".join(f"{power[p]:.2f} at {times[p]:.0f} ms" for p in evoked.peaks) or "none"
    return plot.draw(
        f"Response common to {evoked.n} trials, {len(values)} channels. Peaks of the field: "
        f"{words} {evoked.unit}",
        "ms after the onset",
        evoked.unit,
    )


def heads(evoked: Evoked) -> str:
    """Draw where on the head the response is at each of its peaks; empty where nobody knows."""
    values = np.array(evoked.values)
    maps = [(p, topography(evoked.ch_names, values[:, p].tolist())) for p in evoked.peaks]
    drawn = [(p, found) for p, found in maps if found is not None]
    if not drawn:
        return ""
    places = electrodes(evoked.ch_names)
    extreme = float(np.abs(values[:, [peak for peak, _ in drawn]]).max()) or 1.0
    parts: list[str] = []
    for number, (peak, found) in enumerate(drawn):
        x, y, radius = 78.0 + 150 * number, 92.0, 56.0
        r = EDGE * radius
        parts += [
            path([(x - 9, y - r + 1), (x, y - r - 11), (x + 9, y - r + 1)], "head"),
            f'<image x="{x - r:.1f}" y="{y - r:.1f}" width="{2 * r:.1f}" height="{2 * r:.1f}" '
            f'href="{_coloured(found, extreme)}"/>',
            f'<circle cx="{x}" cy="{y}" r="{r:.1f}" class="head"/>',
            text(x, y + r + 16, f"{evoked.times_ms[peak]:.0f} ms", "", "middle"),
        ]
        parts += [
            f'<circle cx="{x + radius * ex:.1f}" cy="{y - radius * ey:.1f}" r="1.1" '
            'class="electrode"/>'
            for ex, ey in places.tolist()
            if np.isfinite(ex) and np.hypot(ex, ey) <= EDGE
        ]
    parts += _scale(150.0 * len(drawn) + 22, extreme, evoked.unit)
    told = "; ".join(
        f"at {evoked.times_ms[p]:.0f} ms largest at {_at(evoked, values[:, p], 1)}, smallest at "
        f"{_at(evoked, values[:, p], -1)}"
        for p, _ in drawn
    )
    return drawing(150 * 3 + 90, 182, f"Topography of the common response: {told}", parts)


def _at(evoked: Evoked, values: Float64, sign: int) -> str:
    channel = int(np.argmax(sign * values))
    return f"{evoked.ch_names[channel]} ({values[channel]:.2f} {evoked.unit})"


def _coloured(found: Float64, extreme: float) -> str:
    """Return a map as an image: the stronger, the less the page shows through."""
    share = np.clip(np.nan_to_num(found / extreme), -1, 1)  # between electrodes it may be more
    pixels = np.zeros((*found.shape, 4), np.uint8)
    pixels[..., :3] = np.where((share > 0)[..., None], HOT, COLD)
    pixels[..., 3] = np.where(np.isfinite(found), np.round(255 * np.abs(share) ** 0.8), 0)
    buffer = io.BytesIO()
    Image.fromarray(pixels, "RGBA").save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _scale(x: float, extreme: float, unit: str) -> list[str]:
    column = np.linspace(extreme, -extreme, 64)[:, None]
    return [
        f'<image x="{x}" y="42" width="12" height="100" preserveAspectRatio="none" '
        f'href="{_coloured(column, extreme)}"/>',
        f'<rect x="{x}" y="42" width="12" height="100" class="head"/>',
        text(x + 18, 50, f"+{extreme:.2g}", "tick"),
        text(x + 18, 96, f"0 {unit}", "tick"),
        text(x + 18, 142, f"{-extreme:.2g}", "tick"),
    ]


def quality_map(found: SignalQuality) -> str:
    """Draw the state of each channel over time."""
    width, left = 940.0, LETTER * max(map(len, found.ch_names)) + 14
    n_bins = sum(found.runs)
    row = min(TALLEST, max(7.0, 420 / len(found.ch_names)))
    cell = (width - left - 12) / n_bins
    bottom = 6 + row * len(found.ch_names)
    parts: list[str] = []
    for place, (name, states) in enumerate(zip(found.ch_names, found.states, strict=True)):
        y = 6 + row * place
        parts.append(text(left - 6, y + row * 0.8, name, "tick" if row > 9 else "tiny", "end"))
        start = 0
        for stop in range(1, n_bins + 1):
            if stop < n_bins and states[stop] == states[start]:
                continue
            x, wide = left + cell * start, cell * (stop - start)
            tip = f"{name}: {WORDS[states[start]]} for {found.bin_s * (stop - start):.0f} s"
            parts.append(rectangle(x, y, wide, row - 1, f"q-{states[start]}", tip))
            if states[start] == "b":  # a stroke, for those who see no colours
                parts.append(path([(x, y + row / 2), (x + wide, y + row / 2)], "on-bad"))
            start = stop
    minutes, begun = 0.0, 0
    for run, bins in enumerate(found.runs):
        x = left + cell * begun
        parts.append(path([(x, 4), (x, bottom + 4)], "now"))
        if cell * bins > 44:
            parts.append(text(x + 3, bottom + 14, f"run {run + 1}, {minutes:.0f} min", "tick"))
        begun += bins
        minutes += bins * found.bin_s / 60
    told = f"Quality of {len(found.ch_names)} channels over {minutes:.1f} minutes"
    return drawing(width, bottom + 22, told, parts)


def losses(found: Rejections) -> str:
    """Draw kept and rejected trials over time."""
    n = [kept + lost for kept, lost in found.over_time]
    edges = [found.stretch_s / 60 * i for i in range(len(n) + 1)]
    plot = Plot((0.0, edges[-1]), (0, max(n) * 1.05), (460, 200))
    plot.bars(edges, 0, n, "lost")
    plot.bars(edges, 0, [kept for kept, _ in found.over_time], "kept")
    return plot.draw(
        f"{found.n_kept} trials kept and {found.n_rejected} rejected over time",
        "minutes of recording",
        f"trials in {found.stretch_s:g} s",
    )
