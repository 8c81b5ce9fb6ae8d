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


def serious(page, roots: str | None = None, rules: list[str] | None = None) -> list[str]:
    """Violations of serious or critical impact, "rule: element" each.

    All rules are asked, or those that `rules` names; of the whole page, or of what the selector `roots` finds.
    """
    if page.evaluate("typeof window.axe") == "undefined":
        page.evaluate(script())
    if roots is not None:
        assert page.locator(roots).count() > 0, f"nothing on the page is {roots}"
    found = page.evaluate(
        """async ([roots, rules]) => {
            const options = {resultTypes: ['violations'], ...(rules && {runOnly: rules})};
            const {violations} = await axe.run(roots ?? document, options);
            return violations.flatMap(v => v.nodes.map(n => [v.impact, `${v.id}: ${n.target} ${n.html.slice(0, 120)}`]));
        }""",
        [roots, rules],
    )
    return [text for impact, text in found if impact in SERIOUS]
