package httpx_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// TestRequestAccessors checks the seed's accessors, and that what is printed
// tells no secrets.
func TestRequestAccessors(t *testing.T) {
	serve(t, &httpx.Server{Handle: func(r *httpx.Request) {
		for name, got := range map[string][2]string{
			"Method":      {r.Method(), "POST"},
			"URI":         {r.URI(), "POST /documents/4%205?format=json&token=s3cret"},
			"Resource":    {r.Resource(), "/documents/4%205"},
			"QueryString": {r.QueryString(), "format=json&token=s3cret"},
			"Header":      {r.Header().Get("X-A"), "b"},
			"Body":        {string(r.Body()), "body"},
			"Std":         {r.Std().URL.Path, "/documents/4 5"},
		} {
			if got[0] != got[1] {
				t.Errorf("%s is %q, want %q", name, got[0], got[1])
			}
		}
		again, err := io.ReadAll(r.Std().Body)
		if string(again) != "body" || err != nil {
			t.Errorf("Std().Body is %q, %v", again, err)
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "request", r)
		printed := r.String() + fmt.Sprint(r) + log.String()
		for _, secret := range []string{"s3cret", "Basic", "chocolate", "body\n"} {
			if strings.Contains(printed, secret) {
				t.Errorf("%q is printed:\n%s", secret, printed)
			}
		}
		for _, want := range []string{"POST", "/documents/4%205", "X-A: b", "body: 4 bytes"} {
			if !strings.Contains(printed, want) {
				t.Errorf("%q is not printed:\n%s", want, printed)
			}
		}
		r.RespondString(200, "")
	}}, func(addr string) {
		c := dialRaw(t, addr)
		defer c.Close()
		c.say("POST /documents/4%205?format=json&token=s3cret HTTP/1.1\r\nHost: h\r\nX-A: b\r\nContent-Length: 4\r\n" +
			"Authorization: Basic s3cret\r\nCookie: chocolate\r\nX-Api-Key: s3cret\r\n\r\nbody")
		c.response("POST")
	})
}

// TestRequestPrinted checks of which fields a printed request has the value: it
// has none that may be a secret, and no query and credentials of a Referer.
func TestRequestPrinted(t *testing.T) {
	for _, x := range []struct{ name, value, want string }{
		{"Accept", "x/y", "x/y"},
		{"User-Agent", "a (b)", "a (b)"},
		{"Authorization", "Basic s3cret", "[redacted]"},
		{"Proxy-Authorization", "Basic s3cret", "[redacted]"},
		{"Cookie", "a=s3cret", "[redacted]"},
		{"Set-Cookie", "a=s3cret", "[redacted]"},
		{"X-Csrf-Token", "s3cret", "[redacted]"},
		{"X-Auth-Token", "s3cret", "[redacted]"},
		{"Client-Secret", "s3cret", "[redacted]"},
		{"X-Api-Key", "s3cret", "[redacted]"},
		{"X-Apikey", "s3cret", "[redacted]"},
		{"Password", "s3cret", "[redacted]"},
		{"X-Session-Id", "s3cret", "[redacted]"},
		{"Referer", "http://h/path", "http://h/path"},
		{"Referer", "http://h/path?token=s3cret", "http://h/path"},
		{"Referer", "http://h/?token=s3cret?s3cret", "http://h/"},
		{"Referer", "?s3cret", ""},
		{"Referer", "http://user:s3cret@h/path?token=s3cret", "http://xxxxx@h/path"},
	} {
		for _, name := range []string{x.name, strings.ToLower(x.name), strings.ToUpper(x.name)} {
			inH1Dial(t, &httpx.Server{Handle: func(r *httpx.Request) {
				if text := r.String(); !strings.Contains(text, "\n  "+x.name+": "+x.want+"\n") || strings.Contains(text, "s3cret") {
					t.Errorf("%s: %s: String returns %q, want the value %q", name, x.value, text, x.want)
				}
				r.RespondString(200, "")
			}}, func(t *testing.T, dial func() raw) {
				c := dial()
				defer c.Close()
				c.say("GET / HTTP/1.1\r\nHost: h\r\n" + name + ": " + x.value + "\r\n\r\n")
				c.response("GET")
			})
		}
	}
}

// TestAccessLog checks what is logged of a request, and that IDs go through.
func TestAccessLog(t *testing.T) {
	var log bytes.Buffer
	s := &httpx.Server{Handle: answers, AccessLog: slog.New(slog.NewTextHandler(&log, nil)), RequestIDHeader: "X-Request-Id"}
	serve(t, s, func(addr string) {
		c := dialRaw(t, addr)
		defer c.Close()
		c.say("GET /path?q=s3cret HTTP/1.1\r\nHost: h\r\nX-Request-Id: id-1\r\nUser-Agent: a\"b\r\n\r\n")
		if resp, _ := c.response("GET"); resp.Header.Get("X-Request-Id") != "id-1" {
			t.Errorf("got %v", resp.Header)
		}
		c.say("GET / HTTP/1.1\r\nHost: h\r\nX-Request-Id: not a token\r\n\r\n")
		if resp, _ := c.response("GET"); resp.Header.Get("X-Request-Id") == "" || strings.Contains(resp.Header.Get("X-Request-Id"), " ") {
			t.Errorf("got %v", resp.Header)
		}
	})
	text := log.String()
	for _, want := range []string{"method=GET", "path=/path ", "status=200", "id=id-1", "took="} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if strings.Contains(text, "s3cret") || strings.Count(text, "\n") != 2 {
		t.Errorf("log:\n%s", text)
	}
}

// TestResponseForms checks what is sent for HEAD, for statuses without a body,
// and for Expect: 100-continue.
func TestResponseForms(t *testing.T) {
	s := &httpx.Server{Handle: func(r *httpx.Request) {
		switch r.Resource() {
		case "/204":
			r.Respond(204, nil, []byte("no"))
		case "/own":
			r.Respond(200, http.Header{"Content-Length": {"77"}, "content-type": {"x/y"}}, nil)
		default:
			answers(r)
		}
	}}
	serve(t, s, func(addr string) {
		c := dialRaw(t, addr)
		defer c.Close()
		c.say("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n")
		if resp, body := c.response("HEAD"); resp.ContentLength != int64(len("HEAD /\n")) || body != "" {
			t.Errorf("HEAD: %d, %q", resp.ContentLength, body)
		}
		c.say("HEAD /own HTTP/1.1\r\nHost: h\r\n\r\n")
		if resp, _ := c.response("HEAD"); resp.ContentLength != 77 || resp.Header.Get("Content-Type") != "x/y" {
			t.Errorf("HEAD: %d, %v", resp.ContentLength, resp.Header)
		}
		c.say("GET /204 HTTP/1.1\r\nHost: h\r\n\r\n")
		if resp, body := c.response("GET"); resp.StatusCode != 204 || body != "" || resp.Header.Get("Content-Length") != "" {
			t.Errorf("204: %+v, %q", resp, body)
		}
		c.say(post("Content-Length: 4", "Expect: 100-continue", "", ""))
		if resp, _ := c.response("POST"); resp.StatusCode != 100 {
			t.Errorf("Expect: %d", resp.StatusCode)
		}
		c.say("body")
		if resp, body := c.response("POST"); resp.StatusCode != 200 || body != "POST /\nbody" {
			t.Errorf("Expect: %d %q", resp.StatusCode, body)
		}
		c.say(post("Content-Length: 4000000", "Expect: 100-continue", "", ""))
		if resp, _ := c.response("POST"); resp.StatusCode != 413 {
			t.Errorf("Expect with too much: %d", resp.StatusCode)
		}
	})
}

// TestHandlerFeatures checks that what http.Handlers rely on passes through:
// ranges, files, trailers, early hints.
func TestHandlerFeatures(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /range", func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "x.txt", time.Time{}, strings.NewReader("0123456789"))
	})
	mux.HandleFunc("GET /trailer", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(103)
		w.Write([]byte("x"))
		w.(http.Flusher).Flush()
		w.Header().Set(http.TrailerPrefix+"X-T", "t")
	})
	mux.HandleFunc("GET /bad", func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["X-Evil"] = []string{"a\r\nb: c"}
		if _, err := w.Write([]byte("body")); err == nil {
			t.Error("Write behind a bad header went well")
		}
	})
	events(t, &httpx.Server{Handler: mux}, func(addr string, rec *aiotest.Recorder) {
		c := newClient(t, nil)
		defer c.CloseIdleConnections()
		req, _ := http.NewRequest("GET", "http://"+addr+"/range", nil)
		req.Header.Set("Range", "bytes=2-4")
		resp, err := c.Do(req)
		if err != nil {
			t.Fatalf("c.Do: %v", err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 206 || string(body) != "234" {
			t.Errorf("range: %d %q", resp.StatusCode, body)
		}
		if resp, err = c.Get("http://" + addr + "/trailer"); err != nil {
			t.Fatalf("c.Get: %v", err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.Trailer.Get("X-T") != "t" {
			t.Errorf("trailer: %v", resp.Trailer)
		}
		if resp, err = c.Get("http://" + addr + "/bad"); err != nil {
			t.Fatalf("c.Get: %v", err)
		}
		resp.Body.Close()
		if resp.StatusCode != 500 || resp.Header.Get("b") != "" {
			t.Errorf("bad header: %d %v", resp.StatusCode, resp.Header)
		}
		if e := rec.Wait(t, 1)[0]; !strings.Contains(e.Err.Error(), "header") {
			t.Errorf("event: %v", e.Err)
		}
	})
}
