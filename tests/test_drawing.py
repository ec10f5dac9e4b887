"""The picture: what it shows is compared with the graph by structure; where lines and boxes lie is the renderer's."""

from __future__ import annotations

import inspect
import os
import re
import struct
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from svg import LINK, SVG, dashed, groups, texts
from table import NODES

from seq2seq_attn import mermaid
from seq2seq_attn.code import Code
from seq2seq_attn.drawing.drawing import FORMATS, Drawing, RenderError
from seq2seq_attn.drawing.flowchart import flowchart
from seq2seq_attn.drawing.style import Style
from seq2seq_attn.drawing.tree import tree
from seq2seq_attn.graph import Graph, Operation, Value
from seq2seq_attn.kinds import codes
from seq2seq_attn.wirings.bahdanau import Bahdanau

GRAPH = mermaid.load("bahdanau")

every_diagram = pytest.mark.parametrize("name", mermaid.shipped())


def own(file: Path) -> dict[str, Code]:
    """The code of operation a: a class in line 7 of a file."""
    return {"a": Code("Energy", file, 7, "e_ij = v_a tanh(x)")}


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without any renderer; the folder is its whole PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    return folder


BEGINNINGS = {
    "mmd": b"graph TD\n",
    "dot": b"digraph ",
    "svg": b"<?xml ",
    "png": b"\x89PNG\r\n",
    "pdf": b"%PDF-",
    "tex": b"% diagram\n",
    "txt": "diagram\n└─ yᵢ output = out[feedforward]\n".encode(),
}


@pytest.mark.parametrize("format", FORMATS)
def test_the_ending_of_the_file_says_how_it_is_drawn(format: str, tmp_path: Path) -> None:
    path = tmp_path / f"picture.{format}"
    assert Drawing.of_graph(GRAPH).save(path) == path
    assert path.read_bytes().startswith(BEGINNINGS[format])
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_the_ending_may_be_in_capitals_and_the_path_a_text(tmp_path: Path) -> None:
    assert Drawing.of_graph(GRAPH).save(str(tmp_path / "PICTURE.MMD")).read_text(encoding="utf-8") == mermaid.emit(
        GRAPH
    )


@pytest.mark.parametrize(("name", "ending"), [("picture.gif", ".gif"), ("picture", ""), ("picture.svg.gz", ".gz")])
def test_another_ending_is_refused_with_those_there_are(name: str, ending: str, tmp_path: Path) -> None:
    message = f"{name} ends in '{ending}'; a picture ends in .mmd, .dot, .svg, .png, .pdf, .tex, .txt"
    with pytest.raises(ValueError, match=re.escape(message)):
        Drawing.of_graph(GRAPH).save(tmp_path / name)
    assert not list(tmp_path.iterdir())


@every_diagram
def test_the_svg_has_the_values_operations_and_arrows_of_the_graph_and_no_others(name: str, tmp_path: Path) -> None:
    graph = mermaid.load(name)
    svg = Drawing.of_graph(graph).save(tmp_path / "picture.svg")
    frames = [f"{title.removeprefix('cluster_')}-words" for title, _ in groups(svg, "cluster")]
    assert frames == (["step-words"] if name == "seq2seq" else [])
    titles = [title for title, _ in groups(svg, "node")]
    assert sorted(titles) == sorted([*graph.values, *graph.operations, *frames])
    solid = [title for title, edge in groups(svg, "edge") if not dashed(edge)]
    assert sorted(solid) == sorted("->".join(arrow) for arrow in graph.arrows)


@every_diagram
def test_what_one_step_hands_to_the_next_is_dashed_and_joins_the_two_values(name: str, tmp_path: Path) -> None:
    graph = mermaid.load(name)
    svg = Drawing.of_graph(graph).save(tmp_path / "picture.svg")
    drawn = [frozenset(title.split("->")) for title, edge in groups(svg, "edge") if dashed(edge)]
    expected = [frozenset({now.id, before.id}) for now, before in (*graph.recurrences, *graph.beginnings)]
    expected += [frozenset({"y_i", "w_ii"})] if name == "seq2seq" else []  # the symbol chosen begins the next step
    assert sorted(drawn, key=sorted) == sorted(expected, key=sorted)


def test_the_arrow_of_a_recurrence_points_at_the_past_value_which_stands_above(tmp_path: Path) -> None:
    svg = Drawing.of_graph(GRAPH).save(tmp_path / "picture.svg")
    heights = {title: float(next(node.iter(f"{SVG}text")).get("y", "nan")) for title, node in groups(svg, "node")}
    edges = {frozenset(title.split("->")): edge for title, edge in groups(svg, "edge")}
    (head,) = edges[frozenset({"s_i", "s_ii"})].iter(f"{SVG}polygon")
    height = float(head.get("points", "").split()[0].split(",")[1])
    assert abs(height - heights["s_ii"]) < abs(height - heights["s_i"])
    assert heights["s_ii"] < heights["s_i"]


@every_diagram
def test_operations_are_ellipses_and_values_boxes(name: str, tmp_path: Path) -> None:
    graph = mermaid.load(name)
    svg = Drawing.of_graph(graph).save(tmp_path / "picture.svg")
    nodes = dict(groups(svg, "node"))
    for title in (*graph.values, *graph.operations):
        node = nodes[title]
        shapes = {element.tag.removeprefix(SVG) for element in node.iter()} & {"ellipse", "path", "polygon"}
        assert (shapes == {"ellipse"}) if title in graph.operations else ("ellipse" not in shapes and shapes)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("kind", ["difference", "bands"])
def test_a_difference_and_bands_are_saved_in_every_format(kind: str, format: str, tmp_path: Path) -> None:
    edited = mermaid.parse(mermaid.shipped()["bahdanau"].replace("softmax[softmax]", "softmax[sparsemax]"))
    drawing = {
        "difference": Drawing.of_difference(GRAPH, edited),
        "bands": Drawing.of_graph(GRAPH, bands=dict.fromkeys(GRAPH.operations, "inside")),
    }[kind]
    path = drawing.save(tmp_path / f"picture.{format}")
    beginning = BEGINNINGS[format]
    title = {"bands": "diagram", "difference": "before → after"}[kind]
    if format in ("mmd", "tex", "txt"):
        text = {"mmd": f"%% {title}: a picture, not a diagram that runs\nflowchart TB\n", "tex": f"% {title}\n"}
        beginning = text.get(format, f"{title}\n").encode()
    assert path.read_bytes().startswith(beginning)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("written", "letter", "subscript"),
    [
        ("alpha_{i-1,j}", "α", "i\N{MINUS SIGN}1,j"),
        ("s_{i-2}", "s", "i\N{MINUS SIGN}2"),
        ("e_{kij}", "e", "kij"),
        ("s_{0}", "s", "0"),
        ("y_{i+1}", "y", "i+1"),
        ("coverage_{i,j}", "coverage", "i,j"),
        ("Lambda_{j}", "Λ", "j"),
    ],
)
def test_any_subscript_and_any_symbol_stand_in_the_label_inside_the_box(
    written: str, letter: str, subscript: str, tmp_path: Path
) -> None:
    value = Value("x", *written.rstrip("}").split("_{"), "word")
    graph = Graph([value, Value("o", "o", "i", "made")], [Operation("f", "kind", ("x",), "o")])
    nodes = dict(groups(Drawing.of_graph(graph).save(tmp_path / "picture.svg"), "node"))
    assert [text for text, _ in texts(nodes["x"])] == [letter, subscript, "word"]
    numbers = re.findall(r"-?[\d.]+", next(nodes["x"].iter(f"{SVG}path")).get("d", ""))
    right = max(map(float, numbers[::2]))
    for text in nodes["x"].iter(f"{SVG}text"):
        narrowest = (
            0.25 * float(text.get("font-size", "nan")) * len("".join(text.itertext()))
        )  # as if of i, j and commas
        assert float(text.get("x", "nan")) + narrowest < right


@pytest.mark.parametrize(
    ("id", "symbol", "subscript", "word"),
    [
        ("s_i", "s", "i", "decoder_hidden"),
        ("s_ii", "s", "i\N{MINUS SIGN}1", "prev_decoder"),
        ("alpha_ij", "α", "ij", "attn_weights"),
    ],
)
def test_a_value_shows_its_letter_a_smaller_subscript_and_its_word(
    id: str, symbol: str, subscript: str, word: str, tmp_path: Path
) -> None:
    nodes = dict(groups(Drawing.of_graph(GRAPH).save(tmp_path / "picture.svg"), "node"))
    written = dict(texts(nodes[id]))
    assert list(written) == [symbol, subscript, word]
    assert written[symbol] > written[subscript]


def test_an_operation_shows_its_kind_and_its_id(tmp_path: Path) -> None:
    nodes = dict(groups(Drawing.of_graph(GRAPH).save(tmp_path / "picture.svg"), "node"))
    for operation in GRAPH.operations.values():
        assert [text for text, _ in texts(nodes[operation.id])] == [operation.kind, operation.id]


def test_capital_greek_and_latin_symbols_keep_their_case(tmp_path: Path) -> None:
    text = mermaid.shipped()["bahdanau"].replace('"alpha_{ij}', '"Omega_{ij}').replace('"e_{ij}', '"E_{ij}')
    nodes = dict(groups(Drawing.of_graph(mermaid.parse(text)).save(tmp_path / "picture.svg"), "node"))
    assert texts(nodes["alpha_ij"])[0][0] == "Ω"
    assert texts(nodes["e_ij"])[0][0] == "E"


def test_each_operation_links_to_its_source_from_the_folder_of_the_picture(tmp_path: Path) -> None:
    folder = tmp_path / "pictures" / "today"
    folder.mkdir(parents=True)
    links = {
        title: link.get(f"{LINK}href")
        for title, node in groups(Drawing.of_graph(GRAPH, codes=codes(GRAPH)).save(folder / "picture.svg"), "node")
        for link in node.iter(f"{SVG}a")
    }
    for id in GRAPH.values:
        assert links[id] is None
    for id, source in codes(GRAPH).items():
        href = links[id]
        assert href is not None and not Path(href).is_absolute() and ":" not in href
        file, _, line = href.partition("#L")
        assert (folder / file).resolve() == source.file
        assert (
            (folder / file).read_text(encoding="utf-8").splitlines()[int(line) - 1].startswith(f"class {source.name}(")
        )


def test_the_folder_of_a_picture_may_be_given_from_where_we_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pictures").mkdir()
    monkeypatch.chdir(tmp_path)
    Drawing.of_graph(GRAPH, codes=own(tmp_path / "energy.py")).save("pictures/picture.dot")
    assert re.findall('URL="(.*?)"', Path("pictures/picture.dot").read_text(encoding="utf-8")) == ["../energy.py#L7"]


def test_without_a_folder_the_links_are_addresses(tmp_path: Path) -> None:
    source = tmp_path / "energy.py"
    assert f'URL="{source.resolve().as_uri()}#L7"' in Drawing.of_graph(GRAPH, codes=own(source)).dot()


def test_a_class_of_no_known_line_is_linked_to_its_file_and_one_of_no_file_to_nothing(tmp_path: Path) -> None:
    for file, expected in ((tmp_path / "energy.py", ["energy.py"]), (None, [])):
        dot = Drawing.of_graph(GRAPH, codes={"a": Code("Energy", file, 0, "")}).dot(tmp_path)
        assert re.findall('URL="(.*?)"', dot) == expected


def test_in_a_repository_the_classes_of_this_package_have_their_address_there_and_others_their_file(
    tmp_path: Path,
) -> None:
    known = codes(GRAPH)
    mine = known | own(tmp_path / "energy.py")
    for address in ("https://github.com/me/it/blob/main", "https://github.com/me/it/blob/main/"):
        dot = Drawing.of_graph(GRAPH, codes=mine, style=Style(repository=address)).dot(tmp_path)
        links = re.findall('URL="(.*?)"', dot)
        assert links[0] == "energy.py#L7"
        expected = [f"{address.rstrip('/')}/seq2seq_attn/nodes/softmax.py#L{known['softmax'].line}"]
        assert [link for link in links if "softmax" in link] == expected
        assert all(link.startswith("https://github.com/me/it/blob/main/seq2seq_attn/") for link in links[1:])


def test_the_codes_are_those_of_the_nodes_of_a_real_step() -> None:
    rows = {row.name: row.node() for row in NODES}
    for cell in ("gru", "lstm"):
        step = Bahdanau(
            a=rows["energy"],
            softmax=rows["softmax"],
            wsum=rows["weighted_sum"],
            rnn=rows[cell],
            out=rows["output, tanh"],
        )
        found = {id: (code.name, code.file) for id, code in codes(GRAPH).items()}
        assert found == {
            id: (type(node).__name__.replace("LSTMStep", "GRUStep"), Path(inspect.getfile(type(node))))
            for id, node in step.named_children()
        }


def test_a_kind_of_torchs_own_has_no_code_here() -> None:
    assert codes(mermaid.load("first_rnn")) == {}


def test_tooltips_say_the_text_of_the_diagram_and_what_a_recurrence_means(tmp_path: Path) -> None:
    svg = Drawing.of_graph(GRAPH, title="the seed").save(tmp_path / "picture.svg")
    tips = {
        frozenset(title.split("->")): link.get(f"{LINK}title")
        for kind in ("node", "edge")
        for title, group in groups(svg, kind)
        for link in group.iter(f"{SVG}a")
    }
    expected = {frozenset({id}): str(value) for id, value in GRAPH.values.items()}
    expected |= {frozenset({id}): f"{id}[{operation.kind}]" for id, operation in GRAPH.operations.items()}
    expected |= {
        frozenset({now.id, before.id}): f"{now.word} of this step is {before.word} of the next"
        for now, before in GRAPH.recurrences
    }
    assert tips == expected
    assert ElementTree.parse(svg).getroot().findtext(f"{SVG}g/{SVG}title") == "the seed"


def test_the_same_graph_is_drawn_with_the_same_bytes(tmp_path: Path) -> None:
    first, second = (Drawing.of_graph(GRAPH).save(tmp_path / name).read_bytes() for name in ("first.svg", "second.svg"))
    assert first == second


def test_ids_that_are_words_of_graphviz_are_drawn_as_any_other(tmp_path: Path) -> None:
    text = re.sub(r"\brnn\b", "node", re.sub(r"\bc_i\b", "edge", mermaid.shipped()["bahdanau"]))
    graph = mermaid.parse(text)
    svg = Drawing.of_graph(graph).save(tmp_path / "picture.svg")
    assert sorted(title for title, _ in groups(svg, "node")) == sorted([*graph.values, *graph.operations])


def test_a_png_has_192_dots_an_inch(tmp_path: Path) -> None:
    svg, png = (Drawing.of_graph(GRAPH).save(tmp_path / f"picture.{format}") for format in ("svg", "png"))
    points = float(ElementTree.parse(svg).getroot().get("width", "").removesuffix("pt"))
    (width,) = struct.unpack(">I", png.read_bytes()[16:20])  # the first field of a PNG's header
    assert width == pytest.approx(points * 192 / 72, rel=0.02)


def test_without_a_renderer_a_diagram_that_is_there_is_not_written_over(bare: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.mmd"
    mine.write_text("%% my notes\n" + mermaid.emit(GRAPH), encoding="utf-8")
    with pytest.raises(RenderError, match=re.escape(f"; wrote {tmp_path / 'mine.dot'} instead")):
        Drawing.of_difference(mermaid.load("first_rnn"), mermaid.load(mine)).save(tmp_path / "mine.svg")
    assert mine.read_text(encoding="utf-8").startswith("%% my notes\n")


@pytest.mark.parametrize(
    ("format", "package"),
    [("svg", "graphviz-pure"), ("png", "graphviz-pure"), ("tex", "graphviz-pure"), ("pdf", "pygraphviz")],
)
def test_without_a_renderer_the_texts_are_written_and_the_error_says_what_to_install(
    bare: Path, tmp_path: Path, format: str, package: str
) -> None:
    path = tmp_path / f"picture.{format}"
    mmd, dot = path.with_suffix(".mmd"), path.with_suffix(".dot")
    message = f"no renderer for {format} here: pip install {package}; wrote {mmd} and {dot} instead"
    with pytest.raises(RenderError, match=f"^{re.escape(message)}$"):
        Drawing.of_graph(GRAPH, codes=codes(GRAPH)).save(path)
    assert not path.exists()
    assert mermaid.load(mmd) == GRAPH
    arrows = re.findall(r'^\t(\w+) -> (\w+) \[color="#000000"]$', dot.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert tuple(arrows) == GRAPH.arrows
    assert dot.read_text(encoding="utf-8") == Drawing.of_graph(GRAPH, codes=codes(GRAPH)).dot(tmp_path)


def test_the_texts_need_no_renderer(bare: Path, tmp_path: Path) -> None:
    for format in ("mmd", "dot"):
        assert Drawing.of_graph(GRAPH).save(tmp_path / f"picture.{format}").read_bytes().startswith(BEGINNINGS[format])


def test_graphviz_pure_alone_is_not_asked_for_a_pdf(bare: Path, tmp_path: Path) -> None:
    pure = bare / "graphviz-pure"
    pure.write_text("#!/bin/sh\necho bad luck >&2\nexit 3\n")
    pure.chmod(0o755)
    with pytest.raises(RenderError, match="pip install pygraphviz; wrote "):
        Drawing.of_graph(GRAPH).save(tmp_path / "picture.pdf")
    assert mermaid.load(tmp_path / "picture.mmd") == GRAPH
    with pytest.raises(RenderError, match=r"graphviz-pure failed: bad luck; wrote "):  # for an SVG it is asked
        Drawing.of_graph(GRAPH).save(tmp_path / "picture.svg")


def test_a_notebook_shows_the_picture_and_its_text(tmp_path: Path) -> None:
    Drawing.of_graph(GRAPH).save(tmp_path / "picture.svg")
    bundle = Drawing.of_graph(GRAPH, codes=codes(GRAPH))._repr_mimebundle_(include=None, exclude=None)
    assert bundle["text/vnd.mermaid"] == mermaid.emit(GRAPH)
    assert bundle["text/plain"] == tree(Drawing.of_graph(GRAPH).scene)
    titles = [title for title, _ in groups(bundle["image/svg+xml"], "node")]
    assert sorted(titles) == sorted([*GRAPH.values, *GRAPH.operations])


def test_a_notebook_without_a_renderer_shows_the_text_and_what_to_install(bare: Path) -> None:
    bundle = Drawing.of_graph(GRAPH)._repr_mimebundle_()
    assert list(bundle) == ["text/plain", "text/vnd.mermaid"]
    assert bundle["text/vnd.mermaid"] == mermaid.emit(GRAPH)
    assert bundle["text/plain"].startswith(tree(Drawing.of_graph(GRAPH).scene))
    assert bundle["text/plain"].endswith("no renderer for svg here: pip install graphviz-pure")


def test_to_read_and_draw_a_diagram_needs_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from seq2seq_attn import Drawing, kinds, mermaid\n"
        "graph = mermaid.load('bahdanau')\n"
        "Drawing.of_graph(graph, codes=kinds.codes(graph)).save('picture.dot')\n"
        "print('torch' in sys.modules)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert (run.stderr, run.stdout) == ("", "False\n")
    assert (tmp_path / "picture.dot").read_text(encoding="utf-8").startswith("digraph ")


def test_lambda_is_a_greek_letter_though_unicode_spells_it_otherwise() -> None:
    graph = mermaid.parse(mermaid.emit(GRAPH).replace("alpha_{ij}", "lambda_{ij}").replace("e_{ij}", "Lambda_{ij}"))
    dot = Drawing.of_graph(graph).dot()
    assert re.search("<i><font [^>]*>λ</font></i>", dot) and re.search("<i><font [^>]*>Λ</font></i>", dot)


def test_a_link_is_quoted_where_a_path_has_signs_of_its_own(tmp_path: Path) -> None:
    source = tmp_path / "a b#c" / "node.py"
    assert 'URL="a%20b%23c/node.py#L7"' in Drawing.of_graph(GRAPH, codes=own(source)).dot(tmp_path)


def test_a_dot_that_fails_is_told_and_not_hidden(bare: Path, tmp_path: Path) -> None:
    program = bare / "dot"
    program.write_text("#!/bin/sh\nwhile read -r line; do :; done; echo no luck >&2\nexit 3\n")
    program.chmod(0o755)
    with pytest.raises(RenderError, match=r"dot failed: no luck; wrote "):
        Drawing.of_graph(GRAPH).save(tmp_path / "picture.pdf")


def test_a_drawing_says_in_a_terminal_what_it_shows() -> None:
    boxes, arrows = len(GRAPH.values) + len(GRAPH.operations), len(GRAPH.arrows) + len(GRAPH.recurrences)
    assert repr(Drawing.of_graph(GRAPH, "the seed")) == f"<Drawing of the seed: {boxes} boxes, {arrows} arrows>"


def test_a_notebook_shows_a_difference(tmp_path: Path) -> None:
    drawing = Drawing.of_difference(GRAPH, mermaid.load("first_rnn"))
    bundle = drawing._repr_mimebundle_()
    assert bundle["text/plain"] == tree(drawing.scene) and bundle["text/vnd.mermaid"] == flowchart(drawing.scene)
    assert {title for title, _ in groups(bundle["image/svg+xml"], "node")} >= GRAPH.operations.keys()


INSIDE = dict.fromkeys(GRAPH.operations, "inside")


@pytest.mark.parametrize(
    ("bands", "message"),
    [
        (
            {"a": "inside"},
            "bands name the operations a; the graph has a, softmax, wsum, rnn, out. Give each of these a band.",
        ),
        (
            INSIDE | {"encode": "before"},
            "bands name the operations a, softmax, wsum, rnn, out, encode; the graph has a, softmax, wsum, rnn, out. ",
        ),
        (INSIDE | {"out": "later"}, "the band of out is 'later'; there are before, inside, after"),
    ],
)
def test_bands_that_do_not_fit_the_graph_are_refused(bands: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Drawing.of_graph(GRAPH, bands=bands)


FOREIGN = Graph(
    [Value("x", "\N{CJK UNIFIED IDEOGRAPH-4F60}", "i", "word"), Value("o", "o", "i", "made")],
    [Operation("f", "kind", ("x",), "o")],
)


def test_letters_that_graphviz_pure_has_not_in_a_png_are_drawn_by_another(tmp_path: Path) -> None:
    pytest.importorskip("pygraphviz")
    assert Drawing.of_graph(FOREIGN).save(tmp_path / "picture.png").read_bytes().startswith(BEGINNINGS["png"])
    nodes = dict(groups(Drawing.of_graph(FOREIGN).save(tmp_path / "picture.svg"), "node"))
    assert texts(nodes["x"])[0][0] == "\N{CJK UNIFIED IDEOGRAPH-4F60}"


def test_letters_that_no_renderer_has_in_a_png_are_named(bare: Path, tmp_path: Path) -> None:
    pure = bare / "graphviz-pure"
    pure.write_text("#!/bin/sh\nexit 3\n")
    pure.chmod(0o755)
    message = (
        "graphviz-pure has no '\N{CJK UNIFIED IDEOGRAPH-4F60}' (U+4F60) for a png: "
        "write .svg, or pip install pygraphviz"
    )
    with pytest.raises(RenderError, match=re.escape(message)):
        Drawing.of_graph(FOREIGN).save(tmp_path / "picture.png")


def test_a_graph_with_nothing_in_it_is_refused() -> None:
    with pytest.raises(ValueError, match="there is nothing to draw in mine: it has no operation"):
        Drawing.of_graph(mermaid.parse("graph TD\n"), "mine")
