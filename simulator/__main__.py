"""`python -m simulator` is `callsim`."""

import sys

from simulator.cli import main

sys.exit(main())
