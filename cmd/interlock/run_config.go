package main

import (
	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/rules"
)

// loadRun reads the flags, the environment and the configuration file.
func loadRun(cmd *cobra.Command) (config.Config, rules.Gate, error) {
	_, gate, err := loadRules(cmd)
	if err != nil {
		return config.Config{}, gate, err
	}
	c, o, err := readConfig(cmd)
	if err != nil {
		return c, gate, err
	}
	return c, gate, c.Check(o)
}
