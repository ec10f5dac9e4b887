"""What is right: the sources of a corpus, each once, with all the targets that it may have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from seq2seq_attn.data.corpus import Corpus
from seq2seq_attn.data.pieces import Pieces
from seq2seq_attn.data.segmentation import Segmentation
from seq2seq_attn.drawing.scene import printable
from seq2seq_attn.scores.alignment import worst
from seq2seq_attn.scores.predictions import gathered
from seq2seq_attn.scores.sentence import Sentence


@dataclass(frozen=True)
class Gold:
    """The references of a corpus: pairs with the same source are one sentence, and each of their targets is right.

    So a word with several pronunciations is translated once, and is right by any of them.

    Attributes:
        references: of each source, in the order in which the sources come first.
        segmentation: how a target becomes symbols.

    Example:
        >>> from seq2seq_attn.data.segmentation import Spaces
        >>> from seq2seq_attn.scores import score
        >>> gold = Gold.of(Corpus.of([("read", "R IY D"), ("cab", "K AE B"), ("read", "R EH D")], "words"), Spaces())
        >>> gold.sources
        ['read', 'cab']
        >>> score(gold.sentences(["R EH D", "K AE P"]), gold.wanted, metrics=["exact_match"])
        {'exact_match': Score(metric='exact_match', value=50.0)}
    """

    references: dict[str, list[Sentence]]
    segmentation: Segmentation

    @classmethod
    def of(cls, corpus: Corpus, segmentation: Segmentation) -> Gold:
        """The references that a corpus has."""
        split = segmentation.split
        found = gathered(corpus).items()
        return cls({source: [Sentence.of(text, split) for text in targets] for source, targets in found}, segmentation)

    @property
    def sources(self) -> list[str]:
        """What is to be translated."""
        return [*self.references]

    @property
    def wanted(self) -> list[list[Sentence]]:
        """The references of each source."""
        return [*self.references.values()]

    @property
    def metrics(self) -> list[str]:
        """What is measured if nobody says what: exact match and symbol errors, and of running text BLEU and chrF too.

        Running text is what is split into the pieces of SentencePiece: what stands between spaces may also be phones or
        commands, of which neither means anything.
        """
        return [
            "exact_match",
            "symbol_error_rate",
            *(["bleu", "chrf"] if isinstance(self.segmentation, Pieces) else ()),
        ]

    def sentences(self, texts: Iterable[str]) -> list[Sentence]:
        """What a system wrote, a text for each source, to be scored."""
        return [Sentence.of(text, self.segmentation.split) for text in texts]

    def worst(self, hypotheses: Sequence[Sentence], n: int) -> str:
        """The ``n`` worst of a system's errors, see `alignment.worst`, each with its source and its alignment.

        Raises:
            TypeError, ValueError: what `alignment.worst` refuses.
        """
        sources = [printable(source, len(source)) for source in self.sources]
        return "\n\n".join(
            f"{sources[error.row]}, edits: {error.edits}\n{error.alignment}"
            for error in worst(hypotheses, self.wanted, n)
        )
