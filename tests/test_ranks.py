from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from seq2seq_attn.training.ranks import Alone, Ranks, joined, usable

HERE = Path(__file__).parent
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(HERE / "ranks_run.py")]
LAUNCHED = [str(HERE / "launched.py"), "ranks_run"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=600)


def test_alone_a_process_is_the_first_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    with joined() as ranks:
        assert (ranks.rank, ranks.world_size, ranks.is_first, ranks.device.type) == (0, 1, True, "cpu")
        assert ranks.shared(torch.tensor([3.0])).item() == 3.0
        assert ranks.same("a") and Alone(ranks).done(7.5) == 7.5


def test_under_torchrun_all_have_what_the_first_has() -> None:
    done = run(*TORCHRUN, "well", "60")
    assert done.returncode == 0, done.stderr
    assert sorted(re.findall(r"rank \d of 2 has [\d.]+, first \w+", done.stdout)) == [
        "rank 0 of 2 has 5.0, first True",
        "rank 1 of 2 has 5.0, first False",
    ]
    assert sorted(re.findall(r"rank \d is alike .*", done.stdout)) == [
        "rank 0 is alike (True, False), and told 7.5",
        "rank 1 is alike (True, False), and told 7.5",
    ]


def test_when_a_process_dies_the_others_end_and_say_why() -> None:
    done = run(*LAUNCHED, "killed", "60")
    assert done.returncode != 0
    message = (
        r"rank 0: another process of this training has ended or does not answer \(.*\); its last checkpoint is kept"
    )
    assert re.search(message, done.stdout)


@pytest.mark.slow
def test_a_process_that_does_not_answer_is_given_up() -> None:
    begin = time.monotonic()
    done = run(*LAUNCHED, "silent", "2")
    assert done.returncode != 0 and time.monotonic() - begin < 400  # torchrun itself waits 30 s for who does not end
    assert re.search(r"rank 0: another process .* start the same command again with --resume", done.stdout)


def test_other_errors_are_not_taken_for_a_lost_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(RuntimeError, match="shapes"), joined():
        raise RuntimeError("shapes do not fit")


def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="device 'cuda:77' cannot be used: "):
        usable("cuda:77")
    with pytest.raises(ValueError, match="device 'moon' cannot be used: "):
        usable("moon")


def test_the_others_are_told_to_wait_on_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[list[float]] = []
    monkeypatch.setattr(Ranks, "shared", lambda ranks, tensor: told.append(tensor.tolist()))
    now = iter([0.0, 0.5, 1.5, 1.5, 2.0, 3.0, 3.0])
    monkeypatch.setattr("seq2seq_attn.training.ranks.time", SimpleNamespace(monotonic=lambda: next(now)))
    alone = Alone(Ranks(0, 2))
    for _ in range(4):
        alone.at_work()
    assert told == [[0.0, 0.0]] * 2
    assert alone.done(4.0) == 4.0 and told[2:] == [[1.0, 4.0]]
