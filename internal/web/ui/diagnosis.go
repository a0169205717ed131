package ui

import (
	"net/http"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/diagnose"
	"github.com/interlock-proxy/interlock/rules"
)

// diagnosisView is an entry of the catalogue, and where it was seen.
type diagnosisView struct {
	diagnosesView
	ID     string      `json:"id"`
	Family string      `json:"family"`
	Title  string      `json:"title"`
	Why    string      `json:"why"`
	Refs   []rules.Ref `json:"refs"`
	Rules  []string    `json:"rules"`
	Causes []causeView `json:"causes"`
	Error  string      `json:"error,omitempty"` // why the store cannot be read
}

// causeView is a cause of a diagnosis.
type causeView struct {
	Text      string          `json:"text"`
	Certainty rules.Certainty `json:"certainty"`
	Marked    bool            `json:"marked"` // something in the exchange points to it
	Lines     []string        `json:"fix"`
	As        string          `json:"-"` // an earlier cause that asks for the same changes
}

func (u *site) diagnosis(r *http.Request) (sheet, error) {
	k := diagnose.Find(r.PathValue("id"))
	if k == nil {
		return sheet{}, errMissing
	}
	v := diagnosisView{ID: k.ID, Family: string(k.Family), Title: k.Title, Why: k.Why, Refs: append([]rules.Ref{}, k.Refs...), Rules: append([]string{}, k.Rules...)}
	for i := range k.Causes {
		c := &k.Causes[i]
		is := causeView{Text: c.Text, Certainty: c.Certainty, Marked: c.Mark != nil}
		for j := range c.Fix {
			is.Lines = append(is.Lines, c.Fix[j].String())
		}
		if at := slices.IndexFunc(k.Causes[:i], func(other diagnose.Cause) bool { return len(c.Fix) > 1 && slices.Equal(other.Fix, c.Fix) }); at >= 0 {
			is.As = k.Causes[at].Text
		}
		v.Causes = append(v.Causes, is)
	}
	of := v.choose(r)
	var err error
	if v.Groups, err = u.explained(r.Context(), k.ID, of, v.All); err != nil {
		v.Error, v.Groups = err.Error(), []explained{}
	}
	return sheet{Title: k.ID, View: v, Follow: u.Events, Names: u.EventNames}, nil
}

// ownWhy is a diagnosis of an exchange, as the page of the exchange shows it.
type ownWhy struct {
	*rules.Diagnosis
	Known bool // the catalogue has it
	Fixes []string
}

// why returns the diagnoses of a ruling.
func why(r *rules.Ruling) (all []ownWhy) {
	for i := range r.Diagnoses {
		d := &r.Diagnoses[i]
		is := ownWhy{Diagnosis: d, Known: diagnose.Find(d.ID) != nil}
		for line := range strings.SplitSeq(d.Fix, "\n") {
			if strings.TrimSpace(line) != "" {
				is.Fixes = append(is.Fixes, line)
			}
		}
		all = append(all, is)
	}
	return all
}
