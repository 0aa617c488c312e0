package beanstalk_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/beanstalk"
)

// sharedOps are all operations on the connection that a client's commands
// share, by their commands. Job 1 is ready, job 2 delayed, job 3 buried.
var sharedOps = map[string]func(ctx context.Context, c *beanstalk.Client) error{
	"put": func(ctx context.Context, c *beanstalk.Client) error {
		return errOf(ctx, c.Put(ctx, "default", []byte("xyz"), beanstalk.PutOptions{}))
	},
	"delete":         func(ctx context.Context, c *beanstalk.Client) error { return errOf(ctx, c.Delete(ctx, 1)) },
	"kick":           func(ctx context.Context, c *beanstalk.Client) error { return errOf(ctx, c.Kick(ctx, "default", 5)) },
	"kick-job":       func(ctx context.Context, c *beanstalk.Client) error { return errOf(ctx, c.KickJob(ctx, 2)) },
	"peek":           func(ctx context.Context, c *beanstalk.Client) error { return errOf(ctx, c.Peek(ctx, 1)) },
	"peek-ready":     func(ctx context.Context, c *beanstalk.Client) error { return errOf(ctx, c.PeekReady(ctx, "default")) },
	"peek-delayed":   func(ctx context.Context, c *beanstalk.Client) error { return errOf(ctx, c.PeekDelayed(ctx, "default")) },
	"peek-buried":    func(ctx context.Context, c *beanstalk.Client) error { return errOf(ctx, c.PeekBuried(ctx, "default")) },
	"stats":          func(ctx context.Context, c *beanstalk.Client) error { return errOf(ctx, c.Stats(ctx)) },
	"stats-job":      func(ctx context.Context, c *beanstalk.Client) error { return errOf(ctx, c.StatsJob(ctx, 1)) },
	"stats-tube":     func(ctx context.Context, c *beanstalk.Client) error { return errOf(ctx, c.StatsTube(ctx, "default")) },
	"list-tubes":     func(ctx context.Context, c *beanstalk.Client) error { return errOf(ctx, c.ListTubes(ctx)) },
	"list-tube-used": func(ctx context.Context, c *beanstalk.Client) error { return errOf(ctx, c.TubeUsed(ctx)) },
	"pause-tube": func(ctx context.Context, c *beanstalk.Client) error {
		return errOf(ctx, c.PauseTube(ctx, "default", time.Second))
	},
}

// jobOps are all operations on a reserved job.
var jobOps = map[string]func(ctx context.Context, j *beanstalk.Job) error{
	"touch":     func(ctx context.Context, j *beanstalk.Job) error { return errOf(ctx, j.Touch(ctx)) },
	"delete":    func(ctx context.Context, j *beanstalk.Job) error { return errOf(ctx, j.Delete(ctx)) },
	"release":   func(ctx context.Context, j *beanstalk.Job) error { return errOf(ctx, j.Release(ctx, 1, 0)) },
	"bury":      func(ctx context.Context, j *beanstalk.Job) error { return errOf(ctx, j.Bury(ctx, 1)) },
	"stats-job": func(ctx context.Context, j *beanstalk.Job) error { return errOf(ctx, j.Stats(ctx)) },
}

// threeJobs puts a job that is ready, one that is delayed, one that is buried.
func threeJobs(f *fake) {
	f.put("default", "first", 0, time.Hour)
	f.put("default", "second", 0, time.Hour)
	f.put("default", "third", 0, time.Hour)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.jobs[2].after(time.Hour)
	f.jobs[3].enter("buried", nil)
}

// eachByte calls fn with a fault after each number of bytes of the answer to
// cmd: the connection is closed, or nothing more comes.
func eachByte(t *testing.T, cmd string, fn func(t *testing.T, f *fake, c *beanstalk.Client, ctx context.Context, ft *fault)) {
	for _, mute := range []bool{false, true} {
		for bytes, whole := 0, 1; bytes < whole || bytes == whole && !mute; bytes++ {
			withFake(t, func(ctx context.Context, t *testing.T, f *fake, c *beanstalk.Client) error {
				c.Timeout = 5 * time.Second
				threeJobs(f)
				ft := f.fail(fault{cmd: cmd, cut: !mute, mute: mute, bytes: bytes})
				fn(t, f, c, ctx, ft)
				f.mu.Lock()
				fired := ft.fired
				whole = ft.whole
				f.mu.Unlock()
				if !fired || whole == 0 {
					t.Fatalf("%s: the fault did not happen", cmd)
				}
				return nil
			})
			if t.Failed() {
				t.Fatalf("%s, mute %v: after %d bytes", cmd, mute, bytes)
			}
		}
	}
}

// broken fails the test unless err is the error of a missing response, or nil
// if the response has arrived.
func broken(t *testing.T, f *fake, err error, ft *fault, lost bool) {
	t.Helper()
	if f.complete(ft) {
		want(t, "the answer was complete", err)
		return
	}
	want(t, "the answer was not complete", err, beanstalk.ErrUnanswered, aio.ErrConn)
	if ft.mute {
		want(t, "nothing more came", err, aio.ErrTimeout)
	}
	if lost {
		want(t, "a job's connection", err, beanstalk.ErrJobLost)
	}
	if aio.IsInfo(err) {
		t.Errorf("%v is no mere information", err)
	}
}

// The connection ends, or nothing more comes, after each byte of each answer:
// the operation fails and says that its outcome is not known, and the next one
// succeeds.
func TestFaultsOfShared(t *testing.T) {
	for cmd, op := range sharedOps {
		t.Run(cmd, func(t *testing.T) {
			eachByte(t, cmd, func(t *testing.T, f *fake, c *beanstalk.Client, ctx context.Context, ft *fault) {
				broken(t, f, op(ctx, c), ft, false)
				synctest.Wait() // the connection may end just now
				want(t, "the next command", errOf(ctx, c.Stats(ctx)))
			})
		})
	}
}

// A command whose tube is not used yet was not sent: it waits for the next
// connection.
func TestFaultsOfUse(t *testing.T) {
	eachByte(t, "use", func(t *testing.T, f *fake, c *beanstalk.Client, ctx context.Context, ft *fault) {
		id, err := c.Put(ctx, "a", nil, beanstalk.PutOptions{}).Await(ctx)
		// the connection may end before the put's answer, or before it is sent
		if f.complete(ft) {
			if err != nil {
				want(t, "put", err, beanstalk.ErrUnanswered)
			}
			return
		}
		want(t, "put", err)
		if j := f.all()[id]; j == nil || j.tube != "a" {
			t.Errorf("put job %d: %+v", id, j)
		}
		if n := len(f.all()); n != 4 {
			t.Errorf("%d jobs, want the put one and 3", n)
		}
	})
}

// Faults of a job's connection: the job is lost, and given back.
func TestFaultsOfJob(t *testing.T) {
	for cmd, op := range jobOps {
		t.Run(cmd, func(t *testing.T) {
			eachByte(t, cmd, func(t *testing.T, f *fake, c *beanstalk.Client, ctx context.Context, ft *fault) {
				cons := c.Consumer()
				j := must(ctx, t, cons.Reserve(ctx))
				err := op(ctx, j)
				broken(t, f, err, ft, true)
				if err != nil {
					<-j.Lost()
					err := errOf(ctx, j.Delete(ctx))
					want(t, "delete after that", err, beanstalk.ErrJobLost)
					wantNot(t, "delete after that", err, beanstalk.ErrUnanswered)
				}
				synctest.Wait()
				if ft.cut && f.state(j.ID) == "reserved" {
					t.Error("the job is still reserved")
				}
				f.put("default", "", 0, time.Hour)
				must(ctx, t, must(ctx, t, cons.Reserve(ctx)).Delete(ctx))
			})
		})
	}
}

// Faults of what a Reserve is made of: it goes on, on another connection, and
// gets the job.
func TestFaultsOfReserve(t *testing.T) {
	for _, cmd := range []string{"watch", "ignore", "reserve-with-timeout", "stats-job"} {
		t.Run(cmd, func(t *testing.T) {
			eachByte(t, cmd, func(t *testing.T, f *fake, c *beanstalk.Client, ctx context.Context, ft *fault) {
				id := f.put("a", "hello", 0, time.Hour)
				cons := &beanstalk.Consumer{Client: c, Tubes: []string{"a"}, Stats: true}
				r := cons.Reserve(ctx)
				j := must(ctx, t, r)
				if j.ID != id || string(j.Body) != "hello" {
					t.Errorf("got job %d %q, want %d", j.ID, j.Body, id)
				}
				// it may be on the connection that ends
				if err := errOf(ctx, j.Delete(ctx)); err != nil {
					want(t, "delete", err, beanstalk.ErrJobLost)
					if !f.complete(ft) {
						t.Errorf("delete on a good connection: %v", err)
					}
				}
				if f.made() > 2 {
					t.Errorf("%d connections for one fault", f.made())
				}
			})
		})
	}
}

// nonsense is what no server answers to any command.
var nonsense = []string{
	"\r\n", "\n", "HELLO\r\n", "INSERTED\r\n", "INSERTED x\r\n", "INSERTED 1 2\r\n", "OK\r\n", "OK -1\r\n", "OK 99999999999\r\n",
	"FOUND 1 4\r\nabcdef\r\n", "RESERVED 1 4\r\nabcd\n\n", "RESERVED 1 99999999999\r\n", "WATCHING\r\n", "WATCHING x\r\n",
	"OK 3\r\nabc\r\n", "OK 10\r\n---\nid: x\n\r\n", "USING other\r\n", "RESERVED 77 1\r\nx\r\n", "FOUND 77 1\r\nx\r\n", "DEADLINE_SOON\r\n",
	"TIMED_OUT\r\n", "\x00\x01\x02\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", strings.Repeat("x", 1<<20),
	"DELETED\r\nDELETED\r\nDELETED\r\n",
}

// A server that answers nonsense, once: the operation fails or, if the nonsense
// is an answer, succeeds, and nothing hangs, or stays.
func TestNonsense(t *testing.T) {
	for _, text := range nonsense {
		for cmd, op := range sharedOps {
			withFake(t, func(ctx context.Context, t *testing.T, f *fake, c *beanstalk.Client) error {
				threeJobs(f)
				f.fail(fault{cmd: cmd, instead: text})
				err := op(ctx, c)
				if err != nil && !errors.Is(err, beanstalk.ErrProtocol) {
					t.Errorf("%s was answered with %.30q: %v, want ErrProtocol", cmd, text, err)
				}
				if err == nil && !allowed(cmd, text) {
					t.Errorf("%s was answered with %.30q: no error", cmd, text)
				}
				if err := errOf(ctx, c.Stats(ctx)); err != nil && !errors.Is(err, beanstalk.ErrProtocol) {
					t.Errorf("the next command: %v", err)
				}
				want(t, "the one after that", errOf(ctx, c.Stats(ctx)))
				return nil
			})
		}
	}
}

// allowed reports whether a text of nonsense is an answer to a command.
func allowed(cmd, text string) bool {
	switch cmd {
	case "delete":
		return strings.HasPrefix(text, "DELETED")
	case "list-tube-used":
		return text == "USING other\r\n"
	case "peek-ready", "peek-delayed", "peek-buried":
		return text == "FOUND 77 1\r\nx\r\n"
	case "stats": // which may have any ID
		return strings.HasPrefix(text, "OK 10")
	}
	return false
}

// Malformed data is not a job: a Reserve goes on, or fails after as many
// connections as Backoff has tries.
func TestNonsenseOfReserve(t *testing.T) {
	for _, cmd := range []string{"watch", "ignore", "reserve-with-timeout"} {
		for _, text := range nonsense {
			if cmd == "reserve-with-timeout" && strings.HasPrefix(text, "RESERVED 77") {
				continue
			}
			withFake(t, func(ctx context.Context, t *testing.T, f *fake, c *beanstalk.Client) error {
				f.put("a", "x", 0, time.Hour)
				f.fail(fault{cmd: cmd, instead: text})
				must(ctx, t, must(ctx, t, c.Consumer("a").Reserve(ctx)).Delete(ctx))

				made := f.made()
				for range 100 {
					f.fail(fault{cmd: cmd, instead: text})
				}
				err := errOf(ctx, c.Consumer("a").Reserve(ctx))
				if err == nil {
					t.Errorf("%s was answered with %.30q again and again: no error", cmd, text)
				}
				if n := f.made() - made; n > 6 {
					t.Errorf("%s was answered with %.30q again and again: %d connections", cmd, text, n)
				}
				return nil
			})
		}
	}
}

// What a server says without having been asked ends the connection.
func TestUnasked(t *testing.T) {
	withFake(t, func(ctx context.Context, t *testing.T, f *fake, c *beanstalk.Client) error {
		must(ctx, t, c.Stats(ctx))
		f.mu.Lock()
		for fc := range f.conns {
			fc.nc.Write([]byte("INSERTED 5\r\n"))
		}
		f.mu.Unlock()
		synctest.Wait()
		if n := f.open(); n != 0 {
			t.Errorf("%d connections are open", n)
		}
		must(ctx, t, c.Stats(ctx))
		f.fail(fault{cmd: "stats", before: "INSERTED 5\r\n"})
		want(t, "an answer before the answer", errOf(ctx, c.Stats(ctx)), beanstalk.ErrProtocol, beanstalk.ErrUnanswered)
		f.fail(fault{cmd: "peek", instead: "FOUND 1 10\r\nabc\r\n"})
		c.Timeout = time.Second
		return nil
	})
}
