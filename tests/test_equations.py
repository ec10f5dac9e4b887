"""Law 7: the seed's equations, written once more in scalar loops with nothing but floats, equal the nodes.

Bahdanau et al. 2015, section 3.1 and appendix A.
"""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from table import NODES, A, B, H, M, Row, S, V
from torch import Tensor

from seq2seq_attn.nodes import LSTMState

ROWS = {row.name: row for row in NODES}


def sample(name: str) -> tuple[Any, list[Any], dict[str, Any]]:
    """A node of the table, its arguments, and its parameters as nested lists of floats."""
    row: Row = ROWS[name]
    node = row.node()
    return node, row.arguments(), {key: value.tolist() for key, value in node.named_parameters()}


def close(result: Tensor, expected: list[list[float]]) -> None:
    torch.testing.assert_close(result, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-12)


def dot(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_energy_is_v_tanh_of_w_s_plus_u_h_plus_b() -> None:
    node, (query, memory), p = sample("energy")
    s, h = query.tolist(), memory.tolist()
    expected = [
        [
            sum(
                p["v.weight"][0][k]
                * math.tanh(dot(p["W.weight"][k], s[b]) + dot(p["U.weight"][k], h[b][j]) + p["U.bias"][k])
                for k in range(A)
            )
            for j in range(S)
        ]
        for b in range(B)
    ]
    close(node(query, memory), expected)


def test_softmax_is_exp_e_over_the_sum_of_exp_e_at_real_positions() -> None:
    node, (energies,), _ = sample("softmax")
    mask = torch.tensor([[True, False, True], [True, True, True]])
    e, real = energies.tolist(), mask.tolist()
    expected = [
        [
            math.exp(e[b][j]) / sum(math.exp(e[b][k]) for k in range(S) if real[b][k]) if real[b][j] else 0.0
            for j in range(S)
        ]
        for b in range(B)
    ]
    close(node(energies, mask=mask), expected)


def test_context_is_the_sum_of_alpha_h() -> None:
    node, (weights, memory), _ = sample("weighted_sum")
    alpha, h = weights.tolist(), memory.tolist()
    close(
        node(weights, memory),
        [[sum(alpha[b][j] * h[b][j][m] for j in range(S)) for m in range(M)] for b in range(B)],
    )


@pytest.mark.parametrize("name", ["gru", "gru, reset before"])
def test_gru_resets_after_or_before_the_recurrent_product(name: str) -> None:
    node, (y, state, context), p = sample(name)
    expected = []
    for b in range(B):
        x, s = y[b].tolist() + context[b].tolist(), state[b].tolist()

        def gate(which: int, k: int, x: list[float] = x) -> float:
            row = which * H + k
            return dot(p["cell.weight_ih"][row], x) + float(p["cell.bias_ih"][row])

        def recurrent(which: int, k: int, s: list[float] = s) -> float:
            row = which * H + k
            return dot(p["cell.weight_hh"][row], s) + float(p["cell.bias_hh"][row])

        r = [sigmoid(gate(0, k) + recurrent(0, k)) for k in range(H)]
        z = [sigmoid(gate(1, k) + recurrent(1, k)) for k in range(H)]
        if name == "gru":
            n = [math.tanh(gate(2, k) + r[k] * recurrent(2, k)) for k in range(H)]
        else:
            reset = [r[k] * s[k] for k in range(H)]
            n = [math.tanh(gate(2, k) + recurrent(2, k, reset)) for k in range(H)]
        expected.append([(1 - z[k]) * n[k] + z[k] * s[k] for k in range(H)])
    close(node(y, state, context), expected)


def test_lstm_is_input_forget_cell_and_output_gate() -> None:
    node, (y, state, context), p = sample("lstm")
    hidden, cells = [], []
    for b in range(B):
        x, s, c = y[b].tolist() + context[b].tolist(), state.hidden[b].tolist(), state.cell[b].tolist()
        gates = [
            dot(p["cell.weight_ih"][k], x)
            + p["cell.bias_ih"][k]
            + dot(p["cell.weight_hh"][k], s)
            + p["cell.bias_hh"][k]
            for k in range(4 * H)
        ]
        i, f, g, o = (gates[k * H : (k + 1) * H] for k in range(4))
        cell = [sigmoid(f[k]) * c[k] + sigmoid(i[k]) * math.tanh(g[k]) for k in range(H)]
        cells.append(cell)
        hidden.append([sigmoid(o[k]) * math.tanh(cell[k]) for k in range(H)])
    result: LSTMState = node(y, state, context)
    close(result.hidden, hidden)
    close(result.cell, cells)


@pytest.mark.parametrize("name", ["output, tanh", "output, maxout"])
def test_output_is_w_of_tanh_or_of_the_larger_of_each_pair(name: str) -> None:
    node, (y, state, context), p = sample(name)
    expected = []
    for b in range(B):
        x = y[b].tolist() + state[b].tolist() + context[b].tolist()
        t = [dot(row, x) + bias for row, bias in zip(p["hidden.weight"], p["hidden.bias"], strict=True)]
        if name == "output, maxout":
            t = [max(t[2 * k], t[2 * k + 1]) for k in range(len(t) // 2)]
        else:
            t = [math.tanh(value) for value in t]
        expected.append([dot(p["W.weight"][v], t) + p["W.bias"][v] for v in range(V)])
    close(node(y, state, context), expected)
