"""The second look at a picture: whether each arrow is real, and what no arrow shows is harmless."""

from __future__ import annotations

import copy
import inspect
from typing import Any

import torch
from torch import Tensor, nn

from seq2seq_attn.trace import Call, Recorder
from seq2seq_attn.wiring import parts


def dead_arrows(*recorders: Recorder) -> list[str]:
    """Arrows that are drawn but carry nothing: no gradient of the node's result flows through them in any recorded run.

    Each node is asked by itself, on the arguments that it really had, in float64, so that what reaches its result on
    another way does not count; and with a little noise on its parameters, since first weights of zero (the paper's v_a)
    silence an arrow without making it less real. Should nothing flow in evaluation (a hard choice has no gradient), it
    is asked in training, and then with its arguments made a thousand times smaller (of energies far apart sparsemax
    keeps one, whatever they are). An argument of whole numbers has no gradient: there the result has to change with it.

    Args:
        recorders: closed, of one graph, with at least one run over two source positions.

    Returns:
        A sentence for each dead arrow, in the words of the picture; [] when all are real.
    """
    operations = recorders[0].graph().operations
    alive: dict[tuple[str, str], bool] = {}
    for call in (call for recorder in recorders for run in recorder.runs for call in run.calls):
        inputs = operations[call.id].inputs
        for training, scale in ((False, 1.0), (True, 1.0), (False, 1e-3)):
            if all(alive.get((source, call.id), False) for source in inputs):
                break
            for source, flows in zip(inputs, _flows(call, training, scale), strict=True):
                alive[source, call.id] = alive.get((source, call.id), False) or flows
    return [
        f"arrow {source} → {id} is dead: nothing flows through it" for (source, id), flows in alive.items() if not flows
    ]


def false_keywords(recorder: Recorder) -> list[str]:
    """Keywords that change what a node gives, though it can do without them: keys that are not its arguments' keys.

    Args:
        recorder: closed.

    Returns:
        A sentence for each; [] when every node gives the same with and without them.
    """
    found: list[str] = []
    for call in (call for run in recorder.runs for call in run.calls):
        needed = _needed(call)
        if needed.keys() != call.kwargs.keys():
            node = copy.deepcopy(call.node).eval()
            with torch.no_grad():
                handed, alone = node(*call.args, **call.kwargs), node(*call.args, **needed)
            extra = ", ".join(f"{name}=" for name in call.kwargs.keys() - needed.keys())
            sentence = f"node {call.id} gives something else with the {extra} that it was handed than without"
            pairs = zip(parts(handed), parts(alone), strict=True)
            if sentence not in found and not all(torch.allclose(a, b, rtol=1e-3, atol=1e-4) for a, b in pairs):
                found.append(sentence)
    return found


def _needed(call: Call) -> dict[str, Any]:
    """The keywords of a call, less the tensors that its node can do without: keys from before the loop."""
    parameters = inspect.signature(call.node.forward).parameters.values()
    required = {p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty}
    return {name: value for name, value in call.kwargs.items() if name in required or not _is_real(value)}


def _flows(call: Call, training: bool, scale: float) -> list[bool]:
    """For each argument, whether the node's result depends on it; ``scale`` multiplies those that are real numbers."""
    node = _disturbed(call.node).train(training)
    # Without keys from before the loop, which would hide the argument that they were computed from.
    kwargs = {name: _leaf(value) for name, value in _needed(call).items()}
    args = [_leaf(argument, scale) for argument in call.args]
    devices = list({part.device for part in parts(call.result) if part.is_cuda})
    with torch.enable_grad(), torch.random.fork_rng(devices=devices):
        total = _mixture(node(*args, **kwargs))
        flows = []
        for position, argument in enumerate(args):
            leaves = [leaf for leaf in parts(argument) if leaf.requires_grad]
            if leaves and not total.requires_grad:
                flows.append(False)
            elif leaves:
                gradients = torch.autograd.grad(total, leaves, retain_graph=True, allow_unused=True)
                flows.append(any(bool(gradient.any()) for gradient in gradients if gradient is not None))
            else:
                others = [*args[:position], _other(argument), *args[position + 1 :]]
                flows.append(not torch.equal(_mixture(node(*others, **kwargs)), total))
    return flows


def _disturbed(node: nn.Module) -> nn.Module:
    """A copy in float64 with noise on its parameters, the same at each call."""
    node = copy.deepcopy(node).double()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in node.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
            parameter.add_(0.1 * noise.to(parameter.device))
    return node


def _other(whole: Tensor) -> Tensor:
    """Other whole numbers, or truth values, in the range of these: the lowest, and the highest where the lowest was."""
    if whole.dtype == torch.bool:
        return ~whole
    low, high = torch.aminmax(whole)
    return torch.where(whole == low, high if high > low else 1 - low.clamp(0, 1), low)


def _mixture(result: Any) -> Tensor:
    """One number that every element of a result takes part in, each with a weight of its own."""
    flat = torch.cat([part.flatten().double() for part in parts(result)])
    return (flat * torch.cos(torch.arange(len(flat), dtype=flat.dtype, device=flat.device))).sum()


def _leaf(value: Any, scale: float = 1.0) -> Any:
    if isinstance(value, tuple):
        return type(value)(*(_leaf(part, scale) for part in value))
    return (value.detach().double() * scale).requires_grad_() if _is_real(value) else value


def _is_real(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point()
