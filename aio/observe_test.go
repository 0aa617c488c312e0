package aio_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"regexp"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
)

// journal is an observer that records its calls.
type journal struct {
	mu    sync.Mutex
	lines []string
	live  map[uint64]string
}

func (j *journal) observer() aio.Observer {
	j.live = map[uint64]string{}
	return aio.Observer{Began: j.began, Ended: j.ended, Event: func(e aio.Event) { j.note("event %v", e.Err) }}
}

func (j *journal) note(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, fmt.Sprintf(format, args...))
}

func (j *journal) began(op aio.OpInfo) {
	j.note("began %s by %s", op.Name, op.By)
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.live[op.ID] != "" || op.ID == 0 {
		j.lines = append(j.lines, fmt.Sprint("bad ID: ", op))
	}
	j.live[op.ID] = op.Name
}

func (j *journal) ended(op aio.OpInfo, err error, took time.Duration) {
	j.note("ended %s, %v, %v", op.Name, err, took)
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.live[op.ID] != op.Name {
		j.lines = append(j.lines, fmt.Sprint("did not begin: ", op))
	}
	delete(j.live, op.ID)
}

func TestObserve(t *testing.T) {
	var j journal
	l := &aio.Loop{Name: "seen", Observe: j.observer(), OnEvent: func(e aio.Event) { j.note("handler %v", e.Err) }}
	must(t, l, func(ctx context.Context) {
		f := aio.Go(ctx, "f", func(context.Context) (int, error) {
			j.note("f runs")
			time.Sleep(time.Second)
			return 1, nil
		})
		f.Await(ctx)
		j.note("awaited")
		aio.Spawn(ctx, "g", func(context.Context) error { return errTest })
		synctest.Wait()
		p := aio.NewPromise[int](ctx, 0, "p")
		p.Future().Cancel(errStop)
		p.Future().Result()
	})
	eq(t, "told", j.lines, []string{
		"began main by ",
		"began f by main", "f runs", "ended f, <nil>, 1s", "awaited",
		"began g by main", "ended g, test error, 0s", "event test error", "handler test error",
		"began p by main", "ended p, test cause, 0s",
		"ended main, <nil>, 1s",
	})
	eq(t, "left", len(j.live), 0)
}

// Each operation that began ends once, however it ends.
func TestObserveRandom(t *testing.T) {
	var j journal
	l := &aio.Loop{Observe: j.observer(), OnEvent: func(aio.Event) {}, MaxInFlight: 3, Logger: quiet, CatchPanics: true}
	must(t, l, randomTree)
	eq(t, "left", len(j.live), 0)
	for _, line := range j.lines {
		if strings.HasPrefix(line, "bad") || strings.HasPrefix(line, "did not") {
			t.Error(line)
		}
	}
	if n := len(j.lines); n < 100 {
		t.Errorf("only %d lines", n)
	}
}

// randomTree starts operations that end in all ways.
func randomTree(ctx context.Context) {
	var grow func(ctx context.Context, depth int) (int, error)
	grow = func(ctx context.Context, depth int) (int, error) {
		for range rand.N(4) * min(depth, 1) {
			f := aio.Go(ctx, "node", func(ctx context.Context) (int, error) { return grow(ctx, depth-1) })
			switch rand.N(4) {
			case 0:
				f.Cancel(errStop)
			case 1:
				f.Await(ctx)
			}
		}
		sleep(ctx, time.Duration(rand.N(3))*ms)
		switch rand.N(8) {
		case 0:
			return 0, errTest
		case 1:
			panic(errTest)
		case 2:
			runtime.Goexit()
		}
		return 0, nil
	}
	for range 50 {
		aio.Go(ctx, "root", func(ctx context.Context) (int, error) { return grow(ctx, 5) }).Await(ctx)
	}
}

// What could not begin because the loop was done has ended with that.
func TestObserveLoopDone(t *testing.T) {
	var j journal
	l := &aio.Loop{Observe: j.observer(), Logger: quiet}
	var late context.Context
	must(t, l, func(ctx context.Context) { late = ctx })
	_, err := aio.Go(late, "late", never).Result()
	eq(t, "error", errors.Is(err, aio.ErrLoopDone), true)
	eq(t, "told", len(j.lines), 4)
	eq(t, "told first", j.lines[2], "began late by main")
	eq(t, "told last", strings.HasPrefix(j.lines[3], "ended late, "+aio.ErrLoopDone.Error()), true)
}

// A panic in an observer is fatal to the loop, and the operation goes on. A
// call of runtime.Goexit leaves no operation behind.
func TestObserverPanics(t *testing.T) {
	for name, o := range map[string]aio.Observer{
		"Began": {Began: func(op aio.OpInfo) { panicFor(op.Name) }},
		"Ended": {Ended: func(op aio.OpInfo, _ error, _ time.Duration) { panicFor(op.Name) }},
		"Span": {Span: func(_, _ context.Context, op aio.Ref) (context.Context, func(error)) {
			panicFor(op.Name())
			return nil, nil
		}},
		"Span's end": {Span: func(_, _ context.Context, op aio.Ref) (context.Context, func(error)) {
			return nil, func(error) { panicFor(op.Name()) }
		}},
		"Event": {Event: func(e aio.Event) { panicFor(e.Op.Name) }},
	} {
		for _, catch := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, CatchPanics %v", name, catch), func(t *testing.T) {
				l := &aio.Loop{Observe: o, Logger: quiet, OnEvent: func(aio.Event) {}, CatchPanics: catch}
				ran := false
				var p *aio.PanicError
				synctest.Test(t, func(t *testing.T) {
					defer func() {
						if !catch {
							p, _ = recover().(*aio.PanicError)
						}
					}()
					err := run(l, func(ctx context.Context) error {
						aio.Spawn(ctx, "bad", func(context.Context) error { ran = true; return errTest })
						<-aio.Draining(ctx)
						return nil
					})
					errors.As(err, &p)
				})
				eq(t, "the function ran", ran, true)
				if p == nil || p.Value != errStop {
					t.Errorf("Run's panic, or error, is %v", p)
				}
			})
		}
	}
}

func panicFor(name string) {
	if name == "bad" {
		panic(errStop)
	}
}

func TestObserverGoexit(t *testing.T) {
	l := &aio.Loop{Logger: quiet, Observe: aio.Observer{Ended: func(op aio.OpInfo, _ error, _ time.Duration) {
		if op.Name == "f" {
			runtime.Goexit()
		}
	}}}
	must(t, l, func(ctx context.Context) {
		v, err := aio.Go(ctx, "f", func(context.Context) (int, error) { return 1, nil }).Await(ctx)
		eq(t, "value", v, 1)
		eq(t, "error", err, nil)
	})
}

// Events are reported after the operation's end, and an observer that panics
// does not keep them from their handler.
func TestObserveFailure(t *testing.T) {
	var j journal
	l := &aio.Loop{
		Logger: quiet, CatchPanics: true,
		OnEvent: func(e aio.Event) { j.note("handler: %v", e.Err) },
		Observe: aio.Observer{
			Ended: func(op aio.OpInfo, err error, _ time.Duration) { j.note("ended %s: %v", op.Name, err) },
			Event: func(e aio.Event) { j.note("event: %v", e.Err); panic(errStop) },
		},
	}
	_, err := bubble(t, l, func(ctx context.Context) error {
		aio.Spawn(ctx, "f", func(context.Context) error { return errTest })
		<-aio.Draining(ctx)
		return nil
	})
	eq(t, "Run returns the panic", errors.Is(err, errStop), true)
	eq(t, "told", j.lines, []string{"ended f: test error", "event: test error", "handler: test error", "ended main: <nil>"})
}

// ExampleObserver measures how long operations of each kind take.
func ExampleObserver() {
	var mu sync.Mutex
	count := map[string]int{}
	l := &aio.Loop{Observe: aio.Observer{
		Ended: func(op aio.OpInfo, err error, took time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			count[op.Kind.String()]++
		},
	}}
	l.Run(context.Background(), func(ctx context.Context) error {
		for range 3 {
			aio.Spawn(ctx, "work", func(context.Context) error { return nil })
		}
		return nil
	})
	fmt.Println(count)
	// Output: map[aio.main:1 aio.spawn:3]
}

func TestLogHandler(t *testing.T) {
	var b bytes.Buffer
	text := slog.NewTextHandler(&b, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	log := slog.New(aio.LogHandler(text))
	must(t, &aio.Loop{Name: "l", Logger: quiet}, func(ctx context.Context) {
		log.InfoContext(ctx, "in main", "a", 1)
		log.With("w", 2).WithGroup("g").InfoContext(ctx, "in a group")
		log.DebugContext(ctx, "not enabled")
	})
	must(t, nil, func(ctx context.Context) { log.InfoContext(ctx, "no name") })
	log.Info("no loop")
	eq(t, "log", b.String(), `level=INFO msg="in main" a=1 loop=l op.id=1 op.name=main op.kind=aio.main
level=INFO msg="in a group" w=2 g.loop=l g.op.id=1 g.op.name=main g.op.kind=aio.main
level=INFO msg="no name" op.id=1 op.name=main op.kind=aio.main
level=INFO msg="no loop"
`)
}

// While the program is traced operations are tasks.
func TestTrace(t *testing.T) {
	var b bytes.Buffer
	inside := func(ctx context.Context) {
		l := aio.LoopOf(ctx)
		own, user := aio.TaskOf(ctx), context.Context(nil)
		aio.Go(ctx, "traced one", func(ctx context.Context) (int, error) {
			if aio.TaskOf(ctx) == own || aio.TaskOf(ctx) == nil {
				t.Errorf("the task of an operation is %v, and that of its parent too", own)
			}
			user, _ = trace.NewTask(ctx, "user's task")
			aio.Scope(user, "traced scope", func(ctx context.Context) error {
				if aio.TaskOf(ctx) == aio.TaskOf(user) {
					t.Error("a Scope below a task of the program's has no task")
				}
				return nil
			})
			return 0, nil
		}).Await(ctx)
		eq(t, "phase", l.Stats().Phase, "running")
	}
	if err := trace.Start(&b); err != nil {
		t.Skip(err) // the tests themselves are traced
	}
	err := run(nil, func(ctx context.Context) error { inside(ctx); return nil })
	trace.Stop()
	eq(t, "Run", err, nil)
	for _, s := range []string{"aio.main", "aio.go", "aio.scope", "traced one #", "traced scope #"} {
		if !bytes.Contains(b.Bytes(), []byte(s)) {
			t.Errorf("no %q in the trace", s)
		}
	}
	run(nil, func(ctx context.Context) error {
		eq(t, "a task without tracing", aio.TaskOf(ctx), nil)
		return nil
	})
}

// labelsOf returns the labels of the goroutine in whose stack the function is
// that the name of ends with suffix.
func labelsOf(suffix string) string {
	var b bytes.Buffer
	pprof.Lookup("goroutine").WriteTo(&b, 1)
	for record := range strings.SplitSeq(b.String(), "\n\n") {
		if strings.Contains(record, suffix+"+") {
			labels := regexp.MustCompile(`# labels: (.*)`).FindStringSubmatch(record)
			return strings.Join(labels[min(len(labels), 1):], "")
		}
	}
	return "no such goroutine"
}

//go:noinline
func labelledHere() string { return labelsOf(".labelledHere") }

func TestProfileLabels(t *testing.T) {
	for _, on := range []bool{true, false} {
		want := func(kind, op, more string) string {
			if !on {
				return more
			}
			return fmt.Sprintf(`{"kind":%q, "loop":"labelled", "op":%q%s}`, kind, op, more)
		}
		var event string
		l := &aio.Loop{Name: "labelled", ProfileLabels: on, Logger: quiet, OnEvent: func(aio.Event) { event = labelledHere() }}
		err := run(l, func(ctx context.Context) error {
			eq(t, "main", labelledHere(), want("aio.main", "main", ""))
			one, _ := aio.Go(ctx, "worker", func(ctx context.Context) (int, error) {
				eq(t, "a function of Go", labelledHere(), want("aio.go", "worker", ""))
				var inner string
				pprof.Do(ctx, pprof.Labels("own", "x"), func(ctx context.Context) {
					inner = labelledHere()
					aio.Go(ctx, "below", func(context.Context) (int, error) {
						if on {
							eq(t, "below a label", labelledHere(), `{"kind":"aio.go", "loop":"labelled", "op":"below", "own":"x"}`)
						}
						return 0, nil
					}).Await(ctx)
				})
				if on {
					eq(t, "within pprof.Do", inner, `{"kind":"aio.go", "loop":"labelled", "op":"worker", "own":"x"}`)
				}
				eq(t, "after pprof.Do", labelledHere(), want("aio.go", "worker", ""))
				return 1, nil
			}).Await(ctx)
			aio.Then(ctx, aio.Resolved(one), func(context.Context, int) (int, error) {
				eq(t, "a function of Then", labelledHere(), want("aio.then", "Then", ""))
				return 0, nil
			}).Await(ctx)
			aio.Spawn(ctx, "spawned", func(context.Context) error {
				eq(t, "a function of Spawn", labelledHere(), want("aio.spawn", "spawned", ""))
				return errTest
			})
			return nil
		})
		eq(t, "Run", err, nil)
		eq(t, "an event handler", event, "")
	}
}
