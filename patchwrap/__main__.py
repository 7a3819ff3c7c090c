"""Run the command line with ``python -m patchwrap``."""

import sys

from patchwrap.cli import main

sys.exit(main())
