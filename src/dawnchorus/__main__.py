"""The command ``dawnchorus`` as ``python -m dawnchorus``."""

import sys

from dawnchorus.cli import command

sys.exit(command.main())
