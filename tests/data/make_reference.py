#!/usr/bin/env python3
"""Writes the reference tables of this directory (*.csv): values and derivatives to 25 digits.

    pip install mpmath==1.4.1 && python3 make_reference.py

Every value is its definition, evaluated with mpmath as it stands. Where the definition cancels
(e^x-1-x at 2^-140, the entropy at a logit of 1e4), it is evaluated in as many digits as the
cancellation costs, and never in a rearranged form. Every derivative is the textbook expression,
and is checked against a numerical derivative of the value (mp.diff). The divergences of Gaussian,
Laplace and Gumbel laws are checked against a quadrature. Every input is exactly a binary32, so that a table serves f32
and f64 alike. Nothing is random; running this again gives the same bytes.
"""

import math
import os
import struct

import mpmath
from mpmath import erfc, exp, inf, log, mp, mpf, pi, sqrt

mp.dps = 50
HERE = os.path.dirname(os.path.abspath(__file__))


# ---- evaluation ---------------------------------------------------------------------------------

def digits(args):
    """Digits that leave 50 right ones after any cancellation of e^a or a^2 against 1."""
    lost = 0
    for a in args:
        lost += 2 * abs(a) / math.log(10) if abs(a) < 2e4 else 0
        lost += 2 * abs(math.log10(abs(a))) if a else 0
    return 60 + math.ceil(lost)


def table_row(args, value, partials):
    """The value and its partial derivative in each argument at `args`, to 50 digits."""
    n = digits(args)
    with mp.workdps(n):
        point = [mpf(a) for a in args]
        results = [value(*point)]
        for i, partial in enumerate(partials):
            d = partial(*point)
            slope = mp.diff(lambda t: value(*point[:i], t, *point[i + 1:]), point[i])
            assert abs(slope - d) <= 1e-25 * abs(d) + mpf(10) ** (30 - n), (args, i, d, slope)
            results.append(d)
    with mp.workdps(2 * n):  # more digits must not change the digits that are printed
        again = value(*[mpf(a) for a in args])
        assert abs(again - results[0]) <= 1e-30 * abs(again), args
    return [+r for r in results]


# ---- printing -----------------------------------------------------------------------------------

def show_input(a):
    """The shortest decimal that reads back as this double, which must be a binary32."""
    a = float(a)
    assert struct.unpack("f", struct.pack("f", a))[0] == a, f"{a!r} is not a binary32"
    return repr(a).removesuffix(".0")


def show(v):
    """25 significant digits, trailing zeros dropped; below about 1e-40000, plain 0."""
    if v in (inf, -inf):
        return "inf" if v > 0 else "-inf"
    if v == 0 or mp.mag(v) < -(1 << 17):
        return "0"
    mantissa, _, exponent = mp.nstr(v, 25, min_fixed=-4).partition("e")
    return mantissa.removesuffix(".0") + ("e" + exponent if exponent else "")


def write(name, about, columns, rows):
    assert len(set(rows)) == len(rows), f"{name}: a row twice"
    assert all(row.count(",") == columns.count(",") for row in rows), name
    head = [
        *about,
        f"By make_reference.py, mpmath {mpmath.__version__}: {mp.dps} digits, 25 printed. Inputs are exact in binary32.",
    ]
    text = "".join(f"# {line}\n" for line in head) + columns + "\n" + "".join(r + "\n" for r in rows)
    with open(os.path.join(HERE, name), "w", newline="\n") as out:
        out.write(text)
    print(f"{name}: {len(rows)} rows, {len(text)} bytes")


def row(inputs, outputs):
    return ",".join([show_input(a) for a in inputs] + [show(v) for v in outputs])


# ---- points -------------------------------------------------------------------------------------

def f32(x):
    """The binary32 nearest to x."""
    return struct.unpack("f", struct.pack("f", x))[0]


LN2_BELOW, LN2_ABOVE = 11629079 * 2.0**-24, 11629080 * 2.0**-24  # the binary32 on either side
SMALL = [2.0**-140, 2.0**-100, f32(1e-8), 2.0**-24, 2.0**-12, 2.0**-7]
MEDIUM = [0.125, 0.5, LN2_BELOW, LN2_ABOVE, 0.75, 1.0, 1.5, 4.0]
LARGE = [9.0, 20.0, 50.0, 88.0, 104.0, 700.0, 1e4]


def both_signs(magnitudes):
    return sorted({s * m + 0.0 for m in magnitudes for s in (-1.0, 1.0)})


# ---- the tables ---------------------------------------------------------------------------------

def special():
    line = both_signs([0.0, *SMALL[:5], *MEDIUM, *LARGE])
    line = [x for x in line if abs(x) not in (LN2_BELOW, 0.75, 9.0)]
    coarse = [x for x in line if abs(x) not in (2.0**-100, 0.125)]
    negative = [-a for a in reversed(SMALL + MEDIUM + LARGE)] + [
        -f32(1e-30), -2.0**-60, -2.0**-30, -2.0**-18, -0.03125, -0.25, -0.625, -0.6875, -0.703125,
        -2.0, -2.5, -6.0, -14.0, -16.5, -30.0, -37.0, -300.0]
    unit = SMALL + [0.03125, 0.125, 0.25, 0.375, 0.5 - 2.0**-12, 0.5 - 2.0**-25, 0.5,
                    0.5 + 2.0**-24, 0.5 + 2.0**-12, 0.625, 0.75, 0.875, 0.96875]
    unit += [1 - 2.0**-k for k in (7, 12, 16, 20, 23, 24)]
    unit += [2.0**-k for k in (126, 30, 20)] + [f32(0.1), f32(0.9)]
    above_minus_one = [-1 + 2.0**-24, -1 + 2.0**-12, -0.96875, -0.875]
    above_minus_one += [-a for a in SMALL + MEDIUM[:5]] + [-0.25, -0.625, -0.03125]
    above_minus_one += [0.0, *SMALL, 0.125, 0.5, LN2_ABOVE, 1.0, 4.0, 20.0, 88.0, 700.0, 1e4, 2.0**100]
    one = [
        ("softplus", lambda x: log(1 + exp(x)), lambda x: exp(x) / (1 + exp(x)), coarse),
        ("log_sigmoid", lambda x: -log(1 + exp(-x)), lambda x: exp(-x) / (1 + exp(-x)), coarse),
        ("sigmoid", lambda x: 1 / (1 + exp(-x)), lambda x: exp(-x) / (1 + exp(-x)) ** 2, coarse),
        ("logit", lambda p: log(p / (1 - p)), lambda p: 1 / (p * (1 - p)), unit),
        ("log1m_exp", lambda x: log(1 - exp(x)), lambda x: -exp(x) / (1 - exp(x)), negative),
        ("exp_m1_mx", lambda x: exp(x) - 1 - x, lambda x: exp(x) - 1, line),
        ("ln_1p_mx", lambda x: log(1 + x) - x, lambda x: 1 / (1 + x) - 1, above_minus_one),
    ]
    rows = []
    for name, value, derivative, points in one:
        for x in sorted(set(points)):
            v, d = table_row([x], value, [derivative])
            rows.append(f"{name},{show_input(x)},,{show(v)},{show(d)},")

    pairs = [(0, 0), (1, 1), (1e4, 1e4), (-1e4, -1e4), (-700, -700), (-LN2_BELOW, -LN2_BELOW),
             (-LN2_ABOVE, -LN2_ABOVE), (-LN2_ABOVE, -LN2_BELOW), (f32(math.log(0.25)), f32(math.log(0.75))),
             (-2.0**-140, 2.0**-140), (2.0**-100, 0), (1e4, -1e4), (-1e4, 1e4), (700, -700),
             (-88, 88), (104, 1e4), (-1e4, -700), (1, -LN2_ABOVE), (-104, -103), (0.5, 1 + 2.0**-23)]
    pairs += [(0, b) for b in both_signs([2.0**-24, 0.5, 20, 88, 104, 1e4])]
    pairs += [(-4, -4 + d) for d in (2.0**-12, 0.6875, 20, -50, -700)]
    for x, y in pairs:
        v, dx, dy = table_row([x, y], lambda a, b: log(exp(a) + exp(b)),
                              [lambda a, b: exp(a) / (exp(a) + exp(b)),
                               lambda a, b: exp(b) / (exp(a) + exp(b))])
        rows.append("log_add_exp," + row([x, y], []) + "," + ",".join(map(show, (v, dx, dy))))

    # x ln y is 0 wherever x is 0: at y = 0 too, where its derivatives from the inside are
    # -inf in x and 0 in y.
    ends = [(0, 0, 0, -inf, 0), (1, 0, -inf, -inf, inf)]
    pairs = [(0, y) for y in (2.0**-140, 0.5, 1, 1e4)]
    pairs += [(x, y) for x in (2.0**-140, 0.5) for y in (2.0**-140, 1 - 2.0**-24, 1, 1 + 2.0**-23, 1e4)]
    pairs += [(1, y) for y in (2.0**-100, 2.0**-12, 0.5, 1 - 2.0**-12, 2, 20, 2.0**100)]
    pairs += [(-1, 0.5), (20, 0.75), (50, 2.0**-24), (88, 104), (700, f32(1e-8)),
              (1e4, 2.0**-140), (1e4, 1 - 2.0**-24), (1e4, 1e4), (1.5, f32(math.e)),
              (0.25, 0.25), (2.0**-24, 2.0**-24), (2.0**100, 1 + 2.0**-23)]
    for x, y in pairs:
        results = table_row([x, y], lambda a, b: a * log(b), [lambda a, b: log(b), lambda a, b: a / b])
        rows.append("xlogy," + row([x, y], results))
    rows += ["xlogy," + row(end[:2], map(mpf, end[2:])) for end in ends]

    pairs = [(0, y) for y in (-0.5, 0, 2.0**-140, 1e4)]
    pairs += [(x, y) for x in (2.0**-140, 0.5)
              for y in (-1 + 2.0**-24, -2.0**-24, -2.0**-100, 0, 2.0**-140, 2.0**-12, 1e4)]
    pairs += [(1, y) for y in (-0.75, -0.5, -2.0**-12, f32(1e-8), 0.5, 1, 20, 2.0**100)]
    pairs += [(-1, -0.5), (20, -0.25), (50, 2.0**-24), (88, 104), (700, -f32(1e-8)),
              (1e4, -1 + 2.0**-24), (1e4, 2.0**-140), (2.0**-24, -2.0**-24), (2.0**100, -2.0**-24)]
    for x, y in pairs:
        results = table_row([x, y], lambda a, b: a * log(1 + b), [lambda a, b: log(1 + b), lambda a, b: a / (1 + b)])
        rows.append("xlog1py," + row([x, y], results))
    rows += ["xlog1py," + row([end[0], -1], map(mpf, end[2:])) for end in ends]

    write("special.csv", [
        "Special functions: value, and derivative in x and in y (y and d_y are empty for one argument).",
        "softplus ln(1+e^x), log_sigmoid -ln(1+e^-x), sigmoid 1/(1+e^-x), logit ln(x/(1-x)),",
        "log1m_exp ln(1-e^x), exp_m1_mx e^x-1-x, ln_1p_mx ln(1+x)-x, log_add_exp ln(e^x+e^y),",
        "xlogy x ln y and xlog1py x ln(1+y), both 0 at x = 0 (derivatives at the edge: from the inside).",
    ], "function,x,y,value,d_x,d_y", rows)


def density(x, loc, log_scale):
    scale = exp(log_scale)
    return exp(-((x - loc) / scale) ** 2 / 2) / (scale * sqrt(2 * pi))


def gaussian_cdf(x, loc, log_scale):
    return erfc((loc - x) / (exp(log_scale) * sqrt(2))) / 2


def gaussian():
    z = lambda x, m, s: (x - m) / exp(s)
    points = [(x, 0, 0) for x in both_signs([0, 2.0**-140, 2.0**-12, 0.5, 1, 2, 3.5, 5.5, 8, 13, 20, 37])]
    points += [(3, 3, s) for s in (-300, -1, 1, 300)]
    points += [(3 + d, 3, s) for s, d in ((-10, 2.0**-20), (-10, -2.0**-12), (-10, 2.0**-10), (-1, -2), (-1, 8),
                                          (-1, 13.5), (1, 2.0**-20), (1, -20), (1, 100), (10, -1), (10, 1e4), (10, -8e5))]
    points += [(2.0**-140, 0, -300), (-2.0**-100, 0, -300), (1, 0.5, -300), (-1e4, 1e4, -300),
               (1, 0.5, 300), (-2.0**100, 2.0**100, 300), (2.0**127, 0, 300), (2.0**-140, 2.0**-139, 300)]
    points += [(2.0**-12, -2.0**-12, -7), (1e4 + 2.0**-10, 1e4, -7), (2.0**23 + 1, 2.0**23, 0.5),
               (-0.75, 0.25, -0.125), (1e4, -1e4, 6.5), (104, 88, -2.0**-12), (0.5, -1.25, 2.0**-24),
               (1 + 2.0**-23, 1, -16)]
    rows = []
    for p in points:
        v, dx, dm, ds = table_row(
            p, lambda x, m, s: log(density(x, m, s)),
            [lambda x, m, s: -z(x, m, s) / exp(s), lambda x, m, s: z(x, m, s) / exp(s),
             lambda x, m, s: z(x, m, s) ** 2 - 1])
        with mp.workdps(digits(p)):
            cdf = gaussian_cdf(*map(mpf, p))
        rows.append(row(p, [v, dm, ds, dx, cdf]))
    write("gaussian.csv", [
        "Univariate normal with standard deviation e^log_scale: ln of the density at x, its derivatives,",
        "and the distribution function at x (from erfc).",
    ], "x,loc,log_scale,log_prob,d_loc,d_log_scale,d_x,cdf", rows)


def gaussian_quantile():
    lower = [2.0**-k for k in (126, 120, 100, 80, 60, 50, 40, 34, 30, 27, 24, 20, 16, 14, 12, 10, 8, 7, 6, 5)]
    middle = [f32(0.02425), f32(0.1), 0.125, 0.25, 0.375, 0.5 - 2.0**-12, 0.5 - 2.0**-25, 0.5, 0.5 + 2.0**-24]
    middle += [0.5 + 2.0**-12, 0.5625, 0.75, f32(0.9), 0.96875]
    upper = [1 - 2.0**-k for k in (7, 10, 12, 16, 20, 23, 24)]
    rows = []
    for p in sorted(lower + middle + upper):
        with mp.workdps(100):
            target = mpf(p)
            start = mp.sign(target - 0.5) * sqrt(-2 * log(2 * min(target, 1 - target)))
            miss = lambda q: log(gaussian_cdf(q, 0, 0)) - log(target)
            q = mpf(0) if p == 0.5 else mp.findroot(miss, (start, start * (1 - mpf(2) ** -4)))
            assert abs(gaussian_cdf(q, 0, 0) / target - 1) < 1e-60, p
        rows.append(row([p], [+q]))
    write("gaussian_quantile.csv", ["Standard normal: the x at which the distribution function is p."], "p,quantile", rows)


def student():
    rows = []
    for n in (1, 2, 3, 4, 5, 9, 19, 39, 41, 99, 1000, 10**5, 10**7):
        # With tan(a) = t / sqrt(n) the chance of |T| <= t is the integral of cos(u)^(n-1) to a, over that to pi / 2.
        whole = sqrt(pi) * mp.gamma(n / mpf(2)) / (2 * mp.gamma((n + 1) / mpf(2)))
        within = lambda a: mp.quad(lambda u: mp.cos(u) ** (n - 1), mp.linspace(0, a, 9)) / whole
        for level in (2.0**-20, f32(0.1), 0.5, f32(0.9), f32(0.95), f32(0.99), 1 - 2.0**-10, 1 - 2.0**-24):
            # The chance is concave in a: Newton's steps from 0 rise to its root.
            a, step = mpf(0), mpf(1)
            while step > 1e-40 * a:
                step = (mpf(level) - within(a)) * whole / mp.cos(a) ** (n - 1)
                a += step
            t = sqrt(n) * mp.tan(a)
            if n < 100:
                outside = mp.betainc(n / mpf(2), mpf(1) / 2, 0, n / (n + t * t), regularized=True)
                assert abs(1 - outside - level) < 1e-38, (n, level)
            rows.append(row([n, level], [t, mp.cos(a) ** (n + 1) / (2 * whole * sqrt(n))]))
    write("student.csv", [
        "Student's law: the t with P(|T| <= t) = level, by degrees of freedom, and the density there.",
    ], "degrees,level,t,density", rows)


def gaussian_kl():
    def kl(m, s, n, t):
        return t - s + (exp(2 * s) + (m - n) ** 2) / (2 * exp(2 * t)) - mpf(1) / 2

    partials = [lambda m, s, n, t: (m - n) / exp(2 * t), lambda m, s, n, t: exp(2 * s) / exp(2 * t) - 1,
                lambda m, s, n, t: (n - m) / exp(2 * t),
                lambda m, s, n, t: 1 - (exp(2 * s) + (m - n) ** 2) / exp(2 * t)]
    near = []
    for k in (12, 20):
        h = 2.0**-k
        near += [(h, 0, 0, 0), (0, h, 0, 0), (0, -h, 0, 0), (1 + h, -1, 1, -1), (1, -1 - h, 1, -1),
                 (-0.5 - h, 0.75 + h, -0.5, 0.75), (1 - h, 4 - h if k == 12 else 4, 1, 4)]
    moderate = [(1, 0, 0, 0), (-2, 0.5, 0, 0), (0, 1, 0, 0), (0, -1, 0, 0), (0.5, -2, 0, 0), (4, -0.125, 0, 0),
                (0, 0, 1, 1), (0, 0, -1, -1), (3, 1, -2, 0.5), (-0.25, -1.5, 0.25, -0.5), (20, 1, 18, 2),
                (1e4, 0.5, 1e4 + 0.5, 0.25), (0.125, 2, -0.125, -1), (f32(0.1), f32(-0.3), f32(0.7), f32(0.2))]
    equal = [(0, 0, 0, 0), (1.5, -1, 1.5, -1), (-1e4, 30, -1e4, 30), (0.125, -30, 0.125, -30)]
    far = [(0, -30, 0, 0), (0, 30, 0, 0), (1, -10, 0, 0), (-1, 10, 0, 0), (50, -20, 0, 0), (1e4, 0, 0, 0), (2.0**-100, 0, 0, 0),
           (0, 0, 1, -30), (0, 0, 1, 30), (0, -30, 0, 30), (0, 30, 0, -30), (2, -30, 1, -30), (2, 30, 1, 30),
           (0.5, -30 + 2.0**-12, 0.5, -30), (0.5, 30 - 2.0**-12, 0.5 + 2.0**-12, 30), (-1e4, 10, 1e4, 9.5)]
    rows = []
    for p in equal + near + moderate + far:
        results = table_row(p, kl, partials)
        if p in near + moderate:
            m, s, n, t = map(mpf, p)
            def integrand(x):
                z, w = (x - m) / exp(s), (x - n) / exp(t)
                return density(x, m, s) * ((-z * z / 2 - s) - (-w * w / 2 - t))
            quadrature = mp.quad(integrand, [m + k * exp(s) for k in range(-16, 17, 2)])
            assert abs(quadrature / results[0] - 1) < 1e-20, p
        rows.append(row(p, results))
    write("gaussian_kl.csv", [
        "KL(q || p) in nats of univariate normals with standard deviations e^log_scale, and its derivatives.",
    ], "loc_q,log_scale_q,loc_p,log_scale_p,kl,d_loc_q,d_log_scale_q,d_loc_p,d_log_scale_p", rows)


# ---- other laws of location and scale: densities, distribution functions and quantiles in z ------

def gumbel_cdf(z):
    return exp(-exp(-z))


LAWS = {
    "laplace": (lambda z: exp(-abs(z)) / 2, lambda z: -mp.sign(z),
                lambda z: exp(z) / 2 if z < 0 else 1 - exp(-z) / 2,
                lambda p: log(2 * p) if p < 0.5 else -log(2 * (1 - p))),
    "logistic": (lambda z: exp(-z) / (1 + exp(-z)) ** 2, lambda z: (1 - exp(z)) / (1 + exp(z)),
                 lambda z: 1 / (1 + exp(-z)), lambda p: log(p / (1 - p))),
    "gumbel": (lambda z: exp(-z - exp(-z)), lambda z: exp(-z) - 1, gumbel_cdf, lambda p: -log(-log(p))),
}


def loc_scale_law(name, about, zs, further):
    """The table of a law: its density and the slope of its logarithm in z, by its definition."""
    density_of, slope_of, cdf_of, _ = LAWS[name]
    z = lambda x, m, s: (x - m) / exp(s)
    points = [(x, 0, 0) for x in both_signs(zs)]
    points += [(3, 3, s) for s in (-30, -1, 1, 300)]
    points += [(3 + d, 3, s) for s, d in ((-10, 2.0**-20), (-10, -2.0**-12), (-1, -2), (-1, 8), (1, 2.0**-20),
                                          (1, -20), (1, 100), (10, -1), (10, 1e4), (10, -2e5))]
    points += [(2.0**-140, 0, -92), (-2.0**-140, 0, -90), (1, 0.5, 300), (-2.0**100, 2.0**100, 300), (2.0**127, 0, 300)]
    points += [(2.0**-12, -2.0**-12, -7), (1e4 + 2.0**-10, 1e4, -7), (2.0**23 + 1, 2.0**23, 0.5),
               (-0.75, 0.25, -0.125), (1e4, -1e4, 6.5), (104, 88, -2.0**-12), (0.5, -1.25, 2.0**-24),
               (1 + 2.0**-23, 1, -16)]
    rows = []
    for p in points + further:
        v, dx, dm, ds = table_row(
            p, lambda x, m, s: log(density_of(z(x, m, s)) / exp(s)),
            [lambda x, m, s: slope_of(z(x, m, s)) / exp(s), lambda x, m, s: -slope_of(z(x, m, s)) / exp(s),
             lambda x, m, s: -z(x, m, s) * slope_of(z(x, m, s)) - 1])
        with mp.workdps(digits(p)):
            cdf = cdf_of(z(*map(mpf, p)))
        rows.append(row(p, [v, dm, ds, dx, cdf]))
    write(f"{name}.csv", about, "x,loc,log_scale,log_prob,d_loc,d_log_scale,d_x,cdf", rows)


def laplace():
    loc_scale_law("laplace", [
        "Laplace law of scale e^log_scale, with density e^-|z| / 2 in z: ln of the density at x, its derivatives (0 for the",
        "slope at the corner), and the distribution function at x.",
    ], [0, 2.0**-140, 2.0**-12, 0.5, 1, 2, 8, 37, 88, 104, 700, 744], [(-700, 700, -30), (700, -700, -30)])


def logistic():
    loc_scale_law("logistic", [
        "Logistic law of scale e^log_scale, with density e^-z / (1 + e^-z)^2 in z: ln of the density at x, its derivatives,",
        "and the distribution function at x.",
    ], [0, 2.0**-140, 2.0**-24, 2.0**-12, 0.5, 1, 1.5, 2, 8, 20, 37, 88, 104, 700, 744], [(-700, 700, -20), (700, -700, -20)])


def gumbel():
    loc_scale_law("gumbel", [
        "Gumbel law of maxima of scale e^log_scale, with density e^(-z - e^-z) in z: ln of the density at x, its derivatives,",
        "and the distribution function at x.",
    ], [0, 2.0**-140, 2.0**-24, 2.0**-12, 0.5, 1, 2, 4, 5.5, 6.5, 20, 37, 88], [(700, 0, 0), (700, -700, -20)])


def laws_quantile():
    lower = [2.0**-k for k in (140, 126, 100, 60, 40, 30, 24, 20, 16, 12, 8, 5)]
    middle = [f32(0.1), 0.125, 0.25, f32(0.3), f32(math.exp(-1)), 0.375, 0.5 - 2.0**-12, 0.5 - 2.0**-25, 0.5,
              0.5 + 2.0**-24, 0.5 + 2.0**-12, 0.625, f32(0.7), 0.75, f32(0.9), 0.96875]
    upper = [1 - 2.0**-k for k in (7, 10, 12, 16, 20, 23, 24)]
    rows = []
    for name, (_, _, cdf_of, quantile_of) in LAWS.items():
        for p in sorted(lower + middle + upper):
            with mp.workdps(120):
                q = quantile_of(mpf(p))
                assert abs(cdf_of(q) / p - 1) < 1e-60, (name, p)
            rows.append(f"{name}," + row([p], [+q]))
    write("laws_quantile.csv", [
        "Standard laws of location and scale: the x at which the distribution function is p.",
    ], "law,p,quantile", rows)


def gumbel_mirror():
    points = both_signs([0, 2.0**-140, 2.0**-24, 2.0**-12, 0.25, f32(0.3665), 0.5, 1, 2, 3, 3.5, 3.625, 3.75, 5, 6.5, 20, 37,
                         39.75, 40.25, 88])
    rows = []
    for z in points + [104, 700, 1e4, 2.0**100]:
        # At z = -88, 1 - F is 1 in e^88 / ln 10 digits: there the mirror is e^-z to as many.
        far = z < -10
        with mp.workdps(60 if far or z > 1e3 else digits([z]) + math.ceil(abs(z) + math.exp(-z))):
            # At z of the size of 2^100, e^-z is below all numbers: 1 - F is e^-z to as many digits.
            mirror = exp(-mpf(z)) if far else -log(mpf(z)) if z > 1e3 else -log(-log(1 - gumbel_cdf(mpf(z))))
        rows.append(row([z], [mirror]))
    write("gumbel_mirror.csv", [
        "Standard Gumbel law of maxima: -ln(-ln(1 - F(z))), the number at the complement of the place of z.",
        "Below z = -10 by its limit e^-z, above 1000 by -ln z: both are right to more digits than are printed.",
    ], "z,mirror", rows)


def kl_table(name, about, kl, partials, integral, points, checked):
    rows = []
    for p in points:
        results = table_row(p, kl, partials)
        if p in checked:
            quadrature = integral(*map(mpf, p))
            assert abs(quadrature / results[0] - 1) < 1e-20, (name, p, quadrature, results[0])
        rows.append(row(p, results))
    write(f"{name}.csv", about, "loc_q,log_scale_q,loc_p,log_scale_p,kl,d_loc_q,d_log_scale_q,d_loc_p,d_log_scale_p", rows)


def laws_kl_points():
    near = []
    for k in (12, 20):
        h = 2.0**-k
        near += [(h, 0, 0, 0), (-h, 0, 0, 0), (0, h, 0, 0), (0, -h, 0, 0), (1 + h, -1, 1, -1), (1, -1 - h, 1, -1),
                 (-0.5 - h, 0.75 + h, -0.5, 0.75), (-0.5 + h, 0.75 + h, -0.5, 0.75), (1 - h, 4 - h if k == 12 else 4, 1, 4)]
    moderate = [(1, 0, 0, 0), (-2, 0.5, 0, 0), (0, 1, 0, 0), (0, -1, 0, 0), (0.5, -2, 0, 0), (4, -0.125, 0, 0),
                (0, 0, 1, 1), (0, 0, -1, -1), (3, 1, -2, 0.5), (-0.25, -1.5, 0.25, -0.5), (20, 1, 18, 2),
                (1e4, 0.5, 1e4 + 0.5, 0.25), (0.125, 0.6875, -0.125, 0), (0.125, f32(0.7), -0.125, 0),
                (f32(0.1), f32(-0.3), f32(0.7), f32(0.2)), (0.5, 0, -0.5, 0)]
    equal = [(0, 0, 0, 0), (1.5, -1, 1.5, -1), (-1e4, 30, -1e4, 30), (0.125, -30, 0.125, -30)]
    return equal, near, moderate


def quadrature_of(name, other=None):
    """The divergence of a law from one of its family, or from the `other`, as an integral over z."""
    logs = {"laplace": lambda z: -abs(z) - log(2), "gumbel": lambda z: -z - exp(-z),
            "gaussian": lambda z: -z * z / 2 - log(2 * pi) / 2}
    log_q, log_p = logs[name], logs[other or name]

    def integral(m, s, n, t):
        def integrand(z):
            x = m + z * exp(s)
            return exp(log_q(z)) * (log_q(z) - s - (log_p((x - n) / exp(t)) - t))
        ends = {"laplace": [-160, -40, -10, 0, 10, 40, 160], "gumbel": [-6, -3, 0, 3, 9, 27, 160],
                "gaussian": [-20, -8, -3, 0, 3, 8, 20]}[name]
        return mp.quad(integrand, sorted({mpf(z) for z in ends} | {(n - m) / exp(s)}))
    return integral


def laplace_kl():
    def kl(m, s, n, t):
        return t - s - 1 + abs(m - n) / exp(t) + exp(s) / exp(t) * exp(-abs(m - n) / exp(s))

    def tail(m, s, n, t):
        return exp(-abs(m - n) / exp(s))

    def d_loc(m, s, n, t):
        return mp.sign(m - n) * (1 - tail(m, s, n, t)) / exp(t)

    partials = [d_loc, lambda m, s, n, t: (exp(s) + abs(m - n)) / exp(t) * tail(m, s, n, t) - 1,
                lambda *at: -d_loc(*at),
                lambda m, s, n, t: 1 - abs(m - n) / exp(t) - exp(s) / exp(t) * tail(m, s, n, t)]
    equal, near, moderate = laws_kl_points()
    far = [(0, -30, 0, 0), (0, 30, 0, 0), (1, -10, 0, 0), (-1, 10, 0, 0), (50, -20, 0, 0), (1e4, 0, 0, 0), (2.0**-60, 0, 0, 0),
           (0, 0, 1, -30), (0, 0, 1, 30), (0, -30, 0, 30), (0, 30, 0, -30), (2, -30, 1, -30), (2, 30, 1, 30), (1, 1, 0, 1),
           (0.5, -30 + 2.0**-12, 0.5, -30), (0.5, 30 - 2.0**-12, 0.5 + 2.0**-12, 30), (-1e4, 10, 1e4, 9.5), (3, 0.5, 0, 2)]
    kl_table("laplace_kl", [
        "KL(q || p) in nats of Laplace laws of scales e^log_scale, and its derivatives.",
    ], kl, partials, quadrature_of("laplace"), equal + near + moderate + far, near + moderate)


def across_points():
    equal, near, moderate = laws_kl_points()
    near = near[:9]
    far = [(0, -30, 0, 0), (0, 30, 0, 0), (1, -10, 0, 0), (-1, 10, 0, 0), (50, -20, 0, 0), (20, 0, 0, 0), (2.0**-60, 0, 0, 0),
           (0, 0, 1, -30), (0, 0, 1, 30), (0, -30, 0, 30), (2, -30, 1, -30), (2, 30, 1, 30), (3, 0.5, 0, 2), (8, 0, 0, 0),
           (0, f32(0.225791), 0, 0), (0, f32(-0.5 * math.log(2)), 0, 0)]
    moderate = [p for p in moderate if max(map(abs, p)) < 1e3]
    return equal + near + moderate + far, near + moderate


def gaussian_laplace_kl():
    def near(m, s, n, t):
        return exp(s) / exp(t) * sqrt(2 / pi) * exp(-((m - n) / exp(s)) ** 2 / 2)

    def far(m, s, n, t):
        return (m - n) / exp(t) * mp.erf((m - n) / (exp(s) * sqrt(2)))

    d_loc = lambda m, s, n, t: mp.erf((m - n) / (exp(s) * sqrt(2))) / exp(t)
    kl = lambda m, s, n, t: t - s + log(2) - log(2 * pi * mp.e) / 2 + near(m, s, n, t) + far(m, s, n, t)
    partials = [d_loc, lambda *at: near(*at) - 1, lambda *at: -d_loc(*at), lambda *at: 1 - near(*at) - far(*at)]
    points, checked = across_points()
    kl_table("gaussian_laplace_kl", [
        "KL(q || p) in nats of a normal q against a Laplace law p, both of scales e^log_scale, and its derivatives.",
    ], kl, partials, quadrature_of("gaussian", "laplace"), points, checked)


def laplace_gaussian_kl():
    square = lambda m, s, n, t: (2 * exp(2 * s) + (m - n) ** 2) / exp(2 * t)
    kl = lambda m, s, n, t: t - s - log(2) - 1 + log(2 * pi) / 2 + square(m, s, n, t) / 2
    d_loc = lambda m, s, n, t: (m - n) / exp(2 * t)
    partials = [d_loc, lambda m, s, n, t: 2 * exp(2 * s) / exp(2 * t) - 1, lambda *at: -d_loc(*at), lambda *at: 1 - square(*at)]
    points, checked = across_points()
    kl_table("laplace_gaussian_kl", [
        "KL(q || p) in nats of a Laplace law q against a normal p, both of scales e^log_scale, and its derivatives.",
    ], kl, partials, quadrature_of("laplace", "gaussian"), points, checked)


def gumbel_kl():
    def kl(m, s, n, t):
        r, shift = exp(s) / exp(t), (m - n) / exp(t)
        return t - s + mp.euler * (r - 1) + shift + exp(-shift) * mp.gamma(1 + r) - 1

    def d_loc(m, s, n, t):
        r, shift = exp(s) / exp(t), (m - n) / exp(t)
        return (1 - exp(-shift) * mp.gamma(1 + r)) / exp(t)

    def d_log_scale(m, s, n, t):
        r, shift = exp(s) / exp(t), (m - n) / exp(t)
        return exp(-shift) * r * mp.gamma(1 + r) * mp.digamma(1 + r) + mp.euler * r - 1

    partials = [d_loc, d_log_scale, lambda *at: -d_loc(*at),
                lambda m, s, n, t: -d_log_scale(m, s, n, t) - (m - n) * d_loc(m, s, n, t)]
    equal, near, moderate = laws_kl_points()
    far = [(0, -30, 0, 0), (1, -10, 0, 0), (-1, -10, 0, 0), (50, -20, 0, 0), (-50, -20, 0, 0), (88, 0, 0, 0), (-80, 0, 0, 0),
           (2.0**-60, 0, 0, 0), (0, 0, 1, 30), (0, -30, 0, 30), (2, -30, 1, -30), (2, 30, 1, 30), (1, 1, 0, 1),
           (0.5, -30 + 2.0**-12, 0.5, -30), (0.5, 30 - 2.0**-12, 0.5 + 2.0**-12, 30), (3, 0.5, 0, 2), (0, 2, 0, 0),
           (0, 3, 0, 0), (10, 3, 0, 0), (100, 3, 0, 0), (-20, 1.5, 0, 0), (0, -0.75, 0, 0), (0, -3, 0, 0), (0, 4, 0, 3),
           (0.25, 0.6875, 0, 0), (0.25, f32(0.7), 0, 0), (0.25, 0.875, 0, 0), (700, 5, 0, 0), (0, 5, 0, 0)]
    # The gamma function in thousands of digits takes minutes: no 1e4 here.
    equal, moderate = [[p for p in points if max(map(abs, p)) < 1e3] for points in (equal, moderate)]
    moderate += [(100, 0.5, 100.5, 0.25), (-50, 0, -50.5, 0.25)]
    kl_table("gumbel_kl", [
        "KL(q || p) in nats of Gumbel laws of maxima of scales e^log_scale, and its derivatives.",
    ], kl, partials, quadrature_of("gumbel"), equal + near + moderate + far, near + moderate)


LOGITS = both_signs([0.0, 2.0**-100, 2.0**-24, 0.5, 1.0, 5.0, 20.0, 40.0, 88.0, 104.0, 700.0, 1e4])


def prob(logit):
    return 1 / (1 + exp(-logit))


def bernoulli():
    def entropy(l):
        p = prob(l)
        return -p * log(p) - (1 - p) * log(1 - p)

    def d_entropy(l):
        p = prob(l)
        return (log(1 - p) - log(p)) * p * (1 - p)

    rows = []
    for l in LOGITS:
        h, dh = table_row([l], entropy, [d_entropy])
        for x in (0, 1):
            v, d = table_row([l], lambda l: log(prob(l) if x else 1 - prob(l)), [lambda l: x - prob(l)])
            rows.append(row([l, x], [v, d, h, dh]))
    write("bernoulli.csv", [
        "Bernoulli with P(1) = p = 1/(1+e^-logit): ln of the probability of x, the entropy",
        "-p ln p - (1-p) ln(1-p) in nats, and their derivatives in the logit.",
    ], "logit,x,log_prob,d_logit,entropy,d_entropy", rows)


def bernoulli_kl():
    def kl(a, b):
        p, r = prob(a), prob(b)
        return p * log(p / r) + (1 - p) * log((1 - p) / (1 - r))

    def d_q(a, b):
        p, r = prob(a), prob(b)
        return p * (1 - p) * (log(p / r) - log((1 - p) / (1 - r)))

    points = [(a, a) for a in (0, 1, -5, 20, -88, 700)]
    for k in (12, 20):
        h = 2.0**-k
        points += [(h, 0), (0, -h), (0.5 + h, 0.5), (-1, -1 - h), (5, 5 + h if k == 12 else 5 + 2.0**-20)]
    points += [(20, 20 + 2.0**-12), (-20 - 2.0**-19, -20), (88 + 2.0**-12, 88), (-104, -104 + 2.0**-12), (2.0**-100, 0)]
    points += [(a, b) for a in (0, -0.5, 1, 5) for b in (2, -20)]
    points += [(20, 40), (40, 20), (-40, -88), (-88, -40), (88, 104), (-104, -88), (104, 700), (700, 104), (-700, -104),
               (699, 700), (-40, -39), (36, 38)]
    points += [(a, -b) for a, b in ((0.5, 0.5), (-20, -20), (40, 5), (-88, -88), (104, 88), (-700, -20), (700, 700), (-700, -700))]
    points += [(0, 700), (-700, 0), (0, -88), (104, 0)]
    rows = [row(p, table_row(p, kl, [d_q, lambda a, b: prob(b) - prob(a)])) for p in points]
    write("bernoulli_kl.csv", [
        "KL(q || p) in nats of Bernoulli distributions given by their logits, and its derivatives.",
    ], "logit_q,logit_p,kl,d_logit_q,d_logit_p", rows)


def bce():
    rows = []
    for l in LOGITS:
        for t in (0, 2.0**-20, 0.25, 0.5, 0.75, 1):
            results = table_row([l], lambda l: -(t * log(prob(l)) + (1 - t) * log(1 - prob(l))), [lambda l: prob(l) - t])
            rows.append(row([l, t], results))
    write("bce.csv", [
        "Binary cross-entropy -(t ln p + (1-t) ln(1-p)), p = 1/(1+e^-logit), at a target t in [0, 1],",
        "and its derivative in the logit.",
    ], "logit,target,loss,d_logit", rows)


if __name__ == "__main__":
    for make in (special, gaussian, gaussian_quantile, student, gaussian_kl, laplace, logistic, gumbel, laws_quantile,
                 gumbel_mirror, laplace_kl, gaussian_laplace_kl, laplace_gaussian_kl, gumbel_kl, bernoulli, bernoulli_kl, bce):
        make()
