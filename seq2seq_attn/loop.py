"""The loop over target steps: step by step, or with all that can leave the loop outside of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from seq2seq_attn.bands import Bands, Plan, stack
from seq2seq_attn.graph import Operation
from seq2seq_attn.nodes import State
from seq2seq_attn.nodes.state import each
from seq2seq_attn.schedule import schedule
from seq2seq_attn.trace import Recorder, TraceError
from seq2seq_attn.wiring import Wiring


class Sentence(NamedTuple):
    """What the decoder is given of a batch of sources: the same at every step, but for the state, which begins there.

    Attributes:
        encoder_hidden: h_j, (B, S, M).
        mask: (B, S) bool, True = real.
        source: x_j, the source symbols, (B, S) int64.
        state: s_0, the state before the first step; None for a step that carries no s.
    """

    encoder_hidden: Tensor
    mask: Tensor
    source: Tensor
    state: State | None


class Loop:
    """A step, again and again: what it is given of a sentence, and what one step hands on to the next.

    Called with y_{i-1}, it runs one step, keeps what the next one needs, and returns all values that were made.

    Args:
        step: the wiring of one step.
        sentence: what does not change.

    Raises:
        ValueError: a value that is handed on, and that nothing stands for before the first step; an argument that
            nothing gives.
    """

    def __init__(self, step: Wiring, sentence: Sentence) -> None:
        self.step, self.sentence = step, sentence
        graph, words = step.specification(), step.arguments()
        self.reads_output = "prev_output" in words
        self.handed_on = {b.word: now.word for now, b in graph.recurrences if now.word != "output" and b.word in words}
        self.constant: dict[str, Any] = {
            word: getattr(sentence, word) for word in ("encoder_hidden", "source") if word in words
        }
        self.first = {
            before.word: _first(step, graph.maker(now.id), f"{before}", now.symbol, sentence)
            for now, before in graph.recurrences
            if before.word in self.handed_on
        }
        if unknown := set(words) - self.handed_on.keys() - self.constant.keys() - {"prev_output"}:
            raise ValueError(
                f"nothing gives {type(step).__name__} the value {', '.join(sorted(unknown))}: a model has "
                f"prev_output, encoder_hidden, source, and what a step before has made"
            )
        hidden = {"mask": sentence.mask, "keys": None}
        if "keys" in step.keywords():
            hidden["keys"] = step.keys(sentence.encoder_hidden)
        self.hidden = {word: value for word, value in hidden.items() if word in step.keywords()}
        self.carried: dict[str, Any] = dict(self.first)

    def __call__(self, prev_output: Tensor) -> Any:
        """One step with y_{i-1}, (B, E)."""
        given = {"prev_output": prev_output} if self.reads_output else {}
        result = self.step(**given, **self.constant, **self.carried, **self.hidden)
        self.carried = {before: getattr(result, now) for before, now in self.handed_on.items()}
        return result

    def plain(self, prev_outputs: Tensor) -> Any:
        """Every step in turn; ``prev_outputs`` is (B, T, E), and each value of the result has an axis T behind B."""
        steps = [self(prev_output) for prev_output in prev_outputs.unbind(dim=1)]
        return type(steps[0])(*(stack(column) for column in zip(*steps, strict=True)))

    def scheduled(self, prev_outputs: Any, steps: int, plan: Plan, bands: Callable[..., Bands] = Bands) -> Any:
        """The same values as `plain`, each operation where the plan has it; ``bands`` run them, T ``steps``.

        These may take ``prev_outputs`` as what they are made of; see `FusedBands`.
        """
        values: dict[str, Any] = {}
        for value in plan.graph.inputs:
            if value.word == "prev_output":
                values[value.id] = prev_outputs
            elif value.word in self.constant:
                values[value.id] = self.constant[value.word]
        run = bands(self, plan, values, steps)
        for id in plan.schedule.before:
            run.all_steps(id)
        if plan.schedule.inside:
            run.inside(plan.schedule.inside)
        for id in plan.schedule.after:
            run.all_steps(id)
        words = {value.word: value.id for value in plan.graph.values.values()}
        return plan.result(*(run.result(words[word]) for word in plan.result._fields))


def plan(step: Wiring, sentence: Sentence, embedded: Callable[[], Tensor]) -> Plan | None:
    """Record one step, leaving no trace of it; None for a step that no picture is true of: it can only be looped.

    Args:
        step: the wiring of one step.
        sentence: what does not change.
        embedded: makes y_{i-1}, (B, E).
    """
    devices = [sentence.encoder_hidden.device] if sentence.encoder_hidden.is_cuda else []
    loop = Loop(step, _copied(sentence))
    try:
        with torch.random.fork_rng(devices=devices):
            prev_output = _copied(embedded())
            with Recorder(step) as recorder:
                result = loop(prev_output)
        graph = recorder.graph()
    except TraceError:
        return None
    axes = {id: value.axes for id, value in graph.values.items()}
    for operation in graph.operations.values():
        if "i" not in axes[operation.output] and any("i" in axes[id] for id in operation.inputs):
            return None  # one for each step, whatever its subscript says
    names = {id(value): name for name, value in loop.hidden.items() if value is not None}
    hidden = {
        call.id: {word: names[id(value)] for word, value in call.kwargs.items() if value is not None}
        for call in recorder.runs[0].calls
    }
    return Plan(graph, schedule(graph), hidden, type(result))


def _first(step: Wiring, maker: Operation | None, name: str, symbol: str, sentence: Sentence) -> Any:
    """What stands for a value before the first step: the bridge's state for s, what its node says for another."""
    if symbol == "s" and sentence.state is not None:
        return sentence.state
    node: Any = step.get_submodule(maker.id) if maker else None
    if node is None or not hasattr(node, "initial"):
        raise ValueError(
            f"'{name}' has no initial value: {type(node).__name__} does not say what stands before the first step. "
            f"Give its class a method initial(encoder_hidden)."
        )
    return node.initial(sentence.encoder_hidden)


def _copied(value: Any) -> Any:
    """The same numbers in other tensors, so that a step that changes what it is given changes these."""
    return each(lambda tensor: tensor.detach().clone(), value)
