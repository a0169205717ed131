package why

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/rules"
)

// Bounds of one walk.
const (
	maxRequests = 40
	maxTimeouts = 12 // a walk takes at most that many times the timeout of a step
	perSecond   = 10 // requests a second to another machine
)

// A Target is the URL that a walk is about.
type Target struct {
	Scheme string        // http or https
	Host   string        // of the Host header
	Name   string        // the host without a port
	Port   string        // never empty
	Path   string        // with the query
	HTTP   probe.HTTP    // the versions of HTTP to try
	Prior  bool          // the URL has the scheme h2c
	Shown  string        // the path without secrets
	TLS    *tls.Config   // nil: cleartext
	Fields []probe.Field // that every request is to have
}

// URL is an address on the host of the target as it may be shown. Shown is the path.
func (t *Target) URL(shown string) string {
	scheme := map[string]string{"http": "ws", "https": "wss"}[t.Scheme]
	if t.Prior {
		scheme = "h2c"
	}
	return scheme + "://" + t.Host + shown
}

// origin is the origin of a page on the host of the target.
func (t *Target) origin() string { return t.Scheme + "://" + t.Host }

// Settings control a walk.
type Settings struct {
	Timeout   time.Duration // of each step; 5 s if it is 0
	UserAgent string        // of requests that do not have the one of a browser; empty: none
	Step      func(*Step)   // called after each step; may be nil
}

// A walker is on one walk.
type walker struct {
	target   Target
	settings Settings
	address  string // that accepts connections
	report   Report
	left     int  // requests that may still be sent
	prefers2 bool // the server chooses HTTP/2 by ALPN
	works1   bool // a handshake in HTTP/1.1 was accepted
	secrets  secrets

	plainPage *attempt      // the plain GET, if there was an answer
	last      *attempt      // the last request that there was a connection for
	gone      bool          // the server accepts no connections any more
	pace      *rate.Limiter // of requests; nil: no limit
	tryIt     bool          // the report says how to find out more
}

// Walk goes down the way of a WebSocket connection to the target. It ends early if ctx does.
func Walk(ctx context.Context, t Target, s Settings) *Report {
	if s.Timeout == 0 {
		s.Timeout = 5 * time.Second
	}
	w := &walker{target: t, settings: s, left: maxRequests, secrets: append(secretsOf(t.Fields), queried(t.Path)...).sorted()}
	w.report = Report{URL: t.URL(t.Shown), Result: Unknown, Diagnoses: []rules.Diagnosis{}, Notes: []string{}}
	if ip, err := netip.ParseAddr(t.Name); t.Name != "localhost" && (err != nil || !ip.IsLoopback()) {
		w.pace = rate.NewLimiter(perSecond, 1)
	}
	bounded, cancel := context.WithTimeout(ctx, maxTimeouts*s.Timeout)
	defer cancel()
	w.walk(bounded)
	switch {
	case ctx.Err() != nil:
		w.report.ended = "it was interrupted"
	case errors.Is(bounded.Err(), context.DeadlineExceeded):
		w.report.ended = fmt.Sprintf("it was given up after %v", maxTimeouts*s.Timeout)
	}
	w.conclude()
	return &w.report
}

// walk takes one step after the other.
func (w *walker) walk(ctx context.Context) {
	if !w.reach(ctx) {
		return
	}
	if w.target.HTTP != probe.HTTP2 {
		if !w.page(ctx) {
			return
		}
		good, all := w.handshakes(ctx, form.in1)
		w.works1 = good != nil
		switch {
		case good == nil:
			w.search(ctx, all[0], all[1])
		case w.differ(ctx, good, all):
			w.session(ctx)
			w.needed(ctx, good)
		}
	}
	if v := w.target.HTTP; v == probe.HTTP2 || v == probe.Both || v == probe.Chosen && w.prefers2 {
		w.http2(ctx)
	}
}

// handshakes sends the handshakes of clients in a version of HTTP. Good is one that is accepted, or nil.
func (w *walker) handshakes(ctx context.Context, in func(form) form) (good *attempt, all []*attempt) {
	all = append(all, w.send(ctx, "handshake", in(w.plain())), w.send(ctx, "browser", in(w.chrome())), w.send(ctx, "browser", in(w.firefox())))
	for _, a := range all {
		if a.works() && good == nil {
			good = a
		}
	}
	return good, all
}

// differ finds out why not all handshakes are accepted. It reports whether those of browsers are.
func (w *walker) differ(ctx context.Context, good *attempt, all []*attempt) bool {
	w.compare(ctx, good, all)
	return all[1].works() && all[2].works()
}

// take records a step.
func (w *walker) take(s Step) {
	s.Answer = w.secrets.blank(s.Answer)
	s.Millis = float64(s.Took.Microseconds()) / 1000
	w.report.Steps = append(w.report.Steps, s)
	if w.settings.Step != nil {
		w.settings.Step(&w.report.Steps[len(w.report.Steps)-1])
	}
}

// found records why it fails.
func (w *walker) found(all ...rules.Diagnosis) {
	for _, d := range all {
		if w.gone && len(w.report.Diagnoses) > 0 { // whatever the answers before say, this is why it fails
			return
		}
		d = fromHere(d)
		d.Text, d.Cause, d.Basis, d.Fix = w.secrets.blank(d.Text), w.secrets.blank(d.Cause), w.secrets.blank(d.Basis), w.secrets.blank(d.Fix)
		known := false
		for i := range w.report.Diagnoses {
			known = known || w.report.Diagnoses[i].ID == d.ID
		}
		if !known {
			w.report.Diagnoses = append(w.report.Diagnoses, d)
		}
	}
}

// fromHere tells a diagnosis from where a client is. Those of exchanges that an Interlock forwarded
// speak of its place between two sides.
func fromHere(d rules.Diagnosis) rules.Diagnosis {
	words := strings.NewReplacer(" between Interlock and the server", " in front of the server", " between Interlock and the backend", " to the server",
		" after Interlock", " in front of the server", " in front of Interlock", " in between", "The backend ", "The server ")
	d.Text, d.Cause = words.Replace(d.Text), words.Replace(d.Cause)
	fix := slices.DeleteFunc(strings.Split(d.Fix, "\n"), func(line string) bool { return strings.HasPrefix(line, "Interlock: --backend") })
	d.Fix = strings.Join(fix, "\n")
	return d
}

// note records something that is worth knowing.
func (w *walker) note(format string, v ...any) {
	w.report.Notes = append(w.report.Notes, w.secrets.blank(fmt.Sprintf(format, v...)))
}
