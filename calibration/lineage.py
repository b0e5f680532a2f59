"""Which recordings a decoder knows: those it was made of, and those of the decoders before it.

A decoder must not be judged on what it, or what it started from, has learned from.
"""

from __future__ import annotations

from saccade.models.decoders.decoder_file import DecoderFile

Source = dict[str, str]


def learned_from(decoder: DecoderFile) -> tuple[Source, ...]:
    """Return ``name`` and, of a file, ``sha256`` of each recording that went into a decoder."""
    start = decoder.encoder.arguments.get("pretrained", {})
    return (*decoder.calibration.get("sources", ()), *start.get("sources", ()))


def learned_before(pretrained: DecoderFile, sources: tuple[Source, ...]) -> list[str]:
    """Return the names of recordings that a decoder to start from has learned from already."""
    known = {source["sha256"] for source in learned_from(pretrained) if "sha256" in source}
    return [source["name"] for source in sources if source.get("sha256") in known]
