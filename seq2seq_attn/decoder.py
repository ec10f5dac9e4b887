"""The decoder: one step, again and again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from operator import index
from typing import Any, NamedTuple, get_args

import torch
from torch import Tensor, nn

from seq2seq_attn.bands import Bands, Plan, stack
from seq2seq_attn.config import LoopKind
from seq2seq_attn.fused import CompiledBands, FastestBands, FusedBands, Refused, Stepper, likeliest, lookup
from seq2seq_attn.hypotheses import Hypotheses
from seq2seq_attn.loop import Loop, Sentence, plan
from seq2seq_attn.wiring import Wiring

_BANDS: Mapping[LoopKind, type[FusedBands]] = {
    "fused": FusedBands,
    "compiled": CompiledBands,
    "fastest": FastestBands,
}
_STEPS = 64  # of greedy decoding that C++ runs at once, since memory is taken for all of them


class Decoded(NamedTuple):
    """What the decoder chose, in the form of a target: each row with the symbol that ends it, then padding.

    Attributes:
        symbols: (B, T) int64, ``eos`` after the end of a row.
        mask: (B, T) bool, True = chosen, the ending symbol included; a row that never ended is True to T, or as long as
            it may be.
        scores: (B,), the sum of the log-probabilities of the symbols chosen; see `likeliest`.
        attn_weights: (B, T, S), alpha_ij of every step, 0 after the end of a row; (B, T, K, S) with several heads,
            (B, T, 0) without attention.
    """

    symbols: Tensor
    mask: Tensor
    scores: Tensor
    attn_weights: Tensor


class Decoder(nn.Module):
    """The loop over target steps: s_i and y_i of one step are s_{i-1} and y_{i-1} of the next.

    With the symbols given (``forward``), each operation of the step runs before, inside or after the loop, as the graph
    of one recorded step allows; `steps` runs the plain loop, with the same result.

    Args:
        step: the wiring of one step, called with the words of the picture.
        embed_target: of the target symbols; y_{i-1} is embedded.
    """

    def __init__(self, step: Wiring, embed_target: nn.Embedding) -> None:
        super().__init__()
        self.step, self.embed_target = step, embed_target
        self._plans: dict[tuple[Any, ...], Plan | None] = {}

    def forward(
        self,
        sentence: Sentence,
        symbols: Tensor,
        loop: LoopKind = "fastest",
        *,
        mask: Tensor | None = None,
        scored: bool = True,
    ) -> Any:
        """Teacher forcing: the previous symbols are given.

        Args:
            sentence: what there is of the source.
            symbols: (B, T) int64, the symbol *before* each step: the first is the one that begins a sentence.
            loop: "plain": every operation runs at every step; "scheduled": only what waits for a step before it does;
                "fused": that, with a backward pass of its own; "compiled": that, in C++, which is built when it is
                first asked for; "fastest": the fastest that can run the step and needs no compiler. On a processor that
                is "fused" for the nodes that it knows; one that no picture is true of runs in a plain loop. A step that
                someone listens to through forward hooks always does.
            mask: (B, T) bool, True = real. A fused loop leaves out a row from where it is padding, if the longest row
                is the first, and so on; what the loop makes there is 0, and means nothing. None: all are real.
            scored: False, if a loss is all that y_i is wanted for: then the output may be `Scores`, which a loss makes
                piece by piece.

        Returns:
            The values of all steps, by their words: output (B, T, V), decoder_hidden (B, T, H), …

        Raises:
            ValueError: a step that the ``loop`` asked for cannot run, and why; another ``loop``; another ``mask``.
        """
        if mask is not None and (mask.dtype, mask.shape) != (torch.bool, symbols.shape):
            raise ValueError(
                f"mask is {mask.dtype}, {tuple(mask.shape)}; symbols are {tuple(symbols.shape)}: give a bool for each"
            )
        if loop not in get_args(LoopKind):
            raise ValueError(f"loop is {loop!r}; a model knows {', '.join(map(repr, get_args(LoopKind)))}")
        if loop == "plain" or self._is_listened_to():
            return self.steps(sentence, symbols)
        planned = self.plan(sentence, symbols[:, 0])
        if planned is None:
            if loop != "fastest":
                raise ValueError(f"no picture is true of the step; it can only be looped; leave out loop={loop!r}")
            return self.steps(sentence, symbols)
        bands = Bands if loop == "scheduled" else partial(_BANDS[loop], scored=scored, mask=mask)
        looked_up = None if loop == "scheduled" else lookup(symbols, self.embed_target)
        prev_outputs = looked_up or self.embed_target(symbols)
        return Loop(self.step, sentence).scheduled(prev_outputs, symbols.shape[1], planned, bands)

    def steps(self, sentence: Sentence, symbols: Tensor) -> Any:
        """`forward` in a plain loop: every operation runs at every step."""
        return Loop(self.step, sentence).plain(self.embed_target(symbols))

    def sampled(self, sentence: Sentence, symbols: Tensor, own: Tensor) -> Any:
        """`steps` with the model's own best symbol before some of them, through whose choice no gradient flows.

        Bengio et al. 2015, "Scheduled Sampling for Sequence Prediction with Recurrent Neural Networks", section 2.4,
        with the best symbol instead of a drawn one. With ``own`` nowhere it is `steps`, everywhere `greedy` decoding.

        Args:
            sentence: what there is of the source.
            symbols: (B, T) int64, the true symbol before each step.
            own: (B, T) bool, where the best of the step before stands in its place; before the first there is none.
        """
        loop = Loop(self.step, sentence)
        steps = [loop(self.embed_target(symbols[:, 0]))]
        for true, chosen in zip(symbols[:, 1:].unbind(dim=1), own[:, 1:].unbind(dim=1), strict=True):
            best = steps[-1].output.argmax(dim=-1)
            steps.append(loop(self.embed_target(torch.where(chosen, best, true))))
        return type(steps[0])(*(stack(column) for column in zip(*steps, strict=True)))

    def plan(self, sentence: Sentence, symbols: Tensor) -> Plan | None:
        """What runs before, inside and after the loop; recorded once for each step and mode, behind symbols, (B,)."""
        step = (self.step, type(self.step), *self.step.children())
        mode = (step, self.step.training, torch.is_grad_enabled())
        if mode not in self._plans:
            kept = {other: known for other, known in self._plans.items() if other[0] == step}
            embedded = partial(self.embed_target.forward, symbols)  # not as it is called: nobody is to hear of it
            self._plans = kept | {mode: plan(self.step, sentence, embedded)}
        return self._plans[mode]

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the plans, which hold types made on the spot and are soon found again."""
        return {**self.__dict__, "_plans": {}}

    @torch.no_grad()
    def greedy(
        self,
        sentence: Sentence,
        *,
        bos: int,
        eos: int | None,
        max_length: int | Sequence[int],
        loop: LoopKind = "fastest",
    ) -> Decoded:
        """Choose the best symbol at every step, and go on with it; when half of the rows are done, they leave.

        Args:
            sentence: what there is of the source.
            bos: the symbol that begins a sentence.
            eos: the symbol that ends one: the loop stops when every row has it. None: it runs to ``max_length``.
            max_length: number of symbols at most, ``eos`` included; of all rows, or of each its own.
            loop: "compiled" for compiled steps; the others run the step as it is.

        Raises:
            TypeError: a ``max_length`` that is no whole number.
            ValueError: one below 1, or not one for each row; a step that the ``loop`` asked for cannot
                run, and why.
        """
        size, device = len(sentence.mask), sentence.mask.device
        limits, steps = torch.tensor(limits_of(max_length, size), device=device), self.hypotheses(sentence, bos, loop)
        left = torch.arange(size, device=device)  # the rows that a step is about
        last, going = torch.full_like(left, bos), torch.ones_like(left, dtype=torch.bool)
        made, length = list[Decoded](), 0
        while True:
            found = _chosen(steps, last, going, eos, int(limits[going].min()) - length)
            filled = zip(found, (eos or 0, False, 0.0, 0.0), strict=True)
            made.append(Decoded(*(_spread(values, left, size, fill) for values, fill in filled)))
            length += found.symbols.shape[1]
            going &= limits > length
            if not (count := int(going.sum())):
                break
            last = found.symbols[:, -1]
            if 2 * count <= len(left):  # what was read of the others is copied, which a few are not worth
                stay = going.nonzero()
                left, last, going, limits = (values[stay[:, 0]] for values in (left, last, going, limits))
                steps.select(stay, left.tolist())
        symbols = torch.cat([part.symbols for part in made], dim=1)
        mask = torch.cat([part.mask for part in made], dim=1)
        scores = torch.stack([part.scores for part in made]).sum(dim=0)
        looked = torch.cat([part.attn_weights for part in made], dim=1)
        looked = looked.masked_fill(~mask.reshape(*mask.shape, *[1] * (looked.dim() - 2)), 0.0)
        return Decoded(symbols, mask, scores, looked)

    def hypotheses(self, sentence: Sentence, bos: int, loop: LoopKind) -> Hypotheses | Stepper:
        """What goes on from hypotheses of each sentence, at first from one.

        Raises:
            Refused: a step that cannot be compiled, as ``loop`` asks; see `Stepper`.
        """
        symbols = torch.full((len(sentence.mask),), bos, device=sentence.mask.device)
        listened_to = self._is_listened_to()
        planned = None if listened_to else self.plan(sentence, symbols)
        if loop != "compiled" or listened_to:
            shared = planned is not None and planned.takes_rows(self.step)
            return Hypotheses(self.step, sentence, self.embed_target, shared=shared)
        if planned is None:
            raise Refused("no picture is true of the step; it can only be looped; leave out loop='compiled'")
        return Stepper(Loop(self.step, sentence), planned, self.embed_target)

    def _is_listened_to(self) -> bool:
        return bool(self.step._forward_hooks or self.step._forward_pre_hooks)


def limits_of(max_length: int | Sequence[int], rows: int) -> list[int]:
    """The number of symbols of each row at most.

    Raises:
        TypeError: what is no whole number.
        ValueError: one below 1; not one number for each row.
    """
    limits = [*map(index, max_length if isinstance(max_length, Iterable) else [max_length] * rows)]
    if len(limits) != rows:
        raise ValueError(f"max_length is {len(limits)} numbers for {rows} sentences; give one number, or one each")
    if min(limits) < 1:
        raise ValueError(f"max_length is {min(limits)}; decode at least 1 symbol")
    return limits


def _chosen(steps: Hypotheses | Stepper, last: Tensor, going: Tensor, eos: int | None, most: int) -> Decoded:
    """One step behind the last symbols, (B,), or, where they run by themselves, several, the ``most`` at most.

    ``going``, (B,) bool, which rows have not ended, is changed.
    """
    if isinstance(steps, Stepper) and steps.chooses:
        steps.symbols.copy_(last[:, None])
        symbols, mask, scores, looked = steps.choose(going, eos, min(most, _STEPS))
        return Decoded(symbols, mask, scores.sum(dim=1), looked)
    step, mask = steps(last[:, None]), going[:, None].clone()
    scores, symbols = (values[:, 0] for values in likeliest(step.output, 1))
    weights = getattr(step, "attn_weights", None)
    looked = scores[:, :, None][..., :0] if weights is None else weights
    symbols = symbols.masked_fill(~mask, eos or 0)
    if eos is not None:
        going &= symbols[:, 0] != eos
    return Decoded(symbols, mask, scores.masked_fill(~mask, 0.0)[:, 0], looked)


def _spread(values: Tensor, rows: Tensor, size: int, fill: float) -> Tensor:
    """Values of some rows of a batch, (N, …), among all of them, (B, …)."""
    if len(rows) == size:
        return values
    return values.new_full((size, *values.shape[1:]), fill).index_copy(0, rows, values)
