package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/live"
	"goaio.example/aio/tcp"
	"goaio.example/aio/timer"
)

// program is what is watched: n operations, in groups of a hundred timers and
// promises below one function each. It prints the address of its page, and for
// each line that it reads the processor time that it has used.
func program(n int, stdin io.Reader, stdout io.Writer) error {
	loop := &aio.Loop{Name: "watched"}
	kind := aio.NewKind("watched.answer")
	return loop.Run(context.Background(), func(ctx context.Context) error {
		page, err := live.Serve(ctx, "127.0.0.1:0")
		if err != nil {
			return err
		}
		for group := range (n + 99) / 100 {
			aio.Go(ctx, fmt.Sprint("group ", group), func(ctx context.Context) (int, error) {
				for range 49 {
					timer.After(ctx, time.Hour)
					aio.NewPromise[int](ctx, kind, "answer")
				}
				last := aio.NewPromise[int](ctx, kind, "the last")
				return last.Future().Await(ctx)
			})
		}
		fmt.Fprintln(stdout, page.URL())
		aio.Spawn(ctx, "answer", func(context.Context) error {
			defer loop.Cancel(nil)
			for range tcp.Lines(stdin, 100) {
				fmt.Fprintln(stdout, used())
			}
			return nil
		})
		return nil
	})
}

// process is the process of the program.
type process struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
	url    string
}

// start starts the program.
func start(ctx context.Context, n int) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.CommandContext(ctx, self, "-program", "-n", strconv.Itoa(n))}
	p.cmd.Env, p.cmd.Stderr = append(os.Environ(), "BE_THE_PROGRAM=1"), os.Stderr
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	p.stdout = bufio.NewReader(out)
	line, err := p.stdout.ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the program's address: %w", err), p.end())
	}
	p.url = strings.TrimSpace(line)
	return p, nil
}

// end ends the program.
func (p *process) end() error {
	p.stdin.Close()
	return p.cmd.Wait()
}

// share measures for a time what share of one processor the program uses.
func (p *process) share(length time.Duration) (float64, error) {
	before, err := p.used()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	time.Sleep(length)
	after, err := p.used()
	return (after - before).Seconds() / time.Since(began).Seconds(), err
}

// used is the processor time that the program has used.
func (p *process) used() (time.Duration, error) {
	if _, err := fmt.Fprintln(p.stdin, "how much?"); err != nil {
		return 0, err
	}
	line, err := p.stdout.ReadString('\n')
	if err != nil {
		return 0, err
	}
	return time.ParseDuration(strings.TrimSpace(line))
}
