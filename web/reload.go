package web

import "net/http"

func (s *Server) reload(w http.ResponseWriter, q *http.Request) {
	if s.Reload == nil {
		refuse(w, http.StatusNotFound, "this process has no configuration that could change")
		return
	}
	changed, err := s.Reload(q.Context())
	if err != nil {
		refuse(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	answer(w, http.StatusOK, map[string][]string{"changed": changed})
}
