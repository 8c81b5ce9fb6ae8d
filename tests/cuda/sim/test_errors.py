"""What does not compile: the compiler's own words, at the line of the .cu file, without what is ours."""

import pickle

import pytest

from minivae.cuda import sim
from minivae.errors import MinivaeError


def error(source, name="bad.cu"):
    with pytest.raises(sim.CompileError) as caught:
        sim.Module(source, name)
    return str(caught.value)


def body(text):
    return f'// first line\nextern "C" __global__ void k(float* y, int n) {{\n  {text}\n}}\n'


class TestCompileErrors:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("y[0] = undeclared;", "undeclared"),
            ("y[0] = threadIdx.w;", "w"),
            ("y[0] = 1.0f", ";"),
            ("const float* x = y; x[0] = 1.0f;", "read-only"),
            ("y.size();", "float"),
            ("atomicMax(y, 1.0f);", "atomicMax"),  # CUDA has none for float
            ("atomicAdd((long*)y, 1l);", ""),
            ("__syncthreads(1, 2, 3);", "__syncthreads"),
            ("float2 v = __shfl_sync(0xffffffffu, make_float2(1, 2), 1);", "a shuffle moves"),
            ("y[0] = rand();", "rand"),
            ("y[0] = sqrt(16);", "ambiguous"),  # float or double: NVRTC asks too
            ("float row[n]; y[0] = row[0];", "variable"),  # of variable length, which is g++'s own
            ("y[0] = sizeof(int8x);", "int8x"),
        ],
    )
    def test_they_have_file_line_and_the_line_itself(self, text, words):
        first, *rest = error(body(text)).splitlines()
        assert first.startswith("bad.cu:3: ")
        assert words in first
        assert rest[0].strip() == text
        assert "__sim" not in first

    def test_several_are_listed_and_the_rest_is_counted(self):
        said = error(body("\n".join(f"y[{k}] = missing_{k};" for k in range(8))))
        assert [line for line in said.splitlines() if line.startswith("bad.cu:")] == [
            line for k, line in enumerate(said.splitlines()) if line.startswith(f"bad.cu:{3 + k // 2}:")
        ]
        assert said.endswith("and 3 more; mend the first and see")

    def test_an_open_brace_is_named(self):
        assert "this { is never closed" in error(body("if (n) {"))

    def test_a_macro_is_blamed_where_it_is_used(self):
        assert error("#define SET(v) y[0] = v\n" + body("SET(missing);")).startswith("bad.cu:4: ")

    @pytest.mark.parametrize("name", ["kernels/bad.cu", "ein Ordner/böse.cu", 'quo"te.cu', "back\\slash.cu"])
    def test_odd_names_of_files_are_kept(self, name):
        assert error(body("y[0] = undeclared;"), name).startswith(f"{name}:3: ")

    def test_what_only_a_macro_hides_is_explained_too(self):
        said = error("#define INF INFINITY\n#define USE INF\n" + body("y[0] = USE;"))
        assert "INFINITY" in said
        assert "write __int_as_float(0x7f800000)" in said

    def test_an_empty_file_is_a_module_without_kernels(self):
        module = sim.Module("", "empty.cu")
        assert module.kernels == ()
        with pytest.raises(sim.SimulatorError, match="empty.cu: there is no kernel 'k'; it has none"):
            module.kernel("k")


class TestWarnings:
    def test_variables_without_a_value_and_functions_that_return_none(self):
        module = sim.Module(
            """__device__ float f(int n) {
  if (n > 3) return 1.0f;
}
extern "C" __global__ void k(const float* x, float* y, int n) {
  float sum;
  for (int i = threadIdx.x; i < n; i += 32) sum += x[i];
  y[threadIdx.x] = sum + f(n);
}
""",
            "warned.cu",
        )
        assert len(module.warnings) == 2
        assert any(w.startswith("warned.cu:3: ") and "void function" in w for w in module.warnings)
        assert any(w.startswith(("warned.cu:6: ", "warned.cu:7: ")) and "sum" in w for w in module.warnings)
        assert sim.Module(module.source, "warned.cu").warnings == module.warnings  # from the cache too

    def test_there_are_none_for_pragmas_and_unused_things(self):
        text = "int unused = 3;\n#pragma unroll 4\nfor (int i = 0; i < 4; ++i) y[i] = 0;"
        assert sim.Module(body(text)).warnings == ()


class TestClasses:
    def test_all_are_errors_of_this_package(self):
        assert issubclass(sim.SimulatorError, (MinivaeError, RuntimeError))
        assert issubclass(sim.CompileError, sim.SimulatorError)
        assert issubclass(sim.KernelError, sim.SimulatorError)

    def test_a_finding_travels_between_processes(self):
        found = sim.Finding("bounds", "k", "a.cu", 3, (0, 0, 0), (1, 0, 0), "a.cu:3: k: beyond")
        copy = pickle.loads(pickle.dumps(sim.KernelError(found)))
        assert (copy.finding, str(copy)) == (found, "a.cu:3: k: beyond")
