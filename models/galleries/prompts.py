"""From a concept's name to the sentences whose CLIP vectors stand for it.

CLIP has read captions, not words. One sentence gives a vector that owes as much to its wording as
to the concept; the mean over many wordings owes less (Radford et al. 2021, section 3.1.4).
"""

from __future__ import annotations

from collections.abc import Sequence

from saccade.realtime.errors import GalleryError

PLACE = "{}"
"""Where the name goes in a template."""


def imagenet_templates() -> tuple[str, ...]:
    """Return the 80 templates with which CLIP's authors name ImageNet's classes.

    They are open_clip's, which imports torch;
    :func:`saccade.models.galleries.clip.import_open_clip` must have been able to.
    """
    from open_clip import OPENAI_IMAGENET_TEMPLATES

    return tuple(template(PLACE) for template in OPENAI_IMAGENET_TEMPLATES)


def sentences(name: str, templates: Sequence[str]) -> tuple[str, ...]:
    """Return the sentences for one concept.

    Parameters
    ----------
    name : str
        As in the gallery; underscores, which file names have for spaces, become spaces.
    templates : sequence of str
        Each with one ``{}``; other braces stay as they are.

    Raises
    ------
    GalleryError
        If there is no template, or one has no place or several for the name.
    """
    if not templates:
        raise GalleryError("a gallery of names needs at least one template, as 'a photo of a {}.'")
    for template in templates:
        if template.count(PLACE) != 1:
            raise GalleryError(
                f"a template has one {PLACE} for the name, as in 'a photo of a {PLACE}.', but "
                f"{template!r} has {template.count(PLACE)}: correct it"
            )
    words = name.replace("_", " ").strip()
    return tuple(template.replace(PLACE, words) for template in templates)
