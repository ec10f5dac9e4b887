"""What there is to see of a model: each level makes a `Scene` of a graph, or of a graph and what was recorded."""

from seq2seq_attn.drawing.levels.opened import opened as opened
from seq2seq_attn.drawing.levels.run import Shown as Shown
from seq2seq_attn.drawing.levels.run import run as run
from seq2seq_attn.drawing.levels.step import BANDS as BANDS
from seq2seq_attn.drawing.levels.step import compared as compared
from seq2seq_attn.drawing.levels.step import step as step
from seq2seq_attn.drawing.levels.unrolled import STEPS as STEPS
from seq2seq_attn.drawing.levels.unrolled import unrolled as unrolled
