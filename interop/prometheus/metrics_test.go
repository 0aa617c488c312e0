// Package prometheus has Prometheus' own parsers read what live.Metrics writes.
package prometheus

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.uber.org/goleak"

	"goaio.example/aio"
	"goaio.example/aio/live"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// served calls fn with the metrics of a loop that has had operations.
func served(t *testing.T, fn func(m *live.Metrics)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { serve(t, fn) })
}

func serve(t *testing.T, fn func(m *live.Metrics)) {
	loop := &aio.Loop{Name: "a \"loop\"\\\n\xff", OnEvent: func(aio.Event) {}}
	m := &live.Metrics{Loop: loop}
	m.Observe()
	err := loop.Run(t.Context(), func(ctx context.Context) error {
		aio.Spawn(ctx, "bad", func(context.Context) error { return errors.New("no") })
		_, err := aio.Go(ctx, "good", func(context.Context) (int, error) { return 1, nil }).Await(ctx)
		synctest.Wait()
		fn(m)
		return err
	})
	if err != nil {
		t.Errorf("Run: %v", err)
	}
}

func get(m *live.Metrics, accept string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	m.ServeHTTP(w, r)
	return w
}

func TestText(t *testing.T) {
	served(t, func(m *live.Metrics) {
		w := get(m, "text/plain")
		if f := expfmt.ResponseFormat(w.Header()); f.FormatType() != expfmt.TypeTextPlain {
			t.Errorf("the format is %q", f)
		}
		p := expfmt.NewTextParser(model.LegacyValidation)
		all, err := p.TextToMetricFamilies(w.Body)
		if err != nil {
			t.Fatalf("p.TextToMetricFamilies: %v", err)
		}
		byKind := func(f *dto.MetricFamily, kind string) *dto.Metric {
			for _, metric := range f.GetMetric() {
				for _, l := range metric.GetLabel() {
					if l.GetName() == "kind" && l.GetValue() == kind {
						return metric
					}
				}
			}
			t.Fatalf("no %s of %s", f.GetName(), kind)
			return nil
		}
		if v := byKind(all["goaio_operations_failed_total"], "aio.spawn").GetCounter().GetValue(); v != 1 {
			t.Errorf("%v failed", v)
		}
		h := byKind(all["goaio_operation_duration_seconds"], "aio.go").GetHistogram()
		if h.GetSampleCount() != 1 || len(h.GetBucket()) != 17 {
			t.Errorf("the histogram is %v", h)
		}
		if name := byKind(all["goaio_operations_started_total"], "aio.main").GetLabel()[0].GetValue(); name != "a \"loop\"\\\n\uFFFD" {
			t.Errorf("the loop's name is %q", name)
		}
	})
}

// Prometheus' linter has nothing to say.
func TestLint(t *testing.T) {
	served(t, func(m *live.Metrics) {
		problems, err := promlint.New(get(m, "").Body).Lint()
		if err != nil {
			t.Fatalf("Lint: %v", err)
		}
		for _, p := range problems {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	})
}

func TestOpenMetricsType(t *testing.T) {
	served(t, func(m *live.Metrics) {
		w := get(m, "application/openmetrics-text; version=1.0.0")
		if f := expfmt.ResponseFormat(w.Header()); f.FormatType() == expfmt.TypeTextPlain {
			t.Errorf("the format is %q", f)
		}
	})
}
