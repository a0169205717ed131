package main

import (
	"context"
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
	cmd.Flags().StringVar(&admin, "admin", defaults().Admin, "admin address of the serve to ask ("+variable("admin")+")")
	return cmd
}

func checkHealth(ctx context.Context, admin string) error {
	url := strings.TrimSuffix(admin, "/")
	if !strings.Contains(url, "://") {
		url = "http://" + url
	}
	ctx, stop := context.WithTimeout(ctx, 3*time.Second)
	defer stop()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/healthz", nil)
	if err != nil {
		return usage("admin address %q: %w", admin, err)
	}
	client := http.Client{Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true}}
	response, err := client.Do(q)
	if err != nil {
		return exitError{exitFound, err}
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return exitError{exitFound, unknown("%s answered %s", url, response.Status)}
	}
	return nil
}
