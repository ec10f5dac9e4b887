"""Node `out`: scores of the next symbol."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq_attn.nodes.check import check_inputs
from seq2seq_attn.nodes.state import State, visible


class FeedforwardOutput(nn.Module):
    """Node `out`: y_i = g(y_{i-1}, s_i, c_i) = W_o t, with t = tanh or maxout of V_o y_{i-1} + U_o s_i + C_o c_i + b.

    Bahdanau et al. 2015, section 3.1, equation 4, whose g reads the *new* state s_i. The paper's appendix A.2.2, taken
    literally, reads s_{i-1}; that is the diagram `appendix`. Maxout (Goodfellow et al. 2013) takes the larger
    of each pair of neighbours: t_k = max(t~_{2k-1}, t~_{2k}). The paper's readout is maxout; it
    leaves the biases out of its equations, and they are here.

    Args:
        input_size: sizes of all arguments together: of y_{i-1}, s_i and c_i in the seed's diagram.
        readout_size: size of t, l in the paper.
        vocabulary_size: number V of symbols.
        readout: "tanh" or "maxout".
        dropout: probability of zeroing an element of t in training.

    Raises:
        ValueError: another ``readout``.

    Example:
        >>> out = FeedforwardOutput(3 + 5 + 7, readout_size=4, vocabulary_size=11, readout="maxout")
        >>> out(torch.zeros(2, 3), torch.zeros(2, 5), torch.zeros(2, 7)).shape
        torch.Size([2, 11])
    """

    label = "feedforward"
    all_steps = True

    def __init__(
        self,
        input_size: int,
        readout_size: int,
        vocabulary_size: int,
        *,
        readout: Literal["tanh", "maxout"] = "tanh",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if readout not in ("tanh", "maxout"):
            raise ValueError(f"readout is {readout!r}; FeedforwardOutput knows 'tanh' and 'maxout'")
        self.input_size, self.readout = input_size, readout
        pieces = 2 if readout == "maxout" else 1
        self.hidden = nn.Linear(input_size, pieces * readout_size)
        self.dropout = nn.Dropout(dropout)
        self.W = nn.Linear(readout_size, vocabulary_size)

    def forward(self, *inputs: State) -> Tensor:
        """Scores of every symbol of the vocabulary.

        Args:
            inputs: y_{i-1}, s_i and c_i, or whatever the arrows bring, each (B, [T], …).

        Returns:
            y_i, (B, [T], V): logits, not probabilities.

        Raises:
            TypeError, ValueError: see `check_inputs`.
        """
        logits: Tensor = self.W(self.last(*inputs))
        return logits

    def last(self, *inputs: State) -> Tensor:
        """t, of which W makes the scores, (B, [T], R). Args, Raises: as `forward`."""
        return self.activated(self.hidden(check_inputs(self, tuple(map(visible, inputs)), "input_size")))

    def activated(self, hidden: Tensor) -> Tensor:
        """t of what stands below its tanh or maxout, (B, [T], R) or (B, [T], 2 R)."""
        t: Tensor = self.dropout(maxout(hidden) if self.readout == "maxout" else torch.tanh(hidden))
        return t


class LinearOutput(nn.Module):
    """Node `out`: y_i = W x + b, with x the arguments side by side.

    Luong et al. 2015, equation 6, over the attentional state; Sutskever et al. 2014 over s_i.

    Args:
        input_size: sizes of all arguments together.
        vocabulary_size: number V of symbols.

    Example:
        >>> LinearOutput(5, vocabulary_size=11)(torch.zeros(2, 5)).shape
        torch.Size([2, 11])
    """

    label = "linear"
    all_steps = True

    def __init__(self, input_size: int, vocabulary_size: int) -> None:
        super().__init__()
        self.input_size = input_size
        self.W = nn.Linear(input_size, vocabulary_size)

    def forward(self, *inputs: State) -> Tensor:
        """Scores of every symbol of the vocabulary.

        Args:
            inputs: each (B, [T], …).

        Returns:
            y_i, (B, [T], V): logits.

        Raises:
            TypeError, ValueError: see `check_inputs`.
        """
        logits: Tensor = self.W(self.last(*inputs))
        return logits

    def last(self, *inputs: State) -> Tensor:
        """x, of which W makes the scores, (B, [T], input_size). Args, Raises: as `forward`."""
        return check_inputs(self, tuple(map(visible, inputs)), "input_size")


class TiedOutput(nn.Module):
    """Node `out`: y_i = E (W x) + b, with x the arguments side by side and E the target embedding's own weights.

    Press & Wolf 2017, "Using the Output Embedding to Improve Language Models"; Inan et al. 2017, "Tying Word Vectors
    and Word Classifiers". W brings x to the size of an embedding.

    Args:
        input_size: sizes of all arguments together.
        embedding: the target embedding, (V, E). It stays one parameter, trained from both sides; in a ``state_dict``
            it stands under both names.
        vocabulary_size: number V of symbols that have a score, the first of the embedding; by default all of them.

    Raises:
        TypeError: an ``embedding`` that is no nn.Embedding.
        ValueError: a ``vocabulary_size`` beyond it.

    Example:
        >>> TiedOutput(5, nn.Embedding(11, 3))(torch.zeros(2, 5)).shape
        torch.Size([2, 11])
    """

    label = "tied"
    all_steps = True

    def __init__(self, input_size: int, embedding: nn.Embedding, vocabulary_size: int | None = None) -> None:
        super().__init__()
        if not isinstance(embedding, nn.Embedding):
            raise TypeError(f"embedding is a {type(embedding).__name__}; TiedOutput takes an nn.Embedding")
        size = embedding.num_embeddings if vocabulary_size is None else vocabulary_size
        if not 1 <= size <= embedding.num_embeddings:
            raise ValueError(f"vocabulary_size is {size}; the embedding has {embedding.num_embeddings} symbols")
        self.input_size, self.vocabulary_size = input_size, size
        self.W = nn.Linear(input_size, embedding.embedding_dim, bias=False)
        self.embedding = embedding
        self.b = nn.Parameter(torch.zeros(size))

    def forward(self, *inputs: State) -> Tensor:
        """Scores of every symbol of the vocabulary; see `LinearOutput.forward`."""
        return F.linear(self.last(*inputs), self.embedding.weight[: self.vocabulary_size], self.b)

    def last(self, *inputs: State) -> Tensor:
        """W x, of which the embedding makes the scores, (B, [T], E). Args, Raises: as `forward`."""
        vector: Tensor = self.W(check_inputs(self, tuple(map(visible, inputs)), "input_size"))
        return vector


class MixtureOfSoftmaxes(nn.Module):
    """Node `out`: y_i = log sum_k pi_k softmax(W t_k + b), with t_k = tanh(H_k x + b_k) and pi = softmax(P x).

    Yang et al. 2018, "Breaking the Softmax Bottleneck": logits that are one product have the rank of t at most, the log
    of a mixture has not. It gives log-probabilities, which are logits too: their softmax is the mixture.

    Args:
        input_size: sizes of all arguments together; x is them side by side.
        readout_size: size of each t_k.
        vocabulary_size: number V of symbols.
        components: number of softmaxes.

    Raises:
        ValueError: less than one component.

    Example:
        >>> MixtureOfSoftmaxes(5, readout_size=3, vocabulary_size=11)(torch.zeros(2, 5)).shape
        torch.Size([2, 11])
    """

    label = "mixture_of_softmaxes"
    all_steps = True

    def __init__(self, input_size: int, readout_size: int, vocabulary_size: int, *, components: int = 3) -> None:
        super().__init__()
        if components < 1:
            raise ValueError(f"components is {components}; MixtureOfSoftmaxes takes 1 or more")
        self.input_size, self.components = input_size, components
        self.prior = nn.Linear(input_size, components, bias=False)
        self.hidden = nn.Linear(input_size, components * readout_size)
        self.W = nn.Linear(readout_size, vocabulary_size)

    def forward(self, *inputs: State) -> Tensor:
        """Log-probabilities of every symbol of the vocabulary.

        Args:
            inputs: each (B, [T], …).

        Returns:
            y_i, (B, [T], V).

        Raises:
            TypeError, ValueError: see `check_inputs`.
        """
        x = check_inputs(self, tuple(map(visible, inputs)), "input_size")
        t = torch.tanh(self.hidden(x)).reshape(*x.shape[:-1], self.components, -1)  # (B, [T], components, R)
        prior = torch.log_softmax(self.prior(x), dim=-1)  # (B, [T], components)
        return torch.logsumexp(prior[..., None] + torch.log_softmax(self.W(t), dim=-1), dim=-2)


def maxout(hidden: Tensor) -> Tensor:
    """The larger of each pair of neighbours, (…, 2 R) → (…, R). Goodfellow et al. 2013, with pieces of two."""
    return hidden.reshape(*hidden.shape[:-1], -1, 2).amax(dim=-1)
