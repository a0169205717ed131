package rules

// A Row is a finding as exports, the API and events show it: its identity, and its sum over all
// exchanges.
type Row struct {
	Fingerprint string `json:"fingerprint"`
	Key
	Tally
	State string `json:"state"` // a word of the contracts, or empty if nothing was compared
}
