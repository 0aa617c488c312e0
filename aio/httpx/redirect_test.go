package httpx_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// TestRedirects checks how many redirects are followed, with which method and
// body.
func TestRedirects(t *testing.T) {
	base := origin(t, func(w http.ResponseWriter, r *http.Request) {
		var status, left int
		if _, err := fmt.Sscanf(r.URL.Path, "/%d/%d", &status, &left); err != nil || left == 0 {
			echoes(w, r)
			return
		}
		http.Redirect(w, r, fmt.Sprintf("/%d/%d", status, left-1), status)
	})
	aiotest.Run(t, func(ctx context.Context) error {
		c := new(httpx.Client)
		r, err := c.Get(ctx, base+"/302/10").Await(ctx)
		wantBody(t, r, err, 200, "/302/0\n")
		if err == nil && r.URL.Path != "/302/0" {
			t.Errorf("the response is from %v", r.URL)
		}
		_, err = c.Get(ctx, base+"/302/11").Await(ctx)
		failsWith(t, err, httpx.PhaseHeader, httpx.ErrRedirects)
		_, err = (&httpx.Client{MaxRedirects: 2, Retry: httpx.Retry{Attempts: 3}}).Get(ctx, base+"/302/3").Await(ctx)
		failsWith(t, err, httpx.PhaseHeader, httpx.ErrRedirects)
		r, err = (&httpx.Client{MaxRedirects: -1}).Get(ctx, base+"/302/1").Await(ctx)
		if err != nil || r.Status != 302 || r.Header.Get("Location") != "/302/0" {
			t.Errorf("got %v, %v", r, err)
		}
		for status, want := range map[int]string{303: "GET ", 307: "POST body", 308: "POST body"} {
			r, err = c.Post(ctx, fmt.Sprintf("%s/%d/1", base, status), "", []byte("body")).Await(ctx)
			method, body, _ := strings.Cut(want, " ")
			wantBody(t, r, err, 200, fmt.Sprintf("/%d/0\n%s", status, body))
			if err == nil && r.Header.Get("Got-Method") != method {
				t.Errorf("%d: sent %s", status, r.Header.Get("Got-Method"))
			}
		}
		// A body that cannot be sent again is not sent.
		req := request(t, "POST", base+"/307/1", io.MultiReader(strings.NewReader("body")))
		r, err = c.Do(ctx, req).Await(ctx)
		if err != nil || r.Status != 307 {
			t.Errorf("got %v, %v", r, err)
		}
		return nil
	})
}

// TestCrossHost checks that secrets do not follow a redirect to another host.
func TestCrossHost(t *testing.T) {
	secrets := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Header["Authorization"], r.Header["Cookie"], r.Header["X-Other"])
	}
	var other string
	base := origin(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, other, http.StatusFound)
		case "/stay":
			http.Redirect(w, r, "/", http.StatusFound)
		default:
			secrets(w, r)
		}
	})
	other = strings.Replace(origin(t, secrets), "127.0.0.1", "localhost", 1)
	aiotest.Run(t, func(ctx context.Context) error {
		for path, want := range map[string]string{"/stay": "[a] [c] [o]", "/away": "[] [] [o]"} {
			req := request(t, "GET", base+path, nil)
			req.Header = http.Header{"Authorization": {"a"}, "Cookie": {"c"}, "X-Other": {"o"}}
			r, err := httpx.Do(ctx, req).Await(ctx)
			wantBody(t, r, err, 200, want)
		}
		return nil
	})
}

// TestCookies checks that cookies are kept by a jar, and not without one.
func TestCookies(t *testing.T) {
	base := origin(t, func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "key", Value: "value", Path: "/"})
		if r.URL.Path == "/redirect" {
			http.Redirect(w, r, "/", http.StatusFound)
			return
		}
		fmt.Fprint(w, r.Header["Cookie"])
	})
	jar := httpx.NewJar()
	site := &url.URL{Scheme: "https", Host: "a.co.uk"}
	jar.SetCookies(site, []*http.Cookie{{Name: "k", Value: "v", Domain: "co.uk"}})
	if got := jar.Cookies(&url.URL{Scheme: "https", Host: "b.co.uk"}); len(got) > 0 {
		t.Errorf("the jar took a cookie for co.uk: %v", got)
	}
	aiotest.Run(t, func(ctx context.Context) error {
		plain, jar := new(httpx.Client), &httpx.Client{Jar: jar}
		for _, x := range []struct {
			c          *httpx.Client
			path, want string
		}{{plain, "", "[]"}, {plain, "", "[]"}, {plain, "/redirect", "[]"}, {jar, "/redirect", "[key=value]"}, {jar, "", "[key=value]"}} {
			r, err := x.c.Get(ctx, base+x.path).Await(ctx)
			wantBody(t, r, err, 200, x.want)
		}
		return nil
	})
}
