package config

import (
	"os"
	"strings"
)

// Variable is the environment variable of a flag.
func Variable(flag string) string {
	return "INTERLOCK_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// LookupVariable is the value of the environment variable of a flag.
func LookupVariable(flag string) (string, bool) { return os.LookupEnv(Variable(flag)) }
