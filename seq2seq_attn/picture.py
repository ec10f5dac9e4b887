"""What a model asks of the picture of its step, beyond what makes it a graph."""

from __future__ import annotations

from collections.abc import Iterator

from seq2seq_attn.config import Config
from seq2seq_attn.graph import Graph, GraphError, Operation
from seq2seq_attn.signature import Choice
from seq2seq_attn.whole import OUTSIDE
from seq2seq_attn.wired import Wired

_GIVEN = {"prev_output": "i", "encoder_hidden": "j", "source": "j"}  # what a model gives a step, and its axes
_HIDDEN = ("mask", "keys")
_AROUND = ("bridge:", "encoders.", "nodes.embedding:")  # where the nodes are that only a whole model has


def check_picture(picture: Graph, config: Config) -> None:
    """Refuse a picture that no config of this kind can make a model of.

    Args:
        picture: of one step.
        config: what it is to be built with.

    Raises:
        GraphError: nothing that symbols are chosen by, a name that stands for something else, options of the config
            that the picture has no use for.
    """
    words = {value.word: value for value in picture.values.values()}
    makers = {picture.values[operation.output].word: operation for operation in picture.operations.values()}
    if "output" not in makers:
        made = ", ".join(f"'{value}'" for value in picture.outputs)
        raise GraphError(
            f"nothing makes 'y_{{i}} output', by which symbols are chosen; what is made is {made or 'nothing at all'}; "
            f"give one of them the word output",
            picture.order()[-1].id if made else "",
        )
    out = makers["output"].id
    copies = [o for o in picture.operations.values() if o.kind.split(",")[0] == "copy"]
    if config.unknown_size and not copies:
        why = (
            f"unknown_size is {config.unknown_size}, but no operation copies; set it to 0, or let copy make the output"
        )
        raise GraphError(why, out)
    if "source" in words and config.source_vocabulary != config.target_vocabulary:
        raise GraphError(
            f"{words['source'].id} 'x_{{j}} source' is read as target symbols, but there are "
            f"{config.source_vocabulary} source and {config.target_vocabulary} target symbols; number them alike",
            words["source"].id,
        )
    if config.coverage_loss and (missing := [word for word in ("coverage", "attn_weights") if word not in makers]):
        raise GraphError(
            f"coverage_loss is {config.coverage_loss}, but nothing makes {' or '.join(missing)}; set it to 0, or draw "
            f"what makes that",
            out,
        )
    for subject, why in _misnamed(picture):
        raise GraphError(why, subject)


def check_operation(graph: Graph, operation: Operation, choice: Choice) -> None:
    """Refuse an operation that only a whole model has, and one that reads its state in another place.

    Raises:
        GraphError: either.
    """
    if str(choice.kind.node).startswith(_AROUND):
        raise GraphError(
            f"operation {operation.id}[{operation.kind}] belongs around a step, not into one; draw the whole "
            f"model, as seq2seq.mmd does, or use another",
            operation.id,
        )
    slots = choice.kind.slots(len(operation.inputs)) or []
    past = {before.id: now.id for now, before in graph.recurrences}
    named = [n for n, slot in enumerate(slots) if slot.name is not None and slot.name == choice.kind.result.name]
    for number, id in enumerate(operation.inputs):
        if past.get(id) == operation.output and named and number not in named:
            raise GraphError(
                f"operation {operation.id}[{operation.kind}] reads its own past, {id} '{graph.values[id]}', as "
                f"argument {number + 1}; its state is argument {named[0] + 1}: change the order of its arrows",
                (id, operation.id),
            )


def _misnamed(graph: Graph) -> Iterator[tuple[str | tuple[str, str], str]]:
    """(what is at fault, why) for every name that stands for something else in a model."""
    taken = Wired(Graph([], []), {})
    for id in graph.operations:
        if hasattr(taken, id):
            yield id, f"operation {id} has a name that every torch module has for something else; give it another id"
    for id in (*graph.values, *graph.operations):
        if id in OUTSIDE:
            yield id, f"{id} is the name of a part of the model around the step; use another id"
    for value in graph.values.values():
        maker, axes = graph.maker(value.id), _GIVEN.get(value.word)
        if axes and maker:
            yield (
                (maker.id, value.id),
                f"value {value.id} '{value}' is made by {maker.id}, but a model gives each step what is called "
                f"{value.word}; use another word",
            )
        elif axes and value.axes != axes:
            yield value.id, f"value {value.id} '{value}' is one for each {axes}; write that as its subscript"
        elif value.word in _HIDDEN and not maker:
            yield value.id, f"value {value.id} '{value}' has a word that stands for what no picture shows; use another"
        elif value.word == "output" and value.axes != "i":
            yield value.id, f"value {value.id} '{value}' has another subscript than i; an output is one for each i"
        elif value.word == "attn_weights" and value.axes not in ("ij", "ijk"):
            yield (
                value.id,
                f"value {value.id} '{value}' is one for each {value.axes}; weights are for each ij, use another word",
            )
    for now, before in graph.recurrences:
        if now.word == "output" and before.word != "prev_output":
            yield (
                before.id,
                f"value {before.id} '{before}' is the output of the step before, of which a step is given the symbol "
                f"that was chosen, embedded, as prev_output; use that word",
            )
        elif before.word == "prev_output" and now.word != "output":
            yield (
                before.id,
                f"value {before.id} '{before}' is {now.id} '{now}' of the step before, but what is called prev_output "
                f"is the symbol that was chosen by the output, embedded; use another symbol",
            )
        elif now.symbol == "s" and now.axes != "i":
            yield (
                now.id,
                f"value {now.id} '{now}' has the symbol of the decoder's state, which the bridge begins, and is one "
                f"for each {now.axes}; use another symbol",
            )
