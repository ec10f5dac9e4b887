"""The second look: an arrow is real only if something flows through it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from table import E, H, M, mapped
from test_wired import (
    CELLS,
    LSTM,
    MASK,
    PICTURE,
    SEED,
    arguments,
    every_cell,
    first_rnn,
    letters,
    nodes,
    with_and_without_keys,
)
from torch import Tensor, nn

from seq2seq_attn import mermaid
from seq2seq_attn.gradient import dead_arrows
from seq2seq_attn.nodes import Entmax15, FeedforwardEnergy, LSTMState, LSTMStep, Monotonic, Sparsemax
from seq2seq_attn.trace import Recorder
from seq2seq_attn.wired import Wired
from seq2seq_attn.wirings import Bahdanau


def recorded(step: Any, *args: Any, **kwargs: Any) -> Recorder:
    with Recorder(step) as recorder:
        step(*args, **kwargs)
    return recorder


class Deaf(nn.Module):
    """A node that does not listen to one of its arguments."""

    def __init__(self, node: nn.Module, position: int, silence: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.node, self.position, self.silence = node, position, silence

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        values = list(args)
        values[self.position] = mapped(values[self.position], self.silence)
        return self.node(*values, **kwargs)


class DeafChoice(Deaf):
    """A normaliser that does not learn."""

    def __init__(self, node: nn.Module) -> None:
        super().__init__(node, 0, Tensor.detach)
        self.label = node.label

    def forward(self, *values: Tensor, mask: Tensor) -> Tensor:
        return super().forward(*values, mask=mask)


SILENCES: dict[str, Callable[[Tensor], Tensor]] = {
    "ignored": torch.ones_like,
    "detached": Tensor.detach,
    "times 0": lambda value: value * 0,
}
ARROWS = [
    pytest.param(cell, operation.id, position, how, id=f"{source} → {operation.id}, {how}, {cell}")
    for operation in PICTURE.operations.values()
    for cell in (CELLS if operation.id == "rnn" else CELLS[:1])
    for position, source in enumerate(operation.inputs)
    for how in SILENCES
]


@every_cell
@with_and_without_keys
def test_every_arrow_into_a_real_node_is_alive(cell: str, with_keys: bool) -> None:
    parts, given = nodes(cell), arguments(cell)
    for step in (Bahdanau(**parts), Wired(PICTURE, parts)):
        keys = step.keys(given["encoder_hidden"]) if with_keys else None
        assert dead_arrows(recorded(step, **given, mask=MASK, keys=keys)) == []


@with_and_without_keys
@pytest.mark.parametrize(("cell", "id", "position", "how"), ARROWS)
def test_an_arrow_through_which_nothing_flows_is_named(
    cell: str, with_keys: bool, id: str, position: int, how: str
) -> None:
    parts, given = nodes(cell), arguments(cell)
    keys = parts["a"].keys(given["encoder_hidden"]) if with_keys else None
    parts[id] = Deaf(parts[id], position, SILENCES[how])
    inputs = PICTURE.operations[id].inputs
    # The weighted sum is a product: with one factor 0, nothing flows through the other either.
    dead = inputs if (id, how) == ("wsum", "times 0") else inputs[position : position + 1]
    recorder = recorded(Bahdanau(**parts), **given, mask=MASK, keys=keys)
    assert dead_arrows(recorder) == [f"arrow {source} → {id} is dead: nothing flows through it" for source in dead]


def test_two_dead_arrows_are_two_sentences() -> None:
    parts = nodes()
    parts["out"] = Deaf(Deaf(parts["out"], 0, Tensor.detach), 2, Tensor.detach)
    assert dead_arrows(recorded(Bahdanau(**parts), **arguments(), mask=MASK)) == [
        "arrow y_ii → out is dead: nothing flows through it",
        "arrow c_i → out is dead: nothing flows through it",
    ]


@pytest.mark.parametrize("part", ["hidden", "cell"])
def test_an_lstms_state_is_alive_if_either_part_is(part: str) -> None:
    class Half(LSTMStep):
        def forward(self, prev_output: Tensor, prev_decoder: LSTMState, context: Tensor) -> LSTMState:
            half = prev_decoder._replace(**{part: getattr(prev_decoder, part).detach()})
            return super().forward(prev_output, half, context)

    parts = nodes("lstm") | {"rnn": Half(E + M, H).double()}
    assert dead_arrows(recorded(Bahdanau(**parts), **arguments("lstm"), mask=MASK)) == []


def test_first_weights_of_zero_silence_no_arrow() -> None:
    step = Bahdanau(**nodes())
    for parameter in step.parameters():
        nn.init.zeros_(parameter)
    assert dead_arrows(recorded(step, **arguments(), mask=MASK)) == []


def test_an_arrow_that_is_silent_in_one_run_and_not_in_another_is_alive() -> None:
    step, given = Bahdanau(**nodes()), arguments()
    nothing = given | {"encoder_hidden": torch.zeros_like(given["encoder_hidden"])}
    with Recorder(step) as recorder:
        step(**nothing, mask=MASK)
    assert dead_arrows(recorder) == ["arrow alpha_ij → wsum is dead: nothing flows through it"]
    with recorder:
        step(**given, mask=MASK)
    assert dead_arrows(recorder) == []


def test_with_one_source_position_the_weight_is_one_whatever_the_energy() -> None:
    given = arguments()
    given["encoder_hidden"] = given["encoder_hidden"][:, :1]
    assert dead_arrows(recorded(Bahdanau(**nodes()), **given, mask=MASK[:, :1])) == [
        "arrow e_ij → softmax is dead: nothing flows through it"
    ]


@pytest.mark.parametrize("normaliser", [Sparsemax, Entmax15])
def test_an_energy_far_below_the_highest_is_no_dead_arrow_though_a_sparse_choice_gives_it_no_gradient(
    normaliser: Callable[[], nn.Module],
) -> None:
    class Far(FeedforwardEnergy):
        def forward(self, *args: Any, **kwargs: Any) -> Tensor:
            return 1e3 * super().forward(*args, **kwargs)

    text = SEED.replace("softmax[softmax]", f"softmax[{normaliser.label}]")
    parts = nodes() | {"softmax": normaliser(), "a": Far(H, M, 13).double()}
    recorder = recorded(Wired(mermaid.parse(text), parts), **arguments(), mask=MASK)
    assert {*recorder.runs[0].returned["attn_weights"].flatten().tolist()} == {0.0, 1.0}
    assert dead_arrows(recorder) == []
    parts["softmax"] = DeafChoice(normaliser())
    recorder = recorded(Wired(mermaid.parse(text), parts), **arguments(), mask=MASK)
    assert dead_arrows(recorder) == ["arrow e_ij → softmax is dead: nothing flows through it"]


def test_a_choice_without_a_gradient_in_evaluation_is_asked_in_training() -> None:
    eager = partial(Monotonic, initial_bias=9.0)  # it stops somewhere, so that something is read
    given = arguments() | {"prev_weights": eager().initial(arguments()["encoder_hidden"])}
    rest = {id: node for id, node in nodes().items() if id != "softmax"}
    for node, dead in ((eager(), []), (DeafChoice(eager()), ["e_ij → mono"])):
        step = Wired(mermaid.load("monotonic"), rest | {"mono": node.double()}).eval()
        assert dead_arrows(recorded(step, **given, mask=MASK)) == [
            f"arrow {arrow} is dead: nothing flows through it" for arrow in dead
        ]


def test_the_look_takes_no_random_numbers() -> None:
    given = arguments() | {"prev_weights": Monotonic().initial(arguments()["encoder_hidden"])}
    rest = {id: node for id, node in nodes().items() if id != "softmax"}
    step = Wired(mermaid.load("monotonic"), rest | {"mono": Monotonic().double()}).eval()
    recorder = recorded(step, **given, mask=MASK)
    state = torch.random.get_rng_state()
    dead_arrows(recorder)
    assert torch.equal(state, torch.random.get_rng_state())


def test_the_look_changes_no_parameter_and_leaves_no_gradient() -> None:
    step = Bahdanau(**nodes()).train()
    before = {name: parameter.clone() for name, parameter in step.named_parameters()}
    recorder = recorded(step, **arguments(), mask=MASK)
    dead_arrows(recorder)
    assert step.training and len(recorder.runs) == 1
    for name, parameter in step.named_parameters():
        assert torch.equal(parameter, before[name]) and parameter.grad is None


def test_dropout_in_training_silences_no_arrow() -> None:
    parts = nodes()
    parts["out"].dropout.p = 1.0
    assert dead_arrows(recorded(Bahdanau(**parts).train(), **arguments(), mask=MASK)) == []


class Blind(nn.Embedding):
    """An embedding that gives the same for every symbol."""

    label = "Embedding"

    def forward(self, symbols: Tensor) -> Tensor:
        return super().forward(torch.zeros_like(symbols))


def test_an_argument_of_whole_numbers_is_alive_if_the_result_changes_with_it() -> None:
    assert dead_arrows(recorded(first_rnn(), letters())) == []
    assert dead_arrows(recorded(first_rnn(), torch.zeros_like(letters()))) == []


def test_an_argument_of_whole_numbers_is_dead_if_the_result_stays() -> None:
    step = first_rnn()
    step.embed = Blind(*step.embed.weight.shape)
    assert dead_arrows(recorded(step, letters())) == ["arrow x_j → embed is dead: nothing flows through it"]


def test_a_module_of_torchs_own_that_does_not_listen_is_found() -> None:
    class Still(LSTM):
        def forward(self, embedded: Tensor) -> Tensor:
            return super().forward(embedded * 0)

    step = first_rnn()
    still = Still(step.lstm.input_size, step.lstm.hidden_size)
    still.label = "LSTM"
    step.lstm = still
    assert dead_arrows(recorded(step, letters())) == ["arrow u_j → lstm is dead: nothing flows through it"]


class Chooses(nn.Module):
    """A node of truth values and whole numbers."""

    label = "choose"

    def __init__(self, *, blind: bool) -> None:
        super().__init__()
        self.blind = blind

    def forward(self, which: Tensor, count: Tensor, *, scale: Tensor) -> Tensor:
        chosen = torch.where(which, count, 2 * count) * scale
        return torch.where(torch.ones_like(which), count > 100, count > 7) * scale if self.blind else chosen


@pytest.mark.parametrize("blind", [False, True])
def test_truth_values_and_whole_numbers_beyond_one_are_asked_too(blind: bool) -> None:
    text = (
        'graph TD\nw["w_{j} which"]\nn["n_{j} count"]\nr["r_{j} result"]\n'
        "subgraph\nc[choose]\nend\nw --> c\nn --> c\nc --> r\n"
    )
    step = Wired(mermaid.parse(text), {"c": Chooses(blind=blind)})
    with Recorder(step) as recorder:
        step(torch.tensor([True, False]), torch.tensor([7, 112]), scale=torch.tensor([2.0, 3.0]))
    assert dead_arrows(recorder) == (["arrow w → c is dead: nothing flows through it"] if blind else [])
