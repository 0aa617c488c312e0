package cookbook_test

import (
	"context"
	"errors"
	"fmt"

	"goaio.example/aio"
)

// A pool runs jobs, each with a worker, of which there is a fixed number.
type pool struct {
	ctx  context.Context
	idle chan *worker
}

// A worker is what one job at a time uses, such as a connection to a database.
type worker struct{ jobs int }

func newPool(ctx context.Context, workers int) *pool {
	p := &pool{aio.Limit(ctx, workers), make(chan *worker, workers)}
	for range workers {
		p.idle <- new(worker)
	}
	return p
}

// submit queues a job. It does not block. A job must not wait for another one,
// since it would keep its worker meanwhile.
func (p *pool) submit(name string, job func(context.Context, *worker) (int, error)) *aio.Future[int] {
	return aio.Go(p.ctx, name, func(ctx context.Context) (int, error) {
		w := <-p.idle // there is one for each slot of the limit
		defer func() { p.idle <- w }()
		return job(ctx, w)
	})
}

func Example_workerPool() {
	var events []error
	loop := &aio.Loop{CatchPanics: true, OnEvent: func(e aio.Event) { events = append(events, e.Err) }}
	err := loop.Run(context.Background(), func(ctx context.Context) error {
		p := newPool(ctx, 3)
		var squares []*aio.Future[int]
		for i := range 8 {
			squares = append(squares, p.submit(fmt.Sprint("square ", i), func(_ context.Context, w *worker) (int, error) {
				w.jobs++ // without a lock
				switch i {
				case 3:
					return 0, errors.New("out of paper")
				case 5:
					panic("out of ink")
				}
				return i * i, nil
			}))
		}
		results, err := aio.Settle(ctx, squares...).Await(ctx)
		for i, r := range results {
			fmt.Println(i, r.Value, r.Err)
		}
		return err
	})
	fmt.Println(err, "and the event", events)
	// Output:
	// 0 0 <nil>
	// 1 1 <nil>
	// 2 4 <nil>
	// 3 0 out of paper
	// 4 16 <nil>
	// 5 0 aio: panic: out of ink
	// 6 36 <nil>
	// 7 49 <nil>
	// <nil> and the event [aio: panic: out of ink]
}
