// Prefork serves one port from several processes, among which the kernel
// spreads the connections (Linux, FreeBSD).
//
//	go run ./examples/prefork [-addr HOST:PORT] [-processes N] [-delay 100ms]
//
// The parent starts itself N times. SIGTERM or Ctrl-C ends all: each accepts
// what is on its way to it, answers what it was asked, and ends; the parent
// does when all have. SIGTERM to one of them ends that, while the others go on.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/httpx"
	"goaio.example/aio/timer"
)

func main() {
	flags := flag.NewFlagSet("prefork", flag.ExitOnError)
	addr := flags.String("addr", "127.0.0.1:8092", "`address` to listen on")
	processes := flags.Int("processes", 2, "how many")
	delay := flags.Duration("delay", 100*time.Millisecond, "time from a request to its answer")
	child := flags.Bool("child", false, "be one of the processes")
	flags.Parse(os.Args[1:]) // exits on an error
	var err error
	if *child {
		err = serve(*addr, *delay)
	} else {
		err = supervise(*addr, *processes, os.Args[1:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "prefork:", err)
		os.Exit(1)
	}
}

// serve is one of the processes. It ends gracefully when its stdin does, which
// the parent holds, or at SIGTERM.
func serve(addr string, delay time.Duration) error {
	// the terminal sends it to all; the parent passes it on
	signal.Ignore(os.Interrupt)
	loop := &aio.Loop{
		Name:        "prefork",
		CatchPanics: true,
		OnEvent:     aio.LogEvents,
		Signals:     []os.Signal{syscall.SIGTERM},
	}
	return loop.Run(context.Background(), func(ctx context.Context) error {
		server := &httpx.Server{ReusePort: true, Handle: func(r *httpx.Request) {
			timer.Delay(r.Context(), delay, func(context.Context) error {
				r.RespondString(200, fmt.Sprintln("process", os.Getpid()))
				return nil
			})
		}}
		if err := server.Start(ctx, addr); err != nil {
			return err
		}
		fmt.Println(server.Addr())
		go func() { // no operation: nothing can end a read of stdin
			io.Copy(io.Discard, os.Stdin)
			loop.Exit(nil)
		}()
		return nil // the server holds the loop open
	})
}

// supervise starts the processes, and ends when all of them have.
func supervise(addr string, processes int, args []string) error {
	loop := &aio.Loop{Name: "parent", Signals: []os.Signal{os.Interrupt, syscall.SIGTERM}, Grace: 20 * time.Second}
	return loop.Run(context.Background(), func(ctx context.Context) error {
		for range processes {
			cmd := exec.Command(os.Args[0], append(args[:len(args):len(args)], "-child", "-addr", addr)...)
			cmd.Stderr = os.Stderr
			// both fail only on a cmd that has one, or was started
			stdin, _ := cmd.StdinPipe()
			stdout, _ := cmd.StdoutPipe()
			if err := cmd.Start(); err != nil {
				return err
			}
			line, err := bufio.NewReader(stdout).ReadString('\n')
			aio.Spawn(ctx, fmt.Sprint("process ", cmd.Process.Pid), func(context.Context) error {
				defer fmt.Println("process", cmd.Process.Pid, "ended")
				return cmd.Wait()
			})
			// ends when the loop drains
			aio.Daemon(ctx, "", func(ctx context.Context) error {
				<-ctx.Done()
				stdin.Close() // fails only if the process has ended
				return nil
			})
			if err != nil {
				return fmt.Errorf("a process does not serve: %w", err)
			}
			addr = strings.TrimSpace(line) // with the port, for the others
			fmt.Println("process", cmd.Process.Pid, "listens on", addr)
		}
		return nil // the processes hold the loop open
	})
}
