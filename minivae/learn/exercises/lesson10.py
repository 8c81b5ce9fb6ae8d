"""Lesson 10, Swap in the GPU: a loop that waits for nothing, a step's time on paper, and a clock that does not lie."""

from __future__ import annotations

import math

import numpy as np

from minivae.learn.exercise import Exercise, Misconception
from minivae.learn.hall import FarArray, Hall, Queue
from minivae.learn.inputs import Draw, follows, given, normal, number


def train(xp, x, W, lr, steps):
    """Tied linear autoencoder on (N, D) images, W (D, L) -> W and the mean loss, both on the host."""
    x, W, lr = xp.asarray(x), xp.asarray(W), float(lr)  # sent once; a Python float keeps float32
    total = 0
    for k in range(steps):
        loss, g_W = _loss_and_gradient(x[k::steps])(W)
        total = total + loss  # stays on the device
        W = W - lr * g_W
    return W.get(), float(total) / steps


def _loss_and_gradient(batch):
    def at(W):
        code = batch @ W  # (B, L)
        miss = code @ W.T - batch  # (B, D)
        return (miss**2).sum() / len(batch), 2 / len(batch) * (miss.T @ code + batch.T @ (miss @ W))

    return at


def _on_the_hall(candidate, x, W, lr, steps):
    """What a loop computes, and what a step costs beyond two arrays sent before it and two brought home after."""
    hall = Hall()
    result = candidate(hall.xp, x.astype(np.float32), W.astype(np.float32), lr, steps)
    if result is None or result is ...:
        return result
    if not isinstance(result, (tuple, list)) or len(result) != 2:
        raise TypeError("two things are to be returned: W, and the mean loss")
    W, loss = result
    for name, value in (("W", W), ("the mean loss", loss)):
        if isinstance(value, FarArray):
            raise TypeError(f"{name} is still on the device: bring it home with .get() or .item(), once, at the end")
    return {
        "W": W,
        "loss": float(loss),
        "waits": math.ceil(max(hall.waits - 2, 0) / steps),
        "trips": math.ceil(max(len(hall.sent) - 2, 0) / steps),
        "doubles": int(any(order.dtype == np.float64 for order in hall.orders)),
    }


def _variant(send_each=False, read_each=False, wide=False, divide=True):
    """A training loop with some leaks."""

    def loop(xp, x, W, lr, steps):
        lr = lr if wide else float(lr)
        x, W, total = x if send_each else xp.asarray(x), xp.asarray(W), 0.0
        for k in range(steps):
            loss, g_W = _loss_and_gradient(xp.asarray(x[k::steps]))(W)
            total = total + (loss.item() if read_each else loss)
            W = W - lr * g_W
        return W.get(), float(total) / (steps if divide else 1)

    return loop


def _last_loss(xp, x, W, lr, steps):
    x, W = xp.asarray(x), xp.asarray(W)
    for k in range(steps):
        loss, g_W = _loss_and_gradient(x[k::steps])(W)
        W = W - float(lr) * g_W
    return W.get(), loss.item()


def _uphill(xp, x, W, lr, steps):
    return train(xp, x, W, -lr, steps)


TRAIN = Exercise(
    ref="10/no-waiting",
    solution=train,
    use=_on_the_hall,
    inputs=dict(
        x=normal("N D", 0, 0.5),
        W=normal("D L", 0, 0.3),
        lr=Draw(lambda t: np.float64(t.rng.uniform(0.01, 0.05))),
        steps=given(4, 3, 5, 2, 6),
    ),
    sizes={"N": (13, 7, 11, 4, 12)},
    dtypes=("float32",),  # what is float64 in here came by accident
    returns=(
        "W : (D, L) after the last step",
        "loss : the mean over the steps",
        "waits : a step, beyond the two at the end",
        "trips : arrays sent a step, beyond the two at the beginning",
        "doubles : 1 if something was computed in float64",
    ),
    misconceptions=(
        Misconception(
            "waits-in-each-step",
            "You read as many values as there are steps, with `.item()`, `float(...)` or an `if`, in the loop or one "
            "by one after it. Each time the host stands at the hatch until all that was ordered before is done. Add "
            "the losses up over there, `total = total + loss`, and read one number, once.",
            _variant(read_each=True),
        ),
        Misconception(
            "send-each-batch",
            "You send a batch in every step. The images do not change: send them all once, before the loop, and cut "
            "the batches out of what is there. `x[k::steps]` is a view, on a device too.",
            _variant(send_each=True),
        ),
        Misconception(
            "wide",
            "Something is computed in float64: `lr` comes as an `np.float64`, and NumPy's own scalars make wide what "
            "they touch. `float(lr)` is a Python number, which takes the type of what it meets.",
            _variant(wide=True),
        ),
        Misconception(
            "not-divided",
            "Your loss is the *sum* over the steps. Divide by `steps`, after it has come home.",
            _variant(divide=False),
        ),
        Misconception(
            "last-loss",
            "You return the loss of the last step. Wanted is the mean over all steps: add up as you go.",
            _last_loss,
        ),
        Misconception("uphill", "Your `W` climbs: the gradient points uphill, so it is subtracted.", _uphill),
    ),
    hints=(
        "What in the leaky loop is done in every step, and need be done only once? What is looked at in every step, "
        "and need not be known before the end?",
        "Send `x` before the loop and cut batches from what is there. Let the losses add up over there and read the "
        "sum after the loop. And which type has `lr`?",
        "`x, W, lr = xp.asarray(x), xp.asarray(W), float(lr)`, then in the loop `batch = x[k::steps]` and `total = "
        "total + loss`, and at the end `return W.get(), float(total) / steps`.",
    ),
)


def paper_time(bytes, flops, launch, bandwidth, peak):
    """Seconds of a step: its orders' bytes (K,) and flops (K,), and what a device promises on paper."""
    work = np.maximum(bytes / bandwidth, flops / peak).sum()  # each order waits for the slower of its two
    return max(len(bytes) * launch, work)  # the host writes orders while the device works


def _each(bytes, flops, bandwidth, peak):
    return np.maximum(bytes / bandwidth, flops / peak)


def _in_turn(first):
    """(K,) numbers that are large and small in turn."""
    return Draw(lambda t: t.rng.uniform(*_bounds(np.arange(t.sizes["K"]) % 2 == first)), "K")


def _bounds(large):
    return np.where(large, 5.0, 0.5), np.where(large, 9.0, 1.5)


PAPER_TIME = Exercise(
    ref="10/paper-time",
    solution=paper_time,
    inputs=dict(
        bytes=_in_turn(first=0),  # some orders move much, the others compute much
        flops=_in_turn(first=1),
        launch=given(7.0, 0.2, 9.0, 0.1, 60.0),
        bandwidth=given(0.7, 2.0, 1.1, 0.8, 2.0),
        peak=given(1.4, 1.0, 0.9, 1.6, 0.9),
    ),
    sizes={"K": (5, 4, 6, 1, 3)},
    returns="seconds : one number",
    example=([2.0, 8.0], [6.0, 4.0], 1.0, 2.0, 2.0),
    misconceptions=(
        Misconception(
            "no-launches",
            "The launches are missing. With many small orders the host is still writing when the device has long "
            "finished: the step takes the longer of the two.",
            lambda bytes, flops, launch, bandwidth, peak: _each(bytes, flops, bandwidth, peak).sum(),
        ),
        Misconception(
            "launches-added",
            "You add the launches to the work. The host writes the next order *while* the device works, so the step "
            "takes the longer of the two, not both.",
            lambda bytes, flops, launch, bandwidth, peak: (
                _each(bytes, flops, bandwidth, peak).sum() + len(bytes) * launch
            ),
        ),
        Misconception(
            "launch-for-each",
            "You let each order take the longest of three, as if the device stood still while the host writes and the "
            "other way round. They run side by side: add up the work of all orders, add up all launches, then compare.",
            lambda bytes, flops, launch, bandwidth, peak: np.maximum(
                _each(bytes, flops, bandwidth, peak), launch
            ).sum(),
        ),
        Misconception(
            "one-launch",
            "You count one launch for the whole step. Every order is one: `len(bytes) * launch`.",
            lambda bytes, flops, launch, bandwidth, peak: max(_each(bytes, flops, bandwidth, peak).sum(), launch),
        ),
        Misconception(
            "totals",
            "You add up all bytes and all flops first and compare the totals. Orders run one after the other: one that "
            "waits for memory leaves the arithmetic idle, and nobody else may use it. Compare for each, then add up.",
            lambda bytes, flops, launch, bandwidth, peak: max(
                len(bytes) * launch, bytes.sum() / bandwidth, flops.sum() / peak
            ),
        ),
        Misconception(
            "moving-then-computing",
            "You add the time of the bytes to that of the flops. Within one order both go on at once, thousands of "
            "threads at a time: the slower of the two decides.",
            lambda bytes, flops, launch, bandwidth, peak: max(
                len(bytes) * launch, (bytes / bandwidth + flops / peak).sum()
            ),
        ),
        Misconception(
            "faster-of-two",
            "You take the *smaller* of the two times. An order is done when its slower half is done: `np.maximum`.",
            lambda bytes, flops, launch, bandwidth, peak: max(
                len(bytes) * launch, np.minimum(bytes / bandwidth, flops / peak).sum()
            ),
        ),
        Misconception(
            "upside-down",
            "You multiply by the speed. Bytes divided by bytes a second are seconds.",
            lambda bytes, flops, launch, bandwidth, peak: max(
                len(bytes) * launch, np.maximum(bytes * bandwidth, flops * peak).sum()
            ),
        ),
        Misconception(
            "speeds-exchanged",
            "You divide the bytes by the peak and the flops by the bandwidth. Look at the units: bytes go with bytes a "
            "second.",
            lambda bytes, flops, launch, bandwidth, peak: max(
                len(bytes) * launch, np.maximum(bytes / peak, flops / bandwidth).sum()
            ),
        ),
        Misconception(
            "bytes-only",
            "You leave the flops out. Most orders wait for memory, but a large matrix product waits for arithmetic.",
            lambda bytes, flops, launch, bandwidth, peak: max(len(bytes) * launch, (bytes / bandwidth).sum()),
        ),
        Misconception(
            "flops-only",
            "You leave the bytes out. That is how data sheets are read: most orders of a VAE wait for memory.",
            lambda bytes, flops, launch, bandwidth, peak: max(len(bytes) * launch, (flops / peak).sum()),
        ),
        Misconception(
            "slowest-order",
            "You take the longest order alone. They run one after the other: add them up.",
            lambda bytes, flops, launch, bandwidth, peak: max(
                len(bytes) * launch, _each(bytes, flops, bandwidth, peak).max()
            ),
        ),
    ),
    hints=(
        "One order first: its bytes take some time and its flops take some time, and both go on at once. How long does "
        "the order take?",
        "Then the device: orders run one after the other. And the host: it writes `len(bytes)` orders, one after the "
        "other, while the device works. When is the step done?",
        "`work = np.maximum(bytes / bandwidth, flops / peak).sum()`, and the larger of that and `len(bytes) * launch`.",
    ),
)


def timed(run, clock, synchronize, calls):
    """Seconds that one call of `run` takes, once everything that it asks for is done."""
    run()  # the first call compiles
    synchronize()  # whatever was asked for before is done now
    start = clock()
    for _ in range(calls):
        run()
    synchronize()
    return (clock() - start) / calls


def _on_a_queue(candidate, work, calls, before, build):
    """What a stopwatch says of a function that keeps the device busy for `work`, on a device that is busy already."""
    queue = Queue(launch=0.1)
    compiled: list[bool] = []

    def run():
        if not compiled:
            queue.host += build
            compiled.append(True)
        queue.order(work)

    queue.order(before)
    return candidate(run, queue.clock, queue.synchronize, calls)


def _stopwatch(warm=True, first=True, last=True, each=False, divide=True):
    def timed(run, clock, synchronize, calls):
        if warm:
            run()
        if first:
            synchronize()
        start = clock()
        for _ in range(calls):
            run()
            if each:
                synchronize()
        if last:
            synchronize()
        return (clock() - start) / (calls if divide else 1)

    return timed


TIMED = Exercise(
    ref="10/timed",
    solution=timed,
    use=_on_a_queue,
    inputs=dict(
        work=number(0.5, 0.9),
        calls=given(4, 7, 3, 5, 6),
        before=number(20.0, 30.0),
        build=follows(lambda before: before / 3),
    ),
    returns="seconds : for one call",
    misconceptions=(
        Misconception(
            "no-last-wait",
            "You stop the clock when the orders are *written*. `run` comes back at once; the device has hardly begun. "
            "Wait with `synchronize()` before you look at the clock again.",
            _stopwatch(last=False),
        ),
        Misconception(
            "no-first-wait",
            "The device was still busy with what was asked before, and you pay for that too. `synchronize()` once, "
            "*before* you start the clock.",
            _stopwatch(first=False),
        ),
        Misconception(
            "cold",
            "Your first call is in the figure, and a first call compiles. Call `run()` once before the start.",
            _stopwatch(warm=False),
        ),
        Misconception(
            "waits-in-each-call",
            "You wait after every call, so the host cannot write the next order while the device works: the writing "
            "is added to each. Wait once, after all calls, unless your program waits after each too.",
            _stopwatch(each=True),
        ),
        Misconception(
            "not-divided",
            "You return the time of all calls together. Divide by `calls`.",
            _stopwatch(divide=False),
        ),
        Misconception(
            "warm-up-counted",
            "You divide by one call too many: the one before the clock was started is not in the time.",
            lambda run, clock, synchronize, calls: timed(run, clock, synchronize, calls) * calls / (calls + 1),
        ),
    ),
    hints=(
        "`run()` only writes orders. What does the host's clock say right after it, and what is the device doing then?",
        "Three things do not belong into the figure: what was asked for before, the compiling of the first call, and "
        "the work that is missing because the clock was stopped too early.",
        "`run()`, `synchronize()`, start the clock; `calls` times `run()`; `synchronize()`, look at the clock; divide.",
    ),
)

EXERCISES = (TRAIN, PAPER_TIME, TIMED)
