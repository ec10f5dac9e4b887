"""Beam search: several hypotheses of each sentence at once, for all sentences of a batch, by one model or several."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

import torch
from torch import Tensor

from seq2seq_attn.config import LoopKind
from seq2seq_attn.decoder import Decoded, Decoder, limits_of
from seq2seq_attn.ensemble import Ensemble
from seq2seq_attn.loop import Sentence


class Hypothesis(NamedTuple):
    """One target that the search found.

    Attributes:
        symbols: what was chosen, T of them, with the ``eos`` that ended it.
        score: the sum of their log-probabilities, in nats.
        normalised: the score divided by the length penalty, by which hypotheses are ranked; see `beam_search`.
        attn_weights: alpha_ij of every step on the S real positions of its sentence, (T, S); (T, K, S) with several
            heads, (T, 0) without attention. Of an ensemble the mean over the models that have some, or, if these have
            several shapes, those of the first.
        ended: whether the last symbol is ``eos``; if not, it was cut off at ``max_length``, or goes on.
    """

    symbols: tuple[int, ...]
    score: float
    normalised: float
    attn_weights: Tensor
    ended: bool


class Beginning(NamedTuple):
    """A hypothesis as the search had it on its way; without attention weights, which would be T * T * S numbers.

    Attributes:
        symbols: what was chosen up to then.
        score: the sum of their log-probabilities, in nats.
        ended: whether the last symbol is ``eos``.
    """

    symbols: tuple[int, ...]
    score: float
    ended: bool


class Search(NamedTuple):
    """What a beam search found.

    Attributes:
        hypotheses: of each sentence the ``n_best``, or all if there are fewer, best first.
        steps: after each target step, the hypotheses of the first sentence that live or have just ended, best first,
            until the sentence is done; empty without ``keep_steps``.
    """

    hypotheses: list[list[Hypothesis]]
    steps: list[list[Beginning]]


@torch.no_grad()
def beam_search(
    decoder: Decoder,
    sentence: Sentence,
    *others: tuple[Decoder, Sentence],
    bos: int,
    eos: int | None,
    size: int,
    max_length: int | Sequence[int],
    length_penalty: float = 0.0,
    n_best: int = 1,
    keep_steps: bool = False,
    loop: LoopKind = "fastest",
) -> Search:
    """Keep the ``size`` most probable beginnings of each sentence at every step, and go on with all of them.

    Hypotheses are ranked by log P(Y) / ((5 + |Y|) / 6) ** ``length_penalty``, where |Y| counts ``eos``: Wu et al. 2016,
    "Google's Neural Machine Translation System", equation 14, without its coverage penalty. One that has ended leaves
    the step and keeps its place in the beam, as in Bahdanau's own code, so that ``size`` 1 is greedy decoding. A
    sentence is done when all its places have ended, when no hypothesis that goes on can come among the ``n_best`` any
    more, or at ``max_length``; what is cut off there is ranked with the rest. Those that are done leave the batch
    before they would cost as much as that. A symbol of probability zero is never chosen. The hypotheses of a sentence
    share what its encoder read, as `Hypotheses` says.

    With ``others`` an ensemble searches: the log-probability of a symbol is the mean of those that the models give it,
    so that the score of a target is the mean of its scores. That is a geometric mean of probabilities, which is not
    normalised again: it never exceeds 1, and a symbol that one model rules out is ruled out. (fairseq takes the
    arithmetic mean, log(1 / n * sum_m p_m), in which a single model can carry a symbol.) The models may have different
    pictures and sizes.

    Args:
        decoder: in eval mode, if it has dropout.
        sentence: what there is of the source.
        others: the further models of an ensemble, each a decoder and what its own encoder read of the same sources.
        bos: the symbol that begins a sentence.
        eos: the symbol that ends one; None: all run to ``max_length``.
        size: number of hypotheses of a sentence; there are fewer as long as fewer have a probability above zero.
        max_length: number of symbols of a hypothesis at most, ``eos`` included; of all sentences, or of each its own.
        length_penalty: alpha; 0 ranks by probability, higher prefers longer targets.
        n_best: number of hypotheses to return of each sentence, ``size`` at most.
        loop: "compiled" for compiled steps; others run the step as it is.
        keep_steps: whether to return what the beam of the first sentence held after each step.

    Raises:
        ValueError: a ``size``, ``max_length`` or ``n_best`` below 1; more ``n_best`` than ``size``; a
            ``length_penalty`` below 0 or not finite; an output of the step that is no distribution; models of
            different numbers of sentences or symbols, or that rule out together all that could follow.
    """
    limits = limits_of(max_length, len(sentence.mask))
    _check(size, length_penalty, n_best)
    if size == 1 and not others and not keep_steps:
        decoded = decoder.greedy(sentence, bos=bos, eos=eos, max_length=limits, loop=loop)
        if not decoded.scores.isnan().any():  # if there is one, what follows says at which step
            return Search([[one] for one in _hypotheses(decoded, sentence, eos, length_penalty)], [])
    ensemble = Ensemble([(decoder, sentence), *others], bos, loop)
    beams = [_Beam(number, [_Path(None, bos, 0.0, number, 0)]) for number in range(len(sentence.mask))]
    going, idle, weights, steps = beams, 0.0, list[Tensor](), list[list[_Path]]()
    for length in range(1, max(limits) + 1):
        totals, symbols, attn_weights = _run(ensemble, going, size)
        weights.append(attn_weights.flatten(0, 1))
        _extend(going, totals, symbols, size, length)
        if keep_steps and beams[0].live:
            steps.append(beams[0].live)
        for beam in going:
            stopped = [path for path in beam.live if path.symbol == eos or length == limits[beam.sentence]]
            beam.live = [path for path in beam.live if path not in stopped]
            beam.ended = sorted([*beam.ended, *stopped], key=lambda path: path.normalised(length_penalty), reverse=True)
            if beam.live and len(beam.ended) >= n_best:
                hope = beam.live[0].score / _penalty(limits[beam.sentence], length_penalty)  # a score only falls
                if beam.ended[n_best - 1].normalised(length_penalty) >= hope:
                    beam.live = []
        live = [beam for beam in going if beam.live]
        if not live:
            break
        idle += 1 - len(live) / len(going)  # of the next step as well
        if idle >= ensemble.leaving or max(len(beam.live) for beam in live) != totals.shape[1]:
            going, idle = live, 0.0

    looked = _looked([path for beam in beams for path in beam.ended[:n_best]], weights)

    def found(beam: _Beam) -> list[Hypothesis]:
        real = ensemble.positions[beam.sentence]
        paths = beam.ended[:n_best]
        return [
            _hypothesis(path.symbols(), path.score, looked[path][..., :real], eos, length_penalty) for path in paths
        ]

    ways = [[Beginning(path.symbols(), path.score, path.symbol == eos) for path in paths] for paths in steps]
    return Search([found(beam) for beam in beams], ways)


def _hypotheses(decoded: Decoded, sentence: Sentence, eos: int | None, alpha: float) -> Iterator[Hypothesis]:
    """What greedy decoding chose, which is a beam of one."""
    lengths, positions = (mask.sum(dim=1).tolist() for mask in (decoded.mask, sentence.mask))
    rows = zip(decoded.symbols.tolist(), decoded.scores.tolist(), decoded.attn_weights, lengths, positions, strict=True)
    for symbols, score, weights, length, real in rows:
        yield _hypothesis(tuple(symbols[:length]), score, weights[:length, ..., :real], eos, alpha)


def _hypothesis(
    symbols: tuple[int, ...], score: float, attn_weights: Tensor, eos: int | None, alpha: float
) -> Hypothesis:
    own = attn_weights.clone(memory_format=torch.contiguous_format)  # so that nobody else's memory stays for it
    return Hypothesis(symbols, score, score / _penalty(len(symbols), alpha), own, symbols[-1] == eos)


def _looked(paths: Sequence[_Path], weights: Sequence[Tensor]) -> dict[_Path, Tensor]:
    """Of each path its attention weights, (T, …, S), of those of all rows at each step, which are read at once."""
    begins = [0, *accumulate(map(len, weights))]
    rows = [begin + link.row for path in paths for begin, link in zip(begins, path.links(), strict=False)]
    read = torch.cat(list(weights))[torch.tensor(rows, device=weights[0].device)]
    return dict(zip(paths, torch.split(read, [path.length for path in paths]), strict=True))


def _penalty(length: int, alpha: float) -> float:
    """What a score is divided by: ((5 + |Y|) / 6) ** alpha."""
    return math.pow((5 + length) / 6, alpha)


@dataclass(eq=False, slots=True)  # one that is frozen takes three times as long to make, and there are thousands
class _Path:
    """A hypothesis while the search runs: its last symbol, and the path before that; the first one is ``bos``.

    ``row`` is where its parent stood in the step that chose the symbol, and so where the attention weights are.
    """

    before: _Path | None
    symbol: int
    score: float
    row: int
    length: int

    def normalised(self, alpha: float) -> float:
        return self.score / _penalty(self.length, alpha)

    def links(self) -> list[_Path]:
        """The path from its first symbol to its last."""
        links = [self]
        while (before := links[-1].before) is not None and before.before is not None:
            links.append(before)
        return links[::-1]

    def symbols(self) -> tuple[int, ...]:
        return tuple(link.symbol for link in self.links())


@dataclass(eq=False)
class _Beam:
    """The hypotheses of one sentence, best first: those that go on, and those that do not; done, if none goes on."""

    sentence: int
    live: list[_Path]
    ended: list[_Path] = field(default_factory=list)


def _run(ensemble: Ensemble, beams: Sequence[_Beam], size: int) -> tuple[Tensor, Tensor, Tensor]:
    """One step of all that go on: their scores with the likeliest symbols behind them, (B, K, N), these, and where
    they looked.

    Where fewer than K of a sentence go on, the first stands again in their place, with a score of -inf; where none
    does, any one of the last step.
    """
    width = max(len(beam.live) for beam in beams)
    there = [beam.live or [_Path(None, 0, -math.inf, 0, 0)] for beam in beams]
    rows = [[*paths, *paths[:1] * (width - len(paths))] for paths in there]
    scores = [[*(path.score for path in paths), *[-math.inf] * (width - len(paths))] for paths in there]
    symbols, parents = (
        torch.tensor([[getattr(path, name) for path in row] for row in rows], device=ensemble.device)
        for name in ("symbol", "row")
    )
    following, behind, weights = ensemble(symbols, parents, [beam.sentence for beam in beams], size)
    return following.new_tensor(scores)[..., None] + following, behind, weights


def _extend(beams: Sequence[_Beam], totals: Tensor, symbols: Tensor, size: int, length: int) -> None:
    """Put the best of what can follow in the place of what went on; ``totals`` is (B, K, N), the beams in order."""
    width, count = totals.shape[1:]
    best = totals.flatten(1).topk(min(size, width * count))  # of each sentence, (B, size)
    chosen = symbols.flatten(1).gather(1, best.indices).tolist()
    for number, (beam, scores, places, following) in enumerate(
        zip(beams, best.values.tolist(), best.indices.tolist(), chosen, strict=True)
    ):
        if not beam.live:
            continue
        if any(map(math.isnan, scores)):
            raise ValueError(
                f"output of step {length} is no distribution for sentence {beam.sentence}: "
                f"a logit is NaN or inf, or all are -inf; look at the weights of the model"
            )
        parents, room = beam.live, size - len(beam.ended)
        beam.live = [
            _Path(parents[place // count], symbol, score, number * width + place // count, length)
            for score, place, symbol in zip(scores[:room], places[:room], following[:room], strict=True)
            if score > -math.inf
        ]
        if not beam.live and not beam.ended:
            raise ValueError(
                f"nothing can be written at step {length} of sentence {beam.sentence}: each symbol has probability "
                f"zero in a model of the ensemble; leave one of them out"
            )


def _check(size: int, length_penalty: float, n_best: int) -> None:
    if size < 1:
        raise ValueError(f"size is {size}; a beam has at least 1 hypothesis")
    if not 0.0 <= length_penalty < math.inf:
        raise ValueError(f"length_penalty is {length_penalty}; it is a number from 0 upwards")
    if not 1 <= n_best <= size:
        raise ValueError(f"n_best is {n_best}; a beam of size {size} gives 1 to {size}")
