"""Which electrodes lie over the visual cortex: what a person sees is told by few of them."""

from __future__ import annotations

import re

VISUAL = re.compile(r"(I|O|PO|OI|POO)(\d+|z)h?(-.*)?", re.IGNORECASE)
"""Electrodes over the occipital lobe, in the 10-05 system."""


def is_visual(name: str) -> bool:
    """Return whether an electrode of this name lies over the occipital lobe."""
    return VISUAL.fullmatch(name) is not None
