"""Whether what a command will write can be written, asked before anything is played.

Owns the reasons. Writes and makes nothing: a run that is broken off leaves no empty files.
"""

import os
from pathlib import Path


def why_no_file(path: Path) -> str:
    """Why no file can be written there; "" = it can."""
    if path.is_dir():
        return "it is a folder"
    if path.exists():
        return "" if os.access(path, os.W_OK) else "it may not be written"
    return why_no_folder(path.parent)


def why_no_folder(path: Path) -> str:
    """Why there can be no folder to write to; "" = it is there, or can be made."""
    there = next(each for each in (path, *path.absolute().parents) if _is_there(each))
    if not there.is_dir():
        return f"{there} is no folder"
    if not os.access(there, os.W_OK | os.X_OK):
        return f"nothing may be written in {there}"
    return ""


def _is_there(path: Path) -> bool:
    return path.exists() or path.is_symlink()  # one that leads nowhere is in the way, too
