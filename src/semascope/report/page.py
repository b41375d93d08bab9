"""A page that is one file: its style and its script are in it, and its own policy forbids it to load anything."""

from __future__ import annotations

from html import escape

STYLE = """
:root { color-scheme: light dark; --ink: #1b1d22; --paper: #fdfdfb; --soft: #5c6370; --line: #d9dbe0; --card: #ffffff;
  --accent: #1f5fbf; --fault: #b3261e; --warning: #8a5a00; --fine: #1b6e3c; --note: #5c6370; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e9ec; --paper: #15171b; --soft: #a3a9b5; --line: #343841;
  --card: #1c1f25; --accent: #8ab4f8; --fault: #f2a59f; --warning: #f0c36d; --fine: #8fd6a8; --note: #a3a9b5; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .5rem; } h1 small { color: var(--soft); font-weight: 400; }
.verdict { font-size: 1.15rem; border-left: 4px solid var(--accent); padding-left: .75rem; margin: 0 0 1.25rem; }
.findings { list-style: none; padding: 0; margin: 0 0 1.5rem; }
.findings li { display: flex; gap: .75rem; padding: .5rem 0; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
.sign { font-weight: 700; width: 1.2rem; text-align: center; } .level { color: var(--soft); font-size: .85rem; }
.fault .sign { color: var(--fault); } .warning .sign { color: var(--warning); } .fine .sign { color: var(--fine); }
.wide { overflow-x: auto; } table { border-collapse: collapse; margin: 1rem 0 .5rem; }
caption { text-align: left; font-weight: 600; padding-bottom: .25rem; }
th, td { padding: .3rem .75rem .3rem 0; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; }
figure { margin: 1.5rem 0; overflow-x: auto; } figure svg { width: 100%; min-width: 34rem; max-width: 52rem; height: auto; }
code { font-family: ui-monospace, monospace; font-size: .92em; background: var(--card); border: 1px solid var(--line);
  border-radius: 4px; padding: 0 .3em; overflow-wrap: anywhere; }
.note { color: var(--soft); font-size: .92rem; } a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
"""
# Nothing from anywhere; style and script only as they stand in the file; pictures only as data.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)


def page(title: str, body: str, *, style: str = "", script: str = "", lang: str = "en") -> str:
    """A whole HTML document.

    Args:
        title: Plain text.
        body: HTML whose own texts are escaped already.
        style: CSS after the common one.
        script: JavaScript at the end; must not hold "</script".
        lang: Of its words.
    """
    last = f"<script>{script}</script>" if script else ""
    return (
        f'<!doctype html>\n<html lang="{escape(lang)}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}{style}</style>\n</head>\n<body>\n{body}\n{last}\n</body>\n</html>\n"
    )
