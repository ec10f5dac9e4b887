"""Products of a weight: in torch's operations or those of walk.cpp, of float32 or of bfloat16 summed up in float32."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from seq2seq_attn.fused.compiled import load
from seq2seq_attn.fused.kernels import affine

_MANY = 1 << 24  # multiplications that are worth another form of the weight
_ROWS = 128  # that are worth packing it


class Products(NamedTuple):
    """How products are made.

    Attributes:
        compiled: by walk.cpp, which has been loaded.
        narrow: of bfloat16, summed up in float32, which all else is of; if not, of what they are given. Torch's
            operations have to round the values and the product, so that only large ones are, and none in the loop.
    """

    compiled: bool
    narrow: bool

    def of(self, dtype: torch.dtype) -> Products:
        """The same for what is of a dtype: nothing but float32 is rounded to bfloat16."""
        return self._replace(narrow=self.narrow and dtype == torch.float32)

    def packs(self, weight: Tensor) -> bool:
        """Whether a weight can be packed for a loop, as only walk.cpp takes it."""
        if not self.compiled or weight.dtype != torch.float32:
            return False
        return self.narrow or bool(torch.ops.seq2seq_attn.packs())

    def packed(self, weight: Tensor) -> Tensor:
        """A weight, (F, G), packed."""
        made: Tensor = torch.ops.seq2seq_attn.packed(weight, self.narrow)
        return made

    def matrix(self, weight: Tensor, rows: int) -> Tensor:
        """A weight, (F, G), as `affine` takes it, for so many rows: packed, in bfloat16, or as it is."""
        many = rows * weight.numel() >= _MANY
        if self.compiled:
            worth = rows >= _ROWS and many and weight.dtype == torch.float32
            return self.packed(weight) if self.narrow or (worth and torch.ops.seq2seq_attn.outruns()) else weight
        return weight.to(torch.bfloat16) if self.narrow and many else weight

    def affine(self, values: Tensor, matrix: Tensor, start: Tensor | None, made: Tensor) -> None:
        """``made`` becomes the start, or 0, and the product of values, (N, F), and a `matrix` of (F, G)."""
        if self.compiled:
            torch.ops.seq2seq_attn.affine(values, matrix, start, made)
        else:
            affine(values, matrix, start, made)

    def product(
        self, values: Tensor, weight: Tensor, made: Tensor | None = None, *, start: Tensor | None = None
    ) -> Tensor:
        """(N, F) times (F, G), and the start, (N, G)."""
        made = values.new_empty(len(values), weight.shape[1]) if made is None else made
        as_it_is = not self.narrow and values.stride(1) != 1  # BLAS reads such values faster
        self.affine(values, weight if as_it_is else self.matrix(weight, len(values)), start, made)
        return made


def products(*, compiled: bool) -> Products:
    """Of bfloat16 under its autocast, on a processor that has a unit for them.

    Raises:
        Refused: see `compiled.load`.
    """
    if compiled:
        load()
    return Products(compiled, _asked() and (torch.ops.seq2seq_attn.narrows() if compiled else has_unit()))


def _asked() -> bool:
    """Whether autocast asks for bfloat16."""
    return torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") == torch.bfloat16


def has_unit() -> bool:
    """Whether the processor has instructions for products of bfloat16, AMX or AVX512-BF16; an older torch says no."""
    return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)())  # where there is AMX, it is true too


def loops_are_narrow() -> bool:
    """Whether a loop of torch's operations is best left to autocast, not run in float32: with AVX512-BF16 alone.

    Its products of few rows take half as long as those of float32; AMX's, which have to be rounded for as well, do not.
    """
    return _asked() and has_unit() and not getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)()


def linear(products: Products, start: Tensor | None, values: Tensor, weight: Tensor) -> Tensor:
    """start + values Wᵀ, (N, G), of values, (N, F), a weight, (G, F), and a start, (G,), (N, G), or None for 0."""
    made: Tensor = _Linear.apply(products, start, values, weight)  # type: ignore[no-untyped-call]
    return made


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, products: Products, start: Tensor | None, values: Tensor, weight: Tensor) -> Tensor:
        ctx.products = products = products.of(weight.dtype)
        ctx.summed = start is not None and start.dim() == 1
        ctx.save_for_backward(values, weight)
        made = values.new_empty(len(values), len(weight))
        products.affine(values, products.matrix(weight.t(), len(values)), start, made)
        return made

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        values, weight = ctx.saved_tensors
        product = torch.mm if torch.is_grad_enabled() else ctx.products.product  # the first has a gradient of its own
        wanted = ctx.needs_input_grad
        d_start = (grad.sum(dim=0) if ctx.summed else grad) if wanted[1] else None
        d_values = product(grad, weight) if wanted[2] else None
        return None, d_start, d_values, product(grad.t(), values) if wanted[3] else None
