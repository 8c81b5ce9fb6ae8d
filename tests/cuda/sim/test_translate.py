"""From CUDA C to C++: what is read of a file, and that every line stays where it was."""

import pytest

from minivae.cuda.sim import CompileError
from minivae.cuda.sim.tokens import tokenize
from minivae.cuda.sim.translate import translate


def only(source):
    translation = translate(source, "t.cu")
    (kernel,) = translation.kernels.values()
    return kernel


class TestTokens:
    def test_comments_texts_and_directives_are_told_apart(self):
        source = 'a /* b\n c */ "d // e" // f \\\n g\n#define H(i) \\\n  j\nk->l<<<1\'000u, 0x1p-3f>>>'
        tokens = tokenize(source)
        assert [(t.text, t.line, t.directive) for t in tokens] == [
            ("a", 1, ""),
            ('"d // e"', 2, ""),
            ("#", 4, "#"),
            ("define", 4, "define"),
            *((text, 4, "define") for text in ("H", "(", "i", ")")),
            ("j", 5, "define"),
            *((text, 6, "") for text in ("k", "->", "l", "<<<", "1'000u", ",", "0x1p-3f", ">>>")),
        ]
        assert all(source[t.start : t.end] == t.text for t in tokens)

    @pytest.mark.parametrize("source", ["", "\n", '"', "'", "/*", "/* a", "((", "}", "#", "\\", "a\r\nb"])
    def test_nothing_is_too_odd(self, source):
        tokenize(source)
        translate(source, "t.cu")


class TestKernels:
    @pytest.mark.parametrize(
        ("head", "parameters"),
        [
            ("__global__ void k()", []),
            ("__global__ void k(void)", []),
            ("__global__ void k(float *x, const float *__restrict__ y)", [("x", "float*"), ("y", "const float*")]),
            ("__global__ void k(const int n, float x[])", [("n", "int"), ("x", "float*")]),
            ("__global__ void k(unsigned   long\n long seed)", [("seed", "unsigned long long")]),
            (
                "__global__ void k(Pair<int, float> p, float const* q)",
                [("p", "Pair<int,float>"), ("q", "float const*")],
            ),
            ("__launch_bounds__(256) __global__ void k(int n /* of x, y */)", [("n", "int")]),
            ("__global__ void __launch_bounds__(256, 2)\nk(float** p)", [("p", "float**")]),
            ("__global__ __launch_bounds__(256) void k(volatile float* v)", [("v", "volatile float*")]),
        ],
    )
    def test_parameters_have_names_and_types(self, head, parameters):
        kernel = only(f'extern "C" {head} {{}}')
        assert (kernel.name, kernel.parameters, kernel.plain) == ("k", parameters, True)

    @pytest.mark.parametrize(
        ("bounds", "text"),
        [
            ("", ""),
            ("__launch_bounds__(64)", "64"),
            ("__launch_bounds__(2 * N, 4)", "2*N"),
            ("__launch_bounds__(f(1, 2))", "f(1,2)"),
        ],
    )
    def test_launch_bounds_are_kept_as_written(self, bounds, text):
        assert only(f'extern "C" __global__ void {bounds} k(int n) {{}}').bound == text

    def test_only_what_is_declared_extern_c_is_found_by_its_name(self):
        source = """
        extern "C" { __global__ void a() {} namespace q { __global__ void b() {} } }
        __global__ void c() {}
        template <int N> __global__ void d() {}
        extern "C" __global__ void e() {}
        """
        kernels = translate(source, "t.cu").kernels
        assert {name: k.plain for name, k in kernels.items()} == dict(a=True, b=True, c=False, d=False, e=True)
        assert {name: k.line for name, k in kernels.items()} == dict(a=2, b=2, c=3, d=4, e=5)


class TestDeclarations:
    @pytest.mark.parametrize(
        ("declared", "made"),
        [
            ("__shared__ float s[8][9];", "__sim_shared_array(s, 0, float [8][9]);"),
            ("__shared__ float v;", "__sim_shared_array(v, 0, float);"),
            ("static __shared__ volatile int v[N];", "__sim_shared_array(v, 0, volatile int [N]);"),
            ("__shared__ __align__(16) float a[4];", "__sim_shared_array(a, 16, float [4]);"),
            ("__align__(8) __shared__ float a[4];", "__sim_shared_array(a, 8, float [4]);"),
            (
                "__shared__ float a[T][T], b[1 << 4];",
                "__sim_shared_array(a, 0, float [T][T]); __sim_shared_array(b, 0, float [1<<4]);",
            ),
            ("__shared__ Pair<int, 3> p[2];", "__sim_shared_array(p, 0, Pair<int,3> [2]);"),
            ("__shared__ float *p, *q;", "__sim_shared_array(p, 0, float*); __sim_shared_array(q, 0, float*);"),
            ("__shared__ unsigned long long u;", "__sim_shared_array(u, 0, unsigned long long);"),
            ("extern __shared__ float s[];", "__sim_dynamic_array(s, float);"),
            ("extern __shared__ __align__(16) unsigned char raw[];", "__sim_dynamic_array(raw, unsigned char);"),
        ],
    )
    def test_shared_memory(self, declared, made):
        before, after = 'extern "C" __global__ void k() {\n', "\n}\n"
        text = translate(before + declared + after, "t.cu").text
        assert text == before + made + after

    def test_every_line_stays_where_it_was(self):
        source = """#define TILE(n) \\
  __shared__ float \\
    part[n]; \\
  part[0] = 1
extern "C" __global__ void k() {
  __shared__ float  // a comment
    a[4],
    b[5];
  TILE(3);  extern  __shared__
  int d[]; a[0] = __LINE__;
}
"""
        text = translate(source, "t.cu").text
        assert text.count("\n") == source.count("\n")
        for word in ("TILE(3)", "__LINE__", "part[0]"):
            assert [n for n, line in enumerate(text.splitlines()) if word in line] == [
                n for n, line in enumerate(source.splitlines()) if word in line
            ]

    def test_dynamic_memory_is_looked_at_in_words_unless_it_is_declared_in_bytes(self):
        def kernel(kind):
            return f'extern "C" __global__ void k_{kind}() {{ extern __shared__ {kind} s_{kind}[]; }}\n'

        assert translate(kernel("float") + kernel("int"), "t.cu").grain == 4
        assert translate(kernel("float") + kernel("char"), "t.cu").grain == 1

    def test_variables_are_told_from_functions(self):
        source = """
        __device__ int a = 0, b[3];
        __constant__ float c[4] = {1, 2, 3, 4};
        static __device__ __align__(16) float4 d;
        __device__ __forceinline__ float f(float x) { return x; }
        __device__ float g(float x);
        template <class T> __device__ T h(T x) { return x; }
        __device__ const float e = 1.0f;
        """
        assert translate(source, "t.cu").variables == dict(a=False, b=False, c=True, d=False, e=False)

    def test_atomics_are_noticed(self):
        assert translate("atomicAdd(&x, 1);", "t.cu").atomics
        assert not translate("// atomicAdd(&x, 1);", "t.cu").atomics


def test_a_source_cut_off_anywhere_or_with_a_token_left_out_is_read_or_refused():
    source = """
    __constant__ float c[2] = {1, 2};
    extern "C" __global__ void __launch_bounds__(64, 2) k(const float* __restrict__ x, Pair<int, 3> p) {
      extern __shared__ __align__(16) unsigned char raw[];
      __shared__ float a[4][5], *b;
      y[0] = a[0][0];
    }
    """
    tokens = tokenize(source)
    for k, token in enumerate(tokens):
        for text in (source[: token.start], source[: token.end], source[: token.start] + source[token.end :]):
            try:
                translation = translate(text, "t.cu")
            except CompileError as error:
                assert "__shared__" in str(error)
            else:
                assert set(translation.kernels) <= {"k", "(", "x", "const", "__launch_bounds__"}, (k, text)
