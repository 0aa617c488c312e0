package httpx

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// parseEvents has a parser take a stream in parts of the given sizes, one after
// the other and again from the first.
func parseEvents(t *testing.T, s *eventParser, stream string, sizes ...int) (out []ServerEvent) {
	t.Helper()
	for i := 0; stream != ""; i++ {
		part := stream[:min(max(sizes[i%len(sizes)], 1), len(stream))]
		stream = stream[len(part):]
		for part != "" {
			n, e, err := s.next([]byte(part))
			if err != nil || n < 1 {
				t.Fatalf("took %d of %q: %v", n, part, err)
			}
			if part = part[n:]; e != nil {
				out = append(out, *e)
			}
		}
	}
	return out
}

// referenceEvents parses a stream as the standard says, all of it at once.
func referenceEvents(stream, last string) (out []ServerEvent, lastID string) {
	text := decodeUTF8([]byte(strings.TrimPrefix(stream, "\ufeff")))
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	lines := strings.Split(text, "\n")
	id, kind, data := last, "", ""
	var retry time.Duration
	for _, line := range lines[:len(lines)-1] {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "":
			last = id
			if kind == "" {
				kind = "message"
			}
			if data != "" {
				out = append(out, ServerEvent{ID: last, Type: kind, Data: strings.TrimSuffix(data, "\n"), Retry: retry})
			}
			kind, data, retry = "", "", 0
		case name == "data":
			data += value + "\n"
		case name == "event":
			kind = value
		case name == "id" && !strings.Contains(value, "\x00"):
			id = value
		case name == "retry" && value != "" && strings.Trim(value, "0123456789") == "":
			if value = strings.TrimLeft(value, "0"); value == "" {
				value = "0"
			}
			if len(value) > 12 { // of which at least a year is left
				value = "922337203685"
			}
			var ms int64
			fmt.Sscan(value, &ms)
			retry = time.Duration(min(ms, 922337203685)) * time.Millisecond
		}
	}
	return out, last
}

// parserCases are streams with the events that are in them.
var parserCases = map[string]struct {
	stream string
	want   []ServerEvent
	last   string
}{
	"empty":                 {stream: ""},
	"one":                   {stream: "data: hello\n\n", want: []ServerEvent{{Type: "message", Data: "hello"}}},
	"CR":                    {stream: "data: a\rdata: b\r\r", want: []ServerEvent{{Type: "message", Data: "a\nb"}}},
	"CRLF":                  {stream: "data: a\r\ndata: b\r\n\r\n", want: []ServerEvent{{Type: "message", Data: "a\nb"}}},
	"mixed":                 {stream: "data: a\r\ndata: b\rdata: c\n\r\ndata: d\r\n\n", want: []ServerEvent{{Type: "message", Data: "a\nb\nc"}, {Type: "message", Data: "d"}}},
	"BOM":                   {stream: "\ufeffdata: a\n\n", want: []ServerEvent{{Type: "message", Data: "a"}}},
	"two BOMs":              {stream: "\ufeff\ufeffdata: a\n\ndata: b\n\n", want: []ServerEvent{{Type: "message", Data: "b"}}},
	"BOM later":             {stream: "data: a\n\n\ufeffdata: b\n\n", want: []ServerEvent{{Type: "message", Data: "a"}}},
	"BOM and comment":       {stream: "\ufeff: hi\ndata: a\n\n", want: []ServerEvent{{Type: "message", Data: "a"}}},
	"comments":              {stream: ": hi\n:\ndata: a\n:data: b\n\n:\n\n", want: []ServerEvent{{Type: "message", Data: "a"}}},
	"spaces":                {stream: "data:a\ndata:  b\ndata:\tc\n data: d\n\n", want: []ServerEvent{{Type: "message", Data: "a\n b\n\tc"}}},
	"no colon":              {stream: "data\ndata\n\n", want: []ServerEvent{{Type: "message", Data: "\n"}}},
	"data without data":     {stream: "data\n\ndata:\n\n", want: []ServerEvent{{Type: "message"}, {Type: "message"}}},
	"type without data":     {stream: "event: x\n\ndata: a\n\n", want: []ServerEvent{{Type: "message", Data: "a"}}},
	"type":                  {stream: "event: x\ndata: a\nevent: y\n\n", want: []ServerEvent{{Type: "y", Data: "a"}}},
	"empty type":            {stream: "event: x\nevent\ndata: a\n\n", want: []ServerEvent{{Type: "message", Data: "a"}}},
	"ID":                    {stream: "id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n", want: []ServerEvent{{ID: "1", Type: "message", Data: "a"}, {ID: "1", Type: "message", Data: "b"}, {Type: "message", Data: "c"}}},
	"ID without data":       {stream: "id: 7\n\n", last: "7"},
	"ID that is incomplete": {stream: "id: 7\n", last: ""},
	"NUL in the ID":         {stream: "id: 1\nid: 2\x003\ndata: a\n\n", want: []ServerEvent{{ID: "1", Type: "message", Data: "a"}}, last: "1"},
	"retry":                 {stream: "retry: 5\ndata: a\n\nretry: 5s\nretry\nretry: -1\nretry: +1\nretry: 1.5\ndata: b\n\n", want: []ServerEvent{{Type: "message", Data: "a", Retry: 5 * time.Millisecond}, {Type: "message", Data: "b"}}},
	"names":                 {stream: "Data: a\ndat: b\ndata : c\n\n"},
	"incomplete":            {stream: "data: a\n\ndata: b\n", want: []ServerEvent{{Type: "message", Data: "a"}}},
	"incomplete line":       {stream: "data: a\n\ndata: b", want: []ServerEvent{{Type: "message", Data: "a"}}},
	"colons":                {stream: "data: a: b\nid::\n\n", want: []ServerEvent{{ID: ":", Type: "message", Data: "a: b"}}, last: ":"},
	"NUL":                   {stream: "data: a\x00b\n\n", want: []ServerEvent{{Type: "message", Data: "a\x00b"}}},
	"invalid UTF-8":         {stream: "data: \xe2\x82\ndata: \xff\xfe\n\n", want: []ServerEvent{{Type: "message", Data: "\ufffd\n\ufffd\ufffd"}}},
}

// TestEventParser checks what the standard says, however the stream is cut into
// parts.
func TestEventParser(t *testing.T) {
	for name, x := range parserCases {
		t.Run(name, func(t *testing.T) {
			ref, _ := referenceEvents(x.stream, "")
			if !slices.Equal(ref, x.want) {
				t.Errorf("the reference got %q, not %q", ref, x.want)
			}
			check := func(sizes ...int) {
				s := newEventParser(1000, "")
				if got := parseEvents(t, s, x.stream, sizes...); !slices.Equal(got, x.want) {
					t.Errorf("in parts of %v: got %q, not %q", sizes, got, x.want)
				}
				if x.last != "" && s.last != x.last {
					t.Errorf("the last ID is %q, not %q", s.last, x.last)
				}
			}
			for first := range len(x.stream) + 1 { // at every byte
				check(first, len(x.stream)+1)
				for second := range len(x.stream) + 1 - first {
					check(first, second, len(x.stream)+1)
				}
			}
			check(1)
		})
	}
}

// TestEventParserBounds checks that lines and events are bounded, that comments
// are not, and that retry does not overflow.
func TestEventParserBounds(t *testing.T) {
	long := strings.Repeat("x", 100)
	for stream, fails := range map[string]bool{
		"data:" + long[:90] + "\n\n":                         false,
		"data:" + long[:96]:                                  true,
		"data:" + long[:50] + "\ndata:" + long[:48] + "\n\n": false,
		"data:" + long[:50] + "\ndata:" + long[:49] + "\n\n": true,
		long + "\n":                           false,
		long + "x":                            true,
		"\n:" + long + long + "\ndata: a\n\n": false,
		strings.Repeat("data:"+long[:90]+"\n\n", 100):   false,
		strings.Repeat("data:\n", 100) + "\n":           false,
		strings.Repeat("data:\n", 101) + "\n":           true,
		strings.Repeat("id:"+long[:90]+"\n", 10) + "\n": false,
	} {
		for size := range 3 {
			s := newEventParser(100, "")
			var err error
			for p := []byte(stream); len(p) > 0 && err == nil; {
				var n int
				n, _, err = s.next(p[:min(len(p), 1+size*60)])
				p = p[n:]
			}
			if (err != nil) != fails || err != nil && !errors.Is(err, ErrEventTooLarge) {
				t.Errorf("%.20q...: %v", stream, err)
			}
		}
	}
	s := newEventParser(1000, "")
	parseEvents(t, s, "retry: "+strings.Repeat("9", 500)+"\n", 7)
	if s.again < 10*365*24*time.Hour {
		t.Errorf("retry is %v", s.again)
	}
}

// TestDecodeUTF8 checks how many U+FFFD an invalid sequence becomes (Unicode,
// table 3-8 and section 3.9).
func TestDecodeUTF8(t *testing.T) {
	for in, want := range map[string]string{
		"a\u00e9\u20ac\U0001f600":              "a\u00e9\u20ac\U0001f600",
		"\xe2\x82":                             "?",
		"\xe2\x82a":                            "?a",
		"\xf0\x9f\x98":                         "?",
		"\xf0\x9f\x98\xf0":                     "??",
		"\xc0\xaf\xe0\x80\xbf":                 "?????",
		"\xed\xa0\x80":                         "???",
		"\xf4\x91\x92\x93":                     "????",
		"\xff\x41\x80\xbf\x42":                 "?A??B",
		"\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41": "????A",
		"\xc3\x28\ufffd":                       "?(?",
	} {
		if got := strings.ReplaceAll(decodeUTF8([]byte(in)), "\ufffd", "?"); got != want {
			t.Errorf("%q: got %q, not %q", in, got, want)
		}
	}
}

// FuzzEventParser compares the parser, which gets the stream in parts, with the
// reference.
func FuzzEventParser(f *testing.F) {
	for _, x := range parserCases {
		f.Add(x.stream, uint64(1), "")
	}
	f.Add("id:1\r\rretry:00012\r\ndata\r\n\r", uint64(2), "before")
	f.Fuzz(func(t *testing.T, stream string, seed uint64, last string) {
		want, wantLast := referenceEvents(stream, last)
		r := rand.New(rand.NewPCG(seed, 0))
		s := newEventParser(1<<20, last)
		got := parseEvents(t, s, stream, 1+r.IntN(3), 1+r.IntN(20), 1+r.IntN(5))
		if !slices.Equal(got, want) || s.last != wantLast {
			t.Errorf("got %q, last %q, not %q, last %q", got, s.last, want, wantLast)
		}
	})
}

// TestEventParserRandom compares the two on streams of random pieces.
func TestEventParserRandom(t *testing.T) {
	pieces := []string{"data", "event", "id", "retry", ":", ": ", "\n", "\r", "\r\n", "\n\n", "x", "12", "\x00", "\xe2\x82", "\ufeff", "\u20ac", " "}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		var b strings.Builder
		for range r.IntN(40) {
			b.WriteString(pieces[r.IntN(len(pieces))])
		}
		want, wantLast := referenceEvents(b.String(), "")
		s := newEventParser(1<<20, "")
		got := parseEvents(t, s, b.String(), 1+r.IntN(3), 1+r.IntN(20))
		if !slices.Equal(got, want) || s.last != wantLast {
			t.Fatalf("%q: got %q, last %q, not %q, last %q", b.String(), got, s.last, want, wantLast)
		}
	}
}
