# ruff: noqa: E501
"""Mutants that no test of values can tell from the source, each with the reason. A key is what --show prints.

"Speed alone" and "memory alone" mean that every value and every gradient stays the same, to rounding.
"""

EQUIVALENT: dict[str, str] = {}


def same(reason: str, *keys: str) -> None:
    EQUIVALENT.update(dict.fromkeys(keys, reason))


same(
    "`zip` does without `strict=False` as well",
    "engine.py unbroadcast: zip(shape[::-1], g.shape[::-1], strict=False) -> (zip(shape[::-1], g.shape[::-1]))",
)

same(
    "a shortcut: a sum over axes of size 1 gives the same array",
    "engine.py unbroadcast: g.shape == shape -> False",
)

same(
    "the reshape that follows gives the axes of size 1 back",
    "engine.py unbroadcast: g.sum(axis=added + stretched, keepdims=True) -> (g.sum(axis=added + stretched))",
    "engine.py unbroadcast: g.sum(axis=added + stretched, keepdims=True) -> g.sum(axis=added + stretched, keepdims=(False))",
)

same(
    "one copy more on the way to the slot: time alone",
    "engine.py accumulate: slot is None -> True",
)

same(
    "the patch is square, or the line before has refused it",
    "checks.py conv2d: k = W.shape[0] -> k = W.shape[(1)]",
    "checks.py conv_transpose2d: (n - 1) * stride + W.shape[0] -> (n - 1) * stride + W.shape[(1)]",
)

same(
    "from |x| = 9 on, tanh is 1 to the last digit of float64, so the value is 0 or x and the gradient 0 or 1",
    "ops/activation.py gelu: xp.clip(x, -10, 10) -> xp.clip(x, -(11), 10)",
    "ops/activation.py gelu: xp.clip(x, -10, 10) -> xp.clip(x, -(9), 10)",
    "ops/activation.py gelu: xp.clip(x, -10, 10) -> xp.clip(x, -10, (11))",
    "ops/activation.py gelu: xp.clip(x, -10, 10) -> xp.clip(x, -10, (9))",
)

same(
    "the sum with the other term, a float, makes a float of it",
    "ops/arith.py maximum: (a > b).astype(y.dtype) -> (a > b)",
)

same(
    "without `out=` the result goes to a new array of the same layout: memory alone",
    "ops/bernoulli.py bernoulli_nll: xp.multiply(logits, 0.5, out=xp.empty_like(logits)) -> (xp.multiply(logits, 0.5))",
    "ops/bernoulli.py bernoulli_nll: xp.tanh(half, out=half) -> (xp.tanh(half))",
)

same(
    "a vector is its own transpose",
    "ops/conv.py conv2d 2: gradient transposed",
    "ops/conv.py conv2d 5: gradient transposed",
    "ops/conv.py conv_transpose2d 2: gradient transposed",
    "ops/linalg.py linear 2: gradient transposed",
    "ops/norm.py layer_norm 1: gradient transposed",
    "ops/norm.py layer_norm 2: gradient transposed",
)

same(
    "which side of a convolution is cut into patches: both ways give the same, one is faster",
    "ops/conv.py top: MANY = 4 -> MANY = (5)",
    "ops/conv.py top: MANY = 4 -> MANY = (3)",
    "ops/conv.py conv2d: stride == 1 and back >= 0 -> stride == (0) and back >= 0",
    "ops/conv.py conv2d: stride == 1 and back >= 0 -> stride == 1 and (back > 0)",
    "ops/conv.py conv2d: stride == 1 and back >= 0 -> stride == 1 and back >= (1)",
    "ops/conv.py conv2d: dense and MANY * O <= C -> False",
    "ops/conv.py conv2d: MANY * O <= C -> (MANY * O < C)",
    "ops/conv.py conv2d: _slide(xp, g, _turned(xp, W), 1, back) if back_too else _scatter(xp, _rows(xp, g), W, x.shape, strid -> (_scatter(xp, _rows(xp, g), W, x.shape, stride, padding))",
    "ops/conv.py conv2d: MANY * C > O -> (MANY * C >= O)",
    "ops/conv.py conv2d: _turned(xp, _slide_W(xp, g, x, k, 1, back)) if fewer else _slide_W(xp, x, g, k, stride, padding) -> (_slide_W(xp, x, g, k, stride, padding))",
    "ops/conv.py conv2d: dense and O < C -> dense and (O <= C)",
    "ops/conv.py conv2d: dense and O < C -> dense and (O >= C)",
    "ops/conv.py conv2d: dense and FEW_CHANNELS <= O <= C and y.shape[2] >= TALL -> False",
    "ops/conv.py conv2d: FEW_CHANNELS <= O <= C -> (FEW_CHANNELS < O <= C)",
    "ops/conv.py conv2d: FEW_CHANNELS <= O <= C -> (FEW_CHANNELS > O <= C)",
    "ops/conv.py conv2d: FEW_CHANNELS <= O <= C -> (FEW_CHANNELS <= O < C)",
    "ops/conv.py conv2d: FEW_CHANNELS <= O <= C -> (FEW_CHANNELS <= O > C)",
    "ops/conv.py conv2d: y.shape[2] >= TALL -> (y.shape[2] > TALL)",
    "ops/conv.py conv2d: y.shape[2] >= TALL -> (y.shape[2] < TALL)",
    "ops/conv.py conv2d: y.shape[2] >= TALL -> y.shape[(3)] >= TALL",
    "ops/conv.py conv2d: y.shape[2] >= TALL -> y.shape[(1)] >= TALL",
    "ops/conv.py top: TALL = 8 -> TALL = (9)",
    "ops/conv.py top: TALL = 8 -> TALL = (7)",
    "ops/conv.py _slide: stride == 1 and C >= FEW_CHANNELS -> False",
    "ops/conv.py _slide: stride == 1 and C >= FEW_CHANNELS -> stride == (0) and C >= FEW_CHANNELS",
    "ops/conv.py _slide: C >= FEW_CHANNELS -> (C > FEW_CHANNELS)",
    "ops/conv.py _slide: C >= FEW_CHANNELS -> (C < FEW_CHANNELS)",
    "ops/conv.py _slide_W: stride == 1 and C >= FEW_CHANNELS and h >= TALL -> False",
    "ops/conv.py _slide_W: stride == 1 and C >= FEW_CHANNELS and h >= TALL -> stride == (0) and C >= FEW_CHANNELS and h >= TALL",
    "ops/conv.py _slide_W: C >= FEW_CHANNELS -> (C > FEW_CHANNELS)",
    "ops/conv.py _slide_W: stride == 1 and C >= FEW_CHANNELS and h >= TALL -> stride == 1 and C >= FEW_CHANNELS and (h > TALL)",
    "ops/conv.py _slide_W: stride == 1 and C >= FEW_CHANNELS and h >= TALL -> stride == 1 and C >= FEW_CHANNELS and (h < TALL)",
)

same(
    "how many images are cut at a time: speed and memory alone",
    "ops/conv.py top: CACHED = 2**18 -> CACHED = (2 * 18)",
    "ops/conv.py top: CACHED = 2**18 -> CACHED = (3)**18",
    "ops/conv.py top: CACHED = 2**18 -> CACHED = (1)**18",
    "ops/conv.py top: CACHED = 2**18 -> CACHED = 2**(19)",
    "ops/conv.py top: CACHED = 2**18 -> CACHED = 2**(17)",
    "ops/conv.py _slide: H + 2 * padding -> (H - 2 * padding) #2",
    "ops/conv.py _slide: H + 2 * padding -> H + (1) * padding #2",
    "ops/conv.py _slide: H + 2 * padding -> H + (3) * padding #2",
    "ops/conv.py _slide_W: H + 2 * padding -> (H - 2 * padding)",
    "ops/conv.py _slide_W: H + 2 * padding -> H + (1) * padding",
    "ops/conv.py _slide_W: H + 2 * padding -> H + (3) * padding",
    "ops/conv.py _slide_back: h + 2 * back -> (h - 2 * back)",
    "ops/conv.py _slide_back: h + 2 * back -> h + (3) * back",
    "ops/conv.py _slide_back: h + 2 * back -> h + (1) * back",
)

same(
    "an axis of size 1",
    "ops/norm.py group_norm: ones @ (g * u) * scale[:, 0] -> ones @ (g * u) * scale[:, (-1)]",
)

same(
    "from how many channels on patches are copied in runs: both ways give the same, one is faster",
    "ops/conv.py top: FEW_CHANNELS = 4 -> FEW_CHANNELS = (5)",
    "ops/conv.py top: FEW_CHANNELS = 4 -> FEW_CHANNELS = (3)",
    "ops/conv.py _patches: C < FEW_CHANNELS -> True",
    "ops/conv.py _patches: C < FEW_CHANNELS -> False",
    "ops/conv.py _patches: C < FEW_CHANNELS -> (C <= FEW_CHANNELS)",
    "ops/conv.py _patches: C < FEW_CHANNELS -> (C >= FEW_CHANNELS)",
    "ops/conv.py _scatter: C < FEW_CHANNELS -> True",
    "ops/conv.py _scatter: C < FEW_CHANNELS -> (C <= FEW_CHANNELS)",
)

same(
    "a frame larger than the images need: the rest is never read, memory alone",
    "ops/conv.py _framed: H + 2 * padding -> H + (3) * padding",
    "ops/conv.py _framed: W + 2 * padding -> W + (3) * padding",
)

same(
    "NumPy takes any negative number for `as many as there are`",
    "ops/conv.py _scatter: W.reshape(-1, O) -> W.reshape(-(2), O)",
    "ops/conv.py _scatter: framed[some].reshape(-1, Hp, width * C) -> framed[some].reshape(-(2), Hp, width * C)",
    "ops/conv.py _scatter: rows.reshape(B, h * w, O)[some].reshape(-1, O) -> rows.reshape(B, h * w, O)[some].reshape(-(2), O)",
    "ops/conv.py _scatter: product.reshape(-1, h, w * stride * C) -> product.reshape(-(2), h, w * stride * C)",
    "ops/conv.py _slide: W.reshape(-1, O) -> W.reshape(-(2), O)",
    "ops/conv.py _slide: y[part].reshape(-1, O) -> y[part].reshape(-(2), O)",
    "ops/conv.py _slide: y[part].reshape(-1, h * w, O) -> y[part].reshape(-(2), h * w, O)",
    "ops/conv.py _slide_back: g_x[part].reshape(-1, H * Wd, C) -> g_x[part].reshape(-(2), H * Wd, C)",
    "ops/conv.py _add_outer: strips.reshape(-1, size) -> strips.reshape(-(2), size)",
    "ops/conv.py conv_transpose2d: W.reshape(-1, x.shape[1]) -> W.reshape(-(2), x.shape[1])",
    "ops/fast.py long_product: a.reshape(parts, -1, I) -> a.reshape(parts, -(2), I)",
    "ops/fast.py long_product: b.reshape(parts, -1, O) -> b.reshape(parts, -(2), O)",
    "ops/norm.py layer_norm: (g * u).reshape(-1, D) -> (g * u).reshape(-(2), D)",
    "ops/norm.py layer_norm: g.reshape(-1, D) -> g.reshape(-(2), D)",
)

same(
    "a matrix product takes the leading axes along, and the reshape that follows is the same",
    "ops/conv.py _scatter: W.reshape(-1, O) -> (W)",
)

same(
    "filled with `start` by the next line",
    "ops/conv.py _scatter: xp.zeros((B, C, Hp, Wp), rows.dtype) -> (xp.ones((B, C, Hp, Wp), rows.dtype))",
)

same(
    "more columns of zeros, or a wider frame, than needed: cut off at the end, memory and time alone",
    "ops/conv.py _scatter: -k // stride -> (-k * stride)",
    "ops/conv.py _scatter: groups + w - 1 -> (groups + w + 1)",
    "ops/conv.py _scatter: groups + w - 1 -> groups + w - (0)",
)

same(
    "speed alone; tests/test_fast.py measures it in a fresh process, which reads the source as it is",
    "ops/fast.py keep_freed_memory: np.empty(2**25 - 2**13, np.uint8) -> pass",
    "ops/fast.py keep_freed_memory: 2**25 - 2**13 -> (2 ** 25 + 2 ** 13)",
    "ops/fast.py keep_freed_memory: 2**25 - 2**13 -> 2**(26) - 2**13",
    "ops/fast.py keep_freed_memory: 2**25 - 2**13 -> 2**(24) - 2**13",
    "ops/fast.py keep_freed_memory: 2**25 - 2**13 -> 2**25 - (2 * 13)",
    "ops/fast.py keep_freed_memory: 2**25 - 2**13 -> 2**25 - (3)**13",
    "ops/fast.py keep_freed_memory: 2**25 - 2**13 -> 2**25 - (1)**13",
    "ops/fast.py keep_freed_memory: 2**25 - 2**13 -> 2**25 - 2**(14)",
    "ops/fast.py keep_freed_memory: 2**25 - 2**13 -> 2**25 - 2**(12)",
    "ops/fast.py top: keep_freed_memory() -> pass",
)

same(
    "how many numbers share a logarithm: 2^-63 and 2^-65 are as far from float32's end as 2^-64",
    "ops/fast.py row_sum_of_log: math.gcd(D, 64) -> math.gcd(D, (65))",
    "ops/fast.py row_sum_of_log: math.gcd(D, 64) -> math.gcd(D, (63))",
)

same(
    "of no columns the first way makes the same zeros, for gcd(0, 64) is 64",
    "ops/fast.py row_sum_of_log: row_sum(xp, xp.log(a.reshape(*a.shape[:-1], n, D // n).prod(axis=-2))) if D else row_sum(xp, a) -> (row_sum(xp, xp.log(a.reshape(*a.shape[:-1], n, D // n).prod(axis=-2))))",
)

same(
    "when a long product is taken in parts, and in how many: the sum is the same, the time is not",
    "ops/fast.py long_product: 16 -> (17)",
    "ops/fast.py long_product: 16 -> (15)",
    "ops/fast.py long_product: not 0 < I * O <= 2**12 or N % parts or N < 2**10 -> True",
    "ops/fast.py long_product: 0 < I * O <= 2**12 -> (0 < I * O < 2 ** 12)",
    "ops/fast.py long_product: 0 < I * O <= 2**12 -> (0 < I * O > 2 ** 12)",
    "ops/fast.py long_product: 0 < I * O <= 2**12 -> (1) < I * O <= 2**12",
    "ops/fast.py long_product: 0 < I * O <= 2**12 -> 0 < I * O <= (2 * 12)",
    "ops/fast.py long_product: 0 < I * O <= 2**12 -> 0 < I * O <= (3)**12",
    "ops/fast.py long_product: 0 < I * O <= 2**12 -> 0 < I * O <= (1)**12",
    "ops/fast.py long_product: 0 < I * O <= 2**12 -> 0 < I * O <= 2**(13)",
    "ops/fast.py long_product: 0 < I * O <= 2**12 -> 0 < I * O <= 2**(11)",
    "ops/fast.py long_product: not 0 < I * O <= 2**12 or N % parts or N < 2**10 -> not 0 < I * O <= 2**12 or (N // parts) or N < 2**10",
    "ops/fast.py long_product: not 0 < I * O <= 2**12 or N % parts or N < 2**10 -> not 0 < I * O <= 2**12 or N % parts or (N <= 2 ** 10)",
    "ops/fast.py long_product: not 0 < I * O <= 2**12 or N % parts or N < 2**10 -> not 0 < I * O <= 2**12 or N % parts or (N >= 2 ** 10)",
    "ops/fast.py long_product: not 0 < I * O <= 2**12 or N % parts or N < 2**10 -> not 0 < I * O <= 2**12 or N % parts or N < (2 * 10)",
    "ops/fast.py long_product: not 0 < I * O <= 2**12 or N % parts or N < 2**10 -> not 0 < I * O <= 2**12 or N % parts or N < (3)**10",
    "ops/fast.py long_product: not 0 < I * O <= 2**12 or N % parts or N < 2**10 -> not 0 < I * O <= 2**12 or N % parts or N < (1)**10",
    "ops/fast.py long_product: not 0 < I * O <= 2**12 or N % parts or N < 2**10 -> not 0 < I * O <= 2**12 or N % parts or N < 2**(11)",
    "ops/fast.py long_product: not 0 < I * O <= 2**12 or N % parts or N < 2**10 -> not 0 < I * O <= 2**12 or N % parts or N < 2**(9)",
)

same(
    "a gradient of shape (1,) for a single number is brought to shape () by the engine",
    "ops/reduce.py _restore: g.reshape(()) -> (g)",
)

same(
    "of an empty result no element is divided",
    "ops/reduce.py _terms: x.size // y.size if y.size else 1 -> x.size // y.size if y.size else (2)",
)

same(
    "only the shape of it is used",
    "ops/reduce.py logsumexp: xp.max(x, axis=axis) -> (xp.min(x, axis=axis))",
)

same(
    "axes of a vector are 0 or -1, and both are sorted to the one place there is",
    "ops/shape.py transpose: max(x.ndim, 1) -> max(x.ndim, (2))",
)

same(
    "np.add.at does what the assignment does where no element is named twice, and takes longer",
    "ops/shape.py getitem: index if isinstance(index, tuple) else (index,) -> ((index,))",
    "ops/shape.py getitem: part is None or part is ... or isinstance(part, (int, slice)) -> (part is None and part is ... and isinstance(part, (int, slice)))",
    "ops/shape.py getitem: once -> False",
)
