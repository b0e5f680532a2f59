"""From the settings of a session and what its decoder knows of itself to what decides."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from saccade.cli.sections import DecisionSection
from saccade.realtime.epochs import EpochSettings
from saccade.realtime.errors import ConfigError, DecoderFileError
from saccade.realtime.evidence.curves import speed_accuracy
from saccade.realtime.evidence.rehearsal import Notes, by_label, regrouped, spacing_s
from saccade.realtime.evidence.settings import EvidenceSettings
from saccade.realtime.evidence.weighing import shares

SURE_ENOUGH = 0.9
"""Threshold where neither the session nor the decoder has one, nor any other end is given."""

REGROUPED = 8
"""Epochs of one label that make a trial, where nothing else does."""


def evidence_settings(
    section: DecisionSection,
    calibration: Mapping[str, Any],
    concepts: Sequence[str],
    calibrated: Sequence[str] = (),
    ranked: Sequence[str] = (),
) -> EvidenceSettings | None:
    """Return what decides in a session, or None if nothing does.

    Where a session does not say how a trial ends, it does at the posterior that the decoder's
    calibration found (``calibration["decision"]["threshold"]``), or at 0.9. Prior, correlation and
    d' of the decoder's evidence are the calibration's too.

    Parameters
    ----------
    section : DecisionSection
        The session's settings.
    calibration : mapping
        Of the decoder file.
    concepts : sequence of str
        What the markers' labels stand for: the candidates, where none are named.
    calibrated, ranked : sequence of str
        Concepts of the decoder's own gallery, and of the one at work, if it may be another.

    Raises
    ------
    ConfigError
        If the settings contradict each other.
    DecoderFileError
        If the calibration holds something else than numbers there.
    """
    if section.mode is None:
        return None
    known = _checked(calibration.get("decision"))
    values = section.model_dump(exclude={"hop_s"})
    if section.assumed is None:
        values["assumed"] = prior_among(known.get("prior", {}), calibrated, ranked)
    if section.correlation is None:
        values["correlation"] = known.get("correlation", 0.0)
    if section.d_prime is None:
        values["d_prime"] = known.get("d_prime") or None  # 0: it could tell nothing apart
    if section.mode in ("single", "sliding"):
        values["correlation"] *= section.mode == "sliding"
        ends = section.threshold is not None
    else:
        ends = any(
            (
                *(section.threshold, section.max_epochs, section.deadline_s, section.worth_per_s),
                *(section.gap_s, section.starts, section.ends),
            )
        )
    if not ends:
        values["threshold"] = known.get("threshold", SURE_ENOUGH)
        if section.mode in ("closed", "target") and section.floor > values["threshold"]:
            raise ConfigError(
                f"decision.floor {section.floor:g} is above {values['threshold']:g}, the threshold "
                "that the decoder's calibration found, which decides as no other end is given: "
                "lower it, or give decision.threshold"
            )
    once = {concept.casefold(): concept for concept in reversed(concepts)}
    if section.mode == "closed" and not section.candidates and len(once) > 1:
        values["candidates"] = tuple(reversed(once.values()))
    return EvidenceSettings(**values)


def prior_among(
    prior: Mapping[str, float], calibrated: Sequence[str], ranked: Sequence[str]
) -> dict[str, float]:
    """Return what is left of a decoder's prior in front of another gallery.

    Concepts of both galleries keep their proportions. All others are alike: each has what one that
    the calibration did not show has, or else the mean of those it did.

    Parameters
    ----------
    prior : mapping of str to float
        Of concepts that the calibration showed; the others of its gallery share the rest.
    calibrated, ranked : sequence of str
        Concepts of the calibration's gallery, and of the one at work.
    """
    ours = {name.casefold() for name in ranked}
    own = {name.casefold() for name in calibrated}
    if not prior or ours == own:
        return dict(prior)
    whole = shares(calibrated, prior, "calibration.decision.prior")
    weight = dict(zip((name.casefold() for name in calibrated), whole.tolist(), strict=True))
    shown = {name.casefold() for name in prior}
    rest = [p for name, p in weight.items() if name not in shown]
    other = rest[0] if rest else float(whole.mean())
    total = sum(weight[name] if name in shown else other for name in ours)
    return {name: p / total for name, p in weight.items() if name in shown & ours}


def epochs_for(evidence: EvidenceSettings, epochs: EpochSettings, hop_s: float) -> EpochSettings:
    """Return how epochs are cut for decisions.

    Items of a target are markers, too; markers of a trial's beginning and end are not; and without
    markers, windows are cut.
    """
    flashed = tuple(evidence.flashes) or evidence.items
    labels = epochs.labels
    if labels is not None:
        labels = {item: item for item in flashed} | dict(labels)
    return dataclasses.replace(
        epochs,
        labels=labels,
        ignore=(*epochs.ignore, *evidence.starts, *evidence.ends),
        hop_s=hop_s if evidence.mode == "sliding" else epochs.hop_s,
    )


def trade_off(notes: Notes, evidence: EvidenceSettings) -> dict[str, Any]:
    """Return speed against accuracy of a session, ready for JSON.

    Where nothing says how trials begin and end, each is made of :data:`REGROUPED` epochs (or
    ``max_epochs``) of one label, in the order in which they came, none twice.

    Raises
    ------
    ConfigError
        If no trial has a known truth, or the mode has no trials.
    """
    if evidence.mode == "sliding":
        raise ConfigError(
            "speed against accuracy is of trials whose truth is known, but windows without "
            "markers have none: take mode 'closed'"
        )
    fixed = range(1, (evidence.max_epochs or REGROUPED) + 1) if evidence.mode != "single" else ()
    trials = "as marked"
    if evidence.mode == "closed" and evidence.per == "trial" and not evidence.bounded:
        size = evidence.max_epochs or REGROUPED
        trials = f"regrouped: {size} epochs of one label"
        groups, soa_s = by_label(notes, size), spacing_s(notes)
        trials += f", as if one came every {soa_s:.3g} s (the median of all)"
        notes, evidence = regrouped(notes, groups, soa_s, evidence)
    points = speed_accuracy(notes, evidence, repetitions=fixed)
    return {
        "trials": trials,
        "alternatives": notes.n_alternatives(evidence),
        "points": [point.to_dict() for point in points],
    }


def _checked(known: Any) -> Mapping[str, Any]:
    """Return what a calibration says of decisions, if it is what it should be."""
    known = {} if known is None else known
    prior = known.get("prior") if isinstance(known, Mapping) else known
    for key, table in (("decision", known), ("decision.prior", {} if prior is None else prior)):
        if not isinstance(table, Mapping):
            raise DecoderFileError(
                f"calibration.{key} of the decoder should be a table, not {table!r:.40}: "
                "calibrate again"
            )
    numbers = {key: known.get(key, 0.0) for key in ("threshold", "correlation", "d_prime")}
    numbers |= prior or {}
    for key, value in numbers.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise DecoderFileError(
                f"calibration.decision.{key} of the decoder should be a number, not {value!r}: "
                "calibrate again"
            )
    return {key: value for key, value in known.items() if value is not None}
