"""Models of the Hugging Face Hub, of the package ``huggingface_hub`` (extra ``hub``): one commit, and no other file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from seq2seq_attn.checkpoint import CONFIG, WEIGHTS
from seq2seq_attn.data.vocabularies import TOKENIZER

FILES = [CONFIG, WEIGHTS, TOKENIZER, "source_vocabulary.txt", "target_vocabulary.txt", "source.spm", "target.spm"]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9_][A-Za-z0-9_.-]*")
_COMMIT = re.compile(r"[0-9a-f]{40}")


def find(name: str | Path, revision: str | None = None) -> Path:
    """The folder that is meant: one that is here, for which no network is asked, or the copy of a model on the Hub.

    The Hub's files are kept where ``huggingface_hub`` keeps them, and are not fetched again.

    Args:
        name: a path; or, as a str, ``owner/name`` on the Hub, where there is no such folder.
        revision: the full hash of a commit on the Hub.

    Raises:
        ValueError: a name of the Hub without such a revision; a folder with one; the package is not installed.
        OSError: a model or a revision that the Hub does not have or does not give, or no way to it.

    Example:
        >>> find("cipher-run").name
        'cipher-run'
    """
    path = Path(name)
    remote = isinstance(name, str) and _NAME.fullmatch(name) and not path.exists()
    if not remote:
        if revision is not None:
            raise ValueError(
                f"revision is {revision!r}; {name} is a path or a folder here, which has none: leave it out"
            )
        return path
    if revision is None or not _COMMIT.fullmatch(revision):
        raise ValueError(
            f"there is no folder {name}; to fetch the model of that name from the Hub give revision, the full hash of "
            f"a commit (40 hexadecimal digits), not {revision!r}: a branch or a tag may name another model tomorrow"
        )
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError
    except ImportError:
        raise ValueError("huggingface_hub is not installed; pip install 'seq2seq_attn[hub]'") from None
    failures: Any = (OSError, *HfHubHTTPError.__bases__)  # also those of its HTTP library, whichever that is
    try:
        return Path(snapshot_download(str(name), revision=revision, allow_patterns=FILES))
    except failures as error:
        raise OSError(f"{name} at {revision} cannot be fetched from the Hub: {error}") from None
