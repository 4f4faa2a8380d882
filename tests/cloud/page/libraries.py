# SPDX-License-Identifier: Apache-2.0
"""xterm.js and noVNC from where Debian's packages node-xterm and novnc put them."""

from __future__ import annotations

import json
from pathlib import Path

XTERM = Path("/usr/share/nodejs/xterm/lib")
XTERM_STYLE = Path("/usr/share/javascript/xterm/xterm.css")
NOVNC = Path("/usr/share/novnc")

# Debian's xterm.js is CommonJS: each file becomes a function, and `load` is their require().
_MODULE = """\
const files = {%s};
const loaded = {};
function load(path) {
  if (!loaded[path]) {
    loaded[path] = {exports: {}};
    const near = name => load(new URL(name + ".js", "file:///" + path).pathname.slice(1));
    files[path].call(globalThis, near, loaded[path], loaded[path].exports);
  }
  return loaded[path].exports;
}
export const {Terminal} = load("public/Terminal.js");
export const {fit} = load("addons/fit/fit.js");
"""


def missing() -> list[str]:
    """The Debian packages that are not installed."""
    wanted = {"node-xterm": XTERM / "public/Terminal.js", "libjs-xterm": XTERM_STYLE,
              "novnc": NOVNC / "core/rfb.js"}
    return [package for package, path in wanted.items() if not path.exists()]


def xterm_module() -> str:
    """One ES module with all of xterm.js and its addon `fit`."""
    files = []
    # The folder of addons is a link, which rglob() does not follow.
    for path in [*XTERM.rglob("*.js"), XTERM / "addons/fit/fit.js"]:
        name = path.relative_to(XTERM).as_posix()
        if not name.endswith(".test.js"):
            body = path.read_text().replace("//# sourceMappingURL=", "// ")
            files.append(f"{json.dumps(name)}: function(require, module, exports) {{\n{body}\n}}")
    return _MODULE % ",\n".join(files)
