"""The files of a folder, with size and SHA-256 of each: its manifest.json tells a whole folder from a damaged one."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"


def write(folder: str | Path) -> None:
    """Write the manifest of all other files of a folder, when they are done: one that is cut off is no JSON.

    Raises:
        ValueError: something in the folder that is no file.
        OSError: a file that cannot be read, or a manifest that cannot be written.
    """
    folder = Path(folder)
    files: dict[str, Any] = {}
    for path in sorted(folder.iterdir()):
        if not path.is_file():
            raise ValueError(f"{path} is no file; a folder with a manifest holds files alone")
        if path.name != MANIFEST:
            files[path.name] = {"size": path.stat().st_size, "sha256": _digest(path)}
    (folder / MANIFEST).write_text(json.dumps({"files": files}, indent=2) + "\n", encoding="utf-8")


def verify(folder: str | Path) -> None:
    """Compare a folder with its manifest.

    Raises:
        ValueError: no manifest; a file that is missing, unknown, of another size or digest, or that cannot be read: all
            are named.
    """
    folder = Path(folder)
    if not (folder / MANIFEST).exists():
        raise ValueError(f"{folder} has no {MANIFEST}, which is written last: it may have been cut off; use another")
    if faults := _faults(folder):
        raise ValueError(
            f"{folder} is not what was written: {'; '.join(faults)}. Copy it anew from where it is whole, or use "
            f"another; if it was changed on purpose, delete its {MANIFEST}"
        )


def _faults(folder: Path) -> list[str]:
    try:
        written = _read(folder / MANIFEST)
        there = {path.name: path for path in folder.iterdir() if path.name != MANIFEST}
    except (OSError, ValueError, RecursionError) as error:
        return [f"{MANIFEST} is damaged: {error}"]
    faults = [f"{name} is missing" for name in written.keys() - there.keys()]
    faults += [f"{name} is unknown" for name in there.keys() - written.keys()]
    for name in written.keys() & there.keys():
        path, (size, digest) = there[name], written[name]
        try:
            if (found := path.stat().st_size) != size:
                faults.append(f"{name} has {found:,} bytes, not {size:,}")
            elif _digest(path) != digest:
                faults.append(f"{name} has another SHA-256")
        except OSError as error:
            faults.append(f"{name} cannot be read: {error.strerror}")
    return sorted(faults)


def _read(path: Path) -> dict[str, tuple[int, str]]:
    """Each file's size and digest."""
    match json.loads(path.read_text(encoding="utf-8")):
        case {"files": dict(files)} if all(
            isinstance(entry, dict) and type(entry.get("size")) is int and isinstance(entry.get("sha256"), str)
            for entry in files.values()
        ):
            return {name: (entry["size"], entry["sha256"]) for name, entry in files.items()}
    raise ValueError("an object with files, each with its size and sha256, is expected")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
