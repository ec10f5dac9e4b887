"""One decode to look into: replayed as plain data, and written as a page."""

from seq2seq_attn.explorer.explore import explore as explore
from seq2seq_attn.explorer.replay import Names as Names
from seq2seq_attn.explorer.replay import named as named
from seq2seq_attn.explorer.replay import positions as positions
