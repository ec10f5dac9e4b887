from __future__ import annotations

import json
from pathlib import Path

import pytest

from seq2seq_attn import manifest, runs

TREE = (
    "run/checkpoint-9 run/checkpoint-10 run/checkpoint-0 run/checkpoint-07 run/checkpoint-1.old run/.checkpoint-3.new"
)


def made(run: Path, costs: dict[int, float | None]) -> list[Path]:
    """A checkpoint of each update, in this order, with its cost."""
    for update, cost in costs.items():
        place = runs.folder_of(run, update)
        place.mkdir(parents=True)
        (place / "training.json").write_text(json.dumps({"cost": cost}))
        manifest.write(place)
    return [runs.folder_of(run, update) for update in costs]


def damage(checkpoint: Path) -> None:
    (checkpoint / "training.json").write_text('{"cost": -1.0}')


def test_checkpoints_are_folders_of_their_name_in_the_order_of_their_updates(tmp_path: Path) -> None:
    for name in TREE.split():
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "run" / "checkpoint-5").write_text("no folder")
    assert [runs.update_of(path) for path in runs.checkpoints(tmp_path / "run")] == [0, 9, 10]
    assert runs.checkpoints(tmp_path / "none") == []


def test_the_last_checkpoint_is_that_of_the_last_update(tmp_path: Path) -> None:
    made(tmp_path, {10: 1.0, 9: 0.5})
    assert runs.last(tmp_path) == (tmp_path / "checkpoint-10", [])
    assert runs.last(tmp_path / "none") == (None, [])


def test_a_last_checkpoint_that_is_damaged_is_told_of_and_stays_where_it_is(tmp_path: Path) -> None:
    first, second, third = made(tmp_path, {1: 1.0, 2: 0.5, 3: None})
    damage(second)
    (third / "manifest.json").unlink()
    found, damaged = runs.last(tmp_path)
    assert found == first
    assert [text.split(" ")[0] for text in damaged] == [str(third), str(second)]
    assert "training.json has another SHA-256" in damaged[1] or "training.json has 14 bytes" in damaged[1]
    assert runs.checkpoints(tmp_path) == [first, second, third]
    damage(first)
    assert runs.last(tmp_path)[0] is None


@pytest.mark.parametrize(
    ("costs", "best"),
    [
        ({1: 3.0, 2: 2.5, 3: 2.75}, 2),
        ({1: -3.0, 2: 2, 3: 0.0}, 1),
        ({9: 2.5, 10: 2.5, 11: 3.0}, 9),  # the earlier of equal ones
        ({1: None, 2: 7.0, 3: None}, 2),
        ({1: None, 2: None}, 2),
    ],
)
def test_the_best_checkpoint_has_the_least_cost(tmp_path: Path, costs: dict[int, float | None], best: int) -> None:
    made(tmp_path, costs)
    assert runs.best(tmp_path) == tmp_path / f"checkpoint-{best}"


def test_a_run_without_a_checkpoint_has_no_best_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"has no checkpoint-N; a run has one after its first evaluation"):
        runs.best(tmp_path)


def test_no_other_checkpoint_is_taken_for_the_best_in_silence(tmp_path: Path) -> None:
    first, second = made(tmp_path, {1: 1.0, 2: 2.0})
    (first / "more").write_text("")
    with pytest.raises(ValueError, match=r"checkpoint-1 is not what was written: more is unknown\. Copy it anew"):
        runs.best(tmp_path)
    damage(second)  # it says now that it is the best
    with pytest.raises(ValueError, match=r"checkpoint-2 is not what was written: training\.json has"):
        runs.best(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "JSONDecodeError: Expecting value"),
        ("{}", "KeyError: 'cost'"),
        ("[]", "TypeError: "),
        ('{"cost": "1"}', "cost is '1', where a finite number or null belongs"),
        ('{"cost": NaN}', "cost is nan, where"),
        ('{"cost": -Infinity}', "cost is -inf, where"),
        ('{"cost": true}', "cost is True, where"),
        ('{"cost": 1e999}', "cost is inf, where"),
        ('{"cost": 1%s}' % ("0" * 999), "OverflowError: "),
        ("[" * 99999, "RecursionError: "),
    ],
)
def test_a_cost_is_a_finite_number_or_none(tmp_path: Path, text: str, message: str) -> None:
    (checkpoint,) = made(tmp_path, {1: 1.0})
    (checkpoint / "training.json").write_text(text)
    with pytest.raises(ValueError, match=rf"training\.json is damaged: .*{message}.*; use another, or remove this"):
        runs.cost_of(checkpoint)


def test_a_checkpoint_without_a_cost_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"training\.json is damaged: FileNotFoundError"):
        runs.cost_of(tmp_path)


def test_the_model_of_a_run_is_its_best_checkpoint(tmp_path: Path) -> None:
    first, second = made(tmp_path, {1: 1.0, 2: 2.0})
    assert runs.model_of(tmp_path) == first
    assert runs.model_of(second) == second
    (tmp_path / "config.json").write_text("{}")  # a folder that holds a model itself is that model
    assert runs.model_of(tmp_path) == tmp_path
    assert runs.model_of(tmp_path / "none") == tmp_path / "none"


def test_a_model_with_a_manifest_is_compared_with_it(tmp_path: Path) -> None:
    (checkpoint,) = made(tmp_path, {1: 1.0})
    damage(checkpoint)
    with pytest.raises(ValueError, match=r"checkpoint-1 is not what was written: training\.json has"):
        runs.model_of(checkpoint)
