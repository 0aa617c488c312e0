package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/gobwas/ws"
	"go.uber.org/goleak"
)

// asClients is the variable that has the test binary be clients of the address
// in it.
const asClients = "WSIDLE_CLIENTS_OF"

func TestMain(m *testing.M) {
	if addr := os.Getenv(asClients); addr != "" {
		if err := beClients(addr, 10_000); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// start runs the program until the test, or the function that it returns, ends
// it. That returns what it printed last.
func start(t *testing.T) (addr string, stop func() string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := run(ctx, []string{"-addr", "127.0.0.1:0"}, w)
		w.Close()
		done <- err
	}()
	out := bufio.NewReader(r)
	line, err := out.ReadString('\n')
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if err != nil || !ok {
		t.Fatalf("the program printed %q, %v", line, err)
	}
	return addr, func() string {
		cancel()
		rest, _ := io.ReadAll(out)
		if err := <-done; err != nil {
			t.Errorf("result of done: %v", err)
		}
		return string(rest)
	}
}

// dial returns a WebSocket of the program's.
func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, br, _, err := ws.Dial(t.Context(), "ws://"+addr)
	if err != nil {
		t.Fatalf("ws.Dial: %v", err)
	}
	if br != nil {
		t.Fatal("the server has said something by itself")
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// masked returns a frame of a client's.
func masked(op ws.OpCode, fin bool, payload string) []byte {
	return ws.MustCompileFrame(ws.MaskFrame(ws.NewFrame(op, fin, []byte(payload))))
}

// wantFrame reads a frame.
func wantFrame(t *testing.T, c net.Conn, op ws.OpCode, payload string) {
	t.Helper()
	f, err := ws.ReadFrame(c)
	if err != nil || f.Header.OpCode != op || string(f.Payload) != payload {
		t.Errorf("got %v %.20q, %v, not %v %.20q", f.Header, f.Payload, err, op, payload)
	}
}

// TestEcho checks that messages come back, however their bytes are cut into
// parts and frames, and that pings are answered.
func TestEcho(t *testing.T) {
	addr, stop := start(t)
	c := dial(t, addr)
	long := strings.Repeat("x", 60_000)
	for _, b := range masked(ws.OpText, true, "byte by byte") {
		c.Write([]byte{b})
	}
	wantFrame(t, c, ws.OpText, "byte by byte")
	c.Write(bytes.Join([][]byte{
		masked(ws.OpBinary, true, long), masked(ws.OpText, false, "a"), masked(ws.OpPing, true, "p"),
		masked(ws.OpContinuation, true, "b"), masked(ws.OpText, true, ""), masked(ws.OpPong, true, ""), masked(ws.OpClose, true, ""),
	}, nil))
	wantFrame(t, c, ws.OpBinary, long)
	wantFrame(t, c, ws.OpPong, "p")
	wantFrame(t, c, ws.OpText, "ab")
	wantFrame(t, c, ws.OpText, "")
	wantFrame(t, c, ws.OpClose, string(ws.NewCloseFrameBody(ws.StatusNormalClosure, "")))
	if n, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("then it read %d, %v", n, err)
	}
	if out := stop(); out != "ended with 0 operations left\n" {
		t.Errorf("the program printed %q", out)
	}
}

// TestRefused checks what a client must not send.
func TestRefused(t *testing.T) {
	addr, stop := start(t)
	for name, x := range map[string]struct {
		says []byte
		with ws.StatusCode
	}{
		"not masked":    {ws.MustCompileFrame(ws.NewTextFrame([]byte("x"))), ws.StatusProtocolError},
		"continuation":  {masked(ws.OpContinuation, true, "x"), ws.StatusProtocolError},
		"length":        {[]byte{0x81, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}, ws.StatusProtocolError},
		"too long":      {[]byte{0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 1, 1, 2, 3, 4}, ws.StatusMessageTooBig},
		"too long, all": {append(masked(ws.OpText, false, strings.Repeat("x", 40_000)), masked(ws.OpContinuation, true, strings.Repeat("x", 40_000))...), ws.StatusMessageTooBig},
		"no UTF-8":      {masked(ws.OpText, true, "\xff"), ws.StatusInvalidFramePayloadData},
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, addr)
			c.Write(x.says)
			wantFrame(t, c, ws.OpClose, string(ws.NewCloseFrameBody(x.with, "")))
		})
	}
	resp, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatalf("net.Dial: %v", err)
	}
	defer resp.Close()
	io.WriteString(resp, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if b, err := io.ReadAll(resp); err != nil || !strings.HasPrefix(string(b), "HTTP/1.1 ") || strings.HasPrefix(string(b), "HTTP/1.1 101") {
		t.Errorf("without a handshake: %q, %v", b, err)
	}
	stop()
}

// TestGoingAway checks that clients are told that the server goes away.
func TestGoingAway(t *testing.T) {
	addr, stop := start(t)
	c := dial(t, addr)
	c.Write(masked(ws.OpText, true, "hello"))
	wantFrame(t, c, ws.OpText, "hello")
	ended := make(chan string)
	go func() { ended <- stop() }()
	wantFrame(t, c, ws.OpClose, string(ws.NewCloseFrameBody(ws.StatusGoingAway, "")))
	if out := <-ended; out != "ended with 0 operations left\n" {
		t.Errorf("the program printed %q", out)
	}
}

// beClients opens n WebSockets, one message each, and keeps them until its
// standard input ends.
func beClients(addr string, n int) error {
	for range n {
		c, _, _, err := ws.Dial(context.Background(), "ws://"+addr)
		if err != nil {
			return err
		}
		if _, err := c.Write(masked(ws.OpText, true, "hello")); err != nil {
			return err
		}
		if _, err := ws.ReadFrame(c); err != nil {
			return err
		}
		defer c.Close()
	}
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin)
	return nil
}

// memory returns the bytes of heap and stacks in use.
func memory() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// TestIdle checks what 10,000 idle sockets cost. Their clients are in another
// process.
func TestIdle(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("connections have a goroutine each on", runtime.GOOS)
	}
	const n, most = 10_000, 2048
	addr, stop := start(t)
	c := dial(t, addr) // what is made once
	before, goroutines := memory(), runtime.NumGoroutine()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asClients+"="+addr)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatalf("cmd.StdinPipe: %v", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatalf("cmd.StdoutPipe: %v", err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("cmd.Start: %v", err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("the clients say %q: %v", line, err)
	}
	each := (memory() - before) / n
	t.Logf("%d idle sockets: %d bytes of heap and stack each, %d goroutines more", n, each, runtime.NumGoroutine()-goroutines)
	if each > most && !raceEnabled {
		t.Errorf("more than %d bytes each", most)
	}
	if more := runtime.NumGoroutine() - goroutines; more > 100 {
		t.Errorf("%d goroutines more", more)
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("cmd.Wait: %v", err)
	}
	c.Close()
	stop()
}
