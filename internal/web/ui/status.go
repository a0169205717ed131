package ui

import "net/http"

// statusView is how everything is.
type statusView struct {
	Status
	Changed   []Setting `json:"-"` // what is not as it is by default
	Defaults  []Setting `json:"-"`
	CanPause  bool      `json:"-"`
	CanReload bool      `json:"-"`
}

func (u *site) status(*http.Request) (sheet, error) {
	v := statusView{CanPause: u.Pause != nil, CanReload: u.Reload != nil}
	if u.Status != nil {
		v.Status = u.Pages.Status()
	}
	for _, c := range v.Config {
		if c.Origin == "default" || c.Origin == "" {
			v.Defaults = append(v.Defaults, c)
		} else {
			v.Changed = append(v.Changed, c)
		}
	}
	return sheet{Title: "Status", View: v}, nil
}
