"""What the documents say is so: pictures, code, commands, links."""

from __future__ import annotations

import hashlib
import inspect
import re
import shlex
from pathlib import Path

import pytest
from test_drawing import groups

from seq2seq_attn import cli, mermaid
from seq2seq_attn.kinds import known
from seq2seq_attn.wirings import Bahdanau

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "diagrams/README.md",
    "docs/attends_with.md",
    "docs/training.md",
    "docs/real_data/README.md",
]
SIZES = [f"--{name}-size=3" for name in ("embedding", "hidden", "attention", "readout")]
QUICK = {
    "cipher": ["--steps", "2", "--held-out", "20", "--max-length", "4"],
    "train": [*SIZES, "--updates", "2"],
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def write_pairs() -> None:
    words = ["feed", "fed", "deaf", "cab"]
    pairs = "".join(f"{word}\t{' '.join(word)}\n" for word in words)
    for name in ("train", "dev", "test"):
        Path(f"{name}.tsv").write_text(pairs, encoding="utf-8")
    Path("words.txt").write_text("".join(f"{word}\n" for word in words), encoding="utf-8")


@pytest.mark.parametrize("name", mermaid.shipped())
def test_the_committed_picture_of_a_diagram_shows_its_nodes_and_arrows(name: str) -> None:
    graph, svg = mermaid.load(name), ROOT / "diagrams" / f"{name}.svg"
    frames = [f"{title.removeprefix('cluster_')}-words" for title, _ in groups(svg, "cluster")]
    assert frames == (["step-words"] if name == "seq2seq" else [])
    titles = [title for title, _ in groups(svg, "node")]
    assert sorted(titles) == sorted([*graph.values, *graph.operations, *frames])
    arrows = [*graph.arrows, *((before.id, now.id) for now, before in graph.recurrences)]
    arrows += [(first.id, before.id) for first, before in graph.beginnings]
    arrows += [("w_ii", "y_i")] if name == "seq2seq" else []  # the symbol chosen begins the next step
    assert sorted(title for title, _ in groups(svg, "edge")) == sorted(map("->".join, arrows))


def test_the_first_picture_is_the_seeds_diagram() -> None:
    assert re.search(r"!\[.*?\]\((.*?)\)", README).group(1) == "diagrams/bahdanau.svg"  # type: ignore[union-attr]


def test_the_lines_under_the_picture_are_the_lines_that_run() -> None:
    source = inspect.getsource(Bahdanau.forward)
    body = [line.strip() for line in source.split('"""')[-1].strip().splitlines()]
    assert blocks("python")[0].strip().splitlines() == body


def test_the_python_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_pairs()
    names: dict[str, object] = {}
    assert README.count("updates=3000, evaluate_every=500") == 1
    for code in blocks("python")[1:]:
        quick = code.replace("updates=3000, evaluate_every=500", "updates=2")
        exec(compile(quick, "README.md", "exec"), names)
    for name in ("step.svg", "bands.svg", "trained/report/report.md"):
        assert (tmp_path / name).exists()


def test_every_command_of_the_readme_does_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = [
        shlex.split(part, comments=True)[1:]
        for block in blocks("sh")
        for line in block.splitlines()
        for part in line.split(" && ")
        if part.startswith(".venv/bin/seq2seq-attn ")
    ]
    assert len(commands) == README.count(".venv/bin/seq2seq-attn ") and commands[0] == ["cipher"]
    assert {command[0] for command in commands} == {*cli._COMMANDS}
    monkeypatch.chdir(tmp_path)
    write_pairs()
    Path("edited.mmd").write_text(mermaid.shipped()["bahdanau"].replace("y_ii --> out\n", ""), encoding="utf-8")
    for command in commands:  # the first one makes cipher-run/, which the others look at
        differs = command[0] == "check" and "edited.mmd" in command
        assert cli.main([*command, *QUICK.get(command[0], [])]) == int(differs), command
        printed = capsys.readouterr().out
        assert ("arrow y_ii → out is only in the model" in printed) == differs
        if "-o" in command:
            assert Path(command[command.index("-o") + 1]).stat().st_size > 0
        if command[0] == "cipher":
            out = Path(command[command.index("--out") + 1] if "--out" in command else "cipher-run")
            for name in ("config.json", "diagram.mmd", "diagram.svg", "learning.png", "attention.png"):
                assert (out / name).stat().st_size > 0
            diagram = command[command.index("--diagram") + 1] if "--diagram" in command else "bahdanau"
            assert mermaid.load(out / "diagram.mmd") == mermaid.load(diagram)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_to_a_file_leads_somewhere(document: str) -> None:
    path = ROOT / document
    text = re.sub(r"`[^`]*`", "", path.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)#]+)", text):
        assert target.startswith("https://") or (path.parent / target).exists(), target


def test_every_diagram_has_its_paragraph() -> None:
    notation = (ROOT / "diagrams" / "README.md").read_text(encoding="utf-8")
    assert [name for name in mermaid.shipped() if f"### {name}\n" not in notation] == []


def test_every_operation_that_a_picture_may_use_is_in_the_notation() -> None:
    notation = (ROOT / "diagrams" / "README.md").read_text(encoding="utf-8")
    assert [kind.label for kind in known() if f"`{kind.label}`" not in notation] == []
    words = {name.removeprefix("num_") for kind in known() for name in kind.options} - {"heads"}
    assert [word for word in words if f"`{word}`" not in notation] == []


def test_bahdanau_is_the_seed_byte_for_byte() -> None:
    digest = hashlib.sha256((ROOT / "diagrams" / "bahdanau.mmd").read_bytes()).hexdigest()
    assert digest == "2a8b5e2e550023a05eed5f53f746c3bc6a8dfbdd4b456737e49a9768c8d1706b"
