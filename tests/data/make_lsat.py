"""The numbers of tests/suite/objective/lsat.rs: the likelihood of LSAT6 under a logistic model of one ability, and its bounds.

    python tests/data/make_lsat.py          # numpy and scipy

z ~ N(0, 1), logit p_j = a_j z + b_j. Integrals over z by 61-point Gauss-Hermite quadrature, those of a posterior by 201 points around
it; expectations of importance-weighted bounds by an integral over t, E ln sum w = int (e^-t - phi(t)^K) / t dt, phi(t) = E e^(-t w).
"""

import csv
import pathlib

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from scipy.integrate import quad
from scipy.optimize import minimize
from scipy.special import expit, logsumexp

rows = [r for r in csv.reader(open(pathlib.Path(__file__).with_name("lsat6_patterns.csv"))) if not r[0].startswith("#")]
table = np.array(rows[1:], float)
x, counts = table[:, :-1], table[:, -1]


def nodes(n):
    z, w = hermegauss(n)
    return z, np.log(w) - 0.5 * np.log(2 * np.pi)


def log_p(theta, z):
    """ln p(x | z): patterns by points."""
    a, b = np.split(theta, 2)
    logits = np.multiply.outer(z, a) + b
    return x @ -np.logaddexp(0, -logits).T + (1 - x) @ -np.logaddexp(0, logits).T


def evidence(theta, n=61):
    z, w = nodes(n)
    return logsumexp(log_p(theta, z) + w, axis=1)


def gradient(theta):
    z, w = nodes(61)
    joint = log_p(theta, z) + w
    share = np.exp(joint - logsumexp(joint, axis=1, keepdims=True)) * counts[:, None]
    a, b = np.split(theta, 2)
    off = x[:, None, :] - expit(np.multiply.outer(z, a) + b)
    return -np.concatenate([np.einsum("pn,pnj,n->j", share, off, z), np.einsum("pn,pnj->j", share, off)])


means = counts @ x / counts.sum()
start = np.concatenate([np.ones(x.shape[1]), np.log(means / (1 - means))])
fit = minimize(lambda t: -counts @ evidence(t), start, jac=gradient, method="BFGS", options={"gtol": 1e-9})
theta = fit.x
for _ in range(5):  # Newton, by differences of the gradient
    step = 1e-5
    hessian = np.array([(gradient(theta + e) - gradient(theta - e)) / (2 * step) for e in step * np.eye(theta.size)])
    theta = theta - np.linalg.solve(hessian, gradient(theta))
print("a", theta[: x.shape[1]], "b", theta[x.shape[1] :])
print(f"likelihood {counts @ evidence(theta):.10f}")
common = minimize(
    lambda t: -counts @ evidence(np.concatenate([np.full(x.shape[1], t[0]), t[1:]])),
    np.concatenate([[1.0], start[x.shape[1] :]]), method="BFGS", options={"gtol": 1e-7},
)
print(f"common slope {common.x[0]:.4f}: {-common.fun:.10f}")
print(f"independent {counts @ (x @ np.log(means) + (1 - x) @ np.log1p(-means)):.10f}")

z0, w0 = nodes(201)
base = np.exp(w0)
log_evidence = evidence(theta)


def log_ratio(i, mu, s):
    """ln w / p at the points of q, for pattern i."""
    z = mu + np.exp(s) * z0
    return log_p(theta, z)[i] - 0.5 * z**2 + 0.5 * z0**2 + s - log_evidence[i]


def report(name, heads):
    total = dict.fromkeys(["ELBO", "Renyi 1/2", "CUBO 2", "K = 10", "K = 100", "half variance"], 0.0)
    for i, (mu, s) in enumerate(heads):
        r = log_ratio(i, mu, s)
        w = np.exp(r)
        found = {
            "ELBO": base @ r,
            "Renyi 1/2": 2 * np.log(base @ np.sqrt(w)),
            "CUBO 2": 0.5 * np.log(base @ w**2),
            "half variance": 0.5 * (base @ w**2 - 1),
        }
        for k in (10, 100):
            f = lambda u, k=k: np.exp(-np.exp(u)) - (base @ np.exp(-np.exp(u) * w)) ** k
            found[f"K = {k}"] = quad(f, -40, 12, limit=2000, epsabs=1e-13, epsrel=1e-13)[0] - np.log(k)
        for key, value in found.items():
            total[key] += counts[i] * value
    at = counts @ log_evidence
    for key, value in total.items():
        print(f"{name}: {key} {value if key == 'half variance' else at + value:.8f}")


best = [minimize(lambda h, i=i: -(base @ log_ratio(i, *h)), [0.0, -0.2], tol=1e-14).x for i in range(len(x))]
report("best Gaussian", best)
report("prior", [(0.0, 0.0)] * len(x))
