"""Why a gradient is missing, in words."""

from __future__ import annotations

from collections.abc import Iterator

from minivae import engine
from minivae.backend import current
from minivae.engine import Node, Tensor, wants_gradient
from minivae.errors import DtypeError
from minivae.graph.tape import inputs_behind, ops_behind


class Explanation(str):
    """Text that a notebook shows as text and not as a quoted string."""

    __repr__ = str.__str__


def explain(tensor: Tensor, loss: Tensor | None = None) -> Explanation:
    """Why `tensor.grad` is None, or that it is not, in plain words.

    The engine does not record which `backward` ran. Where several reasons are possible, all are named; with `loss`,
    the graph behind it is searched, and most are settled.

    Parameters
    ----------
    tensor : whose gradient is missing.
    loss : what `backward` was called on, or shall be.

    Raises
    ------
    DtypeError
        If either is not a Tensor.
    """
    for what, x in [("tensor", tensor), ("loss", loss)]:
        if not isinstance(x, Tensor) and not (x is None and what == "loss"):
            raise DtypeError(f"explain: {what} is a {type(x).__name__}; wanted a Tensor, for only a Tensor has a grad")
    parts = list(_reasons(tensor, loss))
    if not engine._recording.get():
        parts.append("By the way: this is inside no_grad(), where nothing is written on the tape.")
    return Explanation("\n".join(parts))


def _reasons(t: Tensor, loss: Tensor | None) -> Iterator[str]:
    if t.grad is not None:
        xp = current().xp
        yield f"grad is there, {t.grad.shape}: the sum of what each backward has brought since it was last None."
        if not bool(xp.isfinite(t.grad).all()):
            yield "It holds NaN or infinity: look for a log of 0, a division by 0, or an exp of something large."
        elif not bool(t.grad.any()):
            yield "All of it is 0: as things stand the loss does not change with it (a relu that is off, a factor 0)."
    elif t.node is not None:
        yield from _reasons_of_a_result(t, t.node, loss)
    elif not t.requires_grad:
        yield from _reasons_of_a_constant(t, loss)
    elif loss is not None:
        yield from _reasons_of_a_leaf(t, loss)
    else:
        yield "grad is None: this is a leaf that wants a gradient, and none is there. The engine cannot tell why:"
        yield "- no backward yet: call loss.backward();"
        yield "- it was called on a loss that does not depend on this tensor, or only through values cut off from it;"
        yield "- a gradient came and was reset since: optimizer.zero_grad(), or .grad = None."
        yield "explain(tensor, loss) searches the graph behind loss and says which."


def _reasons_of_a_result(t: Tensor, node: Node, loss: Tensor | None) -> Iterator[str]:
    if not t.requires_grad:
        yield f"grad is None: {node.name} made this tensor, and requires_grad was set to False afterwards."
        yield "No gradient passes it. Set it to True again, or say what you mean with detach()."
        return
    yield f"grad is None and stays None: this is no leaf, {node.name} made it."
    yield "backward passes its gradient on to the inputs; only leaves keep theirs."
    if node.gradients is None:
        yield "A backward has gone through it, so the gradient was here, and went on."
    elif loss is not None and node not in ops_behind(loss):
        yield "And loss does not depend on it: no path leads from loss back to it."
    else:
        yield "No backward has gone through it yet."
    yield "To see the gradient, begin anew from here: h = Tensor(h.data, requires_grad=True), and look at h.grad."


def _reasons_of_a_constant(t: Tensor, loss: Tensor | None) -> Iterator[str]:
    yield "grad is None and stays None: requires_grad is False. No gradient comes here, nor past here."
    for x in inputs_behind(loss) if loss is not None else ():
        if wants_gradient(x) and x.data is t.data:
            made = f"what {x.node.name} made" if x.node else "a leaf that wants a gradient"
            yield f"It is a detached copy: behind loss there is a tensor with the very same values, {made}."
            yield "Use that one, not its .data or .detach()."
            return
    yield "It does not remember where it came from. It was one of these:"
    yield "- made that way, Tensor(x). If training shall change it: Tensor(x, requires_grad=True), or Parameter(x);"
    yield "- cut off: h.detach(), Tensor(h.data), or a way through NumPy, such as Tensor(rng.normal(mu.data, std));"
    yield "  stay with ops: reparameterize(mu, logvar, eps);"
    yield "- computed inside no_grad(), or from constants alone."


def _reasons_of_a_leaf(t: Tensor, loss: Tensor) -> Iterator[str]:
    if loss is t:
        yield "grad is None: loss is this very tensor, and loss.backward() would put ones there. It has not run yet."
        return
    if loss.node is None or not loss.requires_grad:
        yield "grad is None: loss is not on the tape, so no way leads from it to anything."
        yield "loss was computed inside no_grad() or from constants alone, it was detached, or it is a leaf itself."
        return
    nodes = ops_behind(loss)
    users = [node for node in nodes if any(x is t for x in node.inputs)]
    if users:
        through = ", ".join(dict.fromkeys(node.name for node in users))
        if all(node.gradients is None for node in users):
            yield f"grad is None although loss depends on this tensor, through {through}, and backward has been there."
            yield "So a gradient came and was reset since: optimizer.zero_grad(), or .grad = None;"
            yield "or requires_grad was set to True only after that backward."
        elif any(node.gradients is None for node in nodes):
            yield f"grad is None: loss depends on this tensor, through {through}, but backward has not been there yet."
            yield "Another backward has used a part of this graph: run the forward pass again, then loss.backward()."
        else:
            yield f"grad is None: loss depends on this tensor, through {through}, but backward has not run yet."
            yield "Call loss.backward()."
        return
    yield "grad is None: loss does not depend on this tensor; no gradient can come from loss to here."
    for node in nodes:
        for x in node.inputs:
            if (x.data if isinstance(x, Tensor) else x) is t.data:
                yield f"{node.name} takes another with the very same values: t.detach(), Tensor(t.data) or t.data."
                yield "Give it the tensor itself."
                return
    for x in inputs_behind(loss):
        if isinstance(x, Tensor) and x.node is not None and not x.requires_grad:
            yield f"The graph is cut at what {x.node.name} made: its requires_grad was set to False."
            if any(y is t for y in inputs_behind(x)):
                yield "This tensor lies behind that cut."
    yield "It was not used; or only by its values, t.data or t.detach(), or inside no_grad();"
    yield "or loss was computed with another tensor: a copy, or the parameter of another model."
