"""One page that says how good an encoder is, to be printed and pinned up beside the others.

Self-contained HTML: no script, nothing loaded from elsewhere. Averages are never shown without
how many were averaged, and simulated data is labelled on the page and in its title.
"""

from __future__ import annotations

import math
from html import escape
from pathlib import Path

from saccade.models.evaluation import report_figures as draw
from saccade.models.evaluation.ablation import Ablation
from saccade.models.evaluation.bootstrap import Measured
from saccade.models.evaluation.result import Evaluation, Level

STYLE = """
@page { size: A4; margin: 9mm }
* { box-sizing: border-box }
body { font: 10pt/1.35 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; color: #22262e;
  background: #fff; max-width: 190mm; margin: 6mm auto; padding: 0 2mm }
h1 { font-size: 17pt; margin: 0 }
h2 { font-size: 10.5pt; margin: 0 0 1mm }
p { margin: 0 0 1.5mm }
.sub, .note, figcaption { color: #5a606b; font-size: 8pt }
.simulated { background: #fff1e6; border: 1.5px solid #d55e00; color: #8f3f00; font-weight: 700;
  padding: 1mm 3mm; margin: 2mm 0; letter-spacing: .04em }
.key { display: grid; grid-template-columns: repeat(4, 1fr); gap: 3mm; margin-top: 2mm }
.key div { border-top: 2px solid #0072b2; padding-top: 1mm; font-size: 8.5pt; color: #5a606b }
.key b { display: block; font-size: 16pt; line-height: 1.15; color: #22262e }
.two { display: grid; grid-template-columns: 1fr 1fr; gap: 6mm; align-items: start }
.two > * { min-width: 0 }
section { break-inside: avoid; padding-bottom: 2mm }
figure { margin: 0 }
img { width: 100%; display: block }
table { border-collapse: collapse; width: 100%; font-size: 8.5pt;
  font-variant-numeric: tabular-nums }
th, td { text-align: right; padding: .35mm 1mm; border-bottom: 1px solid #e3e5e9 }
th { font-weight: 600 }
th:first-child, td:first-child { text-align: left }
td small { color: #5a606b }
@media print { body { font-size: 8.8pt; line-height: 1.18; margin: 0 auto; padding: 0 } }
"""


def write_report(evaluation: Evaluation, path: Path) -> None:
    """Write the page to a file.

    Parameters
    ----------
    evaluation : Evaluation
        What to show; parts that were not measured are left out.
    path : Path
        Replaced if there; its folder must exist.
    """
    path.write_text(page(evaluation), encoding="utf-8")


def page(evaluation: Evaluation) -> str:
    """Return the page as HTML."""
    about = evaluation.about
    label = "SIMULATED · " if about.simulated else ""
    title = escape(f"{label}{about.encoder} on {about.data}")
    sections = [
        _header(evaluation),
        _key_figures(evaluation),
        '<div class="two"><div>',
        _curve(evaluation),
        _windows(evaluation),
        _people(evaluation),
        "</div><div>",
        _ways(evaluation),
        _confusion(evaluation),
        "</div></div>",
        _sensors(evaluation),
        _notes(evaluation),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(section for section in sections if section)
        + "\n</body>\n</html>\n"
    )


def _header(evaluation: Evaluation) -> str:
    about, first = evaluation.about, evaluation.levels[0]
    source = f" from {escape(about.gallery)}" if about.gallery else ""
    banner = (
        '<div class="simulated">SIMULATED: no person was recorded, or the gallery was made up</div>'
        if about.simulated
        else ""
    )
    return (
        f"<header><h1>{escape(about.encoder)}</h1>\n"
        f'<p class="sub">{escape(about.data)} · {about.protocol} · '
        f"gallery of {evaluation.gallery_size} ({escape(evaluation.gallery_kind)}){source} · "
        f"{_count(first.n_concepts, 'concept')} shown to "
        f"{_count(first.n_people, 'person', 'people')}</p>{banner}</header>"
    )


def _key_figures(evaluation: Evaluation) -> str:
    first = evaluation.levels[0]
    whole = first.ways[-1]
    cells = [(f"top-1 of {whole.candidates}", whole.top1)]
    if whole.top5 is not None:
        cells.append((f"top-5 of {whole.candidates}", whole.top5))
    most = f"bits of {math.log2(evaluation.gallery_size):.2f}"
    ideal = {limit.repetitions: limit for limit in evaluation.ideal}.get(first.repetitions)
    share = f", {first.bits.value / ideal.bits:.0%} of the ideal" if ideal and ideal.bits else ""
    cells += [("CLIP 2-way", first.two_way), (most, first.bits)]
    return (
        f"<section><h2>{_what(first.repetitions, capital=True)}</h2>"
        '<div class="key">'
        + "".join(
            f"<div><b>{_rounded(found.value)}</b>{name} {_interval(found)}<br>"
            f"n = {found.n}, chance {_rounded(found.chance)}"
            f"{share if found is first.bits else ''}</div>"
            for name, found in cells
        )
        + "</div></section>"
    )


def _curve(evaluation: Evaluation) -> str:
    caption = (
        "Bands: 95 % intervals. Dotted: chance. Only the leftmost point is what one presentation "
        "gives live."
        if evaluation.levels[0].repetitions == 1
        else "Bands: 95 % intervals. Dotted: chance. No point is of single trials."
    )
    if evaluation.ideal:
        caption += " Dashed: ideal observer."
    return _drawing("Accuracy and repetitions", draw.curve(evaluation), caption)


def _ways(evaluation: Evaluation) -> str:
    shown = [evaluation.levels[0]]
    if len(evaluation.levels) > 1:
        shown.append(evaluation.levels[-1])
    return "<section><h2>Among N candidates</h2>" + "".join(map(_ways_table, shown)) + "</section>"


def _ways_table(level: Level) -> str:
    rows = "".join(
        f"<tr><td>{way.candidates}</td><td>{_cell(way.top1)}</td>"
        f"<td>{_cell(way.top5) if way.top5 else '–'}</td></tr>"
        for way in level.ways
    )
    control = level.control
    return (
        f'<p class="note">{_what(level.repetitions, capital=True)}, n = {level.n}</p>'
        "<table><thead><tr><th>N</th><th>top-1 [95 %] <small>chance</small></th>"
        f"<th>top-5 [95 %] <small>chance</small></th></tr></thead><tbody>{rows}</tbody></table>"
        f'<p class="note">Permuted {control.n_permutations} times: top-1 '
        f"{_rounded(control.mean)} [{_rounded(control.range95[0])}, "
        f"{_rounded(control.range95[1])}], {_chance_of(control.p)}</p>"
    )


def _confusion(evaluation: Evaluation) -> str:
    found = evaluation.confusion
    if found is None:
        return ""
    right = found.right
    if len(right) > draw.MOST_WRITTEN:
        by_share = sorted(right, key=lambda item: item[1].value)
        right = (by_share[-1], by_share[0])
    told = "; ".join(f"{escape(name)} {_cell(measured)}" for name, measured in right)
    caption = f"{_what(found.repetitions, capital=True)}."
    if told:
        which = "Right category" if right is found.right else "Best and worst category"
        caption += f" {which} [95 %] <small>chance</small>: {told}."
    return _drawing("Confusion by category", draw.confusion(found), caption)


def _windows(evaluation: Evaluation) -> str:
    if evaluation.windows is None:
        return ""
    caption = _ablation_caption(evaluation.windows)
    return _drawing("Hiding a time window", draw.windows(evaluation.windows), caption)


def _sensors(evaluation: Evaluation) -> str:
    if evaluation.sensors is None:
        return ""
    n = len(evaluation.sensors.drops)
    caption = (
        f"{_ablation_caption(evaluation.sensors)} Each interval stands alone: of {n} some "
        f"{max(1, round(0.05 * n))} exclude 0 by luck."
    )
    if n > draw.MOST_SENSORS:
        caption += f" Shown are the {draw.MOST_SENSORS} that cost most."
    return _drawing("Hiding a sensor", draw.sensors(evaluation.sensors), caption)


def _ablation_caption(ablation: Ablation) -> str:
    return (
        f"{_what(ablation.repetitions, capital=True)}, n = {ablation.top1.n}; top-1 with all "
        f"shown {_rounded(ablation.top1.value)} {_interval(ablation.top1)}, chance "
        f"{_rounded(ablation.top1.chance)}. Blue: the interval excludes 0. Not retrained."
    )


def _people(evaluation: Evaluation) -> str:
    people = evaluation.levels[0].people
    if not people:
        return ""
    n = sorted(found.n for _, found in people)
    top1 = [found.value for _, found in people]
    caption = (
        f"{_what(evaluation.levels[0].repetitions, capital=True)}: {_rounded(min(top1))} to "
        f"{_rounded(max(top1))}, n = {n[0]} to {n[-1]} each; intervals over each one's concepts."
    )
    return _drawing("Each person", draw.people(evaluation), caption)


def _notes(evaluation: Evaluation) -> str:
    return (
        '<p class="note">Repetitions are averaged as epochs, in disjoint random groups of one '
        "picture and one person. Accuracy among fewer candidates is exact, over all draws of "
        "distractors from the gallery. Intervals: bootstrap over "
        f"{evaluation.levels[0].intervals_over}. Permuted: it is permuted what was shown. Bits: "
        "log2 of the candidates less the cross-entropy under a temperature fitted on other "
        "folds; a lower bound.</p>"
    )


def _drawing(title: str, address: str, caption: str) -> str:
    return (
        f'<section><h2>{title}</h2><figure><img alt="{title}" src="{address}">'
        f"<figcaption>{caption}</figcaption></figure></section>"
    )


def _what(repetitions: int, *, capital: bool = False) -> str:
    text = "single trials" if repetitions == 1 else f"averages of {repetitions} presentations"
    return text.capitalize() if capital else text


def _count(n: int, one: str, many: str = "") -> str:
    return f"{n} {one if n == 1 else many or one + 's'}"


def _cell(found: Measured) -> str:
    return f"{_rounded(found.value)} {_interval(found)} <small>{_rounded(found.chance)}</small>"


def _interval(found: Measured) -> str:
    return f"[{_rounded(found.ci95[0])}, {_rounded(found.ci95[1])}]"


def _chance_of(p: float) -> str:
    """Return a probability, which is never 0, as it is written."""
    return "p &lt; .001" if p < 0.001 else f"p = {_rounded(p)}"


def _rounded(value: float) -> str:
    """Return three decimals, without the zero before the point."""
    text = f"{value:.3f}"
    return text.replace("0.", ".", 1) if abs(value) < 1 and text.lstrip("-")[0] == "0" else text
