package demo

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"sync"
	"time"

	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/server"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/internal/version"
	"github.com/interlock-proxy/interlock/internal/web"
	"github.com/interlock-proxy/interlock/internal/web/ui"
	"github.com/interlock-proxy/interlock/proxy"
)

// A page is the page of the demo, with the store that it shows.
type page struct {
	address net.Addr
	store   *store.Store
	writer  *store.Writer
	server  *web.Server
}

func (p *page) url() string { return "http://" + p.address.String() }

// openPage serves the page. If its address is in use, it chooses a free port.
func (d *Demo) openPage(ctx context.Context, running *sync.WaitGroup) error {
	s, err := store.Open(ctx, "memory", store.Options{Instance: d.audit.Instance})
	if err != nil {
		return err
	}
	ln, err := server.Listen(ctx, "--admin", d.Admin)
	if err != nil {
		if ln, err = server.Listen(ctx, "--admin", "127.0.0.1:0"); err != nil {
			s.Close()
			return err
		}
	}
	p := &page{address: ln.Addr(), store: s, writer: &store.Writer{Store: s}}
	d.audit.Each = p.writer.Write
	prober := d.prober(d.audit, p)
	p.server = &web.Server{Store: s, Audit: d.audit, Status: d.status, Probe: prober, Replay: prober.Replay}
	d.page = p
	running.Go(func() {
		defer s.Close()
		d.errc <- p.writer.Run(ctx)
	})
	running.Go(func() { d.errc <- p.server.Serve(ctx, ln) })
	return nil
}

// settle waits until the store has that many runs and everything before them, for a few seconds at
// most.
func (p *page) settle(ctx context.Context, runs int) {
	ctx, stop := context.WithTimeout(ctx, 10*time.Second)
	defer stop()
	for ctx.Err() == nil {
		if all, err := p.store.Runs(ctx); err != nil || len(all) >= runs && p.writer.State().Waiting == 0 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// prober is a prober that enters its rulings in a, for the backends of the demo.
func (d *Demo) prober(a *audit.Audit, p *page) *server.Prober {
	prober := &server.Prober{Audit: a}
	if p != nil {
		prober = server.NewProber(a, p.store, p.writer)
	}
	c := config.Defaults()
	var backends []*proxy.Backend
	for _, s := range d.sites {
		backends = append(backends, s.relay.Backend)
	}
	prober.Use(&c, backends)
	return prober
}

// status is the status that the page shows.
func (d *Demo) status() ui.Status {
	s := ui.Status{
		State: "demo", Instance: d.audit.Instance, Version: version.String(), Began: d.began, StoreName: "memory",
		Build:    []ui.Setting{{Key: "version", Value: version.String()}, {Key: "go", Value: runtime.Version()}, {Key: "platform", Value: runtime.GOOS + "/" + runtime.GOARCH}},
		Backends: []ui.Backend{}, Health: []ui.Gauge{}, NotAudited: []ui.Gauge{}, Warnings: []string{}, Config: []ui.Setting{},
	}
	sums := d.audit.Sums()
	s.Health = append(s.Health, ui.Gauge{Name: "unsafe switches", Value: fmt.Sprint(sums.Unsafe), Bad: sums.Unsafe > 0, Note: "in live traffic since Interlock started"})
	for i, each := range d.sites {
		if i == 0 {
			s.Proxy = "http://" + each.address
		}
		s.Listeners = append(s.Listeners, ui.Setting{Key: each.name, Value: each.address})
		s.Backends = append(s.Backends, ui.Backend{Route: each.name, Address: each.backend.Addr, Up: true})
		s.Connections += int64(each.relay.Open())
	}
	if d.page != nil {
		s.Listeners = append(s.Listeners, ui.Setting{Key: "admin", Value: d.page.address.String()})
	}
	return s
}
