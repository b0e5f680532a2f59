"""The gallery that a configuration names; needs no torch."""

from __future__ import annotations

from saccade.cli.configuration import Config
from saccade.models.gallery import Gallery
from saccade.models.gallery_files import load_arrays, load_everyday
from saccade.realtime.errors import ConfigError


def gallery_of(settings: Config) -> Gallery:
    """Return the configured gallery: the arrays that are named, or the built-in concepts.

    Raises
    ------
    ConfigError
        If only one of array and names is given.
    """
    section = settings.gallery
    if section.vectors is None and section.names is None:
        return load_everyday()
    if section.vectors is None or section.names is None:
        raise ConfigError(
            "a gallery is an array and the names of its rows, but only one of the two was given: "
            "give both, or neither for the built-in concepts"
        )
    return load_arrays(
        section.vectors,
        section.names,
        backbone=section.backbone,
        weights=section.weights,
        kind=section.kind,
    )
