"""What `test_changed_outside.py` imports in compiled functions, and changes."""

import numpy as np

k = 2.0
a = np.arange(3.0)
