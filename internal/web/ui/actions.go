package ui

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/interlock-proxy/interlock/internal/accept"
)

// maxForm is how many bytes a form may have.
const maxForm = 64 << 10

// errNotOffered is for an action that this process does not have.
var errNotOffered = errors.New("this process does not do that")

// act makes a handler of an action of a form, which returns where to go from there.
func (u *site) act(tab string, do func(context.Context, url.Values) (to string, err error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		err := r.ParseForm()
		to := ""
		if err == nil {
			to, err = do(r.Context(), r.PostForm)
		}
		if err != nil {
			u.fail(w, r, tab, err)
			return
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
	}
}

func (u *site) probe(ctx context.Context, form url.Values) (string, error) {
	if u.Probe == nil {
		return "", errNotOffered
	}
	at, err := url.ParseQuery(form.Get("at"))
	if err != nil || at.Get("endpoint") == "" {
		return "", errors.New("choose an endpoint that is to be probed")
	}
	run, err := u.Probe(ctx, Ask{
		Route: at.Get("route"), Endpoint: at.Get("endpoint"), Protocol: at.Get("protocol"), Host: at.Get("host"), Only: strings.Fields(form.Get("only")), Skip: strings.Fields(form.Get("skip")),
		HTTP: form.Get("http"), Credentials: form.Get("credentials"), Risky: form.Get("risky") != "", UnsafeMethods: form.Get("methods") != "",
	})
	return "/probes/" + url.PathEscape(run), err
}

func (u *site) cancel(ctx context.Context, form url.Values) (string, error) {
	if u.Cancel == nil {
		return "", errNotOffered
	}
	run := form.Get("run")
	return "/probes/" + url.PathEscape(run), u.Cancel(ctx, run)
}

func (u *site) pause(ctx context.Context, form url.Values) (string, error) {
	if u.Pause == nil {
		return "", errNotOffered
	}
	return "/status", u.Pause(ctx, form.Get("paused") == "yes")
}

// acceptView is the data of the page that accepts a finding.
type acceptView struct {
	accept.Written
	File  string     `json:"file"`
	Diff  []diffLine `json:"diff"`
	Error string     `json:"error,omitempty"`
	Asked bool       `json:"-"` // the form was sent
}

// Form returns the values that were submitted.
func (v acceptView) Form() map[string]string {
	return map[string]string{"rule": v.Rule, "probe": v.Probe, "endpoint": v.Endpoint, "fingerprint": v.Fingerprint, "reason": v.Reason, "until": v.Until}
}

// diffLine is a line of a diff.
type diffLine struct {
	Class string `json:"-"`
	Text  string `json:"text"`
}

// accepting shows the form and, after it is submitted, the diff. Nothing is written before that is
// confirmed.
func (u *site) accepting(w http.ResponseWriter, r *http.Request) {
	if u.Accept == nil {
		u.fail(w, r, "/findings", errNotOffered)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		u.fail(w, r, "/findings", err)
		return
	}
	v := acceptView{Asked: r.Method == http.MethodPost, Written: accept.Written{
		Rule: r.Form.Get("rule"), Probe: r.Form.Get("probe"), Endpoint: r.Form.Get("endpoint"), Fingerprint: r.Form.Get("fingerprint"),
		Reason: strings.TrimSpace(r.Form.Get("reason")), Until: r.Form.Get("until"),
	}}
	status := http.StatusOK
	if v.Asked {
		confirmed := r.PostForm.Get("confirmed") == "yes"
		file, diff, err := u.Accept(r.Context(), v.Written, confirmed)
		if err == nil && confirmed {
			http.Redirect(w, r, "/findings?state=accepted", http.StatusSeeOther)
			return
		}
		v.File, v.Diff = file, diffLines(diff)
		if err != nil {
			v.Error, v.Diff, status = err.Error(), nil, http.StatusUnprocessableEntity
		}
	}
	u.render(w, status, "accept", u.frame(r, "/findings", sheet{Title: "Accept a finding", View: v}))
}

func diffLines(diff string) (all []diffLine) {
	for line := range strings.Lines(diff) {
		l := diffLine{Text: strings.TrimRight(line, "\r\n")}
		switch {
		case strings.HasPrefix(l.Text, "+"):
			l.Class = "plus"
		case strings.HasPrefix(l.Text, "-"):
			l.Class = "minus"
		}
		all = append(all, l)
	}
	return all
}

// reloadView lists the changes of a reload.
type reloadView struct {
	Changes []Change `json:"changes"`
	Done    bool     `json:"done"`
	Held    bool     `json:"held"` // something in it needs a restart
}

// reloading shows the changes, and reloads after that is confirmed.
func (u *site) reloading(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if u.Reload == nil {
		u.fail(w, r, "/status", errNotOffered)
		return
	}
	v := reloadView{Done: r.PostFormValue("confirmed") == "yes"}
	var err error
	if v.Changes, err = u.Reload(r.Context(), v.Done); err != nil {
		u.fail(w, r, "/status", err)
		return
	}
	for _, c := range v.Changes {
		v.Held = v.Held || c.Held
	}
	u.render(w, http.StatusOK, "reload", u.frame(r, "/status", sheet{Title: "Reload", View: v}))
}
