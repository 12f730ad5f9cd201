"""`python -m aici.cli` is `aicic`."""

import sys

from . import main

sys.exit(main())
