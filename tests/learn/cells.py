"""What the tests of the lessons share: what a cell of a lesson imports."""

import ast


def imported(code):
    """Full names of what a cell imports from the library."""
    names = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.startswith("minivae")}
