// Jobs is a web server that puts jobs into a queue, and workers that do them
// and show their progress by server-sent events.
//
//	go run ./examples/jobs [-addr HOST:PORT] [-beanstalkd HOST:PORT] [-slots 4] [-takes 2s]
//	curl -d 'a job' http://127.0.0.1:8092/jobs
//	curl -N http://127.0.0.1:8092/events
//
// The jobs are kept by a beanstalkd, whose address -beanstalkd or the variable
// BEANSTALKD_ADDR tells, or else in the process. The response to a job has its
// ID, once the broker has the job.
//
// SIGTERM loses none. With beanstalkd, jobs that run have time to end, and the
// rest waits there for the next process, or for another one that runs: start
// several. In the process nothing can wait: further jobs are refused, and the
// program ends when it has done those that it has.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/beanstalk"
	"goaio.example/aio/flow"
	"goaio.example/aio/httpx"
	"goaio.example/aio/jobs"
	"goaio.example/aio/jobs/beanjobs"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "jobs:", err)
		os.Exit(1)
	}
}

// run serves and works until a signal or the end of ctx.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("jobs", flag.ExitOnError)
	addr := flags.String("addr", "127.0.0.1:8092", "`address` to listen on")
	server := flags.String("beanstalkd", os.Getenv("BEANSTALKD_ADDR"), "`address` of a beanstalkd; none: the jobs are kept in the process")
	slots := flags.Int("slots", 4, "how many jobs run at once")
	takes := flags.Duration("takes", 2*time.Second, "how long a job takes")
	flags.Parse(args) // exits on an error

	loop := &aio.Loop{
		Name: "jobs", CatchPanics: true, OnEvent: aio.LogEvents, Signals: []os.Signal{os.Interrupt, syscall.SIGTERM},
		Grace: max(10*time.Second, 2**takes), // jobs that run have 80% of it
	}
	var memory jobs.Memory
	a := &app{putter: &memory, stdout: stdout, takes: *takes}
	source := memory.Source("work")
	if *server != "" {
		b := &beanjobs.Broker{Client: &beanstalk.Client{Addr: *server}}
		a.putter, source = b, b.Source("work")
	} else {
		loop.DrainDelay = time.Hour // see leave
	}
	err := loop.Run(ctx, func(ctx context.Context) error {
		a.progress = flow.NewTopic[string](ctx, "progress")
		w := &jobs.Worker{Source: source, Slots: *slots, Handle: a.work}
		if err := w.Start(ctx); err != nil {
			return err
		}
		s, err := httpx.Serve(ctx, *addr, a.serve)
		if err != nil {
			return err
		}
		fmt.Fprintln(stdout, "listening on", s.Addr())
		if *server == "" {
			a.leave(ctx, &memory)
		}
		return nil // the server and the worker hold the loop open
	})
	fmt.Fprintln(stdout, "ended with", loop.Stats().InFlight, "operations left")
	return err
}
