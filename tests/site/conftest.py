"""The site, built once for all tests of it, and a browser that has it open."""

import functools
import http.server
import importlib.util
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.browser import lab
from tests.site import pages

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built site, and how long that took."""
    if importlib.util.find_spec("sphinx") is None or importlib.util.find_spec("myst_nb") is None:
        pytest.skip('needs sphinx: pip install "minivae[docs]"')
    folder = tmp_path_factory.mktemp("site")
    begin = time.monotonic()
    done = subprocess.run(
        [sys.executable, ROOT / "docs" / "build.py", "--out", folder], capture_output=True, text=True, cwd=ROOT
    )
    if "npm" in done.stderr and "make docs: formulas need" in done.stderr:
        pytest.skip("needs npm: it brings MathJax")
    assert done.returncode == 0, done.stdout + done.stderr
    return SimpleNamespace(folder=folder / "html", seconds=time.monotonic() - begin)


@pytest.fixture(scope="module")
def parsed(site):
    return {path: pages.Page(path.read_text(encoding="utf-8")) for path in sorted(site.folder.rglob("*.html"))}


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def opened(site, tmp_path_factory):
    """The site behind a server, and a page that is being watched."""
    pytest.importorskip("playwright", reason='no playwright: pip install "minivae[lab,dev]"')
    if lab.browser_path() is None:
        pytest.skip(f"no browser: install one of {', '.join(lab.BROWSERS)}")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=site.folder))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        with lab.browser(tmp_path_factory.mktemp("browser") / "profile") as context:
            watched = lab.Watched(context)
            yield SimpleNamespace(watched=watched, page=watched.page, base=f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def go(opened, name, scheme="light", motion="reduce"):
    """Open a page, as a reader with these settings sees it."""
    opened.page.emulate_media(color_scheme=scheme, reduced_motion=motion)
    opened.page.goto(f"{opened.base}/{name}")
    return opened.page
