package aio_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"goaio.example/aio"
)

// Run returns when main has returned and nothing that it started holds the loop
// open.
func ExampleRun() {
	err := aio.Run(context.Background(), func(ctx context.Context) error {
		aio.Spawn(ctx, "greet", func(context.Context) error {
			fmt.Println("hello from an operation")
			return nil
		})
		return nil
	})
	fmt.Println("done:", err)
	// Output:
	// hello from an operation
	// done: <nil>
}

// A Loop is settings and handle in one.
func ExampleLoop_Run() {
	loop := &aio.Loop{
		Name:    "server",
		Grace:   5 * time.Second, // for work in progress when the loop exits
		OnFatal: func(err error) { fmt.Println("fatal:", err) },
	}
	loop.AtExit(func() { fmt.Println("at exit") })
	err := loop.Run(context.Background(), func(ctx context.Context) error {
		fmt.Println("in loop", aio.LoopOf(ctx).Name)
		return errors.New("no more work")
	})
	fmt.Println("Run returned:", err)
	// Output:
	// in loop server
	// at exit
	// fatal: no more work
	// Run returned: no more work
}

// The seed's logger-cb, default-event-cb, fatal-cb and catch-app-errors are
// fields.
func ExampleLoop() {
	plain := func(_ []string, a slog.Attr) slog.Attr { // without the time
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	loop := &aio.Loop{
		Name:        "main",
		Logger:      slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: plain})),
		CatchPanics: true,
	}
	loop.OnEvent = func(e aio.Event) {
		var p *aio.PanicError
		fmt.Println("event of", e.Op.Name+":", errors.As(e.Err, &p), p.Value)
		e.Loop.Logger.Warn("ending", "because", p.Value)
		e.Loop.Exit(e.Err)
	}
	loop.OnFatal = func(err error) { fmt.Println("fatal:", err) }
	loop.Run(context.Background(), func(ctx context.Context) error {
		aio.Spawn(ctx, "buggy", func(context.Context) error { panic("oh no") })
		return nil
	})
	// Output:
	// event of buggy: true oh no
	// level=WARN msg=ending because="oh no"
	// fatal: aio: panic: oh no
}

// Futures of different types, and whatever else there is, in one select.
func ExampleGo() {
	_ = aio.Run(context.Background(), func(ctx context.Context) error {
		ready := make(chan struct{})
		name := aio.Go(ctx, "name", func(context.Context) (string, error) { return "gopher", nil })
		age := aio.Go(ctx, "age", func(ctx context.Context) (int, error) {
			select {
			case <-ready:
				return 16, nil
			case <-ctx.Done():
				return 0, context.Cause(ctx)
			}
		})
		names, ages := name.C(), age.C()
		for range 2 {
			select {
			case r := <-names:
				fmt.Println("name:", r.Value)
				close(ready)
			case r := <-ages:
				fmt.Println("age:", r.Value)
			case <-aio.Draining(ctx):
				return nil
			}
		}
		return nil
	})
	// Output:
	// name: gopher
	// age: 16
}

// The wait of one caller, with a separate ctx, is not the operation.
func ExampleFuture_Await() {
	_ = aio.Run(context.Background(), func(ctx context.Context) error {
		f := aio.Go(ctx, "slow", func(ctx context.Context) (int, error) {
			<-ctx.Done()
			return 0, context.Cause(ctx)
		})
		impatient, cancel := context.WithCancel(ctx)
		cancel()
		_, err := f.Await(impatient)
		var gaveUp *aio.AwaitError
		fmt.Println("gave up:", errors.As(err, &gaveUp))

		f.Cancel(errors.New("not needed any more"))
		_, err = f.Await(ctx)
		fmt.Println("the operation's own error:", err)
		return nil
	})
	// Output:
	// gave up: true
	// the operation's own error: not needed any more
}

// The error of a Spawn goes to the nearest scope for events.
func ExampleSpawn() {
	err := aio.Run(context.Background(), func(ctx context.Context) error {
		ctx = aio.OnEvent(ctx, func(e aio.Event) { fmt.Println(e.Op.Name, "failed:", e.Err) })
		aio.Spawn(ctx, "job", func(context.Context) error { return errors.New("out of paper") })
		return nil
	})
	fmt.Println("done:", err)
	// Output:
	// job failed: out of paper
	// done: <nil>
}

// A daemon does not hold the loop open: it is cancelled once nothing else is
// left.
func ExampleDaemon() {
	_ = aio.Run(context.Background(), func(ctx context.Context) error {
		started := make(chan struct{})
		aio.Daemon(ctx, "housekeeper", func(ctx context.Context) error {
			close(started)
			<-ctx.Done()
			fmt.Println("housekeeper:", context.Cause(ctx))
			return nil
		})
		<-started
		return nil
	})
	// Output:
	// housekeeper: aio: the loop is exiting
}

// A Scope returns when all that was started in it has ended; its first error
// cancels the rest.
func ExampleScope() {
	_ = aio.Run(context.Background(), func(ctx context.Context) error {
		err := aio.Scope(ctx, "both", func(ctx context.Context) error {
			aio.Spawn(ctx, "waits", func(ctx context.Context) error {
				<-ctx.Done()
				fmt.Println("cancelled because:", context.Cause(ctx))
				return nil
			})
			aio.Spawn(ctx, "fails", func(context.Context) error { return errors.New("disk full") })
			return nil
		})
		fmt.Println("Scope returned:", err)
		return nil
	})
	// Output:
	// cancelled because: disk full
	// Scope returned: disk full
}

// Errors that the program did not ask for go to the handler of the nearest
// scope, else to the loop's.
func ExampleOnEvent() {
	loop := &aio.Loop{OnEvent: func(e aio.Event) { fmt.Println("loop:", e.Err) }}
	_ = loop.Run(context.Background(), func(ctx context.Context) error {
		fails := func(context.Context) (int, error) { return 0, errors.New("oops") }
		near := aio.OnEvent(ctx, func(e aio.Event) { fmt.Println("near:", e.Err, "lost:", e.Lost) })
		aio.Scope(near, "await it", func(ctx context.Context) error {
			_, err := aio.Go(ctx, "looked at", fails).Await(ctx)
			fmt.Println("awaited:", err) // this one goes to no other handler
			return nil
		})
		aio.Go(near, "never looked at", fails)
		return nil
	})
	// Output:
	// awaited: oops
	// near: oops lost: true
}

// DefaultOnEvent is there for handlers that deal with some errors only.
func ExampleDefaultOnEvent() {
	busy := errors.New("busy")
	loop := &aio.Loop{Logger: slog.New(slog.DiscardHandler)}
	loop.OnEvent = func(e aio.Event) {
		if errors.Is(e.Err, busy) {
			fmt.Println("never mind:", e.Err)
			return
		}
		aio.DefaultOnEvent(e) // logs it, and exits the loop
	}
	err := loop.Run(context.Background(), func(ctx context.Context) error {
		aio.Spawn(ctx, "", func(context.Context) error { return busy })
		<-aio.Go(ctx, "", func(context.Context) (int, error) { return 0, nil }).Done()
		aio.Spawn(ctx, "", func(context.Context) error { return errors.New("broken") })
		<-aio.Draining(ctx)
		return nil
	})
	fmt.Println("Run returned:", err)
	// Output:
	// never mind: busy
	// Run returned: broken
}

// A promise is resolved by hand, from any goroutine: cl-async's notifier.
func ExampleNewPromise() {
	_ = aio.Run(context.Background(), func(ctx context.Context) error {
		p := aio.NewPromise[string](ctx, 0, "from outside")
		go func() { // a plain goroutine, a callback of some other library ...
			p.Resolve("a message")
		}()
		v, err := p.Future().Await(ctx)
		fmt.Println(v, err)
		fmt.Println("resolved again:", p.Resolve("another"))
		return nil
	})
	// Output:
	// a message <nil>
	// resolved again: false
}

func double(v int) func(context.Context) (int, error) {
	return func(context.Context) (int, error) { return 2 * v, nil }
}

func ExampleAll() {
	_ = aio.Run(context.Background(), func(ctx context.Context) error {
		vs, err := aio.All(ctx, aio.Go(ctx, "a", double(1)), aio.Go(ctx, "b", double(2)), aio.Resolved(6)).Await(ctx)
		fmt.Println(vs, err)
		return nil
	})
	// Output:
	// [2 4 6] <nil>
}

func ExampleAny() {
	_ = aio.Run(context.Background(), func(ctx context.Context) error {
		v, err := aio.Any(ctx, aio.Failed[int](errors.New("first mirror is down")), aio.Go(ctx, "second mirror", double(21))).Await(ctx)
		fmt.Println(v, err)
		return nil
	})
	// Output:
	// 42 <nil>
}

// What loses a race is cancelled.
func ExampleRace() {
	_ = aio.Run(context.Background(), func(ctx context.Context) error {
		slow := aio.Go(ctx, "slow", func(ctx context.Context) (int, error) {
			<-ctx.Done()
			return 0, context.Cause(ctx)
		})
		v, err := aio.Race(ctx, slow, aio.Go(ctx, "quick", double(4))).Await(ctx)
		fmt.Println(v, err)
		_, err = slow.Await(ctx)
		fmt.Println("slow:", err)
		return nil
	})
	// Output:
	// 8 <nil>
	// slow: aio: stopped
}

func ExampleAsCompleted() {
	_ = aio.Run(context.Background(), func(ctx context.Context) error {
		p := aio.NewPromise[int](ctx, 0, "last")
		for i, r := range aio.AsCompleted(ctx, p.Future(), aio.Go(ctx, "first", double(5))) {
			fmt.Println(i, r.Value, r.Err)
			p.Resolve(1) // only now
		}
		return nil
	})
	// Output:
	// 1 10 <nil>
	// 0 1 <nil>
}

func ExampleThen() {
	_ = aio.Run(context.Background(), func(ctx context.Context) error {
		text := aio.Then(ctx, aio.Go(ctx, "number", double(21)), func(_ context.Context, v int) (string, error) {
			return fmt.Sprintf("the answer is %d", v), nil
		})
		fmt.Println(text.Await(ctx))
		return nil
	})
	// Output:
	// the answer is 42 <nil>
}

// Exit lets work in progress finish.
func ExampleLoop_Exit() {
	err := aio.Run(context.Background(), func(ctx context.Context) error {
		aio.Spawn(ctx, "request", func(ctx context.Context) error {
			<-aio.Draining(ctx) // told that the loop exits; the ctx is alive
			fmt.Println("request: finishing,", ctx.Err())
			return nil
		})
		aio.LoopOf(ctx).Exit(nil)
		return nil
	})
	fmt.Println("Run returned:", err)
	// Output:
	// request: finishing, <nil>
	// Run returned: <nil>
}

// Cancel ends everything at once.
func ExampleLoop_Cancel() {
	err := aio.Run(context.Background(), func(ctx context.Context) error {
		aio.Spawn(ctx, "request", func(ctx context.Context) error {
			<-ctx.Done()
			fmt.Println("request:", context.Cause(ctx))
			return context.Cause(ctx)
		})
		aio.LoopOf(ctx).Cancel(errors.New("power failure"))
		return nil
	})
	fmt.Println("Run returned:", err)
	// Output:
	// request: power failure
	// Run returned: power failure
}

func ExampleLoop_Stats() {
	_ = aio.Run(context.Background(), func(ctx context.Context) error {
		loop := aio.LoopOf(ctx)
		var ps []*aio.Promise[int]
		for range 3 {
			ps = append(ps, aio.NewPromise[int](ctx, 0, "pending"))
		}
		s := loop.Stats()
		fmt.Println("futures:", s.Futures, "in flight, with main:", s.InFlight, "kinds:", s.Kinds)
		for i := range loop.Ops() {
			fmt.Println(i.Kind, i.Name, "started by", i.By)
			break
		}
		for _, p := range ps {
			p.Resolve(1)
		}
		fmt.Println("futures:", loop.Stats().Futures)
		return nil
	})
	// Output:
	// futures: 3 in flight, with main: 4 kinds: map[aio.main:1 aio.promise:3]
	// aio.promise pending started by main
	// futures: 0
}

// With CatchPanics a panic is an error of the operation's, and an event.
func ExamplePanicError() {
	loop := &aio.Loop{CatchPanics: true, OnEvent: func(e aio.Event) { fmt.Println("event:", e.Err) }}
	_ = loop.Run(context.Background(), func(ctx context.Context) error {
		_, err := aio.Go(ctx, "buggy", func(context.Context) (int, error) {
			var none []int
			return none[3], nil
		}).Await(ctx)
		var p *aio.PanicError
		fmt.Println("awaited:", errors.As(err, &p), "stack:", len(p.Stack) > 0)
		return nil
	})
	// Unordered output:
	// awaited: true stack: true
	// event: aio: panic: runtime error: index out of range [3] with length 0
}

// WithLoop lends the loop to a ctx from elsewhere.
func ExampleWithLoop() {
	_ = aio.Run(context.Background(), func(ctx context.Context) error {
		loop := aio.LoopOf(ctx)
		// an http.Request's, for example
		request, end := context.WithCancelCause(context.Background())
		f := aio.Go(aio.WithLoop(request, loop), "for the request", func(ctx context.Context) (int, error) {
			<-ctx.Done()
			return 0, context.Cause(ctx)
		})
		end(errors.New("client gone"))
		fmt.Println(f.Await(ctx))
		return nil
	})
	// Output:
	// 0 client gone
}

// A driver adds operations without a goroutine of their own.
func ExampleBegin() {
	kind := aio.NewKind("example.job") // usually at package level
	_ = aio.Run(context.Background(), func(ctx context.Context) error {
		op, err := aio.Begin(ctx, kind, "job 7")
		if err != nil {
			return err
		}
		op.OnCancel(func(cause error) { op.End(cause) })
		fmt.Println(aio.LoopOf(ctx).Stats().Kinds["example.job"], "in flight")
		op.End(nil)
		fmt.Println(aio.LoopOf(ctx).Stats().Kinds["example.job"], "in flight")
		return nil
	})
	// Output:
	// 1 in flight
	// 0 in flight
}
