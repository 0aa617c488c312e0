package http1

import (
	"net/url"
	"testing"
)

// TestTargets checks which targets have a form that fits the method, and what
// they say.
func TestTargets(t *testing.T) {
	for _, c := range []struct {
		method, target string
		form           Form
		// host is that of the Host field if the target has none
		host, path, query string
	}{
		{"GET", "/", Origin, "h", "/", ""},
		{"GET", "//", Origin, "h", "//", ""},
		{"GET", "/a/../b;c=d,e:f@g!$&'()*+~-._", Origin, "h", "/a/../b;c=d,e:f@g!$&'()*+~-._", ""},
		{"GET", "/%00%fF%41", Origin, "h", "/%00%fF%41", ""},
		{"GET", "/?", Origin, "h", "/", ""},
		{"GET", "/??", Origin, "h", "/", "?"},
		{"GET", "/a?b[]=%zz%", Origin, "h", "/a", "b[]=%zz%"},
		{"GET", "/http://x/", Origin, "h", "/http://x/", ""},
		{"OPTIONS", "/a", Origin, "h", "/a", ""},
		{"OPTIONS", "*", Asterisk, "h", "*", ""},
		{"GET", "http://x", Absolute, "x", "", ""},
		{"GET", "http://x/", Absolute, "x", "/", ""},
		{"GET", "HTTPS://X.y:8443/a?b=c", Absolute, "X.y:8443", "/a", "b=c"},
		{"GET", "http://x?a/b", Absolute, "x", "", "a/b"},
		{"GET", "http://x:", Absolute, "x:", "", ""},
		{"GET", "http://[::1]:80/a", Absolute, "[::1]:80", "/a", ""},
		{"OPTIONS", "http://x", Absolute, "x", "", ""},
		{"CONNECT", "x:443", Authority, "x:443", "x:443", ""},
		{"CONNECT", "[::1]:443", Authority, "[::1]:443", "[::1]:443", ""},
		{"CONNECT", "1.2.3.4:0", Authority, "1.2.3.4:0", "1.2.3.4:0", ""},
	} {
		var h Head
		text := c.method + " " + c.target + " HTTP/1.1\r\nHost: h\r\n\r\n"
		if n, status := h.Parse([]byte(text), testLimits); n != len(text) {
			t.Errorf("%s %s: %d, %d", c.method, c.target, n, status)
			continue
		}
		if h.Form != c.form || h.Host != c.host || h.Path() != c.path || h.Query() != c.query {
			t.Errorf("%s %s: form %d, host %q, path %q, query %q", c.method, c.target, h.Form, h.Host, h.Path(), h.Query())
		}
		var u url.URL
		if err := h.SetURL(&u); err != nil {
			t.Errorf("%s %s: %v", c.method, c.target, err)
		}
		if !ValidTarget(c.method, c.target) {
			t.Errorf("%s %s is no target", c.method, c.target)
		}
	}
}

// badTargets are those that no method has.
var badTargets = []string{
	"", "#", "/#", "/a#b", "/?#", "/a?b#c", "http://x/#a", "http://x#a",
	"/a\x80", "/\xc3\xa4", "/a?\xff", "http://x/\xc3\xa4", "/\x00", "/a\x1f", "/a\x7f", "/a\tb", "/?a\x0b",
	"/<", "/>", `/\`, "/^", "/{", "/}", "/`", `/"`, "/|", "/[", "/]",
	"/?<", "/?>", `/?\`, "/?^", "/?{", "/?}", "/?`", `/?"`, "/?|",
	"/%", "/%4", "/%4g", "/%g4", "/a%", "/%%41", "/%zz?", "http://x/%4",
	"http:", "http:/", "http://", "http:///", "http:///a", "http://?x", "http://:80/", "http://:80", "http:x", "http:/x/",
	"http://u@x/", "http://u:p@x/", "http://@x/", "http://x:80@y/", "https://u:@x",
	"http://x:a/", "http://x:80:80/", "http://x:65536/", "http://x:-1/", "http://x:+1/", "http://x: 1/",
	"http://x%41/", "http://x%/", "http://a,b/", "http://[/", "http://[::1/", "http://::1/", "http://[1.2.3.4]/",
	"http://[fe80::1%25eth0]/", "http://[v1.a]/", "http://[]/", "http://[::1]a/", "http://\xc3\xa4/",
	"ftp://x/", "httpx://x/", "file:///a", "javascript:1", "://x/", "ws://x/", "http//x/", "x", "x/y", "x:80", "a/b", "**", "*/", "%2f", "?a", ".",
}

func TestBadTargets(t *testing.T) {
	for _, target := range badTargets {
		for _, method := range []string{"GET", "OPTIONS", "POST", "X"} {
			if ValidTarget(method, target) {
				t.Errorf("%s %q is taken", method, target)
			}
			var h Head
			if n, status := h.Parse([]byte(method+" "+target+" HTTP/1.1\r\nHost: h\r\n\r\n"), testLimits); n != 0 || status != 400 {
				t.Errorf("%s %q: %d, %d", method, target, n, status)
			}
		}
	}
	for _, target := range []string{
		"", "/", "/a", "*", "http://x/", "https://x:443", "x", "x:", ":443", ":", "x:a", "x:65536", "x:443/", "x:443?a", "x:443#a",
		"u@x:443", "u:p@x:443", "[::1]", "[::1]:", "[::1:443", "::1:443", "x:443:443", "x y:443", "x%41:443", "x:443,y:443", "//x:443",
	} {
		if ValidTarget("CONNECT", target) {
			t.Errorf("CONNECT %q is taken", target)
		}
	}
	for _, method := range []string{"GET", "HEAD", "POST", "options", "CONNECT"} {
		if ValidTarget(method, "*") {
			t.Errorf("%s * is taken", method)
		}
	}
}

func TestHosts(t *testing.T) {
	for _, s := range []string{
		"", "h", "H.example.", "1.2.3.4", "a-b_c~d!$&'()*+;=", "h:", "h:0", "h:80", "h:65535", "h:00080", "[::1]", "[::1]:80", "[::ffff:1.2.3.4]:1", "[2001:DB8::]:",
	} {
		if !ValidHost(s) {
			t.Errorf("%q is no Host", s)
		}
	}
	for _, s := range []string{
		":", ":80", "h:abc", "h:8a", "h:-1", "h:+1", "h: 80", "h:80 ", "h:65536", "h:99999999999999999999", "h:80:80", "a:1:2", "::1", "1:2:3",
		"[::1", "::1]", "[::1]80", "[::1]:a", "[]", "[]:80", "[::1%eth0]", "[::1%25eth0]", "[1.2.3.4]", "[h]", "[v1.a]", "[[::1]]", "[::1]]",
		"a b", "a\tb", "a/b", "a?b", "a#b", "a@b", "u:p@h", `a\b`, "a%41", "a%", "a,b", `"h"`, "<h>", "a^b", "a{b}", "a|b", "a`b",
		"\xc3\xa4", "h\x80", "h\x00", "h\x7f", "http://h",
	} {
		if ValidHost(s) {
			t.Errorf("%q is taken for a Host", s)
		}
	}
}

func TestSameHost(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"h", "H", true},
		{"h:80", "h", true},
		{"h", "h:443", true},
		{"h:80", "h:443", false},
		{"h:8080", "h", false},
		{"h:8080", "h:8080", true},
		{"[::1]:80", "[::1]", true},
		{"h", "i", false},
		{"[::1]", "[::2]", false},
		{"[::11]:80", "[::12]", false},
		{"[::1]:80", "[::1]:81", false},
		{"h:", "h", true},
	} {
		if SameHost(c.a, c.b) != c.want || SameHost(c.b, c.a) != c.want {
			t.Errorf("%q and %q: not %v", c.a, c.b, c.want)
		}
	}
}

func TestValid(t *testing.T) {
	for s, want := range map[string]bool{"GET": true, "x!": true, "": false, "G T": false, "G\x00": false, "\xc3\xa4": false, "G:": false} {
		if ValidMethod(s) != want || ValidName(s) != want {
			t.Errorf("%q: ValidMethod %v, ValidName %v", s, ValidMethod(s), ValidName(s))
		}
	}
	for s, want := range map[string]bool{"": true, "a\tb \xff": true, "a\r": false, "\n": false, "\x00": false, "\x7f": false, "\x1f": false} {
		if ValidValue(s) != want {
			t.Errorf("%q: ValidValue %v", s, !want)
		}
	}
}
