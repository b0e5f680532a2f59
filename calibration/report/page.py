"""One page that says what a calibration is worth, and why.

Self-contained HTML: no script, nothing loaded from elsewhere. The verdict comes first, single
trials come before anything that adds up several, and simulated data is labelled in title and
heading.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape

from saccade.calibration.promise import Promise
from saccade.calibration.report import figures, signal_figures
from saccade.calibration.report.contents import CalibrationReport, Growth, SignalQuality
from saccade.calibration.report.style import STYLE
from saccade.calibration.verdict_facts import Figure
from saccade.calibration.wording import more_words, percent, written

SIGNS = {
    "go": ('<circle cx="22" cy="22" r="21" class="shape-go"/>', "M12 23l7 7L33 15", ""),
    "more": ('<path d="M22 1L43 41H1Z" class="shape-more"/>', "M22 18v15M14.5 25.5h15", ""),
    "redo": (
        '<rect x="2" y="2" width="40" height="40" rx="5" class="shape-redo"/>',
        "M14 14l16 16M30 14L14 30",
        " light",
    ),
}
"""Shape, stroke and its kind: the verdict is told by word, shape and colour."""
PERMUTED = {
    "training": "trained on permuted labels",
    "test": "with the labels of tested trials permuted",
}
MOST_REASONS = 12  # of channels that were not good


def page(report: CalibrationReport) -> str:
    """Return the page as HTML.

    Parameters
    ----------
    report : CalibrationReport
        What to show; what was not measured is left out.
    """
    label = "SIMULATED · " if report.about.simulated else ""
    verdict = report.verdict
    cards = (
        _key(report),
        _rules(report),
        _growth(report),
        _repeated(report),
        _candidates(report),
        _reliability(report),
        _confusion(report),
        _evoked(report),
        _heads(report),
        _losses(report),
        _session(report),
        _quality(report),
        _settings(report),
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{label}Calibration: {verdict.decision}</title>\n<style>{STYLE}</style>\n"
        f"</head>\n<body>\n<main>\n{_header(report)}\n{_verdict(report)}\n"
        '<div class="cards">\n'
        + "\n".join(card for card in cards if card)
        + "\n</div>\n</main>\n</body>\n</html>\n"
    )


def _header(report: CalibrationReport) -> str:
    about = report.about
    n = report.rejections.n_kept
    when = f"{datetime.fromisoformat(about.date):%d %B %Y, %H:%M %Z}"
    banner = (
        '<p class="simulated" role="note">SIMULATED: no person was recorded, or the gallery was '
        "made up</p>"
        if about.simulated
        else ""
    )
    return (
        f"<header><h1>Calibration</h1>\n"
        f'<p class="sub">{when} · {n} trials of {about.n_concepts} concepts · '
        f"{about.n_channels} channels · {escape(about.encoder)} · gallery of "
        f"{about.gallery_size} ({escape(about.gallery)})</p>{banner}</header>"
    )


def _verdict(report: CalibrationReport) -> str:
    found = report.verdict
    shape, stroke, light = SIGNS[found.decision]
    return (
        f'<div class="verdict {found.decision}" role="status"><svg viewBox="0 0 44 44" '
        f'aria-hidden="true">{shape}<path d="{stroke}" class="sign{light}"/></svg>'
        f"<b>{found.decision.upper()}</b><p>{escape(_capital(found.sentence))}.</p></div>"
    )


def _key(report: CalibrationReport) -> str:
    held_out = report.held_out
    cells = [
        f"<div><b>{written(f.name, f.value)}</b>{escape(f.name)}, single trials<br>"
        f"[95 % {written(f.name, f.low)} to {written(f.name, f.high)}], n {f.n}<br>"
        f"chance {written(f.name, f.chance)}{_ideal(report, f)}</div>"
        for f in held_out.figures
    ]
    cells += [_promised(report.promises, p) for p in report.promises if p.top == 1]
    how = {
        "time": "each part of the session was decoded by what came before it; chance of the first "
        "place is what naming the commonest concept gives",
        "concept": "each part of the session was decoded by what came before it, of other "
        "concepts only, among concepts that were left out with it (zero-shot)",
    }[held_out.split]
    control = held_out.control
    if control is not None:
        how += (
            f". A check of the code: {PERMUTED[held_out.permuted]}, {escape(control.name)} is "
            f"{written(control.name, control.value)} (one draw; chance, "
            f"{written(control.name, control.chance)}, is what many would give on average)"
        )
    return (
        '<section class="wide"><h2>Held-out single trials</h2><div class="key">'
        + "".join(cells)
        + f'</div><p class="note">Held out: {how}. A promise holds for the same person, cap and '
        "day.</p></section>"
    )


def _ideal(report: CalibrationReport, figure: Figure) -> str:
    best = None if report.ideal is None else figures.ideal_share(report.ideal, figure.name)
    return "" if best is None else f"<br>ideal observer {percent(best)}"


def _promised(promises: Sequence[Promise], first: Promise) -> str:
    """Return what is promised of the first place, and beside it of the first five."""
    shown = "concepts it learned" if first.concepts == "seen" else "concepts it never learned"
    five = "".join(
        f"<br>top-5: {percent(p.low)} to {percent(p.high)}"
        for p in promises
        if p.concepts == first.concepts and p.top > 1
    )
    return (
        f"<div><b>{percent(first.low)} to {percent(first.high)}</b>promised live, top-1 of "
        f"{first.gallery}{five}<br>{shown}, {first.n} trials<br>{percent(first.sure)} of sessions"
        "</div>"
    )


def _repeated(report: CalibrationReport) -> str:
    if not report.repeated:
        return ""
    caption = (
        "Log-probabilities of several presentations of a concept added up. Only 1 is what a single "
        "trial gives live. Bands: 95 %; dotted: chance."
    )
    if report.ideal is not None:
        caption += " Open diamonds: ideal observer of one presentation, among all concepts."
    drawn = figures.repeated_curve(report.repeated, report.ideal)
    return _card("Accuracy and presentations", drawn, caption)


def _growth(report: CalibrationReport) -> str:
    growth = report.growth
    if growth is None:
        return ""
    return _card("Learning curve", figures.growth_curve(growth), growth_words(growth))


def growth_words(growth: Growth) -> str:
    """Return what the learning curve says, in words."""
    says = _capital(more_words(growth.more, growth.measure)) + ". " if growth.more else ""
    end, last = growth.line[-1]
    expected, low, high = (
        written(growth.measure, share) for share in (last.expected, last.low, last.high)
    )
    return (
        f"{says}After {end} trials: {expected} [{percent(last.sure)} interval {low} to {high}]. "
        "Dots: held out, with 95 %, of concepts that "
        f"{'had' if growth.concepts == 'seen' else 'had not'} been trained on."
    )


def _rules(report: CalibrationReport) -> str:
    rows = "".join(
        f"<tr><td>{escape(_capital(rule.name))}</td><td>{escape(rule.value)}</td>"
        f"<td>{escape(rule.limit)}</td><td class=mark>{_mark(rule.kept, rule.asks)}</td></tr>"
        for rule in report.verdict.rules
    )
    return _table("Rules", ("Rule", "Found", "Asked", ""), rows)


def _mark(kept: bool, asks: str) -> str:
    return "✓ kept" if kept else {"more": "▲ more", "redo": "✕ redo"}[asks]


def _candidates(report: CalibrationReport) -> str:
    if not report.candidates:
        return ""
    rows = "".join(
        f"<tr{' class=chosen' if c.name == report.about.encoder else ''}><td>{escape(c.name)}"
        f"</td><td class=n>{c.bits:.3f} [{c.ci95_bits[0]:.3f}, {c.ci95_bits[1]:.3f}]</td>"
        f"<td class=n>{percent(c.top1)}</td><td class=n>{c.seconds:.1f}</td>"
        f"<td>{escape(c.why)}</td></tr>"
        for c in report.candidates
    )
    heads = ("Candidate", "#Bits a trial [95 %]", "#Top-1", "#Seconds", "Choice")
    return _table("What was tried", heads, rows)


def _confusion(report: CalibrationReport) -> str:
    found = report.confusion
    if found is None:
        return ""
    caption = "Rows: shown (single trials); columns: answered. The area of a square is its share."
    if found.right:
        best, worst = (pick(found.right, key=lambda r: r[1].value) for pick in (max, min))
        caption += "".join(
            f" {what}: {escape(name)} {percent(m.value)} [95 % {percent(m.ci95[0])} to "
            f"{percent(m.ci95[1])}] of {m.n}, chance {percent(m.chance)}."
            for what, (name, m) in (("Best", best), ("Worst", worst))
        )
    return _card("Confusion by group of concepts", figures.confusion_matrix(found), caption)


def _reliability(report: CalibrationReport) -> str:
    found = report.reliability
    low, high = found.ci95_ece
    caption = (
        f"Expected calibration error {found.ece:.3f} [95 % {low:.3f} to {high:.3f}], of {found.n} "
        "trials whose probabilities were calibrated on others; exact probabilities would come to "
        f"{found.ece_of_exact:.3f} by luck. Dotted: probabilities that mean what they say."
    )
    drawn = figures.reliability_diagram(found)
    return _card("Do probabilities mean what they say?", drawn, caption)


def _evoked(report: CalibrationReport) -> str:
    evoked = report.evoked
    caption = (
        f"Mean of all {evoked.n} good trials as they are decoded: thin, each of "
        f"{len(evoked.ch_names)} channels; thick, standard deviation over channels (global field "
        "power). Without a response, look at cap, markers and screen before anything else."
    )
    drawn = signal_figures.butterfly(evoked)
    return _card("Response common to all pictures", drawn, caption, wide=True)


def _heads(report: CalibrationReport) -> str:
    drawn = signal_figures.heads(report.evoked)
    caption = "Seen from above, nose up; spherical splines between the electrodes."
    return _card("Where it is at its peaks", drawn, caption) if drawn else ""


def _losses(report: CalibrationReport) -> str:
    found = report.rejections
    if not found.over_time:
        return ""
    reasons = ", ".join(f"{escape(reason)} ({n})" for reason, n in found.reasons) or "none"
    caption = (
        f"Kept {found.n_kept} (blue, below), rejected {found.n_rejected} (orange, on top) of every "
        f"{found.stretch_s:g} s. Reasons: {reasons}."
    )
    return _card("Trials kept and rejected", signal_figures.losses(found), caption)


def _quality(report: CalibrationReport) -> str:
    found = report.quality
    if found is None:
        return ""
    caption = (
        f"Bins of {found.bin_s:g} s. Pale: good; yellow with an edge: doubtful; orange with a "
        f"stroke: bad; empty: not judged. {_poor(found)}"
    )
    return _card("Signal quality", signal_figures.quality_map(found), caption, wide=True)


def _poor(found: SignalQuality) -> str:
    channels = range(len(found.ch_names))
    by_share = sorted(channels, key=lambda c: (-found.share(c, "b"), -found.share(c, "bd")))
    poor = [c for c in by_share if found.share(c, "bd") > 0]
    told = "; ".join(
        f"{escape(found.ch_names[c])} bad {percent(found.share(c, 'b'))}, doubtful "
        f"{percent(found.share(c, 'd'))} of the time ({escape(found.reasons[c])})"
        for c in poor[:MOST_REASONS]
    )
    more = f"; and {len(poor) - MOST_REASONS} more" if len(poor) > MOST_REASONS else ""
    return f"{told}{more}." if poor else "Every channel was good throughout."


def _session(report: CalibrationReport) -> str:
    timing, session = report.timing, report.session
    facts: list[tuple[str, str]] = []
    if session is not None:
        facts += [
            ("blocks", f"{session.blocks} count"),
            ("markers", f"{session.markers_received} of {session.markers_expected} received"),
            ("dropped frames", f"{session.dropped_frames}"),
        ]
        if session.questions:
            absent = session.questions - session.targets
            facts += [
                ("catch pictures", f"{session.hits} of {session.targets} found"),
                ("false alarms", f"{session.false_alarms} of {absent}"),
            ]
    if timing is not None:
        facts.append(
            (
                "onset to onset",
                f"{timing.soa_ms:.1f} ms (median; 5th to 95th percentile {timing.p5_ms:.1f} to "
                f"{timing.p95_ms:.1f}), n {timing.n}, by the markers",
            )
        )
    return f"<section><h2>Session</h2>{_facts(facts)}</section>" if facts else ""


def _settings(report: CalibrationReport) -> str:
    about = report.about
    facts = [
        ("pipeline", f"{about.pipeline}: {about.delay_ms:.0f} ms late at 10 Hz, settled after "
         f"{about.settling_s:.1f} s"),
        ("window", f"{about.window_ms[0]:g} to {about.window_ms[1]:g} ms, "
         f"{about.n_channels} channels, {about.sfreq:g} Hz recorded, {about.working_sfreq:g} Hz "
         "decoded"),
        ("decoder", f"{about.encoder}, gallery of {about.gallery_size} ({about.gallery})"),
        ("recordings", "; ".join(_recording(*one) for one in about.recordings)),
        ("made with", ", ".join(f"{name} {version}" for name, version in about.versions)),
    ]  # fmt: skip
    again = (
        '<p class="note" style="margin:10px 0 4px">The same decoder from the same recordings:</p>'
        f"<code>{escape(about.command)}</code>"
        if about.command
        else ""
    )
    return f'<section class="wide"><h2>How it was made</h2>{_facts(facts)}{again}</section>'


def _recording(name: str, sha256: str) -> str:
    return f"{name} (SHA-256 {sha256[:12]}…)" if sha256 else name


def _facts(facts: Sequence[tuple[str, str]]) -> str:
    return (
        "<dl>"
        + "".join(f"<dt>{escape(name)}</dt><dd>{escape(what)}</dd>" for name, what in facts)
        + "</dl>"
    )


def _card(title: str, drawn: str, caption: str, *, wide: bool = False) -> str:
    return (
        f"<section{' class=wide' if wide else ''}><h2>{title}</h2><figure>{drawn}"
        f"<figcaption>{caption}</figcaption></figure></section>"
    )


def _table(title: str, heads: Sequence[str], rows: str) -> str:
    """Return a table; a head that begins with # stands over numbers."""
    top = "".join(
        f'<th scope="col"{" class=n" if head.startswith("#") else ""}>{head.lstrip("#")}</th>'
        for head in heads
    )
    return (
        f'<section><h2>{title}</h2><div class="scroll"><table><thead><tr>{top}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div></section>"
    )


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
