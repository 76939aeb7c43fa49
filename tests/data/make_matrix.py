#!/usr/bin/env python3
"""Writes bures.csv and hilbert.csv: distances of positive semi-definite matrices, and condition numbers.

    pip install mpmath==1.4.1 && python3 make_matrix.py

Every matrix is of whole numbers over a power of two, so that it is exact in binary64 and a singular one is singular. A distance
is its definition by way of roots, 2 tr (A^1/2 B A^1/2)^1/2, and a gradient the formula with the root of the pseudo-inverse; the
script asserts that gradients are those of differences along steps that keep the rank. Nothing is random but whole numbers from
a seed.
"""

import math
import os
import random

import mpmath
from mpmath import eye, matrix, mp, mpf

# A root of what should be 0 has half of the digits.
mp.dps = 110
HERE = os.path.dirname(os.path.abspath(__file__))
ZERO = mpf(10) ** -90
draw = random.Random(20260101)


def function(m, f):
    """Q f(D) Q' of a symmetric matrix."""
    values, q = mp.eigsy(m)
    most = max([abs(v) for v in values] + [mpf(0)])
    return q * mp.diag([f(v if abs(v) > ZERO * most else mpf(0)) for v in values]) * q.T


root = lambda m: function(m, mp.sqrt)
inverse_root = lambda m: function(m, lambda v: 1 / mp.sqrt(v) if v else mpf(0))
trace = lambda m: sum(m[i, i] for i in range(m.rows))


def squared(a, b):
    s = root(a)
    return trace(a) + trace(b) - 2 * trace(root(s * b * s))


def gradient(a, b):
    """In a."""
    s = root(b)
    return eye(a.rows) - s * inverse_root(s * a * s) * s


def whole(d, r, most):
    return matrix([[mpf(draw.randint(-most, most)) for _ in range(r)] for _ in range(d)])


def gram(x):
    return x * x.T


def graded(d, condition):
    """L D L', with L unit triangular and whole, turned over so that neither half is the better one."""
    l = matrix(d, d)
    for i in range(d):
        for j in range(d):
            l[i, j] = mpf(1) if i == j else mpf(draw.randint(-2, 2)) if i > j else mpf(0)
    logs = [math.log2(condition) * k / max(d - 1, 1) for k in range(d)]
    scales = mp.diag([mpf(2) ** round(t) for t in draw.sample(logs, d)])
    return l * scales * l.T


def spectrum(m):
    """The largest eigenvalue, the least that is not 0, and the rank."""
    values = sorted(mp.eigsy(m, eigvals_only=True))
    kept = [v for v in values if v > ZERO * max(values[-1], 1)]
    return (kept[-1], kept[0], len(kept)) if kept else (mpf(0), mpf(0), 0)


def check(x, b):
    """The gradient in X of A = X X' against a difference."""
    a = gram(x)
    step = whole(x.rows, x.cols, 3)
    h = mpf(10) ** -25
    difference = (squared(gram(x + h * step), b) - squared(gram(x - h * step), b)) / (2 * h)
    along = 2 * trace(x.T * gradient(a, b) * step)
    assert abs(difference - along) <= mpf(10) ** -18 * (1 + abs(along)), (difference, along)


def show(v):
    if abs(v) < mpf(10) ** -60:
        return "0"
    mantissa, _, exponent = mp.nstr(v, 25, min_fixed=-4).partition("e")
    return mantissa.removesuffix(".0") + ("e" + exponent if exponent else "")


def exact(v):
    assert mpf(float(v)) == v
    return repr(float(v)).removesuffix(".0")


def half(m):
    return [m[i, j] for i in range(m.rows) for j in range(i + 1)]


rows = []


def case(name, a, b):
    (a_most, a_least, a_rank), (b_most, b_least, b_rank) = spectrum(a), spectrum(b)
    s = root(a)
    values = [v for v in sorted(mp.eigsy(s * b * s, eigvals_only=True)) if v > ZERO * a_most * b_most]
    assert len(values) == min(a_rank, b_rank), "a kink has no gradient"
    shared = mp.sqrt(values[0]) if values else mpf(0)
    head = [name, str(a.rows), *map(show, [a_most, a_least, b_most, b_least, shared, squared(a, b)])]
    numbers = [exact(v) for m in (a, b) for v in half(m)] + [show(v) for m in (gradient(a, b), gradient(b, a)) for v in half(m)]
    rows.append(",".join(head + numbers))


for d in range(1, 7):
    x, y = whole(d, d, 9), whole(d, d, 9)
    while abs(mp.det(x)) < 1 or abs(mp.det(y)) < 1:
        x, y = whole(d, d, 9), whole(d, d, 9)
    check(x, gram(y))
    case("definite", gram(x), gram(y))
    case("equal", gram(x), gram(x))
    for bits in (10, 25):
        case(f"near {bits}", gram(x), gram(x) + gram(y) / 2**bits)
    for condition in (1e3, 1e6, 1e10):
        case(f"graded {condition:.0e}", graded(d, condition), graded(d, condition))
    case("graded against definite", graded(d, 1e10), gram(y))
    if d > 1:
        r, s = d - 1, max(1, d - 2)
        x, y = whole(d, r, 9), whole(d, s, 9)
        z = whole(d, r, 9)
        for m in (x, y, z):
            assert spectrum(gram(m))[2] == m.cols
        full = gram(whole(d, d, 9)) + eye(d)
        check(x, full)
        check(x, gram(y))
        check(x, gram(z))
        case("singular against definite", gram(x), full)
        case("definite against singular", full, gram(y))
        case("singular of equal ranks", gram(x), gram(z))
        case("singular of other ranks", gram(x), gram(y))
        case("singular and itself", gram(x), gram(x))
case("correlation", matrix([[1, mpf(0.95)], [mpf(0.95), 1]]), eye(2))
case("nothing against definite", matrix(2, 2), matrix([[2, 1], [1, 3]]))


def write(name, about, columns, lines):
    head = [*about, f"By make_matrix.py, mpmath {mpmath.__version__}: {mp.dps} digits, 25 printed. Inputs are exact in binary64."]
    text = "".join(f"# {line}\n" for line in head) + columns + "\n" + "".join(line + "\n" for line in lines)
    with open(os.path.join(HERE, name), "w", newline="\n") as out:
        out.write(text)
    print(f"{name}: {len(lines)} rows")


write(
    "bures.csv",
    [
        "Squared Bures distance tr A + tr B - 2 tr (A^1/2 B A^1/2)^1/2 of positive semi-definite matrices, with its gradients.",
        "Largest and least eigenvalue that is not 0 of A and of B, the least singular value of A^1/2 B^1/2 that is not 0; then",
        "the lower halves, row by row, of A, B, I - B^1/2 (B^1/2 A B^1/2)^+1/2 B^1/2 and the same with A and B exchanged.",
    ],
    "case,d,a_most,a_least,b_most,b_least,shared,value,halves",
    rows,
)

hilbert = []
for n in range(1, 11):
    scale = math.lcm(*range(1, 2 * n))
    h = matrix([[mpf(scale // (i + j + 1)) for j in range(n)] for i in range(n)])
    values = sorted(mp.eigsy(h, eigvals_only=True))
    inverse = h**-1
    norm = lambda m: max(sum(abs(m[i, j]) for j in range(n)) for i in range(n))
    hilbert.append(",".join([str(n), str(scale), *map(show, [values[-1], values[0], values[-1] / values[0], norm(h) * norm(inverse)])]))
write(
    "hilbert.csv",
    [
        "Hilbert matrices times the least common multiple of their denominators, scale / (i + j + 1) from 0: whole numbers.",
        "Largest and least singular value, condition number in the 2-norm, and in the 1-norm.",
    ],
    "n,scale,most,least,condition,condition_1",
    hilbert,
)
