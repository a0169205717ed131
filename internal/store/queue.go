package store

import (
	"github.com/interlock-proxy/interlock/rules"
)

// A waiting is an exchange that is still to be written.
type waiting struct {
	ruling *rules.Ruling
	size   int64
	then   []*promise
}

// A queue holds exchanges until they are written, each in its latest form. Those that are unsafe
// come first.
type queue struct {
	unsafe []*waiting
	rest   []*waiting
	byID   map[string]*waiting
	bytes  int64
	count  int
}

// The limits of a batch.
const (
	maxBatch      = 1000
	maxBatchBytes = 8 << 20
)

// put adds a ruling, or replaces an earlier report of its exchange. It returns nil if there is no
// room. Rulings that passed may use half of the room, so that some is left for the others.
func (q *queue) put(r *rules.Ruling, bytes int64, count int) *waiting {
	if r.Verdict >= rules.Pass {
		bytes, count = bytes/2, count/2
	}
	size := r.Bytes()
	is := q.byID[r.X.ID]
	switch {
	case is != nil && r.X.Revision < is.ruling.X.Revision:
		return is
	case is != nil:
		q.bytes += size - is.size
		urgent := r.Unsafe && !is.ruling.Unsafe
		is.ruling, is.size = r, size
		if urgent { // it is also in rest, and skipped there
			q.unsafe = append(q.unsafe, is)
		}
		return is
	case q.count >= count || q.bytes+size > bytes:
		return nil
	}
	is = &waiting{ruling: r, size: size}
	if q.byID == nil {
		q.byID = map[string]*waiting{}
	}
	q.byID[r.X.ID] = is
	q.bytes += size
	q.count++
	if r.Unsafe {
		q.unsafe = append(q.unsafe, is)
	} else {
		q.rest = append(q.rest, is)
	}
	return is
}

// take returns the next rulings to write.
func (q *queue) take() (taken []*waiting) {
	bytes := int64(0)
	for _, from := range []*[]*waiting{&q.unsafe, &q.rest} {
		for len(*from) > 0 && len(taken) < maxBatch && bytes < maxBatchBytes {
			is := (*from)[0]
			(*from)[0] = nil
			*from = (*from)[1:]
			if q.byID[is.ruling.X.ID] != is {
				continue
			}
			delete(q.byID, is.ruling.X.ID)
			q.count--
			q.bytes -= is.size
			bytes += is.size
			taken = append(taken, is)
		}
	}
	return taken
}
