package flow_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
)

func TestMain(m *testing.M) { aiotest.VerifyMain(m) }

var (
	errTest  = errors.New("an error of the test's")
	errOther = errors.New("another error of the test's")
)

// outcome is how a loop ended.
type outcome struct {
	took   time.Duration
	events []aio.Event
	err    error
	panic  any
}

// bubble runs main in the loop, nil being one that catches panics, in a
// synctest bubble.
func bubble(t *testing.T, l *aio.Loop, main func(ctx context.Context, t *testing.T)) (o outcome) {
	t.Helper()
	if l == nil {
		l = &aio.Loop{CatchPanics: true}
	}
	l.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	if l.OnEvent == nil {
		l.OnEvent = func(e aio.Event) { o.events = append(o.events, e) }
	}
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		defer func() {
			o.took, o.panic = time.Since(begin), recover()
		}()
		o.err = l.Run(context.Background(), func(ctx context.Context) error {
			main(ctx, t)
			return nil
		})
	})
	return o
}

// clean is bubble for a loop that must end without an error or event.
func clean(t *testing.T, main func(ctx context.Context, t *testing.T)) (took time.Duration) {
	t.Helper()
	o := bubble(t, nil, main)
	if o.err != nil || len(o.events) > 0 || o.panic != nil {
		t.Errorf("Run: %v, panic %v, events %v", o.err, o.panic, o.events)
	}
	return o.took
}

// gauge counts what runs at once.
type gauge struct {
	mu             sync.Mutex
	now, most, all int
}

// in notes that one more runs, until the returned function is called.
func (g *gauge) in() (out func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now++
	g.all++
	g.most = max(g.most, g.now)
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.now--
	}
}

// count yields 0, 1, 2 and so on without end, and keeps how many it was asked
// for.
func count(read *atomic.Int64) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := 0; ; i++ {
			read.Add(1)
			if !yield(i) {
				return
			}
		}
	}
}

// upTo yields 0 to n-1.
func upTo(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

// isPanic reports whether err is a panic with the given value.
func isPanic(err error, value any) bool {
	var p *aio.PanicError
	return errors.As(err, &p) && p.Value == value
}

// inFlight returns the names of what is in flight in ctx's loop, of the given
// kind.
func inFlight(ctx context.Context, kind string) (names []string) {
	for i := range aio.LoopOf(ctx).Ops() {
		if i.Kind.String() == kind {
			names = append(names, i.Name)
		}
	}
	slices.Sort(names)
	return names
}

// limiterFunc is a function as a Limiter.
type limiterFunc func(ctx context.Context) error

func (f limiterFunc) Wait(ctx context.Context) error { return f(ctx) }
