package tcp_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// callsEnv has the test be the server whose system calls are counted.
const callsEnv = "TCP_TEST_CALLS"

// A small message that is echoed costs one read and one write: there is no read
// to learn that nothing is left.
func TestCallsPerMessage(t *testing.T) {
	if os.Getenv(callsEnv) != "" {
		callsServer(t)
		return
	}
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip(err)
	}
	if out, err := exec.Command(strace, "-o", os.DevNull, "true").CombinedOutput(); err != nil {
		t.Skipf("strace cannot trace here: %v: %s", err, out)
	}
	const messages = 1000
	trace := filepath.Join(t.TempDir(), "trace")
	cmd := exec.Command(strace, "-f", "-qq", "-o", trace,
		"-e", "trace=accept4,close,read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg,epoll_wait,epoll_pwait",
		os.Args[0], "-test.run=^TestCallsPerMessage$", "-test.count=1", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), callsEnv+"=1")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatalf("cmd.StdoutPipe: %v", err)
	}
	lines := bufio.NewReader(out)
	addr, _ := lines.ReadString('\n')
	converse(t, strings.TrimSpace(addr), messages)
	if _, err := lines.WriteTo(new(strings.Builder)); err != nil {
		t.Errorf("lines.WriteTo: %v", err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("cmd.Wait: %v", err)
	}
	n := countCalls(t, trace)
	t.Logf("%d messages: %+v", messages, n)
	for what, k := range map[string]int{"reads": n.reads, "writes": n.writes} {
		if k < messages || k > messages+10 {
			t.Errorf("%d %s, want %d to %d", k, what, messages, messages+10)
		}
	}
	if n.again > 5 {
		t.Errorf("%d reads said EAGAIN", n.again)
	}
}

// callsServer serves one connection, and prints the address.
func callsServer(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		h := echo
		h.Closed = func(*tcp.Conn, error) { aio.LoopOf(ctx).Exit(nil) }
		s := &tcp.Server{Handler: h}
		if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
			return err
		}
		fmt.Println(s.Addr())
		return nil
	})
}

// calls counts system calls on one connection.
type calls struct{ reads, again, writes, waits int }

var (
	callLine    = regexp.MustCompile(`^(\d+) +(\w+)\((\d+)`)
	resumedLine = regexp.MustCompile(`^(\d+) +<\.\.\. (\w+) resumed>`)
	resultLine  = regexp.MustCompile(` = (\d+)$`)
)

// countCalls reads strace's output: the calls from accepting a connection to
// closing it.
func countCalls(t *testing.T, trace string) (n calls) {
	t.Helper()
	f, err := os.Open(trace)
	if err != nil {
		t.Fatalf("os.Open: %v", err)
	}
	defer f.Close()
	conn := "" // its descriptor
	// by thread: the call under way is on that descriptor
	under := map[string]string{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := lines.Text()
		var thread, call, fd string
		if m := callLine.FindStringSubmatch(line); m != nil {
			thread, call, fd = m[1], m[2], m[3]
			under[thread] = fd
			if fd == conn || strings.HasPrefix(call, "epoll") {
				n.count(call)
			}
			if fd == conn && call == "close" {
				return n
			}
		} else if m := resumedLine.FindStringSubmatch(line); m != nil {
			thread, call = m[1], m[2]
			fd = under[thread]
		}
		if fd == conn && strings.Contains(line, "EAGAIN") {
			n.again++
		}
		if m := resultLine.FindStringSubmatch(line); m != nil && call == "accept4" {
			conn, n = m[1], calls{}
		}
	}
	t.Fatalf("no connection was accepted and closed: %v", lines.Err())
	return n
}

// count counts a call.
func (n *calls) count(call string) {
	switch call {
	case "read", "readv", "recvfrom", "recvmsg":
		n.reads++
	case "write", "writev", "sendto", "sendmsg":
		n.writes++
	case "epoll_wait", "epoll_pwait":
		n.waits++
	}
}

// converse sends messages, each after the answer to the one before.
func converse(t *testing.T, addr string, messages int) {
	t.Helper()
	conns := idle(t, addr, 1)
	for range messages - 1 {
		ask(t, conns[0], "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")
	}
	conns[0].Close()
}
