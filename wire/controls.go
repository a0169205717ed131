package wire

// Controls says what happened to the valid handshakes that are sent before and after a probe:
// without them a refusal says nothing about the defect of the probe.
type Controls uint8

// The states of the controls of a probe.
const (
	ControlsRefused  Controls = iota // or none were sent: a refused probe says nothing
	ControlsAccepted                 // accepted before and after: a refusal is due to the probe's defect
	BackendGone                      // accepted before; afterwards nothing answered any more, and another probe may be why
	ControlsUnasked                  // the probe is scored by its status alone, as the test suites do that have no controls
	BackendKilled                    // accepted before; this probe was alone, and afterwards nothing answered any more
)

// NoAnswer is an [Exchange.Control] of a handshake that got no response.
const NoAnswer = -1
