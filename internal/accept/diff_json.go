package accept

import (
	"encoding/json"

	"github.com/interlock-proxy/interlock/rules"
)

// Summary is how many differences there are of each kind; every kind is in it.
func Summary(all []Difference) map[Kind]int {
	n := map[Kind]int{}
	for _, kind := range Kinds() {
		n[kind] = 0
	}
	for i := range all {
		n[all[i].Kind]++
	}
	return n
}

// differenceJSON is a difference, version 1.
type differenceJSON struct {
	Kind        Kind       `json:"kind"`
	Rule        string     `json:"rule"`
	Probe       string     `json:"probe"`
	Route       string     `json:"route"`
	Endpoint    string     `json:"endpoint"`
	Fingerprint string     `json:"fingerprint"`
	A           *foundJSON `json:"a"` // null where the run does not have it
	B           *foundJSON `json:"b"`
}

type foundJSON struct {
	Verdict   rules.Verdict  `json:"verdict"` // the worst
	Severity  rules.Severity `json:"severity"`
	State     string         `json:"state"`
	Detail    string         `json:"detail"`
	Exchanges map[string]int `json:"exchanges"` // by verdict
}

// MarshalJSON is the difference as programs get it.
func (d Difference) MarshalJSON() ([]byte, error) {
	is := d.Is()
	return json.Marshal(differenceJSON{d.Kind, is.Rule.ID, is.Probe, is.Route, is.Endpoint, is.Fingerprint, foundOf(d.A), foundOf(d.B)})
}

func foundOf(f *Found) *foundJSON {
	if f == nil {
		return nil
	}
	one := &foundJSON{f.Verdict, f.Severity, f.State, f.Detail, map[string]int{}}
	for v, n := range f.Counts {
		if n > 0 {
			one.Exchanges[rules.Verdict(v).String()] = n
		}
	}
	return one
}
