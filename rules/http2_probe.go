package rules

// The probes in HTTP/2 are made by these functions, from edits of a valid extended CONNECT or, where
// the name of the function ends in Get, of a GET. Each returns a probe of the rule that lists it.

// What a server should do with them.
const (
	wantReset  = "RST_STREAM with PROTOCOL_ERROR, or 400 (other 4xx pass); never 2xx or 101"
	wantRefuse = "501, 400 or another rejection; never 2xx"
)

// malformed2 is a request that a server must treat as malformed (RFC 9113 §8.1.1).
func malformed2(id, label string, edits ...Edit) Probe {
	return probe2(id, label, Refuse400, wantReset, Extended(), edits)
}

// refused2 is a well-formed request that a server should reject.
func refused2(id, label string, edits ...Edit) Probe {
	return probe2(id, label, Refuse, wantRefuse, Extended(), edits)
}

// soft2 is one that a server should reject, and may repair.
func soft2(id, label string, edits ...Edit) Probe {
	p := probe2(id, label, Refuse, wantRefuse+"; a 2xx is a warning", Extended(), edits)
	p.Soft = true
	return p
}

// accepted2 is one that a server should accept.
func accepted2(id, label string, edits ...Edit) Probe {
	return probe2(id, label, Accept, accept2, Extended(), edits)
}

// either2 is one to which several answers are right.
func either2(id, label string, edits ...Edit) Probe {
	return probe2(id, label, Either, "200 or a rejection", Extended(), edits)
}

// malformedGet is a GET that a server must treat as malformed.
func malformedGet(id, label string, edits ...Edit) Probe {
	p := probe2(id, label, Refuse400, wantReset, Plain2(), edits)
	p.Control = HTTP2Plain
	return p
}

// tunnel2 is a valid request that shows what a server does at frames in its tunnel.
func tunnel2(id, label, want string, parts ...StreamPart) Probe {
	return probe2(id, label, Differential, want, Extended(), []Edit{InsideParts(parts...)})
}

// frame2 is a probe of frames in a tunnel over HTTP/2.
func frame2(id, what, sends string) Probe {
	p := frameProbe(id, what, FramesFail, sends)
	p.ID, p.Label, p.Control, p.Edit = "UPGRADE-H2-TUN-"+id, p.Label+" in HTTP/2", HTTP2WebSocket, Extended()
	p.Want = "200, then the tunnel is closed (1002) or reset, no reply to the frame or to a later ping"
	return p
}

func probe2(id, label string, class Class, want string, base Edit, edits []Edit) Probe {
	return Probe{ID: id, Label: label, Class: class, Want: want, Control: HTTP2WebSocket, Edit: Edits(append([]Edit{base}, edits...)...)}
}

// breaking names further rules that a server breaks that accepts the probe.
func (p Probe) breaking(ids ...string) Probe {
	p.Also = ids
	return p
}

// h1Offer adds the headers of a handshake of HTTP/1.1.
func h1Offer() Edit {
	return Edits(FieldAlso("connection", "Upgrade"), FieldAlso("upgrade", "websocket"), keyLines())
}

// h1OfferH2C adds the headers of an offer of h2c.
func h1OfferH2C() Edit {
	return Edits(FieldAlso("connection", "Upgrade, HTTP2-Settings"), FieldAlso("upgrade", "h2c"), FieldAlso("http2-settings", h2cSettings))
}

// asking asks for paths in a tunnel of h2c, where one is opened, and outside of it.
func (p Probe) asking() Probe {
	p.Edit, p.Twins = Edits(p.Edit, func(h *Handshake) { h.Asks = insides(h) }), outsideTwins(Plain2())
	return p
}
