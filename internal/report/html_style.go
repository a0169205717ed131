package report

// htmlStyle is the style of a page: calm and dense, one accent, the fonts of the system, dark and
// light, from 400 px on, and on paper.
const htmlStyle = `
:root{color-scheme:light dark;--page:#fbfbfa;--card:#fff;--ink:#1d2329;--soft:#59636e;--rule:#dde1e5;--accent:#0b62b8;--code:#f2f4f6;
--fail:#b3261e;--warn:#875300;--unclear:#7a3d9c;--pass:#1a6e3c;--na:#59636e;--mark:#ffe08a;--markink:#3a2500}
@media(prefers-color-scheme:dark){:root{--page:#14181c;--card:#1b2026;--ink:#e3e7eb;--soft:#a0abb6;--rule:#323a43;--accent:#74b3f5;--code:#12161a;
--fail:#ff9087;--warn:#f0b75a;--unclear:#d3a2ef;--pass:#74cf95;--na:#a0abb6;--mark:#6b4c00;--markink:#ffe9b0}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:72rem;padding:1.5rem 1rem 3rem;background:var(--page);color:var(--ink);font:15px/1.45 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.9rem;line-height:1.2;margin:0;display:flex;justify-content:space-between;align-items:baseline}
h1 .product{font-size:.95rem;font-weight:600;color:var(--soft)}
.verdict{background:var(--card);border:1px solid var(--rule);border-left-width:6px;border-radius:8px;padding:1rem 1.2rem}
.about{display:grid;grid-template-columns:auto minmax(0,1fr);gap:.15rem 1rem;margin:.6rem 0 0;font-size:.9rem}.about dd{margin:0;overflow-wrap:anywhere}
.told{font-size:1.1rem;font-weight:600;margin:.2rem 0 .4rem}
h2{font-size:1.1rem;margin:2rem 0 .6rem;padding-bottom:.25rem;border-bottom:1px solid var(--rule)}
h3{font-size:1rem;margin:0;font-weight:600}
p{margin:.35rem 0}
a{color:var(--accent)}
code,pre,.id{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.86em}
.soft{color:var(--soft)}
.v{font-weight:600;white-space:nowrap}
.fail{color:var(--fail)}.warn{color:var(--warn)}.unclear{color:var(--unclear)}.pass{color:var(--pass)}.not-applicable,.na{color:var(--na)}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(6.9rem,1fr));gap:.5rem;margin:.8rem 0 .7rem;padding:0;list-style:none}
.tiles li{border:1px solid var(--rule);border-radius:6px;padding:.35rem .7rem}
.tiles .zero b,.tiles .zero .v{color:var(--soft);font-weight:400}
.tiles b{display:block;font-size:1.35rem;line-height:1.2;font-variant-numeric:tabular-nums}
.bar{display:block;width:100%;height:10px;border-radius:5px;background:var(--rule)}
.bar .fail{fill:var(--fail)}.bar .warn{fill:var(--warn)}.bar .unclear{fill:var(--unclear)}.bar .pass{fill:var(--pass)}.bar .na{fill:var(--na)}.bar .accepted{fill:var(--accent)}
.card{background:var(--card);border:1px solid var(--rule);border-left-width:4px;border-radius:6px;padding:.8rem 1rem;margin:.8rem 0}
.card-fail{border-left-color:var(--fail)}.card-warn{border-left-color:var(--warn)}.card-unclear{border-left-color:var(--unclear)}.card-pass{border-left-color:var(--pass)}
.card-why{border-left-color:var(--accent)}.card-why dl{grid-template-columns:4.6rem 1fr}
.cause{border-top:1px solid var(--rule);margin-top:.7rem;padding-top:.6rem}
.cause h4{margin:0;font-size:.95rem;font-weight:600}
.tag{display:inline-block;border:1px solid var(--rule);border-radius:4px;padding:0 .4em;font-size:.82em;margin-right:.25em;font-weight:400;overflow-wrap:normal}
.tag.state{border-color:var(--accent);color:var(--accent)}
.tag.unsafe{background:var(--fail);border-color:var(--fail);color:var(--card);font-weight:600}
.tag.s-critical,.tag.s-high{border-color:var(--fail);color:var(--fail);font-weight:600}.tag.s-medium{border-color:var(--warn);color:var(--warn)}
.contents th,.contents td:nth-child(n+3){overflow-wrap:normal}
.detail{font-weight:500}
.heads{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));gap:.6rem;margin:.5rem 0}
.sides{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:.4rem .6rem;margin:.5rem 0}
figure{margin:0;min-width:0}
figcaption{font-size:.82em;color:var(--soft)}
pre{margin:.15rem 0;padding:.5rem .6rem;background:var(--code);border:1px solid var(--rule);border-radius:4px;white-space:pre-wrap;line-height:1.4}
mark{background:var(--mark);color:var(--markink);border-radius:2px;outline:1px solid currentColor;outline-offset:-1px}
dl{display:grid;grid-template-columns:3.6rem 1fr;gap:.3rem .6rem;margin:.6rem 0 0}
dt{color:var(--soft)}dd{margin:0;min-width:0}
.scroll{overflow-x:auto;max-width:100%;border:1px solid var(--rule);border-radius:6px}
.scroll table{border-style:hidden}
details{margin:.6rem 0}
summary{cursor:pointer;color:var(--accent);padding:.25rem 0}
.legend .v{margin-right:.5em}
table{border-collapse:collapse;font-size:.9em;background:var(--card)}
th,td{border:1px solid var(--rule);padding:.2rem .5rem;text-align:left;vertical-align:top}
thead th{font-weight:600}
th[scope=row]{font-weight:400;white-space:nowrap}
.frames{width:100%}.frames td{width:45%}.frames thead td:first-child{width:10%}
.matrix{border-collapse:separate;border-spacing:0;min-width:100%}
.matrix th,.matrix td{border-width:0 1px 1px 0}
.matrix td{white-space:nowrap;font-variant-numeric:tabular-nums}
.matrix td a{color:inherit;text-decoration:none}.matrix td a:hover,.matrix td a:focus{text-decoration:underline}
.matrix .c-fail{background:color-mix(in srgb,var(--fail) 12%,transparent)}.matrix .c-warn{background:color-mix(in srgb,var(--warn) 10%,transparent)}
.matrix thead th{min-width:5rem;max-width:12rem}
.matrix th:first-child{position:sticky;left:0;background:var(--card);z-index:1}
:target{outline:2px solid var(--accent);outline-offset:6px;border-radius:4px}
.contents{width:100%}
@media(max-width:40rem){.sides{grid-template-columns:minmax(0,1fr)}body{padding:.6rem .6rem 2rem;font-size:14px}.verdict{padding:.8rem .9rem}.card{padding:.6rem .7rem}dl{grid-template-columns:1fr;gap:0}dt{margin-top:.35rem}
.tiles{grid-template-columns:repeat(auto-fill,minmax(5.4rem,1fr));gap:.35rem}.tiles li{padding:.3rem .5rem}.tiles b{font-size:1.15rem}
.contents,.contents tbody{display:block}.contents thead{display:none}.contents tr{display:block;border:1px solid var(--rule);border-radius:6px;padding:.45rem .6rem;margin-bottom:.4rem}
.contents td{display:inline;border:0;padding:0 .3rem 0 0}.contents td:first-child{display:block;padding-bottom:.2rem}
.matrix .w{display:none}.matrix th,.matrix td{padding:.2rem .35rem}.matrix thead th{min-width:3.6rem}.matrix th:first-child{max-width:11.5rem;white-space:normal}}
@media print{@page{margin:14mm}:root{color-scheme:light;--page:#fff;--card:#fff;--ink:#000;--soft:#444;--rule:#bbb;--accent:#000;--code:#fff;--fail:#8f1710;--warn:#6b4200;--unclear:#5d2b7a;--pass:#0d4f28;--na:#444;--mark:#fff0b8;--markink:#000}
body{max-width:none;padding:0;font-size:9.5pt}h2,h3,h4,summary{break-after:avoid}figure,.tiles li,tr,.verdict{break-inside:avoid}.scroll{overflow:visible}
.matrix{font-size:7.5pt}.matrix .w{display:none}.matrix th,.matrix td{padding:.1rem .2rem;white-space:normal}.matrix thead th{min-width:0}.matrix th:first-child{position:static}*{print-color-adjust:exact}}
`
