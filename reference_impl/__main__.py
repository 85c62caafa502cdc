"""``python -m reference_impl SCHEME …``."""

import sys

from .hosting import main

if __name__ == "__main__":
    sys.exit(main())
