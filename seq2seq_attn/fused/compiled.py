"""The kernels of walk.cpp, built on demand by torch's own loader of extensions, and kept for the next time."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import torch

from seq2seq_attn.fused.kernels import Kernels
from seq2seq_attn.fused.refused import Refused

_SOURCE = Path(__file__).with_name("walk.cpp")
_FLAGS = ["-O3", "-march=native", "-fopenmp", "-fno-math-errno", "-fno-trapping-math"]
if platform.machine() in ("x86_64", "AMD64"):
    _FLAGS.append("-mprefer-vector-width=512")


def compiled_kernels(steps: int, batch: int, rows: Sequence[int]) -> Kernels:
    """`Kernels`, compiled; the first call on a machine builds them, which takes half a minute.

    Raises:
        Refused: in one line, why they cannot be built or loaded here.
    """
    load()
    return cast(Kernels, torch.classes.seq2seq_attn.Walk(steps, batch, list(rows)))


@functools.cache
def load() -> Path:
    """Build the library, unless this torch on this processor has it, and load it.

    It is kept under ``TORCH_EXTENSIONS_DIR``, as torch's own, or else in the user's cache.

    Returns:
        Its path.

    Raises:
        Refused: in one line, why it cannot be built or loaded here.
    """
    source = _SOURCE.read_bytes()
    built_for = "\n".join([torch.__version__, torch.__config__.show(), _processor(), *_FLAGS]).encode()
    name = f"seq2seq_attn_{hashlib.blake2b(source + built_for, digest_size=8).hexdigest()}"
    cache = os.environ.get("TORCH_EXTENSIONS_DIR") or Path.home() / ".cache" / "torch_extensions"
    library = Path(cache) / f"{name}.so"
    try:
        if not library.exists():
            library.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=library.parent) as folder:
                os.replace(_build(name, Path(folder)), library)
        torch.ops.load_library(str(library))  # type: ignore[no-untyped-call]
    except Refused:
        raise
    except (OSError, RuntimeError, ImportError) as error:
        raise Refused(f"the compiled loop cannot be loaded: {_line(error)}; use loop='fused'") from None
    return library


def _build(name: str, folder: Path) -> Path:
    compiler = os.environ.get("CXX", "c++")
    with _programs_beside_python():
        for program, whence in ((compiler, "a C++ compiler, such as Debian's g++"), ("ninja", "pip install ninja")):
            if shutil.which(program) is None:
                raise Refused(f"the compiled loop cannot be built: there is no {program} ({whence}); use loop='fused'")
        try:
            from torch.utils import cpp_extension

            sources, where = [str(_SOURCE)], str(folder)
            cpp_extension.load(name, sources, extra_cflags=_FLAGS, build_directory=where, is_python_module=False)
        except (OSError, RuntimeError, ImportError, subprocess.CalledProcessError) as error:
            raise Refused(f"the compiled loop cannot be built: {_line(error)}; use loop='fused'") from None
    return folder / f"{name}.so"


@contextmanager
def _programs_beside_python() -> Iterator[None]:
    """Let programs be found that pip has put into an environment which nobody has activated."""
    path = os.environ.get("PATH", os.defpath)
    os.environ["PATH"] = os.pathsep.join([path, str(Path(sys.executable).parent)])
    try:
        yield
    finally:
        os.environ["PATH"] = path


def _processor() -> str:
    """What ``-march=native`` depends on."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line for line in lines if line.startswith(("flags", "Features"))), platform.processor())


def _line(error: BaseException) -> str:
    """Of a compiler's many lines the first that says what is wrong."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return next((line for line in lines if "error:" in line), lines[0] if lines else type(error).__name__)
