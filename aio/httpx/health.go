package httpx

import "net/http"

// serveReady answers ReadyPath: whether the server should be given requests.
func (s *Server) serveReady(rw http.ResponseWriter) {
	rw.Header().Set("Cache-Control", "no-store")
	switch {
	case s.drains():
		rw.Header().Set("Connection", "close")
		http.Error(rw, "draining", http.StatusServiceUnavailable)
	case !s.ready():
		http.Error(rw, "not ready", http.StatusServiceUnavailable)
	default:
		rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
		rw.Write([]byte("ready\n")) // an error means that nobody waits for it
	}
}

// readiness is serveReady for HTTP/1.
func (s *Server) readiness() *answer {
	a := &answer{status: http.StatusServiceUnavailable, header: http.Header{
		"Cache-Control": {"no-store"}, "Content-Type": {"text/plain; charset=utf-8"},
	}}
	switch {
	case s.drains():
		a.close, a.body = true, []byte("draining\n")
	case !s.ready():
		a.body = []byte("not ready\n")
	default:
		a.status, a.body = http.StatusOK, []byte("ready\n")
	}
	return a
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
