"""Hypotheses of a sentence share what was read of it, and are what they were each with a copy."""

from __future__ import annotations

import functools
from typing import Any

import pytest
import torch
from models import OPTIONS, batch, model
from test_build import drawn, node
from test_loop import MORE, built, own  # noqa: F401, the nodes of a user's own, which are forgotten after a test
from test_search import lively, same, search
from test_seq2seq import close
from torch import Tensor

from seq2seq_attn import Seq2Seq
from seq2seq_attn.bands import Plan
from seq2seq_attn.hypotheses import Hypotheses
from seq2seq_attn.search import beam_search
from seq2seq_attn.wiring import parts

COPIED = {"monotonic", "pyramid of three layers, lstm"}  # the latter has the attention of the former
STEPWISE = drawn("luong", node("own[stepwise]", "a_i s_ii", 'z_i["z_{i} own"]'), "z_i --> out")


def hypotheses(net: Seq2Seq, source: Tensor, mask: Tensor) -> Hypotheses:
    """One of each sentence, before the first step."""
    with torch.no_grad():
        made = net.decoder.hypotheses(net.read(source, mask), net.bos, "plain")
    assert isinstance(made, Hypotheses)
    return made


def same_with_copies(net: Seq2Seq, source: Tensor, mask: Tensor, monkeypatch: pytest.MonkeyPatch, shared: bool) -> None:
    """A search finds the same if what was read is copied for each hypothesis; ``shared``: whether it is not."""
    assert hypotheses(net, source, mask).shared is shared
    options = {"size": 5, "max_length": 6, "length_penalty": 0.6, "n_best": 4}
    found = net.beam(source, mask, **options)  # type: ignore[arg-type]
    monkeypatch.setattr(Plan, "takes_rows", lambda plan, step: False)
    assert not hypotheses(net, source, mask).shared
    copied = net.beam(source, mask, **options)  # type: ignore[arg-type]
    for one, other in zip(found, copied, strict=True):
        same(one, other)


@pytest.mark.parametrize("name", OPTIONS)
def test_hypotheses_that_share_are_those_that_have_copies(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    source, mask, _, _ = batch(name)
    same_with_copies(model(name), source, mask, monkeypatch, shared=name not in COPIED)


@pytest.mark.parametrize("name", [*MORE, "stepwise"])
def test_hypotheses_of_an_edited_picture_share_unless_one_of_its_nodes_takes_one_row_only(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, options, _ = MORE.get(name, (STEPWISE, {}, ""))
    takes_one = name == "stepwise" or "[pooled]" in text
    source, mask, _, _ = batch()
    same_with_copies(built(text, **options), source, mask, monkeypatch, shared=not takes_one)


def test_a_step_that_someone_listens_to_runs_as_in_a_plain_loop() -> None:
    net, source, mask = lively()
    expected = search(net, source, mask, size=4, max_length=7).hypotheses
    shapes: set[int] = set()
    handle = net.decoder.step.register_forward_hook(lambda module, args, result: shapes.add(result.output.dim()))
    found = search(net, source, mask, size=4, max_length=7).hypotheses
    handle.remove()
    assert shapes == {2}
    for one, other in zip(found, expected, strict=True):
        same(one, other)


def given_to(net: Seq2Seq) -> list[dict[str, Tensor]]:
    """What the step will be given of the sentences, call by call."""
    calls: list[dict[str, Tensor]] = []
    forward = net.decoder.step.forward

    @functools.wraps(forward)
    def listening(**given: Any) -> Any:
        calls.append({word: given[word] for word in ("encoder_hidden", "source", "mask", "keys")})
        return forward(**given)

    net.decoder.step.forward = listening
    return calls


@pytest.mark.parametrize("size", [1, 4])
def test_what_was_read_is_there_once_however_many_hypotheses_read_it(size: int) -> None:
    net = model("pointer_generator")
    source, mask, _, _ = batch("pointer_generator")
    net.beam(source, mask, size=size, max_length=2)  # and with it the plan
    sentence = net.read(source, mask)
    calls = given_to(net)
    options: dict[str, Any] = {"bos": net.bos, "eos": None, "size": size, "max_length": 5}
    beam_search(net.decoder, sentence, **options)
    assert len(calls) == 5
    for call in calls:
        assert call["encoder_hidden"] is sentence.encoder_hidden
        assert call["source"] is source and call["mask"] is mask
        assert call["keys"] is calls[0]["keys"] and call["keys"].shape == (3, 5, 13)


def test_what_was_read_of_the_sentences_that_are_left_is_copied_once_when_another_is_done() -> None:
    net = model("pointer_generator")
    source, mask, _, _ = batch("pointer_generator")
    net.beam(source, mask, size=4, max_length=2)
    sentence = net.read(source, mask)
    calls = given_to(net)
    limits = [2, 5, 4]  # sentence 0 is done after two steps, 2 after four
    beam_search(net.decoder, sentence, bos=net.bos, eos=None, size=4, max_length=limits)
    assert len(calls) == 5
    for word, whole in (("encoder_hidden", sentence.encoder_hidden), ("source", source), ("mask", mask)):
        values = [call[word] for call in calls]
        assert values[0] is values[1] is whole
        assert values[2] is values[3] and torch.equal(values[2], whole[1:])
        assert torch.equal(values[4], whole[1:2])
        assert values[2].untyped_storage().nbytes() == whole[1:].nbytes


@pytest.mark.parametrize(
    "name",
    ["gru", "lstm", "lstm of two layers, residual", "elman of two layers, variational", "location_aware", "monotonic"],
)
def test_hypotheses_go_on_from_those_that_were_named(name: str) -> None:
    net = model(name).train()  # a variational state has its noise
    source, mask, _, _ = batch(name)
    loop = hypotheses(net, source, mask)
    with torch.no_grad():
        loop(source[:, :1] % 17)
    for rows, sentences in (([[0, 0], [2, 2]], [0, 2]), ([[3, 2, 3], [0, 1, 0]], [2, 0])):
        before = loop.carried
        loop.select(torch.tensor(rows), sentences)
        for word, value in loop.carried.items():
            assert type(value) is type(before[word])
            for tensor, parent in zip(parts(value), parts(before[word]), strict=True):
                flat = parent.flatten(0, 1) if loop.shared else parent
                expected = torch.stack([torch.stack([flat[row] for row in each]) for each in rows])
                close(tensor, expected if loop.shared else expected.flatten(0, 1))
