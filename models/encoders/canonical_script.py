"""The same encoder exported twice as the same bytes, in any process.

TorchScript names each class that it compiles with a serial number of the process
(``___torch_mangle_17``), and keeps where in the source files the code came from. Neither changes
what is computed, but both change the file, so that two decoders of the same data could not be told
equal by their digests. Here the numbers are given anew, in the order in which they occur, and the
places in the source are left out.
"""

from __future__ import annotations

import io
import re

import torch

from saccade.realtime.errors import CalibrationError

_SERIAL = re.compile(rb"___torch_mangle_(\d+)")
_SOURCES = ".debug_pkl"
_OF_THE_WRITER = ("version", ".data/version", ".data/serialization_id")  # which adds its own


def canonical(script: bytes) -> bytes:
    """Return an exported module whose bytes depend on the module alone.

    Parameters
    ----------
    script : bytes
        What ``torch.jit.save`` wrote.

    Raises
    ------
    CalibrationError
        If a name in the pickles is stored with its length, which renumbering would break; no
        version of torch seen so far does so.
    """
    reader = torch._C.PyTorchFileReader(io.BytesIO(script))
    records = {
        name: reader.get_record(name)
        for name in reader.get_all_records()
        if not name.endswith(_SOURCES) and name not in _OF_THE_WRITER
    }
    serials: dict[bytes, bytes] = {}

    def renumbered(text: bytes) -> bytes:
        def replace(match: re.Match[bytes]) -> bytes:
            serial = serials.setdefault(match[1], str(len(serials)).encode())
            return b"___torch_mangle_" + serial

        return _SERIAL.sub(replace, text)

    buffer = io.BytesIO()
    writer = torch._C.PyTorchFileWriter(buffer)
    for name, content in records.items():
        if name.endswith(".pkl"):
            _check_pickle(content)
        written = renumbered(content) if name.endswith((".pkl", ".py")) else content
        writer.write_record(renumbered(name.encode()).decode(), written, len(written))
    writer.write_end_of_file()
    return buffer.getvalue()


def _check_pickle(content: bytes) -> None:
    """Refuse serial numbers anywhere but in GLOBAL opcodes, whose text ends with its line."""
    in_globals = re.findall(rb"c__torch__[^\n]*\n", content)
    if len(_SERIAL.findall(content)) != sum(len(_SERIAL.findall(line)) for line in in_globals):
        raise CalibrationError(
            f"this torch ({torch.__version__}) stores the names of classes in another way than "
            "expected: use a version that pyproject.toml allows, and report this"
        )
