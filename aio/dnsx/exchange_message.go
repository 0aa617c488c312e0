package dnsx

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// maxChain is how many CNAMEs are followed for a question.
const maxChain = 16

var (
	errTruncated = errors.New("the answer is truncated")
	errMalformed = errors.New("the message is malformed")
	errLame      = errors.New("a lame server: it neither has the zone nor recurses")
	errLoop      = errors.New("a CNAME leads back to an earlier name")
	errLong      = errors.New("more than 16 CNAMEs")
)

// message is what a DNS message says about a question: the records at the end
// of the chain of CNAMEs that begins at the question's name. The rest of the
// message is not trusted, and dropped.
type message struct {
	records []dnsmessage.Resource
	chain   []string // the targets of the CNAMEs
	rcode   dnsmessage.RCode
	// in seconds; for a negative answer by RFC 2308, and 0 without an SOA
	ttl uint32
	// the message does not tell whether the end of the chain has records
	open bool
	ad   bool
	size int // in bytes
}

// parseMessage parses a message that answers q.
func parseMessage(msg []byte, q question) (message, error) {
	var p dnsmessage.Parser
	h, err := p.Start(msg)
	if err != nil {
		return message{}, malformed(err)
	}
	if err := p.SkipAllQuestions(); err != nil {
		return message{}, malformed(err)
	}
	a := message{rcode: h.RCode, ad: h.AuthenticData, ttl: math.MaxUint32, size: len(msg)}
	found, err := relevant(&p, q.typ)
	if err != nil {
		return message{}, malformed(err)
	}
	if p2 := p; h.RCode != dnsmessage.RCodeSuccess || len(found) == 0 {
		a.rcode = extendedRCode(&p2, h.RCode)
	}
	if a.rcode != dnsmessage.RCodeSuccess && a.rcode != dnsmessage.RCodeNameError {
		return a, nil
	}
	name, err := a.follow(q, found)
	if err != nil {
		return message{}, err
	}
	if a.rcode == dnsmessage.RCodeSuccess {
		a.pick(name, q.typ, found)
	}
	if len(a.records) == 0 {
		// even over TCP: the records may be missing
		if h.Truncated && a.rcode == dnsmessage.RCodeSuccess {
			return message{}, malformed(errTruncated)
		}
		return a, a.denial(&p, h, name)
	}
	return a, nil
}

// malformed returns the error of a malformed message.
func malformed(err error) error { return fmt.Errorf("%w: %w", errMalformed, err) }

// relevant returns the answer section's records of the given type, and its
// CNAME records.
func relevant(p *dnsmessage.Parser, typ dnsmessage.Type) ([]dnsmessage.Resource, error) {
	var found []dnsmessage.Resource
	for {
		h, err := p.AnswerHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		if h.Class != dnsmessage.ClassINET || h.Type != typ && h.Type != dnsmessage.TypeCNAME {
			if err := p.SkipAnswer(); err != nil {
				return nil, err
			}
			continue
		}
		r := dnsmessage.Resource{Header: h}
		if r.Body, err = body(p, h.Type); err != nil {
			return nil, err
		}
		if r.Header.TTL > math.MaxInt32 {
			r.Header.TTL = 0 // RFC 2181, section 8
		}
		found = append(found, r)
	}
}

// body returns the body of the record whose header was read. It parses the most
// common types itself, because Parser.Answer has a stack frame with room for
// all types.
func body(p *dnsmessage.Parser, typ dnsmessage.Type) (dnsmessage.ResourceBody, error) {
	switch typ {
	case dnsmessage.TypeA:
		b, err := p.AResource()
		return &b, err
	case dnsmessage.TypeAAAA:
		b, err := p.AAAAResource()
		return &b, err
	case dnsmessage.TypeCNAME:
		b, err := p.CNAMEResource()
		return &b, err
	}
	r, err := p.Answer()
	return r.Body, err
}

// follow sets the chain of CNAMEs that begins at the question's name, and
// returns the name at its end.
func (a *message) follow(q question, found []dnsmessage.Resource) (string, error) {
	name := q.name
	if q.typ == dnsmessage.TypeCNAME {
		return name, nil
	}
	for {
		r := cnameOf(name, found)
		if r == nil {
			return name, nil
		}
		to := r.Body.(*dnsmessage.CNAMEResource).CNAME
		name = strings.ToLower(to.String())
		if err := extend(&a.chain, q.name, name); err != nil {
			return "", err
		}
		a.ttl = min(a.ttl, r.Header.TTL)
	}
}

// extend appends a name to the chain that begins at first.
func extend(chain *[]string, first, name string) error {
	if name == first {
		return errLoop
	}
	for _, n := range *chain {
		if n == name {
			return errLoop
		}
	}
	if len(*chain) == maxChain {
		return errLong
	}
	*chain = append(*chain, name)
	return nil
}

// cnameOf returns the CNAME record of a name, or nil.
func cnameOf(name string, found []dnsmessage.Resource) *dnsmessage.Resource {
	for i := range found {
		if r := &found[i]; r.Header.Type == dnsmessage.TypeCNAME && named(&r.Header.Name, name) {
			return r
		}
	}
	return nil
}

// pick sets the records, those found of the name and type. It uses found's
// array.
func (a *message) pick(name string, typ dnsmessage.Type, found []dnsmessage.Resource) {
	records := found[:0]
	for i := range found {
		if r := &found[i]; r.Header.Type == typ && named(&r.Header.Name, name) {
			a.ttl = min(a.ttl, r.Header.TTL)
			records = append(records, *r)
		}
	}
	if len(records) > 0 {
		clear(found[len(records):])
		a.records = records
	}
}

// denial reads how long an answer without records holds from the SOA in the
// authority section (RFC 2308, section 5). Without an SOA, a server that is
// neither authoritative nor recursive has said nothing about the name: it is
// lame, whether or not it refers to other servers by NS records (RFC 1912,
// section 2.8), and another server has to be asked.
func (a *message) denial(p *dnsmessage.Parser, h dnsmessage.Header, name string) error {
	soa := false
	for !soa {
		rh, err := p.AuthorityHeader()
		if err != nil {
			break
		}
		if rh.Type != dnsmessage.TypeSOA || rh.Class != dnsmessage.ClassINET || !within(name, &rh.Name) {
			if p.SkipAuthority() != nil {
				break
			}
			continue
		}
		body, err := p.SOAResource()
		if err != nil {
			break
		}
		soa = true
		if ttl := min(rh.TTL, body.MinTTL); ttl <= math.MaxInt32 {
			a.ttl = min(a.ttl, ttl)
		} else {
			a.ttl = 0
		}
	}
	if soa {
		return nil
	}
	if a.rcode == dnsmessage.RCodeSuccess && len(a.chain) > 0 {
		a.open = true
		return nil
	}
	a.ttl = 0 // the cache does not keep it
	if a.rcode == dnsmessage.RCodeSuccess && !h.Authoritative && !h.RecursionAvailable {
		return errLame
	}
	return nil
}

// extendedRCode returns the response code together with its upper bits in the
// OPT record. It parses the message to its end.
func extendedRCode(p *dnsmessage.Parser, rcode dnsmessage.RCode) dnsmessage.RCode {
	if p.SkipAllAuthorities() != nil {
		return rcode
	}
	for {
		h, err := p.AdditionalHeader()
		if err != nil {
			return rcode
		}
		if h.Type == dnsmessage.TypeOPT {
			return h.ExtendedRCode(rcode)
		}
		if p.SkipAdditional() != nil {
			return rcode
		}
	}
}

// named reports whether n is the name, regardless of case.
func named(n *dnsmessage.Name, name string) bool {
	if int(n.Length) != len(name) {
		return false
	}
	for i := range len(name) {
		if lower(n.Data[i]) != lower(name[i]) {
			return false
		}
	}
	return true
}

// within reports whether the name is the zone's, or is below it.
func within(name string, zone *dnsmessage.Name) bool {
	n := len(name) - int(zone.Length)
	if zone.Length == 1 { // the root
		return true
	}
	return n >= 0 && named(zone, name[n:]) && (n == 0 || name[n-1] == '.')
}
