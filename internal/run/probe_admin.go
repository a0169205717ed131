package run

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/web"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// remote is a running Interlock, reached at its admin address.
type remote struct {
	url   string // without a slash at the end
	token string
}

// newRemote returns the Interlock that the flags name.
func newRemote(f *ProbeFlags) (*remote, error) {
	url := strings.TrimRight(f.Admin, "/")
	if !strings.Contains(url, "://") {
		url = "http://" + url
	}
	r := &remote{url: url}
	name := f.AdminToken
	if name == "" {
		name = os.Getenv(config.Variable("admin-token-file"))
	}
	if name != "" {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, exit.Usage("--admin-token-file: %w", err)
		}
		r.token = strings.TrimSpace(string(text))
	}
	return r, nil
}

// call makes a request. The caller closes the body of the response; an unsuccessful response is an
// error.
func (r *remote) call(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	q, err := http.NewRequestWithContext(ctx, method, r.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, exit.Usage("--admin: %w", err)
	}
	q.Header.Set("Content-Type", "application/json")
	if r.token != "" {
		q.Header.Set("Authorization", "Bearer "+r.token)
	}
	p, err := http.DefaultClient.Do(q)
	if err != nil {
		return nil, exit.Unknown("--admin: %w; is interlock serve running there?", err)
	}
	if p.StatusCode < 300 {
		return p, nil
	}
	defer p.Body.Close()
	var said struct{ Error string }
	text, _ := io.ReadAll(io.LimitReader(p.Body, 64<<10))
	if json.Unmarshal(text, &said) != nil || said.Error == "" {
		said.Error = p.Status
	}
	switch p.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity, http.StatusBadRequest:
		return nil, exit.Usage("--admin %s: %s", r.url, said.Error)
	}
	return nil, exit.Unknown("--admin %s: %s", r.url, said.Error)
}

// maxEvent is the maximum size of an event of a run, in bytes.
const maxEvent = 4 << 20

// DoRemote has the running Interlock probe a learned endpoint, and reports as if this process had
// probed it.
func (p *Probing) DoRemote(ctx context.Context) error {
	f := p.Flags
	r, err := newRemote(f)
	if err != nil {
		return err
	}
	ask := web.Ask{Endpoint: f.Endpoint, Route: f.Route, HTTP: f.HTTP, Only: f.Only, Skip: f.Skip, Risky: f.Risky, UnsafeMethods: f.UnsafeMethods}
	if f.AsRecorded {
		ask.Credentials = config.CredentialsRecorded
	}
	if len(f.Protocols) == 1 {
		ask.Protocol = f.Protocols[0]
	}
	body, err := json.Marshal(ask)
	if err != nil {
		return err
	}
	if err := r.announce(ctx, p, &ask); err != nil {
		return err
	}
	started, err := r.call(ctx, http.MethodPost, "/api/v1/probe-runs", body)
	if err != nil {
		return err
	}
	var run struct{ Run string }
	err = json.NewDecoder(started.Body).Decode(&run)
	started.Body.Close()
	if err != nil || run.Run == "" {
		return exit.Unknown("--admin %s: the answer names no run", r.url)
	}
	p.Run = run.Run
	s := &site{run: p, version: probe.Chosen, place: place{scheme: "http", host: strings.TrimPrefix(strings.TrimPrefix(r.url, "http://"), "https://"), target: f.Endpoint}}
	if f.HTTP == "2" {
		s.version = probe.HTTP2
	}
	p.sites, p.current = []*site{s}, s
	p.Accepting.about(p.templates())
	var document bytes.Buffer
	if err := p.openReports(func(w io.Writer, _ report.Options) (report.Writer, error) { return &asGiven{w, &document}, nil }); err != nil {
		return err
	}
	if !f.Quiet {
		fmt.Fprintf(p.Screen.Stderr, "interlock: %s probes %s, run %s\n", r.url, f.Endpoint, run.Run)
	}
	s.failed = r.follow(ctx, s)
	if ctx.Err() != nil {
		r.cancel(run.Run)
	}
	if err := r.finish(s, &document); err != nil && s.failed == nil {
		s.failed = err
	}
	return p.end()
}

// asGiven writes the document of the run that the running Interlock has made.
type asGiven struct {
	w        io.Writer
	document *bytes.Buffer
}

// Write is part of report.Writer.
func (*asGiven) Write(*rules.Ruling) error { return nil }

// Close is part of report.Writer.
func (a *asGiven) Close(*report.Summary) error {
	_, err := a.w.Write(append(bytes.TrimSpace(a.document.Bytes()), '\n'))
	return err
}

// follow reads the events of the run until it ends.
func (r *remote) follow(ctx context.Context, s *site) error {
	p := s.run
	stream, err := r.call(ctx, http.MethodGet, "/api/v1/probe-runs/"+p.Run+"/events", nil)
	if err != nil {
		return err
	}
	defer stream.Body.Close()
	step, done := p.progress("probes")
	defer done()
	lines := bufio.NewScanner(stream.Body)
	lines.Buffer(make([]byte, 64<<10), maxEvent)
	event := ""
	for lines.Scan() {
		if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			event = name
		}
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		over, err := s.heed(event, []byte(data), step)
		if over || err != nil {
			return err
		}
	}
	return errors.Join(ctx.Err(), lines.Err(), errors.New("the stream of events ended before the run"))
}

// heed handles an event; over reports whether it is the last one.
func (s *site) heed(event string, data []byte, step func(n, total int)) (over bool, err error) {
	switch event {
	case "ruling":
		r, err := rules.ReadRuling(data)
		if err != nil {
			return false, fmt.Errorf("read a ruling: %w", err)
		}
		s.entered(r)
	case "progress", "note":
		var now struct {
			Done, Total int
			Note        string
		}
		if json.Unmarshal(data, &now) == nil {
			if event == "progress" {
				step(now.Done, now.Total)
			}
			if now.Note != "" && !s.run.Flags.Quiet {
				s.run.Screen.Complain(now.Note)
			}
		}
	case "finished":
		var now struct{ State, Error string }
		if err := json.Unmarshal(data, &now); err != nil {
			return true, err
		}
		if now.Error != "" {
			return true, errors.New(now.Error)
		}
		return true, nil
	}
	return false, nil
}

// cancel ends the run when the caller stops waiting for it.
func (r *remote) cancel(run string) {
	ctx, stop := context.WithTimeout(context.Background(), 5*time.Second)
	defer stop()
	if p, err := r.call(ctx, http.MethodDelete, "/api/v1/probe-runs/"+run, nil); err == nil {
		p.Body.Close()
	}
}

// finish reads the data of the run besides its rulings.
func (r *remote) finish(s *site, document *bytes.Buffer) error {
	ctx, stop := context.WithTimeout(context.Background(), 30*time.Second)
	defer stop()
	shown, err := r.call(ctx, http.MethodGet, "/api/v1/probe-runs/"+s.run.Run, nil)
	if err != nil {
		return err
	}
	defer shown.Body.Close()
	var run struct{ Result json.RawMessage }
	if err := json.NewDecoder(shown.Body).Decode(&run); err != nil {
		return fmt.Errorf("read the run: %w", err)
	}
	document.Write(run.Result)
	var d struct {
		Endpoints []struct {
			Backend, Target, Gone string
			HTTP2                 string
			Degraded              bool
			Suspects              []string
			Crashes               []probe.Crash
			Controls              []report.ProbeControl
			Results               []struct{ Probe, Verdict, Reason string }
		}
	}
	if len(run.Result) == 0 || json.Unmarshal(run.Result, &d) != nil || len(d.Endpoints) == 0 {
		return nil
	}
	e := &d.Endpoints[0]
	s.target.Address, s.place.host, s.place.target = e.Backend, e.Backend, e.Target
	s.was = probe.Report{Degraded: e.Degraded, Suspects: e.Suspects, Crashes: e.Crashes, HTTP2: e.HTTP2, Gone: e.Gone != ""}
	for _, c := range e.Controls {
		s.was.Controls = append(s.was.Controls, controlOf(&c))
	}
	if onlyHTTP2(s.was.Controls) {
		s.version = probe.HTTP2
	}
	for _, x := range e.Results {
		if q := rules.FindProbe(x.Probe); q != nil && x.Verdict == "not-sent" {
			s.was.NotSent = append(s.was.NotSent, probe.NotSent{Probe: q, Reason: x.Reason})
		}
	}
	sum := &s.run.reports.Stream.Summary
	sum.NotSent, sum.Probed, sum.Gone = int64(len(s.was.NotSent)), true, s.was.Gone
	return nil
}

// controlOf is a control of the run that a document has.
func controlOf(c *report.ProbeControl) probe.Control {
	k := probe.Control{Probe: c.Probe, Protocol: c.Protocol, Step: c.Step, Accepted: c.Accepted, Single: c.Single, Flaw: c.Flaw, Exchange: &wire.Exchange{}}
	line := "HTTP/1.1 %d \r\n\r\n"
	if q := rules.FindProbe(c.Probe); q != nil {
		k.Exchange.Request = wire.ReadRequest([]byte(q.On(rules.NewHandshake("http", "backend.example", "/", SeedKey)).Head()))
		if q.HTTP2() {
			line = "HTTP/2\r\n:status: %d\r\n\r\n"
		}
	}
	if c.Status > 0 {
		k.Exchange.Response = wire.ReadResponse(fmt.Appendf(nil, line, c.Status))
	}
	return k
}
