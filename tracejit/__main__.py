"""``python -m tracejit``: the command line; see ``cli/``."""

import sys

from tracejit.cli.main import main

sys.exit(main())
