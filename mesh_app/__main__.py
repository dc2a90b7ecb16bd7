"""`python -m mesh_app` is `mesh-app`."""

import sys

from mesh_app.cli import main

if __name__ == "__main__":
    sys.exit(main())
