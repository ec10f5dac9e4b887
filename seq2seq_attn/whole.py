"""The whole encoder-decoder as one picture: embeddings, encoder and bridge around the step."""

from __future__ import annotations

from seq2seq_attn.graph import Graph, GraphError, Operation, Value

OUTSIDE = ("embed_source", "encoder", "bridge", "embed_target")


def around(step: Graph, encoder: str) -> Graph:
    """The picture of a whole model.

    Args:
        step: the picture of its decoder's step.
        encoder: the text of the encoder: ``RNN``, ``pyramid``, …
    """
    values = {value.word: value for value in step.values.values()}
    for role in ("x_{j} source", "h_{j} encoder_hidden"):  # which the step may read
        values.setdefault(Value.parse(role).word, _free(role, step))
    embedded, first, symbol = (
        _free(role, step) for role in ("u_{j} embedded", "s_{0} first_decoder", "w_{i-1} prev_symbol")
    )
    values |= {value.word: value for value in (embedded, first, symbol)}
    carries_s = any(now.symbol == "s" for now, _ in step.recurrences)
    reads_y = "prev_output" in values
    outside = [
        ("embed_source", "embedding", "source", embedded.word, True),
        ("encoder", encoder, embedded.word, "encoder_hidden", True),
        ("bridge", "bridge", "encoder_hidden", first.word, carries_s),
        ("embed_target", "embedding", symbol.word, "prev_output", reads_y),
    ]
    operations = [
        Operation(id, kind, (values[source].id,), values[target].id)
        for id, kind, source, target, is_there in outside
        if is_there
    ]
    operations += step.operations.values()
    used = {id for operation in operations for id in (*operation.inputs, operation.output)}
    return Graph([value for value in values.values() if value.id in used], operations)


def chosen(graph: Graph) -> tuple[Value, Value] | None:
    """(y_i, w_{i-1}) of a whole picture: the symbol that the output chose is what the next step begins with.

    >>> from seq2seq_attn import mermaid
    >>> [value.word for value in chosen(mermaid.load("seq2seq"))]
    ['output', 'prev_symbol']
    """
    outputs = [value for value in graph.values.values() if value.word == "output"]
    if "embed_target" not in graph.operations or not outputs:
        return None
    return outputs[0], graph.values[graph.operations["embed_target"].inputs[0]]


def split(graph: Graph) -> tuple[Graph, str | None]:
    """The picture of the step, and the text of the encoder if the picture shows one; None if it is a step's already.

    Raises:
        GraphError: a picture with an encoder that is not the whole one around its step.
    """
    if "encoder" not in graph.operations:
        return graph, None
    inside = [operation for operation in graph.operations.values() if operation.id not in OUTSIDE]
    used = {id for operation in inside for id in (*operation.inputs, operation.output)}
    step = Graph([value for value in graph.values.values() if value.id in used], inside, graph.places)
    encoder = graph.operations["encoder"].kind
    expected = around(step, encoder)
    if differences := graph.diff(expected, "this picture", "a whole one around its step"):
        strange: list[str | tuple[str, str]] = [
            *((source, target) for source, target in graph.arrows if (source, target) not in expected.arrows),
            *(id for id, value in graph.values.items() if value != expected.values.get(id)),
            *(id for id, operation in graph.operations.items() if operation != expected.operations.get(id)),
            "encoder",
        ]
        raise GraphError(
            f"around the step stands what does not in seq2seq.mmd, where only the encoder's text is free: "
            f"{'; '.join(differences)}",
            strange[0],
        )
    return step, encoder


def _free(text: str, step: Graph) -> Value:
    """A value around the step; its symbol is doubled, and its word prolonged, as long as the step has the same."""
    value = Value.parse(text)
    ids = {*step.values, *step.operations}
    symbols = {(other.symbol, other.subscript) for other in step.values.values()}
    words = {other.word for other in step.values.values()}
    while value.id in ids or (value.symbol, value.subscript) in symbols:
        value = Value.parse(f"{2 * value.symbol}_{{{value.subscript}}} {value.word}")
    while value.word in words:
        value = Value(value.id, value.symbol, value.subscript, f"{value.word}_")
    return value
