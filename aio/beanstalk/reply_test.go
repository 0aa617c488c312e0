package beanstalk

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
)

// parseAll returns the answers in data, which is given to the parser in pieces
// of the given length.
func parseAll(data []byte, piece, maxJob int) (rs []reply, kept int, err error) {
	p := parser{maxJob: maxJob}
	for len(data) > 0 {
		part := data[:min(piece, len(data))]
		data = data[len(part):]
		for len(part) > 0 {
			n, r, done, err := p.next(part)
			if err != nil {
				return rs, 0, err
			}
			if n > len(part) || n == 0 || !done && n != len(part) {
				return rs, 0, fmt.Errorf("next took %d of %d bytes, done %v", n, len(part), done)
			}
			part = part[n:]
			if done {
				rs = append(rs, r)
			}
		}
	}
	return rs, len(p.line) + len(p.r.body), nil
}

var replyTests = []struct {
	in   string
	want []reply // nil for an error
}{
	{"INSERTED 5\r\n", []reply{{word: wordInserted, id: 5}}},
	{"INSERTED 18446744073709551615\r\n", []reply{{word: wordInserted, id: math.MaxUint64}}},
	{"BURIED 7\r\nBURIED\r\n", []reply{{word: wordBuriedID, id: 7}, {word: wordBuried}}},
	{"KICKED 0\r\nKICKED\r\n", []reply{{word: wordKickedN}, {word: wordKicked}}},
	{"USING a/b\r\n", []reply{{word: wordUsing, name: "a/b"}}},
	{"USING " + strings.Repeat("x", 200) + "\r\n", []reply{{word: wordUsing, name: strings.Repeat("x", 200)}}},
	{"WATCHING 12\r\n", []reply{{word: wordWatching, count: 12}}},
	{"RESERVED 1 0\r\n\r\n", []reply{{word: wordReserved, id: 1}}},
	{"RESERVED 1 5\r\nhello\r\n", []reply{{word: wordReserved, id: 1, size: 5, body: []byte("hello")}}},
	{"FOUND 9 6\r\na\r\nb\r\n\r\n", []reply{{word: wordFound, id: 9, size: 6, body: []byte("a\r\nb\r\n")}}},
	{"FOUND 9 21\r\n" + strings.Repeat("x", 21) + "\r\nDELETED\r\n", []reply{{word: wordFound, id: 9, size: 21, skipped: true}, {word: wordDeleted}}},
	{"OK 3\r\nabc\r\nNOT_FOUND\r\n", []reply{{word: wordOK, size: 3, body: []byte("abc")}, {word: wordNotFound}}},
	{"DEADLINE_SOON\r\nTIMED_OUT\r\nRELEASED\r\nTOUCHED\r\nNOT_IGNORED\r\nPAUSED\r\n", []reply{
		{word: wordDeadlineSoon}, {word: wordTimedOut}, {word: wordReleased}, {word: wordTouched}, {word: wordNotIgnored}, {word: wordPaused},
	}},
	{"EXPECTED_CRLF\r\nJOB_TOO_BIG\r\nDRAINING\r\nOUT_OF_MEMORY\r\nINTERNAL_ERROR\r\nBAD_FORMAT\r\nUNKNOWN_COMMAND\r\n", []reply{
		{word: wordExpectedCRLF}, {word: wordJobTooBig}, {word: wordDraining}, {word: wordOutOfMemory}, {word: wordInternalError}, {word: wordBadFormat}, {word: wordUnknownCommand},
	}},

	{"\r\n", nil},
	{"\n", nil},
	{"DELETED\n", nil},
	{"DELETED\r\r\n", nil},
	{" DELETED\r\n", nil},
	{"DELETED \r\n", nil},
	{"deleted\r\n", nil},
	{"DELETED 1\r\n", nil},
	{"HELLO\r\n", nil},
	{"INSERTED\r\n", nil},
	{"INSERTED \r\n", nil},
	{"INSERTED 0\r\n", nil},
	{"INSERTED 05\r\n", nil},
	{"INSERTED +5\r\n", nil},
	{"INSERTED -5\r\n", nil},
	{"INSERTED 5 \r\n", nil},
	{"INSERTED  5\r\n", nil},
	{"INSERTED 0x5\r\n", nil},
	{"INSERTED 5\x00\r\n", nil},
	{"INSERTED 18446744073709551616\r\n", nil},
	{"USING \r\n", nil},
	{"USING -a\r\n", nil},
	{"USING a b\r\n", nil},
	{"USING " + strings.Repeat("x", 201) + "\r\n", nil},
	{"RESERVED 1\r\n", nil},
	{"RESERVED 1 \r\n", nil},
	{"RESERVED 1 2 3\r\nab\r\n", nil},
	{"RESERVED 0 2\r\nab\r\n", nil},
	{"RESERVED 1 -1\r\n\r\n", nil},
	{"RESERVED 1 2\r\nabc\r\n", nil},
	{"RESERVED 1 2\r\nab\n\r", nil},
	{"RESERVED 1 2\r\nab\r\r\n", nil},
	{"RESERVED 1 1073741825\r\n", nil},
	{"RESERVED 1 18446744073709551615\r\n", nil},
	{"OK 16777217\r\n", nil},
	{strings.Repeat("x", maxReplyLine+1), nil},
}

func TestReply(t *testing.T) {
	for _, test := range replyTests {
		for _, piece := range []int{1, 2, 3, 7, len(test.in) + 1} {
			got, _, err := parseAll([]byte(test.in), piece, 20)
			if test.want == nil {
				if !errors.Is(err, ErrProtocol) {
					t.Errorf("%.60q in pieces of %d: got %+v, %v; want an ErrProtocol", test.in, piece, got, err)
				}
				continue
			}
			if err != nil || !reflect.DeepEqual(got, test.want) {
				t.Errorf("%.60q in pieces of %d: got %+v, %v; want %+v", test.in, piece, got, err, test.want)
			}
		}
	}
}

// A server that announces a long body and sends little of it costs little.
func TestReplyMemory(t *testing.T) {
	_, kept, err := parseAll([]byte("RESERVED 1 1073741824\r\nabc"), 5, maxBody)
	if err != nil || kept != 3 {
		t.Errorf("3 bytes of a body of 1 GiB: kept %d bytes, %v", kept, err)
	}
	p := parser{maxJob: maxBody}
	if _, _, _, err := p.next([]byte("RESERVED 1 1073741824\r\nabc")); err != nil || cap(p.r.body) > 64 {
		t.Errorf("3 bytes of a body of 1 GiB take %d bytes, %v", cap(p.r.body), err)
	}
}

// However the bytes are cut into pieces, the parser finds the same, and keeps
// no more than has come.
func FuzzReply(f *testing.F) {
	for _, test := range replyTests {
		f.Add([]byte(test.in), uint8(3))
	}
	f.Fuzz(func(t *testing.T, data []byte, piece uint8) {
		whole, kept, err := parseAll(data, len(data)+1, 1000)
		parts, _, err2 := parseAll(data, int(piece)+1, 1000)
		if !reflect.DeepEqual(whole, parts) || errors.Is(err, ErrProtocol) != errors.Is(err2, ErrProtocol) {
			t.Errorf("whole: %+v, %v; in pieces of %d: %+v, %v", whole, err, int(piece)+1, parts, err2)
		}
		if err != nil && !errors.Is(err, ErrProtocol) {
			t.Errorf("%v, want an ErrProtocol", err)
		}
		if kept > len(data) {
			t.Errorf("kept %d bytes of %d", kept, len(data))
		}
		for _, r := range whole {
			if r.body != nil && (len(r.body) != r.size || r.size > 1000 && r.word != wordOK) {
				t.Errorf("a body of %d bytes that was announced as %d", len(r.body), r.size)
			}
		}
	})
}

func FuzzStats(f *testing.F) {
	f.Add([]byte("---\nid: 1\ntube: \"default\"\nstate: reserved\npri: 0\nage: 1\ndelay: 0\nttr: 60\ntime-left: 59\n"))
	f.Add([]byte("---\nid: 1\ntime-left: -1\n"))
	f.Add([]byte("---\nrusage-utime: 0.148125\ndraining: false\nversion: \"1.13\"\nos: \"#1 SMP Debian: x\"\n"))
	f.Add([]byte("---\n- default\n- a/b\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		if s, err := parseJobStats(body, 1); err == nil && s.ID != 1 {
			t.Errorf("%+v without an error", s)
		} else if err != nil && !errors.Is(err, ErrProtocol) {
			t.Errorf("%v, want an ErrProtocol", err)
		}
		var s ServerStats
		if err := parseFields(body, s.fields()); err != nil && !errors.Is(err, ErrProtocol) {
			t.Errorf("%v, want an ErrProtocol", err)
		}
		names, err := parseList(body)
		if err != nil && !errors.Is(err, ErrProtocol) {
			t.Errorf("%v, want an ErrProtocol", err)
		}
		for _, n := range names {
			if checkName(n) != nil {
				t.Errorf("a tube named %q", n)
			}
		}
	})
}

// Whatever name is accepted, the command is one line of the protocol.
func FuzzName(f *testing.F) {
	f.Add("default")
	f.Add("a\r\ndelete 1")
	f.Add("-a")
	f.Add("a b")
	f.Add("ü")
	f.Fuzz(func(t *testing.T, name string) {
		if checkName(name) != nil {
			return
		}
		for _, cmd := range [][]byte{line("use", name), line("pause-tube", name, formatID(maxSeconds))} {
			text, ok := bytes.CutSuffix(cmd, []byte("\r\n"))
			if !ok || bytes.ContainsAny(text, "\r\n\x00\t") || len(cmd) > 224 {
				t.Errorf("%q makes the command %q", name, cmd)
			}
		}
		if name[0] == '-' || strings.Contains(name, " ") || len(name) > 200 {
			t.Errorf("%q is accepted", name)
		}
	})
}
