package memnet_test

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio/internal/memnet"
)

// A step is one call on the faulty end and what is expected of it: "r" reads
// up to 100 bytes, "w" writes data, "t" tries to.
type step struct {
	op   byte
	data string // read, or to write
	n    int    // bytes written
	err  error
}

var errOwn = errors.New("my own")

func TestPlan(t *testing.T) {
	reset, pipeErr := syscall.ECONNRESET, syscall.EPIPE
	tests := []struct {
		name  string
		plan  memnet.Plan
		peer  string // what the peer has written before
		steps []step
		sent  string // what the peer has read after
		fired bool
	}{
		{
			"zero",
			memnet.Plan{},
			"abc",
			[]step{{'r', "abc", 0, nil}, {'w', "de", 2, nil}, {'t', "f", 1, nil}},
			"def", false,
		},
		{
			"second read",
			memnet.Plan{FailRead: 2, MaxRead: 1},
			"abc",
			[]step{{'r', "a", 0, nil}, {'r', "", 0, reset}, {'r', "", 0, reset}, {'w', "x", 1, nil}},
			"x", true,
		},
		{
			"once",
			memnet.Plan{FailRead: 1, FailWrite: 1, Once: true, Err: errOwn},
			"abc",
			[]step{{'r', "", 0, errOwn}, {'r', "abc", 0, nil}, {'w', "x", 0, errOwn}, {'w', "y", 1, nil}},
			"y", true,
		},
		{
			"bare EOF",
			memnet.Plan{FailRead: 1, Err: io.EOF},
			"abc",
			[]step{{'r', "", 0, io.EOF}, {'r', "", 0, io.EOF}},
			"", true,
		},
		{
			"partial write",
			memnet.Plan{FailWrite: 2, Partial: 3, Err: pipeErr},
			"",
			[]step{{'w', "ab", 2, nil}, {'w', "cdefg", 3, pipeErr}, {'w', "h", 0, pipeErr}},
			"abcde", true,
		},
		{
			"partial beyond the end",
			memnet.Plan{FailWrite: 1, Partial: 9},
			"",
			[]step{{'w', "ab", 2, reset}},
			"ab", true,
		},
		{
			"partial try",
			memnet.Plan{FailWrite: 1, Partial: 3},
			"",
			[]step{{'t', "abcde", 3, reset}, {'t', "f", 0, reset}, {'w', "g", 0, reset}},
			"abc", true,
		},
		{
			"short",
			memnet.Plan{MaxRead: 2, MaxWrite: 1},
			"abc",
			[]step{{'r', "ab", 0, nil}, {'r', "c", 0, nil}, {'w', "de", 2, nil}, {'t', "fg", 1, nil}},
			"def", false,
		},
		{
			"never reached",
			memnet.Plan{FailRead: 3, FailWrite: 2},
			"abc",
			[]step{{'r', "abc", 0, nil}, {'w', "x", 1, nil}},
			"x", false,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, b := pipe(t, 0)
			write(t, b, tt.peer)
			f := memnet.Faulty(a, tt.plan)
			reads, writes := run(t, f, tt.steps)
			if f.Reads() != reads || f.Writes() != writes || f.Fired() != tt.fired {
				t.Errorf("%d reads, %d writes, fired %v; want %d, %d, %v",
					f.Reads(), f.Writes(), f.Fired(), reads, writes, tt.fired)
			}
			f.CloseWrite()
			if got, err := io.ReadAll(b); string(got) != tt.sent || err != nil {
				t.Errorf("peer read %q, %v, want %q", got, err, tt.sent)
			}
		})
	}
}

// run makes the calls and returns how many there were.
func run(t *testing.T, f *memnet.FaultyConn, steps []step) (reads, writes int) {
	t.Helper()
	for _, s := range steps {
		switch s.op {
		case 'r':
			reads++
			wantRead(t, f, s.data, s.err)
		case 'w':
			writes++
			wantWrite(t, f, s.data, s.n, s.err)
		case 't':
			writes++
			n, err := f.TryWrite([]byte(s.data))
			if n != s.n {
				t.Errorf("TryWrite(%q) = %d, want %d", s.data, n, s.n)
			}
			wantErr(t, "TryWrite", err, s.err)
		}
	}
	return reads, writes
}

// The enumerator of Faulty's documentation: a small conversation fails in
// every place it can, and nowhere else.
func TestEnumerate(t *testing.T) {
	talk := func(c io.ReadWriter) error {
		for range 3 {
			if _, err := c.Write([]byte("x")); err != nil {
				return err
			}
			if _, err := io.ReadFull(c, make([]byte, 2)); err != nil {
				return err
			}
		}
		return nil
	}
	places := func(plan func(k int) memnet.Plan) int {
		for k := 1; ; k++ {
			a, b := pipe(t, 0)
			write(t, b, "123456")
			f := memnet.Faulty(a, plan(k))
			err := talk(f)
			if !f.Fired() {
				wantErr(t, "without a fault", err, nil)
				return k - 1
			}
			wantErr(t, "with a fault", err, syscall.EIO)
		}
	}
	if n := places(func(k int) memnet.Plan {
		return memnet.Plan{FailRead: k, Err: syscall.EIO, MaxRead: 1}
	}); n != 6 {
		t.Errorf("%d reads can fail, want 6", n)
	}
	if n := places(func(k int) memnet.Plan { return memnet.Plan{FailWrite: k, Err: syscall.EIO} }); n != 3 {
		t.Errorf("%d writes can fail, want 3", n)
	}
}

func TestDelays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pipe(t, 0)
		write(t, b, "abc")
		f := memnet.Faulty(a, memnet.Plan{ReadDelay: time.Minute, WriteDelay: time.Second, FailWrite: 2})
		start := time.Now()
		wantRead(t, f, "abc", nil)
		took(t, start, time.Minute)
		start = time.Now()
		wantWrite(t, f, "x", 1, nil)
		wantWrite(t, f, "x", 0, syscall.ECONNRESET)
		took(t, start, 2*time.Second)

		start = time.Now()
		f.SetDeadline(start.Add(time.Second))
		wantRead(t, f, "", os.ErrDeadlineExceeded)
		took(t, start, time.Second)
		f.SetReadDeadline(time.Time{})
		time.AfterFunc(time.Second, func() { f.SetReadDeadline(time.Unix(1, 0)) })
		wantRead(t, f, "", os.ErrDeadlineExceeded)
		took(t, start, 2*time.Second)
		f.SetReadDeadline(time.Time{})
		time.AfterFunc(time.Second, func() { f.Close() })
		wantRead(t, f, "", net.ErrClosed)
		wantWrite(t, f, "x", 0, net.ErrClosed)
		took(t, start, 3*time.Second)
	})
}

// extras are the methods of a Conn beyond net.Conn.
type extras interface {
	net.Conn
	CloseRead() error
	CloseWrite() error
	SetLinger(sec int) error
	Abort() error
	ReadReady() error
	WriteReady() error
	TryWrite(p []byte) (int, error)
}

var _, _ extras = (*memnet.Conn)(nil), (*memnet.FaultyConn)(nil)

func TestPassThrough(t *testing.T) {
	a, b := pipe(t, 4)
	f := memnet.Faulty(a, memnet.Plan{FailRead: 1, FailWrite: 2})
	if f.NetConn() != a || f.LocalAddr() != a.LocalAddr() || f.RemoteAddr() != a.RemoteAddr() {
		t.Error("not the inner connection's")
	}
	write(t, b, "x")
	wantErr(t, "ReadReady", f.ReadReady(), nil)
	wantErr(t, "WriteReady", f.WriteReady(), nil)
	wantRead(t, f, "", syscall.ECONNRESET)
	wantErr(t, "ReadReady, broken", f.ReadReady(), syscall.ECONNRESET)
	if n, err := f.TryWrite([]byte("abcdef")); n != 4 || err != nil {
		t.Errorf("TryWrite = %d, %v", n, err)
	}
	wantWrite(t, f, "x", 0, syscall.ECONNRESET)
	wantErr(t, "WriteReady, broken", f.WriteReady(), syscall.ECONNRESET)
	f.SetWriteDeadline(time.Unix(1, 0))
	wantWrite(t, a, "x", 0, os.ErrDeadlineExceeded)
	wantErr(t, "CloseRead", f.CloseRead(), nil)
	wantErr(t, "CloseWrite", f.CloseWrite(), nil)
	wantErr(t, "SetLinger", f.SetLinger(0), nil)
	wantErr(t, "Abort", f.Abort(), nil)
	wantErr(t, "Close", f.Close(), net.ErrClosed)
	wantRead(t, b, "", syscall.ECONNRESET)
}

func TestUnsupported(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	f := memnet.Faulty(a, memnet.Plan{})
	_, try := f.TryWrite(nil)
	for what, err := range map[string]error{
		"TryWrite": try, "ReadReady": f.ReadReady(), "WriteReady": f.WriteReady(), "SetLinger": f.SetLinger(0),
		"CloseRead": f.CloseRead(), "CloseWrite": f.CloseWrite(), "Abort": f.Abort(),
	} {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
