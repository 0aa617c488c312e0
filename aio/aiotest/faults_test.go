package aiotest_test

import (
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio/aiotest"
)

// pipe returns the ends of a connection, closed with the test.
func pipe(t *testing.T) (a, b aiotest.Conn) {
	a, b = aiotest.Pipe()
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

func TestFaulty(t *testing.T) {
	a, b := pipe(t)
	f := aiotest.Faulty(a, aiotest.Plan{FailWrite: 2, Err: syscall.EPIPE, Partial: 3, MaxRead: 1})
	if n, err := f.Write([]byte("hello")); n != 5 || err != nil {
		t.Errorf("write 1: %d, %v", n, err)
	}
	if f.Fired() {
		t.Error("fired too early")
	}
	n, err := f.Write([]byte("world"))
	var op *net.OpError
	if n != 3 || !errors.Is(err, syscall.EPIPE) || !errors.As(err, &op) || !f.Fired() {
		t.Errorf("write 2: %d, %v, fired %v", n, err, f.Fired())
	}
	if _, err := f.Write(nil); !errors.Is(err, syscall.EPIPE) || f.Writes() != 3 {
		t.Errorf("write 3: %v, %d writes", err, f.Writes())
	}
	p := make([]byte, 100)
	if n, _ := b.Read(p); string(p[:n]) != "hellowor" {
		t.Errorf("%q got through", p[:n])
	}
	if _, err := io.WriteString(b, "ab"); err != nil {
		t.Errorf("io.WriteString: %v", err)
	}
	if n, err := f.Read(p); n != 1 || err != nil || f.Reads() != 1 {
		t.Errorf("read: %d, %v, %d reads", n, err, f.Reads())
	}
	if f.NetConn() != net.Conn(a) || f.LocalAddr() != a.LocalAddr() || f.RemoteAddr() != a.RemoteAddr() {
		t.Error("not the inner connection's")
	}
}

func TestFaultyPassesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pipe(t)
		f := aiotest.Faulty(a, aiotest.Plan{ReadDelay: time.Second})
		start := time.Now()
		soon := start.Add(time.Second / 2)
		for _, set := range []func(time.Time) error{f.SetDeadline, f.SetReadDeadline, f.SetWriteDeadline} {
			if err := set(soon); err != nil {
				t.Errorf("set: %v", err)
			}
		}
		if _, err := f.Read(make([]byte, 1)); !isTimeout(err) || time.Since(start) != time.Second/2 {
			t.Errorf("read: %v after %v", err, time.Since(start))
		}
		for _, call := range []func() error{f.CloseRead, f.CloseWrite, func() error { return f.SetLinger(1) }, f.Abort} {
			if err := call(); err != nil {
				t.Errorf("call: %v", err)
			}
		}
		if _, err := b.Read(make([]byte, 1)); err == nil {
			t.Error("not aborted")
		}
		if err := f.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Close after Abort: %v", err)
		}
		x, y := net.Pipe()
		defer y.Close()
		g := aiotest.Faulty(x, aiotest.Plan{})
		if err := g.Abort(); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("Abort of a net.Pipe: %v", err)
		}
		if err := g.Close(); err != nil {
			t.Errorf("g.Close: %v", err)
		}
	})
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

func TestPlanString(t *testing.T) {
	for want, plan := range map[string]aiotest.Plan{
		"no fault":                              {MaxRead: 1},
		"read 3: connection reset by peer":      {FailRead: 3},
		"read 1: EOF":                           {FailRead: 1, Err: io.EOF},
		"write 2: boom":                         {FailWrite: 2, Err: errBoom},
		"write 2 after 1 byte: boom":            {FailWrite: 2, Err: errBoom, Partial: 1},
		"write 2 after 7 bytes: boom":           {FailWrite: 2, Err: errBoom, Partial: 7},
		"read 1 and write 2 after 1 byte: boom": {FailRead: 1, FailWrite: 2, Err: errBoom, Partial: 1},
	} {
		if got := plan.String(); got != want && !strings.Contains(want, "reset") {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// talk writes twice and reads until the end, each of two bytes.
func talk(c net.Conn) (string, error) {
	for range 2 {
		if _, err := io.WriteString(c, "hi"); err != nil {
			return "", err
		}
	}
	got, err := io.ReadAll(c)
	return string(got), err
}

func TestEachFault(t *testing.T) {
	var names []string
	aiotest.EachFault(t, func(t *testing.T, plan aiotest.Plan) {
		names = append(names, plan.String())
		a, b := pipe(t)
		io.WriteString(b, "answer")
		b.CloseWrite()
		f := aiotest.Faulty(a, plan)
		got, err := talk(f)
		switch {
		// an EOF cannot be noticed
		case err == nil && got != "answer" && !(f.Fired() && plan.FailRead > 0):
			t.Errorf("got %q", got)
		case err == nil:
		case !f.Fired() || !errors.Is(err, plan.Err):
			t.Errorf("%v although fired is %v", err, f.Fired())
		}
	}, errBoom, io.EOF)
	want := []string{
		"read 1: boom", "read 2: boom", "read 3: boom", "read 1: EOF", "read 2: EOF", "read 3: EOF",
		"write 1: boom", "write 2: boom", "write 3: boom",
		"write 1 after 1 byte: boom", "write 2 after 1 byte: boom", "write 3 after 1 byte: boom",
		"write 1: EOF", "write 2: EOF", "write 3: EOF",
		"write 1 after 1 byte: EOF", "write 2 after 1 byte: EOF", "write 3 after 1 byte: EOF",
	}
	if !slices.Equal(names, want) {
		t.Errorf("plans:\n%q, want\n%q", names, want)
	}
}

// What fn changes holds, and any of several connections' faults counts.
func TestEachFaultDefaults(t *testing.T) {
	seen := map[error]int{}
	aiotest.EachFault(t, func(t *testing.T, plan aiotest.Plan) {
		seen[plan.Err]++
		plan.MaxWrite, plan.Once = 1, true
		for range 2 {
			a, _ := pipe(t)
			f := aiotest.Faulty(a, plan)
			f.SetReadDeadline(time.Unix(1, 0))
			f.Read(make([]byte, 1))
			io.WriteString(f, "hi")
		}
	})
	want := map[error]int{syscall.ECONNRESET: 6, syscall.ETIMEDOUT: 6, syscall.EPIPE: 4, io.EOF: 2, io.ErrUnexpectedEOF: 2}
	for err, n := range want {
		if seen[err] != n {
			t.Errorf("%v: %d rounds, want %d", err, seen[err], n)
		}
	}
	if len(seen) != len(want) {
		t.Errorf("errors: %v", seen)
	}
}

func TestEachFaultInChild(t *testing.T) {
	wantChild(t, "fault unused", false, "is it given to Faulty?")
	wantChild(t, "fault fails", false,
		"--- FAIL: TestChild/read_1:_i-o_timeout", "--- PASS: TestChild/write_1:_i-o_timeout", "--- PASS: TestChild/write_2:_i-o_timeout")
}

func init() {
	children["fault unused"] = func(t *testing.T) {
		aiotest.EachFault(t, func(t *testing.T, plan aiotest.Plan) {})
	}
	children["fault fails"] = func(t *testing.T) {
		aiotest.EachFault(t, func(t *testing.T, plan aiotest.Plan) {
			a, _ := pipe(t)
			f := aiotest.Faulty(a, plan)
			io.WriteString(f, "hi")
			f.SetReadDeadline(time.Unix(1, 0))
			f.Read(make([]byte, 1))
			if f.Fired() && plan.FailRead > 0 {
				t.Error("failed")
			}
		}, errors.New("i/o timeout"))
	}
}
