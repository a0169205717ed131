package rules

// rulingBytes is about how much memory a ruling and its exchange take beside the bytes of the wire.
const rulingBytes = 2 << 10

// Bytes returns about how many bytes of memory the ruling and its exchange take. It is what bounds on evidence are counted in.
func (r *Ruling) Bytes() int64 { return int64(rulingBytes + r.X.Bytes()) }
