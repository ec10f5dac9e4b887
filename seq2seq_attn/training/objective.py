"""What training makes smaller: a model with its loss, as sums that those of other pieces of a batch can be added to."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from seq2seq_attn.fused import Likelihood, Scores
from seq2seq_attn.mask import check_symbols
from seq2seq_attn.seq2seq import Seq2Seq, cross_entropy
from seq2seq_attn.training.recipe import Recipe


class Sums(NamedTuple):
    """Of the rows of a piece, each a number, (), float32 at least; only ``loss`` has a gradient.

    Attributes:
        loss: what is made smaller, summed over the real target symbols: cross-entropy, smoothed as the recipe says,
            and what the config weighs beside it.
        nll: the negative log-likelihood of these symbols alone, in nats.
        right: number of rows of which no other symbol is likelier at any step.
    """

    loss: Tensor
    nll: Tensor
    right: Tensor


class Objective(nn.Module):
    """A model and what training asks of it: symbols in, sums out. This is what is compiled, and copied to each process.

    Args:
        model: what is trained, in its own mode.
        recipe: label smoothing, precision and loop are read.

    Example:
        >>> from seq2seq_attn import Config
        >>> sizes = {"embedding_size": 3, "hidden_size": 5, "attention_size": 7, "readout_size": 2}
        >>> model = Seq2Seq.from_config(Config(source_vocabulary=11, target_vocabulary=13, bos=0, eos=1, **sizes))
        >>> batch = model.example()
        >>> sums = Objective(model, Recipe(updates=1))(*batch)
        >>> torch.allclose(sums.loss / batch[3].sum(), model.loss(*batch))
        True
    """

    def __init__(self, model: Seq2Seq, recipe: Recipe) -> None:
        super().__init__()
        self.model, self.label_smoothing = model, recipe.label_smoothing
        if recipe.loop != "fastest":
            model.loop = recipe.loop
        self.precision = getattr(torch, recipe.precision)

    def forward(
        self,
        source: Tensor,
        source_mask: Tensor,
        target: Tensor,
        target_mask: Tensor,
        own: Tensor | None = None,
    ) -> Sums:
        """The sums over the rows of a piece; of a piece without rows 0, with a gradient of 0 for every parameter.

        Args:
            source: (B, S) int64.
            source_mask: (B, S) bool.
            target: (B, T) int64.
            target_mask: (B, T) bool.
            own: (B, T) bool, where the model reads its own best symbol; see `Decoder.sampled`. None: nowhere.

        Raises:
            TypeError, ValueError: see `Seq2Seq.forward`.
        """
        if not len(source):
            nothing = sum(parameter.flatten()[:0].sum() for parameter in self.model.parameters())
            assert isinstance(nothing, Tensor)
            return Sums(nothing, nothing.detach(), nothing.detach())
        with torch.autocast(source.device.type, self.precision, enabled=self.precision != torch.float32):
            if own is None:
                values = self.model(source, source_mask, target, target_mask, scored=False)
            else:
                sentence, decoder = self.model.read(source, source_mask), self.model.decoder
                check_symbols("target", target, target_mask, decoder.embed_target.num_embeddings, source.device)
                values = decoder.sampled(sentence, self.model.before(target), own)
        made, beside = self._likelihood(values.output, target, target_mask), self.model.loss_beside
        loss = made.loss + beside(values, target_mask, reduction="sum")
        return Sums(loss, made.nll.detach(), made.right.all(dim=1).sum(dtype=loss.dtype))

    def _likelihood(self, output: Tensor | Scores, target: Tensor, target_mask: Tensor) -> Likelihood:
        smoothing = self.label_smoothing
        if isinstance(output, Scores):
            return output.likelihood(target, target_mask, label_smoothing=smoothing)
        loss = cross_entropy(output, target, target_mask, label_smoothing=smoothing, reduction="sum")
        output = output.detach()
        nll = cross_entropy(output, target, target_mask, reduction="sum") if smoothing else loss
        likely = output.gather(-1, target[..., None])[..., 0] >= output.amax(dim=-1)  # argmax takes ten times as long
        return Likelihood(loss, nll, likely | ~target_mask)
