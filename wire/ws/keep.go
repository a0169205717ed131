package ws

import (
	"compress/flate"
	"sync"
	"sync/atomic"
)

// Keep says what is kept of the messages of tunnels. The zero value keeps shapes, within the bounds by
// default.
type Keep struct {
	Data    bool // keep the data of messages, and not only their shapes
	Message int  // bytes of a message, at most MaxMessageBytes; 0: MessageBytes
	Tunnel  int  // bytes of a tunnel, at most MaxTunnelBytes; 0: TunnelBytes
	Memory  *Memory
}

// A Memory bounds what all tunnels that share it keep at the same time: their messages, compressed
// messages under way, and what later ones need to be decompressed. A nil Memory has no bound.
type Memory struct {
	Limit int64 // bytes; 0: no limit
	used  atomic.Int64
	idle  sync.Pool // of *inflating
}

// Used returns how many bytes are in use.
func (m *Memory) Used() int64 { return m.used.Load() }

// take takes n bytes. It is false if there is no room for them.
func (m *Memory) take(n int) bool {
	if m == nil {
		return true
	}
	if m.used.Add(int64(n)) > m.Limit && m.Limit > 0 {
		m.used.Add(-int64(n))
		return false
	}
	return true
}

func (m *Memory) give(n int) {
	if m != nil {
		m.used.Add(-int64(n))
	}
}

// An inflating is what is needed while a message is decompressed.
type inflating struct {
	source compressed
	reader flate.Resetter
	chunk  [4 << 10]byte
}

func (m *Memory) inflating() *inflating {
	if m != nil {
		if i, ok := m.idle.Get().(*inflating); ok {
			return i
		}
	}
	i := new(inflating)
	i.reader, _ = flate.NewReader(&i.source).(flate.Resetter) // its documentation says that it is one
	return i
}

func (m *Memory) putInflating(i *inflating) {
	if m != nil {
		i.source = compressed{}
		m.idle.Put(i)
	}
}
