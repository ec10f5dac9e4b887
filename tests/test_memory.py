"""What a training step or a decoding has made is gone once nobody holds it, without the garbage collector."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from models import OPTIONS, batch, model
from test_fused import DECODED, with_compiler
from torch import Tensor

from seq2seq_attn import Recipe
from seq2seq_attn.training.objective import Objective

MODELS = [pytest.param(name, loop, id=f"{name}, {loop}") for name in OPTIONS for loop in ("fastest", "plain")]
MODELS += [pytest.param(name, "compiled", id=f"{name}, compiled", marks=with_compiler) for name in DECODED]


@pytest.fixture
def uncollected() -> Iterator[None]:
    """No garbage is collected, so that a cycle keeps what it holds; what there was before is not looked through."""
    gc.disable()
    gc.freeze()
    yield
    gc.unfreeze()
    gc.enable()


def tensors() -> int:
    return sum(issubclass(type(found), Tensor) for found in gc.get_objects())


def leaves_nothing(run: Callable[[], object]) -> None:
    for _ in range(2):
        run()
    before = tensors()
    for _ in range(2):
        run()
    assert tensors() == before


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize(("name", "loop"), MODELS)
def test_a_step_leaves_nothing(name: str, loop: Any) -> None:
    net = model(name).train()
    net.loop = loop
    objective, given = Objective(net, Recipe(updates=1)), tuple(tensor.repeat(16, 1) for tensor in batch(name))

    def step() -> None:
        net.zero_grad()
        objective(*given).loss.backward()
        net(*given)  # one that nobody walks back

    leaves_nothing(step)


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize(("name", "loop"), MODELS)
def test_a_decoding_leaves_nothing(name: str, loop: Any) -> None:
    net, (source, mask, _, _) = model(name), batch(name)
    net.loop = loop

    def decode() -> None:
        net.greedy(source, mask, max_length=5)
        net.beam(source, mask, max_length=5, size=3)

    leaves_nothing(decode)


@pytest.mark.usefixtures("uncollected")
def test_a_gradient_of_a_gradient_leaves_nothing() -> None:
    net, given = model("gru").train(), batch()
    parameters = [*net.parameters()]

    def twice() -> None:
        first = torch.autograd.grad(net(*given).output.sin().sum(), parameters, create_graph=True)
        torch.autograd.grad(sum(grad.square().sum() for grad in first), parameters, allow_unused=True)

    leaves_nothing(twice)
