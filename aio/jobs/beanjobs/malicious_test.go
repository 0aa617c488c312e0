package beanjobs_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/beanstalk"
	"goaio.example/aio/jobs"
	"goaio.example/aio/jobs/beanjobs"
	"goaio.example/aio/tcp"
)

// Whatever a broker answers, a Worker and its Puts end within their times, with
// nothing left behind. The data are answers, one for each read, with 0 between
// them; after the last the broker is silent, or begins again.
func FuzzMaliciousBroker(f *testing.F) {
	stats := "OK 112\r\n---\nid: 1\ntube: work\nstate: reserved\npri: 0\nage: 0\ndelay: 0\nttr: 2\ntime-left: 1\nfile: 0\nreserves: 1\ntimeouts: 0\n\r\n"
	for _, answers := range []string{
		"",
		"\r\n",
		"WATCHING 2\r\n\x00WATCHING 1\r\n\x00RESERVED 1 1\r\nx\r\n\x00" + stats + "\x00DELETED\r\n",
		"INSERTED 1\r\n\x00USING work\r\nINSERTED 2\r\n",
		"TIMED_OUT\r\n",
		"DEADLINE_SOON\r\n",
		"RESERVED 1 99999999999\r\n",
		"RESERVED 18446744073709551615 3\r\nab\r\n\x00NOT_FOUND\r\n",
		"OUT_OF_MEMORY\r\n\x00DRAINING\r\n\x00BURIED 1\r\n\x00BURIED\r\n\x00JOB_TOO_BIG\r\n",
	} {
		f.Add([]byte(answers), true)
		f.Add([]byte(answers), false)
	}
	f.Fuzz(func(t *testing.T, answers []byte, again bool) {
		if len(answers) > 10_000 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			var network aiotest.Network
			stop := malicious(t, &network, bytes.Split(answers, []byte{0}), again)
			loop := &aio.Loop{OnEvent: func(aio.Event) {}}
			err := loop.Run(context.Background(), func(ctx context.Context) error {
				b := &beanjobs.Broker{Client: &beanstalk.Client{
					Addr: "10.0.0.1:11300", Dialer: &tcp.Dialer{DialContext: network.DialContext},
				}}
				w := &jobs.Worker{Source: b.Source(queue), Slots: 2, Handle: func(context.Context, *jobs.Job) error {
					return errors.New("again")
				}, OnRetry: func(*jobs.Job, error, time.Duration) {}}
				if err := w.Start(ctx); err != nil {
					return err
				}
				begin := time.Now()
				for range 2 {
					in, cancel := context.WithTimeout(ctx, 10*time.Second)
					// the broker may say anything
					_, _ = b.Put(in, queue, jobs.Job{}).Await(ctx)
					cancel()
				}
				time.Sleep(30 * time.Second)
				if err := w.Shutdown(ctx); err != nil {
					t.Errorf("w.Shutdown: %v", err)
				}
				if d := time.Since(begin); d > time.Minute {
					t.Errorf("all has taken %v", d)
				}
				return nil
			})
			if err != nil {
				t.Errorf("the loop's end: %v", err)
			}
			stop() // what is left behind then fails the bubble
		})
	})
}

// malicious is a broker that gives the answers to whatever it is asked.
func malicious(t *testing.T, network *aiotest.Network, answers [][]byte, again bool) (stop func()) {
	l, err := network.Listen("10.0.0.1:11300")
	if err != nil {
		t.Fatalf("network.Listen: %v", err)
	}
	var all sync.WaitGroup
	serve := func(c net.Conn) {
		defer c.Close()
		buf := make([]byte, 64<<10)
		for i, n := 0, 0; ; i, n = i+1, n+1 {
			if _, err := c.Read(buf); err != nil {
				return
			}
			latency := 10 * time.Millisecond
			if n > 50 { // nothing new is said
				latency = 500 * time.Millisecond
			}
			time.Sleep(latency)
			if again && len(answers) > 0 {
				i %= len(answers)
			}
			if i < len(answers) {
				if _, err := c.Write(answers[i]); err != nil {
					return
				}
			}
		}
	}
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { serve(c) })
		}
	})
	return func() {
		l.Close()
		all.Wait()
	}
}
