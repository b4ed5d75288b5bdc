/** The page's look: light and dark by what the reader's system says. */
export const STYLE = `
:root { color-scheme: light dark;
  --bg: #fbfcfd; --card: #ffffff; --ink: #16202a; --soft: #5b6875; --rule: #dfe5ea; --link: #1f5fa8;
  --good: #2b8a57; --warn: #b8790a; --bad: #c8372d; --none: #98a4b0;
  --c0: #2f6db3; --c1: #e08a2c; --c2: #3d9970; --c3: #a9569f; --c4: #c9b02b; --c5: #3fa3b8; --c6: #8b6a53; --c7: #8d98a5; }
@media (prefers-color-scheme: dark) { :root {
  --bg: #10161c; --card: #18212a; --ink: #e6edf3; --soft: #9aa8b5; --rule: #2b3742; --link: #7fb4ee;
  --good: #57c28a; --warn: #e3ac4c; --bad: #f07a70; --none: #6c7a87;
  --c0: #6ea8ea; --c1: #f2a65a; --c2: #6cc79a; --c3: #d58bcb; --c4: #e0cd62; --c5: #74cadc; --c6: #bd9a80; --c7: #aab5c0; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 28px 20px 60px; }
h1 { font-size: 26px; margin: 0; } h2 { font-size: 21px; margin: 44px 0 4px; } h3 { font-size: 15px; margin: 0 0 10px; }
p { margin: 4px 0; } .soft, footer { color: var(--soft); } a { color: var(--link); }
nav a { margin-right: 14px; } nav { margin-top: 10px; }
section.card { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: 16px 18px; margin-top: 16px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); gap: 12px; margin-top: 14px; }
.tile { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: 12px 14px; }
.tile b { display: block; font-size: 20px; line-height: 1.3; overflow-wrap: anywhere; } .tile span { color: var(--soft); font-size: 13px; }
.scroll { overflow-x: auto; }
svg { display: block; max-width: none; font: 12px system-ui, sans-serif; } svg.chart { width: 100%; min-width: 640px; height: auto; }
svg text { fill: var(--soft); } svg .x { text-anchor: middle; } svg .y { text-anchor: end; } svg .flag { fill: var(--bad); text-anchor: middle; font-weight: 700; }
svg .grid { stroke: var(--rule); } svg .line { fill: none; stroke: var(--rule); stroke-width: 2; } svg .edge { fill: none; stroke: var(--none); opacity: .55; stroke-width: 1.5; }
.c0 { fill: var(--c0); background: var(--c0); } .c1 { fill: var(--c1); background: var(--c1); } .c2 { fill: var(--c2); background: var(--c2); } .c3 { fill: var(--c3); background: var(--c3); }
.c4 { fill: var(--c4); background: var(--c4); } .c5 { fill: var(--c5); background: var(--c5); } .c6 { fill: var(--c6); background: var(--c6); } .c7 { fill: var(--c7); background: var(--c7); }
.d-promote { fill: var(--good); } .d-review { fill: var(--warn); } .d-block { fill: var(--bad); }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 16px; padding: 0; margin: 6px 0 0; font-size: 13px; color: var(--soft); }
.legend i { display: inline-block; width: 11px; height: 11px; border-radius: 2px; margin-right: 6px; }
.node rect { fill: var(--bg); stroke: var(--none); stroke-width: 1.5; } .node text { fill: var(--ink); } .node.source rect { stroke-dasharray: 4 3; }
.node.s-good rect { stroke: var(--good); } .node.s-warn rect { stroke: var(--warn); stroke-width: 2.5; } .node.s-bad rect { stroke: var(--bad); stroke-width: 3; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; } th { text-align: left; color: var(--soft); font-weight: 600; }
td, th { padding: 5px 14px 5px 0; border-bottom: 1px solid var(--rule); vertical-align: top; } .n { text-align: right; font-variant-numeric: tabular-nums; }
.badge { border-radius: 4px; padding: 1px 7px; font-size: 12px; font-weight: 600; border: 1px solid currentColor; white-space: nowrap; }
.t-good { color: var(--good); } .t-warn { color: var(--warn); } .t-bad { color: var(--bad); } .t-none { color: var(--soft); }
details { margin-top: 12px; } summary { cursor: pointer; color: var(--soft); font-size: 13px; }
ul.reasons { margin: 0; padding-left: 18px; } footer { margin-top: 40px; font-size: 13px; }
@media print { section.card, .tile { break-inside: avoid; } }
`;
