package live_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/live"
	"goaio.example/aio/timer"
)

// value returns the value of the one sample of a metric that has the labels.
func value(t *testing.T, all map[string]*parsedFamily, family, suffix string, labels ...string) float64 {
	t.Helper()
	f := all[family]
	if f == nil {
		t.Fatalf("no %s", family)
	}
	var found []float64
	for _, s := range f.samples {
		fits := s.name == suffix
		for i := 0; i < len(labels); i += 2 {
			fits = fits && (s.labels[labels[i]] == labels[i+1] || labels[i] == "le" && s.le == labels[i+1])
		}
		if fits {
			found = append(found, s.value)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d samples of %s%s %q", len(found), family, suffix, labels)
	}
	return found[0]
}

const openMetrics = "application/openmetrics-text; version=1.0.0"

func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loop := &aio.Loop{Name: "a \"loop\"\\\n\xff", OnEvent: func(aio.Event) {}, Logger: quiet}
		var before atomic.Int64
		loop.Observe.Took = func(aio.Kind, time.Duration) { before.Add(1) }
		m := &live.Metrics{Loop: loop}
		m.Observe()
		page := &live.Page{Loop: loop, Metrics: m}
		err := loop.Run(t.Context(), func(ctx context.Context) error {
			aio.Spawn(ctx, "bad", func(context.Context) error { return errors.New("no") })
			timer.Sleep(ctx, 3*time.Millisecond)
			_, err := aio.Go(ctx, "slow", func(ctx context.Context) (int, error) { return 0, timer.Sleep(ctx, 2*time.Second) }).Await(ctx)
			hold(ctx, 3, "held")
			synctest.Wait()
			for _, open := range []bool{false, true} {
				w := ask(page, "GET", "/metrics", func(r *http.Request) {
					if open {
						r.Header.Set("Accept", openMetrics+",text/plain;q=0.5")
					}
				})
				if got := w.Header().Get("Content-Type"); strings.HasPrefix(got, "application/openmetrics-text; version=1.0.0;") != open ||
					strings.HasPrefix(got, "text/plain; version=0.0.4;") == open {
					t.Errorf("the type is %s", got)
				}
				all, err := parseMetrics(w.Body.String(), open)
				if err != nil {
					t.Fatalf("%v in\n%s", err, w.Body)
				}
				checkMetrics(t, all, open)
			}
			loop.Cancel(nil)
			return err
		})
		if err != nil {
			t.Errorf("Run: %v", err)
		}
		// main, bad, slow, and 3 that were held
		if n := before.Load(); n != loop.Stats().Ended || n != 6 {
			t.Errorf("the observer that was there was told of %d ends", n)
		}
	})
}

func checkMetrics(t *testing.T, all map[string]*parsedFamily, open bool) {
	t.Helper()
	total := func(name string) (family, suffix string) {
		if open {
			return name, "_total"
		}
		return name + "_total", ""
	}
	const loop = "a \"loop\"\\\n\uFFFD"
	if v := value(t, all, "goaio_phase", "", "phase", "running", "loop", loop); v != 1 {
		t.Errorf("phase %v", v)
	}
	if v := value(t, all, "goaio_operations_in_flight", "", "kind", "aio.go"); v != 3 {
		t.Errorf("%v in flight", v)
	}
	family, suffix := total("goaio_operations_started")
	if v := value(t, all, family, suffix, "kind", "aio.go"); v != 4 {
		t.Errorf("%v started", v)
	}
	family, suffix = total("goaio_operations_failed")
	if v := value(t, all, family, suffix, "kind", "aio.spawn", "loop", loop); v != 1 {
		t.Errorf("%v failed", v)
	}
	for _, name := range []string{"operations_ended", "operations_cancelled", "operations_panicked", "read_bytes", "written_bytes"} {
		family, suffix = total("goaio_" + name)
		value(t, all, family, suffix, "kind", "aio.main")
	}
	for _, name := range []string{"dns_queries", "timers", "http_requests", "futures", "callbacks"} {
		value(t, all, "goaio_"+name, "")
	}
	const took = "goaio_operation_duration_seconds"
	two := "2.5"
	if v := value(t, all, took, "_bucket", "kind", "aio.go", "le", two); v != 1 {
		t.Errorf("%v took up to 2.5 s", v)
	}
	if v := value(t, all, took, "_bucket", "kind", "aio.go", "le", map[bool]string{true: "1.0", false: "1"}[open]); v != 0 {
		t.Errorf("%v took up to 1 s", v)
	}
	if v := value(t, all, took, "_sum", "kind", "aio.go"); v != 2 {
		t.Errorf("%v s in all", v)
	}
	if v := value(t, all, took, "_count", "kind", "aio.spawn"); v != 1 {
		t.Errorf("%v ended", v)
	}
}

// The parser refuses what is wrong.
func TestParserCanFail(t *testing.T) {
	const head = "# HELP a_total A.\n# TYPE a_total counter\n"
	for _, text := range []string{
		head + `a_total{k="v"} 1`, // no newline
		head + "a_total{k=\"v\"} -1\n",
		head + "a_total{k=\"v\"} 1\na_total{k=\"v\"} 1\n",
		head + "a_total{k=\"v\",} 1\n",
		head + "a_total{k=\"v\\x\"} 1\n",
		head + "b_total{k=\"v\"} 1\n",
		head + head,
		"# HELP a A.\n# TYPE a counter\n",
		"# HELP a_total A.\n",
		"# HELP h H.\n# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_sum{} 1\nh_count{} 1\n",
		"# HELP h H.\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_sum{} 1\nh_count{} 1\n",
		"# HELP h H.\n# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum{} 1\nh_count{} 2\n",
	} {
		if _, err := parseMetrics(text, false); err == nil {
			t.Errorf("accepted %q", text)
		}
	}
	if _, err := parseMetrics("# HELP a A.\n# TYPE a gauge\n", true); err == nil {
		t.Error("accepted OpenMetrics without # EOF")
	}
}

// BenchmarkSpawnAwait is the cost of an operation: with nothing, with a tap,
// and with durations.
func BenchmarkSpawnAwait(b *testing.B) {
	for _, c := range []struct {
		name string
		set  func(*aio.Loop)
	}{
		{"unset", func(*aio.Loop) {}},
		{"tap", func(l *aio.Loop) { l.Tap(func(aio.Event) {}) }},
		{"durations", func(l *aio.Loop) { (&live.Metrics{Loop: l}).Observe() }},
	} {
		b.Run(c.name, func(b *testing.B) {
			loop := new(aio.Loop)
			c.set(loop)
			err := loop.Run(b.Context(), func(ctx context.Context) error {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := aio.Go(ctx, "op", func(context.Context) (int, error) { return 1, nil }).Await(ctx); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				b.Errorf("Run: %v", err)
			}
		})
	}
}

func ExampleMetrics() {
	loop := &aio.Loop{Name: "shop"}
	metrics := &live.Metrics{Loop: loop}
	metrics.Observe() // with durations
	err := loop.Run(context.Background(), func(ctx context.Context) error {
		mux := http.NewServeMux()
		mux.Handle("/metrics", metrics) // and serve mux
		return nil
	})
	if err != nil {
		panic(err)
	}
}
