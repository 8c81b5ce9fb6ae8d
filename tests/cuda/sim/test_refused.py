"""What cannot be run is refused by name, with file and line and what to do, before a compiler is asked."""

import pytest

from minivae.cuda import sim
from minivae.cuda.sim import compiler
from minivae.cuda.sim.refused import MISSING
from minivae.cuda.sim.translate import translate


@pytest.fixture(autouse=True)
def _no_compiler(monkeypatch):
    monkeypatch.setattr(compiler, "find", lambda: pytest.fail("a compiler was asked"))


def body(text):
    return f'extern "C" __global__ void k(float* y, int n) {{\n  {text}\n}}\n'


NAMES = {
    "half h;": "half: half precision is not simulated; compute in float",
    "__half2 h;": "__half2: half precision",
    "y[0] = __half2float(n);": "__half2float: half precision",
    "auto h = __float2half(1.0f);": "__float2half: half precision",
    "__nv_bfloat16 b;": "__nv_bfloat16: bfloat16 is not simulated",
    "cooperative_groups::this_grid();": "cooperative_groups: cooperative groups are not simulated",
    'asm volatile("mov.u32 %0, 1;" : "=r"(n));': "asm: this is PTX, which a CPU cannot run",
    "cudaTextureObject_t t;": "cudaTextureObject_t: textures and surfaces are not simulated; read from an array",
    "y[0] = tex1Dfetch<float>(t, 0);": "tex1Dfetch: textures",
    "k<<<1, 1>>>(y, n);": "<<<: kernels that launch kernels are not simulated",
    "cudaDeviceSynchronize();": "cudaDeviceSynchronize: a .cu file here holds kernels only",
    "nvcuda::wmma::fill_fragment(f, 0.0f);": "nvcuda: tensor cores",
    "float* p = (float*)malloc(4);": "malloc: memory cannot be allocated in a kernel here",
    "float* p = new float[4];": "new: memory cannot",
    "unsigned m = __activemask();": "__activemask: what it returns is the GPU's accident",
    "y[0] = __shfl_down(y[0], 1);": "__shfl_down: CUDA dropped it with the Volta generation; write __shfl_down_sync",
    "y[0] = __ballot(n);": "__ballot: CUDA dropped it.*write __ballot_sync",
    "long long t = clock64();": "clock64: time on a CPU says nothing about a GPU",
    "y[0] = __reduce_add_sync(0xffffffffu, n);": "__reduce_add_sync: only GPUs from sm_80 on have it",
    "y[0] = __fadd_rz(y[0], 1.0f);": "__fadd_rz: only rounding to nearest",
    "y[0] = erfinvf(y[0]);": "erfinvf: the simulator has no such function",
    "y[0] = __builtin_inff();": "__builtin_inff: this is the CPU compiler's own",
    "__int128 big = n;": "__int128: this is the CPU compiler's own",
    "n = __vadd2(n, n);": "__vadd2: arithmetic on packed bytes",
    "n = __dp4a(n, n, n);": "__dp4a: arithmetic on packed bytes",
    "y[0] = std::exp(1.0f);": "std: NVRTC, which compiles this file for the GPU, has no standard headers; write the",
    "y[0] = INFINITY;": r"INFINITY: NVRTC.*; write __int_as_float\(0x7f800000\)",
    "uint32_t u = 3;": "uint32_t: NVRTC.*; write unsigned int",
    "for (uint i = 0; i < 3; ++i) y[i] = FLT_MAX;": "uint: NVRTC.*; write unsigned int",
}


@pytest.mark.parametrize("text", NAMES)
def test_each_by_its_name_and_line(text):
    with pytest.raises(sim.CompileError, match=f"^file.cu:2: {NAMES[text]}"):
        sim.Module(body(text), "file.cu")


@pytest.mark.parametrize("name", MISSING)
def test_what_nvrtc_has_not_got_without_headers(name):
    use = (
        f"y[0] = {name}::exp(1.0f);"
        if name == "std"
        else f"y[0] = (float)({name})0;"
        if "_t" in name
        else f"y[0] = {name};"
    )
    with pytest.raises(sim.CompileError, match=f"^file.cu:2: {name}: NVRTC, .*; {MISSING[name][:5]}"):
        sim.Module(body(use), "file.cu")


@pytest.mark.parametrize("header", ["<cuda_fp16.h>", "<stdint.h>", '"mine.cuh"', "<cooperative_groups.h>"])
def test_every_include(header):
    with pytest.raises(sim.CompileError, match=f"^file.cu:3: #include {header}: NVRTC.*so take the line out"):
        sim.Module(f"// a comment\n\n#include {header}\n", "file.cu")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("__shared__ float s[4];\n", "1: __shared__ outside of a function: declare it inside the kernel"),
        (body("extern __shared__ float s[];").replace("{", "", 1), "2: __shared__ outside"),
        (
            '#define K(name) extern "C" __global__ void name(float* y)\n',
            "1: __global__ in a macro: write the kernel's name",
        ),
        (body("__shared__ float s[2] = {1, 2};"), "2: shared memory cannot be initialised, as in `__shared__ float s"),
        (body("__shared__ float f() { return 1; }"), "2: cannot read the declaration `__shared__ float f"),
    ],
)
def test_declarations_that_cannot_be_read(source, words):
    with pytest.raises(sim.CompileError, match=f"^file.cu:{words}"):
        sim.Module(source, "file.cu")


@pytest.mark.parametrize(
    "text",
    [
        "int half = n / 2; y[half] = half;",
        "const float* texture = y; float clock = texture[0]; y[1] = clock * texture[1];",
        "// half, asm, std::exp, <<<",
        "/* cudaMalloc\n INFINITY */ y[0] = 1;",
        'printf("half asm <<< INFINITY #include");',
        "struct Pair { float free; int uint; } p; p.free = 1; p.uint = 2; y[0] = p.free;",
        "unsigned int new_size = n; y[0] = new_size;",
        "int cg = 3, std = 4; y[0] = cg + std;",
    ],
)
def test_the_files_own_names_comments_and_texts_are_its_own_business(text):
    assert translate(body(text), "file.cu").kernels


@pytest.mark.parametrize(
    "text",
    [
        "#define INFINITY __int_as_float(0x7f800000)\n",
        "typedef unsigned int uint32_t;\n",
        "using uint = unsigned int;\n",
        "constexpr float FLT_MAX = 3.402823466e+38f;\n",
        "__device__ float erfinvf(float x) { return x; }\n",
    ],
)
def test_names_that_the_file_makes_itself_may_be_used(text):
    name = next(
        n
        for n in ("INFINITY", "uint32_t", "uint", "FLT_MAX", "erfinvf")
        if f"{n} " in text or f"{n};" in text or f"{n}(" in text
    )
    use = {"uint32_t": "uint32_t u = 3;", "uint": "uint u = 3;", "erfinvf": "y[0] = erfinvf(y[0]);"}
    assert translate(text + body(use.get(name, f"y[0] = {name};")), "file.cu").kernels
