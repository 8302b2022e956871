import sys

from models_ml.core.cli import main

sys.exit(main())
