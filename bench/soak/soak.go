package soak

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"goaio.example/aio"
)

// each is how many rounds of a kind run at once.
const each = 4

// A kind is one of the things that are soaked.
type kind struct {
	name   string
	round  func(ctx context.Context) error // one round; its error is a fault
	rounds atomic.Int64
}

// soak is a soak in progress.
type soak struct {
	out    io.Writer
	still  sync.RWMutex // a round holds it for reading, a look for writing
	kinds  []*kind
	over   atomic.Bool
	panics atomic.Int64 // panics that the loop has caught
}

// Run soaks for a time, and prints a line each minute and a verdict. Its error
// says what was wrong.
func Run(ctx context.Context, last time.Duration, out io.Writer) error {
	s := &soak{out: out}
	loop := &aio.Loop{Name: "soak", CatchPanics: true, OnEvent: s.event}
	err := loop.Run(ctx, func(ctx context.Context) error {
		defer loop.Exit(nil)
		kinds, end, err := start(ctx)
		if err != nil {
			return err
		}
		s.kinds = kinds
		return errors.Join(s.run(ctx, last), end(ctx))
	})
	err = errors.Join(err, s.left(loop))
	if err != nil {
		fmt.Fprintln(out, "soak: FAILED:", err)
		return err
	}
	fmt.Fprintln(out, "soak: ok")
	return nil
}

// event takes the loop's events: faults that the rounds make on purpose are
// some, panics are not among them.
func (s *soak) event(e aio.Event) {
	var p *aio.PanicError
	if errors.As(e.Err, &p) {
		s.panics.Add(1)
		fmt.Fprintln(s.out, "panic:", e.Err)
	}
}

// run makes rounds until the time is over.
func (s *soak) run(ctx context.Context, last time.Duration) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var workers []*aio.Future[struct{}]
	for _, k := range s.kinds {
		for range each {
			workers = append(workers, aio.Go(ctx, k.name, func(ctx context.Context) (struct{}, error) {
				err := s.work(ctx, k)
				if err != nil {
					cancel(err) // a fault ends the soak
				}
				return struct{}{}, err
			}))
		}
	}
	err := s.watch(ctx, last)
	s.over.Store(true)
	for _, w := range workers {
		_, failed := w.Await(context.WithoutCancel(ctx))
		err = errors.Join(err, failed)
	}
	return err
}

// work makes rounds of a kind.
func (s *soak) work(ctx context.Context, k *kind) error {
	for !s.over.Load() && ctx.Err() == nil {
		s.still.RLock()
		err := k.round(ctx)
		s.still.RUnlock()
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("%s, round %d: %w", k.name, k.rounds.Load(), err)
		}
		k.rounds.Add(1)
	}
	return nil
}

// left reports what the loop has left when it has ended.
func (s *soak) left(loop *aio.Loop) error {
	if n := loop.Stats().InFlight; n > 0 {
		return fmt.Errorf("%d operations are left after Run", n)
	}
	if n := s.panics.Load(); n > 0 {
		return fmt.Errorf("%d panics", n)
	}
	return nil
}

// one reports true once in n times.
func one(n int) bool { return rand.IntN(n) == 0 }

// some returns up to n random bytes.
func some(n int) []byte {
	b := make([]byte, 1+rand.IntN(n))
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return b
}
