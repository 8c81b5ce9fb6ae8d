"""A JupyterLab of our own for the browser tests: own folder, own settings, own browser, no way to the network."""

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# Without these, a browser calls home on its own: component updates, field trials, safe browsing.
FLAGS = [
    "--no-sandbox",
    "--no-first-run",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
]
NOT_NEEDED = ("jupyter_lsp", "jupyter_server_terminals", "jupyterlab_jupytext")  # each costs a second at the start
LOCAL = ("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:", "about:", "file:")
WAIT_MS = 60_000
IDLE = "window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"


def browser_path() -> str | None:
    return next(filter(None, map(shutil.which, BROWSERS)), None)


@contextlib.contextmanager
def jupyterlab(folder: Path):
    """Start JupyterLab on a folder, wait until it answers, and yield its address with the token."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    own = folder.parent / "jupyter"  # settings, kernels' connection files, IPython's history
    environment = os.environ | {
        "PYTHONPATH": str(REPO),
        "HOME": str(own),
        "JUPYTER_CONFIG_DIR": str(own / "config"),
        "JUPYTER_DATA_DIR": str(own / "data"),
        "JUPYTER_RUNTIME_DIR": str(own / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(own / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(own / "workspaces"),
        "IPYTHONDIR": str(own / "ipython"),
        "MINIVAE_PROGRESS": str(own / "progress.sqlite3"),
    }
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.root_dir": folder,
        "IdentityProvider.token": token,
        "LabApp.extension_manager": "readonly",
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--expose-app-in-browser"]
    command += [f"--{name}={value}" for name, value in options.items()]
    command += [f"--ServerApp.jpserver_extensions={name}=False" for name in NOT_NEEDED]
    notices = own / "settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    notices.parent.mkdir(parents=True)
    notices.write_text('{"fetchNews": "false", "checkForUpdates": false}')
    with open(own / "server.log", "w+") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=folder)
        try:
            base = f"http://127.0.0.1:{port}"
            _answers(f"{base}/api?token={token}", server, own / "server.log")
            yield base, token
        finally:
            server.terminate()  # it ends its kernels by itself
            try:
                server.wait(15)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _answers(url: str, server: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if server.poll() is not None:
            break
        with contextlib.suppress(urllib.error.URLError, ConnectionError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.05)
    raise AssertionError(f"JupyterLab did not start:\n{log.read_text()}")


class Watched:
    """A browser page that writes down what it should not have done: calls abroad, errors in the console."""

    def __init__(self, context) -> None:
        self.abroad: list[str] = []
        self.errors: list[str] = []
        context.route("**/*", self._route)
        self.page = context.new_page()
        self.page.set_default_timeout(WAIT_MS)
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("websocket", lambda ws: self.abroad.append(ws.url) if not ws.url.startswith(LOCAL) else None)

    def _route(self, route) -> None:
        if route.request.url.startswith(LOCAL):
            route.continue_()
        else:
            self.abroad.append(route.request.url)
            route.abort()


@contextlib.contextmanager
def browser(folder: Path):
    """Start the browser with an empty profile; yields its context."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            folder, executable_path=browser_path(), headless=True, args=FLAGS, viewport={"width": 1100, "height": 1000}
        )
        try:
            yield context
        finally:
            context.close()


def execute(page, command: str, arguments: dict | None = None) -> None:
    """Run a command of JupyterLab to its end. A promise that is never kept would hold up the tests for ever."""
    page.evaluate(
        """([command, args, ms]) => Promise.race([
            window.jupyterapp.commands.execute(command, args).then(() => null),
            new Promise((_, refuse) => setTimeout(() => refuse(new Error(`${command} did not end`)), ms)),
        ])""",
        [command, arguments or {}, WAIT_MS],
    )


def open_notebook(page, base: str, token: str, name: str) -> None:
    page.goto(f"{base}/lab/tree/{name}?token={token}")
    settled(page)


def reload(page) -> None:
    page.reload()
    settled(page)


def settled(page) -> None:
    """Come back when JupyterLab has laid itself out, and the notebook in front has its cells and its kernel.

    Until its code has run, `jupyterapp` is not there, and neither is the splash screen: its absence alone says nothing.
    """
    page.wait_for_function("window.jupyterapp?.restored.then(() => true)")
    page.wait_for_selector("#jupyterlab-splash", state="detached")
    page.wait_for_selector(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-Cell")
    page.wait_for_function(IDLE)


def new_kernel(page) -> None:
    """Another kernel in the place of this one, which knows nothing of it.

    Not `restart()`: on a busy machine JupyterLab may miss that the kernel is there again, and wait for ever.
    """
    session = "window.jupyterapp.shell.currentWidget.sessionContext"
    before = page.evaluate(f"{session}.session.kernel.id")
    page.evaluate(f"void {session}.changeKernel({{name: 'python3'}})")
    page.wait_for_function(f"before => {session}.session?.kernel && {session}.session.kernel.id !== before", arg=before)
    page.wait_for_function(IDLE)


def run_all(page) -> None:
    """Run every cell, and come back when all have run."""
    page.wait_for_function(IDLE)
    page.evaluate("void window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_function(
        """() => window.jupyterapp.shell.currentWidget.content.widgets
            .every(cell => cell.model.type !== 'code' || cell.model.executionState === 'idle'
                           && cell.model.executionCount !== null)"""
    )


def set_theme(page, theme: str) -> None:
    execute(page, "apputils:change-theme", {"theme": theme})
    light = "false" if "Dark" in theme else "true"
    page.wait_for_function(f"document.body.dataset.jpThemeLight === '{light}'")
