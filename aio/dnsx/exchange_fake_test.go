package dnsx

import (
	"context"
	"encoding/binary"
	"io"
	"log"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// fake is a network in memory with name servers, whose answers a test
// determines. It works in a bubble.
type fake struct {
	// answer is called for each query, in a new goroutine.
	answer func(q *fakeQuery)
	// refuse has dials to TCP fail.
	refuse error

	mu      sync.Mutex
	queries []*fakeQuery
	open    atomic.Int64 // sockets and connections
}

// fakeQuery is a query that has arrived.
type fakeQuery struct {
	network, server string // how, and where
	raw             []byte
	msg             dnsmessage.Message
	nth             int // counts the network's queries from 1
	at              time.Time
	send            func(raw []byte)
	sendFrom        func(from string, raw []byte) // by UDP only
	// by TCP only: bytes as they are
	write  func(raw []byte)
	hangUp func() // by TCP only
}

// name is the question's name, and typ its type.
func (q *fakeQuery) name() string         { return q.msg.Questions[0].Name.String() }
func (q *fakeQuery) typ() dnsmessage.Type { return q.msg.Questions[0].Type }
func (q *fakeQuery) host() string         { h, _, _ := net.SplitHostPort(q.server); return h }
func (q *fakeQuery) reply(edits ...edit)  { q.send(q.response(edits...)) }
func (q *fakeQuery) edns() (udp int, ok bool) {
	for _, r := range q.msg.Additionals {
		if r.Header.Type == dnsmessage.TypeOPT {
			return int(r.Header.Class), true
		}
	}
	return 0, false
}

// edit changes a response.
type edit func(m *dnsmessage.Message)

// response is a response to the query: recursion available, no error, no
// records, unless edits say otherwise.
func (q *fakeQuery) response(edits ...edit) []byte {
	m := dnsmessage.Message{
		Header: dnsmessage.Header{
			ID: q.msg.ID, Response: true, RecursionDesired: true, RecursionAvailable: true,
		},
		Questions: q.msg.Questions,
	}
	for _, e := range edits {
		e(&m)
	}
	raw, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return raw
}

func rcode(rc dnsmessage.RCode) edit { return func(m *dnsmessage.Message) { m.RCode = rc } }

func truncate(m *dnsmessage.Message) { m.Truncated = true }

// header returns a record's header.
func header(name string, typ dnsmessage.Type, ttl uint32) dnsmessage.ResourceHeader {
	return dnsmessage.ResourceHeader{
		Name: dnsmessage.MustNewName(name), Type: typ, Class: dnsmessage.ClassINET, TTL: ttl,
	}
}

// a adds an A record to the answer, cname a CNAME; soa one to the authority
// section.
func a(name string, ttl uint32, ip ...byte) edit {
	return func(m *dnsmessage.Message) {
		m.Answers = append(m.Answers, dnsmessage.Resource{
			Header: header(name, dnsmessage.TypeA, ttl), Body: &dnsmessage.AResource{A: [4]byte(ip)},
		})
	}
}

func cname(name, to string, ttl uint32) edit {
	return func(m *dnsmessage.Message) {
		m.Answers = append(m.Answers, dnsmessage.Resource{
			Header: header(name, dnsmessage.TypeCNAME, ttl),
			Body:   &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName(to)},
		})
	}
}

func soa(zone string, ttl, minimum uint32) edit {
	return func(m *dnsmessage.Message) {
		m.Authorities = append(m.Authorities, dnsmessage.Resource{
			Header: header(zone, dnsmessage.TypeSOA, ttl),
			Body: &dnsmessage.SOAResource{
				NS: dnsmessage.MustNewName("ns." + strings.TrimPrefix(zone, ".")), MBox: dnsmessage.MustNewName("root."), MinTTL: minimum,
			},
		})
	}
}

// asked returns the queries so far.
func (n *fake) asked() []*fakeQuery {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]*fakeQuery(nil), n.queries...)
}

// receive takes a query in.
func (n *fake) receive(q *fakeQuery) {
	if q.msg.Unpack(q.raw) != nil {
		return
	}
	q.at = time.Now()
	n.mu.Lock()
	n.queries = append(n.queries, q)
	q.nth = len(n.queries)
	n.mu.Unlock()
	go n.answer(q)
}

// dial is exchangeConfig.dial.
func (n *fake) dial(_ context.Context, network, addr string) (net.Conn, error) {
	if network == "udp" {
		n.open.Add(1)
		return &fakeSocket{
			n: n, addr: addr, in: make(chan fakePacket, 70_000), closed: make(chan struct{}), changed: make(chan struct{}),
		}, nil
	}
	if n.refuse != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: n.refuse}
	}
	client, server := net.Pipe()
	n.open.Add(1)
	go n.serveStream(server, network, addr)
	return &fakeStream{client, sync.OnceFunc(func() { n.open.Add(-1) })}, nil
}

type fakeStream struct {
	net.Conn
	closed func()
}

func (s *fakeStream) Close() error { s.closed(); return s.Conn.Close() }

// serveStream serves one connection.
func (n *fake) serveStream(c net.Conn, network, addr string) {
	defer c.Close()
	for {
		var size [2]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		raw := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(c, raw); err != nil {
			return
		}
		n.receive(&fakeQuery{
			network: network, server: addr, raw: raw,
			send:   func(raw []byte) { c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(raw))), raw...)) },
			write:  func(raw []byte) { c.Write(raw) },
			hangUp: func() { c.Close() },
		})
	}
}

// fakeSocket is a connected UDP socket, but one that takes packets from
// everywhere.
type fakeSocket struct {
	n       *fake
	addr    string
	in      chan fakePacket
	once    sync.Once
	closed  chan struct{}
	mu      sync.Mutex
	due     time.Time
	changed chan struct{}
}

type fakePacket struct {
	from string
	raw  []byte
}

type fakeAddr string

func (fakeAddr) Network() string  { return "udp" }
func (a fakeAddr) String() string { return string(a) }

func (s *fakeSocket) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		s.mu.Lock()
		due, changed := s.due, s.changed
		s.mu.Unlock()
		var expired <-chan time.Time
		if !due.IsZero() {
			t := time.NewTimer(time.Until(due))
			defer t.Stop()
			expired = t.C
		}
		select {
		case k := <-s.in:
			return copy(p, k.raw), fakeAddr(k.from), nil
		case <-s.closed:
			return 0, nil, net.ErrClosed
		case <-expired:
			return 0, nil, os.ErrDeadlineExceeded
		case <-changed:
		}
	}
}

func (s *fakeSocket) Read(p []byte) (int, error) {
	n, _, err := s.ReadFrom(p)
	return n, err
}

func (s *fakeSocket) Write(p []byte) (int, error) {
	from := func(from string, raw []byte) {
		select {
		case s.in <- fakePacket{from, raw}:
		case <-s.closed:
		}
	}
	s.n.receive(&fakeQuery{
		network: "udp", server: s.addr, raw: append([]byte(nil), p...),
		send: func(raw []byte) { from(s.addr, raw) }, sendFrom: from,
	})
	return len(p), nil
}

func (s *fakeSocket) WriteTo(p []byte, _ net.Addr) (int, error) { return s.Write(p) }

func (s *fakeSocket) SetDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.due = t
	close(s.changed)
	s.changed = make(chan struct{})
	return nil
}

func (s *fakeSocket) SetReadDeadline(t time.Time) error { return s.SetDeadline(t) }
func (s *fakeSocket) SetWriteDeadline(time.Time) error  { return nil }
func (s *fakeSocket) LocalAddr() net.Addr               { return fakeAddr("127.0.0.1:1") }
func (s *fakeSocket) RemoteAddr() net.Addr              { return fakeAddr(s.addr) }

func (s *fakeSocket) Close() error {
	s.once.Do(func() { close(s.closed); s.n.open.Add(-1) })
	return nil
}

// exchange returns an exchange that asks the fake's servers ("10.0.0.1:53" and
// so on).
func (n *fake) exchange(servers int, edit ...func(*exchangeConfig)) *exchange {
	cfg := exchangeConfig{dial: n.dial, edns0: true}
	for i := range servers {
		cfg.servers = append(cfg.servers, "10.0.0."+string(rune('1'+i))+":53")
	}
	for _, e := range edit {
		e(&cfg)
	}
	x := new(exchange)
	x.configure(cfg)
	return x
}

// qa is the question for the address of a name.
func qa(name string) question { return question{name, dnsmessage.TypeA} }

// ipOf returns the address in a reply's only record.
func ipOf(t testing.TB, r *reply) string {
	t.Helper()
	if r == nil || len(r.records) != 1 {
		t.Fatalf("want one record, got %+v", r)
	}
	b := r.records[0].Body.(*dnsmessage.AResource)
	return net.IP(b.A[:]).String()
}

// quietLog returns a log that discards everything.
func quietLog() *log.Logger { return log.New(io.Discard, "", 0) }
