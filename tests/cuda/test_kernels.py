"""Every kernel against its reference, on the simulator: in three orders of the threads, and under its checks."""

import inspect
from dataclasses import replace

import numpy as np
import pytest

from minivae.cuda import KERNELS, Simulator, counting, using
from minivae.cuda.registry import folder, kernels_in
from minivae.engine import Tensor
from tests.cuda.harness import run
from tests.cuda.references import REFERENCES

CHECKED = Simulator(check=True, order="random", seed=8)
ORDERS = [Simulator(order="forward"), Simulator(order="reverse"), Simulator(order="random", seed=7)]


def drawn(kernel):
    """The reference, and inputs at every size."""
    reference, rng = REFERENCES[kernel.role], np.random.default_rng([ord(letter) for letter in kernel.name])
    return reference, [(scalars, reference.inputs(kernel, rng, scalars)) for scalars in reference.scalars(kernel)]


def compare(reference, where, got, wanted):
    assert wanted.keys() == got.keys()
    for name, array in got.items():
        expected = wanted[name].reshape(array.shape)
        np.testing.assert_allclose(array, expected, reference.rtol, reference.atol, False, f"{where}: {name}")


def same_bits(a, b):
    return all(np.array_equal(a[name].view(np.uint32), b[name].view(np.uint32)) for name in a)


@pytest.mark.parametrize("name", KERNELS)
class TestEveryKernel:
    def test_it_computes_what_its_reference_says_in_any_order_of_threads_with_the_same_bits(self, name):
        kernel = KERNELS[name]
        reference, cases = drawn(kernel)
        with counting() as launches:
            for scalars, inputs in cases:
                results = []
                for device in ORDERS:
                    with using(device):
                        results.append(run(kernel, inputs))
                compare(reference, f"{name} {scalars}", results[0], reference(inputs))
                assert same_bits(results[0], results[1]) and same_bits(results[0], results[2]), f"{name} {scalars}"
        assert launches == {name: 3 * len(cases)}

    def test_the_checks_find_nothing_and_the_result_is_right(self, name):
        kernel = KERNELS[name]
        reference, cases = drawn(kernel)
        with using(CHECKED):
            for scalars, inputs in cases:
                compare(reference, f"{name} {scalars}", run(kernel, inputs), reference(inputs))

    def test_it_is_tried_at_odd_and_even_sizes_on_both_sides_of_a_block(self, name):
        kernel = KERNELS[name]
        for size in {"B", "D", "L", "O", "n"} & set(kernel.sizes):
            values = {scalars[size] for scalars in REFERENCES[kernel.role].scalars(kernel)}
            assert 1 in values and len({n % 2 for n in values}) == 2
            assert len(values) >= 3

    def test_no_elements_are_no_launch_or_sums_of_nothing(self, name):
        """Zero for a size: no error, nothing left unwritten."""
        kernel = KERNELS[name]
        reference, cases = drawn(kernel)
        scalars = cases[0][0]
        for size in {"B", "D", "L", "O", "n"} & set(kernel.sizes):
            empty = {**scalars, size: 0}
            with using(ORDERS[0]), counting() as launches:
                outputs = run(kernel, reference.inputs(kernel, np.random.default_rng(0), empty))
            for array in outputs.values():
                assert not array.any()
            assert launches.total() == any(array.size for array in outputs.values())


WITH_OPTIONS = [k.name for k in KERNELS.values() if any(p.optional for p in k.parameters)]


@pytest.mark.parametrize("name", WITH_OPTIONS)
def test_an_output_that_nobody_wants_is_left_out_and_the_others_are_the_same(name):
    kernel = KERNELS[name]
    _, cases = drawn(kernel)
    _, inputs = cases[-1]
    optional = [p.name for p in kernel.parameters if p.optional]
    with using(CHECKED):
        everything = run(kernel, inputs)
        for wanted in optional:
            got = run(kernel, inputs, without=[other for other in optional if other != wanted])
            assert same_bits(got, everything) and wanted in got


LOOPING = [k.name for k in KERNELS.values() if "min(" in k.grid]


@pytest.mark.parametrize("name", LOOPING)
@pytest.mark.parametrize("device", [ORDERS[0], CHECKED], ids=["fast", "checked"])
def test_a_grid_that_is_cut_off_computes_the_same(name, device):
    """As at sizes of millions, where a grid ends at 65,535 blocks and each takes several tiles."""
    kernel = KERNELS[name]
    _, cases = drawn(kernel)
    cut = replace(kernel, grid=kernel.grid.replace("65535", "2"))
    assert cut.grid != kernel.grid
    with using(device):
        for _, inputs in cases:
            assert same_bits(run(cut, inputs), run(kernel, inputs))


def on_tensors(reference, inputs, g):
    """What minivae's op gives in float64 for the same inputs: its value, and the gradient of each input."""
    wanted = inspect.signature(reference.op).parameters
    given = {name: inputs[name] for name in wanted}
    tensors = {name: Tensor(v.astype("float64"), requires_grad=True) for name, v in given.items() if np.ndim(v)}
    value = reference.op(**{**given, **tensors})
    if g is not None:
        value.backward(g.astype("float64"))
    return value.data, {f"g_{name}": tensor.grad for name, tensor in tensors.items()}


WITH_OP = [k.name for k in KERNELS.values() if REFERENCES[k.role].op]


@pytest.mark.parametrize("name", WITH_OP)
def test_the_reference_is_what_the_op_of_that_name_computes(name):
    """So the kernels compute it too: signs, factors and reductions are the same on both backends."""
    kernel = KERNELS[name]
    reference, cases = drawn(kernel)
    for _, inputs in cases[::3]:
        wanted = reference(inputs)
        value, gradients = on_tensors(reference, inputs, inputs.get("g"))
        if "g" not in inputs:
            np.testing.assert_allclose(*wanted.values(), value, rtol=1e-10, atol=1e-12)  # float64
            continue
        for output in wanted.keys() & gradients.keys():
            mine, theirs = wanted[output], gradients[output]
            if mine.shape != theirs.shape:  # one logvar for all pixels: the op sums what the kernel leaves apart
                mine = mine.sum(keepdims=True)
            np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-11)  # float64, sums of up to 1,000 terms


def test_the_ops_with_a_kernel_are_these():
    assert {REFERENCES[KERNELS[name].role].function.__name__ for name in WITH_OP} == {
        *("gaussian_kl", "gaussian_kl_backward", "reparameterize", "reparameterize_backward", "bernoulli_nll"),
        *("bernoulli_nll_backward", "gaussian_nll", "gaussian_nll_backward", "bias_activation"),
        "bias_activation_backward",
    }


def test_every_kernel_of_every_file_is_registered():
    written = [(path.name, name) for path in sorted(folder().glob("*.cu")) for name in kernels_in(path.read_text())]
    assert sorted(written) == sorted((kernel.file, kernel.name) for kernel in KERNELS.values())


def test_every_kernel_has_a_reference_and_every_reference_a_kernel():
    assert {kernel.role for kernel in KERNELS.values()} == set(REFERENCES)


def test_every_tolerance_has_its_reason():
    assert all(reference.why and reference.rtol <= 1e-5 for reference in REFERENCES.values())
