package flow

import (
	"context"
	"runtime"

	"goaio.example/aio"
	"goaio.example/aio/timer"
)

// Options says how the functions of Each, EachChan, Map, MapChan and
// Frontier.Each run. The zero Options is ready.
type Options struct {
	// Limit is the greatest number of functions that run at once. 0 or less
	// means runtime.GOMAXPROCS(0).
	Limit int
	// Limiter is what each function waits for before it begins. A function that
	// waits counts as running. If the Limiter fails, the function does not run
	// and has failed with the Limiter's error. nil means none.
	Limiter timer.Limiter
	// KeepGoing makes the other functions go on, and more begin, when one
	// fails. Without it the first error ends all.
	KeepGoing bool
	// Name names the functions in listings. "" stands for the function's own
	// name.
	Name string
}

func (o *Options) limit() int {
	if o.Limit > 0 {
		return o.Limit
	}
	return runtime.GOMAXPROCS(0)
}

// name returns the name for the function fn.
func (o *Options) name(fn any) string {
	if o.Name != "" {
		return o.Name
	}
	return aio.FuncName(fn)
}

// await waits for the Limiter.
func (o *Options) await(ctx context.Context) error {
	if o.Limiter == nil {
		return nil
	}
	return o.Limiter.Wait(ctx)
}
