"""Writes full_gaussian.csv: values and derivatives of Gaussians with full covariances, from their definitions.

Needs mpmath; 60 digits. Nothing here knows a Cholesky factor: inverses and determinants are mpmath's LU of the matrices
themselves, whose entries are the doubles that the table names.

    python make_full_gaussian.py > full_gaussian.csv
"""

import random

from mpmath import diag, log, matrix, mp, mpf, pi, qr

mp.dps = 60


def rotation(rng, d):
    return qr(matrix([[mpf(rng.gauss(0, 1)) for _ in range(d)] for _ in range(d)]))[0]


def covariance(rng, d, condition):
    """Symmetric, of doubles, with eigenvalues from 1 / condition to 1."""
    steps = [mpf(k) / max(d - 1, 1) for k in range(d)]
    q = rotation(rng, d)
    s = q * diag([mpf(condition) ** -t for t in steps]) * q.T
    s = s * mpf(rng.uniform(0.5, 4.0))
    return matrix([[mpf(float(s[max(i, j), min(i, j)])) for j in range(d)] for i in range(d)])


def vector(rng, d):
    return matrix([mpf(rng.gauss(0, 1)) for _ in range(d)])


def rows(case, condition, quantity, value):
    number = lambda x: mp.nstr(x, 20, strip_zeros=True)
    if not isinstance(value, matrix):
        yield f"{case},{condition:g},{quantity},0,0,{number(value)}"
        return
    for i in range(value.rows):
        for j in range(value.cols):
            yield f"{case},{condition:g},{quantity},{i},{j},{number(value[i, j])}"


def case(rng, d, condition):
    s, p = covariance(rng, d, condition), covariance(rng, d, min(condition, 1e6))
    m, n, x = (vector(rng, d) for _ in range(3))
    si, pi_ = s ** -1, p ** -1
    r, t = x - m, m - n
    ln_det = lambda a: log(mp.det(a))
    yield "covariance", s
    yield "mean", m
    yield "other_covariance", p
    yield "other_mean", n
    yield "x", x
    yield "log_prob", -((r.T * si * r)[0] + ln_det(s) + d * log(2 * pi)) / 2
    yield "log_prob_mean", si * r
    yield "log_prob_covariance", (si * r * r.T * si - si) / 2
    yield "entropy", (d * (1 + log(2 * pi)) + ln_det(s)) / 2
    yield "entropy_covariance", si / 2
    product = pi_ * s
    trace = sum(product[i, i] for i in range(d))
    yield "kl", (trace + (t.T * pi_ * t)[0] - d + ln_det(p) - ln_det(s)) / 2
    yield "kl_mean", pi_ * t
    yield "kl_covariance", (pi_ - si) / 2
    yield "kl_other_covariance", (pi_ - pi_ * (s + t * t.T) * pi_) / 2


print("# Gaussians N(mean, covariance) and N(other_mean, other_covariance) of d = 1 to 6 coordinates, with covariances of")
print("# condition numbers 1 to 1e12 (of the other one at most 1e6): log-density at x, entropy, and Kullback-Leibler")
print("# divergence of the first from the other, each with its derivatives in means and covariances: G with")
print("# df = tr(G dS) for symmetric steps. Matrices are symmetric and exact in f64; values from the definitions with 60")
print("# digits of mpmath, by make_full_gaussian.py.")
print("case,condition,quantity,i,j,value")
rng = random.Random(7)
number = 0
for d in range(1, 7):
    for condition in (1e0, 1e3, 1e6, 1e9, 1e12) if d > 1 else (1e0,):
        for quantity, value in case(rng, d, condition):
            print("\n".join(rows(number, condition, quantity, value)))
        number += 1
