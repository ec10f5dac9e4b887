"""The same trained model drawn by torchviz, torchview, torchlens and us: cost, and what of the specification is found.

    python benchmarks/drawing.py                        # about 15 minutes; writes benchmarks/drawing/
    python benchmarks/drawing.py torchlens ours         # some of them, the other rows left as they are
    python benchmarks/drawing.py --model cipher-run     # your own model, a bahdanau; by default one is trained first

The other tools are the extra ``peers``. How each of them is called, and the rule by which things are found, is
benchmarks/drawn.py; every picture is drawn by a process of its own, the tools by turns, with one ``dot`` for all.
"""

from __future__ import annotations

import argparse
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

from seq2seq_attn import Seq2Seq, train
from seq2seq_attn.cipher import config, training_batches

FOLDER = Path(__file__).parent / "drawing"
LENGTHS = (10, 50, 200)
SLOW = 20.0  # seconds from which on a picture is not drawn again
PACKAGES = ("torch", "torchviz", "torchview", "torchlens", "graphviz-pure")
WIDTH, HEIGHT = 10, 13  # inches that a picture may have, at 96 dots an inch


class Row(NamedTuple):
    """A tool, and how it is called; ``lengths`` of the source, in symbols, where the picture depends on it."""

    name: str
    call: str
    lengths: Sequence[int] = LENGTHS[:1]


ROWS = {
    "torchviz": Row("torchviz", "`make_dot(model(…).output, params=…)`", LENGTHS),
    "torchview": Row("torchview", "`draw_graph(model, …, roll=True, expand_nested=True, depth=3)`", LENGTHS),
    "torchlens": Row("torchlens", '`trace(model, …).draw(vis_mode="rolled", vis_call_depth=3)`', LENGTHS),
    "torchlens-auto": Row("torchlens, collapsed", '`trace(model, …).draw(collapse="auto")`', LENGTHS),
    "torchlens-greedy": Row(
        "torchlens, greedy", '`trace(model.greedy, …).draw(vis_mode="rolled", vis_call_depth=4)`', LENGTHS
    ),
    "ours-whole": Row("ours, whole", "`model.draw(whole=True)`"),
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
        for length, tool in ((length, tool) for length in LENGTHS for tool in tools if length in ROWS[tool].lengths):
            key = f"{tool} {length}"
            if key in rows and (not seconds[key] or seconds[key][0] > SLOW):
                continue
            print(f"{key} symbols", file=sys.stderr, flush=True)
            command = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("drawn.py"))]
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


def show(dot: Path, folder: Path) -> None:
    """A PNG of a picture, made smaller where it is large, and then also a piece of it as it is, around a softmax."""
    graph = pygraphviz.AGraph(string=dot.read_text(encoding="utf-8"))
    name = dot.stem.rsplit("-", 1)[0]
    svg = ElementTree.parse(dot.with_suffix(".svg")).getroot() if dot.with_suffix(".svg").exists() else None
    points = [float(svg.get(side, "").removesuffix("pt")) for side in ("width", "height")] if svg is not None else []
    graph.graph_attr.update(size=f"{WIDTH},{HEIGHT}", dpi="96")
    png(graph, folder / f"{name}.png")
    middle = next((node for node in graph.nodes() if "softmax" in node.attr["label"].lower()), None)
    if middle and points and (points[0] > 2 * 72 * WIDTH or points[1] > 2 * 72 * HEIGHT):
        graph.graph_attr.update(size="1000,1000", viewport=f"{72 * WIDTH},450,1,'{middle}'")
        png(graph, folder / f"{name}-piece.png")


def png(graph: Any, path: Path) -> None:
    command = ["dot", "-Tpng", "-o", str(path)]
    subprocess.run(command, input=graph.to_string().encode(), stderr=subprocess.DEVNULL, check=True)
