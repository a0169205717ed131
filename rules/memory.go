package rules

// rulingBytes is the approximate size of a ruling and its exchange, besides the bytes of the wire.
const rulingBytes = 2 << 10

// Bytes returns roughly how many bytes of memory the ruling and its exchange use. Limits on
// evidence count in it.
func (r *Ruling) Bytes() int64 { return int64(rulingBytes + r.X.Bytes()) }
