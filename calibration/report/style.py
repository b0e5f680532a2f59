"""How the page looks: on light and dark screens, narrow ones, and paper."""

STYLE = """
:root { --page: #f4f5f7; --card: #ffffff; --ink: #1c2127; --soft: #59616d; --line: #dde1e7;
  --a: #0072b2; --b: #b34700; --shade: #e8f3fa; --good: #56b4e9; --doubt: #f0e442; --bad: #d55e00;
  --hot: 213,94,0; --cold: 0,114,178 }
@media (prefers-color-scheme: dark) { :root { --page: #101317; --card: #181c22; --ink: #e8ebef;
  --soft: #a3acb8; --line: #323943; --a: #56b4e9; --b: #f08a4b; --shade: #17303f } }
@media print { :root { --page: #ffffff; --card: #ffffff; --ink: #1c2127; --soft: #59616d;
  --line: #dde1e7; --a: #0072b2; --b: #b34700; --shade: #e8f3fa } }
* { box-sizing: border-box }
html { color-scheme: light dark }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif }
main { max-width: 1180px; margin: 0 auto; padding: 20px 16px 40px }
h1 { font-size: 22px; line-height: 1.25; margin: 0 }
h2 { font-size: 15px; margin: 0 0 8px }
p { margin: 0 0 8px }
.sub, .note, figcaption { color: var(--soft); font-size: 13px }
.sub { margin: 2px 0 0 }
.simulated { border: 2px solid var(--bad); border-radius: 8px; padding: 6px 12px; margin: 14px 0 0;
  font-weight: 600 }
.verdict { display: flex; gap: 16px; align-items: center; background: var(--card);
  border: 1px solid var(--line); border-left: 8px solid var(--good); border-radius: 8px;
  padding: 14px 18px; margin: 14px 0 }
.verdict.more { border-left-color: var(--doubt) }
.verdict.redo { border-left-color: var(--bad) }
.verdict svg { width: 44px; height: 44px; flex: none }
.verdict b { font-size: 24px; letter-spacing: .04em; flex: none }
.verdict p { margin: 0 }
.key { display: grid; grid-template-columns: repeat(auto-fit, minmax(210px, 1fr)); gap: 14px }
.key div { border-top: 3px solid var(--a); padding-top: 6px; font-size: 13px; color: var(--soft) }
.key b { display: block; font-size: 25px; line-height: 1.2; color: var(--ink) }
.key + .note { margin: 10px 0 0 }
.cards { columns: 2; column-gap: 14px }
section { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  padding: 14px 16px; margin-bottom: 14px; break-inside: avoid }
section.wide { column-span: all; margin-top: 14px }
section.wide:first-child { margin-top: 0 }
@media (max-width: 820px) { .cards { columns: 1 } }
@media (max-width: 520px) { .verdict { flex-wrap: wrap; gap: 8px 12px }
  .verdict p { flex-basis: 100% } }
figure { margin: 0; overflow-x: auto }
section.wide figure svg { min-width: 760px }
figcaption { margin-top: 4px }
.scroll { overflow-x: auto }
table { border-collapse: collapse; width: 100%; font-size: 13px;
  font-variant-numeric: tabular-nums }
th, td { text-align: left; padding: 4px 8px 4px 0; border-bottom: 1px solid var(--line);
  vertical-align: top }
th { font-weight: 600; color: var(--soft) }
td.n, th.n { text-align: right; white-space: nowrap }
tr.chosen td { font-weight: 600 }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 3px 14px; margin: 0;
  font-size: 13px }
dt { color: var(--soft) }
dd { margin: 0; overflow-wrap: anywhere }
code { display: block; font: 12.5px/1.5 ui-monospace, "DejaVu Sans Mono", monospace;
  overflow-wrap: anywhere; background: var(--page); border-radius: 6px; padding: 8px 10px }
.mark { font-weight: 700; white-space: nowrap }
svg { display: block; width: 100%; height: auto; font: 11px system-ui, "DejaVu Sans", sans-serif }
svg text { fill: var(--ink) }
svg .tick, svg .small, svg .label { fill: var(--soft) }
svg .small { font-size: 10px }
svg .tiny { font-size: 8px; fill: var(--soft) }
svg .axis, svg .grid, svg .zero { stroke: var(--soft); stroke-width: 1; fill: none }
svg .grid { stroke: var(--line) }
svg .zero { stroke-width: .7 }
svg .chance { stroke: var(--soft); stroke-dasharray: 2 3; fill: none }
svg .now { stroke: var(--soft); stroke-dasharray: 6 4; fill: none }
svg .trace { fill: none; stroke: var(--soft); stroke-width: .6; opacity: .55 }
svg .line { fill: none; stroke-width: 2 }
svg .beyond { fill: none; stroke-width: 2; stroke-dasharray: 6 4 }
svg .line.a, svg .beyond.a, svg .whisker.a { stroke: var(--a) }
svg .line.b, svg .beyond.b, svg .whisker.b { stroke: var(--b) }
svg .whisker { fill: none; stroke-width: 1.5 }
svg .dot.a { fill: var(--a) } svg .dot.b { fill: var(--b) }
svg .band.a { fill: var(--a); opacity: .15 } svg .band.b { fill: var(--b); opacity: .15 }
svg .kept { fill: var(--good); stroke: var(--a); stroke-width: .5 }
svg .lost { fill: var(--bad); stroke: var(--b); stroke-width: .5 }
svg .q-g { fill: var(--shade) }
svg .q-d { fill: var(--doubt); stroke: #8a8000; stroke-width: .6 }
svg .q-b { fill: var(--bad) } svg .q-- { fill: none; stroke: var(--line); stroke-width: .5 }
svg .on-bad { stroke: #fff; stroke-width: 1; fill: none }
svg .cell { fill: var(--a) } svg .head { fill: none; stroke: var(--ink); stroke-width: 1.2 }
svg .electrode { fill: var(--ink) }
svg .shape-go { fill: var(--good) } svg .shape-more { fill: var(--doubt) }
svg .shape-redo { fill: var(--bad) } svg .sign { fill: none; stroke: #101317; stroke-width: 4.5;
  stroke-linecap: round; stroke-linejoin: round } svg .sign.light { stroke: #fff }
@page { size: A4; margin: 12mm }
@media print { section.wide figure svg { min-width: 0 }
  body { font-size: 10.5px } main { padding: 0; max-width: none }
  h1 { font-size: 17px } h2 { font-size: 12px } .key b { font-size: 18px }
  .sub, .note, figcaption, table, dl, .key div { font-size: 9.5px }
  section { padding: 8px 10px; margin-bottom: 8px } .cards { columns: 2; column-gap: 8px } }
"""
