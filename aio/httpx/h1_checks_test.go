package httpx_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"goaio.example/aio/httpx"
)

// openers are requests that are not, or not always, answered by a plain call of
// the program's function, and their responses. The connection is kept.
var openers = []struct {
	name, text string
	want       int
}{
	{"websocket", head("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: YQ=="), 200},
	{"websocket and keep-alive", head("Connection: keep-alive, Upgrade", "Upgrade: websocket"), 200},
	{"HTTP/2", head("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"), 200},
	{"TLS", "OPTIONS * HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: TLS/1.0\r\n\r\n", 200},
	{"upgrade with a body", post("Connection: upgrade", "Upgrade: x", "Content-Length: 3", "", "abc"), 200},
	{"upgrade with a chunked body", post("Connection: upgrade", "Upgrade: x", "Transfer-Encoding: chunked", "", "3\r\nabc\r\n0\r\n\r\n"), 200},
	{"upgrade without a protocol", head("Connection: upgrade", "Upgrade:"), 200},
	{"upgrade that Connection does not name", head("Upgrade: x"), 200},
	{"ready", "GET /readyz HTTP/1.1\r\nHost: h\r\n\r\n", 200},
	{"ready, with a query", "GET /readyz?a=b HTTP/1.1\r\nHost: h\r\n\r\n", 200},
	{"ready, with a body", "POST /readyz HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", 200},
	{"ready, with a chunked body", "POST /readyz HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200},
	{"busy", "GET /busy HTTP/1.1\r\nHost: h\r\n\r\n", 503},
	{"busy, with a body", "POST /busy HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", 503},
	{"busy, with a chunked body", "POST /busy HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 503},
	{"busy, offering an upgrade", "GET /busy HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", 503},
	{"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 200},
	{"OPTIONS * with a body", "OPTIONS * HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", 200},
}

// followers are what is refused wherever it comes.
var followers = []string{
	post("Content-Length: 4", "Transfer-Encoding: chunked", "", "0\r\n\r\n"),
	post("Transfer-Encoding: chunked", "Content-Length: 4", "", "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"),
	post("Content-Length: 1", "Content-Length: 1", "", "x"),
	"GET /smuggled HTTP/1.1\nHost: h\n\n",
	"GET /smuggled HTTP/1.1\r\nHost: h\nA: b\r\n\r\n",
	"GET /smuggled HTTP/1.1\r\nHost: h\r\nA : b\r\n\r\n",
	"GET /smuggled HTTP/1.1\r\n\r\n",
	"abcGET\x00/smuggled HTTP/1.1\r\nHost: h\r\n\r\n",
}

// TestChecksStayOn checks that the connection is kept after requests of which
// the server might think that no more HTTP follows, and that what follows is
// checked as before.
func TestChecksStayOn(t *testing.T) {
	var calls, smuggled atomic.Int64
	var end chan struct{}
	count := func(path string) {
		calls.Add(1)
		if strings.Contains(path, "smuggled") {
			smuggled.Add(1)
		}
	}
	for mode, s := range map[string]func() *httpx.Server{
		"Handle": func() *httpx.Server {
			return &httpx.Server{Handle: func(r *httpx.Request) {
				count(r.URI())
				if r.Resource() == "/hold" {
					go func() {
						<-end
						r.Respond(200, nil, nil)
					}()
					return
				}
				r.Respond(200, nil, r.Body())
			}}
		},
		"Handler": func() *httpx.Server {
			return &httpx.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				count(r.URL.Path)
				if r.URL.Path == "/hold" {
					<-end
				}
				io.Copy(w, r.Body)
			})}
		},
	} {
		for _, o := range openers {
			t.Run(mode+"/"+o.name, func(t *testing.T) {
				for _, follower := range followers {
					for _, together := range []bool{true, false} {
						busy := o.want == 503
						s := s()
						s.ReadyPath = "/readyz"
						if busy {
							s.MaxInFlight = 1
						}
						inH1Dial(t, s, func(t *testing.T, dial func() raw) {
							end = make(chan struct{}) // of the bubble
							hold := dial()
							defer hold.Close()
							if busy {
								hold.say(getOf("/hold"))
								synctest.Wait()
							}
							c := dial()
							defer c.Close()
							checkOpener(t, c, o.text, o.want, follower, together)
							close(end)
							if busy {
								hold.response("GET")
							}
						})
					}
				}
			})
		}
	}
	if n := smuggled.Load(); n != 0 {
		t.Errorf("%d requests that were refused were handled", n)
	}
}

// checkOpener sends an opener twice, and what is refused.
func checkOpener(t *testing.T, c raw, opener string, want int, follower string, together bool) {
	if together {
		c.say(opener + opener + follower)
	}
	for range 2 {
		if !together {
			c.say(opener)
		}
		resp, body := c.response("GET")
		if resp.StatusCode != want || resp.Close {
			t.Errorf("%q, %q: %d, close %v", opener, body, resp.StatusCode, resp.Close)
		}
	}
	if !together {
		c.say(follower)
	}
	if resp, _ := c.response("GET"); resp.StatusCode != 400 || !resp.Close {
		t.Errorf("%q behind %q: %d, close %v", follower, opener, resp.StatusCode, resp.Close)
	}
	c.closed()
}

// TestBadTargets checks that targets and Hosts which others read otherwise, or
// not at all, are refused and reach no handler.
func TestBadTargets(t *testing.T) {
	var heads []string
	for _, target := range []string{
		"/a#b", "/#", "/?a#b", "http://h/#a", "/a\x80", "/\xff", "/\xc3\xa4", "/?\xc3\xa4", "/<", "/>", `/\`, "/^", "/{", "/}", "/`", `/"`, "/|", "/?<", "/?|", `/?"`,
		"http://?x", "http://:80/", "http://", "http:///", "http://u@h/", "http://u:p@h/", "http://@h/", "http://h:80@i/", "http://h:abc/", "http://[::1/", "http://a:1:2/", "/%", "/%4", "/%zz",
	} {
		heads = append(heads, "GET "+target+" HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS "+target+" HTTP/1.1\r\nHost: h\r\n\r\n", "GET "+target+" HTTP/1.0\r\n\r\n")
	}
	for _, host := range []string{
		"h:abc", "h:-1", "h:99999", "[::1", "::1", "[::1]:x", "[::1]x", "[fe80::1%eth0]", "a:1:2", ":80", "a b", "a/b", "u@h", "a,b", "h#", "h?", `h\`, "<h>", "h%41", "\xc3\xa4", "http://h",
	} {
		heads = append(heads, "GET / HTTP/1.1\r\nHost: "+host+"\r\n\r\n", "GET http://h/ HTTP/1.1\r\nHost: "+host+"\r\n\r\n", "GET / HTTP/1.0\r\nHost: "+host+"\r\n\r\n",
			"CONNECT h:80 HTTP/1.1\r\nHost: "+host+"\r\n\r\n", "CONNECT "+host+"/ HTTP/1.1\r\nHost: h\r\n\r\n")
	}
	fails := func(what string) { t.Errorf("handled: %s", what) }
	for _, s := range []func() *httpx.Server{
		func() *httpx.Server { return &httpx.Server{Handle: func(r *httpx.Request) { fails(r.URI()) }} },
		func() *httpx.Server {
			return &httpx.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { fails(fmt.Sprint(r.Host, r.URL)) })}
		},
	} {
		inH1Dial(t, s(), func(t *testing.T, dial func() raw) {
			for _, text := range heads {
				c := dial()
				c.say(text)
				if resp, _ := c.response("GET"); resp.StatusCode != 400 {
					t.Errorf("%q: %d", text, resp.StatusCode)
				}
				c.closed()
				c.Close()
			}
		})
	}
}
