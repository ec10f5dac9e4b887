"""What every encoder is to the model, and what it asks of its arguments."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seq2seq_attn.nodes.check import check, check_mask


class Encoder(nn.Module):
    """Makes h_j of a source: ``forward(embedded, source_mask)``, (B, S, E) and (B, S) → (B, S', M).

    h_j is zero on padding, and what stands on padding, NaN included, reaches neither a result nor a gradient. A batch
    is its sentences one by one. An encoder of your own sets the attributes and begins its ``forward`` with `checked`.

    Attributes:
        label: its word in pictures.
        embedding_size: size E of what it reads.
        memory_size: size M of h_j.
        bidirectional: whether h_j is two halves: what was read up to j, and what was read from the end back to j.

    Example:
        >>> class Doubled(Encoder):
        ...     embedding_size = memory_size = 5
        ...     bidirectional = False
        ...
        ...     def forward(self, embedded: Tensor, source_mask: Tensor) -> Tensor:
        ...         return 2 * self.checked(embedded, source_mask)
        >>> Doubled()(torch.ones(1, 3, 5), torch.tensor([[True, True, False]]))[0, :, 0]
        tensor([2., 2., 0.])
    """

    label = "encoder"
    embedding_size: int
    memory_size: int
    bidirectional: bool

    def hidden_mask(self, source_mask: Tensor) -> Tensor:
        """The mask of h_j, (B, S'), True = real; here the source's own, since S' = S."""
        return source_mask

    def checked(self, embedded: Tensor, source_mask: Tensor) -> Tensor:
        """The embedded source as an encoder begins with it.

        Args:
            embedded: the source symbols, embedded, (B, S, E), at least one row and one position.
            source_mask: (B, S) bool, True = real, padding on the right, at least one real position a row.

        Returns:
            ``embedded``, zero on padding, (B, S, E).

        Raises:
            TypeError, ValueError: see `check` and `check_mask`; no position at all, or a mask of another form.
        """
        check(self, embedded=(embedded, "B S embedding_size"))
        check_mask(self, source_mask, embedded)
        if not source_mask.numel():
            raise ValueError(f"embedded is {tuple(embedded.shape)}; give (B, S, E), at least one row and one position")
        wrong = ~source_mask[:, 0] | (source_mask[:, 1:] & ~source_mask[:, :-1]).any(dim=1)
        for row in torch.nonzero(wrong).flatten().tolist():
            raise ValueError(
                f"source_mask begins with padding, or has padding before a real position, in row {row}; "
                "give each row a real position, and pad on the right"
            )
        return embedded.masked_fill(~source_mask[:, :, None], 0)
