package aio_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
)

// Nothing here waits on the real clock: what takes time runs in a synctest
// bubble.

const ms = time.Millisecond

var (
	quiet   = slog.New(slog.DiscardHandler)
	errTest = errors.New("test error")
	errStop = errors.New("test cause")
)

// bubble runs main in l (nil: a quiet loop) in a synctest bubble. It returns
// what Run does, and how long that took.
func bubble(t *testing.T, l *aio.Loop, main func(ctx context.Context) error) (took time.Duration, err error) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		start := time.Now()
		err = run(l, main)
		took = time.Since(start)
	})
	return took, err
}

// run runs main in l, nil: a quiet loop.
func run(l *aio.Loop, main func(ctx context.Context) error) error {
	if l == nil {
		l = new(aio.Loop)
	}
	if l.Logger == nil {
		l.Logger = quiet
	}
	return l.Run(context.Background(), main)
}

// must runs main in l, in a bubble, and fails the test if Run does not return
// nil.
func must(t *testing.T, l *aio.Loop, main func(ctx context.Context)) time.Duration {
	t.Helper()
	took, err := bubble(t, l, func(ctx context.Context) error { main(ctx); return nil })
	if err != nil {
		t.Errorf("Run: %v", err)
	}
	return took
}

// recorder records events.
type recorder struct {
	mu  sync.Mutex
	all []aio.Event
}

func (r *recorder) add(e aio.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, e)
}

func (r *recorder) events() []aio.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

// texts returns the errors recorded, with "lost: " before the lost ones.
func (r *recorder) texts() []string {
	var out []string
	for _, e := range r.events() {
		if e.Lost {
			out = append(out, "lost: "+e.Err.Error())
		} else {
			out = append(out, e.Err.Error())
		}
	}
	return out
}

// want checks the errors recorded, in any order.
func (r *recorder) want(t *testing.T, want ...string) {
	t.Helper()
	got := r.texts()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("events: %q, want %q", got, want)
	}
}

// loop returns a loop whose events are recorded.
func (r *recorder) loop() *aio.Loop { return &aio.Loop{Logger: quiet, OnEvent: r.add} }

// sleep waits for d, or until ctx ends: then it returns the cause.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// untilDead is an operation's function that waits until it is cancelled.
func untilDead(ctx context.Context) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

// never is untilDead for Go.
func never(ctx context.Context) (int, error) { return 0, untilDead(ctx) }

// wantErr checks that got is want by errors.Is, nil for nil.
func wantErr(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) || (got == nil) != (want == nil) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// heap returns the bytes of live objects.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// goroutinesWith returns the number of goroutines that have text in their
// stacks.
func goroutinesWith(text string) (n int) {
	buf := make([]byte, 4<<20)
	for stack := range bytes.SplitSeq(buf[:runtime.Stack(buf, true)], []byte("\n\n")) {
		if bytes.Contains(stack, []byte(text)) {
			n++
		}
	}
	return n
}

// protect calls fn and returns what it panics with; "goexit" if it calls
// runtime.Goexit.
func protect(fn func()) (v any) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		v = "goexit"
		defer func() {
			if r := recover(); r != nil {
				v = r
			}
		}()
		fn()
		v = nil
	}()
	<-done
	return v
}

func infoNames(l *aio.Loop) (names []string) {
	for i := range l.Ops() {
		names = append(names, i.Name)
	}
	slices.Sort(names)
	return names
}

func eq[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func fmtResult[T any](i int, r aio.Result[T]) string {
	return fmt.Sprintf("%d %v %v", i, r.Value, r.Err)
}
