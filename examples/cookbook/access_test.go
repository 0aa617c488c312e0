package cookbook_test

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/httpx"
)

// routeMetrics counts requests by route and class of status. There are as many
// routes as the program has, whatever clients ask for.
type routeMetrics struct {
	mu  sync.Mutex
	all map[routeKey]routeFigures
}

type routeKey struct {
	route string
	class int // 2 for 200 to 299, 0 for none
}

type routeFigures struct {
	requests int
	sent     int64
	took     time.Duration
}

func (m *routeMetrics) add(s httpx.RequestStats) {
	key := routeKey{cmp.Or(s.Route, "none"), s.Status / 100}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.all == nil {
		m.all = map[routeKey]routeFigures{}
	}
	f := m.all[key]
	m.all[key] = routeFigures{f.requests + 1, f.sent + s.BytesOut, f.took + s.Duration}
}

// observed returns a server of mux whose requests are logged and counted.
func observed(mux http.Handler, log *slog.Logger, m *routeMetrics) *httpx.Server {
	s := &httpx.Server{Handler: mux, ReadyPath: "/readyz", RequestIDHeader: "X-Request-Id"}
	s.Done = func(r httpx.RequestStats) {
		m.add(r)
		if r.Route == s.ReadyPath {
			return // probes
		}
		level := slog.LevelInfo
		if r.Status >= 500 || r.Err != nil {
			level = slog.LevelError
		}
		log.LogAttrs(r.Context, level, "request",
			slog.String("method", r.Method), slog.String("path", r.Path[:min(len(r.Path), 200)]), slog.String("route", r.Route),
			slog.Int("status", r.Status), slog.String("outcome", r.Outcome.String()), slog.Any("err", r.Err),
			slog.Int64("in", r.BytesIn), slog.Int64("out", r.BytesOut), slog.Duration("took", r.Duration),
			slog.String("remote", r.Remote), slog.String("id", r.ID))
	}
	return s
}

func Example_accessLog() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /users/{id}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "user %s", r.PathValue("id"))
	})
	mux.HandleFunc("GET /bug", func(http.ResponseWriter, *http.Request) { panic("a bug") })
	plain := func(_ []string, a slog.Attr) slog.Attr {
		switch a.Key {
		case slog.TimeKey, "took", "remote", "id":
			return slog.Attr{}
		}
		return a
	}
	log := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: plain}))
	var m routeMetrics
	loop := &aio.Loop{CatchPanics: true, OnEvent: func(aio.Event) {}}
	loop.Run(context.Background(), func(ctx context.Context) error {
		s := observed(mux, log, &m)
		if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
			return err
		}
		for _, path := range []string{"/users/1", "/users/2", "/%22quoted%22", "/bug", "/readyz"} {
			if _, err := httpx.Get(ctx, "http://"+s.Addr().String()+path).Await(ctx); err != nil {
				return err
			}
		}
		return s.Shutdown(ctx)
	})
	for _, k := range slices.SortedFunc(maps.Keys(m.all), func(a, b routeKey) int { return cmp.Compare(a.route, b.route) }) {
		fmt.Printf("%s %dxx: %d requests, %d bytes\n", k.route, k.class, m.all[k].requests, m.all[k].sent)
	}
	// Output:
	// level=INFO msg=request method=GET path=/users/1 route="GET /users/{id}" status=200 outcome=answered err=<nil> in=0 out=6
	// level=INFO msg=request method=GET path=/users/2 route="GET /users/{id}" status=200 outcome=answered err=<nil> in=0 out=6
	// level=INFO msg=request method=GET path=/%22quoted%22 route="" status=404 outcome=answered err=<nil> in=0 out=19
	// level=ERROR msg=request method=GET path=/bug route="GET /bug" status=500 outcome=panicked err="aio: panic: a bug" in=0 out=22
	// /readyz 2xx: 1 requests, 6 bytes
	// GET /bug 5xx: 1 requests, 22 bytes
	// GET /users/{id} 2xx: 2 requests, 12 bytes
	// none 4xx: 1 requests, 19 bytes
}
