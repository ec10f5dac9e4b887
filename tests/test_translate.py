"""Texts to texts: the same as the search of each alone, in the order in which they came."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import torch
from models import HEADS
from test_seq2seq import close

from seq2seq_attn import Config, Hypothesis, Seq2Seq
from seq2seq_attn.data.corpus import Corpus
from seq2seq_attn.data.vocabularies import Vocabularies
from seq2seq_attn.translate import Translation, Translator

WORDS = Corpus.of([("cab", "K AE B"), ("bad", "B AE D"), ("face", "F EY S"), ("a", "AH")], "words")
VOCABULARIES = Vocabularies.of(WORDS)
TEXTS = ["face", "", "a", "abbacadabba", "cab", "b", "", "deface", "xa", "bad", "cab"]  # x is unknown


def built(diagram: str = "bahdanau", vocabularies: Vocabularies = VOCABULARIES, **options: Any) -> Seq2Seq:
    """A model in float64 with opinions of its own, which ends its targets at many lengths."""
    sizes = {"embedding_size": 5, "hidden_size": 7, "attention_size": 13, "readout_size": 11}
    net = Seq2Seq.from_config(Config(**vocabularies.sizes(), **(sizes | {"diagram": diagram} | options))).double()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.normal_(std=4.0 / parameter.shape[-1] ** 0.5)
    return net.eval()


def alone(nets: Sequence[Seq2Seq], text: str, **options: Any) -> list[Hypothesis]:
    """What the search finds of one text."""
    chosen = {"size": 5, "max_length": 3 * len(text) + 50} | options
    return nets[0].beam(*VOCABULARIES.encode([text]), others=nets[1:], **chosen)[0]


def same(found: Translation, expected: list[Hypothesis]) -> None:
    """The hypotheses of a search, as texts."""
    for one, other in zip(found.hypotheses, expected, strict=True):
        names = [VOCABULARIES.target.target_symbols[symbol] for symbol in other.symbols]
        assert one.symbols == tuple(names) and one.ended == other.ended
        assert one.text == " ".join(name for name in names if name != "‹end›")
        assert (one.score, one.normalised) == pytest.approx((other.score, other.normalised), rel=1e-9)
        close(one.attn_weights, other.attn_weights)


@pytest.mark.parametrize(("max_tokens", "window"), [(1024, 4096), (1, 4096), (9, 3), (16, 5), (1024, 1)])
def test_each_text_is_translated_as_if_alone_and_in_its_place(max_tokens: int, window: int) -> None:
    net = built()
    translator = Translator([net], [VOCABULARIES], n_best=3, max_tokens=max_tokens, window=window)
    found = list(translator.translate(TEXTS))
    assert [one.source for one in found] == TEXTS
    for one in found:
        assert one.symbols == tuple(one.source)
        if one.source:
            same(one, alone([net], one.source, n_best=3))
    assert len({one.text for one in found}) > 5


def test_an_ensemble_translates_as_it_searches() -> None:
    nets = [built(), built("luong", cell="LSTM"), built("no_attention")]
    options = {"beam": 3, "length_penalty": 0.7, "max_length": 6}
    for one in Translator(nets, [VOCABULARIES] * 3, **options).translate(TEXTS[2:5]):  # type: ignore[arg-type]
        same(one, alone(nets, one.source, size=3, length_penalty=0.7, max_length=6))
        assert len(one.hypotheses) == 1 and one.text == one.hypotheses[0].text


@pytest.mark.parametrize("empty", [[""], ["", "", ""], ["", "a", ""]])
def test_a_text_without_symbols_becomes_an_empty_one(empty: list[str]) -> None:
    for one in Translator([built()], [VOCABULARIES], n_best=3).translate(empty):
        assert (one.text == "") == (one.source == "")
        if not one.source:
            ((text, symbols, score, normalised, weights, ended),) = one.hypotheses
            assert (text, symbols, score, normalised, ended) == ("", (), 0.0, 0.0, True)
            assert one.symbols == () and weights.shape == (0, 0)


def test_spaces_alone_are_no_symbols_where_symbols_stand_between_spaces() -> None:
    spaced = Vocabularies.of(WORDS, source="space")
    (found,) = Translator([built(vocabularies=spaced)], [spaced]).translate(["   "])
    assert (found.source, found.symbols, found.text) == ("   ", (), "")


def test_no_text_has_no_translation() -> None:
    assert list(Translator([built()], [VOCABULARIES]).translate([])) == []


def test_a_stream_is_read_a_window_ahead_and_no_further() -> None:
    read: list[str] = []

    def endless() -> Iterator[str]:
        for text in itertools.cycle(TEXTS):
            read.append(text)
            yield text

    found = Translator([built()], [VOCABULARIES], window=7).translate(endless())
    assert not read
    for number, one in enumerate(itertools.islice(found, 20)):
        assert one.source == TEXTS[number % len(TEXTS)]
        assert len(read) == 7 * (number // 7 + 1)


def shapes_of(net: Seq2Seq, texts: list[str], **options: Any) -> list[tuple[int, ...]]:
    """The shape of each batch that the encoder reads."""
    shapes: list[tuple[int, ...]] = []
    handle = net.encoder.register_forward_hook(lambda module, args, result: shapes.append(tuple(args[1].shape)))
    list(Translator([net], [VOCABULARIES], max_length=2, **options).translate(texts))
    handle.remove()
    return shapes


def test_batches_are_of_about_one_length_and_as_large_as_they_may_be() -> None:
    net, texts = built(), ["a" * length for length in (3, 1, 9, 2, 3, 1, 30, 2, 3, 1)]
    assert shapes_of(net, texts, max_tokens=9) == [(4, 2), (3, 3), (1, 3), (1, 9), (1, 30)]
    assert shapes_of(net, texts, max_tokens=300) == [(10, 30)]
    assert shapes_of(net, texts, max_tokens=300, window=5) == [(5, 9), (5, 30)]


def test_what_the_vocabulary_lacks_has_its_own_name_in_the_source_and_none_in_the_target() -> None:
    net = built()
    net.decoder.step.out.W.bias.data[VOCABULARIES.target.unknown] += 50.0
    (found,) = Translator([net], [VOCABULARIES], max_length=2).translate(["xay"])
    assert found.symbols == ("x", "a", "y")
    assert found.text == "‹unknown› ‹unknown›" and not found.hypotheses[0].ended


def test_dropout_is_off_while_texts_are_translated() -> None:
    net = built(dropout=0.5)
    expected = alone([net], "face")
    (found,) = Translator([net.train()], [VOCABULARIES]).translate(["face"])
    same(found, expected)


@pytest.mark.parametrize(
    ("diagram", "options"),
    [
        ("bahdanau", {}),
        ("multihead", HEADS),
        ("no_attention", {}),
        ("bahdanau", {"encoder": "pyramid", "num_layers": 2}),
    ],
)
def test_a_translation_is_a_line_of_json(diagram: str, options: dict[str, Any]) -> None:
    for found in Translator([built(diagram, **options)], [VOCABULARIES], n_best=2).translate(["xa", ""]):
        read = json.loads(json.dumps(found.to_dict(), allow_nan=False))
        assert read == found.to_dict() and read.keys() == {"source", "symbols", "hypotheses"}
        assert (read["source"], tuple(read["symbols"])) == (found.source, found.symbols)
        for line, one in zip(read["hypotheses"], found.hypotheses, strict=True):
            assert line.keys() == {"text", "symbols", "score", "normalised", "ended", "attention"}
            assert (line["text"], tuple(line["symbols"]), line["score"]) == (one.text, one.symbols, one.score)
            assert (line["normalised"], line["ended"]) == (one.normalised, one.ended)
            if diagram == "no_attention" or not found.source:
                assert line["attention"] is None
            else:
                assert torch.equal(torch.tensor(line["attention"], dtype=torch.float64), one.attn_weights)


def test_what_does_not_belong_together_is_refused() -> None:
    net, other = built(), Vocabularies.of(Corpus.of([("abcd", "A B")], "others"))
    swapped = Vocabularies.of(Corpus.of([("fefacb", "K AE"), ("d", "B D EY S AH F")], "swapped"))
    half = Vocabularies(VOCABULARIES.source, swapped.target)
    assert swapped.sizes() == VOCABULARIES.sizes()
    sizes = f"{VOCABULARIES.sizes()}, its vocabularies are of {other.sizes()}"
    trained = "vocabulary than model 1; an ensemble is of models that were trained with the same"
    cases: list[tuple[list[Seq2Seq], list[Vocabularies], dict[str, Any], str]] = [
        ([], [], {}, "there are 0 models and 0 vocabularies; give a pair or more"),
        ([net], [], {}, "there are 1 models and 0 vocabularies; give a pair or more"),
        ([net], [VOCABULARIES], {"max_tokens": 0}, "max_tokens is 0; it is 1 or more"),
        ([net], [VOCABULARIES], {"window": 0}, "window is 0; it is 1 or more"),
        ([net], [VOCABULARIES], {"precision": "half"}, "precision is 'half'; it is one of 'float32', 'bfloat16'"),
        ([net] * 2, [VOCABULARIES, other], {}, f"model 2 was built for {sizes}; give those it learnt"),
        ([net] * 2, [VOCABULARIES, swapped], {}, f"model 2 has another source {trained}"),
        ([net] * 3, [VOCABULARIES, VOCABULARIES, half], {}, f"model 3 has another target {trained}"),
    ]
    for models, vocabularies, options, message in cases:
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            Translator(models, vocabularies, **options)


def test_in_bfloat16_a_score_is_nearly_the_same() -> None:
    net, found = built().float(), {}
    for precision in ("float32", "bfloat16"):
        translator = Translator([net], [VOCABULARIES], max_length=1, precision=precision)  # type: ignore[arg-type]
        found[precision] = torch.tensor([one.hypotheses[0].score for one in translator.translate(TEXTS)])
    torch.testing.assert_close(found["bfloat16"], found["float32"], rtol=0.05, atol=0.05)
    assert not torch.equal(found["bfloat16"], found["float32"])


def test_one_text_in_the_place_of_several_is_refused() -> None:
    with pytest.raises(TypeError, match=r"^sources is the str 'cab'; give several texts, \['cab'\]$"):
        next(Translator([built()], [VOCABULARIES]).translate("cab"))
