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
	Kind        Kind   `json:"kind"`
	Fingerprint string `json:"fingerprint"`
	rules.Key
	A *foundJSON `json:"a"` // null where the run does not have it
	B *foundJSON `json:"b"`
}

type foundJSON struct {
	rules.Tally
	State     string           `json:"state"`
	Exchanges map[string]int64 `json:"exchanges"` // by verdict
}

// MarshalJSON returns the difference in the format of diff -o json and of the API.
func (d Difference) MarshalJSON() ([]byte, error) {
	is := d.Is()
	return json.Marshal(differenceJSON{d.Kind, is.Fingerprint, is.Key, foundOf(d.A), foundOf(d.B)})
}

func foundOf(f *Found) *foundJSON {
	if f == nil {
		return nil
	}
	one := &foundJSON{f.Tally, f.State, map[string]int64{}}
	for v, n := range f.By {
		if n > 0 {
			one.Exchanges[rules.Verdict(v).String()] = n
		}
	}
	return one
}
