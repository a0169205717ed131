// Package rules judges upgrade exchanges by the RFCs.
//
// It takes a [wire.Exchange] and returns what is wrong with it and who is at fault. The live proxy,
// the probes, and the readers of captures and transcripts all use the same rules.
//
// # Use
//
// [Classify] judges one exchange by every rule and returns a [Ruling]:
//
//	ruling := rules.Classify(rules.Case{X: exchange})
//	if ruling.Unsafe {
//		// the server switched although a critical rule says that it must not
//	}
//	for _, f := range ruling.Findings {
//		fmt.Println(f.Verdict, f.Rule.ID, f.Detail)
//	}
//
// A rule that does not apply to an exchange has no finding, which is not a pass. The [Options] of a
// [Case] turn rules off, replace severities and list the private protocols of the service.
//
// # Rules and probes
//
// A [Rule] is a value: the requirement, the problem that a finding states, who violates it, the RFC
// sections, when it applies and how it is judged. Judge returns a [Result], and Show returns the
// sentence that applies with the values that were seen. Rules are declared in the file of their
// family, with their [Probe] values: valid handshakes that violate exactly this rule. What a verdict
// means for live traffic and for a probe is in one place, verdict_table.go.
//
// The package is pure: it has no logger, clock, context, network or file, and imports only the
// standard library and package wire. Several goroutines may call all functions at the same time.
package rules
