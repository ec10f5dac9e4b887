"""Texts to texts: a stream of sources in batches, through the beam search of a model or of several."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from seq2seq_attn.data.vocabularies import Vocabularies
from seq2seq_attn.seq2seq import Seq2Seq


class TextHypothesis(NamedTuple):
    """One target of a source, as text; see `search.Hypothesis`.

    Attributes:
        text: without what ends it.
        symbols: what was chosen, by name, T of them, with the ‹end› that ended it.
        score: the sum of their log-probabilities, in nats.
        normalised: the score divided by the length penalty, by which hypotheses are ranked.
        attn_weights: where it looked for each of them, (T, S); (T, K, S) with several heads, (T, 0) without attention.
        ended: whether it came to its end; if not, it was cut off.
    """

    text: str
    symbols: tuple[str, ...]
    score: float
    normalised: float
    attn_weights: Tensor
    ended: bool


class Translation(NamedTuple):
    """What became of one source.

    Attributes:
        source: the text.
        symbols: the symbols that it was split into, S of them; what the vocabulary lacks is here by its own name.
        hypotheses: the best, one at least, best first. A source without symbols has one, empty, of probability 1.
    """

    source: str
    symbols: tuple[str, ...]
    hypotheses: tuple[TextHypothesis, ...]

    @property
    def text(self) -> str:
        """The best target."""
        return self.hypotheses[0].text

    def to_dict(self) -> dict[str, Any]:
        """For JSON: ``source``, ``symbols``, and ``hypotheses``, each with its attributes.

        ``attention`` is a row of S numbers for each of its symbols, or K such rows with several heads; None without
        attention. An encoder that shortens its source has fewer numbers than symbols.
        """
        hypotheses = [one._asdict() for one in self.hypotheses]
        for one in hypotheses:
            weights = one.pop("attn_weights")
            one["symbols"] = list(one["symbols"])
            one["attention"] = weights.tolist() if weights.shape[-1] else None
        return {"source": self.source, "symbols": list(self.symbols), "hypotheses": hypotheses}


class Translator:
    """Translates a stream of texts in batches of about one length; the result does not depend on the batches.

    Args:
        models: one, or the several of an ensemble, as for `Seq2Seq.beam`; they are put in eval mode.
        vocabularies: of each model its own; those of an ensemble are equal.
        beam: number of hypotheses of a text while the search runs; 1 is greedy decoding.
        length_penalty: 0 ranks by probability, higher prefers longer targets; see `beam_search`.
        max_length: number of target symbols at most, the end included; by default 50 more than three times
            the source's, to stop what never ends.
        n_best: number of hypotheses to return of each text, ``beam`` at most.
        max_tokens: number of source symbols of a batch at most, padding included, times ``beam`` in memory; a longer
            text is a batch of its own.
        window: number of texts that are read ahead, to be sorted by length.
        precision: of matrix products under `torch.autocast`; in bfloat16, what is hardly likelier than something else
            may be found in its place, and in which of two batches a text stands may decide on it.

    Raises:
        ValueError: no model; models and vocabularies that do not belong together; a ``max_tokens`` or ``window`` below
            1. What `beam_search` refuses is refused when it is called.

    Example:
        >>> from seq2seq_attn import Config
        >>> from seq2seq_attn.data.corpus import Corpus
        >>> vocabularies = Vocabularies.of(Corpus.of([("cab", "K AE B"), ("bad", "B AE D")], "words"))
        >>> sizes = {"embedding_size": 3, "hidden_size": 5, "attention_size": 7, "readout_size": 2}
        >>> model = Seq2Seq.from_config(Config(**vocabularies.sizes(), **sizes))
        >>> [one.source for one in Translator([model], [vocabularies]).translate(["dab", "", "a"])]
        ['dab', '', 'a']
    """

    def __init__(
        self,
        models: Sequence[Seq2Seq],
        vocabularies: Sequence[Vocabularies],
        *,
        beam: int = 5,
        length_penalty: float = 0.0,
        max_length: int | None = None,
        n_best: int = 1,
        max_tokens: int = 1024,
        window: int = 4096,
        precision: Literal["float32", "bfloat16"] = "float32",
    ) -> None:
        if not models or len(models) != len(vocabularies):
            raise ValueError(
                f"there are {len(models)} models and {len(vocabularies)} vocabularies; give a pair or more"
            )
        for name, number in (("max_tokens", max_tokens), ("window", window)):
            if number < 1:
                raise ValueError(f"{name} is {number}; it is 1 or more")
        if precision not in ("float32", "bfloat16"):
            raise ValueError(f"precision is {precision!r}; it is one of 'float32', 'bfloat16'")
        for number, (model, own) in enumerate(zip(models, vocabularies, strict=True), start=1):
            _check_pair(number, model, own, vocabularies[0])
        self.models, self.vocabularies = models, vocabularies[0]
        self.beam, self.length_penalty, self.n_best = beam, length_penalty, n_best
        self.max_length, self.max_tokens, self.window = max_length, max_tokens, window
        self.precision = precision

    def translate(self, sources: Iterable[str]) -> Iterator[Translation]:
        """Translate texts one after the other, in their order; no more than a window of them is held.

        Args:
            sources: as the vocabularies' corpus has them: in NFC, without what ends a line.

        Raises:
            TypeError: one text instead of several.
            ValueError: a symbol that a closed vocabulary does not have; what `beam_search` refuses.
        """
        if isinstance(sources, str):
            raise TypeError(f"sources is the str {sources!r}; give several texts, [{sources!r}]")
        for model in self.models:
            model.eval()
        stream, split = iter(sources), self.vocabularies.source.segmentation.split
        while window := [(text, tuple(split(text))) for text in islice(stream, self.window)]:
            found: dict[int, tuple[TextHypothesis, ...]] = {}
            for rows in self._batches([len(symbols) for _, symbols in window]):
                found |= zip(rows, self._search([window[row][0] for row in rows]), strict=True)
            yield from (Translation(*given, found.get(row, (_EMPTY,))) for row, given in enumerate(window))

    def _batches(self, lengths: Sequence[int]) -> Iterator[list[int]]:
        """The rows of each batch, from the shortest to the longest; those without a symbol are in none."""
        rows: list[int] = []
        for row in sorted((row for row, length in enumerate(lengths) if length), key=lengths.__getitem__):
            if rows and (len(rows) + 1) * lengths[row] > self.max_tokens:
                yield rows
                rows = []
            rows.append(row)
        if rows:
            yield rows

    def _search(self, texts: list[str]) -> Iterator[tuple[TextHypothesis, ...]]:
        """The hypotheses of each text of a batch."""
        first, *others = self.models
        source, mask = (tensor.to(first.embed_source.weight.device) for tensor in self.vocabularies.encode(texts))
        lengths = mask.sum(dim=1).tolist()
        limits = [3 * length + 50 if self.max_length is None else self.max_length for length in lengths]
        target = self.vocabularies.target
        with torch.autocast(source.device.type, torch.bfloat16, enabled=self.precision == "bfloat16"):
            hypotheses = first.beam(
                source,
                mask,
                size=self.beam,
                max_length=limits,
                length_penalty=self.length_penalty,
                n_best=self.n_best,
                others=others,
            )
        for found in hypotheses:
            yield tuple(
                TextHypothesis(target.text(one.symbols), tuple(target.target_symbols[n] for n in one.symbols), *one[1:])
                for one in found
            )


_EMPTY = TextHypothesis("", (), 0.0, 0.0, torch.zeros(0, 0), True)


def check_sizes(which: str, model: Seq2Seq, own: Vocabularies) -> None:
    """Ask whether a model has the sizes of its vocabularies.

    Raises:
        ValueError: it has others.
    """
    sizes = {
        "source_vocabulary": model.embed_source.num_embeddings,
        "target_vocabulary": model.decoder.embed_target.num_embeddings,
        "bos": model.bos,
        "eos": model.eos,
    }
    if sizes != (given := own.sizes()):
        raise ValueError(f"{which} was built for {sizes}, its vocabularies are of {given}; give those it learnt")


def _check_pair(number: int, model: Seq2Seq, own: Vocabularies, first: Vocabularies) -> None:
    """Ask whether a model, counted from 1, belongs to its vocabularies, and these are the first model's."""
    check_sizes(f"model {number}", model, own)
    for side in ("source", "target"):
        if getattr(own, side) != getattr(first, side):
            raise ValueError(
                f"model {number} has another {side} vocabulary than model 1; an ensemble is of models that were "
                f"trained with the same"
            )
