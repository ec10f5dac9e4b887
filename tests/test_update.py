from __future__ import annotations

import copy
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from models import batch, config, model
from safetensors.torch import load_file, save_file
from torch import Tensor, distributed, multiprocessing, nn

from seq2seq_attn import Batch, Seq2Seq
from seq2seq_attn.training.objective import Objective
from seq2seq_attn.training.ranks import Ranks
from seq2seq_attn.training.recipe import Recipe
from seq2seq_attn.training.update import Outcome, Update

MODELS = ["gru", "luong, lstm", "coverage loss", "pointer_generator", "transformer"]
SIZES = [5, 1, 3, 2]  # rows of the batches; one process of two has none of the second


def updates(name: str, ranks: Ranks | None = None, **options: Any) -> tuple[Seq2Seq, Update, list[Outcome]]:
    """A model of the table without noise, after an update on a batch of each size."""
    torch.manual_seed(5)
    net = model(name, scale=1.0)
    chosen = {"optimizer": "AdamW", "weight_decay": 0.1, "label_smoothing": 0.1, "scheduled_sampling": 0.5, **options}
    recipe = Recipe(updates=len(SIZES), **chosen)
    update = Update(Objective(net, recipe), recipe, ranks)
    return net, update, [update.run(rows(name, size), n, rate=0.01) for n, size in enumerate(SIZES, start=1)]


def rows(name: str, size: int) -> Batch:
    """A batch of the first so many rows."""
    torch.manual_seed(size)
    return Batch(*(torch.cat(two)[:size] for two in zip(batch(name), batch(name), strict=True)))


def weights(net: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in net.state_dict().items()}


def close(found: dict[str, Tensor], expected: dict[str, Tensor], tolerance: float) -> None:
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=0.0, atol=tolerance)


def same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> bool:
    return found.keys() == expected.keys() and all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("pieces", [2, 7])
def test_a_training_in_pieces_is_that_in_one(name: str, pieces: int) -> None:
    whole, _, expected = updates(name)
    net, _, found = updates(name, accumulate=pieces)
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, rel=1e-12)
    close(weights(net), weights(whole), 1e-11)  # Adam makes much of the rounding of a gradient that is nearly 0


def work(rank: int, folder: Path) -> None:
    """What each of two processes does; no update outlives the group, for which it could wait for ever."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"file://{folder / 'meeting'}", rank=rank, world_size=2)
    trainings(rank, folder)
    distributed.destroy_process_group()


def trainings(rank: int, folder: Path) -> None:
    """Those of this file, written down in a folder."""
    ranks = Ranks(rank, 2)
    for name in MODELS:
        for pieces in (1, 2):
            net, update, outcomes = updates(name, ranks, accumulate=pieces)
            write(folder / f"{name} {pieces} {rank}", net, outcomes)
    net, update, outcomes = updates("gru", ranks)
    write(folder / f"before {rank}", net, outcomes)
    for fault in ("gradient", "loss"):
        if rank == 1:
            remove = spoil(update.objective, fault)
        outcomes = [update.run(rows("gru", 3), 3, rate=0.01)]
        write(folder / f"{fault} {rank}", net, outcomes)
        if rank == 1:
            remove.remove()
    write(folder / f"after {rank}", net, [update.run(rows("gru", 3), 4, rate=0.01, stop=rank == 1)])


def write(path: Path, net: nn.Module, outcomes: list[Outcome]) -> None:
    save_file(weights(net), path.with_suffix(".safetensors"))
    path.with_suffix(".json").write_text(json.dumps(outcomes))


def read(path: Path) -> tuple[dict[str, Tensor], list[Outcome]]:
    outcomes = json.loads(path.with_suffix(".json").read_text())
    return load_file(path.with_suffix(".safetensors")), [Outcome(*outcome) for outcome in outcomes]


def spoil(objective: Objective, fault: str) -> Any:
    """Let the loss or one gradient be infinite, until what is returned is removed."""
    if fault == "gradient":
        return objective.model.bridge.hidden.weight.register_hook(lambda gradient: gradient * torch.inf)
    return objective.register_forward_hook(lambda module, given, sums: sums._replace(loss=sums.loss + torch.inf))


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes have written: forked from one that has loaded what they need, and nothing of these tests."""
    folder = tmp_path_factory.mktemp("together")
    multiprocessing.set_forkserver_preload(["torch._dynamo", __name__])
    multiprocessing.start_processes(work, (folder,), nprocs=2, start_method="forkserver")
    return folder


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("pieces", [1, 2])
def test_two_processes_are_one(together: Path, name: str, pieces: int) -> None:
    (first, outcomes), (second, others) = (read(together / f"{name} {pieces} {rank}") for rank in (0, 1))
    assert same(first, second) and outcomes == others
    net, _, expected = updates(name)
    for one, other in zip(outcomes, expected, strict=True):
        assert one == pytest.approx(other, rel=1e-9)
    close(first, weights(net), 1e-9)


@pytest.mark.parametrize("fault", ["gradient", "loss"])
def test_what_is_not_finite_in_one_process_is_left_out_by_all(together: Path, fault: str) -> None:
    before, _ = read(together / "before 0")
    for rank in (0, 1):
        after, (outcome,) = read(together / f"{fault} {rank}")
        assert same(after, before) and not outcome.applied
        assert math.isfinite(outcome.loss) == (fault == "gradient")
        assert math.isfinite(outcome.norm) == (fault == "loss")


def test_a_wish_to_stop_of_one_process_is_heard_by_all(together: Path) -> None:
    for rank in (0, 1):
        _, (outcome,) = read(together / f"after {rank}")
        assert outcome.stop and outcome.applied
        assert not any(each.stop for each in read(together / f"before {rank}")[1])


def small(diagram: str = "bahdanau", **options: Any) -> tuple[Seq2Seq, Update]:
    """A model in float32 with dropout, and its updates."""
    torch.manual_seed(5)
    net = Seq2Seq.from_diagram(diagram, config(dropout=0.3))
    recipe = Recipe(updates=9, **options)
    return net, Update(Objective(net, recipe), recipe)


@pytest.mark.parametrize("options", [{}, {"accumulate": 2, "scheduled_sampling": 0.9, "precision": "bfloat16"}])
def test_a_training_goes_on_bit_for_bit_from_weights_optimiser_and_state(options: dict[str, Any]) -> None:
    net, update = small(**options)
    expected = [update.run(rows("gru", 5), n, rate=0.01) for n in range(1, 5)]
    half, begin = small(**options)
    found = [begin.run(rows("gru", 5), n, rate=0.01) for n in (1, 2)]
    other, go_on = small(**options)
    other.load_state_dict(half.state_dict())
    go_on.optimizer.load_state_dict(copy.deepcopy(begin.optimizer.state_dict()))
    go_on.load_state_dict(json.loads(json.dumps(begin.state_dict())))
    for n in (3, 4):
        torch.rand(n)  # what else was drawn is no matter
        found.append(go_on.run(rows("gru", 5), n, rate=0.01))
    assert found == expected and same(weights(other), weights(net))


def test_every_update_piece_and_seed_has_noise_of_its_own() -> None:
    one = rows("gru", 1)
    pair = Batch(*(torch.cat([tensor, tensor]) for tensor in one))
    losses = []
    for options in ({}, {"seed": 1}, {"accumulate": 2}):
        _, update = small(**options)
        losses += [update.run(one if not options else pair, n, rate=0.0).loss for n in (3, 3, 4)]
    for number in range(0, 9, 3):
        assert losses[number] == losses[number + 1]
    assert len({*losses}) == 6
    _, update = small(accumulate=2)
    drawn: list[float] = []
    update.objective.register_forward_hook(lambda module, given, sums: drawn.append(sums.loss.item()))
    update.run(pair, 3, rate=0.0)
    assert len({*drawn}) == 2 and sum(drawn) / (2 * one.target_mask.sum()) == pytest.approx(losses[6])


def test_every_process_has_noise_of_its_own() -> None:
    one = rows("gru", 1)
    net, first = small()
    second = Update(Objective(net, first.recipe), first.recipe, Ranks(1, 1))  # it takes all rows but one
    mine = first.run(one, 3, rate=0.0).loss
    other = second.run(Batch(*(torch.cat([tensor, tensor]) for tensor in one)), 3, rate=0.0).loss * 2
    assert other != mine and other == pytest.approx(mine, rel=0.5)


def test_without_seeds_the_noise_is_torchs_own() -> None:
    net, _ = small()
    update = Update(Objective(net, Recipe(updates=9)), Recipe(updates=9), seeded=False)
    one, losses = rows("gru", 5), []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        losses.append(update.run(one, 1, rate=0.0).loss)
    assert losses[0] == losses[1] != losses[2]


def test_the_models_own_symbols_are_not_read_in_the_first_update_but_later() -> None:
    _, _, expected = updates("gru", scheduled_sampling=0.0)
    _, _, found = updates("gru", scheduled_sampling=1.0)
    assert found[0] == expected[0] and found[2] != expected[2]


def test_the_learning_rate_and_the_optimiser_are_those_asked_for() -> None:
    """One step of Adam is the rate, whatever the gradient; AdamW takes a share of the weight away before."""
    steps = {}
    for name, decay in (("Adam", 0.0), ("AdamW", 0.0), ("AdamW", 0.5)):
        net, update = small(optimizer=name, weight_decay=decay, clip=None)
        before = net.decoder.step.out.W.bias.detach().clone()
        update.run(rows("gru", 5), 1, rate=0.01)
        after = net.decoder.step.out.W.bias.detach()
        steps[name, decay] = after - before * (1 - 0.01 * decay)
        assert type(update.optimizer).__name__ == name
    for step in steps.values():
        torch.testing.assert_close(step.abs(), torch.full_like(step, 0.01), rtol=1e-3, atol=0.0)


def test_a_training_does_not_import_the_compiler_that_it_does_not_use() -> None:
    """Torch's optimisers do when they are first called, which takes a second."""
    program = (
        "import sys; from test_update import updates; _, update, _ = updates('gru', accumulate=2)\n"
        "update.optimizer.load_state_dict(update.optimizer.state_dict()); print('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parent, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


@pytest.mark.parametrize("clip", [0.125, None])
def test_gradients_are_clipped_together_after_their_norm_is_measured(clip: float | None) -> None:
    net, update = small(clip=clip)
    outcome = update.run(rows("gru", 5), 1, rate=0.01)
    left = torch.stack([parameter.grad.norm() for parameter in net.parameters()]).norm().item()
    assert outcome.norm > 0.125
    assert left == pytest.approx(clip or outcome.norm, rel=1e-4)


def test_an_update_is_in_training_mode_and_counts_what_it_saw() -> None:
    net, update = small()
    net.eval()
    batch = rows("gru", 5)
    outcome = update.run(batch, 1, rate=0.01)
    assert net.training and outcome.symbols == batch.target_mask.sum()
    assert outcome.loss == outcome.nll and 0 <= outcome.exact_match <= 1


def test_what_is_not_finite_leaves_weights_and_optimiser_as_they_were_and_is_an_error_in_the_end() -> None:
    net, update = small(skip_limit=3)
    one = rows("gru", 5)
    update.run(one, 1, rate=0.01)
    before, state = weights(net), copy.deepcopy(update.optimizer.state_dict()["state"])
    fault = spoil(update.objective, "gradient")
    assert not update.run(one, 2, rate=0.01).applied and not update.run(one, 3, rate=0.01).applied
    assert update.state_dict()["skipped"] == 2
    fault.remove()
    assert same(weights(net), before)
    for number, values in update.optimizer.state_dict()["state"].items():
        assert same(values, state[number])
    assert update.run(one, 4, rate=0.01).applied and update.state_dict()["skipped"] == 0
    spoil(update.objective, "loss")
    update.run(one, 5, rate=0.01)
    update.run(one, 6, rate=0.01)
    message = (
        r"the loss of update 7 is inf, as something was not finite in each of the last 3 updates; .*rate than 0.01"
    )
    with pytest.raises(ValueError, match=message):
        update.run(one, 7, rate=0.01)
    _, update = small(skip_limit=1)
    spoil(update.objective, "gradient")
    with pytest.raises(ValueError, match=r"the gradient's norm of update 1 is (inf|nan), as something was not finite"):
        update.run(one, 1, rate=0.01)


def test_float16_scales_the_loss_and_gives_the_gradients_back_unscaled() -> None:
    """On a CPU too, but for an LSTM that runs all steps in one call."""
    torch.manual_seed(5)
    norms = {}
    for precision in ("float32", "float16"):
        _, update = small(precision=precision)
        update.objective.model.load_state_dict(small()[0].state_dict())
        norms[precision] = update.run(rows("gru", 5), 1, rate=0.01).norm
    assert norms["float16"] == pytest.approx(norms["float32"], rel=0.02) and norms["float16"] != norms["float32"]
    scale = update.state_dict()["scaler"]["scale"]
    assert scale > 1
    spoil(update.objective, "gradient")
    assert not update.run(rows("gru", 5), 2, rate=0.01).applied
    assert update.state_dict()["scaler"]["scale"] == scale / 2
    _, other = small(precision="float16")
    other.load_state_dict(json.loads(json.dumps(update.state_dict())))
    assert other.state_dict() == update.state_dict()


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # torch's compiler warns of itself
def test_a_compiled_training_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    compiler, calls = torch.compile, []

    def compiled(module: nn.Module, **options: Any) -> Any:
        calls.append(options)
        return compiler(module, **options, backend="eager")

    _, plain = small("no_attention")
    monkeypatch.setattr(torch, "compile", compiled)
    _, update = small("no_attention", compile=True)
    one = rows("gru", 3)
    found, expected = update.run(one, 1, rate=0.01), plain.run(one, 1, rate=0.01)
    torch._dynamo.reset()
    assert calls == [{"dynamic": True}] and found == pytest.approx(expected, rel=1e-5)
