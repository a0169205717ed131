package server

import (
	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/web/ui"
)

// shownSettings returns the configuration without secrets.
func shownSettings(c *config.Config) []ui.Setting {
	var all []ui.Setting
	for _, s := range c.Settings() {
		all = append(all, ui.Setting{Key: s.Key, Value: s.Shown(), Origin: c.Origin.Source(s.Key)})
	}
	return all
}

// changes returns the differences between two configurations, without secrets.
func changes(was, is *config.Config) []ui.Change {
	before, after := map[string]config.Setting{}, map[string]config.Setting{}
	var keys []string
	for _, s := range was.Settings() {
		before[s.Key] = s
		keys = append(keys, s.Key)
	}
	for _, s := range is.Settings() {
		if after[s.Key] = s; before[s.Key].Key == "" {
			keys = append(keys, s.Key)
		}
	}
	var all []ui.Change
	for _, key := range keys {
		if before[key].Value == after[key].Value {
			continue
		}
		c := ui.Change{Key: key, Old: before[key].Shown(), New: after[key].Shown(), Held: len(config.Unchangeable([]string{config.TopOf(key)})) > 0}
		if c.Old == c.New {
			c.New += " (what is not shown has changed)"
		}
		all = append(all, c)
	}
	return all
}
