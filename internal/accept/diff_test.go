package accept

import (
	"testing"

	"github.com/interlock-proxy/interlock/rules"
)

func TestDiff(t *testing.T) {
	silent := byPost
	silent.refused = true
	for name, c := range map[string]struct {
		a, b []shot
		want Kind // of the finding of UPGRADE-POST by that probe; "" if there is none
	}{
		"nothing":                    {nil, nil, ""},
		"new":                        {nil, []shot{byPost}, New},
		"new, it passed":             {[]shot{mended}, []shot{byPost}, New},
		"new, and it comes and goes": {nil, []shot{byPost, mended}, New},
		"unchanged":                  {[]shot{byPost}, []shot{byPost, byPost}, Unchanged},
		"fixed":                      {[]shot{byPost}, []shot{mended}, Fixed},
		"nothing was shown":          {[]shot{byPost}, []shot{unproven}, NotSeen},
		"not asked":                  {[]shot{byPost}, nil, NotSeen},
		"it comes and goes":          {[]shot{byPost, mended}, []shot{mended}, Flapping},
		"it begins to come and go":   {[]shot{byPost}, []shot{mended, byPost}, Flapping},
		"passed in both":             {[]shot{mended}, []shot{mended}, ""},
	} {
		var got Kind
		for _, d := range Diff(run(c.a...), run(c.b...)) {
			if is := d.Is(); is.Key.Rule == post && is.Key.Probe == post {
				got = d.Kind
			}
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestDiffTellsWhatChanged(t *testing.T) {
	all := Diff(run(refused), run(live, byHead))
	if len(all) != 2 || all[0].Kind != New || all[0].Is().Key.Probe != byHead.probe || all[1].Kind != Changed {
		t.Fatalf("got %+v", all)
	}
	d := all[1]
	if d.A.Verdict != rules.Warn || d.B.Verdict != rules.Fail || d.A.Severity != rules.Medium || d.B.Severity != rules.Critical || d.Is() != d.B {
		t.Errorf("got %+v and %+v", d.A, d.B)
	}
	if f := d.B.Finding(); !(rules.Gate{Least: rules.High}).Holds(f) || f.Detail != `Server accepted a WebSocket handshake with method "POST"` {
		t.Errorf("got %+v", f)
	}
}

// TestFindingsAreBounded checks that a hostile report cannot fill the memory.
func TestFindingsAreBounded(t *testing.T) {
	r := live.ruling()
	r.Findings = r.Findings[:0]
	f := rules.Finding{Rule: rules.Find(post), Verdict: rules.Fail, Detail: string(make([]byte, 1<<20))}
	r.Findings = append(r.Findings, f)
	a := new(Findings)
	for i := range maxFound + 10 {
		r.Endpoint = string(rune(i))
		if i > 0xd000 {
			r.Endpoint = string(rune(i + 0x1000))
		}
		a.Add(r)
	}
	if len(a.found) != maxFound || a.More != 10 || len(a.places) != maxFound {
		t.Errorf("got %d, %d more, %d places", len(a.found), a.More, len(a.places))
	}
	for _, is := range a.found {
		if len(is.Detail) > maxText {
			t.Fatalf("a detail of %d bytes", len(is.Detail))
		}
	}
}
