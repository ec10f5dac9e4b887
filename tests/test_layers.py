"""Imports point one way: a module may import only what stands below it here (ARCHITECTURE.md shows the same order)."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import seq2seq_attn

PACKAGE = Path(seq2seq_attn.__file__).parent
# Each of them is one name here.
FOLDERS = (
    "nodes",
    "encoders",
    "wirings",
    "drawing",
    "tensors",
    "plots",
    "explorer",
    "data",
    "presets",
    "scores",
    "training",
    "fused",
    "report",
    "commands",
)
LAYERS = [
    {"graph", "config", "mask", "code", "manifest"},
    {"mermaid", "signature", "schedule", "whole", "nodes", "runs"},
    {"compare", "kinds", "wiring", "encoders", "bridge", "initial", "checkpoint", "data"},
    {"drawing", "sizes", "wirings", "wired", "trace", "tensors", "rehearsal", "bands", "cipher", "hub"},
    {"picture", "loop", "fused", "gradient", "scores", "presets"},
    {"build", "hypotheses", "examine"},
    {"decoder"},
    {"ensemble"},
    {"search"},
    {"explorer"},
    {"view"},
    {"seq2seq"},
    {"translate", "plots"},
    {"training"},
    {"demo", "report"},
    {"commands"},
    {"cli"},
]
DRAWING = [
    {"scene", "style", "render"},
    {"label", "legend", "levels", "svg", "tex"},
    {"dot", "flowchart"},
    {"tikz", "tree"},
    {"drawing"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
WITHOUT_TORCH = [
    *("graph", "code", "config", "mermaid", "signature", "kinds", "schedule", "whole", "compare", "cli"),
    *("manifest", "runs"),
    *(
        "commands.arguments",
        "commands.models",
        "commands.cipher",
        "commands.draw",
        "commands.evaluate",
        "commands.explore",
        "commands.check",
        "commands.search",
        "commands.translate",
    ),
    "commands.summary",
    *("data.corpus", "presets", "scores"),
    *(f"training.{name}" for name in ("checkpoints", "recipe", "rates")),
    *(f"drawing.{name}" for names in DRAWING for name in sorted(names)),
]


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """Everything in a file but what only a type checker reads."""
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield child
            yield from statements(child)


def imported(path: Path, package: str = "seq2seq_attn") -> set[str]:
    """The modules of this package that a file imports, by their first name in ``package``; none of others'."""
    names: set[str] = set()
    for node in statements(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == package:
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{package}."):
            names.add(str(node.module).removeprefix(f"{package}.").split(".")[0])
        elif isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names if alias.name.startswith(f"{package}.")]
            names |= {module.removeprefix(f"{package}.").split(".")[0] for module in modules}
    return names


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*.py")), ids=lambda path: path.stem)
def test_a_module_imports_only_what_stands_below_it(path: Path) -> None:
    if path.stem != "__init__":
        assert {name for name in imported(path) if LEVEL[name] >= LEVEL[path.stem]} == set()


@pytest.mark.parametrize(
    "path", [path for name in FOLDERS for path in sorted((PACKAGE / name).glob("*.py"))], ids=lambda path: path.stem
)
def test_what_stands_in_a_folder_imports_only_its_own_and_what_stands_below_it(path: Path) -> None:
    own = path.parent.name
    assert {name for name in imported(path) if name != own and LEVEL[name] >= LEVEL[own]} == set()


@pytest.mark.parametrize("path", sorted((PACKAGE / "drawing").rglob("*.py")), ids=lambda path: path.stem)
def test_what_draws_imports_only_what_stands_below_it(path: Path) -> None:
    level = {name: number for number, names in enumerate(DRAWING) for name in names}
    own = path.relative_to(PACKAGE / "drawing").parts[0].removesuffix(".py")
    if own != "__init__":
        found = imported(path, "seq2seq_attn.drawing") - {own}
        assert {name for name in found if level[name] >= level[own]} == set()


@pytest.mark.parametrize(
    ("folder", "allowed"), [("encoders", {"encoders", "nodes"}), ("wirings", {"wirings", "nodes", "wiring"})]
)
def test_a_folder_knows_no_more_than_it_needs(folder: str, allowed: set[str]) -> None:
    assert {name for path in (PACKAGE / folder).glob("*.py") for name in imported(path)} <= allowed


def test_to_read_draw_and_compare_diagrams_loads_no_torch() -> None:
    imports = "; ".join(f"import seq2seq_attn.{name}" for name in WITHOUT_TORCH)
    code = f"import sys; {imports}; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


@pytest.mark.parametrize("path", sorted((PACKAGE / "nodes").glob("*.py")), ids=lambda path: path.stem)
def test_a_node_imports_torch_only(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names = [str(node.module)]
        for name in names:
            root = name.split(".")[0]
            assert root == "torch" or root in sys.stdlib_module_names or name.startswith("seq2seq_attn.nodes"), name


def test_every_module_has_its_layer() -> None:
    assert {path.stem for path in PACKAGE.glob("*.py")} | {*FOLDERS} == LEVEL.keys() | {"__init__"}
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir() and any(path.glob("*.py"))}
    assert folders == {*FOLDERS} and sum(map(len, LAYERS)) == len(LEVEL)


def test_every_public_name_is_where_it_is_said_to_be() -> None:
    for name in seq2seq_attn.__all__:
        assert getattr(seq2seq_attn, name).__module__ == f"seq2seq_attn.{seq2seq_attn._HOME[name]}"
    typed = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    aliases = {alias.name for node in ast.walk(typed) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert aliases >= set(seq2seq_attn.__all__)
    with pytest.raises(AttributeError, match="module 'seq2seq_attn' has no attribute 'Transformer'"):
        seq2seq_attn.Transformer  # noqa: B018
