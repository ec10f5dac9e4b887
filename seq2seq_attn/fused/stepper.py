"""Decoding with a fused step: its weights are turned once, and nothing is made anew from step to step."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from seq2seq_attn.bands import Plan
from seq2seq_attn.fused.bands import CompiledBands, Inside
from seq2seq_attn.fused.lookup import lookup, only_looks_up
from seq2seq_attn.fused.refused import Refused
from seq2seq_attn.fused.scores import Scores
from seq2seq_attn.fused.units import find, find_readout, find_scores
from seq2seq_attn.nodes import LSTMState
from seq2seq_attn.nodes.state import each, visible

if TYPE_CHECKING:
    from seq2seq_attn.loop import Loop

_TIMES = 16  # steps that a product of the whole vocabulary has to be worth
_MORE = 4  # times as many rows as there have been are expected


class Stepped(NamedTuple):
    """What a step made of K hypotheses, as far as a search asks.

    Attributes:
        output: y_i, logits (B, K, V), or what they are made of, until the next step.
        attn_weights: alpha_ij, (B, K, S); None without attention.
    """

    output: Tensor | Scores
    attn_weights: Tensor | None


class Stepper:
    """Compiled steps with K hypotheses of each sentence, (B, K, …), one step after the other; without gradients.

    Args:
        loop: what is given of the sentences; each begins with one hypothesis.
        plan: of its step.
        embedding: of the symbols.

    Attributes:
        symbols: (B K, 1) int64, what the next step reads.
        embeds: whether steps look up by themselves what they read of these symbols.
        leaving: what it costs that sentences leave, in steps: kernels are told everything anew.

    Raises:
        Refused: a step with a node that has no unit, takes no axis K, or runs before the loop; see `compiled.load`.
    """

    leaving: ClassVar[float] = 1.0

    def __init__(self, loop: Loop, plan: Plan, embedding: nn.Embedding) -> None:
        if plan.schedule.before or not plan.takes_rows(loop.step):
            raise Refused("the step has a node that runs before the loop, or that takes no axis of hypotheses")
        self.loop, self.plan, self.embedding = loop, plan, embedding
        self.ids = {value.word: value.id for value in plan.graph.values.values()}
        self.past = {b.id: now.id for now, b in plan.graph.recurrences if b.word in loop.handed_on}
        self.carried: dict[str, Any] = {}
        self.stepped = False
        self.rows = 0  # that each sentence has had, at all steps together
        self.given_to = [*range(len(loop.sentence.mask))], 1
        self._known: dict[str, Tensor] = {}
        self._multiplied: dict[str, Tensor] = {}
        first = {id: loop.first[plan.graph.values[id].word] for id in self.past}
        self._begin({id: each(lambda tensor: tensor[:, None], value) for id, value in first.items()}, *self.given_to)

    def __call__(self, symbols: Tensor) -> Stepped:
        """One step with the last symbols, (B, K) int64."""
        run, shape = self.run, self.shape
        self.rows += shape[1]
        if self.stepped:
            self._go_on()
        self.symbols.copy_(symbols.reshape(-1, 1))
        values = {self.ids[word]: value for word, value in self.bands.loop.constant.items()}
        if (embedded := self.ids.get("prev_output", "")) in self.asked or not self.embeds:
            values[embedded] = self.embedding(symbols)
            if not self.embeds:
                run.inputs[embedded].copy_(values[embedded].flatten(0, 1))
        run.kernels.walk(False)
        for id in self.asked.intersection(self.inside.shown):
            values[id] = run.column(id)[0].reshape(*shape, -1).clone()
        for before in self.asked.intersection(self.past):
            now = self.past[before]
            values[before] = run.kept[now][0].reshape(*shape, -1) if now in run.kept else self.carried[before]
        for id in self.plan.schedule.after:
            operation = self.plan.graph.operations[id]
            arguments = () if id in self.readouts else (visible(values[given]) for given in operation.inputs)
            values[operation.output] = self._after(id, *arguments)
        self.carried, self.stepped = {b: values[now] for b, now in self.past.items() if now not in run.kept}, True
        return Stepped(values[self.ids["output"]], values.get(self.ids.get("attn_weights", "")))

    def choose(self, going: Tensor, eos: int | None, most: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Steps with the best symbol of the one before, as long as more than half of the rows go on; all in C++.

        Only where it `chooses`, and with one hypothesis of each sentence; `symbols` are those before the first.

        Args:
            going: (B,) bool, which rows go on; it is changed.
            eos: the symbol that ends a row; None: nothing does.
            most: number of steps at most.

        Returns:
            Of n steps the symbols, ``eos`` after the end of a row, and whether it goes on before each, (B, n); their
            log-probabilities, 0 after the end, (B, n); attention weights, (B, n, S).
        """
        if self.stepped:
            self._go_on()
        (id,), run = self.plan.schedule.after, self.run
        scores = self._after(id)
        hidden = scores.hidden.flatten(0, 1)
        looked = self.ids.get("attn_weights")
        weights = hidden[:, :0] if looked is None else run.column(looked)[0]
        columns = [run.kept[id] for id in self.columns]
        kernels: Any = run.kernels  # compiled ones
        made = kernels.choose(self.symbols, going, most, eos, columns, hidden, scores.matrix, scores.bias, weights)
        self.stepped, self.rows = True, self.rows + len(made[0])
        chosen, mask, likely, looks = (tensor.transpose(0, 1) for tensor in made)
        return chosen, mask, likely, looks

    @property
    def chooses(self) -> bool:
        """Whether all of a step, from symbol to symbol, is told to the kernels."""
        kept, looked = self.run.kept, self.ids.get("attn_weights")
        if self.carried or not self.embeds or not len(self.readouts) == len(self.scores) == 1:
            return False
        (readout,), (found,) = self.readouts.values(), self.scores.values()
        same = {tensor.dtype for tensor in found or ()} == {kept[readout].dtype}
        return same and (looked is None or looked in kept)

    def _after(self, id: str, *arguments: Tensor) -> Any:
        """What an operation behind the loop makes; of the scores, what they are made of."""
        node, found = self.bands.node(id), self.scores[id]
        if found is None:
            return node(*arguments, **self.bands.hidden(id))
        weight, bias = found
        readout = self.readouts.get(id)
        hidden = self.run.column(readout)[0].reshape(*self.shape, -1) if readout else node.last(*arguments)
        matrix = self.run.turned(f"{id} scores", weight)
        return Scores(hidden, weight, bias, self.run.products, matrix)

    def select(self, rows: Tensor, sentences: list[int]) -> None:
        """Go on from some hypotheses of the last step, in any order, from one perhaps several times.

        Args:
            rows: (B, K) int64, which of the last step's each new one goes on from, counted through all sentences.
            sentences: the rows of the batch that are left, B of them; one that has left does not come back.
        """
        if (sentences, rows.shape[1]) == self.given_to and self._by_position(rows.shape[1]) == self.run.by_position:
            self.carried = {id: value.flatten(0, 1)[rows] for id, value in self.carried.items()}
            self._go_on(rows.flatten())
            return
        now = int(self.stepped)
        states = {id: self.run.kept[id][now][rows] for id in self.run.kept if id in self.columns}
        carried: dict[str, Any] = {id: value.flatten(0, 1)[rows] for id, value in self.carried.items()}
        for before, id in self.past.items():
            if id in states:
                cell = states.get(f"{id}.cell")
                carried[before] = states[id] if cell is None else LSTMState(states[id], cell)
        self._begin(carried, sentences, rows.shape[1])

    def _begin(self, carried: dict[str, Any], sentences: list[int], copies: int) -> None:
        """Make ready for K hypotheses of some sentences; ``carried`` is what stands before, (B, K, …)."""
        loop, mask = copy.copy(self.loop), self.loop.sentence.mask
        before, self.given_to = self.given_to[0], (sentences, copies)
        if self._multiplied and sentences != before:
            stay = torch.tensor([before.index(sentence) for sentence in sentences], device=mask.device)
            self._multiplied = {name: product[stay] for name, product in self._multiplied.items()}
        if sentences != [*range(len(mask))]:
            left = torch.tensor(sentences, device=mask.device)
            loop.sentence = loop.sentence._replace(mask=mask[left])
            loop.constant, loop.hidden = (
                {word: each(lambda tensor: tensor[left], value) for word, value in given.items()}
                for given in (loop.constant, loop.hidden)
            )
        self.shape = len(loop.sentence.mask), copies
        rows = len(loop.sentence.mask) * copies
        self.symbols = torch.zeros(rows, 1, dtype=torch.int64, device=mask.device)
        values = {self.ids[word]: value for word, value in loop.constant.items()}
        if "prev_output" in self.ids:
            looked_up = lookup(self.symbols, self.embedding, times=_TIMES)
            values[self.ids["prev_output"]] = looked_up or self.embedding(self.symbols)
        self.bands = CompiledBands(loop, self.plan, values, 1, copies=copies)
        self.bands.first = {id: each(lambda tensor: tensor.flatten(0, 1), value) for id, value in carried.items()}
        ids = self.plan.schedule.inside
        self.scores = {id: find_scores(self.bands, id) for id in self.plan.schedule.after}
        found = {id: find_readout(self.bands, id) for id, scores in self.scores.items() if scores}
        self.readouts = {id: readout for id, readout in found.items() if readout}
        after = [self.plan.graph.operations[id] for id in self.plan.schedule.after if id not in self.readouts]
        self.asked = {given for operation in after for given in operation.inputs}
        if "attn_weights" in self.ids:
            self.asked.add(self.ids["attn_weights"])
        self.inside = Inside(self.bands, ids, find(self.bands, ids, self.readouts))
        self.run = self.inside.run([*self.inside.tensors.values()])
        self.run.known, self.run.multiplied = self._known, self._multiplied
        self.run.by_position = self._by_position(copies)
        self.embeds = self._look_up()  # first, since what is told next reads it
        with torch.autocast(mask.device.type, enabled=False):
            self.inside.begin(self.run)
        self.carried = {id: visible(value) for id, value in carried.items() if self.past[id] not in self.run.kept}
        states = [now for now in self.past.values() if now in self.run.kept]
        self.columns = [id for now in states for id in (now, f"{now}.cell") if id in self.run.kept]
        self.stepped = False

    def _look_up(self) -> bool:
        """Let steps embed `symbols` themselves, if they read them; whether they do."""
        id, weight = self.ids.get("prev_output"), self.embedding.weight
        embedded = None if id is None or id in self.run.symbols else self.run.inputs.get(id)
        if embedded is None:
            return True
        if not only_looks_up(self.embedding) or weight.dtype != embedded.dtype:
            return False
        self.run.kernels.look_up(weight, self.symbols[:, 0], embedded.flatten(0, 1), False)
        return True

    def _by_position(self, copies: int) -> bool:
        """Whether contexts are multiplied position by position: where it is likely that more rows are still to come."""
        return copies > 1 and _MORE * self.rows >= self.loop.sentence.mask.shape[1]

    def _go_on(self, rows: Tensor | None = None) -> None:
        """Let what a step has made stand before the next one; of these rows, or of each its own."""
        for id in self.columns:
            before, now, _ = self.run.kept[id]
            if rows is None:
                before.copy_(now)
            elif self.stepped:
                torch.index_select(now, 0, rows, out=before)  # to index takes several times as long
            else:
                before.copy_(before[rows])
        self.stepped = False
