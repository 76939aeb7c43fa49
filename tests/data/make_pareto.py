#!/usr/bin/env python3
"""Writes pareto.csv: Pareto shapes and smoothed log-weights of whole-number tables, in high precision.

    pip install mpmath==1.4.1 && python3 make_pareto.py

The log-weights are log w_s = v_s^2 / 2^e with v_s = (7919 s + 12345) mod 4096, s = 0, ..., k - 1: exact in binary32. The fit is
written from the papers, Zhang and Stephens 2009 and Vehtari, Simpson, Gelman, Yao and Gabry 2024 (the shape drawn to 1/2 by ten
ratios, the scale from the fit before that), in 50 digits. Nothing is random.
"""

import os

from mpmath import ceil, exp, expm1, floor, log, mp, mpf, sqrt

mp.dps = 50
HERE = os.path.dirname(os.path.abspath(__file__))
CASES = [(21, 20), (25, 21), (100, 20), (100, 18), (225, 19), (1000, 20), (1000, 22), (1000, 18), (4000, 21), (4000, 16)]


def fit(x):
    """x rises. Shape before the prior, and scale."""
    n = len(x)
    m = 30 + int(floor(sqrt(mpf(n))))
    quartile = x[int(floor(mpf(n) / 4 + mpf(1) / 2)) - 1]
    theta = [1 / x[-1] + (1 - sqrt(m / (mpf(i) - mpf(1) / 2))) / (3 * quartile) for i in range(1, m + 1)]

    def profile(b):
        k = -sum(log(1 - b * v) for v in x) / n
        return n * (log(b / k) + k - 1)

    levels = [profile(b) for b in theta]
    weights = [1 / sum(exp(other - own) for other in levels) for own in levels]
    b = sum(t * w for t, w in zip(theta, weights))
    # In the sign of the importance-sampling papers: heavy tails have positive shapes.
    shape = sum(log(1 - b * v) for v in x) / n
    return shape, -shape / b


rows = []
for k, e in CASES:
    log_w = [mpf(((7919 * s + 12345) % 4096) ** 2) / 2**e for s in range(k)]
    m = int(ceil(min(mpf(k) / 5, 3 * sqrt(mpf(k)))))
    order = sorted(range(k), key=lambda s: log_w[s])
    tail, u, most = order[-m:], exp(log_w[order[-m - 1]]), exp(log_w[order[-1]])
    raw, scale = fit([exp(log_w[s]) - u for s in tail])
    shape = (m * raw + 5) / (m + 10)

    def smooth(z):
        p = (z - mpf(1) / 2) / m
        return log(min(u + scale * expm1(-shape * log(1 - p)) / shape, most))

    picks = [1, (m + 1) // 2, m - 1]
    values = [shape] + [smooth(z) for z in picks]
    places = [tail[z - 1] for z in picks]
    rows.append(",".join([f"{k},{e}", *map(str, places), *(mp.nstr(v, 25) for v in values)]))

with open(os.path.join(HERE, "pareto.csv"), "w") as f:
    f.write("# log w_s = v_s^2 / 2^e, v_s = (7919 s + 12345) mod 4096, s < k; the Pareto shape of the largest ratios, and the\n")
    f.write("# smoothed log-weights of three of them, at places s1, s2, s3. Made by make_pareto.py.\n")
    f.write("k,e,s1,s2,s3,shape,log_w1,log_w2,log_w3\n")
    f.write("\n".join(rows) + "\n")
