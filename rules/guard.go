package rules

// guard ends the remedies of rules that a check in front of the WebSocket library enforces.
const guard = "\nMost WebSocket libraries: put a guard in front that rejects such requests. docs/harden.md " +
	"has one for each common server, library and proxy."
