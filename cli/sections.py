"""The sections of a session's settings: every key with its type, range and default.

TOML knows no null, so where None stands here, a file says "none"
(:mod:`saccade.cli.configuration` reads files and flags).
"""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue


def _dated(path: Path) -> Path:
    """Return a file to write, ``{datetime}`` in its name replaced by the present time."""
    now = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    return Path(str(path).replace("{datetime}", now))


class Section(BaseModel):
    """Base of the sections: frozen, and a key that is not known is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class StreamSection(Section):
    """Which EEG stream, and what it does not say itself."""

    name: str | None = None
    type: str | None = None
    source_id: str | None = None
    predicate: str | None = None
    fieldtrip: str | None = None
    trigger: str | None = None
    event_text: Literal["value", "type", "both"] | None = None
    unit: str | None = None
    ch_names: tuple[str, ...] | None = None
    sfreq: float | None = Field(None, gt=0)
    resolve_timeout_s: float = Field(5.0, gt=0)
    stall_s: float = Field(0.4, gt=0)


class MarkersSection(Section):
    """Which marker streams, and what their values stand for."""

    names: tuple[str, ...] = ()
    labels: dict[str, str] = Field(default_factory=dict)
    ignore: tuple[str, ...] = ()


class PipelineSection(Section):
    """The causal chain of a decoder to be calibrated; a finished decoder brings its own."""

    channels: tuple[str, ...] | None = None
    line_hz: float | None = Field(None, gt=0)
    low_hz: float | None = Field(0.5, gt=0)
    high_hz: float | None = Field(40.0, gt=0)
    order: int = Field(4, ge=1, le=12)
    reference: Literal["average", "channels"] | None = None
    reference_channels: tuple[str, ...] = ()
    resample_hz: float | None = Field(None, gt=0)
    bads: tuple[str, ...] = ()
    repair: Literal["auto"] | None = None
    asr_cutoff: float | None = Field(None, gt=0)
    rail_uv: float = Field(1e6, gt=0)
    gap_ms: float | None = Field(None, gt=0)
    fill_ms: float = Field(20.0, ge=0)
    dejitter: bool = True
    blocks: tuple[dict[str, JsonValue], ...] | None = None


class EpochsSection(Section):
    """How epochs are cut and judged."""

    tmin_s: float = -0.2
    tmax_s: float = 0.8
    baseline_s: tuple[float, float] | None = (-0.2, 0.0)
    crop_s: tuple[float, float] | None = (0.0, 0.8)
    reject_ptp_uv: float | None = Field(None, gt=0)
    reject_flat_uv: float | None = Field(None, gt=0)
    potato_z: float | None = Field(None, gt=0)
    keep_flagged: tuple[str, ...] = ()
    late_s: float = Field(5.0, ge=0)


class GallerySection(Section):
    """Where the concepts come from; without ``vectors``, the built-in everyday ones."""

    vectors: Path | None = None
    names: Path | None = None
    backbone: str = "unknown"
    weights: str = "unknown"
    kind: Literal["image", "prototype", "text", "attributes"] = "text"


class CalibrationSection(Section):
    """How a decoder is fitted."""

    encoder: str = "auto"
    options: dict[str, JsonValue] = Field(default_factory=dict)
    pretrained: Path | None = None
    budget_min: float = Field(0.0, ge=0)
    kept_out: tuple[str, ...] = ()
    folds: int = Field(4, ge=2)
    seed: int = Field(0, ge=0)
    running: tuple[Literal["signal", "mean"], ...] = ()
    memory_trials: float = Field(200.0, ge=10)


class QualitySection(Section):
    """How channels are judged; ``settings`` replace those of the preset, one by one.

    ``enabled`` none means yes for a live stream and no for a recording.
    """

    enabled: bool | None = None
    preset: str = "generic"
    settings: dict[str, JsonValue] = Field(default_factory=dict)


class OutputSection(Section):
    """Where results go; ``{datetime}`` in a name gives every session a new file."""

    prefix: str = "saccade"
    lsl: bool = True
    log: Annotated[Path, AfterValidator(_dated)] | None = None
    record: Annotated[Path, AfterValidator(_dated)] | None = None
    osc: str | None = None
    udp: str | None = None
    top_k: int = Field(5, ge=1)


class DecisionSection(Section):
    """What is decided from the evidence of several epochs, and when it is enough.

    Without a mode, nothing is. All but ``hop_s``, how often a window is cut in mode "sliding", is
    as in :class:`~saccade.realtime.evidence.settings.EvidenceSettings`; what is none here is as
    the decoder's calibration found it, where it says.
    """

    mode: Literal["closed", "single", "target", "sliding"] | None = None
    candidates: tuple[str, ...] = ()
    per: Literal["trial", "marker"] = "trial"
    items: tuple[str, ...] = ()
    flashes: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    target: str | None = None
    prior: dict[str, float] = Field(default_factory=dict)
    assumed: dict[str, float] | None = None
    threshold: float | None = None
    floor: float = 0.0
    margin: float = 0.0
    min_epochs: int = 1
    max_epochs: int | None = None
    deadline_s: float | None = None
    worth_per_s: float | None = None
    d_prime: float | None = None
    correlation: float | None = None
    clean_only: bool = False
    starts: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    gap_s: float | None = None
    half_life_s: float | None = None
    refractory_s: float = 0.0
    hop_s: float = Field(0.25, gt=0)


class VerdictSection(Section):
    """What a calibration is held against.

    As in :class:`~saccade.calibration.verdict_facts.VerdictSettings`.
    """

    measure: Literal["auto", "top1", "top5", "auc"] = "auto"
    target: float | None = Field(None, gt=0, lt=1)
    most_more: int = Field(1000, ge=1)
    most_missing: float = Field(0.02, ge=0, le=1)
    most_rejected: float = Field(0.4, ge=0, le=1)
    most_spread_ms: float = Field(10.0, gt=0)
    least_occipital: float = Field(0.5, ge=0, le=1)
    least_attention: float = Field(0.7, ge=0, le=1)


class StimuliSection(Section):
    """The stimulus window of a session; ``photodiode`` names a corner, or none."""

    background: str = "#808080"
    picture_share: float = 0.5
    photodiode: str | None = None
    photodiode_px: int = 80
    fixation_s: float = 0.5
    settle_s: float = 1.0
    answer_s: float = 10.0
    surface: str = "auto"
    refresh_hz: float | None = None


class ControlSection(Section):
    """Whether and as what a live session takes commands (``saccade ctl``)."""

    enabled: bool = True
    name: str | None = None
    port: int = Field(0, ge=0, le=65535)


class Config(Section):
    """All of it."""

    stream: StreamSection = StreamSection()
    markers: MarkersSection = MarkersSection()
    pipeline: PipelineSection = PipelineSection()
    epochs: EpochsSection = EpochsSection()
    gallery: GallerySection = GallerySection()
    calibration: CalibrationSection = CalibrationSection()
    quality: QualitySection = QualitySection()
    output: OutputSection = OutputSection()
    decision: DecisionSection = DecisionSection()
    verdict: VerdictSection = VerdictSection()
    control: ControlSection = ControlSection()
    stimuli: StimuliSection = StimuliSection()
