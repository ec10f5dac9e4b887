"""The command line, run as a user runs it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from seq2seq_attn import Config, Corpus, Drawing, Seq2Seq, Vocabularies, cipher, cli, manifest, mermaid

EDITED = mermaid.shipped()["bahdanau"].replace("y_ii --> out\n", "")
SMALL = ["--steps", "3", "--held-out", "20", "--max-length", "5", "--batch-size", "4", "--hidden-size", "8"]
SMALL += ["--message", "ABC"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny cipher run."""
    out = tmp_path_factory.mktemp("cipher") / "run"
    assert cli.main(["cipher", *SMALL, "--key", "3", "--out", str(out)]) == 0
    return out


def test_cipher_writes_the_model_its_picture_the_heatmap_the_curve_and_what_was_measured(run: Path) -> None:
    names = (
        "attention.png config.json diagram.mmd diagram.svg learning.png measured.json model.safetensors "
        "source_vocabulary.txt target_vocabulary.txt tokenizer_config.json"
    )
    assert sorted(path.name for path in run.iterdir()) == names.split()
    assert Vocabularies.load(run) == cipher.VOCABULARIES
    assert mermaid.load(run / "diagram.mmd") == mermaid.load("bahdanau")
    for name in ("attention.png", "learning.png"):
        with Image.open(run / name) as image:
            assert min(image.size) > 200 and len(image.convert("L").getcolors() or []) > 10
    measured = json.loads((run / "measured.json").read_text())
    keys = "exact_match held_out training_seconds steps key seed message decrypted"
    assert sorted(measured) == sorted(keys.split())
    assert (measured["held_out"], measured["steps"], measured["key"], measured["message"]) == (20, 3, 3, "ABC")


def test_the_same_seed_gives_the_same_model_bit_for_bit(run: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    assert cli.main(["cipher", *SMALL, "--key", "3", "--out", str(again)]) == 0
    assert (again / "model.safetensors").read_bytes() == (run / "model.safetensors").read_bytes()
    assert cli.main(["cipher", *SMALL, "--key", "3", "--seed", "1", "--out", str(again)]) == 0
    assert (again / "model.safetensors").read_bytes() != (run / "model.safetensors").read_bytes()


def test_cipher_prints_a_table_of_what_it_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["cipher", *SMALL, "--message", "ERPDRF", "--out", str(tmp_path)])
    printed, progress = capsys.readouterr()
    assert "wrong: THIS-IS-A-SECRET" in printed and "\nERPDRF " in printed and "wrong: SECRET" in printed
    assert "of 20 held-out messages" in printed and "s for 3 steps" in printed
    assert "loss=" in progress and "exact_match=" in progress


def test_draw_draws_a_diagram_by_name_a_file_and_a_trained_model(run: Path, tmp_path: Path) -> None:
    for source in ("bahdanau", str(run / "diagram.mmd"), str(run)):
        out = tmp_path / "x.mmd"
        assert cli.main(["draw", source, "-o", str(out)]) == 0
        assert mermaid.load(out) == mermaid.load("bahdanau")
    assert cli.main(["draw", str(run), "-o", str(tmp_path / "x.svg")]) == 0
    assert "nodes/energy.py" in (tmp_path / "x.svg").read_text()


def test_draw_draws_what_stands_around_a_step_of_a_diagram_and_of_a_model(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.mmd"
    for source in ("bahdanau", "seq2seq", str(run)):
        assert cli.main(["draw", source, "--whole", "-o", str(out)]) == 0
        assert mermaid.load(out) == mermaid.load("seq2seq")
    assert cli.main(["draw", str(run), "--whole", "-o", str(tmp_path / "x.svg")]) == 0
    assert "encoders/rnn.py" in (tmp_path / "x.svg").read_text()


def test_draw_draws_the_bands_of_a_diagram_and_of_a_model(run: Path, tmp_path: Path) -> None:
    bands = {"luong": {"inside", "after"}, "bahdanau": {"inside", "after"}, str(run): {"inside", "after"}}
    for source, expected in bands.items():
        assert cli.main(["draw", source, "--schedule", "-o", str(tmp_path / "x.dot")]) == 0
        text = (tmp_path / "x.dot").read_text()
        assert {word for word in ("before", "inside", "after") if f"{word} the loop" in text} == expected
        assert cli.main(["draw", source, "-o", str(tmp_path / "x.dot")]) == 0
        assert "the loop" not in (tmp_path / "x.dot").read_text()


def test_draw_draws_what_two_diagrams_differ_in(tmp_path: Path) -> None:
    edited, out = tmp_path / "edited.mmd", tmp_path / "x.mmd"
    edited.write_text(EDITED)
    assert cli.main(["draw", "--diff", "bahdanau", str(edited), "-o", str(out)]) == 0
    assert out.read_text().startswith("%% bahdanau → edited: a picture, not a diagram that runs\n")
    assert cli.main(["draw", "--diff", "bahdanau", str(edited), "-o", str(tmp_path / "x.svg")]) == 0
    assert "nodes/energy.py" in (tmp_path / "x.svg").read_text()
    assert "encoder" not in out.read_text().replace("encoder_hidden", "")
    assert cli.main(["draw", "--diff", "bahdanau", str(edited), "--whole", "-o", str(out)]) == 0
    assert "encoder" in out.read_text().replace("encoder_hidden", "")


def test_without_a_file_to_write_draw_prints_the_tree(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["draw", "bahdanau"]) == 0
    tree = Drawing.of_graph(mermaid.load("bahdanau"), "bahdanau").text()
    assert capsys.readouterr().out.strip() == tree.strip()
    assert cli.main(["draw", str(run)]) == 0
    assert capsys.readouterr().out.startswith("Bahdanau\n└─ yᵢ output = out[feedforward]\n")


@pytest.mark.parametrize("source", ["bahdanau", "the run"])
@pytest.mark.parametrize(
    ("options", "shown"),
    [
        (["--expand", "a"], [">tanh<", ">U.weight<", "cluster_a-opened"]),
        (["--expand", "encoder", "--whole"], ["cluster_encoder-opened", "embed_source"]),
        (["--unroll", "2"], [">step 1<", ">step 2<"]),
        (["--example", "ABC"], [">step 1: writes ", ">A<", ">B<", ">C<"]),
        (["--example", "ABC", "--at", "2"], [">step 2: writes ", ">A<", ">B<", ">C<"]),
        (["--hidden"], ['"hidden-mask" -> softmax', '"hidden-keys" -> a']),
        (["--whole", "--hidden"], ['"hidden-mask" -> encoder', '"hidden-mask" -> bridge']),
        (["--theme", "dark"], ['bgcolor="#0d1117"']),
        (["--rankdir", "LR"], ["rankdir=LR"]),
        (["--font", "Fira Sans"], ['fontname="Fira Sans"']),
        (["--legend"], ["value: a tensor", "operation: a module", "handed on to the next step"]),
        (["--repository", "https://host/blob/main"], ['URL="https://host/blob/main/seq2seq_attn/nodes/energy.py#L']),
    ],
    ids=lambda value: " ".join(value) if "--" in value[0] else "",
)
def test_every_option_of_draw_is_seen_in_the_picture(
    options: list[str], shown: list[str], source: str, run: Path, tmp_path: Path
) -> None:
    source = str(run) if source == "the run" else source
    assert cli.main(["draw", source, *options, "-o", str(tmp_path / "with.dot")]) == 0
    assert cli.main(["draw", source, "-o", str(tmp_path / "without.dot")]) == 0
    text, plain = ((tmp_path / name).read_text(encoding="utf-8") for name in ("with.dot", "without.dot"))
    for part in shown:
        assert part in text and part not in plain


def test_a_run_of_a_model_without_vocabularies_is_given_in_numbers(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(run, bare)
    (bare / "tokenizer_config.json").unlink()
    assert cli.main(["draw", str(bare), "--example", "13 14 15", "-o", str(tmp_path / "x.dot")]) == 0
    text = (tmp_path / "x.dot").read_text(encoding="utf-8")
    assert all(part in text for part in (">13<", ">14<", ">15<"))
    assert cli.main(["draw", str(bare), "--example", "ABC"]) == 2
    assert (
        "has no tokenizer_config.json, so that 'ABC' has to be numbers with spaces between" in capsys.readouterr().err
    )


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A run of training as `train` leaves it: two checkpoints of models of words, the first of which is the better."""
    vocabularies = Vocabularies.of(Corpus.of([("jump twice", "I_JUMP I_JUMP"), ("walk", "I_WALK")], "words"), "space")
    sizes = {"embedding_size": 3, "hidden_size": 5, "attention_size": 7, "readout_size": 2}
    for update, diagram, cost in ((3, "luong", 0.5), (7, "bahdanau", 0.75)):
        folder = tmp_path / "trained" / f"checkpoint-{update}"
        Seq2Seq.from_diagram(diagram, Config(**vocabularies.sizes(), **sizes)).save_pretrained(folder)
        vocabularies.save(folder)
        (folder / "training.json").write_text(json.dumps({"cost": cost}))
        manifest.write(folder)
    return tmp_path / "trained"


def test_the_best_model_of_a_run_is_drawn_explored_and_checked_by_its_own_vocabularies(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["check", str(trained)]) == 0
    assert capsys.readouterr().out == f"{trained} is luong.mmd\n"
    assert cli.main(["draw", str(trained), "--example", "jump  twice", "-o", str(tmp_path / "x.dot")]) == 0
    text = (tmp_path / "x.dot").read_text(encoding="utf-8")
    assert ">jump<" in text and ">twice<" in text and "unknown" not in text
    page = explored(trained, "jump twice")
    assert '"positions":["jump","twice"]' in page and '"gap":" "' in page and '"lacking":""' in page


def test_a_symbol_that_a_model_does_not_know_is_shown_as_it_was_given_and_said(trained: Path, tmp_path: Path) -> None:
    assert cli.main(["draw", str(trained), "--example", "jump thrice", "-o", str(tmp_path / "x.dot")]) == 0
    text = (tmp_path / "x.dot").read_text(encoding="utf-8")
    assert ">thrice<" in text and "; unknown: thrice<" in text
    page = explored(trained, "jump thrice")
    assert '"positions":["jump","thrice"]' in page and '"lacking":"unknown: thrice"' in page


def test_a_run_that_is_damaged_is_said_to_be(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (trained / "checkpoint-3" / "source_vocabulary.txt").write_text("jump\n")
    for command in (["check"], ["draw"], ["draw", "--example", "jump"], ["summary"]):
        assert cli.main([command[0], str(trained), *command[1:]]) == 2
        assert "checkpoint-3 is not what was written: source_vocabulary.txt has 5 bytes" in capsys.readouterr().err


def test_a_png_has_the_dots_an_inch_that_are_asked_for(tmp_path: Path) -> None:
    widths = []
    for dpi in ("50", "100"):
        assert cli.main(["draw", "no_attention", "--dpi", dpi, "-o", str(tmp_path / "x.png")]) == 0
        with Image.open(tmp_path / "x.png") as image:
            widths.append(image.width)
    assert widths[1] == pytest.approx(2 * widths[0], abs=2)


def test_a_model_and_a_diagram_are_not_drawn_at_once(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["draw", str(run), "--diagram", "luong", "-o", "x.svg"]) == 2
    assert "--diagram and the model in" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command", [["bahdanau"], ["bahdanau", "--whole", "--schedule"], ["--diff", "luong", "bahdanau"]]
)
def test_drawing_a_diagram_loads_no_torch(command: list[str], tmp_path: Path) -> None:
    code = (
        "import sys; from seq2seq_attn.cli import main; "
        "main(['draw', *sys.argv[2:], '-o', sys.argv[1]]); print('torch' in sys.modules)"
    )
    whole = [sys.executable, "-c", code, str(tmp_path / "x.svg"), *command]
    assert subprocess.run(whole, capture_output=True, text=True, check=True).stdout.endswith("False\n")


def test_check_says_that_a_model_is_its_diagram(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", str(run)]) == 0
    assert capsys.readouterr().out == f"{run} is bahdanau.mmd\n"
    assert cli.main(["check", str(run), "--diagram", "seq2seq"]) == 0
    assert capsys.readouterr().out == f"{run} is seq2seq.mmd\n"


def test_check_of_a_diagram_builds_a_model_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["luong"], ["--diagram", "pointer_generator"], ["seq2seq"]):
        assert cli.main(["check", *arguments]) == 0
        assert capsys.readouterr().out == f"a new model is {arguments[-1]}.mmd\n"
    edited = tmp_path / "edited.mmd"
    edited.write_text(EDITED)
    assert cli.main(["check", str(edited)]) == 0
    assert capsys.readouterr().out == f"a new model is {edited}\n"


def test_check_names_the_arrow_that_an_edited_diagram_lacks_and_exits_1(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edited = tmp_path / "edited.mmd"
    edited.write_text(EDITED)
    assert cli.main(["check", str(run), "--diagram", str(edited)]) == 1
    assert capsys.readouterr().out == f"arrow y_ii → out is only in the model\n{run} differs from {edited}\n"


def explored(*arguments: object) -> str:
    """The page of a decode."""
    out = Path(str(arguments[0])).parent / "page.html"
    assert cli.main(["explore", *map(str, arguments), "-o", str(out)]) == 0
    return out.read_text(encoding="utf-8")


def test_explore_writes_the_page_of_a_text_by_the_vocabularies_that_lie_with_the_model(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = explored(run, "FUV-")
    assert capsys.readouterr().out == f"wrote {run.parent / 'page.html'}\n"
    same = Seq2Seq.from_pretrained(run).explore("FUV-", tmp_path / "x.html", vocabularies=cipher.VOCABULARIES)
    assert page == same.read_text(encoding="utf-8") and '"positions":["F","U","V","-"]' in page
    assert explored(run, "FUV-", "--beam", "2") != page != explored(run, "FUV-", "--max-length", "1")


def test_explore_takes_numbers_for_a_model_without_vocabularies(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = tmp_path / "bare"
    Seq2Seq.from_pretrained(run).save_pretrained(bare)
    assert '"positions":["5","20","21","26"]' in explored(bare, "5 20 21 26")
    for text in ("FUV", "1.5", "1,2"):
        assert cli.main(["explore", str(bare), text, "-o", str(tmp_path / "x.html")]) == 2
        said = f"{bare} has no tokenizer_config.json, so that {text!r} has to be numbers with spaces"
        assert said in capsys.readouterr().err
    assert cli.main(["explore", str(bare), "27", "-o", str(tmp_path / "x.html")]) == 2
    assert "source[0, 0] is 27; the vocabulary has the symbols 0 to 26" in capsys.readouterr().err
    assert cli.main(["explore", str(run), "fuv", "-o", str(tmp_path / "x.html")]) == 2
    assert "symbol 1 of 'fuv' is 'f', which is none of the 27 of the vocabulary, 'ABC" in capsys.readouterr().err
    assert not (tmp_path / "x.html").exists()


def test_summary_prints_the_nodes_by_name(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["summary", str(run)]) == 0
    printed = capsys.readouterr().out
    for name in (
        "FeedforwardEnergy (a)",
        "Softmax (softmax)",
        "WeightedSum (wsum)",
        "GRUStep (rnn)",
        "FeedforwardOutput (out)",
    ):
        assert name in printed
    total = sum(parameter.numel() for parameter in Seq2Seq.from_pretrained(run).parameters())
    assert f"Total params: {total:,}" in printed


@pytest.mark.parametrize("name", ["luong", "pointer_generator", "seq2seq"])
def test_summary_of_a_diagram_is_that_of_a_new_model(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["summary", name]) == 0
    total = sum(parameter.numel() for parameter in Seq2Seq.from_diagram(name, cipher.config(name)).parameters())
    assert f"Total params: {total:,}" in capsys.readouterr().out


def test_cipher_trains_another_diagram_with_another_encoder_and_cell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edited = tmp_path / "edited.mmd"
    edited.write_text(EDITED)
    run = tmp_path / "run"
    options = ["--cell", "LSTM", "--encoder", "pyramid", "--num-layers", "2"]
    assert cli.main(["cipher", *SMALL, *options, "--diagram", str(edited), "--out", str(run)]) == 0
    model = Seq2Seq.from_pretrained(run)
    assert model.specification() == mermaid.parse(EDITED)
    assert (model.encoder.label, model.encoder.num_layers) == ("pyramid", 2)
    assert type(model.decoder.step.rnn).__name__ == "LSTMStep"
    edited.unlink()
    capsys.readouterr()
    assert cli.main(["check", str(run)]) == 0
    assert capsys.readouterr().out == f"{run} is its diagram\n"
    for name in ("luong", "no_attention", "multihead"):
        assert cli.main(["cipher", *SMALL, "--diagram", name, "--out", str(run)]) == 0
        assert Seq2Seq.from_pretrained(run).specification() == mermaid.load(name)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cipher", "--message", "secret"], "symbol 1 of 'secret' is 's', which is none of the 27 of the"),
        (["cipher", "--message", ""], "the text '' is empty; give at least one symbol"),
        (
            ["cipher", "--held-out", "50", "--max-length", "1"],
            "50 messages cannot be held out of length 1 to 1; 1 to 9 can",
        ),
        (["cipher", "--device", "abacus"], "device 'abacus' cannot be used"),
        (["cipher", "--device", "meta"], "device 'meta' cannot be used"),
        (["cipher", "--out", "/proc/run"], "/proc/run"),
        (["cipher", "--out", "/proc"], "/proc"),
        (["draw", "bahdanau", "-o", "x.bmp"], "x.bmp ends in '.bmp'; a picture ends in .mmd, .dot, .svg, .png, .pdf"),
        (
            ["draw", "bahdanu", "-o", "x.svg"],
            "there is no folder 'bahdanu', and no diagram is called 'bahdanu'; there are appendix, bahdanau,",
        ),
        (["draw", "none.mmd", "-o", "x.svg"], "No such file or directory: 'none.mmd'"),
        (["draw", "-o", "x.svg"], "give one diagram, as PATH or as --diagram, or --diff"),
        (["draw", "luong", "--diagram", "bahdanau", "-o", "x.svg"], "give one diagram, as PATH or as --diagram"),
        (["draw", "--diff", "luong", "no", "-o", "x.svg"], "no diagram is called 'no'; there are appendix, bahdanau"),
        (
            ["draw", "--diff", "luong", "bahdanau", "--schedule", "-o", "x.svg"],
            "--diff draws two diagrams, step or --whole; leave out everything else",
        ),
        (["draw", "luong", "--diff", "luong", "bahdanau", "-o", "x.svg"], "--diff draws two diagrams, step or --whole"),
        (["draw", "--diff", "luong", "bahdanau", "--expand", "a"], "--diff draws two diagrams, step or --whole"),
        (["draw", "--diff", "luong", "bahdanau", "--unroll", "2"], "--diff draws two diagrams, step or --whole"),
        (["draw", "--diff", "luong", "bahdanau", "--example", "A"], "--diff draws two diagrams, step or --whole"),
        (["draw", "--diff", "luong", "bahdanau", "--hidden"], "--diff draws two diagrams, step or --whole"),
        (
            ["draw", "luong", "--expand", "b"],
            "no operation 'b' to expand; there are rnn, a, softmax, wsum, attend, out",
        ),
        (["draw", "luong", "--unroll", "2", "--expand", "a"], "expand and unroll do not go into one picture"),
        (["draw", "luong", "--unroll", "2", "--hidden"], "unroll and hidden do not go into one picture"),
        (["draw", "luong", "--unroll", "51"], "unrolled over 51 steps; give a number from 1 to 50"),
        (["draw", "luong", "--example", "ABC", "--whole"], "example and whole do not go into one picture"),
        (["draw", "luong", "--at", "2"], "at is 2, a step of a run; give an example to run"),
        (["draw", "luong", "--at", "2", "--hidden"], "at is 2, a step of a run; give an example to run"),
        (
            ["draw", "luong", "--example", "abc"],
            "symbol 1 of 'abc' is 'a', which is none of the 27 of the vocabulary, 'ABC",
        ),
        (["draw", "luong", "--repository", "javascript:alert(1)"], "repository is 'javascript:alert(1)'; give an addr"),
        (["draw", "luong", "--font", "a<b"], "font is 'a<b'; give a font's name"),
        (["draw", "luong", "--dpi", "9999"], "dpi is 9999; give a number from 1 to 1200"),
        (["check"], "give one diagram, as PATH or as --diagram"),
        (["check", "nowhere"], "there is no folder 'nowhere', and no diagram is called 'nowhere'; there are appendix"),
        (["summary", "nowhere"], "there is no folder 'nowhere'"),
        (["check", "."], ". holds no model: config.json is not there; a folder that save_pretrained wrote has it"),
        (["summary", "."], ". holds no model: config.json is not there"),
        (["explore", ".", "ABC", "-o", "x.html"], ". holds no model: config.json is not there"),
        (["draw", ".", "-o", "x.svg"], ". holds no model: config.json is not there"),
        (["check", "first_rnn"], "first_rnn.mmd:17: nothing makes 'y_{i} output', by which symbols are chosen"),
        (["cipher", "--diagram", "first_rnn"], "first_rnn.mmd:17: nothing makes 'y_{i} output'"),
        (["cipher", "--diagram", "luon"], "no diagram is called 'luon'; there are appendix, bahdanau"),
        (["cipher", "--diagram", "none.mmd"], "No such file or directory: 'none.mmd'"),
        (
            ["cipher", "--diagram", "multihead", "--hidden-size", "7"],
            "multihead.mmd:17: operation wsum[weighted_sum, 4 heads]: memory_size is 14 and num_heads 4",
        ),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line_with_status_2(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(arguments) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(f"seq2seq-attn {arguments[0]}: ") and message in error
    assert not list(tmp_path.iterdir())  # nothing was begun


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["cipher", "--steps", "0"],
        ["cipher", "--learning-rate", "-1"],
        ["cipher", "--cell", "SRU"],
        ["draw", "bahdanau", "--theme", "pink"],
        ["draw", "bahdanau", "--rankdir", "UP"],
        ["draw", "bahdanau", "--unroll", "0"],
    ],
)
def test_a_wrong_option_ends_with_the_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(arguments)
    assert "usage: seq2seq-attn" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "text", "message"),
    [
        ("--steps", "0", "'0' is not a whole number of at least 1"),
        ("--hidden-size", "-3", "'-3' is not a whole number of at least 1"),
        ("--seed", "99999999999999999999", "'99999999999999999999' is not a whole number from 0 to 2^63 - 1"),
        ("--learning-rate", "nan", "'nan' is not a number above 0"),
        ("--learning-rate", "fast", "'fast' is not a number above 0"),
    ],
)
def test_a_number_that_is_none_is_refused_with_what_it_should_be(
    option: str, text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(["cipher", f"{option}={text}"])
    assert f"argument {option}: {message}" in capsys.readouterr().err


def test_cipher_says_which_extra_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "seq2seq_attn.demo", raising=False)
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert cli.main(["cipher"]) == 2
    assert "tqdm is missing, of the extra 'demo': pip install tqdm" in capsys.readouterr().err


def test_without_a_renderer_draw_writes_the_texts_and_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    assert cli.main(["draw", "bahdanau", "-o", str(tmp_path / "x.svg")]) == 2
    assert "no renderer for svg here: pip install graphviz-pure; wrote" in capsys.readouterr().err
    assert mermaid.load(tmp_path / "x.mmd") == mermaid.load("bahdanau") and (tmp_path / "x.dot").exists()
    assert cli.main(["cipher", *SMALL, "--out", str(tmp_path / "run")]) == 0  # a run goes on without its picture
    printed = capsys.readouterr()
    assert "no renderer for svg here" in printed.err and "diagram.dot" in printed.out


def test_cipher_refuses_a_picture_at_the_line_where_its_file_has_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own.mmd"
    own.write_text("%% mine\n\n" + mermaid.shipped()["bahdanau"].replace("a[feedforward]", "a[generall]"))
    assert cli.main(["cipher", "--diagram", str(own), "--out", str(tmp_path / "run")]) == 2
    assert f"{own}:13: operation a[generall]: no operation is called 'generall'; did you mean 'general'?" in (
        capsys.readouterr().err
    )


def test_a_drawing_never_takes_the_place_of_its_diagram(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "own.mmd"
    own.write_text("%% mine\n" + mermaid.shipped()["bahdanau"])
    for arguments in (["./own.mmd"], [str(own)], ["--diff", "bahdanau", "./own.mmd"]):
        assert cli.main(["draw", *arguments, "-o", "own.mmd"]) == 2
    assert own.read_text().startswith("%% mine")


def test_a_file_that_is_no_text_is_refused_by_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "own.mmd").write_bytes(b"graph TD\n\xff")
    assert cli.main(["draw", str(tmp_path / "own.mmd"), "-o", str(tmp_path / "x.svg")]) == 2
    assert f"{tmp_path / 'own.mmd'} is no UTF-8 text" in capsys.readouterr().err
