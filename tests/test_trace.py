"""From the run back to the picture: what ran is drawn as it ran, and what no picture could show is refused."""

from __future__ import annotations

import inspect
import re
import textwrap
from typing import Any

import pytest
import torch
from table import A, B, E, H, M, R, S, V, mapped, tensors
from test_wired import MASK, PICTURE, SEED, arguments, every_cell, first_rnn, letters, nodes, with_and_without_keys
from torch import Tensor, nn

from seq2seq_attn.mermaid import emit
from seq2seq_attn.nodes import FeedforwardEnergy, FeedforwardOutput, GRUStep
from seq2seq_attn.trace import Recorder, TraceError, trace
from seq2seq_attn.wired import Wired
from seq2seq_attn.wirings import Bahdanau

HERE, THERE = "the picture", "the run"


def lying(line: str, *instead: str) -> type[Bahdanau]:
    """Bahdanau with one line of its ``forward`` changed: a subclass that is called Lie."""
    source = textwrap.dedent(inspect.getsource(Bahdanau.forward))
    assert source.count(f"    {line}\n") == 1
    namespace = {**vars(inspect.getmodule(Bahdanau)), "torch": torch}
    exec(source.replace(f"    {line}\n", "".join(f"    {new}\n" for new in instead)), namespace)
    return type("Lie", (Bahdanau,), {"forward": namespace["forward"]})


def same_sizes() -> dict[str, nn.Module]:
    """Nodes that fit in any order of their arguments: every size is H."""
    return nodes() | {
        "a": FeedforwardEnergy(H, H, A).double(),
        "rnn": GRUStep(2 * H, H).double(),
        "out": FeedforwardOutput(3 * H, R, V).double(),
    }


def same_size_arguments() -> dict[str, Tensor]:
    shapes = {"prev_output": (B, H), "prev_decoder": (B, H), "encoder_hidden": (B, S, H)}
    return {word: torch.randn(shape, dtype=torch.float64) for word, shape in shapes.items()}


@every_cell
@with_and_without_keys
def test_what_ran_is_the_picture_line_for_line(cell: str, with_keys: bool) -> None:
    parts, given = nodes(cell), arguments(cell)
    for step in (Bahdanau(**parts), Wired(PICTURE, parts)):
        keys = step.keys(given["encoder_hidden"]) if with_keys else None
        graph = trace(step, **given, mask=MASK, keys=keys)
        assert graph == PICTURE
        assert emit(graph) == SEED.replace("subgraph \n", 'subgraph " "\n')


def test_what_ran_by_position_is_the_picture_too() -> None:
    assert trace(Bahdanau(**nodes()), *arguments().values(), mask=MASK) == PICTURE


def test_a_diagram_of_torchs_own_modules_is_found_again() -> None:
    step = first_rnn()
    assert trace(step, letters()) == step.specification()


LIES = {
    "arithmetic between nodes": (
        "decoder_hidden = self.rnn(prev_output, prev_decoder, context)",
        ("decoder_hidden = self.rnn(prev_output, prev_decoder, context * 2)",),
        "argument 3 of node rnn was neither given to Lie nor made by a node: something happens between the nodes. "
        "Make it a node, and draw it.",
    ),
    "indexing": (
        "context = self.wsum(attn_weights, encoder_hidden)",
        ("context = self.wsum(attn_weights[:, :2], encoder_hidden[:, :2])",),
        "argument 1 of node wsum was neither given to Lie nor made by a node",
    ),
    "a view": (
        "output = self.out(prev_output, decoder_hidden, context)",
        ("output = self.out(prev_output.view(prev_output.shape), decoder_hidden, context)",),
        "argument 1 of node out was neither given to Lie nor made by a node",
    ),
    "a constant": (
        "output = self.out(prev_output, decoder_hidden, context)",
        ("output = self.out(prev_output, decoder_hidden, torch.zeros_like(context))",),
        "argument 3 of node out was neither given to Lie nor made by a node",
    ),
    "a value changed in place": (
        "decoder_hidden = self.rnn(prev_output, prev_decoder, context)",
        ("context.mul_(2)", "decoder_hidden = self.rnn(prev_output, prev_decoder, context)"),
        "an argument of node rnn was changed in place, (2, 11); no arrow shows that. Make it a node's result.",
    ),
    "an argument changed in place": (
        "attn_energies = self.a(prev_decoder, encoder_hidden, keys=keys)",
        ("encoder_hidden.mul_(2)", "attn_energies = self.a(prev_decoder, encoder_hidden, keys=keys)"),
        "an argument of node a was changed in place, (2, 3, 11)",
    ),
    "a mask changed in place": (
        "attn_weights = self.softmax(attn_energies, mask=mask)",
        ("attn_weights = self.softmax(attn_energies, mask=mask.logical_not_())",),
        "an argument of node softmax was changed in place, (2, 3)",
    ),
    "the output changed in place": (
        "output = self.out(prev_output, decoder_hidden, context)",
        ("output = self.out(prev_output, decoder_hidden, context)", "output.mul_(2)"),
        "a value was changed in place, (2, 19)",
    ),
    "a changed output": (
        "return Step(output, decoder_hidden, context, attn_weights, attn_energies)",
        ("return Step(output * 2, decoder_hidden, context, attn_weights, attn_energies)",),
        "Lie does not return the result of node out, so that it has no name",
    ),
    "an output made without a node": (
        "output = self.out(prev_output, decoder_hidden, context)",
        ("output = torch.tanh(decoder_hidden)",),
        "output of Lie was not made by a node: something happens after it",
    ),
    "an argument as a result": (
        "decoder_hidden = self.rnn(prev_output, prev_decoder, context)",
        ("decoder_hidden = prev_decoder",),
        "decoder_hidden of Lie was not made by a node: something happens after it",
    ),
    "a node called twice": (
        "output = self.out(prev_output, decoder_hidden, context)",
        ("output = self.softmax(attn_weights, mask=mask)",),
        "node softmax ran twice in one step; the picture has one operation of that id",
    ),
    "a node called for nothing": (
        "context = self.wsum(attn_weights, encoder_hidden)",
        ("self.wsum(attn_weights, encoder_hidden)", "context = self.wsum(attn_weights, encoder_hidden)"),
        "Lie does not return the result of node wsum, so that it has no name",
    ),
    "a node called past its hooks": (
        "attn_weights = self.softmax(attn_energies, mask=mask)",
        ("attn_weights = self.softmax.forward(attn_energies, mask=mask)",),
        "argument 1 of node wsum was neither given to Lie nor made by a node",
    ),
    "a value handed by keyword": (
        "context = self.wsum(attn_weights, encoder_hidden)",
        ("context = self.wsum(attn_weights, encoder_hidden=encoder_hidden)",),
        "node wsum is handed encoder_hidden as encoder_hidden=; an arrow is positional",
    ),
    "a mask changed between": (
        "attn_weights = self.softmax(attn_energies, mask=mask)",
        ("attn_weights = self.softmax(attn_energies, mask=mask & mask)",),
        "mask= of node softmax is not what Lie was given: something happens to it",
    ),
    "keys made on the way": (
        "attn_energies = self.a(prev_decoder, encoder_hidden, keys=keys)",
        ("attn_energies = self.a(prev_decoder, encoder_hidden, keys=self.keys(encoder_hidden))",),
        "keys= of node a is not what Lie was given: something happens to it",
    ),
    "a result that is not returned": (
        "return Step(output, decoder_hidden, context, attn_weights, attn_energies)",
        ("return Step(output, decoder_hidden, context, attn_weights, attn_weights)",),
        "Lie does not return the result of node a, so that it has no name",
    ),
}


@pytest.mark.parametrize(("line", "instead", "message"), LIES.values(), ids=LIES)
def test_a_wiring_that_does_more_than_hand_on_is_refused(line: str, instead: tuple[str, ...], message: str) -> None:
    step = lying(line, *instead)(**nodes())
    with pytest.raises(TraceError, match=f"^{re.escape(message)}"):
        trace(step, **arguments(), mask=MASK.clone())


@pytest.mark.parametrize("part", ["hidden", "cell"])
def test_a_change_in_place_is_seen_in_either_part_of_an_lstms_state(part: str) -> None:
    line = "output = self.out(prev_output, decoder_hidden, context)"
    step = lying(line, f"decoder_hidden.{part}.mul_(2)", line)(**nodes("lstm"))
    with pytest.raises(TraceError, match=r"was changed in place, \(2, 7\)"):
        trace(step, **arguments("lstm"), mask=MASK)


def test_a_state_that_is_put_together_anew_is_another_object() -> None:
    line = "output = self.out(prev_output, decoder_hidden, context)"
    step = lying(line, line.replace("decoder_hidden", "type(decoder_hidden)(*decoder_hidden)"))(**nodes("lstm"))
    with pytest.raises(TraceError, match="argument 2 of node out was neither given to Lie nor made by a node"):
        trace(step, **arguments("lstm"), mask=MASK)


def test_a_word_that_is_not_in_the_legend_is_refused() -> None:
    class Renamed(Bahdanau):
        def forward(self, prev_output: Any, prev_decoder: Any, memory: Any, *, mask: Any) -> Any:
            return super().forward(prev_output, prev_decoder, memory, mask=mask)

    class Forgetful(Bahdanau):
        legend = tuple(value for value in PICTURE.values.values() if value.word != "context")

    for lie, word in ((Renamed, "memory"), (Forgetful, "context")):
        step = lie(**nodes())
        legend = ", ".join(value.word for value in step.legend)
        message = f"{lie.__name__} calls a value '{word}', which is not in its legend: {legend}"
        with pytest.raises(TraceError, match=f"^{re.escape(message)}$"):
            trace(step, *arguments().values(), mask=MASK)


class Same(nn.Module):
    label = "softmax"

    def forward(self, attn_energies: Tensor, *, mask: Tensor) -> Tensor:
        return attn_energies


class InPlace(nn.Module):
    label = "softmax"

    def forward(self, attn_energies: Tensor, *, mask: Tensor) -> Tensor:
        return attn_energies.mul_(2) + 1


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (Same(), "node softmax returns attn_energies itself; return a new tensor"),
        (InPlace(), "an argument of node softmax was changed in place, (2, 3)"),
    ],
)
def test_a_node_that_is_not_pure_is_refused(node: nn.Module, message: str) -> None:
    with pytest.raises(TraceError, match=re.escape(message)):
        trace(Bahdanau(**nodes() | {"softmax": node}), **arguments(), mask=MASK)


def test_one_object_given_as_two_arguments_is_refused() -> None:
    given = same_size_arguments()
    given["prev_decoder"] = given["prev_output"]
    message = "Bahdanau was given one object as prev_output and as prev_decoder; no recorder can tell them apart"
    with pytest.raises(TraceError, match=message):
        trace(Bahdanau(**same_sizes()), **given, mask=MASK)


class Readout(nn.Module):
    """An output that does not read y_{i-1}."""

    label = "feedforward"

    def forward(self, decoder_hidden: Tensor, context: Tensor) -> Tensor:
        return decoder_hidden + context


WRONG = {
    "arguments swapped": (
        "decoder_hidden = self.rnn(prev_output, prev_decoder, context)",
        "decoder_hidden = self.rnn(prev_output, context, prev_decoder)",
        {},
        ["operation rnn reads (y_ii, s_ii, c_i) in the picture, (y_ii, c_i, s_ii) in the run"],
    ),
    "another arrow": (
        "output = self.out(prev_output, decoder_hidden, context)",
        "output = self.out(prev_output, prev_decoder, context)",
        {},
        ["arrow s_i → out is only in the picture", "arrow s_ii → out is only in the run"],
    ),
    "a missing arrow": (
        "output = self.out(prev_output, decoder_hidden, context)",
        "output = self.out(decoder_hidden, context)",
        {"out": Readout()},
        ["arrow y_ii → out is only in the picture"],
    ),
    "results swapped": (
        "return Step(output, decoder_hidden, context, attn_weights, attn_energies)",
        "return Step(output, decoder_hidden, context, attn_energies, attn_weights)",
        {},
        [
            "arrow a → e_ij is only in the picture",
            "arrow e_ij → softmax is only in the picture",
            "arrow softmax → alpha_ij is only in the picture",
            "arrow alpha_ij → wsum is only in the picture",
            "arrow a → alpha_ij is only in the run",
            "arrow alpha_ij → softmax is only in the run",
            "arrow softmax → e_ij is only in the run",
            "arrow e_ij → wsum is only in the run",
        ],
    ),
}


@pytest.mark.parametrize(("line", "instead", "change", "words"), WRONG.values(), ids=WRONG)
def test_a_wrong_wiring_is_drawn_as_it_ran_and_the_difference_names_the_arrow(
    line: str, instead: str, change: dict[str, nn.Module], words: list[str]
) -> None:
    graph = trace(lying(line, instead)(**same_sizes() | change), **same_size_arguments(), mask=MASK)
    assert sorted(PICTURE.diff(graph, HERE, THERE)) == sorted(words)


def test_a_recorder_that_heard_nothing_says_so() -> None:
    with Recorder(Bahdanau(**nodes())) as recorder:
        pass
    with pytest.raises(TraceError, match="Bahdanau did not run while it was recorded"):
        recorder.graph()


def test_steps_that_differ_are_refused_with_the_difference() -> None:
    line = "decoder_hidden = self.rnn(prev_output, prev_decoder, context)"
    swapped = "self.rnn(prev_output, context, prev_decoder)"
    step = lying(line, f"{line} if self.training else {swapped}")(**same_sizes())
    with Recorder(step) as recorder:
        step(**same_size_arguments(), mask=MASK)
        step.eval()(**same_size_arguments(), mask=MASK)
    message = (
        "the steps of one sentence differ: operation rnn reads (y_ii, c_i, s_ii) in step 2, (y_ii, s_ii, c_i) in step 1"
    )
    with pytest.raises(TraceError, match=f"^{re.escape(message)}$"):
        recorder.graph()


@every_cell
def test_a_loop_that_hands_its_state_on_is_told_from_one_that_does_not(cell: str) -> None:
    step, given = Bahdanau(**nodes(cell)), arguments(cell)

    def loop(hand_on: Any) -> Recorder:
        values = dict(given)
        with Recorder(step) as recorder:
            for _ in range(3):
                values["prev_decoder"] = hand_on(step(**values, mask=MASK).decoder_hidden)
        assert recorder.graph() == PICTURE
        return recorder

    loop(lambda state: state).check_handed_on()
    message = "'s_{i} decoder_hidden' of step 1 is not 's_{i-1} prev_decoder' of step 2"
    with pytest.raises(TraceError, match=f"^{re.escape(message)}$"):
        loop(lambda state: mapped(state, Tensor.clone)).check_handed_on()


def test_the_output_need_not_be_handed_on_since_the_decoder_embeds_what_it_chooses() -> None:
    step, given = Bahdanau(**nodes()), arguments()
    with Recorder(step) as recorder:
        first = step(**given, mask=MASK)
        step(**given | {"prev_decoder": first.decoder_hidden, "prev_output": given["prev_output"] + 1}, mask=MASK)
    recorder.check_handed_on()


def test_a_run_is_kept_with_the_very_objects() -> None:
    step, given = Bahdanau(**nodes()), arguments()
    with Recorder(step) as recorder:
        result = step(**given, mask=MASK)
    (run,) = recorder.runs
    assert [call.id for call in run.calls] == ["a", "softmax", "wsum", "rnn", "out"]
    assert [call.node for call in run.calls] == [*step.children()]
    assert all(run.given[word] is value for word, value in given.items())
    assert all(run.returned[word] is value for word, value in result._asdict().items())
    assert run.calls[2].args[0] is run.calls[1].result is result.attn_weights


def test_nothing_is_heard_after_the_recorder_has_closed() -> None:
    step, given = Bahdanau(**nodes()), arguments()
    with Recorder(step) as recorder:
        step(**given, mask=MASK)
    step(**given, mask=MASK)
    step.a(given["prev_decoder"], given["encoder_hidden"])
    assert len(recorder.runs) == 1 and len(recorder.runs[0].calls) == 5


def test_nothing_is_heard_after_an_error_either() -> None:
    step, given = Bahdanau(**nodes()), arguments()
    recorder = Recorder(step)
    with pytest.raises(TypeError, match="mask is a NoneType"), recorder:
        step(**given, mask=None)
    heard = len(recorder.runs)
    step(**given, mask=MASK)
    assert len(recorder.runs) == heard


@every_cell
def test_recording_changes_no_result_and_no_gradient(cell: str) -> None:
    step, given = Bahdanau(**nodes(cell)), arguments(cell)

    def run() -> list[Tensor]:
        parts = [part for value in step(**given, mask=MASK) for part in tensors(value)]
        total = torch.stack([part.square().sum() for part in parts]).sum()
        return [*parts, *torch.autograd.grad(total, list(step.parameters()))]

    before = run()
    with Recorder(step):
        during = run()
    for first, second, third in zip(before, during, run(), strict=True):
        assert torch.equal(first, second) and torch.equal(first, third)


def test_a_step_that_returns_no_named_tuple_is_refused() -> None:
    class Bare(Bahdanau):
        def forward(self, *args: Any, **kwargs: Any) -> Any:
            return tuple(super().forward(*args, **kwargs))

    with pytest.raises(
        TraceError, match="Bare returns a tuple; return a named tuple, whose fields say what each value is"
    ):
        trace(Bare(**nodes()), **arguments(), mask=MASK)


def test_one_module_under_two_operations_is_refused() -> None:
    shared = GRUStep(2 * H, H)
    step = Bahdanau(**(nodes() | {"a": shared, "rnn": shared}))
    with pytest.raises(TraceError, match="operations a and rnn are one module; no recorder can tell their runs apart"):
        Recorder(step).__enter__()
    assert not shared._forward_hooks and not step._forward_pre_hooks


def test_a_value_slipped_in_inside_a_list_is_refused() -> None:
    class Listens(GRUStep):
        def forward(self, prev_output: Tensor, prev_decoder: Tensor, context: Tensor, *, extra: list[Tensor]) -> Tensor:  # type: ignore[override]
            return super().forward(prev_output, prev_decoder, context)

    call = "decoder_hidden = self.rnn(prev_output, prev_decoder, context"
    Lie = lying(f"{call})", f"{call}, extra=[context * 2])")
    given = arguments()
    with pytest.raises(TraceError, match="extra= of node rnn is not what Lie was given: something happens to it"):
        trace(Lie(**(nodes() | {"rnn": Listens(E + M, H).double()})), **given, mask=MASK)
