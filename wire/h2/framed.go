package h2

// Framed reports whether bytes from the middle of a connection are whole frames, so that they can hardly be
// anything else than HTTP/2.
func Framed(b []byte) bool {
	if len(b) < HeadSize {
		return false
	}
	for len(b) > 0 {
		h, ok := ReadHead(b)
		if t := h.Kind(); !ok || t == Other || t.wrongLength(h) || h.Length > minMaxFrame || len(b) < HeadSize+int(h.Length) ||
			(t == Settings || t == Ping || t == GoAway) != (h.Stream == 0) && t != WindowUpdate || b[5]&0x80 != 0 {
			return false
		}
		b = b[HeadSize+h.Length:]
	}
	return true
}
