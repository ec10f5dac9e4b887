from __future__ import annotations

from typing import Any

import pytest
import torch
from models import OPTIONS, batch, config, model
from torch import Tensor
from torch.nn import functional as F

from seq2seq_attn import Seq2Seq
from seq2seq_attn.seq2seq import coverage_loss
from seq2seq_attn.training.objective import Objective, Sums
from seq2seq_attn.training.recipe import Recipe

every_model = pytest.mark.parametrize("name", OPTIONS)


def close(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)


def smooth(name: str, **options: Any) -> tuple[Seq2Seq, Objective]:
    """A model of the table in float64 without noise, but with gradients: a monotonic attention has them in training."""
    net = model(name).train("monotonic" in str(OPTIONS[name]))
    return net, Objective(net, Recipe(updates=1, **options))


def gradients(net: Seq2Seq, loss: Tensor) -> dict[str, Tensor]:
    found = torch.autograd.grad(loss, list(net.parameters()))
    return dict(zip((name for name, _ in net.named_parameters()), found, strict=True))


@every_model
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_sums_are_torchs_smoothed_loss_with_what_the_config_weighs_its_likelihood_and_the_right_rows(
    name: str, smoothing: float
) -> None:
    net, objective = smooth(name, label_smoothing=smoothing)
    source, source_mask, target, target_mask = batch(name)
    values = net(source, source_mask, target, target_mask)
    logits, real = values.output[target_mask], target[target_mask]
    expected = F.cross_entropy(logits, real, reduction="sum", label_smoothing=smoothing)
    if weight := net.config.coverage_loss:
        again = coverage_loss(values.coverage, values.attn_weights, target_mask)
        expected = expected + weight * again * target_mask.sum()
    sums = objective(source, source_mask, target, target_mask)
    close(sums.loss, expected)
    close(sums.nll, -logits.log_softmax(dim=-1).gather(1, real[:, None]).sum())
    rows = [torch.equal(y[m].argmax(dim=-1), t[m]) for y, t, m in zip(values.output, target, target_mask, strict=True)]
    assert sums.right == sum(rows) and not sums.nll.requires_grad


@every_model
def test_the_sums_and_gradients_of_pieces_are_those_of_the_whole(name: str) -> None:
    net, objective = smooth(name, label_smoothing=0.1)
    given = batch(name)
    own = torch.rand(given[2].shape) < 0.5
    for mask in (None, own):
        whole = objective(*given, mask)
        pieces = [
            objective(*(tensor[n::2] for tensor in given), mask if mask is None else mask[n::2]) for n in range(2)
        ]
        total = Sums(*(sum(each) for each in zip(*pieces, strict=True)))
        for a, b in zip(total, whole, strict=True):
            close(a, b)
        expected, found = gradients(net, whole.loss), gradients(net, total.loss)
        for key, gradient in expected.items():
            close(found[key], gradient)


def test_a_row_is_right_only_with_all_of_its_symbols() -> None:
    net = model("gru")
    source, source_mask, _, _ = batch()
    decoded = net.greedy(source, source_mask, max_length=6)
    objective = Objective(net, Recipe(updates=1))
    assert objective(source, source_mask, decoded.symbols, decoded.mask).right == 3
    other = decoded.symbols.clone()
    other[1, 0] = (other[1, 0] + 1) % 17
    assert objective(source, source_mask, other, decoded.mask).right == 2


def test_a_piece_without_rows_gives_every_parameter_a_gradient_of_0() -> None:
    net, objective = smooth("luong, lstm")
    sums = objective(*(tensor[:0] for tensor in batch()))
    assert [value.item() for value in sums] == [0.0, 0.0, 0.0]
    assert all(gradient.count_nonzero() == 0 for gradient in gradients(net, sums.loss).values())
    with torch.no_grad():
        net.bridge.hidden.bias.fill_(torch.inf)
    assert objective(*(tensor[:0] for tensor in batch())).loss == 0.0


@every_model
def test_the_models_own_symbols_nowhere_are_teacher_forcing_and_everywhere_greedy_decoding(name: str) -> None:
    net = model(name)
    source, source_mask, target, target_mask = batch(name)
    sentence, symbols = net.read(source, source_mask), net.before(target)
    nowhere = torch.zeros_like(target_mask)
    forced = net(source, source_mask, target, target_mask)
    for a, b in zip(net.decoder.sampled(sentence, symbols, nowhere), forced, strict=True):
        close(a, b)
    decoded = net.greedy(source, source_mask, max_length=4)
    chosen = net.decoder.sampled(sentence, symbols, ~nowhere).output.argmax(dim=-1)[:, : decoded.symbols.shape[1]]
    assert torch.equal(chosen[decoded.mask], decoded.symbols[decoded.mask])


@every_model
def test_sampled_is_teacher_forcing_on_the_symbols_that_it_read_gradients_included(name: str) -> None:
    net, objective = smooth(name)
    source, source_mask, target, target_mask = batch(name)
    own = torch.tensor([[True, False, True, True], [False, True, True, False], [True, True, False, True]])
    sentence, symbols = net.read(source, source_mask), net.before(target)
    values = net.decoder.sampled(sentence, symbols, own)
    read = symbols.clone()
    read[:, 1:] = torch.where(own[:, 1:], values.output.argmax(dim=-1)[:, :-1], read[:, 1:])
    assert not torch.equal(read, symbols) and torch.equal(read[:, 0], symbols[:, 0])
    again = net.decoder(sentence, read)
    close(values.output, again.output)
    loss = net.total_loss(again, target, target_mask, reduction="sum")
    close(objective(source, source_mask, target, target_mask, own).loss, loss)
    expected = gradients(net, loss)
    for key, gradient in gradients(net, objective(source, source_mask, target, target_mask, own).loss).items():
        close(gradient, expected[key])


def test_symbols_that_the_model_does_not_have_are_refused_with_its_own_symbols_too() -> None:
    source, source_mask, target, target_mask = batch()
    objective = Objective(model("gru"), Recipe(updates=1))
    target[1, 2] = 19
    for own in (None, target_mask):
        with pytest.raises(ValueError, match=r"target\[1, 2\] is 19; the vocabulary has the symbols 0 to 18"):
            objective(source, source_mask, target, target_mask, own)


@every_model
def test_every_model_runs_in_bfloat16_with_a_loss_and_gradients_in_float32(name: str) -> None:
    torch.manual_seed(5)
    net, given = Seq2Seq.from_config(config(**OPTIONS[name])), batch(name)

    def run(precision: Any, own: Tensor | None = None) -> Sums:
        torch.manual_seed(7)  # the same noise
        return Objective(net, Recipe(updates=1, label_smoothing=0.1, precision=precision))(*given, own)

    exact = run("float32")
    exact.loss.backward()
    expected = [parameter.grad.clone() for parameter in net.parameters()]
    for own in (None, torch.zeros_like(given[3])):
        net.zero_grad()
        sums = run("bfloat16", own)
        sums.loss.backward()
        assert all(value.dtype == torch.float32 for value in sums)
        torch.testing.assert_close(sums.nll, exact.nll, rtol=0.05, atol=0.0)
        found = [parameter.grad for parameter in net.parameters()]
        assert all(gradient.dtype == torch.float32 and gradient.isfinite().all() for gradient in found)
        assert not all(map(torch.equal, found, expected))
