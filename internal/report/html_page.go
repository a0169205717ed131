package report

// htmlPage is the template of a page. Wire bytes are printable ASCII before they get here, and
// html/template escapes them again.
const htmlPage = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="Interlock {{.Version}}">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Interlock: {{.Mark.Word}}</title>
<style>{{.Style}}</style>
</head>
<body>
<header class="verdict card-{{.Mark.Name}}">
<h1><span class="v {{.Mark.Name}}">{{.Mark.Symbol}} {{.Mark.Word}}</span> <span class="product">Interlock</span></h1>
<p class="told">{{.Headline}}{{with .Unsafe}} <span class="tag unsafe">▲ {{.}}</span>{{end}}</p>
{{with .Runs}}<p class="soft">{{range $i, $r := .}}{{if $i}} · {{end}}<span class="id">{{$r}}</span>{{end}}</p>
{{end}}<ul class="tiles">{{range .Counts}}
<li{{if not .Count}} class="zero"{{end}}><b>{{thousands .Count}}</b><span class="v {{.Class}}">{{.Symbol}} {{.Name}}</span></li>{{end}}
</ul>
{{with .Bar}}<svg class="bar" viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label="exchanges by verdict">{{range .}}<rect class="{{.Class}}" x="{{.From}}" width="{{.Width}}" height="10"/>{{end}}</svg>
{{end}}{{if .Compared}}<p class="soft">Counts are of exchanges, but for new, fixed and not seen, which are of findings.</p>
{{end}}<dl class="about">{{range .Facts}}<dt>{{.Name}}</dt><dd>{{.Value}}</dd>{{end}}</dl>
</header>
<main>
{{with .Failures.Rules}}<h2>What failed</h2>
<table class="contents"><thead><tr><th>problem</th><th>at</th><th>severity</th><th>seen</th><th></th></tr></thead><tbody>{{range .}}{{$r := .}}{{range .Causes}}
<tr><td>{{with .Detail}}{{.}}{{else}}{{$r.Label}}{{end}} <a class="id" href="#{{.Anchor}}">{{$r.ID}}</a></td><td class="id">{{.Place}}</td><td><span class="tag s-{{.Severity}}">{{.Severity}}</span></td><td>{{.Exchanges}}</td><td>{{if .Unsafe}}<span class="tag unsafe">▲ unsafe</span>{{end}}{{with .States}}<span class="tag state">{{.}}</span>{{end}}</td></tr>{{end}}{{end}}
</tbody></table>
{{end}}{{with .Whys}}<h2>Why</h2>
<p class="soft">What explains exchanges. It changes no verdict.</p>
{{range .}}<article class="card card-why">
<h3>{{.Text}} <span class="id">{{.ID}}</span></h3>
<p><span class="tag">{{.Exchanges}}</span> at <span class="id">{{.Where}}</span></p>
<dl><dt>cause</dt><dd>{{.Cause}}</dd>{{with .Explains}}<dt>explains</dt><dd class="id">{{.}}</dd>{{end}}<dt>fix</dt><dd>{{range .Fix}}<p>{{.}}</p>{{end}}</dd><dt>more</dt><dd><code>{{.More}}</code></dd></dl>
</article>
{{end}}{{with $.MoreWhys}}<p>… and {{thousands .}} more</p>
{{end}}{{end}}{{if .Columns}}<h2>Probes × {{if .Hops}}proxies{{else}}endpoints{{end}}</h2>
{{if .Rows}}{{template "matrix" (matrix .Columns .Rows)}}{{end}}
{{with .Passed}}<details><summary>{{thousands (size .)}} probes that all endpoints passed, or that were not applicable</summary>{{template "matrix" (matrix $.Columns .)}}</details>
{{end}}<p class="soft legend"><span class="v fail">✖ fail</span> <span class="v warn">! warn</span> <span class="v unclear">? unclear</span> <span class="v pass">✓ pass</span> <span class="v na">– n/a</span> <span class="v na">○ accepted</span>, and the status or what came in place of it</p>
{{with .MoreCells}}<p class="soft">… and {{thousands .}} more exchanges of probes at other endpoints</p>
{{end}}{{end}}{{template "section" .Failures}}{{template "section" .Warnings}}{{template "section" .Unclear}}{{template "section" .Accepted}}{{template "section" .Fixed}}
{{with .MoreFindings}}<p>… and {{thousands .}} more findings that are not told apart</p>
{{end}}{{with .Notes}}<h2>Not audited</h2>
<ul>{{range .}}<li class="id">{{.}}</li>{{end}}</ul>
{{end}}{{with .Remarks}}<h2>Accepted and expected</h2>
<ul>{{range .}}<li class="id">{{.}}</li>{{end}}</ul>
{{end}}</main>
<footer><p class="soft id">{{.Result}}</p></footer>
</body>
</html>
{{define "section"}}{{if .Rules}}<h2>{{.Title}} in detail</h2>
{{range .Rules}}<article class="card card-{{.Mark.Name}}">
<h3><span class="v {{.Mark.Name}}">{{.Mark.Symbol}} {{.Mark.Word}}</span> {{.Label}} <span class="id">{{.ID}}</span></h3>
<p class="soft">{{with .Title}}{{.}} {{end}}({{.Level}})</p>
{{range .Causes}}<section class="cause" id="{{.Anchor}}">
<h4><span class="id">{{.Place}}</span></h4>
<p>{{if .Unsafe}}<span class="tag unsafe">▲ unsafe switch</span>{{end}}<span class="tag s-{{.Severity}}">{{.Severity}}</span><span class="tag">{{.Fault}}</span><span class="tag">{{.Exchanges}}</span>{{with .States}}<span class="tag state">{{.}}</span>{{end}} <span class="soft">{{.Refs}}</span></p>
{{with .Detail}}<p class="detail">{{.}}</p>
{{end}}{{with .Probes}}<p class="soft">Probes: <span class="id">{{.}}</span></p>
{{end}}{{with .Parts}}<div class="heads">{{range .}}{{$sign := .Sign}}
<figure><figcaption>{{.Title}}</figcaption><pre>{{range .Lines}}<span class="soft">{{$sign}} </span>{{range .}}{{if .Mark}}<mark>{{.Text}}</mark>{{else}}{{.Text}}{{end}}{{end}}
{{else}}<span class="soft">nothing</span>{{end}}{{with .Left}}… and {{thousands .}} more bytes{{end}}</pre></figure>{{end}}
</div>
{{end}}{{with .Tunnel}}{{template "tunnel" .}}{{end}}{{with .Label}}<p>Sent: {{.}}</p>
{{end}}{{with .Sides}}<p class="soft">Both sides of the proxy: on the left the client's, on the right the server's. Marked lines are on one side only.</p>
{{template "sides" .}}
{{end}}{{range .Others}}<details><summary><span class="id">{{.Probe}}</span> {{.Label}}</summary>
<p class="detail">{{.Detail}}</p>
{{template "sides" .Sides}}
<p class="soft">exchange <span class="id">{{.ID}}</span></p></details>
{{end}}{{with .Again}}<dl><dt>again</dt><dd><pre>{{.}}</pre></dd></dl>
{{end}}<p class="soft">exchange <span class="id">{{.ID}}</span> · fingerprint <span class="id">{{.Fingerprint}}</span></p>
</section>
{{end}}<dl><dt>why</dt><dd>{{.Why}}</dd><dt>fix</dt><dd>{{range .Fix}}<p>{{.}}</p>{{end}}</dd><dt>more</dt><dd><code>{{.More}}</code></dd></dl>
</article>
{{end}}{{with .More}}<p>… and {{thousands .}} more</p>
{{end}}{{end}}{{end}}{{define "tunnel"}}<details{{if .Bad}} open{{end}}><summary>{{.Title}}</summary><div class="scroll" tabindex="0" role="region" aria-label="{{.Title}} of both sides"><table class="frames"><thead><tr><td></td><th scope="col">client</th><th scope="col">server</th></tr></thead><tbody>{{range .Rows}}
<tr><th scope="row">{{.Name}}</th>{{range .Sides}}<td>{{range .}}<div{{if .Bad}} class="fail"{{end}}>{{if .Bad}}✖ {{end}}{{.Text}}</div>{{else}}–{{end}}</td>{{end}}</tr>{{end}}
</tbody></table></div>{{range .Notes}}<p class="soft">{{.}}</p>{{end}}{{with .Messages}}<div class="scroll" tabindex="0" role="region" aria-label="Messages in order"><table class="messages"><thead><tr><th scope="col">at</th><th scope="col">from</th><th scope="col">kind</th><th scope="col">size</th><th scope="col">content</th></tr></thead><tbody>{{range .}}
<tr><td>{{.At}}{{with .Gap}} <span class="soft">({{.}} later)</span>{{end}}</td><td>{{.Side}}</td><td>{{.Kind}}</td><td>{{.Size}}</td><td{{if .Bad}} class="fail"{{end}}><span class="id">{{.Text}}</span>{{with .Note}} <span class="soft">{{.}}</span>{{end}}</td></tr>{{end}}
</tbody></table></div>{{end}}{{with .Dropped}}<p class="soft">{{.}}</p>{{end}}</details>
{{end}}{{define "sides"}}<div class="sides">{{range .}}{{template "side" (side .Title .Near)}}{{template "side" (side .Title .Far)}}{{end}}
</div>{{end}}{{define "side"}}
<figure{{if not .Sign}} hidden{{end}}><figcaption>{{.Title}}{{with .Note}}: {{.}}{{end}}</figcaption><pre>{{$sign := .Sign}}{{range .Lines}}<span class="soft">{{if .Differs}}*{{else}} {{end}} {{$sign}} </span>{{if .Differs}}<mark>{{.Text}}</mark>{{else}}{{.Text}}{{end}}
{{else}}<span class="soft">nothing</span>{{end}}{{with .Left}}… and {{.}} more lines{{end}}</pre></figure>{{end}}{{define "matrix"}}<div class="scroll" tabindex="0" role="region" aria-label="probes by endpoint"><table class="matrix"><thead><tr><th>probe</th>{{range .Columns}}<th class="id" scope="col">{{.}}</th>{{end}}</tr></thead><tbody>{{range .Rows}}
<tr><th scope="row"{{with .Title}} title="{{.}}"{{end}}><span class="id">{{.Probe}}</span></th>{{range .Cells}}{{if .}}<td class="c-{{if .Accepted}}na{{else}}{{.Mark.Name}}{{end}}">{{if .Anchor}}<a href="#{{.Anchor}}">{{end}}{{if .Accepted}}<span class="v na">○<span class="w"> accepted</span></span>{{else}}<span class="v {{.Mark.Name}}">{{.Mark.Symbol}}<span class="w"> {{.Mark.Word}}</span></span>{{end}} {{.Answer}}{{with .Other}} <span class="id">{{.}}</span>{{end}}{{if .Anchor}}</a>{{end}}</td>{{else}}<td></td>{{end}}{{end}}</tr>{{end}}
</tbody></table></div>{{end}}`
