#!/usr/bin/env python3
"""Writes shrinkage.csv: the estimate of Ledoit and Wolf of tables of whole numbers, in high precision.

    pip install mpmath==1.4.1 numpy scipy scikit-learn && python3 make_shrinkage.py

Every value is its definition, with the n outer products z z' made and subtracted one by one, in 60 digits. The column
`scikit_learn` is what sklearn.covariance.ledoit_wolf says of the same numbers, another implementation by another route; it is
asserted to agree here too. Nothing is random; running this again gives the same bytes but for last digits of that column.
"""

import os

import numpy as np
from mpmath import mp, mpf
from sklearn.covariance import ledoit_wolf

mp.dps = 60
HERE = os.path.dirname(os.path.abspath(__file__))

SIZES = [(3, 2), (4, 3), (5, 8), (10, 3), (20, 20), (8, 30), (60, 5), (200, 3), (40, 41), (2, 4), (7, 1)]
SHIFTS = [0, 1048576]


def entry(i, j, shift):
    """Exact in binary32: at most 24 bits, an eighth the last."""
    # A column that all others hang on, and numbers without a pattern; columns of several sizes.
    common = (i * i * 7 + i * 3) % 11 - 5
    own = (i * i * i + 5 * i * j + 3 * j * j + j * i * i) % 17 - 8
    return mpf(common * (j % 3) + own * (1 + j % 2)) / 8 + shift


def estimate(x):
    """Intensity, target, and the matrix, by the definition."""
    n, d = len(x), len(x[0])
    mean = [sum(row[j] for row in x) / n for j in range(d)]
    z = [[row[j] - mean[j] for j in range(d)] for row in x]
    s = [[sum(row[i] * row[j] for row in z) / n for j in range(d)] for i in range(d)]
    mu = sum(s[i][i] for i in range(d)) / d
    d2 = sum((s[i][j] - (mu if i == j else 0)) ** 2 for i in range(d) for j in range(d))
    b2 = sum((row[i] * row[j] - s[i][j]) ** 2 for row in z for i in range(d) for j in range(d)) / mpf(n) ** 2
    r = mpf(1) if b2 >= d2 else b2 / d2
    return r, mu, [[(1 - r) * s[i][j] + (r * mu if i == j else 0) for j in range(d)] for i in range(d)]


def show(x):
    return mp.nstr(x, 25, strip_zeros=True, min_fixed=-4, max_fixed=12)


rows = []
for n, d in SIZES:
    for shift in SHIFTS:
        x = [[entry(i, j, shift) for j in range(d)] for i in range(n)]
        assert all(float(np.float32(float(v))) == v for row in x for v in row)
        r, mu, matrix = estimate(x)
        floats = np.array([[float(v) for v in row] for row in x])
        theirs, their_r = ledoit_wolf(floats)
        if d > 1:  # of one column S is the target, and anything between 0 and 1 the intensity; scikit-learn says 0
            assert abs(their_r - float(r)) < 1e-9, (n, d, shift, their_r, float(r))
        assert max(abs(theirs[i][j] - float(matrix[i][j])) for i in range(d) for j in range(d)) < 1e-9 * float(mu)
        square = sum(v * v for row in matrix for v in row)
        parts = [show(v) for v in (r, mu, matrix[0][0], matrix[d - 1][0], matrix[d - 1][d - 1], square)]
        rows.append(",".join([str(n), str(d), str(shift)] + parts + [repr(float(their_r))]))

with open(os.path.join(HERE, "shrinkage.csv"), "w") as out:
    out.write("# Ledoit and Wolf 2004: intensity, target mu, and entries of the covariance matrix (first, last row and first column,\n")
    out.write("# last; the sum of all squares) of n rows x_ij of d columns, from 0: x_ij = (c (j mod 3) + o (1 + j mod 2)) / 8 + shift,\n")
    out.write("# c = (7 i^2 + 3 i) mod 11 - 5, o = (i^3 + 5 i j + 3 j^2 + j i^2) mod 17 - 8. The last column is scikit-learn's intensity.\n")
    out.write("# By make_shrinkage.py, mpmath 1.4.1: 60 digits, 25 printed. Inputs are exact in binary32.\n")
    out.write("n,d,shift,intensity,target,first,corner,last,square,scikit_learn\n")
    out.write("\n".join(rows) + "\n")
