"""Every encoder in one table, one row each, through the same tests; then each against its equations, in plain loops.

Sizes are different primes, so that no axis passes for another: B 3, S 13, E 5, H 7 (14 where heads share it).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from seq2seq_attn.encoders import ConvolutionalEncoder, Encoder, PyramidEncoder, RNNEncoder, TransformerEncoder
from seq2seq_attn.encoders.positions import sinusoids
from seq2seq_attn.mask import length_mask

B, S, E, H = 3, 13, 5, 7
LENGTHS = (13, 1, 6)
MASK = length_mask(torch.tensor(LENGTHS))


@dataclass(frozen=True)
class Row:
    """An encoder, the size of its h_j, and how many source positions go into one h_j."""

    name: str
    build: Callable[..., Encoder]
    memory_size: int
    merged: int = 1
    bidirectional: bool = False

    def encoder(self, **options: Any) -> Encoder:
        return self.build(**options).double().eval()


def rnn(**fixed: Any) -> Callable[..., Encoder]:
    return lambda **options: RNNEncoder(E, H, **fixed, **options)


def pyramid(**fixed: Any) -> Callable[..., Encoder]:
    return lambda **options: PyramidEncoder(E, H, **fixed, **options)


def convolution(**fixed: Any) -> Callable[..., Encoder]:
    return lambda **options: ConvolutionalEncoder(E, H, **fixed, **options)


def transformer(hidden_size: int, **fixed: Any) -> Callable[..., Encoder]:
    return lambda **options: TransformerEncoder(E, hidden_size, **fixed, **options)


ROWS = [
    Row("GRU", rnn(), 2 * H, bidirectional=True),
    Row("GRU, reset before", rnn(reset_after=False, num_layers=2), 2 * H, bidirectional=True),
    Row("LSTM", rnn(cell="LSTM", num_layers=2), 2 * H, bidirectional=True),
    Row("Elman, one direction", rnn(cell="Elman", bidirectional=False), H),
    Row("pyramid of one layer", pyramid(num_layers=1), 2 * H, bidirectional=True),
    Row("pyramid, GRU", pyramid(num_layers=3), 2 * H, merged=4, bidirectional=True),
    Row("pyramid, LSTM, one direction", pyramid(cell="LSTM", bidirectional=False), H, merged=2),
    Row("pyramid, reset before", pyramid(reset_after=False), 2 * H, merged=2, bidirectional=True),
    Row("convolution", convolution(), H),
    Row("convolution, wide", convolution(width=5, num_layers=3), H),
    Row("convolution of single positions", convolution(width=1, num_layers=1), H),
    Row("transformer", transformer(2 * H, num_heads=2), 2 * H),
    Row("transformer of one layer", transformer(H, num_heads=7, num_layers=1, feedforward_size=11), H),
]
EVERY = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)


def source(batch: int = B, positions: int = S) -> Tensor:
    return torch.randn(batch, positions, E, dtype=torch.float64)


@EVERY
def test_every_position_has_a_vector_of_the_size_that_the_encoder_says(row: Row) -> None:
    encoder = row.encoder()
    assert encoder(source(), MASK).shape == (B, math.ceil(S / row.merged), row.memory_size)
    assert (encoder.embedding_size, encoder.memory_size) == (E, row.memory_size)
    assert encoder.bidirectional == row.bidirectional
    assert encoder.label in ("RNN", "pyramid", "convolution", "transformer")


@EVERY
def test_vectors_are_zero_on_padding_and_only_there(row: Row) -> None:
    encoder = row.encoder(dropout=0.1)
    mask = encoder.hidden_mask(MASK)
    for training in (False, True):
        assert torch.equal(encoder.train(training)(source(), MASK).abs().sum(dim=-1) > 0, mask)


@EVERY
@pytest.mark.parametrize("lengths", [LENGTHS, (2, 4, 3), (1, 1, 1), (8, 5, 7)], ids=str)
def test_hidden_mask_has_as_many_positions_a_row_as_its_own_length_leaves(row: Row, lengths: tuple[int, ...]) -> None:
    wanted = torch.tensor([math.ceil(length / row.merged) for length in lengths])
    for extra in range(5):  # positions of padding in all rows
        mask = row.encoder().hidden_mask(length_mask(torch.tensor(lengths), max(lengths) + extra))
        assert torch.equal(mask, length_mask(wanted, math.ceil((max(lengths) + extra) / row.merged)))


@EVERY
@pytest.mark.parametrize("gradients", [True, False])  # torch has other kernels for a Transformer without gradients
def test_a_batch_is_its_sentences_one_by_one(row: Row, gradients: bool) -> None:
    encoder, embedded = row.encoder(), source()
    with torch.set_grad_enabled(gradients):
        encoded = encoder(embedded, MASK)
        for number, length in enumerate(LENGTHS):
            alone = encoder(embedded[number : number + 1, :length], MASK[number : number + 1, :length])
            torch.testing.assert_close(encoded[number, : alone.shape[1]], alone[0], rtol=0, atol=1e-12)


@EVERY
@pytest.mark.parametrize("junk", [1e30, -17.0, math.inf, math.nan])
@pytest.mark.parametrize("extra", [0, 1, 4])
def test_padding_changes_no_value_and_no_gradient(row: Row, junk: float, extra: int) -> None:
    encoder, embedded, weights = row.encoder(), source(), torch.randn(B, S + 4, row.memory_size, dtype=torch.float64)

    def run(embedded: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
        embedded = embedded.clone().requires_grad_()
        encoded = encoder(embedded, mask)
        loss = (encoded * weights[:, : encoded.shape[1]]).sum()
        grads = torch.autograd.grad(loss, [embedded, *encoder.parameters()])
        return encoded, *grads

    plain = run(embedded.masked_fill(~MASK[:, :, None], 0), MASK)
    dirty = torch.cat([embedded.masked_fill(~MASK[:, :, None], junk), source(B, extra).fill_(junk)], dim=1)
    longer = run(dirty, length_mask(torch.tensor(LENGTHS), S + extra))
    for name, before, after in zip(["h_j", "embedded", *dict(encoder.named_parameters())], plain, longer, strict=True):
        if name in ("h_j", "embedded"):
            assert not after[:, before.shape[1] :].any(), name
            after = after[:, : before.shape[1]]
        torch.testing.assert_close(after, before, rtol=0, atol=1e-12, msg=lambda text, name=name: f"{name}: {text}")
    assert not longer[1][:, :S][~MASK].any()


@EVERY
def test_every_parameter_gets_a_gradient(row: Row) -> None:
    encoder = row.encoder()
    encoder(source(), MASK).sin().sum().backward()
    assert [name for name, parameter in encoder.named_parameters() if not parameter.grad.any()] == []


@EVERY
def test_gradients_are_those_of_finite_differences(row: Row) -> None:
    encoder, mask = row.encoder(), length_mask(torch.tensor([5, 2]))
    embedded = source(2, 5).requires_grad_()
    assert torch.autograd.gradcheck(lambda embedded: encoder(embedded, mask), (embedded,), fast_mode=True)
    names, parameters = zip(*encoder.named_parameters(), strict=True)

    def encoded(*parameters: Tensor) -> Tensor:
        return functional_call(encoder, dict(zip(names, parameters, strict=True)), (embedded, mask))

    assert torch.autograd.gradcheck(encoded, parameters, fast_mode=True)


@EVERY
def test_dropout_falls_in_training_only(row: Row) -> None:
    encoder, embedded = row.encoder(dropout=0.5), source()
    plain = row.encoder()
    plain.load_state_dict(encoder.state_dict())
    assert torch.equal(encoder(embedded, MASK), plain(embedded, MASK))
    encoder.train()
    assert not torch.equal(encoder(embedded, MASK), encoder(embedded, MASK))
    plain.train()
    assert torch.equal(plain(embedded, MASK), plain(embedded, MASK))


@EVERY
def test_dropout_begins_with_the_embedded_source(row: Row) -> None:
    encoder, embedded = row.encoder(dropout=1.0).train(), source()
    assert torch.equal(encoder(embedded, MASK), encoder(torch.zeros_like(embedded), MASK))


@EVERY
def test_the_order_of_the_words_matters(row: Row) -> None:
    encoder, embedded = row.encoder(), source(1)
    swapped = embedded[:, [1, 0, *range(2, S)]]
    assert not torch.allclose(encoder(embedded, MASK[:1]).sum(dim=1), encoder(swapped, MASK[:1]).sum(dim=1))


@EVERY
def test_a_source_or_mask_of_another_form_is_refused(row: Row) -> None:
    encoder, embedded = row.encoder(), source()
    name = type(encoder).__name__
    with pytest.raises(
        ValueError, match=rf"embedded is \(3, 13, 4\); node {name} was built for 5. Build {name}\(…, emb"
    ):
        encoder(embedded[..., :4], MASK)
    with pytest.raises(ValueError, match=rf"embedded is \(13, 5\); node {name} takes \(B, S, embedding_size\)"):
        encoder(embedded[0], MASK)
    with pytest.raises(TypeError, match=rf"embedded is torch.float32; node {name} computes in torch.float64"):
        encoder(embedded.float(), MASK)
    with pytest.raises(ValueError, match=rf"mask is \(1, 13\); node {name} takes \(3, 13\), True = real"):
        encoder(embedded, MASK[:1])
    with pytest.raises(TypeError, match=rf"mask is torch.float32; node {name} takes a bool tensor, True = real"):
        encoder(embedded, MASK.float())
    holed = MASK.index_put((torch.tensor(2), torch.tensor(3)), torch.tensor(False))
    for number, mask in ((1, MASK.flip(1)), (0, torch.zeros_like(MASK)), (2, holed)):
        with pytest.raises(ValueError, match=f"in row {number}; give each row a real position, and pad on the right"):
            encoder(embedded, mask)
    with pytest.raises(
        ValueError, match=r"embedded is \(3, 0, 5\); give \(B, S, E\), at least one row and one position"
    ):
        encoder(embedded[:, :0], MASK[:, :0])


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (rnn(cell="SRU"), "cell is 'SRU'; RNNEncoder knows 'GRU', 'LSTM' and 'Elman'"),
        (rnn(cell="LSTM", reset_after=False), "option of the GRU; cell is 'LSTM', which has no reset gate"),
        (rnn(num_layers=0), "num_layers is 0; an RNNEncoder has at least 1"),
        (pyramid(cell="SRU"), "cell is 'SRU'; RNNEncoder knows 'GRU', 'LSTM' and 'Elman'"),
        (pyramid(num_layers=0), "num_layers is 0; a PyramidEncoder has at least 1"),
        (convolution(num_layers=0), "num_layers is 0; a ConvolutionalEncoder has at least 1"),
        (convolution(width=4), "width is 4; give an odd number, as many positions to the left as to the right"),
        (convolution(width=-1), "width is -1; give an odd number"),
        (transformer(7, num_heads=2), "hidden_size is 7, num_heads is 2; the heads share hidden_size: give a multiple"),
        (transformer(7, num_heads=0), "hidden_size is 7, num_heads is 0; the heads share hidden_size"),
        (transformer(7, num_heads=7, num_layers=0), "num_layers is 0; a TransformerEncoder has at least 1"),
    ],
)
def test_what_cannot_be_built_is_refused(build: Callable[[], Encoder], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()


# The equations, in loops over rows, positions and layers, without padding.

CELLS = pytest.mark.parametrize(
    ("cell", "reset_after"), [("GRU", True), ("GRU", False), ("LSTM", True), ("Elman", True)]
)


def steps(cell: str, rnn: Any, inputs: list[Tensor], suffix: str, *, reset_after: bool) -> list[Tensor]:
    """One direction of one layer of a library RNN, by the equations of its cell."""
    w_ih, w_hh = (getattr(rnn, f"weight_{name}_{suffix}") for name in ("ih", "hh"))
    b_ih, b_hh = (getattr(rnn, f"bias_{name}_{suffix}") for name in ("ih", "hh"))
    h = c = torch.zeros(H, dtype=torch.float64)
    hidden = []
    for x in inputs:
        read, kept = w_ih @ x + b_ih, w_hh @ h + b_hh
        if cell == "GRU":
            (r_x, z_x, n_x), (r_h, z_h, n_h) = read.chunk(3), kept.chunk(3)
            r, z = torch.sigmoid(r_x + r_h), torch.sigmoid(z_x + z_h)
            n = torch.tanh(n_x + (r * n_h if reset_after else w_hh[-H:] @ (r * h) + b_hh[-H:]))
            h = (1 - z) * n + z * h
        elif cell == "LSTM":
            i, f, g, o = (read + kept).chunk(4)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        else:
            h = torch.tanh(read + kept)
        hidden.append(h)
    return hidden


def both(cell: str, rnn: Any, inputs: list[Tensor], layer: int, *, reset_after: bool) -> list[Tensor]:
    """One layer of a library RNN, in as many directions as it has."""
    forward = steps(cell, rnn, inputs, f"l{layer}", reset_after=reset_after)
    if not rnn.bidirectional:
        return forward
    backward = steps(cell, rnn, inputs[::-1], f"l{layer}_reverse", reset_after=reset_after)[::-1]
    return [torch.cat(pair) for pair in zip(forward, backward, strict=True)]


def agrees(encoder: Encoder, expected: Callable[[list[Tensor]], list[Tensor]]) -> None:
    """Every row of a batch is what the equations give for the words of that row alone."""
    embedded = source()
    encoded = encoder(embedded, MASK)
    for number, length in enumerate(LENGTHS):
        hidden = torch.stack(expected(list(embedded[number, :length])))
        torch.testing.assert_close(encoded[number, : len(hidden)], hidden, rtol=0, atol=1e-12)


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("num_layers", [1, 3])
@CELLS
def test_an_rnn_is_its_cell_step_by_step(cell: Any, reset_after: bool, num_layers: int, bidirectional: bool) -> None:
    encoder = RNNEncoder(
        E, H, cell=cell, reset_after=reset_after, num_layers=num_layers, bidirectional=bidirectional
    ).double()

    def expected(hidden: list[Tensor]) -> list[Tensor]:
        for layer in range(num_layers):
            hidden = both(cell, encoder.rnn, hidden, layer, reset_after=reset_after)
        return hidden

    agrees(encoder, expected)


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("num_layers", [1, 2, 4])
@CELLS
def test_a_pyramid_reads_pairs_of_neighbours_from_the_second_layer_on(
    cell: Any, reset_after: bool, num_layers: int, bidirectional: bool
) -> None:
    encoder = PyramidEncoder(
        E, H, cell=cell, reset_after=reset_after, num_layers=num_layers, bidirectional=bidirectional
    ).double()

    def expected(hidden: list[Tensor]) -> list[Tensor]:
        for number, layer in enumerate(encoder.layers):
            if number:
                nothing = torch.zeros_like(hidden[0])
                pairs = []
                for j in range(math.ceil(len(hidden) / 2)):
                    second = hidden[2 * j + 1] if 2 * j + 1 < len(hidden) else nothing
                    pairs.append(torch.cat([hidden[2 * j], second]))
                hidden = pairs
            hidden = both(cell, layer.rnn, hidden, 0, reset_after=reset_after)
        return hidden

    agrees(encoder, expected)


def position(j: int, size: int) -> Tensor:
    """p_j, number by number."""
    values = []
    for d in range(size):
        angle = j / 10000 ** ((d - d % 2) / size)
        values.append(math.cos(angle) if d % 2 else math.sin(angle))
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize("size", [1, 6, 7])
def test_sinusoids_are_those_of_the_paper(size: int) -> None:
    expected = torch.stack([position(j, size) for j in range(301)])
    torch.testing.assert_close(sinusoids(source(1, 301)[..., :1].expand(1, 301, size)), expected, rtol=0, atol=1e-12)


def test_sinusoids_of_halves_are_exact_until_they_are_rounded() -> None:
    exact = sinusoids(torch.zeros(1, 3001, 6))
    assert torch.equal(sinusoids(torch.zeros(1, 3001, 6, dtype=torch.bfloat16)), exact.bfloat16())


@pytest.mark.parametrize("width", [1, 3, 5])
def test_a_convolution_sees_its_neighbours_through_gates_and_zeros_beyond_the_ends(width: int) -> None:
    encoder = ConvolutionalEncoder(E, H, num_layers=3, width=width).double()

    def expected(words: list[Tensor]) -> list[Tensor]:
        hidden = [encoder.input.weight @ (x + position(j, E)) + encoder.input.bias for j, x in enumerate(words)]
        for convolution in encoder.convolutions:
            above = []
            for j in range(len(hidden)):
                total = convolution.bias
                for tap in range(width):
                    if 0 <= (k := j + tap - width // 2) < len(hidden):
                        total = total + convolution.weight[:, :, tap] @ hidden[k]
                above.append((total[:H] * torch.sigmoid(total[H:]) + hidden[j]) * math.sqrt(0.5))
            hidden = above
        return hidden

    agrees(encoder, expected)


def test_first_weights_of_a_convolution_keep_the_size_of_what_passes() -> None:
    encoder = ConvolutionalEncoder(E, 211, num_layers=7, width=3)
    embedded = torch.randn(1, 101, E)
    hidden = encoder(embedded, torch.ones(1, 101, dtype=torch.bool))
    assert 0.5 < hidden.std() / encoder.input(embedded + sinusoids(embedded)).std() < 2


def norm(layer: Any, x: Tensor) -> Tensor:
    """Layer norm, written out."""
    centred = x - x.mean()
    return layer.weight * centred / torch.sqrt((centred**2).mean() + layer.eps) + layer.bias


@pytest.mark.parametrize("num_heads", [1, 2, 7])
def test_a_transformer_is_its_equations_head_by_head(num_heads: int) -> None:
    encoder, size = TransformerEncoder(E, 2 * H, num_heads=num_heads, num_layers=2).double(), 2 * H // num_heads
    for parameter in encoder.parameters():
        nn.init.normal_(parameter, std=0.5)  # the biases and norms too

    def attention(part: Any, inputs: list[Tensor]) -> list[Tensor]:
        projected = [(part.in_proj_weight @ x + part.in_proj_bias).chunk(3) for x in inputs]
        results = []
        for query, _, _ in projected:
            context = []
            for head in range(num_heads):
                own = slice(head * size, (head + 1) * size)
                energies = torch.stack([query[own] @ key[own] / math.sqrt(size) for _, key, _ in projected])
                weights = energies.exp() / energies.exp().sum()
                context.append(sum(w * value[own] for w, (_, _, value) in zip(weights, projected, strict=True)))
            results.append(part.out_proj.weight @ torch.cat(context) + part.out_proj.bias)
        return results

    def expected(words: list[Tensor]) -> list[Tensor]:
        hidden = [encoder.input.weight @ x + encoder.input.bias + position(j, 2 * H) for j, x in enumerate(words)]
        for layer in encoder.transformer.layers:
            attended = attention(layer.self_attn, [norm(layer.norm1, h) for h in hidden])
            hidden = [h + a for h, a in zip(hidden, attended, strict=True)]
            for j, h in enumerate(hidden):
                inner = torch.relu(layer.linear1.weight @ norm(layer.norm2, h) + layer.linear1.bias)
                hidden[j] = h + layer.linear2.weight @ inner + layer.linear2.bias
        return [norm(encoder.transformer.norm, h) for h in hidden]

    agrees(encoder, expected)


def test_the_layers_of_a_transformer_begin_with_weights_of_their_own() -> None:
    first, second = TransformerEncoder(E, 8, num_heads=2).transformer.layers
    for name, weight in first.named_parameters():
        if weight.dim() > 1:
            assert not torch.equal(weight, second.get_parameter(name)), name


def test_the_feedforward_part_of_a_transformer_is_four_times_as_wide_unless_told() -> None:
    assert TransformerEncoder(E, 8).transformer.layers[0].linear1.out_features == 32
    assert TransformerEncoder(E, 8, feedforward_size=11).transformer.layers[1].linear1.out_features == 11


def test_the_reset_gate_acts_before_the_product_only_where_asked() -> None:
    after, before = RNNEncoder(E, H).double(), RNNEncoder(E, H, reset_after=False).double()
    before.load_state_dict(after.state_dict())
    embedded = source()
    assert not torch.allclose(after(embedded, MASK), before(embedded, MASK))
    for encoder in (after, before):  # with open reset gates and no bias behind them, both are the same unit
        for name, parameter in encoder.rnn.named_parameters():
            if name.startswith("bias_ih"):
                parameter.data[:H] = 1e3
            if name.startswith("bias_hh"):
                parameter.data.zero_()
    torch.testing.assert_close(after(embedded, MASK), before(embedded, MASK), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("build", "calls", "inside"),
    [
        (rnn(num_layers=3), 1, 0.5),  # torch's own layers have theirs inside
        (rnn(num_layers=3, reset_after=False), 3, 0.5),
        (rnn(num_layers=1), 1, 0.0),
    ],
)
def test_dropout_falls_before_every_layer_of_an_rnn(build: Callable[..., Encoder], calls: int, inside: float) -> None:
    encoder = build(dropout=0.5).double().train()
    seen: list[float] = []
    encoder.dropout.register_forward_hook(lambda module, args, result: seen.append(module.p))
    encoder(source(), MASK)
    assert (seen, encoder.rnn.dropout) == ([0.5] * calls, inside)


def test_dropout_falls_on_half_of_what_every_convolution_reads() -> None:
    encoder = ConvolutionalEncoder(E, H, num_layers=3, dropout=0.5).double().train()
    embedded, mask, dropped = source(1, 1), MASK[:1, :1], 0
    for _ in range(20):  # of one word only the middle tap sees anything, and where that is dropped, no gradient comes
        encoder.zero_grad()
        encoder(embedded, mask).sum().backward()
        dropped += sum(int((~layer.weight.grad[..., 1].any(dim=0)).sum()) for layer in encoder.convolutions)
    assert 0.3 < dropped / (20 * 3 * H) < 0.7


def test_dropout_falls_on_every_part_of_a_transformer() -> None:
    encoder = TransformerEncoder(E, 8, dropout=0.5)
    assert {module.p for module in encoder.modules() if isinstance(module, nn.Dropout)} == {0.5}
    assert [layer.self_attn.dropout for layer in encoder.transformer.layers] == [0.5, 0.5]


def test_the_parameters_of_an_rnn_are_called_as_those_of_the_library() -> None:
    encoder = RNNEncoder(E, H, cell="LSTM", num_layers=2)
    names = {f"rnn.{name}" for name, _ in nn.LSTM(E, H, 2, bidirectional=True).named_parameters()}
    assert set(encoder.state_dict()) == names
