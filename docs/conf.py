"""Settings of the site. `make docs` builds it: docs/build.py lays out the sources, then runs Sphinx on them."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

from minivae import __version__  # noqa: E402

project, author = "minivae", "the authors of minivae"
copyright = author
version = release = __version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "minivae_site"]
nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 4
myst_dmath_double_inline = True
suppress_warnings = ["mystnb.unknown_mime_type"]

default_role = "py:obj"  # `name` in a docstring: a link where there is such a thing, else as code
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
add_module_names = False
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = "minivae"
html_logo = "_static/mark.svg"
html_favicon = "_static/mark.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = [("scroll.js", {"defer": "defer"})]
html_copy_source = False
html_show_sourcelink = False
html_use_index = True
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#2456b8", "color-brand-content": "#2456b8"},
    "dark_css_variables": {"color-brand-primary": "#8db4fb", "color-brand-content": "#8db4fb"},
}
pygments_style, pygments_dark_style = "default", "github-dark"

# From npm, beside the pages; Sphinx links it on pages with formulas only.
mathjax_path = "mathjax/tex-svg-full.js"
mathjax3_config = {"options": {"enableMenu": False}, "svg": {"fontCache": "global"}}
