package run

import (
	"context"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/lab"
)

// Lab runs a server of the lab until the context ends: a backend, or with the address of a backend a proxy in
// front of that.
func Lab(ctx context.Context, w io.Writer, name, listen, backend string) error {
	if backend != "" {
		return labProxy(ctx, w, name, lab.HopConfig{Listen: listen, Backend: backend})
	}
	if _, err := lab.Find(name); err != nil {
		if slices.ContainsFunc(lab.Proxies(), func(p lab.Proxy) bool { return p.Name == name }) {
			return exit.Usage("%s is a proxy: give the address of its backend with --backend, such as --backend 127.0.0.1:9555", name)
		}
		return exit.Usage("%w; interlock lab lists them", err)
	}
	server, err := lab.Listen(name, listen)
	if err != nil {
		return exit.Usage("%w", err)
	}
	defer server.Close()
	fmt.Fprintf(w, "%s (%s) on %s\n", server.Backend.Name, server.Backend.About, server.URL)
	<-ctx.Done()
	return nil
}

func labProxy(ctx context.Context, w io.Writer, name string, c lab.HopConfig) error {
	all := lab.Proxies()
	i := slices.IndexFunc(all, func(p lab.Proxy) bool { return p.Name == name })
	if i < 0 {
		return exit.Usage("find proxy %q: no proxy has that name; interlock lab lists them", name)
	}
	hop, err := lab.RunHop(name, c)
	if err != nil {
		return exit.Usage("%w", err)
	}
	defer hop.Close()
	fmt.Fprintf(w, "%s (%s) on http://%s, in front of %s\n", name, all[i].About, hop.Addr, c.Backend)
	<-ctx.Done()
	return nil
}

// ListLab lists the servers of the lab.
func ListLab(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name string, sound, hostile bool, about string) {
		kind := "unsound"
		switch {
		case hostile:
			kind = "hostile"
		case sound:
			kind = "sound"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", name, kind, about)
	}
	for _, b := range lab.EveryBackend() {
		row(b.Name, b.Sound, b.Hostile, b.About)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(w, "\nproxies, each with --backend ADDRESS"); err != nil {
		return err
	}
	for _, p := range lab.Proxies() {
		row(p.Name, p.Sound, false, p.About)
	}
	return table.Flush()
}
