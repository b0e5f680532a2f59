"""What a calibration chooses among, the simplest first.

Simple is what learns little from the person: a map behind somebody else's encoder, then ridge, a
small network, deep ones. Deep networks are tried only with a budget, in minutes of a nominal core.
The budget becomes a number of passes by the arithmetic of their layers alone, never by a clock, so
that the same recording gives the same decoder on a fast machine and on a slow one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from saccade.calibration.lineage import learned_from
from saccade.models.decoders.decoder_file import DecoderFile
from saccade.models.encoders import EncoderFamily, load_script
from saccade.models.encoders.aligned import AlignedEncoder, AlignedSettings, Map
from saccade.models.encoders.network import ForSubject, NetworkFamily, Shape
from saccade.realtime import registry
from saccade.realtime.errors import CalibrationError, ConfigError

AUTO = "auto"
DEEP = ("blurbank", "atms")
LEAST_PASSES = 5  # fewer do not train a deep network
NOMINAL_FLOPS = 15e9  # of a core, in training; measured: 10 to 31 by network
BACKWARD = 3.0  # a step costs about three passes forward


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that can be fitted.

    Parameters
    ----------
    name : str
        For a person to read.
    family : EncoderFamily
        What fits.
    architecture, arguments
        As the decoder file keeps them.
    work : float
        Cost of a trial in a fit, relative to ridge; for the time that remains.
    """

    name: str
    family: EncoderFamily
    architecture: str
    arguments: Mapping[str, Any]
    work: float = 1.0

    @property
    def quick(self) -> bool:
        """Whether it is fitted in closed form, without passes over the trials."""
        return not isinstance(self.family, NetworkFamily)

    @property
    def pretrained(self) -> bool:
        """Whether it starts from other people's encoder."""
        return isinstance(self.family, AlignedEncoder)

    @property
    def deep(self) -> bool:
        """Whether a budget pays for it."""
        return self.architecture in DEEP


@dataclass(frozen=True, slots=True)
class Sizes:
    """What candidates will be fitted to.

    Parameters
    ----------
    n_channels, n_times, dim : int
        Shape of an epoch, and components of a target.
    visits : int
        Trials in all fits together, which a pass over each fit goes through.
    """

    n_channels: int
    n_times: int
    dim: int
    visits: int


def single(encoder: str, options: Mapping[str, Any], seed: int) -> Candidate:
    """Return the one encoder that is asked for, with its options; one that draws, with the seed.

    Raises
    ------
    ConfigError
        If there is no such encoder or option.
    """
    family = registry.load("saccade.encoders", encoder)
    settings_type = type(family().settings)
    known = {field.name for field in dataclasses.fields(settings_type)}
    # A calibration's trials of a concept are not repetitions of a picture, to be averaged.
    usual = {"seed": seed, "repetitions": "single"}
    chosen = {name: value for name, value in usual.items() if name in known} | dict(options)
    where = f"calibration.options of {encoder}"
    settings = registry.build_settings(settings_type, chosen, where)
    work = 1.0 if encoder == "ridge" else 6.0
    return Candidate(encoder, family(settings), encoder, dataclasses.asdict(settings), work)


def several(
    seed: int, pretrained: DecoderFile | None, budget_min: float, sizes: Sizes
) -> list[Candidate]:
    """Return all that are to be tried, the simplest first.

    Raises
    ------
    CalibrationError
        If the budget does not even allow the cheapest deep network its least number of passes.
    """
    made = [] if pretrained is None else list(from_pretrained(pretrained))
    made += [single("ridge", {}, seed), single("eegproject", {}, seed)]
    if budget_min > 0:
        made += _deep(seed, budget_min, sizes)
    return made


def from_pretrained(pretrained: DecoderFile) -> Sequence[Candidate]:
    """Return what can be made of another decoder for a new person."""
    prior = _frozen(pretrained)
    about = {
        "architecture": pretrained.encoder.architecture,
        "arguments": pretrained.encoder.arguments,
        "calibration": pretrained.calibration.get("date", ""),
        "sources": list(learned_from(pretrained)),
    }
    kinds = (AlignedSettings("whitening"), AlignedSettings("procrustes"), AlignedSettings("linear"))
    return [
        Candidate(
            f"pretrained, {settings.kind}",
            AlignedEncoder(prior, settings),
            "aligned",
            dataclasses.asdict(settings) | {"pretrained": about},
            work=2.0 if settings.kind == "procrustes" else 0.5,
        )
        for settings in kinds
    ]


def _frozen(pretrained: DecoderFile) -> nn.Module:
    """Return another decoder's encoder, with its alignment if it has one."""
    if pretrained.online is not None:
        raise ConfigError(
            "--pretrained takes a decoder that learns nothing while it runs, but this one does "
            f"({pretrained.online.kind}): export it without"
        )
    script: nn.Module = load_script(pretrained.script)
    if pretrained.alignment is None:
        return script
    return nn.Sequential(script, Map(pretrained.alignment)).eval()


def _deep(seed: int, budget_min: float, sizes: Sizes) -> list[Candidate]:
    """Return the deep networks, with as many passes as the budget is worth."""
    share = budget_min * 60 * NOMINAL_FLOPS / len(DEEP)
    made, lacking = [], []
    for name in DEEP:
        batch = {"batch_size": 128} if name == "blurbank" else {}
        family = single(name, batch, seed).family
        cost = BACKWARD * _flops(family, sizes) * sizes.visits
        passes = int(share / cost)
        if passes < LEAST_PASSES:
            lacking.append(LEAST_PASSES * cost * len(DEEP) / NOMINAL_FLOPS / 60)
            continue
        passes = min(passes, family.settings.epochs)
        made.append(
            dataclasses.replace(
                single(name, batch | {"epochs": passes}, seed),
                name=f"{name}, at most {passes} passes",
                work=passes * _flops(family, sizes) / 1e7,
            )
        )
    if not made:
        raise CalibrationError(
            f"a budget of {budget_min:g} minutes allows no deep network its {LEAST_PASSES} passes "
            f"over so many trials: give at least --budget {np.ceil(min(lacking)):g}, or none"
        )
    return made


def _flops(family: EncoderFamily, sizes: Sizes) -> float:
    """Return the floating-point operations of one epoch's way through a network."""
    if not isinstance(family, NetworkFamily):
        raise ConfigError(f"{type(family).__name__} is no network, and needs no budget")
    shape = Shape(sizes.n_channels, sizes.n_times, sizes.dim, n_trials=1)
    tower = ForSubject(family.tower(shape)).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        tower(torch.zeros(1, sizes.n_channels, sizes.n_times))
    return float(counter.get_total_flops())
