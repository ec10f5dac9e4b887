"""The page as a file: closed, self-contained, and true. tests/test_page.py opens it in a browser."""

from __future__ import annotations

import base64
import functools
import hashlib
import html
import json
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import models
import pytest
import torch
from attempts import TEXTS
from models import LETTERS
from torch import Tensor

import seq2seq_attn
from seq2seq_attn import Seq2Seq, Vocabularies, Vocabulary, cipher, kinds
from seq2seq_attn.data.segmentation import Spaces
from seq2seq_attn.explorer.explore import page
from seq2seq_attn.nodes import Softmax
from seq2seq_attn.trace import TraceError


class Reader(HTMLParser):
    """The tags of a page with their attributes, and the text inside of each script and style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, list[str]] = {"script": [], "style": [], "title": []}
        self._open = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in self.inside:
            self._open = tag
            self.inside[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open:
            self.inside[self._open][-1] += data

    @property
    def data(self) -> Any:
        return json.loads(self.inside["script"][0])


def explored(model: Seq2Seq, folder: Path, source: str | Sequence[int] | Tensor = "cafe", **options: Any) -> str:
    options = {"vocabularies": LETTERS, "beam": 2, "max_length": 5} | options
    return model.explore(source, folder / "page.html", **options).read_text(encoding="utf-8")


def test_the_page_says_where_it_was_written(tmp_path: Path) -> None:
    assert models.model("gru").explore([1, 2], tmp_path / "a.html") == tmp_path / "a.html"
    assert models.model("gru").explore([1, 2], str(tmp_path / "b.html")) == tmp_path / "b.html"


def test_the_page_runs_its_own_script_and_style_and_nothing_else(tmp_path: Path) -> None:
    read = Reader(explored(models.model("gru"), tmp_path))
    policies = [a["content"] or "" for tag, a in read.tags if a.get("http-equiv") == "Content-Security-Policy"]
    directives = dict(directive.strip().split(" ", 1) for directive in policies[0].split(";"))
    (style,), (_, script) = read.inside["style"], read.inside["script"]
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (script, style)]
    assert len(policies) == 1 and directives == {
        "default-src": "'none'",
        "script-src": f"'sha256-{hashes[0]}'",
        "style-src": f"'sha256-{hashes[1]}'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    attributes = {name for _, found in read.tags for name in found}
    assert not {name for name in attributes if name.startswith("on")} | attributes & {"style", "src", "href", "srcset"}
    assert [a.get("type") for tag, a in read.tags if tag == "script"] == ["application/json", None]


def test_the_diagram_in_the_page_has_the_nodes_and_arrows_of_the_graph(tmp_path: Path) -> None:
    for name in ("gru", "pointer_generator", "coverage"):
        model = models.model(name)
        graph = model.specification()
        read = Reader(explored(model, tmp_path))
        shown = {kind: [a["data-id"] for _, a in read.tags if a.get("class") == kind] for kind in ("node", "edge")}
        assert sorted(shown["node"]) == sorted([*graph.values, *graph.operations])
        arrows = [f"{source}->{target}" for source, target in graph.arrows]
        assert sorted(shown["edge"]) == sorted([*arrows, *(f"{b.id}->{now.id}" for now, b in graph.recurrences)])
        assert read.data["recurrences"] == [[now.id, before.id] for now, before in graph.recurrences]


def test_each_operation_is_told_with_its_code_equation_parameters_and_arrows(tmp_path: Path) -> None:
    model = models.model("pointer_generator")
    data = Reader(explored(model, tmp_path)).data
    for operation in model.specification().operations.values():
        node, told = model.decoder.step.get_submodule(operation.id), data["operations"][operation.id]
        assert (tuple(told["inputs"]), told["output"]) == (operation.inputs, operation.output)
        assert told["name"] == type(node).__name__
        assert told["parameters"] == [[name, list(p.shape), p.numel()] for name, p in node.named_parameters()]
        file, line = told["place"].split(":")
        lines = (Path(seq2seq_attn.__file__).parents[1] / file).read_text(encoding="utf-8").splitlines()
        assert lines[int(line) - 1].startswith(f"class {told['name']}(")
        assert told["equation"] in (type(node).__doc__ or "") and "=" in told["equation"]
        assert data["labels"][operation.id] == f"{operation.kind} {operation.id}"
    assert data["labels"]["alpha_ij"] == "αᵢⱼ attn_weights"


def test_each_operation_links_to_its_line_in_a_repository_that_is_named(tmp_path: Path) -> None:
    address = "https://example.org/blob/main"
    data = Reader(explored(models.model("gru"), tmp_path, repository=address)).data
    for told in data["operations"].values():
        assert told["link"] == f"{address}/{told['place'].replace(':', '#L')}"
    plain = Reader(explored(models.model("gru"), tmp_path)).data
    assert {told["link"] for told in plain["operations"].values()} == {None}
    with pytest.raises(ValueError, match=r"repository is 'javascript:x'; give an address that begins with https://"):
        explored(models.model("gru"), tmp_path, repository="javascript:x")


def test_keys_go_through_the_diagram_as_a_step_does(tmp_path: Path) -> None:
    text = explored(models.model("gru"), tmp_path)
    nodes = re.findall(r'<g class="node" data-id="(\w+)">', text)
    assert nodes == [
        "s_ii",
        "h_j",
        "a",
        "e_ij",
        "softmax",
        "alpha_ij",
        "wsum",
        "c_i",
        "y_ii",
        "rnn",
        "s_i",
        "out",
        "y_i",
    ]


def test_a_sentence_that_runs_as_another_graph_than_the_picture_is_refused(tmp_path: Path) -> None:
    model = models.model("gru")
    forward = model.decoder.step.forward

    def alone(*args: Any, **kwargs: Any) -> Any:
        if len(kwargs["encoder_hidden"]) == 1:  # of the example there are two
            kwargs["prev_decoder"] = kwargs["prev_decoder"] + 1.0
        return forward(*args, **kwargs)

    model.decoder.step.forward = functools.wraps(forward)(alone)
    with pytest.raises(TraceError):
        explored(model, tmp_path)
    assert not (tmp_path / "page.html").exists()


def test_weights_are_told_to_be_shares_and_other_numbers_are_not(tmp_path: Path) -> None:
    values = Reader(explored(models.model("gru"), tmp_path)).data["values"]
    assert {id for id, value in values.items() if value["shares"]} == {"alpha_ij"}


def test_the_page_says_nothing_of_the_machine_that_made_it(tmp_path: Path) -> None:
    class Own(Softmax):
        label = "own"

    kinds.register(Own, "own", "ij -> ij")
    text = models.edited("bahdanau", ("softmax[softmax]", "softmax[own]"))
    model = Seq2Seq.from_diagram(text, models.config())
    text = explored(model, tmp_path)
    assert Reader(text).data["operations"]["softmax"]["place"] == "test_explore.py"
    for folder in (Path(seq2seq_attn.__file__).parents[1], Path(__file__).parent, Path.home(), tmp_path):
        assert str(folder) not in text
    assert "file:" not in text


def test_a_link_of_the_diagram_is_kept_as_data_if_it_leads_to_the_web(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def linked(address: str) -> Any:
        drawing = models.model("gru").draw()
        svg = re.sub(r'xlink:href="[^"]*"', f'xlink:href="{address}"', drawing.svg())
        assert address in svg
        monkeypatch.setattr(type(drawing), "svg", lambda self: svg)
        read = Reader(explored(models.model("gru"), tmp_path))
        monkeypatch.undo()
        assert not [tag for tag, _ in read.tags if tag == "a"]
        return {operation["link"] for operation in read.data["operations"].values()}

    assert linked("https://example.invalid/x.py#L1") == {"https://example.invalid/x.py#L1"}
    for address in ("javascript:alert(1)", "file:///etc/passwd", "nodes/energy.py", " https://example.invalid"):
        assert linked(address) == {None}


@pytest.mark.parametrize("attack", ["<script>window.pwned=1</script>", '"><img onerror="x" src="x">', "]]>'&lt;"])
def test_what_a_renderer_lets_through_stays_text_in_the_page(
    attack: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = html.escape(attack)
    drawing = models.model("gru").draw()
    svg = f"""<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="{text}"
        onload="x" style="x"><script>x</script><style>x</style><foreignObject><img src="x"/></foreignObject>
        <image href="x"/><use xlink:href="x"/><g class="node" id="{text}"><title>{text}</title>
        <a xlink:href="javascript:x" xlink:title="{text}"><text fill="{text}" onclick="x">{text}</text></a></g></svg>"""
    monkeypatch.setattr(type(drawing), "svg", lambda self: svg)
    page = explored(models.model("gru"), tmp_path)
    read = Reader(page)
    at = [tag for tag, _ in read.tags].index("svg")
    assert read.tags[at : at + 3] == [
        ("svg", {"viewbox": attack}),
        ("g", {"class": "node", "data-id": attack}),
        ("text", {"fill": attack}),
    ]
    assert read.tags[at + 3][0] == "p" and f">{text}</text></g></svg>" in page


@pytest.mark.parametrize("attack", TEXTS.values(), ids=TEXTS)
def test_text_of_a_user_stays_text_in_the_page(attack: str) -> None:
    text = page({"name": attack, attack: [attack]}, "<svg></svg>")
    read, plain = Reader(text), Reader(page({"name": "x"}, "<svg></svg>"))
    assert read.data == {"name": attack, attack: [attack]}
    assert not {*"<>&"} & {*read.inside["script"][0]}  # which any browser's parser could read as its own
    assert read.tags == plain.tags and read.inside["script"][1] == plain.inside["script"][1]


def test_a_text_its_numbers_and_a_tensor_of_them_are_one_source(tmp_path: Path) -> None:
    model = models.model("gru")
    assert explored(model, tmp_path, "cab") == explored(model, tmp_path, [2, 0, 1])
    assert explored(model, tmp_path, "cab") == explored(model, tmp_path, torch.tensor([2, 0, 1]))
    bare = Reader(explored(model, tmp_path, [2, 0, 1], vocabularies=None)).data
    assert bare["positions"] == ["2", "0", "1"] and bare["first"] == "17"


def test_without_a_limit_twice_the_source_and_10_more_symbols_are_written(tmp_path: Path) -> None:
    model = models.model("gru")
    with torch.no_grad():
        model.decoder.step.out.W.bias[18] = -1000  # it never ends
    data = Reader(explored(model, tmp_path, "abc", max_length=None)).data
    assert len(data["steps"]) == 16 and not data["ended"]


def test_a_page_of_30_symbols_stays_below_2_megabytes(tmp_path: Path) -> None:
    """Of a state of 512 too, with first weights, which write to the limit: that is the longest page."""
    torch.manual_seed(0)
    model = Seq2Seq.from_config(cipher.config(hidden_size=512)).eval()
    path = model.explore("ABCDEFGHIJ" * 3, tmp_path / "page.html", vocabularies=cipher.VOCABULARIES)
    data = Reader(path.read_text(encoding="utf-8")).data
    assert len(data["steps"]) == 70 and len(data["without"]) == 30 and data["without"][29]["thousandths"]
    assert path.stat().st_size < 2_000_000


def test_the_symbols_of_an_output_stand_as_their_texts_have_them(tmp_path: Path) -> None:
    words = Vocabularies(LETTERS.source, Vocabulary(LETTERS.target.symbols, Spaces(), closed=True))
    gaps = {
        Reader(explored(models.model("gru"), tmp_path, [2, 0, 1], vocabularies=known)).data["gap"]
        for known in (LETTERS, None)
    }
    assert gaps == {"", " "}
    assert Reader(explored(models.model("gru"), tmp_path, vocabularies=words)).data["gap"] == " "


def test_what_cannot_be_explored_is_refused(tmp_path: Path) -> None:
    model = models.model("gru")
    with pytest.raises(ValueError, match="source is a text, and no vocabularies say what its symbols are"):
        explored(model, tmp_path, "cab", vocabularies=None)
    with pytest.raises(ValueError, match="symbol 2 of 'cä' is 'ä'"):
        explored(model, tmp_path, "cä")
    with pytest.raises(ValueError, match=r"own.mmd ends in '.mmd'; a page ends in .html"):
        model.explore([3, 5], tmp_path / "own.mmd")
    assert not list(tmp_path.iterdir())
