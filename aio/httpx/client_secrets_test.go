package httpx_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// errProxyFile is an error of a Proxy function.
var errProxyFile = errors.New("no such proxy")

// TestNoSecrets checks that no error, name of an operation or text of a
// response shows a password or a query.
func TestNoSecrets(t *testing.T) {
	const location = "302 Found\r\nContent-Length: 0\r\nLocation: "
	redirects := func(to string) string {
		return script(t, says("HTTP/1.1 "+location+to+"\r\n\r\n"))
	}
	dead := "http://user:secret@127.0.0.1:1/path?token=secret"
	badProxy := func(err error) *httpx.Client {
		return &httpx.Client{Proxy: func(*http.Request) (*url.URL, error) { return nil, err }}
	}
	badURL := "http://user:secret@pro xy/?token=secret"
	//lint:ignore SA1007 it is to be a URL that cannot be parsed
	_, parse := url.Parse(badURL)
	plain := new(httpx.Client)
	again := &httpx.Client{Retry: httpx.Retry{Attempts: 2, Backoff: exactly}}
	hedged := &httpx.Client{Hedge: httpx.Hedge{Delay: time.Hour}}
	for name, x := range map[string]struct {
		c   *httpx.Client
		url string
	}{
		"unparsable Location":     {plain, redirects("http://user:secret@ho st/?token=secret")},
		"path of a Location":      {plain, redirects("/path%zz?token=secret")},
		"Location's port":         {plain, redirects("http://user:secret:x@host/?token=secret")},
		"Location without scheme": {plain, redirects("//user:secret @host/?token=secret")},
		"Location with another":   {plain, redirects("gopher://user:secret@host/?token=secret")},
		"dead Location":           {plain, redirects(dead)},
		"dead Location, again":    {again, redirects(dead)},
		"dead Location, hedged":   {hedged, redirects(dead)},
		"dead":                    {plain, dead},
		"dead, hedged":            {hedged, dead},
		"unparsable":              {plain, "http://user:secret@ho st/?token=secret"},
		"opaque":                  {plain, "mail:user:secret@host?token=secret"},
		"proxy, url.Error":        {badProxy(parse), "http://host/"},
		"proxy, wrapped":          {badProxy(fmt.Errorf("proxy: %w", parse)), "http://host/"},
		"proxy, joined":           {badProxy(errors.Join(errProxyFile, parse)), "http://host/"},
		"proxy, quoted":           {badProxy(fmt.Errorf("invalid proxy address %q", "user:secret@ho st")), "http://host/"},
		"proxy, bare":             {badProxy(errors.New("bad proxy http://user:sec secret@host:1")), "http://host/"},
	} {
		t.Run(name, func(t *testing.T) {
			loop := &aio.Loop{OnEvent: func(aio.Event) {}}
			aiotest.RunLoop(t, loop, func(ctx context.Context) error {
				f := x.c.Get(ctx, x.url)
				for op := range loop.Ops() {
					if strings.Contains(op.Name, "secret") {
						t.Errorf("an operation is called %q", op.Name)
					}
				}
				_, err := f.Await(ctx)
				if err == nil {
					t.Fatal("no error")
				}
				for err := err; err != nil; err = errors.Unwrap(err) {
					if strings.Contains(err.Error(), "secret") {
						t.Errorf("a %T says: %v", err, err)
					}
				}
				var u *url.Error
				if errors.As(err, &u) && strings.Contains(u.Error(), "secret") {
					t.Errorf("found in it: %v", u)
				}
				if name == "proxy, joined" && !errors.Is(err, errProxyFile) {
					t.Errorf("%v does not match what it is about", err)
				}
				return nil
			})
		})
	}
}

// TestResponseText checks that the text of a response shows no secrets of its
// URL, header and body.
func TestResponseText(t *testing.T) {
	u, err := url.Parse("https://user:secret@host/path?token=secret#secret")
	if err != nil {
		t.Fatalf("url.Parse: %v", err)
	}
	r := &httpx.Response{Status: 200, Proto: "HTTP/1.1", Header: http.Header{"Set-Cookie": {"secret"}}, Body: []byte("secret"), URL: u}
	const want = "#<http-response 200 HTTP/1.1 of 6 bytes from https://xxxxx@host/path?...>"
	if got := fmt.Sprint(r); got != want {
		t.Errorf("got %s", got)
	}
	var out strings.Builder
	slog.New(slog.NewTextHandler(&out, nil)).Info("got", "r", r)
	if !strings.Contains(out.String(), "r.url") || strings.Contains(out.String(), "secret") {
		t.Errorf("logged %s", out.String())
	}
}

// TestDowngrade checks that credentials do not follow a redirect from https to
// http on the same host, or back, and that the jar decides about its cookies.
func TestDowngrade(t *testing.T) {
	var secure, plain string
	h := func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/down":
			http.SetCookie(w, &http.Cookie{Name: "plain", Value: "1", Path: "/"})
			http.SetCookie(w, &http.Cookie{Name: "secure", Value: "1", Path: "/", Secure: true})
			http.Redirect(w, r, plain+"/", http.StatusFound)
		case "/down-up":
			http.Redirect(w, r, plain+"/up", http.StatusTemporaryRedirect)
		case "/up":
			http.Redirect(w, r, secure+"/", http.StatusFound)
		case "/stay":
			http.Redirect(w, r, secure+"/", http.StatusFound)
		default:
			fmt.Fprint(w, r.Header["Authorization"], r.Header["Proxy-Authorization"], r.Header["Cookie"], r.Header["X-Other"])
		}
	}
	s := httptest.NewTLSServer(http.HandlerFunc(h))
	t.Cleanup(s.Close)
	byName := strings.NewReplacer("127.0.0.1", "site.example")
	plain, secure = byName.Replace(origin(t, h)), byName.Replace(s.URL)
	dialer := anyTLS()
	dialer.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, strings.Replace(addr, "site.example", "127.0.0.1", 1))
	}
	for _, x := range []struct {
		jar       http.CookieJar
		url, want string
	}{
		{nil, secure + "/stay", "[a] [p] [c=1] [o]"},
		{nil, secure + "/down", "[] [] [] [o]"},
		{nil, secure + "/down-up", "[] [] [] [o]"},
		{nil, plain + "/up", "[a] [p] [c=1] [o]"},
		{httpx.NewJar(), secure + "/down", "[] [] [plain=1] [o]"},
	} {
		aiotest.Run(t, func(ctx context.Context) error {
			c := &httpx.Client{Dialer: dialer, Jar: x.jar}
			req := request(t, "GET", x.url, nil)
			req.Header = http.Header{"Authorization": {"a"}, "Proxy-Authorization": {"p"}, "Cookie": {"c=1"}, "X-Other": {"o"}}
			r, err := c.Do(ctx, req).Await(ctx)
			wantBody(t, r, err, 200, x.want)
			return nil
		})
	}
}

// TestReferer checks how much of a URL the target of a redirect gets.
func TestReferer(t *testing.T) {
	var other string
	h := func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/stay":
			http.Redirect(w, r, "/", http.StatusFound)
		case "/away":
			http.Redirect(w, r, other, http.StatusFound)
		default:
			fmt.Fprint(w, r.Header["Referer"])
		}
	}
	base, own := origin(t, h), http.Header{"Referer": {"http://mine/?q"}}
	other = origin(t, h)
	aiotest.Run(t, func(ctx context.Context) error {
		for _, x := range []struct {
			path   string
			header http.Header
			want   string
		}{
			{"/stay?q", http.Header{}, "[" + base + "/stay?q]"},
			{"/away?q", http.Header{}, "[" + base + "/]"},
			{"/away?q", own, "[http://mine/?q]"},
		} {
			req := request(t, "GET", base+x.path, nil)
			req.Header = x.header
			r, err := httpx.Do(ctx, req).Await(ctx)
			wantBody(t, r, err, 200, x.want)
		}
		return nil
	})
}
