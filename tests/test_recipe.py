from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import pytest

from seq2seq_attn.training.recipe import Recipe

FULL = Recipe(
    updates=7,
    max_tokens=512,
    batch_size=64,
    max_length=50,
    accumulate=2,
    optimizer="AdamW",
    learning_rate=1,
    weight_decay=0.01,
    schedule="cosine",
    warmup=3,
    label_smoothing=0.1,
    clip=None,
    scheduled_sampling=0.25,
    precision="bfloat16",
    loop="compiled",
    compile=True,
    evaluate_every=5,
    patience=4,
    metric="bleu",
    average=3,
    keep=4,
    skip_limit=2,
    seed=11,
)


@pytest.mark.parametrize("made", [Recipe(updates=1), FULL], ids=["smallest", "full"])
def test_a_recipe_comes_back_from_its_dict(made: Recipe) -> None:
    assert Recipe.from_dict(made.to_dict()) == made
    assert Recipe.from_dict(json.loads(json.dumps(made.to_dict()))) == made


def test_no_choice_of_the_full_recipe_is_the_default() -> None:
    default = Recipe(updates=1)
    assert [name for name in default.to_dict() if getattr(FULL, name) == getattr(default, name)] == []


def test_every_field_is_said_in_the_docstring() -> None:
    assert [
        field.name for field in dataclasses.fields(Recipe) if f"\n        {field.name}: " not in Recipe.__doc__
    ] == []


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"updates": 0}, ValueError, "updates is 0; it is at least 1"),
        ({"max_tokens": 4096.0}, TypeError, "max_tokens is 4096.0; it is of type int"),
        ({"batch_size": 0}, ValueError, "batch_size is 0; it is at least 1"),
        ({"batch_size": "8"}, TypeError, "batch_size is '8'; it is of type int or None"),
        ({"patience": 1.5}, TypeError, "patience is 1.5; it is of type int or None"),
        ({"accumulate": None}, TypeError, "accumulate is None; it is of type int"),
        ({"seed": -1}, ValueError, "seed is -1; it is at least 0"),
        ({"warmup": -1}, ValueError, "warmup is -1; it is at least 0"),
        ({"warmup": 8}, ValueError, "warmup is 8; there are 7 updates"),
        ({"optimizer": "SGD"}, ValueError, "optimizer is 'SGD'; it is one of 'Adam', 'AdamW'"),
        ({"schedule": "step"}, ValueError, "schedule is 'step'; it is one of 'constant', 'linear', 'cosine', 'inverse"),
        ({"precision": "float64"}, ValueError, "precision is 'float64'; it is one of 'float32', 'bfloat16', 'float16'"),
        ({"metric": "rouge"}, ValueError, "metric is 'rouge'; it is one of 'loss', 'exact_match', 'symbol_error_rate'"),
        ({"compile": 1}, TypeError, "compile is 1; it is of type bool"),
        ({"learning_rate": -0.1}, ValueError, "learning_rate is -0.1; it is a number from 0 upwards"),
        ({"learning_rate": math.nan}, ValueError, "learning_rate is nan; it is a number from 0 upwards"),
        ({"learning_rate": True}, TypeError, "learning_rate is True; it is of type float"),
        ({"weight_decay": math.inf}, ValueError, "weight_decay is inf; it is a number from 0 upwards"),
        ({"clip": 0.0}, ValueError, "clip is 0.0; it is a norm above 0, or None"),
        ({"clip": math.nan}, ValueError, "clip is nan; it is a norm above 0, or None"),
        ({"clip": "1"}, TypeError, "clip is '1'; it is of type float or None"),
        ({"label_smoothing": 1.0}, ValueError, "label_smoothing is 1.0; it is a share below 1"),
        ({"label_smoothing": math.nan}, ValueError, "label_smoothing is nan; it is a share below 1"),
        ({"scheduled_sampling": 1.5}, ValueError, "scheduled_sampling is 1.5; it is a probability"),
        ({"average": 2}, ValueError, "average is 2, and of the last checkpoints 1 are kept; raise keep"),
    ],
)
def test_what_no_training_can_follow_is_refused(change: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Recipe(**{"updates": 7, **change})


def test_unknown_and_missing_keys_are_named() -> None:
    with pytest.raises(ValueError, match="keys of the recipe, unknown: update; missing: updates"):
        Recipe.from_dict({"update": 7})


@pytest.mark.parametrize(
    ("metric", "better", "worse"),
    [
        ("loss", 1.0, 2.0),
        ("symbol_error_rate", 1.0, 2.0),
        ("exact_match", 2.0, 1.0),
        ("bleu", 2.0, 1.0),
        ("chrf", 2, 1),
    ],
)
def test_a_metric_knows_its_better_side(metric: Any, better: float, worse: float) -> None:
    recipe = Recipe(updates=1, metric=metric)
    assert recipe.better(better, worse) and not recipe.better(worse, better) and not recipe.better(better, better)
    assert recipe.better(worse, None) and not recipe.better(math.nan, None) and not recipe.better(math.nan, worse)
