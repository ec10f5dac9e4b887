"""The kinds of operations: which text in a picture stands for which node, and what the node takes. No tensors."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Sequence
from typing import Any

from seq2seq_attn.code import Code
from seq2seq_attn.graph import Graph, GraphError, Operation
from seq2seq_attn.signature import Choice, Kind

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?")

CELLS = ("GRU", "LSTM", "Elman")

_ENERGY = "i query_size, j memory_size -> ij"
_RNN = "i input_size, i hidden_size, *i input_size -> i hidden_size"
_LAYERS = ("num_layers", "residual", "dropout", "variational")
_ENCODER = "j embedding_size -> j memory_size"

_KINDS = [
    Kind("feedforward", "i query_size, j memory_size, *ij feature_size -> ij", "nodes.energy:FeedforwardEnergy"),
    Kind("dot", "i size, j size -> ij", "nodes.energy:DotEnergy", given={"scaled": False}),
    Kind("scaled_dot", "i size, j size -> ij", "nodes.energy:DotEnergy", given={"scaled": True}),
    Kind("general", _ENERGY, "nodes.energy:GeneralEnergy"),
    Kind("concat", _ENERGY, "nodes.energy:ConcatEnergy"),
    *(
        Kind(name, f"{_ENERGY}k", "nodes.heads:MultiHeadEnergy", ("num_heads",), {"energy": name})
        for name in ("feedforward", "dot", "scaled_dot", "general", "concat")
    ),
    Kind("linear", "ij feature_size, *ij feature_size -> ij", "nodes.pairs:LinearEnergy"),
    Kind("location", "ij -> ij filters", "nodes.location:LocationFeatures", ("filters", "width")),
    Kind("local_p", "ij, i query_size -> ij", "nodes.window:LocalWindow", ("width",)),
    Kind("coverage", "ij coverage, ij weights -> ij coverage", "nodes.coverage:Coverage"),
    Kind(
        "fertility",
        "ij coverage, ij weights, j memory_size -> ij coverage",
        "nodes.coverage:FertilityCoverage",
        ("max_fertility",),
    ),
    Kind("softmax", "ij -> ij", "nodes.softmax:Softmax", ("temperature",)),
    Kind("softmax", "ijk -> ijk", "nodes.softmax:Softmax", ("temperature",)),
    Kind("sparsemax", "ij -> ij", "nodes.sparsemax:Sparsemax"),
    Kind("sparsemax", "ijk -> ijk", "nodes.sparsemax:Sparsemax"),
    Kind("entmax15", "ij -> ij", "nodes.sparsemax:Entmax15"),
    Kind("entmax15", "ijk -> ijk", "nodes.sparsemax:Entmax15"),
    Kind("hard", "ij -> ij", "nodes.hard:HardAttention", ("temperature",)),
    Kind("hard", "ijk -> ijk", "nodes.hard:HardAttention", ("temperature",)),
    Kind("monotonic", "ij, ij weights -> ij weights", "nodes.monotonic:Monotonic", ("noise", "initial_bias")),
    Kind("weighted_sum", "ij, j memory -> i memory", "nodes.weighted_sum:WeightedSum"),
    Kind("weighted_sum", "ijk, j memory_size -> i memory_size", "nodes.heads:MultiHeadSum", ("num_heads",)),
    *(Kind(cell, _RNN, f"nodes.rnn:{cell}Step") for cell in CELLS),
    *(Kind(cell, _RNN, "nodes.layers:LayeredStep", _LAYERS, {"cell": cell}) for cell in CELLS),
    Kind("tanh", "i input_size, *i input_size -> i readout_size", "nodes.layer:TanhLayer", ("dropout",)),
    Kind("feedforward", "i input_size, *i input_size -> i vocabulary_size", "nodes.output:FeedforwardOutput"),
    Kind("linear", "i input_size, *i input_size -> i vocabulary_size", "nodes.output:LinearOutput"),
    Kind("tied", "i input_size, *i input_size -> i vocabulary_size", "nodes.output:TiedOutput"),
    Kind(
        "mixture_of_softmaxes",
        "i input_size, *i input_size -> i vocabulary_size",
        "nodes.output:MixtureOfSoftmaxes",
        ("components",),
    ),
    Kind("gate", "i input_size, *i input_size -> i 1", "nodes.pointer:Gate"),
    Kind("copy", "i vocabulary_size, i 1, ij, j -> i vocabulary", "nodes.pointer:Copy"),
    Kind("embedding", "i -> i embedding_size", "nodes.embedding:Embedding"),
    Kind("embedding", "j -> j embedding_size", "nodes.embedding:Embedding"),
    Kind("bridge", "j memory_size -> hidden_size", "bridge:Bridge"),
    Kind("RNN", _ENCODER, "encoders.rnn:RNNEncoder", ("num_layers", "dropout")),
    Kind("pyramid", _ENCODER, "encoders.pyramid:PyramidEncoder", ("num_layers", "dropout")),
    Kind("convolution", _ENCODER, "encoders.convolution:ConvolutionalEncoder", ("num_layers", "width", "dropout")),
    Kind("transformer", _ENCODER, "encoders.transformer:TransformerEncoder", ("num_layers", "num_heads", "dropout")),
]


def register(node: Any, label: str, signature: str, options: Sequence[str] = ()) -> None:
    """Let pictures use a node of yours: ``label`` in brackets stands for it wherever its arrows fit ``signature``.

    The constructor's parameters are filled by their names: those of the signature with the sizes of the arguments,
    those of ``options`` from the text, the rest from the `Config` (``attention_size``, ``dropout``, …) or their
    defaults. A class that is written anew, as a cell of a notebook that runs twice, takes the place of the old one.

    Args:
        node: the class.
        label: the word.
        signature: see `Kind`.
        options: parameters of the constructor that the text may set.

    Raises:
        ValueError: a label that the notation cannot write, a signature of another form, an option that is no parameter
            of the constructor, or a kind that is there already.
    """
    kind = Kind(label, signature, node, tuple(options))
    if not re.fullmatch(r"[A-Za-z]([A-Za-z0-9_ .+-]*[A-Za-z0-9_.+-])?", label):
        raise ValueError(f"label {label!r} cannot be written in a picture; use letters, digits, spaces and _ . + -")
    if label == "RNN":
        raise ValueError("'RNN' is the cell that the config says; use another label")
    if not re.fullmatch(r"(\*?[ijk]*( \w+)?, )*\*?[ijk]*( \w+)? -> [ijk]*( \w+)?", signature):
        raise ValueError(f"signature {signature!r} is not of the form 'i query_size, j memory_size -> ij'")
    if any(slot.many for slot in kind.arguments[:-1]):
        raise ValueError(
            f"signature {signature!r} has a * that is not the last argument; no arrow could be told from it"
        )
    if "i" not in kind.result.axes and any("i" in slot.axes for slot in kind.arguments):
        raise ValueError(
            f"signature {signature!r} has no i in its result; what reads a step's value is there each step"
        )
    if unknown := [name for name in options if name not in inspect.signature(node).parameters]:
        raise ValueError(f"{', '.join(unknown)}: no parameter of {node.__name__}, so that no text can set it")
    for other in _KINDS:
        taken = other.label == label and other.axes == kind.axes and other.options == kind.options
        if taken and not _same(other.node, node):
            raise ValueError(f"a kind {label!r} of {kind.axes} is there already; use another label")
    replaced = [k for k in _KINDS if k.label == label and k.axes == kind.axes and _same(k.node, node)]
    _KINDS[:] = [other for other in _KINDS if other not in replaced] + [kind]


def known() -> tuple[Kind, ...]:
    """Every kind there is, this package's own first."""
    return tuple(_KINDS)


def find(graph: Graph, operation: Operation, cell: str = "GRU") -> Choice:
    """The kind of an operation, by its text and by the values that it joins.

    Args:
        graph: the picture.
        operation: one of its operations.
        cell: what ``RNN`` is, where a picture leaves it open: "GRU", "LSTM" or "Elman".

    Raises:
        GraphError: an unknown text, an option that the kind does not take, values that do not fit; with a proposal.
    """
    label, *rest = (part.strip() for part in operation.kind.split(","))
    inputs = [graph.values[id] for id in operation.inputs]
    output = graph.values[operation.output]
    where = f"operation {operation.id}[{operation.kind}]"
    wanted = cell if label == "RNN" and "i" in output.axes else label
    kinds = [kind for kind in _KINDS if kind.label == wanted]
    if not kinds:
        labels = sorted({kind.label for kind in _KINDS} | {"RNN"})
        small = {name.lower(): name for name in labels}
        near = difflib.get_close_matches(label.lower(), small, n=1, cutoff=0.5)
        meant = f"; did you mean {small[near[0]]!r}?" if near else "."
        raise GraphError(
            f"{where}: no operation is called {label!r}{meant} There are {', '.join(labels)}; "
            f"seq2seq_attn.register adds one of your own",
            operation.id,
        )
    fitting = [kind for kind in kinds if kind.misfit(inputs, output) is None]
    if not fitting:
        given = [value.axes for value in inputs]
        alike = [kind for kind in kinds if [slot.axes for slot in kind.slots(len(inputs)) or []] == given]
        closest = next((kind for kind in (*alike, *kinds) if kind.result.axes == output.axes), kinds[0])
        value, why = closest.misfit(inputs, output) or (None, "")
        subject = operation.id if value is None else (value, operation.id)
        fits = {kind.label for kind in _KINDS if kind.misfit(inputs, output) is None}
        if others := sorted(fits - {"bridge", "embedding"}):  # which only a whole model has
            why += f"; with the arrows as they are it can be {', '.join(others)}"
        raise GraphError(f"{where} {why}", (operation.id, output.id) if value == output.id else subject)
    reasons = []
    for kind in fitting:
        try:
            return Choice(kind, _options(kind, rest))
        except ValueError as error:
            reasons.append(str(error))
    for kind in kinds:
        try:
            _options(kind, rest)
        except ValueError:
            continue
        raise GraphError(f"{where}: {reasons[-1]}; {label} of ({kind.axes}) takes it", operation.id)
    raise GraphError(f"{where}: {reasons[-1]}", operation.id)


def codes(graph: Graph) -> dict[str, Code]:
    """The code behind each operation of a diagram; an operation of an unknown kind is left out."""
    found: dict[str, Code] = {}
    for operation in graph.operations.values():
        try:
            code = find(graph, operation).kind.code()
        except GraphError:
            continue
        if code is not None:
            found[operation.id] = code
    return found


def _options(kind: Kind, texts: Sequence[str]) -> dict[str, Any]:
    """What the words behind the label say, by parameter: ``2 layers``, ``temperature 2`` or ``residual``."""
    options: dict[str, Any] = {}
    words = {name.removeprefix("num_"): name for name in kind.options}
    for text in texts:
        numbers = [part for part in text.split() if _NUMBER.fullmatch(part)]
        names = [part for part in text.split() if part not in numbers]
        names = [f"{name}s" if name not in words and f"{name}s" in words else name for name in names]  # 1 layer
        if len(names) != 1 or names[0] not in words or len(numbers) > 1:
            takes = f"takes the options {', '.join(words)}" if words else "takes no options"
            raise ValueError(f"{text!r} is no option of {kind.label}; it {takes}")
        if words[names[0]] in options:
            raise ValueError(f"{text!r} says {names[0]} a second time; leave one of them out")
        number = numbers[0] if numbers else None
        options[words[names[0]]] = (
            True if number is None else float(number) if re.search(r"[.e]", number) else int(number)
        )
    return options


def _same(first: Any, second: Any) -> bool:
    """Whether two classes are one, or one as it was written before and as it is now."""
    if isinstance(first, str) or isinstance(second, str):
        return bool(first == second)
    return (first.__module__, first.__qualname__) == (second.__module__, second.__qualname__)
