"""Build the site: `make docs`, or `python docs/build.py --out FOLDER`.

Needs `pip install minivae[docs]`, and npm for MathJax, once. Nothing is executed: lessons show their committed outputs.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from platformdirs import user_cache_path

DOCS = Path(__file__).resolve().parent
MATHJAX = "mathjax@3.2.2"
FILE = "package/es5/tex-svg-full.js"
SHA256 = "a4354ff94fd868aea0cc6eaaa79a57fda0588646fc46ee3700a349ee0a11cbe6"


def mathjax(folder: Path) -> Path:
    """MathJax as one file, from the cache folder or else from npm.

    Raises SystemExit, with what to do, where npm is missing, fails, or brings another file.
    """
    path = folder / MATHJAX / Path(FILE).name
    if not path.exists():
        if shutil.which("npm") is None:
            raise SystemExit(f"make docs: formulas need {MATHJAX}, which npm brings; install npm")
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as here:
            done = subprocess.run(["npm", "pack", "--silent", MATHJAX], cwd=here, text=True, capture_output=True)
            if done.returncode:
                raise SystemExit(f"make docs: npm pack {MATHJAX} failed:\n{done.stdout}{done.stderr}")
            with tarfile.open(next(Path(here).glob("*.tgz"))) as archive:
                archive.extract(FILE, here, filter="data")
            (Path(here) / FILE).rename(path)
    if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        raise SystemExit(f"make docs: {path} is not the {FILE} of {MATHJAX}; delete it and try again")
    return path


def build(out: Path) -> int:
    """Build the site into `out`/html; returns Sphinx's exit code. Warnings are errors."""
    from sphinx.cmd.build import main as sphinx

    sys.path.insert(0, str(DOCS / "_ext"))
    import minivae_site

    source, assets = out / "source", out / "assets"
    minivae_site.stage(source, assets)
    (assets / "mathjax").mkdir(exist_ok=True)
    shutil.copy2(mathjax(user_cache_path("minivae")), assets / "mathjax")
    options = ["-q", "-W", "--keep-going", "-E", "-a", "-b", "html", "-c", str(DOCS), "-d", str(out / "doctrees")]
    return sphinx([*options, "-D", f"html_static_path=_static,{assets.resolve()}", str(source), str(out / "html")])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python docs/build.py", description="Build the site.")
    parser.add_argument("--out", type=Path, default=DOCS.parent / "build" / "docs")
    out = parser.parse_args().out
    code = build(out)
    if code == 0:
        size = sum(path.stat().st_size for path in (out / "html").rglob("*") if path.is_file())
        print(f"the site is in {out / 'html'}, {size / 1e6:.1f} MB; to look at it:")
        print(f"  python -m http.server --directory {out / 'html'} --bind 127.0.0.1")
    return code


if __name__ == "__main__":
    sys.exit(main())
