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

// ZoneError is an error in the text of a zone.
type ZoneError struct {
	Line int // counted from 1
	Err  error
}

// Error returns the line and the error.
func (e *ZoneError) Error() string { return fmt.Sprintf("dnsserver: zone line %d: %v", e.Line, e.Err) }

// Unwrap returns Err.
func (e *ZoneError) Unwrap() error { return e.Err }

// parser holds the state between the entries of a zone.
type parser struct {
	zone   *zone
	origin string
	owner  string // of the entry before, "" before the first
	ttl    uint32
}

// parseZone parses the text of a zone. Errors are a *ZoneError.
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

// impliedSOA returns the SOA of the root for a text without any SOA.
func impliedSOA(ttl uint32) record {
	return record{ttl, dnsmessage.TypeSOA, &dnsmessage.SOAResource{
		NS: dnsmessage.MustNewName("ns.invalid."), MBox: dnsmessage.MustNewName("hostmaster.invalid."),
		Serial: 1, Refresh: 7200, Retry: 900, Expire: 86400, MinTTL: ttl,
	}}
}

// entry parses a directive or record.
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
		return errors.New("the first record has no owner: begin the line with a name, or with \"@\" for the origin")
	}
	return p.record(words)
}

// directive executes $ORIGIN and $TTL.
func (p *parser) directive(name string, args []token) error {
	if len(args) != 1 {
		return fmt.Errorf("%s takes one argument, got %d", name, len(args))
	}
	var err error
	switch strings.ToUpper(name) {
	case "$ORIGIN":
		p.origin, err = p.name(args[0])
	case "$TTL":
		p.ttl, err = ttl(args[0].text)
	default:
		err = fmt.Errorf("unknown directive %q: want $ORIGIN or $TTL", name)
	}
	return err
}

// record parses "[TTL] [IN] TYPE DATA...". IN may also come before the TTL.
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
		return fmt.Errorf("%s has no type: want NAME [TTL] TYPE DATA", p.owner)
	}
	name := strings.ToUpper(words[0].text)
	form, ok := forms[name]
	if !ok {
		return fmt.Errorf("unknown type %q: want one of %s", words[0].text, knownTypes())
	}
	body, err := form.parse(p, words[1:])
	if err != nil {
		return fmt.Errorf("%s of %s: %w", name, p.owner, err)
	}
	r.typ, r.body = form.typ, body
	return p.add(r)
}

// add adds the record to the zone, unless it conflicts with others of the name.
func (p *parser) add(r record) error {
	n := p.zone.node(p.owner)
	for _, other := range n.records {
		if (other.typ == dnsmessage.TypeCNAME) != (r.typ == dnsmessage.TypeCNAME) {
			return fmt.Errorf("%s has a CNAME and other records: a CNAME must be the only record", p.owner)
		}
		if other.typ == r.typ && (r.typ == dnsmessage.TypeCNAME || r.typ == dnsmessage.TypeSOA) {
			return fmt.Errorf("%s has two %s records, want at most one", p.owner, typeName(r.typ))
		}
	}
	p.zone.add(p.owner, r)
	return nil
}

// name parses a name. The result has a trailing dot. A name without one is
// relative to the origin. The case does not change.
func (p *parser) name(w token) (string, error) {
	s := w.text
	if s == "@" {
		return p.origin, nil
	}
	if strings.ContainsRune(s, '\\') {
		return "", fmt.Errorf("name %q has a backslash: escapes in names are not supported", s)
	}
	if s == "" {
		return "", errors.New("a name is empty: use \"@\" for the origin")
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

// ttl parses a time in seconds, or with units as in 1h30m.
func ttl(s string) (uint32, error) {
	units := map[byte]uint64{'s': 1, 'm': 60, 'h': 3600, 'd': 86400, 'w': 604800}
	bad := fmt.Errorf("%q is not a time: want seconds, or units as in 1h30m", s)
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

// knownTypes returns the names of the types that a zone may have.
func knownTypes() string {
	var names []string
	for name := range forms {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// typeName returns the name of a type, such as A.
func typeName(typ dnsmessage.Type) string {
	for name, f := range forms {
		if f.typ == typ {
			return name
		}
	}
	return fmt.Sprintf("TYPE%d", uint16(typ))
}
