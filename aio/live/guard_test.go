package live_test

import (
	"context"
	"net"
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
	// over has a request come over a unix socket, as far as its server says so.
	over := func(addr string) func(*http.Request) {
		return func(r *http.Request) {
			local := &net.UnixAddr{Name: "/run/live", Net: "unix"}
			*r = *r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(local)))
			r.RemoteAddr = addr
		}
	}
	// fetched is what a browser says of a request that a page makes.
	fetched := func(site, mode, dest string) []func(*http.Request) {
		return []func(*http.Request){
			header("Sec-Fetch-Site", site), header("Sec-Fetch-Mode", mode), header("Sec-Fetch-Dest", dest),
		}
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
		{"IPv6 without a port", "GET", "/", open, []func(*http.Request){host("[::1]")}, 200},
		{"IPv6 with a zone", "GET", "/", open, []func(*http.Request){host("[fe80::1%lo]:1")}, 200},
		{"no port after the colon", "GET", "/", open, []func(*http.Request){host("localhost:")}, 200},
		{"below localhost", "GET", "/", open, []func(*http.Request){host("app.localhost:1")}, 200},
		{"a number that is no IP address", "GET", "/", open, []func(*http.Request){host("2130706433:1")}, 421},
		{"an IP address and more", "GET", "/", open, []func(*http.Request){host("[::1].evil.example")}, 421},
		{"localhost and more", "GET", "/", open, []func(*http.Request){host("localhost@evil.example")}, 421},
		{"two dots", "GET", "/", open, []func(*http.Request){host("localhost..")}, 421},
		{"unix socket", "GET", "/", open, []func(*http.Request){over("@")}, 200},
		{"unix socket without a name", "GET", "/", open, []func(*http.Request){over("")}, 200},
		{"an address that a server left out", "GET", "/", open, []func(*http.Request){from("")}, 403},
		{"an address like a socket's", "GET", "/", open, []func(*http.Request){from("@")}, 403},
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
		{"known host with a dot", "GET", "/", secret, []func(*http.Request){header("Authorization", "Bearer secret"), host("ops.example.")}, 200},
		{"bearer in lower case", "GET", "/", secret, []func(*http.Request){header("Authorization", "bearer secret")}, 200},
		{"the token as a password", "GET", "/", secret, []func(*http.Request){header("Authorization", "Basic secret")}, 401},
		{"no bearer", "GET", "/", secret, []func(*http.Request){header("Authorization", "Bearer ")}, 401},
		{"the token as a cookie", "GET", "/", secret, []func(*http.Request){header("Cookie", "goaio_live=secret")}, 401},
		{"an empty token", "GET", "/?token=", secret, nil, 401},
		{"token by POST", "POST", "/stack?op=1&token=secret", secret, nil, 401},
		{"read-only cancel", "POST", "/cancel?op=2", open, nil, 403},
		{"read-only drain", "POST", "/drain", open, nil, 403},
		{"drain by GET", "GET", "/drain", open, nil, 405},
		{"cancel by GET", "GET", "/cancel?op=2", open, nil, 405},
		{"stack of another site", "POST", "/stack?op=1", open, []func(*http.Request){header("Sec-Fetch-Site", "cross-site")}, 403},
		{"stack of another origin", "POST", "/stack?op=1", open, []func(*http.Request){header("Origin", "http://evil.example")}, 403},
		{"stack of another site that leads here", "POST", "/stack?op=1", open, fetched("cross-site", "navigate", "document"), 403},
		{"a form of another origin", "POST", "/stack?op=1", open, []func(*http.Request){header("Origin", "null")}, 403},
		{"an image of another site", "GET", "/snapshot", open, fetched("cross-site", "no-cors", "image"), 403},
		{"a stream of another site", "GET", "/events", open, fetched("cross-site", "cors", "empty"), 403},
		{"an image of another port", "GET", "/", open, fetched("same-site", "no-cors", "image"), 403},
		{"a frame of another site", "GET", "/", open, fetched("cross-site", "navigate", "iframe"), 403},
		{"a link of another site", "GET", "/", open, fetched("cross-site", "navigate", "document"), 200},
		{"an address typed", "GET", "/", open, fetched("none", "navigate", "document"), 200},
		{"its own script", "GET", "/snapshot", open, fetched("same-origin", "cors", "empty"), 200},
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

// A token in the URL is taken out of the browser's history, and a cookie given
// for it, which does not tell the token: it is sent to other ports as well.
func TestTokenMoves(t *testing.T) {
	loop := new(aio.Loop)
	names := map[string]bool{}
	for _, token := range []string{"a b", `ü;"\,`, "t0ken"} {
		page := &live.Page{Loop: loop, Token: token}
		for target, want := range map[string]string{
			"/x/?q=a&": "./?q=a", "/x/snapshot?": "./snapshot", "/x/a:b?": "./a:b", "/x/%2f%2fevil.example?": "./evil.example",
		} {
			w := ask(page, "GET", target+url.Values{"token": {token}}.Encode())
			if w.Code != 303 || w.Header().Get("Location") != want {
				t.Errorf("%s: got %d, %s, want %s", target, w.Code, w.Header().Get("Location"), want)
			}
		}
		c := ask(page, "GET", "/?"+url.Values{"token": {token}}.Encode()).Result().Cookies()
		if len(c) != 1 || !c[0].HttpOnly || c[0].SameSite != http.SameSiteStrictMode {
			t.Fatalf("got %v", c)
		}
		if strings.Contains(c[0].String(), token) || names[c[0].Name] {
			t.Errorf("the cookie is %s: it has the token, or the name of another page's", c[0])
		}
		names[c[0].Name] = true
		if w := ask(page, "GET", "/", func(r *http.Request) { r.AddCookie(c[0]) }); w.Code != 200 {
			t.Errorf("%q: with the cookie: %d", token, w.Code)
		}
		c[0].Value += "x"
		if w := ask(page, "GET", "/", func(r *http.Request) { r.AddCookie(c[0]) }); w.Code != 401 {
			t.Errorf("%q: with another cookie: %d", token, w.Code)
		}
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
		t.Errorf("Run: %v", err)
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
