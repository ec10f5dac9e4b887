from __future__ import annotations

import signal

import pytest

from seq2seq_attn.training.stop import Stop


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_is_taken_note_of_and_the_second_does_what_it_does(number: int, status: int) -> None:
    came: list[int] = []
    before = signal.signal(number, lambda number, frame: came.append(number))
    try:
        with Stop() as stop:
            assert (stop.signal, stop.status) == (0, 0)
            signal.raise_signal(number)
            assert (stop.signal, stop.status, came) == (number, status, [])
            signal.raise_signal(number)
            assert came == [number]
    finally:
        signal.signal(number, before)


def test_afterwards_signals_do_what_they_did_before() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(RuntimeError, match="in between"), Stop():
        raise RuntimeError("in between")
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
