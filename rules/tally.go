package rules

import "time"

// A Tally is what the findings of one [Key] come to over all exchanges that showed it. Its zero value has counted none.
type Tally struct {
	Verdict  Verdict // the worst one
	Severity Severity
	Party    Party
	Detail   string       // of the first finding with that verdict and severity, as are Severity and Party
	Unsafe   bool         // a server switched and must not have
	Count    int64        // exchanges
	Seen     [2]time.Time // the first and the last time

	begun bool
}

// Add counts a finding of a ruling, once for each exchange, however often it is reported.
func (t *Tally) Add(r *Ruling, f *Finding) {
	at := r.X.Time
	if !t.begun {
		t.begun, t.Verdict, t.Seen = true, NotApplicable, [2]time.Time{at, at}
	}
	if f.Verdict < t.Verdict || f.Verdict == t.Verdict && f.Severity > t.Severity {
		t.Verdict, t.Severity, t.Party, t.Detail = f.Verdict, f.Severity, f.Party, f.Detail
	}
	t.Unsafe = t.Unsafe || r.Unsafe && f.Verdict == Fail
	if !r.Before.Has(f.Rule) {
		t.Count++
	}
	if at.Before(t.Seen[0]) {
		t.Seen[0] = at
	}
	if at.After(t.Seen[1]) {
		t.Seen[1] = at
	}
}
