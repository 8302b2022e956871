import sys

from benchmark.core.commands.main import main

if __name__ == "__main__":
    sys.exit(main())
