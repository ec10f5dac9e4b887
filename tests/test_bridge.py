from __future__ import annotations

import pytest
import torch

from seq2seq_attn import Bridge
from seq2seq_attn.mask import length_mask

MEMORY = torch.randn(3, 5, 6)  # two directions of 3
MASK = length_mask(torch.tensor([5, 1, 3]))


def test_final_reads_the_forward_state_at_the_last_word_and_the_backward_state_at_the_first() -> None:
    bridge = Bridge(6, 7)
    for row, last in enumerate((4, 0, 2)):
        read = torch.cat([MEMORY[row, last, :3], MEMORY[row, 0, 3:]])
        expected = torch.tanh(bridge.hidden.weight @ read + bridge.hidden.bias)
        torch.testing.assert_close(bridge(MEMORY, MASK)[row], expected)


def test_backward_reads_only_the_backward_state_at_the_first_word_as_the_paper_does() -> None:
    bridge = Bridge(6, 7, reads="backward")
    expected = torch.tanh(MEMORY[:, 0, 3:] @ bridge.hidden.weight.T + bridge.hidden.bias)
    torch.testing.assert_close(bridge(MEMORY, MASK), expected)


def test_with_one_direction_the_last_state_is_read_whole() -> None:
    bridge = Bridge(6, 7, bidirectional=False)
    last = torch.stack([MEMORY[0, 4], MEMORY[1, 0], MEMORY[2, 2]])
    torch.testing.assert_close(bridge(MEMORY, MASK), torch.tanh(last @ bridge.hidden.weight.T + bridge.hidden.bias))


def test_an_lstm_gets_a_cell_of_its_own_without_tanh() -> None:
    bridge = Bridge(6, 7, cell="LSTM", bidirectional=False)
    assert bridge.cell is not None
    state = bridge(10 * MEMORY, MASK)
    last = 10 * torch.stack([MEMORY[0, 4], MEMORY[1, 0], MEMORY[2, 2]])
    torch.testing.assert_close(state.cell, last @ bridge.cell.weight.T + bridge.cell.bias)
    assert state.cell.abs().max() > 1 >= state.hidden.abs().max()


def test_unknown_options_are_refused() -> None:
    with pytest.raises(ValueError, match="cell is 'SRU'; Bridge knows 'GRU' and 'LSTM'"):
        Bridge(6, 7, cell="SRU")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="reads is 'mean'; Bridge knows 'final' and 'backward'"):
        Bridge(6, 7, reads="mean")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="reads='backward' needs an encoder with that direction"):
        Bridge(6, 7, reads="backward", bidirectional=False)


def test_what_it_was_not_built_for_is_refused() -> None:
    bridge = Bridge(6, 7)
    with pytest.raises(ValueError, match=r"encoder_hidden is \(3, 5, 4\); node Bridge was built for 6"):
        bridge(MEMORY[..., :4], MASK)
    with pytest.raises(ValueError, match=r"mask is \(1, 5\); node Bridge takes \(3, 5\), True = real"):
        bridge(MEMORY, MASK[:1])
    with pytest.raises(TypeError, match=r"mask is torch.float32; node Bridge takes a bool tensor"):
        bridge(MEMORY, MASK.float())
    with pytest.raises(ValueError, match="source_mask has a row that does not begin with a real position"):
        bridge(MEMORY, torch.zeros_like(MASK))
