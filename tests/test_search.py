"""The laws of beam search, over the table of models."""

from __future__ import annotations

import itertools
import math
import re
from typing import Any

import pytest
import torch
from models import OPTIONS, batch, config, model
from test_seq2seq import close, padded
from torch import Tensor

from seq2seq_attn import Seq2Seq
from seq2seq_attn.hypotheses import Hypotheses
from seq2seq_attn.mask import length_mask
from seq2seq_attn.search import Hypothesis, Search, beam_search

BOS, EOS = 17, 18  # of the table
every_model = pytest.mark.parametrize("name", OPTIONS)


def search(net: Seq2Seq, source: Tensor, source_mask: Tensor, **options: Any) -> Search:
    """A search by the decoder itself, with all hypotheses and every step, unless the options say otherwise."""
    chosen: dict[str, Any] = {"bos": net.bos, "eos": net.eos, "n_best": options["size"], "keep_steps": True} | options
    return beam_search(net.decoder, net.read(source, source_mask), **chosen)


def symbols_of(hypotheses: list[Hypothesis]) -> list[tuple[int, ...]]:
    return [one.symbols for one in hypotheses]


def same(found: list[Hypothesis], expected: list[Hypothesis]) -> None:
    """The same hypotheses in the same order."""
    assert symbols_of(found) == symbols_of(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.ended == other.ended
        assert math.isclose(one.score, other.score, abs_tol=1e-12)
        assert math.isclose(one.normalised, other.normalised, abs_tol=1e-12)
        close(one.attn_weights, other.attn_weights)


def forced(net: Seq2Seq, source: Tensor, targets: list[tuple[int, ...]]) -> tuple[Tensor, Any]:
    """The log-probabilities of targets of one source, teacher-forced, and all values."""
    lengths = torch.tensor([len(target) for target in targets])
    mask = length_mask(lengths)
    target = torch.zeros_like(mask, dtype=torch.int64).masked_scatter(
        mask, torch.tensor([s for t in targets for s in t])
    )
    rows = source.expand(len(targets), -1)
    values = net(rows, torch.ones_like(rows, dtype=torch.bool), target, mask)
    each = torch.log_softmax(values.output, dim=-1).gather(2, target[..., None]).squeeze(-1)
    return each.detach().masked_fill(~mask, 0.0).sum(dim=1), values


@every_model
def test_a_beam_of_one_is_greedy_decoding(name: str) -> None:
    net = model(name)
    source, source_mask, _, _ = batch(name)
    decoded = net.greedy(source, source_mask, max_length=9)
    positions = net.encoder.hidden_mask(source_mask).sum(dim=1)
    searched = net.beam(source, source_mask, size=1, max_length=9)
    for row, (found,) in enumerate(search(net, source, source_mask, size=1, max_length=9).hypotheses):
        same(searched[row], [found])
        length = int(decoded.mask[row].sum())
        assert found.symbols == tuple(decoded.symbols[row, :length].tolist())
        assert found.ended == (found.symbols[-1] == EOS)
        close(torch.tensor(found.score, dtype=torch.float64), decoded.scores[row])
        close(found.attn_weights, decoded.attn_weights[row, :length, ..., : positions[row]])
        assert not decoded.attn_weights[row, :length, ..., positions[row] :].any()


def tiny(name: str) -> Seq2Seq:
    """A model of the table that can write 4 symbols, eos among them; of one that copies, the last is unknown."""
    copies = "unknown_size" in OPTIONS[name]
    sizes = {"target_vocabulary": 4 - copies, "bos": 0, "eos": 1}
    options = OPTIONS[name] | sizes | ({"source_vocabulary": 3, "unknown_size": 1} if copies else {})
    net = Seq2Seq.from_config(config(**options)).double().eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.randn_like(parameter))
    return net


def space_of_tiny() -> list[tuple[int, ...]]:
    """Every target of a tiny model up to 3 symbols: ended, or as long as it may be."""
    return [
        target
        for length in (1, 2, 3)
        for target in itertools.product(range(4), repeat=length)
        if 1 not in target[:-1] and (length == 3 or target[-1] == 1)
    ]


@every_model
def test_a_beam_as_large_as_the_space_is_exhaustive_enumeration(name: str) -> None:
    net, source, space = tiny(name), torch.tensor([[2, 3, 0, 2]]), space_of_tiny()
    scores, _ = forced(net, source, space)
    for alpha in (0.0, 0.7, 3.0):
        normalised = [
            score / ((5 + len(target)) ** alpha / (5 + 1) ** alpha)
            for score, target in zip(scores.tolist(), space, strict=True)
        ]
        options = {"size": len(space), "max_length": 3, "length_penalty": alpha}
        found = search(net, source, torch.ones_like(source, dtype=torch.bool), **options).hypotheses[0]
        assert {*symbols_of(found)} == {*space} and len(found) == len(space)
        for one in found:
            place = space.index(one.symbols)
            assert math.isclose(one.score, float(scores[place]), rel_tol=1e-12)
            assert math.isclose(one.normalised, normalised[place], rel_tol=1e-12)
            assert one.ended == (one.symbols[-1] == 1)
        assert found[0].symbols == space[max(range(len(space)), key=normalised.__getitem__)]


PARTNERS = dict(zip(OPTIONS, [*OPTIONS][1:] + [*OPTIONS][:1], strict=True))  # the next of the table
every_pair = pytest.mark.parametrize("name", [*OPTIONS][::2])  # with their partners these are all


@every_model
def test_an_ensemble_of_equal_models_is_the_model(name: str) -> None:
    net = model(name)
    source, source_mask, _, _ = batch(name)
    options: dict[str, Any] = {"size": 4, "max_length": 7, "length_penalty": 0.6, "n_best": 3}
    alone = net.beam(source, source_mask, **options)
    for found, expected in zip(net.beam(source, source_mask, others=[net, net], **options), alone, strict=True):
        same(found, expected)


@every_pair
def test_a_full_beam_of_an_ensemble_is_enumeration_with_the_mean_of_the_scores(name: str) -> None:
    nets, source = [tiny(each) for each in (name, PARTNERS[name], "luong")], torch.tensor([[2, 3, 0, 2]])
    space = space_of_tiny()
    scores = torch.stack([forced(net, source, space)[0] for net in nets]).mean(dim=0).tolist()
    real = torch.ones_like(source, dtype=torch.bool)
    options = {"size": len(space), "max_length": 3, "n_best": len(space)}
    (found,) = nets[0].beam(source, real, others=nets[1:], **options)
    assert len(found) == len(space)
    assert {one.symbols: pytest.approx(one.score, rel=1e-12) for one in found} == dict(zip(space, scores, strict=True))
    assert found[0].symbols == space[max(range(len(space)), key=scores.__getitem__)]


@every_pair
def test_a_beam_of_one_of_an_ensemble_takes_the_best_symbol_at_each_step(name: str) -> None:
    nets = [tiny(name), tiny(PARTNERS[name])]
    source, mask = torch.tensor([[2, 3, 0, 2], [3, 1, 0, 0]]), length_mask(torch.tensor([4, 2]))
    for row, (found,) in enumerate(nets[0].beam(source, mask, others=nets[1:], size=1, max_length=5)):
        one, real = slice(row, row + 1), int(mask[row].sum())
        outputs = [forced(net, source[one, :real], [found.symbols])[1].output[0] for net in nets]
        best = torch.stack([torch.log_softmax(output, dim=-1) for output in outputs]).mean(dim=0).argmax(dim=-1)
        assert found.symbols == tuple(best.tolist())
        assert found.ended or len(found.symbols) == 5


def test_an_ensemble_looks_where_its_models_look_on_average_or_where_the_first_of_them_looks() -> None:
    first, second, heads, blind = (model(name) for name in ("gru", "luong, lstm", "multihead", "no_attention"))
    source = torch.tensor([[3, 5, 7]])
    real = torch.ones_like(source, dtype=torch.bool)
    cases = [
        ([first, second], [first, second]),
        ([blind, second, blind, first], [second, first]),
        ([heads, first, second], [heads]),
        ([second, heads], [second]),
    ]
    for nets, looking in cases:
        ((found,),) = nets[0].beam(source, real, others=nets[1:], size=3, max_length=6)
        expected = [forced(net, source, [found.symbols])[1].attn_weights[0] for net in looking]
        close(found.attn_weights, torch.stack(expected).mean(dim=0))
    ((found,),) = blind.beam(source, real, others=[blind], size=3, max_length=6)
    assert found.attn_weights.shape == (len(found.symbols), 0)
    source, mask, _, _ = batch()
    for nets in ([model("pyramid"), first], [first, model("pyramid")]):  # which makes one h_j of two symbols
        positions = nets[0].encoder.hidden_mask(mask).sum(dim=1)
        for row, (found,) in enumerate(nets[0].beam(source, mask, others=nets[1:], size=3, max_length=6)):
            one, real = slice(row, row + 1), int(mask[row].sum())
            close(found.attn_weights, forced(nets[0], source[one, :real], [found.symbols])[1].attn_weights[0])
            assert found.attn_weights.shape[1] == positions[row]


def test_a_symbol_that_one_model_rules_out_is_ruled_out_and_if_all_are_that_is_said() -> None:
    net, source, mask = lively()
    other = model("luong")
    other.decoder.step.out.W.bias.data[:16] = -torch.inf  # 16, bos and eos are left
    options: dict[str, Any] = {"size": 7, "max_length": 3, "n_best": 7}
    for row in net.beam(source, mask, others=[other], **options):
        assert len(row) == 7 and all(math.isfinite(one.score) for one in row)
        assert all(symbol >= 16 for one in row for symbol in one.symbols)
    net.decoder.step.out.W.bias.data[16:] = -torch.inf
    message = (
        "nothing can be written at step 1 of sentence 0: each symbol has probability zero in a model of the ensemble; "
        "leave one of them out"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        net.beam(source, mask, others=[other], **options)


def test_models_that_are_no_ensemble_are_refused() -> None:
    net, source, mask = lively()
    other = Seq2Seq.from_config(config(bos=18, eos=17)).double().eval()
    message = (
        "a model of the ensemble has bos 18 and eos 17, the first 17 and 18; they need one target vocabulary",
        "the models of an ensemble write [19, 23] symbols; they need one target vocabulary",
        "the models of an ensemble are given [1, 11] sentences; give all the same",
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message[0])}$"):
        net.beam(source, mask, others=[model("luong"), other], size=2, max_length=3)
    with pytest.raises(ValueError, match=f"^{re.escape(message[1])}$"):
        net.beam(source, mask, others=[model("pointer_generator")], size=2, max_length=3)
    more = net.decoder, net.read(source[:1], mask[:1])
    with pytest.raises(ValueError, match=f"^{re.escape(message[2])}$"):
        beam_search(net.decoder, net.read(source, mask), more, bos=BOS, eos=EOS, size=2, max_length=3)


@every_model
def test_scores_and_weights_are_those_of_teacher_forcing_on_the_symbols_found(name: str) -> None:
    net = model(name)
    source, source_mask, _, _ = batch(name)
    for row, found in enumerate(net.beam(source, source_mask, size=5, max_length=6, n_best=5)):
        scores, values = forced(net, source[row : row + 1, : int(source_mask[row].sum())], symbols_of(found))
        close(torch.tensor([one.score for one in found], dtype=torch.float64), scores)
        for one, weights in zip(found, getattr(values, "attn_weights", [None] * 5), strict=True):
            if weights is None:
                assert one.attn_weights.shape == (len(one.symbols), 0)
            else:
                close(one.attn_weights, weights[: len(one.symbols)])


def test_the_scores_of_a_model_in_bfloat16_are_sums_that_keep_their_digits() -> None:
    net, source = model("gru").bfloat16(), torch.tensor([[3, 5, 7]])
    real = torch.ones_like(source, dtype=torch.bool)
    options = {"eos": None, "max_length": 60}
    found = search(net, source, real, size=3, **options).hypotheses[0]
    greedy = net.decoder.greedy(net.read(source, real), bos=net.bos, **options)  # type: ignore[arg-type]
    written = [(one.symbols, one.score) for one in found]
    written.append((tuple(greedy.symbols[0].tolist()), greedy.scores.item()))
    for symbols, score in written:
        target = torch.tensor([symbols])
        output = net.decoder.steps(net.read(source, real), net.before(target)).output.double()
        expected = torch.log_softmax(output, dim=-1).gather(2, target[..., None]).sum().item()
        assert score == pytest.approx(expected, rel=1e-5)  # the digits of bfloat16 end at 4e-3


@every_model
def test_a_batch_is_its_sentences_one_by_one(name: str) -> None:
    net = model(name)
    source, source_mask, _, _ = batch(name)
    together = net.beam(source, source_mask, size=4, max_length=7, length_penalty=1.0, n_best=3)
    for row, found in enumerate(together):
        one, real = slice(row, row + 1), int(source_mask[row].sum())
        alone = net.beam(
            source[one, :real], source_mask[one, :real], size=4, max_length=7, length_penalty=1.0, n_best=3
        )
        same(found, alone[0])


@every_model
def test_padding_changes_nothing_whatever_stands_on_it(name: str) -> None:
    net = model(name)
    source, source_mask, _, _ = batch(name)
    short = net.beam(source, source_mask, size=3, max_length=6, n_best=3)
    long = net.beam(*padded(source, source_mask, by=4, junk=22), size=3, max_length=6, n_best=3)
    for found, expected in zip(long, short, strict=True):
        same(found, expected)


def lively(name: str = "gru") -> tuple[Seq2Seq, Tensor, Tensor]:
    """A model that ends its sentences at many lengths, and sources for it."""
    torch.manual_seed(2)
    net = model(name, scale=6.0)
    net.decoder.step.out.W.bias.data[EOS] += 2.0
    source, mask = torch.randint(19, (11, 5)), length_mask(torch.tensor([5, 1, 3, 2, 4, 5, 5, 2, 1, 3, 4]))
    return net, source, mask


def test_sentences_of_the_lively_model_end_at_many_lengths() -> None:
    net, source, mask = lively()
    lengths = {len(one.symbols) for row in net.beam(source, mask, size=5, max_length=9, n_best=5) for one in row}
    assert lengths == {*range(1, 10)}


@pytest.mark.parametrize("leaving", [0.0, 0.5, math.inf])
@pytest.mark.parametrize("alpha", [0.0, 0.6, 2.0])
def test_a_sentence_with_a_length_of_its_own_is_searched_as_alone(
    alpha: float, leaving: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long those that are done stay in the batch."""
    monkeypatch.setattr(Hypotheses, "leaving", leaving)
    net, source, mask = lively()
    options: dict[str, Any] = {"size": 4, "length_penalty": alpha, "n_best": 2}
    limits = [3, 9, 1, 4, 7, 5, 2, 6, 8, 3, 9]
    for row, found in enumerate(net.beam(source, mask, max_length=limits, **options)):
        one = slice(row, row + 1)
        same(found, net.beam(source[one], mask[one], max_length=limits[row], **options)[0])


@pytest.mark.parametrize("eos", [EOS, None])
def test_a_row_with_a_length_of_its_own_is_decoded_as_alone(eos: int | None) -> None:
    net, source, mask = lively()
    limits = [3, 9, 1, 4, 7, 5, 2, 6, 8, 3, 9]
    ends: dict[str, Any] = {"bos": net.bos, "eos": eos}
    decoded = net.decoder.greedy(net.read(source, mask), max_length=limits, **ends)
    searched = search(net, source, mask, size=1, max_length=limits, keep_steps=False, **ends).hypotheses
    for row, limit in enumerate(limits):
        one = slice(row, row + 1)
        alone = net.decoder.greedy(net.read(source[one], mask[one]), max_length=limit, **ends)
        length = alone.symbols.shape[1]
        assert int(decoded.mask[row].sum()) == int(alone.mask.sum()) == length
        assert torch.equal(decoded.symbols[row, :length], alone.symbols[0])
        assert decoded.symbols[row, length:].eq(eos or 0).all()
        close(decoded.scores[row], alone.scores[0])
        same(searched[row], search(net, source[one], mask[one], size=1, max_length=limit, **ends).hypotheses[0])


@pytest.mark.parametrize("alpha", [0.0, 0.6, 2.0])
def test_hypotheses_are_distinct_and_the_best_comes_first(alpha: float) -> None:
    net, source, mask = lively()
    for found in net.beam(source, mask, size=5, max_length=9, length_penalty=alpha, n_best=5):
        assert len({*symbols_of(found)}) == len(found) == 5
        ranks = [one.normalised for one in found]
        assert ranks == sorted(ranks, reverse=True)
        assert all(EOS not in one.symbols[:-1] and len(one.symbols) <= 9 for one in found)
        assert all(one.ended == (one.symbols[-1] == EOS) and (one.ended or len(one.symbols) == 9) for one in found)


def rows_of(net: Seq2Seq, source: Tensor, mask: Tensor, **options: Any) -> tuple[Search, list[tuple[int, int]]]:
    """A search, and at each step the number of sentences that were in it, and of hypotheses of each."""
    rows: list[tuple[int, int]] = []

    def count(module: Any, args: tuple[Tensor]) -> None:
        if args[0].dim() == 2:  # and not the symbol before the first step
            rows.append((args[0].shape[0], args[0].shape[1]))

    handle = net.decoder.embed_target.register_forward_pre_hook(count)
    found = search(net, source, mask, **options)
    handle.remove()
    return found, rows


@pytest.mark.parametrize("alpha", [0.0, 0.6, 2.0])
@pytest.mark.parametrize("n_best", [1, 2])
def test_stopping_when_none_can_overtake_gives_the_first_of_all(n_best: int, alpha: float) -> None:
    net, source, mask = lively()
    options = {"size": 5, "max_length": 9, "length_penalty": alpha}
    (found, rows), (every, more) = (rows_of(net, source, mask, n_best=n, **options) for n in (n_best, 5))
    for few, many in zip(found.hypotheses, every.hypotheses, strict=True):
        same(few, many[:n_best])
    assert sum(map(math.prod, rows)) < sum(map(math.prod, more))


def test_only_hypotheses_that_go_on_run_and_a_sentence_that_is_done_leaves_the_batch() -> None:
    net, source, mask = lively()
    _, together = rows_of(net, source, mask, size=4, max_length=9, n_best=1)
    alone = []
    for row in range(len(source)):
        found, rows = rows_of(net, source[row : row + 1], mask[row : row + 1], size=4, max_length=9, n_best=1)
        assert rows == [(1, 1), *((1, sum(not one.ended for one in step)) for step in found.steps[:-1])]
        alone.append([hypotheses for _, hypotheses in rows])
    assert len({*map(len, alone)}) > 1
    columns = [[number for number in column if number] for column in itertools.zip_longest(*alone, fillvalue=0)]
    assert together == [(len(column), max(column)) for column in columns]


def test_sentences_that_are_done_stay_until_the_next_step_would_cost_as_much_as_leaving(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    net, source, mask = lively()
    going = [count for count, _ in rows_of(net, source, mask, size=1, max_length=9)[1]]
    monkeypatch.setattr(Hypotheses, "leaving", 1.0)
    there = [count for count, _ in rows_of(net, source, mask, size=1, max_length=9)[1]]
    assert len(there) == len(going) and there[0] == len(source) and len({*there}) > 2
    idle = 0.0
    for step, (left, size) in enumerate(zip(going, there, strict=True)):
        if step and size != there[step - 1]:
            assert size == left and idle + 1 - left / there[step - 1] >= 1
            idle = 0.0
        idle += 1 - left / size
        assert idle < 1


def test_sentences_that_are_done_leave_where_the_number_of_hypotheses_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then a compiled step is told everything anew, and leaving costs nothing more."""
    net, source, mask = lively()
    monkeypatch.setattr(Hypotheses, "leaving", math.inf)
    _, rows = rows_of(net, source, mask, size=4, max_length=9)
    pairs = [*itertools.pairwise(rows)]
    assert all(size == before or width != last for (before, last), (size, width) in pairs)
    assert any(size < before for (before, _), (size, _) in pairs)


def test_steps_are_what_the_beam_of_the_first_sentence_held() -> None:
    net, source, mask = lively()
    for row in range(len(source)):
        order = [row, *(other for other in range(len(source)) if other != row)]
        found = search(net, source[order], mask[order], size=4, max_length=9)
        before, ended = {()}, []
        for length, step in enumerate(found.steps, start=1):
            assert len(step) == 4 - len(ended)
            assert [one.score for one in step] == sorted((one.score for one in step), reverse=True)
            assert all(len(one.symbols) == length and one.symbols[:-1] in before for one in step)
            before = {one.symbols for one in step if not one.ended}
            ended += [one.symbols for one in step if one.ended]
        assert {*symbols_of(found.hypotheses[0])} == {*ended} | before
    assert search(net, source, mask, size=4, max_length=9, keep_steps=False).steps == []


def test_a_beam_larger_than_the_vocabulary_begins_with_all_of_it() -> None:
    net, source, mask = lively()
    found = search(net, source, mask, size=23, max_length=2)
    assert sorted(symbols_of(found.steps[0])) == [(symbol,) for symbol in range(19)]
    assert all(len(row) == 23 for row in found.hypotheses)


@pytest.mark.parametrize("name", ["gru", "mixture of softmaxes"])
def test_a_symbol_of_probability_zero_is_never_chosen(name: str) -> None:
    net, source, mask = lively(name)
    net.decoder.step.out.W.bias.data[:16] = -torch.inf  # 16, bos and eos are left
    for row in search(net, source, mask, size=7, max_length=3).hypotheses:
        assert len(row) == 7 and all(math.isfinite(one.score) for one in row)
        assert all(symbol >= 16 for one in row for symbol in one.symbols)
    net.decoder.step.out.W.bias.data[16:18] = -torch.inf
    found = search(net, source, mask, size=7, max_length=3)
    assert [symbols_of(row) for row in found.hypotheses] == [[(EOS,)]] * len(source)
    assert all(row[0].score == 0.0 for row in found.hypotheses)


def test_what_the_vocabulary_cannot_give_is_copied_and_gone_on_with() -> None:
    net = model("pointer_generator")
    net.decoder.step.out.W.bias.data[1:] = -torch.inf
    source, source_mask, _, _ = batch("pointer_generator")
    for row, found in enumerate(net.beam(source, source_mask, size=4, max_length=5, n_best=4)):
        words = {0, *source[row, source_mask[row]].tolist()}
        assert all(math.isfinite(one.score) for one in found) and {*found[0].symbols} <= words
        assert any(symbol >= 19 for one in found for symbol in one.symbols[:-1])


@pytest.mark.parametrize("logit", [torch.nan, torch.inf])
def test_an_output_that_is_no_distribution_is_refused(logit: float) -> None:
    net, source, mask = lively()
    net.decoder.step.out.W.bias.data[5] = logit
    message = "output of step 1 is no distribution for sentence 0: a logit is NaN or inf, or all are -inf; look at"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        net.beam(source, mask, size=2, max_length=3)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        net.beam(source, mask, size=1, max_length=3)
    net.decoder.step.out.W.bias.data[:] = -torch.inf
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        net.beam(source, mask, size=2, max_length=3)


def test_without_a_symbol_that_ends_them_all_hypotheses_are_as_long_as_they_may_be() -> None:
    net, source, mask = lively()
    for row in search(net, source, mask, size=3, max_length=4, eos=None).hypotheses:
        assert [(len(one.symbols), one.ended) for one in row] == [(4, False)] * 3


def test_searching_leaves_no_gradient_and_takes_no_random_numbers() -> None:
    net, source, mask = lively()
    state = torch.random.get_rng_state()
    assert not net.beam(source, mask, size=3, max_length=3)[0][0].attn_weights.requires_grad
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": 0}, "size is 0; a beam has at least 1 hypothesis"),
        ({"max_length": 0}, "max_length is 0; decode at least 1 symbol"),
        ({"max_length": [5] * 10 + [0]}, "max_length is 0; decode at least 1 symbol"),
        ({"max_length": [5, 5]}, "max_length is 2 numbers for 11 sentences; give one number, or one each"),
        ({"n_best": 0}, "n_best is 0; a beam of size 3 gives 1 to 3"),
        ({"n_best": 4}, "n_best is 4; a beam of size 3 gives 1 to 3"),
        ({"length_penalty": -0.5}, "length_penalty is -0.5; it is a number from 0 upwards"),
        ({"length_penalty": math.nan}, "length_penalty is nan; it is a number from 0 upwards"),
        ({"length_penalty": math.inf}, "length_penalty is inf; it is a number from 0 upwards"),
    ],
)
def test_what_no_beam_can_be_is_refused_at_the_door(change: dict[str, Any], message: str) -> None:
    net, source, mask = lively()
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        net.beam(source, mask, **{"size": 3, "max_length": 5} | change)


def test_a_hypothesis_keeps_no_more_memory_than_its_weights() -> None:
    net, (source, mask, _, _) = model("gru"), batch()
    real = mask.sum(dim=1).tolist()
    assert min(real) < max(real)
    for hypotheses, positions in zip(net.beam(source, mask, size=2, max_length=4, n_best=2), real, strict=True):
        for hypothesis in hypotheses:
            weights = hypothesis.attn_weights
            assert weights.shape == (len(hypothesis.symbols), positions) and weights.is_contiguous()
            assert weights.untyped_storage().nbytes() == weights.numel() * weights.element_size()
