"""A text as pieces of words, learnt from texts: SentencePiece (extra ``sentencepiece``), loaded when it is used."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from sentencepiece import SentencePieceProcessor

_SPACE = "▁"  # U+2581, by which SentencePiece writes a space


@dataclass(frozen=True)
class Pieces:
    """The pieces of a SentencePiece model (extra ``sentencepiece``); `join` undoes `split` up to runs of spaces.

    That is so of a model that `train` made; one of another origin may change a text as it splits it. ▁ (U+2581) stands
    for a space in a piece, and so does one in a text. Characters that the model has never seen are pieces of their own,
    which its texts' vocabulary does not have.

    Args:
        model: the bytes of its file.

    Raises:
        ValueError: bytes that are no model; the package is not installed.
    """

    model: bytes
    name: ClassVar[str] = "sentencepiece"
    gap: ClassVar[str] = ""  # between symbols side by side, ▁ and all

    def __post_init__(self) -> None:
        _ = self._processor  # refuse what is no model now, not at the first text

    def __repr__(self) -> str:
        return f"Pieces(model=<{len(self.model)} bytes>)"

    @classmethod
    def train(cls, texts: Iterable[str], size: int) -> Pieces:
        """Find the pieces in texts, with the unigram model of Kudo 2018; the same texts give the same bytes.

        The texts are held in memory while it trains; of a larger corpus give a part.

        Args:
            texts: to learn from, the training set's.
            size: number of pieces, every single character among them, and one for what is unknown.

        Raises:
            ValueError: no text, or one for which that many are too many or too few; the package is not installed.
        """
        model = io.BytesIO()
        try:
            _sentencepiece().SentencePieceTrainer.train(
                sentence_iterator=iter(texts),
                model_writer=model,
                vocab_size=size,
                character_coverage=1.0,
                normalization_rule_name="identity",  # a corpus is NFC; NFKC would not give the text back
                max_sentence_length=1 << 24,  # longer ones, in bytes, are left out without a word
                unk_id=0,
                bos_id=-1,  # the vocabulary has its own
                eos_id=-1,
                pad_id=-1,
                minloglevel=2,
            )
        except RuntimeError as error:
            reason = str(error).rpartition("] ")[2] or "there is no text"
            raise ValueError(f"{size} pieces cannot be learnt of these texts: {reason}") from None
        return cls(model.getvalue())

    def split(self, text: str) -> list[str]:
        """The symbols of a text."""
        return [str(piece) for piece in self._processor.encode(text, out_type=str)]

    def join(self, symbols: Iterable[str]) -> str:
        """The text of symbols."""
        return "".join(symbols).replace(_SPACE, " ").removeprefix(" ")

    def save(self, path: str | Path) -> None:
        """Write the model's file, which SentencePiece's own tools read as well.

        Raises:
            OSError: a path that cannot be written.
        """
        Path(path).write_bytes(self.model)

    @classmethod
    def load(cls, path: str | Path) -> Pieces:
        """Read a model's file.

        Raises:
            OSError: a file that cannot be read.
            ValueError: one that is no model; the package is not installed.
        """
        try:
            return cls(Path(path).read_bytes())
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None

    @cached_property
    def _processor(self) -> SentencePieceProcessor:
        package = _sentencepiece()
        try:
            processor: SentencePieceProcessor = package.SentencePieceProcessor(model_proto=self.model)
        except RuntimeError:
            processor = package.SentencePieceProcessor()
        if processor.piece_size():  # of no bytes at all, the package makes a model without a piece
            return processor
        raise ValueError(f"these {len(self.model)} bytes are no SentencePiece model; give those of a .spm file")


def _sentencepiece() -> ModuleType:
    try:
        import sentencepiece
    except ImportError:
        raise ValueError("SentencePiece is not installed; pip install 'seq2seq_attn[sentencepiece]'") from None
    return sentencepiece
