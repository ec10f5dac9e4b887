"""The recurrent encoder, walked back by hand: the same h_j from the same parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq_attn.encoders import Encoder, RNNEncoder
from seq2seq_attn.fused.cells import GRU, LSTM, Cell, Elman, ResetBefore
from seq2seq_attn.fused.lookup import Lookup
from seq2seq_attn.fused.products import Products, products
from seq2seq_attn.fused.refused import Refused
from seq2seq_attn.fused.run import Argument
from seq2seq_attn.fused.units import check_dtype, check_hooks
from seq2seq_attn.fused.walk import FusedLoop
from seq2seq_attn.mask import rows_by_step
from seq2seq_attn.nodes.check import check
from seq2seq_attn.nodes.rnn import reset_before

_CELLS: Mapping[type, type[Cell]] = {nn.GRU: GRU, nn.LSTM: LSTM, nn.RNN: Elman}
_STEPS: Mapping[type, Any] = {nn.GRU: torch.gru_cell, nn.LSTM: torch.lstm_cell, nn.RNN: torch.rnn_tanh_cell}
_WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def encode(encoder: Encoder, embedded: Tensor | Lookup, source_mask: Tensor, *, compiled: bool = False) -> Tensor:
    """h_j, as the encoder itself would give it.

    Args, Returns: see `RNNEncoder.forward`; its loops may be compiled, and what is embedded may be given as what it is
        made of, with a mask that has been checked.

    Raises:
        Refused: another encoder than an `RNNEncoder`; one with hooks.
        TypeError, ValueError: see `Encoder.checked`.
    """
    if type(encoder) is not RNNEncoder or type(encoder.rnn) not in _CELLS:
        raise Refused(f"there is no fused loop for the encoder {type(encoder).__name__}, as it was built")
    check_hooks("encoder", encoder)
    given = embedded.weight if isinstance(embedded, Lookup) else embedded
    check_dtype(given, *encoder.rnn.parameters())  # before anything is drawn: another loop would draw it again
    if isinstance(embedded, Lookup) and encoder.dropout.training and encoder.dropout.p:
        embedded = F.embedding(embedded.symbols, embedded.weight)
    order, symbols = None, None
    if isinstance(embedded, Lookup):
        check(encoder, embedded=(embedded.weight, "V embedding_size"))
        inputs, symbols = embedded.weight, embedded.symbols.t()
    else:
        inputs = encoder.dropout(encoder.checked(embedded, source_mask)).transpose(0, 1)  # (S, B, E)
    rows = rows_by_step(source_mask)
    if not rows and not source_mask.all():  # the longest first, so that those read at a position are the first ones
        order = source_mask.sum(dim=1).argsort(descending=True)
        rows = source_mask.sum(dim=0).tolist()
        inputs, symbols = (inputs.index_select(1, order), None) if symbols is None else (inputs, symbols[:, order])
    for layer in range(encoder.rnn.num_layers):
        if layer:
            inputs, symbols = F.dropout(inputs, encoder.rnn.dropout, encoder.rnn.training), None
        read = _Reading(encoder, inputs.contiguous(), symbols, rows, products(compiled=compiled))
        inputs = _Layer(read, layer).walk()["h"]
    hidden = inputs.transpose(0, 1)  # what a function of autograd shows cannot be changed in place; a copy can
    if order is None:
        return hidden.clone(memory_format=torch.contiguous_format)
    return hidden.index_select(0, order.argsort())


def _reset_before(inputs: Tensor, state: Any, *weights: Tensor) -> Tensor:
    """What `torch.gru_cell` makes of the same arguments, with the reset gate before the product."""
    weight_ih, weight_hh, bias_ih, bias_hh = weights
    return reset_before(F.linear(inputs, weight_ih, bias_ih), state, weight_hh, bias_hh)


class _Reading(NamedTuple):
    """What one layer reads.

    Attributes:
        encoder: with the library's module, of all layers and directions.
        inputs: (S, B, E), or, if there are symbols, a table of them, (V, E).
        symbols: (S, B) int64, or None.
        rows: at each position the number of rows that reach so far, the first ones; empty: all.
        products: see `FusedLoop`.
    """

    encoder: RNNEncoder
    inputs: Tensor
    symbols: Tensor | None
    rows: list[int]
    products: Products


class _Layer(FusedLoop):
    """One layer, in one direction or in both; h_j is what they make, side by side."""

    def __init__(self, read: _Reading, layer: int) -> None:
        encoder, rnn, size = read.encoder, read.encoder.rnn, read.encoder.hidden_size
        self.next = _STEPS[type(rnn)] if encoder.reset_after else _reset_before
        cell = _CELLS[type(rnn)] if encoder.reset_after else ResetBefore
        x = Argument("x", "given", read.inputs.shape[-1])
        directions = {f"l{layer}": Argument("forward", "before", size)}
        if encoder.bidirectional:
            directions[f"l{layer}_reverse"] = Argument("backward", "after", size)
        units = [cell(suffix, state.id, state, (x,), size) for suffix, state in directions.items()]
        steps, batch = (read.inputs if read.symbols is None else read.symbols).shape[:2]
        first = read.inputs.new_zeros(batch, size)
        firsts = {f"first {id}": first for unit in units for id in unit.made}
        weights = {f"{suffix}.{name}": getattr(rnn, f"{name}_{suffix}") for suffix in directions for name in _WEIGHTS}
        tensors = {**firsts, "x": read.inputs, **weights}
        symbols = {} if read.symbols is None else {"x": read.symbols}
        joined = {"h": [unit.output for unit in units]}
        super().__init__(units, tensors, ["h"], steps, batch, read.products, symbols, read.rows, joined)

    def again(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        given = dict(zip(self.tensors, tensors, strict=True))
        inputs = F.embedding(self.symbols["x"], given["x"]) if self.symbols else given["x"]
        return [torch.cat([self._read(unit, inputs, given) for unit in self.units], dim=-1)]

    def _read(self, unit: Any, inputs: Tensor, given: Mapping[str, Tensor]) -> Tensor:
        """What one direction makes, (S, B, H)."""
        weights = [given[f"{unit.node}.{name}"] for name in _WEIGHTS]
        state, made = tuple(given[f"first {id}"] for id in unit.made), dict[int, Tensor]()  # and the cell of an LSTM
        for step in reversed(range(self.steps)) if unit.reversed else range(self.steps):
            new = self.next(inputs[step], state if len(state) > 1 else state[0], *weights)
            rows = self.rows[step] if self.rows else self.batch
            real = torch.arange(self.batch, device=inputs.device)[:, None] < rows
            parts = new if isinstance(new, tuple) else (new,)
            state = tuple(torch.where(real, now, 0) for now in parts)
            made[step] = state[0]
        return torch.stack([made[step] for step in range(self.steps)])
