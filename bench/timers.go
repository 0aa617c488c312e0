package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/timer"
)

// Timers: very many that are pending at once. All are cancelled before their
// time comes.

var timerPeers = []string{"time.AfterFunc", "goaio", "goaio stopped", "goaio future"}

// timerKind is what a role can do with timers. list may be nil.
type timerKind struct {
	create func(i int)
	cancel func() error
	list   func() int
}

// spreadOut is when the i-th timer would end.
func spreadOut(i int) time.Duration { return time.Hour + time.Duration(i)*time.Microsecond }

func init() {
	roles["timers time.AfterFunc"] = func(c *control) error {
		var timers []*time.Timer
		return c.timers(timerKind{
			create: func(i int) { timers = append(timers, time.AfterFunc(spreadOut(i), func() {})) },
			cancel: func() error {
				for _, t := range timers {
					t.Stop()
				}
				return nil
			},
		})
	}
	roles["timers goaio"] = func(c *control) error {
		done := func(context.Context) error { return nil }
		return goaioTimers(c, func(ctx context.Context, i int) { timer.Delay(ctx, spreadOut(i), done) })
	}
	roles["timers goaio stopped"] = func(c *control) error {
		return aio.Run(context.Background(), func(ctx context.Context) error { return stoppedTimers(ctx, c) })
	}
	roles["timers goaio future"] = func(c *control) error {
		var futures []*aio.Future[time.Time]
		return goaioTimers(c, func(ctx context.Context, i int) { futures = append(futures, timer.After(ctx, spreadOut(i))) })
	}
}

// stoppedTimers is a role with timers that are stopped one by one, like those
// of package time.
func stoppedTimers(ctx context.Context, c *control) error {
	var timers []*timer.Timer
	done := func(context.Context) error { return nil }
	return c.timers(timerKind{
		create: func(i int) { timers = append(timers, timer.Delay(ctx, spreadOut(i), done)) },
		cancel: func() error {
			for _, t := range timers {
				t.Stop()
			}
			if n := aio.LoopOf(ctx).Stats().Timers; n != 0 {
				return fmt.Errorf("%d timers are left", n)
			}
			return nil
		},
	})
}

// goaioTimers is a role with timers that are children of one operation, whose
// end cancels them all.
func goaioTimers(c *control, create func(ctx context.Context, i int)) error {
	return aio.Run(context.Background(), func(ctx context.Context) error {
		parent := aio.NewPromise[int](ctx, 0, "parent")
		loop := aio.LoopOf(ctx)
		return c.timers(timerKind{
			create: func(i int) { create(parent.Context(), i) },
			cancel: func() error {
				parent.Future().Cancel(errors.New("all are cancelled"))
				if n := loop.Stats().Timers; n != 0 {
					return fmt.Errorf("%d timers are left", n)
				}
				return nil
			},
			list: func() (n int) {
				for range loop.Ops() {
					n++
				}
				return n
			},
		})
	})
}

// timers is the role: it answers each command with the time it took in ns.
func (c *control) timers(k timerKind) error {
	c.ready("")
	made := 0
	return c.serve(func(command string) (string, error) {
		if command == "list" && k.list == nil {
			return "0", nil
		}
		begin := time.Now()
		err := k.do(command, &made)
		return strconv.FormatInt(int64(time.Since(begin)), 10), err
	})
}

// do does what a command says. made is how many timers there are.
func (k *timerKind) do(command string, made *int) (err error) {
	switch command {
	case "cancel":
		return k.cancel()
	case "list":
		if n := k.list(); n < *made {
			return fmt.Errorf("%d of %d timers are listed", n, *made)
		}
		return nil
	}
	if *made, err = strconv.Atoi(command); err != nil {
		return err
	}
	for i := range *made {
		k.create(i)
	}
	return nil
}

func measureTimers(r *report) error {
	n := pick(r.settings, 1_000_000, 10_000)
	metrics := []metric{
		{"memory", "memory each", "B"},
		{"create", "create each", "ns"},
		{"cancel", "cancel each", "ns"},
		{"list", "list all", "ns"},
	}
	return r.compare(fmt.Sprintf("%d pending timers", n), metrics, timerPeers, 1, func(peer string) (*tally, error) {
		c, err := startRole("timers " + peer)
		if err != nil {
			return nil, err
		}
		defer c.stop()
		return c.timers(n)
	})
}

// timers has a process of a role make n timers, list and cancel them.
func (c *child) timers(n int) (*tally, error) {
	before, err := c.memory()
	if err != nil {
		return nil, err
	}
	create, err := c.askNumber(strconv.Itoa(n))
	if err != nil {
		return nil, err
	}
	after, err := c.memory()
	if err != nil {
		return nil, err
	}
	list, err := c.askNumber("list")
	if err != nil {
		return nil, err
	}
	cancel, err := c.askNumber("cancel")
	values := sample{"memory": (after - before) / float64(n), "create": create / float64(n), "cancel": cancel / float64(n)}
	if list > 0 {
		values["list"] = list
	}
	return &tally{values: values}, err
}
