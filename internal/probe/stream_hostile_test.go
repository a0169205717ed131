package probe

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// greeting2 is a SETTINGS frame that offers extended CONNECT.
func greeting2() []byte {
	var out bytes.Buffer
	_ = http2.NewFramer(&out, nil).WriteSettings(http2.Setting{ID: http2.SettingEnableConnectProtocol, Val: 1})
	return out.Bytes()
}

// frame2 is a frame of any kind.
func frame2(kind, flags byte, stream uint32, payload []byte) []byte {
	head := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, flags}
	return append(binary.BigEndian.AppendUint32(head, stream), payload...)
}

// bomb2 is a response whose headers are many times as long as it is.
func bomb2() []byte {
	var block bytes.Buffer
	e := hpack.NewEncoder(&block)
	_ = e.WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
	_ = e.WriteField(hpack.HeaderField{Name: "x-bomb", Value: string(bytes.Repeat([]byte{'a'}, 3500))})
	return append(block.Bytes(), bytes.Repeat([]byte{0x80 | 62}, 12<<10)...)
}

// TestHostileHTTP2 probes servers that send what no server sends. Each run ends, with exchanges of a
// bounded size.
func TestHostileHTTP2(t *testing.T) {
	endless := func(c *guest, next func() []byte) {
		for {
			if _, err := c.Write(next()); err != nil {
				return
			}
		}
	}
	random, noise := rand.New(rand.NewPCG(1, 2)), make([]byte, 4<<10)
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	for name, answer := range map[string]func(c *guest){
		"silence":  func(c *guest) { _, _ = c.br.ReadByte(); _, _ = c.br.Discard(1 << 20) },
		"greeting": func(c *guest) { _, _ = c.br.Discard(1 << 20) },
		"noise":    func(c *guest) { _, _ = c.Write(noise); _, _ = c.br.Discard(1 << 20) },
		"continuation": func(c *guest) {
			_, _ = c.Write(frame2(1, 0, 1, []byte{0x88}))
			endless(c, func() []byte { return frame2(9, 0, 1, bytes.Repeat([]byte{0x88}, 1<<10)) })
		},
		"bomb": func(c *guest) {
			_, _ = c.Write(frame2(1, 4, 1, bomb2()))
			endless(c, func() []byte { return frame2(1, 4, 3, bomb2()) })
		},
		"interim": func(c *guest) { endless(c, func() []byte { return frame2(1, 4, 1, []byte{0x08, 3, '1', '0', '3'}) }) },
		"pushes":  func(c *guest) { endless(c, func() []byte { return frame2(5, 4, 1, []byte{0, 0, 0, 2, 0x82}) }) },
		"settings": func(c *guest) {
			endless(c, func() []byte { return frame2(4, 0, 0, []byte{0, 1, 0, 0, 0, 0}) })
		},
		"data": func(c *guest) {
			_, _ = c.Write(frame2(1, 4, 1, []byte{0x88}))
			endless(c, func() []byte { return frame2(0, 0, 1, bytes.Repeat([]byte{0x81, 0x7f}, 4<<10)) })
		},
		"resets": func(c *guest) { endless(c, func() []byte { return frame2(3, 0, 1, []byte{0, 0, 0, 1}) }) },
	} {
		t.Run(name, func(t *testing.T) {
			b := serve(t, func(c *guest) {
				if name != "silence" {
					_, _ = c.Write(greeting2())
				}
				answer(c)
			})
			probes := slices.DeleteFunc(rules.Probes(), func(p *rules.Probe) bool {
				return !slices.Contains([]string{"CTRL-H2-WS", "UPGRADE-H2-DESYNC-NUL", "UPGRADE-H2-PAIR-CLOSE", "UPGRADE-H2-PROTO-H2C"}, p.ID)
			})
			target := b.target()
			largest := 0
			_, err := Run(context.Background(), target, Settings{HTTP: HTTP2, Head: 50 * time.Millisecond, Tail: 20 * time.Millisecond, Return: 10 * time.Millisecond}, probes,
				func(x *wire.Exchange) { largest = max(largest, x.Bytes()) }, nil)
			if name == "silence" != (err != nil) {
				t.Errorf("the run ended with %v", err)
			}
			if most := 4 * wire.MaxHead; largest > most {
				t.Errorf("an exchange has %d bytes, want at most %d", largest, most)
			}
		})
	}
}
