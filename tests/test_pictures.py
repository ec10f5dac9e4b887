"""What holds for every picture that ships, and for the wiring of its name."""

from __future__ import annotations

import ast
import inspect
import json
import runpy
import textwrap
from pathlib import Path
from typing import Any

import pytest
import torch

from seq2seq_attn import Seq2Seq, mermaid
from seq2seq_attn.cipher import config, encrypted_batch
from seq2seq_attn.whole import around
from seq2seq_attn.wiring import Wiring
from seq2seq_attn.wirings import WIRINGS

ROOT = Path(__file__).parent.parent
every_wiring = pytest.mark.parametrize("wiring", WIRINGS.values(), ids=WIRINGS)
BENCHMARK: dict[str, Any] = runpy.run_path(str(ROOT / "benchmarks" / "pictures.py"))


def test_every_picture_has_a_wiring_of_its_name() -> None:
    others = {"seq2seq", "first_rnn"}  # the whole model around bahdanau, and the tutorial's network in examples/
    assert set(mermaid.shipped()) - others == set(WIRINGS)
    assert mermaid.load("seq2seq") == around(mermaid.load("bahdanau"), "RNN")
    for name, wiring in WIRINGS.items():
        assert Path(inspect.getfile(wiring)).stem == name
        assert wiring.__name__.lower() == name.replace("_", "")


def test_a_word_means_the_same_in_every_picture() -> None:
    symbols: dict[str, set[str]] = {}
    for name in mermaid.shipped():
        for value in mermaid.load(name).values.values():
            symbols.setdefault(value.word, set()).add(value.symbol)
    assert {word: found for word, found in symbols.items() if len(found) > 1} == {}


@every_wiring
def test_a_wiring_is_one_line_an_operation_and_nothing_else(wiring: type[Wiring]) -> None:
    (function,) = ast.parse(textwrap.dedent(inspect.getsource(wiring.forward))).body
    assert isinstance(function, ast.FunctionDef)
    _, *lines, last = function.body  # behind the docstring
    graph = mermaid.load(wiring.diagram)
    assert len(lines) == len(graph.operations)
    for line in lines:
        assert isinstance(line, ast.Assign) and isinstance(line.value, ast.Call)
        call = line.value
        assert isinstance(call.func, ast.Attribute) and call.func.attr in graph.operations
        for argument in (*call.args, *(keyword.value for keyword in call.keywords), *line.targets):
            assert isinstance(argument, ast.Name)
    assert isinstance(last, ast.Return) and isinstance(last.value, ast.Call)
    assert all(isinstance(argument, ast.Name) for argument in last.value.args)


@pytest.mark.parametrize("name", [*WIRINGS, "seq2seq"])
def test_every_picture_learns(name: str) -> None:
    model = Seq2Seq.from_diagram(name, config(name, hidden_size=40, attention_size=32))
    batch = encrypted_batch(["SECRET", "THIS-IS", "A", "CAESAR", "ZEBRA", "QUIZ"], 13)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    losses = []
    for _ in range(15):
        loss = model.loss(*batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    assert model.check() == []  # after training, as before


def test_every_picture_has_a_recipe_and_a_row_of_what_came_of_it() -> None:
    recipes = BENCHMARK["RECIPES"]
    assert {*recipes, "first_rnn"} == set(mermaid.shipped())
    measured = json.loads((ROOT / "benchmarks" / "pictures" / "measured.json").read_text(encoding="utf-8"))
    table = (ROOT / "benchmarks" / "pictures" / "README.md").read_text(encoding="utf-8")
    for name, recipe in recipes.items():
        row = measured[name]
        assert recipe.said().items() <= row.items()
        assert row["score"] == 1.0
        assert f"| {row['seed']} | {row['seconds']:.0f} | {row['score']:.1%} |" in table
        assert (ROOT / "benchmarks" / "pictures" / f"{name}.png").exists() == (name != "no_attention")


@pytest.mark.benchmark
@pytest.mark.parametrize("name", BENCHMARK["RECIPES"])
def test_every_picture_learns_its_task_without_a_mistake(name: str) -> None:
    assert BENCHMARK["run"](name, BENCHMARK["RECIPES"][name], 0, None)["score"] == 1.0
