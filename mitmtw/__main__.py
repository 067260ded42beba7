"""C{python -m mitmtw} is the command C{mitmtw}."""

import sys

from mitmtw._cli.main import main

sys.exit(main())
