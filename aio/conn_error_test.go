//go:build !plan9

package aio_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"goaio.example/aio"
)

var connConditions = []struct {
	name string
	err  error
}{
	{"Conn", aio.ErrConn},
	{"EOF", aio.ErrEOF},
	{"Timeout", aio.ErrTimeout},
	{"Refused", aio.ErrRefused},
	{"DNS", aio.ErrDNS},
	{"Closed", aio.ErrClosed},
	{"Reset", aio.ErrReset},
	{"io.EOF", io.EOF},
	{"os.Deadline", os.ErrDeadlineExceeded},
	{"net.Closed", net.ErrClosed},
}

// connMatches names the conditions that err is in, space-separated.
func connMatches(err error) string {
	var in []string
	for _, c := range connConditions {
		if errors.Is(err, c.err) {
			in = append(in, c.name)
		}
	}
	var ne net.Error
	if errors.As(err, &ne) && ne.Timeout() {
		in = append(in, "net.Timeout")
	}
	var de *net.DNSError
	if errors.As(err, &de) {
		in = append(in, "net.DNS")
	}
	return strings.Join(in, " ")
}

const (
	isEOF     = "EOF io.EOF"
	isTimeout = "Conn Timeout os.Deadline net.Timeout"
	isRefused = "Conn Refused"
	isDNS     = "Conn DNS net.DNS"
	isClosed  = "Conn Closed net.Closed"
	isReset   = "Conn Reset"
	isOther   = "Conn"
)

var (
	addr4 = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9}
	noDNS = &net.DNSError{Err: "no such host", Name: "x.invalid", Server: "192.0.2.1:53", IsNotFound: true}
)

func opErr(err error) error {
	return &net.OpError{Op: "dial", Net: "tcp", Addr: addr4, Err: err}
}

func sysErr(call string, errno syscall.Errno) error {
	return opErr(os.NewSyscallError(call, errno))
}

// slowErr is a foreign error that times out though what it wraps does not say
// so.
type slowErr struct{ error }

func (slowErr) Timeout() bool   { return true }
func (s slowErr) Unwrap() error { return s.error }

// alikeErr is a foreign error that says by Is what it is.
type alikeErr struct{ target error }

func (alikeErr) Error() string          { return "alike" }
func (a alikeErr) Is(target error) bool { return target == a.target }

// uncomparableErr cannot be compared with ==.
type uncomparableErr struct{ _ []int }

func (uncomparableErr) Error() string { return "uncomparable" }

type connErrorCase struct {
	name string
	err  error
	in   string // conditions
	code int
	msg  string
	text string // after "dial tcp 127.0.0.1:9: "; "" is msg
}

func errnoCase(call, in string, e syscall.Errno) connErrorCase {
	return connErrorCase{call + " " + e.Error(), sysErr(call, e), in, int(e), e.Error(), ""}
}

func connErrorCases() []connErrorCase {
	return append(systemCases(), append(ourCases(), append(dnsCases(), nestedCases()...)...)...)
}

func systemCases() []connErrorCase {
	refused := syscall.ECONNREFUSED
	cases := []connErrorCase{
		errnoCase("connect", isRefused, refused),
		errnoCase("read", isReset, syscall.ECONNRESET),
		errnoCase("accept", isReset, syscall.ECONNABORTED),
		errnoCase("write", isReset, syscall.EPIPE),
		errnoCase("connect", isTimeout, syscall.ETIMEDOUT),
		// a full backlog of a unix socket
		errnoCase("connect", isOther, syscall.EAGAIN),
		errnoCase("connect", isOther, syscall.EHOSTUNREACH),
		errnoCase("socket", isOther, syscall.EMFILE),
		errnoCase("bind", isOther, syscall.EADDRINUSE),
		{"bare errno", refused, isRefused, int(refused), refused.Error(), ""},
		{"SyscallError", os.NewSyscallError("connect", refused), isRefused, int(refused), refused.Error(), ""},
		{
			"wrapped", fmt.Errorf("proxy: %w", sysErr("connect", refused)), isRefused, int(refused), refused.Error(),
			"proxy: dial tcp 127.0.0.1:9: connect: " + refused.Error(),
		},
	}
	if runtime.GOOS != "windows" {
		return cases
	}
	for e, in := range map[syscall.Errno]string{
		10061: isRefused, 1225: isRefused,
		10053: isReset, 10054: isReset, 10058: isReset, 64: isReset, 109: isReset, 1236: isReset,
		10060: isTimeout, 121: isTimeout, 258: isTimeout,
		10065: isOther, 10048: isOther,
	} {
		cases = append(cases, errnoCase(fmt.Sprint("wsa ", int(e)), in, e))
	}
	return cases
}

func ourCases() []connErrorCase {
	return []connErrorCase{
		{"EOF", io.EOF, isEOF, -1, "EOF", ""},
		{"OpError EOF", opErr(io.EOF), isEOF, -1, "EOF", ""},
		{"ErrUnexpectedEOF", io.ErrUnexpectedEOF, isOther, -1, "unexpected EOF", ""},
		{"deadline", opErr(os.ErrDeadlineExceeded), isTimeout, -1, "i/o timeout", ""},
		{"context deadline", context.DeadlineExceeded, isTimeout, -1, "i/o timeout", ""},
		{"context deadline in a dial", opErr(context.DeadlineExceeded), isTimeout, -1, "i/o timeout", ""},
		{"canceled", opErr(context.Canceled), isOther, -1, "context canceled", ""},
		{"cause", errors.New("shutting down"), isOther, -1, "shutting down", ""},
		{"net.ErrClosed", opErr(net.ErrClosed), isClosed, -1, "use of closed network connection", ""},
		{"os.ErrClosed", os.ErrClosed, isClosed, -1, "file already closed", ""},
		{"io.ErrClosedPipe", io.ErrClosedPipe, isClosed, -1, "io: read/write on closed pipe", ""},
		{"AddrError", opErr(&net.AddrError{Err: "missing port", Addr: "x"}), isOther, -1, "address x: missing port", ""},
		{
			"tls alert", &net.OpError{Op: "remote error", Err: tls.AlertError(40)}, isOther, -1,
			"tls: handshake failure", "remote error: tls: handshake failure",
		},
		{"ErrConn", aio.ErrConn, isOther, -1, "connection error", ""},
		{"ErrEOF", aio.ErrEOF, isEOF, -1, "EOF", ""},
		{"ErrTimeout", aio.ErrTimeout, isTimeout, -1, "i/o timeout", ""},
		{"ErrRefused", aio.ErrRefused, isRefused, -1, "connection refused", ""},
		{"ErrDNS", aio.ErrDNS, isDNS, -1, "name lookup failed", ""},
		{"ErrClosed", aio.ErrClosed, isClosed, -1, "use of closed connection", ""},
		{"ErrReset", aio.ErrReset, isReset, -1, "connection reset by peer", ""},
		{"nil", nil, isOther, -1, "unknown error", ""},
		{"empty OpError", &net.OpError{Op: "read"}, isOther, -1, "unknown error", ""},
		{"uncomparable", uncomparableErr{}, isOther, -1, "uncomparable", ""},
	}
}

func dnsCases() []connErrorCase {
	const name = "lookup x.invalid on 192.0.2.1:53: "
	slowDNS, canceled, refused := *noDNS, *noDNS, *noDNS
	slowDNS.Err, slowDNS.IsTimeout = "i/o timeout", true
	canceled.Err, canceled.UnwrapErr = "operation was canceled", context.Canceled
	refused.Err, refused.UnwrapErr = "server failed", syscall.ECONNREFUSED
	return []connErrorCase{
		{"not found", opErr(noDNS), isDNS, -1, "no such host", name + "no such host"},
		{"DNS timeout", opErr(&slowDNS), "Conn Timeout DNS os.Deadline net.Timeout net.DNS", -1, "i/o timeout", name + "i/o timeout"},
		{"DNS canceled", opErr(&canceled), "Conn net.DNS", -1, "operation was canceled", name + "operation was canceled"},
		{"DNS server refused", opErr(&refused), isDNS, -1, "server failed", name + "server failed"},
	}
}

func nestedCases() []connErrorCase {
	refused, reset := syscall.ECONNREFUSED, syscall.ECONNRESET
	const r = "dial tcp 127.0.0.1:9: connect: "
	inner := aio.NewConnError("read", "tcp", "b:1", 7, reset)
	return []connErrorCase{
		{
			"joined", errors.Join(opErr(os.ErrDeadlineExceeded), sysErr("connect", refused)),
			"Conn Timeout Refused os.Deadline net.Timeout", int(refused), refused.Error(),
			"dial tcp 127.0.0.1:9: i/o timeout; " + r + refused.Error(),
		},
		{
			"joined with EOF", errors.Join(io.EOF, sysErr("connect", reset)), "Conn EOF Reset io.EOF", int(reset), reset.Error(),
			"EOF; " + r + reset.Error(),
		},
		{"joined EOFs", errors.Join(io.EOF, aio.ErrEOF), isEOF, -1, "EOF", "EOF; aio: EOF"},
		{
			"joined, no code", errors.Join(opErr(noDNS), io.ErrClosedPipe), "Conn DNS Closed net.Closed net.DNS", -1, "no such host",
			opErr(noDNS).Error() + "; io: read/write on closed pipe",
		},
		{
			"two by fmt", fmt.Errorf("%w or %w", os.ErrDeadlineExceeded, refused),
			"Conn Timeout Refused os.Deadline net.Timeout", int(refused), refused.Error(), "i/o timeout or " + refused.Error(),
		},
		{
			"wrapped ConnError", fmt.Errorf("peer: %w", inner), isReset, int(reset), reset.Error(),
			"peer: read tcp b:1: " + reset.Error(),
		},
		{"literal ConnError", fmt.Errorf("x: %w", &aio.ConnError{Op: "read", Code: 5, Msg: "five"}), isOther, 5, "five", "x: read: five"},
		{"foreign timeout", slowErr{errors.New("stalled")}, isTimeout, -1, "stalled", ""},
		{"foreign Is EOF", alikeErr{io.EOF}, isEOF, -1, "alike", ""},
		{"foreign Is deadline", alikeErr{context.DeadlineExceeded}, isTimeout, -1, "alike", ""},
		{"foreign Is closed", alikeErr{net.ErrClosed}, isClosed, -1, "alike", ""},
	}
}

func TestConnErrorTable(t *testing.T) {
	for _, c := range connErrorCases() {
		t.Run(c.name, func(t *testing.T) {
			e := aio.NewConnError("dial", "tcp", "127.0.0.1:9", 3, c.err)
			if got := connMatches(e); got != c.in {
				t.Errorf("is %q, want %q", got, c.in)
			}
			if got := connMatches(fmt.Errorf("wrapped: %w", e)); got != c.in {
				t.Errorf("wrapped: is %q, want %q", got, c.in)
			}
			if e.Code != c.code || e.Msg != c.msg || e.FD != 3 {
				t.Errorf("Code %d, Msg %q, FD %d, want %d, %q, 3", e.Code, e.Msg, e.FD, c.code, c.msg)
			}
			want := "dial tcp 127.0.0.1:9: " + c.text
			if c.text == "" {
				want += c.msg
			}
			if got := fmt.Sprintf("%v", e); got != want {
				t.Errorf("text %q, want %q", got, want)
			}
			if !errors.Is(e, c.err) && c.err != nil && c.name != "uncomparable" {
				t.Errorf("does not match its own Err")
			}
			if got, want := aio.IsInfo(e), c.in == isEOF; got != want {
				t.Errorf("IsInfo %v, want %v", got, want)
			}
		})
	}
}

func TestConditionsThemselves(t *testing.T) {
	for _, c := range ourCases() {
		if strings.HasPrefix(c.name, "Err") && strings.HasPrefix(fmt.Sprint(c.err), "aio: ") {
			if got := connMatches(c.err); got != c.in {
				t.Errorf("%s: is %q, want %q", c.name, got, c.in)
			}
			if got := aio.IsInfo(c.err); got != (c.name == "ErrEOF") {
				t.Errorf("%s: IsInfo %v", c.name, got)
			}
		}
	}
	for _, c := range connConditions {
		if got, want := errors.Is(c.err, syscall.ECONNREFUSED), c.name == "Refused"; got != want {
			t.Errorf("%s: is ECONNREFUSED: %v", c.name, got)
		}
	}
}

func TestIsInfo(t *testing.T) {
	eof := aio.NewConnError("read", "tcp", "a:1", -1, io.EOF)
	reset := aio.NewConnError("read", "tcp", "a:1", -1, syscall.ECONNRESET)
	for _, c := range []struct {
		name string
		err  error
		want bool
	}{
		{"nil", nil, false},
		{"io.EOF", io.EOF, true},
		{"OpError", opErr(io.EOF), true},
		{"ErrEOF", aio.ErrEOF, true},
		{"EOF", eof, true},
		{"wrapped EOF", fmt.Errorf("x: %w", eof), true},
		{"application's EOF", fmt.Errorf("parse config: %w", io.EOF), false},
		{"unexpected EOF", io.ErrUnexpectedEOF, false},
		{"reset", reset, false},
		{"EOF and EOF", errors.Join(eof, io.EOF), true},
		{"EOF and reset", errors.Join(eof, reset), false},
		{"ErrConn", aio.ErrConn, false},
		{"any", errors.New("x"), false},
		{"empty join", emptyJoinErr{}, false},
	} {
		if got := aio.IsInfo(c.err); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

type emptyJoinErr struct{}

func (emptyJoinErr) Error() string   { return "empty" }
func (emptyJoinErr) Unwrap() []error { return nil }

func TestNewConnErrorAgain(t *testing.T) {
	inner := aio.NewConnError("dial", "tcp", "a:1", 5, sysErr("connect", syscall.ECONNREFUSED))
	for _, err := range []error{inner, &net.OpError{Op: "read", Net: "tcp", Err: inner}} {
		if got := aio.NewConnError("read", "tcp", "b:2", -1, err); got != inner {
			t.Errorf("%v: not the inner one: %v", err, got)
		}
	}
	noAddr := aio.NewConnError("dial", "", "", -1, syscall.ECONNREFUSED)
	got := aio.NewConnError("read", "tcp", "b:2", 4, noAddr)
	want := "dial tcp b:2: " + syscall.ECONNREFUSED.Error()
	if got.Error() != want || got.FD != 4 || got.Code != int(syscall.ECONNREFUSED) {
		t.Errorf("got %q, FD %d, Code %d, want %q", got, got.FD, got.Code, want)
	}
	if noAddr.Net != "" || noAddr.Addr != "" {
		t.Error("the inner one was changed")
	}
}

func TestNewConnErrorFillsIn(t *testing.T) {
	e := aio.NewConnError("", "", "", -7, sysErr("connect", syscall.ECONNREFUSED))
	if want := "dial tcp 127.0.0.1:9: " + syscall.ECONNREFUSED.Error(); e.Error() != want || e.FD != -1 {
		t.Errorf("got %q, FD %d, want %q, -1", e, e.FD, want)
	}
	if e := aio.NewConnError("", "", "", -1, io.EOF); e.Error() != "EOF" {
		t.Errorf("got %q", e)
	}
	if e := (&aio.ConnError{Op: "read", Err: net.ErrClosed}); e.Error() != "read: use of closed network connection" {
		t.Errorf("a literal: got %q", e)
	}
	if e := new(aio.ConnError); e.Error() != "unknown error" || !errors.Is(e, aio.ErrConn) {
		t.Errorf("zero: got %q", e)
	}
}

func TestConnErrorTemporary(t *testing.T) {
	for _, c := range []struct {
		op   string
		err  error
		want bool
	}{
		{"accept", syscall.EMFILE, true},
		{"accept", syscall.ECONNABORTED, true},
		{"read", syscall.ECONNRESET, false},
		{"read", os.ErrDeadlineExceeded, true},
		{"accept", net.ErrClosed, false},
		{"dial", &net.DNSError{IsTemporary: true}, true},
		{"dial", noDNS, false},
		{"read", io.EOF, false},
	} {
		var ne net.Error = aio.NewConnError(c.op, "tcp", "a:1", -1, c.err)
		//lint:ignore SA1019 the deprecated method is what is tested
		if got := ne.Temporary(); got != c.want {
			t.Errorf("%v: Temporary %v, want %v", ne, got, c.want)
		}
	}
}

// TestConnErrorReal takes the errors from the standard library itself.
func TestConnErrorReal(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skip(err)
	}
	_, inUse := net.Listen("tcp", ln.Addr().String())
	ln.(*net.TCPListener).SetDeadline(time.Unix(1, 0))
	_, late := ln.Accept()
	ln.Close()
	_, closed := ln.Accept()
	_, refused := net.DialTimeout("tcp", ln.Addr().String(), 30*time.Second)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, canceled := new(net.Dialer).DialContext(ctx, "tcp", ln.Addr().String())
	_, expired := (&net.Dialer{Deadline: time.Unix(1, 0)}).Dial("tcp", ln.Addr().String())
	a, b := net.Pipe()
	defer a.Close()
	b.Close()
	_, ended := a.Read(make([]byte, 1))
	_, pipe := b.Read(make([]byte, 1))
	for _, c := range []struct {
		name string
		err  error
		in   string
	}{
		{"in use", inUse, isOther},
		{"late", late, isTimeout},
		{"closed", closed, isClosed},
		{"refused", refused, isRefused},
		{"canceled", canceled, isOther},
		{"expired", expired, isTimeout},
		{"ended", ended, isEOF},
		{"pipe", pipe, isClosed},
	} {
		e := aio.NewConnError("", "", "", -1, c.err)
		if got := connMatches(e); c.err == nil || got != c.in {
			t.Errorf("%s: %v: is %q, want %q", c.name, e, got, c.in)
		}
	}
	if !errors.Is(aio.NewConnError("", "", "", -1, refused), syscall.ECONNREFUSED) {
		t.Error("refused is not ECONNREFUSED")
	}
}

func TestConnErrorAllocs(t *testing.T) {
	joined := errors.Join(opErr(noDNS), sysErr("connect", syscall.ECONNREFUSED))
	for _, err := range []error{sysErr("connect", syscall.ECONNREFUSED), opErr(noDNS), io.EOF, joined} {
		var e *aio.ConnError
		if n := testing.AllocsPerRun(100, func() {
			e = aio.NewConnError("dial", "tcp", "127.0.0.1:9", 3, err)
		}); n > 2 {
			t.Errorf("%v: NewConnError allocates %v times", err, n)
		}
		for _, c := range connConditions {
			if n := testing.AllocsPerRun(100, func() { errors.Is(e, c.err) }); n != 0 {
				t.Errorf("%v: errors.Is(%s) allocates %v times", err, c.name, n)
			}
		}
		if n := testing.AllocsPerRun(100, func() { e.Timeout(); aio.IsInfo(e) }); n != 0 {
			t.Errorf("%v: Timeout and IsInfo allocate %v times", err, n)
		}
	}
}

func ExampleConnError() {
	cause := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	var err error = aio.NewConnError("dial", "tcp", "127.0.0.1:9", -1, cause)

	fmt.Println(err)
	fmt.Println(errors.Is(err, aio.ErrRefused), errors.Is(err, aio.ErrConn), errors.Is(err, aio.ErrTimeout))

	var ce *aio.ConnError
	if errors.As(err, &ce) {
		fmt.Println(ce.Code == int(syscall.ECONNREFUSED), ce.Msg, ce.FD)
	}
	// Output:
	// dial tcp 127.0.0.1:9: connection refused
	// true true false
	// true connection refused -1
}

func ExampleIsInfo() {
	onEvent := func(err error) {
		if aio.IsInfo(err) {
			fmt.Println("info:", err)
			return
		}
		fmt.Println("error:", err)
	}
	onEvent(aio.NewConnError("read", "tcp", "192.0.2.1:80", -1, io.EOF))
	onEvent(aio.NewConnError("read", "tcp", "192.0.2.1:80", -1, os.ErrDeadlineExceeded))
	// Output:
	// info: read tcp 192.0.2.1:80: EOF
	// error: read tcp 192.0.2.1:80: i/o timeout
}
