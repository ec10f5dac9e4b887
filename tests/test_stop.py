from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from seq2seq_attn.training.stop import Stop


@pytest.fixture
def came() -> Iterator[list[int]]:
    """The signals that were not taken note of."""
    found: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda number, frame: found.append(number))
    yield found
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_is_taken_note_of_and_ctrl_c_after_it_does_what_it_does(
    number: int, status: int, came: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RANK", raising=False)
    with Stop() as stop:
        assert (stop.signal, stop.status) == (0, 0)
        signal.raise_signal(number)
        assert (stop.signal, stop.status, came) == (number, status, [])
        signal.raise_signal(signal.SIGTERM)
        assert (stop.status, came) == (status, [])
        signal.raise_signal(signal.SIGINT)
        assert (stop.status, came) == (status, [signal.SIGINT])


def test_under_torchrun_which_sends_it_again_no_signal_ends_at_once(
    came: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "0")
    with Stop() as stop:
        for number in (signal.SIGINT, signal.SIGINT, signal.SIGTERM):
            signal.raise_signal(number)
    assert (stop.status, came) == (130, [])


def test_afterwards_signals_do_what_they_did_before() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(RuntimeError, match="in between"), Stop():
        raise RuntimeError("in between")
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
