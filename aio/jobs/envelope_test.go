package jobs_test

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"goaio.example/aio/jobs"
)

var full = jobs.Job{
	ID: "7QX", Type: "text/plain; charset=utf-8", Body: []byte("line\n\nline\x00"), Attempt: 2,
	Meta:     map[string]string{"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "who": "\u00e9<&>\n"},
	Enqueued: time.Date(2026, 1, 2, 15, 4, 5, 678, time.FixedZone("", 3600)),
}

func TestEnvelope(t *testing.T) {
	data, id, err := jobs.Encode("mail", full)
	if err != nil || id != full.ID {
		t.Fatal(id, err)
	}
	got, err := jobs.Decode(jobs.Delivery{Queue: "mail", Data: data, BrokerID: "9", Attempts: 3})
	if err != nil {
		t.Fatalf("jobs.Decode: %v", err)
	}
	want := full
	want.Queue, want.Attempt, want.Enqueued = "mail", 5, full.Enqueued.UTC()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v, want\n%+v", got, want)
	}
}

// The form is what programs in other languages write, so it does not change.
func TestEnvelopeForm(t *testing.T) {
	data, _, err := jobs.Encode("mail", jobs.Job{ID: "a", Type: "b", Attempt: 1, Body: []byte("body"), Meta: map[string]string{"k": "v"}, Enqueued: time.Unix(0, 0)})
	want := `aio.job/1 {"id":"a","queue":"mail","attempts":1,"at":"1970-01-01T00:00:00Z","type":"b","meta":{"k":"v"}}` + "\nbody"
	if err != nil || string(data) != want {
		t.Errorf("got %q, %v, want %q", data, err, want)
	}
}

func TestEncodeFillsIn(t *testing.T) {
	data, id, err := jobs.Encode("mail", jobs.Job{})
	if err != nil {
		t.Fatalf("jobs.Encode: %v", err)
	}
	got, err := jobs.Decode(jobs.Delivery{Data: data})
	if err != nil || got.ID != id || len(id) < 20 || time.Since(got.Enqueued) > time.Minute || got.Attempt != 1 {
		t.Errorf("got %+v with the ID %s, %v", got, id, err)
	}
	if _, other, _ := jobs.Encode("mail", jobs.Job{}); other == id {
		t.Errorf("two jobs have the ID %s", id)
	}
}

// A job of others is taken as it is.
func TestDecodeRaw(t *testing.T) {
	for _, data := range []string{"", "{\"to\":\"ann\"}", "aio.job", "Aio.job/1 {}"} {
		got, err := jobs.Decode(jobs.Delivery{Queue: "mail", Data: []byte(data), BrokerID: "7 \u00e9", Attempts: 2})
		want := jobs.Job{ID: "7__", Queue: "mail", Body: []byte(data), Attempt: 2}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %+v, %v, want %+v", data, got, err, want)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	const ok = `"id":"a","queue":"q","at":"2026-01-02T15:04:05Z"`
	deep := strings.Repeat("[", 5000)
	for text, want := range map[string]error{
		`aio.job/2 {}` + "\n":     jobs.ErrVersion,
		`aio.job/1234 whatever`:   jobs.ErrVersion,
		`aio.job/12345 {}` + "\n": jobs.ErrInvalid,
		`aio.job/`:                jobs.ErrInvalid,
		`aio.job/ {}` + "\n":      jobs.ErrInvalid,
		`aio.job/1`:               jobs.ErrInvalid,
		`aio.job/1 `:              jobs.ErrInvalid,
		// no end of the line
		`aio.job/1 {` + ok + `}`:           jobs.ErrInvalid,
		`aio.job/1 {}` + "\n":              jobs.ErrInvalid,
		`aio.job/1 [{` + ok + `}]` + "\n":  jobs.ErrInvalid,
		`aio.job/1 {` + ok + `} {}` + "\n": jobs.ErrInvalid,
		// twice
		`aio.job/1 {` + ok + `,"id":"b"}` + "\n": jobs.ErrInvalid,
		// no such name
		`aio.job/1 {` + ok + `,"ID":"b"}` + "\n":         jobs.ErrInvalid,
		`aio.job/1 {` + ok + `,"x":1}` + "\n":            jobs.ErrInvalid,
		`aio.job/1 {` + ok + `,"attempts":-1}` + "\n":    jobs.ErrInvalid,
		`aio.job/1 {` + ok + `,"attempts":1.5}` + "\n":   jobs.ErrInvalid,
		`aio.job/1 {` + ok + `,"attempts":1e9}` + "\n":   jobs.ErrInvalid,
		`aio.job/1 {` + ok + `,"attempts":"1"}` + "\n":   jobs.ErrInvalid,
		`aio.job/1 {` + ok + `,"type":null}` + "\n":      jobs.ErrInvalid,
		`aio.job/1 {` + ok + `,"type":"a\nb"}` + "\n":    jobs.ErrInvalid,
		`aio.job/1 {` + ok + `,"meta":{"a":1}}` + "\n":   jobs.ErrInvalid,
		`aio.job/1 {` + ok + `,"meta":{"":""}}` + "\n":   jobs.ErrInvalid,
		`aio.job/1 {` + ok + `,"meta":[]}` + "\n":        jobs.ErrInvalid,
		`aio.job/1 {` + ok + `,"meta":` + deep + "}\n":   jobs.ErrInvalid,
		"aio.job/1 {" + ok + `,"type":"` + "\xff\"}\n":   jobs.ErrInvalid,
		`aio.job/1 {` + ok + `,"at":"yesterday"}` + "\n": jobs.ErrInvalid,
		// too long
		`aio.job/1 {` + ok + strings.Repeat(" ", 8<<10) + "}\n":                                     jobs.ErrInvalid,
		`aio.job/1 {"id":"a b","queue":"q","at":"2026-01-02T15:04:05Z"}` + "\n":                     jobs.ErrInvalid,
		`aio.job/1 {"id":"a","queue":"q q","at":"2026-01-02T15:04:05Z"}` + "\n":                     jobs.ErrInvalid,
		`aio.job/1 {"id":"` + strings.Repeat("a", 129) + `","queue":"q","at":"` + "2026-01-02\"}\n": jobs.ErrInvalid,
	} {
		got, err := jobs.Decode(jobs.Delivery{Queue: "mail", Data: []byte(text), BrokerID: "7", Attempts: 2})
		if !errors.Is(err, want) {
			t.Errorf("%.100q: got %v, want %v", text, err, want)
		}
		if got.ID != "7" || got.Queue != "mail" || got.Attempt != 2 || got.Body != nil {
			t.Errorf("%.100q: the job is %+v", text, got)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	long := strings.Repeat("a", 1025)
	many := map[string]string{}
	for i := range 33 {
		many[strings.Repeat("k", i+1)] = ""
	}
	wide := map[string]string{}
	for i := range 9 {
		wide[strings.Repeat("k", i+1)] = long[:1000]
	}
	for name, j := range map[string]jobs.Job{
		"ID":         {ID: "a b"},
		"long ID":    {ID: jobs.ID(long)},
		"type":       {Type: "a\nb"},
		"long type":  {Type: long},
		"attempts":   {Attempt: -1},
		"time":       {Enqueued: time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)},
		"meta key":   {Meta: map[string]string{"a b": ""}},
		"meta value": {Meta: map[string]string{"a": long}},
		"meta bytes": {Meta: map[string]string{"a": "\xff"}},
		"meta":       {Meta: many},
		"header":     {Meta: wide},
	} {
		if _, _, err := jobs.Encode("q", j); !errors.Is(err, jobs.ErrInvalid) {
			t.Errorf("%s: got %v, want %v", name, err, jobs.ErrInvalid)
		}
	}
	if _, _, err := jobs.Encode("", jobs.Job{}); !errors.Is(err, jobs.ErrInvalid) {
		t.Errorf("no queue: %v", err)
	}
}

func TestCheckQueue(t *testing.T) {
	for _, name := range []string{"a", "mail", "a-b_c.d9", strings.Repeat("a", 128)} {
		if err := jobs.CheckQueue(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"", "a b", ".a", "a.", "-a", "a..b", "a/b", "a*", ">", "\u00e9", "a\n", strings.Repeat("a", 129)} {
		if err := jobs.CheckQueue(name); !errors.Is(err, jobs.ErrInvalid) {
			t.Errorf("%q: got %v, want %v", name, err, jobs.ErrInvalid)
		}
	}
}

// What can be decoded can be encoded, and is the same again.
func FuzzDecode(f *testing.F) {
	data, _, _ := jobs.Encode("mail", full)
	f.Add(data)
	f.Add([]byte(`aio.job/1 {"id":"a","queue":"q","at":"2026-01-02T15:04:05.5+01:00","meta":{"a":"\ud800"}}` + "\n\n"))
	f.Add([]byte("aio.job/2 "))
	f.Add([]byte("raw"))
	f.Fuzz(func(t *testing.T, data []byte) {
		j, err := jobs.Decode(jobs.Delivery{Queue: "q", Data: data, BrokerID: "1"})
		if err != nil {
			if !errors.Is(err, jobs.ErrInvalid) && !errors.Is(err, jobs.ErrVersion) || len(err.Error()) > 1000 {
				t.Fatalf("an error of %d bytes: %v", len(err.Error()), err)
			}
			return
		}
		if !bytes.HasSuffix(data, j.Body) || j.Attempt < 1 {
			t.Fatalf("%q is %+v", data, j)
		}
		before := j
		before.Attempt--
		again, id, err := jobs.Encode("q", before)
		if err != nil {
			// checked below
			t.Skip("not of Encode's making: its header is too large, or it is no envelope of a time that can be")
		}
		k, err := jobs.Decode(jobs.Delivery{Queue: "q", Data: again, BrokerID: "1"})
		if len(j.Meta) == 0 {
			j.Meta = nil // "meta":{} is as none
		}
		if bytes.HasPrefix(data, []byte("aio.job/")) && (err != nil || id != j.ID || !reflect.DeepEqual(j, k)) {
			t.Fatalf("%q is\n%+v, and encoded and decoded again\n%+v, %v", data, j, k, err)
		}
	})
}
