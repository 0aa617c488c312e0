//go:build unix

package beanjobs_test

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"goaio.example/aio/aiotest"
	"goaio.example/aio/jobs"
)

// A worker that is killed loses no job; the job is done twice if it was killed
// between the job's end and the Delete.
func TestKilled(t *testing.T) {
	for at, want := range map[string][2][]string{
		"reserved":      {nil, {"done one 2"}},
		"before delete": {{"done one 1"}, {"done one 2"}},
		"after delete":  {{"done one 1"}, nil},
	} {
		t.Run(at, func(t *testing.T) {
			server := realServer(t)
			aiotest.Run(t, func(ctx context.Context) error {
				put(ctx, t, server.addr, jobs.Job{ID: "one", Body: []byte("0")})
				first := startWorker(t, server.addr, at)
				if got := first.end(0); fmt.Sprint(got) != fmt.Sprint(want[0]) {
					t.Errorf("the worker that was killed said %q, want %q", got, want[0])
				}
				second := startWorker(t, server.addr, "")
				wantEmpty(ctx, t, server.addr)
				if got := second.end(syscall.SIGTERM); fmt.Sprint(got) != fmt.Sprint(want[1]) {
					t.Errorf("the worker after it said %q, want %q", got, want[1])
				}
				return nil
			})
		})
	}
}

// A job that ignores SIGTERM is released when its Grace is over, and done by
// another worker while the process is still there.
func TestSIGTERMStuck(t *testing.T) {
	t.Parallel() // it waits, mostly
	server := realServer(t)
	aiotest.Runner{Parallel: true}.Run(t, func(ctx context.Context) error {
		b := broker(server.addr)
		b.TTR = time.Hour
		if _, err := b.Put(ctx, queue, jobs.Job{ID: "one", Body: []byte("stuck")}).Await(ctx); err != nil {
			return err
		}
		first := startWorker(t, server.addr, "")
		first.says("begun")
		if err := first.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			return err
		}
		s := b.Source(queue)
		l, err := reserve(ctx, s)
		if err != nil {
			return err
		}
		if n := l.Delivery().Attempts; n != 2 {
			t.Errorf("the job comes for the time %d, want 2", n)
		}
		if err := first.cmd.Process.Signal(syscall.Signal(0)); err != nil {
			t.Errorf("the stuck worker has ended before its job came: %v", err)
		}
		if err := l.Delete(ctx); err != nil {
			t.Errorf("l.Delete: %v", err)
		}
		cmd := first.cmd
		first.end(0)
		if code := cmd.ProcessState.ExitCode(); code != 3 {
			t.Errorf("the stuck worker ended with status %d, want 3: it names what is stuck", code)
		}
		return s.Close(ctx)
	})
}

// A process that is stopped for longer than its lease finds that out when it
// goes on. What it does then is done twice, unless beanstalkd has missed the
// end of the lease.
func TestSIGSTOP(t *testing.T) {
	t.Parallel() // it waits, mostly
	server := realServer(t)
	aiotest.Runner{Parallel: true}.Run(t, func(ctx context.Context) error {
		put(ctx, t, server.addr, jobs.Job{ID: "one", Body: []byte("wait")})
		first := startWorker(t, server.addr, "")
		first.says("begun")
		if err := first.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			return err
		}
		s := broker(server.addr).Source(queue)
		in, cancel := context.WithTimeout(ctx, 2*leaseTime)
		defer cancel()
		l, err := reserve(in, s)
		if err != nil && in.Err() == nil {
			return err
		}
		if err := first.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			return err
		}
		if got := first.says("lost"); got != "one 1" {
			t.Errorf("the worker has lost %q, want one", got)
		}
		first.says("done")
		if l != nil {
			t.Log("the job came to another worker meanwhile")
			if err := l.Delete(ctx); err != nil {
				t.Errorf("the other worker cannot delete it: %v", err)
			}
		}
		wantEmpty(ctx, t, server.addr)
		put(ctx, t, server.addr, jobs.Job{ID: "two", Body: []byte("0")})
		if got := first.says("done"); got != "two 1" {
			t.Errorf("the worker then does %q, want two", got)
		}
		first.end(syscall.SIGTERM)
		return s.Close(ctx)
	})
}
