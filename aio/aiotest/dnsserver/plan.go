package dnsserver

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// plan is what the server does in response to a query.
type plan struct {
	delay    time.Duration
	messages [][]byte // in the order in which they are sent
	right    []byte   // the right answer, sent after them; nil: none
	other    bool     // the messages, except right, come from another port
	length   *uint16  // that a stream announces; nil: the right one
	half     bool     // only half of each message is sent
	status   int      // of HTTP
	hangup   bool
	reset    bool
}

// origin is where a query came from.
type origin struct {
	transport Transport
	server    string
	client    netip.AddrPort
}

// plan returns the plan for a message, or nil if it is not answered.
func (s *Server) plan(msg []byte, from origin) *plan {
	q, rcode, ok := readQuery(msg)
	if !ok {
		return nil
	}
	q.Transport, q.Server, q.Client, q.Time = from.transport, from.server, from.client, time.Now()
	var f Fault
	if q.Name != "" {
		s.journal.note(&q)
		f = s.faults.take(&q)
	}
	p := &plan{
		delay: f.Delay, other: f.OtherPort, length: f.Length, half: f.Half, status: f.Status,
		hangup: f.Hangup, reset: f.Reset,
	}
	if f.Drop {
		return p
	}
	z := s.zone.Load()
	if f.AnswerToo {
		p.right = s.packed(z.answer(&q, rcode), &q)
	}
	m := z.answer(&q, rcode)
	f.change(m, &q)
	p.messages = f.replace(s.packed(m, &q), &q)
	return p
}

// packed packs a message. If that fails, or the message is too long, it packs a
// server failure instead.
func (s *Server) packed(m *dnsmessage.Message, q *Query) []byte {
	b, err := pack(m, q, s.udpSize())
	if err == nil && len(b) <= maxMessage {
		return b
	}
	m = &dnsmessage.Message{Header: m.Header, Questions: m.Questions}
	m.RCode = dnsmessage.RCodeServerFailure
	if b, err = m.Pack(); err != nil {
		// it was unpacked before
		panic(fmt.Sprintf("dnsserver: a question does not pack: %v", err))
	}
	return b
}

// change applies the fault to an answer before it is packed.
func (f *Fault) change(m *dnsmessage.Message, q *Query) {
	if f.RCode != 0 {
		m.RCode, m.Answers, m.Authorities = f.RCode, nil, nil
	}
	for i := range f.Extra {
		m.Answers = append(m.Answers, extra(q.question, i))
	}
	if f.TTL != nil {
		for _, section := range [][]dnsmessage.Resource{m.Answers, m.Authorities} {
			for i := range section {
				section[i].Header.TTL = *f.TTL
			}
		}
	}
	if f.WrongQuestion && len(m.Questions) > 0 {
		wrong := dnsmessage.MustNewName("wrong-question.invalid.")
		for i := range m.Answers {
			if m.Answers[i].Header.Name == m.Questions[0].Name {
				m.Answers[i].Header.Name = wrong
			}
		}
		m.Questions = slices.Clone(m.Questions)
		m.Questions[0].Name = wrong
	}
	m.Truncated = f.Truncate && q.Transport == UDP
	if f.WrongID {
		m.ID ^= 0x5555
	}
}

// extra returns the i-th additional record.
func extra(q *dnsmessage.Question, i int) dnsmessage.Resource {
	r := dnsmessage.Resource{Header: dnsmessage.ResourceHeader{
		Name: q.Name, Type: q.Type, Class: dnsmessage.ClassINET, TTL: defaultTTL,
	}}
	a, b, c := byte(i>>16), byte(i>>8), byte(i)
	switch q.Type {
	case dnsmessage.TypeAAAA:
		r.Body = &dnsmessage.AAAAResource{AAAA: [16]byte{0x20, 0x01, 0x0d, 0xb8, 13: a, 14: b, 15: c}}
	case dnsmessage.TypeTXT:
		r.Body = &dnsmessage.TXTResource{TXT: []string{fmt.Sprintf("extra %d", i)}}
	default:
		r.Header.Type = dnsmessage.TypeA
		r.Body = &dnsmessage.AResource{A: [4]byte{10, a, b, c}}
	}
	return r
}

// replace returns the messages that are sent instead of a packed answer.
func (f *Fault) replace(answer []byte, q *Query) [][]byte {
	switch {
	case f.Garbage:
		answer = garbage(answer)
	case f.Loop:
		answer = loop(answer)
	}
	if f.Answer != nil {
		return f.Answer(*q, answer)
	}
	return [][]byte{answer}
}

// headerLen is the length of a message's header, in bytes.
const headerLen = 12

// garbage returns an answer's ID and flags, followed by bytes that are not DNS.
func garbage(answer []byte) []byte {
	b := slices.Clone(answer[:4])
	for i := range max(len(answer), 64) - 4 {
		b = append(b, byte(0xff-i*7))
	}
	return b
}

// loop returns an answer with the header and question, and a record whose name
// is a compression pointer to itself.
func loop(answer []byte) []byte {
	b := slices.Clone(answer[:headerLen])
	end := headerLen
	for end < len(answer) && answer[end] != 0 {
		end += int(answer[end]) + 1
	}
	b = append(b, answer[headerLen:min(end+5, len(answer))]...)
	copy(b[4:], []byte{0, 1, 0, 1, 0, 0, 0, 0})
	b = binary.BigEndian.AppendUint16(b, 0xc000|uint16(len(b)))
	b = append(b, 0, byte(dnsmessage.TypeA), 0, byte(dnsmessage.ClassINET), 0, 0, 1, 44, 0, 4)
	return append(b, 192, 0, 2, 1)
}
