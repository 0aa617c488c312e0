package beanstalk

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestName(t *testing.T) {
	for _, name := range []string{"default", "a", "A-Z+a/z;0.9$_()", strings.Repeat("x", 200), "a-"} {
		if err := checkName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"", "-a", "a b", "a\r\nquit", "a\n", "\x00", "ä", "a,b", strings.Repeat("x", 201), " a", "a "} {
		if err := checkName(name); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v, want ErrInvalid", name, err)
		}
	}
}

func TestSeconds(t *testing.T) {
	for d, want := range map[time.Duration]uint32{
		0: 0, 1: 1, time.Second: 1, time.Second + 1: 2, 90 * time.Second: 90, maxSeconds * time.Second: maxSeconds,
	} {
		if got, err := seconds("time", d); got != want || err != nil {
			t.Errorf("%v: %d s, %v; want %d s", d, got, err, want)
		}
	}
	for _, d := range []time.Duration{-1, -time.Hour, maxSeconds*time.Second + 1} {
		if got, err := seconds("time", d); !errors.Is(err, ErrInvalid) {
			t.Errorf("%v: %d s, %v; want ErrInvalid", d, got, err)
		}
	}
}

func TestPutLine(t *testing.T) {
	got := string(putLine(1<<32-1, 1<<32-1, 1<<32-1, []byte("a\r\nb")))
	if want := "put 4294967295 4294967295 4294967295 4\r\na\r\nb\r\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// What protocol.txt lists for stats-job is known, and each value goes where it
// belongs.
func TestJobStats(t *testing.T) {
	body := "---\nid: 1\ntube: \"a:b\"\nstate: delayed\npri: 2\nage: 3\ndelay: 4\nttr: 5\ntime-left: 6\nfile: 7\n" +
		"reserves: 8\ntimeouts: 9\nreleases: 10\nburies: 11\nkicks: 12\nlater: x: y\n"
	want := JobStats{1, "a:b", Delayed, 2, 3 * time.Second, 4 * time.Second, 5 * time.Second, 6 * time.Second, 7, 8, 9, 10, 11, 12}
	if got, err := parseJobStats([]byte(body), 1); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	if _, err := parseJobStats([]byte(body), 2); !errors.Is(err, ErrProtocol) {
		t.Errorf("stats of another job: %v, want ErrProtocol", err)
	}
}

// Each field of the statistics is set by one key, and by no other.
func TestStatsFields(t *testing.T) {
	for _, s := range []interface{ fields() fields }{new(JobStats), new(TubeStats), new(ServerStats)} {
		n := 0
		var count func(v reflect.Value)
		count = func(v reflect.Value) {
			for i := range v.NumField() {
				if f := v.Field(i); f.Kind() == reflect.Struct {
					count(f)
				} else {
					n++
				}
			}
		}
		count(reflect.ValueOf(s).Elem())
		seen := map[uintptr]string{}
		for key, to := range s.fields() {
			p := reflect.ValueOf(to).Pointer()
			if seen[p] != "" {
				t.Errorf("%T: %s and %s set the same field", s, key, seen[p])
			}
			seen[p] = key
			value := map[bool]string{true: "true", false: "1"}[reflect.TypeOf(to).Elem().Kind() == reflect.Bool]
			if err := parseFields([]byte("---\n"+key+": "+value+"\n"), s.fields()); err != nil {
				t.Errorf("%T: %v", s, err)
			}
		}
		if len(seen) != n {
			t.Errorf("%T has %d fields, and keys for %d", s, n, len(seen))
		}
	}
}

func TestStatsMalformed(t *testing.T) {
	for _, body := range []string{
		"", "---", "--\nid: 1\n", "---\nid: 1", "---\nid\n", "---\n: 1\n", "---\nid:1\n", "---\nid: x\n", "---\nid: -1\n",
		"---\nid: 1\nid: 1\n", "---\npri: 4294967296\n", "---\nttr: 1.5\n", "---\nttr: 99999999999\n", "---\n\n", "---\nid: 18446744073709551616\n",
	} {
		var s JobStats
		if err := parseFields([]byte(body), s.fields()); !errors.Is(err, ErrProtocol) {
			t.Errorf("%q: %v, want ErrProtocol", body, err)
		}
	}
	var s ServerStats
	for _, body := range []string{"---\nrusage-utime: abc\n", "---\nrusage-utime: 1m\n", "---\nrusage-utime: -1\n", "---\ndraining: maybe\n"} {
		if err := parseFields([]byte(body), s.fields()); !errors.Is(err, ErrProtocol) {
			t.Errorf("%q: %v, want ErrProtocol", body, err)
		}
	}
}

func TestList(t *testing.T) {
	got, err := parseList([]byte("---\n- default\n- a\n- \"b\"\n"))
	if want := []string{"default", "a", "b"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	for _, body := range []string{"", "- a\n", "---\n-a\n", "---\n- \n", "---\n- a b\n", "---\na\n", "---\n- a"} {
		if got, err := parseList([]byte(body)); !errors.Is(err, ErrProtocol) {
			t.Errorf("%q: %q, %v; want ErrProtocol", body, got, err)
		}
	}
}

func TestErrorText(t *testing.T) {
	for _, test := range []struct {
		err  Error
		want string
	}{
		{Error{Op: "put", Addr: "h:1", Tube: "t", Err: ErrDraining}, `beanstalk: put tube "t" at h:1: the server is draining`},
		{Error{Op: "delete", Addr: "h:1", ID: 5, Err: ErrNotFound, Lost: true}, `beanstalk: delete job 5 at h:1: not found (the job's reservation has ended)`},
		{Error{Op: "put", Err: ErrProtocol, Unanswered: true}, `beanstalk: put: the server broke the protocol (the command was sent, and may have been carried out)`},
		{Error{Op: "touch", ID: 5, Err: ErrJobLost, Lost: true}, `beanstalk: touch job 5: the job's reservation has ended`},
	} {
		if got := test.err.Error(); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}
