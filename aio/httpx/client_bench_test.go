package httpx_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/httpx"
)

// TestOriginProcess is no test but the server of BenchmarkClient, in a process of its own: it answers each request with the
// same few bytes until its standard input ends.
func TestOriginProcess(t *testing.T) {
	if os.Getenv("BE_THE_ORIGIN") == "" {
		t.Skip("it is for BenchmarkClient")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stop := scripted(ln, func(_ int, c net.Conn, r *bufio.Reader) {
		for {
			if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello"); err != nil {
				return
			}
			for line := ""; line != "\r\n"; {
				if line, err = r.ReadString('\n'); err != nil {
					return
				}
			}
		}
	})
	fmt.Println("ORIGIN", ln.Addr())
	io.Copy(io.Discard, os.Stdin)
	stop()
}

// originProcess starts it, and returns its URL.
func originProcess(b *testing.B) string {
	cmd := exec.CommandContext(b.Context(), os.Args[0], "-test.run=^TestOriginProcess$")
	cmd.Env = append(os.Environ(), "BE_THE_ORIGIN=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		io.Copy(io.Discard, out)
		cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	addr, ok := strings.CutPrefix(line, "ORIGIN ")
	if err != nil || !ok {
		b.Fatalf("got %q, %v", line, err)
	}
	return "http://" + strings.TrimSpace(addr)
}

// BenchmarkClient measures requests of ours and of net/http's, a few of each in turn, one at a time and 64 at once. The
// figure that counts is the ratio of the processor time that this process takes for them.
func BenchmarkClient(b *testing.B) {
	url := originProcess(b)
	plain := &http.Client{Transport: &http.Transport{ // with the same bounds
		MaxIdleConnsPerHost: 64, ResponseHeaderTimeout: 30 * time.Second, IdleConnTimeout: time.Minute,
	}}
	defer plain.CloseIdleConnections()
	ours := &httpx.Client{MaxIdlePerHost: 64}
	err := aio.Run(context.Background(), func(ctx context.Context) error {
		kinds := []func(){
			func() {
				resp, err := plain.Get(url)
				if err == nil {
					_, err = io.ReadAll(resp.Body)
					resp.Body.Close()
				}
				if err != nil {
					b.Error(err)
				}
			},
			func() {
				if _, err := ours.Get(ctx, url).Await(ctx); err != nil {
					b.Error(err)
				}
			},
		}
		for _, workers := range []int{1, 64} {
			b.Run(fmt.Sprint(workers), func(b *testing.B) { inTurn(b, workers, kinds) })
		}
		return nil
	})
	if err != nil {
		b.Error(err)
	}
}

// inTurn measures both kinds of requests in rounds.
func inTurn(b *testing.B, workers int, kinds []func()) {
	const each = 16 // of a worker in a round
	var cpu, wall [2]time.Duration
	n := 0
	for b.Loop() {
		for k, request := range kinds {
			cpu[k] -= cpuTime()
			begin := time.Now()
			var all sync.WaitGroup
			for range workers {
				all.Go(func() {
					for range each {
						request()
					}
				})
			}
			all.Wait()
			wall[k] += time.Since(begin)
			cpu[k] += cpuTime()
		}
		n += each * workers
	}
	per := func(d time.Duration) float64 { return float64(d) / float64(n) }
	b.ReportMetric(per(cpu[0]), "nethttp-cpu-ns/req")
	b.ReportMetric(per(cpu[1]), "cpu-ns/req")
	b.ReportMetric(float64(n)/wall[1].Seconds(), "req/s")
	b.ReportMetric(float64(cpu[1])/float64(cpu[0]), "cpu-ratio")
	b.ReportMetric(0, "ns/op")
}
