package live_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/live"
)

func TestGuard(t *testing.T) {
	loop := new(aio.Loop)
	open := live.Handler(loop)
	secret := &live.Page{Loop: loop, Token: "secret", Hosts: []string{"ops.example"}}
	host := func(h string) func(*http.Request) { return func(r *http.Request) { r.Host = h } }
	from := func(a string) func(*http.Request) { return func(r *http.Request) { r.RemoteAddr = a } }
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for _, c := range []struct {
		name, method, target string
		page                 http.Handler
		edit                 []func(*http.Request)
		want                 int
	}{
		{"plain", "GET", "/", open, nil, 200},
		{"HEAD", "HEAD", "/", open, nil, 200},
		{"below a path", "GET", "/debug/live/", open, nil, 200},
		{"snapshot below a path", "GET", "/debug/live/snapshot", open, nil, 200},
		{"unknown", "GET", "/admin", open, nil, 404},
		{"IPv6", "GET", "/", open, []func(*http.Request){host("[::1]:6060"), from("[::1]:9")}, 200},
		{"unix socket", "GET", "/", open, []func(*http.Request){from("@")}, 200},
		{"localhost with a dot", "GET", "/", open, []func(*http.Request){host("LOCALHOST.:1")}, 200},
		{"rebound", "GET", "/", open, []func(*http.Request){host("evil.example:6060")}, 421},
		{"rebound snapshot", "GET", "/snapshot", open, []func(*http.Request){host("evil.example")}, 421},
		{"rebound stream", "GET", "/events", open, []func(*http.Request){host("127.0.0.1.evil.example")}, 421},
		{"rebound metrics", "GET", "/metrics", open, []func(*http.Request){host("localhost.evil.example")}, 421},
		{"no host", "GET", "/", open, []func(*http.Request){host("")}, 421},
		{"remote", "GET", "/", open, []func(*http.Request){from("192.0.2.1:5")}, 403},
		{"mapped loopback", "GET", "/", open, []func(*http.Request){from("[::ffff:127.0.0.1]:5")}, 200},
		{"not an address", "GET", "/", open, []func(*http.Request){from("somewhere")}, 403},
		{"no token", "GET", "/", secret, nil, 401},
		{"wrong token", "GET", "/", secret, []func(*http.Request){header("Authorization", "Bearer secre")}, 401},
		{"bearer", "GET", "/", secret, []func(*http.Request){header("Authorization", "Bearer secret"), from("192.0.2.1:5")}, 200},
		{"known host", "GET", "/", secret, []func(*http.Request){header("Authorization", "Bearer secret"), host("OPS.example:1")}, 200},
		{"cookie", "GET", "/", secret, []func(*http.Request){header("Cookie", "goaio_live=secret")}, 200},
		{"wrong cookie", "GET", "/", secret, []func(*http.Request){header("Cookie", "goaio_live=x")}, 401},
		{"token by POST", "POST", "/stack?op=1&token=secret", secret, nil, 401},
		{"read-only cancel", "POST", "/cancel?op=2", open, nil, 403},
		{"read-only drain", "POST", "/drain", open, nil, 403},
		{"drain by GET", "GET", "/drain", open, nil, 405},
		{"cancel by GET", "GET", "/cancel?op=2", open, nil, 405},
		{"stack of another site", "POST", "/stack?op=1", open, []func(*http.Request){header("Sec-Fetch-Site", "cross-site")}, 403},
		{"stack of another origin", "POST", "/stack?op=1", open, []func(*http.Request){header("Origin", "http://evil.example")}, 403},
	} {
		w := ask(c.page, c.method, c.target, c.edit...)
		if w.Code != c.want {
			t.Errorf("%s: got %d, want %d: %s", c.name, w.Code, c.want, w.Body)
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
			"Cross-Origin-Resource-Policy": "same-origin", "Access-Control-Allow-Origin": "",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", c.name, name, got, want)
			}
		}
	}
}

// A token in the URL is moved to a cookie, and out of the history of the
// browser.
func TestTokenMoves(t *testing.T) {
	page := &live.Page{Loop: new(aio.Loop), Token: "a b"}
	w := ask(page, "GET", "/x/?q=a&token=a+b")
	if w.Code != 303 || w.Header().Get("Location") != "./?q=a" {
		t.Errorf("got %d %s", w.Code, w.Header().Get("Location"))
	}
	c := w.Result().Cookies()
	if len(c) != 1 || !c[0].HttpOnly || c[0].SameSite != http.SameSiteStrictMode {
		t.Fatalf("got %v", c)
	}
	if w := ask(page, "GET", "/", func(r *http.Request) { r.AddCookie(c[0]) }); w.Code != 200 {
		t.Errorf("with the cookie: %d", w.Code)
	}
}

// The policy lets nothing run but what has the response's nonce, which is
// another one for each response.
func TestPolicy(t *testing.T) {
	page := live.Handler(new(aio.Loop))
	seen := map[string]bool{}
	for range 3 {
		w := ask(page, "GET", "/")
		policy := w.Header().Get("Content-Security-Policy")
		_, after, _ := strings.Cut(policy, "script-src 'nonce-")
		nonce, _, _ := strings.Cut(after, "'")
		if len(nonce) < 20 || seen[nonce] {
			t.Errorf("nonce %q", nonce)
		}
		seen[nonce] = true
		if !strings.HasPrefix(policy, "default-src 'none'; ") || strings.Contains(policy, "unsafe") {
			t.Errorf("policy %s", policy)
		}
		body := w.Body.String()
		if n := strings.Count(body, `nonce="`+nonce+`"`); n != 2 || strings.Count(body, "<script") != 1 || strings.Count(body, "<style") != 1 {
			t.Errorf("the nonce is there %d times", n)
		}
		for _, bad := range []string{" style=", " onclick=", "http://", "https://", "//cdn"} {
			if strings.Contains(body, bad) {
				t.Errorf("the page has %q", bad)
			}
		}
	}
}

// What a peer names cannot become markup, nor change how a terminal or a
// browser shows what follows.
func TestEscapes(t *testing.T) {
	const name = "GET /<script>alert(1)</script>\"'&\x1b[2J\u202e\n"
	loop := &aio.Loop{Logger: quiet}
	page := live.Handler(loop)
	err := loop.Run(t.Context(), func(ctx context.Context) error {
		hold(ctx, 1, name)
		defer loop.Cancel(nil)
		for _, query := range []string{"", "?op=2", "?q=" + url.QueryEscape("<script>"), "?open=" + url.QueryEscape(`"><script>`)} {
			w := ask(page, "GET", "/"+query)
			body := w.Body.String()
			if w.Code != 200 || strings.Contains(body, "<script>") || strings.ContainsAny(body, "\x1b\u202e") {
				t.Errorf("%s: %d, or not escaped", query, w.Code)
			}
			if !strings.HasPrefix(query, "?open") && !strings.Contains(body, `GET /&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&amp;\x1b[2J\u202e\n`) {
				t.Errorf("%s: the name is not there", query)
			}
		}
		s := snapshot(t, page, "")
		if got := s.Tree.Rows[1].Op.Name; got != name {
			t.Errorf("in JSON the name is %q", got)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"":                "",
		"GET /ä €":        "GET /ä €",
		"a\x1b]0;x\x07":   `a\x1b]0;x\x07`,
		"\u202eabc\u2066": `\u202eabc\u2066`,
		"\u200b\ufeff":    `\u200b\ufeff`,
		"\r\n\t\x00\x7f":  `\x0d\n\t\x00\x7f`,
		"\x9b31m":         "\ufffd31m",
		"\u009b31m":       `\x9b31m`,
		"\U000e0041":      `\U000e0041`,
	} {
		if got := live.Visible(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	if got := live.Visible(strings.Repeat("é", 1000)); got != strings.Repeat("é", 200)+"…" {
		t.Errorf("a long one is %q", got)
	}
}
