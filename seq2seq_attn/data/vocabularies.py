"""The vocabularies of both sides: texts to batches and back, saved beside a model."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seq2seq_attn.data.batch import Batch
from seq2seq_attn.data.corpus import Corpus, Pair
from seq2seq_attn.data.pieces import Pieces
from seq2seq_attn.data.segmentation import PLAIN, Segmentation, segmentation
from seq2seq_attn.data.vocabulary import Vocabulary
from seq2seq_attn.mask import length_mask

TOKENIZER = "tokenizer_config.json"
_FORMAT = 1
_SIDES = ("source", "target")


@dataclass(frozen=True)
class Vocabularies:
    """What a model reads and writes in.

    Args:
        source: numbers what is read.
        target: numbers what is written; the same vocabulary on both sides is a shared one.

    Example:
        >>> corpus = Corpus.of([("cab", "K AE B"), ("bad", "B AE D")], "words")
        >>> vocabularies = Vocabularies.of(corpus)
        >>> vocabularies.sizes()
        {'source_vocabulary': 5, 'target_vocabulary': 7, 'bos': 5, 'eos': 6}
        >>> vocabularies.decode(*vocabularies.batch(corpus)[2:])
        ['K AE B', 'B AE D']
    """

    source: Vocabulary
    target: Vocabulary

    @classmethod
    def of(
        cls,
        corpus: Corpus,
        source: str | Segmentation = "character",
        target: str | Segmentation = "space",
        min_count: int = 1,
        shared: bool = False,
    ) -> Vocabularies:
        """The vocabularies of a corpus.

        Args:
            corpus: to train on; what only others hold is ``unknown``.
            source: how sources become symbols: a name, see `segmentation`, whose pieces are learnt from the corpus; or
                what is there already.
            target: the same of targets.
            min_count: how often a symbol has to be there.
            shared: make one vocabulary of both sides together, for a model that copies.

        Raises:
            ValueError: a shared vocabulary of two segmentations; what `segmentation` and `Vocabulary.of` refuse.
        """
        if shared and source != target:
            raise ValueError(f"one vocabulary cannot be split by {source} and by {target}; give both sides the same")

        def texts(side: int) -> Iterator[str]:
            for pair in corpus:
                yield from pair if shared else (pair[side],)

        def vocabulary(side: int, by: str | Segmentation) -> Vocabulary:
            how = segmentation(by, texts(side)) if isinstance(by, str) else by
            return Vocabulary.of(texts(side), how, min_count)

        first = vocabulary(0, source)
        return cls(first, first if shared else vocabulary(1, target))

    def sizes(self) -> dict[str, Any]:
        """What a `Config` has to know; a shared vocabulary is of one size on both sides, as who copies needs it."""
        return {
            "source_vocabulary": self.target.target_size if self.source == self.target else len(self.source),
            "target_vocabulary": self.target.target_size,
            "bos": self.target.bos,
            "eos": self.target.eos,
        }

    def encode(self, sources: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Sources as numbers, (B, S) int64 padded on the right with 0, and their mask, (B, S) bool.

        Raises:
            TypeError: one text instead of several.
            ValueError: no text, or one that `Vocabulary.indices` refuses.
        """
        if isinstance(sources, str):
            raise TypeError(f"sources is the str {sources!r}; give a list of texts, [{sources!r}]")
        return _padded([self.source.indices(text) for text in sources])

    def batch(self, pairs: Sequence[Pair]) -> Batch:
        """Pairs as numbers, each target with ``eos`` behind it.

        Raises:
            ValueError: no pair, or a text that `Vocabulary.indices` refuses.
        """
        targets = _padded([[*self.target.indices(pair.target), self.target.eos] for pair in pairs])
        return Batch(*self.encode([pair.source for pair in pairs]), *targets)

    def decode(self, symbols: Tensor, mask: Tensor) -> list[str]:
        """The texts of target symbols, (B, T) both: see `Vocabulary.text`.

        Raises:
            ValueError: a number that no symbol has.
        """
        return [self.target.text(row[real].tolist()) for row, real in zip(symbols, mask, strict=True)]

    def save(self, folder: str | Path) -> list[Path]:
        """Write source_vocabulary.txt and target_vocabulary.txt, tokenizer_config.json, and the .spm files of `Pieces`.

        Returns:
            The files.

        Raises:
            OSError: a folder that cannot be written.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        sides: dict[str, Any] = {}
        written: list[Path] = []
        for side in _SIDES:
            vocabulary: Vocabulary = getattr(self, side)
            written.append(folder / f"{side}_vocabulary.txt")
            vocabulary.save(written[-1])
            if isinstance(vocabulary.segmentation, Pieces):
                written.append(folder / f"{side}.spm")
                vocabulary.segmentation.save(written[-1])
            sides[side] = {"segmentation": vocabulary.segmentation.name, "closed": vocabulary.closed}
        written.append(folder / TOKENIZER)
        written[-1].write_text(json.dumps({"format": _FORMAT, **sides}, indent=2) + "\n", encoding="utf-8")
        return written

    @classmethod
    def load(cls, folder: str | Path) -> Vocabularies:
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: a folder in which a file is missing.
            ValueError: a file that is damaged, with its path.
        """
        folder = Path(folder)
        try:
            settings = _settings(folder / TOKENIZER)
            return cls(*(_side(folder, side, settings[side]) for side in _SIDES))
        except FileNotFoundError as error:
            raise FileNotFoundError(f"{error.filename} is not there; a folder of vocabularies has it") from None


def _settings(path: Path) -> dict[str, Any]:
    try:
        settings = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no JSON: {error}; copy it anew from where it was saved") from None
    if not isinstance(settings, dict) or settings.keys() != {"format", *_SIDES}:
        raise ValueError(f"{path}: give an object with format, source and target")
    if settings["format"] != _FORMAT:
        raise ValueError(f"{path}: format {settings['format']!r}; this version reads {_FORMAT}, install one that fits")
    return settings


def _side(folder: Path, side: str, settings: Any) -> Vocabulary:
    match settings:
        case {"segmentation": str(name), "closed": bool(closed)} if (
            name in (*PLAIN, Pieces.name) and len(settings) == 2
        ):
            how = PLAIN.get(name) or Pieces.load(folder / f"{side}.spm")
            return Vocabulary.load(folder / f"{side}_vocabulary.txt", how, closed=closed)
    names = ", ".join((*PLAIN, Pieces.name))
    raise ValueError(f"{folder / TOKENIZER}: {side} is {settings!r}; give it segmentation, one of {names}, and closed")


def _padded(rows: list[list[int]]) -> tuple[Tensor, Tensor]:
    """Rows of numbers, padded on the right with 0, and their mask."""
    if not rows:
        raise ValueError("there is no text to encode; give at least one")
    mask = length_mask(torch.tensor([len(row) for row in rows]))
    return torch.tensor([row + [0] * (mask.shape[1] - len(row)) for row in rows]), mask
