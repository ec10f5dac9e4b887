"""Node `a`: how well does source position j fit the target step?"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq_attn.nodes.check import check, check_features
from seq2seq_attn.nodes.state import State, visible


class FeedforwardEnergy(nn.Module):
    """Node `a`: e_ij = v · tanh(W s_{i-1} + U h_j + F f_ij + b), the f_ij only where an arrow brings some.

    Bahdanau et al. 2015, "Neural Machine Translation by Jointly Learning to Align and Translate", section 3.1 and
    appendix A.1.2 (W_a, U_a, v_a), with a bias b that the paper leaves out. The energy is read from the state *before*
    the step, s_{i-1}; Luong et al. 2015 read theirs from s_i. Features of pairs are those of Chorowski et al. 2015,
    equation 9 (the last weights, convolved), and See et al. 2017, equation 11 (coverage).

    Args:
        query_size: size of s_{i-1} (its visible part).
        memory_size: size of h_j.
        attention_size: size of the hidden layer, n' in the paper.
        feature_size: sizes of all f_ij together; a number for each pair counts as 1.

    Example:
        >>> a = FeedforwardEnergy(query_size=3, memory_size=5, attention_size=7)
        >>> a(torch.zeros(2, 3), torch.zeros(2, 4, 5)).shape
        torch.Size([2, 4])
    """

    label = "feedforward"
    all_steps = True

    def __init__(self, query_size: int, memory_size: int, attention_size: int, *, feature_size: int = 0) -> None:
        super().__init__()
        self.query_size, self.memory_size, self.attention_size = query_size, memory_size, attention_size
        self.feature_size = feature_size
        self.W = nn.Linear(query_size, attention_size, bias=False)
        self.U = nn.Linear(memory_size, attention_size)
        self.F = nn.Linear(feature_size, attention_size, bias=False) if feature_size else None
        self.v = nn.Linear(attention_size, 1, bias=False)

    def keys(self, encoder_hidden: Tensor) -> Tensor:
        """U h_j + b: what needs no decoder state and so is computed once a sentence. (B, S, M) → (B, S, attention)."""
        check(self, encoder_hidden=(encoder_hidden, "B S memory_size"))
        keys: Tensor = self.U(encoder_hidden)
        return keys

    def forward(
        self, prev_decoder: State, encoder_hidden: Tensor, *features: Tensor, keys: Tensor | None = None
    ) -> Tensor:
        """Energies of all source positions, padding included: the mask belongs to the softmax.

        Args:
            prev_decoder: s_{i-1}, (B, [T], H).
            encoder_hidden: h_j, (B, S, M).
            features: f_ij, each (B, [T], S, F), or (B, [T], S) for one number a pair.
            keys: ``self.keys(encoder_hidden)``, if computed before the loop.

        Returns:
            e_ij, (B, [T], S), unnormalised.

        Raises:
            TypeError, ValueError: see `check`; features that the node was not built for.
        """
        query = visible(prev_decoder)
        keys = self.keys(encoder_hidden) if keys is None else keys
        check(
            self,
            prev_decoder=(query, "B [T] query_size"),
            encoder_hidden=(encoder_hidden, "B S memory_size"),
            keys=(keys, "B S attention_size"),
        )
        hidden = _pairs(self.W(query), keys)  # (B, [T], S, attention)
        if features or self.F is not None:
            hidden = hidden + self._features(features, query, encoder_hidden)
        energies: Tensor = self.v(torch.tanh(hidden)).squeeze(-1)
        return energies

    def _features(self, features: tuple[Tensor, ...], query: Tensor, encoder_hidden: Tensor) -> Tensor:
        """F f_ij, (B, [T], S, attention)."""
        if not features or self.F is None:
            raise ValueError(
                f"node FeedforwardEnergy got {len(features)} features and was built for {self.feature_size} numbers. "
                f"Build FeedforwardEnergy(…, feature_size=…)."
            )
        joined = check_features(
            self,
            features,
            query.dim(),
            prev_decoder=(query, "B [T] query_size"),
            encoder_hidden=(encoder_hidden, "B S memory_size"),
        )
        projected: Tensor = self.F(joined)
        return projected


class ConcatEnergy(nn.Module):
    """Node `a`: e_ij = v · tanh(W [s_i; h_j]), one matrix over both side by side, without biases.

    Luong et al. 2015, "Effective Approaches to Attention-based Neural Machine Translation", equation 8, "concat". The
    same function as Bahdanau's, there with two matrices and read from s_{i-1}.

    Args:
        query_size: size of s_i (its visible part).
        memory_size: size of h_j.
        attention_size: size of the hidden layer.

    Example:
        >>> a = ConcatEnergy(query_size=3, memory_size=5, attention_size=7)
        >>> a(torch.zeros(2, 3), torch.zeros(2, 4, 5)).shape
        torch.Size([2, 4])
    """

    label = "concat"
    all_steps = True

    def __init__(self, query_size: int, memory_size: int, attention_size: int) -> None:
        super().__init__()
        self.query_size, self.memory_size, self.attention_size = query_size, memory_size, attention_size
        self.W = nn.Linear(query_size + memory_size, attention_size, bias=False)
        self.v = nn.Linear(attention_size, 1, bias=False)

    def keys(self, encoder_hidden: Tensor) -> Tensor:
        """The part of W [s_i; h_j] that h_j brings, (B, S, M) → (B, S, attention)."""
        check(self, encoder_hidden=(encoder_hidden, "B S memory_size"))
        return F.linear(encoder_hidden, self.W.weight[:, self.query_size :])

    def forward(self, decoder_hidden: State, encoder_hidden: Tensor, *, keys: Tensor | None = None) -> Tensor:
        """Energies of all source positions, padding included.

        Args:
            decoder_hidden: s_i, (B, [T], H).
            encoder_hidden: h_j, (B, S, M).
            keys: ``self.keys(encoder_hidden)``, if computed before the loop.

        Returns:
            e_ij, (B, [T], S), unnormalised.

        Raises:
            TypeError, ValueError: see `check`.
        """
        query = visible(decoder_hidden)
        keys = self.keys(encoder_hidden) if keys is None else keys
        check(
            self,
            decoder_hidden=(query, "B [T] query_size"),
            encoder_hidden=(encoder_hidden, "B S memory_size"),
            keys=(keys, "B S attention_size"),
        )
        hidden = _pairs(F.linear(query, self.W.weight[:, : self.query_size]), keys)  # (B, [T], S, attention)
        energies: Tensor = self.v(torch.tanh(hidden)).squeeze(-1)
        return energies


class GeneralEnergy(nn.Module):
    """Node `a`: e_ij = s_i · (W h_j).

    Luong et al. 2015, equation 8, "general".

    Args:
        query_size: size of s_i (its visible part).
        memory_size: size of h_j.

    Example:
        >>> GeneralEnergy(query_size=3, memory_size=5)(torch.zeros(2, 3), torch.zeros(2, 4, 5)).shape
        torch.Size([2, 4])
    """

    label = "general"
    all_steps = True

    def __init__(self, query_size: int, memory_size: int) -> None:
        super().__init__()
        self.query_size, self.memory_size = query_size, memory_size
        self.W = nn.Linear(memory_size, query_size, bias=False)

    def keys(self, encoder_hidden: Tensor) -> Tensor:
        """W h_j, (B, S, M) → (B, S, H)."""
        check(self, encoder_hidden=(encoder_hidden, "B S memory_size"))
        keys: Tensor = self.W(encoder_hidden)
        return keys

    def forward(self, decoder_hidden: State, encoder_hidden: Tensor, *, keys: Tensor | None = None) -> Tensor:
        """Energies of all source positions; see `ConcatEnergy.forward`."""
        query = visible(decoder_hidden)
        keys = self.keys(encoder_hidden) if keys is None else keys
        check(
            self,
            decoder_hidden=(query, "B [T] query_size"),
            encoder_hidden=(encoder_hidden, "B S memory_size"),
            keys=(keys, "B S query_size"),
        )
        return _products(query, keys)


class DotEnergy(nn.Module):
    """Node `a`: e_ij = s_i · h_j, or that divided by the square root of their size.

    Luong et al. 2015, equation 8, "dot"; scaled: Vaswani et al. 2017, "Attention Is All You Need", equation 1. It has
    no parameters, so s_i and h_j must have the same size.

    Args:
        scaled: divide by sqrt(size), so that the energies of long vectors do not saturate the softmax.

    Example:
        >>> DotEnergy()(torch.tensor([[1.0, 2.0]]), torch.tensor([[[3.0, 4.0], [5.0, 6.0]]]))
        tensor([[11., 17.]])
    """

    label = "dot"
    all_steps = True

    def __init__(self, *, scaled: bool = False) -> None:
        super().__init__()
        self.scaled = scaled
        if scaled:
            self.label = "scaled_dot"

    def forward(self, decoder_hidden: State, encoder_hidden: Tensor) -> Tensor:
        """Energies of all source positions, padding included.

        Args:
            decoder_hidden: s_i, (B, [T], H).
            encoder_hidden: h_j, (B, S, H).

        Returns:
            e_ij, (B, [T], S), unnormalised.

        Raises:
            TypeError, ValueError: see `check`; vectors of different sizes.
        """
        query = visible(decoder_hidden)
        check(self, decoder_hidden=(query, "B [T] H"), encoder_hidden=(encoder_hidden, "B S M"))
        if (size := query.shape[-1]) != (other := encoder_hidden.shape[-1]):
            raise ValueError(
                f"decoder_hidden is {tuple(query.shape)} and encoder_hidden {tuple(encoder_hidden.shape)}; node "
                f"DotEnergy multiplies vectors of one size. Build GeneralEnergy({size}, {other})."
            )
        return _products(query / size**0.5 if self.scaled else query, encoder_hidden)


def _pairs(query: Tensor, keys: Tensor) -> Tensor:
    """Sums of each query with each key, (B, [T], A) and (B, S, A) → (B, [T], S, A)."""
    return query.unsqueeze(-2) + (keys if query.dim() == 2 else keys[:, None])


def _products(query: Tensor, keys: Tensor) -> Tensor:
    """Products of each query with each key, (B, [T], H) and (B, S, H) → (B, [T], S)."""
    if query.dim() == 3:
        return torch.bmm(query, keys.transpose(1, 2))
    return torch.bmm(keys, query.unsqueeze(-1)).squeeze(-1)
