package live_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/live"
)

var quiet = slog.New(slog.DiscardHandler)

// ask asks a page, as a program on this machine does.
func ask(h http.Handler, method, target string, edit ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	r.Host, r.RemoteAddr = "localhost:6060", "127.0.0.1:1234"
	for _, fn := range edit {
		fn(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// snapshot asks for a snapshot.
func snapshot(t *testing.T, h http.Handler, query string) (s live.Snapshot) {
	t.Helper()
	w := ask(h, "GET", "/snapshot?"+query)
	if err := json.Unmarshal(w.Body.Bytes(), &s); err != nil {
		t.Fatal(w.Code, err)
	}
	return s
}

// hold starts operations that wait until the loop is cancelled.
func hold(ctx context.Context, n int, name string) {
	for range n {
		aio.Go(ctx, name, func(ctx context.Context) (int, error) {
			<-ctx.Done()
			return 0, nil
		})
	}
}

// sink is the writer of a response that is a stream of events.
type sink struct {
	header http.Header

	mu   sync.Mutex
	text bytes.Buffer
}

func (s *sink) Header() http.Header { return s.header }
func (s *sink) WriteHeader(int)     {}
func (s *sink) Flush()              {}

func (s *sink) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

// take returns the events that have come since the last call.
func (s *sink) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for e := range strings.SplitSeq(s.text.String(), "\n\n") {
		if e != "" {
			out = append(out, e)
		}
	}
	s.text.Reset()
	return out
}

// watch has a stream of a page run until ctx ends, or the stream does.
func watch(ctx context.Context, h http.Handler, query string) (s *sink, done <-chan struct{}) {
	s = &sink{header: http.Header{}}
	return s, serveStream(ctx, h, s, query)
}

// serveStream has a stream of a page, with the parameters of a query, go to w.
func serveStream(ctx context.Context, h http.Handler, w http.ResponseWriter, query ...string) <-chan struct{} {
	done := make(chan struct{})
	r := httptest.NewRequestWithContext(ctx, "GET", "/events?"+strings.Join(query, "&"), nil)
	r.Host, r.RemoteAddr = "localhost", "127.0.0.1:1234"
	go func() {
		defer close(done)
		h.ServeHTTP(w, r)
	}()
	return done
}
