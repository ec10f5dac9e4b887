"""Node `attend`: what was read and what is known, in one layer (Luong's attentional state)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seq2seq_attn.nodes.check import check_inputs
from seq2seq_attn.nodes.state import State, visible


class TanhLayer(nn.Module):
    """Node `attend`: a_i = tanh(W [c_i; s_i]), the arguments side by side; Luong et al. 2015, equation 5 (h~_t there).

    Args:
        input_size: sizes of all arguments together.
        readout_size: size of a_i.
        dropout: probability of zeroing an element of a_i in training.

    Example:
        >>> TanhLayer(3 + 5, readout_size=7)(torch.zeros(2, 3), torch.zeros(2, 5)).shape
        torch.Size([2, 7])
    """

    label = "tanh"
    all_steps = True

    def __init__(self, input_size: int, readout_size: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.input_size, self.readout_size = input_size, readout_size
        self.W = nn.Linear(input_size, readout_size, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, *inputs: State) -> Tensor:
        """The layer.

        Args:
            inputs: c_i and s_i, or whatever the arrows bring, each (B, [T], …).

        Returns:
            a_i, (B, [T], readout).

        Raises:
            TypeError, ValueError: see `check_inputs`.
        """
        result: Tensor = self.dropout(torch.tanh(self.W(check_inputs(self, tuple(map(visible, inputs)), "input_size"))))
        return result

    def initial(self, encoder_hidden: Tensor) -> Tensor:
        """What stands for a_0, which the first step is fed: zeros, (B, readout)."""
        return encoder_hidden.new_zeros(len(encoder_hidden), self.readout_size)
