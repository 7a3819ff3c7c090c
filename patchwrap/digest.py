"""A short name for a set of facts, such as the options of a training."""

import hashlib
import json
from typing import Any


def digest(facts: Any) -> str:
    """Twelve hexadecimal digits that change when the facts do.

    Args:
        facts: anything that JSON can hold; other values count by their ``str``.
    """
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:12]
