from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from models import batch, model
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
    """What each of two processes does: the trainings of this file, written down in a folder."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"file://{folder / 'meeting'}", rank=rank, world_size=2)
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
    distributed.destroy_process_group()


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
    """What two processes have written."""
    folder = tmp_path_factory.mktemp("together")
    multiprocessing.spawn(work, (folder,), nprocs=2)
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
