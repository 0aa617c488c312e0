package dnsserver

import (
	"errors"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// Transport is the transport of a query.
type Transport string

// The transports of queries.
const (
	UDP   Transport = "udp"
	TCP   Transport = "tcp"
	TLS   Transport = "tls"   // DNS over TLS, RFC 7858
	HTTPS Transport = "https" // DNS over HTTPS, RFC 8484
)

// Query is a query that the server has received.
type Query struct {
	Name      string          // in lower case, with a trailing dot
	Type      dnsmessage.Type // A, AAAA ...
	Transport Transport
	// the address that the client sent it to, "IP:PORT"
	Server string
	Client netip.AddrPort    // the address that the client sent it from
	Header dnsmessage.Header // ID and flags
	// the size of UDP answers that the client announced by EDNS0, in bytes; 0:
	// no EDNS0
	UDPSize int
	Time    time.Time // when it arrived

	question *dnsmessage.Question // spelled as received; nil in a journal
	version  byte                 // of EDNS
}

// readQuery parses a message. If ok is false, the message must not be answered.
// If it is not a query that the server answers, rcode is the error.
func readQuery(msg []byte) (q Query, rcode dnsmessage.RCode, ok bool) {
	var p dnsmessage.Parser
	h, err := p.Start(msg)
	if err != nil || h.Response {
		return q, 0, false
	}
	q.Header = h
	if h.OpCode != 0 {
		return q, dnsmessage.RCodeNotImplemented, true
	}
	questions, err := p.AllQuestions()
	if err != nil || len(questions) != 1 {
		return q, dnsmessage.RCodeFormatError, true
	}
	q.question = &questions[0]
	q.Name, q.Type = lower(q.question.Name.String()), q.question.Type
	if p.SkipAllAnswers() != nil || p.SkipAllAuthorities() != nil {
		return q, dnsmessage.RCodeFormatError, true
	}
	for {
		rh, err := p.AdditionalHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			return q, q.refusal(), true
		}
		if err != nil || p.SkipAdditional() != nil || rh.Type == dnsmessage.TypeOPT && q.UDPSize > 0 {
			return q, dnsmessage.RCodeFormatError, true
		}
		if rh.Type == dnsmessage.TypeOPT {
			q.UDPSize = max(int(rh.Class), 512)
			q.version = byte(rh.TTL >> 16)
		}
	}
}

// rcodeBadVersion is the extended rcode for an unknown version of EDNS (RFC
// 6891).
const rcodeBadVersion = dnsmessage.RCode(16)

// refusal returns the rcode for well-formed queries that the server does not
// answer: other versions of EDNS, other classes than IN, and ANY (RFC 8482).
func (q *Query) refusal() dnsmessage.RCode {
	switch {
	case q.version > 0:
		return rcodeBadVersion
	case q.question.Class != dnsmessage.ClassINET || q.Type == dnsmessage.TypeALL:
		return dnsmessage.RCodeRefused
	}
	return dnsmessage.RCodeSuccess
}

// Match selects queries. Zero fields match all queries.
type Match struct {
	// case and a trailing dot do not matter; "*.example." matches all names
	// below example
	Name      string
	Type      dnsmessage.Type // A, AAAA ...
	Transport Transport
	Server    string // the address that the client sent it to, "IP:PORT"
}

// normal returns the match with its name in the form of Query.Name.
func (m Match) normal() Match {
	m.Name = lower(m.Name)
	if m.Name != "" && !strings.HasSuffix(m.Name, ".") {
		m.Name += "."
	}
	return m
}

// takes reports whether a normal match matches the query.
func (m Match) takes(q *Query) bool {
	below, wild := strings.CutPrefix(m.Name, "*")
	return (m.Name == "" || m.Name == q.Name || wild && strings.HasSuffix(q.Name, below)) &&
		(m.Type == 0 || m.Type == q.Type) &&
		(m.Transport == "" || m.Transport == q.Transport) &&
		(m.Server == "" || m.Server == q.Server)
}
