package ui

import "net/http"

// statusView is how everything is.
type statusView struct {
	Status
	CanPause  bool `json:"-"`
	CanReload bool `json:"-"`
}

func (u *site) status(*http.Request) (sheet, error) {
	v := statusView{CanPause: u.Pause != nil, CanReload: u.Reload != nil}
	if u.Status != nil {
		v.Status = u.Pages.Status()
	}
	return sheet{Title: "Status", View: v}, nil
}
