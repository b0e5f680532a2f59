"""The end of a session in words: a line for each thing that a person wants to know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MOST_CHANNELS = 6  # that are told by name
# What is seen in time stamps, once and several times.
STAMPS = {
    "gaps": ("gap", "gaps"),
    "steps_back": ("step back", "steps back"),
    "clock_resets": ("clock reset", "clock resets"),
    "duplicates": ("duplicate", "duplicates"),
    "bursts": ("burst", "bursts"),
    "shifts": ("shift", "shifts"),
    "untimed": ("sample without a time", "samples without a time"),
}


def summary_lines(summary: Mapping[str, Any]) -> list[str]:
    """Return the end of a session in words, a line for each thing a person wants to know."""
    samples, epochs = summary["samples"], summary["epochs"]
    filled = f" ({samples['filled']} of them filled in)" if samples.get("filled") else ""
    lines = [
        f"samples      {samples['received']} received, {samples['lost']} lost{filled}, "
        f"{samples['flagged']} flagged",
        *seen_lines(summary),
        f"markers      {_markers(summary['markers'])}",
        f"epochs       {epochs['total']} cut, {epochs['rejected']} rejected",
        *rejected_lines(epochs),
        f"predictions  {summary['predictions']}",
    ]
    if "quality" in summary:
        lines.append(f"channels     {quality_line(summary['quality'])}")
    blocks = summary.get("blocks", {})
    if "repair" in blocks:
        repaired = ", ".join(f"{n} {s:.0f} s" for n, s in blocks["repair"]["repaired_s"].items())
        lines.append(f"repaired     {repaired or 'no channel'}")
    if "artifact" in blocks:
        lines.append(f"cleaned      {blocks['artifact']['cleaned_s']:.1f} s of artifacts")
    if "alignment" in summary:
        lines.append(f"alignment    {alignment_line(summary['alignment'])}")
    latency = summary["latency_ms"]["prediction"]
    if latency["p50"] is not None:
        since = "time stamp" if summary["latency_ms"]["counted_from"] == "stamp" else "arrival"
        lines.append(
            f"latency      p50 {latency['p50']:.1f}, p95 {latency['p95']:.1f}, p99 "
            f"{latency['p99']:.1f} ms, from the {since} of the epoch's last sample to published"
        )
    for key, what in (("accuracy", "accuracy"), ("accuracy_all", "  rejected too")):
        if key in summary:
            before = summary[key].get("before_swap")
            since = f" (since the swap; {before} before it)" if before else ""
            lines.append(f"{what:<12} {accuracy_line(summary[key])}{since}")
    if "decided" in summary:
        lines += decided_lines(summary["decided"])
    if "ideal_observer" in summary:
        lines.append(f"{'at best':<12} {ideal_line(summary['ideal_observer'])}")
    if "commands" in summary:
        lines.append(f"commands     {_listed(summary['commands'])}")
    if summary.get("paused"):
        lines.append("PAUSED       nothing is decoded or decided")
    if "unlabelled" in summary["markers"]:
        unlabelled = summary["markers"]["unlabelled"]
        values = ", ".join(f"'{value}' ({n})" for value, n in unlabelled.items())
        lines.append(f"NO LABEL     for markers {values}")
    if "recording" in summary:
        lines += recording_lines(summary["recording"])
    lines += [f"LOST OUTPUT  {sink}" for sink in summary.get("dropped_sinks", ())]
    if "undelivered" in summary:
        lines.append(f"LOST RESULTS {_listed(summary['undelivered'])} could not be sent")
    if "speed_accuracy" in summary:
        lines += trade_off_lines(summary["speed_accuracy"])
    if summary.get("trained_on"):
        lines.append("TRAINED ON   this very recording: its accuracy says nothing about others")
    if summary["simulated"]:
        lines.append("SIMULATED    all of the above: no person, no CLIP")
    return lines


def decided_lines(decided: Mapping[str, Any]) -> list[str]:
    """Return what the decisions came to.

    Parameters
    ----------
    decided : mapping
        As from :class:`~saccade.cli.decided.DecisionBoard`.
    """
    lines = [
        f"decisions    {decided['n']} ({decided['mode']}): {decided['chosen']} chosen, "
        f"{decided['abstained']} abstained; on average after {decided['mean_epochs']:.1f} epochs, "
        f"{decided['mean_s']:.1f} s; ended by {_listed(decided['endings'])}"
    ]
    if "accuracy" in decided:
        found = decided["accuracy"]
        low, high = found["ci95"]
        lines.append(
            f"  right      {found['share']:.1%} [95 % {low:.1%} to {high:.1%}] of {found['n']} "
            f"chosen, of {decided['meant']} whose truth is known"
        )
    if "before_swap" in decided:
        lines.append(f"  since swap {decided['before_swap']} by the decoder before are not counted")
    return lines


def trade_off_lines(told: Mapping[str, Any]) -> list[str]:
    """Return speed against accuracy as the lines of a table.

    Parameters
    ----------
    told : mapping
        As from :func:`saccade.cli.deciding.trade_off`.
    """
    lines = [
        f"speed against accuracy, {told['alternatives']} alternatives, chance "
        f"{1 / told['alternatives']:.1%}; trials {told['trials']}",
        f"{'ends at':>16} {'n':>5} {'decided':>8} {'right [95 %]':>24} {'epochs':>7} {'s':>6} "
        f"{'Wolpaw':>8} {'mutual':>7} bits/min",
    ]
    for p in told["points"]:
        ends = f"p {p['value']:.2f}" if p["rule"] == "threshold" else f"{p['value']:.0f} epochs"
        right = "-"
        if p["right"] is not None:
            right = f"{p['right']:.1%} [{p['ci95'][0]:.1%} to {p['ci95'][1]:.1%}]"
        lines.append(
            f"{ends:>16} {p['n']:>5} {p['decided']:>8.1%} {right:>24} {p['mean_epochs']:>7.2f} "
            f"{p['mean_s']:>6.2f} {p['wolpaw_bits_per_min']:>8.1f} {p['mutual_bits_per_min']:>7.1f}"
        )
    return lines


def seen_lines(summary: Mapping[str, Any]) -> list[str]:
    """Return what happened to the streams and was seen in their stamps, where anything was."""
    lines = []
    if "events" in summary:
        lines.append(f"streams      {_listed(summary['events'])}")
    if "timing" in summary:
        told = (f"{n} {STAMPS[rule][n > 1]}" for rule, n in summary["timing"].items())
        lines.append(f"time stamps  {', '.join(told)}")
    if "wrong_rate" in summary:
        rate = summary["wrong_rate"]
        lines.append(
            f"WRONG RATE   {rate['effective_sfreq']:.2f} Hz, not {rate['nominal_sfreq']:g} "
            "as announced"
        )
    return lines


def rejected_lines(epochs: Mapping[str, Any]) -> list[str]:
    """Return why epochs were rejected; one may have several reasons."""
    reasons = epochs.get("reasons", {})
    if not reasons:
        return []
    lines = ["  rejected   " + ", ".join(f"{reason} ({n})" for reason, n in reasons.items())]
    if reasons.get("missing") == epochs["total"]:
        lines.append("NO SAMPLES   have the time of any marker: are they stamped by another clock?")
    return lines


def quality_line(quality: Mapping[str, Any]) -> str:
    """Return which channels were not good, for how long and why.

    Parameters
    ----------
    quality : mapping
        As from :class:`~saccade.realtime.sinks.tally.Tally`.
    """
    parts = []
    for state in ("bad", "doubtful"):
        longest = sorted(quality[state].items(), key=lambda item: -item[1]["s"])
        names = [
            f"{name} {about['s']:.0f} s ({about['reason'].split('; ')[0]})"
            for name, about in longest[:MOST_CHANNELS]
        ]
        more = len(longest) - MOST_CHANNELS
        names += [f"{more} more"] * (more > 0)
        if names:
            parts.append(f"{state}: {', '.join(names)}")
    told = "; ".join(parts) or "none was bad or doubtful"
    return f"{told}; of {quality['judged_s']:.0f} s judged"


def alignment_line(about: Mapping[str, Any]) -> str:
    """Return what aligned this user, or how far from it the session got.

    Parameters
    ----------
    about : mapping
        As from :attr:`saccade.models.decoders.decoder.Decoder.alignment`.
    """
    if about.get("problem"):
        return f"{about['kind']} OFF after {about['trials']} trials: {about['problem']}"
    if about["kind"] == "running":
        return _running_line(about)
    if about["active"]:
        return f"{about['kind']}, learned from {about['trials']} trials"
    missing = about["of"] - about["trials"]
    return f"{about['kind']} not yet: {about['trials']} of {about['of']} trials, {missing} to come"


def _running_line(about: Mapping[str, Any]) -> str:
    """Return where an alignment that follows its user has got to."""
    far = ", ".join(f"{part} {distance:.0%}" for part, distance in about["distance"].items())
    told = f"running {' and '.join(about['parts'])}, {about['trials']} good trials; of the way "
    told += f"allowed: {far}"
    if about["fallbacks"]:
        told += f"; fell back {about['fallbacks']} times"
    return f"{told}; FROZEN: {about['fallback']}" if about["fallback"] else told


def recording_lines(about: Mapping[str, Any]) -> list[str]:
    """Return what came of a recording, as the recorder reports it, in words."""
    size = f"{about['bytes'] / 1e6:.1f} MB, {about['samples']} samples"
    lines = [f"recording    {about['file']}: {size}"]
    lost = [f"{n} {what}" for what, n in about["lost"].items() if n]
    if lost:
        why = "" if about["stopped"] else ": the log says why"
        lines.append(f"NOT RECORDED {', '.join(lost)}{why}")
    if about["stopped"]:
        lines.append(f"RECORDING    STOPPED before the end: {about['stopped']}")
    return lines


def accuracy_line(result: Mapping[str, Any]) -> str:
    """Return an accuracy with everything that belongs beside it."""
    low, high = result["ci95_top1"]
    line = (
        f"single-trial top-1 {result['top1']:.1%} [95 % {low:.1%} to {high:.1%}], chance "
        f"{result['chance_top1']:.2%}, commonest concept {result['majority_top1']:.1%}; top-5 "
        f"{result['top5']:.1%}, chance {result['chance_top5']:.2%}; n {result['n']}, "
        f"gallery {result['gallery']}"
    )
    if "ci95_auc" in result:
        low, high = result["ci95_auc"]
        line += f"; AUC {result['auc']:.3f} [{low:.3f} to {high:.3f}]"
    return line


def ideal_line(result: Mapping[str, Any]) -> str:
    """Return what nobody can beat on a simulated subject, in words."""
    low, high = result["ci95_top1"]
    return (
        f"ideal observer single-trial top-1 {result['top1']:.1%} [95 % {low:.1%} to {high:.1%}], "
        f"chance {result['chance_top1']:.2%}; top-5 {result['top5']:.1%}, chance "
        f"{result['chance_top5']:.2%}; {result['bits']:.2f} bits a trial; n {result['n']}, "
        f"gallery {result['gallery']}"
    )


def _markers(markers: Mapping[str, Any]) -> str:
    lost = f", {markers['lost']} lost" if markers.get("lost") else ""
    waiting = f", {markers['waiting']} without samples so far" if markers.get("waiting") else ""
    return f"{markers['received']} received{lost}, {markers['unmatched']} unmatched{waiting}"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{what} {n}" for what, n in counts.items())
