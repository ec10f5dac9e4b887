"""One decode to look into: replayed as plain data, and written as a page."""

from seq2seq_attn.explorer.explore import explore as explore
from seq2seq_attn.explorer.names import Example as Example
