package ui

import (
	"net/http"

	"github.com/interlock-proxy/interlock/internal/tunnel"
	"github.com/interlock-proxy/interlock/wire/ws"
)

// maxTunnels is how many open tunnels are shown.
const maxTunnels = 100

// tunnelsView are the tunnels that are open now, the latest first.
type tunnelsView struct {
	Open    int          `json:"open"`
	Tunnels []openTunnel `json:"tunnels"`
	Known   bool         `json:"-"` // this process has a proxy whose tunnels it can list
	Linked  bool         `json:"-"` // exchanges have pages
}

// An openTunnel is a row.
type openTunnel struct {
	tunnel.Open
}

// ClientFrames is how many frames the client has sent.
func (t *openTunnel) ClientFrames() int64 { return t.Frames.Sides[ws.Client].All().Frames }

// ServerFrames is how many the server has sent.
func (t *openTunnel) ServerFrames() int64 { return t.Frames.Sides[ws.Server].All().Frames }

// tunnels lists open tunnels.
func (u *site) tunnels(*http.Request) (sheet, error) {
	v := &tunnelsView{Tunnels: []openTunnel{}, Known: u.Tunnels != nil, Linked: u.Store != nil}
	out := sheet{Title: "Tunnels", View: v}
	if !v.Known {
		return out, nil
	}
	var all []tunnel.Open
	all, v.Open = tunnel.List(u.Tunnels, u.Audit.OptionsOf, maxTunnels)
	for _, t := range all {
		v.Tunnels = append(v.Tunnels, openTunnel{t})
	}
	if u.Events != "" {
		out.Follow, out.Names = u.Events+"?tunnels=true", []string{"tunnels"}
	}
	return out, nil
}
