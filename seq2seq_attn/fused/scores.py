"""Scores that are never there all at once: a piece of them is made, compared with the target, and made gradient."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from seq2seq_attn.fused.products import Products

_PIECE = 1 << 22  # scores that are there at once


class Likelihood(NamedTuple):
    """How likely targets are; only ``loss`` has a gradient.

    Attributes:
        loss: negative log-likelihood of all real symbols, smoothed, summed, in nats, ().
        nll: the same without smoothing.
        right: (B, T) bool, whether no symbol is likelier than the true one; True on padding.
    """

    loss: Tensor
    nll: Tensor
    right: Tensor


class Scores(NamedTuple):
    """y_i = W t_i + b, not multiplied yet.

    Attributes:
        hidden: t_i, (B, T, R), or of K hypotheses (B, K, R).
        weight: W, (V, R).
        bias: b, (V,).
        products: how they are made; compiled, so are losses and gradients.
        matrix: W, (R, V), as compiled steps multiply it; they look at the likeliest symbols alone.
    """

    hidden: Tensor
    weight: Tensor
    bias: Tensor
    products: Products
    matrix: Tensor | None = None

    def logits(self) -> Tensor:
        """y_i, (…, V)."""
        return F.linear(self.hidden, self.weight, self.bias)

    def likelihood(self, target: Tensor, target_mask: Tensor, *, label_smoothing: float = 0.0) -> Likelihood:
        """Of targets, (B, T) int64, where their mask, (B, T) bool, is True."""
        turned = not self.hidden.is_contiguous()  # the steps stand first in memory
        hidden, target, real = (
            tensor.transpose(0, 1) if turned else tensor for tensor in (self.hidden, target, target_mask)
        )
        rows = slice(None) if real.all() else real.flatten().nonzero()[:, 0]
        loss, nll, found = _Likelihood.apply(  # type: ignore[no-untyped-call]
            hidden.flatten(0, 1)[rows],
            self.weight,
            self.bias,
            target.flatten()[rows],
            label_smoothing,
            self.products,
        )
        right = real.new_ones(real.shape)
        right.flatten()[rows] = found
        return Likelihood(loss, nll, right.t() if turned else right)


def likeliest(output: Tensor | Scores, count: int) -> tuple[Tensor, Tensor]:
    """The symbols that are likeliest at each step, and their log-probabilities in nats, best first.

    Args:
        output: y_i, logits (…, V), or what they are made of.
        count: number of symbols; all, if there are fewer.

    Returns:
        Log-probabilities and symbols, each (…, count); of float32 at least.
    """
    if isinstance(output, Scores) and output.matrix is not None:
        shape = output.hidden.shape[:-1]
        hidden = output.hidden.flatten(0, -2).to(output.weight.dtype)
        values = hidden.new_empty(len(hidden), min(count, len(output.bias)))
        symbols = torch.empty_like(values, dtype=torch.int64)
        torch.ops.seq2seq_attn.likeliest(hidden.contiguous(), output.matrix, output.bias, values, symbols)
        return values.reshape(*shape, -1), symbols.reshape(*shape, -1)
    output = output.logits() if isinstance(output, Scores) else output
    made = log_probabilities(output)
    if count > 1:
        return made.topk(min(count, made.shape[-1]))
    symbols = output.argmax(dim=-1, keepdim=True)
    return made.gather(-1, symbols), symbols


def log_probabilities(output: Tensor | Scores) -> Tensor:
    """Of every symbol, in nats, (…, V) as the logits; in float32 at least, since bfloat16 keeps two digits of a sum."""
    if isinstance(output, Scores):
        output = output.logits()
    return torch.log_softmax(output, dim=-1, dtype=torch.promote_types(output.dtype, torch.float32))


class _Likelihood(torch.autograd.Function):
    """The sums over N rows; the gradient is made on the way there, while the scores are in the cache."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor, target: Tensor, smoothing: float, products: Products
    ) -> tuple[Tensor, Tensor, Tensor]:
        ctx.options, ctx.dtype = (smoothing, products), torch.promote_types(hidden.dtype, torch.float32)
        ctx.save_for_backward(hidden, weight, bias, target)
        given = hidden, weight, bias, target, *ctx.options
        loss, nll, right, ctx.grads = _compared(*given, wanted=any(ctx.needs_input_grad))
        ctx.mark_non_differentiable(right)
        ctx.set_materialize_grads(False)
        return loss.sum(), nll.sum(), right

    @staticmethod
    def backward(ctx: Any, d_loss: Tensor | None, d_nll: Tensor | None, _: None) -> tuple[Tensor | None, ...]:
        hidden, weight, bias, target = ctx.saved_tensors
        if d_nll is not None:
            raise RuntimeError("only the loss of a Likelihood has a gradient")
        if d_loss is None:
            return (None,) * 6
        if torch.is_grad_enabled():  # a gradient of this gradient is wanted
            aliases = [tensor.view_as(tensor) for tensor in (hidden, weight, bias)]  # one may be made of another
            made = F.linear(*(alias.to(ctx.dtype) for alias in aliases))
            loss = F.cross_entropy(made, target, reduction="sum", label_smoothing=ctx.options[0])
            wanted = [alias for alias in aliases if alias.requires_grad]
            found = iter(torch.autograd.grad(loss, wanted, d_loss, create_graph=True))
            given = [next(found) if alias.requires_grad else None for alias in aliases]
        else:  # the first to come takes the gradients, which are as large as the weights; another makes them again
            grads = ctx.grads or _compared(hidden, weight, bias, target, *ctx.options, wanted=True)[-1]
            ctx.grads = []
            given = [
                grad.mul_(d_loss).to(tensor.dtype) for grad, tensor in zip(grads, (hidden, weight, bias), strict=True)
            ]
        return *given, None, None, None


def _compared(
    hidden: Tensor, weight: Tensor, bias: Tensor, target: Tensor, smoothing: float, products: Products, *, wanted: bool
) -> tuple[Tensor, Tensor, Tensor, list[Tensor]]:
    """Of each row the losses, and whether it is right; and, if wanted, the gradients of what scores are made of."""
    with torch.autocast(hidden.device.type, enabled=False):
        dtype = torch.promote_types(hidden.dtype, torch.float32)
        h, w, b = (tensor.detach().to(dtype) for tensor in (hidden, weight, bias))
        loss, nll, right = h.new_empty(len(h)), h.new_empty(len(h)), torch.empty_like(target, dtype=torch.bool)
        grads = [torch.empty_like(h), torch.empty_like(w), torch.zeros_like(b)] if wanted else []
        products = products.of(dtype)
        there, back = products.matrix(w.t(), len(h)), products.matrix(w, len(h))
        size = math.ceil(len(h) / math.ceil(len(h) * len(w) / _PIECE))  # pieces of one size
        scores = h.new_empty(size, len(w))
        for begin in range(0, len(h), size):
            rows = slice(begin, begin + size)
            made = scores[: len(h[rows])]
            products.affine(h[rows], there, None, made)
            found = loss[rows], nll[rows], right[rows]
            _compare(made, b, target[rows], smoothing, *found, grads[2] if grads else None, products.compiled)
            if grads:
                products.affine(made, back, None, grads[0][rows])
                products.product(made.t(), h[rows], grads[1], start=grads[1] if begin else None)
    return loss, nll, right, grads


def _compare(
    scores: Tensor,
    bias: Tensor,
    target: Tensor,
    smoothing: float,
    loss: Tensor,
    nll: Tensor,
    right: Tensor,
    d_bias: Tensor | None,
    compiled: bool,
) -> None:
    """Of rows of scores (n, V), less their bias, the losses; the scores become the gradient of the loss.

    Their sum is added to ``d_bias``, if there is one.
    """
    if compiled:
        torch.ops.seq2seq_attn.cross_entropy(scores, bias, target, smoothing, loss, nll, right, d_bias)
        return
    scores += bias
    true, size = scores.gather(1, target[:, None]), scores.shape[1]
    torch.ge(true[:, 0], scores.amax(dim=1), out=right)
    total = torch.logsumexp(scores, dim=1)
    torch.sub(total, true[:, 0], out=nll)
    loss.copy_(nll)
    if smoothing:
        loss.mul_(1 - smoothing).add_(total - scores.mean(dim=1), alpha=smoothing)
    scores.sub_(total[:, None]).exp_().sub_(smoothing / size)
    scores.scatter_add_(1, target[:, None], scores.new_full((1, 1), smoothing - 1).expand_as(true))
    if d_bias is not None:
        d_bias += scores.sum(dim=0)
