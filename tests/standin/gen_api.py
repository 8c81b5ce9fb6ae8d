"""Writes api.json: which names CuPy has, and how each may be called. Wants CuPy installed, but no GPU.

pip install --target /tmp/cupy cupy-cuda12x==14.2.0 && PYTHONPATH=/tmp/cupy python -m tests.standin.gen_api
"""

import inspect
import json
import re
from pathlib import Path

API = Path(__file__).with_name("api.json")


def parameters(f):
    """How `f` may be called, as the parameters of a lambda: "a, axis=None, *, dtype=None". None if nobody knows.

    Defaults do not matter and are all None. Functions that are compiled have their signature in their docstring.
    """
    try:
        listed = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        lines = (f.__doc__ or "").strip().splitlines()
        match = re.match(r"[\w.]+\(([^[]*)\)(?: ->.*)?$", lines[0].replace("\\*", "*")) if lines else None
        return ", ".join(filter(None, map(_one, match[1].split(", ")))) if match else None
    text, kinds = [], inspect.Parameter
    before = None
    for p in listed:
        if before == kinds.POSITIONAL_ONLY and p.kind != before:
            text.append("/")
        if p.kind == kinds.KEYWORD_ONLY and before not in (kinds.KEYWORD_ONLY, kinds.VAR_POSITIONAL):
            text.append("*")
        star = {kinds.VAR_POSITIONAL: "*", kinds.VAR_KEYWORD: "**"}.get(p.kind, "")
        text.append(star + p.name + ("=None" if p.default is not p.empty else ""))
        before = p.kind
    return ", ".join(text)


def _one(text):
    """A parameter of a docstring without its type: "Py_ssize_t axis1" is axis1, "order='C'" is order=None."""
    name, default, _ = text.strip().partition("=")
    return name.split()[-1] + ("=None" if default else "") if name else ""


def names(thing):
    """What a module or a class has; None for what cannot be called."""
    public = [name for name in dir(thing) if not name.startswith("_")]
    values = [(name, getattr(thing, name)) for name in public]
    return {name: parameters(v) if callable(v) and not isinstance(v, type) else None for name, v in values}


def scatters(cupy):
    """The ufuncs that have an `at`: the others say so before they look at the arrays."""
    found = []
    for name in dir(cupy):
        f = getattr(cupy, name)
        if isinstance(f, cupy.ufunc):
            try:
                f.at(None, None, None)
            except NotImplementedError:
                continue
            except Exception:
                found.append(name)
    return found


def api(cupy):
    return {
        "version": cupy.__version__,
        "module": names(cupy),
        "ufuncs": [name for name in dir(cupy) if isinstance(getattr(cupy, name), cupy.ufunc)],
        "at": scatters(cupy),
        "ndarray": names(cupy.ndarray),
        "dunder": [name for name in dir(cupy.ndarray) if name.startswith("__")],
        "linalg": names(cupy.linalg),
        "random": names(cupy.random),
        "Generator": names(cupy.random.Generator),
    }


def main():
    import cupy

    parts = api(cupy)
    lines = []
    for key, value in parts.items():  # one name a line, so that a new version shows as a readable difference
        if isinstance(value, dict):
            inner = ",\n".join(f"  {json.dumps(name)}: {json.dumps(sig)}" for name, sig in sorted(value.items()))
            lines.append(f"{json.dumps(key)}: {{\n{inner}\n}}")
        else:
            lines.append(f"{json.dumps(key)}: {json.dumps(value)}")
    API.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"{API}: CuPy {parts['version']}, {len(parts['module'])} names")


if __name__ == "__main__":
    main()
