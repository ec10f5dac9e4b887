"""First weights that are not torch's own."""

from __future__ import annotations

import torch
from torch import nn

from seq2seq_attn.nodes import Embedding, FeedforwardEnergy


@torch.no_grad()
def unit_embeddings(model: nn.Module) -> None:
    """Divide embeddings, whose first numbers torch draws from N(0, 1), by sqrt(E), so that vectors are near 1 long.

    Gates then listen to the state from the first step on, and not to the symbol alone: a model that has to count, as in
    the cipher, needs half of the steps. One to which symbols tell most, as from spelling to sounds, needs more.
    """
    for module in model.modules():
        if isinstance(module, Embedding):
            module.weight /= module.embedding_dim**0.5


@torch.no_grad()
def paper_weights(model: nn.Module) -> None:
    """Set all parameters as Bahdanau et al. 2015, appendix B.1, in place.

    Recurrent matrices are random orthogonal ones, each gate for itself; W_a and U_a of the energy come from
    N(0, 0.001²); v_a and all biases are 0; everything else comes from N(0, 0.01²). Single numbers that the paper
    has not stay as they are.
    """
    for name, parameter in model.named_parameters():
        leaf = name.rsplit(".", 1)[-1]
        if leaf.startswith("bias"):
            nn.init.zeros_(parameter)
        elif leaf.startswith("weight_hh"):
            for gate in torch.split(parameter, parameter.shape[1]):
                nn.init.orthogonal_(gate)
        elif parameter.dim() > 1:
            nn.init.normal_(parameter, std=0.01)
    for module in model.modules():
        if isinstance(module, FeedforwardEnergy):
            nn.init.normal_(module.W.weight, std=0.001)
            nn.init.normal_(module.U.weight, std=0.001)
            nn.init.zeros_(module.v.weight)
