package aiotest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
)

var t *testing.T // of the test function that the examples stand in

// The test fails if the loop returns an error, if an error is lost, or if
// anything is left behind.
func ExampleRun() {
	aiotest.Run(t, func(ctx context.Context) error {
		f := aio.Go(ctx, "answer", func(context.Context) (int, error) { return 42, nil })
		got, err := f.Await(ctx)
		if got != 42 {
			t.Errorf("got %d", got)
		}
		return err
	})
}

// In a bubble an hour passes in no time.
func ExampleRunBubble() {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		f := aio.Go(ctx, "slow", func(context.Context) (int, error) {
			time.Sleep(time.Hour)
			return 42, nil
		})
		_, err := aio.Timeout(ctx, f, time.Minute).Await(ctx)
		if !errors.Is(err, aio.ErrTimeout) {
			t.Errorf("got %v", err)
		}
		return nil
	})
}

// A loop with settings, in a bubble.
func ExampleRunLoop() {
	synctest.Test(t, func(t *testing.T) {
		aiotest.RunLoop(t, &aio.Loop{Grace: time.Second}, func(ctx context.Context) error {
			aio.LoopOf(ctx).Exit(nil)
			<-ctx.Done()
			return nil
		})
	})
}

func ExampleRecorder() {
	var rec aiotest.Recorder
	loop := &aio.Loop{OnEvent: rec.OnEvent}
	err := loop.Run(context.Background(), func(ctx context.Context) error {
		aio.Spawn(ctx, "job", func(context.Context) error { return errors.New("no paper") })
		return nil
	})
	for _, e := range rec.Events() {
		fmt.Println(e.Op.Name, "failed:", e.Err)
	}
	fmt.Println(err)
	// Output:
	// job failed: no paper
	// <nil>
}

func ExampleNetwork() {
	var network aiotest.Network
	l, err := network.Listen("db.internal:5432")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()
	c, err := network.DialContext(context.Background(), "tcp", "db.internal:5432")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	fmt.Println("connected to", c.RemoteAddr())

	_, err = network.Dial("tcp", "db.internal:5433")
	fmt.Println(errors.Is(err, syscall.ECONNREFUSED))
	// Output:
	// connected to db.internal:5432
	// true
}

func ExamplePipe() {
	a, b := aiotest.Pipe()
	defer b.Close()
	io.WriteString(a, "hello")
	a.Close()
	got, err := io.ReadAll(b)
	fmt.Printf("%s %v\n", got, err)
	// Output: hello <nil>
}

func ExampleFaulty() {
	a, b := aiotest.Pipe()
	defer a.Close()
	defer b.Close()
	c := aiotest.Faulty(a, aiotest.Plan{FailWrite: 2, Err: syscall.EPIPE, Partial: 3})
	for range 2 {
		n, err := io.WriteString(c, "hello")
		fmt.Println(n, errors.Is(err, syscall.EPIPE))
	}
	// Output:
	// 5 false
	// 3 true
}

// Whatever read or write fails, greet must not take half a name for a whole
// one.
func ExampleEachFault() {
	greet := func(c net.Conn) (string, error) {
		var name [4]byte
		_, err := io.ReadFull(c, name[:])
		return string(name[:]), err
	}
	aiotest.EachFault(t, func(t *testing.T, plan aiotest.Plan) {
		a, b := aiotest.Pipe()
		defer a.Close()
		defer b.Close()
		io.WriteString(b, "Jane")
		plan.MaxRead = 1 // so that there are four reads
		c := aiotest.Faulty(a, plan)
		if name, err := greet(c); err == nil && name != "Jane" || err != nil && !c.Fired() {
			t.Errorf("got %q, %v", name, err)
		}
	})
}

func ExampleCancelAt() {
	ctx, looks := aiotest.CancelAt(context.Background(), 3, errors.New("enough"))
	for ctx.Err() == nil {
		fmt.Println("work")
	}
	fmt.Println(looks.Count(), context.Cause(ctx))
	// Output:
	// work
	// work
	// 3 enough
}

// Wherever the ctx is cancelled, the operation ends with a value or the cause.
func ExampleEachCancel() {
	fetch := func(ctx context.Context) (int, error) { return 42, context.Cause(ctx) }
	aiotest.EachCancel(t, func(t *testing.T, looks *aiotest.Looks) {
		aiotest.Run(t, func(ctx context.Context) error {
			_, err := aio.Go(looks.Context(ctx), "fetch", fetch).Await(ctx)
			if err != nil && !errors.Is(err, looks.Cause()) {
				t.Errorf("aio.Go: %v", err)
			}
			return nil
		})
	})
}
