package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"goaio.example/aio"
)

// soon is the least that a connection in the way would cost: 5 s to linger, 10
// s of the default Grace.
const soon = 5 * time.Second

func TestMain(m *testing.M) {
	if os.Getenv("BE_THE_PROGRAM") != "" {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

// address reads the server's address off what it prints.
func address(t *testing.T, stdout io.Reader) string {
	t.Helper()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	addr, ok := strings.CutPrefix(line, "listening on ")
	if err != nil || !ok {
		t.Fatalf("the program printed %q, %v", line, err)
	}
	return strings.TrimSpace(addr)
}

// start runs the program in this process, until the test's end if nothing ends
// it before.
func start(t *testing.T) (addr string, done <-chan error) {
	t.Helper()
	stdout, w := io.Pipe()
	result, over := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(over)
		err := run(t.Context(), []string{"-addr", "127.0.0.1:0"}, w)
		w.CloseWithError(io.EOF)
		result <- err
	}()
	t.Cleanup(func() { <-over })
	return address(t, stdout), result
}

// dial connects to the server.
func dial(t *testing.T, addr string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatalf("net.Dial: %v", err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(10 * time.Second))
	return c.(*net.TCPConn)
}

// say sends text and checks that it comes back.
func say(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatalf("io.WriteString: %v", err)
	}
	back := make([]byte, len(text))
	if _, err := io.ReadFull(c, back); err != nil || string(back) != text {
		t.Fatalf("sent %q, got back %q, %v", text, back, err)
	}
}

// What was sent before QUIT comes back; QUIT ends the loop.
func Example() {
	stdout, w := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(context.Background(), []string{"-addr", "127.0.0.1:0"}, w) }()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		fmt.Println(err)
	}
	c, err := net.Dial("tcp", strings.TrimSpace(strings.TrimPrefix(line, "listening on ")))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	io.WriteString(c, "hello QUIT")
	back, err := io.ReadAll(c)
	fmt.Printf("%q %v\n", back, err)
	fmt.Println("ended:", <-ended)
	// Output:
	// "hello " <nil>
	// ended: <nil>
}

func TestEcho(t *testing.T) {
	t.Parallel()
	addr, _ := start(t)
	a, b := dial(t, addr), dial(t, addr)
	say(t, a, "one\n")
	say(t, b, "two\n")
	say(t, a, strings.Repeat("three ", 100_000))
}

// As printf 'hello\n' | nc does it.
func TestPeerEndsAfterSending(t *testing.T) {
	t.Parallel()
	addr, _ := start(t)
	c := dial(t, addr)
	io.WriteString(c, "hello\n")
	c.CloseWrite()
	if all, err := io.ReadAll(c); err != nil || string(all) != "hello\n" {
		t.Fatalf("got %q, %v", all, err)
	}
}

func TestQuit(t *testing.T) {
	t.Parallel()
	addr, done := start(t)
	dial(t, addr) // never says a thing
	say(t, dial(t, addr), "idle from now on\n")
	c := dial(t, addr)
	say(t, c, "hello\n")
	begin := time.Now()
	io.WriteString(c, "bye QUIT now\n")
	if all, err := io.ReadAll(c); err != nil || string(all) != "bye " {
		t.Errorf("after QUIT came %q, %v", all, err)
	}
	if err := <-done; err != nil {
		t.Errorf("the program failed: %v", err)
	}
	if d := time.Since(begin); d >= soon {
		t.Errorf("QUIT took %v", d)
	}
	if c, err := net.Dial("tcp", addr); err == nil {
		c.Close()
		t.Error("somebody still listens")
	}
}

func TestContextEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	stdout, w := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- run(ctx, []string{"-addr", "127.0.0.1:0"}, w) }()
	dial(t, address(t, stdout))
	cancel()
	if err := <-done; err != nil {
		t.Errorf("result of done: %v", err)
	}
}

func TestAddressInUse(t *testing.T) {
	t.Parallel()
	addr, _ := start(t)
	err := run(t.Context(), []string{"-addr", addr}, io.Discard)
	if !errors.Is(err, aio.ErrConn) {
		t.Errorf("a second server on %s: %v", addr, err)
	}
}

func TestSignals(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot be sent these signals")
	}
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-addr", "127.0.0.1:0")
			cmd.Env = append(os.Environ(), "BE_THE_PROGRAM=1")
			cmd.Stderr = os.Stderr
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatalf("cmd.StdoutPipe: %v", err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatalf("cmd.Start: %v", err)
			}
			addr := address(t, stdout)
			dial(t, addr)
			say(t, dial(t, addr), "idle from now on\n")
			begin := time.Now()
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatalf("cmd.Process.Signal: %v", err)
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("cmd.Wait: %v", err)
			}
			if d := time.Since(begin); d >= soon {
				t.Errorf("it took %v", d)
			}
		})
	}
}
