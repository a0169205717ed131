package config

import "github.com/interlock-proxy/interlock/wire/ws"

// What is read of the WebSocket frames in tunnels.
const (
	FramesOff      = "off"      // the first bytes after the 101
	framesFacts    = "facts"    // the head of each frame, to the end of the tunnel
	FramesMessages = "messages" // that, and the last messages are kept
)

func frameModes() []string { return []string{FramesOff, framesFacts, FramesMessages} }

func checkFrames(key, text string, fault func(key, format string, v ...any)) {
	if text != FramesOff && text != framesFacts && text != FramesMessages {
		fault(key, "must be off, facts or messages, not %q", text)
	}
}

// checkMessages reports the faults of what frames: messages keeps.
func (c *evidenceConfig) checkMessages(fault func(key, format string, v ...any)) {
	if c.Message < 1 || c.Message > ws.MaxMessageBytes {
		fault("evidence.message_bytes", "must be from 1 to 64KiB")
	}
	if c.Tunnel < c.Message || c.Tunnel > ws.MaxTunnelBytes {
		fault("evidence.tunnel_bytes", "must be from evidence.message_bytes to 512KiB")
	}
	if c.Messages < 1 {
		fault("evidence.messages_bytes", "must be more than 0")
	}
}

// Messages says what frames: messages keeps. All tunnels share its memory.
func (c *Config) Messages() *ws.Keep {
	e := &c.Evidence
	return &ws.Keep{Data: e.Keep == KeepFull, Message: int(e.Message), Tunnel: int(e.Tunnel), Memory: &ws.Memory{Limit: int64(e.Messages)}}
}
