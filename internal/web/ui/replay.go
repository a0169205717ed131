package ui

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/rules"
)

// replayView asks for the redacted values of a request that will be sent again.
type replayView struct {
	ID     string
	Values []redacted
	Error  string
}

// redacted is a value that the store does not have.
type redacted struct {
	Name  string // of a header; of a parameter with a ? in front
	Label string
	Shown string // the rest of it
}

// replaying asks for redacted values, and sends the request again after they are given.
func (u *site) replaying(w http.ResponseWriter, r *http.Request) {
	if u.Replay == nil {
		u.fail(w, r, "/exchanges", errNotOffered)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		u.fail(w, r, "/exchanges", err)
		return
	}
	v := replayView{ID: r.Form.Get("id")}
	if v.ID == "" {
		u.fail(w, r, "/exchanges", errMissing)
		return
	}
	status := http.StatusOK
	if r.Method == http.MethodPost {
		id, err := u.Replay(r.Context(), v.ID, given(r.PostForm))
		if err == nil {
			http.Redirect(w, r, "/exchanges/"+url.PathEscape(id), http.StatusSeeOther)
			return
		}
		v.Error, status = err.Error(), http.StatusUnprocessableEntity
	}
	s, err := u.kept()
	if err == nil {
		var ruling *rules.Ruling
		if ruling, err = s.Ruling(r.Context(), v.ID); err == nil {
			v.Values = redactedIn(ruling)
		}
	}
	if err != nil {
		u.fail(w, r, "/exchanges", err)
		return
	}
	u.render(w, status, "replay", u.frame(r, "/exchanges", sheet{Title: "Replay", View: v}))
}

// given are the values of a form.
func given(form url.Values) (all []probe.Field) {
	values := form["value"]
	for i, name := range form["name"] {
		if i < len(values) && values[i] != "" {
			all = append(all, probe.Field{Name: name, Value: values[i]})
		}
	}
	return all
}

// redactedIn returns the values that must be given to send a request again.
func redactedIn(r *rules.Ruling) (all []redacted) {
	for _, name := range r.Redacted() {
		value := redacted{Name: name, Label: name}
		if parameter, ok := strings.CutPrefix(name, "?"); ok {
			value.Label = "parameter " + parameter
		} else {
			value.Shown, _ = r.X.Request.Value(name)
		}
		all = append(all, value)
	}
	return all
}
