"""Which weights a CLIP model has, and where their file is, or how to get it."""

from __future__ import annotations

import difflib
import hashlib
import logging
from pathlib import Path
from types import ModuleType
from typing import Any

from saccade.realtime.errors import GalleryError

HUB_FILE = "open_clip_pytorch_model.bin"  # what a repository holds unless the tag says
HUB_SAFE_FILE = "open_clip_model.safetensors"


def known_model(open_clip: ModuleType, backbone: str) -> str:
    """Return a model's name as open_clip has it.

    Raises
    ------
    GalleryError
        If it has none such; the message offers the nearest.
    """
    name = backbone.replace("/", "-")
    known = open_clip.list_models()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=4, cutoff=0.4)
        raise GalleryError(
            f"open_clip {open_clip.__version__} has no model {backbone!r} among its {len(known)}: "
            f"nearest are {', '.join(near) or ', '.join(known[:4])}"
        )
    return name


def known_tag(
    open_clip: ModuleType, backbone: str, weights: str | None
) -> tuple[str | None, dict[str, Any]]:
    """Return a tag as open_clip has it, and what open_clip knows of those weights.

    Raises
    ------
    GalleryError
        If the model has no such weights; the message lists those it has.
    """
    if weights is None:
        return None, {}
    about = open_clip.get_pretrained_cfg(backbone, weights)
    if not about:
        tags = open_clip.list_pretrained_tags_by_model(backbone)
        raise GalleryError(
            f"{backbone} has no weights {weights!r}: the tags that exist are "
            f"{', '.join(tags) or 'none'}; for weights of your own, leave --weights out and give "
            "--weights-file"
        )
    return weights.lower().replace("-", "_"), about


def fetched(open_clip: ModuleType, backbone: str, tag: str | None, about: dict[str, Any]) -> Path:
    """Return the file of some weights, downloaded if it is not here yet.

    Raises
    ------
    GalleryError
        If it can't be; the message says which file would do, and how to give it.
    """
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it warns at every attempt
    try:
        return Path(open_clip.download_pretrained(about))
    except Exception as error:  # hub, sockets and certificates each have errors of their own
        cause: BaseException = error
        while cause.__cause__ or cause.__context__:
            cause = cause.__cause__ or cause.__context__ or cause
        repository, _, file = str(about.get("hf_hub", "")).rpartition("/")
        address, hint = about.get("url", ""), ""
        if repository:
            address = f"https://huggingface.co/{repository}/resolve/main/{file or HUB_FILE}"
            hint = "" if file else f" (or {HUB_SAFE_FILE} beside it)"
        raise GalleryError(
            f"the weights {tag} of {backbone} are not on this computer and can't be downloaded "
            f"({first_line(cause)}): where there is a network get {address}{hint}, put it "
            f"anywhere here, and add --weights-file {address.rpartition('/')[2]}"
        ) from error


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal.

    Raises
    ------
    GalleryError
        If it can't be read.
    """
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise GalleryError(f"no weights can be read from {path}: {first_line(error)}") from error


def first_line(error: BaseException) -> str:
    """Return what an error says in one line; libraries like to say more."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
