"""sobol.csv: direction numbers of Sobol' points, as SciPy has them.

They are read off its points, of which they are those with one digit in their index; the last ones, whose indices
it would have to count up to, off its matrices.
"""

from pathlib import Path

import numpy as np
import scipy
from scipy.stats import qmc

DIM, DIGITS, COUNTED = 256, 32, 12


def main():
    sampler = qmc.Sobol(DIM, scramble=False, bits=DIGITS)
    matrices = np.array(sampler._sv, dtype=np.uint64)
    assert matrices.shape == (DIM, DIGITS)
    # SciPy's order is that of Gray's code: its point g is that of index g ^ (g >> 1).
    points = np.round(sampler.random_base2(COUNTED) * 2.0**DIGITS).astype(np.uint64)
    for g, point in enumerate(points):
        index = g ^ (g >> 1)
        expected = np.zeros(DIM, dtype=np.uint64)
        for k in range(COUNTED):
            if index >> k & 1:
                expected ^= matrices[:, k]
        assert (point == expected).all(), g
    lines = [
        "# Direction numbers of Sobol' points by Joe and Kuo 2008 (new-joe-kuo-6): m_k, k = 1 .. 32.",
        "# Point 2^(k - 1), counted from 0 in natural order, is m_k 2^-k.",
        f"# By make_sobol.py, from SciPy {scipy.__version__}.",
        "coordinate," + ",".join(f"m{k + 1}" for k in range(DIGITS)),
    ]
    for j in range(DIM):
        m = [int(matrices[j, k]) >> (DIGITS - 1 - k) for k in range(DIGITS)]
        assert all(x << (DIGITS - 1 - k) == int(matrices[j, k]) for k, x in enumerate(m))
        lines.append(",".join(str(x) for x in [j + 1, *m]))
    Path(__file__).with_name("sobol.csv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
