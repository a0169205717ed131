package main

import (
	"context"
	"crypto/tls"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/help"
)

func healthcheckCommand() *cobra.Command {
	var admin string
	cmd := &cobra.Command{
		Use: "healthcheck", Short: "Check that a running serve is alive (for containers)", Args: cobra.NoArgs,
		Example: "  interlock healthcheck\n  interlock healthcheck --admin 127.0.0.1:9426",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("admin") {
				first, _ := os.ReadFile("/proc/1/cmdline") // not there on other systems
				admin = adminOf(strings.Split(string(first), "\x00"))
			}
			return checkHealth(cmd.Context(), admin)
		},
	}
	cmd.Flags().StringVar(&admin, "admin", config.Defaults().Admin.Listen,
		"admin `address` (in a container: that of process 1)")
	help.Variable(cmd, "admin")
	return cmd
}

// adminOf returns the admin address of a serve with that command line, in this environment. For any
// other command line it returns that of a serve without flags.
func adminOf(words []string) string {
	cmd := serveCommand()
	if i := slices.Index(words, cmd.Name()); i > 0 && strings.HasSuffix(words[i-1], "interlock") {
		_ = cmd.ParseFlags(words[i+1:]) // serve runs, so that they are right
	}
	c, _ := loadConfig(cmd) // other errors are for serve to report
	return c.Admin.Listen
}

// checkHealth asks /healthz. Without a scheme it is asked in cleartext and, where that is not spoken, over TLS.
func checkHealth(ctx context.Context, admin string) error {
	ctx, stop := context.WithTimeout(ctx, 3*time.Second)
	defer stop()
	url := strings.TrimSuffix(admin, "/")
	if strings.Contains(url, "://") {
		_, err := askHealth(ctx, url)
		return err
	}
	status, err := askHealth(ctx, "http://"+url)
	if status == http.StatusBadRequest {
		_, err = askHealth(ctx, "https://"+url)
	}
	return err
}

func askHealth(ctx context.Context, url string) (status int, err error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/healthz", nil)
	if err != nil {
		return 0, exit.Usage("admin address %q: %w", url, err)
	}
	client := http.Client{Transport: &http.Transport{
		Proxy: nil, DisableKeepAlives: true,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // no secret is sent, and a wrong answer only means that it is not healthy
	}}
	response, err := client.Do(q)
	if err != nil {
		return 0, exit.Error{Status: exit.StatusFound, Err: err}
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return response.StatusCode, exit.Error{Status: exit.StatusFound, Err: exit.Unknown("%s answered %s", url, response.Status)}
	}
	return response.StatusCode, nil
}
