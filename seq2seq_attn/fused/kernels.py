"""What happens at each step of a fused loop, in torch's operations; walk.cpp has the same, compiled."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

_BLOCK = 1 << 18  # elements that are worked on at once, so that they stay in a core's cache


class Kernels:
    """A walk through a loop: first its units are told, in the order in which they run, then it is walked.

    Tensors with an axis of steps are (T, B, …). ``values`` and ``weights`` are pairs of what the loop makes, (T, B, F),
    and a matrix, (F, G), whose product is added; on the way back the gradients of these values, which are added to, and
    the matrix the other way round, (G, F). Compiled, it may be one for each K rows, (B / K, F, G), and packed.

    Args:
        steps: number T of steps.
        batch: number B of rows.
        rows: of each step the number of rows that it is about, the first ones; empty: all.
    """

    def __init__(self, steps: int, batch: int, rows: Sequence[int]) -> None:
        self.steps, self.rows = steps, rows
        self.walks = list[Callable[[int], None]](), list[Callable[[int], None]]()  # from the first step, from the last
        self.units = self.walks[0]
        self.begins = list[Callable[[], object]]()

    def fill(self, start: Tensor | None, made: Tensor) -> None:
        """Each walk begins with ``made``, (N, G), as a start, (G,), in each row, or as 0."""
        self.begins.append(lambda: made.zero_() if start is None else made.copy_(start.expand_as(made)))

    def look_up(self, table: Tensor, symbols: Tensor, made: Tensor, added: bool) -> None:
        """Each walk begins with ``made``, (N, G), as the rows of a table, (V, G), or with these added to it."""
        self.begins.append(
            lambda: made.add_(table[symbols]) if added else torch.index_select(table, 0, symbols, out=made)
        )

    def affine(self, values: Tensor, matrix: Tensor, start: Tensor | None, made: Tensor) -> None:
        """Each walk begins with what `affine` makes of them as they are then."""
        self.begins.append(lambda: affine(values, matrix, start, made))

    def turn(self, reversed: bool) -> None:
        """The units that are told next are walked from the last step; or, again, from the first."""
        self.units = self.walks[reversed]

    def walk(self, back: bool) -> None:
        """Run all steps, there or ``back``."""
        for make in self.begins:
            make()
        for reversed, units in enumerate(self.walks):
            for step in range(self.steps) if reversed == back else range(self.steps - 1, -1, -1):
                if not self.rows or self.rows[step]:
                    for unit in units:
                        unit(step)

    def gru(
        self,
        values: list[Tensor],
        weights: list[Tensor],
        state: Tensor,
        both: Tensor,
        last: Tensor,
        bias: Tensor,
        gates: Tensor,
        candidate: Tensor,
        made: Tensor,
    ) -> None:
        """`nodes.GRUStep`: ``gates`` W x + b become r, z, n; U_n s + b_n goes to candidate, (T, B, H)."""
        size = made.shape[-1]
        add, state_at, made_at, inner_at = self._added(values, weights, gates), *map(self._at, (state, made, candidate))
        both_at, last_at = self._at(gates[..., : 2 * size]), self._at(gates[..., 2 * size :])

        def step(number: int) -> None:
            add(number)
            state, inner = state_at[number], inner_at[number]
            torch.addmm(bias, state, last, out=inner)
            r, z = both_at[number].addmm_(state, both).sigmoid_().chunk(2, dim=-1)
            n = last_at[number].addcmul_(r, inner).tanh_()
            torch.lerp(n, state, z, out=made_at[number])

        self.units.append(step)

    def gru_back(
        self,
        values: list[Tensor],
        weights: list[Tensor],
        state: Tensor,
        both: Tensor,
        last: Tensor,
        gates: Tensor,
        candidate: Tensor,
        d_made: Tensor,
        d_gates: Tensor,
        d_candidate: Tensor,
        d_state: Tensor,
    ) -> None:
        """Fills d_gates and d_candidate; adds to d_state."""
        size = d_made.shape[-1]
        add = self._added_back(values, weights, d_gates)
        columns = map(self._at, (state, gates, candidate, d_made, d_gates, d_candidate, d_state))
        state_at, gates_at, inner_at, d_made_at, d_gates_at, d_inner_at, d_state_at = columns

        def step(number: int) -> None:
            r, z, n = gates_at[number].chunk(3, dim=-1)
            d_gates, d_made, d_inner, d_state = (at[number] for at in (d_gates_at, d_made_at, d_inner_at, d_state_at))
            d_r, d_z, d_n = d_gates.chunk(3, dim=-1)
            torch.mul(torch.addcmul(z, z, z, value=-1), d_made, out=d_z).mul_(state_at[number] - n)
            torch.mul(d_made, 1 - z, out=d_n).mul_(1 - n * n)
            torch.mul(d_n, r, out=d_inner)
            torch.mul(d_inner, inner_at[number], out=d_r).mul_(1 - r)
            d_state.addcmul_(d_made, z).addmm_(d_gates[:, : 2 * size], both).addmm_(d_inner, last)
            add(number)

        self.units.append(step)

    def gru_before(
        self,
        values: list[Tensor],
        weights: list[Tensor],
        state: Tensor,
        both: Tensor,
        last: Tensor,
        gates: Tensor,
        reset: Tensor,
        made: Tensor,
    ) -> None:
        """The same with the reset gate before the product: ``reset``, (T, B, H), becomes r s, and U_n that is in n."""
        size = made.shape[-1]
        add, state_at, made_at, reset_at = self._added(values, weights, gates), *map(self._at, (state, made, reset))
        both_at, last_at = self._at(gates[..., : 2 * size]), self._at(gates[..., 2 * size :])

        def step(number: int) -> None:
            add(number)
            state = state_at[number]
            r, z = both_at[number].addmm_(state, both).sigmoid_().chunk(2, dim=-1)
            torch.mul(r, state, out=reset_at[number])
            n = last_at[number].addmm_(reset_at[number], last).tanh_()
            torch.lerp(n, state, z, out=made_at[number])

        self.units.append(step)

    def gru_before_back(
        self,
        values: list[Tensor],
        weights: list[Tensor],
        state: Tensor,
        both: Tensor,
        last: Tensor,
        gates: Tensor,
        d_made: Tensor,
        d_gates: Tensor,
        d_reset: Tensor,
        d_state: Tensor,
    ) -> None:
        """Fills d_gates and d_reset; adds to d_state."""
        size = d_made.shape[-1]
        add = self._added_back(values, weights, d_gates)
        columns = map(self._at, (state, gates, d_made, d_gates, d_reset, d_state))
        state_at, gates_at, d_made_at, d_gates_at, d_reset_at, d_state_at = columns

        def step(number: int) -> None:
            r, z, n = gates_at[number].chunk(3, dim=-1)
            state, d_gates, d_made, d_reset = (at[number] for at in (state_at, d_gates_at, d_made_at, d_reset_at))
            d_r, d_z, d_n = d_gates.chunk(3, dim=-1)
            torch.mul(torch.addcmul(z, z, z, value=-1), d_made, out=d_z).mul_(state - n)
            torch.mul(d_made, 1 - z, out=d_n).mul_(1 - n * n)
            torch.mm(d_n, last, out=d_reset)
            torch.mul(d_reset, state, out=d_r).mul_(torch.addcmul(r, r, r, value=-1))
            d_state_at[number].addcmul_(d_made, z).addcmul_(d_reset, r).addmm_(d_gates[:, : 2 * size], both)
            add(number)

        self.units.append(step)

    def lstm(
        self,
        values: list[Tensor],
        weights: list[Tensor],
        gates: Tensor,
        cell: Tensor,
        made_cell: Tensor,
        made: Tensor,
    ) -> None:
        """`nodes.LSTMStep`, whose state is among the values: ``gates`` W x + b become i, f, g, o."""
        add = self._added(values, weights, gates)
        gates_at, cell_at, made_cell_at, made_at = map(self._at, (gates, cell, made_cell, made))

        def step(number: int) -> None:
            add(number)
            i, f, g, o = gates_at[number].chunk(4, dim=-1)
            for gate in (i, f, o):
                gate.sigmoid_()
            torch.mul(f, cell_at[number], out=made_cell_at[number]).addcmul_(i, g.tanh_())
            torch.mul(o, torch.tanh(made_cell_at[number]), out=made_at[number])

        self.units.append(step)

    def lstm_back(
        self,
        values: list[Tensor],
        weights: list[Tensor],
        gates: Tensor,
        cell: Tensor,
        made_cell: Tensor,
        d_made: Tensor,
        d_made_cell: Tensor,
        d_gates: Tensor,
        d_cell: Tensor,
    ) -> None:
        """Fills d_gates; adds to d_cell."""
        add = self._added_back(values, weights, d_gates)
        columns = map(self._at, (gates, cell, made_cell, d_made, d_made_cell, d_gates, d_cell))
        gates_at, cell_at, made_cell_at, d_made_at, d_made_cell_at, d_gates_at, d_cell_at = columns

        def step(number: int) -> None:
            i, f, g, o = gates_at[number].chunk(4, dim=-1)
            d_i, d_f, d_g, d_o = d_gates_at[number].chunk(4, dim=-1)
            shown, d_made = torch.tanh(made_cell_at[number]), d_made_at[number]
            d_inner = torch.addcmul(d_made_cell_at[number], d_made * o, 1 - shown * shown)
            torch.mul(d_made, shown, out=d_o).mul_(o * (1 - o))
            torch.mul(d_inner, g, out=d_i).mul_(i * (1 - i))
            torch.mul(d_inner, cell_at[number], out=d_f).mul_(f * (1 - f))
            torch.mul(d_inner, i, out=d_g).mul_(1 - g * g)
            d_cell_at[number].addcmul_(d_inner, f)
            add(number)

        self.units.append(step)

    def layer(
        self, values: list[Tensor], weights: list[Tensor], noise: list[Tensor], shown: Tensor, made: Tensor
    ) -> None:
        """``shown`` becomes its tanh, and made that times the noise, if there is one."""
        add, shown_at, made_at = self._added(values, weights, shown), self._at(shown), self._at(made)
        noise_at = [self._at(one) for one in noise]

        def step(number: int) -> None:
            add(number)
            made_at[number].copy_(shown_at[number].tanh_())
            for at in noise_at:
                made_at[number].mul_(at[number])

        self.units.append(step)

    def layer_back(
        self,
        values: list[Tensor],
        weights: list[Tensor],
        noise: list[Tensor],
        shown: Tensor,
        d_made: Tensor,
        d_shown: Tensor,
    ) -> None:
        """Fills d_shown."""
        add, noise_at = self._added_back(values, weights, d_shown), [self._at(one) for one in noise]
        shown_at, d_made_at, d_shown_at = map(self._at, (shown, d_made, d_shown))

        def step(number: int) -> None:
            d = d_shown_at[number].copy_(d_made_at[number])
            for at in noise_at:
                d.mul_(at[number])
            d.addcmul_(d * shown_at[number], shown_at[number], value=-1)
            add(number)

        self.units.append(step)

    def attention(
        self,
        state: Tensor,
        weight: list[Tensor],
        v: list[Tensor],
        keys: Tensor,
        copies: int,
        scale: float,
        padding: list[Tensor],
        temperature: float,
        memory: Tensor,
        queries: list[Tensor],
        energies: Tensor,
        weights: Tensor,
        context: Tensor,
    ) -> None:
        """e_j = v · tanh(W s + k_j), or scale * s · k_j without a weight; their softmax; the sum of the memory.

        Memory, keys and padding have a row for so many ``copies`` of rows.
        """
        keys, memory, *padding = (
            tensor.repeat_interleave(copies, dim=0) if copies > 1 else tensor for tensor in (keys, memory, *padding)
        )
        state_at, energies_at, weights_at, context_at = map(self._at, (state, energies, weights, context))
        queries_at = [self._at(query) for query in queries]

        def step(number: int) -> None:
            e, alpha = energies_at[number], weights_at[number]
            k, h, *pads = (tensor[: len(e)] for tensor in (keys, memory, *padding))
            if weight:
                query = torch.mm(state_at[number], weight[0], out=queries_at[0][number])
                for rows in _blocks(k):
                    torch.matmul(torch.tanh_(k[rows] + query[rows, None]), v[0], out=e[rows])
            else:
                torch.bmm(k, state_at[number][:, :, None], out=e[:, :, None])
                e *= scale
            given = e / temperature
            for pad in pads:
                given.masked_fill_(pad, torch.finfo(e.dtype).min)
            torch.softmax(given, dim=-1, out=alpha)
            for pad in pads:
                alpha.masked_fill_(pad, 0)
            torch.bmm(alpha[:, None], h, out=context_at[number][:, None])

        self.units.append(step)

    def attention_back(
        self,
        state: Tensor,
        weight: list[Tensor],
        v: list[Tensor],
        keys: Tensor,
        scale: float,
        temperature: float,
        memory: Tensor,
        queries: list[Tensor],
        weights: Tensor,
        d_context: Tensor,
        d_weights: Tensor,
        d_outer: Tensor,
        d_energies: Tensor,
        d_queries: list[Tensor],
        d_keys: Tensor,
        d_v: Tensor,
        d_state: Tensor,
    ) -> None:
        """Fills d_energies and d_queries; adds to d_keys, d_v (B, A), d_state; ``d_outer`` is of the energies."""
        columns = map(self._at, (weights, d_context, d_weights, d_outer, d_energies, d_state))
        weights_at, d_context_at, d_weights_at, d_outer_at, d_energies_at, d_state_at = columns
        queries_at, d_queries_at = ([self._at(query) for query in both] for both in (queries, d_queries))

        def step(number: int) -> None:
            alpha, d_e = weights_at[number], d_energies_at[number]
            k, h = keys[: len(alpha)], memory[: len(alpha)]
            through = torch.bmm(h, d_context_at[number][:, :, None])[:, :, 0]
            through.add_(d_weights_at[number]).mul_(alpha)
            torch.addcmul(through, alpha, through.sum(dim=-1, keepdim=True), value=-1, out=d_e)
            d_e.div_(temperature).add_(d_outer_at[number])
            if not weight:
                d_e *= scale
                d_state_at[number].add_(torch.bmm(d_e[:, None], k)[:, 0])
                return
            query, d_query = queries_at[0][number], d_queries_at[0][number]
            for rows in _blocks(k):
                hidden = torch.tanh_(k[rows] + query[rows, None])
                d_v[rows] += torch.bmm(d_e[rows, None], hidden)[:, 0]
                d_hidden = torch.addcmul(v[0], hidden.square_(), v[0], value=-1).mul_(d_e[rows, :, None])
                torch.sum(d_hidden, dim=1, out=d_query[rows])
                d_keys[rows] += d_hidden
            d_state_at[number].addmm_(d_query, weight[0])

        self.units.append(step)

    def _at(self, tensor: Tensor) -> Sequence[Tensor]:
        """A tensor of all steps, one by one, with the rows that each step is about."""
        steps = tensor.unbind()
        return [step[:n] for step, n in zip(steps, self.rows, strict=True)] if self.rows else steps

    def _pairs(self, values: list[Tensor], weights: list[Tensor]) -> list[tuple[Sequence[Tensor], Tensor]]:
        return [(self._at(value), weight) for value, weight in zip(values, weights, strict=True)]

    def _added(self, values: list[Tensor], weights: list[Tensor], made: Tensor) -> Callable[[int], None]:
        pairs, made_at = self._pairs(values, weights), self._at(made)

        def add(number: int) -> None:
            for value_at, weight in pairs:
                made_at[number].addmm_(value_at[number], weight)

        return add

    def _added_back(self, values: list[Tensor], weights: list[Tensor], d_made: Tensor) -> Callable[[int], None]:
        pairs, d_made_at = self._pairs(values, weights), self._at(d_made)

        def add(number: int) -> None:
            for d_value_at, weight in pairs:
                d_value_at[number].addmm_(d_made_at[number], weight)

        return add


def affine(values: Tensor, matrix: Tensor, start: Tensor | None, made: Tensor) -> None:
    """``made`` becomes the start, or 0, and the product of values, (N, F), and (F, G), in the dtype of this one."""
    if matrix.dtype != values.dtype:
        product = torch.mm(values.to(matrix.dtype), matrix)
        made.copy_(product if start is None else start + product)
    elif start is None:
        torch.mm(values, matrix, out=made)
    else:
        torch.addmm(start, values, matrix, out=made)


def _blocks(keys: Tensor) -> list[slice]:
    """Rows of the batch, as many at once as fit a cache."""
    size = max(1, _BLOCK // max(1, keys[0].numel()))
    return [slice(begin, min(begin + size, len(keys))) for begin in range(0, len(keys), size)]
