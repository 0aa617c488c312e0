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
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/httpx"
)

// TestOriginProcess is not a test but the server of BenchmarkClient, in a
// separate process: it answers each request with the same few bytes until its
// standard input ends.
func TestOriginProcess(t *testing.T) {
	if os.Getenv("BE_THE_ORIGIN") == "" {
		t.Skip("it is for BenchmarkClient")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("net.Listen: %v", err)
	}
	server := &http.Server{Handler: http.HandlerFunc(hello)}
	served := make(chan struct{})
	go func() {
		defer close(served)
		server.Serve(ln)
	}()
	fmt.Println("ORIGIN", ln.Addr())
	io.Copy(io.Discard, os.Stdin)
	server.Close()
	<-served
}

// originProcess starts it, and returns its URL.
func originProcess(b *testing.B) string {
	cmd := exec.CommandContext(b.Context(), os.Args[0], "-test.run=^TestOriginProcess$")
	cmd.Env = append(os.Environ(), "BE_THE_ORIGIN=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatalf("cmd.StdinPipe: %v", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatalf("cmd.StdoutPipe: %v", err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatalf("cmd.Start: %v", err)
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

// BenchmarkClient measures requests of net/http's client with nothing set, of
// net/http's client with the limits of ours, and of ours: some of each in turn,
// one at a time and 64 at once, with the whole body read. The figures that
// count are the medians, over the rounds, of the processor time that this
// process takes for a request, and of the ratios to net/http's in the same
// round.
func BenchmarkClient(b *testing.B) {
	url := originProcess(b)
	ours := &httpx.Client{MaxIdlePerHost: 64}
	bare := plainGet(b, url, &http.Transport{MaxIdleConnsPerHost: 64})
	bounded := plainGet(b, url, &http.Transport{
		MaxIdleConnsPerHost: 64, ResponseHeaderTimeout: 30 * time.Second, IdleConnTimeout: time.Minute,
		Proxy: http.ProxyFromEnvironment,
	})
	err := aio.Run(context.Background(), func(ctx context.Context) error {
		kinds := []func(){bare, bounded, func() {
			if _, err := ours.Get(ctx, url).Await(ctx); err != nil {
				b.Errorf("ours.Get: %v", err)
			}
		}}
		for _, workers := range []int{1, 64} {
			b.Run(fmt.Sprint(workers), func(b *testing.B) { inTurn(b, workers, kinds) })
		}
		return nil
	})
	if err != nil {
		b.Errorf("aio.Run: %v", err)
	}
}

// plainGet returns what makes a request with net/http's client.
func plainGet(b *testing.B, url string, t *http.Transport) func() {
	c := &http.Client{Transport: t}
	b.Cleanup(c.CloseIdleConnections)
	return func() {
		resp, err := c.Get(url)
		if err == nil {
			_, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		if err != nil {
			b.Errorf("c.Get: %v", err)
		}
	}
}

// inTurn measures the kinds of requests in rounds, of which the first is not
// counted.
func inTurn(b *testing.B, workers int, kinds []func()) {
	each := 512 / workers // of a worker in a round
	cpu := make([][]float64, len(kinds))
	ratio := make([][]float64, len(kinds))
	for rounds := 0; b.Loop(); rounds++ {
		for k, request := range kinds {
			runtime.GC()
			before := cpuTime()
			var all sync.WaitGroup
			for range workers {
				all.Go(func() {
					for range each {
						request()
					}
				})
			}
			all.Wait()
			if rounds > 0 {
				cpu[k] = append(cpu[k], float64(cpuTime()-before)/float64(each*workers))
			}
		}
		for k := range kinds {
			if rounds > 0 {
				ratio[k] = append(ratio[k], cpu[k][rounds-1]/cpu[1][rounds-1])
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	if len(cpu[0]) > 0 {
		b.ReportMetric(median(cpu[0]), "bare-nethttp-cpu-ns/req")
		b.ReportMetric(median(cpu[1]), "nethttp-cpu-ns/req")
		b.ReportMetric(median(cpu[2]), "cpu-ns/req")
		b.ReportMetric(median(ratio[2]), "cpu-ratio")
	}
}
