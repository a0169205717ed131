package main

import (
	"context"
	"crypto/tls"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func healthcheckCommand() *cobra.Command {
	var admin string
	cmd := &cobra.Command{
		Use: "healthcheck", Short: "ask a running serve whether it is alive (for images without a shell)", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if text := os.Getenv(variable("admin")); text != "" && !cmd.Flags().Changed("admin") {
				admin = text
			}
			return checkHealth(cmd.Context(), admin)
		},
	}
	cmd.Flags().StringVar(&admin, "admin", defaults().Admin.Listen, "admin address of the serve to ask ("+variable("admin")+")")
	return cmd
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
		return 0, usage("admin address %q: %w", url, err)
	}
	client := http.Client{Transport: &http.Transport{
		Proxy: nil, DisableKeepAlives: true,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // nothing secret is sent, and whoever answers wrongly is not alive
	}}
	response, err := client.Do(q)
	if err != nil {
		return 0, exitError{exitFound, err}
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return response.StatusCode, exitError{exitFound, unknown("%s answered %s", url, response.Status)}
	}
	return response.StatusCode, nil
}
