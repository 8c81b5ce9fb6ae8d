"""What a VAE does with Gaussians, by kernels/reparameterize.cu, gaussian_kl.cu and gaussian_nll.cu."""

from minivae import checks
from minivae.cuda.fused.arrays import rows, sizes
from minivae.cuda.launch import launch


def reparameterize(xp, mu, logvar, eps):
    """z = mu + sigma * eps: see `minivae.ops.reparameterize`."""
    checks.same_shape("reparameterize", "draw eps with rng.standard_normal(mu.shape)", mu=mu, logvar=logvar, eps=eps)
    mu, logvar, eps = rows("reparameterize", xp, mu, logvar, eps)
    z, n = xp.empty_like(mu), mu.size
    launch("reparameterize", mu, logvar, eps, z, n)

    def g_logvar(g):
        wanted = xp.empty_like(logvar)
        launch("reparameterize_backward", *rows("reparameterize", xp, g), logvar, eps, wanted, n)
        return wanted

    return z, (
        lambda g: g,
        g_logvar,
        lambda g: g * xp.exp(0.5 * logvar),  # noise is drawn: hardly anyone asks, so there is no kernel
    )


def gaussian_kl(xp, mu, logvar):
    """KL(N(mu, exp(logvar)) || N(0, I)): see `minivae.ops.gaussian_kl`."""
    checks.same_shape("gaussian_kl", "split the encoder output in half", mu=mu, logvar=logvar)
    mu, logvar = rows("gaussian_kl", xp, mu, logvar)
    B, L = sizes(mu)
    kl = xp.empty(B, mu.dtype)
    launch("gaussian_kl", mu, logvar, kl, B, L)

    def gradients(g):  # who wants one of them wants both, and one launch makes them
        g_mu, g_logvar = xp.empty_like(mu), xp.empty_like(logvar)
        launch("gaussian_kl_backward", *rows("gaussian_kl", xp, g), mu, logvar, g_mu, g_logvar, B, L)
        return g_mu, g_logvar

    return kl.reshape(mu.shape[:-1]), gradients


def gaussian_nll(xp, x, mu, logvar):
    """-log N(x; mu, exp(logvar)): see `minivae.ops.gaussian_nll`."""
    checks.same_shape("gaussian_nll", "reshape images to (B, D)", x=x, mu=mu)
    one = int(logvar.size == 1)
    whole = logvar if one else xp.broadcast_to(logvar, x.shape)
    x, mu, whole = rows("gaussian_nll", xp, x, mu, whole)
    B, D = sizes(x)
    nll = xp.empty(B, x.dtype)
    launch("gaussian_nll", x, mu, whole, nll, B, D, one)

    def line(place):
        def g_input(g):
            wanted = xp.empty_like(x)
            outs = [wanted if place == k else None for k in range(3)]  # None: not computed
            launch("gaussian_nll_backward", *rows("gaussian_nll", xp, g), x, mu, whole, *outs, B, D, one)
            return wanted

        return g_input

    return nll.reshape(x.shape[:-1]), (line(0), line(1), line(2))
