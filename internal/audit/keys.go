package audit

import "hash/maphash"

// maxKeys is how many handshake keys are remembered: the last ones.
const maxKeys = 1 << 14

// keys remembers on which connection a Sec-WebSocket-Key was seen first. It stores hashes: no key
// stays in memory, and the garbage collector finds no pointers.
type keys struct {
	seed  maphash.Seed
	last  []uint64          // hashes of keys, oldest first, as a ring
	next  int               // where the next one goes
	first map[uint64]uint64 // hash of the first connection of a key, by the key's hash
}

// seenElsewhere reports whether a key has come on another connection, and remembers it.
func (k *keys) seenElsewhere(key, connection string) bool {
	if k.first == nil {
		k.seed, k.first = maphash.MakeSeed(), map[uint64]uint64{}
	}
	h, on := maphash.String(k.seed, key), maphash.String(k.seed, connection)
	if known, ok := k.first[h]; ok {
		return known != on
	}
	if len(k.last) < maxKeys {
		k.last = append(k.last, h)
	} else {
		delete(k.first, k.last[k.next])
		k.last[k.next] = h
	}
	k.next = (k.next + 1) % maxKeys
	k.first[h] = on
	return false
}

func (a *Audit) keySeen(key, connection string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.keys.seenElsewhere(key, connection)
}
