"""The same trained model drawn by torchviz, torchview, torchlens and us: cost, and what of the specification is found.

    python benchmarks/drawing.py                        # about 15 minutes; writes benchmarks/drawing/
    python benchmarks/drawing.py torchlens ours         # some of them, the other rows left as they are
    python benchmarks/drawing.py --model cipher-run     # your own model, a bahdanau; by default one is trained first

The other tools are the extra ``peers``. How each of them is called, and the rule by which things are found, is
benchmarks/drawn.py; every picture is drawn by a process of its own, the tools by turns, with one ``dot`` for all.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from xml.etree import ElementTree

import pygraphviz
import torch

from seq2seq_attn import Seq2Seq, mermaid, train
from seq2seq_attn.cipher import config, training_batches

FOLDER = Path(__file__).parent / "drawing"
DRAWN = Path(__file__).with_name("drawn.py")
LENGTHS = (10, 50, 200)
SLOW = 20.0  # seconds from which on a picture is not drawn again
PACKAGES = ("torch", "torchviz", "torchview", "torchlens", "graphviz-pure")
WIDTH, HEIGHT = 10, 13  # inches that a picture may have, at 96 dots an inch
FOUND = ("operations", "arrows", "recurrences", "values")


class Row(NamedTuple):
    """A tool, how it is called, and the lengths of the source in symbols; none where the picture is that of any."""

    name: str
    call: str
    lengths: Sequence[int] = ()

    @property
    def drawn(self) -> Sequence[int]:
        """The lengths that it is drawn for."""
        return self.lengths or LENGTHS[:1]


ROWS = {
    "torchviz": Row("torchviz", "`make_dot(model(…).output, params=…)`", LENGTHS),
    "torchview": Row("torchview", "`draw_graph(model, …, roll=True, expand_nested=True, depth=3)`", LENGTHS),
    "torchlens": Row("torchlens", '`trace(model, …).draw(vis_mode="rolled", vis_call_depth=3)`', LENGTHS),
    "torchlens-auto": Row("torchlens, collapsed", '`trace(model, …).draw(collapse="auto")`', LENGTHS),
    "torchlens-greedy": Row(
        "torchlens, greedy", '`trace(model.greedy, …).draw(vis_mode="rolled", vis_call_depth=4)`', LENGTHS[:1]
    ),
    "ours-whole": Row("ours, whole", "`model.draw(whole=True)`"),
    "ours-run": Row("ours, a step of a run", "`model.draw(example=…)`", LENGTHS),
    "torchviz-step": Row("torchviz, step", "`make_dot(model.decoder.step(…).output, params=…)`"),
    "torchview-step": Row("torchview, step", "`draw_graph(model.decoder.step, …, roll=True, depth=1)`"),
    "torchlens-step": Row(
        "torchlens, step", '`trace(model.decoder.step, …).draw(vis_mode="rolled", vis_call_depth=1)`'
    ),
    "ours": Row("ours, step", "`model.draw()`"),
}


def trained(folder: Path) -> None:
    """A bahdanau that has learnt the cipher in some seconds."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = Seq2Seq.from_diagram("bahdanau", config("bahdanau"))
    batches = training_batches(13, steps=250, batch_size=64, max_length=16, random=Random(0))
    for progress in train(model, batches, steps=250, learning_rate=5e-3):
        if progress.step % 50 == 0:
            print(f"training: step {progress.step} loss {progress.loss:.4f}", file=sys.stderr)
    model.save_pretrained(folder)


def measure(tools: Sequence[str], model: Path, runs: int, folder: Path) -> dict[str, dict[str, Any]]:
    """Draw with all tools by turns; what drawn.py says of each "tool length", with the median of its seconds."""
    rows: dict[str, dict[str, Any]] = {}
    seconds = defaultdict[str, list[float]](list)
    for _ in range(runs):
        for length, tool in ((length, tool) for length in LENGTHS for tool in tools if length in ROWS[tool].drawn):
            key = f"{tool} {length}"
            if key in rows and (not seconds[key] or seconds[key][0] > SLOW):
                continue
            print(f"{key} symbols", file=sys.stderr, flush=True)
            command = [sys.executable, "-W", "ignore", str(DRAWN)]
            out = folder / f"{tool}-{length}"
            done = subprocess.run([*command, tool, str(model), str(length), str(out)], capture_output=True, text=True)
            if done.returncode:
                sys.exit(f"{key} symbols: {done.stderr}")
            rows[key] = json.loads(done.stdout.splitlines()[-1])
            if rows[key]["seconds"] is not None:
                seconds[key].append(rows[key]["seconds"])
    return {
        key: row | {"seconds": statistics.median(seconds[key]) if seconds[key] else None} for key, row in rows.items()
    }


def show(dot: Path, folder: Path) -> list[str]:
    """PNGs of a picture: all of it, made smaller where it is large, and then also a piece as it is, around a softmax.

    Returns:
        Their names.
    """
    text = dot.read_text(encoding="utf-8")
    name = dot.stem.rsplit("-", 1)[0]
    shown = [png(text, folder / f"{name}.png", size=f"{WIDTH},{HEIGHT}")]
    sizes = []
    if (svg := dot.with_suffix(".svg")).exists():
        root = ElementTree.parse(svg).getroot()
        sizes = [float(root.get(side, "").removesuffix("pt")) / 72 for side in ("width", "height")]
    graph = pygraphviz.AGraph(string=text)
    middle = next((node for node in graph.nodes() if "softmax" in node.attr["label"].lower()), None)
    if middle and (not sizes or sizes[0] > 2 * WIDTH or sizes[1] > 2 * HEIGHT):
        view = f"{72 * WIDTH},450,1,'{middle}'"
        shown.append(png(text, folder / f"{name}-piece.png", size="1000,1000", viewport=view))
    return shown


def png(dot: str, path: Path, **attributes: str) -> str:
    """Draw a DOT text with other attributes of the graph: the last ones of a text count."""
    listed = " ".join(f'{name}="{value}"' for name, value in {**attributes, "dpi": "96"}.items())
    dot = f"{dot.rstrip().removesuffix('}')}graph [{listed}]\n}}"
    subprocess.run(["dot", "-Tpng", "-o", str(path)], input=dot.encode(), stderr=subprocess.DEVNULL, check=True)
    return path.name


def machine() -> str:
    """The processor and how many cores of it there are."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "CPU")
    return f"{os.cpu_count()} cores of {model}"


def table(measured: dict[str, Any]) -> list[str]:
    """One line a tool and length, then how each tool was called."""
    heads = [f"{name} of {measured['specification'][name]}" for name in FOUND]
    lines = [f"| tool | symbols | nodes | edges | seconds | SVG, kB | {' | '.join(heads)} |", "|---" * 10 + "|"]
    for tool, drawn in ROWS.items():
        for length in drawn.drawn:
            if (row := measured["rows"].get(f"{tool} {length}")) is None:
                continue
            symbols = str(length) if drawn.lengths else "any"
            seconds = f"over {row['limit']}" if row["seconds"] is None else f"{row['seconds']:.2f}"
            size = "no picture" if row["seconds"] is None else f"{row['bytes'] / 1000:,.0f}"
            counts = [f"{row[key]:,}" if key in row else "–" for key in ("nodes", "edges")]
            found = [str(len(row[key])) if key in row else "–" for key in FOUND]
            lines.append(f"| {' | '.join([drawn.name, symbols, *counts, seconds, size, *found])} |")
    calls = [
        f"- {name}: {call}"
        for tool, (name, call, _) in ROWS.items()
        if any(tool == k.split()[0] for k in measured["rows"])
    ]
    return [*lines, "", "Called as:", "", *calls]


def write(measured: dict[str, Any]) -> None:
    """The page, from the figures that this script has measured, whenever that was."""
    versions = ", ".join(f"{name} {version}" for name, version in measured["versions"].items())
    rule = str(ast.get_docstring(ast.parse(DRAWN.read_text(encoding="utf-8"))))
    rule = rule[rule.index("What is found") :].replace("``", "`")
    pictures = []
    for tool, (name, _, lengths) in ROWS.items():
        row: dict[str, Any] = measured["rows"].get(f"{tool} {LENGTHS[0]}", {})
        if row.get("pictures"):
            length = f", {LENGTHS[0]} symbols" if lengths else ""
            pictures += ["", f"### {name}{length}", ""]
            pictures += [f"![{name}{length}]({picture})" for picture in row["pictures"]]
    page = PAGE.format(
        machine=measured["machine"],
        versions=versions,
        runs=measured["runs"],
        slow=f"{SLOW:.0f}",
        table="\n".join(table(measured)),
        rule=rule,
        pictures="\n".join(pictures).strip(),
    )
    (FOLDER / "README.md").write_text(page, encoding="utf-8")


PAGE = """\
# One model, drawn by torchviz, torchview, torchlens and us

Written by `python benchmarks/drawing.py`: one bahdanau, trained on the cipher for 250 steps, drawn for sources of
different lengths; teacher-forced in the plain loop, with a target one symbol longer than the source, where nothing else
is said. Seconds are for the run of the model, the drawing and the SVG, without the import of anything: medians of
{runs} runs, the tools by turns, each in a process of its own; what took longer than {slow} seconds was drawn once.
{machine}; {versions}.
The same `dot`, graphviz-pure, for all. Other work ran beside it: take seconds as an order of size.

{table}

## What it says

- torchview and torchlens find all five operations in the whole model, because each of them is a module here, called
  with what it reads. They stand among the checks, packing, masks and stacking that ran too, which the table counts.
- Given the step alone, torchlens draws nearly our picture: the same operations, the same arrows, and the mask, which
  we fold away. It has not read the diagram: a witness that the program is the picture.
- What that picture has not: a step that hands on to the next, and the symbols of the paper. In the whole model it
  finds how the state is handed on and, when it traces greedy decoding, both recurrences.
- torchview names no tensor: which input is which only its shape says, so that of the step alone only the arrows from
  one operation to the next are found, though all are drawn.
- torchviz draws every step of the loop anew, and the layout of that takes long: its nodes grow with the sentence, as
  do those of torchlens, by less. torchview's do not; torchlens stays below 50 when it may collapse what it likes, and
  then no operation of the step is left. Ours do not grow: the step and the whole are drawn from a run of the model
  on a small example of its own, and a step of a run over the very sentence shows the positions that were read most, and
  all others as one.

Where they are better: they need no diagram and draw any model, where we draw those of this package; they show the
tensor operations inside of a module, with shapes and, in torchlens, parameters and memory; torchviz shows what autograd
will do, and so where a gradient is cut.

The settings are those, of the documented ones that we tried, that show all five operations with the fewest nodes:
`depth` 2, 3 and 5, `expand_nested` and `hide_module_functions` of torchview; `rolled` and `unrolled`, `vis_call_depth`
3, 4 and all, `collapse` none, auto and max of torchlens. `torchlens, collapsed` is its own choice of what to show. A
hook on the step keeps the model in its plain loop; without one some operations run once for all steps (see
[ARCHITECTURE.md](../../ARCHITECTURE.md)). torchviz needs gradients and torchview calls `forward`: neither can draw
greedy decoding, which is drawn for 10 symbols only: a model trained for seconds ends long messages too early.

## How it is counted

{rule}

A value that torchlens names as an output of the whole run stands for that of all steps, and counts.

## Pictures

Large ones are made smaller, and shown once more in part, as large as they are.

{pictures}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw one trained model with four tools; write a table and pictures.")
    parser.add_argument("tools", nargs="*", metavar="TOOL", help=f"{', '.join(ROWS)}; all by default")
    parser.add_argument("--model", type=Path, help="folder of a trained bahdanau; by default one is trained")
    parser.add_argument("--runs", type=int, default=3, help="of which the median is taken")
    parser.add_argument("--dry", action="store_true", help="write nothing")
    arguments = parser.parse_args()
    tools = arguments.tools or list(ROWS)
    if unknown := [tool for tool in tools if tool not in ROWS]:
        parser.error(f"no tool {', '.join(unknown)}; there are {', '.join(ROWS)}")
    beside_python = str(Path(sys.executable).parent)
    if (pure := shutil.which("graphviz-pure", path=beside_python)) is None:
        parser.error("graphviz-pure is not installed here; pip install -e '.[demo,peers]'")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "dot").symlink_to(pure)
        os.environ["PATH"] = os.pathsep.join([name, os.environ.get("PATH", "")])
        if (model := arguments.model) is None:
            trained(model := folder / "model")
        rows = measure(tools, model.resolve(), arguments.runs, folder)
        print("\n".join(f"{key:22} {row}" for key, row in rows.items()))
        if arguments.dry:
            return
        FOLDER.mkdir(exist_ok=True)
        for tool in tools:
            if (dot := folder / f"{tool}-{LENGTHS[0]}.dot").exists():
                rows[f"{tool} {LENGTHS[0]}"]["pictures"] = show(dot, FOLDER)
    graph = mermaid.load("bahdanau")
    path = FOLDER / "measured.json"
    before = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else {}
    measured = {
        "machine": machine(),
        "versions": {name: version(name) for name in PACKAGES},
        "runs": arguments.runs,
        "specification": {name: len(getattr(graph, name)) for name in FOUND},
        "rows": before | rows,
    }
    path.write_text(json.dumps(measured, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    write(measured)


if __name__ == "__main__":
    main()
