"""Check of random seeds."""

from patchwrap.errors import OptionError

LARGEST = 2**63 - 1
"""Range of seeds that torch's generators accept."""


def check_seed(seed: int) -> None:
    """Refuse seeds that torch's generators do not accept.

    Raises:
        OptionError: if the seed is negative or too large.
    """
    if not 0 <= seed <= LARGEST:
        raise OptionError(f"seed {seed} is {'negative' if seed < 0 else 'too large'}; give 0 to {LARGEST}.")
