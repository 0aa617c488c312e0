package httpx_test

import (
	"net/http"
	"testing"

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
