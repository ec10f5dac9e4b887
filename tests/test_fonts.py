"""Every character is drawn in a font that has it, or refused by its name."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import matplotlib
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, fontManager

from seq2seq_attn.plots import fonts
from seq2seq_attn.plots.fonts import families


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A machine without a font but those that come with matplotlib; returns the list of files that are installed."""
    own = Path(matplotlib.get_data_path())
    installed: list[str] = []
    monkeypatch.setattr(
        fontManager, "ttflist", [entry for entry in fontManager.ttflist if Path(entry.fname).is_relative_to(own)]
    )
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: installed)
    return installed


def write_font(path: Path, characters: str) -> str:
    """A font in which these characters are squares; returns its path."""
    pen = TTGlyphPen(None)
    pen.moveTo((100, 0))
    for corner in ((100, 700), (800, 700), (800, 0)):
        pen.lineTo(corner)
    pen.closePath()
    builder = FontBuilder(1000)
    builder.setupGlyphOrder([".notdef", "square"])
    builder.setupCharacterMap({ord(character): "square" for character in characters})
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "square": pen.glyph()})
    builder.setupHorizontalMetrics({".notdef": (900, 0), "square": (900, 100)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Squares", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)
    return str(path)


def draw(text: str, chosen: list[str]) -> None:
    """Fails where matplotlib warns of a missing glyph, since warnings are errors here."""
    figure = Figure()
    figure.text(0, 0, text, fontfamily=chosen, parse_math=False)
    figure.draw_without_rendering()


def test_the_font_of_the_squares_is_needed_for_these_characters_alone(bare: list[str], tmp_path: Path) -> None:
    squares = write_font(tmp_path / "squares.ttf", "你好")
    bare.append(squares)
    assert families(["ʃ", "ŋ", "Wörter", "слова", "λόγος"]) == families([])
    assert families(["ʃ", "你"]) == [*families([]), squares]
    draw("ʃ你好", families(["ʃ你好"]))
    with pytest.raises(UserWarning, match=r"missing from (current )?font"):
        draw("ʃ你好", families([]))


def test_as_few_fonts_as_will_do_are_taken(bare: list[str], tmp_path: Path) -> None:
    one, two, both, odd = (
        write_font(tmp_path / f"{name}.ttf", characters)
        for name, characters in {"a": "你", "b": "好", "c": "你好", "d": "嗎"}.items()
    )
    bare.extend([one, two, both, odd])
    assert families(["你", "好"])[-1:] == [both] and families(["你好嗎"])[-2:] == [both, odd]
    assert one not in families(["你好嗎"]) and families(["你"])[-1:] == [one]


@pytest.mark.parametrize("better", ["NotoSansCJK-Regular.ttf", "NotoSerif.ttf"])
def test_an_upright_regular_font_is_taken_before_others(better: str, bare: list[str], tmp_path: Path) -> None:
    names = ["ASans-Bold.ttf", "BSans-Italic.ttf", better]
    bare.extend(write_font(tmp_path / name, "你") for name in names)
    assert Path(families(["你"])[-1]).name == better


def test_what_is_no_font_is_passed_over(bare: list[str], tmp_path: Path) -> None:
    (tmp_path / "a.ttf").write_text("no font")
    bare.extend([str(tmp_path / "a.ttf"), str(tmp_path / "gone.ttf"), write_font(tmp_path / "c.ttf", "你")])
    assert families(["你"])[-1] == str(tmp_path / "c.ttf")


def test_a_font_of_bitmaps_is_passed_over_and_refused(
    bare: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outlines = write_font(tmp_path / "outlines.ttf", "你")
    bare.extend(["bitmaps.ttf", outlines])
    open_font = font_manager.get_font

    def opened(file: str) -> Any:
        has_all = SimpleNamespace(scalable=False, get_char_index=lambda code: 1)  # matplotlib cannot set its size
        return has_all if file == "bitmaps.ttf" else open_font(file)

    monkeypatch.setattr(font_manager, "get_font", opened)
    assert families(["你"])[-1] == outlines
    with pytest.raises(ValueError, match=r"font 'bitmaps\.ttf' is no font file with outlines"):
        families(["a"], "bitmaps.ttf")


def test_characters_that_no_font_has_are_named_with_a_way_out(bare: list[str]) -> None:
    text = r"no font here has 你 U\+4F60 CJK UNIFIED IDEOGRAPH-4F60; install one .*fonts-noto-cjk.* its file as font="
    with pytest.raises(ValueError, match=text):
        families(["a", "你", "b你"])
    with pytest.raises(ValueError, match=r"has 一 U\+4E00 [^,]*(, . U\+4E0[1-4] [^,]*){4} and 2 more; install"):
        families(["一丁丂七丄丅丆"])


def test_a_font_file_of_the_user_comes_before_all_others(bare: list[str], tmp_path: Path) -> None:
    own = write_font(tmp_path / "own.ttf", "你a")
    bare.append(write_font(tmp_path / "other.ttf", "你好"))
    for font in (own, Path(own)):
        assert families(["你", "b"], font) == [own, *families([])]
    assert families(["你好"], own) == [own, *families([]), bare[0]]
    assert str(font_manager.findfont(FontProperties(family=[own]))) == own
    assert [entry.name for entry in fontManager.ttflist].count(own) == 1  # however often it is asked for


def test_a_font_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.ttf").write_text("no font")
    with pytest.raises(ValueError, match=r"font '.*a\.ttf' is no font file with outlines; give a \.ttf"):
        families(["a"], tmp_path / "a.ttf")
    with pytest.raises(FileNotFoundError, match=r"gone\.ttf"):
        families(["a"], tmp_path / "gone.ttf")


def test_the_font_that_matplotlib_is_set_to_stays_the_first(bare: list[str]) -> None:
    with matplotlib.rc_context({"font.family": ["DejaVu Serif"]}):
        assert families(["a"])[0] == "DejaVu Serif"


def test_boxes_and_signs_under_numbers_of_their_own_are_no_letters(bare: list[str]) -> None:
    last = [entry for entry in fontManager.ttflist if entry.name.startswith("Last Resort")]
    stix = [entry for entry in fontManager.ttflist if entry.name.startswith("STIXNonUnicode")]
    assert stix
    assert not {entry.fname for entry in last + stix} & {*fonts._installed()}


@pytest.mark.parametrize("text", ["你好", "日本語", "한국어", "العربية", "हिन्दी", "👍🏽", "👩‍🚀", "𝔘", "𒀀"])
def test_on_this_machine_a_text_is_drawn_or_refused(text: str) -> None:
    try:
        chosen = families([text])
    except ValueError as error:
        assert "no font here has" in str(error)
    else:
        draw(text, chosen)
