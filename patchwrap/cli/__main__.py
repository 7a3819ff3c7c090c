"""``python -m patchwrap.cli`` is the ``patchwrap`` command."""

import sys

from patchwrap.cli import main

sys.exit(main())
