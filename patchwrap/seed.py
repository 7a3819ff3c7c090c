"""The number that random choices begin with."""

from patchwrap.errors import OptionError

LARGEST = 2**63 - 1
"""What torch's generators take."""


def check_seed(seed: int) -> None:
    """Refuse what no generator takes.

    Raises:
        OptionError: if the seed is negative or too large.
    """
    if not 0 <= seed <= LARGEST:
        raise OptionError(f"seed {seed} is {'negative' if seed < 0 else 'too large'}; give 0 to {LARGEST}.")
