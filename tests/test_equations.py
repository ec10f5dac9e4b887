"""Law 7: the equations of the papers, written once more in scalar loops with nothing but floats, equal the nodes.

One function for each row of the table: it takes the node's parameters as nested lists and one sentence's arguments,
and gives what the node should. A node without one fails.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from typing import Any

import pytest
import torch
from table import NODES, UNKNOWN, E, H, R, Row, V, mapped, tensors

REAL = [[True, False, True], [True, True, True]]  # of each sentence: which positions are

Vector = list[float]
Parameters = dict[str, Any]


def dot(a: Vector, b: Vector) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def affine(weight: list[Vector], x: Vector, bias: Vector | None = None) -> Vector:
    return [dot(row, x) + (bias[k] if bias else 0.0) for k, row in enumerate(weight)]


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def softmax(x: Vector) -> Vector:
    return [math.exp(value) / sum(map(math.exp, x)) for value in x]


def beside(x: Sequence[Vector]) -> Vector:
    return [value for part in x for value in part]


def below(p: Parameters, prefix: str) -> Parameters:
    """The parameters of a part."""
    return {name.removeprefix(prefix): value for name, value in p.items() if name.startswith(prefix)}


def feedforward_energy(p: Parameters, s: Vector, h: list[Vector], *features: Any) -> Vector:
    energies = []
    for j in range(len(h)):
        f = [x for feature in features for x in (feature[j] if isinstance(feature[j], list) else [feature[j]])]
        ws, uh = affine(p["W.weight"], s), affine(p["U.weight"], h[j], p["U.bias"])
        ff = affine(p["F.weight"], f) if f else [0.0] * len(ws)
        energies.append(dot(p["v.weight"][0], [math.tanh(sum(terms)) for terms in zip(ws, uh, ff, strict=True)]))
    return energies


def concat_energy(p: Parameters, s: Vector, h: list[Vector]) -> Vector:
    return [dot(p["v.weight"][0], [math.tanh(x) for x in affine(p["W.weight"], s + h_j)]) for h_j in h]


def general_energy(p: Parameters, s: Vector, h: list[Vector]) -> Vector:
    return [dot(s, affine(p["W.weight"], h_j)) for h_j in h]


def dot_energy(p: Parameters, s: Vector, h: list[Vector]) -> Vector:
    return [dot(s, h_j) for h_j in h]


def scaled_energy(p: Parameters, s: Vector, h: list[Vector]) -> Vector:
    return [dot(s, h_j) / math.sqrt(len(s)) for h_j in h]


def heads(energy: Callable[..., Vector], p: Parameters, s: Vector, h: list[Vector]) -> list[Vector]:
    result = []
    for k in range(E):
        own = slice(2 * k, 2 * k + 2)
        projected = [affine(p["U.weight"][own], h_j) for h_j in h]
        result.append(energy(below(p, f"heads.{k}."), affine(p["W.weight"][own], s), projected))
    return result


def heads_sum(p: Parameters, alpha: list[Vector], h: list[Vector]) -> Vector:
    read = []
    for k in range(E):
        values = [affine(p["V.weight"][2 * k : 2 * k + 2], h_j) for h_j in h]
        read += [sum(alpha[k][j] * values[j][d] for j in range(len(h))) for d in range(2)]
    return affine(p["W.weight"], read)


def location(p: Parameters, alpha: Vector) -> list[Vector]:
    def at(j: int) -> float:
        return alpha[j] if 0 <= j < len(alpha) else 0.0

    return [
        [sum(p["F.weight"][f][0][r + 2] * at(j + r) for r in range(-2, 3)) for f in range(E)] for j in range(len(alpha))
    ]


def softmax_of_the_real(t: float, p: Parameters, e: Vector, real: list[bool]) -> Vector:
    total = sum(math.exp(e[k] / t) for k in range(len(e)) if real[k])
    return [math.exp(e[j] / t) / total if real[j] else 0.0 for j in range(len(e))]


def threshold(power: int, scale: float, p: Parameters, e: Vector, real: list[bool]) -> Vector:
    """Sparsemax and 1.5-entmax by halving the interval in which tau is, where the node sorts."""
    z = [e_j / scale for e_j, r in zip(e, real, strict=True) if r]
    low, high = max(z) - 1, max(z)
    for _ in range(200):
        tau = (low + high) / 2
        low, high = (tau, high) if sum(max(x - tau, 0.0) ** power for x in z) > 1 else (low, tau)
    return [max(e_j / scale - low, 0.0) ** power if r else 0.0 for e_j, r in zip(e, real, strict=True)]


def hard(p: Parameters, e: Vector, real: list[bool]) -> Vector:
    best = max(e_j for e_j, r in zip(e, real, strict=True) if r)
    return [float(r and e_j == best) for e_j, r in zip(e, real, strict=True)]


def monotonic(p: Parameters, e: Vector, before: Vector, real: list[bool]) -> Vector:
    """The sum over all ways to decide at every position, each with its probability: equations 4 to 8."""
    stop = [sigmoid(e_j + p["r"]) if r else 0.0 for e_j, r in zip(e, real, strict=True)]
    alpha = [0.0] * len(e)
    for start, z in product(range(len(e)), product((False, True), repeat=len(e))):
        chance = before[start] * math.prod(q if stops else 1 - q for q, stops in zip(stop, z, strict=True))
        for j in range(start, len(e)):
            if z[j]:
                alpha[j] += chance
                break
    return alpha


def monotonic_hard(p: Parameters, e: Vector, before: Vector, real: list[bool]) -> Vector:
    start = next(j for j in range(len(e)) if before[j] > 0)
    for j in range(start, len(e)):
        if real[j] and sigmoid(e[j] + p["r"]) > 0.5:
            return [float(k == j) for k in range(len(e))]
    return [0.0] * len(e)


def window(p: Parameters, alpha: Vector, s: Vector, real: list[bool]) -> Vector:
    hidden = [math.tanh(x) for x in affine(p["W.weight"], s)]
    centre, sigma = sum(real) * sigmoid(dot(p["v.weight"][0], hidden)), 2 / 2
    result, position = [], 0
    for a, r in zip(alpha, real, strict=True):
        inside = r and abs(position - centre) <= 2
        result.append(a * math.exp(-((position - centre) ** 2) / (2 * sigma**2)) if inside else 0.0)
        position += r
    return result


def coverage(p: Parameters, k: Vector, alpha: Vector) -> Vector:
    return [k[j] + alpha[j] for j in range(len(k))]


def fertility(p: Parameters, k: Vector, alpha: Vector, h: list[Vector]) -> Vector:
    return [k[j] + alpha[j] / (2.0 * sigmoid(dot(p["U.weight"][0], h[j]))) for j in range(len(k))]


def weighted_sum(p: Parameters, alpha: Vector, h: list[Vector]) -> Vector:
    return [sum(alpha[j] * h[j][m] for j in range(len(h))) for m in range(len(h[0]))]


def gru(reset_after: bool, p: Parameters, x: Vector, s: Vector) -> Vector:
    w, u, b, c = (p[f"cell.{name}"] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))

    def rows(which: int) -> slice:
        return slice(which * H, which * H + H)

    def sums(which: int, state: Vector) -> tuple[Vector, Vector]:
        return affine(w[rows(which)], x, b[rows(which)]), affine(u[rows(which)], state, c[rows(which)])

    r, z = ([sigmoid(a + b) for a, b in zip(*sums(which, s), strict=True)] for which in (0, 1))
    inputs, recurrent = sums(2, s if reset_after else [r[k] * s[k] for k in range(H)])
    n = [math.tanh(inputs[k] + (r[k] if reset_after else 1.0) * recurrent[k]) for k in range(H)]
    return [(1 - z[k]) * n[k] + z[k] * s[k] for k in range(H)]


def elman(p: Parameters, x: Vector, s: Vector) -> Vector:
    inputs = affine(p["cell.weight_ih"], x, p["cell.bias_ih"])
    recurrent = affine(p["cell.weight_hh"], s, p["cell.bias_hh"])
    return [math.tanh(inputs[k] + recurrent[k]) for k in range(H)]


def lstm(p: Parameters, x: Vector, state: tuple[Vector, Vector]) -> tuple[Vector, Vector]:
    inputs = affine(p["cell.weight_ih"], x, p["cell.bias_ih"])
    recurrent = affine(p["cell.weight_hh"], state[0], p["cell.bias_hh"])
    gates = [a + b for a, b in zip(inputs, recurrent, strict=True)]
    i, f, g, o = (gates[k * H : (k + 1) * H] for k in range(4))
    cell = [sigmoid(f[k]) * state[1][k] + sigmoid(i[k]) * math.tanh(g[k]) for k in range(H)]
    return [sigmoid(o[k]) * math.tanh(cell[k]) for k in range(H)], cell


def step(cell: Callable[..., Any], p: Parameters, y: Vector, s: Any, c: Vector) -> Any:
    return cell(p, y + c, s)


def layers(cell: Callable[..., Any], residual: bool, p: Parameters, y: Vector, s: Any, c: Vector) -> Any:
    x, states = y + c, []
    for number, state in enumerate(s.layers):
        states.append(cell(below(p, f"layers.{number}."), x, state))
        given = states[-1][0] if isinstance(states[-1], tuple) else states[-1]
        x = [a + b for a, b in zip(given, x, strict=True)] if residual and number else given
    return x, tuple(states)


def tanh_layer(p: Parameters, *x: Vector) -> Vector:
    return [math.tanh(value) for value in affine(p["W.weight"], beside(x))]


def readout(kind: str, p: Parameters, *x: Vector) -> Vector:
    t = affine(p["hidden.weight"], beside(x), p["hidden.bias"])
    t = [max(t[2 * k], t[2 * k + 1]) for k in range(R)] if kind == "maxout" else [math.tanh(value) for value in t]
    return affine(p["W.weight"], t, p["W.bias"])


def linear(p: Parameters, *x: Vector) -> Vector:
    return affine(p["W.weight"], beside(x), p["W.bias"])


def tied(p: Parameters, *x: Vector) -> Vector:
    return affine(p["embedding.weight"][:V], affine(p["W.weight"], beside(x)), p["b"])


def mixture(p: Parameters, *x: Vector) -> Vector:
    joined = beside(x)
    prior, total = softmax(affine(p["prior.weight"], joined)), [0.0] * V
    for k in range(3):
        own = slice(k * R, k * R + R)
        t = [math.tanh(value) for value in affine(p["hidden.weight"][own], joined, p["hidden.bias"][own])]
        parts = softmax(affine(p["W.weight"], t, p["W.bias"]))
        total = [total[w] + prior[k] * parts[w] for w in range(V)]
    return [math.log(value) for value in total]


def gate(p: Parameters, *x: Vector) -> Vector:
    return [sigmoid(dot(p["w.weight"][0], beside(x)) + p["w.bias"][0])]


def copy(p: Parameters, v: Vector, gate: Vector, alpha: Vector, x: list[int]) -> Vector:
    known, result = softmax(v), []
    for w in range(V + UNKNOWN):
        copied = sum(alpha[j] for j in range(len(x)) if x[j] == w)
        chance = gate[0] * (known[w] if w < V else 0.0) + (1 - gate[0]) * copied
        result.append(math.log(chance if chance else torch.finfo(torch.float64).tiny))
    return result


def linear_energy(p: Parameters, first: Vector, second: Vector, third: list[Vector]) -> Vector:
    return [dot(p["w.weight"][0], [first[j], second[j], *third[j]]) for j in range(len(first))]


ENERGIES = {
    "dot": dot_energy,
    "scaled_dot": scaled_energy,
    "general": general_energy,
    "concat": concat_energy,
    "feedforward": feedforward_energy,
}
EQUATIONS: dict[str, Callable[..., Any]] = {
    "energy": feedforward_energy,
    "energy, features": feedforward_energy,
    "mix": linear_energy,
    "energy, concat": concat_energy,
    "energy, general": general_energy,
    "energy, dot": dot_energy,
    "energy, scaled_dot": scaled_energy,
    **{f"heads, {name}": partial(heads, energy) for name, energy in ENERGIES.items()},
    "location": location,
    "softmax": partial(softmax_of_the_real, 1.0),
    "softmax, temperature": partial(softmax_of_the_real, 1.7),
    "sparsemax": partial(threshold, 1, 1.0),
    "entmax15": partial(threshold, 2, 2.0),
    "hard": hard,
    "monotonic": monotonic,
    "monotonic, evaluation": monotonic_hard,
    "local_p": window,
    "coverage": coverage,
    "fertility": fertility,
    "weighted_sum": weighted_sum,
    "heads, weighted_sum": heads_sum,
    "gru": partial(step, partial(gru, True)),
    "gru, reset before": partial(step, partial(gru, False)),
    "elman": partial(step, elman),
    "lstm": partial(step, lstm),
    "layers, gru": partial(layers, partial(gru, True), True),
    "layers, gru, reset before": partial(layers, partial(gru, False), False),
    "layers, lstm": partial(layers, lstm, True),
    "layers, elman": partial(layers, elman, False),
    "tanh layer": tanh_layer,
    "output, tanh": partial(readout, "tanh"),
    "output, maxout": partial(readout, "maxout"),
    "output, linear": linear,
    "output, tied": tied,
    "output, mixture": mixture,
    "gate": gate,
    "copy": copy,
}


@pytest.mark.parametrize("row", NODES, ids=[row.name for row in NODES])
def test_a_node_is_its_equation_in_scalar_loops(row: Row) -> None:
    node, arguments = row.node(), row.arguments()
    parameters = {name: value.tolist() for name, value in node.named_parameters()}
    result = tensors(node(*arguments, **row.hidden(torch.tensor(REAL))))
    for b, real in enumerate(REAL):
        sentence = [mapped(argument, lambda part, b=b: part[b].tolist()) for argument in arguments]
        expected = EQUATIONS[row.name](parameters, *sentence, **({"real": real} if row.masked else {}))
        for part, values in zip(result, tensors(expected), strict=True):
            torch.testing.assert_close(part[b], torch.tensor(values, dtype=torch.float64), rtol=0, atol=1e-12)


def test_every_equation_is_of_a_node() -> None:
    assert EQUATIONS.keys() == {row.name for row in NODES}
