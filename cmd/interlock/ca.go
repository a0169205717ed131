package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/ca"
	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/proxy"
)

func caCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "ca", Example: "  interlock ca create --for staging.example\n  interlock ca export > interlock-ca.pem", Short: "Manage the certificate authority of the forward listener",
		Long: "The forward listener terminates TLS of its clients with certificates that this authority signs (key forward.ca).\nWhoever has its private key can impersonate the hosts that it may sign for.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var dir string
	cmd.PersistentFlags().StringVar(&dir, "dir", "", "`directory` of the authority (default the state directory)")
	at := func() (string, error) {
		if dir != "" {
			return dir, nil
		}
		return ca.Dir()
	}
	cmd.AddCommand(caCreateCommand(at), caShowCommand(at), caExportCommand(at))
	return cmd
}

func caCreateCommand(at func() (string, error)) *cobra.Command {
	var hosts []string
	var file string
	var anyHost bool
	var days int
	cmd := &cobra.Command{
		Use: "create", Short: "Create an authority with a new key", Args: cobra.NoArgs,
		Long:    "Create an authority with a new key (ECDSA, P-256) that only you can read. It can sign for the named hosts and\ntheir subdomains only. Existing files are never overwritten.",
		Example: "  interlock ca create --for staging.example --for 10.0.0.5\n  interlock ca create --config interlock.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			constraints, err := vouchedHosts(hosts, file, anyHost)
			if err != nil {
				return err
			}
			if days < 1 || days > 3650 {
				return exit.Usage("--days: %d is not between 1 and 3650", days)
			}
			where, err := at()
			if err != nil {
				return exit.Usage("%w", err)
			}
			a, err := ca.Create(where, constraints, time.Duration(days)*24*time.Hour)
			if err != nil {
				return exit.Usage("%w", err)
			}
			return describeAuthority(cmd.OutOrStdout(), where, a)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&hosts, "for", nil, "`host` to sign for: a name, a glob or an address")
	f.StringVar(&file, "config", "", "sign for the hosts of this configuration `file`")
	f.BoolVar(&anyHost, "any-host", false, "sign for every host")
	f.IntVar(&days, "days", 365, "days until the authority expires")
	return cmd
}

// vouchedHosts returns the hosts that an authority may sign for; nil: everything.
func vouchedHosts(hosts []string, file string, anyHost bool) ([]string, error) {
	if anyHost {
		if len(hosts) > 0 || file != "" {
			return nil, exit.Usage("--any-host: use it without --for and --config")
		}
		return nil, nil
	}
	entries := append([]string(nil), hosts...)
	if file != "" {
		c, o := config.Defaults(), &config.Origin{}
		if err := o.Read(file, &c); err != nil {
			return nil, err
		}
		if faults := o.Faults(); len(faults) > 0 {
			return nil, faults.Err()
		}
		more, err := c.ForwardHosts()
		if err != nil {
			return nil, err
		}
		entries = append(entries, more...)
	}
	if len(entries) == 0 {
		return nil, exit.Usage("name the hosts that the authority can sign for: --for HOST, --config FILE, or --any-host")
	}
	constraints := []string{}
	for _, entry := range entries {
		host, err := proxy.ParseHost(entry)
		if err != nil {
			return nil, exit.Usage("%w", err)
		}
		constraints = append(constraints, host)
	}
	return constraints, nil
}

// describeAuthority describes an authority.
func describeAuthority(w io.Writer, dir string, a *ca.Authority) error {
	hosts := strings.Join(a.Hosts(), ", ")
	if hosts == "" {
		hosts = "every host"
	}
	_, err := fmt.Fprintf(w, "certificate  %s\nkey          %s\nname         %s\nfingerprint  SHA-256 %s\npublic key   SHA-256 %s\nvalid        %s to %s\nvouches for  %s\n",
		filepath.Join(dir, ca.CertificateFile), filepath.Join(dir, ca.KeyFile), a.Certificate.Subject.CommonName, a.Fingerprint(), a.Pin(),
		a.Certificate.NotBefore.UTC().Format(time.DateTime), a.Certificate.NotAfter.UTC().Format(time.DateTime), hosts)
	return err
}

func caShowCommand(at func() (string, error)) *cobra.Command {
	return &cobra.Command{
		Use: "show", Short: "Show the authority and the hosts that it can sign for", Args: cobra.NoArgs,
		Example: "  interlock ca show",
		RunE: func(cmd *cobra.Command, _ []string) error {
			where, a, err := loadAuthority(at)
			if err != nil {
				return err
			}
			return describeAuthority(cmd.OutOrStdout(), where, a)
		},
	}
}

func loadAuthority(at func() (string, error)) (string, *ca.Authority, error) {
	where, err := at()
	if err != nil {
		return "", nil, exit.Usage("%w", err)
	}
	a, err := ca.Load(where)
	if err != nil {
		return "", nil, exit.Usage("%w", err)
	}
	return where, a, nil
}

func caExportCommand(at func() (string, error)) *cobra.Command {
	var der, page bool
	var name string
	cmd := &cobra.Command{
		Use: "export", Short: "Write the certificate of the authority", Args: cobra.NoArgs,
		Example: "  interlock ca export > interlock-ca.pem\n  interlock ca export --page -o install.html",
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, a, err := loadAuthority(at)
			if err != nil {
				return err
			}
			var text strings.Builder
			switch {
			case page:
				err = a.WritePage(&text, false)
			case der:
				text.Write(a.DER())
			default:
				text.Write(a.PEM())
			}
			if err != nil {
				return exit.Unknown("%w", err)
			}
			if name == "-" {
				_, err = io.WriteString(cmd.OutOrStdout(), text.String())
			} else {
				err = os.WriteFile(name, []byte(text.String()), 0o644)
			}
			if err != nil {
				return exit.Unknown("export authority: %w", err)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.BoolVar(&der, "der", false, "write DER")
	f.Bool("pem", true, "write PEM")
	f.BoolVar(&page, "page", false, "write a page with instructions for each system")
	f.StringVarP(&name, "output", "o", "-", "`file` to write; - is standard output")
	cmd.MarkFlagsMutuallyExclusive("der", "pem", "page")
	return cmd
}
