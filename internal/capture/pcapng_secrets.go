package capture

import (
	"bytes"
	"encoding/binary"

	"github.com/interlock-proxy/interlock/internal/tlsread"
)

// secretsIn looks for the secrets of TLS in the blocks of a pcapng file that is written to it. What is wrong
// with a file, others say.
type secretsIn struct {
	log   *tlsread.KeyLog
	order binary.ByteOrder
	head  []byte // of the block at hand: its type, its length, and the first word
	body  []byte // the rest of a block with secrets
	kept  bool   // it is one
	left  uint32 // bytes of the block that have not come
	over  bool   // it is no pcapng any more
}

const (
	blockSection   = 0x0a0d0d0a
	blockSecrets   = 0x0a
	secretsOfTLS   = 0x544c534b
	blockHead      = 12
	maxSecretsHere = 16 << 20 // bytes of one block
)

// Write implements io.Writer.
func (s *secretsIn) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0 && !s.over; {
		if n := min(blockHead-len(s.head), len(rest)); n > 0 {
			s.head = append(s.head, rest[:n]...)
			if rest = rest[n:]; len(s.head) < blockHead {
				break
			}
			s.begin()
			continue
		}
		n := int(min(s.left, uint32(len(rest))))
		if s.kept {
			s.body = append(s.body, rest[:n]...)
		}
		rest = rest[n:]
		if s.left -= uint32(n); s.left == 0 {
			s.end()
		}
	}
	return len(p), nil
}

// begin takes the head of a block.
func (s *secretsIn) begin() {
	if binary.BigEndian.Uint32(s.head) == blockSection {
		if s.order = binary.LittleEndian; binary.BigEndian.Uint32(s.head[8:]) == 0x1a2b3c4d {
			s.order = binary.BigEndian
		}
	}
	if s.order == nil {
		s.over = true
		return
	}
	length := s.order.Uint32(s.head[4:])
	if length < blockHead || length%4 != 0 {
		s.over = true
		return
	}
	s.kept = s.order.Uint32(s.head) == blockSecrets && s.order.Uint32(s.head[8:]) == secretsOfTLS && length <= maxSecretsHere
	if s.left = length - blockHead; s.left == 0 {
		s.end()
	}
}

// end takes the end of a block.
func (s *secretsIn) end() {
	if s.kept && len(s.body) >= 4 {
		text := s.body[4:]
		_ = s.log.Read(bytes.NewReader(text[:min(s.order.Uint32(s.body), uint32(len(text)))])) // others may follow
	}
	s.head, s.body, s.kept = s.head[:0], nil, false
}
