package dnsserver

import (
	"errors"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// Transport is how a query came.
type Transport string

// The transports of queries.
const (
	UDP   Transport = "udp"
	TCP   Transport = "tcp"
	TLS   Transport = "tls"   // DNS over TLS, RFC 7858
	HTTPS Transport = "https" // DNS over HTTPS, RFC 8484
)

// Query is a question that the server was asked.
type Query struct {
	Name      string          // lower case, with the dot at its end
	Type      dnsmessage.Type // A, AAAA ...
	Transport Transport
	Server    string            // the address that the client sent it to, "IP:PORT"
	Client    netip.AddrPort    // the address that it came from
	Header    dnsmessage.Header // its ID, and the flags RD, AD and CD
	UDPSize   int               // the size of UDP answers that it offered by EDNS0, in bytes; 0: no EDNS0
	Time      time.Time         // when it came

	question *dnsmessage.Question // as it was spelled; nil in a journal
	version  byte                 // of EDNS
}

// readQuery reads a message. Without ok there is nothing to answer. A query
// that cannot be understood has an rcode other than success.
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

// rcodeBadVersion is the extended rcode of RFC 6891 for an EDNS version that is
// not known.
const rcodeBadVersion = dnsmessage.RCode(16)

// refusal is the rcode for what is asked well but not answered: other classes
// than the Internet's, and ANY, as RFC 8482 allows.
func (q *Query) refusal() dnsmessage.RCode {
	switch {
	case q.version > 0:
		return rcodeBadVersion
	case q.question.Class != dnsmessage.ClassINET || q.Type == dnsmessage.TypeALL:
		return dnsmessage.RCodeRefused
	}
	return dnsmessage.RCodeSuccess
}

// Match picks queries. Fields that are zero match all.
type Match struct {
	Name      string          // in any case, with or without the dot at its end; "*.example." is all below example
	Type      dnsmessage.Type // A, AAAA ...
	Transport Transport
	Server    string // the address that the client sent it to, "IP:PORT"
}

// normal is the match with its name as queries have it.
func (m Match) normal() Match {
	m.Name = lower(m.Name)
	if m.Name != "" && !strings.HasSuffix(m.Name, ".") {
		m.Name += "."
	}
	return m
}

// takes reports whether a normal match picks the query.
func (m Match) takes(q *Query) bool {
	below, wild := strings.CutPrefix(m.Name, "*")
	return (m.Name == "" || m.Name == q.Name || wild && strings.HasSuffix(q.Name, below)) &&
		(m.Type == 0 || m.Type == q.Type) &&
		(m.Transport == "" || m.Transport == q.Transport) &&
		(m.Server == "" || m.Server == q.Server)
}
