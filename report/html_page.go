package report

// htmlPage is the template of a page. All that came over the wire is printable ASCII before it gets here, and is escaped here
// once more.
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
<header>
<h1>Interlock: <span class="v {{.Mark.Name}}">{{.Mark.Symbol}} {{.Mark.Word}}</span></h1>
<p class="soft">{{with .From}}{{.}}{{if ne . $.To}} – {{$.To}}{{end}}{{else}}no exchange{{end}}{{range .Runs}} · <span class="id">{{.}}</span>{{end}}</p>
<ul class="tiles">{{range .Counts}}
<li><b>{{thousands .Count}}</b><span class="v {{.Class}}">{{.Symbol}} {{.Name}}</span></li>{{end}}
</ul>
{{with .Bar}}<svg class="bar" viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label="exchanges by verdict">{{range .}}<rect class="{{.Class}}" x="{{.From}}" width="{{.Width}}" height="10"/>{{end}}</svg>
{{end}}<p class="soft">Coverage: {{.Coverage}}.{{if .Compared}} Counts are of exchanges, but for new, fixed and not seen, which are of findings.{{end}}</p>
</header>
{{with .Failures.Rules}}<h2>Failures ({{$.Headline}})</h2>
<table class="contents"><thead><tr><th>rule</th><th>at</th><th>severity</th><th>seen</th><th></th></tr></thead><tbody>{{range .}}{{$r := .}}{{range .Causes}}
<tr><td class="v"><a class="id" href="#{{.Anchor}}">{{$r.ID}}</a></td><td class="id">{{.Place}}</td><td>{{.Severity}}</td><td>{{.Exchanges}}</td><td>{{with .States}}<span class="tag state">{{.}}</span>{{end}}</td></tr>{{end}}{{end}}
</tbody></table>
{{end}}{{if .Rows}}<h2>Probes × endpoints</h2>
<div class="scroll"><table class="matrix"><thead><tr><th>probe</th>{{range .Columns}}<th class="id" scope="col">{{.}}</th>{{end}}</tr></thead><tbody>{{range .Rows}}
<tr><th scope="row" class="id">{{.Probe}}</th>{{range .Cells}}<td>{{with .}}{{if .Accepted}}<span class="v na">○ accepted</span>{{else}}<span class="v {{.Mark.Name}}">{{.Mark.Symbol}} {{.Mark.Word}}</span>{{end}} {{.Answer}}{{end}}</td>{{end}}</tr>{{end}}
</tbody></table></div>
{{with .MoreCells}}<p class="soft">… and {{thousands .}} more exchanges of probes at other endpoints</p>
{{end}}{{end}}{{template "section" .Failures}}{{template "section" .Warnings}}{{template "section" .Unclear}}{{template "section" .Accepted}}{{template "section" .Fixed}}
{{with .MoreFindings}}<p>… and {{thousands .}} more findings that are not told apart</p>
{{end}}{{with .Notes}}<h2>Not audited</h2>
<ul>{{range .}}<li class="id">{{.}}</li>{{end}}</ul>
{{end}}{{with .Remarks}}<h2>Accepted and expected</h2>
<ul>{{range .}}<li class="id">{{.}}</li>{{end}}</ul>
{{end}}<footer><p class="soft id">{{.Result}}</p></footer>
</body>
</html>
{{define "section"}}{{if .Rules}}<h2>{{.Title}} in detail</h2>
{{range .Rules}}<article class="card card-{{.Mark.Name}}">
<h3><span class="v {{.Mark.Name}}">{{.Mark.Symbol}} {{.Mark.Word}}</span> <span class="id">{{.ID}}</span></h3>
<p>{{.Title}} <span class="soft">({{.Level}})</span></p>
{{range .Causes}}<section class="cause" id="{{.Anchor}}">
<h4><span class="id">{{.Place}}</span></h4>
<p><span class="tag">{{.Severity}}</span><span class="tag">{{.Fault}}</span><span class="tag">{{.Exchanges}}</span>{{with .States}}<span class="tag state">{{.}}</span>{{end}} <span class="soft">{{.Refs}}</span></p>
{{with .Detail}}<p>{{.}}</p>
{{end}}{{with .Probes}}<p class="soft">Probes: <span class="id">{{.}}</span></p>
{{end}}{{with .Parts}}<div class="heads">{{range .}}{{$sign := .Sign}}
<figure><figcaption>{{.Title}}</figcaption><pre>{{range .Lines}}<span class="soft">{{$sign}} </span>{{range .}}{{if .Mark}}<mark>{{.Text}}</mark>{{else}}{{.Text}}{{end}}{{end}}
{{else}}<span class="soft">nothing</span>{{end}}{{with .Left}}… and {{thousands .}} more bytes{{end}}</pre></figure>{{end}}
</div>
{{end}}{{with .Again}}<dl><dt>again</dt><dd><pre>{{.}}</pre></dd></dl>
{{end}}<p class="soft">exchange <span class="id">{{.ID}}</span> · fingerprint <span class="id">{{.Fingerprint}}</span></p>
</section>
{{end}}<dl><dt>why</dt><dd>{{.Why}}</dd><dt>fix</dt><dd>{{range .Fix}}<p>{{.}}</p>{{end}}</dd><dt>more</dt><dd><code>{{.More}}</code></dd></dl>
</article>
{{end}}{{with .More}}<p>… and {{thousands .}} more</p>
{{end}}{{end}}{{end}}`
