package dnsserver

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// defaultTTL is the TTL of records without one, in seconds.
const defaultTTL = 300

// ZoneError says what is wrong in a zone's text, and where.
type ZoneError struct {
	Line int // counted from 1
	Err  error
}

// Error returns the line and what is wrong in it.
func (e *ZoneError) Error() string { return fmt.Sprintf("dnsserver: zone line %d: %v", e.Line, e.Err) }

// Unwrap returns what is wrong.
func (e *ZoneError) Unwrap() error { return e.Err }

// A parser is the state between the entries of a zone.
type parser struct {
	zone   *zone
	origin string
	owner  string // of the entry before, "" before the first
	ttl    uint32
}

// parseZone reads a zone's text. Errors are a *ZoneError.
func parseZone(text string) (*zone, error) {
	entries, err := scan(text)
	if err != nil {
		return nil, err
	}
	p := &parser{zone: &zone{nodes: map[string]*node{}}, origin: ".", ttl: defaultTTL}
	for _, e := range entries {
		if err := p.entry(e); err != nil {
			return nil, &ZoneError{Line: e.line, Err: err}
		}
	}
	if p.zone.soas == 0 {
		p.zone.add(".", impliedSOA(p.ttl))
	}
	return p.zone, nil
}

// impliedSOA makes a text without any SOA the zone of everything, so that names
// that are not in it do not exist.
func impliedSOA(ttl uint32) record {
	return record{ttl, dnsmessage.TypeSOA, &dnsmessage.SOAResource{
		NS: dnsmessage.MustNewName("ns.invalid."), MBox: dnsmessage.MustNewName("hostmaster.invalid."),
		Serial: 1, Refresh: 7200, Retry: 900, Expire: 86400, MinTTL: ttl,
	}}
}

// entry takes in a directive or record.
func (p *parser) entry(e entry) error {
	words := e.words
	if first := words[0]; !e.indented && !first.quoted && strings.HasPrefix(first.text, "$") {
		return p.directive(first.text, words[1:])
	}
	if !e.indented {
		owner, err := p.name(words[0])
		if err != nil {
			return err
		}
		p.owner, words = lower(owner), words[1:]
	}
	if p.owner == "" {
		return errors.New("the first record needs an owner: begin the line with a name, or with \"@\" for the origin")
	}
	return p.record(words)
}

// directive obeys $ORIGIN and $TTL.
func (p *parser) directive(name string, args []token) error {
	if len(args) != 1 {
		return fmt.Errorf("%s takes one argument, here are %d", name, len(args))
	}
	var err error
	switch strings.ToUpper(name) {
	case "$ORIGIN":
		p.origin, err = p.name(args[0])
	case "$TTL":
		p.ttl, err = ttl(args[0].text)
	default:
		err = fmt.Errorf("unknown directive %q: there are $ORIGIN and $TTL", name)
	}
	return err
}

// record takes in "[TTL] [IN] TYPE DATA...", or with the first two the other
// way round.
func (p *parser) record(words []token) error {
	r := record{ttl: p.ttl}
	for range 2 {
		if len(words) == 0 {
			break
		}
		if strings.EqualFold(words[0].text, "IN") {
			words = words[1:]
		} else if t, err := ttl(words[0].text); err == nil {
			r.ttl, words = t, words[1:]
		}
	}
	if len(words) == 0 {
		return fmt.Errorf("%s has no type: write NAME [TTL] TYPE DATA", p.owner)
	}
	name := strings.ToUpper(words[0].text)
	form, ok := forms[name]
	if !ok {
		return fmt.Errorf("unknown type %q: there are %s", words[0].text, knownTypes())
	}
	body, err := form.parse(p, words[1:])
	if err != nil {
		return fmt.Errorf("%s of %s: %w", name, p.owner, err)
	}
	r.typ, r.body = form.typ, body
	return p.add(r)
}

// add adds the record to the zone unless it contradicts the records there.
func (p *parser) add(r record) error {
	n := p.zone.node(p.owner)
	for _, other := range n.records {
		if (other.typ == dnsmessage.TypeCNAME) != (r.typ == dnsmessage.TypeCNAME) {
			return fmt.Errorf("%s has a CNAME and other records: a CNAME stands alone", p.owner)
		}
		if other.typ == r.typ && (r.typ == dnsmessage.TypeCNAME || r.typ == dnsmessage.TypeSOA) {
			return fmt.Errorf("%s has two %s records: there can be one", p.owner, typeName(r.typ))
		}
	}
	p.zone.add(p.owner, r)
	return nil
}

// name reads a name, which without a dot at its end is below the origin, as a
// fully qualified one. Case stays as it is.
func (p *parser) name(w token) (string, error) {
	s := w.text
	if s == "@" {
		return p.origin, nil
	}
	if strings.ContainsRune(s, '\\') {
		return "", fmt.Errorf("name %q has a backslash: escapes in names are not supported", s)
	}
	if s == "" {
		return "", errors.New("a name is empty: write \"@\" for the origin")
	}
	if !strings.HasSuffix(s, ".") {
		s = child(s, p.origin)
	}
	if s == "." {
		return s, nil
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		if label == "" || len(label) > 63 {
			return "", fmt.Errorf("name %q has a label of %d bytes: 1 to 63 are allowed", s, len(label))
		}
	}
	if len(s) > 254 {
		return "", fmt.Errorf("name %q has %d bytes: 254 are allowed", s, len(s))
	}
	return s, nil
}

// ttl reads a time in seconds, or with units as in 1h30m.
func ttl(s string) (uint32, error) {
	units := map[byte]uint64{'s': 1, 'm': 60, 'h': 3600, 'd': 86400, 'w': 604800}
	bad := fmt.Errorf("%q is no time: write seconds, or units as in 1h30m", s)
	var sum uint64
	for rest := lower(s); ; {
		i := 0
		for i < len(rest) && digit(rest[i]) {
			i++
		}
		n, err := strconv.ParseUint(rest[:i], 10, 32)
		if err != nil {
			return 0, bad
		}
		unit := uint64(1)
		if rest = rest[i:]; rest != "" {
			unit, rest = units[rest[0]], rest[1:]
		}
		if sum += n * unit; unit == 0 || sum > 1<<32-1 {
			return 0, bad
		}
		if rest == "" {
			return uint32(sum), nil
		}
	}
}

// knownTypes lists the types that a zone may have.
func knownTypes() string {
	var names []string
	for name := range forms {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// typeName is the type as a zone has it: A, not TypeA.
func typeName(typ dnsmessage.Type) string {
	for name, f := range forms {
		if f.typ == typ {
			return name
		}
	}
	return fmt.Sprintf("TYPE%d", uint16(typ))
}
