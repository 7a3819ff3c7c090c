"""Fusion heads for any backend: network, card and file."""

from patchwrap.heads.card import HeadCard, TrainedOn
from patchwrap.heads.head import Head
from patchwrap.heads.network import HeadNetwork
from patchwrap.heads.storage import UNIVERSAL, head_file, load_head, save_head

__all__ = ["UNIVERSAL", "Head", "HeadCard", "HeadNetwork", "TrainedOn", "head_file", "load_head", "save_head"]
