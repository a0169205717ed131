package report

// htmlStyle is the style of a page: calm and dense, one accent, the fonts of the system, dark and light, from 400 px on, and
// on paper.
const htmlStyle = `
:root{color-scheme:light dark;--page:#fbfbfa;--card:#fff;--ink:#1d2329;--soft:#59636e;--rule:#dde1e5;--accent:#0b62b8;--code:#f2f4f6;
--fail:#b3261e;--warn:#875300;--unclear:#7a3d9c;--pass:#1a6e3c;--na:#59636e;--mark:#ffe08a;--markink:#3a2500}
@media(prefers-color-scheme:dark){:root{--page:#14181c;--card:#1b2026;--ink:#e3e7eb;--soft:#a0abb6;--rule:#323a43;--accent:#74b3f5;--code:#12161a;
--fail:#ff9087;--warn:#f0b75a;--unclear:#d3a2ef;--pass:#74cf95;--na:#a0abb6;--mark:#6b4c00;--markink:#ffe9b0}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:72rem;padding:1.5rem 1rem 3rem;background:var(--page);color:var(--ink);font:15px/1.45 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.35rem;margin:0 0 .2rem}
h2{font-size:1.1rem;margin:2rem 0 .6rem;padding-bottom:.25rem;border-bottom:1px solid var(--rule)}
h3{font-size:1rem;margin:0;font-weight:600}
p{margin:.35rem 0}
a{color:var(--accent)}
code,pre,.id{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.86em}
.soft{color:var(--soft)}
.v{font-weight:600;white-space:nowrap}
.fail{color:var(--fail)}.warn{color:var(--warn)}.unclear{color:var(--unclear)}.pass{color:var(--pass)}.not-applicable,.na{color:var(--na)}
.tiles{display:flex;flex-wrap:wrap;gap:.5rem;margin:1rem 0 .5rem;padding:0;list-style:none}
.tiles li{background:var(--card);border:1px solid var(--rule);border-radius:6px;padding:.4rem .8rem;min-width:5.6rem}
.tiles b{display:block;font-size:1.35rem;line-height:1.2;font-variant-numeric:tabular-nums}
.bar{display:block;width:100%;height:10px;border-radius:5px;background:var(--rule)}
.bar .fail{fill:var(--fail)}.bar .warn{fill:var(--warn)}.bar .unclear{fill:var(--unclear)}.bar .pass{fill:var(--pass)}.bar .na{fill:var(--na)}.bar .accepted{fill:var(--accent)}
.card{background:var(--card);border:1px solid var(--rule);border-left-width:4px;border-radius:6px;padding:.8rem 1rem;margin:.8rem 0}
.card-fail{border-left-color:var(--fail)}.card-warn{border-left-color:var(--warn)}.card-unclear{border-left-color:var(--unclear)}.card-pass{border-left-color:var(--pass)}
.cause{border-top:1px solid var(--rule);margin-top:.7rem;padding-top:.6rem}
.cause h4{margin:0;font-size:.95rem;font-weight:600}
.tag{display:inline-block;border:1px solid var(--rule);border-radius:4px;padding:0 .4em;font-size:.82em;margin-right:.25em;font-weight:400}
.tag.state{border-color:var(--accent);color:var(--accent)}
.heads{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));gap:.6rem;margin:.5rem 0}
figure{margin:0;min-width:0}
figcaption{font-size:.82em;color:var(--soft)}
pre{margin:.15rem 0;padding:.5rem .6rem;background:var(--code);border:1px solid var(--rule);border-radius:4px;white-space:pre-wrap;line-height:1.4}
mark{background:var(--mark);color:var(--markink);border-radius:2px;outline:1px solid currentColor;outline-offset:-1px}
dl{display:grid;grid-template-columns:3.6rem 1fr;gap:.3rem .6rem;margin:.6rem 0 0}
dt{color:var(--soft)}dd{margin:0;min-width:0}
.scroll{overflow-x:auto;max-width:100%}
table{border-collapse:collapse;font-size:.9em;background:var(--card)}
th,td{border:1px solid var(--rule);padding:.2rem .5rem;text-align:left;vertical-align:top}
thead th{font-weight:600}
th[scope=row]{font-weight:400;white-space:nowrap}
.matrix thead th{min-width:5rem;max-width:12rem}
.contents{width:100%}
@media(max-width:40rem){body{padding:1rem .6rem 2rem;font-size:14px}.card{padding:.6rem .7rem}dl{grid-template-columns:1fr;gap:0}dt{margin-top:.35rem}
.contents thead{display:none}.contents tr{display:block;border:1px solid var(--rule);padding:.3rem .4rem;margin-bottom:.3rem}.contents td{display:inline;border:0;padding:0 .3rem 0 0}}
@media print{:root{color-scheme:light;--page:#fff;--card:#fff;--ink:#000;--soft:#444;--rule:#bbb;--accent:#000;--code:#fff;--fail:#8f1710;--warn:#6b4200;--unclear:#5d2b7a;--pass:#0d4f28;--na:#444;--mark:#fff0b8;--markink:#000}
body{max-width:none;padding:0;font-size:10pt}h2,h3,h4{break-after:avoid}figure,.tiles li,tr{break-inside:avoid}.scroll{overflow:visible}*{print-color-adjust:exact}}
`
