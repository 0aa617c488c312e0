package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs the program until the test, or the function that it returns, ends
// it. That waits for the end.
func start(t *testing.T, args ...string) (url string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := run(ctx, append([]string{"-addr", "127.0.0.1:0"}, args...), w)
		w.Close()
		done <- err
	}()
	out := bufio.NewScanner(r)
	for out.Scan() {
		if addr, ok := strings.CutPrefix(out.Text(), "listening on "); ok {
			url = "http://" + addr
			break
		}
	}
	go io.Copy(io.Discard, r) // ends with the program
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	return url, func() {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("result of done: %v", err)
		}
	}
}

// TestDeferred checks that answers come, and after the delay.
func TestDeferred(t *testing.T) {
	url, stop := start(t, "-delay", "100ms")
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			begun := time.Now()
			resp, err := http.Post(url, "text/plain", strings.NewReader("x"))
			if err != nil {
				t.Errorf("http.Post: %v", err)
				return
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if took := time.Since(begun); string(body) != "hai" || err != nil || took < 100*time.Millisecond {
				t.Errorf("got %q, %v after %v", body, err, took)
			}
		})
	}
	all.Wait()
	stop()
}

// The seed's benchmark in small: a client gets its answer when the timer of its
// request has fired.
func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stdout, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"-addr", "127.0.0.1:0", "-delay", "50ms"}, w)
		w.Close()
	}()
	out := bufio.NewReader(stdout)
	line, err := out.ReadString('\n')
	if err != nil {
		fmt.Println(err)
	}
	go io.Copy(io.Discard, out) // what is in flight, each second
	begun := time.Now()
	resp, err := http.Get("http://" + strings.TrimSpace(strings.TrimPrefix(line, "listening on ")))
	if err != nil {
		fmt.Println(err)
		return
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	fmt.Println(resp.StatusCode, string(body), err, time.Since(begun) >= 50*time.Millisecond)
	http.DefaultClient.CloseIdleConnections()
	cancel()
	fmt.Println("ended:", <-ended)
	// Output:
	// 200 hai <nil> true
	// ended: <nil>
}
