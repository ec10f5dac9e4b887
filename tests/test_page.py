"""The page as a reader finds it, in a real browser: what it shows, what it answers to, and what it keeps out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import models
import pytest
import torch
from attempts import TEXTS, named
from browsers import chromium, needs_browser
from models import LETTERS

from seq2seq_attn import Seq2Seq, Vocabularies, Vocabulary
from seq2seq_attn.data.segmentation import Spaces

pytestmark = needs_browser

ATTACKS = [text for text in TEXTS.values() if text]
SOURCE = "cafebad"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


Open = Callable[..., Any]


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Open the page of a model; in the end, it must have complained of nothing and asked for nothing but itself."""
    found: list[str] = []
    contexts = []

    def open_page(
        model: Seq2Seq, source: str | Sequence[int] = SOURCE, *, size: tuple[int, int] = (1280, 900), **options: Any
    ) -> Any:
        looks = {name: options.pop(name) for name in ("color_scheme", "reduced_motion") if name in options}
        options = {"vocabularies": LETTERS, "beam": 3, "max_length": 9} | options
        path = model.explore(source, tmp_path / f"{len(contexts)}.html", **options)
        contexts.append(browser.new_context(viewport={"width": size[0], "height": size[1]}, **looks))
        page = contexts[-1].new_page()
        page.on("console", lambda message: found.append(message.text))
        page.on("pageerror", lambda error: found.append(str(error)))
        page.on("dialog", lambda dialog: found.append(dialog.message))
        page.on("request", lambda request: found.append(request.url) if request.url != path.as_uri() else None)
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert found == []


@pytest.fixture(scope="module")
def model() -> Seq2Seq:
    torch.manual_seed(0)
    return models.model("gru")


def steps(model: Seq2Seq, source: str = SOURCE) -> tuple[Any, Any]:
    """What a plain run gives: the greedy decode, and the values of all its steps."""
    symbols, real = LETTERS.encode([source])
    with torch.no_grad():
        decoded = model.greedy(symbols, real, max_length=9)
        return decoded, model.decoder.steps(model.read(symbols, real), model.before(decoded.symbols))


def names(symbols: Sequence[int]) -> list[str]:
    return [LETTERS.target.target_symbols[symbol] for symbol in symbols]


def number(text: str) -> float:
    return float(text.replace("−", "-"))


def near(true: Any) -> Any:
    """As the page has it, with 3 significant digits."""
    return pytest.approx(float(true), rel=5.1e-3, abs=1e-12)


def node(page: Any, id: str) -> Any:
    return page.locator(f'#diagram .node[data-id="{id}"]')


def fact(page: Any, term: str) -> str:
    """What the panel of details says behind a term."""
    return str(page.locator(f'#details dt:text-is("{term}") + dd').inner_text())


def lit(page: Any) -> set[str]:
    """The arrows that are lit in the diagram."""
    return set(page.eval_on_selector_all("#diagram .edge.lit", "all => all.map(edge => edge.dataset.id)"))


def test_the_page_shows_source_output_and_the_first_step(opened: Open, model: Seq2Seq) -> None:
    page, (decoded, values) = opened(model), steps(model)
    written = names(decoded.symbols[0].tolist())
    assert len(written) > 2
    assert page.locator("#source .symbol").all_inner_texts() == list(SOURCE)
    assert page.locator("#target .symbol").all_inner_texts() == written
    assert f"Step 1 of {len(written)}: after ‹bos› it writes {written[0]}, p = " in page.locator("#now").inner_text()
    shades = page.eval_on_selector_all(
        "#source .symbol", "all => all.map(one => +one.style.getPropertyValue('--weight'))"
    )
    assert shades == [near(weight) for weight in values.attn_weights[0, 0]]


def test_an_unknown_symbol_is_shown_as_it_was_given_and_said(opened: Open, model: Seq2Seq) -> None:
    source = Vocabulary.of(["jump twice"], Spaces())
    page = opened(model, "jump <b>thrice", vocabularies=Vocabularies(source, LETTERS.target))
    assert page.locator("#source .symbol").all_inner_texts() == ["jump", "<b>thrice"]
    assert page.locator("#subtitle").inner_text().endswith("; unknown: <b>thrice")
    known = opened(model, "jump", vocabularies=Vocabularies(source, LETTERS.target))
    assert ";" not in known.locator("#subtitle").inner_text()


def test_nothing_that_is_not_the_page_s_own_can_run_or_be_fetched(browser: Any, model: Seq2Seq, tmp_path: Path) -> None:
    page = browser.new_page()
    page.goto(model.explore([1, 2], tmp_path / "page.html").as_uri())
    tried = page.evaluate(
        """async () => {
            window.refused = new Set();
            document.addEventListener("securitypolicyviolation", (event) => refused.add(event.effectiveDirective));
            const add = (tag, textContent) =>
                document.body.append(Object.assign(document.createElement(tag), {textContent}));
            add("script", "window.pwned = 1");
            add("style", "body { display: none }");
            document.body.insertAdjacentHTML("beforeend", "<i style='color: red' onclick='window.pwned = 1'>x</i>");
            document.body.lastChild.click();
            const fetched = await fetch("https://example.invalid/").then(() => "fetched", () => "refused");
            return [fetched, window.pwned ?? null, getComputedStyle(document.body).display];
        }"""
    )
    assert tried == ["refused", None, "block"]
    page.wait_for_function("refused.size === 5")
    directives = {"script-src-elem", "script-src-attr", "style-src-elem", "style-src-attr", "connect-src"}
    assert set(page.evaluate("[...refused]")) == directives
    page.close()


@pytest.mark.parametrize("id", ["s_i", "alpha_ij", "c_i", "y_i"])
def test_keys_move_the_step_and_every_number_with_it(id: str, opened: Open, model: Seq2Seq) -> None:
    page, (decoded, values) = opened(model), steps(model)
    word = model.specification().values[id].word
    last = decoded.symbols.shape[1]
    node(page, id).click()

    def is_at(step: int) -> None:
        true = getattr(values, word)[0, step - 1]
        assert page.locator("#step").input_value() == str(step)
        low, high = fact(page, "min, max").split(", ")
        assert [number(low), number(high)] == [near(true.min()), near(true.max())]
        assert number(fact(page, "mean")) == near(true.mean())
        assert number(fact(page, "norm")) == near(true.norm())
        scale = 1.0 if id == "alpha_ij" else getattr(values, word)[0].abs().max()  # shares are measured by 1
        strip = f'.strip[data-of="{id}"] rect:not(.plate)'
        read = "all => all.map(one => (one.classList.contains('less') ? -1 : 1) * one.getAttribute('fill-opacity'))"
        assert page.eval_on_selector_all(strip, read) == [near(x / scale) for x in true]

    is_at(1)
    page.keyboard.press("ArrowRight")
    is_at(2)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    is_at(2)
    page.locator("#step").focus()
    for key, step in (("End", last), ("ArrowRight", last), ("ArrowLeft", last - 1), ("Home", 1), ("ArrowUp", 2)):
        page.keyboard.press(key)
        is_at(step)
    page.locator("#target .symbol").nth(last - 1).click()
    is_at(last)


def test_a_value_tells_its_shape_its_numbers_and_where_it_comes_from_and_goes(opened: Open, model: Seq2Seq) -> None:
    page, (_, values) = opened(model), steps(model)
    node(page, "s_i").click()
    assert page.locator("#details h2").inner_text() == "sᵢ decoder_hidden" and fact(page, "shape") == "7"
    page.locator(".heat").focus()
    for position in (1, 2, 3):
        page.keyboard.press("ArrowRight")
        told = page.locator("#details [role=status]").inner_text()
        assert told.startswith(f"number {position + 1}: ")
        assert number(told.split(": ")[1]) == near(values.decoder_hidden[0, 0, position])
    box = page.locator(".heat").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 6.5 / 7, box["y"] + 5)
    told = page.locator("#details [role=status]").inner_text()
    assert told.startswith("number 7: ") and number(told.split(": ")[1]) == near(values.decoder_hidden[0, 0, 6])
    page.locator("#details dd button", has_text="prev_decoder").click()
    assert page.locator("#details h2").inner_text() == "sᵢ₋₁ prev_decoder"
    page.locator("#details dd button", has_text="decoder_hidden").click()
    page.locator("#details dd button", has_text="RNN").click()
    assert page.locator("#details h2").inner_text() == "RNN rnn"
    node(page, "h_j").click()
    assert fact(page, "shape") == "7 × 14"
    page.locator(".heat").press("ArrowDown")
    symbols, real = LETTERS.encode([SOURCE])
    told = page.locator("#details [role=status]").inner_text()
    assert told.startswith("row 2, number 1: ")
    assert number(told.split(": ")[1]) == near(model.read(symbols, real).encoder_hidden[0, 1, 0].detach())


def test_an_operation_tells_its_equation_code_parameters_and_arrows(opened: Open, model: Seq2Seq) -> None:
    page = opened(model)
    for operation in model.specification().operations.values():
        node(page, operation.id).click()
        module = model.decoder.step.get_submodule(operation.id)
        assert fact(page, "class") == type(module).__name__
        assert "=" in fact(page, "equation") and fact(page, "equation") in (type(module).__doc__ or "")
        assert fact(page, "file").startswith("seq2seq_attn/nodes/")
        words = [model.specification().values[id].word for id in (*operation.inputs, operation.output)]
        buttons = page.locator("#details dd button").all_inner_texts()
        assert [button.split(" ")[1] for button in buttons] == words
        rows = [row.split("\t") for row in page.locator("#details table tbody tr").all_inner_texts()]
        expected = [(n, " × ".join(map(str, p.shape)), f"{p.numel():,}") for n, p in module.named_parameters()]
        assert [tuple(row) for row in rows] == expected
        total = sum(p.numel() for p in module.parameters())
        assert fact(page, "parameters") == (f"{total:,}" if total else "none")


def test_a_cell_of_the_matrix_lights_its_symbols_and_the_arrows_of_alpha(opened: Open, model: Seq2Seq) -> None:
    page, (decoded, values) = opened(model), steps(model)
    written, width = names(decoded.symbols[0].tolist()), len(SOURCE)
    cells = page.locator("#matrix .weight")
    assert cells.count() == len(written) * width
    assert lit(page) == set()

    def is_lit(i: int, j: int) -> None:
        assert lit(page) == {"softmax->alpha_ij", "alpha_ij->wsum"}
        assert page.locator("#source .lit").all_inner_texts() == [SOURCE[j]]
        assert page.locator("#target .lit").all_inner_texts() == [written[i]]
        assert page.locator("#matrix thead .lit").all_inner_texts() == [SOURCE[j]]
        assert page.locator("#matrix tbody th .lit").all_inner_texts() == [written[i]]
        told = page.locator("#looked").inner_text()
        assert told.startswith(f"writing {written[i]} (i = {i + 1}) it looks at {SOURCE[j]} (j = {j + 1}): ")
        assert number(told.split(": ")[1]) == near(values.attn_weights[0, i, j])

    cells.nth(width + 3).hover()
    is_lit(1, 3)
    cells.nth(2 * width + 5).hover()
    is_lit(2, 5)
    page.locator("h1").hover()
    assert lit(page) == set() and page.locator(".lit").count() == 0
    page.locator("#matrix thead button").first.focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    is_lit(1, 1)
    page.keyboard.press("End")
    is_lit(1, width - 1)


def test_resting_on_a_symbol_lights_its_column_or_row_and_the_arrows_of_alpha(opened: Open, model: Seq2Seq) -> None:
    page, (decoded, _) = opened(model), steps(model)
    length, width = len(decoded.symbols[0]), len(SOURCE)
    expected = [("#source", n, {i * width + n for i in range(length)}) for n in (0, 2)]
    expected += [("#target", n, {n * width + j for j in range(width)}) for n in (0, 1)]
    for place, number, cells in expected:
        button = page.locator(f"{place} .symbol").nth(number)
        for rest in (button.hover, button.focus):
            page.locator("#play").focus()
            page.locator("h1").hover()
            assert page.locator(".lit").count() == 0
            rest()
            lit_cells = "all => all.flatMap((cell, n) => cell.classList.contains('lit') ? [n] : [])"
            assert set(page.eval_on_selector_all("#matrix .weight", lit_cells)) == cells
            assert page.locator(f"{place} .lit, #matrix .symbol.lit").all_inner_texts() == [button.inner_text()] * 2
            assert lit(page) == {"softmax->alpha_ij", "alpha_ij->wsum"}


def test_resting_on_alpha_lights_the_row_of_the_step_and_the_slider_marks_it(opened: Open, model: Seq2Seq) -> None:
    page, (decoded, _) = opened(model), steps(model)
    written = names(decoded.symbols[0].tolist())
    for step in range(len(written)):
        node(page, "alpha_ij").hover()
        assert page.locator("#target .lit").all_inner_texts() == [written[step]]
        assert page.locator("#matrix tr.now .weight.lit").count() == len(SOURCE) == page.locator(".weight.lit").count()
        rows = page.eval_on_selector_all("#matrix tbody tr", "all => all.map(row => row.classList.contains('now'))")
        assert rows == [n == step for n in range(len(written))]
        node(page, "c_i").hover()
        assert lit(page) == {"wsum->c_i", "c_i->rnn", "c_i->out"} and page.locator(".weight.lit").count() == 0
        page.keyboard.press("ArrowRight")


@pytest.mark.parametrize("button", ["#source .symbol", "#matrix thead .symbol"])
def test_hiding_a_position_shows_what_the_decoder_would_write_and_where_it_would_look(
    button: str, opened: Open, model: Seq2Seq
) -> None:
    page, (decoded, _) = opened(model), steps(model)
    symbols, real = LETTERS.encode([SOURCE])
    sentence = model.read(symbols, real)
    written = names(decoded.symbols[0].tolist())
    outputs = set()
    for j in range(len(SOURCE)):
        page.locator(button).nth(j).click()
        mask = sentence.mask.clone()
        mask[0, j] = False
        other = model.decoder.greedy(sentence._replace(mask=mask), bos=17, eos=18, max_length=9)
        with torch.no_grad():
            forced = model.decoder(sentence._replace(mask=mask), model.before(decoded.symbols)).output.log_softmax(-1)
        would = names(other.symbols[0].tolist())
        outputs.add(tuple(would))
        assert page.locator("#whatif .tokens .symbol").all_inner_texts() == would
        changed = [i for i, name in enumerate(would) if written[i : i + 1] != [name]]
        assert [
            int(i) for i in page.eval_on_selector_all("#whatif mark", "all => all.map(m => m.dataset.i)")
        ] == changed
        before, after = page.locator("#whatif p", has_text="Log-probability").inner_text().split(": ")[1].split(" → ")
        assert number(before) == near(decoded.scores[0])
        assert number(after) == near(forced.gather(2, decoded.symbols[..., None]).sum())
        shown = page.eval_on_selector_all(
            "#matrix .weight", "all => all.map(one => +one.style.getPropertyValue('--weight'))"
        )
        assert shown == pytest.approx(other.attn_weights.flatten().tolist(), abs=5.1e-4)
        told = page.eval_on_selector_all("#matrix .weight", "all => all.map(one => one.ariaLabel)")
        assert all(" it would look at " in words for words in told)
        assert page.locator('[aria-pressed="true"].symbol').all_inner_texts() == [SOURCE[j]] * 2
    assert len(outputs) > 1
    page.get_by_text("Let it look again").click()
    assert not page.locator("#whatif").is_visible() and page.locator("#matrix tbody tr").count() == len(written)


def test_the_next_symbols_and_the_beam_are_those_of_the_step(opened: Open, model: Seq2Seq) -> None:
    page, (decoded, values) = opened(model), steps(model)
    for step in range(decoded.symbols.shape[1]):
        best = values.output[0, step].softmax(-1).sort(descending=True)
        rows = [row.split("\t") for row in page.locator("#likely tbody tr").all_inner_texts()]
        assert [row[0] for row in rows] == names(best.indices[:5].tolist())
        assert [number(row[1]) for row in rows] == [near(p) for p in best.values[:5]]
        page.keyboard.press("ArrowRight")
    found = model.beam(*LETTERS.encode([SOURCE]), size=3, max_length=9)[0][0]
    first = page.locator("#beam tbody tr").first.inner_text().split("\t")
    assert first[0] == "".join(names(list(found.symbols))) and number(first[1]) == near(found.score)


def test_the_heads_of_an_attention_are_shown_one_by_one_or_in_their_mean(opened: Open) -> None:
    model = models.model("multihead")
    page, (_, values) = opened(model), steps(model)
    for choice, weights in (("", values.attn_weights.mean(dim=2)), ("2", values.attn_weights[:, :, 2])):
        page.locator("#head").select_option(choice)
        shown = page.eval_on_selector_all(
            "#matrix .weight", "all => all.map(one => +one.style.getPropertyValue('--weight'))"
        )
        assert shown == [near(weight) for weight in weights.flatten()]
    assert not opened(models.model("gru")).locator("#heads").is_visible()


def test_a_model_without_attention_says_so(opened: Open) -> None:
    page = opened(models.model("no_attention"))
    assert page.locator("#matrix tr").count() == 0
    assert "This model has no attention" in page.locator("#looked").inner_text()
    page.locator("#source .symbol").first.click()
    assert "nothing changes" in page.locator("#whatif").inner_text()


def test_positions_of_a_pyramid_are_called_by_what_they_have_read(opened: Open) -> None:
    page = opened(models.model("pyramid"))
    assert page.locator("#matrix thead .symbol").all_inner_texts() == ["ca", "fe", "ba", "d"]


def test_of_a_long_matrix_the_rows_around_the_step_are_shown(opened: Open) -> None:
    model = models.model("gru")
    with torch.no_grad():
        model.decoder.step.out.W.bias[18] = -1000  # it never ends
    page = opened(model, "abcde" * 20, max_length=100)
    assert page.locator("#axes").inner_text() == "rows: target 1 to 80 of 100, columns: source"
    page.locator("#step").press("End")
    assert page.locator("#axes").inner_text() == "rows: target 21 to 100 of 100, columns: source"
    assert page.locator("#matrix tbody tr").count() == 80
    assert page.locator("#matrix tr.now th button").get_attribute("data-i") == "99"


def test_play_goes_to_the_end_and_begins_again(opened: Open, model: Seq2Seq) -> None:
    page, last = opened(model), steps(model)[0].symbols.shape[1]
    page.clock.install()
    page.locator("#play").click()
    assert page.locator("#play").inner_text() == "Pause"
    page.clock.run_for(900)
    assert page.locator("#step").input_value() == "2"
    page.clock.run_for(900 * last)
    assert (page.locator("#step").input_value(), page.locator("#play").inner_text()) == (str(last), "Play")
    page.locator("#play").click()
    assert page.locator("#step").input_value() == "1"
    page.clock.run_for(900)
    page.locator("#play").click()
    page.clock.run_for(9000)
    assert page.locator("#step").input_value() == "2"


WIDTHS = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"


@pytest.mark.parametrize("name", ["gru", "pointer_generator", "multihead", "pyramid", "no_attention", "coverage"])
def test_on_a_screen_of_360_pixels_the_page_does_not_scroll_sideways(name: str, opened: Open) -> None:
    page = opened(models.model(name), size=(360, 700))
    page.locator("#source .symbol").nth(1).click()
    ids = page.eval_on_selector_all("#diagram .node", "all => all.map(one => one.dataset.id)")
    for id in ids:
        node(page, id).press("Enter")
        assert page.evaluate(WIDTHS) == [360, 360], id
    left, right = page.evaluate(
        "(({left, right}) => [left, right])(document.querySelector('#diagram').getBoundingClientRect())"
    )
    assert 0 <= left < right <= 360


CONTRASTS = """() => {
  const context = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = (color) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = color;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data];
  };
  const linear = (v) => (v <= 0.04045 * 255 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const behind = (element) => {
    const shape = element instanceof SVGElement && element.parentElement.querySelector("path, ellipse");
    if (shape) return rgba(getComputedStyle(shape).fill);
    for (let at = element; at; at = at.parentElement) {
      const color = rgba(getComputedStyle(at).backgroundColor);
      if (color[3] === 255) return color;
    }
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement, style = getComputedStyle(element);
    const isShown = element.checkVisibility() && !element.matches("script, style, option");
    if (!isShown || !walker.currentNode.data.trim()) continue;
    const [a, b] = [rgba(element instanceof SVGElement ? style.fill : style.color), behind(element)].map(luminance);
    found.push([walker.currentNode.data.trim(), (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)]);
  }
  return found;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_is_readable_in_light_and_in_dark(scheme: str, opened: Open, model: Seq2Seq) -> None:
    page = opened(model, color_scheme=scheme, reduced_motion="reduce")
    texts = set()
    for id in ("alpha_ij", "rnn"):
        node(page, id).click()
        page.locator("#source .symbol").nth(len(texts) and 2).click()
        for text, contrast in page.evaluate(CONTRASTS):
            assert contrast >= 4.5, text
            texts.add(text)
    assert texts >= {"Attention", "rnn", "softmax", "equation", "attn_weights", "Play", "reads", "Let it look again"}


def test_light_and_dark_follow_the_system_until_the_button_is_pressed(opened: Open, model: Seq2Seq) -> None:
    shade = "getComputedStyle(document.body).backgroundColor"
    page, button = opened(model, color_scheme="dark"), "#theme:text-is('{}')"
    page.wait_for_selector(button.format("Light"))
    dark = page.evaluate(shade)
    page.emulate_media(color_scheme="light")
    page.wait_for_selector(button.format("Dark"))
    light = page.evaluate(shade)
    assert light != dark
    for text, then, expected in (("Dark", "Light", dark), ("Light", "Dark", light), ("Dark", "Light", dark)):
        page.locator(button.format(text)).click()
        page.wait_for_selector(button.format(then))
        assert page.evaluate(shade) == expected
    page.emulate_media(color_scheme="dark")
    page.emulate_media(color_scheme="light")
    assert page.evaluate(shade) == dark and page.locator(button.format("Light")).is_visible()


def test_nothing_moves_for_who_wants_no_motion(opened: Open, model: Seq2Seq) -> None:
    moving = "[...document.querySelectorAll('*')].some(one => getComputedStyle(one).transitionDuration !== '0s')"
    assert opened(model, reduced_motion="no-preference").evaluate(moving)
    assert not opened(model, reduced_motion="reduce").evaluate(moving)


def test_everything_can_be_done_with_the_keyboard_and_the_focus_is_seen(opened: Open, model: Seq2Seq) -> None:
    page = opened(model)
    reached, seen = (
        [],
        """() => {
        const at = document.activeElement, style = getComputedStyle(at);
        const shape = at.querySelector(':scope > path, :scope > ellipse');
        return [at.dataset.id || at.id || at.textContent, at.ariaLabel || at.textContent || at.id,
                style.outlineStyle !== 'none' || parseFloat(shape && getComputedStyle(shape).strokeWidth) >= 3];
    }""",
    )
    for _ in range(40):
        page.keyboard.press("Tab")
        what, label, is_seen = page.evaluate(seen)
        assert is_seen and label, what
        reached.append(what)
        if what == "BODY" or what in reached[:-1]:
            break
    graph = model.specification()
    assert reached[:3] == ["theme", "play", "step"]
    assert set(reached) >= {*graph.values, *graph.operations, SOURCE[0]}
    for id, key in (("a", "Enter"), ("c_i", "Space")):
        node(page, id).focus()
        page.keyboard.press(key)
        assert node(page, id).get_attribute("aria-pressed") == "true"
    assert page.locator("#details h2").inner_text() == "cᵢ context"
    page.locator("#source .symbol").first.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "Enter"):
        page.keyboard.press(key)
    assert "position 2" in page.locator("#whatif h2").inner_text()
    page.keyboard.press("Enter")
    assert not page.locator("#whatif").is_visible()
    page.locator("#matrix thead .symbol").nth(2).focus()
    for is_hidden in (True, False):  # the matrix is made anew, and keeps the focus
        page.keyboard.press("Enter")
        assert page.locator("#whatif").is_visible() is is_hidden
    page.locator("#details dd button").first.focus()
    page.keyboard.press("ArrowRight")  # would make the button anew, and lose the focus
    assert page.locator("#step").input_value() == "1"


def test_no_name_becomes_markup_or_script_and_none_spills(opened: Open, model: Seq2Seq) -> None:
    tags = "[...document.querySelectorAll('body > *, main > *, script, img, a, iframe')].map(one => one.tagName)"
    plain = opened(model, list(range(23)), size=(360, 700)).evaluate(tags)
    shown: set[str] = set()
    for first in range(0, len(ATTACKS), 23):
        vocabularies = named(ATTACKS[first : first + 23], 17)
        page = opened(model, list(range(23)), vocabularies=vocabularies, size=(360, 700))
        for symbol in page.locator("#source .symbol").all():
            symbol.evaluate("one => one.click()")
            page.keyboard.press("ArrowRight")
            assert page.evaluate(WIDTHS) == [360, 360]
        assert page.evaluate(tags) == plain
        assert page.evaluate("window.pwned ?? null") is None
        shown.update(page.locator(".symbol").all_text_contents())
        everything = page.locator("body").inner_text()
        assert not set(everything) & set("\0\x01\x1b\x7f\u202e\u2066\u2067\u2068\u2069\u200f\ufeff\u2028\ud800")
    assert len(shown) > len(ATTACKS) / 2 and all(name.strip() and len(name) <= 40 for name in shown)
    assert any("<script>" in name for name in shown)
