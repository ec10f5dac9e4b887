"""One sentence decoded once, as plain data: every value of every step, what else was likely, and what would be if."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from seq2seq_attn.examine import left_alone
from seq2seq_attn.explorer.names import Example
from seq2seq_attn.fused import log_probabilities
from seq2seq_attn.graph import Graph, Value
from seq2seq_attn.loop import Loop, Sentence
from seq2seq_attn.nodes.state import visible
from seq2seq_attn.search import Beginning, beam_search
from seq2seq_attn.trace import Recorder, TraceError

if TYPE_CHECKING:
    from seq2seq_attn.seq2seq import Seq2Seq

STRIP, TABLE = 256, 4096  # numbers kept of a value at each step; of one that is the same at all steps
LIKELY = 5  # symbols listed for the next place
TAIL = 24  # symbols kept of a hypothesis, its last
EFFORT = 4_000_000  # attention weights computed for what-ifs at most, unless one alone needs more
MATRICES = 100_000  # attention weights of what-ifs kept at most; if there are more, none


@torch.no_grad()
def replay(
    model: Seq2Seq, example: Example, *, beam: int, max_length: int, picture: Graph | None = None
) -> dict[str, Any]:
    """Decode one sentence greedily, in eval mode, and keep what is to be seen, as JSON can hold it.

    Numbers have 3 significant digits, those that are not finite are None, and names are as `printable` makes them.

    Args:
        model: to run; see `left_alone`.
        example: what is read, and what symbols are called.
        beam: size of the beam beside it.
        max_length: number of target symbols at most, ``eos`` included.
        picture: what is shown beside it; any, if none is given.

    Returns:
        ``positions``, the names of the h_j; ``lacking``, the unknown ones in words; ``steps``, each with the symbol
        ``chosen``, its ``probability``, the ``likely`` symbols and the ``beam``; ``values`` by id, each with the shape
        of one sentence's, the whole of it measured and the first numbers kept, for every step or once if it never
        changes; ``weights`` (T, K, S'), of K heads, None without attention; ``score``, the log-probability of what was
        chosen; ``without``, for the first positions, what is written when the decoder may not look there.

    Raises:
        TypeError, ValueError: see `check_symbols`; a ``beam`` or ``max_length`` below 1.
        TraceError: a step that no picture is true of, or another than ``picture``.
    """
    device = model.embed_source.weight.device
    row = example.symbols[None].to(device)
    real = torch.ones_like(row, dtype=torch.bool)
    with left_alone(model):
        model.eval()
        sentence = model.read(row, real)
        ends: dict[str, Any] = {"bos": model.bos, "eos": model.eos, "max_length": max_length}
        with Recorder(model.decoder.step) as recorder:
            decoded = model.decoder.greedy(sentence, **ends)
        graph, runs = recorder.graph(), [run.given | run.returned for run in recorder.runs]
        if picture is not None and (differences := graph.diff(picture, "this decode", "the model's example")):
            raise TraceError(f"the step is not the same everywhere: {'; '.join(differences)}")
        searched = beam_search(model.decoder, sentence, **ends, size=beam, keep_steps=True)
        chosen = decoded.symbols[0].tolist()
        without = _without(model, row, sentence, chosen, example, max_length) if "attn_weights" in runs[0] else None

    def hypothesis(found: Beginning) -> dict[str, Any]:
        symbols = [example.written(symbol) for symbol in found.symbols[-TAIL:]]
        score = numbers(torch.tensor(found.score))
        return {"symbols": symbols, "length": len(found.symbols), "score": score, "ended": found.ended}

    steps = []
    ended: list[Beginning] = []
    for number, (symbol, run) in enumerate(zip(chosen, runs, strict=True)):
        live = searched.steps[number] if number < len(searched.steps) else []
        probabilities = torch.softmax(run["output"][0], dim=-1)
        best, likely = probabilities.topk(min(LIKELY, len(probabilities)))
        listed = sorted([*ended, *live], key=lambda one: one.score, reverse=True)
        ended = [one for one in listed if one.ended]
        steps.append(
            {
                "chosen": example.written(symbol),
                "probability": numbers(probabilities[symbol]),
                "likely": [
                    [example.written(other), p] for other, p in zip(likely.tolist(), numbers(best), strict=True)
                ],
                "beam": [hypothesis(one) for one in listed] if live else [],
            }
        )
    weights = decoded.attn_weights[0]
    return {
        "first": example.written(model.bos),
        "positions": example.positions(model),
        "lacking": example.lacking(),
        "steps": steps,
        "values": {id: _value(value, [run[value.word] for run in runs]) for id, value in graph.values.items()},
        "weights": None if without is None else numbers(weights if weights.dim() == 3 else weights[:, None]),
        "score": numbers(decoded.scores[0]),
        "ended": chosen[-1] == model.eos,
        "without": without,
    }


def numbers(tensor: Tensor) -> Any:
    """The numbers of a tensor in lists, with 3 significant digits; None for one that is not finite; integers as is."""

    def short(number: Any) -> Any:
        if isinstance(number, list):
            return [short(each) for each in number]
        if isinstance(number, int):
            return number
        return float(f"{number:.3g}") if math.isfinite(number) else None

    return short(tensor.tolist())


def _value(value: Value, frames: list[Any]) -> dict[str, Any]:
    """What is kept of a value: the first numbers of its last axis, for the first of all others, as a table."""
    changes = any(frame is not frames[0] for frame in frames)
    tensors = [visible(frame)[0] for frame in (frames if changes else frames[:1])]
    tables = [tensor.reshape(-1, tensor.shape[-1] if tensor.dim() else 1) for tensor in tensors]
    budget = STRIP if changes else TABLE
    rows = min(len(tables[0]), budget)
    columns = min(tables[0].shape[1], budget // rows)
    shares = all(
        (table >= 0).all() and torch.allclose(table.sum(-1), table.new_ones(()), atol=1e-3) for table in tables
    )
    return {
        "word": value.word,
        "state": type(frames[0]).__name__ if isinstance(frames[0], tuple) else None,
        "shape": list(tensors[0].shape),
        "shares": shares,
        "frames": [
            {"numbers": numbers(table[:rows, :columns]), "measured": numbers(_measured(table.double()))}
            for table in tables
        ],
    }


def _measured(table: Tensor) -> Tensor:
    return torch.stack([table.min(), table.max(), table.mean(), table.norm()])


def _without(
    model: Seq2Seq, row: Tensor, sentence: Sentence, chosen: list[int], example: Example, max_length: int
) -> list[dict[str, Any]]:
    """For each position, what the decoder writes when it may not look there; h_j and s_0 are as they were."""
    size = int(sentence.mask.sum())
    count = min(size, max(1, EFFORT // (size * max_length)))
    mask = ~torch.eye(size, dtype=torch.bool, device=row.device)[:count]
    blinded = model.read(row.repeat(count, 1), torch.ones_like(row, dtype=torch.bool).repeat(count, 1))
    blinded = blinded._replace(mask=mask)
    decoded = model.decoder.greedy(blinded, bos=model.bos, eos=model.eos, max_length=max_length)
    scores = _log_probability(model, blinded, chosen)
    weights = decoded.attn_weights.mean(dim=2) if decoded.attn_weights.dim() == 4 else decoded.attn_weights
    kept = weights.numel() <= MATRICES
    return [
        {
            "symbols": [example.written(symbol) for symbol in symbols[real].tolist()],
            "score": numbers(score),
            "thousandths": (1000 * matrix[real]).round().int().tolist() if kept else None,
        }
        for symbols, real, score, matrix in zip(decoded.symbols, decoded.mask, scores, weights, strict=True)
    ]


def _log_probability(model: Seq2Seq, sentence: Sentence, chosen: list[int]) -> Tensor:
    """Of one target, for each sentence of a batch: (B,), in nats."""
    loop, rows = Loop(model.decoder.step, sentence), len(sentence.mask)
    total = sentence.encoder_hidden.new_zeros(rows)
    for before, symbol in zip([model.bos, *chosen[:-1]], chosen, strict=True):
        step = loop(model.decoder.embed_target(torch.full((rows,), before, device=total.device)))
        total = total + log_probabilities(step.output)[:, symbol]
    return total
