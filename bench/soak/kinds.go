package soak

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest/dnsserver"
	"goaio.example/aio/dnsx"
	"goaio.example/aio/httpx"
	"goaio.example/aio/jobs"
	"goaio.example/aio/tcp"
	"goaio.example/aio/timer"
)

// errCut is the cause of what a round cancels.
var errCut = errors.New("cut off by the soak")

// start starts the servers, and returns what is soaked and a function that
// checks what can be checked only at the end.
func start(ctx context.Context) (kinds []*kind, end func(ctx context.Context) error, err error) {
	cert, err := certificate()
	if err != nil {
		return nil, nil, err
	}
	plain, err := echoServer(ctx, nil)
	if err != nil {
		return nil, nil, err
	}
	secure, err := echoServer(ctx, &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		return nil, nil, err
	}
	web, err := httpx.ServeHandler(ctx, "127.0.0.1:0", http.HandlerFunc(sum))
	if err != nil {
		return nil, nil, err
	}
	names := &dnsserver.Server{Zone: "$ORIGIN soak.\n$TTL 1\n@ SOA ns hostmaster 1 2h 15m 2w 60\n* A 192.0.2.1\n"}
	if err := names.Start(); err != nil {
		return nil, nil, err
	}
	j := new(jobSoak)
	if err := j.start(ctx); err != nil {
		return nil, nil, err
	}
	w := &webSoak{url: "http://" + web.Addr().String() + "/"}
	d := &dnsSoak{server: names, resolver: dnsx.Resolver{Servers: []string{names.Addr()}, Timeout: 10 * time.Second, CacheSize: 1000}}
	kinds = []*kind{
		{name: "tcp", round: (&echoSoak{addr: plain}).round},
		{name: "tls", round: (&echoSoak{addr: secure, dialer: tcp.Dialer{TLS: &tls.Config{InsecureSkipVerify: true}}}).round},
		{name: "http", round: w.round},
		{name: "dns", round: d.round},
		{name: "timers", round: timers},
		{name: "jobs", round: j.round},
	}
	return kinds, func(ctx context.Context) error {
		w.client.CloseIdleConnections()
		return errors.Join(j.end(ctx), names.Close())
	}, nil
}

// echoServer starts a server that echoes, and returns its address.
func echoServer(ctx context.Context, cfg *tls.Config) (string, error) {
	s := &tcp.Server{TLS: cfg, Handler: tcp.Handler{Data: func(c *tcp.Conn, data []byte) { c.SendOwned(bytes.Clone(data)) }}}
	if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
		return "", err
	}
	return s.Addr().String(), nil
}

// echoSoak sends to a server that echoes.
type echoSoak struct {
	addr   string
	dialer tcp.Dialer
}

func (s *echoSoak) round(ctx context.Context) error {
	dial := s.dialer.Dial(ctx, s.addr)
	if one(20) {
		dial.Cancel(errCut)
	}
	c, err := dial.Await(ctx)
	if errors.Is(err, errCut) {
		return nil
	}
	if err != nil {
		return err
	}
	defer c.Close() // fails where the round has aborted it
	for range 1 + rand.IntN(4) {
		data := some(100_000)
		sent := c.Send(data)
		if one(20) {
			return c.Abort()
		}
		got := make([]byte, len(data))
		if _, err := io.ReadFull(c, got); err != nil {
			return err
		}
		if !bytes.Equal(got, data) {
			return fmt.Errorf("other bytes came back than the %d that were sent", len(data))
		}
		if n, err := sent.Await(ctx); n != len(data) || err != nil {
			return fmt.Errorf("sent %d of %d: %w", n, len(data), err)
		}
	}
	return nil
}

// sum answers with a body's sum, and at times with nothing at all.
func sum(w http.ResponseWriter, r *http.Request) {
	if one(50) {
		panic(http.ErrAbortHandler)
	}
	h := sha256.New()
	if _, err := io.Copy(h, r.Body); err != nil {
		panic(http.ErrAbortHandler)
	}
	if one(10) {
		select {
		case <-time.After(time.Duration(rand.IntN(20)) * time.Millisecond):
		case <-r.Context().Done():
		}
	}
	w.Header().Set("Sum", hex.EncodeToString(h.Sum(nil)))
	io.CopyN(w, filler{}, int64(rand.IntN(50_000))) // fails if the client has gone
}

// filler is bytes without end.
type filler struct{}

func (filler) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// webSoak posts bodies.
type webSoak struct {
	client httpx.Client
	url    string
}

func (s *webSoak) round(ctx context.Context) error {
	body := some(100_000)
	f := s.client.Post(ctx, s.url, "application/octet-stream", body)
	if one(20) {
		<-timer.After(ctx, time.Duration(rand.IntN(2000))*time.Microsecond).Done()
		f.Cancel(errCut)
	}
	r, err := f.Await(ctx)
	switch {
	case errors.Is(err, errCut), errors.Is(err, aio.ErrConn), errors.Is(err, io.EOF): // the server has broken it off
		return nil
	case err != nil:
		return err
	}
	if want := sha256.Sum256(body); r.Status != http.StatusOK || r.Header.Get("Sum") != hex.EncodeToString(want[:]) {
		return fmt.Errorf("answered %d with the sum %q, want %x", r.Status, r.Header.Get("Sum"), want)
	}
	return nil
}

// dnsSoak looks names up.
type dnsSoak struct {
	resolver dnsx.Resolver
	server   *dnsserver.Server
}

func (s *dnsSoak) round(ctx context.Context) error {
	if one(200) {
		s.server.Forget() // what it was asked, which it would keep
	}
	f := s.resolver.Lookup(ctx, fmt.Sprintf("host%d.soak.", rand.IntN(3000)))
	if one(20) {
		f.Cancel(errCut)
	}
	answer, err := f.Await(ctx)
	if errors.Is(err, errCut) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(answer.Addrs) != 1 || answer.Addrs[0].String() != "192.0.2.1" {
		return fmt.Errorf("found %v, want 192.0.2.1", answer.Addrs)
	}
	return nil
}

// timers starts delays, stops some of them, and wants each to have run or to
// have been stopped.
func timers(ctx context.Context) error {
	const n = 200
	var ran atomic.Int64
	var stopped int64
	var all []*aio.Future[struct{}]
	for range n {
		d := timer.Delay(ctx, time.Duration(rand.IntN(20))*time.Millisecond, func(context.Context) error {
			ran.Add(1)
			return nil
		})
		all = append(all, d.Future())
		if one(5) && d.Stop() {
			stopped++
		}
	}
	for _, f := range all {
		if _, err := f.Await(ctx); err != nil && !errors.Is(err, aio.ErrStopped) {
			return err
		}
	}
	if ran.Load()+stopped != n {
		return fmt.Errorf("%d delays ran and %d were stopped, of %d", ran.Load(), stopped, n)
	}
	return nil
}

// jobSoak puts jobs, which fail at times, and counts those that are done.
type jobSoak struct {
	broker    jobs.Memory
	worker    jobs.Worker
	put, done atomic.Int64
}

func (s *jobSoak) start(ctx context.Context) error {
	s.worker = jobs.Worker{
		Source: s.broker.Source("soak"), Slots: 8, MaxAttempts: -1,
		Backoff: timer.Backoff{Initial: time.Millisecond, Max: 10 * time.Millisecond},
		OnRetry: func(*jobs.Job, error, time.Duration) {},
		Handle: func(_ context.Context, j *jobs.Job) error {
			if one(10) {
				return errCut
			}
			if want := sha256.Sum256(j.Body[sha256.Size:]); !bytes.Equal(want[:], j.Body[:sha256.Size]) {
				return timer.Permanent(errors.New("the job's body is another"))
			}
			s.done.Add(1)
			return nil
		},
	}
	return s.worker.Start(ctx)
}

func (s *jobSoak) round(ctx context.Context) error {
	body := some(2000)
	h := sha256.Sum256(body)
	if _, err := s.broker.Put(ctx, "soak", jobs.Job{Body: append(h[:], body...)}).Await(ctx); err != nil {
		return err
	}
	s.put.Add(1)
	for s.put.Load()-s.done.Load() > 100 { // the worker is behind
		if _, err := timer.After(ctx, time.Millisecond).Await(ctx); err != nil {
			return err
		}
	}
	return nil
}

// end waits until all jobs are done, and wants none to be buried.
func (s *jobSoak) end(ctx context.Context) error {
	for deadline := time.Now().Add(10 * time.Second); s.done.Load() < s.put.Load() && time.Now().Before(deadline); {
		if _, err := timer.After(ctx, time.Millisecond).Await(ctx); err != nil {
			return err
		}
	}
	if n := len(s.broker.Buried("soak")); n > 0 || s.done.Load() < s.put.Load() {
		return fmt.Errorf("%d jobs were put, %d done, %d buried", s.put.Load(), s.done.Load(), n)
	}
	return nil
}
