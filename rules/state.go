package rules

// The states of a finding: what has become of it since it was last looked into. Readers accept
// others.
const (
	StateNew        = "new"        // the baseline does not have it, or has a milder one
	StateKnown      = "known"      // the baseline has it
	StateAccepted   = "accepted"   // it was accepted, with a reason
	StateReproduced = "reproduced" // it is new, and both live traffic and a probe have shown it
	StateFixed      = "fixed"      // the baseline has it, and the same probe passes, with an accepted control
)
