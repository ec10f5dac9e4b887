"""Node `a`: how well does source position j fit the next target step?"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seq2seq_attn.nodes.check import check
from seq2seq_attn.nodes.state import State, visible


class FeedforwardEnergy(nn.Module):
    """Node `a`: e_ij = v · tanh(W s_{i-1} + U h_j + b).

    Bahdanau et al. 2015, "Neural Machine Translation by Jointly Learning to Align and Translate", section 3.1 and
    appendix A.1.2 (W_a, U_a, v_a), with a bias b that the paper leaves out. The energy is read from the state *before*
    the step, s_{i-1}; Luong et al. 2015 read theirs from s_i.

    Args:
        query_size: size of s_{i-1} (its visible part, for an LSTM).
        memory_size: size of h_j.
        attention_size: size of the hidden layer, n' in the paper.

    Example:
        >>> a = FeedforwardEnergy(query_size=3, memory_size=5, attention_size=7)
        >>> a(torch.zeros(2, 3), torch.zeros(2, 4, 5)).shape
        torch.Size([2, 4])
    """

    label = "feedforward"

    def __init__(self, query_size: int, memory_size: int, attention_size: int) -> None:
        super().__init__()
        self.query_size, self.memory_size, self.attention_size = query_size, memory_size, attention_size
        self.W = nn.Linear(query_size, attention_size, bias=False)
        self.U = nn.Linear(memory_size, attention_size)
        self.v = nn.Linear(attention_size, 1, bias=False)

    def keys(self, encoder_hidden: Tensor) -> Tensor:
        """U h_j + b: what needs no decoder state and so is computed once a sentence. (B, S, M) → (B, S, attention)."""
        check(self, encoder_hidden=(encoder_hidden, "B S memory_size"))
        keys: Tensor = self.U(encoder_hidden)
        return keys

    def forward(self, prev_decoder: State, encoder_hidden: Tensor, *, keys: Tensor | None = None) -> Tensor:
        """Energies of all source positions, padding included: the mask belongs to the softmax.

        Args:
            prev_decoder: s_{i-1}, (B, H).
            encoder_hidden: h_j, (B, S, M).
            keys: ``self.keys(encoder_hidden)``, if computed before the loop.

        Returns:
            e_ij, (B, S), unnormalised.

        Raises:
            TypeError, ValueError: see `check`.
        """
        query = visible(prev_decoder)
        if keys is None:
            keys = self.keys(encoder_hidden)
        check(
            self,
            prev_decoder=(query, "B query_size"),
            encoder_hidden=(encoder_hidden, "B S memory_size"),
            keys=(keys, "B S attention_size"),
        )
        energies: Tensor = self.v(torch.tanh(self.W(query)[:, None, :] + keys))  # (B, S, 1)
        return energies.squeeze(-1)
