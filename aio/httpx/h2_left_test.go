package httpx_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"goaio.example/aio/httpx"
)

// TestBodyReadBehindHandler checks that a goroutine that an http.Handler has
// left behind, such as one of an http.Transport that sends the request's body
// on, gets an error from the body over HTTP/2, as it does with net/http.
func TestBodyReadBehindHandler(t *testing.T) {
	for name, x := range map[string]struct {
		data bool // arrives before the handler returns
		read bool // a Read is in progress then
	}{
		"in_progress": {read: true},
		"begun_later": {},
		"with_data":   {data: true},
	} {
		t.Run(name, func(t *testing.T) {
			var errs chan error
			s := &httpx.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if x.data {
					io.ReadFull(r.Body, make([]byte, 1))
				}
				go func() {
					if !x.read {
						time.Sleep(time.Second)
					}
					_, err := io.Copy(io.Discard, r.Body)
					errs <- err
				}()
				time.Sleep(time.Millisecond)
			})}
			inH2(t, s, func(c h2raw) {
				errs = make(chan error, 1) // of the bubble
				c.request(1, "POST", 0, 0, false)
				if x.data {
					c.check(c.WriteData(1, false, []byte("abc")))
				}
				if err := <-errs; err == nil {
					t.Error("Read behind the handler: no error, want one")
				}
			})
		})
	}
}
