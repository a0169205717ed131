package tlsread

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

// A KeyLog holds secrets of TLS connections. Its zero value is empty and ready. Only one goroutine may use it
// at a time.
type KeyLog struct {
	// Missing is called where a secret is looked for that is not there, and reports whether it has added any
	// by More. A capture may be read sooner than a program writes its secrets. It may be nil.
	Missing func() bool

	sessions map[random]*secrets
	resumed  map[string][]byte // master secrets of TLS 1.2 by ticket or session ID, of connections that were read
}

// A random is the random of a client's hello, by which a key log names a connection.
type random [32]byte

// secrets are those of one connection; nil where they are not known.
type secrets [kinds][]byte

// The kinds of secrets.
const (
	master          = iota // of TLS 1.2
	early                  // of the client's early data
	clientHandshake        // the handshake secrets are beside each other, and so are the traffic secrets
	serverHandshake
	clientTraffic
	serverTraffic
	kinds
)

// kindOf returns the kind of a secret by its label (RFC 9850 §2.1); ok is false for those that are not used.
func kindOf(label string) (kind int, ok bool) {
	switch label {
	case "CLIENT_RANDOM":
		return master, true
	case "CLIENT_EARLY_TRAFFIC_SECRET":
		return early, true
	case "CLIENT_HANDSHAKE_TRAFFIC_SECRET":
		return clientHandshake, true
	case "SERVER_HANDSHAKE_TRAFFIC_SECRET":
		return serverHandshake, true
	case "CLIENT_TRAFFIC_SECRET_0":
		return clientTraffic, true
	case "SERVER_TRAFFIC_SECRET_0":
		return serverTraffic, true
	}
	return 0, false
}

// Bounds of a key log.
const (
	maxSessions = 1 << 18
	maxResumed  = 1 << 14
	maxSecret   = 64 // bytes
)

// errNoSecrets means that a text is not a key log, or an empty one.
var errNoSecrets = errors.New("no secrets of TLS in it: want lines such as CLIENT_TRAFFIC_SECRET_0, CLIENT_RANDOM, as programs write them to the file that SSLKEYLOGFILE names")

// Read adds the secrets of a key log in the format of NSS (RFC 9850). Lines with other labels are ignored, and
// so is a last line that is not complete: the program may still be writing it. An error names the line, and
// nothing of it.
func (k *KeyLog) Read(src io.Reader) error {
	found, err := k.read(src)
	if err == nil && !found {
		return errNoSecrets
	}
	return err
}

// More adds the secrets that a program has written to its key log since: whole lines, of which none needs to
// have a secret. Where there are too many connections, it forgets those from before.
func (k *KeyLog) More(src io.Reader) error {
	if len(k.sessions) >= maxSessions/2 {
		clear(k.sessions)
	}
	_, err := k.read(src)
	return err
}

// read reads the lines of a key log, and reports whether it has found a secret.
func (k *KeyLog) read(src io.Reader) (found bool, err error) {
	lines := bufio.NewScanner(src)
	lines.Split(wholeLines)
	for number := 1; lines.Scan(); number++ {
		kept, err := k.line(bytes.TrimSpace(lines.Bytes()))
		if err != nil {
			return found, fmt.Errorf("line %d: %w", number, err)
		}
		found = found || kept
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return found, errNoSecrets
	} else if err != nil {
		return found, err
	}
	return found, nil
}

// wholeLines splits like bufio.ScanLines, and drops a last line without its end if it is cut.
func wholeLines(b []byte, last bool) (advance int, token []byte, err error) {
	advance, token, err = bufio.ScanLines(b, last)
	if last && advance == len(b) && len(b) > 0 && b[len(b)-1] != '\n' && !whole(bytes.Fields(token)) {
		return advance, nil, err
	}
	return advance, token, err
}

// whole reports whether a line has a secret of a usual length.
func whole(words [][]byte) bool {
	if len(words) != 3 {
		return false
	}
	n := len(words[2])
	return n == 2*32 || n == 2*48
}

// line takes one line. It reports whether that has a secret.
func (k *KeyLog) line(line []byte) (kept bool, err error) {
	words := bytes.Fields(line)
	if len(words) == 0 || words[0][0] == '#' {
		return false, nil
	}
	kind, ok := kindOf(string(words[0]))
	if !ok {
		return false, nil
	}
	if len(words) != 3 || len(words[1]) != 2*len(random{}) || len(words[2]) > 2*maxSecret {
		return false, errors.New("want a label, 64 hexadecimal digits and a secret")
	}
	var id random
	secret := make([]byte, hex.DecodedLen(len(words[2])))
	if _, err := hex.Decode(id[:], words[1]); err != nil {
		return false, errors.New("the random of the client is not hexadecimal")
	}
	if _, err := hex.Decode(secret, words[2]); err != nil || len(secret) < 32 {
		return false, errors.New("the secret is not at least 64 hexadecimal digits")
	}
	s := k.sessions[id]
	if s == nil {
		if len(k.sessions) >= maxSessions {
			return false, fmt.Errorf("a key log of more than %d connections is not read: keep only the lines that belong to the capture", maxSessions)
		}
		if k.sessions == nil {
			k.sessions = map[random]*secrets{}
		}
		s = new(secrets)
		k.sessions[id] = s
	}
	s[kind] = secret
	return true, nil
}

// Expected reports whether there are secrets, or may be some when they are looked for.
func (k *KeyLog) Expected() bool { return !k.Empty() || k.Missing != nil }

// Empty reports whether there are no secrets.
func (k *KeyLog) Empty() bool { return len(k.sessions) == 0 }

// find returns a secret of a connection; nil without one.
func (k *KeyLog) find(id random, kind int) []byte {
	for range maxMissing {
		if s := k.sessions[id]; s != nil && s[kind] != nil {
			return s[kind]
		}
		if k.Missing == nil || !k.Missing() {
			return nil
		}
	}
	return nil
}

// maxMissing is how often a secret is looked for. Others may be added in the meantime.
const maxMissing = 8

// remember keeps the master secret of a session that may be resumed (RFC 5246 §7.3, RFC 5077).
func (k *KeyLog) remember(session string, secret []byte) {
	if session == "" || secret == nil {
		return
	}
	if k.resumed == nil || len(k.resumed) >= maxResumed {
		k.resumed = map[string][]byte{}
	}
	k.resumed[session] = secret
}
