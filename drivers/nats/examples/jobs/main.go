// Jobs is a web server that puts jobs into a queue on NATS, and workers that do
// them and show their progress by server-sent events.
//
//	go run ./examples/jobs [-addr HOST:PORT] [-nats URL] [-store DIR] [-slots 4] [-takes 2s]
//	curl -d 'a job' http://127.0.0.1:8093/jobs
//	curl -N http://127.0.0.1:8093/events
//
// The jobs are kept by the NATS servers that -nats or the variable NATS_URL
// names, or else by a server in the process, in the folder -store. A job is
// answered with its ID once it is stored.
//
// SIGTERM loses none: jobs that run have time to end, and the rest waits for
// the next process, or for another one that runs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"goaio.example/aio"
	"goaio.example/aio/flow"
	"goaio.example/aio/httpx"
	"goaio.example/aio/jobs"
	"goaio.example/drivers/nats"
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
	addr := flags.String("addr", "127.0.0.1:8093", "`address` to listen on")
	url := flags.String("nats", os.Getenv("NATS_URL"), "`URL`s of NATS servers, with commas; none: a server in the process")
	store := flags.String("store", filepath.Join(os.TempDir(), "goaio-jobs"), "`folder` in which the server in the process keeps the jobs")
	slots := flags.Int("slots", 4, "how many jobs run at once")
	takes := flags.Duration("takes", 2*time.Second, "how long a job takes")
	flags.Parse(args) // exits on an error

	if *url == "" {
		s, err := startServer(*store)
		if err != nil {
			return err
		}
		defer s.WaitForShutdown()
		defer s.Shutdown()
		*url = s.ClientURL()
	}
	b := &nats.Broker{Client: &nats.Client{URL: *url}}
	a := &app{putter: b, stdout: stdout, takes: *takes}
	loop := &aio.Loop{
		Name: "jobs", CatchPanics: true, OnEvent: aio.LogEvents, Signals: []os.Signal{os.Interrupt, syscall.SIGTERM},
		Grace: max(10*time.Second, 2**takes), // jobs that run have 80% of it
	}
	err := loop.Run(ctx, func(ctx context.Context) error {
		a.progress = flow.NewTopic[string](ctx, "progress")
		w := &jobs.Worker{Source: b.Source("work"), Slots: *slots, Handle: a.work}
		if err := w.Start(ctx); err != nil {
			return err
		}
		s, err := httpx.Serve(ctx, *addr, a.serve)
		if err != nil {
			return err
		}
		fmt.Fprintln(stdout, "listening on", s.Addr())
		return nil // the server and the worker hold the loop open
	})
	fmt.Fprintln(stdout, "ended with", loop.Stats().InFlight, "operations left")
	return err
}

// startServer starts a NATS server in the process, on a free port of this
// machine.
func startServer(store string) (*server.Server, error) {
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: store, NoSigs: true, NoLog: true,
	})
	if err != nil {
		return nil, err
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		s.Shutdown()
		return nil, errors.New("the NATS server does not start")
	}
	return s, nil
}
