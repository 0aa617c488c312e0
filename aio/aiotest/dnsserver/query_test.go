package dnsserver

import (
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	q := Query{Name: "www.example.", Type: dnsmessage.TypeA, Transport: UDP, Server: "192.0.2.53:53"}
	for m, want := range map[Match]bool{
		{}:                                     true,
		{Name: "www.example."}:                 true,
		{Name: "WWW.example"}:                  true,
		{Name: "example"}:                      false,
		{Name: "*.example"}:                    true,
		{Name: "*.www.example"}:                false,
		{Name: "*."}:                           true,
		{Type: dnsmessage.TypeA}:               true,
		{Type: dnsmessage.TypeAAAA}:            false,
		{Transport: UDP}:                       true,
		{Transport: TCP}:                       false,
		{Server: "192.0.2.53:53"}:              true,
		{Server: "192.0.2.54:53"}:              false,
		{"www.example", 1, UDP, q.Server}:      true,
		{"www.example", 1, TLS, q.Server}:      false,
		{"*.example.", 28, UDP, "192.0.2.2:1"}: false,
	} {
		if got := m.normal().takes(&q); got != want {
			t.Errorf("%+v takes the query: %v, want %v", m, got, want)
		}
	}
}

func TestJournal(t *testing.T) {
	t.Parallel()
	s := inMemory(t, &Server{Zone: zoneText})
	c := dial(t, s, "udp", "192.0.2.53:53")
	for range 3 {
		ask(t, c, query(t, 7, "WWW.example.", dnsmessage.TypeA, 1400))
	}
	ask(t, dial(t, s, "udp4", "192.0.2.54:53"), query(t, 8, "v4.example.", dnsmessage.TypeAAAA, 0))
	for m, want := range map[Match]int{
		{}: 4, {Name: "www.example"}: 3, {Name: "v4.example"}: 1, {Type: dnsmessage.TypeAAAA}: 1,
		{Server: "192.0.2.53:53"}: 3, {Transport: TCP}: 0, {Transport: UDP}: 4, {Name: "x.example"}: 0,
	} {
		if got := s.Count(m); got != want {
			t.Errorf("Count(%+v) = %d, want %d", m, got, want)
		}
		if got := len(s.Queries(m)); got != want {
			t.Errorf("Queries(%+v) has %d, want %d", m, got, want)
		}
	}
	q := s.Queries(Match{})[0]
	if q.Name != "www.example." || q.Header.ID != 7 || q.UDPSize != 1400 || q.Client.String() != c.LocalAddr().String() ||
		q.Time.IsZero() || !q.Header.RecursionDesired || q.Server != "192.0.2.53:53" {
		t.Errorf("the first query is %+v, want ID 7, size 1400 and the addresses of the client and the server", q)
	}
	s.Forget()
	if n := s.Count(Match{}); n != 0 || len(s.Queries(Match{})) != 0 {
		t.Errorf("after Forget: %d queries, want none", n)
	}
}

// The journal does not grow without bound; counts stay right.
func TestJournalBound(t *testing.T) {
	t.Parallel()
	var s Server
	for i := range maxJournal + 10 {
		s.journal.note(&Query{Name: "x.", Header: dnsmessage.Header{ID: uint16(i)}})
	}
	qs := s.Queries(Match{})
	if n := s.Count(Match{}); n != maxJournal+10 || len(qs) < maxJournal/2 || len(qs) > maxJournal {
		t.Errorf("%d queries: %d counted, %d kept, want all, and %d to %d", maxJournal+10, n, len(qs), maxJournal/2, maxJournal)
	}
	if id := qs[len(qs)-1].Header.ID; id != (maxJournal+9)%(1<<16) {
		t.Errorf("the last query has ID %d, want %d", id, (maxJournal+9)%(1<<16))
	}
}

// Whatever comes, the server answers with a message or not at all.
func FuzzQuery(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x07example\x00\x00\x01\x00\x01"))
	f.Add([]byte("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01\x05loop\x00\x07example\x00\x00\x01\x00\x01\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\xc0\x0c\x00\x01\x00\x01"))
	f.Add([]byte("\x12\x34\x29\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\xff\x00\x03"))
	s := &Server{Zone: zoneText, UDPSize: 512}
	if err := s.init(); err != nil {
		f.Fatalf("init: %v", err)
	}
	faults := []Fault{{}, {Loop: true}, {Garbage: true}, {WrongQuestion: true, Extra: 3}, {Truncate: true, AnswerToo: true}}
	f.Fuzz(func(t *testing.T, msg []byte) {
		for _, fault := range faults {
			s.SetFault(Match{}, fault)
			p := s.plan(msg, origin{transport: UDP})
			if p == nil {
				continue
			}
			q, _, _ := readQuery(msg)
			// without a question there is no fault
			bad := q.Name != "" && (fault.Loop || fault.Garbage)
			for _, b := range p.messages {
				if err := new(dnsmessage.Message).Unpack(b); (err != nil) != bad {
					t.Fatalf("%+v: unpack the answer: %v, want an error exactly if the fault damages it", fault, err)
				}
				if len(b) > 512 {
					t.Fatalf("%+v: an answer of %d bytes, want at most 512", fault, len(b))
				}
			}
		}
		s.Forget()
	})
}
