"""The same loop with a backward pass of its own: states and weights are kept, all else is made again or only once.

Autograd would keep every tensor of every step, and form a gradient of each weight at each of them. Here the steps are
walked back once; what a weight's gradient needs is collected, and is one product behind the loop. Which operations can
run so is in `units`; a step with another one is run by `bands`, with the same result.
"""

from seq2seq_attn.fused.bands import CompiledBands as CompiledBands
from seq2seq_attn.fused.bands import FastestBands as FastestBands
from seq2seq_attn.fused.bands import FusedBands as FusedBands
from seq2seq_attn.fused.compiled import load as load
from seq2seq_attn.fused.encode import encode as encode
from seq2seq_attn.fused.lookup import lookup as lookup
from seq2seq_attn.fused.refused import Refused as Refused
from seq2seq_attn.fused.scores import Likelihood as Likelihood
from seq2seq_attn.fused.scores import Scores as Scores
from seq2seq_attn.fused.scores import likeliest as likeliest
from seq2seq_attn.fused.scores import log_probabilities as log_probabilities
from seq2seq_attn.fused.stepper import Stepper as Stepper
from seq2seq_attn.fused.walk import suits as suits
