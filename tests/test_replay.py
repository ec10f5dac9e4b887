from __future__ import annotations

import json
from typing import Any

import models
import pytest
import torch
from torch import Tensor

from seq2seq_attn import Seq2Seq
from seq2seq_attn.explorer import replay
from seq2seq_attn.explorer.names import Example
from seq2seq_attn.explorer.replay import numbers
from seq2seq_attn.nodes.state import visible
from seq2seq_attn.search import beam_search

SOURCE = torch.tensor([3, 1, 4, 1, 5])
TARGET = tuple("abcdefghijklmnopqrs")


def replayed(model: Seq2Seq, source: Tensor = SOURCE, *, beam: int = 3, max_length: int = 7) -> dict[str, Any]:
    return replay.replay(model, Example.of(model, source), beam=beam, max_length=max_length)


def decoded(model: Seq2Seq, source: Tensor = SOURCE, max_length: int = 7) -> Any:
    return model.greedy(source[None], torch.ones(1, len(source), dtype=torch.bool), max_length=max_length)


def close(kept: Any, true: Any) -> bool:
    """Equal to 3 significant digits."""
    return bool(torch.allclose(torch.tensor(kept).double(), torch.as_tensor(true).double(), rtol=5.1e-3, atol=1e-12))


@pytest.mark.parametrize("name", [*models.OPTIONS])
def test_every_value_of_every_step_is_what_teacher_forcing_gives_on_the_same_symbols(name: str) -> None:
    model = models.model(name)
    data, symbols = replayed(model), decoded(model).symbols
    with torch.no_grad():
        sentence = model.read(SOURCE[None], torch.ones(1, 5, dtype=torch.bool))
        given = model.decoder.embed_target(model.before(symbols))
        forced = model.decoder.steps(sentence, model.before(symbols))
    known = {"encoder_hidden": sentence.encoder_hidden[None], "source": SOURCE[None, None], "prev_output": given}
    known |= {word: visible(value) for word, value in forced._asdict().items()}
    seen = 0
    for value in data["values"].values():
        if value["word"] in known:
            true = known[value["word"]][0]
            assert len(value["frames"]) == len(true)
            for frame, tensor in zip(value["frames"], true, strict=True):
                assert value["shape"] == list(tensor.shape)
                assert close(frame["numbers"], tensor.reshape(-1, tensor.shape[-1]))
            seen += 1
    assert seen >= 3
    json.dumps(data, allow_nan=False)


def test_what_is_handed_on_is_at_each_step_what_the_step_before_made() -> None:
    values = replayed(models.model("gru"))["values"]
    assert [f["numbers"] for f in values["s_ii"]["frames"][1:]] == [f["numbers"] for f in values["s_i"]["frames"][:-1]]


def test_symbols_probabilities_and_score_are_those_of_greedy_decoding() -> None:
    model = models.model("gru")
    named = Example.of(model, SOURCE)._replace(target=TARGET)
    data, greedy = replay.replay(model, named, beam=3, max_length=7), decoded(model)
    assert [step["chosen"] for step in data["steps"]] == [TARGET[symbol] for symbol in greedy.symbols[0].tolist()]
    assert close(data["score"], greedy.scores[0]) and close(data["weights"], greedy.attn_weights[0, :, None])
    before = model.before(greedy.symbols)
    with torch.no_grad():
        output = model.decoder.steps(model.read(SOURCE[None], torch.ones(1, 5, dtype=torch.bool)), before).output[0]
    for step, probabilities in zip(data["steps"], output.softmax(dim=-1), strict=True):
        assert [name for name, _ in step["likely"]] == [TARGET[n] for n in probabilities.argsort(descending=True)[:5]]
        assert close([p for _, p in step["likely"]], probabilities.sort(descending=True).values[:5])
        assert step["probability"] == step["likely"][0][1] and step["chosen"] == step["likely"][0][0]


def test_heads_are_kept_one_by_one() -> None:
    model = models.model("multihead")
    data = replayed(model)
    assert close(data["weights"], decoded(model).attn_weights[0]) and len(data["weights"][0]) == 4


@pytest.mark.parametrize("name", [name for name in models.OPTIONS if not name.startswith("no_attention")])
def test_a_what_if_is_the_decode_of_that_sentence_with_that_position_masked(name: str) -> None:
    model = models.model(name)
    data, chosen = replayed(model), decoded(model).symbols
    sentence = model.read(SOURCE[None], torch.ones(1, 5, dtype=torch.bool))
    assert len(data["without"]) == len(data["positions"]) == sentence.mask.shape[1] > 1
    for position, other in enumerate(data["without"]):
        mask = sentence.mask.clone()
        mask[0, position] = False
        blinded = sentence._replace(mask=mask)
        found = model.decoder.greedy(blinded, bos=model.bos, eos=model.eos, max_length=7)
        assert other["symbols"] == [str(symbol) for symbol in found.symbols[0].tolist()]
        with torch.no_grad():
            forced = model.decoder(blinded, model.before(chosen)).output.log_softmax(dim=-1)
        assert close(other["score"], forced.gather(2, chosen[..., None]).sum())
        weights = found.attn_weights[0].mean(dim=1) if found.attn_weights.dim() == 4 else found.attn_weights[0]
        assert other["thousandths"] == (1000 * weights).round().int().tolist()
        assert all(row[position] == 0 for row in other["thousandths"])


def test_of_a_long_sentence_the_first_what_ifs_are_computed_and_no_matrix_of_them_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = models.model("gru")
    whole = replayed(model)["without"]
    monkeypatch.setattr(replay, "EFFORT", 2 * 5 * 7)
    assert replayed(model)["without"] == whole[:2]
    monkeypatch.setattr(replay, "EFFORT", 1)
    assert replayed(model)["without"] == whole[:1]
    monkeypatch.setattr(replay, "MATRICES", 0)
    assert replayed(model)["without"] == [whole[0] | {"thousandths": None}]


def test_a_model_without_attention_has_neither_weights_nor_what_ifs() -> None:
    data = replayed(models.model("no_attention"))
    assert data["weights"] is None and data["without"] is None and data["steps"]


def test_the_beam_lists_what_lives_and_what_ended_before_best_first() -> None:
    model = models.model("gru")
    with torch.no_grad():
        model.decoder.step.out.W.bias[18] += 2  # many end early
    data = replayed(model, beam=11, max_length=6)
    sentence = model.read(SOURCE[None], torch.ones(1, 5, dtype=torch.bool))
    searched = beam_search(
        model.decoder, sentence, bos=model.bos, eos=model.eos, size=11, max_length=6, keep_steps=True
    )
    ended: list[tuple[str, ...]] = []
    kept = 0
    for step, live in zip(data["steps"], searched.steps, strict=False):
        shown = [tuple(one["symbols"]) for one in step["beam"]]
        now = [tuple(map(str, one.symbols)) for one in live]
        kept += len(ended)
        assert sorted(shown) == sorted([*now, *ended])
        scores = [one["score"] for one in step["beam"]]
        assert scores == sorted(scores, reverse=True)
        assert [one["length"] for one in step["beam"]] == [len(symbols) for symbols in shown]
        assert [one["ended"] for one in step["beam"]] == [symbols[-1] == "18" for symbols in shown]
        ended = [tuple(one["symbols"]) for one in step["beam"] if one["ended"]]
    assert kept  # or nothing was seen to keep its place


def test_of_a_long_hypothesis_the_last_symbols_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    model = models.model("gru")
    whole = replayed(model)["steps"]
    monkeypatch.setattr(replay, "TAIL", 2)
    cut = replayed(model)["steps"]
    for step, other in zip(whole, cut, strict=True):
        assert [one | {"symbols": one["symbols"][-2:]} for one in step["beam"]] == other["beam"]
    assert any(one["length"] > 2 for step in cut for one in step["beam"])


def test_long_values_keep_their_first_numbers_and_are_measured_whole() -> None:
    model = Seq2Seq.from_config(models.config(hidden_size=263)).eval()
    source = torch.arange(11)
    with torch.no_grad():
        model.decoder.step.out.W.bias[18] = -1000  # it never ends
    data = replayed(model, source, max_length=2)
    sentence = model.read(source[None], torch.ones(1, 11, dtype=torch.bool))
    memory = data["values"]["h_j"]
    assert memory["shape"] == [11, 526] and len(memory["frames"]) == 1
    columns = replay.TABLE // 11
    assert close(memory["frames"][0]["numbers"], sentence.encoder_hidden[0, :, :columns])
    true = sentence.encoder_hidden[0].detach().double()
    assert close(memory["frames"][0]["measured"], [true.min(), true.max(), true.mean(), true.norm()])
    state = data["values"]["s_i"]
    assert state["shape"] == [263] and [len(f["numbers"][0]) for f in state["frames"]] == [256, 256]


def test_states_of_several_tensors_show_what_others_read_of_them() -> None:
    state = replayed(models.model("lstm"))["values"]["s_i"]
    assert (state["state"], state["shape"]) == ("LSTMState", [7])
    assert replayed(models.model("gru"))["values"]["s_i"]["state"] is None


def test_replaying_changes_neither_modes_nor_random_numbers() -> None:
    model = Seq2Seq.from_config(
        models.config(diagram=models.EDITED["lstm of two layers, residual"]["diagram"], dropout=0.9)
    )
    still = replayed(model.eval())
    model.train()
    model.encoder.eval()
    before = torch.get_rng_state()
    assert replayed(model) == still
    assert torch.equal(torch.get_rng_state(), before)
    assert model.training and model.decoder.training and not model.encoder.training


def test_numbers_have_three_digits_and_what_is_none_is_none() -> None:
    assert numbers(torch.tensor([[1.23456, -0.000123456], [float("nan"), float("-inf")]])) == [
        [1.23, -0.000123],
        [None, None],
    ]
    assert numbers(torch.tensor([123456])) == [123456]


@pytest.mark.parametrize("wrong", [{"beam": 0}, {"max_length": 0}])
def test_what_cannot_be_decoded_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"(size|max_length) is 0"):
        replayed(models.model("gru"), **wrong)
    with pytest.raises(ValueError, match=r"source\[0, 1\] is 23"):
        replayed(models.model("gru"), torch.tensor([1, 23]))
