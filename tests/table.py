"""The table of nodes: one row each, with sample arguments and bad ones. A new node is one new row here.

Sizes are different primes, so that no axis passes for another: B 2, S 3, E 5 (heads and filters too), H 7, M 11,
attention 13, R 17, V 19, T 23. An argument is called as errors call it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from seq2seq_attn.nodes import (
    ConcatEnergy,
    Copy,
    Coverage,
    DotEnergy,
    ElmanStep,
    Entmax15,
    FeedforwardEnergy,
    FeedforwardOutput,
    FertilityCoverage,
    Gate,
    GeneralEnergy,
    GRUStep,
    HardAttention,
    LayeredState,
    LayeredStep,
    Layers,
    LinearEnergy,
    LinearOutput,
    LocalWindow,
    LocationFeatures,
    LSTMState,
    LSTMStep,
    MixtureOfSoftmaxes,
    Monotonic,
    MultiHeadEnergy,
    MultiHeadSum,
    Softmax,
    Sparsemax,
    TanhLayer,
    TiedOutput,
    WeightedSum,
)
from seq2seq_attn.nodes.state import visible

B, S, E, H, M, A, R, V, T = 2, 3, 5, 7, 11, 13, 17, 19, 23
UNKNOWN = 4  # V + UNKNOWN is the next prime
PER_SOURCE = ("encoder_hidden", "source")  # arguments that never have an axis T

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Row:
    """A node, how it is built, what it takes and gives, and in what it differs from most.

    Attributes:
        shapes: of the arguments at one step, by name, in order.
        result: the shape of the result, or of each of its tensors.
        masked: whether it takes a mask.
        samples: how an argument is made that is not random numbers in one tensor.
        misfits: what is said of an argument that is larger by one along its last axis, where that is not that the node
            was built for another size; None where every size will do.
        training: the mode.
        differentiable: whether its gradient is the derivative of its value.
    """

    name: str
    build: Callable[[], nn.Module]
    shapes: Mapping[str, Shape]
    result: Shape
    masked: bool = False
    samples: Mapping[str, Callable[[Shape], Any]] = field(default_factory=dict)
    misfits: Mapping[str, str | None] = field(default_factory=dict)
    training: bool = True
    differentiable: bool = True

    def node(self) -> nn.Module:
        """The node in float64, with every parameter random: none is zero by its first weights."""
        node = self.build().double().train(self.training)
        for parameter in node.parameters():
            nn.init.normal_(parameter, std=0.5)
        return node

    def arguments(self, batch: int = B, source: int = S) -> list[Any]:
        """Random arguments, in order."""
        sizes = {B: batch, S: source}
        return [
            self.samples.get(name, normal)(tuple(sizes.get(size, size) for size in shape))
            for name, shape in self.shapes.items()
        ]

    def hidden(self, mask: Tensor) -> dict[str, Tensor]:
        """What the picture does not show."""
        return {"mask": mask} if self.masked else {}


def tensors(value: Any) -> tuple[Tensor, ...]:
    """The tensors of a value: itself, or all of a state, in order."""
    if isinstance(value, tuple):
        return tuple(tensor for part in value for tensor in tensors(part))
    return (value,)


def rebuilt(value: Any, parts: Iterator[Any]) -> Any:
    """A value of the same form, of other parts."""
    if isinstance(value, tuple):
        return type(value)(*(rebuilt(part, parts) for part in value))
    return next(parts)


def mapped(value: Any, change: Callable[[Tensor], Any]) -> Any:
    """A value of the same form, each of its tensors changed."""
    return rebuilt(value, map(change, tensors(value)))


def normal(shape: Shape) -> Tensor:
    """Random numbers."""
    return torch.randn(shape, dtype=torch.float64)


def weights(shape: Shape) -> Tensor:
    """Random numbers above zero whose sum is one."""
    return normal(shape).softmax(dim=-1)


def probability(shape: Shape) -> Tensor:
    """Random numbers between zero and one."""
    return normal(shape).sigmoid()


def symbols(shape: Shape) -> Tensor:
    """Random symbols, unknown ones too; the last two are one and the same."""
    drawn = torch.randint(V + UNKNOWN, shape)
    drawn[..., -1:] = drawn[..., -2:-1]
    return drawn


def lstm(shape: Shape) -> LSTMState:
    """An LSTM's state."""
    return LSTMState(normal(shape), normal(shape))


def layered(part: Callable[[Shape], Any], layers: int, shape: Shape) -> LayeredState:
    """The state of several layers."""
    states = [part(shape) for _ in range(layers)]
    return LayeredState(visible(states[-1]).clone(), Layers(*states), Layers())


_BAHDANAU = {"prev_decoder": (B, H), "encoder_hidden": (B, S, M)}
_LUONG = {"decoder_hidden": (B, H), "encoder_hidden": (B, S, M)}
_SAME_SIZE = {"decoder_hidden": (B, H), "encoder_hidden": (B, S, H)}
_STEP = {"input 1": (B, E), "prev_decoder": (B, H), "input 2": (B, M)}
_OUT = {"input 1": (B, E), "input 2": (B, H), "input 3": (B, M)}
_ENERGIES = {"attn_energies": (B, S)}
_MONOTONIC = {"attn_energies": (B, S), "prev_weights": (B, S)}

_SUM = r"the inputs are \(.*\), \d+ in all; node \w+ was built for \d+. Build \w+\(…, input_size=\d+\)"
_INPUTS = {f"input {n}": _SUM for n in (1, 2, 3)}
_MASK = r"mask is \(2, 3\); node \w+ takes \(2, 4\), True = real"
_OTHER_S = r"\w+ is \(.*\): S = \d, but S = \d in \w+; node \w+ does not broadcast"
_OTHER_S_OF_PAIRS = _OTHER_S.replace(r"in \w+", r"in feature 1")
_DOT = r"node DotEnergy multiplies vectors of one size. Build GeneralEnergy\(\d, \d\)"
_COPY = r"source is \(2, \d\); node Copy takes \(B, S\), here \(2, \d\)"


def _step(name: str, build: Callable[[], nn.Module], state: Callable[[Shape], Any] = normal) -> Row:
    return Row(name, build, _STEP, (B, H), samples={"prev_decoder": state}, misfits=_INPUTS)


def _out(name: str, build: Callable[[], nn.Module], last: int = V) -> Row:
    return Row(name, build, _OUT, (B, last), misfits=_INPUTS)


def _normaliser(name: str, build: Callable[[], nn.Module], shapes: Mapping[str, Shape] = _ENERGIES, **more: Any) -> Row:
    first = next(iter(shapes))
    misfits = {first: _MASK if len(shapes) == 1 or "decoder_hidden" in shapes else _OTHER_S, "prev_weights": _OTHER_S}
    samples = {"attn_weights": weights, "prev_weights": weights}
    return Row(name, build, shapes, (B, S), masked=True, samples=samples, misfits=misfits, **more)


NODES = [
    Row("energy", lambda: FeedforwardEnergy(H, M, A), _BAHDANAU, (B, S)),
    Row(
        "energy, features",
        lambda: FeedforwardEnergy(H, M, A, feature_size=1 + E),
        {**_BAHDANAU, "feature 1": (B, S), "feature 2": (B, S, E)},
        (B, S),
        misfits={
            "feature 1": _OTHER_S,
            "feature 2": r"the features have 7 numbers; node \w+ was built for 6. Build \w+\(…, feature_size=7\)",
        },
    ),
    Row(
        "mix",
        lambda: LinearEnergy(2 + E),
        {"feature 1": (B, S), "feature 2": (B, S), "feature 3": (B, S, E)},
        (B, S),
        misfits={
            "feature 1": _OTHER_S_OF_PAIRS,
            "feature 2": _OTHER_S_OF_PAIRS,
            "feature 3": r"the features have 8 numbers; node \w+ was built for 7. Build \w+\(…, feature_size=8\)",
        },
    ),
    Row("energy, concat", lambda: ConcatEnergy(H, M, A), _LUONG, (B, S)),
    Row("energy, general", lambda: GeneralEnergy(H, M), _LUONG, (B, S)),
    Row("energy, dot", DotEnergy, _SAME_SIZE, (B, S), misfits=dict.fromkeys(_SAME_SIZE, _DOT)),
    Row(
        "energy, scaled_dot",
        lambda: DotEnergy(scaled=True),
        _SAME_SIZE,
        (B, S),
        misfits=dict.fromkeys(_SAME_SIZE, _DOT),
    ),
    *(
        Row(f"heads, {energy}", partial(MultiHeadEnergy, H, M, 2 * E, num_heads=E, energy=energy), _LUONG, (B, E, S))
        for energy in ("dot", "scaled_dot", "general", "concat", "feedforward")
    ),
    Row(
        "location",
        lambda: LocationFeatures(filters=E),
        {"prev_weights": (B, S)},
        (B, S, E),
        misfits={"prev_weights": None},
    ),
    _normaliser("softmax", Softmax),
    _normaliser("softmax, temperature", lambda: Softmax(temperature=1.7)),
    _normaliser("sparsemax", Sparsemax),
    _normaliser("entmax15", Entmax15),
    _normaliser("hard", lambda: HardAttention(temperature=1.7), training=False, differentiable=False),
    _normaliser("monotonic", lambda: Monotonic(noise=0.0), _MONOTONIC),
    _normaliser("monotonic, evaluation", Monotonic, _MONOTONIC, training=False, differentiable=False),
    _normaliser("local_p", lambda: LocalWindow(H, A), {"attn_weights": (B, S), "decoder_hidden": (B, H)}),
    Row(
        "coverage",
        Coverage,
        {"prev_coverage": (B, S), "attn_weights": (B, S)},
        (B, S),
        misfits={"prev_coverage": _OTHER_S, "attn_weights": _OTHER_S},
    ),
    Row(
        "fertility",
        lambda: FertilityCoverage(M),
        {"prev_coverage": (B, S), "attn_weights": (B, S), "encoder_hidden": (B, S, M)},
        (B, S),
        misfits={"prev_coverage": _OTHER_S, "attn_weights": _OTHER_S},
    ),
    Row(
        "weighted_sum",
        WeightedSum,
        {"attn_weights": (B, S), "encoder_hidden": (B, S, M)},
        (B, M),
        misfits={"attn_weights": _OTHER_S, "encoder_hidden": None},
    ),
    Row(
        "heads, weighted_sum",
        lambda: MultiHeadSum(2 * E, num_heads=E),
        {"attn_weights": (B, E, S), "encoder_hidden": (B, S, 2 * E)},
        (B, 2 * E),
        misfits={"attn_weights": _OTHER_S},
    ),
    _step("gru", lambda: GRUStep(E + M, H)),
    _step("gru, reset before", lambda: GRUStep(E + M, H, reset_after=False)),
    _step("elman", lambda: ElmanStep(E + M, H)),
    _step("lstm", lambda: LSTMStep(E + M, H), lstm),
    _step(
        "layers, gru",
        lambda: LayeredStep(E + M, H, cell="GRU", num_layers=2, residual=True),
        partial(layered, normal, 2),
    ),
    _step(
        "layers, gru, reset before",
        lambda: LayeredStep(E + M, H, cell="GRU", num_layers=2, reset_after=False),
        partial(layered, normal, 2),
    ),
    _step(
        "layers, lstm",
        lambda: LayeredStep(E + M, H, cell="LSTM", num_layers=3, residual=True),
        partial(layered, lstm, 3),
    ),
    _step("layers, elman", lambda: LayeredStep(E + M, H, cell="Elman", num_layers=2), partial(layered, normal, 2)),
    _out("tanh layer", lambda: TanhLayer(E + H + M, R), R),
    _out("output, tanh", lambda: FeedforwardOutput(E + H + M, R, V)),
    _out("output, maxout", lambda: FeedforwardOutput(E + H + M, R, V, readout="maxout")),
    _out("output, linear", lambda: LinearOutput(E + H + M, V)),
    _out("output, tied", lambda: TiedOutput(E + H + M, nn.Embedding(V + 2, R), V)),
    _out("output, mixture", lambda: MixtureOfSoftmaxes(E + H + M, R, V)),
    _out("gate", lambda: Gate(E + H + M), 1),
    Row(
        "copy",
        lambda: Copy(V, unknown_size=UNKNOWN),
        {"scores": (B, V), "generate": (B, 1), "attn_weights": (B, S), "source": (B, S)},
        (B, V + UNKNOWN),
        samples={"generate": probability, "attn_weights": weights, "source": symbols},
        misfits={
            "generate": r"generate is \(2, 2\); node Copy takes one probability, \(B, \[T\], 1\)",
            "attn_weights": _COPY,
            "source": _COPY,
        },
    ),
]
