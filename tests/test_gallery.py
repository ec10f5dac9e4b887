"""The pictures that are committed: each is what its command draws today."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import torch
from svg import LINK, groups, texts

from seq2seq_attn import Seq2Seq, cli
from seq2seq_attn.cipher import VOCABULARIES, config

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "diagrams" / "README.md").read_text(encoding="utf-8")
COMMANDS = {line.split("/")[-1]: line for line in re.findall(r"^seq2seq-attn draw .* -o diagrams/.*$", PAGE, re.M)}


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder like the checkout, with a model where `seq2seq-attn cipher` puts one, though it has learnt nothing."""
    (tmp_path / "diagrams" / "gallery").mkdir(parents=True)
    torch.manual_seed(0)
    Seq2Seq.from_config(config()).save_pretrained(tmp_path / "cipher-run")
    VOCABULARIES.save(tmp_path / "cipher-run")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shown(svg: Path) -> dict[str, list[object]]:
    """What an SVG shows, by structure; where things lie, and what a run's numbers were, is left out."""
    found: dict[str, list[object]] = {}
    for kind in ("node", "edge", "cluster"):
        found[kind] = sorted(
            (title, [text for text, _ in texts(group) if "%" not in text]) for title, group in groups(svg, kind)
        )
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_a_committed_picture_is_what_its_command_draws(name: str, there: Path) -> None:
    assert cli.main(shlex.split(COMMANDS[name])[1:]) == 0
    assert shown(ROOT / "diagrams" / "gallery" / name) == shown(there / "diagrams" / "gallery" / name)


def test_the_page_shows_every_picture_and_has_its_command() -> None:
    committed = {path.name for path in (ROOT / "diagrams" / "gallery").iterdir()}
    assert committed == COMMANDS.keys() == set(re.findall(r"gallery/(\w+\.svg)[\")]", PAGE))


@pytest.mark.parametrize("svg", sorted((ROOT / "diagrams").rglob("*.svg")), ids=lambda path: path.stem)
def test_the_links_of_a_committed_picture_lead_to_the_class_that_runs(svg: Path) -> None:
    for title, node in groups(svg, "node"):
        for link in node.iter("{http://www.w3.org/2000/svg}a"):
            if href := link.get(f"{LINK}href"):
                file, _, line = href.partition("#L")
                found = (svg.parent / file).resolve()
                assert found.is_relative_to(ROOT), title
                assert found.read_text(encoding="utf-8").splitlines()[int(line) - 1].startswith("class "), href
