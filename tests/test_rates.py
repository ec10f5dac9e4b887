from __future__ import annotations

import dataclasses
import itertools
import json
import math
from typing import Any

import pytest
import torch

from seq2seq_attn.training.rates import PLATEAU, Standing, rate, sampling
from seq2seq_attn.training.recipe import Recipe


def rates(**options: Any) -> list[float]:
    recipe = Recipe(**{"updates": 11, "learning_rate": 0.3, **options})
    return [rate(recipe, update) for update in range(1, recipe.updates + 1)]


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine", "inverse_square_root", "plateau"])
@pytest.mark.parametrize("warmup", [0, 1, 4, 11])
def test_a_rate_rises_in_a_straight_line_to_its_highest_and_falls_to_no_less_than_0(schedule: str, warmup: int) -> None:
    found = rates(schedule=schedule, warmup=warmup)
    peak = max(warmup, 1)
    assert found[:peak] == pytest.approx([0.3 * update / peak for update in range(1, peak + 1)])
    assert found[peak:] == sorted(found[peak:], reverse=True) and all(0 < each <= 0.3 for each in found)


def test_constant_and_plateau_stay() -> None:
    assert rates(schedule="constant", warmup=4)[3:] == rates(schedule="plateau", warmup=4)[3:] == [0.3] * 8


def test_linear_loses_the_same_with_each_update_and_would_be_0_after_the_last() -> None:
    found = [*rates(schedule="linear", warmup=4)[3:], 0.0]
    assert [now - then for now, then in itertools.pairwise(found)] == pytest.approx([0.3 / 8] * 8)


def test_cosine_is_that_of_torch() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.3)
    expected = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=8)
    for found in rates(schedule="cosine", warmup=4)[3:]:
        assert found == pytest.approx(expected.get_last_lr()[0])
        optimizer.step()
        expected.step()


def test_inverse_square_root_is_that_of_the_transformer() -> None:
    size, warmup = 512, 4
    expected = [size**-0.5 * min(update**-0.5, update * warmup**-1.5) for update in range(1, 12)]
    found = rates(schedule="inverse_square_root", warmup=warmup, learning_rate=(size * warmup) ** -0.5)
    assert found == pytest.approx(expected)


def test_the_models_own_symbols_come_in_a_straight_line_from_none() -> None:
    recipe = Recipe(updates=5, scheduled_sampling=0.2)
    assert [sampling(recipe, update) for update in range(1, 6)] == pytest.approx([0.0, 0.05, 0.1, 0.15, 0.2])
    assert sampling(Recipe(updates=1, scheduled_sampling=0.2), 1) == 0.0


@pytest.mark.parametrize("function", [rate, sampling])
@pytest.mark.parametrize("update", [0, 8])
def test_an_update_that_a_recipe_does_not_have_is_refused(function: Any, update: int) -> None:
    with pytest.raises(ValueError, match=f"update is {update}; the recipe has 1 to 7"):
        function(Recipe(updates=7), update)


@pytest.mark.parametrize(("metric", "mode"), [("loss", "min"), ("bleu", "max")])
def test_a_plateau_is_that_of_torch(metric: Any, mode: Any) -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    expected = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, mode, factor=0.5, patience=PLATEAU - 1, threshold=0.0
    )
    recipe, standing, factors = Recipe(updates=1, schedule="plateau", metric=metric), Standing(), []
    for score in (3.0, 2.0, 2.0, 2.5, 2.5, 4.0, 1.0, 1.0, 0.5, 5.0, 5.0, 5.0, 5.0, 5.0):
        standing = standing.after(score, recipe)
        expected.step(score)
        factors.append(standing.factor)
        assert standing.factor == optimizer.param_groups[0]["lr"]
    assert len({*factors}) > 3


def test_only_a_plateau_lowers_the_rate_and_a_score_that_is_none_is_waited_through() -> None:
    recipe, standing = Recipe(updates=1), Standing()
    for score in (math.nan, 2.0, math.nan, 3.0, 2.0):
        standing = standing.after(score, recipe)
    assert standing == Standing(best=2.0, waited=3, factor=1.0)


def test_a_standing_comes_back_from_json() -> None:
    standing = Standing(best=0.1, waited=3, factor=0.25)
    assert Standing(**json.loads(json.dumps(dataclasses.asdict(standing)))) == standing
    assert Standing(**json.loads(json.dumps(dataclasses.asdict(Standing())))) == Standing()
