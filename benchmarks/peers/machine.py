"""Where and with what it was measured."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from benchmarks.peers import installed

FEATURES = ("avx2", "avx512f", "avx512_bf16", "avx512_fp16", "amx_bf16")


def machine() -> dict[str, Any]:
    """Processor, cores, the instructions that matter, and versions, for JSON."""
    told = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model, flags = (re.search(rf"^{name}\s*: (.*)$", told, re.MULTILINE) for name in ("model name", "flags"))
    has = flags[1].split() if flags else []
    there = installed.versions()
    return {
        "processor": model[1] if model else platform.processor(),
        "cores": os.cpu_count(),
        "instructions": [feature for feature in FEATURES if feature in has],
        "torch_uses": torch.backends.cpu.get_cpu_capability(),
        "memory_gigabytes": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            **{name: there[name] for name in ("fairseq-fixed", "speechbrain", "joeynmt", "yoyodyne") if name in there},
            **({"opennmt-py": there["opennmt-py"]} if "opennmt-py" in there else {}),
            "seq2seq_attn": version("seq2seq_attn"),
        },
    }


def told(found: Mapping[str, Any]) -> str:
    """The same in a sentence."""
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    return (
        f"{found['cores']} cores of {found['processor']} ({', '.join(found['instructions'])}; torch uses "
        f"{found['torch_uses']}); {versions}."
    )
