// Package rules says what the RFCs say about an upgrade exchange.
//
// It is for whoever has a [wire.Exchange] and wants to know what is wrong with it and who is at fault: the live proxy, the
// probes, the readers of captures and transcripts all ask the same rules.
//
// # Use
//
// [Classify] holds one exchange against every rule and returns a [Ruling]:
//
//	ruling := rules.Classify(rules.Case{X: exchange})
//	if ruling.Unsafe {
//		// the server switched although a critical rule says that it must not
//	}
//	for _, f := range ruling.Findings {
//		fmt.Println(f.Verdict, f.Rule.ID, f.Detail)
//	}
//
// A rule that does not apply to an exchange has no finding: that is not a pass. The [Options] of a [Case] turn rules off,
// replace severities and name what the service means to speak.
//
// # Rules and probes
//
// A [Rule] is a value: what must hold, who violates it, the section of the RFC, when it applies and how it is judged. Each
// stands in the file of its family and is entered in the register there, with its [Probe] values: valid handshakes that
// break exactly this rule. What a verdict means for live traffic and for a probe is in one place, verdict_table.go.
//
// The package is pure: it has no logger, clock, context, network or file, and imports only the standard library and
// package wire. All functions may be called by several goroutines at the same time.
package rules
