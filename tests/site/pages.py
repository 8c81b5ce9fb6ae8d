"""Pages as a browser reads them before any script runs: what they load, what they link to, what can be linked to."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

LOADED = {  # tags whose attributes make a browser fetch something by itself
    "img": ("src", "srcset"), "source": ("src", "srcset"), "video": ("src", "poster"), "object": ("data",),
    "image": ("href", "xlink:href"), "use": ("href", "xlink:href"),
    **dict.fromkeys(("script", "iframe", "audio", "embed", "input", "track"), ("src",)),
}  # fmt: skip
FETCHED = {"stylesheet", "icon", "preload", "modulepreload", "manifest", "prefetch", "preconnect", "dns-prefetch"}
ABROAD = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
INSIDE_CSS = re.compile(r"""url\(\s*['"]?([^'")]+)|@import\s+['"]([^'"]+)""")


class Page(HTMLParser):
    """One page: `loads`, `links`, `anchors`, and the styles and scripts that stand in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.styles: list[str] = []
        self.scripts: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self._inside = tag if tag in ("style", "script") else ""
        self.anchors.update(values[name] for name in ("id", "name") if name in values)
        self.loads += [values[name] for name in LOADED.get(tag, ()) if name in values]
        if tag == "link" and FETCHED & set(values.get("rel", "").split()):
            self.loads.append(values.get("href", ""))
        if tag in ("a", "area") and "href" in values:
            self.links.append(values["href"])
        if "style" in values:
            self.styles.append(values["style"])

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            (self.styles if self._inside == "style" else self.scripts).append(data)


def in_css(text: str) -> list[str]:
    """What a style sheet loads."""
    return [first or second for first, second in INSIDE_CSS.findall(text)]


def abroad(address: str) -> bool:
    """Whether an address is on another server."""
    return bool(ABROAD.match(address))


def target(page: Path, link: str) -> tuple[Path, str]:
    """The file that a link on a page leads to, and the anchor in it."""
    address, anchor = urldefrag(link)
    path = page if not address else (page.parent / unquote(address.split("?")[0])).resolve()
    return (path / "index.html" if path.is_dir() else path), unquote(anchor)
