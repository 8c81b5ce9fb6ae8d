"""Numbers: the functions of CUDA against NumPy, fused multiply-add, small numbers, bits."""

import math

import numpy as np
import pytest

from minivae.cuda import sim

SPECIAL = (math.erf, math.erfc, math.gamma, math.lgamma)
ERF, ERFC, GAMMA, LGAMMA = (np.vectorize(f, otypes=[float]) for f in SPECIAL)

# name in CUDA: (in float64, between, within this many steps of float32)
ONE = {
    "expf": (np.exp, -80, 80, 2),
    "exp2f": (np.exp2, -120, 120, 2),
    "exp10f": (lambda x: 10.0**x, -35, 35, 2),
    "expm1f": (np.expm1, -5, 5, 2),
    "logf": (np.log, 1e-30, 1e30, 2),
    "log2f": (np.log2, 1e-3, 1e3, 2),
    "log10f": (np.log10, 1e-3, 1e3, 2),
    "log1pf": (np.log1p, -0.9, 1e3, 2),
    "sqrtf": (np.sqrt, 0, 1e30, 1),
    "rsqrtf": (lambda x: x**-0.5, 1e-10, 1e30, 2),
    "cbrtf": (np.cbrt, -100, 100, 2),
    "rcbrtf": (lambda x: 1 / np.cbrt(x), 0.1, 100, 2),
    "sinf": (np.sin, -100, 100, 2),
    "cosf": (np.cos, -100, 100, 2),
    "tanf": (np.tan, -1.5, 1.5, 2),
    "sinpif": (lambda x: np.sin(np.pi * x), -0.9, 0.9, 4),
    "cospif": (lambda x: np.cos(np.pi * x), -0.4, 0.4, 4),
    "asinf": (np.arcsin, -1, 1, 2),
    "acosf": (np.arccos, -1, 1, 2),
    "atanf": (np.arctan, -100, 100, 2),
    "sinhf": (np.sinh, -10, 10, 3),
    "coshf": (np.cosh, -10, 10, 3),
    "tanhf": (np.tanh, -10, 10, 3),
    "asinhf": (np.arcsinh, -10, 10, 3),
    "acoshf": (np.arccosh, 1.1, 100, 3),
    "atanhf": (np.arctanh, -0.9, 0.9, 3),
    "erff": (ERF, -3, 3, 3),
    "erfcf": (ERFC, -3, 3, 8),
    "lgammaf": (LGAMMA, 3, 30, 4),
    "tgammaf": (GAMMA, 0.5, 20, 8),
    "normcdff": (lambda x: ERFC(-x / np.sqrt(2)) / 2, -3, 3, 16),
    "fabsf": (np.abs, -9, 9, 0),
    "floorf": (np.floor, -9, 9, 0),
    "ceilf": (np.ceil, -9, 9, 0),
    "truncf": (np.trunc, -9, 9, 0),
    "rintf": (np.rint, -9, 9, 0),
    "roundf": (lambda x: np.sign(x) * np.floor(np.abs(x) + 0.5), -9, 9, 0),
    "__saturatef": (lambda x: np.clip(x, 0, 1), -2, 2, 0),
    "__expf": (np.exp, -80, 80, 2),
    "__logf": (np.log, 1e-3, 1e3, 2),
    "__frcp_rn": (lambda x: 1 / x, 0.1, 1e3, 1),
    "__fsqrt_rn": (np.sqrt, 0, 1e30, 1),
    "__frsqrt_rn": (lambda x: x**-0.5, 1e-10, 1e30, 1),
    "exp": (np.exp, -80, 80, 2),  # the overload for float
    "abs": (np.abs, -9, 9, 0),
}
TWO = {
    "powf": (np.power, 4),
    "fmodf": (np.fmod, 0),
    "atan2f": (np.arctan2, 2),
    "hypotf": (np.hypot, 2),
    "rhypotf": (lambda x, y: 1 / np.hypot(x, y), 4),
    "copysignf": (np.copysign, 0),
    "fmaxf": (np.maximum, 0),
    "fminf": (np.minimum, 0),
    "fdimf": (lambda x, y: np.maximum(x - y, 0), 1),
    "max": (np.maximum, 0),
    "min": (np.minimum, 0),
    "__fdividef": (np.divide, 1),
    "__fadd_rn": (np.add, 1),
    "__fmul_rn": (np.multiply, 1),
    "__fdiv_rn": (np.divide, 1),
}
# CUDA: value in Python; all exact
WHOLE = {
    "__popc(0xf0f0f0f0u)": 16,
    "__popcll(0xf0f0f0f0f0f0f0f0ull)": 32,
    "__clz(1)": 31,
    "__clz(0)": 32,
    "__clzll(1ll)": 63,
    "__ffs(8)": 4,
    "__ffs(0)": 0,
    "__ffsll(1ll << 40)": 41,
    "__brev(1u) == 0x80000000u": 1,
    "__byte_perm(0x33221100u, 0x77665544u, 0x7410u) == 0x77441100u": 1,
    "__funnelshift_l(0x80000001u, 1u, 4)": 0x18,
    "__funnelshift_r(0x10u, 1u, 4) == 0x10000001u": 1,
    "__umulhi(0x80000000u, 6u)": 3,
    "__mulhi(-2147483647, 4)": -2,
    "(int)__umul64hi(1ull << 63, 6ull)": 3,
    "(int)__mul64hi(-(1ll << 62), 8ll)": -2,
    "__mul24(-3, 5)": -15,
    "(int)__umul24(0x1000003u, 5u)": 15,
    "__hadd(5, 6)": 5,
    "__rhadd(5, 6)": 6,
    "(int)__sad(3, -4, 2u)": 9,
    "(int)__usad(3u, 10u, 2u)": 9,
    "__float2int_rn(2.5f)": 2,
    "__float2int_rz(-2.7f)": -2,
    "__float2int_rd(-2.2f)": -3,
    "__float2int_ru(2.2f)": 3,
    "__float2int_rn(1e20f)": 2**31 - 1,
    "__float2int_rn(-1e20f)": -(2**31),
    "__float2int_rn(__int_as_float(0x7fffffff))": 0,
    "(int)__float2uint_rn(-3.0f)": 0,
    "(int)__float2uint_rz(3.9f)": 3,
    "__float_as_int(1.0f)": 0x3F800000,
    "(int)__int2float_rn(7)": 7,
    "__double2hiint(1.0)": 0x3FF00000,
    "__double2loint(1.0)": 0,
    "__hiloint2double(0x3ff00000, 0) == 1.0": 1,
    "__longlong_as_double(__double_as_longlong(2.5)) == 2.5": 1,
    "min(-1, 2)": -1,
    "(int)min(7u, 2u)": 2,
    "max(-1, 2)": 2,
    "(int)max(-5ll, -6ll)": -5,
    "(int)umin(3u, 4u)": 3,
    "(int)llmax(3ll, 4ll)": 4,
    "abs(-3)": 3,
    "(int)labs(-3l)": 3,
    "(int)llabs(-3ll)": 3,
    "isnan(__int_as_float(0x7fffffff))": 1,
    "isnan(1.0f)": 0,
    "isinf(1.0f / 1e-45f / 1e38f)": 1,
    "isfinite(1.0)": 1,
    "signbit(-0.0f)": 1,
    "(int)pow(2.0, 10)": 1024,
    "(int)pow(2.0f, 10)": 1024,
    "(int)lrintf(2.5f)": 2,
    "(int)lroundf(2.5f)": 3,
    "ilogbf(8.0f)": 3,
    "(int)ldexpf(1.0f, 5)": 32,
    "(int)norm3df(2.0f, 3.0f, 6.0f)": 7,
    "(int)sizeof(long)": 8,
    "warpSize": 32,
    "(int)sizeof(float4) + (int)alignof(float4)": 32,
    "(int)sizeof(float3) + (int)alignof(float3)": 16,
    "(int)alignof(double2) + (int)alignof(int2) + (int)alignof(uchar4) + (int)alignof(short4)": 36,
    "(int)(make_float4(1, 2, 3, 4).w + make_int2(5, 6).y + make_uchar4(7, 8, 9, 10).x)": 17,
    "(int)dim3(2, 3).z": 1,
}

KERNEL = (
    'extern "C" __global__ void k_{k}({parameters}) {{ const int i = blockIdx.x * blockDim.x + threadIdx.x; {body} }}\n'
)


def kernels(bodies, parameters):
    return "".join(KERNEL.format(k=k, parameters=parameters, body=body) for k, body in enumerate(bodies))


def steps(got, want):
    """How many float32 numbers lie between."""
    want = want.astype(np.float32)
    return np.abs(got - want) / np.spacing(np.abs(want))


class TestFunctions:
    @pytest.mark.parametrize("check", [False, True], ids=["fast", "check"])
    @pytest.mark.parametrize("name", ONE)
    def test_one_argument(self, compiled, name, check):
        f, low, high, allowed = ONE[name]
        x = np.linspace(low, high, 512).astype(np.float32)
        y = sim.poison(512)
        source = kernels([f"y[i] = {f}(x[i]);" for f in ONE], "const float* x, float* y")
        compiled(source, "one.cu", check).kernel(f"k_{list(ONE).index(name)}")((8,), (64,), (x, y))
        assert steps(y, f(x.astype(float))).max() <= allowed

    @pytest.mark.parametrize("name", TWO)
    def test_two_arguments(self, compiled, name):
        f, allowed = TWO[name]
        source = kernels([f"z[i] = {n}(x[i], y[i]);" for n in TWO], "const float* x, const float* y, float* z")
        rng = np.random.default_rng(0)
        x, y = rng.uniform(0.1, 9, 512).astype(np.float32), rng.uniform(0.1, 9, 512).astype(np.float32)
        z = sim.poison(512)
        compiled(source, "two.cu").kernel(f"k_{list(TWO).index(name)}")((8,), (64,), (x, y, z))
        assert steps(z, f(x.astype(float), y.astype(float))).max() <= allowed

    @pytest.mark.parametrize("check", [False, True], ids=["fast", "check"])
    def test_whole_numbers_bits_and_sizes(self, compiled, check):
        body = "".join(f"y[{k}] = (int)({expression});\n" for k, expression in enumerate(WHOLE))
        y = sim.poison(len(WHOLE), np.int32)
        compiled(kernels([body], "int* y"), "whole.cu", check).kernel("k_0")((1,), (1,), (y,))
        assert dict(zip(WHOLE, y.tolist(), strict=True)) == WHOLE

    def test_sine_and_cosine_at_once(self, compiled):
        source = kernels(
            ["sincosf(x[i], &s[i], &c[i]);", "sincospif(x[i], &s[i], &c[i]);"], "const float* x, float* s, float* c"
        )
        x, s, c = np.linspace(-0.9, 0.9, 64).astype(np.float32), sim.poison(64), sim.poison(64)
        for k, by in enumerate((1.0, np.pi)):
            compiled(source).kernel(f"k_{k}")((1,), (64,), (x, s, c))
            np.testing.assert_allclose(s, np.sin(by * x), rtol=1e-5)  # x itself is rounded before it is multiplied
            np.testing.assert_allclose(c, np.cos(by * x), rtol=1e-5, atol=1e-6)


class TestRounding:
    """As a GPU does it with CuPy's options: products are fused with sums, and small results become zero."""

    source = kernels(["y[i] = x[i] * x[i] - 1.0f;", "y[i] = __fmul_rn(x[i], x[i]) - 1.0f;"], "const float* x, float* y")
    x = np.full(32, 1 + 2.0**-12, np.float32)  # its square does not fit into float32

    def run(self, module, kernel="k_0"):
        y = sim.poison(32)
        module.kernel(kernel)((1,), (32,), (self.x, y))
        return set(y)

    @pytest.mark.parametrize("check", [False, True], ids=["fast", "check"])
    def test_a_product_is_fused_with_a_sum(self, compiled, check):
        exact = np.float32(self.x[0].astype(float) ** 2 - 1)
        assert self.run(compiled(self.source, check=check)) == {exact}
        assert self.run(compiled(self.source, check=check), "k_1") == {self.x[0] * self.x[0] - 1} != {exact}
        assert self.run(compiled(self.source, check=check, options=("-fmad=false",))) == {self.x[0] * self.x[0] - 1}

    @pytest.mark.parametrize("check", [False, True], ids=["fast", "check"])
    def test_small_numbers_are_flushed_unless_that_is_switched_off(self, compiled, check):
        source = kernels(["y[i] = x[i] * 0.5f;"], "const float* x, float* y")
        x = np.full(1, np.finfo(np.float32).tiny, np.float32)
        for options, want in ((), 0.0), (("-ftz=true",), 0.0), (("-ftz=false",), x[0] / 2):
            y = sim.poison(1)
            compiled(source, check=check, options=options).kernel("k_0")((1,), (1,), (x, y))
            assert y[0] == want
        assert np.float32(1e-40) * np.float32(0.5) != 0  # and after the launch the processor is as it was

    def test_defines_reach_the_source(self, compiled):
        source = "#ifndef SIZE\n#define SIZE 3\n#endif\n" + kernels(["y[i] = SIZE;"], "int* y")
        for options, want in ((), 3), (("-DSIZE=5",), 5), (("--std=c++17", "-DSIZE=5", "-USIZE"), 3):
            y = sim.poison(1, np.int32)
            compiled(source, options=options).kernel("k_0")((1,), (1,), (y,))
            assert y[0] == want

    def test_an_unknown_option_is_named(self):
        with pytest.raises(sim.CompileError, match=r"got the option '--use_fast_math'; wanted -DNAME=value"):
            sim.Module("", options=("--use_fast_math",))
