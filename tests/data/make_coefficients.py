"""The polynomials of src: best approximations by Remez' exchange, in 50 digits.

Prints each table, and asserts that it stands in the source as printed.
"""

import re
import struct
from pathlib import Path

from mpmath import mp, mpf

mp.dps = 50
WRONG = []
SRC = Path(__file__).parents[2] / "src" / "elementary"


def series(term, count=40):
    """The function that a power series defines, for arguments below a half."""
    return lambda x: mp.fsum(term(k) * x**k for k in range(count))


def remez(target, size, lo, hi, weight, grid=1201):
    """The polynomial of `size` coefficients of least max |weight (p - target)| on [lo, hi]."""
    centre, half = (mpf(lo) + mpf(hi)) / 2, (mpf(hi) - mpf(lo)) / 2
    points = [centre - half * mp.cos(mp.pi * i / grid) for i in range(grid + 1)]
    targets, weights = [target(x) for x in points], [abs(weight(x)) for x in points]
    powers = [[x**k for k in range(size)] for x in points]
    nodes = [round(grid * (2 * i + 1) / (2 * size + 2)) for i in range(size + 1)]
    for _ in range(40):
        a, b = mp.matrix(size + 1, size + 1), mp.matrix(size + 1, 1)
        for row, i in enumerate(nodes):
            for k in range(size):
                a[row, k] = powers[i][k]
            a[row, size], b[row] = (-1) ** row / weights[i], targets[i]
        c = list(mp.lu_solve(a, b))[:size]
        errors = [w * (mp.fdot(c, p) - t) for w, p, t in zip(weights, powers, targets)]
        peaks = []  # the largest of each run of one sign
        for i, e in enumerate(errors):
            if peaks and (errors[peaks[-1]] > 0) == (e > 0):
                if abs(e) > abs(errors[peaks[-1]]):
                    peaks[-1] = i
            else:
                peaks.append(i)
        while len(peaks) > size + 1:
            peaks.pop(0 if abs(errors[peaks[0]]) < abs(errors[peaks[-1]]) else -1)
        if peaks == nodes:
            return c
        assert len(peaks) == size + 1, "no alternation"
        nodes = peaks
    raise AssertionError("no convergence")


def single(x):
    """The shortest decimal of the nearest binary32."""
    near = struct.unpack("f", struct.pack("f", float(x)))[0]
    digits = (f"{near:.{n}g}" for n in range(1, 18))
    return next(d for d in digits if struct.unpack("f", struct.pack("f", float(d)))[0] == near)


def double(x):
    return repr(float(x))


def check(name, file, values, shortest, report=""):
    texts = [shortest(v) for v in values]
    source = (SRC / file).read_text()
    found = re.search(rf"const {name}: [^=]*= ([^;]*);", source).group(1)
    stand = re.findall(r"-?[\d._]+(?:e-?\d+)?", found.replace("std::f64::consts::TAU", double(mp.pi * 2)).replace("std::f32::consts::TAU", single(mp.pi * 2)))
    print(f"{file} {name} {report}\n    " + "\n    ".join(texts))
    if [float(t) for t in texts] != [float(s.replace("_", "")) for s in stand]:
        WRONG.append((name, file))


def table(name, file, target, size, lo, hi, weight, first=None):
    """Solve, round, and say the error of the rounded polynomial in units of 2^-24 or 2^-53."""
    shortest, digits = (single, 24) if file == "single.rs" else (double, 53)
    if first is None:
        c = remez(target, size, lo, hi, weight)
    else:
        c = [mpf(first)] + remez(lambda x: (target(x) - first) / x, size - 1, lo, hi, lambda x: weight(x) * x)
    rounded = [mpf(float(shortest(x))) for x in c]
    points = [lo + (hi - lo) * mpf(i) / 2001 for i in range(1, 2002)]
    worst = max(abs(weight(x) * (mp.polyval(rounded[::-1], x) - target(x))) for x in points)
    check(name, file, c, shortest, f"(error {mp.nstr(worst * 2**digits, 3)} * 2^-{digits})")


# (e^r - 1 - r) / r^2, where n = x / ln 2 is rounded: a little beyond half of ln 2.
bend = series(lambda k: 1 / mp.factorial(k + 2))
half = mp.log(2) / 2 * mpf("1.0005")
table("EXP", "single.rs", bend, 5, -half, half, lambda r: r**2 / mp.expm1(r))
table("EXP_M1", "single.rs", bend, 6, -half, half, lambda r: 1 / bend(r))
table("EXP", "double.rs", bend, 11, -half, half, lambda r: 1 / bend(r))


# (ln(1 + f) - f) / f^2.
near = series(lambda k: mpf(-1) ** (k + 1) / (k + 2))
def log_bend(f):
    return near(f) if abs(f) < mpf("1e-2") else (mp.log1p(f) - f) / f**2


# 2 artanh(s) = 2 s + s z (...), z = s^2.
artanh = series(lambda z: mpf(2) / (2 * z + 3), 80)
low, high = mp.sqrt(0.5) - 1, mp.sqrt(2) - 1
table("LN", "single.rs", log_bend, 9, low, high, lambda f: f**2 / mp.log1p(f))
table("LN_1P", "single.rs", log_bend, 10, low, high, lambda f: 1 / log_bend(f))
table("LN", "double.rs", artanh, 7, mpf(0), (high / (2 + high)) ** 2, lambda z: z / 2)
table("LN_1P_UNIT", "single.rs", log_bend, 11, mpf("1e-9"), mpf(1), lambda t: t**2 / mp.log1p(t), first=-0.5)
table("LN_1P_UNIT", "double.rs", artanh, 10, mpf(0), mpf(1) / 9, lambda z: z / 2)

# sin(2 pi r) = 2 pi r + r^3 (...), cos(2 pi r) = 1 + r^2 (...), in z = r^2 up to an eighth of a turn.
tau = 2 * mp.pi
sine = series(lambda k: (-1) ** (k + 1) * tau ** (2 * k + 3) / mp.factorial(2 * k + 3))
cosine = series(lambda k: (-1) ** (k + 1) * tau ** (2 * k + 2) / mp.factorial(2 * k + 2))
eighth = mpf(1) / 64
for file, sines, cosines in (("single.rs", 3, 4), ("double.rs", 6, 7)):
    table("SIN", file, sine, sines, mpf(0), eighth, lambda z: z / tau)
    table("COS", file, cosine, cosines, mpf(0), eighth, lambda z: z / mp.sqrt(0.5))

# ln Gamma(1 + r) and its derivative. To r = 2 in t = x / (3 + x), x = r - 1, which moves the pole at r = -1 to
# infinity; from there in u = 1 / r, what is left of Stirling's formula.
gamma = "../distribution/gumbel_kl.rs"
euler = mp.euler


def near_one(tail, value):
    """A function of x as one of t; by `tail`, its power series, next to 0."""
    def at(t):
        x = 3 * t / (1 - t)
        return tail(x) if abs(x) < mpf("1e-3") else value(x)
    return at


bent = near_one(lambda x: mp.fsum((-1) ** k * (mp.zeta(k) - 1) / k * x ** (k - 2) for k in range(2, 24)),
               lambda x: (mp.loggamma(2 + x) - (1 - euler) * x) / x**2)
bent_slope = near_one(lambda x: mp.fsum((-1) ** k * (mp.zeta(k) - 1) * x ** (k - 2) for k in range(2, 24)),
                     lambda x: (mp.digamma(2 + x) - (1 - euler)) / x)
table("BENT", gamma, bent, 19, mpf(-1) / 2, mpf(1) / 4, lambda t: 1 / bent(t))
table("BENT_SLOPE", gamma, bent_slope, 19, mpf(-1) / 2, mpf(1) / 4, lambda t: 1 / bent_slope(t))


def stirling(u):
    """r (ln Gamma(1 + r) - (r + 1/2) ln r + r - ln(2 pi) / 2) at r = 1 / u."""
    r = 1 / u
    return r * (mp.loggamma(1 + r) - (r + mpf(1) / 2) * mp.log(r) + r - mp.log(2 * mp.pi) / 2)


def stirling_slope(u):
    """r^2 (ln r + 1/(2r) - digamma(1 + r)) at r = 1 / u."""
    r = 1 / u
    return r**2 * (mp.log(r) + u / 2 - mp.digamma(1 + r))


low = mpf("1e-12")
table("STIRLING", gamma, stirling, 14, low, mpf(1) / 2, lambda u: u / mp.loggamma(1 + 1 / u))
table("STIRLING_SLOPE", gamma, stirling_slope, 15, low, mpf(1) / 2, lambda u: u**2 / mp.digamma(1 + 1 / u))

# Constants in two parts: the first of ln 2 short enough for an exact product with any exponent.
for file, shortest, bits in (("single.rs", single, 16), ("double.rs", double, 41)):
    head = mp.ldexp(mp.nint(mp.ldexp(mp.log(2), bits)), -bits)
    check("LN_2", file, [head, mp.log(2) - head], shortest)
    head = mpf(float(shortest(tau))) if file == "double.rs" else mpf(struct.unpack("f", struct.pack("f", float(tau)))[0])
    check("TAU", file, [head, tau - head], shortest)

assert not WRONG, WRONG
