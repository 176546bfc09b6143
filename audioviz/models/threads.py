"""OpenMP spin time: how long torch's threads spin while they wait for each other.

Briefly, so that a busy machine gives them their share.
"""

import os
import sys
from collections.abc import MutableMapping

# Each OpenMP has a name of its own for it: GNU's counts turns of a loop (torch on Linux), LLVM's and Intel's
# milliseconds.
BRIEFLY = {"GOMP_SPINCOUNT": "1000", "KMP_BLOCKTIME": "0"}
_CHOSEN = ("OMP_WAIT_POLICY", *BRIEFLY)


def spin_briefly(environment: MutableMapping[str, str] = os.environ) -> None:
    """Say so to OpenMP, which reads it once, when torch is loaded; a user who has chosen otherwise is not overruled."""
    if "torch" not in sys.modules and not any(name in environment for name in _CHOSEN):
        environment.update(BRIEFLY)
