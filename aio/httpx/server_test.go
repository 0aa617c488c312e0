package httpx_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

func TestServerAnswers(t *testing.T) {
	serve(t, &httpx.Server{Handle: answers}, func(addr string) {
		c := newClient(t, nil)
		defer c.CloseIdleConnections()
		for range 3 {
			if status, body := get(t, c, "http://"+addr+"/documents/45?format=json"); status != 200 || body != "GET /documents/45?format=json\n" {
				t.Errorf("got %d %q", status, body)
			}
		}
	})
}

func TestServerHandler(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("hello " + r.URL.Path)) })
	serve(t, &httpx.Server{Handler: h}, func(addr string) {
		c := newClient(t, nil)
		defer c.CloseIdleConnections()
		if status, body := get(t, c, "http://"+addr+"/x"); status != 200 || body != "hello /x" {
			t.Errorf("got %d %q", status, body)
		}
	})
}

// In a process that has inherited nothing, StartInherited is Start. The example
// restart has a process that has.
func TestServerStartInherited(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		s := &httpx.Server{Handle: answers}
		if err := s.StartInherited(ctx, "127.0.0.1:0"); err != nil {
			return err
		}
		defer s.Close()
		c := newClient(t, nil)
		defer c.CloseIdleConnections()
		if status, body := get(t, c, "http://"+s.Addr().String()+"/x"); status != 200 || body != "GET /x\n" {
			t.Errorf("got %d %q", status, body)
		}
		again := &httpx.Server{Handle: answers}
		if err := again.StartInherited(ctx, s.Addr().String()); !errors.Is(err, aio.ErrConn) {
			t.Errorf("on an address in use: %v", err)
		}
		return nil
	})
}
