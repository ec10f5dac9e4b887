"""Products of float32, and of bfloat16 with sums of float32, by torch's operations and by walk.cpp."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from models import OPTIONS, batch, model
from test_fused import with_compiler
from torch import Tensor

from seq2seq_attn.fused import Refused, load
from seq2seq_attn.fused.products import Products, has_unit, linear, products
from seq2seq_attn.seq2seq import Seq2Seq

NARROW = has_unit()
with_unit = pytest.mark.skipif(not NARROW, reason="this processor has no unit for bfloat16")
WAYS = [
    Products(compiled=False, narrow=False),
    Products(compiled=False, narrow=True),
    pytest.param(Products(compiled=True, narrow=False), marks=with_compiler),
    pytest.param(Products(compiled=True, narrow=True), marks=[with_compiler, with_unit]),
]
SIZES = [(1, 1, 1), (3, 7, 5), (16, 32, 64), (17, 33, 65), (70, 600, 130), (70, 1100, 40), (300, 31, 3), (600, 1, 200)]
SIZES += [(17, 600, 1000)]


@pytest.fixture(autouse=True)
def many(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Products of any size are large enough to be rounded for; two threads share them."""
    monkeypatch.setattr("seq2seq_attn.fused.products._MANY", 0)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(threads)


@with_compiler
def test_the_compiled_products_know_the_processor() -> None:
    load()
    assert torch.ops.seq2seq_attn.narrows() == NARROW
    if torch.backends.cpu.get_cpu_capability() == "AVX2":
        assert torch.ops.seq2seq_attn.packs()  # by a kernel of its own, whatever torch has
    assert not products(compiled=True).narrow and not products(compiled=False).narrow
    with torch.autocast("cpu", torch.float16):
        assert not products(compiled=True).narrow
    with torch.autocast("cpu", torch.bfloat16):
        assert products(compiled=True).narrow == products(compiled=False).narrow == NARROW
        torch._C._set_mkldnn_enabled(False)  # torch.backends.mkldnn.flags warns of Intel's GPUs
        try:
            assert not products(compiled=True).narrow
        finally:
            torch._C._set_mkldnn_enabled(True)


def rounded(way: Products, tensor: Tensor) -> Tensor:
    return tensor.bfloat16().double() if way.narrow else tensor.double()


def near(way: Products, found: Tensor, expected: Tensor) -> None:
    """Sums of float32; torch rounds them to bfloat16."""
    tolerance = 1e-2 if way == Products(compiled=False, narrow=True) else 3e-6
    torch.testing.assert_close(found.double(), expected, rtol=tolerance, atol=tolerance * float(expected.abs().max()))


@pytest.mark.parametrize("turned", ["neither", "values", "weight"])
@pytest.mark.parametrize("start", ["none", "bias", "rows", "itself"])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_product_is_that_of_its_rounded_factors(way: Products, sizes: Any, start: str, turned: str) -> None:
    if way.compiled:
        load()
    n, f, g = sizes
    values = torch.randn(f, n).t() if turned == "values" else torch.randn(n, f)
    weight = torch.randn(g, f).t() if turned == "weight" else torch.randn(f, g)
    whole = torch.randn(n, g + 3)
    made, begin = whole[:, 1 : g + 1], {"none": None, "bias": torch.randn(g), "rows": torch.randn(n, g)}.get(start)
    begin, around = made if start == "itself" else begin, whole.clone()
    expected = rounded(way, values) @ rounded(way, weight) + (0 if begin is None else begin.double())
    way.affine(values, way.matrix(weight, n), begin, made)
    near(way, made, expected)
    assert torch.equal(whole[:, 0], around[:, 0]) and torch.equal(whole[:, g + 1 :], around[:, g + 1 :])
    if start == "none":
        near(way, way.product(values, weight), expected)
    if way.packs(weight) and turned != "values":
        way.affine(values, way.packed(weight), begin if start != "itself" else None, made)
        near(way, made, expected if start != "itself" else expected - around[:, 1 : g + 1])


@with_compiler
@with_unit
def test_what_is_no_number_stays_so() -> None:
    load()
    way, values, weight = Products(compiled=True, narrow=True), torch.ones(40, 33), torch.ones(33, 70)
    values[3, 32], weight[5, 69] = torch.nan, torch.inf
    made = way.product(values, weight)
    assert made[3].isnan().all() and made[:3, 69].isinf().all() and made[:3, :69].eq(33).all()
    turned = way.product(values.t().contiguous().t(), weight)
    torch.testing.assert_close(turned, made, rtol=0, atol=0, equal_nan=True)


@with_compiler
@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("as it is", r"a weight of \[33, 5\]"),
        ("packed", r"a packed weight of \[1, 33, (16|32), 1\]"),
        pytest.param("narrow", r"a packed weight of \[1, 32, 64, 2\]", marks=with_unit),
    ],
)
def test_a_product_of_the_wrong_size_is_refused(form: str, said: str) -> None:
    load()
    way, weight = Products(compiled=True, narrow=form == "narrow"), torch.ones(5, 33).t()
    weight = weight if form == "as it is" else way.packed(weight)
    with pytest.raises(RuntimeError, match=rf"{said} is not \(70, 5\)"):
        way.affine(torch.ones(4, 70), weight, None, torch.ones(4, 5))
    with pytest.raises(RuntimeError, match=rf"{said} is not \(70, 5\)"):
        found = torch.ones(40, 2), torch.ones(40, 2, dtype=torch.int64)
        torch.ops.seq2seq_attn.likeliest(torch.ones(40, 70), weight, torch.ones(5), *found)


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_product_takes_whatever_lies_in_memory(way: Products) -> None:
    """Strides of 0 and 2, a result that is contiguous along the other axis, and nothing at all."""
    if way.compiled:
        load()
    expanded, sparse = torch.randn(1, 1).expand(40, 70), torch.randn(140, 180)[::2, ::2]
    near(way, way.product(expanded, sparse), rounded(way, expanded) @ rounded(way, sparse))
    near(way, way.product(sparse.t(), expanded.t()), rounded(way, sparse).t() @ rounded(way, expanded).t())
    turned = torch.zeros(90, 40).t()
    way.affine(expanded, way.matrix(sparse, 40), turned, turned)
    near(way, turned, rounded(way, expanded) @ rounded(way, sparse))
    for n, f, g in ((0, 7, 11), (5, 0, 11), (5, 7, 0)):
        assert way.product(torch.ones(n, f), torch.ones(f, g)).eq(0).all()
        values, weight = torch.ones(n, f, requires_grad=True), torch.ones(g, f, requires_grad=True)
        linear(way, None, values, weight).sum().backward()  # type: ignore[no-untyped-call]
        assert values.grad is not None and weight.grad is not None
        assert values.grad.eq(g).all() and weight.grad.eq(n).all()


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("start", [None, (11,), (40, 11)])
def test_a_linear_layer_has_the_gradients_of_its_products(way: Products, start: Any) -> None:
    if way.compiled:
        load()
    given = [torch.randn(40, 7), torch.randn(11, 7), *([] if start is None else [torch.randn(start)])]
    leaves = [tensor.requires_grad_() for tensor in given]
    made = linear(way, leaves[2] if start else None, leaves[0], leaves[1])
    outer = torch.randn_like(made)
    found = torch.autograd.grad(made, leaves, outer)
    values, weight, out = rounded(way, given[0].detach()), rounded(way, given[1].detach()), rounded(way, outer)
    near(way, found[0], out @ weight)
    near(way, found[1], out.t() @ values)
    if start:
        torch.testing.assert_close(found[2], outer if len(start) == 2 else outer.sum(dim=0))
    assert torch.autograd.gradgradcheck(
        lambda *tensors: linear(way._replace(narrow=False), None, *tensors),
        [tensor.detach().double().requires_grad_() for tensor in given[:2]],
    )


def gradients(net: Seq2Seq, given: tuple[Tensor, ...], loop: Any, autocast: bool) -> list[Tensor]:
    net.loop = loop
    net.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        loss = net.loss(*given)
    loss.backward()  # type: ignore[no-untyped-call]
    return [parameter.grad.clone() for parameter in net.parameters() if parameter.grad is not None]


@pytest.mark.parametrize("loop", ["fused", pytest.param("compiled", marks=with_compiler)])
@pytest.mark.parametrize("name", OPTIONS)
def test_under_autocast_a_fused_loop_is_about_as_near_to_float32_as_the_plain_one(name: str, loop: str) -> None:
    net, given = copy.deepcopy(model(name)).float(), tuple(tensor.repeat(16, 1) for tensor in batch(name))
    try:
        found = gradients(net, given, loop, autocast=True)
    except Refused:
        pytest.skip("there is no fused loop for it")
    exact, plain = gradients(net, given, "plain", autocast=False), gradients(net, given, "plain", autocast=True)
    size, own, other = (
        float(torch.stack([(one - two).square().sum() for one, two in zip(each, exact, strict=True)]).sum()) ** 0.5
        for each in ([torch.zeros_like(one) for one in exact], found, plain)
    )
    assert 0 < own < 4 * other and other < 0.5 * size  # of few numbers, so that chance is in it


@pytest.mark.parametrize("loop", ["plain", "fused", "fastest", pytest.param("compiled", marks=with_compiler)])
@pytest.mark.parametrize("name", ["gru", "luong"])
def test_autocast_around_the_loss_alone_is_that_of_all_its_gradients(name: str, loop: Any) -> None:
    net, given = copy.deepcopy(model(name)).float(), batch(name)
    net.loop = loop
    with torch.autocast("cpu", torch.bfloat16):
        loss = net.loss(*given)
    leaves = [parameter for parameter in net.parameters() if parameter.requires_grad]
    first = torch.autograd.grad(loss, leaves, create_graph=True)
    second = torch.autograd.grad(torch.stack([one.square().sum() for one in first]).sum(), leaves, allow_unused=True)
    assert any(one is not None and one.any() for one in second)


@pytest.mark.parametrize("loop", ["fused", pytest.param("compiled", marks=with_compiler)])
def test_parameters_may_lie_in_memory_the_other_way_round(loop: str) -> None:
    net, given = copy.deepcopy(model("gru")).float(), tuple(tensor.repeat(16, 1) for tensor in batch("gru"))
    expected = gradients(net, given, loop, autocast=True)
    for parameter in net.parameters():
        if parameter.dim() == 2:
            parameter.data = parameter.data.t().contiguous().t()
    for one, other in zip(gradients(net, given, loop, autocast=True), expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0.05, atol=0.05 * float(other.abs().max()))
