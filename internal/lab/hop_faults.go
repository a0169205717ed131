package lab

// A hopFault is the one thing that a hop does wrong. The zero value is sound.
type hopFault uint8

// The faults of hops.
const (
	hopSound hopFault = iota
	hopRelays
	hopFabricates
	hopForwardsEarly
	hopTunnelsRefused
	hopPoolsDirty
	hopPoolsUnsent
	hopPoolsSwitched
	hopUnsolicited
	hopUnchecked
	hopHTTP10
	hopNominated
	hopH2C
	hopLosesTail
	hopLosesEarly
	hopAbsolute
	hopConnects
	hopChangesMethod
	hopInvents
	hopLosesIdentity
	hopTwoHosts
	hopUnframed
	hopReads101
	hopLosesInterim
	hopTwin
	hopLeaks
	hopHangs
	hopStrips
	hopReframes
	hopOwnH2C
	hopPassesConnect
	hopRewrites
	hopFaults
)

// name is the name of a fault, and about says what the hop does.
func (f hopFault) name() (name, about string) {
	names := [hopFaults][2]string{
		hopSound:          {"sound", "is correct"},
		hopRelays:         {"relay", "relays bytes and reads no HTTP"},
		hopFabricates:     {"fabricates-connection", "adds Connection: upgrade to a request with Upgrade"},
		hopForwardsEarly:  {"forwards-early", "forwards what follows an offer before the answer"},
		hopTunnelsRefused: {"tunnels-after-refusal", "opens a tunnel whatever the answer to an offer is"},
		hopPoolsDirty:     {"pools-dirty", "uses a connection again that has more than the response"},
		hopPoolsUnsent:    {"pools-unsent-body", "uses a connection again on which a body is incomplete"},
		hopPoolsSwitched:  {"pools-switched", "uses a connection again that was a tunnel"},
		hopUnsolicited:    {"relays-unsolicited-101", "relays a 101 to a request without an offer"},
		hopUnchecked:      {"relays-any-101", "relays a 101 to an offer without a look at its headers"},
		hopHTTP10:         {"upgrades-http10", "takes an HTTP/1.0 request for an offer"},
		hopNominated:      {"keeps-nominated", "forwards headers that Connection names"},
		hopH2C:            {"forwards-h2c", "forwards an offer of any protocol"},
		hopLosesTail:      {"loses-tail", "loses bytes in the segment of a 101"},
		hopLosesEarly:     {"loses-early", "loses bytes in the segment of an offer"},
		hopAbsolute:       {"follows-absolute-target", "connects to the server that an absolute target names"},
		hopConnects:       {"connects", "connects to the server that CONNECT names"},
		hopChangesMethod:  {"changes-method", "sends GET for POST with an offer"},
		hopInvents:        {"invents-101", "sends a 101 before the backend does"},
		hopLosesIdentity:  {"loses-identity", "removes its own headers where Connection names them"},
		hopTwoHosts:       {"two-hosts", "forwards two Hosts"},
		hopUnframed:       {"unframed-body", "forwards the body of an offer without its length"},
		hopReads101:       {"reads-length-in-101", "takes what follows a 101 with Content-Length for its content"},
		hopLosesInterim:   {"loses-101-after-interim", "takes an interim response for the final one"},
		hopTwin:           {"no-identity-on-upgrade", "does not say in an offer who the client is"},
		hopLeaks:          {"leaks-tunnels", "keeps the backend's connection when the client has closed a tunnel"},
		hopHangs:          {"hangs-after-tunnel", "keeps the client's connection when the backend has closed a tunnel"},
		hopStrips:         {"strips", "removes every offer"},
		hopReframes:       {"reframes", "is correct, and masks the frames of a client anew"},
		hopOwnH2C:         {"speaks-h2c", "is correct, and accepts h2c itself"},
		hopPassesConnect:  {"forwards-connect", "is correct, and has its backend reject CONNECT"},
		hopRewrites:       {"rewrites-targets", "is correct, and sends every request to /"},
	}
	return names[f][0], names[f][1]
}

// isSound reports whether the hop is correct.
func (f hopFault) isSound() bool {
	switch f {
	case hopSound, hopRelays, hopStrips, hopReframes, hopOwnH2C, hopPassesConnect, hopRewrites:
		return true
	}
	return false
}

// Hops returns the names of all hops, the sound one first.
func Hops() (names []string) {
	for f := range hopFaults {
		name, _ := f.name()
		names = append(names, name)
	}
	return names
}
