from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from models import OPTIONS, batch, config, model

from seq2seq_attn import Batch, Seq2Seq, exact_match, train
from seq2seq_attn.seq2seq import coverage_loss, cross_entropy
from seq2seq_attn.training.loop import Progress


def batches() -> Iterator[Batch]:
    torch.manual_seed(1)
    while True:
        yield Batch(*batch())


def learn(steps: int, **options: Any) -> tuple[Seq2Seq, list[Progress]]:
    torch.manual_seed(5)
    net = Seq2Seq.from_config(config(dropout=0.1, **options))
    return net, list(train(net, batches(), steps=steps, learning_rate=0.01))


@pytest.mark.parametrize(
    "name", ["gru", "luong, lstm", "monotonic", "hard", "elman of two layers, variational", "transformer"]
)
def test_the_same_seed_is_the_same_training_bit_for_bit(name: str) -> None:
    (first, history), (second, again) = learn(7, **OPTIONS[name]), learn(7, **OPTIONS[name])
    assert history == again and [progress.step for progress in history] == list(range(1, 8))
    for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_one_batch_is_learnt_by_heart() -> None:
    torch.manual_seed(5)
    net, one = Seq2Seq.from_config(config()), Batch(*batch())
    history = list(train(net, [one] * 150, steps=150, learning_rate=0.03))
    assert history[0].exact_match == 0.0 and history[0].loss == pytest.approx(math.log(19), rel=0.2)
    assert history[-1].exact_match == 1.0 and history[-1].loss < 0.1
    assert exact_match(net, [one]) == 1.0


@pytest.mark.parametrize("name", ["luong", "coverage loss", "multihead", "tied", "pyramid", "pointer_generator"])
def test_every_kind_of_model_learns(name: str) -> None:
    torch.manual_seed(5)
    net, one = Seq2Seq.from_config(config(**OPTIONS[name])), Batch(*batch(name))
    history = list(train(net, [one] * 40, steps=40, learning_rate=0.03))
    assert history[-1].loss < history[0].loss / 2 and all(math.isfinite(progress.loss) for progress in history)


def test_the_loss_of_a_step_counts_what_is_read_again() -> None:
    torch.manual_seed(5)
    net, one = Seq2Seq.from_config(config(**OPTIONS["coverage loss"])), Batch(*batch())
    values = net(*one)
    expected = cross_entropy(values.output, one.target, one.target_mask) + 1.5 * coverage_loss(
        values.coverage, values.attn_weights, one.target_mask
    )
    (progress,) = train(net, [one], steps=1, learning_rate=0.01)
    assert progress.loss == pytest.approx(expected.item())


def test_exact_match_in_training_is_what_greedy_decoding_has_right() -> None:
    torch.manual_seed(5)
    net, one = Seq2Seq.from_config(config()), Batch(*batch())
    shares = set()
    for progress in train(net, [one] * 60, steps=60, learning_rate=0.03):
        shares.add(progress.exact_match)
        assert next(train(net, [one], steps=1, learning_rate=0.0)).exact_match == pytest.approx(exact_match(net, [one]))
        net.train()
    assert len(shares) > 2


def test_a_row_is_right_only_with_its_end() -> None:
    net = model("gru")
    source, source_mask, _, _ = batch()
    decoded = net.greedy(source, source_mask, max_length=6)
    assert exact_match(net, [Batch(source, source_mask, decoded.symbols, decoded.mask)]) == 1.0
    longer = torch.cat([decoded.symbols, torch.full((3, 1), 2)], dim=1)
    mask = torch.cat([decoded.mask, torch.ones(3, 1, dtype=torch.bool)], dim=1)
    mask = mask | (torch.arange(mask.shape[1]) < mask.sum(dim=1, keepdim=True))
    net.decoder.step.out.W.bias.data[2] = -1e3  # the symbol that every longer target asks for is never chosen
    assert exact_match(net, [Batch(source, source_mask, longer, mask)]) == 0.0


def test_the_learning_rate_rises_then_holds_then_falls_to_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    rates: list[float] = []
    step = torch.optim.Adam.step

    def spy(self: torch.optim.Adam, *args: object) -> object:
        rates.append(self.param_groups[0]["lr"])
        return step(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(torch.optim.Adam, "step", spy)
    net = Seq2Seq.from_config(config())
    list(train(net, batches(), steps=10, learning_rate=1.0, warmup=2))
    assert rates == pytest.approx([1 / 3, 2 / 3, 1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2])


def test_batches_that_end_early_and_a_loss_that_is_not_finite_are_refused() -> None:
    net, one = Seq2Seq.from_config(config()), Batch(*batch())
    with pytest.raises(ValueError, match="the batches ended after 2 of 3 steps"):
        list(train(net, [one] * 2, steps=3, learning_rate=0.01))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    net.decoder.step.out.W.bias.data[3] = torch.nan
    with pytest.raises(ValueError, match=r"the loss of step 1 is nan; try a lower learning rate than 0.01"):
        list(train(net, [one], steps=1, learning_rate=0.01))
    del before["decoder.step.out.W.bias"]
    assert all(torch.equal(net.state_dict()[name], value) for name, value in before.items())
    with pytest.raises(ValueError, match="there is no batch to score"):
        exact_match(net, [])


def test_training_is_adam_on_clipped_gradients_of_each_batch_alone() -> None:
    """The same three steps, written out."""
    torch.manual_seed(5)
    net = Seq2Seq.from_config(config())
    twin = copy.deepcopy(net)
    given = [Batch(*batch()) for _ in range(3)]
    list(train(net, given, steps=3, learning_rate=0.01, warmup=0, clip=0.1))
    optimizer = torch.optim.Adam(twin.parameters())
    for one, rate in zip(given, (0.01, 0.01 * 2 * (1 - 1 / 3), 0.01 * 2 * (1 - 2 / 3)), strict=True):
        optimizer.zero_grad()
        twin.loss(*one).backward()
        norm = torch.stack([parameter.grad.norm() for parameter in twin.parameters()]).norm()
        assert norm > 0.1  # so that clipping matters
        for parameter in twin.parameters():
            parameter.grad.mul_(0.1 / norm)
        optimizer.param_groups[0]["lr"] = min(rate, 0.01)
        optimizer.step()
    for name, parameter in net.named_parameters():
        torch.testing.assert_close(parameter, dict(twin.named_parameters())[name], rtol=1e-4, atol=1e-6)


def test_training_is_in_training_mode_and_scoring_is_not() -> None:
    net = Seq2Seq.from_config(config(dropout=0.5)).eval()
    one = Batch(*batch())
    progress = train(net, [one] * 2, steps=2, learning_rate=0.01)
    next(progress)
    assert net.training
    exact_match(net, [one])
    assert not net.training


def test_a_gradient_that_is_not_finite_never_reaches_the_weights() -> None:
    net = Seq2Seq.from_config(config())
    net.bridge.hidden.weight.register_hook(lambda gradient: gradient * torch.inf)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with pytest.raises(ValueError, match=r"the gradient of step 1 is (inf|nan); try a lower learning rate than 0.01"):
        list(train(net, [Batch(*batch())], steps=1, learning_rate=0.01))
    assert all(torch.equal(net.state_dict()[name], value) for name, value in before.items())
