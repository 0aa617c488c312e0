package tcp

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/internal/bell"
)

// readyTime is how long HandOver waits for a process to be ready if its ctx has
// no deadline. It is a variable for tests.
var readyTime = 30 * time.Second

// HandOver starts cmd, which is to take over from this process, with the
// listening sockets of from: *Servers, *Listeners, *httpx.Servers,
// *net.TCPListeners and the like. The future is done when the new process
// reports that it serves, with Inherited.Ready or StartInherited. Both
// processes then accept from the same queues, so that no client is refused when
// this one then drains, with Loop.Exit or Server.Shutdown.
//
// The new process gets the sockets with Inherit, in the order of from;
// LISTEN_FDNAMES in cmd.Env can name them, separated by colons. A program that
// reads the variables itself gets no LISTEN_PID, which is not known in time.
// cmd.ExtraFiles follow the sockets. Make cmd with exec.Command rather than
// CommandContext, whose process ends with its context, and give it files for
// output. After success the caller owns cmd, and calls Wait or Release on its
// process.
//
// The process has 30 s to become ready, or until the deadline of ctx if it has
// one. If it is late, ends or closes the pipe before, or is not ready when ctx
// ends or the future is cancelled, it is killed and waited for, and this
// process continues as before. The error says what happened: it is an
// aio.ErrTimeout after the 30 s, and the cause after a cancellation. On systems
// whose processes inherit no sockets (Windows) it is an errors.ErrUnsupported.
func HandOver(ctx context.Context, cmd *exec.Cmd, from ...interface{ File() (*os.File, error) }) *aio.Future[struct{}] {
	limit := readyTime
	if _, bounded := ctx.Deadline(); bounded {
		limit = math.MaxInt64
	}
	return aio.Go(ctx, "hand over to "+cmd.Path, func(ctx context.Context) (struct{}, error) {
		if ctx.Err() != nil {
			return struct{}{}, context.Cause(ctx)
		}
		ready, err := startSuccessor(cmd, from)
		if err != nil {
			return struct{}{}, fmt.Errorf("tcp: hand over to %s: %w", cmd.Path, err)
		}
		defer ready.Close()
		ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("it had %v: %w", limit, aio.ErrTimeout))
		defer cancel()
		return struct{}{}, awaitReady(ctx, cmd, ready)
	})
}

// startSuccessor starts cmd with the files of from, and returns the pipe
// through which it reports that it is ready.
func startSuccessor(cmd *exec.Cmd, from []interface{ File() (*os.File, error) }) (*os.File, error) {
	if !inherits {
		return nil, errors.ErrUnsupported
	}
	var files []*os.File
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	for _, l := range from {
		theirs, err := l.File()
		if err != nil {
			return nil, err
		}
		f, err := duplicate(theirs) // see duplicate
		theirs.Close()
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	ready, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	files = append(files, w)
	cmd.ExtraFiles = append(files[:len(files):len(files)], cmd.ExtraFiles...)
	cmd.Env = append(cmd.Environ(), "LISTEN_PID=", fmt.Sprint("LISTEN_FDS=", len(from)), fmt.Sprint(readyVar, "=", 3+len(from)))
	if err := cmd.Start(); err != nil {
		ready.Close()
		return nil, err
	}
	return ready, nil
}

// awaitReady waits until the process is ready, or ends it.
func awaitReady(ctx context.Context, cmd *exec.Cmd, ready *os.File) error {
	stop := context.AfterFunc(ctx, func() {
		_ = ready.SetReadDeadline(bell.Past) // fails only on a closed pipe
	})
	defer stop()
	if n, _ := ready.Read(make([]byte, 1)); n > 0 {
		return nil
	}
	_ = cmd.Process.Kill() // fails only if it has ended
	err := cmd.Wait()
	if ctx.Err() != nil {
		return fmt.Errorf("tcp: %s was not ready: %w", cmd.Path, context.Cause(ctx))
	}
	if err == nil {
		err = errors.New("it did not call Ready")
	}
	return fmt.Errorf("tcp: %s ended before it was ready: %w", cmd.Path, err)
}
