package config

// What is read of the WebSocket frames in tunnels.
const (
	framesOff   = "off"   // the first bytes after the 101
	FramesFacts = "facts" // the head of each frame, to the end of the tunnel
)

func checkFrames(key, text string, fault func(key, format string, v ...any)) {
	if text != framesOff && text != FramesFacts {
		fault(key, "must be off or facts, not %q", text)
	}
}
