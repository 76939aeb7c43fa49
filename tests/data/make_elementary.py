"""elementary.csv: the elementary functions in 50 digits, at numbers that binary64 holds exactly.

Each value is printed as the nearest binary64 and the rest, so that a test can tell a last place.
"""

import random
import struct
from pathlib import Path

from mpmath import mp, mpf

mp.dps = 50


def single(x):
    return struct.unpack("f", struct.pack("f", x))[0]


def beside(x):
    """x and its neighbours in both precisions."""
    found = [x]
    for form, word in (("d", "q"), ("f", "i")):
        bits = struct.unpack(word, struct.pack(form, x))[0]
        found += [struct.unpack(form, struct.pack(word, bits + k))[0] for k in (-1, 0, 1)]
    return found


def turns(f):
    """A function of turns; exact at the eighths that are no multiple of an odd one."""
    return lambda t: f(2 * t)


FUNCTIONS = {
    "exp": mp.exp,
    "exp_m1": mp.expm1,
    "ln": mp.log,
    "ln_1p": mp.log1p,
    "tanh": mp.tanh,
    "sin_turns": turns(mp.sinpi),
    "cos_turns": turns(mp.cospi),
}


def binades(rng, first, last, step=1):
    """A number of each binade, in binary32 where that reaches."""
    for e in range(first, last, step):
        x = rng.uniform(1, 2) * 2.0**e
        yield single(x) if -149 <= e < 128 else x


def points(name, rng):
    ln2 = float(mp.log(2))
    if name in ("exp", "exp_m1"):
        size = list(binades(rng, -60, 7)) + [rng.uniform(0, 80) for _ in range(40)]
        xs = [s * x for x in size for s in (1, -1)] + [rng.uniform(-700, 700) for _ in range(40)]
        # Where the exponent changes, and where results end.
        for n in (-150, -149, -127, -126, -125, -30, -2, -1, 0, 1, 2, 20, 126, 127):
            xs += beside((n + 0.5) * ln2) + beside(single(n * ln2 + 0.01))
        xs += [x for n in (-1075, -1074, -1023, -1022, 1022, 1023) for x in beside((n + 0.5) * ln2)]
        xs += [88.72283, single(88.72283), -87.5, -103.9, -103.97, 709.78, 709.782712893384, -708.5, -745.1]
        xs += [single(1e-40), -single(1e-40), 5e-324, -5e-324, 2.5e-310]
    elif name == "ln":
        xs = list(binades(rng, -149, 128, 4)) + list(binades(rng, -1074, -150, 40)) + list(binades(rng, 129, 1024, 40))
        xs += [x for m in (0.5, 0.70710678, 0.70710677, 1.4142135, 1.4142136, 1, 2, 4, 2**20) for x in beside(m)]
        xs += [1 + s * single(x) for x in binades(rng, -23, -1) for s in (1, -1)]
        xs += [1 + s * x for x in binades(rng, -52, -24, 2) for s in (1, -1)] + [rng.uniform(0.5, 2) for _ in range(60)]
        xs += [single(1e-45), single(1e-40), 1.1754944e-38, 5e-324, 2.5e-310, 2.2250738585072014e-308]
    elif name == "ln_1p":
        xs = [s * x for x in binades(rng, -60, 0) for s in (1, -1)] + list(binades(rng, 0, 128, 5))
        xs += list(binades(rng, 128, 1024, 60)) + [-1 + x for x in binades(rng, -24, -1)]
        xs += [x for m in (0.41421356, -0.29289322, 1, 0.5, -0.5, 2.0**24, 2.0**53, 1.8284271) for x in beside(m)]
        xs += [-1 + 2.0**-53, -1 + 2.0**-24, single(1e-40), -5e-324, 3.4e38, 1.7e308]
        xs += [rng.uniform(-0.5, 3) for _ in range(60)]
    elif name == "tanh":
        xs = [s * x for x in binades(rng, -60, 6) for s in (1, -1)] + [rng.uniform(-4, 4) for _ in range(60)]
        xs += [x for m in (0.17328679, 0.51986039, 9.01, 9.02, 19.06, 22) for x in beside(m)] + [single(1e-40), -5e-324]
    else:
        xs = [s * x for x in binades(rng, -60, 26) for s in (1, -1)] + list(binades(rng, 26, 54, 3))
        xs += [x for k in range(-9, 17) for x in beside(k / 8)] + [rng.uniform(-2, 2) for _ in range(60)]
        xs += [2.0**23 - 0.5, 2.0**23 + 1, 2.0**52 - 0.5, 2.0**51 + 0.25, 2.0**60, single(1e-40), -5e-324]
        xs += [k + s * 2.0**-30 for k in (0.25, 0.5, 0.75, 3, 1000.5) for s in (1, -1)]
    return sorted(set(float(x) for x in xs))


def row(name, x):
    value = FUNCTIONS[name](mpf(x))
    try:
        near = float(value)
    except OverflowError:
        near = float("inf")
    rest = mpf(0) if near in (float("inf"), float("-inf")) else value - mpf(near)
    return f"{name},{x!r},{near!r},{mp.nstr(rest, 4)}"


def main():
    rng = random.Random(20)
    rows = [row(name, x) for name in FUNCTIONS for x in points(name, rng)]
    head = [
        "# exp, exp_m1 (e^x - 1), ln, ln_1p (ln(1 + x)), tanh, and sine and cosine of x turns (2 pi x).",
        "# The value is `value` + `rest`: the nearest binary64, and what it leaves.",
        "# By make_elementary.py, mpmath: 50 digits.",
        "function,x,value,rest",
    ]
    Path(__file__).with_name("elementary.csv").write_text("\n".join(head + rows) + "\n")


if __name__ == "__main__":
    main()
