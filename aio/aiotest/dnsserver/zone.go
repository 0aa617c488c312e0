package dnsserver

import (
	"slices"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// typeCAA is the type of CAA records (RFC 8659).
const typeCAA = dnsmessage.Type(257)

// zone holds the records of all zones of a server, by name. It is immutable
// after parsing.
type zone struct {
	nodes map[string]*node // lower case, fully qualified
	soas  int              // number of SOA records
}

// node is a name that exists, because it has records, or a name below it has.
type node struct {
	records []record
}

// record is a record without its owner.
type record struct {
	ttl  uint32
	typ  dnsmessage.Type
	body dnsmessage.ResourceBody
}

// found is the result of a look-up in a zone.
type found struct {
	records []owned // the chain of CNAMEs, then the records asked for
	// of the zone of the last name, if that has no records of the type
	soa   *owned
	rcode dnsmessage.RCode
}

// owned is a record with the owner that it has in the answer.
type owned struct {
	name string
	record
}

// maxChain is the number of CNAMEs that are followed.
const maxChain = 16

// lookup looks up a name in lower case, with a trailing dot.
func (z *zone) lookup(name string, typ dnsmessage.Type) found {
	var f found
	for len(f.records) < maxChain && !f.has(name) {
		apex, soa := z.soaOf(name)
		if soa == nil {
			if len(f.records) == 0 {
				f.rcode = dnsmessage.RCodeRefused
			}
			return f // the client follows a chain that leaves the zones
		}
		n := z.find(name)
		if n == nil {
			f.rcode = dnsmessage.RCodeNameError
			f.soa = &owned{apex, *soa}
			return f
		}
		if n.answer(&f, name, typ) {
			return f
		}
		alias := n.first(dnsmessage.TypeCNAME)
		if alias == nil {
			f.soa = &owned{apex, *soa}
			return f
		}
		f.records = append(f.records, owned{name, *alias})
		name = lower(alias.body.(*dnsmessage.CNAMEResource).CNAME.String())
	}
	return f
}

// has reports whether there is a record of the name already, which means that
// the chain is a loop.
func (f *found) has(name string) bool {
	return slices.ContainsFunc(f.records, func(r owned) bool { return r.name == name })
}

// answer appends the node's records of the type to f and reports whether it has
// any.
func (n *node) answer(f *found, name string, typ dnsmessage.Type) bool {
	has := false
	for _, r := range n.records {
		if r.typ == typ {
			f.records = append(f.records, owned{name, r})
			has = true
		}
	}
	return has
}

// first returns the node's first record of the type, or nil.
func (n *node) first(typ dnsmessage.Type) *record {
	for i := range n.records {
		if n.records[i].typ == typ {
			return &n.records[i]
		}
	}
	return nil
}

// find returns the node of the name, or of the wildcard below its closest
// ancestor that exists (RFC 4592). It returns nil if the name does not exist.
func (z *zone) find(name string) *node {
	if n := z.nodes[name]; n != nil {
		return n
	}
	for up, ok := parent(name); ok; up, ok = parent(up) {
		if z.nodes[up] != nil {
			return z.nodes[child("*", up)]
		}
	}
	return nil
}

// soaOf returns the SOA of the name's zone, and its owner. The SOA is nil if
// the name is in no zone.
func (z *zone) soaOf(name string) (apex string, soa *record) {
	for up, ok := name, true; ok; up, ok = parent(up) {
		if n := z.nodes[up]; n != nil {
			if soa := n.first(dnsmessage.TypeSOA); soa != nil {
				return up, soa
			}
		}
	}
	return "", nil
}

// add adds a record. The names above it exist from then on.
func (z *zone) add(name string, r record) {
	n := z.node(name)
	n.records = append(n.records, r)
	if r.typ == dnsmessage.TypeSOA {
		z.soas++
	}
}

// node returns the node of a name. If there is none, it makes one, and those of
// the names above.
func (z *zone) node(name string) *node {
	n := z.nodes[name]
	if n == nil {
		n = new(node)
		z.nodes[name] = n
		if up, ok := parent(name); ok {
			z.node(up)
		}
	}
	return n
}

// parent returns a name without its first label. The root has no parent.
func parent(name string) (string, bool) {
	if name == "." {
		return "", false
	}
	_, up, _ := strings.Cut(name, ".")
	if up == "" {
		return ".", true
	}
	return up, true
}

// child puts a label before a name.
func child(label, name string) string {
	if name == "." {
		return label + "."
	}
	return label + "." + name
}
