"""Lesson 10: many right ways are taken, and each known mistake meets the hint about that mistake."""

import numpy as np

from minivae.learn.exercises.lesson10 import paper_time, timed, train


def gradient(batch, W):
    miss = batch @ W @ W.T - batch
    return (miss * miss).sum() / len(batch), (2 / len(batch)) * (miss.T @ (batch @ W) + batch.T @ (miss @ W))


def in_place(xp, x, W, lr, steps):
    x, W = xp.asarray(x), xp.asarray(W)
    lr, total = lr.item(), xp.zeros((), "float32")
    for k in range(steps):
        loss, g_W = gradient(x[k::steps], W)
        total += loss
        W -= lr * g_W
    return xp.asnumpy(W), float(total) / steps


def stacked(xp, x, W, lr, steps):
    x, W, losses = xp.asarray(x), xp.asarray(W), []
    for k in range(steps):
        loss, g_W = gradient(x[k::steps], W)
        losses.append(loss)
        W = W - np.float32(lr) * g_W
    return W.get(), float(xp.stack(losses).mean())


def divided_over_there(xp, x, W, lr, steps):
    x, W, lr, mean = xp.asarray(x), xp.asarray(W), float(lr), 0.0
    for k in range(steps):
        loss, g_W = gradient(x[k::steps], W)
        mean = mean + loss / steps
        W = W - lr * g_W
    return W.get(), float(mean)


def a_list_read_at_once(xp, x, W, lr, steps):
    x, W, lr, losses = xp.asarray(x), xp.asarray(W), float(lr), []
    for k in range(steps):
        loss, g_W = gradient(x[k::steps], W)
        losses.append(loss)
        W = W - lr * g_W
    return W.get(), np.mean(xp.asnumpy(xp.stack(losses)))


def batches_cut_first(xp, x, W, lr, steps):
    x, W, total = xp.asarray(x), xp.asarray(W), 0
    for batch in [x[k::steps] for k in range(steps)]:
        loss, g_W = gradient(batch, W)
        total, W = total + loss, W - g_W * float(lr)
    return W.get(), total.item() / steps


TRAIN_RIGHT = {
    "the solution": train,
    "in place, a sum that lives there": in_place,
    "losses stacked": stacked,
    "divided over there": divided_over_there,
    "a list, read at once": a_list_read_at_once,
    "batches cut before the loop": batches_cut_first,
    "the rate sent along as float32": lambda xp, x, W, lr, steps: train(xp, x, W, np.float32(lr), steps),
}


def leaking(read=lambda loss: loss, send=False, lr_of=float, last=False, mean=True, sign=1):
    def loop(xp, x, W, lr, steps):
        x, W, read_so_far = x if send else xp.asarray(x), xp.asarray(W), 0.0
        for k in range(steps):
            loss, g_W = gradient(xp.asarray(x[k::steps]), W)
            seen = read(loss)
            read_so_far = seen if last else read_so_far + seen
            W -= sign * (lr_of(lr) * g_W)
        return W.get(), float(read_so_far) / (steps if mean else 1)

    return loop


def read_after_the_loop(xp, x, W, lr, steps):
    x, W, lr, losses = xp.asarray(x), xp.asarray(W), float(lr), []
    for k in range(steps):
        loss, g_W = gradient(x[k::steps], W)
        losses.append(loss)
        W = W - lr * g_W
    return W.get(), np.mean([float(loss) for loss in losses])


def looks_at_each(loss):
    if loss > 1e9:
        raise ValueError("diverged")
    return loss


def forgotten(xp, x, W, lr, steps):
    x, W, total = xp.asarray(x), xp.asarray(W), 0.0
    for k in range(steps):
        loss, g_W = gradient(x[k::steps], W)
        total, W = total + loss, W - float(lr) * g_W
    return W, total.item() / steps


TRAIN_WRONG = {
    "waits-in-each-step": leaking(read=float),
    "waits-in-each-step (item)": leaking(read=lambda loss: loss.item()),
    "waits-in-each-step (an if)": leaking(read=looks_at_each),
    "waits-in-each-step (one by one at the end)": read_after_the_loop,
    "send-each-batch": leaking(send=True),
    "wide": leaking(lr_of=lambda lr: lr),
    "wide (np.asarray)": leaking(lr_of=lambda lr: np.float64(float(lr))),
    "not-divided": leaking(mean=False),
    "last-loss": leaking(last=True, mean=False),
    "uphill": leaking(sign=-1),
    "raises": forgotten,
}


def order_by_order(bytes, flops, launch, bandwidth, peak):
    host = device = 0.0
    for b, f in zip(bytes, flops, strict=True):
        host += launch
        device += max(b / bandwidth, f / peak)
    return host if host > device else device


def by_kind(bytes, flops, launch, bandwidth, peak):
    slow = bytes * peak > flops * bandwidth  # waits for memory
    return max(launch * bytes.size, bytes[slow].sum() / bandwidth + flops[~slow].sum() / peak)


PAPER_TIME_RIGHT = {
    "the solution": paper_time,
    "order by order": order_by_order,
    "by kind": by_kind,
    "np.where": lambda bytes, flops, launch, bandwidth, peak: np.maximum(
        launch * len(flops), np.where(bytes / bandwidth > flops / peak, bytes / bandwidth, flops / peak).sum()
    ),
    "a stack": lambda bytes, flops, launch, bandwidth, peak: max(
        np.stack([bytes / bandwidth, flops / peak]).max(axis=0).sum(), launch * len(bytes)
    ),
    "python's sum": lambda bytes, flops, launch, bandwidth, peak: max(
        sum(max(b / bandwidth, f / peak) for b, f in zip(bytes, flops, strict=True)), len(bytes) * launch
    ),
    "in float64": lambda bytes, flops, launch, bandwidth, peak: float(
        paper_time(bytes.astype(float), flops.astype(float), launch, bandwidth, peak)
    ),
}

slower = lambda b, f, w, p: np.where(b / w > f / p, b / w, f / p)

PAPER_TIME_WRONG = {
    "no-launches": lambda bytes, flops, launch, bandwidth, peak: np.sum(slower(bytes, flops, bandwidth, peak)),
    "launches-added": lambda bytes, flops, launch, bandwidth, peak: sum(slower(bytes, flops, bandwidth, peak) + launch),
    "launch-for-each": lambda bytes, flops, launch, bandwidth, peak: sum(
        max(launch, b / bandwidth, f / peak) for b, f in zip(bytes, flops, strict=True)
    ),
    "one-launch": lambda bytes, flops, launch, bandwidth, peak: max(
        launch, slower(bytes, flops, bandwidth, peak).sum()
    ),
    "totals": lambda bytes, flops, launch, bandwidth, peak: max(
        launch * bytes.size, np.sum(bytes) / bandwidth, np.sum(flops) / peak
    ),
    "moving-then-computing": lambda bytes, flops, launch, bandwidth, peak: max(
        launch * bytes.size, bytes.sum() / bandwidth + flops.sum() / peak
    ),
    "faster-of-two": lambda bytes, flops, launch, bandwidth, peak: max(
        launch * bytes.size, sum(min(b / bandwidth, f / peak) for b, f in zip(bytes, flops, strict=True))
    ),
    "upside-down": lambda bytes, flops, launch, bandwidth, peak: max(
        launch * bytes.size, slower(bytes, flops, 1 / bandwidth, 1 / peak).sum()
    ),
    "speeds-exchanged": lambda bytes, flops, launch, bandwidth, peak: max(
        launch * bytes.size, slower(bytes, flops, peak, bandwidth).sum()
    ),
    "bytes-only": lambda bytes, flops, launch, bandwidth, peak: max(launch * bytes.size, np.sum(bytes) / bandwidth),
    "flops-only": lambda bytes, flops, launch, bandwidth, peak: max(launch * bytes.size, np.sum(flops) / peak),
    "slowest-order": lambda bytes, flops, launch, bandwidth, peak: max(
        launch * bytes.size, np.max(slower(bytes, flops, bandwidth, peak))
    ),
}


def warmed_thrice(run, clock, synchronize, calls):
    for _ in range(3):
        run()
    synchronize()
    began = clock()
    k = 0
    while k < calls:
        run()
        k += 1
    synchronize()
    ended = clock()
    return (ended - began) / calls


def waits_around_the_first(run, clock, synchronize, calls):
    synchronize()
    run()
    synchronize()
    began = clock()
    [run() for _ in range(calls)]
    synchronize()
    return (clock() - began) / calls


def best_of_three(run, clock, synchronize, calls):
    run()
    turns = []
    for _ in range(3):
        synchronize()
        began = clock()
        for _ in range(calls):
            run()
        synchronize()
        turns.append((clock() - began) / calls)
    return min(turns)


def sync_twice(run, clock, synchronize, calls):
    run()
    synchronize()
    synchronize()
    began = -clock()
    for _ in range(calls):
        run()
    synchronize()
    synchronize()
    return (began + clock()) / calls


def a_rehearsal(run, clock, synchronize, calls):
    timed(run, clock, synchronize, calls)
    return timed(run, clock, synchronize, calls)


def recursive(run, clock, synchronize, calls):
    def turn(k):
        if k:
            run()
            turn(k - 1)

    turn(1)
    synchronize()
    began = clock()
    turn(calls)
    synchronize()
    return (clock() - began) / calls


TIMED_RIGHT = {
    "the solution": timed,
    "warmed up three times": warmed_thrice,
    "waits around the first": waits_around_the_first,
    "the best of three": best_of_three,
    "waits twice": sync_twice,
    "a rehearsal": a_rehearsal,
    "by recursion": recursive,
}


def stopwatch(steps):
    """A stopwatch as a string of what is done: r run, s synchronize, ( start, * calls of run, % calls, each waited
    for, ) stop."""

    def timed(run, clock, synchronize, calls):
        began = ended = 0.0
        for step in steps:
            if step == "r":
                run()
            elif step == "s":
                synchronize()
            elif step == "(":
                began = clock()
            elif step == ")":
                ended = clock()
            else:
                for _ in range(calls):
                    run()
                    if step == "%":
                        synchronize()
        return (ended - began) / calls

    return timed


TIMED_WRONG = {
    "no-last-wait": stopwatch("rs(*)"),
    "no-last-wait (waits too late)": stopwatch("rs(*)s"),
    "no-last-wait (none at all)": stopwatch("r(*)"),
    "no-first-wait": stopwatch("r(*s)"),
    "values": stopwatch("r(s*s)"),
    "cold": stopwatch("s(*s)"),
    "waits-in-each-call": stopwatch("rs(%)"),
    "not-divided": lambda run, clock, synchronize, calls: calls * stopwatch("rs(*s)")(run, clock, synchronize, calls),
    "warm-up-counted": lambda run, clock, synchronize, calls: (
        stopwatch("rs(*s)")(run, clock, synchronize, calls) / (1 + 1 / calls)
    ),
}

RIGHT = {"10/no-waiting": TRAIN_RIGHT, "10/paper-time": PAPER_TIME_RIGHT, "10/timed": TIMED_RIGHT}
WRONG = {"10/no-waiting": TRAIN_WRONG, "10/paper-time": PAPER_TIME_WRONG, "10/timed": TIMED_WRONG}
