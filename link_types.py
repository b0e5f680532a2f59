"""Give type checkers a real folder for the package: .typecheck/saccade/<folder>.

The editable install maps ``saccade.X`` to the folder ``X`` by an import hook, which no static
checker follows; links do.
"""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent
FOLDERS = ("realtime", "models", "calibration", "gui", "cli")  # as in setup.py

farm = ROOT / ".typecheck" / "saccade"
farm.mkdir(parents=True, exist_ok=True)
for folder in FOLDERS:
    link = farm / folder
    if link.exists():
        continue
    if os.name == "nt":  # a junction needs no administrator right, a symlink does
        subprocess.run(["cmd", "/c", "mklink", "/J", str(link), str(ROOT / folder)], check=True)
    else:
        link.symlink_to(Path("../..") / folder, target_is_directory=True)
