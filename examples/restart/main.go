// Restart is a web server that replaces itself by a new process, under load,
// without a failed request.
//
//	go run ./examples/restart [-addr HOST:PORT] [-delay 10ms]
//	kill -HUP PID
//
// At SIGHUP it starts its program again, which may be a newer one by now, and
// hands its listening socket over. When the new process says that it serves,
// the old one drains: it answers what it was asked, and ends. If the new one
// fails, the old one goes on. SIGTERM and Ctrl-C end it gracefully. It can be
// started by systemd's socket activation, too.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/httpx"
	"goaio.example/aio/tcp"
	"goaio.example/aio/timer"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "restart:", err)
		os.Exit(1)
	}
}

// run serves until a signal or the end of ctx.
func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("restart", flag.ExitOnError)
	addr := flags.String("addr", "127.0.0.1:8091", "`address` to listen on, if no socket is inherited")
	delay := flags.Duration("delay", 10*time.Millisecond, "time from a request to its answer")
	flags.Parse(args) // exits on an error

	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	server := &httpx.Server{Handle: func(r *httpx.Request) {
		timer.Delay(r.Context(), *delay, func(context.Context) error {
			r.RespondString(200, fmt.Sprintln("process", os.Getpid()))
			return nil
		})
	}}
	loop := &aio.Loop{
		Name:        "restart",
		CatchPanics: true,
		OnEvent:     aio.LogEvents,
		Signals:     []os.Signal{os.Interrupt, syscall.SIGTERM},
	}
	err := loop.Run(ctx, func(ctx context.Context) error {
		if err := server.StartInherited(ctx, *addr); err != nil {
			return err
		}
		fmt.Println("process", os.Getpid(), "listens on", server.Addr())
		for {
			select {
			case <-hangup:
				if err := restart(ctx, args, server); err != nil {
					fmt.Fprintln(os.Stderr, "restart:", err)
					continue // as before
				}
				loop.Exit(nil)
			case <-aio.Draining(ctx):
				return nil
			}
		}
	})
	fmt.Println("process", os.Getpid(), "ends with", loop.Stats().InFlight, "operations left")
	return err
}

// restart starts the program again, and waits until that serves.
func restart(ctx context.Context, args []string, server *httpx.Server) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	_, err = tcp.HandOver(ctx, cmd, server).Await(ctx)
	return err
}
