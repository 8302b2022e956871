"""python -m generative.core import|render|train|generate|morph|mix|project|regenerate|evaluate|audit"""

import sys

from generative.core.cli import main

if __name__ == "__main__":
    sys.exit(main())
