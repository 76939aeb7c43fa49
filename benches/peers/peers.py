"""Times what a user would pick instead (JAX jit, PyTorch, NumPy/SciPy) on the work of benches/peers.rs.

    THREADS=1 python peers.py [op ...]      one JSON line an (op, peer): median ms, and ns per element

An op's name is the id of the same work in the criterion group `peers`. Inputs have the same shapes and
the same distributions as there; all in f32 unless the name says f64.
"""
import json
import os
import sys
import time

THREADS = int(os.environ.get("THREADS", "1"))
os.environ.setdefault("OMP_NUM_THREADS", str(THREADS))
os.environ["XLA_FLAGS"] = (
    f"--xla_cpu_multi_thread_eigen={'true' if THREADS > 1 else 'false'} "
    f"intra_op_parallelism_threads={THREADS}"
)
import numpy as np  # noqa: E402

RNG = np.random.default_rng(0)
WANTED = set(sys.argv[1:])
OPS = []


def op(name, elements, repeats=15):
    """Registers `make() -> {peer: thunk}`; a thunk does the work once and waits for it."""

    def register(make):
        OPS.append((name, elements, repeats, make))
        return make

    return register


def normal(*shape, scale=1.0, dtype=np.float32):
    return (RNG.standard_normal(shape) * scale).astype(dtype)


def jax_peer(fn, *args):
    import jax

    jitted = jax.jit(fn)
    placed = [jax.device_put(a) for a in args]
    return lambda: jax.block_until_ready(jitted(*placed))


def torch_grad(fn, leaves, fixed=()):
    """Value and gradient of fn(*leaves, *fixed).sum() for the leaves."""
    import torch

    torch.set_num_threads(THREADS)
    leaves = [torch.tensor(a, requires_grad=True) for a in leaves]
    fixed = [torch.tensor(a) for a in fixed]

    def run():
        for leaf in leaves:
            leaf.grad = None
        fn(*leaves, *fixed).sum().backward()

    return run


def torch_plain(fn, *args):
    import torch

    torch.set_num_threads(THREADS)
    args = [torch.tensor(a) if isinstance(a, np.ndarray) else a for a in args]

    def run():
        with torch.no_grad():
            fn(*args)

    return run


def rows_and_grads(rows, argnums):
    import jax

    return lambda *a: (rows(*a), jax.grad(lambda *b: rows(*b).sum(), argnums=argnums)(*a))


@op("bernoulli_log_prob_grad_512x784", 512 * 784)
def bernoulli():
    import jax
    import jax.numpy as jnp
    import torch.nn.functional as F

    logits, x = normal(512, 784, scale=4), (RNG.random((512, 784)) < 0.3).astype(np.float32)
    rows = lambda l, x: jnp.sum(x * l - jax.nn.softplus(l), axis=1)
    by_hand = lambda l, x: (rows(l, x), x - jax.nn.sigmoid(l))
    nll = lambda l, x: F.binary_cross_entropy_with_logits(l, x, reduction="none").sum(1)
    return {
        "jax": jax_peer(rows_and_grads(rows, 0), logits, x),
        "jax-by-hand": jax_peer(by_hand, logits, x),
        "torch": torch_grad(nll, [logits], [x]),
    }


@op("gaussian_log_prob_grad_512x784", 512 * 784)
def gaussian():
    import jax.numpy as jnp

    x, loc, log_scale = normal(512, 784), normal(512, 784), normal(512, 784, scale=0.5)
    half = 0.9189385332046727
    rows = lambda m, s, x: jnp.sum(-0.5 * ((x - m) * jnp.exp(-s)) ** 2 - s - half, axis=1)
    rows_t = lambda m, s, x: (-0.5 * ((x - m) * (-s).exp()) ** 2 - s - half).sum(1)
    return {
        "jax": jax_peer(rows_and_grads(rows, (0, 1)), loc, log_scale, x),
        "torch": torch_grad(rows_t, [loc, log_scale], [x]),
    }


def kl(n, d):
    import jax.numpy as jnp

    loc, log_scale = normal(n, d), normal(n, d, scale=0.5)
    rows = lambda m, s: 0.5 * jnp.sum(jnp.exp(2 * s) + m * m - 1 - 2 * s, axis=1)
    rows_t = lambda m, s: 0.5 * ((2 * s).exp() + m * m - 1 - 2 * s).sum(1)
    return {
        "jax": jax_peer(rows_and_grads(rows, (0, 1)), loc, log_scale),
        "torch": torch_grad(rows_t, [loc, log_scale]),
    }


op("kl_standard_grad_512x64", 512 * 64, 51)(lambda: kl(512, 64))
op("kl_standard_grad_8192x256", 8192 * 256)(lambda: kl(8192, 256))


def rsample(dtype):
    import jax
    import jax.numpy as jnp
    import torch

    jax.config.update("jax_enable_x64", dtype == np.float64)
    loc, log_scale = normal(8192, 256, dtype=dtype), normal(8192, 256, scale=0.5, dtype=dtype)
    key = jax.random.key(0)
    draw = lambda k, m, s: m + jnp.exp(s) * jax.random.normal(k, m.shape, m.dtype)
    run = jax_peer(draw, key, loc, log_scale)
    run()
    return {
        "jax": run,
        "torch": torch_plain(lambda m, s: m + s.exp() * torch.randn_like(m), loc, log_scale),
    }


op("gaussian_sample_8192x256", 8192 * 256, 9)(lambda: rsample(np.float32))
op("gaussian_sample_8192x256_f64", 8192 * 256, 9)(lambda: rsample(np.float64))


@op("standard_normal_1e7", 10_000_000, 5)
def fill():
    import jax
    import torch

    jax.config.update("jax_enable_x64", False)
    numpy_rng = np.random.Generator(np.random.SFC64(0))
    return {
        "jax": jax_peer(lambda k: jax.random.normal(k, (10_000_000,)), jax.random.key(0)),
        "torch": torch_plain(lambda: torch.randn(10_000_000)),
        "numpy": lambda: numpy_rng.standard_normal(10_000_000, dtype=np.float32),
    }


@op("gumbel_softmax_vjp_8192x64", 8192 * 64)
def gumbel_softmax():
    import jax
    import torch
    import torch.nn.functional as F

    logits, upstream = normal(8192, 64), normal(8192, 64)

    def both(key, logits, upstream):
        relax = lambda l: jax.nn.softmax((l + jax.random.gumbel(key, l.shape)) / 0.5, axis=-1)
        y, pull = jax.vjp(relax, logits)
        return y, pull(upstream)[0]

    leaf, up = torch.tensor(logits, requires_grad=True), torch.tensor(upstream)

    def run():
        torch.set_num_threads(THREADS)
        leaf.grad = None
        F.gumbel_softmax(leaf, tau=0.5).backward(up)

    return {"jax": jax_peer(both, jax.random.key(0), logits, upstream), "torch": run}


@op("iwae_8192x64", 8192 * 64, 31)
def iwae():
    import jax
    import jax.numpy as jnp
    import torch

    log_w = normal(8192, 64)
    bound = lambda w: (jax.scipy.special.logsumexp(w, axis=1) - jnp.log(64.0), jax.nn.softmax(w, axis=1))
    return {
        "jax": jax_peer(bound, log_w),
        "torch": torch_plain(lambda w: (torch.logsumexp(w, 1), torch.softmax(w, 1)), log_w),
    }


@op("gaussian_stats_4e7_f64", 40_000_000, 3)
def stats():
    import torch

    x = RNG.standard_normal(40_000_000)
    return {"numpy": lambda: (x.mean(), x.var()), "torch": torch_plain(torch.var_mean, x)}


@op("total_correlation_512x10", 512 * 512 * 10)
def total_correlation():
    import jax.numpy as jnp
    import torch
    from jax.scipy.special import logsumexp

    z, loc, log_scale = normal(512, 10), normal(512, 10), normal(512, 10, scale=0.3)
    half = 0.9189385332046727

    def terms(z, m, s):
        d = -0.5 * ((z[:, None] - m[None]) * jnp.exp(-s[None])) ** 2 - s[None] - half
        return logsumexp(d.sum(-1), axis=1), logsumexp(d, axis=1).sum(1)

    def terms_t(z, m, s):
        d = -0.5 * ((z[:, None] - m[None]) * torch.exp(-s[None])) ** 2 - s[None] - half
        return torch.logsumexp(d.sum(-1), 1), torch.logsumexp(d, 1).sum(1)

    return {
        "jax": jax_peer(terms, z, loc, log_scale),
        "torch": torch_plain(terms_t, z, loc, log_scale),
    }


@op("vae_epoch_784_200_20_10k", 10_000, 3)
def vae_epoch():
    import jax
    import jax.numpy as jnp
    import torch

    sizes = [(784, 200), (200, 40), (20, 200), (200, 784)]
    data = (RNG.random((10_000, 784)) < 0.3).astype(np.float32)[: 78 * 128].reshape(78, 128, 784)
    init = [(normal(i, o, scale=(1 / i) ** 0.5), np.zeros(o, np.float32)) for i, o in sizes]

    def loss(p, key, x):
        h = jax.nn.relu(x @ p[0][0] + p[0][1])
        m, s = jnp.split(h @ p[1][0] + p[1][1], 2, axis=1)
        z = m + jnp.exp(s) * jax.random.normal(key, m.shape)
        l = jax.nn.relu(z @ p[2][0] + p[2][1]) @ p[3][0] + p[3][1]
        rec = jnp.sum(x * l - jax.nn.softplus(l), axis=1)
        return jnp.mean(0.5 * jnp.sum(jnp.exp(2 * s) + m * m - 1 - 2 * s, axis=1) - rec)

    def step(carry, x):
        p, mom, var, key, t = carry
        key, sub = jax.random.split(key)
        g = jax.grad(loss)(p, sub, x)
        mom = jax.tree.map(lambda a, g: 0.9 * a + 0.1 * g, mom, g)
        var = jax.tree.map(lambda a, g: 0.999 * a + 0.001 * g * g, var, g)
        t = t + 1
        rate = 1e-3 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        p = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-8), p, mom, var)
        return (p, mom, var, key, t), None

    zeros = jax.tree.map(jnp.zeros_like, init)
    epoch = jax.jit(lambda p, x: jax.lax.scan(step, (p, zeros, zeros, jax.random.key(0), 0.0), x)[0][0])
    params, batches = jax.device_put(init), jax.device_put(data)

    net = [torch.nn.Linear(i, o) for i, o in sizes]
    optim = torch.optim.Adam([p for layer in net for p in layer.parameters()], lr=1e-3)
    batches_t = torch.tensor(data)

    def torch_epoch():
        torch.set_num_threads(THREADS)
        for x in batches_t:
            m, s = net[1](net[0](x).relu()).chunk(2, 1)
            z = m + s.exp() * torch.randn_like(m)
            l = net[3](net[2](z).relu())
            rec = torch.nn.functional.binary_cross_entropy_with_logits(l, x, reduction="sum")
            total = (rec + 0.5 * ((2 * s).exp() + m * m - 1 - 2 * s).sum()) / len(x)
            optim.zero_grad()
            total.backward()
            optim.step()

    return {"jax": lambda: jax.block_until_ready(epoch(params, batches)), "torch": torch_epoch}


def estimator_peers(estimate):
    """An estimator of n samples, whole and in as many parts as ours: the mean of the parts."""
    import jax

    n, parts = 65536, 32 if THREADS == 1 else 4
    inputs = jax.random.key(0), np.zeros(32, np.float32), np.zeros(32, np.float32)

    def in_parts(key, loc, log_scale):
        of_part = lambda key: estimate(n // parts, key, loc, log_scale)
        return [g.mean(0) for g in jax.lax.map(of_part, jax.random.split(key, parts))]

    whole = lambda key, loc, log_scale: estimate(n, key, loc, log_scale)
    return {"jax": jax_peer(whole, *inputs), "jax in parts": jax_peer(in_parts, *inputs)}


@op("score_function_loo_65536x32", 65536 * 32, 9)
def score_function():
    import jax
    import jax.numpy as jnp

    def estimate(n, key, loc, log_scale):
        eps = jax.random.normal(key, (n, 32))
        cost = jnp.sum((loc + jnp.exp(log_scale) * eps - 1.0) ** 2, axis=1)
        advantage = (cost - (cost.sum() - cost) / (n - 1)) / n
        return advantage @ (eps * jnp.exp(-log_scale)), advantage @ (eps * eps - 1)

    return estimator_peers(estimate)


@op("pathwise_65536x32", 65536 * 32, 9)
def pathwise():
    import jax
    import jax.numpy as jnp

    def estimate(n, key, loc, log_scale):
        eps = jax.random.normal(key, (n, 32))
        loss = lambda m, s: jnp.sum((m + jnp.exp(s) * eps - 1.0) ** 2) / n
        return jax.grad(loss, argnums=(0, 1))(loc, log_scale)

    return estimator_peers(estimate)


def median_seconds(thunk, repeats):
    thunk()
    thunk()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        thunk()
        times.append(time.perf_counter() - start)
    return sorted(times)[repeats // 2]


for name, elements, repeats, make in OPS:
    if WANTED and name not in WANTED:
        continue
    for peer, thunk in make().items():
        seconds = median_seconds(thunk, repeats)
        line = {"op": name, "peer": peer, "threads": THREADS, "ns_per_element": seconds * 1e9 / elements, "ms": seconds * 1e3}
        print(json.dumps(line), flush=True)
