package rules

// A frameFault is a reason for the receiver of a frame to fail the connection. A frame may have
// several.
type frameFault uint8

const (
	faultMask     frameFault = 1 << iota // of a client without a mask, of a server with one
	faultReserved                        // a reserved bit that nothing explains
	faultOpcode
	faultControl
	faultLength
)

// A frameScan is the result of reading what one side sent after the 101, up to the first frame that
// the other side must not accept. What follows that frame is not judged, because its start would be
// a guess.
type frameScan struct {
	count  int // frames that were read, the faulty one among them
	last   frame
	faults frameFault // of the last one
	http   bool       // there is HTTP instead of the first frame
	done   bool       // see scanFrames
}

// scanFrames scans the frames of one side, once for each case.
func scanFrames(c *Case, from Part) *frameScan {
	s := &c.scans[0]
	if from == FromServer {
		s = &c.scans[1]
	}
	if !s.done {
		*s = scanSide(c, from)
		s.done = true
	}
	return s
}

func scanSide(c *Case, from Part) (s frameScan) {
	b, open := sentAfter(c, from), false
	s.http = mayBeHTTP(b, from)
	for f := range frames(b) {
		if mayBeHTTP(b[f.from:], from) {
			return s
		}
		s.count, s.last, s.faults = s.count+1, f, faultsOf(c, f, from, open)
		if s.faults != 0 {
			return s
		}
		if !f.control() {
			open = !f.fin()
		}
	}
	return s
}

// faultsOf returns what is wrong with a frame. open reports whether a message has started.
func faultsOf(c *Case, f frame, from Part, open bool) (faults frameFault) {
	if f.masked != (from == FromClient) {
		faults |= faultMask
	}
	starts := f.opcode() == opText || f.opcode() == opBinary
	if bits := f.first & frameRSV; bits != 0 {
		if deflate, _ := acceptedExtensions(c); !deflate || !starts || bits != frameRSV1 {
			faults |= faultReserved
		}
	}
	if starts && open || f.opcode() == opContinuation && !open || f.opcode() > opBinary && f.opcode() < opClose || f.opcode() > opPong {
		faults |= faultOpcode
	}
	if f.control() && (!f.fin() || f.length > 125) {
		faults |= faultControl
	}
	if !f.minimal || f.length>>63 != 0 {
		faults |= faultLength
	}
	return faults
}
