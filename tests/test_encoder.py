from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from seq2seq_attn import Encoder
from seq2seq_attn.mask import length_mask
from seq2seq_attn.nodes.rnn import reset_before

SOURCE, MASK = torch.randint(23, (3, 5)), length_mask(torch.tensor([5, 1, 3]))


def encoder(**options: Any) -> Encoder:
    return Encoder(nn.Embedding(23, 5), 7, **options).double().eval()


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("num_layers", [1, 3])
def test_reset_before_is_the_gru_of_the_paper_layer_by_layer(bidirectional: bool, num_layers: int) -> None:
    """The same loop, one sentence and one direction at a time, without padding."""
    enc = encoder(reset_after=False, bidirectional=bidirectional, num_layers=num_layers)
    encoded = enc(SOURCE, MASK)
    weights = dict(enc.rnn.named_parameters())
    for row, length in enumerate((5, 1, 3)):
        layer_input = enc.embedding(SOURCE[row, :length])
        for layer in range(num_layers):
            directions = []
            for suffix in ("", "_reverse")[: 1 + bidirectional]:
                w_ih, w_hh, b_ih, b_hh = (
                    weights[f"{name}_l{layer}{suffix}"] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
                )
                state, states = torch.zeros(1, 7, dtype=torch.float64), []
                for x in layer_input.flip(0) if suffix else layer_input:
                    state = reset_before((w_ih @ x + b_ih)[None], state, w_hh, b_hh)
                    states.append(state[0])
                directions.append(torch.stack(states[::-1] if suffix else states))
            layer_input = torch.cat(directions, dim=-1)
        torch.testing.assert_close(encoded[row, :length], layer_input, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "options",
    [{}, {"cell": "LSTM"}, {"num_layers": 2}, {"bidirectional": False}, {"reset_after": False, "num_layers": 2}],
    ids=str,
)
def test_hidden_vectors_are_zero_on_padding_and_sized_by_the_directions(options: dict[str, Any]) -> None:
    enc = encoder(**options)
    encoded = enc(SOURCE, MASK)
    assert encoded.shape == (3, 5, enc.memory_size) and enc.memory_size == 7 * (1 + enc.bidirectional)
    assert torch.equal(encoded.abs().sum(dim=-1) == 0, ~MASK)


def test_the_reset_gate_acts_before_the_product_only_where_asked() -> None:
    after, before = encoder(), encoder(reset_after=False)
    before.load_state_dict(after.state_dict())
    assert not torch.allclose(after(SOURCE, MASK), before(SOURCE, MASK))
    for enc in (after, before):  # with open reset gates and no bias behind them, both are the same unit
        for name, parameter in enc.rnn.named_parameters():
            if name.startswith("bias_ih"):
                parameter.data[:7] = 1e3
            if name.startswith("bias_hh"):
                parameter.data.zero_()
    torch.testing.assert_close(after(SOURCE, MASK), before(SOURCE, MASK), rtol=0, atol=1e-12)


@pytest.mark.parametrize("reset_after", [True, False])
def test_dropout_falls_on_embeddings_and_between_layers(reset_after: bool) -> None:
    enc = encoder(dropout=0.5, num_layers=2, reset_after=reset_after).train()
    assert not torch.equal(enc(SOURCE, MASK), enc(SOURCE, MASK))
    enc.eval()
    assert torch.equal(enc(SOURCE, MASK), enc(SOURCE, MASK))


def test_unknown_cells_and_a_reset_gate_for_an_lstm_are_refused() -> None:
    with pytest.raises(ValueError, match="cell is 'SRU'; Encoder knows 'GRU' and 'LSTM'"):
        encoder(cell="SRU")
    with pytest.raises(ValueError, match="reset_after=False is an option of the GRU; an LSTM has no reset gate"):
        encoder(cell="LSTM", reset_after=False)


@pytest.mark.parametrize("reset_after", [True, False])
def test_dropout_falls_before_every_layer_and_not_on_padding_or_in_evaluation(reset_after: bool) -> None:
    enc = encoder(dropout=0.5, num_layers=3, reset_after=reset_after).train()
    enc.dropout.register_forward_hook(lambda module, args, result: calls.append(module.p))
    calls: list[float] = []
    enc(SOURCE, MASK)
    if reset_after:  # torch's own layers have theirs inside
        assert (len(calls), enc.rnn.dropout) == (1, 0.5)
    else:
        assert len(calls) == 3


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (MASK.flip(1), "source_mask has padding before a real position in row 1; pad on the right"),
        (MASK[:1], r"source_mask is \(1, 5\); source is \(3, 5\), and so must it be"),
        (torch.zeros_like(MASK), "source_mask has no real position in row 0"),
    ],
)
def test_a_mask_of_another_form_is_refused_at_the_door(mask: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        encoder()(SOURCE, mask)
    with pytest.raises(TypeError, match=r"source_mask is torch.float32; give a tensor of torch.bool"):
        encoder()(SOURCE, mask.float())
