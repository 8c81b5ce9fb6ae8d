"""What is read from the .cu files, and how a registration that does not fit is refused."""

import math
from dataclasses import replace

import pytest

from minivae.cuda import KERNELS, Kernel, find, kernels, registry, versions
from minivae.cuda.registry import Parameter, cdiv, kernels_in, read_constants, read_parameters
from minivae.errors import BackendError

SOURCE = """
#define TILE 16  // a comment
#define SAY(x) printf(x)
#define NOTHING
constexpr int BLOCK = 4 * TILE, OTHER = 3;
constexpr int WIDE = BLOCK_X;
constexpr int BLOCK = TILE * TILE;
constexpr int ROWS = BLOCK / 32;  /* eight */
  constexpr float HALF = 0.5f;

// extern "C" __global__ void commented_out(int n) {}

// Adds.
// In place. Twice.
extern "C" __global__ void __launch_bounds__(BLOCK) add(
    const float* __restrict__ x,  // (n, 2 * k) a comment (with brackets), and commas
    float* y,                     // (min(n, 3), cdiv(n, TILE)) read and written
    int *z,                       // (n,) or null
    const unsigned int* bits,     // (4,)
    float scale, int n, int k, unsigned long long seed) {
  y[0] = x[0] * scale;
}
extern "C" __global__ void
none() {}
"""


class TestReading:
    def test_arguments_shapes_and_directions(self):
        assert read_parameters(SOURCE, "add", "add.cu") == (
            Parameter("x", "float", "(n, 2 * k)", reads=True, writes=False),
            Parameter("y", "float", "(min(n, 3), cdiv(n, TILE))", reads=True, writes=True),
            Parameter("z", "int", "(n,)", reads=False, writes=True, optional=True),
            Parameter("bits", "unsigned int", "(4,)", reads=True, writes=False),
            Parameter("scale", "float"),
            Parameter("n", "int"),
            Parameter("k", "int"),
            Parameter("seed", "unsigned long long"),
        )
        assert read_parameters(SOURCE, "none", "add.cu") == ()

    def test_constants(self):
        assert read_constants(SOURCE) == {"TILE": 16, "BLOCK": 256, "ROWS": 8}

    def test_kernels_but_not_those_in_comments(self):
        assert kernels_in(SOURCE) == ["add", "none"]

    @pytest.mark.parametrize(
        "argument, words",
        [
            ("double x", "cannot pass the argument `double x`; wanted one of int, float,"),
            ("const double* x,  // (n,)", "cannot pass the argument `const double\\* x`"),
            ("Settings s", "cannot pass"),
            ("float** x", "cannot pass"),
            ("const float* x", "the array x has no shape; write it behind"),
            ("const float* x,  // n", "the array x has no shape"),
            ("const float* x,  // (n)", "the array x has no shape"),
            ("const float* x,  // ()", "the array x has no shape"),
            ("const float* x,  // (n n)", "the array x has no shape"),
        ],
    )
    def test_an_argument_that_could_not_be_passed_is_refused(self, argument, words):
        source = f'extern "C" __global__ void f(\n    {argument}\n) {{}}'
        with pytest.raises(BackendError, match=f"f.cu: f: {words}"):
            read_parameters(source, "f", "f.cu")

    def test_a_bracket_that_is_not_closed(self):
        with pytest.raises(BackendError, match="a bracket is not closed"):
            read_parameters('extern "C" __global__ void f(int n', "f", "f.cu")

    def test_a_kernel_that_is_not_there(self):
        with pytest.raises(BackendError, match=r"add.cu: there is no kernel mul; it has add, none"):
            read_parameters(SOURCE, "mul", "add.cu")


class TestKernel:
    def test_the_formulas_know_scalars_and_constants(self):
        kernel = replace(find("gaussian_kl_v1"))
        assert kernel.sizes == ("B", "L")
        assert kernel.plan(B=257, L=3) == ((2,), (256,), 0, ((257, 3), (257, 3), (257,)))
        assert kernel.value("B * ROWS", B=2, L=1) == 16
        assert kernel.bytes_formula == "8*B*L + 4*B" and kernel.bytes(B=10, L=3) == 280
        assert kernel.idea.startswith("One thread sums one row. ")

    def test_what_is_read_and_written_is_moved_twice(self):
        assert find("adam").bytes(n=10) == 280

    @pytest.mark.parametrize("field", ["grid", "block", "shared"])
    def test_a_formula_with_an_unknown_name_is_refused(self, field):
        kernel = replace(find("gaussian_kl_v1"), **{field: "K + 1"})
        with pytest.raises(BackendError, match=r"gaussian_kl_v1: the formula .* has K; wanted .*'B', 'L'.*BLOCK"):
            kernel.plan(B=1, L=1)

    def test_a_file_that_is_missing(self):
        with pytest.raises(BackendError, match=r"f: cannot read .*none.cu; install minivae again"):
            _ = Kernel("f", "none.cu", grid="1").parameters

    def test_cdiv_rounds_up(self):
        assert [cdiv(n, 4) for n in (0, 1, 4, 5)] == [0, 1, 1, 2]


class TestTable:
    def test_no_name_comes_twice(self):
        assert len(kernels.TABLE) == len(KERNELS)

    @pytest.mark.parametrize("name", KERNELS)
    def test_every_registration_fits_its_file(self, name):
        kernel = KERNELS[name]
        integers = {p.name: 1 for p in kernel.parameters if not p.shape and p.ctype != "float"}
        grid, block, shared, shapes = kernel.plan(**integers)
        assert 1 <= len(grid) <= 3 and 1 <= len(block) <= 3 and 0 <= shared <= 48 * 1024
        threads = math.prod(block)
        assert threads % 32 == 0 and threads <= 1024
        assert len(shapes) == sum(p.shape is not None for p in kernel.parameters)
        assert any(p.writes for p in kernel.parameters)
        assert kernel.value(kernel.flops, **integers) > 0 and kernel.bytes(**integers) > 0
        assert kernel.idea, "a kernel has a comment on top that says its idea"

    def test_versions_rise_from_one_and_one_of_them_is_used(self):
        for role in {kernel.role for kernel in KERNELS.values()}:
            names = [kernel.name for kernel in versions(role)]
            assert names == [role] or names == [f"{role}_v{k + 1}" for k in range(len(names))]
            assert find(role).role == role

    def test_versions_take_the_same_arguments(self):
        for kernel in KERNELS.values():
            assert kernel.parameters == find(kernel.role).parameters

    def test_none_or_two_versions_in_use_are_refused(self, monkeypatch):
        pair = [replace(find("gaussian_kl_v1"), name=f"f_v{k}") for k in (1, 2)]
        for chosen in ((False, False), (True, True)):
            made = [replace(kernel, engine=flag) for kernel, flag in zip(pair, chosen, strict=True)]
            monkeypatch.setattr(kernels, "TABLE", tuple(made))
            with pytest.raises(BackendError, match=f"has to stand at one of f_v1, f_v2; it stands at {sum(chosen)}"):
                find.__wrapped__("f")


class TestFolder:
    def test_in_a_checkout_it_lies_beside_the_package(self):
        assert (registry.folder() / "gaussian_kl.cu").is_file()

    def test_in_a_wheel_it_lies_inside(self, monkeypatch, tmp_path):
        (tmp_path / "minivae" / "kernels").mkdir(parents=True)
        (tmp_path / "kernels").mkdir()
        monkeypatch.setattr(registry, "__file__", str(tmp_path / "minivae" / "cuda" / "registry.py"))
        assert registry.folder() == tmp_path / "minivae" / "kernels"


class TestFiles:
    """What a kernel file may not have: NVRTC has no headers, and the simulator and CuPy get the text alone."""

    @pytest.mark.parametrize("path", sorted(registry.folder().glob("*.cu")), ids=lambda path: path.name)
    def test_it_includes_nothing_and_fits_the_page(self, path):
        text = path.read_text(encoding="utf-8")
        assert "#include" not in text and "double" not in text and "atomicAdd(" not in text
        assert max(map(len, text.split("\n"))) <= 120 and text.isascii() and text.endswith("}\n")
        assert text.startswith("// ") and "bandwidth" in text.split("constexpr", 1)[0]
