package httpx

import "net/http"

// readiness returns the response to a request for ReadyPath: whether the server
// should be given requests.
func (s *Server) readiness() *answer {
	a := &answer{status: http.StatusServiceUnavailable, header: http.Header{
		"Cache-Control": {"no-store"}, "Content-Type": {"text/plain; charset=utf-8"},
	}}
	switch {
	case s.drains():
		a.close, a.body = true, []byte("draining\n")
	case s.leaves():
		a.body = []byte("leaving\n")
	case !s.ready():
		a.body = []byte("not ready\n")
	default:
		a.status, a.body = http.StatusOK, []byte("ready\n")
	}
	return a
}

// serveReady answers ReadyPath over HTTP/2.
func (s *Server) serveReady(rw http.ResponseWriter, r *http.Request, w *h2Wire) {
	a := s.readiness()
	for name, values := range a.header {
		rw.Header()[name] = values
	}
	rw.WriteHeader(a.status)
	rw.Write(a.body) // an error means that the client is gone
	if s.Done == nil {
		return
	}
	stats := RequestStats{
		Method: r.Method, Path: r.URL.EscapedPath(), Host: r.Host, Proto: r.Proto, Remote: r.RemoteAddr,
		Route: s.ReadyPath, Status: a.status, BytesOut: int64(len(a.body)),
	}
	if r.Method == http.MethodHead {
		stats.BytesOut = 0
	}
	s.tellAtOnce(&w.connCtx, stats)
}

// leaves reports whether the loop is about to drain. Connections are kept then,
// because a balancer may have sent the next request before it knew.
func (s *Server) leaves() bool {
	select {
	case <-s.op.Op().Loop().Leaving():
		return true
	default:
		return false
	}
}

// ready calls Ready. A panic in it is reported, and counts as not ready.
func (s *Server) ready() bool {
	if s.Ready == nil {
		return true
	}
	var err error
	died := s.op.Op().Call(func() { err = s.Ready() }, func(error) {})
	return err == nil && died == nil
}
