#!/usr/bin/env python3
"""Writes gradient_variance.csv: exact means and variances of gradient estimators of E f(x), x ~ N(1, 1).

    pip install mpmath==1.4.1 && python3 make_gradient_variance.py

The set-up is that of Mohamed, Rosca, Figurnov and Mnih 2020, figures 2 and 3. Every number is its definition,
an expectation, by mpmath's Gauss-Legendre quadrature at 34 digits; the script asserts that a second quadrature, on
other intervals, gives the same to 1e-22. Nothing is random.
"""

import os

import mpmath
from mpmath import cos, erf, exp, mp, mpf, pi, quad, sin, sqrt

mp.dps = 34
HERE = os.path.dirname(os.path.abspath(__file__))
phi = lambda z: exp(-z * z / 2) / sqrt(2 * pi)


def expect(g, density, points):
    """E g twice, on intervals that share only their ends."""
    values = []
    for k in (1, 2):
        inner = [points[0]] + [a + (b - a) * i / (k + 1) for a, b in zip(points, points[1:]) for i in range(1, k + 2)]
        values.append(quad(lambda z: g(z) * density(z), inner, method="gauss-legendre"))
    assert abs(values[0] - values[1]) <= mpf(10) ** -22 * (1 + abs(values[0])), values
    return values[1]


LINE = [mpf(z) for z in range(-14, 15, 2)]
HALF = [mpf(r) for r in range(0, 15)]
normal = lambda g: expect(g, phi, LINE)
rayleigh = lambda g: expect(g, lambda r: r * exp(-r * r / 2), HALF)
maxwell = lambda g: expect(g, lambda m: m * m * phi(m), LINE)


def row(f, slope, integral):
    at = lambda z: f(1 + z)
    mean, square = normal(at), normal(lambda z: at(z) ** 2)
    lines = []
    for parameter, score, stretch in (("mu", lambda z: z, lambda z: mpf(1)), ("sigma", lambda z: z * z - 1, lambda z: z)):
        truth = normal(lambda z: at(z) * score(z))
        path = normal(lambda z: slope(1 + z) * stretch(z))
        assert abs(truth - path) < mpf(10) ** -20, (truth, path)
        of = lambda b: normal(lambda z: ((at(z) - b) * score(z)) ** 2) - truth**2
        best = normal(lambda z: at(z) * score(z) ** 2) / normal(lambda z: score(z) ** 2)
        by_path = normal(lambda z: (slope(1 + z) * stretch(z)) ** 2) - truth**2
        if parameter == "mu":
            c = 1 / sqrt(2 * pi)
            assert abs(c * rayleigh(lambda w: at(w) - at(-w)) - truth) < mpf(10) ** -20
            coupled = c * c * rayleigh(lambda w: (at(w) - at(-w)) ** 2) - truth**2
            apart = c * c * (rayleigh(lambda w: at(w) ** 2) + rayleigh(lambda w: at(-w) ** 2))
            apart -= c * c * (rayleigh(at) ** 2 + rayleigh(lambda w: at(-w)) ** 2)
        else:
            assert abs(maxwell(at) - mean - truth) < mpf(10) ** -20
            # E over U of f(1 + U m) is (F(1 + m) - F(1)) / m with F' = f; the density has the factor m^2.
            mixed = normal(lambda m: m * at(m) * (integral(1 + m) - integral(mpf(1))))
            coupled = maxwell(lambda m: at(m) ** 2) - 2 * mixed + square - truth**2
            apart = maxwell(lambda m: at(m) ** 2) - maxwell(at) ** 2 + square - mean**2
        lines.append((parameter, truth, of(0), of(mean), of(best), mean, best, by_path, coupled, apart))
    return lines


def show(v):
    return "0" if abs(v) < mpf(10) ** -20 else mp.nstr(v, 20, min_fixed=-4, max_fixed=8)


# A cost with its slope and its integral.
KINDS = {
    "square": lambda k: (lambda x: (x - k) ** 2, lambda x: 2 * (x - k), lambda x: (x - k) ** 3 / 3),
    "exp": lambda k: (
        lambda x: exp(-k * x * x),
        lambda x: -2 * k * x * exp(-k * x * x),
        lambda x: sqrt(pi / k) / 2 * erf(sqrt(k) * x),
    ),
    "cos": lambda k: (lambda x: cos(k * x), lambda x: -k * sin(k * x), lambda x: sin(k * x) / k),
}
COSTS = [("square", "-3"), ("square", "0"), ("square", "1"), ("square", "0.5"), ("exp", "0.1"), ("exp", "1"), ("exp", "3")]
COSTS += [("cos", "0.5"), ("cos", "1"), ("cos", "2")]

if __name__ == "__main__":
    head = f"""# Gradient of E f(x), x ~ N(mu = 1, sigma = 1), in mu and in sigma, and the variance of one draw of its estimators:
# square (x-k)^2, exp e^(-k x^2), cos cos(k x). score: the score function, with no baseline, with the mean E f, with the
# optimal constant E[f s^2]/E[s^2]; both baselines; pathwise; measure-valued, its two parts coupled and independent.
# By make_gradient_variance.py, mpmath {mpmath.__version__}: 34 digits, 20 printed, good to 1e-20.
"""
    text = head + "cost,k,parameter,true,score,score_mean,score_optimal,mean,optimal,pathwise,coupled,independent\n"
    for name, k in COSTS:
        # The tests read k as a double.
        for parameter, *numbers in row(*KINDS[name](mpf(float(k)))):
            text += f"{name},{k},{parameter}," + ",".join(map(show, numbers)) + "\n"
            print(text.splitlines()[-1], flush=True)
    with open(os.path.join(HERE, "gradient_variance.csv"), "w", newline="\n") as out:
        out.write(text)
