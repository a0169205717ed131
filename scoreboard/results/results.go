// Package results is the data of the scoreboard: what servers answered to the probes in one run.
package results

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// Schema is the version of the format. Read refuses any other.
const Schema = 1

// MaxSize bounds the file that Read takes, in bytes.
const MaxSize = 64 << 20

// A Run is one run of all recipes.
type Run struct {
	Schema    int      `json:"schema"`
	Date      string   `json:"date"`      // day in UTC, as 2006-01-02
	Interlock string   `json:"interlock"` // version and commit of the prober
	Platform  string   `json:"platform"`  // operating system and architecture
	Servers   []Server `json:"servers"`   // by ID
	Failed    []Failed `json:"failed"`    // recipes without results, by ID
	LeftOut   []Left   `json:"left_out"`  // probes that are not sent to any server, by probe
}

// A Failed recipe is one whose server could not be started or accepted no valid handshake.
type Failed struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Error string `json:"error"`
}

// A Left is a probe that the scoreboard does not send, and why.
type Left struct {
	Probe  string `json:"probe"`
	Reason string `json:"reason"` // a few words, the same for all probes that are left out for it
}

// A Server is one implementation at one version, started by its recipe.
type Server struct {
	ID       string    `json:"id"`       // lower case, fit for a file name
	Name     string    `json:"name"`     // as its makers write it
	Version  string    `json:"version"`  // as the package or the program says
	Language string    `json:"language"` // that it is written in
	Source   string    `json:"source"`   // where it is from: Debian, npm, Go module
	Home     string    `json:"home"`     // its home page
	Recipe   string    `json:"recipe"`   // file of the recipe, relative to scoreboard
	Note     string    `json:"note,omitempty"`
	Controls []Control `json:"controls"`
	Cells    []Cell    `json:"cells"` // by probe
}

// A Control is a valid request that was sent around the probes.
type Control struct {
	Probe    string `json:"probe"`
	Protocol string `json:"protocol"`
	Status   int    `json:"status"` // 0: no answer
	Accepted bool   `json:"accepted"`
}

// A Cell is what one server did with one probe.
type Cell struct {
	Probe    string `json:"probe"`
	Rule     string `json:"rule"`
	Verdict  string `json:"verdict"`  // as in the JSON report: pass, warn, fail, not-applicable, unclear
	Severity string `json:"severity"` // of the rule, as in the JSON report
	Outcome  string `json:"outcome"`  // as in the JSON report, such as switched or rejected
	Status   int    `json:"status"`   // 0: no answer
	Detail   string `json:"detail,omitempty"`
	// Request and Response are the heads, byte for byte, of what did not pass.
	Request  []byte `json:"request,omitempty"`
	Response []byte `json:"response,omitempty"`
}

// Read reads a run, and says what is wrong with one that it cannot show.
func Read(path string) (*Run, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return nil, err
	}
	if len(text) > MaxSize {
		return nil, fmt.Errorf("%s: larger than %d MiB", path, MaxSize>>20)
	}
	var r Run
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("%s: not results of the scoreboard: %w", path, err)
	}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &r, nil
}

func (r *Run) check() error {
	if r.Schema != Schema {
		return fmt.Errorf("schema %d, and this version reads %d", r.Schema, Schema)
	}
	seen := map[string]bool{}
	for _, s := range r.Servers {
		switch {
		case s.ID == "" || s.Name == "":
			return errors.New("a server without id or name")
		case seen[s.ID]:
			return fmt.Errorf("server %s twice", s.ID)
		}
		seen[s.ID] = true
	}
	return nil
}

// Write writes a run in the order that makes two files comparable.
func (r *Run) Write(w io.Writer) error {
	slices.SortFunc(r.Servers, func(a, b Server) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(r.Failed, func(a, b Failed) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(r.LeftOut, func(a, b Left) int { return strings.Compare(a.Probe, b.Probe) })
	for _, s := range r.Servers {
		slices.SortFunc(s.Cells, func(a, b Cell) int { return strings.Compare(a.Probe, b.Probe) })
	}
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(r)
}
