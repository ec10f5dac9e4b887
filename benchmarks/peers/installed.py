"""The peers' packages: a folder behind those of the environment, and stand-ins for what is never called."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.metadata import distributions
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "peers"
REQUIREMENTS = ROOT / "benchmarks" / "peers.txt"
ABSENT = ("ahocorasick", "ctranslate2", "fasttext", "scipy", "sklearn", "spacy", "torchaudio", "wandb")


class Nothing(ModuleType):
    """A module whose every name is an empty class, which takes no arguments: nothing of it can run unnoticed."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


class StandIns(MetaPathFinder, Loader):
    """Gives `Nothing` for packages that are imported and not there; it is asked last, so one that is there is used."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        return ModuleSpec(name, self, is_package=True) if name.partition(".")[0] in ABSENT else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return Nothing(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


def versions() -> dict[str, str]:
    """Of what is installed in the folder, by lower-case name."""
    return {found.metadata["Name"].lower(): found.version for found in distributions(path=[str(FOLDER)])}


def install() -> None:
    """Install what is missing, one by one: what cannot be had costs only the peers that need it."""
    lines = (line.partition("#")[0].strip() for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines())
    for requirement in filter(None, lines):
        name, version = requirement.split("==")
        if versions().get(name.lower()) == version:
            continue
        print(f"installing {requirement} into {FOLDER.relative_to(ROOT)}", file=sys.stderr, flush=True)
        command = [sys.executable, "-m", "pip", "install", "-qq", "--no-deps", "--no-build-isolation", "--upgrade"]
        environment = os.environ | {"READTHEDOCS": "1"}  # fairseq's setup.py then builds no C extensions
        subprocess.run([*command, "--target", str(FOLDER), requirement], env=environment, check=False)


def reach() -> None:
    """Let the peers be imported in this process, in silence."""
    sys.path.append(str(FOLDER))
    sys.meta_path.append(StandIns())
    logging.disable(logging.WARNING)
    warnings.filterwarnings("ignore")
