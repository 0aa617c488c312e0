package httpx

import "net/http"

// serveReady answers ReadyPath: whether the server should be given requests.
func (s *Server) serveReady(rw http.ResponseWriter) {
	rw.Header().Set("Cache-Control", "no-store")
	switch {
	case s.drains():
		rw.Header().Set("Connection", "close")
		http.Error(rw, "draining", http.StatusServiceUnavailable)
	case s.leaves():
		http.Error(rw, "leaving", http.StatusServiceUnavailable)
	case !s.ready():
		http.Error(rw, "not ready", http.StatusServiceUnavailable)
	default:
		rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
		rw.Write([]byte("ready\n")) // an error means that nobody waits for it
	}
}

// leaves reports whether the loop is about to drain. The connection goes on
// then: its next request may be one that a balancer has sent before it knew.
func (s *Server) leaves() bool {
	select {
	case <-s.op.Op().Loop().Leaving():
		return true
	default:
		return false
	}
}

// ready asks Ready. A panic in it has been told of, and is a no.
func (s *Server) ready() bool {
	if s.Ready == nil {
		return true
	}
	var err error
	died := s.op.Op().Call(func() { err = s.Ready() }, func(error) {})
	return err == nil && died == nil
}
