package dnsserver

import (
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// maxMessage is the size of the largest DNS message, in bytes.
const maxMessage = 65535

// answer returns the answer to a query, or the error rcode.
func (z *zone) answer(q *Query, rcode dnsmessage.RCode) *dnsmessage.Message {
	m := &dnsmessage.Message{Header: dnsmessage.Header{
		ID: q.Header.ID, Response: true, OpCode: q.Header.OpCode, RecursionDesired: q.Header.RecursionDesired,
		RecursionAvailable: q.Header.RecursionDesired, CheckingDisabled: q.Header.CheckingDisabled, RCode: rcode,
	}}
	if q.Name == "" {
		return m
	}
	m.Questions = []dnsmessage.Question{*q.question}
	if rcode == dnsmessage.RCodeSuccess {
		f := z.lookup(q.Name, q.Type)
		m.RCode = f.rcode
		m.Authoritative = f.rcode != dnsmessage.RCodeRefused
		for _, r := range f.records {
			m.Answers = append(m.Answers, r.resource(q.question))
		}
		if f.soa != nil {
			m.Authorities = append(m.Authorities, f.soa.resource(q.question))
		}
	}
	return m
}

// resource returns the record as it is sent. If its owner is the name in the
// question, it is spelled as there.
func (r owned) resource(q *dnsmessage.Question) dnsmessage.Resource {
	name := q.Name
	if !strings.EqualFold(name.String(), r.name) {
		name = dnsmessage.MustNewName(r.name)
	}
	return dnsmessage.Resource{
		Header: dnsmessage.ResourceHeader{Name: name, Type: r.typ, Class: dnsmessage.ClassINET, TTL: r.ttl},
		Body:   r.body,
	}
}

// pack packs a message, with EDNS0 if the query has it. If a message for UDP is
// too long, it is truncated, and has no records. udpSize is the largest size
// that the server sends by UDP.
func pack(m *dnsmessage.Message, q *Query, udpSize int) ([]byte, error) {
	limit := min(max(q.UDPSize, 512), udpSize)
	rcode := m.RCode
	m.RCode &= 0xf
	defer func() { m.RCode = rcode }()
	if q.UDPSize > 0 {
		var h dnsmessage.ResourceHeader
		if err := h.SetEDNS0(udpSize, rcode, false); err != nil {
			return nil, err
		}
		m.Additionals = []dnsmessage.Resource{{Header: h, Body: &dnsmessage.OPTResource{}}}
	}
	b, err := m.Pack()
	if err != nil || q.Transport != UDP || len(b) <= limit && !m.Truncated {
		return b, err
	}
	short := *m
	short.Truncated, short.Answers, short.Authorities = true, nil, nil
	return short.Pack()
}
